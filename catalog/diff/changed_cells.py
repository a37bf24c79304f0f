"""The changed cells of columns, as SQL and as what the engine hands over."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack

import duckdb
import pyarrow as pa

from catalog.dataclasses import dataclass
from catalog.diff.compare.cell_rows import cell_rows
from catalog.diff.compare.sql_columns import Part, SqlColumns
from catalog.diff.counts import TEXT_LENGTH
from catalog.diff.plan import SIDES, ColumnPair
from catalog.model.types import DataType, Scalar, TypeClass, is_float

CHOSEN_COLUMNS = 16
"""Columns with a tolerance up to which rows in which none counts as changed are left out first."""

_TYPED = (
    TypeClass.BOOLEAN,
    TypeClass.INTEGER,
    TypeClass.DECIMAL,
    TypeClass.FLOAT,
    TypeClass.DATE,
    TypeClass.TIMESTAMP,
)
"""Types that Arrow hands over and takes back unchanged, and whose texts differ if values do."""


def changed_cells(
    con: duckdb.DuckDBPyConnection,
    columns: SqlColumns,
    pairs: Sequence[ColumnPair],
    *,
    parts: Sequence[Part],
    explained: bool,
) -> pa.Table:
    """Returns the changed cells of columns of one kind: place, hash, before, after and key.

    Of columns 0 and 2, both changed in the row with key 7::

        c  h     a     b     k0
        0  ab..  0.5   1.5   7
        2  3f..  NULL  2.0   7

    Values whose text depends on nothing else come as they are, others as text. So do keys; if one
    comes as text, ``s`` gives their order.
    """
    cells = CellSql.of(columns, pairs[0])
    listed = ["c", f"{cells.hash} AS h"]
    listed += [f"{value} AS {name}" for name, value in zip("ab", cells.shown, strict=True)]
    if explained:
        from catalog.diff.deltas.columns import delta_columns

        listed += delta_columns(pairs[0], *cells.names)
    keys = columns.plan.key_pairs
    owned = ", ".join(f"own{n}" for n in range(len(keys)))
    if all(is_typed(key.after.type) or _is_text(key.after.type) for key in keys):
        listed += [f"own{n} AS k{n}" for n in range(len(keys))]
    else:
        listed += [f"{text_sql(f'own{n}')} AS k{n}" for n in range(len(keys))]
        listed.append(f"create_sort_key(row({owned}), 'ASC NULLS LAST') AS s")
    carried = {f"own{n}": f"t_{columns.original('t', key)}" for n, key in enumerate(keys)}
    with ExitStack() as opened:
        rows = cell_queries(con, columns, pairs, parts=parts, carried=carried, opened=opened)
        queries = [f"SELECT {', '.join(listed)} FROM {one}" for one in rows]
        return con.sql(" UNION ALL ".join(queries)).to_arrow_table()


def cell_queries(
    con: duckdb.DuckDBPyConnection,
    columns: SqlColumns,
    pairs: Sequence[ColumnPair],
    *,
    parts: Sequence[Part],
    carried: Mapping[str, str],
    opened: ExitStack,
) -> Iterator[str]:
    """Yields SQL of the changed cells of each part, to follow FROM; see ``cell_rows``."""
    wanted = {pair.number for pair in pairs}
    for part in parts:
        differing = {pair.number for pair in part.pairs}
        if wanted.isdisjoint(differing):
            continue
        own = [pair for pair in pairs if pair.number in differing]
        few = 0 < len(own) <= CHOSEN_COLUMNS and not columns.always_changed(own)
        only = columns.any_changed(own) if few else "true"
        rows = opened.enter_context(
            cell_rows(con, columns, part, pairs, carried=carried, only=only)
        )
        yield f"{rows} WHERE {columns.changed(pairs[0])}"


@dataclass(frozen=True, slots=True)
class CellSql:
    """The cells of columns of one kind as SQL.

    Attributes:
        names: The columns with the values before and after.
        values: The values before and after, or their whole texts where those can be shown alone.
        shown: The same, texts cut.
        hash: A hash of both, in their whole length.
    """

    names: tuple[str, str]
    values: tuple[str, str]
    shown: tuple[str, str]
    hash: str

    @staticmethod
    def of(columns: SqlColumns, pair: ColumnPair) -> "CellSql":
        """Returns those of a column, and of others of its kind."""
        names, values, shown, signs = [], [], [], []
        for side in SIDES:
            name, kind = f"{side}_{columns.original(side, pair)}", pair.on(side).type
            names.append(name)
            values.append(name if is_typed(kind) else f"CAST({name} AS VARCHAR)")
            shown.append(name if is_typed(kind) else text_sql(name))
            signs += [f"signbit({name})"] if is_float(kind) else []
            signs += [f"CAST({name} AS VARCHAR)"] if _is_wide(kind) else []
        hashed = f"hash({', '.join([*values, *signs])})"
        return CellSql((names[0], names[1]), (values[0], values[1]), (shown[0], shown[1]), hashed)


def text_sql(value: str) -> str:
    """Returns SQL of the text of a value, as far as it is shown."""
    return f"left(CAST({value} AS VARCHAR), {TEXT_LENGTH})"


def is_typed(kind: DataType) -> bool:
    """Returns whether values of a type come as they are, not as texts."""
    known = isinstance(kind, Scalar) and kind.type_class in _TYPED
    return known or kind == Scalar("UBIGINT")


def _is_wide(kind: DataType) -> bool:
    """Returns whether values take over 64 bits, of which DuckDB hashes some alike, as 0 and -1."""
    return isinstance(kind, Scalar) and kind.decimal is not None and kind.decimal[0] > 18


def _is_text(kind: DataType) -> bool:
    return isinstance(kind, Scalar) and kind.type_class == TypeClass.TEXT
