"""Commits: one atomic state of all tables, and its origin."""

import datetime
from collections.abc import Mapping
from functools import lru_cache

from catalog.dataclasses import dataclass, field
from catalog.errors import CorruptData
from catalog.model.ids import (
    COMMIT_ID,
    MAX_LEVELS,
    are_ids,
    canonical_json,
    content_id,
    excerpt,
    is_id_or_none,
)
from catalog.model.table_names import checked_table_name

INLINE_TABLES = 256
"""Tables that a commit lists inline; more go into a tree, so that a commit to one of thousands
of tables stays small."""

LISTED = 256
"""Derived tables, and tables with checks, that a commit lists; where there are more, tables are
looked at one by one."""


KNOWN_ENTRIES = 1 << 14
"""Entries of tables that a process keeps read: a commit has all but one or two of its parent's."""


@dataclass(frozen=True, slots=True)
class TableEntry:
    """A table's snapshot within a commit, with the totals that listings show."""

    snapshot: str
    rows: int
    size_bytes: int
    files: int

    def to_json(self) -> list[object]:
        """Returns the stored form."""
        return [self.snapshot, self.rows, self.size_bytes, self.files]

    @staticmethod
    def from_json(stored: object) -> "TableEntry":
        """Reads the stored form.

        Raises:
            CorruptData: The form is not one of format 1.
        """
        try:
            return _entry(*(stored if isinstance(stored, list) else ()))
        except TypeError as error:  # something in it is a list or an object
            raise _unknown_entry(stored) from error


@lru_cache(KNOWN_ENTRIES, typed=True)
def _entry(*stored: object) -> TableEntry:
    match stored:
        case [str(snapshot), int(rows), int(size_bytes), int(files)] if (
            rows >= 0 and size_bytes >= 0 and files >= 0 and COMMIT_ID.fullmatch(snapshot)
        ):
            return TableEntry(snapshot, rows, size_bytes, files)
    raise _unknown_entry(stored)


def _unknown_entry(stored: object) -> CorruptData:
    return CorruptData(f"unknown table entry in a commit: {excerpt(stored)}")


@dataclass(frozen=True, slots=True)
class TableChange:
    """The files that a commit added to and removed from a table, relative to the first parent.

    Attributes:
        files_added: Number of files added.
        files_removed: Number of files removed.
        change_list: Id of the columnar list of those files; None if there are none, or too many
            for a list: then the trees are compared.
    """

    files_added: int
    files_removed: int
    change_list: str | None


@dataclass(frozen=True, slots=True)
class Commit:
    """One commit; its id is the SHA-256 of its canonical JSON.

    Attributes:
        parents: Commit ids; none for the first commit, several for a merge.
        generation: 1 + the greatest of the parents' generations.
        tables: Table entries by name if they are inline, else None.
        tables_tree: Root of the tree of table entries if they are not inline, else None.
        tables_levels: Levels of that tree; 0 if there is none.
        changes: What changed relative to the first parent, by table name.
        author: Who committed.
        time: When, aware UTC; never before the first parent's time.
        message: The author's description.
        metadata: Free text by key.
        lineage: Provenance by written table (free JSON).
        derived: Names of the derived tables in order; None if the commit does not say, as those
            of older releases do not, and those with too many.
        checked: Names of the tables with checks in order; None as for ``derived``.
        gate: What a gate found before the commit was published, as JSON; see ``model.judgement``.
            None if nothing was judged.
    """

    parents: tuple[str, ...]
    generation: int
    tables: Mapping[str, TableEntry] | None
    tables_tree: str | None
    changes: Mapping[str, TableChange]
    author: str
    time: datetime.datetime
    message: str
    metadata: Mapping[str, str] = field(default_factory=dict)
    lineage: Mapping[str, object] = field(default_factory=dict)
    tables_levels: int = 0
    derived: tuple[str, ...] | None = None
    checked: tuple[str, ...] | None = None
    gate: Mapping[str, object] | None = None

    @property
    def title(self) -> str:
        """Returns the first line of the message."""
        return self.message.partition("\n")[0]

    def to_bytes(self) -> bytes:
        """Returns the canonical JSON that the id is taken over."""
        said = {"derived": self.derived, "checked": self.checked}
        lists = {name: list(names) for name, names in said.items() if names is not None}
        gate = {} if self.gate is None else {"gate": dict(self.gate)}
        return canonical_json(
            {
                **lists,
                **gate,
                "kind": "commit",
                "parents": list(self.parents),
                "generation": self.generation,
                "tables": None
                if self.tables is None
                else {name: entry.to_json() for name, entry in self.tables.items()},
                "tables_tree": self.tables_tree,
                "tables_levels": self.tables_levels,
                "changes": {
                    name: [c.files_added, c.files_removed, c.change_list]
                    for name, c in self.changes.items()
                },
                "author": self.author,
                "time": time_text(self.time),
                "message": self.message,
                "metadata": dict(self.metadata),
                "lineage": dict(self.lineage),
            }
        )

    @property
    def id(self) -> str:
        """Returns the commit id."""
        return content_id(self.to_bytes())


def is_same_state(one: Commit, other: Commit) -> bool:
    """Returns whether two commits have the same tables, made by the same changes."""
    ends = (one, other)
    return len({(e.parents, e.tables_tree, e.tables_levels) for e in ends}) == 1 and (
        one.tables == other.tables and one.changes == other.changes
    )


def from_json(stored: Mapping[str, object]) -> Commit:
    """Reads the stored form of a commit.

    Raises:
        CorruptData: The form is not one of format 1.
    """
    match stored:
        case {
            "kind": "commit",
            "parents": [*parents],
            "generation": int(generation),
            "tables": dict() | None as tables,
            "tables_tree": str() | None as tables_tree,
            "tables_levels": int(tables_levels),
            "changes": dict(changes),
            "author": str(author),
            "time": str(time),
            "message": str(message),
            "metadata": dict(metadata),
            "lineage": dict(lineage),
        } if (
            are_ids(parents)
            and is_id_or_none(tables_tree)
            and (tables is None) != (tables_tree is None)
            and generation >= 0
            and (0 if tables_tree is None else 1) <= tables_levels <= MAX_LEVELS
            and all(isinstance(text, str) for text in metadata.values())
        ):
            return Commit(
                parents=tuple(parents),
                generation=generation,
                tables=None
                if tables is None
                else {
                    checked_table_name(name): TableEntry.from_json(entry)
                    for name, entry in tables.items()
                },
                tables_tree=tables_tree,
                changes={checked_table_name(name): _change(one) for name, one in changes.items()},
                author=author,
                time=parse_time(time),
                message=message,
                metadata=metadata,
                lineage=lineage,
                tables_levels=tables_levels,
                derived=_listed(stored.get("derived")),
                checked=_listed(stored.get("checked")),
                gate=_gate(stored.get("gate")),
            )
    raise CorruptData("a commit is not readable: fields are missing or of another type")


def _listed(stored: object) -> tuple[str, ...] | None:
    match stored:
        case None:
            return None
        case [*names] if len(names) <= LISTED:
            return tuple(map(checked_table_name, names))
    raise CorruptData(f"not a list of tables in a commit: {excerpt(stored)}")


def _gate(stored: object) -> Mapping[str, object] | None:
    if stored is None or isinstance(stored, dict):
        return stored
    raise CorruptData(f"not what a gate found, in a commit: {excerpt(stored)}")


def _change(stored: object) -> TableChange:
    match stored:
        case [int(added), int(removed), (str() | None) as change_list] if min(
            added, removed
        ) >= 0 and is_id_or_none(change_list):
            return TableChange(added, removed, change_list)
    raise CorruptData(f"unknown change entry in a commit: {excerpt(stored)}")


def time_text(moment: datetime.datetime) -> str:
    """Returns an aware time as stored and printed: UTC, microseconds, ``Z``."""
    utc = moment.astimezone(datetime.UTC).replace(tzinfo=None)
    return f"{utc.isoformat(timespec='microseconds')}Z"


def parse_time(stored: str) -> datetime.datetime:
    """Reads a stored time.

    Raises:
        CorruptData: The text is not a stored time.
    """
    try:
        moment = datetime.datetime.fromisoformat(stored)
        known = moment.tzinfo is not None and time_text(moment) == stored
    except (ValueError, OverflowError) as error:
        raise CorruptData(f"unknown time in a stored object: {excerpt(stored)}") from error
    if not known:
        raise CorruptData(f"unknown time in a stored object: {excerpt(stored)}")
    return moment


EMPTY = Commit((), 0, {}, None, {}, "", datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC), "")
"""The empty state, from which lines of history start that have no commit in common. It is a part
of the format: readable in every catalog, and stored in none."""

EMPTY_ID = EMPTY.id
"""The id of the empty state."""
