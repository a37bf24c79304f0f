"""Commits as text and JSON: what each says of itself."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from catalog.errors import CorruptData
from catalog.model.lineage_reading import lineage_entry
from catalog.report.figures import exact_moment, files_changed, listed, moment, plain, short
from cli.output.lineage import done_by

if TYPE_CHECKING:
    from catalog import Catalog
    from catalog.model.commit import TableChange
    from catalog.model.lineage import LineageEntry
    from catalog.model.listings import CommitInfo

LISTED_TABLES = 5
"""Tables that a line names which were written in the same way."""

LISTED_INPUTS = 8
"""Inputs that a line names."""

STATEMENT_LINES = 20
"""Lines of a statement that are shown; the JSON form has all."""


def commit_json(commit: "CommitInfo") -> dict[str, object]:
    """Returns the JSON form of a commit."""
    return {
        "commit": commit.id,
        "parents": list(commit.parents),
        "generation": commit.generation,
        "time": exact_moment(commit.time),
        "author": commit.author,
        "message": commit.message,
        "tables": {
            name: {"files_added": change.files_added, "files_removed": change.files_removed}
            for name, change in sorted(commit.changes.items())
        },
        "metadata": dict(commit.metadata),
        "lineage": dict(commit.lineage),
        "gate": commit.gate,
    }


def names_of(cat: "Catalog", commits: "Sequence[CommitInfo]") -> Mapping[str, list[str]]:
    """Returns the branches and tags of each of some commits."""
    names: dict[str, list[str]] = {}
    of = {commit.id for commit in commits}
    for branch in cat.repository.branches.heads():
        if branch.commit_id in of:
            names.setdefault(branch.commit_id, []).append(branch.name)
    for tag, commit_id in cat.repository.tags.commits().items():
        if commit_id in of:
            names.setdefault(commit_id, []).append(f"tag {tag}")
    return names


def where(commit: "CommitInfo", names: Mapping[str, list[str]]) -> str:
    """Returns the branches and tags of a commit as `` (main, tag v1)``; empty if it has none."""
    at = names.get(commit.id)
    return f" ({', '.join(at)})" if at else ""


def head_lines(
    commit: "CommitInfo", names: Mapping[str, list[str]], *, full: bool = False
) -> list[str]:
    """Returns what a commit says of itself: who, when, why; with ids and all parents if full."""
    commit_id = commit.id if full else short(commit.id)
    lines = [
        f"commit {commit_id}{where(commit, names)}",
        f"  {moment(commit.time)}, {plain(commit.author)}",
        *(f"  {plain(text)}" for text in commit.message.splitlines()),
    ]
    if full and len(commit.parents) > 0:
        ids = ", ".join(short(one) for one in commit.parents)
        lines.insert(1, f"  parent{'s' * (len(commit.parents) > 1)} {ids}")
    return lines


def change_lines(commit: "CommitInfo") -> list[str]:
    """Returns which files a commit added and removed, a line for each table."""
    return [f"    {_change(name, change)}" for name, change in sorted(commit.changes.items())]


def _change(name: str, change: "TableChange") -> str:
    """Returns what a commit did to a table: ``orders: 1 file added, 2 removed``."""
    files = files_changed(change.files_added, change.files_removed)
    return f"{plain(name)}: {files or 'no files, only its schema, keys or checks'}"


def metadata_lines(commit: "CommitInfo") -> list[str]:
    """Returns the metadata of a commit."""
    return [f"  {plain(k)} = {plain(v)}" for k, v in sorted(commit.metadata.items())]


def gate_lines(commit: "CommitInfo") -> list[str]:
    """Returns what the gate found before the commit was published."""
    from catalog.model.judgement import judgement_from_json
    from catalog.report.judgement import judgement_lines

    if commit.gate is None:
        return []
    try:
        found = judgement_from_json(commit.gate)
    except CorruptData as error:
        return [f"  gate: {plain(error.message)}"]
    return [f"  gate of {plain(found.branch)}:", *(f"    {x}" for x in judgement_lines(found))]


def origins(cat: "Catalog", commit: "CommitInfo") -> "dict[str, LineageEntry]":
    """Returns what a commit recorded about where its tables come from, as far as it is readable."""
    from catalog.repository.lineage import lineage_detail

    found = {}
    for table, stored in sorted(commit.lineage.items()):
        try:
            entry = lineage_detail(cat.repository.commits, commit.id, table)
        except CorruptData:
            entry = _short_entry(stored)
        if entry is not None:
            found[table] = entry
    return found


def _short_entry(stored: object) -> "LineageEntry | None":
    try:
        return lineage_entry(stored)
    except CorruptData:
        return None


def origin_lines(entries: "Mapping[str, LineageEntry]", message: str) -> Iterator[str]:
    """Yields by what tables were written, and from what; tables of one origin share a line.

    A statement that is the commit's message is not repeated.
    """
    tables: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for table, entry in entries.items():
        inputs = [
            plain(one.table) + ("" if one.commit is None else f"@{short(one.commit)}")
            for one in entry.inputs
            if one.table != table
        ]
        by = done_by(entry) + (f", from {listed(inputs, LISTED_INPUTS)}" if inputs else "")
        tables.setdefault((by, statements_of(entry)), []).append(plain(table))
    for (by, statements), names in tables.items():
        yield f"  {listed(names, LISTED_TABLES)}: {by}"
        for statement in statements:
            if statement.strip() == message.strip():
                continue
            lines = statement.strip().splitlines()
            yield from (f"    {plain(line)}".rstrip() for line in lines[:STATEMENT_LINES])
            if len(lines) > STATEMENT_LINES:
                yield f"    … and {len(lines) - STATEMENT_LINES:,} more lines"


def statements_of(entry: "LineageEntry") -> tuple[str, ...]:
    """Returns the statements that wrote a table, in order."""
    own = () if entry.statement is None else (entry.statement,)
    return (*own, *(text for step in entry.steps for text in statements_of(step)))
