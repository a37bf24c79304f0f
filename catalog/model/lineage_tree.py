"""Lineage across commits: a table, the commits that wrote it, and what these read; pure values."""

from collections.abc import Iterator, Mapping
from typing import Literal

from catalog.dataclasses import dataclass
from catalog.model.lineage import LineageEntry
from catalog.model.listings import CommitInfo

Note = Literal["", "gone", "again", "deep"]
"""Why a table is not followed: it is gone, it is somewhere else in the tree, or it is too deep."""


@dataclass(frozen=True, slots=True)
class TableWrite:
    """A commit that wrote a table.

    Attributes:
        commit: The commit.
        entry: What it recorded about where the rows come from; None if nothing.
        inputs: The other tables that it read.
    """

    commit: CommitInfo
    entry: LineageEntry | None = None
    inputs: tuple["TableNode", ...] = ()


@dataclass(frozen=True, slots=True)
class TableNode:
    """A table as it was read.

    Attributes:
        table: Its name.
        commit: The commit at which it was read.
        columns: The columns that took part; None if all did, or that is not known.
        writes: The commits that its rows come from, the last one first.
        changed: Whether it has other rows at the ref that was asked about, or is not there.
        note: Why it is not followed further; empty if it is.
        more: Whether there are older writes that are not listed.
        known_stale: Whether it is stale, where its writes do not say: for a derived table as it
            is at the ref, and for one that is somewhere else in the tree.
    """

    table: str
    commit: str
    columns: tuple[str, ...] | None = None
    writes: tuple[TableWrite, ...] = ()
    changed: bool = False
    note: Note = ""
    more: bool = False
    known_stale: bool | None = None

    @property
    def inputs(self) -> Iterator["TableNode"]:
        """Yields the tables that all its writes read."""
        for write in self.writes:
            yield from write.inputs

    @property
    def is_stale(self) -> bool:
        """Returns whether anything that it was made from has changed since."""
        if self.known_stale is not None:
            return self.known_stale
        return any(one.changed or one.is_stale for one in self.inputs)


@dataclass(frozen=True, slots=True)
class Dependent:
    """A table that was made from another.

    Attributes:
        table: Its name.
        columns: The columns that may depend on what was asked about; None if all may.
        write: The last commit that read the other table for it; None for the table itself.
        is_stale: Whether the other table has changed since, or that one is stale.
        dependents: The tables that were made from it.
        note: Why it is not followed further.
    """

    table: str
    columns: tuple[str, ...] | None = None
    write: TableWrite | None = None
    is_stale: bool = False
    dependents: tuple["Dependent", ...] = ()
    note: Note = ""


@dataclass(frozen=True, slots=True)
class TableLineage:
    """The lineage of a table at a ref.

    Attributes:
        table: The table.
        ref: The ref as it was given.
        commit: The commit that it means.
        column: The column that was asked about; None means all.
        upstream: What the table was made from; None if it was not asked.
        downstream: What was made from the table; None if it was not asked.
    """

    table: str
    ref: str
    commit: str
    column: str | None = None
    upstream: TableNode | None = None
    downstream: Dependent | None = None


_REPLACES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "sql": ("kind", ("create", "truncate")),
    "write": ("mode", ("overwrite",)),
    "snapshot": ("scope", ("full",)),
}
"""By operation, the fact that says whether rows that were there before have gone."""


def leaves_rows(entry: LineageEntry | None) -> bool:
    """Returns whether a write changed what is known of a table, and none of its rows."""
    return entry is not None and entry.operation == "check"


def replaces(entry: LineageEntry) -> bool:
    """Returns whether nothing that the table had before is in it any more."""
    if entry.steps:
        return any(map(replaces, entry.steps))
    if entry.operation == "refresh":
        return True
    fact, words = _REPLACES.get(entry.operation, ("", ()))
    said = entry.facts.get(fact)
    if fact == "kind" and said is None:  # of an older release
        said = (entry.statement or "").lstrip().partition(" ")[0].lower()
    return said in words
