"""A remainder to which rows can be added that were compared elsewhere."""

from collections.abc import Sequence

from catalog.diff.compare.key_problems import KeyChecks
from catalog.diff.compare.part_rows import PartRows, attached, written
from catalog.diff.compare.remainder import Remainder
from catalog.diff.compare.table_reader import TableReader
from catalog.diff.plan import SIDES
from catalog.diff.route import FilePair, Route


class SharedRemainder(Remainder):
    """The remainder of a table, of which parts may be compared elsewhere; see ``Remainder``."""

    def __init__(
        self,
        reader: TableReader,
        name: str,
        *,
        checks: KeyChecks,
        warnings: Sequence[str] = (),
        keeps_all: bool = False,
    ) -> None:
        """Takes what reads the table; ``keeps_all`` has all rows be held that differ."""
        super().__init__(reader, name, checks=checks, warnings=warnings, keeps_all=keeps_all)
        self._arrived: list[PartRows] = []
        self._unpacked: dict[tuple[int, ...], str] = {}

    def take(self, route: Route) -> None:
        """Compares the files of a task."""
        if not self.plan.key:
            self.run_keyless(route)
            return
        for pair in route.pairs:
            self.match(pair)
        if route.rest is not None:
            self.run(route.rest)

    def arrive(self, rows: PartRows) -> None:
        """Takes rows that were compared elsewhere; they are added when all are settled."""
        self._arrived.append(rows)
        self.reader.opened.update(rows.opened)
        self.reader.text_bounds.update(rows.text_bounds)

    def sent(self) -> PartRows:
        """Returns the rows, which are not settled, as they travel."""
        self.finish()
        tables = {"whole": self._whole()} if self._has_whole else {}
        pairs, placed = self._sent_pairs(tables), self._by_digest.placed.sent(tables)
        return PartRows(
            written(self.con, tables),
            self._has_whole,
            pairs,
            placed,
            {side: self.plan.files(side) for side in SIDES},
            self.added_filled,
            tuple(self._by_digest.wrong),
            self.reader.opened,
            self.reader.text_bounds,
        )

    def settle(self) -> bool:
        """Pairs the rows of keys that are left in several rows; see ``Remainder``."""
        if self._arrived:
            self.finish()
        return super().settle()

    def finish(self) -> None:
        """Has the engine hold everything that was compared, here and elsewhere."""
        super().finish()
        for rows in self._arrived:
            for field_id, count in rows.added_filled.items():
                self.added_filled[field_id] += count
            self._by_digest.wrong += rows.wrong
            if rows.database is None:
                continue
            with attached(self.con, rows.database) as tables:
                if rows.has_whole:
                    self._sql(f"INSERT INTO {self._whole()} BY NAME FROM {tables}.whole")
                self._unpack_pairs(rows.partial, tables)
                self._by_digest.unpack(rows, tables)
        self._arrived.clear()

    def _sent_pairs(self, tables: dict[str, str]) -> tuple[tuple[FilePair, int], ...]:
        """Returns the pairs of files that were compared by position, and the numbers of tables.

        The tables are added to ``tables``, by the names by which they are found again.
        """
        self._partial.parts()  # the engine has all rows then
        numbers: dict[str, int] = {}
        for _, table in self._partial.pairs:
            if table is not None and table not in numbers:
                numbers[table] = len(numbers)
                tables[f"partial_{numbers[table]}"] = table
        return tuple(
            (pair, numbers[table]) for pair, table in self._partial.pairs if table is not None
        )

    def _unpack_pairs(self, pairs: Sequence[tuple[FilePair, int]], tables: str) -> None:
        """Adds the rows of pairs of files; those that differ in the same columns share a table."""
        first = len(self._partial.pairs)
        done: set[int] = set()
        for pair, number in pairs:
            changed = tuple(column.number for column in pair.changed)
            table = self._unpacked.get(changed)
            rows = f"SELECT * REPLACE (pair + {first} AS pair) FROM {tables}.partial_{number}"
            if table is None:
                table = self._unpacked[changed] = self._partial.new_table()
                self._sql(f"CREATE OR REPLACE TABLE {table} AS {rows}")
            elif number not in done:
                self._sql(f"INSERT INTO {table} BY NAME {rows}")
            done.add(number)
            self._partial.pairs.append((pair, table))
