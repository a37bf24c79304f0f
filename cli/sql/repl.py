"""The shell: statements one after the other, over one session."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from catalog.errors import CatalogError
from cli.interruption import is_interruption, passed_on
from cli.output import stderr, stdout
from cli.output.result_tables import Look
from cli.output.results import ResultFormat
from cli.sql.dot_commands import VERTICAL, Shell, meant, run_dot_command
from cli.sql.run import run_sql
from cli.sql.statements import split

if TYPE_CHECKING:
    from catalog import Catalog


def run_shell(cat: "Catalog", ref: str) -> bool:
    """Reads and runs statements until the end of input or ``.quit``.

    Returns:
        Whether all went well; a person saw for themselves.
    """
    with ExitStack() as sessions:
        session = sessions.enter_context(cat.connect(ref))
        shell = Shell(cat, ref, session, sessions=sessions)
        if sys.stdin.isatty() and stdout.is_terminal():
            stdout.line(f"{cat.uri} at {ref}; .help lists the commands")
            _run_all(_typed(shell), shell)
            return True
        return _run_all(_piped(), shell)


def _run_all(entries: Iterator[str], shell: Shell) -> bool:
    is_well = True
    for entry in entries:
        if entry in (".quit", ".exit"):
            break
        started = time.monotonic()
        try:
            with passed_on():
                _run_one(entry, shell)
        except CatalogError as failure:
            if is_interruption(failure):
                stderr.note("interrupted")
                continue
            stdout.flush()
            stderr.error(failure)
            is_well = False
        except KeyboardInterrupt:
            stderr.note("interrupted")
        if shell.is_timed and not entry.startswith("."):
            stderr.note(f"({time.monotonic() - started:.3f} s)")
    return is_well


def _run_one(entry: str, shell: Shell) -> None:
    if entry.startswith("."):
        run_dot_command(shell, entry)
        return
    vertical = shell.mode == VERTICAL
    how = ResultFormat.TABLE if vertical else ResultFormat(shell.mode)
    run_sql(shell.session, entry, how=how, target=shell.target, look=Look(vertical=vertical))


def _piped() -> Iterator[str]:
    """Yields statements and dot commands from stdin as soon as each is whole."""
    pending = ""
    for line in sys.stdin:
        if not pending and meant(line).startswith("."):
            yield meant(line).strip()
            continue
        cut = split(pending + line)
        yield from cut.statements
        pending = cut.rest
        if pending.startswith("."):
            yield pending.strip()
            pending = ""
    if pending.strip():
        yield pending.strip()


def _typed(shell: Shell) -> Iterator[str]:
    """Yields statements and dot commands from a person."""
    from cli.sql.prompt import make_prompt

    prompt = make_prompt(shell.cat, lambda: shell.ref, history_path())
    while True:
        try:
            text = prompt()
        except EOFError:
            return
        except KeyboardInterrupt:
            continue
        if meant(text).strip().startswith("."):
            yield meant(text).strip()
            continue
        cut = split(text)
        yield from cut.statements
        if cut.rest.strip():
            yield cut.rest.strip()


def history_path() -> Path:
    """Returns where the shell keeps what was typed: the user's state directory."""
    state = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(state) / "parquetry" / "history"
