"""Rows that a tolerance leaves, kept while all that differ are counted.

Where most rows of two files differ, none is held: they are read from the files once to be counted,
and once more for examples. If only a few count as changed, those are collected in passing instead,
and the files are read once.
"""

from collections.abc import Sequence
from typing import Any

import duckdb

from catalog.diff.compare.sql_columns import Part, SqlColumns
from catalog.engine.connection import single_row

KEPT_ROWS = 200_000
"""Rows that are kept in all."""

KEPT_SHARE = 0.1
"""Share of the first rows of two files above which none of theirs is kept: collecting them would
take as long as reading them again, and they would hardly all be kept."""

FILE_ROWS = 2_000_000
"""Rows of a file up to which some are collected: how many there will be is not known before."""

KEPT_COLUMNS = 16
"""Columns up to which rows are collected."""


class KeptRows:
    """The rows of streamed parts that count as changed, in tables of the engine."""

    def __init__(self, con: duckdb.DuckDBPyConnection, columns: SqlColumns, name: str) -> None:
        self._con = con
        self._columns = columns
        self._name = name
        self._kept: dict[str, Part | None] = {}
        self._tables: list[str] = []
        self._rows = 0
        self._has_keys = self._is_given_up = False

    def takes(self, part: Part) -> bool:
        """Returns whether the rows of a part are to be kept, should few of them count as changed.

        If not, those of other parts are not, either: the files will be read again.
        """
        if part.streamed is None or self._is_given_up or self._columns.always_changed(part.pairs):
            return False
        keeps = (
            len(part.pairs) <= KEPT_COLUMNS
            and part.streamed.rows <= FILE_ROWS
            and self._are_few(part)
        )
        if not keeps:
            self._give_up()
        return keeps

    def listed(self, part: Part) -> str:
        """Returns SQL of a row of a part as a value, with all that examples show of it.

        Where no row is expected, keys are not in it: to read them takes half as long as to count.
        """
        keys = (self._columns.original("t", key) for key in self._columns.plan.key_pairs)
        names = [f"t_{key}" for key in keys] if self._has_keys else ["place"]
        names = [*dict.fromkeys([*names, *self._columns.cell_names(part.pairs)])]
        return f"struct_pack({', '.join(f'{name} := {name}' for name in names)})"

    def counted(self, part: Part, query: str) -> list[Any] | None:
        """Runs a query that also has lists of rows, called ``kept``, and keeps those.

        Returns:
            The other columns of its result; None if it takes too much memory.
        """
        table, groups = f"{self._name}_kept_{len(self._tables)}", f"{self._name}_groups"
        self._tables += [table, groups]
        shown = f"SELECT * EXCLUDE (kept), coalesce(len(kept), 0) FROM {groups}"
        try:
            self._con.execute(f"CREATE OR REPLACE TABLE {groups} AS {query}")
            found = self._con.execute(shown).fetchall()
            count = sum(row[-1] for row in found)
            self._rows += count
            if count and self._rows <= KEPT_ROWS:
                self._con.execute(f"CREATE OR REPLACE TABLE {table} AS {self._with_keys(part)}")
        except duckdb.OutOfMemoryException:
            self._give_up()
            return None
        self._kept[part.relation] = Part(table, part.pairs, partial=True) if count else None
        if self._rows > KEPT_ROWS:
            self._give_up()
        self._has_keys = self._rows > 0
        return [row[:-1] for row in found]

    def _with_keys(self, part: Part) -> str:
        """Returns SQL of the rows that were just listed."""
        rows = f"SELECT 'u' AS kind, r.* FROM (SELECT unnest(kept) AS r FROM {self._name}_groups)"
        if self._has_keys:
            return rows
        assert part.streamed is not None, "such a part was taken"
        keys = part.streamed.keys
        return f"SELECT o.* EXCLUDE (place), k.* FROM ({rows}) o JOIN {keys} k ON o.place = k.place"

    def instead_of(self, parts: Sequence[Part]) -> tuple[Part, ...]:
        """Returns parts, those whose rows were kept as these; none where there were none."""
        found = (self._kept.get(part.relation, part) for part in parts)
        return tuple(part for part in found if part is not None)

    def drop(self) -> None:
        """Drops the tables."""
        for table in self._tables:
            self._con.execute(f"DROP TABLE IF EXISTS {table}")
        self._tables, self._kept = [], {}

    def _give_up(self) -> None:
        self._is_given_up = True
        self.drop()

    def _are_few(self, part: Part) -> bool:
        """Returns whether few of the first rows of a part count as changed."""
        if self._kept:  # what they had says more
            return True
        changed = self._columns.any_changed(part.pairs)
        assert part.streamed is not None, "of others, the first rows are not known"
        rows, own = single_row(
            self._con, f"SELECT count(*), count(*) FILTER ({changed}) FROM {part.streamed.sample}"
        )
        self._has_keys = int(own) > 0
        return int(own) <= int(rows) * KEPT_SHARE
