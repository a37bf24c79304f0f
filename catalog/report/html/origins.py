"""Where tables come from, and named queries before and after, on a page."""

from collections.abc import Iterator, Mapping

from catalog.dataclasses import dataclass
from catalog.diff.view import DiffView, Metric, MetricRow
from catalog.report.figures import listed, plain
from catalog.report.html.grids import Cell, Column, Grid, changed, limited, value

MOST_TABLES = 300
"""Tables whose origin is told."""

MOST_ROWS = 200
"""Rows of a metric that are shown."""

MOST_SQL = 2_000
"""Characters of a query that are shown."""

MOST_INPUTS = 8
"""Inputs of a table that are named."""


def origin_grid(diff: DiffView) -> Grid | None:
    """Returns how the newer commit wrote the tables; None if it does not say."""
    if not diff.origins:
        return None
    every = []
    for one in diff.origins:
        statement = Cell() if one.statement is None else Cell(value=value(one.statement))
        inputs = listed([_input(name) for name in one.inputs], MOST_INPUTS)
        every.append((Cell(plain(one.table)), Cell(plain(one.operation)), Cell(inputs), statement))
    rows, note = limited(every, MOST_TABLES, "tables")
    head = (Column("table"), Column("written by"), Column("from"), Column("statement"))
    return Grid("How the newer commit wrote the tables", head, rows, note)


def _input(name: str) -> str:
    table, at, commit = name.rpartition("@")
    return plain(f"{table}@{commit[:8]}" if at else name)


@dataclass(frozen=True, slots=True)
class MetricSection:
    """A named query: its SQL, or why it could not be run, and its rows before and after."""

    name: str
    said: str
    grid: Grid | None


def metric_sections(diff: DiffView) -> Iterator[MetricSection]:
    """Yields the named queries of a diff."""
    for one in diff.metrics:
        said = plain((one.error or one.query)[:MOST_SQL])
        yield MetricSection(plain(one.name), said, _metric(one))


def _metric(metric: Metric) -> Grid | None:
    if not metric.rows:
        return None
    keys = list(dict.fromkeys(name for row in metric.rows for name in row.key))
    names = list(
        dict.fromkeys(name for row in metric.rows for name in {**_of(row.before), **_of(row.after)})
    )
    rows, note = limited([_row(row, keys, names) for row in metric.rows], MOST_ROWS, "rows")
    head = tuple(Column(plain(name), right=name in names) for name in (*keys, *names))
    return Grid(f"{plain(metric.name)} before and after", head, rows, note)


def _row(row: MetricRow, keys: list[str], names: list[str]) -> tuple[Cell, ...]:
    cells = [Cell(value=value(row.key.get(name), numeric=True)) for name in keys]
    for name in names:
        before, after = _of(row.before).get(name), _of(row.after).get(name)
        if row.before is not None and row.after is not None and before != after:
            cells.append(changed(before, after))
        else:
            shown = after if row.after is not None else before
            gone = "" if row.after is not None else " (gone)"
            new = " (new)" if row.before is None else gone
            text = value(shown, numeric=True)
            cells.append(Cell(f"{text.text}{new}") if new else Cell(value=text))
    return tuple(cells)


def _of(values: Mapping[str, str | None] | None) -> Mapping[str, str | None]:
    return values or {}
