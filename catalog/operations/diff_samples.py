"""A few changed rows of each table of a diff, to be shown beside its counts."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, cast

from catalog.dataclasses import replace
from catalog.diff.excerpts import excerpts
from catalog.diff.result import Diff, TableDiff
from catalog.diff.view import DiffView, SampleRow
from catalog.report.values import rows, text

READ = 2_000
"""Changed rows of each kind that the shown ones are chosen from."""

COLUMNS = 40
"""Columns of a table up to which rows that were inserted or deleted show all of them."""

KINDS = ("updated", "inserted", "deleted")

_Values = Mapping[str, object]
_Side = _Values | None


def with_samples(
    diff: Diff, *, most: int, change: str | None = None, where: str | None = None
) -> DiffView:
    """Returns the view of a diff with some changed rows of each table.

    They are chosen so that each column with changed cells is in some row, as far as they reach; the
    same diff always has the same ones. The diff must have its rows.

    Args:
        diff: The diff.
        most: How many rows of a table there are at most.
        change: ``inserted``, ``deleted`` or ``updated``; None means all.
        where: A condition that they meet, as ``TableDiff.changes`` takes it.
    """
    view = diff.view
    tables = []
    for one in view.tables:
        rows = _sample(diff[one.name], most, (change, where)) if one.rows_changed else ()
        tables.append(replace(one, sample=tuple(rows)))
    return replace(view, tables=tuple(tables))


def _sample(table: TableDiff, most: int, wanted: tuple[str | None, str | None]) -> list[SampleRow]:
    change, where = wanted
    counts = table.rows
    found = {"updated": counts.updated, "inserted": counts.inserted, "deleted": counts.deleted}
    chosen: list[SampleRow] = []
    kinds = [kind for kind in KINDS if found[kind] and change in (None, kind)]
    kinds.sort(key=lambda kind: found[kind] or 0)
    for n, kind in enumerate(kinds):  # what few rows leave goes to the others
        share = -(-(most - len(chosen)) // (len(kinds) - n))
        found_rows = list(_read(table, kind, where))
        if not table.key:  # they come in any order
            found_rows.sort(key=lambda row: repr((row.before, row.after)))
        chosen += _spread(found_rows, share)
    return sorted(chosen, key=lambda row: KINDS.index(row.change))


def _read(table: TableDiff, change: str, where: str | None) -> Iterator[SampleRow]:
    """Yields changed rows of a kind with their key and the columns in which cells changed."""
    narrow = bool(table.rows.updated) and bool(table.key)
    wide = change != "updated" and len(table.columns) <= COLUMNS
    columns: Literal["all", "changed"] = "changed" if narrow and not wide else "all"
    columns = columns if where is None else "all"
    reader = table.changes(change=change, limit=READ, columns=columns, where=where)
    names = reader.schema.names
    keys = names[: names.index("_change")]
    bare = [name.removeprefix("key.") for name in keys]
    for values in rows(reader):
        key = dict(zip(bare, values, strict=False))
        rest = values[len(keys) + 1 :]
        changed, before, after = cast("tuple[Sequence[str] | None, _Side, _Side]", rest)
        yield _row(change, key, changed, before, after)


def _row(
    change: str,
    key: _Values,
    changed: Sequence[str] | None,
    before: _Side,
    after: _Side,
) -> SampleRow:
    old, new = (None if side is None else {**key, **side} for side in (before, after))
    shown: tuple[dict[str, str | None], dict[str, str | None]] = {}, {}
    for name in dict.fromkeys([*(old or {}), *(new or {})]):
        cells = [None if side is None else text(side.get(name)) for side in (old, new)]
        cut = excerpts(*cells)
        lengths = cut.lengths or (0, 0)
        for n, (side, cell) in enumerate(((old, cut.before), (new, cut.after))):
            if side is not None and name in side:
                shown[n][name] = _marked(cell, cut.skipped, lengths[n])
    return SampleRow(
        change,
        tuple(changed or ()),
        None if old is None else shown[0],
        None if new is None else shown[1],
    )


def _marked(shown: str | None, skipped: int, length: int) -> str | None:
    """Returns what is shown of a text, with ``…`` where something is missing."""
    if shown is None:
        return None
    start = "…" if skipped and shown else ""
    return f"{start}{shown}{'…' if length > skipped + len(shown) else ''}"


def _spread(found: list[SampleRow], most: int) -> list[SampleRow]:
    """Returns some rows in their order: those that show a column first, then evenly spread ones."""
    seen: set[str] = set()
    chosen: set[int] = set()
    for n, row in enumerate(found):
        if len(chosen) < most and not seen.issuperset(row.columns):
            seen.update(row.columns)
            chosen.add(n)
    rest = [n for n in range(len(found)) if n not in chosen]
    wanted = most - len(chosen)
    if wanted > 0 and rest:
        step = max(len(rest) / wanted, 1)
        chosen.update(rest[int(n * step)] for n in range(min(wanted, len(rest))))
    return [found[n] for n in sorted(chosen)]
