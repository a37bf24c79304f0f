"""Rows compared by position: files whose keys are equal in order, row beside row.

Rows that differ are kept as partial rows: they carry the key, the partition columns and the
columns that may differ, read from both sides; ``pair`` and ``place`` say where the rest lies.
Files that may differ in the same columns share a table, so that no table is wider than needed.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

import duckdb

from catalog.diff.columns import SqlColumns
from catalog.diff.plan import SIDES, ColumnPair, SideName
from catalog.diff.route import FilePair
from catalog.model.datafile import DataFile


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
    """Finds and completes the rows in which files differ position by position.

    Attributes:
        tables: The tables of partial rows.
    """

    def __init__(
        self, con: duckdb.DuckDBPyConnection, columns: SqlColumns, source: Source, name: str
    ) -> None:
        self.tables: list[str] = []
        self._con = con
        self._columns = columns
        self._plan = columns.plan
        self._source = source
        self._name = name
        self._pairs: list[tuple[FilePair, str]] = []
        self._by_changed: dict[tuple[str, ...], str] = {}

    def match(self, pair: FilePair) -> None:
        """Keeps the rows in which two files differ."""
        number = len(self._pairs)
        same = " AND ".join(f"f_{a} IS NOT DISTINCT FROM t_{b}" for a, b in self._values(pair))
        rows = (
            f"SELECT * EXCLUDE (beside) FROM (SELECT 'u' AS kind, {number} AS pair, "
            f"t.place AS place, f.place AS beside, {', '.join(self._named(pair))} "
            f"FROM {self._rows('f', pair)} POSITIONAL JOIN {self._rows('t', pair)}) "
            f"WHERE {_differs('beside', 'place', same)}"
        )
        changed = tuple(one.name for one in pair.changed)
        table = self._by_changed.get(changed)
        if table is None:
            table = self._by_changed[changed] = f"{self._name}_partial_{len(self.tables)}"
            self.tables.append(table)
            self._con.execute(f"CREATE OR REPLACE TABLE {table} AS {rows}")
        else:
            self._con.execute(f"INSERT INTO {table} BY NAME {rows}")
        self._pairs.append((pair, table))

    def differing_places(self, pair: FilePair) -> str:
        """Returns SQL of the places at which two files differ."""
        same = " AND ".join(f"f.{a} IS NOT DISTINCT FROM t.{b}" for a, b in self._values(pair))
        return (
            f"SELECT t.place AS place FROM {self._rows('f', pair)} "
            f"POSITIONAL JOIN {self._rows('t', pair)} "
            f"WHERE {_differs('f.place', 't.place', same)}"
        )

    def complete(self, whole: str) -> None:
        """Moves all rows to a table of whole rows, with what they lack read from the files.

        Columns known to be equal are read from the newer side alone.
        """
        for number, (pair, table) in enumerate(self._pairs):
            have = {side: self._read_ids(side, pair) for side in SIDES}
            listed = [f"r.{name}" for name in self._column_names(pair, have)]
            have["f"] += [p.before.id for p in self._keys_of_newer_side(pair)]
            equal = self._equal_ids(pair, have["f"])
            joins = []
            for side in SIDES:
                missing = [
                    field.id
                    for field in self._columns.fields(side)
                    if field.id not in have[side] and not (side == "f" and field.id in equal)
                ]
                if missing:
                    file = pair.before if side == "f" else pair.after
                    relation = self._source(side, (file,), missing, numbered=True)
                    listed += [f"{side}.c{i} AS {side}_c{i}" for i in missing]
                    joins.append(f"JOIN {relation} {side} ON r.place = {side}.place")
            held = set(have["t"])
            listed += [
                f"{f'r.t_c{after}' if after in held else f't.c{after}'} AS f_c{before}"
                for before, after in equal.items()
            ]
            self._con.execute(
                f"INSERT INTO {whole} BY NAME SELECT r.kind, {', '.join(listed)} "
                f"FROM (FROM {table} WHERE pair = {number}) r {' '.join(joins)}"
            )
        self.drop()

    def drop(self) -> None:
        """Drops the tables."""
        for table in self.tables:
            self._con.execute(f"DROP TABLE IF EXISTS {table}")
        self.tables, self._pairs, self._by_changed = [], [], {}

    def _values(self, pair: FilePair) -> list[tuple[str, str]]:
        columns = self._columns
        return [(columns.value("f", p), columns.value("t", p)) for p in pair.changed]

    def _read_ids(self, side: SideName, pair: FilePair) -> list[int]:
        """Returns the field ids that are read of a side; keys of one type only of the newer."""
        keys = self._plan.key_pairs
        wanted = [*pair.changed, *(p for p in keys if side == "t" or not _alike(p))]
        ids = [_own_id(side, p) for p in wanted]
        return list(dict.fromkeys([*ids, *self._plan.side(side).partition_by]))

    def _formed(self, side: SideName, pair: FilePair) -> dict[str, str]:
        """Returns the expressions of comparing values that are no plain columns, by name."""
        ids = self._read_ids(side, pair)
        return {
            self._columns.value(side, p): self._columns.expression(side, p)
            for p in (*pair.changed, *self._plan.key_pairs)
            if self._columns.value(side, p).startswith("m") and _own_id(side, p) in ids
        }

    def _rows(self, side: SideName, pair: FilePair) -> str:
        file = pair.before if side == "f" else pair.after
        ids = self._read_ids(side, pair)
        listed = [f"c{i}" for i in ids]
        listed += [f"{sql} AS {name}" for name, sql in self._formed(side, pair).items()]
        relation = self._source(side, (file,), ids, numbered=True)
        return f"(SELECT {', '.join([*listed, 'place'])} FROM {relation}) {side}"

    def _named(self, pair: FilePair) -> list[str]:
        """Returns the columns of partial rows, as SQL over both sides."""
        listed = []
        for side in SIDES:
            names = [f"c{i}" for i in self._read_ids(side, pair)]
            names += self._formed(side, pair)
            listed += [f"{side}.{name} AS {side}_{name}" for name in names]
        return listed + [
            f"t.c{p.after.id} AS f_c{p.before.id}" for p in self._keys_of_newer_side(pair)
        ]

    def _column_names(self, pair: FilePair, have: Mapping[SideName, Sequence[int]]) -> list[str]:
        names = []
        for side in SIDES:
            names += [f"{side}_c{i}" for i in have[side]]
            names += [f"{side}_{name}" for name in self._formed(side, pair)]
        return names + [f"f_c{p.before.id}" for p in self._keys_of_newer_side(pair)]

    def _keys_of_newer_side(self, pair: FilePair) -> list[ColumnPair]:
        read = self._read_ids("f", pair)
        return [p for p in self._plan.key_pairs if _alike(p) and p.before.id not in read]

    def _equal_ids(self, pair: FilePair, have: Sequence[int]) -> dict[int, int]:
        """Returns the columns known to be equal that are not held: older id to newer."""
        return {
            p.before.id: p.after.id
            for p in self._plan.value_pairs
            if p not in pair.changed and _alike(p) and p.before.id not in have
        }


def _differs(before: str, after: str, same: str) -> str:
    """Returns the condition that rows side by side differ.

    That the engine puts the rows of two files side by side in their order is checked row by
    row: an answer from rows out of step would be wrong without a sign.
    """
    return f"CASE WHEN {before} = {after} THEN NOT ({same}) ELSE error('rows out of step') END"


def _alike(pair: ColumnPair) -> bool:
    return pair.before.type == pair.after.type


def _own_id(side: SideName, pair: ColumnPair) -> int:
    return (pair.before if side == "f" else pair.after).id
