"""``snapshot`` and ``status``: take the state of tables as their sources have it."""

from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

import typer

from catalog.errors import ErrorKind, NotFound
from catalog.report.figures import counted, plain, short, size
from cli.config import CONFIG_NAME
from cli.location import find_config, place_of
from cli.opening import DEFAULT_REF, opened
from cli.options import Branch, Format, Json, chosen
from cli.output import stderr, stdout
from cli.output.listing import ListFormat, Listing, show, show_json
from cli.specs import TableSpec, pair, parse_sources, selected, with_options
from cli.usage import UsageError

if TYPE_CHECKING:
    from catalog.operations.transaction import CatalogTransaction
    from catalog.write.snapshot.take import SnapshotReport


Scope: TypeAlias = Literal["full", "partitions", "append"]


class Mode(StrEnum):
    """How files come into the store."""

    COPY = "copy"
    LINK = "link"
    REFERENCE = "reference"


class SourceFormat(StrEnum):
    """What a source is."""

    AUTO = "auto"
    PARQUET = "parquet"


class Fingerprints(StrEnum):
    """When fingerprints are made."""

    NOW = "now"
    LATER = "later"


Sources = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[TABLE=SOURCE]...",
        help=f"Tables and where they lie. Default: all of {CONFIG_NAME}; "
        "a bare TABLE is one of those.",
        show_default=False,
    ),
]
Keys = Annotated[
    list[str] | None,
    typer.Option("--key", metavar="TABLE=COL,COL", help="Key columns.", show_default=False),
]
PartitionColumns = Annotated[
    list[str] | None,
    typer.Option(
        "--partition-by",
        metavar="TABLE=COL[:TYPE],...",
        help="Partition columns in path order, with their types. Default: from the paths.",
        show_default=False,
    ),
]
Partitions = Annotated[
    bool, typer.Option("--partitions", help="Replace only the partitions that the source has.")
]
Append = Annotated[bool, typer.Option("--append", help="Add the files.")]


def snapshot(
    context: typer.Context,
    sources: Sources = None,
    message: Annotated[
        str | None,
        typer.Option("-m", "--message", help="What the commit is about.", show_default=False),
    ] = None,
    branch: Branch = DEFAULT_REF,
    keys: Keys = None,
    partition_by: PartitionColumns = None,
    mode: Annotated[
        Mode | None,
        typer.Option(
            "--mode",
            help="Copy the files, link to them, or leave them. Default: copy.",
            show_default=False,
        ),
    ] = None,
    source_format: Annotated[
        SourceFormat | None,
        typer.Option("--format", help="What the sources are. Default: auto.", show_default=False),
    ] = None,
    partitions: Partitions = False,
    append: Append = False,
    fingerprints: Annotated[
        Fingerprints | None,
        typer.Option(
            "--fingerprints", help="Read the rows now, or at the first diff.", show_default=False
        ),
    ] = None,
    metadata: Annotated[
        list[str] | None,
        typer.Option("--meta", metavar="KEY=VALUE", help="Kept in the commit.", show_default=False),
    ] = None,
    idempotency_key: Annotated[
        str | None,
        typer.Option(
            "--idempotency-key",
            metavar="KEY",
            help="Commit once: do nothing if a commit of this key is on the branch already.",
            show_default=False,
        ),
    ] = None,
    allow_empty: Annotated[
        bool, typer.Option("--allow-empty", help="Take a source without rows, or a missing one.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would change, write nothing.")
    ] = False,
    json: Json = False,
) -> None:
    """Commit tables as their sources have them: all in one commit, or none.

    Takes the full state of each table; --partitions and --append take less. Without
    arguments it takes all tables of parquetry.toml.

    Examples:
      parquetry snapshot orders=exports/orders --key orders=order_id -m "daily load"
      parquetry snapshot orders=backfill/out --partitions -m "backfill of March"
      parquetry snapshot --dry-run
    """
    scope = _scope(partitions=partitions, append=append)
    specs = with_options(
        _specs(context, sources or []), keys=keys or [], partition_by=partition_by or []
    )
    given = dict(pair(text, "--meta KEY=VALUE", "--meta job=nightly") for text in metadata or [])
    cat = opened(context)
    reports = []
    with (
        stderr.Progress("snapshot:") as progress,
        cat.transaction(
            branch,
            message=message,
            metadata=given,
            idempotency_key=idempotency_key,
            dry_run=dry_run,
        ) as transaction,
    ):
        for n, spec in enumerate([] if transaction.is_repeated else specs):
            progress(n, len(specs), spec.table)
            reports.append(
                _take(
                    transaction,
                    spec,
                    mode=mode.value if mode else None,
                    source_format=source_format.value if source_format else None,
                    scope=scope,
                    fingerprints=fingerprints.value if fingerprints else None,
                    allow_empty=allow_empty,
                )
            )
    _report(reports, transaction, branch, dry_run=dry_run, json=json)


def status(
    context: typer.Context,
    sources: Sources = None,
    keys: Keys = None,
    partition_by: PartitionColumns = None,
    partitions: Partitions = False,
    append: Append = False,
    branch: Branch = DEFAULT_REF,
    how: Format = ListFormat.TEXT,
    json: Json = False,
) -> None:
    """Say what snapshot would change, and write nothing.

    Examples:
      parquetry status
      parquetry status orders=exports/orders --json
    """
    from catalog.operations.status import Source

    scope = _scope(partitions=partitions, append=append)
    specs = with_options(
        _specs(context, sources or []), keys=keys or [], partition_by=partition_by or []
    )
    wanted = [
        Source(
            spec.table,
            spec.source,
            key=spec.key,
            partition_by=spec.partition_by,
            mode=spec.mode or "copy",  # type: ignore[arg-type]
            scope=scope,
        )
        for spec in specs
    ]
    found = opened(context).status(wanted, branch=branch)
    columns = ("table", "state", "files_added", "files_removed", "files_kept", "source")
    rows = tuple(
        (t.table, t.state, t.files_added, t.files_removed, t.files_kept, t.source) for t in found
    )
    show(Listing("tables", columns, rows, about={"branch": branch}), chosen(how, json))


def _scope(*, partitions: bool, append: bool) -> Scope:
    if partitions and append:
        raise UsageError("--partitions and --append exclude each other")
    return "partitions" if partitions else "append" if append else "full"


def _specs(context: typer.Context, arguments: Sequence[str]) -> list[TableSpec]:
    """Returns the tables to take: those written out, and those of the configuration.

    Raises:
        NotFound: None is written out, and there is no configuration.
        UsageError: One is neither written out nor in the configuration.
    """
    bare = [text for text in arguments if "=" not in text]
    written = parse_sources([text for text in arguments if "=" in text])
    if arguments and not bare:
        return written
    config = find_config(place_of(context))
    if config is None or not config.tables:
        if bare:
            raise UsageError(
                f"{bare[0]!r} has no source", hint=f"write TABLE=SOURCE: {bare[0]}=DIR"
            )
        where = f"no {CONFIG_NAME} found" if config is None else f"{config.path} lists no tables"
        raise NotFound(
            f"nothing to take: no TABLE=SOURCE written, and {where}",
            kind=ErrorKind.NOTHING_TO_TAKE,
            hint="e.g. parquetry snapshot orders=exports/orders --key orders=order_id",
        )
    return [*written, *(selected(config.tables, bare) if bare else config.tables)]


def _take(
    transaction: "CatalogTransaction",
    spec: TableSpec,
    *,
    mode: str | None,
    source_format: str | None,
    scope: Scope,
    fingerprints: Literal["now", "later"] | None,
    allow_empty: bool,
) -> "SnapshotReport":
    return transaction.snapshot(
        spec.table,
        spec.source,
        key=spec.key,
        partition_by=_partition_by(spec),
        mode=mode or spec.mode or "copy",  # type: ignore[arg-type]
        format=source_format or spec.format or "auto",  # type: ignore[arg-type]
        scope=scope,
        fingerprints=fingerprints,
        allow_empty=allow_empty,
    )


def _partition_by(spec: TableSpec) -> list[str] | dict[str, str] | None:
    if spec.partition_by is None:
        return None
    typed = {name: kind for name, kind in spec.partition_by if kind is not None}
    if typed and len(typed) < len(spec.partition_by):
        raise UsageError(
            f"table {spec.table!r}: give a type to all partition columns, or to none",
            hint=f"e.g. --partition-by {spec.table}=day:DATE,region:VARCHAR",
        )
    return typed or [name for name, _ in spec.partition_by]


def _report(
    reports: "Sequence[SnapshotReport]",
    transaction: "CatalogTransaction",
    branch: str,
    *,
    dry_run: bool,
    json: bool,
) -> None:
    for report in reports:
        for text in report.warnings:
            stderr.warning(text if report.table in text else f"{report.table}: {text}")
    commit = transaction.commit
    if json:
        show_json(
            {
                "branch": branch,
                "commit": commit.id if commit else None,
                "repeated": transaction.is_repeated,
                "dry_run": dry_run,
                "tables": [_report_json(report) for report in reports],
            }
        )
        return
    if transaction.is_repeated and commit is not None:
        stdout.line(f"committed before as {short(commit.id)}: {plain(commit.message)}")
        return
    wide = max(len(report.table) for report in reports)
    stdout.lines(f"{plain(r.table):<{wide}}  {_outcome(r, dry_run=dry_run)}" for r in reports)
    changed = sum(report.changed for report in reports)
    if dry_run:
        stdout.line(f"dry run: {counted(changed, 'table')} would change, nothing was written")
    elif commit is None:
        stdout.line("nothing changed, no commit")
    else:
        stdout.line(f"{branch} is now {short(commit.id)}: {plain(commit.message)}")


def _outcome(report: "SnapshotReport", *, dry_run: bool) -> str:
    total = f"{counted(report.rows, 'row')} in {size(report.size_bytes)}"
    if not report.changed:
        return f"unchanged: {total}"
    files = f"{report.files_added:,} added, {report.files_removed:,} removed, "
    copied = "" if dry_run else f"; {size(report.bytes_copied)} copied"
    return f"{total}; files: {files}{report.files_kept:,} kept{copied}"


def _report_json(report: "SnapshotReport") -> dict[str, object]:
    return {
        "table": report.table,
        "changed": report.changed,
        "rows": report.rows,
        "size_bytes": report.size_bytes,
        "files_added": report.files_added,
        "files_removed": report.files_removed,
        "files_kept": report.files_kept,
        "bytes_copied": report.bytes_copied,
        "warnings": list(report.warnings),
    }
