"""Changed rows that the engine holds with all columns, without knowing where they lie."""

from collections.abc import Collection, Sequence

import duckdb

from catalog.diff.compare.sql_columns import Part, SqlColumns
from catalog.diff.plan import ColumnPair, SideName
from catalog.diff.segments.changed_rows import Group
from catalog.diff.segments.value_counts import ValueCounts
from catalog.engine.arrow_arrays import to_numpy
from catalog.engine.connection import single_row


class WholeRows:
    """The changed rows of one side that are held whole.

    Attributes:
        count: How many there are.
    """

    def __init__(
        self,
        con: duckdb.DuckDBPyConnection,
        columns: SqlColumns,
        parts: Sequence[Part],
        *,
        side: SideName,
    ) -> None:
        self._con = con
        self._columns = columns
        self._side = side
        self._parts = [part for part in parts if part.places is None]
        counts = (single_row(con, f"SELECT count(*) {self._rows(part)}") for part in self._parts)
        self.count = sum(int(count) for (count,) in counts)

    def add_to(self, values: ValueCounts, pair: ColumnPair, groups: Collection[Group]) -> bool:
        """Adds the rows, some of them in groups, to the counts of a column.

        For a column with texts and two groups, the engine counts::

            value  rows  g0  g1
            phone   120  80  75
            NULL      3   3   0

        Returns:
            False if the column has too many values.
        """
        value = f"{self._side}_{self._columns.original(self._side, pair)}"
        for part in self._parts:
            met = {group: self._condition(part, group) for group in groups}
            sums = [
                f"CAST(count_if({sql}) AS BIGINT) AS g{n}" for n, sql in enumerate(met.values())
            ]
            query = (
                f"SELECT {', '.join([f'{value} AS value', 'count(*) AS rows', *sums])} "
                f"{self._rows(part)} GROUP BY value"
            )
            found = self._con.sql(query).to_arrow_table()
            if not found.num_rows:
                continue
            column = found.column("value").combine_chunks()
            counts = {group: to_numpy(found.column(f"g{n}")) for n, group in enumerate(met)}
            if not values.add_changed(column, to_numpy(found.column("rows")), counts):
                return False
        return True

    def _rows(self, part: Part) -> str:
        """Returns SQL of the rows that the side has, from FROM on."""
        absent = "d" if self._side == "t" else "i"
        changed = ""
        if not self._columns.always_changed(part.pairs):
            changed = f" AND (kind <> 'u' OR {self._columns.any_changed(part.pairs)})"
        return f"FROM {part.relation} WHERE kind <> '{absent}'{changed}"

    def _condition(self, part: Part, group: Group) -> str:
        """Returns the condition that a row is in a group."""
        if group.pair is None:
            return f"kind = '{group.change[0]}'"
        if group.pair.number not in {pair.number for pair in part.pairs}:
            return "false"
        return f"(kind = 'u' AND {self._columns.changed(group.pair)})"
