"""The overview of a page: all tables at a glance."""

from collections.abc import Iterator

from catalog.dataclasses import dataclass
from catalog.diff.view import DiffView, TableView
from catalog.report.figures import count, counted, listed, plain, share
from catalog.report.html.columns import by_change, lead
from catalog.report.html.grids import Cell, Column, Grid, limited, named, number
from catalog.report.html.partitions import axis_words
from catalog.report.partition_axes import partition_axes
from catalog.report.picture.deltas import delta_parts
from catalog.report.picture.overview import changed_share
from catalog.report.picture.segments import segment_text

MOST_TABLES = 1_000
"""Tables that the overview lists."""

SHORT_TABLES, SHORT_COLUMNS = 3, 3
"""Tables, and columns of each, that are told of in short."""

SHORT_WIDTH = 40
"""Columns of text that a value takes there."""

COLUMNS_NAMED = 4
"""Changed columns that the overview names of a table."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure with its name and a remark."""

    name: str
    amount: str
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Overview:
    """All tables at a glance.

    Attributes:
        figures: Those of all tables together.
        short: The most important of what changed, each with what it is about.
        grid: One line for each table.
        quiet: Which tables are unchanged.
    """

    figures: tuple[Figure, ...]
    short: tuple[tuple[str, str], ...]
    grid: Grid | None
    quiet: str = ""


def in_order(diff: DiffView) -> list[TableView]:
    """Returns the tables that differ or are worth a word, those that changed most first."""
    own = [table for table in diff.tables if not is_quiet(table)]
    return sorted(own, key=lambda table: (-_weight(table), table.name))


def is_quiet(table: TableView) -> bool:
    """Returns whether there is nothing to say about a table but that it is the same."""
    touched = table.coverage.files_added or table.coverage.files_removed
    return not (table.differs or touched or table.warnings or table.touched_columns)


def section_id(tables: list[str], name: str) -> str:
    """Returns the id of a table's section; empty if it has none."""
    return f"table-{tables.index(name) + 1}" if name in tables else ""


def overview(diff: DiffView, drawn: list[str]) -> Overview:
    """Returns the overview; ``drawn`` are the tables that have a section."""
    totals = diff.totals
    every = len(diff.tables) + (diff.unchanged or 0)
    figures = [Figure("tables changed", count(totals.tables), f"of {count(every)}")]
    if totals.added or totals.removed:
        remark = f"{count(totals.added)} added, {count(totals.removed)} removed"
        figures[0] = Figure("tables changed", count(totals.tables), f"of {count(every)}; {remark}")
    if totals.updated is not None:
        before = sum(table.rows.before for table in diff.tables)
        for kind in ("inserted", "deleted", "updated"):
            amount = getattr(totals, kind)
            whole = "" if kind == "inserted" else _of(amount, before)
            figures.append(Figure(f"rows {kind}", count(amount), whole))
    schema = sum(len(table.schema_changes) for table in diff.tables)
    figures.append(Figure("schema changes", count(schema)))
    return Overview(tuple(figures), tuple(_in_short(diff)), _grid(diff, drawn), _quiet(diff))


def _in_short(diff: DiffView) -> Iterator[tuple[str, str]]:
    """Yields the most important of what changed, each with what it is about."""
    for table in in_order(diff)[:SHORT_TABLES]:
        for axis in partition_axes(table):
            yield f"{plain(table.name)} by {plain(axis.name)}", axis_words(axis)
        for column in by_change(table)[:SHORT_COLUMNS]:
            parts = [lead(column), *delta_parts(column, SHORT_WIDTH)[:2]]
            parts += [segment_text(one, SHORT_WIDTH) for one in column.segments[:1]]
            yield f"{plain(table.name)}.{plain(column.name)}", "; ".join(parts)


def _of(amount: int, whole: int) -> str:
    return share(amount, whole) if amount and whole >= amount else ""


def _grid(diff: DiffView, drawn: list[str]) -> Grid | None:
    tables = in_order(diff)
    if not tables:
        return None
    places = {name: f"table-{n}" for n, name in enumerate(drawn, 1)}
    most = max((_part(table) or 0 for table in tables), default=0)
    rows, note = limited([_row(table, places, most) for table in tables], MOST_TABLES, "tables")
    head = [Column("table"), Column("status"), Column("rows before", right=True)]
    head += [Column("rows after", right=True), Column("changed", right=True)]
    head += [Column(kind, right=True) for kind in ("inserted", "deleted", "updated")]
    head += [Column("columns"), Column("schema")]
    return Grid("Tables that changed", tuple(head), rows, note, searched="tables")


def _row(table: TableView, places: dict[str, str], most: float) -> tuple[Cell, ...]:
    rows = table.rows
    part = _part(table)
    if part is None:
        changed = Cell("?", sort=-1)
    else:
        text = share(*changed_share(table))
        changed = Cell(text, sort=part, share=part / most if most else 0)
    columns = listed([plain(one.name) for one in table.touched_columns], COLUMNS_NAMED)
    schema = len(table.schema_changes)
    return (
        named(table.name, places.get(table.name, "")),
        Cell(status_word(table)),
        number(rows.before),
        number(rows.after),
        changed,
        *(number(one) for one in (rows.inserted, rows.deleted, rows.updated)),
        Cell(columns),
        Cell(counted(schema, "change") if schema else "", sort=schema),
    )


def status_word(table: TableView) -> str:
    """Returns what happened to a table in a word; files with the same rows are ``rewritten``."""
    if table.status == "modified" and table.compared and not table.differs:
        return "rewritten"
    return table.status


def _part(table: TableView) -> float | None:
    """Returns how large a share of its rows changed, from 0 to 1; None if that is not known."""
    if not table.compared:
        return None
    changed, whole = changed_share(table)
    return changed / whole if whole else 0.0


def _quiet(diff: DiffView) -> str:
    """Returns which tables are unchanged."""
    names = [plain(table.name) for table in diff.tables if is_quiet(table)]
    number_of = len(names) + (diff.unchanged or 0)
    if not number_of:
        return ""
    verb = "is" if number_of == 1 else "are"
    said = f"{counted(number_of, 'table')} {verb} unchanged"
    return f"{said}: {listed(names, 20)}" if names and not diff.unchanged else said


def _weight(table: TableView) -> int:
    """Returns how much changed in a table: rows, else all it has or had."""
    if table.compared:
        return table.rows_changed
    return max(table.rows.before, table.rows.after) if table.status != "modified" else 0
