"""Which SQL of a catalog may run: exactly one SELECT that reads tables and calls known functions.

What a catalog stores was written by a stranger. The check is made when SQL is stored, and again
when it is about to run; ``engine.restricted`` is the second wall behind it.
"""

from functools import lru_cache
from typing import NoReturn

from catalog.dataclasses import dataclass, replace
from catalog.engine.syntax_trees import Node, code_points, syntax_trees
from catalog.errors import ErrorKind, InvalidInput
from catalog.hints import Hint
from catalog.query.parse.analyse import analyse
from catalog.query.parse.keywords import fold
from catalog.query.parse.lexer import TokenKind, line_and_column, tokenize
from catalog.query.parse.nesting import DEEP, depth, with_stack
from catalog.query.parse.statements import Place, Statement, StatementKind, TableReference
from catalog.query.stored.functions import CHANGING, CHANGING_WORDS
from catalog.query.stored.growth import Growth, growth
from catalog.query.stored.tree import Findings, NamedTable, findings

MAX_SQL_BYTES = 100_000
"""Longest SQL that is stored, in UTF-8: some thousand lines, and checked in well under a second."""

MAX_SQL_DEPTH = 200
"""How deeply parentheses may nest: people write a tenth of that."""

KEPT = 256
"""Answers that are kept, since a check takes some 20 ms, and refreshes repeat it."""

_SYSTEM_SCHEMAS = frozenset({"information_schema", "pg_catalog", "system", "temp"})

_SYSTEM_NAMES = ("duckdb_", "pragma_", "sqlite_")
"""How the names of views begin that describe the engine."""

_FILE_ENDINGS = (
    *(".arrow", ".avro", ".csv", ".db", ".duckdb", ".feather", ".gz", ".json", ".jsonl", ".ndjson"),
    *(".parquet", ".tsv", ".txt", ".xlsx", ".zst"),
)

_ONE_SELECT = "give one SELECT that reads tables of the catalog and nothing else"


@dataclass(frozen=True, slots=True)
class StoredSelect:
    """A SELECT that may be stored and run.

    Attributes:
        text: Its text, without a semicolon, and without comments before and after it.
        references: The tables that it reads, in order, each as often as it is named; spans are
            offsets in ``text``.
        names: Their folded names, each once, in order: ``sales.orders``.
        functions: The functions and operators that it calls, in lower case, as DuckDB knows them.
        growth: How much larger than what is stored its values may become.
    """

    text: str
    references: tuple[TableReference, ...]
    names: tuple[str, ...]
    functions: frozenset[str]
    growth: Growth

    @property
    def bounded(self) -> bool:
        """Returns whether the limits of an engine in this process suffice for it."""
        return self.growth.is_bounded


@lru_cache(maxsize=KEPT)
def check_stored_select(sql: str, *, what: str) -> StoredSelect:
    """Checks that SQL does nothing but compute rows from tables of the catalog.

    Args:
        sql: The SQL.
        what: What it is, for messages: ``the definition of daily``.

    Raises:
        InvalidInput: It may not be stored or run.

    Example:
        >>> check_stored_select("SELECT count(*) AS n FROM orders", what="the definition").names
        ('orders',)
    """
    checked = _Checked(sql, what)
    statement = checked.statement()
    tree = checked.tree()
    found = findings(tree)
    checked.check_calls(found)
    checked.check_tables(statement, found)
    start = statement.span[0]
    references = tuple(_moved(reference, -start) for reference in statement.references)
    names = dict.fromkeys(fold(".".join(reference.name)) for reference in references)
    return StoredSelect(
        statement.text, references, tuple(names), frozenset(found.functions), growth(tree)
    )


def changing_functions(select: StoredSelect) -> tuple[str, ...]:
    """Returns which functions of a SELECT depend on chance or on the clock.

    A column that is called like one counts, too, where it would be called without parentheses.
    """
    words = {token.word for token in tokenize(select.text)}
    return tuple(sorted((select.functions & CHANGING) | (words & CHANGING_WORDS)))


@dataclass(frozen=True, slots=True)
class _Checked:
    """SQL that is being checked, and what it is for messages."""

    sql: str
    what: str

    def statement(self) -> Statement:
        """Returns the one statement, a query without refs."""
        if len(self.sql.encode(errors="replace")) > MAX_SQL_BYTES:
            self.refuse(f"it is longer than {MAX_SQL_BYTES} bytes")
        tokens = tokenize(self.sql)
        if depth(tokens) > MAX_SQL_DEPTH:
            self.refuse(f"it is nested more than {MAX_SQL_DEPTH} levels deep")
        for token in tokens:
            if token.kind is TokenKind.PARAMETER:
                self.refuse("it has a parameter", token.start)
            if token.kind is TokenKind.REF:
                self.refuse(
                    f"it names a ref: {token.text}",
                    token.start,
                    hint="name the table alone: tables are read on the branch of the statement",
                )
        statements = analyse(self.sql)
        if len(statements) != 1:
            second = statements[1].span[0] if statements else None
            number = len(statements) or "no"
            self.refuse(f"it has {number} statements", second, hint=_ONE_SELECT)
        (statement,) = statements
        if statement.kind is not StatementKind.SELECT:
            self.refuse(
                f"it is not a SELECT but {_named(statement)}",
                statement.span[0],
                hint=_ONE_SELECT,
            )
        if statement.explicit_refs:
            self.refuse("it reads a table at a ref or a time")
        if not statement.parsed:
            self.refuse(statement.error, kind=ErrorKind.SQL_ERROR)
        return statement

    def tree(self) -> Node:
        """Returns DuckDB's syntax tree of it."""
        try:
            trees = syntax_trees(self.sql)
        except RecursionError:
            trees = with_stack(DEEP, lambda: syntax_trees(self.sql))
        if not trees.parsed:
            self.refuse(trees.error, trees.offset, kind=ErrorKind.SQL_ERROR)
        if trees.error:  # it has been found to be a query: PIVOT without IN is two statements
            self.refuse(
                "it pivots by the values that are in the data",
                hint="name them, so that the columns are always the same: PIVOT … ON c IN (1, 2)",
            )
        if len(trees.statements) != 1:
            self.refuse(f"it has {len(trees.statements)} statements", hint=_ONE_SELECT)
        return trees.statements[0]

    def check_calls(self, found: Findings) -> None:
        """Refuses what is not known to compute nothing but rows."""
        for refusal in found.refusals:
            offset = refusal.offset_bytes
            self.refuse(
                f"it {refusal.reason}",
                None if offset is None else code_points(self.sql, offset),
                hint="stored SQL calls functions that compute a value from their arguments: none "
                "that reads files, settings or the engine"
                if refusal.function
                else _ONE_SELECT,
            )

    def check_tables(self, statement: Statement, found: Findings) -> None:
        """Checks that both parsers see the same tables, and that all of them can be the catalog's.

        What DuckDB takes for a table is among the references, or can be a CTE.
        """
        ctes = {fold(name) for name in found.ctes}
        open_references = list(statement.references)
        for table in sorted(found.tables, key=lambda table: table.offset_bytes or 0):
            place = table.offset_bytes
            offset = None if place is None else code_points(self.sql, place)
            reference = next((r for r in open_references if _is_at(r, table, offset)), None)
            if reference is not None:
                open_references.remove(reference)
                self._check_name(reference)
            elif fold(table.name[-1]) not in ctes:
                self.refuse(f"it is not certain which table {'.'.join(table.name)} is", offset)
        for reference in open_references:
            name = ".".join(reference.name)
            self.refuse(f"it is not certain that {name} is a table", reference.span[0])

    def _check_name(self, reference: TableReference) -> None:
        start, end = reference.span
        name = ".".join(reference.name)
        folded = tuple(fold(part) for part in reference.name)
        strings = [t for t in tokenize(self.sql[start:end]) if t.kind is TokenKind.STRING]
        looks_like_file = folded[-1].endswith(_FILE_ENDINGS) or any(sign in name for sign in "/\\*")
        if strings or (looks_like_file and '"' in self.sql[start:end]):
            self.refuse(f"it reads the file {name}", start, hint=_ONE_SELECT)
        if folded[0] in _SYSTEM_SCHEMAS or folded[-1].startswith(_SYSTEM_NAMES):
            self.refuse(f"it reads {name} (which describes the engine)", start, hint=_ONE_SELECT)

    def refuse(
        self,
        reason: str,
        offset: int | None = None,
        *,
        kind: ErrorKind = ErrorKind.STORED_SQL,
        hint: Hint | str = "",
    ) -> NoReturn:
        """Refuses the SQL.

        Raises:
            InvalidInput: Always.
        """
        where = "" if offset is None else f" at {line_and_column(self.sql, offset)}"
        raise InvalidInput(f"{self.what} cannot be run: {reason}{where}", kind=kind, hint=hint)


def _named(statement: Statement) -> str:
    """Returns what a statement is, for messages."""
    if statement.kind is not StatementKind.OTHER:
        return statement.kind.value.upper()
    return statement.text.split(None, 1)[0].upper()[:40]


def _is_at(reference: TableReference, table: NamedTable, offset: int | None) -> bool:
    """Returns whether a reference is the table that DuckDB sees at an offset."""
    if tuple(map(fold, reference.name)) != tuple(map(fold, table.name)):
        return False
    if offset is None:
        return reference.place is Place.TABLE_COMMAND
    return reference.place is Place.SOURCE and reference.span[0] <= offset < reference.span[1]


def _moved(reference: TableReference, by: int) -> TableReference:
    start, end = reference.span
    qualifiers = tuple((start + by, end + by) for start, end in reference.qualifiers)
    return replace(reference, span=(start + by, end + by), qualifiers=qualifiers)
