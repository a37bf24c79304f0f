"""Draws the past of rows: who changed them, and the states they had."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from catalog.model.ids import are_ids
from catalog.report.figures import clipped, exact_moment, moment, plain, short
from catalog.report.layout import UNLIMITED, aligned
from catalog.report.values import text
from cli.output import stdout
from cli.output.listing import FORMAT_VERSION, Cell, Listing
from cli.output.values import json_text

if TYPE_CHECKING:
    from catalog.model.listings import CommitInfo
    from catalog.model.row_history import Blame, CellBlame, Gap, RowHistory, RowState

VALUE_WIDTH = 32
"""Columns that a value takes at most in text."""

OPERATIONS = {"cherry-pick": "cherry-picked from", "revert": "reverts", "merge": "merges"}
"""Words for what operations did with the commits that a commit comes from; others made it again."""


def blame_lines(blame: "Blame") -> list[str]:
    """Returns who changed rows, as text."""
    lines: list[str] = []
    many = f"  ({len(blame.rows)} rows have this key)" if len(blame.rows) > 1 else ""
    for row in blame.rows:
        lines += [""] if lines else []
        lines += _commit_lines(row.commit, blame.table)
        lines.append(f"  {row.change}  {_key(blame.key)}{many}")
        cells = [
            (plain(c.column), _value(c.value), _before(c), short(c.commit.id), *_who(c.commit))
            for c in row.cells
        ]
        header = ("column", "value", "before", "commit", "time", "author", "message")
        room = stdout.room()
        right = [False] * len(header)
        lines += ["", *aligned([header, *cells], right=right, indent=2, width=room)]
    return lines + _gap_lines(blame.gaps)


def blame_listing(blame: "Blame") -> Listing:
    """Returns the cells of rows with who changed them."""
    columns = ("row", "column", "value", "change", "before", "commit", "time", "author", "message")
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (n, c.column, text(c.value), c.change, _known_before(c), *_origin(c.commit))
        for n, row in enumerate(blame.rows, 1)
        for c in row.cells
    )
    return Listing("cells", columns, rows)


def blame_json(blame: "Blame") -> str:
    """Returns who changed rows, as JSON with one cell a line."""
    return _json(
        blame,
        "rows",
        [
            {
                "change": row.change,
                **commit_values(row.commit, blame.table),
                "values": row.values,
                "columns": [
                    {
                        "column": cell.column,
                        "value": cell.value,
                        "change": cell.change,
                        "from": cell.before,
                        **commit_values(cell.commit, blame.table),
                    }
                    for cell in row.cells
                ],
            }
            for row in blame.rows
        ],
    )


def history_lines(history: "RowHistory") -> list[str]:
    """Returns the states of rows, as text."""
    if not history.states:
        ref, key = plain(history.ref), _key(history.key)
        lines = [f"no row of {plain(history.table)} up to {ref} had {key}"]
        return ([] if history.more else lines) + _gap_lines(history.gaps)
    width = stdout.room() or UNLIMITED
    lines = []
    last = ""
    for state in history.states:
        if state.commit.id != last:
            lines += [""] if lines else []
            lines += _commit_lines(state.commit, state.table)
        last = state.commit.id
        lines.append(clipped(_state_line(state, history.key), width))
    if history.more:
        lines += ["", "(there are older states: --limit -1 lists all)"]
    return lines + _gap_lines(history.gaps)


def history_listing(history: "RowHistory") -> Listing:
    """Returns the states of rows as a listing."""
    columns = ("commit", "time", "author", "message", "table", "change", "changed_columns")
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (
            *_origin(state.commit),
            state.table,
            state.change,
            tuple(state.changed_columns),
            _shown(state.before),
            _shown(state.after),
        )
        for state in history.states
    )
    return Listing("history", (*columns, "from", "to"), rows)


def history_json(history: "RowHistory") -> str:
    """Returns the states of rows, as JSON with one state a line."""
    states = [
        {
            **commit_values(state.commit, state.table),
            "table": state.table,
            "change": state.change,
            "changed_columns": state.changed_columns,
            "moved": state.moved,
            "from": state.before,
            "to": state.after,
            "rows": state.rows,
            "note": state.note,
        }
        for state in history.states
    ]
    return _json(history, "history", states, more=history.more)


def commit_values(commit: "CommitInfo", table: str) -> dict[str, object]:
    """Returns what the JSON of a row says of a commit that changed it."""
    return {
        "commit": commit.id,
        "time": exact_moment(commit.time),
        "author": commit.author,
        "message": commit.message,
        "taken_from": _came_from(commit, table)[0],
    }


def _json(
    found: "Blame | RowHistory", name: str, rows: Sequence[Mapping[str, object]], **more: object
) -> str:
    """Returns one JSON object with an entry of a list in each line."""
    head = {
        "format_version": FORMAT_VERSION,
        "table": found.table,
        "ref": found.ref,
        "commit": found.commit_id,
        "key": found.key,
        **more,
        "files_opened": found.files_opened,
        "gaps": [{"commit": gap.commit_id, "reason": gap.reason} for gap in found.gaps],
    }
    entries = ",\n".join(json_text(row) for row in rows)
    return f'{json_text(head)[:-1]}, "{name}": [\n{entries}\n]}}'


def _commit_lines(commit: "CommitInfo", table: str) -> list[str]:
    lines = [
        f"commit {short(commit.id)}",
        f"  {moment(commit.time)}, {plain(commit.author)}",
        *(f"  {plain(line)}" for line in commit.message.splitlines()),
    ]
    ids, word = _came_from(commit, table)
    if ids:
        lines.append(f"  ({word} {', '.join(map(short, ids))})")
    return lines


def _came_from(commit: "CommitInfo", table: str) -> tuple[list[str], str]:
    """Returns the commits that a commit's change of a table was taken from, and a word for it."""
    match commit.lineage.get(table):
        case {"from": list(ids), "operation": str(operation)} if are_ids(ids):
            return ids, OPERATIONS.get(operation, "made again from")
    return [], ""


def _state_line(state: "RowState", key: Mapping[str, object]) -> str:
    """Returns a state as one line: what changed, or if the row came or went, all of it."""
    if state.before is not None and state.after is not None:
        cells = [
            f"{plain(name)}: {_value(state.before.get(name))} → {_value(state.after.get(name))}"
            for name in state.changed_columns
        ]
    else:
        row = state.after if state.after is not None else state.before or {}
        cells = [f"{plain(name)}: {_value(v)}" for name, v in row.items() if name not in key]
    notes = [state.note] if state.note else []
    notes += ["moved to another partition"] if state.moved else []
    notes += [f"{state.rows} rows have this key then"] if state.rows > 1 else []
    said = f"  {state.change:<10}  {'  '.join((_key(key), *cells))}"
    return said + (f"  ({'; '.join(map(plain, notes))})" if notes else "")


def _key(key: Mapping[str, object]) -> str:
    return ", ".join(f"{plain(name)} {_value(value)}" for name, value in key.items())


def _who(commit: "CommitInfo") -> tuple[str, ...]:
    message = plain(commit.message.partition("\n")[0])
    return moment(commit.time), plain(commit.author), message


def _origin(commit: "CommitInfo") -> tuple[Cell, ...]:
    return commit.id, commit.time, commit.author, commit.message


def _gap_lines(gaps: "Sequence[Gap]") -> list[str]:
    return [f"not known: what commit {short(g.commit_id)} had: {plain(g.reason)}" for g in gaps]


def _before(cell: "CellBlame") -> str:
    """Returns the value before, or what else the commit did to a cell."""
    if cell.change in ("filled", "cleared", "corrected"):
        return _value(cell.before)
    return f"({cell.change.replace('_', ' ')})"


def _known_before(cell: "CellBlame") -> str | None:
    return text(cell.before) if cell.change in ("filled", "cleared", "corrected") else ""


def _shown(row: Mapping[str, object] | None) -> str:
    return "" if row is None else text(dict(row)) or ""


def _value(value: object) -> str:
    found = text(value)
    return "NULL" if found is None else clipped(plain(found), VALUE_WIDTH)
