"""``compare``: what differs between two places, without a catalog."""

from typing import TYPE_CHECKING

import typer

from cli.diff import options
from cli.diff.request import Form, Request
from cli.diff.request_options import with_request
from cli.diff.writing import write_diff
from cli.exit_codes import ExitCode
from cli.location import bucket_options
from cli.opening import opened
from cli.output import stderr

if TYPE_CHECKING:
    from catalog.operations.compare.run import Sources
    from catalog.operations.context import OperationContext
    from catalog.operations.diff_request import DiffRequest


@with_request
def compare(
    context: typer.Context,
    *,
    old: options.Old,
    new: options.New,
    request: Request,
    exit_code: options.ExitCodes = False,
) -> None:
    """Show what differs between two places, straight away: no catalog, nothing left behind.

    Each is a directory of Parquet files, flat or hive-partitioned, a file, a pattern in quotes,
    s3://BUCKET/PREFIX, TABLE@REF of the catalog, or a table of Delta or Iceberg: its directory, or
    delta:PATH@VERSION, iceberg:PATH@TAG. Columns pair up by name. A query sees the rows of each
    side as the table data.

    Examples:
      parquetry compare exports/2024-05-01 exports/2024-05-02 --key order_id
      parquetry compare old.parquet new.parquet --key id --rows
      parquetry compare orders@main exports/orders --exit-code
      parquetry compare delta:lake/events@11 delta:lake/events@12 --key event_id
      parquetry compare old new --query "SELECT day, sum(amount) FROM data GROUP BY 1" --key day
    """
    if _run(_sources(context, old, new), (old, new), request) and exit_code:
        raise typer.Exit(ExitCode.ANSWER_IS_NO)


def _run(sources: "Sources", places: tuple[str, str], request: Request) -> bool:
    """Compares and writes; returns whether there are differences."""
    from catalog.operations.compare.run import explain_comparison, run_comparison

    if request.form is Form.EXPLAIN:
        from cli.diff.explanation import write_explanation

        ends, steps = explain_comparison(*places, _asked(request), sources)
        write_explanation((ends[0].ref, ends[1].ref), {"data": steps}, request)
        return False

    with stderr.Progress("compare:") as progress:
        progress(what="reading")
        asked = _asked(request, progress)
        with run_comparison(*places, asked, sources, query=request.query) as result:
            progress(what="writing")
            return write_diff(result.diff, request)


def _asked(request: Request, progress: stderr.Progress | None = None) -> "DiffRequest":
    from catalog.operations.diff_request import DiffRequest

    return DiffRequest(
        from_ref="old",
        to_ref="new",
        key=request.key,
        columns=request.columns or None,
        tolerance=request.tolerance or None,
        ignore=request.ignore or None,
        where=request.where,
        level=request.level,
        check_keys=request.check_keys,
        full_stats=request.full_stats,
        explain=request.explained,
        distributions=request.illustrated,
        method=request.method,
        threads=request.threads,
        memory_limit_bytes=request.memory_limit_bytes,
        progress=None if progress is None else progress.of_rows,
    )


def _sources(context: typer.Context, *places: str) -> "Sources":
    """Returns where places are read: a catalog is looked for when it is needed."""
    from catalog.formats.open_table import bare_location
    from catalog.operations.compare.run import Sources
    from catalog.storage.opening import open_files

    def find() -> "OperationContext":
        return opened(context, cache="").context

    bare = [str(bare_location(place)) for place in places]
    remote = next((place for place in bare if "://" in place), None)
    buckets = {} if remote is None else bucket_options(remote, context, named=False)
    return Sources(find, open_files(bare, **buckets))
