"""Values of Arrow arrays in Python, where their order or their texts are those of the engine."""

from collections.abc import Mapping

import pyarrow as pa

from catalog.diff.compare.arrays import Unreadable
from catalog.model.types import DataType, Scalar, TypeClass
from catalog.model.values import Value, decode, encode, text

_TICKS: Mapping[TypeClass, pa.DataType] = {
    TypeClass.DATE: pa.int32(),
    TypeClass.TIME: pa.int64(),
    TypeClass.TIMESTAMP: pa.int64(),
}
"""Types whose values are read as numbers: Arrow would import another library for some."""

_PLAIN = (
    TypeClass.BOOLEAN,
    TypeClass.INTEGER,
    TypeClass.WIDE_INTEGER,
    TypeClass.DECIMAL,
    TypeClass.TEXT,
)

ORDERED = (*_PLAIN, *_TICKS)
"""Types whose values are in the same order in Python as in the engine."""


def values_of(array: pa.Array, kind: Scalar) -> list[Value | None]:
    """Returns values as Python has them; dates and times as numbers."""
    ticks = _TICKS.get(kind.type_class)
    found: list[Value | None] = (array if ticks is None else array.view(ticks)).to_pylist()
    return found


def texts_of(array: pa.Array, kind: DataType) -> list[str | None]:
    """Returns values in the engine's text form.

    Raises:
        Unreadable: Only the engine knows that form.
        CorruptData: A value is beyond those that Python knows.
    """
    assert isinstance(kind, Scalar), "small files are compared in scalar columns"
    values = values_of(array, kind)
    if kind.type_class in _TICKS:
        values = [v if v is None else decode(encode(v, kind), kind) for v in values]
    elif kind.name == "DOUBLE":
        if any(value != value for value in values):
            raise Unreadable("NaN, of which there are several")
    elif kind.type_class not in _PLAIN:
        raise Unreadable(kind.name)
    return [text(value, kind) for value in values]
