"""The changed rows of a diff: as lines of text, JSON, CSV or Parquet."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, cast

from catalog.dataclasses import dataclass
from catalog.diff.view import TableView
from catalog.report.figures import around, clipped, columns_of, line_of, plain
from catalog.report.picture.examples import cut_pair, distinct_text
from catalog.report.values import rows, text
from cli.output.csv_style import PLAIN, CsvStyle
from cli.output.results import WriteBytes
from cli.output.values import csv_head

if TYPE_CHECKING:
    import pyarrow as pa

VALUE_WIDTH = 32
"""Columns a value takes at most in a line of text, so that several fit beside each other."""

CHANGE = "_change"
CHANGED_COLUMNS = "_changed_columns"

JSON_COLUMNS = ["table", "key", "change", "changed_columns", "from", "to"]

Row = dict[str, object]


@dataclass(frozen=True, slots=True)
class ChangedRow:
    """One changed row: its key, the columns that changed, and all values before and after.

    ``before`` is None for an inserted row, ``after`` for a deleted one.
    """

    key: Row
    change: str
    columns: tuple[str, ...]
    before: Row | None
    after: Row | None


def key_columns(schema: "pa.Schema") -> list[str]:
    """Returns the key columns of the row form: those before ``_change``."""
    names: list[str] = schema.names
    return names[: names.index(CHANGE)]


def changed_rows(
    reader: "pa.RecordBatchReader", older: "Mapping[str, str] | None" = None
) -> Iterator[ChangedRow]:
    """Yields the rows of the row form.

    ``older`` has the former names of columns that were renamed; what they held has the newer one.
    """
    newer = {old: new for new, old in (older or {}).items()}
    keys = key_columns(reader.schema)
    names = [_bare(name) for name in keys]
    for values in rows(reader):
        rest = cast("tuple[str, list[str] | None, Row | None, Row | None]", values[len(keys) :])
        change, columns, before, after = rest
        key = dict(zip(names, values, strict=False))
        if newer and before is not None:
            before = {newer.get(name, name): value for name, value in before.items()}
        yield ChangedRow(key, change, tuple(columns or ()), before, after)


def former_names(table: TableView) -> dict[str, str]:
    """Returns what columns were called that were renamed."""
    return {
        one.after: one.before
        for one in table.schema_changes
        if one.change == "column_renamed" and one.before and one.after
    }


def text_line(row: ChangedRow, width: int, beside: Sequence[str] = ()) -> str:
    """Returns a row as one line: what changed, or if it is new or gone, all that is shown of it.

    Columns ``beside`` come first, also if they did not change.
    """
    key = ", ".join(f"{plain(name)} {_value(value)}" for name, value in row.key.items())
    cells = [
        f"{plain(name)}: {' → '.join(_both(old, new))}"
        if has_changed
        else f"{plain(name)}: {_value(new)}"
        for name, old, new, has_changed in _cells(row, beside)
    ]
    return clipped(f"  {row.change:<8}  {'  '.join(part for part in (key, *cells) if part)}", width)


def text_block(row: ChangedRow, width: int, beside: Sequence[str] = ()) -> list[str]:
    """Returns a row with a line for each column that ``text_line`` would show."""
    key = ", ".join(f"{plain(name)} {_shown(value)}" for name, value in row.key.items())
    cells = list(_cells(row, beside))
    wide = min(max((columns_of(plain(cell[0])) for cell in cells), default=0), VALUE_WIDTH)
    lines = [f"  {row.change:<8}  {key}".rstrip()]
    for name, old, new, has_changed in cells:
        shown = clipped(plain(name), wide)
        pad = " " * (wide - columns_of(shown))
        text = f"{_shown(old)} → {_shown(new)}" if has_changed else _shown(new)
        lines.append(f"    {shown}{pad}  {text}")
    return [clipped(line, width) for line in lines]


def _cells(row: ChangedRow, beside: Sequence[str]) -> Iterator[tuple[str, object, object, bool]]:
    """Yields the cells that are shown of a row: column, values, and whether it changed."""
    before, after = row.before, row.after
    if row.change == "updated" and before is not None and after is not None:
        for name in dict.fromkeys((*beside, *row.columns)):
            if (name in before or name in after) and (name in row.columns or name not in row.key):
                changed = name in row.columns
                yield name, before.get(name), after.get(name, before.get(name)), changed
        return
    whole = after or before or {}
    for name in dict.fromkeys((*(one for one in beside if one in whole), *whole)):
        if name not in row.key:
            yield name, None, whole[name], False


def write_csv(reader: "pa.RecordBatchReader", write: WriteBytes, style: CsvStyle = PLAIN) -> int:
    """Writes rows flat, e.g. ``from.<col>`` and ``to.<col>``, and returns how many there were."""
    from catalog.diff.flat_rows import flat_rows
    from cli.output.text_rows import csv_form, write_rows

    flat = flat_rows(reader)
    write(csv_head(flat.schema.names, style))
    count = write_rows(map(_joined, flat), csv_form(style), write)
    write(b"\n" if count else b"")
    return count


def _joined(batch: "pa.RecordBatch") -> "pa.RecordBatch":
    """Returns flat rows with the names of changed columns as one text."""
    import pyarrow as pa
    import pyarrow.compute as pc

    columns = [
        pc.binary_join(column, ";").fill_null("") if name == CHANGED_COLUMNS else column
        for name, column in zip(batch.schema.names, batch.columns, strict=True)
    ]
    return pa.RecordBatch.from_arrays(columns, [str(n) for n in range(len(columns))])


def json_rows(table: str, reader: "pa.RecordBatchReader") -> "Iterator[pa.RecordBatch]":
    """Yields rows as they are in JSON, with the name of their table."""
    import pyarrow as pa
    import pyarrow.compute as pc

    names = [_bare(name) for name in key_columns(reader.schema)]
    for batch in reader:
        *keys, change, changed, before, after = batch.columns
        if keys:
            key = pa.StructArray.from_arrays(keys, names)
        else:  # Arrow takes the number of rows from the first field
            key = pa.repeat(pa.scalar({}, pa.struct([])), len(batch))
        none = pa.scalar([], changed.type)
        columns = [pa.repeat(table, len(batch)), key, change, pc.coalesce(changed, none)]
        yield pa.RecordBatch.from_arrays([*columns, before, after], JSON_COLUMNS)


def _bare(name: str) -> str:
    """Returns the name of a key column that stands as ``key._change`` beside ``_change``."""
    inner = name.removeprefix("key.")
    return inner if inner in (CHANGE, CHANGED_COLUMNS, "_from", "_to") else name


def _value(value: object) -> str:
    return line_of(_text(value), VALUE_WIDTH)


def _both(old: object, new: object) -> tuple[str, str]:
    before, after = around(_text(old), _text(new), VALUE_WIDTH)
    return cut_pair(plain(before), plain(after), VALUE_WIDTH)


def _shown(value: object) -> str:
    return plain(_text(value))


def _text(value: object) -> str:
    return distinct_text(value) if isinstance(value, str) else text(value) or "NULL"
