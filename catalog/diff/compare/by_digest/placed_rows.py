"""Changed rows found by digests, held in the engine with their places and the columns read so far.

Rows that may differ in the same columns share a table. With a key ``c1``, and ``c5`` the only
column that may differ::

    n  kind  f_file  f_place  t_file  t_place  f_c1  f_c5  t_c1  t_c5
    0  u          0       17       0       18   118   9.5   118  10.5
    1  d          0       40      -1       -1   120  NULL  NULL  NULL

Further columns are read by their places, when they are wanted.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from types import MappingProxyType

import numpy as np
import pyarrow as pa

from catalog.dataclasses import dataclass
from catalog.diff.compare.by_digest.late_columns import NOWHERE, PLACES, LateColumns
from catalog.diff.compare.by_digest.stored_columns import Places, StoredColumns
from catalog.diff.compare.part_rows import PlacedTable
from catalog.diff.compare.sql_columns import Part, RowPlaces, SqlColumns
from catalog.diff.compare.table_reader import TableReader
from catalog.diff.plan import SIDES, ColumnPair, SideName
from catalog.engine.arrow_arrays import constant, from_numpy
from catalog.engine.connection import cursor, single_row

WAITING_ROWS = 200_000
"""Rows that are collected before the engine takes them."""

CHUNK_ROWS = 400_000
"""Rows that are completed at a time."""


@dataclass(frozen=True, slots=True)
class _Table:
    """The rows that may differ in the same columns.

    Attributes:
        pairs: Those columns.
        carried: Further columns that rows carry.
        moved: Whether rows may lie in different partitions.
        updated: Whether they are pairs of rows, not such as came or went.
        equal: The numbers of pairs whose older values are those of the newer side.
    """

    name: str
    pairs: tuple[ColumnPair, ...]
    carried: tuple[ColumnPair, ...]
    moved: bool
    updated: bool
    equal: frozenset[int]


class PlacedRows:
    """The changed rows of a table that were found by digests."""

    def __init__(
        self,
        reader: TableReader,
        columns: SqlColumns,
        name: str,
        *,
        stored: Mapping[SideName, StoredColumns],
    ) -> None:
        self._con = reader.con
        self._columns = columns
        self._plan = columns.plan
        self._name = name
        self._late = LateColumns(reader, columns, f"{name}_late", stored=stored)
        self._tables: dict[
            tuple[bool, bool, tuple[tuple[int, ...], ...], frozenset[int]], _Table
        ] = {}
        self._waiting: dict[
            tuple[_Table, tuple[str, ...], tuple[SideName, ...]], list[pa.Table]
        ] = {}
        self._shown: list[str] = []
        self._count = 0

    def add(
        self,
        places: Mapping[SideName, Places],
        kind: str,
        *,
        pairs: Sequence[ColumnPair] = (),
        carried: Sequence[ColumnPair] = (),
        columns: Mapping[str, pa.Array] = MappingProxyType({}),
        moved: bool = False,
        equal: frozenset[int] = frozenset(),
    ) -> None:
        """Adds rows that may differ in some columns.

        Args:
            places: The rows of each side that has them.
            kind: ``u``, ``d`` or ``i``.
            pairs: The columns.
            carried: Further columns that are held, since they will be asked for.
            columns: Values that are at hand, by their names in the remainder.
            moved: Whether they may lie in different partitions.
            equal: The numbers of pairs whose older values are those of the newer side.
        """
        rows = len(next(iter(places.values())))
        if not rows:
            return
        table = self._table(kind == "u", (pairs, carried), moved=moved, equal=equal)
        staged = staged_rows(places, rows, kind=kind, first=self._count)
        self._count += rows
        held = self._held(table)
        for side in places:
            for name in (f"{side}_c{i}" for i in sorted(held[side])):
                if name in columns:
                    staged = staged.append_column(name, columns[name])
        waiting = self._waiting.setdefault((table, tuple(staged.column_names), tuple(places)), [])
        waiting.append(staged)
        if sum(one.num_rows for one in waiting) >= WAITING_ROWS:
            self._take_waiting()

    def _take_waiting(self) -> None:
        """Has the engine take the rows that were added since: each statement takes milliseconds."""
        for (table, _, sides), waiting in self._waiting.items():
            held = self._held(table)
            staged = pa.concat_tables(waiting)
            with self._late.columns(staged, {side: held[side] for side in sides}) as query:
                if table.updated:
                    query = f"SELECT * FROM ({query}) WHERE NOT ({self._same(table.pairs)})"
                self._con.execute(f"INSERT INTO {table.name} BY NAME {query}")
        self._waiting.clear()

    def sent(self, tables: dict[str, str]) -> tuple[PlacedTable, ...]:
        """Returns what the tables are, which are added to ``tables``, for ``unpack``."""
        self._take_waiting()
        found = list(self._tables.values())
        tables |= {f"placed_{n}": one.name for n, one in enumerate(found)}
        return tuple(
            PlacedTable(one.updated, one.pairs, one.carried, one.moved, one.equal) for one in found
        )

    def unpack(self, placed: Sequence[PlacedTable], tables: str, renumbered: Sequence[str]) -> None:
        """Adds rows that were found elsewhere, in whose columns ``renumbered`` is replaced."""
        self._take_waiting()
        for number, one in enumerate(placed):
            table = self._table(
                one.updated, (one.pairs, one.carried), moved=one.moved, equal=one.equal
            )
            replaced = ", ".join([f"n + {self._count} AS n", *renumbered])
            rows = f"SELECT * REPLACE ({replaced}) FROM {tables}.placed_{number}"
            self._con.execute(f"INSERT INTO {table.name} BY NAME {rows}")
        listed = " UNION ALL ".join(
            f"SELECT n FROM {table.name}" for table in self._tables.values()
        )
        if listed:
            (last,) = single_row(self._con, f"SELECT coalesce(max(n), -1) FROM ({listed})")
            self._count = max(self._count, int(last) + 1)

    def parts(self) -> list[Part]:
        """Returns the rows, each with its key, its partition, and the columns that may differ."""
        self._take_waiting()
        return [self._part(table, table.name) for table in self._tables.values()]

    def parts_with(self, names: Collection[str]) -> list[Part]:
        """Returns the rows with some columns more, by their names on the newer side."""
        wanted = [pair for pair in self._plan.pairs if pair.name in names]
        found = []
        for table in self._tables.values():
            held = self._held(table)
            more: dict[SideName, set[int]] = {
                side: {p.on(side).id for p in wanted} - held[side] for side in SIDES
            }
            relation = table.name
            if any(more.values()):
                relation = f"{self._name}_shown_{len(self._shown)}"
                self._shown.append(relation)
                self._complete(table, more, into=relation, whole=False)
            found.append(self._part(table, relation))
        return found

    def move(self, whole: str, *, matching: str = "true") -> None:
        """Moves rows that meet a condition to a table of whole rows."""
        self._take_waiting()
        for table in self._tables.values():
            held = self._held(table)
            more = {
                side: {one.id for one in self._columns.fields(side)} - held[side] for side in SIDES
            }
            self._complete(table, more, into=whole, whole=True, matching=matching)
            self._con.execute(f"DELETE FROM {table.name} WHERE {matching}")
        if matching == "true":
            self.drop()

    def count_added(self, field_id: int) -> int:
        """Counts the values of an added column in pairs of rows."""
        self._take_waiting()
        queries = (
            f"SELECT count(t_c{field_id}) FROM {table.name}"
            for table in self._tables.values()
            if table.updated
        )
        return sum(int(single_row(self._con, query)[0]) for query in queries)

    def drop(self) -> None:
        """Drops the tables."""
        for name in (*(table.name for table in self._tables.values()), *self._shown):
            self._con.execute(f"DROP TABLE IF EXISTS {name}")
        self._tables, self._shown = {}, []

    def _part(self, table: _Table, relation: str) -> Part:
        partial = table.updated and not table.moved and not self._plan.added
        places = RowPlaces(
            {side: (f"{side}_file", f"{side}_place") for side in SIDES},
            {side: self._plan.files(side) for side in SIDES},
        )
        return Part(relation, table.pairs, partial=partial, places=places)

    def _table(
        self,
        updated: bool,
        columns: tuple[Sequence[ColumnPair], Sequence[ColumnPair]],
        *,
        moved: bool,
        equal: frozenset[int],
    ) -> _Table:
        pairs, carried = columns
        numbers = tuple(tuple(sorted(pair.number for pair in some)) for some in columns)
        key = updated, moved, numbers, equal
        table = self._tables.get(key)
        if table is None:
            ordered = tuple(sorted(pairs, key=lambda pair: pair.number))
            name = f"{self._name}_placed_{len(self._tables)}"
            table = _Table(name, ordered, tuple(carried), moved, updated, equal)
            self._tables[key] = table
            listed = ["0::BIGINT AS n", "'' AS kind"]
            listed += [f"0::BIGINT AS {place}" for place in PLACES]
            held = self._held(table)
            for side in SIDES:
                listed += self._late.no_values(side, held[side])
            self._con.execute(
                f"CREATE OR REPLACE TABLE {name} AS SELECT {', '.join(listed)} WHERE false"
            )
        return table

    def _complete(
        self,
        table: _Table,
        more: Mapping[SideName, Collection[int]],
        *,
        into: str,
        whole: bool,
        matching: str = "true",
    ) -> None:
        """Inserts rows with further columns into a table, which is created if it is not ``whole``.

        Of pairs known to be equal, the newer values serve for both sides.
        """
        aliases = {}
        if table.updated:
            aliases = {
                p.before.id: p.after.id
                for p in self._plan.pairs
                if p.number in table.equal and p.before.id in more["f"]
            }
        wanted: dict[SideName, set[int]] = {
            "f": set(more["f"]) - aliases.keys(),
            "t": set(more["t"]),
        }
        listed = ["p.*"]
        for side in SIDES:
            listed += [f"x.{name}" for name in self._late.names(side, wanted[side])]
        held = self._held(table)["t"]
        listed += [
            f"{'p' if after in held else 'x'}.t_c{after} AS f_c{before}"
            for before, after in aliases.items()
        ]
        if whole:
            listed[0] = f"p.* EXCLUDE (n, {', '.join(PLACES)})"
        created = whole
        for staged in self._chunks(table, matching):
            with self._late.columns(staged, wanted) as query:
                rows = f"SELECT {', '.join(listed)} FROM {table.name} p JOIN ({query}) x USING (n)"
                start = f"INSERT INTO {into} BY NAME" if created else f"CREATE TABLE {into} AS"
                self._con.execute(f"{start} {rows}")
            created = True

    def _chunks(self, table: _Table, matching: str) -> Iterator[pa.Table]:
        """Yields the places of rows, those of one file together; at least once."""
        with cursor(self._con) as own:
            rows = own.sql(
                f"SELECT n, {', '.join(PLACES)} FROM {table.name} WHERE {matching} "
                "ORDER BY t_file, f_file, t_place, f_place"
            ).to_arrow_table()
        yield rows.slice(0, CHUNK_ROWS)
        for start in range(CHUNK_ROWS, rows.num_rows, CHUNK_ROWS):
            yield rows.slice(start, CHUNK_ROWS)

    def _same(self, pairs: Sequence[ColumnPair]) -> str:
        return self._columns.same(pairs, "f_", "t_")

    def _held(self, table: _Table) -> Mapping[SideName, frozenset[int]]:
        """Returns the columns that rows carry: what identifies them, and what may have changed."""
        plan, pairs = self._plan, (*table.pairs, *table.carried)
        found: dict[SideName, frozenset[int]] = {}
        for side in SIDES:
            carried = [*plan.key_pairs, *pairs, *(p for p in plan.pairs if p.partition)]
            ids = {pair.on(side).id for pair in carried} | {*plan.side(side).partition_by}
            if side == "t":
                ids |= {one.id for one in plan.added}
            found[side] = frozenset(ids)
        return found


def staged_rows(
    places: Mapping[SideName, Places], rows: int, *, kind: str = "", first: int = 0
) -> pa.Table:
    """Returns rows by their places, numbered from ``first``, to which columns can be added."""
    staged = {"n": from_numpy(np.arange(first, first + rows, dtype=np.int64))}
    if kind:
        staged["kind"] = pa.repeat(constant(kind), rows)
    for side in SIDES:
        own = places.get(side)
        nowhere = np.full(rows, NOWHERE, np.int64)
        staged[f"{side}_file"] = from_numpy(nowhere if own is None else own.file)
        staged[f"{side}_place"] = from_numpy(nowhere if own is None else own.row)
    return pa.table(staged)
