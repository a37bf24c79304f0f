"""Rows distinguished by 128 bits of the engine's hash, for types that it distinguishes."""

from collections.abc import Mapping, Sequence

import duckdb

from catalog.diff.compare.sql_columns import SqlColumns
from catalog.diff.plan import SIDES, ColumnPair, SideName
from catalog.model.types import DataType, Scalar, TypeClass


def without_equal(
    con: duckdb.DuckDBPyConnection,
    columns: SqlColumns,
    compared: Sequence[ColumnPair],
    *,
    rows: Mapping[SideName, str],
    table: str,
) -> dict[SideName, str]:
    """Leaves out rows that occur equally often on both sides, by 128 bits of hash.

    The hashes of the others get into a table.
    """
    hashed = _hashed_rows(columns, compared, rows)
    if hashed is None:
        return dict(rows)
    con.execute(
        f"CREATE OR REPLACE TABLE {table} AS SELECT h, g FROM "
        f"(SELECT h, g, 1 AS n FROM {hashed['f']} UNION ALL "
        f"SELECT h, g, -1 AS n FROM {hashed['t']}) GROUP BY h, g HAVING sum(n) <> 0"
    )
    return {
        side: f"(SELECT s.* EXCLUDE (h, g) FROM {hashed[side]} s SEMI JOIN {table} d "
        "ON s.h = d.h AND s.g = d.g)"
        for side in SIDES
    }


def _hashed_rows(
    columns: SqlColumns, compared: Sequence[ColumnPair], rows: Mapping[SideName, str]
) -> dict[SideName, str] | None:
    """Returns SQL of the rows of both sides with their hashes as ``h`` and ``g``.

    Two hashes are taken, over the columns in order and in reverse, each with which of them
    are NULL. DuckDB's hash is different for all values of up to 64 bits; text is hashed in two
    forms. Different values of wider and of nested types may share a hash: with any of those,
    or with types that differ between the sides, there are no such hashes.
    """
    plain = all(p.before.type == p.after.type and _has_good_hash(p.before.type) for p in compared)
    if not compared or not plain:
        return None
    hashed = {}
    for side in SIDES:
        forward, backward = [], []
        for pair in compared:
            value = columns.value(side, pair)
            other = f"{value} || '\\'" if _is_text(pair.before.type) else value
            forward += [value, f"{value} IS NULL"]
            backward += [f"{value} IS NULL", other]
        both = f"hash({', '.join(forward)}) AS h, hash({', '.join(reversed(backward))}) AS g"
        hashed[side] = f"(SELECT *, {both} FROM {rows[side]})"
    return hashed


_SMALL = (TypeClass.BOOLEAN, TypeClass.INTEGER, TypeClass.FLOAT, TypeClass.DATE)


def _has_good_hash(kind: DataType) -> bool:
    """Returns whether values of a type fit 64 bits, or are text."""
    if not isinstance(kind, Scalar):
        return False
    if kind.decimal is not None:
        return kind.decimal[0] <= 18
    small = kind.type_class in _SMALL or kind.name in ("TIME", "TIMESTAMP", "TIMESTAMP_NS")
    return small or _is_text(kind) or kind.name == "UBIGINT"


def _is_text(kind: DataType) -> bool:
    return isinstance(kind, Scalar) and kind.type_class is TypeClass.TEXT
