"""Conflicts as they are told and kept: their columns, and keys as texts."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import pyarrow as pa

from catalog.engine.quoting import literal
from catalog.model.schema import Field
from catalog.model.types import DataType, Scalar, TypeClass

CONFLICTS = pa.schema(
    [
        ("table_name", pa.string()),
        ("kind", pa.string()),
        ("key", pa.string()),
        ("column_name", pa.string()),
        ("base", pa.string()),
        ("ours", pa.string()),
        ("theirs", pa.string()),
    ]
)
"""The columns in which conflicts are told.

Of rows, the kind is one of ``cell``: unlike values of one cell; ``deleted-by-ours`` and
``deleted-by-theirs``: a row that the side named deleted and the other updated; ``inserted-both``:
unlike new rows of one key; ``duplicates``: keys that stand several times; ``below-zero``: copies
of a row without a key. Nothing is decided by it: conflicts of kinds that other versions wrote are
listed and settled alike.
"""


ConflictRow: TypeAlias = dict[str, str | None]
"""Is a row of ``CONFLICTS``."""


def conflict_row(
    table: str,
    kind: str,
    column: str | None,
    base: str | None,
    ours: str | None,
    theirs: str | None,
) -> ConflictRow:
    """Returns a conflict that is about no one row of a table."""
    return {
        "table_name": table,
        "kind": str(kind).replace("_", "-"),
        "key": None,
        "column_name": column,
        "base": base,
        "ours": ours,
        "theirs": theirs,
    }


def conflict_table(rows: Sequence[Mapping[str, str | None]]) -> pa.Table:
    """Returns conflicts as a table; most merges have none, and import nothing for that."""
    if rows:
        return pa.Table.from_pylist([dict(one) for one in rows], schema=CONFLICTS)
    return pa.table([pa.nulls(0, column.type) for column in CONFLICTS], schema=CONFLICTS)


def key_text(fields: Sequence[Field], values: Sequence[str]) -> str:
    """Returns SQL of a key, or a row without one, as conflicts show it: JSON of texts by column.

    Args:
        fields: The columns.
        values: SQL of their values, in the form in which they compare.
    """
    parts = ", ".join(
        f"{literal(field.name)}, {_text(value, field.type)}"
        for field, value in zip(fields, values, strict=True)
    )
    return f"CAST(json_object({parts}) AS VARCHAR)"


def _text(value: str, kind: DataType) -> str:
    """Returns SQL of a value's text: of both zeros of a float the same."""
    text = f"CAST({value} AS VARCHAR)"
    if isinstance(kind, Scalar) and kind.type_class is TypeClass.FLOAT:
        return f"CASE WHEN {value} = 0 THEN '0.0' ELSE {text} END"
    return text
