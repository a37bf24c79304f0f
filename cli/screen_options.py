"""Options that every command takes: how wide text is drawn, and whether a pager shows it."""

import copy
import functools
from typing import Annotated, Any

import typer
from typer.main import get_command

from cli.output import stdout
from cli.usage import UsageError


def _ask_width(columns: int | None) -> None:
    if columns is not None and columns != -1 and columns < stdout.NARROWEST:
        raise UsageError(
            f"--width {columns} is too narrow",
            hint=f"at least {stdout.NARROWEST}, or -1 for no limit",
        )
    if columns is not None:
        stdout.ask_width(columns)


def _ask_no_pager(wanted: bool) -> None:
    if wanted:
        stdout.ask_no_pager()


Width = Annotated[
    int | None,
    typer.Option(
        "--width",
        metavar="N",
        help="Draw text within N columns; -1 sets no limit. Default: COLUMNS, else the terminal's "
        f"width; {stdout.PLAIN_WIDTH} in a pipe, and no limit in a file.",
        callback=_ask_width,
        expose_value=False,
    ),
]

NoPager = Annotated[
    bool,
    typer.Option(
        "--no-pager",
        help="Do not show text that is longer than the screen in a pager.",
        callback=_ask_no_pager,
        expose_value=False,
    ),
]


@functools.cache
def _options() -> tuple[Any, ...]:
    """Returns the options as a command has them."""

    def command(width: Width = None, no_pager: NoPager = False) -> None:
        """Does nothing: only its options are of use."""

    alone = typer.Typer(add_completion=False, rich_markup_mode=None)
    alone.command()(command)
    return tuple(get_command(alone).params)


def add_screen_options(command: Any) -> None:
    """Lets a command take the options too, after its name; the help of the program has them."""
    for option in _options():
        own = copy.copy(option)
        own.hidden = True
        command.params.append(own)
