"""The changed rows of a diff: as lines of text, JSON, CSV or Parquet."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, cast

from catalog.dataclasses import dataclass
from catalog.report.figures import clipped, plain
from catalog.report.values import rows, text
from cli.output.results import Write
from cli.output.values import csv_line, json_text

if TYPE_CHECKING:
    import pyarrow as pa

VALUE_WIDTH = 32
"""Columns a value takes at most in a line of text, so that several fit beside each other."""

CHANGE = "_change"
CHANGED_COLUMNS = "_changed_columns"

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


def json_line(table: str, row: ChangedRow) -> str:
    """Returns a row as one line of JSON."""
    return json_text(
        {
            "table": table,
            "key": row.key,
            "change": row.change,
            "changed_columns": list(row.columns),
            "from": row.before,
            "to": row.after,
        }
    )


def write_csv(reader: "pa.RecordBatchReader", write: Write) -> int:
    """Writes rows flat, e.g. ``from.<col>`` and ``to.<col>``, and returns how many there were."""
    schema = reader.schema
    sides = [(side, [f.name for f in schema.field(f"_{side}").type]) for side in ("from", "to")]
    flat = [f"{side}.{name}" for side, names in sides for name in names]
    write(csv_line([*key_columns(schema), CHANGE, CHANGED_COLUMNS, *flat]))
    count = 0
    for row in changed_rows(reader):
        values = [
            text(None if whole is None else whole.get(name))
            for whole, (_, names) in zip((row.before, row.after), sides, strict=True)
            for name in names
        ]
        keys = [text(value) for value in row.key.values()]
        write(csv_line([*keys, row.change, ";".join(row.columns), *values]))
        count += 1
    return count


def _bare(name: str) -> str:
    """Returns the name of a key column that stands as ``key._change`` beside ``_change``."""
    inner = name.removeprefix("key.")
    return inner if inner in (CHANGE, CHANGED_COLUMNS, "_from", "_to") else name


def _value(value: object) -> str:
    found = text(value)
    return "NULL" if found is None else clipped(plain(found), VALUE_WIDTH)
