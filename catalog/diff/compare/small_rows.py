"""Rows in which small files differ: found in many pairs at a time, and held for the engine."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import duckdb
import pyarrow as pa

from catalog.diff.compare.small_pairs import ReadPair, SmallPairs
from catalog.diff.plan import SideName
from catalog.engine.connection import cursor
from catalog.engine.quoting import type_sql
from catalog.model.schema import Field

READ_BYTES = 8 << 20
"""Bytes of columns that are collected before they are compared."""

WAITING_BYTES = 64 << 20
"""Bytes of rows that are collected before the engine takes them."""

Needed: TypeAlias = Mapping[SideName, Sequence[Field]]
"""The columns that rows have of each side."""

Changed: TypeAlias = tuple[int, ...]
"""The numbers of the columns in which files may differ."""


class SmallRows:
    """Compares small files that were read, and hands their rows to tables made by ``new_table``.

    Attributes:
        tables: The tables of the rows that were found.
    """

    def __init__(
        self,
        con: duckdb.DuckDBPyConnection,
        small: SmallPairs,
        *,
        new_table: Callable[[], str],
    ) -> None:
        self.tables: dict[Changed, str] = {}
        self._con = con
        self._small = small
        self._new_table = new_table
        self._needed: dict[Changed, Needed] = {}
        self._read: defaultdict[Changed, list[ReadPair]] = defaultdict(list)
        self._read_bytes = 0
        self._waiting: defaultdict[str, list[pa.Table]] = defaultdict(list)
        self._waiting_bytes = 0
        self._not_created: dict[str, str] = {}

    def add(self, read: ReadPair, needed: Needed) -> bool:
        """Takes what was read of a pair; returns whether it is time to compare."""
        self._needed[read.changed] = needed
        self._read[read.changed].append(read)
        self._read_bytes += read.nbytes
        return self._read_bytes >= READ_BYTES

    def compare(self) -> dict[int, str | None]:
        """Compares the files that were read.

        Returns:
            The table of each pair's rows, by the pair's number; None: the engine must compare it.
        """
        tables: dict[int, str | None] = {}
        for changed, read in self._read.items():
            found, refused = self._small.compared(read, self._needed[changed])
            tables |= dict.fromkeys(refused)
            for one in read:
                if one.number not in tables:
                    tables[one.number] = self._table(changed)
            for rows in found:
                self._keep(self._table(changed), rows)
        self._read.clear()
        self._read_bytes = 0
        return tables

    def _table(self, changed: Changed) -> str:
        if changed not in self.tables:
            self.tables[changed] = table = self._new_table()
            types = {
                f"{side}_c{field.id}": field.type
                for side, fields in self._needed[changed].items()
                for field in fields
            }
            listed = ["pair INTEGER", "place BIGINT"]
            listed += [f"{name} {type_sql(kind)}" for name, kind in types.items()]
            self._not_created[table] = ", ".join(listed)
        return self.tables[changed]

    def _keep(self, table: str, found: pa.Table) -> None:
        if found.num_rows:
            self._waiting[table].append(found)
            self._waiting_bytes += found.nbytes
            if self._waiting_bytes >= WAITING_BYTES:
                self.hand_over()

    def hand_over(self) -> None:
        """Hands the rows that were found to the engine."""
        for table, listed in self._not_created.items():
            self._con.execute(f"CREATE OR REPLACE TABLE {table} ({listed})")
        self._not_created.clear()
        for table, found in self._waiting.items():
            with cursor(self._con) as own:
                own.register("found", pa.concat_tables(found).combine_chunks())
                own.execute(f"INSERT INTO {table} BY NAME FROM found")
                own.unregister("found")
        self._waiting.clear()
        self._waiting_bytes = 0

    def is_created(self, table: str) -> bool:
        """Returns whether the engine has a table."""
        return table not in self._not_created

    def arrays(self) -> dict[str, dict[str, pa.Array]] | None:
        """Returns the rows by table and column; None if the engine has some of a table."""
        if not self._not_created.keys() >= self._waiting.keys():
            return None
        arrays = {}
        for table, found in self._waiting.items():
            rows = pa.concat_tables(found).combine_chunks()
            columns = (column.chunk(0) for column in rows.columns)
            arrays[table] = dict(zip(rows.column_names, columns, strict=True))
        return arrays

    def clear(self) -> None:
        """Forgets all tables and rows."""
        self.tables, self._not_created, self._waiting_bytes, self._read_bytes = {}, {}, 0, 0
        self._waiting.clear()
        self._read.clear()
