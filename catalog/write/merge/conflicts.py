"""Conflicts as they are reported and kept: their columns, and keys as texts."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from catalog.engine.quoting import literal
from catalog.model.schema import Field
from catalog.model.types import DataType, Scalar, TypeClass
from catalog.write.merge.columns import SideTexts

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
"""The columns in which conflicts are reported.

About rows, the kind is one of ``cell``: unlike values of one cell; ``deleted-by-ours`` and
``deleted-by-theirs``: a row that the side named deleted and the other updated; ``inserted-both``:
unlike new rows of one key; ``replaced-both`` and ``path-taken``: unlike files of a file set at one
path, or where they cannot lie side by side; ``duplicates``: keys that several rows have;
``below-zero``: copies of a row without a key. No merge is decided by it: conflicts of kinds that
other releases wrote are listed and settled alike.
"""


FILE_KINDS = (
    *("replaced-both", "path-taken", "inserted-both"),
    *("deleted-by-ours", "deleted-by-theirs"),
)
"""Kinds that are about a file of a file set, if they name no column."""

CONFLICT_TABLE = "parquetry.conflicts"
"""The table that lists the conflicts of a merge, only on the branch that holds the merge."""

ConflictRow: TypeAlias = dict[str, str | None]
"""A row of ``CONFLICTS``."""


def conflict_row(
    table: str, kind: str, texts: SideTexts, *, column: str | None = None
) -> ConflictRow:
    """Returns a conflict that is not about single rows."""
    values = table, kind.replace("_", "-"), None, column, *texts
    return dict(zip(CONFLICTS.names, values, strict=True))


def conflict_table(rows: Sequence[Mapping[str, str | None]]) -> pa.Table:
    """Returns conflicts as a table; most merges have none, and import nothing for that."""
    if rows:
        return pa.Table.from_pylist([dict(one) for one in rows], schema=CONFLICTS)
    return pa.table([pa.nulls(0, column.type) for column in CONFLICTS], schema=CONFLICTS)


def key_json(fields: Sequence[Field], values: Sequence[str]) -> str:
    """Returns SQL of a key, or a row without one, as conflicts show it: JSON of texts by column.

    The values are SQL, in the form in which they compare.
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


def in_order(conflicts: pa.Table) -> pa.Table:
    """Returns conflicts sorted by table, key and column; shorter keys first, as numbers go."""
    if not conflicts.num_rows:
        return conflicts
    length = pc.coalesce(pc.utf8_length(conflicts["key"]), pa.scalar(0, pa.int32()))
    order = ("table_name", "key_length", "key", "column_name", "kind")
    by = [(name, "ascending") for name in order]
    return conflicts.append_column("key_length", length).sort_by(by).select(conflicts.column_names)


def are_about_files(conflicts: pa.Table) -> bool:
    """Returns whether some conflicts are about files of file sets."""
    pairs = zip(*(conflicts[name].to_pylist() for name in ("kind", "column_name")), strict=True)
    return any(kind in FILE_KINDS and column is None for kind, column in pairs)


def counted(conflicts: pa.Table) -> str:
    """Returns how many conflicts there are, in words."""
    return f"{conflicts.num_rows} conflict{'' if conflicts.num_rows == 1 else 's'}"


def conflicting_tables(conflicts: pa.Table, most: int = 5) -> str:
    """Returns the names of the tables in conflict, the first few, as text."""
    names = sorted(set(conflicts["table_name"].to_pylist()))
    return ", ".join(names[:most]) + (" …" if len(names) > most else "")
