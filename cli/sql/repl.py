"""The shell: statements one after the other, over one session."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from catalog.errors import CatalogError
from cli.commands.sql import run_sql
from cli.opening import table_at
from cli.output import stderr, stdout
from cli.output.figures import counted, plain
from cli.output.listing import ListFormat, Listing
from cli.output.listing import show as show_listing
from cli.sql.statements import split
from cli.usage import nearest

if TYPE_CHECKING:
    from catalog.catalog import Catalog
    from catalog.query.session import Session

HELP = """\
Statements are DuckDB SQL and end with a semicolon; any table may carry a ref: orders@main~1.
  .tables [REF]       list the tables
  .schema TABLE[@REF] list the columns of a table
  .refs               list the branches and tags
  .help               show this
  .quit               leave (also Ctrl-D)"""

DOT_COMMANDS = (".help", ".tables", ".schema", ".refs", ".quit")


def run_shell(cat: "Catalog", ref: str) -> bool:
    """Reads and runs statements until the end of input or ``.quit``.

    Args:
        cat: The catalog.
        ref: What a table without a ref means.

    Returns:
        Whether all went well; a person saw for themselves.
    """
    with cat.connect(ref) as session:
        if sys.stdin.isatty() and stdout.is_terminal():
            stdout.line(f"{cat.uri} at {ref}; .help lists the commands")
            _loop(cat, session, ref, _typed(cat, ref))
            return True
        return _loop(cat, session, ref, _piped())


def _loop(cat: "Catalog", session: "Session", ref: str, entries: Iterator[str]) -> bool:
    is_well = True
    for entry in entries:
        if entry in (".quit", ".exit"):
            break
        try:
            if entry.startswith("."):
                _dot(cat, ref, entry)
            else:
                run_sql(session, entry, tables=lambda: [t.name for t in cat.tables(ref)])
        except CatalogError as failure:
            stdout.flush()
            stderr.error(failure)
            is_well = False
        except KeyboardInterrupt:
            stderr.note("interrupted")
    return is_well


def _dot(cat: "Catalog", ref: str, entry: str) -> None:
    word, _, argument = entry.partition(" ")
    argument = argument.strip().rstrip(";")
    match word.rstrip(";"):
        case ".help":
            stdout.line(HELP)
        case ".tables":
            for table in cat.tables(argument or ref):
                stdout.line(f"{plain(table.name)}  {counted(table.rows, 'row')}")
        case ".schema":
            if not argument:
                raise CatalogError("no table named", hint=".schema TABLE[@REF]")
            name, at = table_at(argument)
            columns = cat.schema(name, at if "@" in argument else ref)
            rows = tuple((c.name, c.type) for c in columns)
            show_listing(Listing("columns", ("column", "type"), rows), ListFormat.TEXT)
        case ".refs":
            for branch in cat.branches.list():
                stdout.line(f"{branch.name}  branch")
            for tag in cat.tags.list():
                stdout.line(f"{tag.name}  tag")
        case unknown:
            raise CatalogError(f"no command {unknown}", hint=nearest(unknown, DOT_COMMANDS))


def _piped() -> Iterator[str]:
    """Yields statements and dot commands from stdin as soon as each is whole."""
    pending = ""
    for line in sys.stdin:
        if not pending and line.startswith("."):
            yield line.strip()
            continue
        cut = split(pending + line)
        yield from cut.statements
        pending = cut.rest
        if pending.startswith("."):
            yield pending.strip()
            pending = ""
    if pending.strip():
        yield pending.strip()


def _typed(cat: "Catalog", ref: str) -> Iterator[str]:
    """Yields statements and dot commands from a person."""
    from cli.sql.prompt import make_prompt

    prompt = make_prompt(cat, ref, history_path())
    while True:
        try:
            text = prompt()
        except EOFError:
            return
        except KeyboardInterrupt:
            continue
        if text.strip().startswith("."):
            yield text.strip()
            continue
        cut = split(text)
        yield from cut.statements
        if cut.rest.strip():
            yield cut.rest.strip()


def history_path() -> Path:
    """Returns where the shell keeps what was typed: the user's state directory."""
    state = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(state) / "parquetry" / "history"
