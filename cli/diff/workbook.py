"""A diff as a workbook for Excel: an overview, and a sheet of changed rows for each table."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from catalog.dataclasses import dataclass
from catalog.diff.view import DiffView, End, TableView
from catalog.report.figures import counted, moment, named_values
from catalog.report.words import problems
from cli.diff.rows import ChangedRow, changed_rows
from cli.output.values import unique_names
from cli.output.workbook import Book, Sheet, excel_value, workbook

if TYPE_CHECKING:
    from typing import BinaryIO

    import pyarrow as pa

OVERVIEW = (
    *("table", "status", "rows before", "rows after", "inserted", "deleted", "updated", "moved"),
    *("columns with changed cells", "key", "to know"),
)
COLUMNS = (
    *("table", "column", "type before", "type after", "filled", "cleared", "corrected"),
    *("within tolerance", "distinct changes", "NULLs before", "NULLs after"),
    *("min before", "min after", "max before", "max after", "mean before", "mean after"),
    *("sum before", "sum after"),
)
PARTITIONS = (
    *("table", "partition", "rows before", "rows after", "inserted", "deleted", "updated"),
    *("filled", "cleared", "corrected"),
)


def write_workbook(
    view: DiffView,
    rows: "Iterator[tuple[TableView, pa.RecordBatchReader]]",
    stream: "BinaryIO",
) -> dict[str, int]:
    """Writes a workbook, and returns how many rows each table has in it.

    Args:
        view: The diff.
        rows: Each table that has changed rows, with these in the row form.
        stream: Where it goes.
    """
    written: dict[str, int] = {}
    with workbook(stream) as book:
        _overview(book, view)
        _columns(book, view)
        _partitions(book, view)
        for table, reader in rows:
            written[table.name] = _changed(book, table, reader)
    return written


def _overview(book: Book, view: DiffView) -> None:
    sheet = book.sheet("Overview", OVERVIEW)
    for table in view.tables:
        touched = ", ".join(one.name for one in table.touched_columns)
        counts = table.rows
        sheet.write(
            [
                *(table.name, table.status, counts.before, counts.after),
                *(counts.inserted, counts.deleted, counts.updated, counts.moved),
                *(touched, ", ".join(table.key), "; ".join(problems(table))),
            ]
        )
    if view.unchanged:
        sheet.write([f"{counted(view.unchanged, 'more table')} unchanged"])
    sheet.write([])
    for name, end in (("from", view.before), ("to", view.after)):
        sheet.write([name, *_end(end)])
    sheet.finish()


def _end(end: End) -> list[str]:
    time = "" if end.time is None else moment(end.time)
    return [end.ref, end.commit_id, time, end.author, end.message]


def _columns(book: Book, view: DiffView) -> None:
    touched = [(table, one) for table in view.tables for one in table.touched_columns]
    if not touched:
        return
    sheet = book.sheet("Columns", COLUMNS)
    for table, one in touched:
        counts, (before, after) = one.counts, (one.counts.before, one.counts.after)
        figures = [
            None if side is None else _figure(getattr(side, name))
            for name in ("nulls", "low", "high", "mean", "total")
            for side in (before, after)
        ]
        sheet.write(
            [
                *(table.name, one.name, *(one.types or (None, None))),
                *(counts.filled, counts.cleared, counts.corrected),
                *(counts.within_tolerance, one.distinct, *figures),
            ]
        )
    sheet.finish()


def _figure(value: object) -> object:
    """Returns a statistic as a number if it is the text of one that a cell holds."""
    if not isinstance(value, str):
        return value
    try:
        number = float(value)
    except ValueError:
        return value
    digits = sum(c.isdigit() for c in value)
    plain = not any(c in value for c in "xX_naNAiI")
    return excel_value(number)[0] if digits <= 15 and plain else value


def _partitions(book: Book, view: DiffView) -> None:
    changed = [(table, one) for table in view.tables for one in table.partitions if one.values]
    if not changed:
        return
    sheet = book.sheet("Partitions", PARTITIONS)
    for table, one in changed:
        sheet.write(
            [
                *(table.name, named_values(one.values), *(one.rows or (None, None))),
                *(one.inserted, one.deleted, one.updated),
                *(one.filled, one.cleared, one.corrected),
            ]
        )
    sheet.finish()


@dataclass(frozen=True, slots=True)
class _Layout:
    """The columns of a sheet of changed rows.

    Attributes:
        key: Columns of the key.
        pairs: Columns with a value before and one after.
        old: Columns that only the older side has.
        new: Columns that only the newer side has.
        same: Columns in which no cell changed: the value of either side.
    """

    key: Sequence[str]
    pairs: Sequence[str]
    old: Sequence[str]
    new: Sequence[str]
    same: Sequence[str]

    def names(self) -> list[str]:
        """Returns the header."""
        both = [f"{side}.{name}" for name in self.pairs for side in ("from", "to")]
        apart = [*(f"from.{name}" for name in self.old), *(f"to.{name}" for name in self.new)]
        return unique_names(["change", *self.key, *both, *apart, *self.same])

    def row(self, row: ChangedRow) -> tuple[list[object], list[str]]:
        """Returns the values of a row, and how each looks."""
        before: Mapping[str, object] = row.before or {}
        after: Mapping[str, object] = row.after or {}
        either = after if row.after is not None else before
        style = row.change if row.change != "updated" else "plain"
        values: list[object] = [row.change, *(row.key[name] for name in self.key)]
        styles = [style] * len(values)
        for name in self.pairs:
            changed = row.change == "updated" and name in row.columns
            values += _told_apart(before.get(name), after.get(name), changed=changed)
            styles += ["changed" if changed else style] * 2
        values += [before.get(name) for name in self.old]
        values += [after.get(name) for name in self.new]
        values += [either.get(name) for name in self.same]
        return values, [*styles, *[style] * (len(values) - len(styles))]


def _layout(table: TableView, schema: "pa.Schema") -> _Layout:
    from cli.diff.rows import key_columns

    keys = key_columns(schema)
    bare = [name.removeprefix("key.") for name in keys]
    old, new = ([f.name for f in schema.field(side).type] for side in ("_from", "_to"))
    touched = {one.name for one in table.touched_columns}
    rest = [name for name in dict.fromkeys([*old, *new]) if name not in bare]
    both = [name for name in rest if name in old and name in new]
    return _Layout(
        bare,
        [name for name in both if name in touched],
        [name for name in rest if name not in new],
        [name for name in rest if name not in old],
        [name for name in both if name not in touched],
    )


def _changed(book: Book, table: TableView, reader: "pa.RecordBatchReader") -> int:
    layout = _layout(table, reader.schema)
    sheet: Sheet = book.sheet(table.name, layout.names())
    for row in changed_rows(reader):
        sheet.write(*layout.row(row))
    sheet.finish()
    return sheet.rows


def _told_apart(before: object, after: object, *, changed: bool) -> list[object]:
    """Returns two values, as text if Excel would show the same for values that differ."""
    are_floats = changed and isinstance(before, float) and isinstance(after, float)
    if are_floats and f"{before:.15g}" == f"{after:.15g}":
        return [repr(before), repr(after)]
    return [before, after]
