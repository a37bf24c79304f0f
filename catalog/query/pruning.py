"""Pruning: which data files may hold rows that a query wants.

Pure: given predicates and a table, a ``Pruner`` decides whether rows of a file, or below a
manifest node with some partition values, may meet them. Encoded bounds are compared as bytes.
"""

import re
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation

from catalog.dataclasses import dataclass
from catalog.errors import InvalidInput
from catalog.model.datafile import ColumnStats, DataFile
from catalog.model.partition import Range
from catalog.model.schema import Field
from catalog.model.table import TableSnapshot
from catalog.model.types import DataType, Scalar, TypeClass, is_float
from catalog.model.values import Value, encode, parse
from catalog.query.parse.keywords import fold
from catalog.query.parse.predicates import LiteralKind, LiteralValue, Op, Predicate

_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}([ T]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?)?")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")

_MOMENTS = (LiteralKind.STRING, LiteralKind.DATE, LiteralKind.TIMESTAMP)
_NUMBERS = (LiteralKind.INTEGER, LiteralKind.DECIMAL, LiteralKind.FLOAT)


@dataclass(frozen=True, slots=True)
class _Values:
    """What is known of a column's values: encoded bounds, and whether any are NULL.

    ``low`` and ``high`` are None if unknown; ``empty`` means that every value is NULL.
    """

    low: bytes | None
    high: bytes | None
    may_be_null: bool
    empty: bool


@dataclass(frozen=True, slots=True)
class Condition:
    """A predicate whose literals are encoded in the column's type."""

    field: Field
    op: Op
    values: tuple[bytes, ...]

    def may_hold(self, known: _Values) -> bool:
        """Returns whether a row among those described may meet the condition."""
        match self.op:
            case Op.IS_NULL:
                return known.may_be_null
            case Op.IS_NOT_NULL:
                return not known.empty
        if known.empty:
            return False
        low, high = known.low, known.high
        first, last = self.values[0], self.values[-1]
        match self.op:
            case Op.EQ | Op.IN:
                return any(
                    (low is None or low <= v) and (high is None or v <= high) for v in self.values
                )
            case Op.BETWEEN:
                return (low is None or low <= last) and (high is None or first <= high)
            case Op.LT:
                return low is None or low < first
            case Op.LE:
                return low is None or low <= first
            case Op.GT:
                return high is None or high > first
            case Op.GE:
                return high is None or high >= first
        return True


@dataclass(frozen=True, slots=True)
class Pruner:
    """Decides which files and manifest nodes of a table may hold wanted rows."""

    table: TableSnapshot
    conditions: tuple[Condition, ...]

    @property
    def fields(self) -> frozenset[int]:
        """Returns the field ids whose statistics it looks at."""
        return frozenset(c.field.id for c in self.conditions)

    def wants_file(self, file: DataFile) -> bool:
        """Returns whether a file may hold wanted rows."""
        return file.rows > 0 and all(
            condition.may_hold(self._in_file(file, condition)) for condition in self.conditions
        )

    def wants_ranges(self, ranges: Sequence[Range]) -> bool:
        """Returns whether files with partition values in these ranges may hold wanted rows."""
        by_field = dict(zip(self.table.partition_by, ranges, strict=False))
        return all(
            condition.may_hold(_Values(one.low, one.high, one.nulls, one.high is None))
            for condition in self.conditions
            if (one := by_field.get(condition.field.id)) is not None
        )

    def _in_file(self, file: DataFile, condition: Condition) -> _Values:
        return _known_values(self.table, file, condition.field)


def known_bounds(
    table: TableSnapshot, file: DataFile, field: Field
) -> tuple[bytes | None, bytes | None, bool]:
    """Returns the encoded bounds of a column's values in a file, and whether all are NULL.

    A bound is None if it is not known.
    """
    known = _known_values(table, file, field)
    return known.low, known.high, known.empty


def _known_values(table: TableSnapshot, file: DataFile, field: Field) -> _Values:
    if field.id in table.partition_by:
        value = file.partition[table.partition_by.index(field.id)]
        return _Values(value, value, value is None, value is None)
    columns = table.file_schemas[file.file_schema].columns
    physical = next((c.type for c in columns if c.field_id == field.id), None)
    if physical is None:
        return _Values(None, None, True, True)
    stats = file.stats.get(field.id, ColumnStats())
    empty = stats.nulls == file.rows
    may_be_null = stats.nulls != 0
    if not _comparable(physical, field.type) or (is_float(field.type) and stats.nans != 0):
        return _Values(None, None, may_be_null, empty)
    return _Values(stats.low, stats.high, may_be_null, empty)


def _comparable(physical: DataType, kind: DataType) -> bool:
    """Returns whether bounds in a file's type compare with values of the table's type."""
    if physical == kind:
        return True
    if not (isinstance(physical, Scalar) and isinstance(kind, Scalar)):
        return False
    if physical.type_class is not kind.type_class:
        return False
    if physical.type_class in (TypeClass.INTEGER, TypeClass.WIDE_INTEGER, TypeClass.FLOAT):
        return True
    left, right = physical.decimal, kind.decimal
    return left is not None and right is not None and left[1] == right[1]


def pruner(table: TableSnapshot, predicates: Sequence[Predicate]) -> Pruner:
    """Returns the pruner of a table for some predicates.

    Predicates without a certain meaning for the table are ignored: they prune nothing.
    """
    found = (_condition(table, predicate) for predicate in predicates)
    return Pruner(table, tuple(condition for condition in found if condition is not None))


def _condition(table: TableSnapshot, predicate: Predicate) -> Condition | None:
    named = [f for f in table.schema.fields if fold(f.name) == fold(predicate.column)]
    if len(named) != 1 or not isinstance(named[0].type, Scalar):
        return None
    field, kind = named[0], named[0].type
    if kind.type_class is TypeClass.OTHER:
        return None
    values = [_encoded(value, kind) for value in predicate.values]
    known = tuple(value for value in values if value is not None)
    if len(known) < len(values):
        return None
    return Condition(field, predicate.op, known)


def _encoded(value: LiteralValue, kind: Scalar) -> bytes | None:
    """Returns a literal encoded in a column's type, None if that could lose anything."""
    try:
        converted = _converted(value, kind)
        return None if converted is None else encode(converted, kind)
    except (InvalidInput, InvalidOperation, ValueError, OverflowError):
        return None


def _converted(value: LiteralValue, kind: Scalar) -> Value | None:
    text = value.text
    match value.kind, kind.type_class:
        case LiteralKind.STRING, TypeClass.TEXT:
            return text
        case LiteralKind.STRING, TypeClass.INTEGER | TypeClass.WIDE_INTEGER | TypeClass.DECIMAL:
            return parse(text, kind) if _NUMBER.fullmatch(text) else None
        case _, TypeClass.DATE | TypeClass.TIMESTAMP if value.kind in _MOMENTS:
            return _moment(text, kind)
        case LiteralKind.STRING, TypeClass.UUID:
            return parse(text, kind) if len(text) == 36 else None
        case LiteralKind.INTEGER | LiteralKind.DECIMAL, TypeClass.INTEGER | TypeClass.WIDE_INTEGER:
            number = Decimal(text)
            return parse(str(int(number)), kind) if number == int(number) else None
        case LiteralKind.INTEGER | LiteralKind.DECIMAL, TypeClass.DECIMAL:
            return Decimal(text)
        case _, TypeClass.FLOAT if value.kind in _NUMBERS and kind.name == "DOUBLE":
            number = Decimal(text)
            digits, exponent = number.as_tuple().digits, number.as_tuple().exponent
            exact = len(digits) <= 15 and isinstance(exponent, int) and -22 <= exponent <= 22
            return float(text) if exact else None
        case LiteralKind.BOOLEAN, TypeClass.BOOLEAN:
            return text == "true"
    return None


def _moment(text: str, kind: Scalar) -> Value | None:
    match = _MOMENT.fullmatch(text)
    if match is None:
        return None
    if kind.type_class is TypeClass.TIMESTAMP:
        return parse(text, kind)
    clock = match[1]
    if clock and any(digit in clock for digit in "123456789"):
        return None
    return parse(text[:10], kind)
