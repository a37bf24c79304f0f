"""Conditions in SQL on rows and their values, NULL being equal to NULL."""

from collections.abc import Iterable

from catalog.engine.quoting import literal, type_sql
from catalog.model.types import Scalar, TypeClass
from catalog.model.values import decode, text


def all_same(left: str, right: str, columns: Iterable[object]) -> str:
    """Returns the condition that two rows agree in some columns.

    ``all_same("a.c", "b.c", [1, 2])`` compares ``a.c1`` with ``b.c1`` and ``a.c2`` with ``b.c2``.
    """
    return " AND ".join(f"{left}{c} IS NOT DISTINCT FROM {right}{c}" for c in columns) or "true"


def any_differs(left: str, right: str, columns: Iterable[object]) -> str:
    """Returns the condition that two rows differ in one of some columns; see ``all_same``."""
    return " OR ".join(f"{left}{c} IS DISTINCT FROM {right}{c}" for c in columns) or "false"


def constant(value: bytes | None, kind: Scalar) -> str:
    """Returns SQL of an encoded value, as partitions and bounds have them; None is NULL."""
    if value is None:
        return "NULL"
    if kind.type_class is TypeClass.BINARY:
        return f"unhex('{value.hex()}')"
    return f"CAST({literal(str(text(decode(value, kind), kind)))} AS {type_sql(kind)})"
