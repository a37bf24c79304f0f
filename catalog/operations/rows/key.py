"""The key of a row: values of some columns, and which files of a snapshot may have them."""

import struct
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal

import duckdb

from catalog.dataclasses import dataclass
from catalog.diff.forms import common_forms
from catalog.engine.connection import single_row
from catalog.engine.quoting import literal, type_sql
from catalog.errors import ErrorKind, InvalidInput
from catalog.model.partition import key_text
from catalog.model.schema import Field, Schema
from catalog.model.table import TableSnapshot
from catalog.model.types import INTEGER_BITS, DataType, Scalar, TypeClass, is_float, is_integer
from catalog.model.values import Value, decode, encode, has_order, parse, text
from catalog.query.parse.predicates import Op
from catalog.query.pruning import Condition, Pruner

Engine = Callable[[], duckdb.DuckDBPyConnection]
"""Opens a connection when one is needed."""

_MOMENTS = (TypeClass.DATE, TypeClass.TIME, TypeClass.TIMESTAMP)


@dataclass(frozen=True, slots=True)
class KeyColumn:
    """A column of a key with its value.

    Attributes:
        type: The type of the column where the key was stated.
        text: The value in DuckDB's text form; None for NULL.
    """

    name: str
    type: DataType
    text: str | None

    @property
    def sql(self) -> str:
        """Returns the value as SQL."""
        shown = "NULL" if self.text is None else literal(self.text)
        return f"CAST({shown} AS {type_sql(self.type)})"

    def matches(self, expression: str, kind: DataType) -> str:
        """Returns the condition that an expression of a type has the value, as diffs compare."""
        if self.text is None:
            return f"{expression} IS NULL"
        forms = common_forms(kind, self.type)
        if forms is None:
            return "false"
        # the engine compares "=" with the statistics of row groups
        scalar = isinstance(kind, Scalar) and isinstance(self.type, Scalar)
        equals = "=" if scalar else "IS NOT DISTINCT FROM"
        return f"{forms.before(expression)} {equals} {forms.after(self.sql)}"


@dataclass(frozen=True, slots=True)
class RowKey:
    """The values that a row is known by."""

    columns: tuple[KeyColumn, ...]

    def __str__(self) -> str:
        return key_text((c.name for c in self.columns), (c.text for c in self.columns))

    @property
    def texts(self) -> dict[str, str | None]:
        """Returns the values by column in text form."""
        return {column.name: column.text for column in self.columns}


def stated_key(
    schema: Schema, values: Mapping[str, object], engine: Engine
) -> tuple[RowKey, tuple[Field, ...]]:
    """Returns a key as it was stated, and its columns in a schema.

    Texts are read as values of their column's type, without loss.

    Raises:
        InvalidInput: There is no column, one is named twice, or a value is not one of its type.
        NotFound: A column does not exist.
    """
    if not values:
        raise InvalidInput("a key has at least one column", kind=ErrorKind.BAD_KEY)
    fields = tuple(column_named(schema, name) for name in values)
    if len({field.id for field in fields}) < len(fields):
        raise InvalidInput("a column is named twice in the key", kind=ErrorKind.BAD_KEY)
    pairs = zip(fields, values.values(), strict=True)
    columns = tuple(KeyColumn(f.name, f.type, _text(value, f, engine)) for f, value in pairs)
    return RowKey(columns), fields


def column_named(schema: Schema, name: str) -> Field:
    """Returns the column of a name, without regard to case if only one has it.

    Raises:
        NotFound: There is none.
    """
    alike = [f for f in schema.fields if f.name.casefold() == name.casefold()]
    return schema.find(name) or (alike[0] if len(alike) == 1 else schema.named(name))


def _text(value: object, field: Field, engine: Engine) -> str | None:
    """Returns a value in DuckDB's text form."""
    kind = field.type
    if value is None:
        return None
    cast = f"SELECT CAST(CAST(? AS {type_sql(kind)}) AS VARCHAR)"
    try:
        if not isinstance(kind, Scalar) or not has_order(kind):
            return str(single_row(engine(), cast, [value])[0])
        try:
            typed = parse(value, kind) if isinstance(value, str) else _typed(value, kind)
            return text(decode(encode(typed, kind), kind), kind)
        except (InvalidInput, OverflowError):  # Python's years have four digits
            if kind.type_class in _MOMENTS and single_row(engine(), cast, [value]) == (value,):
                return str(value)
            raise
    except (InvalidInput, OverflowError, duckdb.Error) as error:
        raise InvalidInput(
            f"column {field.name!r} has the type {kind}, and {value!r} is not a value of it",
            kind=ErrorKind.BAD_KEY,
        ) from error


def _typed(value: object, kind: Scalar) -> Value:
    """Returns a Python value of a type; booleans are not numbers, nor numbers moments."""
    of = kind.type_class
    item = getattr(value, "item", None)  # of NumPy's numbers
    value = item() if callable(item) else value
    whole = isinstance(value, int)
    fits = isinstance(value, bool) == (of is TypeClass.BOOLEAN) and not (whole and of in _MOMENTS)
    if not fits or (of is TypeClass.FLOAT and whole and float(value) != value):  # type: ignore[arg-type]
        raise InvalidInput(f"{value!r} is not a value of type {kind}")
    return value  # type: ignore[return-value]


def key_pruner(table: TableSnapshot, key: RowKey, fields: Sequence[Field]) -> Pruner:
    """Returns which files of a table may have rows of a key, whose columns have these fields."""
    pairs = zip(key.columns, fields, strict=True)
    conditions = (_condition(table, column, field) for column, field in pairs)
    return Pruner(table, tuple(one for one in conditions if one is not None))


def _condition(table: TableSnapshot, column: KeyColumn, field: Field) -> Condition | None:
    if column.text is None:
        return Condition(field, Op.IS_NULL, ())
    partitioned = field.id in table.partition_by
    kinds = column.type, field.type
    if not all(isinstance(kind, Scalar) and has_order(kind) for kind in kinds):
        return None
    if isinstance(field.type, Scalar) and isinstance(column.type, Scalar):
        if field.type.type_class is TypeClass.BINARY and not partitioned:
            return None
        values = _encodings(column.text, column.type, field.type)
        return Condition(field, Op.IN, values) if values else None
    return None


def _encodings(stated: str, stated_as: Scalar, kind: Scalar) -> tuple[bytes, ...]:
    """Returns a value as a type encodes it; nothing if that could lose anything.

    A FLOAT has two: bounds are those of the value, partition values those of its text.
    """
    try:
        value = parse(stated, stated_as)
        if stated_as != kind:
            numbers = all(one.name in INTEGER_BITS or one.decimal for one in (stated_as, kind))
            if not numbers or not isinstance(value, int | Decimal):
                return ()
            value = int(value) if is_integer(kind) and int(value) == value else value
        if kind.name == "FLOAT" and isinstance(value, float):
            (rounded,) = struct.unpack("<f", struct.pack("<f", value))
            return encode(value, kind), encode(rounded, kind)
        return (encode(value, kind),)
    except (InvalidInput, OverflowError):
        return ()


def comparing_class(kind: DataType) -> str:
    """Returns what types have in common whose values compare with a key in the same way."""
    return "INTEGER" if is_integer(kind) else str(kind)


def has_conditions(table: TableSnapshot, pruner: Pruner, fields: Sequence[Field]) -> bool:
    """Returns whether a pruner decides by itself on the partition columns among some."""
    decided = {condition.field.id for condition in pruner.conditions}
    return all(
        f.id in decided and not is_float(f.type) for f in fields if f.id in table.partition_by
    )
