"""The commands of the shell that are not SQL: ``.tables`` and the like."""

import shlex
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from catalog.dataclasses import dataclass, field
from catalog.report.figures import counted, plain
from catalog.report.layout import aligned
from cli.opening import table_at
from cli.output import stdout
from cli.output.listing import ListFormat, Listing, show
from cli.output.results import ResultFormat
from cli.usage import UsageError, nearest

if TYPE_CHECKING:
    from catalog import Catalog
    from catalog.query.session import Session

HELP = """\
Statements are DuckDB SQL and end with a semicolon; any table may carry a ref: orders@main~1.
  .tables [REF]       list the tables
  .schema TABLE[@REF] list the columns of a table
  .refs               list the branches and tags
  .log [OPTIONS]      list the commits, as parquetry log does
  .diff [OPTIONS]     show what changed, as parquetry diff does; by default in the last commit
  .ref [REF]          read tables without @ref at this ref from now on, or say which it is
  .mode [FORMAT]      write rows as table, vertical, csv, json or markdown, or say how
  .output [FILE]      write the rows of each statement into this file, or to the screen again
  .timer on|off       say how long each statement took
  .help               show this (also help)
  .quit               leave (also exit, quit, Ctrl-D)
The shell reads. To write: parquetry sql --branch BRANCH -m MESSAGE "UPDATE …"."""

DOT_COMMANDS = (
    *(".help", ".tables", ".schema", ".refs", ".log", ".diff", ".ref", ".mode", ".output"),
    *(".timer", ".quit", ".exit"),
)

WORDS = {"help": ".help", "exit": ".quit", "quit": ".quit"}
"""What is meant by words that are no statement."""

VERTICAL = "vertical"
MODES = (*(how.value for how in ResultFormat if how.value in ("table", "csv", "json", "markdown")),)


@dataclass(slots=True)
class Shell:
    """What a shell goes by, until it is told otherwise.

    Attributes:
        cat: The catalog.
        ref: Where tables without a ref are read.
        session: Runs the statements.
        mode: How rows are written.
        target: The file they go to; None is the screen.
        is_timed: Whether it says how long statements take.
        sessions: Closes the sessions.
    """

    cat: "Catalog"
    ref: str
    session: "Session"
    mode: str = "table"
    target: Path | None = None
    is_timed: bool = False
    sessions: ExitStack = field(default_factory=ExitStack)


def meant(entry: str) -> str:
    """Returns the dot command that a word stands for, else the entry as it is."""
    return WORDS.get(entry.strip().rstrip(";").strip().casefold(), entry)


def run_dot_command(shell: Shell, entry: str) -> None:
    """Runs a command other than ``.quit``.

    Raises:
        CatalogError: It is not a command, or it failed.
    """
    word, _, argument = entry.rstrip(";").partition(" ")
    argument = argument.strip()
    match word:
        case ".help":
            stdout.line(HELP)
        case ".tables":
            tables = shell.cat.tables(argument or shell.ref)
            rows = [(plain(one.name), counted(one.rows, "row")) for one in tables]
            stdout.lines(aligned(rows, right=(True, False)))
        case ".schema":
            _show_schema(shell, argument)
        case ".refs":
            refs = [(one.name, "branch") for one in shell.cat.repository.branches.heads()]
            refs += [(name, "tag") for name in sorted(shell.cat.repository.tags.names())]
            show(Listing("refs", ("ref", "kind"), tuple(refs)), ListFormat.TEXT)
        case ".log":
            _run("log", shell, argument or shlex.quote(shell.ref))
        case ".diff":
            ref = shlex.quote(shell.ref)
            _run("diff", shell, argument or f"{shlex.quote(shell.ref + '~1')} {ref}")
        case ".ref":
            _change_ref(shell, argument)
        case ".mode":
            _change_mode(shell, argument)
        case ".output":
            shell.target = Path(argument).expanduser() if argument else None
        case ".timer":
            if argument not in ("on", "off"):
                raise UsageError(".timer is on or off", hint=".timer on")
            shell.is_timed = argument == "on"
        case unknown:
            raise UsageError(f"no command {unknown}", hint=nearest(unknown, DOT_COMMANDS))


def _show_schema(shell: Shell, argument: str) -> None:
    if not argument:
        raise UsageError("no table named", hint=".schema TABLE[@REF]")
    name, at = table_at(argument)
    columns = shell.cat.schema(name, at if "@" in argument else shell.ref)
    rows = tuple((c.name, c.type) for c in columns)
    show(Listing("columns", ("column", "type"), rows), ListFormat.TEXT)


def _run(name: str, shell: Shell, argument: str) -> None:
    """Runs a command of the program, with options as they are written in a shell."""
    from typer.exceptions import TyperException

    from cli.application import command

    try:
        words = shlex.split(argument)
        line = ["--no-pager", "-C", shell.cat.uri, name, *words]
        command().main(line, "parquetry", standalone_mode=False)
    except ValueError as error:
        raise UsageError(f"the options of .{name} cannot be read: {error}") from error
    except TyperException as error:
        hint = f"parquetry {name} --help lists its options"
        raise UsageError(error.format_message(), hint=hint) from error


def _change_ref(shell: Shell, argument: str) -> None:
    if argument:
        session = shell.sessions.enter_context(shell.cat.connect(argument))
        shell.ref, shell.session = argument, session
    else:
        stdout.line(shell.ref)


def _change_mode(shell: Shell, argument: str) -> None:
    known = (*MODES, VERTICAL)
    if argument and argument not in known:
        raise UsageError(f"no mode {argument}", hint=nearest(argument, known))
    if argument:
        shell.mode = argument
    else:
        stdout.line(shell.mode)
