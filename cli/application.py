"""The typer application: global options, and all commands in the order help lists them."""

import functools
import inspect
from collections.abc import Callable
from typing import Annotated

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

import catalog
from catalog.model.datafile import Verify
from cli.commands import (
    backfill,
    check,
    check_sync,
    contract,
    demo,
    derive,
    export,
    history,
    init,
    inspection,
    lineage,
    merge,
    refresh,
    refs,
    replay,
    reproduce,
    rows,
    snapshot,
    sql,
    status,
)
from cli.commands import diff as diff_command
from cli.exit_codes import ExitCode
from cli.groups import DefaultCommandGroup, NamedGroup
from cli.output import stdout


class PlainCommand(TyperCommand):
    """A command whose usage line shows arguments by their metavars."""

    def collect_usage_pieces(self, ctx):  # type: ignore[no-untyped-def]
        """Returns the words of the usage line after the command's name."""
        arguments = [p for p in self.get_params(ctx) if p.param_type_name == "argument"]
        return ["[OPTIONS]", *(p.metavar or p.name.upper() for p in arguments)]


_EXIT_CODES = "; ".join(f"{int(code)} {code.meaning.partition(';')[0]}" for code in ExitCode)

application = typer.Typer(
    name="parquetry",
    cls=NamedGroup,
    epilog=f"Exit codes: {_EXIT_CODES}.".replace("`", ""),
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        stdout.line(f"parquetry {catalog.__version__}")
        raise typer.Exit


@application.callback()
def options(
    catalog_uri: Annotated[
        str | None,
        typer.Option(
            "-C",
            "--catalog",
            metavar="URI",
            help="The catalog's directory. Default: PARQUETRY_CATALOG, else the nearest "
            "parquetry.toml or catalog upwards.",
        ),
    ] = None,
    verify: Annotated[
        Verify | None,
        typer.Option(
            "--verify",
            help="What of data files is compared before they are read: their size, also the "
            "checksums of their pages, or also their hash. Default: verify of parquetry.toml, "
            "else size.",
        ),
    ] = None,
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version.", callback=_print_version, is_eager=True
        ),
    ] = False,
) -> None:
    """Version many Parquet tables as one, and see what a backfill changed, to the cell."""


def _group(name: str, about: str, cls: type[TyperGroup] = NamedGroup) -> typer.Typer:
    group = typer.Typer(cls=cls, rich_markup_mode=None, no_args_is_help=True)
    application.add_typer(group, name=name, help=about)
    return group


def _add(group: typer.Typer, name: str, function: Callable[..., None]) -> None:
    group.command(name, cls=PlainCommand, help=_help(function))(function)


def _help(function: Callable[..., None]) -> str:
    """Returns a command's docstring, its examples kept from being wrapped."""
    return inspect.cleandoc(function.__doc__ or "").replace("\n\nExamples:", "\n\n\b\nExamples:")


_add(application, "init", init.init)
_add(application, "snapshot", snapshot.snapshot)
_add(application, "status", status.status)
_add(application, "derive", derive.derive)
_add(application, "refresh", refresh.refresh)
_add(application, "lineage", lineage.lineage)
_add(application, "diff", diff_command.diff)
_add(application, "sql", sql.sql)
_add(application, "shell", sql.shell)
_add(application, "log", history.log)
_add(application, "show", history.show)
_add(application, "tables", inspection.tables)
_add(application, "schema", inspection.schema)
_add(application, "partitions", inspection.partitions)
_add(application, "files", inspection.files)
_add(application, "blame", rows.blame)
_add(application, "history", rows.history)
_add(application, "reproduce", reproduce.reproduce)

branches = _group("branch", "List, create, delete and protect branches.")
_add(branches, "list", refs.branch_list)
_add(branches, "create", refs.branch_create)
_add(branches, "delete", refs.branch_delete)
_add(branches, "protect", refs.branch_protect)
_add(branches, "rules", refs.branch_rules)

tags = _group("tag", "List, create and delete tags, which never move.")
_add(tags, "list", refs.tag_list)
_add(tags, "create", refs.tag_create)
_add(tags, "delete", refs.tag_delete)

_add(application, "merge", merge.merge)
_add(application, "conflicts", merge.conflicts)
_add(application, "rebase", replay.rebase)
_add(application, "cherry-pick", replay.cherry_pick)
_add(application, "revert", replay.revert)

checks = _group("check", "Check tables, and say what must hold of them.", DefaultCommandGroup)
_add(checks, "run", check.check)
_add(checks, "add", check.check_add)
_add(checks, "list", check.check_list)
_add(checks, "drop", check.check_drop)
_add(checks, "sync", check_sync.check_sync)

contracts = _group(
    "contract", "Say what a change may do, and judge changes by it.", DefaultCommandGroup
)
_add(contracts, "run", contract.contract)
_add(contracts, "add", contract.contract_add)
_add(contracts, "list", contract.contract_list)
_add(contracts, "show", contract.contract_show)
_add(contracts, "drop", contract.contract_drop)

backfills = _group(
    "backfill", "Run a fix on a branch of its own, judge it, merge it.", DefaultCommandGroup
)
_add(backfills, "run", backfill.backfill)
_add(backfills, "list", backfill.backfill_list)
_add(backfills, "show", backfill.backfill_show)
_add(backfills, "abandon", backfill.backfill_abandon)
_add(backfills, "undo", backfill.backfill_undo)

_add(application, "reflog", refs.reflog)
_add(application, "reset", refs.reset)
_add(application, "export", export.export)
_add(application, "views", export.views)
_add(application, "demo", demo.demo)


@functools.cache  # typer takes longer to make it than many commands take to run
def command() -> TyperGroup:
    """Returns the whole command line as one command."""
    group = get_command(application)
    assert isinstance(group, TyperGroup)
    return group
