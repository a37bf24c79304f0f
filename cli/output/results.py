"""Writes rows that come as Arrow batches: as a table, JSON, CSV, Parquet or Markdown."""

import contextlib
import shutil
import tempfile
from collections.abc import Callable, Iterator
from enum import StrEnum
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TypeAlias

from catalog.dataclasses import replace
from cli.output import stderr, stdout
from cli.output.csv_style import PLAIN, CsvStyle
from cli.output.listing import FORMAT_VERSION
from cli.output.result_tables import Look, limited, write_markdown, write_table
from cli.output.values import csv_head, dumped, unique_names
from cli.usage import UsageError

if TYPE_CHECKING:
    import pyarrow as pa


class ResultFormat(StrEnum):
    """How rows are written; ``text``, as listings call it, stands for ``table``."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    PARQUET = "parquet"
    MARKDOWN = "markdown"
    XLSX = "xlsx"
    TEXT = "text"


Write: TypeAlias = Callable[[str], object]
WriteBytes: TypeAlias = "Callable[[bytes | pa.Buffer], object]"


@contextlib.contextmanager
def text_target(path: Path | None) -> Iterator[Write]:
    """Lends a function that writes text to a file, or to stdout."""
    if path is None:
        yield stdout.write
        return
    with stdout.file(path) as stream:
        yield lambda text: stream.write(text.encode())


@contextlib.contextmanager
def data_target(path: Path | None) -> Iterator[WriteBytes]:
    """Lends a function that writes text in UTF-8, which a terminal shows without obeying it."""
    if path is None:
        yield stdout.data_bytes
        return
    with stdout.file(path) as stream:
        yield stream.write


@contextlib.contextmanager
def byte_target(path: Path | None) -> Iterator[BinaryIO]:
    """Lends a file, or stdout unless a person looks at it.

    Raises:
        UsageError: Binary data would go to a terminal.
    """
    if path is None and stdout.is_terminal():
        raise UsageError("binary data does not belong on a terminal", hint="name a file: -o FILE")
    with stdout.binary() if path is None else stdout.file(path) as stream:
        yield stream


def note_written(what: str, path: Path | None) -> None:
    """Notes on stderr what was written to a file; of stdout there is nothing to say."""
    if path is not None:
        stderr.note(f"wrote {what} to {path}")


def write_result(
    reader: "pa.RecordBatchReader",
    how: ResultFormat,
    path: Path | None,
    *,
    style: CsvStyle = PLAIN,
    look: Look | None = None,
) -> int:
    """Writes the rows of a result to a file, or to stdout; returns how many there were."""
    look = replace(look or Look(), to_screen=path is None, room=stdout.room(path))
    if how not in (ResultFormat.TABLE, ResultFormat.MARKDOWN):
        reader = limited(reader, look.limit)
    if how is ResultFormat.PARQUET:
        with byte_target(path) as stream:
            return write_parquet(reader, stream)
    if how is ResultFormat.XLSX:
        with byte_target(path) as stream:
            return _write_workbook(reader, stream)
    if how in (ResultFormat.CSV, ResultFormat.JSON):
        with data_target(path) as write:
            return (
                _write_json(reader, write)
                if how is ResultFormat.JSON
                else _write_csv(reader, write, style)
            )
    with text_target(path) as write_text:
        if how is ResultFormat.TABLE:
            return write_table(reader, write_text, look)
        return write_markdown(reader, write_text, look)


def write_parquet(reader: "pa.RecordBatchReader", stream: BinaryIO) -> int:
    """Writes batches as one Parquet file, column names made unique."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from catalog.write.files.encodings import row_encodings

    names = unique_names(reader.schema.names)
    schema = pa.schema([field.with_name(n) for field, n in zip(reader.schema, names, strict=True)])
    if any(map(_has_interval, schema.types)):
        renamed = (batch.rename_columns(names) for batch in reader)
        return _write_by_engine(pa.RecordBatchReader.from_batches(schema, renamed), stream)
    batches = (batch.rename_columns(names) for batch in reader if batch.num_rows)
    first = next(batches, None)
    if first is None:
        pq.write_table(schema.empty_table(), stream, compression="zstd")
        return 0
    encodings = row_encodings(first)
    count = 0
    with pq.ParquetWriter(
        stream,
        schema,
        compression="zstd",
        use_dictionary=encodings.dictionary,
        column_encoding=encodings.other,
    ) as writer:
        for batch in chain([first], batches):
            count += batch.num_rows
            writer.write_batch(batch)
    return count


def _has_interval(kind: "pa.DataType") -> bool:
    """Returns whether values are intervals, or have some inside, which Arrow does not write."""
    import pyarrow as pa

    if kind == pa.month_day_nano_interval():
        return True
    return any(_has_interval(kind.field(n).type) for n in range(kind.num_fields))


def _write_by_engine(reader: "pa.RecordBatchReader", stream: BinaryIO) -> int:
    from catalog.engine.copying import copy_rows

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "rows.parquet")
        count = copy_rows(reader, str(path))
        with open(path, "rb") as file:
            shutil.copyfileobj(file, stream)
    return count


def _write_json(reader: "pa.RecordBatchReader", write: WriteBytes) -> int:
    from cli.output.text_rows import json_form, write_rows

    names = unique_names(reader.schema.names)
    head = f'{{"format_version": {FORMAT_VERSION}, "columns": {dumped(names)}, "rows": [\n'
    write(head.encode())
    count = write_rows(reader, json_form(names), write)
    write(b"\n]}\n" if count else b"]}\n")
    return count


def _write_csv(reader: "pa.RecordBatchReader", write: WriteBytes, style: CsvStyle) -> int:
    from cli.output.text_rows import csv_form, write_rows

    write(csv_head(reader.schema.names, style))
    count = write_rows(reader, csv_form(style), write)
    write(b"\n" if count else b"")
    return count


def _write_workbook(reader: "pa.RecordBatchReader", stream: BinaryIO) -> int:
    from catalog.report.values import rows
    from cli.output.workbook import workbook

    with workbook(stream) as book:
        sheet = book.sheet("rows", unique_names(reader.schema.names))
        for row in rows(reader):
            sheet.write(row)
        sheet.finish()
    return sheet.rows
