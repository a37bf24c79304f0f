"""What the objects of a session come from: its tables, views and macros over versioned tables."""

import re
from collections.abc import Sequence

from catalog.query.backend import VersionedTable
from catalog.query.parse.keywords import fold
from catalog.query.parse.statements import Statement, StatementKind

_MACRO = re.compile(
    r"""(?isx) \s* create \s+ (?: or \s+ replace \s+ )? (?: temp (?: orary )? \s+ )?
    (?: macro | function ) \s+ (?: if \s+ not \s+ exists \s+ )? (?: \w+ \s* \. \s* )*
    (?: (?P<bare> \w+ ) | " (?P<quoted> (?: [^"] | "" )+ ) " )"""
)
"""Finds the name of a macro that a statement creates."""

_FILLS = frozenset(
    {StatementKind.CREATE, StatementKind.INSERT, StatementKind.UPDATE, StatementKind.MERGE}
)


class SessionOrigins:
    """Which versioned tables the rows of a session's own objects come from."""

    def __init__(self) -> None:
        self._tables: dict[str, tuple[VersionedTable, ...]] = {}
        self._macros: dict[str, tuple[VersionedTable, ...]] = {}

    def behind(self, statement: Statement) -> tuple[VersionedTable, ...]:
        """Returns the versioned tables behind the own objects that a statement reads."""
        found: list[VersionedTable] = []
        for reference in statement.references:
            if reference.ref is None:
                found += self._tables.get(fold(reference.name[-1]), ())
        for name, tables in self._macros.items():
            if name in statement.identifiers:
                found += tables
        return _once(found)

    def note(self, statement: Statement, reads: Sequence[VersionedTable]) -> None:
        """Notes what a statement that writes no versioned table reads, for what it fills."""
        origins = _once([*reads, *self.behind(statement)])
        if not origins or statement.kind not in _FILLS:
            return
        if statement.target is not None:
            name = fold(statement.target.name[-1])
            self._tables[name] = _once([*self._tables.get(name, ()), *origins])
            return
        macro = _MACRO.match(statement.text)
        if macro is not None:
            name = fold(macro["bare"] or macro["quoted"].replace('""', '"'))
            self._macros[name] = _once([*self._macros.get(name, ()), *origins])


def _once(tables: Sequence[VersionedTable]) -> tuple[VersionedTable, ...]:
    known = {table.input: table for table in tables}
    return tuple(known.values())
