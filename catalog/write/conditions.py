"""Conditions in SQL on rows and their values, NULL being equal to NULL."""

from collections.abc import Iterable

from catalog.engine.quoting import literal, type_sql
from catalog.model.schema import Field
from catalog.model.types import DataType, Scalar, TypeClass
from catalog.model.values import decode, text


def all_same(left: str, right: str, columns: Iterable[object]) -> str:
    """Returns the condition that two rows agree in some columns.

    ``all_same("a.c", "b.c", [1, 2])`` compares ``a.c1`` with ``b.c1`` and ``a.c2`` with ``b.c2``.
    """
    return " AND ".join(f"{left}{c} IS NOT DISTINCT FROM {right}{c}" for c in columns) or "true"


def any_differs(left: str, right: str, columns: Iterable[object]) -> str:
    """Returns the condition that two rows differ in one of some columns; see ``all_same``."""
    return " OR ".join(f"{left}{c} IS DISTINCT FROM {right}{c}" for c in columns) or "false"


def any_cell_differs(left: str, right: str, fields: Iterable[Field]) -> str:
    """Returns the condition that rows are not the same as stored in one of some columns.

    ``any_cell_differs("a.c", "b.c", fields)`` compares ``a.c1`` with ``b.c1`` for field 1.
    """
    conditions = [cell_differs(f"{left}{f.id}", f"{right}{f.id}", f.type) for f in fields]
    return f"({' OR '.join(conditions) or 'false'})"


def cell_differs(old: str, new: str, kind: DataType) -> str:
    """Compares stored values; the engine takes a month for 30 days, so intervals go by their text.

    So do numbers in a VARIANT, of which the engine takes 1 for 1.0.
    """
    texts = f"CAST({old} AS VARCHAR) IS DISTINCT FROM CAST({new} AS VARCHAR)"
    name = str(kind)
    if "INTERVAL" in name:
        return texts
    values = f"{old} IS DISTINCT FROM {new}"
    return f"({values} OR {texts})" if "VARIANT" in name else values


def constant(value: bytes | None, kind: Scalar) -> str:
    """Returns SQL of an encoded value, as partitions and bounds have them; None is NULL."""
    if value is None:
        return "NULL"
    if kind.type_class is TypeClass.BINARY:
        return f"unhex('{value.hex()}')"
    return f"CAST({literal(str(text(decode(value, kind), kind)))} AS {type_sql(kind)})"
