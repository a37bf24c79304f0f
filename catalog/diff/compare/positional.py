"""Rows compared by position: files whose keys are equal in order, row beside row.

Rows that differ are kept as partial rows: they carry the key, the partition columns and the
columns that may differ, read from both sides; ``pair`` and ``place`` locate the other columns.
Files that may differ in the same columns share a table, so that no table is wider than needed.
Where most rows differ none are kept: reading them again costs no more than keeping them.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

import duckdb
import numpy as np
import pyarrow as pa

from catalog.dataclasses import replace
from catalog.diff.compare.small_pairs import SmallPairs
from catalog.diff.compare.small_rows import WAITING_BYTES, Needed, SmallRows
from catalog.diff.compare.sql_columns import Part, RowPlaces, SqlColumns, Streamed
from catalog.diff.compare.table_reader import TableReader
from catalog.diff.plan import SIDES, ColumnPair, SideName
from catalog.diff.route import FilePair, constant
from catalog.engine.arrow_arrays import to_numpy
from catalog.engine.connection import cursor, single_row
from catalog.errors import CorruptData, ErrorKind
from catalog.model.fingerprint import BLOCK_ROWS, stored_alike
from catalog.model.schema import Field
from catalog.model.types import has_float

DENSE_SHARE = 0.5
"""Share of the first rows of a file that must differ for its rows not to be kept."""

DENSE_ROWS = 4 * BLOCK_ROWS
"""Rows of a file from which looking at the first of them pays."""

OUT_OF_STEP = "rows out of step"
"""The engine's error about a row without the partner it must have."""


class PartialRows:
    """Finds, completes and streams the rows in which files differ position by position.

    Columns known to be equal are read from the newer side alone, but floats only if none is -0.0.
    If ``keep_all`` returns true, the rows of files that differ in most of them are kept, too.

    Attributes:
        pairs: Files that may differ, each with the table of its rows; None if they are not kept.
    """

    def __init__(
        self,
        reader: TableReader,
        columns: SqlColumns,
        name: str,
        *,
        keep_all: Callable[[], bool],
    ) -> None:
        self._tables: list[str] = []
        self._con = reader.con
        self._reader = reader
        self._columns = columns
        self._plan = columns.plan
        self._identifying = [p for p in self._plan.pairs if p.key or p.partition]
        self._formed_numbers = {p.number for side in SIDES for p in columns.formed(side)}
        self._fields = {side: {field.id: field for field in columns.fields(side)} for side in SIDES}
        self._name = name
        self._keep_all = keep_all
        self.pairs: list[tuple[FilePair, str | None]] = []
        self._by_changed: dict[tuple[int, ...], str | None] = {}
        self._small = SmallPairs(reader.plan, reader.source, reader.prints)
        self._small_rows = SmallRows(self._con, self._small, new_table=self.new_table)
        self._needed_fields: dict[tuple[int, ...], Needed] = {}

    def match(self, pair: FilePair) -> None:
        """Finds the rows in which two files differ; of small files, once there are many of them.

        Raises:
            CorruptData: A file does not hold the rows that its fingerprint claims.
        """
        number = len(self.pairs)
        self.pairs.append((pair, None))
        changed = tuple(column.number for column in pair.changed)
        if changed not in self._needed_fields:
            self._needed_fields[changed] = {
                side: self._columns_of(side, self._needed(side, pair)) for side in SIDES
            }
        needed = self._needed_fields[changed]
        enough = self._small_rows.match(pair, needed, number=number)
        if enough is None:
            self._match_large(number)
        elif enough:
            self._compare_small()

    def _compare_small(self) -> None:
        """Compares the small files that were read."""
        for number, table in self._small_rows.compare().items():
            if table is None:
                self._match_large(number)
            else:
                self.pairs[number] = self.pairs[number][0], table

    def _match_large(self, number: int) -> None:
        """Has the engine find the rows in which two files differ."""
        pair, _ = self.pairs[number]
        try:
            self.pairs[number] = pair, self._matched(pair, number)
        except duckdb.InvalidInputException as error:
            if OUT_OF_STEP not in str(error):
                raise
            raise CorruptData(
                f"{pair.before.path} and {pair.after.path} do not hold the same keys, as their "
                "fingerprints say",
                kind=ErrorKind.WRONG_FINGERPRINT,
                hint="delete cache/fingerprints; they will be computed again",
            ) from error

    def _matched(self, pair: FilePair, number: int) -> str | None:
        """Returns the table that the rows got into in which two files differ; None if none did."""
        changed = tuple(column.number for column in pair.changed)
        if changed in self._by_changed:
            table = self._by_changed[changed]
            if table is not None:
                self._con.execute(f"INSERT INTO {table} BY NAME {self._partial(pair, number)}")
        elif self._is_dense(pair):
            table = None
        else:
            table = self.new_table()
            self._con.execute(f"CREATE OR REPLACE TABLE {table} AS {self._partial(pair, number)}")
        self._by_changed[changed] = table
        return table

    def new_table(self) -> str:
        """Returns the name of a table to come, for rows of some pairs of files."""
        self._tables.append(f"{self._name}_partial_{len(self._tables)}")
        return self._tables[-1]

    def _flush(self) -> None:
        """Compares what waits, and hands the rows that were found outside the engine to it."""
        self._compare_small()
        self._small_rows.hand_over()

    def _is_dense(self, pair: FilePair) -> bool:
        """Returns whether most of the first rows of two files differ."""
        if pair.after.rows < DENSE_ROWS or self._keep_all():
            return False
        first = self._side_by_side(pair, whole=False, first=BLOCK_ROWS)
        (count,) = single_row(self._con, f"SELECT count(*) {first}")
        return int(count) > BLOCK_ROWS * DENSE_SHARE

    def _partial(self, pair: FilePair, number: int, *, first: int | None = None) -> str:
        """Returns SQL of the rows in which two files differ, partial; see ``_side_by_side``.

        With a key ``c1``, and ``c5`` the only column that may differ::

            pair  place  f_c5  t_c1  t_c5
               0     17   9.5   118  10.5
               0     40  NULL   203   2.0
        """
        listed = [f"{number} AS pair", "t.place AS place"]
        for side in SIDES:
            ids = self._needed(side, pair)
            names = [*(f"c{i}" for i in ids), *self._formed(side, pair, ids)]
            listed += [f"{side}.{name} AS {side}_{name}" for name in names]
        return f"SELECT {', '.join(listed)} {self._side_by_side(pair, whole=False, first=first)}"

    def differing_places(self, pair: FilePair) -> str:
        """Returns SQL of the places at which two files differ."""
        return f"SELECT t.place AS place {self._side_by_side(pair, whole=False)}"

    def waiting_parts(self) -> list[Part]:
        """Returns the rows as ``parts`` does, as arrays if the engine does not have them yet.

        Handing over a few rows in which thousands of columns changed would take longer than all
        else. Values of partition columns are not among the arrays in their types.
        """
        self._compare_small()
        if (
            any(self._plan.side(side).partition_by for side in SIDES)
            or not self._columns.always_changed(self._plan.value_pairs)
            or (arrays := self._small_rows.arrays()) is None
        ):
            return self.parts()
        return [
            part if part.table is None else replace(part, arrays=arrays.get(part.table))
            for part in self._held()
            if part.table is None or part.table in arrays or self._small_rows.is_created(part.table)
        ]

    def parts(self) -> list[Part]:
        """Returns the rows, with the older values that equal those of the newer side."""
        self._flush()
        return self._held()

    def _held(self) -> list[Part]:
        parts: dict[str, Part] = {}
        places = RowPlaces(
            dict.fromkeys(SIDES, ("pair", "place")),
            {side: [pair.on(side) for pair, _ in self.pairs] for side in SIDES},
        )
        for number, (pair, table) in enumerate(self.pairs):
            if table in parts:
                continue
            derived = _derived_names(self._derived(pair))
            also = [f"{sql} AS {name}" for name, sql in derived.items()]
            listed = ", ".join(["SELECT 'u' AS kind", "*", *also]) + " FROM"
            if table is not None:
                rows = f"({listed} {table})"
                parts[table] = Part(
                    rows, pair.changed, partial=True, table=table, derived=derived, places=places
                )
                continue
            rows, some = (self._partial(pair, number, first=n) for n in (None, BLOCK_ROWS))
            parts[str(number)] = Part(
                f"({listed} ({rows}))",
                pair.changed,
                partial=True,
                streamed=Streamed(
                    f"({listed} ({some}))", pair.after.rows, self._keys(pair), BLOCK_ROWS
                ),
                derived=derived,
                places=places,
            )
        return list(parts.values())

    def _keys(self, pair: FilePair) -> str:
        """Returns SQL of the keys of a pair's rows, and their places."""
        ids = [column.after.id for column in self._plan.key_pairs]
        relation = self._reader.relation("t", (pair.after,), ids, numbered=True)
        return f"(SELECT {', '.join(['place', *(f'c{i} AS t_c{i}' for i in ids)])} FROM {relation})"

    def streams(self) -> list[Part]:
        """Returns SQL that finds the rows of each pair of files again, whole."""
        return [
            Part(
                f"({self._streamed(pair)})",
                pair.changed,
                partial=False,
                derived=_derived_names(self._equal(pair)),
            )
            for pair, _ in self.pairs
        ]

    def _streamed(self, pair: FilePair) -> str:
        listed = ["'u' AS kind"]
        for side in SIDES:
            ids = self._all(side, pair)
            names = [*(f"c{i}" for i in ids), *self._formed(side, pair, ids)]
            listed += [f"{side}.{name} AS {side}_{name}" for name in names]
            listed += self._other_forms(side, pair, {i: f"{side}.c{i}" for i in ids})
        listed += [f"t.c{p.after.id} AS f_c{p.before.id}" for p in self._equal(pair)]
        return f"SELECT {', '.join(listed)} {self._side_by_side(pair, whole=True)}"

    def complete(self, whole: str) -> None:
        """Moves all rows to a table of whole rows, reading the missing columns file by file.

        Rows that differ only within a tolerance are left out: nobody is shown them.

        The first of the rows above, with the other columns ``c2`` and ``c3`` read by its place::

            kind  f_c1  f_c2  f_c3  f_c5  t_c1  t_c2  t_c3  t_c5
            u      118  a     true   9.5   118  a     true  10.5
        """
        self._flush()
        done = self._complete_small(whole)
        for number, (pair, table) in enumerate(self.pairs):
            if number in done:
                continue
            if table is None and self._columns.always_changed(pair.changed):
                self._con.execute(f"INSERT INTO {whole} BY NAME {self._streamed(pair)}")
                continue
            rows = self._changed_rows(pair, number, table)
            listed, joins = ["'u' AS kind"], []
            for side in SIDES:
                have = dict.fromkeys(self._needed(side, pair))
                formed = self._formed(side, pair, have)
                missing = [i for i in self._all(side, pair) if i not in have]
                at = {i: f"r.{side}_c{i}" for i in have} | {i: f"{side}.c{i}" for i in missing}
                listed += [f"{sql} AS {side}_c{i}" for i, sql in at.items()]
                listed += [f"r.{side}_{m} AS {side}_{m}" for m in formed]
                listed += self._other_forms(side, pair, at)
                if missing:
                    relation = self._reader.relation(side, (pair.on(side),), missing, numbered=True)
                    joins.append(f"JOIN {relation} {side} ON r.place = {side}.place")
            held = frozenset(self._needed("t", pair))
            listed += [
                f"{'r.t_' if p.after.id in held else 't.'}c{p.after.id} AS f_c{p.before.id}"
                for p in self._equal(pair)
            ]
            self._con.execute(
                f"INSERT INTO {whole} BY NAME SELECT {', '.join(listed)} "
                f"FROM {rows} r {' '.join(joins)}"
            )
        self.drop()

    def _complete_small(self, whole: str) -> set[int]:
        """Moves rows of small files to the table of whole rows, many files at a time.

        Returns:
            The numbers of the pairs that are done; the engine must read the files of others.
        """
        done: set[int] = set()
        if self._formed_numbers:
            return done
        for table in self._small_rows.tables.values():
            numbers = [n for n, (_, own) in enumerate(self.pairs) if own == table]
            columns, changed = self._columns, self.pairs[numbers[0]][0].changed
            where = "" if columns.always_changed(changed) else columns.any_changed(changed)
            places = self._con.sql(
                f"SELECT pair, place FROM {table} {where and f'WHERE {where} '}ORDER BY pair, place"
            ).to_arrow_table()
            pairs, rows = to_numpy(places["pair"]), to_numpy(places["place"])
            waiting: defaultdict[tuple[int, ...], list[pa.Table]] = defaultdict(list)
            size = 0
            for number in numbers:
                first, end = np.searchsorted(pairs, (number, number + 1))
                if first == end:
                    done.add(number)
                    continue
                pair = self.pairs[number][0]
                missing = {side: self._missing(side, pair) for side in SIDES}
                found = self._small.rows_at(pair, rows[first:end], missing, number=number)
                if found is None:
                    continue
                done.add(number)
                size += found.nbytes
                waiting[tuple(column.number for column in self._equal(pair))].append(found)
                if size >= WAITING_BYTES:
                    self._insert_whole(whole, table, waiting)
                    size = 0
            self._insert_whole(whole, table, waiting)
        return done

    def _insert_whole(
        self, whole: str, table: str, waiting: dict[tuple[int, ...], list[pa.Table]]
    ) -> None:
        """Inserts whole rows, of which what waits has the missing columns, by pairs like one."""
        for found in waiting.values():
            pair = self.pairs[found[0]["pair"][0].as_py()][0]
            listed = ["'u' AS kind"]
            for side in SIDES:
                have = set(self._needed(side, pair))
                listed += [
                    f"{'r' if i in have else 'm'}.{side}_c{i} AS {side}_c{i}"
                    for i in self._all(side, pair)
                ]
            held = set(self._needed("t", pair))
            listed += [
                f"{'r' if p.after.id in held else 'm'}.t_c{p.after.id} AS f_c{p.before.id}"
                for p in self._equal(pair)
            ]
            with cursor(self._con) as own:
                own.register("found", pa.concat_tables(found).combine_chunks())
                own.execute(
                    f"INSERT INTO {whole} BY NAME SELECT {', '.join(listed)} "
                    f"FROM {table} r JOIN found m ON r.pair = m.pair AND r.place = m.place"
                )
                own.unregister("found")
        waiting.clear()

    def _missing(self, side: SideName, pair: FilePair) -> tuple[Field, ...]:
        """Returns the columns of a side that are read for whole rows alone."""
        have = set(self._needed(side, pair))
        return self._columns_of(side, [i for i in self._all(side, pair) if i not in have])

    def _changed_rows(self, pair: FilePair, number: int, table: str | None) -> str:
        """Returns SQL of a pair's rows, partial, in which some column counts as changed."""
        changed = self._columns.any_changed(pair.changed)
        if table is not None:
            return f"(FROM {table} WHERE pair = {number} AND ({changed}))"
        table = f"{self._name}_changed"
        self._tables.append(table)
        partial = self._partial(pair, number)
        self._con.execute(f"CREATE OR REPLACE TABLE {table} AS FROM ({partial}) WHERE {changed}")
        return table

    def drop(self) -> None:
        """Drops the tables."""
        for table in self._tables:
            self._con.execute(f"DROP TABLE IF EXISTS {table}")
        self._tables, self.pairs, self._by_changed = [], [], {}
        self._small_rows.clear()

    def _side_by_side(self, pair: FilePair, *, whole: bool, first: int | None = None) -> str:
        """Returns the FROM and WHERE of rows in which two files differ, among the first or all.

        Every row checks that the engine has put the rows of both files side by side in their
        order: an answer from rows out of step would be silently wrong. The newer side, which has
        more columns to read, comes first, because the engine holds the second in memory. All
        columns are read for ``whole`` rows.
        """
        sides = []
        for side in reversed(SIDES):
            ids = self._all(side, pair) if whole else self._needed(side, pair)
            listed = [f"c{i}" for i in ids]
            listed += [f"{sql} AS {name}" for name, sql in self._formed(side, pair, ids).items()]
            relation = self._reader.relation(side, (pair.on(side),), ids, numbered=True)
            places = pair.places if first is None else ((0, first),)
            within = ""
            if places is not None:
                ranges = (f"(place >= {start} AND place < {stop})" for start, stop in places)
                within = f" WHERE {' OR '.join(ranges) or 'false'}"
            sides.append(f"(SELECT {', '.join([*listed, 'place'])} FROM {relation}{within}) {side}")
        same = self._columns.same(pair.changed)
        return (
            f"FROM {' POSITIONAL JOIN '.join(sides)} WHERE CASE WHEN f.place = t.place "
            f"THEN NOT ({same}) ELSE error('{OUT_OF_STEP}') END"
        )

    def _equal(self, pair: FilePair) -> list[ColumnPair]:
        """Returns the columns whose older values are read from the newer side."""
        changed = {p.number for p in pair.changed}
        return [p for p in self._plan.pairs if self._known_equal(p, pair, changed)]

    def _known_equal(self, column: ColumnPair, pair: FilePair, changed: Collection[int]) -> bool:
        if column.before.type != column.after.type or column.number in self._formed_numbers:
            return False
        if column.partition:
            return constant(self._plan, column)
        if column.key:  # the same for all files, since rows of several share a table
            return not has_float(column.after.type)
        equal = column.compared and column.number not in changed
        return equal and (not has_float(column.after.type) or self._same_zeros(column, pair))

    def _same_zeros(self, column: ColumnPair, pair: FilePair) -> bool:
        """Returns whether equal floats of two files have the same sign, also where they are 0."""
        prints = [self._reader.prints.get(file.identity) for file in (pair.before, pair.after)]
        before, after = prints
        if before is None or after is None:
            return False
        ids = column.before.id, column.after.id
        if stored_alike(before, ids[0], after, ids[1]):
            return True
        summaries = before.summaries.get(ids[0]), after.summaries.get(ids[1])
        return all(one is not None and one.negative_zeros is False for one in summaries)

    def _needed(self, side: SideName, pair: FilePair) -> list[int]:
        """Returns the field ids that are read of a side to find and to identify its rows."""
        equal = {p.before.id for p in self._derived(pair)} if side == "f" else set()
        wanted = [p.on(side).id for p in (*pair.changed, *self._plan.key_pairs)]
        wanted += self._plan.side(side).partition_by
        return [i for i in dict.fromkeys(wanted) if i not in equal]

    def _derived(self, pair: FilePair) -> list[ColumnPair]:
        """Returns the columns that identify rows, and are read from the newer side alone.

        They are the same for all pairs of files that differ in the same columns.
        """
        changed = {p.number for p in pair.changed}
        return [p for p in self._identifying if self._known_equal(p, pair, changed)]

    def _columns_of(self, side: SideName, ids: Sequence[int]) -> tuple[Field, ...]:
        fields = self._fields[side]
        return tuple(fields[field_id] for field_id in ids if field_id in fields)

    def _all(self, side: SideName, pair: FilePair) -> list[int]:
        """Returns the field ids of a side that are not read from the other."""
        equal = {p.before.id for p in self._equal(pair)} if side == "f" else set()
        return [f.id for f in self._columns.fields(side) if f.id not in equal]

    def _formed(self, side: SideName, pair: FilePair, ids: Collection[int]) -> dict[str, str]:
        """Returns the values read that compare in another form, as expressions by name."""
        formed = {p.number for p in self._columns.formed(side)}
        at_hand = frozenset(ids)
        return {
            self._columns.value(side, p): self._columns.expression(side, p)
            for p in (*pair.changed, *self._plan.key_pairs)
            if p.number in formed and p.on(side).id in at_hand
        }

    def _other_forms(self, side: SideName, pair: FilePair, at: Mapping[int, str]) -> list[str]:
        """Returns the other values that compare in another form, all equal, as expressions."""
        known = (*self._equal(pair), *pair.changed, *self._plan.key_pairs)
        numbers = {p.number for p in known}
        return [
            f"{self._columns.expression(side, p, of=at[p.on(side).id])} AS "
            f"{side}_{self._columns.value(side, p)}"
            for p in self._columns.formed(side)
            if p.number not in numbers
        ]


def _derived_names(pairs: Iterable[ColumnPair]) -> dict[str, str]:
    """Returns the columns of the older side's rows that are those of the newer, by theirs."""
    return {f"f_c{pair.before.id}": f"t_c{pair.after.id}" for pair in pairs}
