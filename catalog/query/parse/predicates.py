"""Conditions on one column that the rows of a table reference must meet to reach the result.

Pure values. ``conjuncts`` finds them in a statement; a scan planner uses them to leave out data
files. A predicate is only an offer: ignoring one is always right, and so is using one, under
these conditions, which only someone who knows the schema can check:

- ``column`` names a column of the table (compared as DuckDB does, without regard to the case of
  A to Z). If the table has none of this name, the text means something else (a field of a
  struct, a column of an outer query): the predicate is void.
- Every literal is losslessly of the column's type; else DuckDB may convert the column instead
  (``varchar_column = 7`` matches ``'07'``), and the predicate is void as a whole.
- Text is compared as bytes: with another ``default_collation`` in the session, predicates on
  text are void.
- No row whose column is NULL meets a predicate, except ``IS_NULL``. What is known about NaN is
  left to the planner.
"""

from enum import StrEnum

from catalog.dataclasses import dataclass


class LiteralKind(StrEnum):
    """The kind of a literal in the text."""

    INTEGER = "integer"
    DECIMAL = "decimal"
    FLOAT = "float"
    STRING = "string"
    BOOLEAN = "boolean"
    DATE = "date"
    TIMESTAMP = "timestamp"


@dataclass(frozen=True, slots=True)
class LiteralValue:
    """A literal as it was written.

    Attributes:
        kind: Its kind.
        text: ``-12`` (INTEGER), ``-1.50`` (DECIMAL), ``1e5`` (FLOAT, a DOUBLE in DuckDB), the
            content without quotes (STRING), ``true`` or ``false`` (BOOLEAN), ``2024-01-31``
            (DATE), ``2024-01-31 12:00:00.5`` (TIMESTAMP: without zone, 0 to 6 fraction digits, a
            date alone means midnight, ``T`` may stand for the blank).
    """

    kind: LiteralKind
    text: str


class Op(StrEnum):
    """How a column is compared."""

    EQ = "="
    LT = "<"
    LE = "<="
    GT = ">"
    GE = ">="
    IN = "in"
    BETWEEN = "between"
    IS_NULL = "is null"
    IS_NOT_NULL = "is not null"


@dataclass(frozen=True, slots=True)
class Predicate:
    """A condition that every row of one table reference must meet to reach the result.

    Attributes:
        column: The column's name, as written, without quotes.
        op: The comparison, with the column on the left.
        values: The literals, all of one kind: one for a comparison, one or more for ``IN``, the
            lower and upper bound (both inclusive) for ``BETWEEN``, none for the NULL tests.

    Example:
        >>> Predicate("day", Op.GE, (LiteralValue(LiteralKind.DATE, "2024-01-31"),)).op.value
        '>='
    """

    column: str
    op: Op
    values: tuple[LiteralValue, ...] = ()
