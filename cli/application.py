"""The typer application: global options, and all commands in the order help lists them.

A command is imported once it is called or its help is needed, so that no command pays for others.
"""

import functools
import inspect
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from functools import partial
from importlib import import_module
from typing import Annotated

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

import catalog
from catalog.errors import CorruptData
from catalog.model.datafile import Verify
from cli.execution import EXPLAINED
from cli.exit_codes import ExitCode
from cli.groups import Commands, DefaultCommandGroup, NamedGroup
from cli.help_groups import OPTIONS, write_options
from cli.output import stdout
from cli.paged_commands import is_paged
from cli.parameters import PlainValues
from cli.screen_options import NoPager, Width, add_screen_options


class PlainCommand(PlainValues, TyperCommand):
    """A command whose usage line shows arguments by their metavars."""

    def collect_usage_pieces(self, ctx):  # type: ignore[no-untyped-def]
        """Returns the words of the usage line after the command's name."""
        arguments = [p for p in self.get_params(ctx) if p.param_type_name == "argument"]
        return ["[OPTIONS]", *(p.metavar or p.name.upper() for p in arguments)]

    def format_options(self, ctx, formatter):  # type: ignore[no-untyped-def]
        """Writes the options, in groups if there are many."""
        write_options(self, ctx, formatter, OPTIONS.get(self.name or "", {}))

    def invoke(self, ctx):  # type: ignore[no-untyped-def]
        """Runs the command; what it lists for people goes through a pager if it is long."""
        words = ctx.command_path.split()[1:]
        paged = is_paged(words, ctx.params)
        with stdout.paged() if paged else nullcontext():
            try:
                return super().invoke(ctx)
            except CorruptData as error:
                better = ctx.meta.get(EXPLAINED, lambda same: same)(error)
                if better is error:
                    raise
                raise better from error


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
    context: typer.Context,
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
    width: Width = None,
    no_pager: NoPager = False,
) -> None:
    """Version many Parquet tables as one, and see what a backfill changed, to the cell."""
    from cli.location import in_project

    context.with_resource(in_project(context))


_COMMANDS = {
    "init": "init:init",
    "snapshot": "snapshot:snapshot",
    "import": "import_history:import_history",
    "status": "status:status",
    "derive": "derive:derive",
    "refresh": "refresh:refresh",
    "compact": "compact:compact",
    "lineage": "lineage:lineage",
    "diff": "diff:diff",
    "compare": "compare:compare",
    "sql": "sql:sql",
    "shell": "sql:shell",
    "log": "history:log",
    "show": "show:show",
    "tables": "inspection:tables",
    "schema": "inspection:schema",
    "partitions": "inspection:partitions",
    "files": "inspection:files",
    "blame": "rows:blame",
    "history": "rows:history",
    "reproduce": "reproduce:reproduce",
    "merge": "merge:merge",
    "conflicts": "merge:conflicts",
    "rebase": "replay:rebase",
    "cherry-pick": "replay:cherry_pick",
    "revert": "replay:revert",
    "reflog": "refs:reflog",
    "reset": "refs:reset",
    "export": "export:export",
    "cat": "export:cat",
    "views": "export:views",
    "publish": "publish:publish",
    "serve": "serve:serve",
    "expire": "expire:expire",
    "fsck": "fsck:fsck",
    "clone": "clone:clone",
    "fetch": "clone:fetch",
    "upgrade": "upgrade:upgrade",
    "demo": "demo:demo",
}
"""The commands and where they are: the module in ``cli/commands/``, and the function."""


def _command(name: str, place: str) -> TyperCommand:
    """Imports a command and returns it."""
    module, _, function = place.partition(":")
    called: Callable[..., None] = getattr(import_module(f"cli.commands.{module}"), function)
    alone = typer.Typer(add_completion=False, rich_markup_mode=None)
    alone.command(name, cls=PlainCommand, help=_help(called))(called)
    command = get_command(alone)
    assert isinstance(command, TyperCommand)
    add_screen_options(command)
    return command


def _help(function: Callable[..., None]) -> str:
    """Returns a command's docstring, its examples kept from being wrapped."""
    return inspect.cleandoc(function.__doc__ or "").replace("\n\nExamples:", "\n\n\b\nExamples:")


def _group(
    name: str, about: str, places: Mapping[str, str], *, cls: type[TyperGroup] = NamedGroup
) -> TyperGroup:
    group = cls(name=name, help=about, no_args_is_help=True, rich_markup_mode=None)
    group.commands = _commands(places)
    return group


def _commands(places: Mapping[str, str]) -> Commands:
    return Commands({name: partial(_command, name, place) for name, place in places.items()})


_GROUPS = (
    _group(
        "branch",
        "List, create, delete and protect branches.",
        {
            "list": "refs:branch_list",
            "create": "refs:branch_create",
            "delete": "refs:branch_delete",
            "protect": "refs:branch_protect",
            "rules": "refs:branch_rules",
        },
    ),
    _group(
        "tag",
        "List, create and delete tags, which never move.",
        {
            "list": "refs:tag_list",
            "create": "refs:tag_create",
            "delete": "refs:tag_delete",
        },
    ),
    _group(
        "gc",
        "Remove what nothing needs any more.",
        {"run": "gc:gc", "log": "gc:gc_log", "withdraw": "gc:gc_withdraw"},
        cls=DefaultCommandGroup,
    ),
    _group(
        "check",
        "Check tables, and say what must hold of them.",
        {
            "run": "check:check",
            "add": "check:check_add",
            "list": "check:check_list",
            "drop": "check:check_drop",
            "sync": "check_sync:check_sync",
        },
        cls=DefaultCommandGroup,
    ),
    _group(
        "contract",
        "Say what a change may do, and judge changes by it.",
        {
            "run": "contract:contract",
            "add": "contract:contract_add",
            "list": "contract:contract_list",
            "show": "contract:contract_show",
            "drop": "contract:contract_drop",
        },
        cls=DefaultCommandGroup,
    ),
    _group(
        "backfill",
        "Run a fix on a branch of its own, judge it, merge it.",
        {
            "run": "backfill:backfill",
            "list": "backfill:backfill_list",
            "show": "backfill:backfill_show",
            "abandon": "backfill:backfill_abandon",
            "undo": "backfill:backfill_undo",
        },
        cls=DefaultCommandGroup,
    ),
)


@functools.cache  # typer takes longer to make it than many commands take to run
def command() -> TyperGroup:
    """Returns the whole command line as one command."""
    root = get_command(application)
    assert isinstance(root, TyperGroup)
    root.commands = _commands(_COMMANDS)
    for group in _GROUPS:
        root.add_command(group)
    return root
