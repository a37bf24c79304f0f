"""``status``: what snapshot would change, and which derived tables are stale."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from catalog.report.figures import counted
from cli.commands.snapshot import (
    Append,
    Keys,
    PartitionColumns,
    Partitions,
    Sources,
    chosen_tables,
    scope_of,
)
from cli.completion import complete_ref
from cli.exit_codes import ExitCode
from cli.guards import guards_of
from cli.model_files import configured_models, derivations, read_models
from cli.opening import DEFAULT_REF, opened
from cli.options import Branch, Format, Json, chosen
from cli.output import stdout
from cli.output.derived import stale_json
from cli.output.listing import Cell, ListFormat, Listing, show, show_json
from cli.output.snapshots import tell_of
from cli.sizes import TargetSize, target_bytes
from cli.specs import with_options
from cli.usage import UsageError

if TYPE_CHECKING:
    from catalog import Catalog
    from catalog.operations.flow.model_status import DefinitionStatus
    from catalog.operations.flow.stale import StaleInput, StaleTable
    from catalog.operations.status import TableStatus

STALE_COLUMNS = ("table", "state", "input", "change", "commit", "partitions")
"""What is listed of a derived table: a line for each input that it is behind."""

Stale = Annotated[
    bool,
    typer.Option(
        "--stale", help="List the derived tables instead, and which inputs they are behind."
    ),
]
Files = Annotated[
    bool,
    typer.Option(
        "--files",
        help="List how many small files tables have, and what compact would make of them.",
    ),
]
StaleRef = Annotated[
    str | None,
    typer.Option(
        "--ref",
        metavar="REF",
        help="With --stale or --files: where to look. Default: the branch.",
        autocompletion=complete_ref,
    ),
]
ExitCodeOption = Annotated[
    bool,
    typer.Option(
        "--exit-code",
        help="Exit with 1 if a snapshot would change anything or a source is missing, with "
        "--stale if any table is stale, or with --files if any would gain.",
    ),
]


# long: one parameter for each option
def status(
    context: typer.Context,
    *,
    sources: Sources = None,
    keys: Keys = None,
    partition_by: PartitionColumns = None,
    partitions: Partitions = False,
    append: Append = False,
    branch: Branch = DEFAULT_REF,
    stale: Stale = False,
    files: Files = False,
    target_size: TargetSize = None,
    ref: StaleRef = None,
    exit_code: ExitCodeOption = False,
    how: Format = ListFormat.TEXT,
    json: Json = False,
) -> None:
    """Show what snapshot would change, or which derived tables are stale; write nothing.

    It says the rows before and after, changes of the schema, partitions that come, go and change,
    what guards would say, and which commit took the table last.

    Where parquetry.toml names a directory of models, it also shows which definitions differ from
    those of the branch.

    Examples:
      parquetry status
      parquetry status orders=exports/orders --json
      parquetry status --exit-code
      parquetry status --stale
      parquetry status --files
    """
    if stale or files:
        if sources or keys or partition_by or partitions or append or (stale and files):
            what = "--stale lists derived tables" if stale else "--files lists tables"
            raise UsageError(f"{what}, and takes no sources")
        if files:
            size = target_bytes(target_size)
            _files(context, ref or branch, size, chosen(how, json), exit_code=exit_code)
        else:
            _stale(context, ref or branch, chosen(how, json), exit_code=exit_code)
        return
    if ref is not None or target_size is not None:
        raise UsageError("--ref is for --stale and --files, --target-size for --files")
    from catalog.operations.status import Source

    scope = scope_of(partitions, append)
    models = None if sources else configured_models()
    tables = chosen_tables(sources or [], or_none=models is not None)
    specs = with_options(tables, keys=keys, partition_by=partition_by)
    guards = guards_of(specs)
    wanted = [
        Source(
            spec.table,
            spec.source,
            key=spec.key,
            partition_by=spec.partition_by,
            mode=spec.mode or "copy",
            scope=scope,
            format=spec.format or "auto",
            at=spec.at,
            guard=guards[spec.table],
        )
        for spec in specs
    ]
    cat = opened(context)
    found = cat.status(wanted, branch=branch)
    defined = None if models is None else _definitions(cat, branch, models[1])
    _show(branch, found, defined, chosen(how, json))
    reports = [one.report for one in found if one.report is not None]
    tell_of(reports, {spec.table for spec in specs if spec.key == ()})
    states = {one.state for one in (*found, *(defined or ()))}
    if exit_code and states - {"unchanged"}:
        raise typer.Exit(ExitCode.ANSWER_IS_NO)


def _definitions(cat: "Catalog", branch: str, folder: Path) -> "list[DefinitionStatus]":
    from catalog.operations.flow.model_status import definition_status

    return definition_status(cat.context, branch, derivations(cat, branch, read_models(folder)))


def _show(
    branch: str,
    found: "list[TableStatus]",
    defined: "list[DefinitionStatus] | None",
    how: ListFormat,
) -> None:
    """Shows sources and model files: apart in text and JSON, else as one table."""
    from cli.output.table_status import COLUMNS, flat_row, show_text, status_json

    models = defined or []
    if how is ListFormat.JSON:
        listed: dict[str, object] = {"tables": [status_json(one) for one in found]}
        if defined is not None:
            listed["models"] = [
                {"table": one.table, "state": one.state, "file": one.origin or None}
                for one in models
            ]
        show_json({"branch": branch, **listed})
    elif how is ListFormat.TEXT:
        if found:
            show_text(found)
        if defined is not None:
            if found and models:
                stdout.line()
            cells = tuple((one.table, one.state, one.origin) for one in models)
            show(Listing("models", ("model", "state", "file"), cells, empty="no model files"), how)
    else:
        blank = (None,) * (len(COLUMNS) - 2)
        place = COLUMNS.index("source") - 2
        rows = [flat_row(one) for one in found]
        for model in models:
            rest: list[Cell] = list(blank)
            rest[place] = model.origin
            rows.append((model.table, model.state, *rest))
        show(Listing("tables", COLUMNS, tuple(rows)), how)


def _stale(context: typer.Context, ref: str, how: ListFormat, *, exit_code: bool) -> None:
    """Lists derived tables, and which inputs they are behind."""
    cat = opened(context)
    commit = cat.resolve(ref).commit_id
    found = cat.stale(ref)
    behind = sum(one.is_stale for one in found)
    if how is ListFormat.JSON:
        tables = [stale_json(one) for one in found]
        show_json({"ref": ref, "commit": commit, "stale": behind, "tables": tables})
    else:
        rows = tuple(row for one in found for row in _stale_rows(one, how))
        show(Listing("tables", STALE_COLUMNS, rows, empty=f"no derived tables at {ref}"), how)
        if how is ListFormat.TEXT and found:
            stdout.line(f"{behind:,} of {counted(len(found), 'derived table')} stale")
    if exit_code and behind:
        raise typer.Exit(ExitCode.ANSWER_IS_NO)


def _files(
    context: typer.Context, ref: str, size: int | None, how: ListFormat, *, exit_code: bool
) -> None:
    """Lists how many small files tables have, and what would become of them."""
    from cli.output.files import files_listing

    found = opened(context).file_gains(ref=ref, target_bytes=size)
    show(files_listing(found, ref), how)
    if exit_code and any(one.small_files for one in found):
        raise typer.Exit(ExitCode.ANSWER_IS_NO)


def _stale_rows(one: "StaleTable", how: ListFormat) -> list[tuple[Cell, ...]]:
    none: Cell = "" if how is ListFormat.TEXT else None
    if not one.is_stale:
        return [(one.table, "up to date", none, none, none, none)]
    itself: list[tuple[Cell, ...]] = []
    if one.of_itself or not one.inputs:
        itself = [(one.table, "stale", none, one.reason, none, none)]
    return itself + [
        (
            one.table,
            "stale",
            read.table,
            _change(read),
            none if read.since is None else read.since,
            none if read.partitions is None else read.partitions,
        )
        for read in one.inputs
    ]


def _change(read: "StaleInput") -> str:
    if read.gone:
        return "is gone"
    return "is stale itself" if read.behind and read.since is None else "has changed"
