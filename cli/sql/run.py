"""Runs statements of SQL and writes the rows of the last."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from catalog.errors import CatalogError
from catalog.report.figures import counted, plain
from cli.interruption import is_interruption, passed_on
from cli.output import stderr
from cli.output.csv_style import PLAIN, CsvStyle
from cli.output.result_tables import Look
from cli.output.results import ResultFormat, note_written, write_result

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

    from catalog.query.pending_write import WriteResult
    from catalog.query.session import Session

MOST_ROWS, LEAST_ROWS, BATCH_CELLS = 32_768, 2_048, 2**22
"""Rows of a batch that becomes text: one vector of the engine at least, and 4 million cells."""


@contextmanager
def running(query: str, interrupt: Callable[[], None]) -> Iterator[None]:
    """Passes Ctrl-C on while statements run and their rows are read, and translates errors.

    Raises:
        CatalogError: A statement is not valid, or failed.
        KeyboardInterrupt: It was interrupted, whatever error that led to.
    """
    import duckdb

    from catalog.query.failures import translated

    try:
        with passed_on(interrupt), translated(query):
            yield
    except (CatalogError, duckdb.Error, RuntimeError) as error:
        if is_interruption(error):
            raise KeyboardInterrupt from error
        raise


def run_sql(
    session: "Session",
    query: str,
    *,
    how: ResultFormat = ResultFormat.TABLE,
    target: Path | None = None,
    style: CsvStyle = PLAIN,
    look: Look | None = None,
) -> None:
    """Runs statements and writes the rows of the last to a file, or to stdout.

    Raises:
        CatalogError: A statement is not valid, or failed.
    """
    with running(query, session.interrupt), stderr.Progress("sql:") as progress:
        progress(what="running")
        found = rows_of(session.run(query)[-1], how)
        if found is not None:
            rows = found if target is None else watched(found, progress)
            write_rows(rows, how, target, style=style, look=look)
    _note_unkept(session, query)


def _note_unkept(session: "Session", query: str) -> None:
    """Notes that what the last statement made or changed ends with the session."""
    from catalog.query.unkept import unkept

    name = unkept(session, query)
    if name is not None:
        stderr.note(
            f"({plain(name)} was of this session alone, which has ended; "
            "--branch BRANCH commits what statements write)"
        )


def watched(rows: "pa.RecordBatchReader", progress: stderr.Progress) -> "pa.RecordBatchReader":
    """Returns rows that tell, as they are read, how many were written."""
    import pyarrow as pa

    def batches() -> "Iterator[pa.RecordBatch]":
        count = 0
        for batch in rows:
            yield batch
            count += batch.num_rows
            progress(what=f"writing, {counted(count, 'row')}")

    return pa.RecordBatchReader.from_batches(rows.schema, batches())


def rows_of(
    result: "duckdb.DuckDBPyRelation | WriteResult | None", how: ResultFormat
) -> "pa.RecordBatchReader | None":
    """Returns the rows of a query, or of RETURNING; None of a statement without rows.

    Values that only the engine understands are text. A batch becomes a row group of Parquet; other
    formats take smaller ones, so that the first rows come soon and wide ones fit in memory.
    """
    import duckdb

    from catalog.engine.readable import readable

    if isinstance(result, duckdb.DuckDBPyRelation):
        relation = readable(result)
        if how is ResultFormat.PARQUET:
            return relation.to_arrow_reader()
        few = min(max(BATCH_CELLS // len(relation.columns), LEAST_ROWS), MOST_ROWS)
        return relation.to_arrow_reader(few)
    returned = None if result is None else result.returned
    return None if returned is None else returned.to_reader()


def write_rows(
    rows: "pa.RecordBatchReader",
    how: ResultFormat,
    target: Path | None,
    *,
    style: CsvStyle = PLAIN,
    look: Look | None = None,
) -> None:
    """Writes rows, and notes on stderr how many went to a file, or how to get the others."""
    look = look or Look()
    count = write_result(rows, how, target, style=style, look=look)
    most = look.most if target is None else None
    if how in (ResultFormat.TABLE, ResultFormat.MARKDOWN) and most is not None and count > most:
        stderr.note("(--limit -1 shows all rows, -o FILE writes them; in the shell: .output FILE)")
    note_written(counted(count, "row"), target)
