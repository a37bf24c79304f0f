"""``snapshot``: takes the state of tables as their sources have it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

import typer

from catalog.errors import ErrorKind, GateRefused, NotFound
from catalog.report.figures import counted, plain, short
from cli.config import CONFIG_NAME
from cli.guards import guards_of
from cli.location import find_config, running_code
from cli.opening import DEFAULT_REF, opened
from cli.options import Branch, IdempotencyKey, Inputs, Json, Message
from cli.output import stderr
from cli.output.listing import show_outcome
from cli.output.snapshots import report_json, report_line, tell_of
from cli.specs import (
    FileMode,
    TableSpec,
    pair,
    parse_sources,
    selected,
    supported_format,
    with_options,
)
from cli.usage import UsageError

if TYPE_CHECKING:
    from catalog.operations.transaction import CatalogTransaction
    from catalog.write.snapshot.outcome import SnapshotReport
    from catalog.write.snapshot.table_plan import SnapshotScope


Images: TypeAlias = Literal["auto", "always", "never"]
FingerprintChoice: TypeAlias = Literal["rows", "columns", "later", "now"]

Sources = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[TABLE=SOURCE]...",
        help=f"Tables and their sources. Default: all tables of {CONFIG_NAME}; "
        "a bare TABLE is one of those.",
    ),
]
Keys = Annotated[
    list[str] | None, typer.Option("--key", metavar="TABLE=COL,COL", help="Key columns.")
]
PartitionColumns = Annotated[
    list[str] | None,
    typer.Option(
        "--partition-by",
        metavar="TABLE=COL[:TYPE],...",
        help="Partition columns in path order, with their types. Default: from the paths.",
    ),
]
HowFilesComeIn = Annotated[
    FileMode | None,
    typer.Option(
        "--mode", help="Copy the files, link to them, or leave them in place. Default: copy."
    ),
]
FormatOfSources = Annotated[
    str | None,
    typer.Option(
        "--format",
        metavar="auto|parquet|delta|iceberg|files",
        help="The format of the sources; files are directories of anything. Default: auto.",
    ),
]
VersionOfSources = Annotated[
    str | None,
    typer.Option(
        "--at",
        metavar="VERSION|TIME|TAG",
        help="Take this version of a table of Delta or Iceberg. Default: the newest.",
    ),
]
Partitions = Annotated[
    bool, typer.Option("--partitions", help="Replace only the partitions that the source has.")
]
Append = Annotated[bool, typer.Option("--append", help="Add the files.")]
WhatIsRecorded = Annotated[
    FingerprintChoice | None,
    typer.Option(
        "--fingerprints",
        metavar="rows|columns|later",
        help="Record digests of the columns, or of the rows too, so that diffs read less; or leave "
        "that to the first diff. Default: rows where there is a key and they are wide, else "
        "columns; for references later.",
    ),
]
Metadata = Annotated[
    list[str] | None, typer.Option("--meta", metavar="KEY=VALUE", help="Store this in the commit.")
]
HowImagesAreTaken = Annotated[
    Images | None,
    typer.Option(
        "--images",
        help="With --format files: whether to look at images, for their size and a perceptual "
        "hash. Default: auto, new images where Pillow is installed; always looks at all that "
        "nobody has looked at.",
    ),
]
AllowEmpty = Annotated[
    bool, typer.Option("--allow-empty", help="Accept a source that is empty or missing.")
]
SchemaGuards = Annotated[
    list[str] | None,
    typer.Option(
        "--schema",
        metavar="[TABLE=]strict|widen|any",
        help="Refuse any change of columns, key or partitioning (strict), or all but new columns "
        "and types that hold what was there (widen). Default, also for --max-loss: what "
        f"{CONFIG_NAME} says, else any.",
    ),
]
LossGuards = Annotated[
    list[str] | None,
    typer.Option(
        "--max-loss",
        metavar="[TABLE=]N%|ROWS|any",
        help="Refuse a table that would lose more than this share of its rows, or more than so "
        "many of them. Default: any.",
    ),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would change, write nothing.")]


# long: one parameter for each option
def snapshot(
    context: typer.Context,
    *,
    sources: Sources = None,
    message: Message = None,
    branch: Branch = DEFAULT_REF,
    keys: Keys = None,
    partition_by: PartitionColumns = None,
    mode: HowFilesComeIn = None,
    source_format: FormatOfSources = None,
    at: VersionOfSources = None,
    partitions: Partitions = False,
    append: Append = False,
    fingerprints: WhatIsRecorded = None,
    images: HowImagesAreTaken = None,
    metadata: Metadata = None,
    idempotency_key: IdempotencyKey = None,
    inputs: Inputs = None,
    allow_empty: AllowEmpty = False,
    schema: SchemaGuards = None,
    max_loss: LossGuards = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Commit tables as their sources have them: all in one commit, or none.

    Takes the full state of each table; --partitions and --append take less. Without
    arguments it takes all tables of parquetry.toml.

    Examples:
      parquetry snapshot orders=exports/orders --key orders=order_id -m "daily load"
      parquetry snapshot orders=backfill/out --partitions -m "backfill of March"
      parquetry snapshot photos=shared/photos --format files -m "new photographs"
      parquetry snapshot events=lake/events --at 12 --mode reference -m "version 12"
      parquetry snapshot --schema strict --max-loss 5% -m "nightly"
      parquetry snapshot --dry-run
    """
    specs = with_options(chosen_tables(sources or []), keys=keys, partition_by=partition_by)
    chosen_format = None if source_format is None else supported_format(source_format)
    scope = scope_of(partitions, append)
    guards = guards_of(specs, schema=schema, max_loss=max_loss)
    pairs = [pair(text, "--meta KEY=VALUE", "--meta job=nightly") for text in metadata or []]
    transaction = opened(context).transaction(
        branch,
        message=message,
        metadata=dict(pairs),
        idempotency_key=idempotency_key,
        inputs=inputs or [],
        code=running_code(),
        dry_run=dry_run,
    )
    reports: list[SnapshotReport] = []
    refused: GateRefused | None = None
    try:
        with stderr.Progress("snapshot:") as progress, transaction:
            for n, spec in enumerate([] if transaction.is_repeated else specs):
                progress(n, len(specs), spec.table)
                report = transaction.snapshot(
                    spec.table,
                    spec.source,
                    key=spec.key,
                    partition_by=_partition_by(spec),
                    mode=mode or spec.mode or "copy",
                    format=chosen_format or spec.format or "auto",
                    at=spec.at if at is None else at,
                    scope=scope,
                    fingerprints=fingerprints,
                    allow_empty=allow_empty,
                    images=images or "auto",
                    guard=guards[spec.table],
                )
                reports.append(report)
    except GateRefused as error:
        refused = error
    refused = refused or transaction.refusal
    tell_of(reports, {spec.table for spec in specs if spec.key == () or refused is not None})
    outcome = {
        "branch": branch,
        "commit": transaction.commit.id if transaction.commit else None,
        "repeated": transaction.is_repeated,
        "dry_run": dry_run,
        "tables": [report_json(one) for one in reports],
        "judgement": None if refused is None else refused.judgement.to_json(),
    }
    lines = _lines(reports, transaction, branch, dry_run=dry_run, is_refused=refused is not None)
    show_outcome(outcome, *lines, json=json)
    if refused is not None:
        raise refused


def scope_of(partitions: bool, append: bool) -> "SnapshotScope":
    """Returns what a source replaces.

    Raises:
        UsageError: Both options were given.
    """
    if partitions and append:
        raise UsageError("--partitions and --append exclude each other")
    return "partitions" if partitions else "append" if append else "full"


def chosen_tables(arguments: Sequence[str], *, or_none: bool = False) -> list[TableSpec]:
    """Returns the tables to take: those written out, and those of the configuration.

    Args:
        arguments: What is written out.
        or_none: Whether there may be none.

    Raises:
        UsageError: A table has no source.
        NotFound: None are written out, and none are configured.
    """
    bare = [text for text in arguments if "=" not in text]
    written = parse_sources([text for text in arguments if "=" in text])
    if arguments and not bare:
        return written
    config = find_config()
    if config is None or not config.tables:
        if or_none and not arguments:
            return []
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


def _lines(
    reports: "Sequence[SnapshotReport]",
    transaction: "CatalogTransaction",
    branch: str,
    *,
    dry_run: bool,
    is_refused: bool,
) -> list[str]:
    commit = transaction.commit
    if transaction.is_repeated and commit is not None:
        return [f"committed before as {short(commit.id)}: {plain(commit.message)}"]
    wide = max((len(report.table) for report in reports), default=0)
    kept = dry_run or is_refused
    lines = [f"{plain(r.table):<{wide}}  {report_line(r, dry_run=kept)}" for r in reports]
    changed = sum(report.changed for report in reports)
    if dry_run:
        lines.append(f"dry run: {counted(changed, 'table')} would change, nothing was written")
    elif commit is None and not is_refused:
        lines.append("nothing changed, no commit")
    elif commit is not None:
        lines.append(f"{branch} is now {short(commit.id)}: {plain(commit.message)}")
    return lines
