"""The shell: statements one after the other, over one session."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from catalog.errors import CatalogError
from cli.output import stderr, stdout
from cli.sql.dot_commands import run_dot_command
from cli.sql.run import run_sql
from cli.sql.statements import split

if TYPE_CHECKING:
    from catalog import Catalog
    from catalog.query.session import Session


def run_shell(cat: "Catalog", ref: str) -> bool:
    """Reads and runs statements until the end of input or ``.quit``.

    Returns:
        Whether all went well; a person saw for themselves.
    """
    with cat.connect(ref) as session:
        if sys.stdin.isatty() and stdout.is_terminal():
            stdout.line(f"{cat.uri} at {ref}; .help lists the commands")
            _run_all(_typed(cat, ref), cat, ref, session=session)
            return True
        return _run_all(_piped(), cat, ref, session=session)


def _run_all(entries: Iterator[str], cat: "Catalog", ref: str, *, session: "Session") -> bool:
    is_well = True
    for entry in entries:
        if entry in (".quit", ".exit"):
            break
        try:
            if entry.startswith("."):
                run_dot_command(cat, ref, entry)
            else:
                run_sql(session, entry)
        except CatalogError as failure:
            stdout.flush()
            stderr.error(failure)
            is_well = False
        except KeyboardInterrupt:
            stderr.note("interrupted")
    return is_well


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
