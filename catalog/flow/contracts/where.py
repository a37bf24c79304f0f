"""Changed rows that do not meet a condition, which a contract states in SQL.

A stranger may have stored it. So it is checked to be one condition on single rows, and runs on an
engine that can open no file: the changed rows are handed to it.
"""

from collections.abc import Sequence

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from catalog.dataclasses import dataclass
from catalog.diff.held_rows import SHOWN_KEY, HeldRows, ShownRow
from catalog.diff.plan import ColumnPair
from catalog.diff.row_condition import CHANGE, FROM, TO
from catalog.diff.selection import Selection
from catalog.engine.allowed_files import AllowedFiles
from catalog.engine.quoting import identifier
from catalog.engine.restricted import RestrictedEngine, restricted_engine
from catalog.errors import ErrorKind, InvalidInput
from catalog.flow.contracts.change import Compared, Offenders
from catalog.flow.contracts.column_names import ColumnNames
from catalog.flow.contracts.rules import EXAMPLES
from catalog.model.limits import Limits
from catalog.model.types import DataType, Scalar
from catalog.model.values import text
from catalog.query.parse.keywords import fold
from catalog.query.stored.condition import StoredCondition, check_stored_condition
from catalog.storage.external_files import remote_files

_ROWS, _PLACE = "parquetry_changed", "parquetry_place"
"""The rows that a condition is asked about, and their numbers."""


def check_where(where: str, *, table: str, what: str) -> StoredCondition:
    """Checks the condition of a contract.

    Args:
        where: The condition.
        table: The table that it is about, by which it may qualify columns.
        what: What it is, for messages.

    Raises:
        InvalidInput: It is not a condition on single rows, or may not be run.
    """
    name = table.rpartition(".")[2]
    found = check_stored_condition(where, table=name, what=what)
    reason = ""
    if found.changing:
        reason = f"it calls {found.changing[0]}(), which gives another answer each time"
    elif not found.bounded:
        reason = "its values may grow without bound"
    if reason:
        raise InvalidInput(
            f"{what} is not a condition on rows that can be judged: {reason}",
            kind=ErrorKind.BAD_WHERE,
        )
    return found


def unmet(compared: Compared, where: str, *, table: str, limits: Limits) -> Offenders:
    """Returns changed rows that do not meet a condition, before or after.

    Columns have the names that they had before.

    Args:
        compared: The table, compared.
        where: The condition.
        table: The table's name.
        limits: What evaluating it may take.

    Raises:
        InvalidInput: It is not a condition on rows of the table.
        StorageFailure: Time or memory ran out.
    """
    condition = check_where(where, table=table, what=f"the condition {where!r}")
    asked = _Asked.of(compared, condition)
    reader = compared.held.reader([pair.name for pair in asked.pairs])
    count, shown = 0, list[ShownRow]()
    files = AllowedFiles(lambda uri: remote_files(None, uri))
    with restricted_engine(files=files, limits=limits) as engine:
        where_sql = _query(condition, table)
        for batch in reader(Selection(narrow=not condition.whole)):
            bad: set[int] = set()
            for side, absent in ((FROM, "inserted"), (TO, "deleted")):
                rows = _rows(batch, asked.pairs, side=side, absent=absent)
                if rows.num_rows:
                    bad |= _places(engine, compared.held.con, rows, query=where_sql)
            count += len(bad)
            for place in sorted(bad)[: EXAMPLES - len(shown)]:
                shown.append(_shown(batch.slice(place, 1), compared.held, asked.named))
    return Offenders(count, shown)


@dataclass(frozen=True, slots=True)
class _Asked:
    """The columns that a condition is about.

    Attributes:
        pairs: Those that it can see.
        named: Those that it names.
    """

    pairs: tuple[ColumnPair, ...]
    named: tuple[ColumnPair, ...]

    @staticmethod
    def of(compared: Compared, condition: StoredCondition) -> "_Asked":
        """Finds the columns by their names before.

        Raises:
            InvalidInput: One of them is not on both sides, or two names differ only in capitals.
        """
        pairs, taken = [], set()
        for one in ColumnNames(compared.plan).columns:
            field = one.before or one.after
            assert field is not None, "a column is on one side"
            name = fold(field.name)
            if name not in condition.names and not condition.whole:
                continue
            if one.pair is None:
                raise InvalidInput(
                    f"column {field.name} is not there both before and after, in types that compare"
                )
            if name in taken:
                raise InvalidInput(f"two columns are called {field.name}, but for capitals")
            taken.add(name)
            pairs.append(one.pair)
        named = tuple(p for p in pairs if fold(p.before.name) in condition.names)
        return _Asked(tuple(pairs), named)


def condition_type(condition: StoredCondition, table: str, *, rows: str) -> str:
    """Returns SQL of what a condition gives for rows of a table."""
    return f"SELECT {condition.sql} AS met FROM {rows} AS {_alias(table)}"


def _alias(table: str) -> str:
    return identifier(table.rpartition(".")[2])


def _query(condition: StoredCondition, table: str) -> str:
    """Returns SQL of the places of rows that a condition does not hold for."""
    return (
        f"SELECT {_PLACE} FROM {_ROWS} AS {_alias(table)} "
        f"WHERE NOT coalesce(CAST({condition.sql} AS BOOLEAN), false)"
    )


def _rows(
    batch: pa.RecordBatch, pairs: Sequence[ColumnPair], *, side: str, absent: str
) -> pa.Table:
    """Returns the rows of a side, with their places in the batch."""
    there = pc.not_equal(batch.column(CHANGE), absent)
    structs = batch.column(side)
    names = {structs.type.field(n).name: n for n in range(structs.type.num_fields)}
    arrays = [pa.array(range(batch.num_rows), pa.int64())]
    for pair in pairs:
        field = pair.before if side == FROM else pair.after
        arrays.append(structs.field(names[field.name]))
    columns = [_PLACE, *(pair.before.name for pair in pairs)]
    return pa.Table.from_arrays(arrays, names=columns).filter(there)


def _places(
    engine: RestrictedEngine, con: duckdb.DuckDBPyConnection, rows: pa.Table, *, query: str
) -> set[int]:
    """Returns the places of rows that do not meet the condition."""
    engine.connection.register(_ROWS, rows)
    try:
        with engine.result(query, within=con) as result:
            found = con.execute(f"SELECT * FROM {result.table}").fetchall()
    finally:
        engine.connection.unregister(_ROWS)
    return {int(place) for (place,) in found}


def _shown(row: pa.RecordBatch, held: HeldRows, named: Sequence[ColumnPair]) -> ShownRow:
    """Returns a row as it is shown, with a column that the condition is about."""
    (values,) = row.to_pylist()
    before, after = values[FROM] or {}, values[TO] or {}
    plan = held.plan
    keys = dict(zip((p.name for p in plan.key_pairs), values.values(), strict=False))
    kinds = {p.name: p.after.type for p in plan.pairs}
    if not plan.key_pairs:
        for pair in plan.pairs[:SHOWN_KEY]:
            keys[pair.name] = after.get(pair.after.name, before.get(pair.before.name))
    key = {name: _text(value, kinds[name]) for name, value in keys.items()}
    sides = ((p, before.get(p.before.name), after.get(p.after.name)) for p in named)
    texts = [(p.name, _text(x, p.before.type), _text(y, p.after.type)) for p, x, y in sides]
    differing = [one for one in texts if one[1] != one[2]] or texts
    return ShownRow(key, *differing[0]) if differing else ShownRow(key)


def _text(value: object, kind: DataType) -> str | None:
    if value is None or not isinstance(kind, Scalar):
        return None if value is None else str(value)
    return text(value, kind)  # type: ignore[arg-type]
