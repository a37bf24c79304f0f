"""Which files may hold rows of given keys: by the keys' bounds, or their partitions."""

from collections.abc import Sequence

import duckdb

from catalog.engine.connection import single_row
from catalog.errors import ErrorKind, InvalidInput
from catalog.model.partition import key_text
from catalog.model.schema import Field
from catalog.model.table import TableSnapshot
from catalog.model.types import Scalar, TypeClass, is_float
from catalog.model.values import encode, has_order, parse
from catalog.query.parse.predicates import Op
from catalog.query.pruning import Condition, Pruner

MAX_LISTED = 1000
"""Distinct partition values up to which files are chosen by each of them, not by bounds."""


def key_pruner(
    con: duckdb.DuckDBPyConnection,
    table: TableSnapshot,
    rows: str,
    *,
    fields: Sequence[int] | None = None,
) -> Pruner:
    """Returns which files of a table may hold rows equal to given ones in some columns, or the key.

    ``rows`` is a table of the engine with columns ``c<field id>``.
    """
    by = table.partition_by
    wanted = table.fields(table.key if fields is None else tuple(fields))
    conditions = (_condition(con, rows, f, partitioned=f.id in by) for f in wanted)
    return Pruner(table, tuple(one for one in conditions if one is not None))


def _condition(
    con: duckdb.DuckDBPyConnection, rows: str, field: Field, *, partitioned: bool
) -> Condition | None:
    """Returns what values of a column are among rows: each of them, or their bounds."""
    kind, column = field.type, f"c{field.id}"
    if not isinstance(kind, Scalar) or not has_order(kind) or kind.type_class is TypeClass.BINARY:
        return None
    if partitioned:
        listed = con.sql(
            f"SELECT DISTINCT CAST({column} AS VARCHAR) FROM {rows} LIMIT {MAX_LISTED + 1}"
        ).fetchall()
        values = [_encoded(value, kind) for (value,) in listed]
        known = tuple(value for value in values if value is not None)
        if len(known) == len(listed) <= MAX_LISTED and known:
            return Condition(field, Op.IN, known)
    # bounds of FLOAT columns are kept as doubles, partition values as their text
    exact = f"CAST({column} AS DOUBLE)" if is_float(kind) and not partitioned else column
    low, high, all_there = single_row(
        con,
        f"SELECT CAST(min({exact}) AS VARCHAR), CAST(max({exact}) AS VARCHAR), "
        f"count({column}) = count(*) FROM {rows}",
    )
    first, last = _encoded(low, kind), _encoded(high, kind)
    if not all_there or first is None or last is None:
        return None
    return Condition(field, Op.BETWEEN, (first, last))


def _encoded(shown: str | None, kind: Scalar) -> bytes | None:
    if shown is None:
        return None
    try:
        return encode(parse(shown, kind), kind)
    except InvalidInput:
        return None


def check_unique(
    con: duckdb.DuckDBPyConnection,
    table: TableSnapshot,
    rows: str,
    *,
    name: str,
    advice: str = "keep one row per key, or append them",
) -> None:
    """Checks that no two rows, of a table of the engine with columns ``c<field id>``, share a key.

    Raises:
        InvalidInput: Some do; one of the keys is named.
    """
    columns = ", ".join(f"c{i}" for i in table.key)
    shown = ", ".join(f"CAST(c{i} AS VARCHAR)" for i in table.key)
    found = con.sql(
        f"SELECT {shown}, count(*) FROM {rows} GROUP BY {columns} HAVING count(*) > 1 LIMIT 1"
    ).fetchall()
    if found:
        *values, rows_alike = found[0]
        raise InvalidInput(
            f"{rows_alike} rows for table {name} share the key {key_text(table.key_names, values)}",
            kind=ErrorKind.DUPLICATE_KEY,
            hint=advice,
        )
