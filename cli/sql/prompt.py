"""The shell's prompt: several lines until a semicolon, history, completion."""

import contextlib
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.filters import Condition
from prompt_toolkit.history import FileHistory, History, InMemoryHistory

from catalog.errors import CatalogError
from cli.sql.dot_commands import DOT_COMMANDS, meant
from cli.sql.statements import split

if TYPE_CHECKING:
    from catalog import Catalog

KEYWORDS = (
    *("SELECT", "FROM", "WHERE", "GROUP BY", "ORDER BY", "LIMIT", "JOIN", "LEFT JOIN", "USING"),
    *("ON", "AS", "WITH", "HAVING", "UNION ALL", "DISTINCT", "DESCRIBE", "SUMMARIZE"),
    *("COUNT", "SUM", "AVG", "MIN", "MAX", "NULL", "NOT", "AND", "OR", "IN"),
)

_WORD = re.compile(r"[^\s(),;=<>+*/]*$")


def make_prompt(cat: "Catalog", ref: Callable[[], str], history: Path) -> Callable[[], str]:
    """Returns what asks for the next statement, completing tables and columns at the ref."""
    session: PromptSession[str] = PromptSession(
        history=_history(history),
        completer=SqlCompleter(cat, ref),
        complete_while_typing=False,
        multiline=Condition(lambda: not _is_whole(session.default_buffer.text)),
        prompt_continuation="       ...> ",
    )
    return lambda: session.prompt("parquetry> ")


def _is_whole(text: str) -> bool:
    if not text.strip() or meant(text).lstrip().startswith("."):
        return True
    cut = split(text)
    return bool(cut.statements) and not cut.rest


def _history(path: Path) -> History:
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        return FileHistory(str(path))
    return InMemoryHistory()


class SqlCompleter(Completer):
    """Completes tables, columns and keywords, refs after ``@``, and dot commands."""

    def __init__(self, cat: "Catalog", ref: Callable[[], str]) -> None:
        self._catalog = cat
        self._ref_now = ref

    def get_completions(
        self, document: Document, complete_event: CompleteEvent
    ) -> Iterable[Completion]:
        """Yields what the word before the cursor may become."""
        before = document.text_before_cursor
        found = _WORD.search(before)
        word = found[0] if found else ""
        if before.lstrip().startswith(".") and " " not in before.lstrip():
            yield from _matching(before.lstrip(), DOT_COMMANDS)
            return
        _, at, ref = word.rpartition("@")
        try:
            yield from _matching(ref, self._refs()) if at else _matching(word, self._names())
        except CatalogError:
            return

    def _refs(self) -> list[str]:
        names = [branch.name for branch in self._catalog.repository.branches.heads()]
        return names + sorted(self._catalog.repository.tags.names())

    def _names(self) -> list[str]:
        ref = self._ref_now()
        tables = [table.name for table in self._catalog.tables(ref)]
        columns = {c.name for name in tables for c in self._catalog.schema(name, ref)}
        return [*tables, *sorted(columns), *KEYWORDS]


def _matching(word: str, names: Iterable[str]) -> Iterable[Completion]:
    folded = word.casefold()
    return (Completion(n, -len(word)) for n in names if n.casefold().startswith(folded))
