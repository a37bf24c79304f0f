"""Columns of rows that are known by their places, read when they are wanted."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager

import numpy as np
import pyarrow as pa

from catalog.arrow_functions import take
from catalog.diff.compare.align import Numbers
from catalog.diff.compare.arrays import Unreadable, is_plain
from catalog.diff.compare.by_digest.stored_columns import Places, StoredColumns, values
from catalog.diff.compare.sql_columns import SqlColumns
from catalog.diff.compare.table_reader import TableReader
from catalog.diff.plan import SideName
from catalog.engine.arrow_arrays import constant, from_numpy, to_numpy
from catalog.engine.connection import cursor
from catalog.engine.quoting import type_sql
from catalog.model.schema import Field
from catalog.model.values import encoded_text

PLACES = ("f_file", "f_place", "t_file", "t_place")
"""Where a row lies on both sides: the numbers of the file and of the row in it."""

NOWHERE = -1
"""The file and place of a row that a side does not have."""


class LateColumns:
    """Reads columns of rows by their places: by Arrow if it reads them as the engine does."""

    def __init__(
        self,
        reader: TableReader,
        columns: SqlColumns,
        name: str,
        *,
        stored: Mapping[SideName, StoredColumns],
    ) -> None:
        self._reader = reader
        self._con = reader.con
        self._columns = columns
        self._plan = columns.plan
        self._name = name
        self._stored = stored

    def names(self, side: SideName, ids: Collection[int]) -> list[str]:
        """Returns the names in the remainder of columns, and of the forms they compare in."""
        return [
            *(f"{side}_c{i}" for i in sorted(ids)),
            *(f"{side}_m{p.number}" for p in self._columns.formed(side) if p.on(side).id in ids),
        ]

    def no_values(self, side: SideName, ids: Collection[int]) -> list[str]:
        """Returns a select list of NULLs in place of columns and their forms."""
        nulls = {i: f"CAST(NULL AS {type_sql(self._field(side, i).type)})" for i in sorted(ids)}
        return [
            *(f"{sql} AS {side}_c{i}" for i, sql in nulls.items()),
            *self._forms(side, nulls),
        ]

    @contextmanager
    def columns(
        self, staged: pa.Table, wanted: Mapping[SideName, Collection[int]]
    ) -> Iterator[str]:
        """Yields SQL of rows with some columns, and the forms they compare in.

        Args:
            staged: The rows: ``n``, ``PLACES``, and columns that are at hand.
            wanted: Field ids by side.

        Raises:
            CorruptData: A file cannot be read.
        """
        given = frozenset(staged.column_names)
        select = [f"s.{name}" for name in staged.column_names]
        joins, tables = [], []
        for side, ids in wanted.items():
            missing = [i for i in sorted(ids) if f"{side}_c{i}" not in given]
            by_arrow = [i for i in missing if is_plain(self._plan.side(side), i)]
            try:
                staged = self._with_arrow(staged, side, by_arrow)
            except Unreadable:
                by_arrow = []
            select += [f"s.{side}_c{i}" for i in by_arrow]
            outer = [i for i in missing if i in self._plan.side(side).partition_by]
            staged = self._with_partitions(staged, side, outer)
            for i in outer:
                kind = type_sql(self._field(side, i).type)
                select.append(f"CAST(s.{side}_text{i} AS {kind}) AS {side}_c{i}")
            others = [i for i in missing if i not in by_arrow and i not in outer]
            if others:
                tables.append(f"{self._name}_{side}")
                self._by_engine(staged, side, others, into=tables[-1])
                joins.append(f" LEFT JOIN {tables[-1]} {side} ON s.n = {side}.n")
                select += [f"{side}.{side}_c{i}" for i in others]
        forms = ["*"]
        for side, ids in wanted.items():
            forms += self._forms(side, {i: f"{side}_c{i}" for i in ids})
        self._con.register(f"{self._name}_staged", staged)
        try:
            yield (
                f"SELECT {', '.join(forms)} FROM (SELECT {', '.join(select)} "
                f"FROM {self._name}_staged s{''.join(joins)})"
            )
        finally:
            self._con.unregister(f"{self._name}_staged")
            for table in tables:
                self._con.execute(f"DROP TABLE IF EXISTS {table}")

    def _forms(self, side: SideName, at: Mapping[int, str]) -> list[str]:
        """Returns a select list of the forms in which columns at hand compare."""
        return [
            f"{self._columns.expression(side, p, of=at[p.on(side).id])} AS {side}_m{p.number}"
            for p in self._columns.formed(side)
            if p.on(side).id in at
        ]

    def _field(self, side: SideName, field_id: int) -> Field:
        found = self._plan.side(side).schema.by_id(field_id)
        assert found is not None, "only columns of the table are read"
        return found

    def _with_arrow(self, staged: pa.Table, side: SideName, ids: Sequence[int]) -> pa.Table:
        """Adds columns that Arrow reads.

        Raises:
            Unreadable: It does not read them as the engine does.
        """
        if not ids:
            return staged
        places, index = _places(staged, side)
        pieces = self._stored[side].some(places, ids)
        for i in ids:
            found = values(pieces[i], len(places), self._field(side, i))
            staged = staged.append_column(f"{side}_c{i}", _spread(found, index))
        return staged

    def _with_partitions(self, staged: pa.Table, side: SideName, ids: Sequence[int]) -> pa.Table:
        """Adds the texts of partition values."""
        table = self._plan.side(side)
        kinds = dict(zip(table.partition_by, table.partition_fields, strict=True))
        for i in ids:
            position, (_, kind) = table.partition_by.index(i), kinds[i]
            encoded = [file.partition[position] for file in self._stored[side].files]
            known = {one: n for n, one in enumerate(dict.fromkeys([*encoded, None]))}
            texts = pa.concat_arrays([_one_text(encoded_text(one, kind)) for one in known])
            numbers = np.array([known[one] for one in (*encoded, None)], np.int64)
            files = to_numpy(staged[f"{side}_file"])
            own = numbers[np.where(files < 0, len(encoded), files)]
            taken = take(texts, from_numpy(own))
            staged = staged.append_column(f"{side}_text{i}", taken)
        return staged

    def _by_engine(
        self, staged: pa.Table, side: SideName, ids: Sequence[int], *, into: str
    ) -> None:
        """Creates a table of columns that the engine reads, with the rows' numbers."""
        listed = ", ".join(f"r.c{i} AS {side}_c{i}" for i in ids)
        nothing = ", ".join(f"c{i} AS {side}_c{i}" for i in ids)
        relation = self._reader.relation(side, (), ids)
        self._con.execute(
            f"CREATE OR REPLACE TABLE {into} AS SELECT 0::BIGINT AS n, {nothing} FROM {relation}"
        )
        places, index = _places(staged, side)
        numbers = to_numpy(staged["n"])
        numbers = numbers if index is None else numbers[index >= 0]
        for number, rows, at in places.by_file():
            relation = self._reader.relation(
                side, (self._stored[side].files[number],), ids, numbered=True
            )
            wanted = pa.table({"n": from_numpy(numbers[at]), "place": from_numpy(rows)})
            with cursor(self._con) as own:
                own.register("wanted_places", wanted)
                prepared = relation
                own.execute(
                    f"INSERT INTO {into} SELECT w.n, {listed} FROM {prepared} r "
                    "JOIN wanted_places w ON r.place = w.place"
                )
                own.unregister("wanted_places")


def _one_text(text: str | None) -> pa.Array:
    return pa.nulls(1, pa.string()) if text is None else pa.repeat(constant(text), 1)


def _places(staged: pa.Table, side: SideName) -> tuple[Places, Numbers | None]:
    """Returns the rows that a side has, and of each staged row its number among them, or -1.

    That is None if the side has all.
    """
    files, rows = (to_numpy(staged[f"{side}_{what}"]) for what in ("file", "place"))
    here = files >= 0
    if here.all():
        return Places(files, rows), None
    index = np.where(here, np.cumsum(here) - 1, NOWHERE)
    return Places(files[here], rows[here]), index


def _spread(column: pa.Array, index: Numbers | None) -> pa.Array:
    """Returns a column of all staged rows, NULL where a side has none."""
    if index is None:
        return column
    indices = from_numpy(np.where(index < 0, len(column), index))
    return take(pa.concat_arrays([column, pa.nulls(1, column.type)]), indices)
