"""What is known about a SQL statement after analysis: pure values.

All spans are offsets of code points in the whole text that was given, end excluded.
"""

from enum import StrEnum

from catalog.dataclasses import dataclass
from catalog.query.parse.predicates import Predicate

Span = tuple[int, int]
"""Offsets of code points in the whole text: the first, and the one after the last."""

ArgumentValue = str | int | float | bool | None
"""The value of a literal argument of a table function."""


class StatementKind(StrEnum):
    """What a statement does.

    ``SELECT`` is every query (``FROM t``, ``VALUES``, ``TABLE t``, ``PIVOT`` too), ``DESCRIBE``
    also ``SHOW`` and ``SUMMARIZE``, ``SET`` also ``RESET``, ``TRANSACTION`` is ``BEGIN``,
    ``COMMIT``, ``ROLLBACK`` and their synonyms, ``OTHER`` the rest (``ATTACH``, ``PRAGMA`` …).
    """

    SELECT = "select"
    EXPLAIN = "explain"
    DESCRIBE = "describe"
    INSERT = "insert"
    UPDATE = "update"
    DELETE = "delete"
    MERGE = "merge"
    TRUNCATE = "truncate"
    COPY = "copy"
    CREATE = "create"
    ALTER = "alter"
    DROP = "drop"
    PREPARE = "prepare"
    SET = "set"
    TRANSACTION = "transaction"
    OTHER = "other"


class TargetKind(StrEnum):
    """The kind of object that a statement names as its target."""

    TABLE = "table"
    VIEW = "view"


class Place(StrEnum):
    """The syntactic position of a table reference, which decides what text may replace it.

    ``SOURCE`` is an item of a FROM clause and the like, ``TABLE_COMMAND`` is ``TABLE t``,
    ``DESCRIBE`` is the name after ``DESCRIBE``, ``SUMMARIZE`` or ``SHOW``, ``COPY`` the name and
    columns after ``COPY``, ``TARGET`` the table that a statement writes.
    """

    SOURCE = "source"
    TABLE_COMMAND = "table-command"
    DESCRIBE = "describe"
    COPY = "copy"
    TARGET = "target"


@dataclass(frozen=True, slots=True)
class RefText:
    """The ref of a table reference, as text that is still to be resolved.

    Attributes:
        text: A ref expression: ``main~1``, ``@{2024-05-01}``. ``AT (TIMESTAMP => …)`` gives
            ``@{…}`` with an ISO 8601 text. Without quotes.
        span: Where ``@ref`` or ``AT (…)`` is.
    """

    text: str
    span: Span


@dataclass(frozen=True, slots=True)
class TableReference:
    """A place in a statement that names a table.

    Attributes:
        span: What a splice replaces: name, ref, alias and columns (and the word ``TABLE`` of
            ``TABLE t``).
        name: One to three parts, without quotes, in the case in which they were written.
        ref: The ref after ``@`` or in ``AT (…)``, or None.
        alias: The alias given, or None.
        column_aliases: New names of the columns, ``a, b`` of ``AS o(a, b)``; for ``Place.COPY``
            the columns to copy.
        predicates: What the rows must meet to reach the result, or to be changed.
        place: Its syntactic position.
        qualifiers: Spans of ``sales.`` in columns such as ``sales.orders.id`` that mean this
            reference of two or three parts without alias: to be dropped, since the spliced
            relation is known as ``orders`` only.
    """

    span: Span
    name: tuple[str, ...]
    ref: RefText | None = None
    alias: str | None = None
    column_aliases: tuple[str, ...] = ()
    predicates: tuple[Predicate, ...] = ()
    place: Place = Place.SOURCE
    qualifiers: tuple[Span, ...] = ()

    @property
    def explicit(self) -> bool:
        """Returns whether it names a ref."""
        return self.ref is not None


@dataclass(frozen=True, slots=True)
class FunctionReference:
    """A call, in a FROM clause, of a table function that the caller asked for.

    Attributes:
        span: What a splice replaces: name, arguments, alias and columns.
        name: The function's name, in lower case.
        arguments: The values of the arguments by position.
        keywords: The arguments by name, names in lower case.
        alias: The alias given, or None.
        column_aliases: New names of the columns.
    """

    span: Span
    name: str
    arguments: tuple[ArgumentValue, ...] = ()
    keywords: tuple[tuple[str, ArgumentValue], ...] = ()
    alias: str | None = None
    column_aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MergeSource:
    """The source of a MERGE, if the target's rows without a match do not matter.

    Attributes:
        alias: The name by which the statement knows it.
        matches: Pairs of a column of the target and one of the source that must be equal.
    """

    alias: str
    matches: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of a text, and the versioned tables in it.

    Attributes:
        span: From its first token to its last, without the semicolon.
        text: Its text.
        kind: What it does; for ``EXPLAIN`` and ``PREPARE``, the rest describes the inner
            statement.
        references: The tables it reads, in the order of the text. Names of CTEs in scope, table
            functions and the target are not among them.
        functions: The calls of the table functions asked for.
        target: The table or view that it writes, creates, alters or drops, else None.
        target_kind: The kind of the target that the statement names, else None.
        temporary: Whether it creates a temporary object.
        source: The source of a MERGE, where it decides which rows of the target matter.
        error: Why it could not be parsed, with line and column; then references, functions and
            target are empty. Empty if it was.
        identifiers: All words and quoted names in it, folded: the names it may mention.
        explicit_refs: Whether an ``@ref`` directly after a name, or ``AT (VERSION => …)``, is
            in it.
    """

    span: Span
    text: str
    kind: StatementKind
    references: tuple[TableReference, ...] = ()
    functions: tuple[FunctionReference, ...] = ()
    target: TableReference | None = None
    target_kind: TargetKind | None = None
    temporary: bool = False
    source: MergeSource | None = None
    error: str = ""
    identifiers: frozenset[str] = frozenset()
    explicit_refs: bool = False

    @property
    def outlives_session(self) -> bool:
        """Returns whether it stores SQL that may be read after the session."""
        stores = self.kind is StatementKind.CREATE and not self.temporary
        return stores and self.target_kind is not TargetKind.TABLE

    @property
    def parsed(self) -> bool:
        """Returns whether it could be parsed."""
        return not self.error
