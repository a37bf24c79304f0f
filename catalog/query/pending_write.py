"""Statements that a session passes to its writer, and their results."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from catalog.dataclasses import dataclass, field
from catalog.engine.quoting import identifier
from catalog.query.backend import Params, VersionedTable
from catalog.query.parse.predicates import Predicate
from catalog.query.parse.statements import Span, Statement, StatementKind, TableReference
from catalog.query.splice import Replacement, replacements, splice

if TYPE_CHECKING:
    import pyarrow as pa

WRITING = frozenset(
    {
        StatementKind.INSERT,
        StatementKind.UPDATE,
        StatementKind.DELETE,
        StatementKind.MERGE,
        StatementKind.TRUNCATE,
        StatementKind.COPY,
        StatementKind.CREATE,
        StatementKind.ALTER,
        StatementKind.DROP,
    }
)
"""The statements that may write a table."""


@dataclass(frozen=True, slots=True)
class PendingWrite:
    """A statement that writes a table of the catalog, with the SQL for the tables it reads.

    Attributes:
        statement: The statement.
        target: The table that it writes.
        name: The table's dotted name, as written.
        replacements: What to splice for the tables that it reads; spans are offsets in the
            statement's own text.
        predicates: Conditions that all rows it changes certainly meet.
        reads: The tables that it reads, where it names them.
        behind: The tables of the catalog behind what else it reads: views, temporary tables, macros
            and functions of the session.
        params: Values of its parameters.
    """

    statement: Statement
    target: TableReference
    name: str
    replacements: tuple[Replacement, ...] = ()
    predicates: tuple[Predicate, ...] = ()
    reads: tuple[tuple[TableReference, VersionedTable], ...] = ()
    behind: tuple[VersionedTable, ...] = ()
    params: Params = None

    @property
    def text(self) -> str:
        """Returns the statement as the user wrote it."""
        return self.statement.text

    def part(self, span: Span) -> str:
        """Returns a part of the statement's text with its replacements made."""
        begin, end = span
        inside = [((a - begin, b - begin), new) for (a, b), new in self.within(span)]
        return splice(self.text[begin:end], inside)

    def within(self, span: Span) -> tuple[Replacement, ...]:
        """Returns the replacements within a part of the statement's text."""
        begin, end = span
        return tuple(one for one in self.replacements if begin <= one[0][0] and one[0][1] <= end)

    def with_names(self) -> tuple[str, Mapping[str, VersionedTable]]:
        """Returns the statement with a plain name for every table that it reads, and these."""
        tables: dict[str, VersionedTable] = {}
        changes: list[Replacement] = []
        start = self.statement.span[0]
        for reference, table in self.reads:
            name = f"parquetry_input_{len(tables)}"
            tables[name] = table
            changes.extend(
                ((a - start, b - start), new) for (a, b), new in replacements(reference, name)
            )
        return splice(self.text, changes), tables

    def spliced(self, table: str, *more: Replacement) -> str:
        """Returns the SQL that writes another table, given as SQL, instead of the target.

        The user's alias is added; ``more`` are replacements in the statement's own text.
        """
        start = self.statement.span[0]
        begin, end = self.target.span
        alias = "" if self.target.alias is None else f" AS {identifier(self.target.alias)}"
        dropped = [((a - start, b - start), "") for a, b in self.target.qualifiers]
        target = ((begin - start, end - start), f"{table}{alias}")
        return splice(self.text, [*self.replacements, target, *dropped, *more])


@dataclass(frozen=True, slots=True)
class WriteResult:
    """What a writing statement did to a table.

    Attributes:
        table: The table.
        statement: What kind of statement it was: ``update``, ``create`` …
        inserted: Rows inserted.
        updated: Rows changed; rows set to the values they had are not counted.
        deleted: Rows deleted.
        returned: The rows of RETURNING; None without it.
        warnings: What the user should know.
    """

    table: str
    statement: str
    inserted: int = 0
    updated: int = 0
    deleted: int = 0
    returned: "pa.Table | None" = field(default=None, compare=False)
    warnings: tuple[str, ...] = ()

    @property
    def rows(self) -> int:
        """Returns how many rows changed in all."""
        return self.inserted + self.updated + self.deleted


class Writer(Protocol):
    """What runs the statements of a session that write tables of the catalog."""

    def write(self, pending: PendingWrite) -> WriteResult:
        """Runs a statement.

        Raises:
            CatalogError: It failed; nothing was written.
        """
