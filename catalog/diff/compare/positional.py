"""Rows compared by position: files whose keys are equal in order, row beside row.

Files that hold the same keys in another order are compared likewise, their keys joined first.
Rows that differ are kept as partial rows: they carry the key, the partition columns and the
columns that may differ, read from both sides; ``pair`` and ``place`` say where the rest lies,
``f_place`` where in the older file if that is another place.
Files that may differ in the same columns share a table, so that no table is wider than needed.
Where most rows differ none are kept: reading them again costs no more than keeping them.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

import duckdb

from catalog.diff.compare.sql_columns import Part, SqlColumns
from catalog.diff.plan import SIDES, ColumnPair, SideName
from catalog.diff.route import FilePair, constant
from catalog.engine.connection import single_row
from catalog.errors import CorruptData, ErrorKind
from catalog.model.datafile import DataFile
from catalog.model.fingerprint import BLOCK_ROWS

DENSE_SHARE = 0.5
"""Share of the first rows of a file that must differ for its rows not to be kept."""

DENSE_ROWS = 4 * BLOCK_ROWS
"""Rows of a file from which looking at the first of them pays."""

LONELY = "a key without a partner"
"""What the engine says of a row that should have one, and has not."""


class Source(Protocol):
    """Returns SQL of the rows of a side's files, columns called ``c<field id>``."""

    def __call__(
        self,
        side: SideName,
        files: Sequence[DataFile],
        columns: Sequence[int] | None = None,
        *,
        numbered: bool = False,
    ) -> str:
        """Returns the SQL.

        Args:
            side: The side.
            files: Its files.
            columns: The field ids wanted; None means all.
            numbered: Whether ``place`` tells where in the file a row lies.
        """


class PartialRows:
    """Finds, completes and streams the rows in which files differ position by position.

    Columns known to be equal are read from the newer side alone.

    Attributes:
        tables: The tables of partial rows.
    """

    def __init__(
        self,
        con: duckdb.DuckDBPyConnection,
        columns: SqlColumns,
        source: Source,
        name: str,
        *,
        keep_all: bool,
    ) -> None:
        """Takes what reads and names rows, and whether also those must be kept that are many."""
        self.tables: list[str] = []
        self._con = con
        self._columns = columns
        self._plan = columns.plan
        self._source = source
        self._name = name
        self._keep_all = keep_all
        self._pairs: list[tuple[FilePair, str | None]] = []
        self._by_changed: dict[tuple[bool, tuple[str, ...]], str | None] = {}

    @property
    def found(self) -> bool:
        """Returns whether there are pairs of files that may differ."""
        return bool(self._pairs)

    def match(self, pair: FilePair) -> None:
        """Finds the rows in which two files differ.

        Raises:
            CorruptData: A file does not hold the keys that its fingerprint tells of.
        """
        try:
            self._match(pair)
        except duckdb.InvalidInputException as error:
            if LONELY not in str(error):
                raise
            raise CorruptData(
                f"{pair.before.path} and {pair.after.path} do not hold the same keys, as their "
                "fingerprints say",
                kind=ErrorKind.WRONG_FINGERPRINT,
                hint="delete cache/fingerprints; they are made anew",
            ) from error

    def _match(self, pair: FilePair) -> None:
        changed = pair.permuted, tuple(one.name for one in pair.changed)
        if changed in self._by_changed:
            table = self._by_changed[changed]
            if table is not None:
                self._con.execute(f"INSERT INTO {table} BY NAME {self._partial(pair)}")
        elif self._is_dense(pair):
            table = None
        else:
            table = f"{self._name}_partial_{len(self.tables)}"
            self.tables.append(table)
            self._con.execute(f"CREATE OR REPLACE TABLE {table} AS {self._partial(pair)}")
        self._by_changed[changed] = table
        self._pairs.append((pair, table))

    def _is_dense(self, pair: FilePair) -> bool:
        """Tells from the first rows of two files whether most differ."""
        if self._keep_all or pair.permuted or pair.after.rows < DENSE_ROWS:
            return False
        first = self._side_by_side(pair, whole=False, first=BLOCK_ROWS)
        (count,) = single_row(self._con, f"SELECT count(*) {first}")
        return int(count) > BLOCK_ROWS * DENSE_SHARE

    def _partial(self, pair: FilePair, *, first: int | None = None) -> str:
        """Returns SQL of the rows in which two files differ, partial; see ``_side_by_side``."""
        number = next((n for n, (one, _) in enumerate(self._pairs) if one is pair), None)
        listed = [f"{len(self._pairs) if number is None else number} AS pair", "t.place AS place"]
        if pair.permuted:
            listed.append("f.place AS f_place")
        for side in SIDES:
            ids = self._needed(side, pair)
            names = [*(f"c{i}" for i in ids), *self._formed(side, pair, ids)]
            listed += [f"{side}.{name} AS {side}_{name}" for name in names]
        return f"SELECT {', '.join(listed)} {self._side_by_side(pair, whole=False, first=first)}"

    def differing_places(self, pair: FilePair) -> str:
        """Returns SQL of the places at which two files differ."""
        return f"SELECT t.place AS place {self._side_by_side(pair, whole=False)}"

    def parts(self) -> list[Part]:
        """Returns the rows, with the columns that follow from others."""
        found = {}
        for number, (pair, table) in enumerate(self._pairs):
            needed = set(self._needed("t", pair))
            derived = [
                f"t_c{p.after.id} AS f_c{p.before.id}"
                for p in self._taken(pair)
                if p.after.id in needed
            ]
            listed = ", ".join(["SELECT 'u' AS kind", "*", *derived]) + " FROM"
            if table is not None:
                found[table] = Part(f"({listed} {table})", pair.changed, partial=True)
                continue
            rows, some = (self._partial(pair, first=n) for n in (None, BLOCK_ROWS))
            found[str(number)] = Part(
                f"({listed} ({rows}))", pair.changed, partial=True, sample=f"({listed} ({some}))"
            )
        return list(found.values())

    def streams(self) -> list[Part]:
        """Returns SQL that finds the rows of each pair of files again, whole."""
        return [
            Part(f"({self._streamed(pair)})", pair.changed, partial=False)
            for pair, _ in self._pairs
        ]

    def _streamed(self, pair: FilePair) -> str:
        listed = ["'u' AS kind"]
        for side in SIDES:
            ids = self._all(side, pair)
            names = [*(f"c{i}" for i in ids), *self._formed(side, pair, ids)]
            listed += [f"{side}.{name} AS {side}_{name}" for name in names]
            listed += self._other_forms(side, pair, {i: f"{side}.c{i}" for i in ids})
        listed += [f"t.c{p.after.id} AS f_c{p.before.id}" for p in self._taken(pair)]
        return f"SELECT {', '.join(listed)} {self._side_by_side(pair, whole=True)}"

    def complete(self, whole: str) -> None:
        """Moves all rows to a table of whole rows, with what they lack read from the files."""
        for number, (pair, table) in enumerate(self._pairs):
            if table is None:
                self._con.execute(f"INSERT INTO {whole} BY NAME {self._streamed(pair)}")
                continue
            listed, joins = ["'u' AS kind"], []
            for side in SIDES:
                have = self._needed(side, pair)
                formed = self._formed(side, pair, have)
                missing = [i for i in self._all(side, pair) if i not in have]
                at = {i: f"r.{side}_c{i}" for i in have} | {i: f"{side}.c{i}" for i in missing}
                listed += [f"{sql} AS {side}_c{i}" for i, sql in at.items()]
                listed += [f"r.{side}_{m} AS {side}_{m}" for m in formed]
                listed += self._other_forms(side, pair, at)
                if missing:
                    file = pair.before if side == "f" else pair.after
                    relation = self._source(side, (file,), missing, numbered=True)
                    place = "f_place" if side == "f" and pair.permuted else "place"
                    joins.append(f"JOIN {relation} {side} ON r.{place} = {side}.place")
            held = self._needed("t", pair)
            listed += [
                f"{'r.t_' if p.after.id in held else 't.'}c{p.after.id} AS f_c{p.before.id}"
                for p in self._taken(pair)
            ]
            self._con.execute(
                f"INSERT INTO {whole} BY NAME SELECT {', '.join(listed)} "
                f"FROM (FROM {table} WHERE pair = {number}) r {' '.join(joins)}"
            )
        self.drop()

    def drop(self) -> None:
        """Drops the tables."""
        for table in self.tables:
            self._con.execute(f"DROP TABLE IF EXISTS {table}")
        self.tables, self._pairs, self._by_changed = [], [], {}

    def _side_by_side(self, pair: FilePair, *, whole: bool, first: int | None = None) -> str:
        """Returns the FROM and WHERE of the rows in which two files differ.

        That the engine puts the rows of both files side by side in their order is checked row
        by row, and that keys in another order have a partner: an answer from rows out of step
        would be wrong without a sign. The newer side, of which more columns are read, stands
        first: the second is held in memory.

        Args:
            pair: The files.
            whole: Whether all columns are read.
            first: How many rows are looked at; None means all.
        """
        keys = [p for p in self._plan.key_pairs if not constant(self._plan, p)]
        sides = []
        for side in reversed(SIDES):
            ids = self._all(side, pair) if whole else self._needed(side, pair)
            if pair.permuted:
                ids = list(dict.fromkeys([*ids, *(_own_id(side, p) for p in keys)]))
            listed = [f"c{i}" for i in ids]
            listed += [f"{sql} AS {name}" for name, sql in self._formed(side, pair, ids).items()]
            file = pair.before if side == "f" else pair.after
            relation = self._source(side, (file,), ids, numbered=True)
            places = pair.places if first is None else ((0, first),)
            within = "" if places is None else f" WHERE {_within(places)}"
            sides.append(f"(SELECT {', '.join([*listed, 'place'])} FROM {relation}{within}) {side}")
        same = self._columns.same(pair.changed)
        if pair.permuted:
            return (
                f"FROM {' LEFT JOIN '.join(sides)} ON {self._columns.same(keys)} WHERE CASE WHEN "
                f"f.place IS NOT NULL THEN NOT ({same}) ELSE error('{LONELY}') END"
            )
        return (
            f"FROM {' POSITIONAL JOIN '.join(sides)} WHERE CASE WHEN f.place = t.place "
            f"THEN NOT ({same}) ELSE error('rows out of step') END"
        )

    def _taken(self, pair: FilePair) -> list[ColumnPair]:
        """Returns the columns of which the older value is taken from the newer side."""
        return [p for p in self._plan.pairs if _alike(p) and self._known_equal(p, pair)]

    def _known_equal(self, column: ColumnPair, pair: FilePair) -> bool:
        if column.partition:
            return column.before.id in self._plan.side("f").partition_by and (
                column.after.id in self._plan.side("t").partition_by
            )
        return column.key or (column.compared and column not in pair.changed)

    def _needed(self, side: SideName, pair: FilePair) -> list[int]:
        """Returns the field ids that are read of a side to find and to tell its rows."""
        taken = {p.before.id for p in self._taken(pair)} if side == "f" else set()
        wanted = [_own_id(side, p) for p in (*pair.changed, *self._plan.key_pairs)]
        wanted += self._plan.side(side).partition_by
        return [i for i in dict.fromkeys(wanted) if i not in taken]

    def _all(self, side: SideName, pair: FilePair) -> list[int]:
        """Returns the field ids of a side that are not taken from the other."""
        taken = {p.before.id for p in self._taken(pair)} if side == "f" else set()
        return [f.id for f in self._columns.fields(side) if f.id not in taken]

    def _formed(self, side: SideName, pair: FilePair, ids: Sequence[int]) -> dict[str, str]:
        """Returns the expressions of those values that compare in another form, by name.

        Args:
            side: The side.
            pair: The files.
            ids: The columns at hand.
        """
        return {
            self._columns.value(side, p): self._columns.expression(side, p)
            for p in (*pair.changed, *self._plan.key_pairs)
            if self._columns.value(side, p).startswith("m") and _own_id(side, p) in ids
        }

    def _other_forms(self, side: SideName, pair: FilePair, at: Mapping[int, str]) -> list[str]:
        """Returns what fills in the values that compare in another form, but are known to be equal.

        Args:
            side: The side.
            pair: The files.
            at: SQL of the columns at hand.
        """
        known = (*self._taken(pair), *pair.changed, *self._plan.key_pairs)
        found = [(self._columns.value(side, p), p) for p in self._plan.pairs if p not in known]
        return [
            f"{self._columns.expression(side, p, of=at[_own_id(side, p)])} AS {side}_{name}"
            for name, p in found
            if name.startswith("m")
        ]


def _within(places: Sequence[tuple[int, int]]) -> str:
    return (
        " OR ".join(f"(place >= {start} AND place < {stop})" for start, stop in places) or "false"
    )


def _alike(pair: ColumnPair) -> bool:
    return pair.before.type == pair.after.type


def _own_id(side: SideName, pair: ColumnPair) -> int:
    return (pair.before if side == "f" else pair.after).id
