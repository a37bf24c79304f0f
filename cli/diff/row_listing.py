"""Lists the changed rows of a diff, table by table."""

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from catalog.diff.file_changes import FileChanges
from catalog.diff.json_form import left_out_json
from catalog.diff.view import DiffView, TableView
from catalog.errors import ErrorKind, InvalidInput
from catalog.report.figures import count, counted
from catalog.report.file_words import every_file, file_text
from catalog.report.layout import UNLIMITED, flowed
from catalog.report.picture.headline import header
from catalog.report.picture.table import title
from catalog.report.words import comparison_facts, left_out_lines
from cli.diff.comparison import ends_json
from cli.diff.request import Request
from cli.diff.rows import (
    JSON_COLUMNS,
    changed_rows,
    former_names,
    json_rows,
    text_block,
    text_line,
    write_csv,
)
from cli.output import stdout
from cli.output.listing import FORMAT_VERSION
from cli.output.results import (
    byte_target,
    data_target,
    note_written,
    text_target,
    write_parquet,
)
from cli.output.values import json_text
from cli.output.workbook import MOST_ROWS
from cli.usage import UsageError

if TYPE_CHECKING:
    import pyarrow as pa

    from catalog.diff.result import Diff, TableDiff
    from catalog.diff.selection import Columns

_UNFIT = re.compile('[%/\\\\:*?"<>|]')
"""What a file cannot have in its name on one system or another, and what stands for it."""

TEXT_LIMIT = 20
"""Rows of a table that text lists: a screen of them; files get all."""


def write_rows_text(result: "Diff", view: DiffView, request: Request) -> None:
    """Writes the changed rows as text, one line each."""
    usual = TEXT_LIMIT if request.target is None else -1
    limit = usual if request.limit is None else request.limit
    width = stdout.room(request.target) or UNLIMITED
    check_shown(result, request)
    written = []
    with text_target(request.target) as write:
        write(header(view) + "\n")
        for table in _tables_with_rows(view):
            write(f"\n{title(table)}\n")
            for name, text in comparison_facts(table):
                write(f"  {name}  {text}\n")
            if table.files is not None and not _selects(request):
                written.append(_write_files(write, table.files, limit=limit, width=width))
                continue
            narrow = request.narrow or not (table.rows.inserted or table.rows.deleted)
            reader = _reader(
                result[table.name], request, limit=-1 if limit < 0 else limit + 1, narrow=narrow
            )
            found = changed_rows(reader, former_names(table))
            beside = request.context if request.shown is None else request.shown
            shown, is_cut = 0, False
            for row in found if limit < 0 else islice(found, limit):
                lines = (
                    text_block(row, width, beside)
                    if request.vertical
                    else [text_line(row, width, beside)]
                )
                write("".join(f"{line}\n" for line in lines))
                shown += 1
                is_cut = is_cut or lines[0].endswith("…")
            written.append(shown)
            notes = [_tail(table, request, shown, more=next(found, None) is not None)]
            if is_cut and not request.vertical:
                notes.append("(a line holds no more: --vertical has one for each column)")
            for note in notes:
                write("".join(f"{line}\n" for line in flowed([note], width=width, indent=2)))
        for line in left_out_lines(view):
            write("\n" + "".join(f"{one}\n" for one in flowed([line], width=width)))
    _note_rows(written, request.target)


def write_rows_json(result: "Diff", view: DiffView, request: Request) -> None:
    """Writes the changed rows as one JSON object with one row a line, as they come."""
    from cli.output.text_rows import json_form, write_rows

    check_shown(result, request)
    with data_target(request.target) as write:
        facts = {"format_version": FORMAT_VERSION, **ends_json(view)}
        if view.left_out:
            facts["left_out"] = left_out_json(view)
        head = json_text(facts)
        write(f'{head[:-1]}, "changes": [\n'.encode())
        tables = list(_tables_with_rows(view))
        batches = (
            batch
            for table in tables
            for batch in json_rows(table.name, _reader(result[table.name], request))
        )
        rows = write_rows(batches, json_form(JSON_COLUMNS), write)
        write(b"\n]}\n" if rows else b"]}\n")
    note_written(f"{counted(rows, 'row')} of {counted(len(tables), 'table')}", request.target)


def write_rows_csv(result: "Diff", view: DiffView, request: Request) -> None:
    """Writes the changed rows of one table as CSV, or of each to a file of its own."""

    def write_table(table: "TableDiff", target: Path | None) -> int:
        reader = _reader(table, request)
        with data_target(target) as write:
            return write_csv(reader, write, request.style)

    _write_tables(result, view, request, write_table)


def write_rows_parquet(result: "Diff", view: DiffView, request: Request) -> None:
    """Writes the changed rows of one table as Parquet, in the row form, or of each to a file."""

    def write_table(table: "TableDiff", target: Path | None) -> int:
        reader = _reader(table, request)
        with byte_target(target) as stream:
            return write_parquet(reader, stream)

    _write_tables(result, view, request, write_table)


def _write_tables(
    result: "Diff",
    view: DiffView,
    request: Request,
    write_table: "Callable[[TableDiff, Path | None], int]",
) -> None:
    """Writes the rows of the one table, or of each that was asked for or has changed rows."""
    check_shown(result, request)
    folder = request.target
    if not request.each_table or folder is None:
        rows = write_table(result[_only(view, request).name], request.target)
        note_written(counted(rows, "row"), request.target)
        return
    stdout.make_directory(folder)
    names = {name.casefold() for name in request.tables}
    for table in view.tables:
        if table.rows_changed or table.name.casefold() in names:
            path = folder / f"{_file_name(table.name)}.{request.how}"
            rows = write_table(result[table.name], path)
            note_written(counted(rows, "row"), path)


def _file_name(table: str) -> str:
    """Returns the name of a table as file systems take it: other characters as ``%2F``.

    It stays in the directory, whatever the table is called; no two tables get the same.
    """
    return _UNFIT.sub(lambda found: quote(found[0], safe=""), table)


def write_rows_xlsx(result: "Diff", view: DiffView, request: Request) -> None:
    """Writes a workbook with an overview, and the changed rows of each table."""
    from cli.diff.workbook import write_workbook

    check_shown(result, request)
    most = MOST_ROWS - 1
    for table in view.tables:
        if table.rows_changed > most and not (_selects(request) or request.limit):
            raise UsageError(
                f"a sheet of Excel holds {most:,} rows, and {count(table.rows_changed)} rows of "
                f"{table.name} changed",
                hint="--limit or --where takes fewer, --format csv or parquet all",
            )
    if not view.tables:
        raise UsageError("no table differs, so there is nothing to write")
    readers = ((one, _reader(result[one.name], request)) for one in _tables_with_rows(view))
    with byte_target(request.target) as stream:
        written = write_workbook(view, readers, stream)
    _note_rows(list(written.values()), request.target)


def _reader(
    table: "TableDiff", request: Request, *, limit: int | None = None, narrow: bool | None = None
) -> "pa.RecordBatchReader":
    """Returns the rows asked for; text of updated rows shows changed columns in any case."""
    most = request.limit if limit is None else limit
    known = table.column_names
    columns: Columns = "all"
    if request.shown is not None:
        columns = [name for name in request.shown if name in known]
    elif request.context or (request.narrow if narrow is None else narrow):
        columns = "changed"
    return table.changes(
        columns=columns,
        context=[name for name in request.context if name in known],
        where=request.where,
        change=request.change,
        limit=None if most is None or most < 0 else most,
        shape="flat" if request.flat else "nested",
    )


def check_shown(result: "Diff", request: Request) -> None:
    """Checks that each column to show is in one of the tables.

    Raises:
        InvalidInput: None of the tables has one.
    """
    known = {name for table in result.tables for name in table.column_names}
    for name in (*request.context, *(request.shown or ())):
        if known and name not in known:
            from catalog.diff.plan import near

            raise InvalidInput(
                f"no table has a column {name!r} to show",
                kind=ErrorKind.COLUMN_NOT_FOUND,
                hint=near(name, sorted(known)),
            )


def _tables_with_rows(view: DiffView) -> Iterator[TableView]:
    return (table for table in view.tables if table.rows_changed)


def _only(view: DiffView, request: Request) -> TableView:
    """Returns the one table whose rows are written."""
    if len(view.tables) == 1:
        return view.tables[0]
    changed = list(_tables_with_rows(view))
    if len(changed) == 1 and not request.tables:
        return changed[0]
    if not view.tables:
        raise UsageError("no table differs, so there are no columns to write", hint="name it: -t T")
    names = ", ".join(table.name for table in view.tables)
    raise UsageError(
        f"one file holds the rows of one table, and here are several: {names}",
        hint=f"choose one: -t {view.tables[0].name}; or --format json",
    )


def _selects(request: Request) -> bool:
    """Returns whether rows are selected by what only rows have."""
    chosen = request.narrow or request.context or request.shown is not None
    return bool(chosen or request.where is not None or request.change is not None)


def _write_files(
    write: Callable[[str], object], files: FileChanges, *, limit: int, width: int
) -> int:
    """Writes what happened to files, one line each; returns how many lines."""
    every = every_file(files)
    shown = list(every if limit < 0 else islice(every, limit))
    total = sum(map(len, (files.added, files.removed, files.replaced, files.moved)))
    total += len(files.restated)
    for line in file_text(shown, width, 2):
        write(line + "\n")
    more = f"of {count(total)} files that changed, the first {count(len(shown))}"
    every_one = len(shown) == total
    tail = counted(total, "file") + " changed" if every_one else f"{more}; --limit -1 lists all"
    write(f"  ({tail})\n")
    return len(shown)


def _note_rows(written: Sequence[int], target: Path | None) -> None:
    """Notes how many rows of each table went to a file."""
    note_written(f"{counted(sum(written), 'row')} of {counted(len(written), 'table')}", target)


def _tail(table: TableView, request: Request, shown: int, *, more: bool) -> str:
    """Returns how many rows are shown of how many."""
    total = table.rows_changed
    filtered = request.where is not None or request.change is not None
    if not more:
        every = counted(total, "changed row")
        return f"({count(shown)} of {count(total)} changed rows)" if filtered else f"({every})"
    of = "the first" if filtered else f"of {count(total)} changed rows, the first"
    return f"({of} {count(shown)}; --limit -1 lists all)"
