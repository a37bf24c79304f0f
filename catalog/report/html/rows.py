"""The sample of changed rows on a page: old and new by cell."""

from collections import Counter

from catalog.diff.view import SampleRow, TableView
from catalog.report.figures import count, listed, plain
from catalog.report.html.grids import Cell, Column, Grid, changed, value

MOST_COLUMNS = 8
"""Columns that have a column of the table: of more, the rows say which others changed."""

_SIGNS = {"inserted": "+", "deleted": "\N{MINUS SIGN}", "updated": "±"}


def sample_grid(table: TableView) -> Grid | None:
    """Returns the sample of changed rows as a table; None if there is none."""
    if not table.sample:
        return None
    names, more = _columns(table)
    key = [name for name in table.key if any(name in _side(row) for row in table.sample)]
    head = [Column("change"), *(Column(plain(name)) for name in (*key, *names))]
    head += [Column("also changed")] if more else []
    rows = tuple(_row(row, key, names, more=more) for row in table.sample)
    total = table.rows_changed
    note = f"{count(len(rows))} of {count(total)} changed rows" if len(rows) < total else ""
    note = note or f"All {count(total)} changed rows"
    spread = ", spread over kinds of change and columns" if len(rows) < total else ""
    return Grid("Changed rows", tuple(head), rows, f"{note}{spread}.", searched="rows")


def _side(row: SampleRow) -> dict[str, str | None]:
    return {**(row.before or {}), **(row.after or {})}


def _columns(table: TableView) -> tuple[list[str], bool]:
    """Returns the columns that are shown, and whether rows changed in others, too."""
    sample = table.sample or ()
    known = dict.fromkeys(name for row in sample for name in _side(row) if name not in table.key)
    found = Counter(name for row in sample for name in row.columns)
    everywhere = [name for name in known if all(name in _side(row) for row in sample)]
    ranked = sorted(known, key=lambda name: -found[name])
    ranked = [name for name in ranked if found[name] or name in everywhere]
    order = {name: n for n, name in enumerate(known)}
    shown = sorted(ranked[:MOST_COLUMNS], key=order.__getitem__)
    return shown, bool(set(found) - set(shown) - set(table.key))


def _row(row: SampleRow, key: list[str], names: list[str], *, more: bool) -> tuple[Cell, ...]:
    own = _side(row)
    cells = [Cell(f"{_SIGNS[row.change]} {row.change}")]
    cells += [Cell(value=value(own[name], numeric=True)) if name in own else Cell() for name in key]
    for name in names:
        if name not in own:
            cells.append(Cell())
        elif row.change == "updated" and name in row.columns:
            cells.append(changed((row.before or {}).get(name), (row.after or {}).get(name)))
        else:
            cells.append(Cell(value=value(own.get(name)), is_faint=row.change == "updated"))
    if more:
        others = [plain(name) for name in row.columns if name not in names]
        cells.append(Cell(listed(others, 3)))
    return tuple(cells)
