"""The changed rows of a diff: as lines of text, JSON, CSV or Parquet."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, cast

from catalog.dataclasses import dataclass
from catalog.report.figures import clipped, plain
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


def changed_rows(reader: "pa.RecordBatchReader") -> Iterator[ChangedRow]:
    """Yields the rows of the row form."""
    keys = key_columns(reader.schema)
    names = [_bare(name) for name in keys]
    for values in rows(reader):
        rest = cast("tuple[str, list[str] | None, Row | None, Row | None]", values[len(keys) :])
        change, columns, before, after = rest
        key = dict(zip(names, values, strict=False))
        yield ChangedRow(key, change, tuple(columns or ()), before, after)


def text_line(row: ChangedRow, width: int) -> str:
    """Returns a row as one line: what changed, or if it is new or gone, all of it."""
    key = ", ".join(f"{plain(name)} {_value(value)}" for name, value in row.key.items())
    if row.change == "updated" and row.before is not None and row.after is not None:
        before, after = row.before, row.after
        cells = [
            f"{plain(name)}: {_value(before.get(name))} → {_value(after.get(name))}"
            for name in row.columns
        ]
    else:
        whole = row.after or row.before or {}
        cells = [
            f"{plain(name)}: {_value(value)}"
            for name, value in whole.items()
            if name not in row.key
        ]
    return clipped(f"  {row.change:<8}  {'  '.join(part for part in (key, *cells) if part)}", width)


def write_csv(reader: "pa.RecordBatchReader", write: WriteBytes, style: CsvStyle = PLAIN) -> int:
    """Writes rows flat, e.g. ``from.<col>`` and ``to.<col>``, and returns how many there were."""
    from cli.output.text_rows import csv_form, write_rows

    schema = reader.schema
    sides = [f"{side}.{f.name}" for side in ("from", "to") for f in schema.field(f"_{side}").type]
    write(csv_head([*key_columns(schema), CHANGE, CHANGED_COLUMNS, *sides], style))
    count = write_rows(map(_flat, reader), csv_form(style), write)
    write(b"\n" if count else b"")
    return count


def _flat(batch: "pa.RecordBatch") -> "pa.RecordBatch":
    """Returns rows of the row form with a column for each of both sides."""
    import pyarrow as pa
    import pyarrow.compute as pc

    *keys, change, changed, before, after = batch.columns
    names = pc.binary_join(changed, ";").fill_null("")
    columns = [*keys, change, names, *before.flatten(), *after.flatten()]
    return pa.RecordBatch.from_arrays(columns, [str(n) for n in range(len(columns))])


def json_rows(table: str, reader: "pa.RecordBatchReader") -> "Iterator[pa.RecordBatch]":
    """Yields rows as they are in JSON, with the name of their table."""
    import pyarrow as pa
    import pyarrow.compute as pc

    names = [_bare(name) for name in key_columns(reader.schema)]
    for batch in reader:
        *keys, change, changed, before, after = batch.columns
        key = pa.StructArray.from_arrays(keys, names)
        none = pa.scalar([], changed.type)
        columns = [pa.repeat(table, len(batch)), key, change, pc.coalesce(changed, none)]
        yield pa.RecordBatch.from_arrays([*columns, before, after], JSON_COLUMNS)


def _bare(name: str) -> str:
    """Returns the name of a key column that stands as ``key._change`` beside ``_change``."""
    inner = name.removeprefix("key.")
    return inner if inner in (CHANGE, CHANGED_COLUMNS, "_from", "_to") else name


def _value(value: object) -> str:
    found = text(value)
    return "NULL" if found is None else clipped(plain(found), VALUE_WIDTH)
