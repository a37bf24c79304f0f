"""Lineage as text and JSON: a tree of tables, with the commits that wrote them."""

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from catalog.report.figures import clipped, exact_moment, moment, plain, short
from cli.output import stdout

if TYPE_CHECKING:
    from catalog.model.lineage import ColumnLineage, LineageEntry
    from catalog.model.lineage_tree import Dependent, TableLineage, TableNode, TableWrite

NOTES = {
    "gone": "no longer in the catalog",
    "again": "shown above",
    "deep": "not followed further",
}

LISTED_COLUMNS = 8
"""Columns that a line of text lists."""


def lineage_lines(found: "TableLineage") -> list[str]:
    """Returns lineage as a tree of lines, cut to the terminal if there is one."""
    if found.upstream is not None:
        lines = [_root(found, stale=found.upstream.is_stale), *_write_lines(found.upstream, "")]
    elif found.downstream is not None:
        lines = [_root(found, stale=False), *_dependent_lines(found.downstream, "")]
    else:
        lines = []
    if len(lines) == 1:
        lines.append("  nothing is recorded" if found.upstream else "  no table was made from it")
    width = stdout.room()
    return lines if width is None else [clipped(line, width) for line in lines]


def _root(found: "TableLineage", *, stale: bool) -> str:
    column = "" if found.column is None else f", column {plain(found.column)}"
    return f"{plain(found.table)} at {plain(found.ref)}{column}{', stale' if stale else ''}"


def _write_lines(node: "TableNode", indent: str) -> Iterator[str]:
    count = len(node.writes) + bool(node.more)
    for n, write in enumerate(node.writes, 1):
        branch, below = _strokes(n == count)
        yield f"{indent}{branch}{_write(write)}"
        for m, one in enumerate(write.inputs, 1):
            twig, deeper = _strokes(m == len(write.inputs))
            yield f"{indent}{below}{twig}{_table(one)}"
            yield from _write_lines(one, f"{indent}{below}{deeper}")
    if node.more:
        yield f"{indent}{_strokes(True)[0]}… and older commits"


def _dependent_lines(node: "Dependent", indent: str) -> Iterator[str]:
    for n, one in enumerate(node.dependents, 1):
        branch, below = _strokes(n == len(node.dependents))
        notes = [*(["stale"] if one.is_stale else []), *([NOTES[one.note]] if one.note else [])]
        by = "" if one.write is None else f"  {_write(one.write)}"
        said = f" ({', '.join(notes)})" if notes else ""
        yield f"{indent}{branch}{plain(one.table)}{_columns(one.columns)}{said}{by}"
        yield from _dependent_lines(one, f"{indent}{below}")


def _strokes(last: bool) -> tuple[str, str]:
    return ("└─ ", "   ") if last else ("├─ ", "│  ")


def _table(node: "TableNode") -> str:
    notes = []
    if node.note == "gone":
        notes.append(NOTES["gone"])
    elif node.changed:
        notes.append("changed since")
    elif node.is_stale:
        notes.append("stale")
    if node.note and node.note != "gone":
        notes.append(NOTES[node.note])
    said = f" ({', '.join(notes)})" if notes else ""
    return f"{plain(node.table)}@{short(node.commit)}{_columns(node.columns)}{said}"


def _columns(columns: Sequence[str] | None) -> str:
    if columns is None:
        return ""
    more = f", … {len(columns) - LISTED_COLUMNS} more" if len(columns) > LISTED_COLUMNS else ""
    return f" [{', '.join(map(plain, columns[:LISTED_COLUMNS]))}{more}]"


def _write(write: "TableWrite") -> str:
    commit = write.commit
    code = "" if write.entry is None else _code(write.entry.code)
    done = "nothing recorded" if write.entry is None else done_by(write.entry)
    return f"{short(commit.id)} {moment(commit.time)[:16]} {done}{code}"


def done_by(entry: "LineageEntry") -> str:
    """Returns what was done to a table, in a few words."""
    facts = {name: plain(str(value)) for name, value in entry.facts.items()}
    if entry.steps:
        count = len(entry.steps) + entry.steps_left_out
        kinds = dict.fromkeys(done_by(step) for step in entry.steps[:5])
        return f"{count} steps: {', '.join(kinds)}"
    match entry.operation:
        case "sql":
            return f"sql {facts['kind']}" if "kind" in facts else "sql"
        case "snapshot" if "source" in facts:
            return f"snapshot of {plain(_place(str(entry.facts['source'])))}"
        case "write" if "mode" in facts:
            return f"write, {facts['mode']}"
        case "refresh" if "how" in facts:
            return f"refresh, {facts['how']}"
    of = ", ".join(map(short, entry.origins))
    return f"{plain(entry.operation)} of {of}" if of else plain(entry.operation)


def _place(source: str) -> str:
    """Returns where a snapshot was taken from, relative to the working directory if below it."""
    here = os.path.join(os.getcwd(), "")
    return source.removeprefix(here) or source


def _code(code: Mapping[str, str]) -> str:
    if not code:
        return ""
    if "commit" not in code:
        return f"  {', '.join(f'{plain(k)}={plain(v)}' for k, v in sorted(code.items()))}"
    changed = ", changed" if code.get("dirty") == "yes" else ""
    where = plain(code["file"]) + " at " if "file" in code else "code at "
    return f"  {where}{plain(code['commit'][:8])}{changed}"


def lineage_json(found: "TableLineage") -> dict[str, object]:
    """Returns lineage as JSON."""
    about: dict[str, object] = {
        "table": found.table,
        "ref": found.ref,
        "commit": found.commit,
        "column": found.column,
    }
    if found.upstream is not None:
        about |= {"stale": found.upstream.is_stale, "writes": _writes_json(found.upstream)}
    if found.downstream is not None:
        about["dependents"] = [_dependent_json(one) for one in found.downstream.dependents]
    return about


def _writes_json(node: "TableNode") -> list[object]:
    return [
        {**_write_json(write), "inputs": [_node_json(one) for one in write.inputs]}
        for write in node.writes
    ]


def _node_json(node: "TableNode") -> dict[str, object]:
    return {
        "table": node.table,
        "commit": node.commit,
        "columns": None if node.columns is None else list(node.columns),
        "changed": node.changed,
        "stale": node.is_stale,
        "note": node.note or None,
        "older_writes": node.more,
        "writes": _writes_json(node),
    }


def _write_json(write: "TableWrite") -> dict[str, object]:
    commit, entry = write.commit, write.entry
    about: dict[str, object] = {
        "commit": commit.id,
        "time": exact_moment(commit.time),
        "author": commit.author,
        "message": commit.message,
    }
    return {**about, **({"operation": None} if entry is None else _entry_json(entry))}


def _entry_json(entry: "LineageEntry") -> dict[str, object]:
    return {
        "operation": entry.operation,
        "facts": dict(entry.facts),
        "from": list(entry.origins),
        "code": dict(entry.code),
        "engine": entry.engine,
        "statement": entry.statement,
        "column_lineage": None if entry.columns is None else _columns_json(entry, entry.columns),
        "steps": [_entry_json(step) for step in entry.steps],
    }


def _columns_json(entry: "LineageEntry", columns: "ColumnLineage") -> dict[str, object]:
    def one(at: int, column: str) -> dict[str, object]:
        table = entry.inputs[at]
        return {"table": table.table, "commit": table.commit, "column": column}

    return {
        "columns": [
            {
                "name": output.name,
                "inputs": [
                    {**one(i.input, i.column), "kinds": list(map(str, i.kinds))}
                    for i in output.inputs
                ],
                "approximate": output.approximate,
            }
            for output in columns.columns
        ],
        "rows": [
            {**one(i.input, i.column), "kinds": list(map(str, i.kinds))} for i in columns.rows
        ],
        "everything": [one(at, column) for at, column in columns.everything],
    }


def _dependent_json(node: "Dependent") -> dict[str, object]:
    return {
        "table": node.table,
        "columns": None if node.columns is None else list(node.columns),
        "stale": node.is_stale,
        "note": node.note or None,
        "write": None if node.write is None else _write_json(node.write),
        "dependents": [_dependent_json(one) for one in node.dependents],
    }
