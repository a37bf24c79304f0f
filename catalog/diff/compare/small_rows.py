"""Rows in which small files differ: found in many pairs at a time, and held for the engine."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Mapping, Sequence
from itertools import chain
from typing import TypeAlias

import duckdb
import pyarrow as pa

from catalog.dataclasses import dataclass, field
from catalog.diff.compare.arrays import arrow_type
from catalog.diff.compare.small_pairs import MOST_CELLS, ReadPairs, SmallPairs
from catalog.diff.fingerprints.canonical import is_binary, is_text
from catalog.diff.plan import SideName
from catalog.diff.route import FilePair
from catalog.engine.connection import cursor
from catalog.engine.quoting import type_sql
from catalog.model.fingerprint import BLOCK_ROWS
from catalog.model.schema import Field

READ_BYTES = 1 << 20
"""Bytes of columns that are collected before they are compared: to put more of them together takes
fresh memory, which costs more than the comparison."""

WAITING_BYTES = 64 << 20
"""Bytes of rows that are collected before the engine takes them."""

Needed: TypeAlias = Mapping[SideName, Sequence[Field]]
"""The columns that rows have of each side."""

Changed: TypeAlias = tuple[int, ...]
"""The numbers of the columns in which files may differ."""


@dataclass(slots=True)
class _Unread:
    """Numbered pairs that are about to be read together, ``most_rows`` of a side or a few more."""

    needed: Needed
    most_rows: int
    pairs: list[tuple[int, FilePair]] = field(default_factory=list)
    rows: int = 0


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
        self._read: defaultdict[Changed, list[ReadPairs]] = defaultdict(list)
        self._read_bytes = 0
        self._unread: dict[Hashable, _Unread] = {}
        self._refused: list[int] = []
        self._waiting: defaultdict[str, list[pa.Table]] = defaultdict(list)
        self._waiting_bytes = 0
        self._not_created: dict[str, str] = {}

    def match(self, pair: FilePair, needed: Needed, *, number: int) -> bool | None:
        """Reads two files, at once or together with others.

        Returns:
            Whether it is time to compare; None: the engine must compare them.

        Raises:
            CorruptData: A file cannot be read.
        """
        alike = self._small.stored_alike(pair, needed)
        if alike is None:
            read = self._small.read(pair, needed, number=number)
            return None if read is None else self._add(read, needed)
        unread = self._unread.get(alike)
        if unread is None:
            unread = self._unread[alike] = _Unread(needed, self._most_rows(needed))
        unread.pairs.append((number, pair))
        unread.rows += pair.after.rows
        return unread.rows >= unread.most_rows and self._read_together(unread)

    def _most_rows(self, needed: Needed) -> int:
        """Returns the rows of which columns are read at once: as a file has at most, if of text."""
        read = [
            [arrow_type(field.type) for field in fields if field.id not in spec]
            for spec, fields in (
                (self._small.plan.side(side).partition_by, fields)
                for side, fields in needed.items()
            )
        ]
        if any(kind is None or is_text(kind) or is_binary(kind) for kind in chain(*read)):
            return BLOCK_ROWS
        return MOST_CELLS // max(1, *map(len, read))

    def _read_together(self, unread: "_Unread") -> bool:
        """Reads the files that wait; returns whether it is time to compare."""
        pairs, needed = unread.pairs, unread.needed
        unread.pairs, unread.rows = [], 0
        read = self._small.read_together(pairs, needed) if pairs else None
        if read is not None:
            return self._add(read, needed)
        for number, pair in pairs:
            alone = self._small.read(pair, needed, number=number)
            if alone is None:
                self._refused.append(number)
            else:
                self._add(alone, needed)
        return bool(pairs)

    def _add(self, read: ReadPairs, needed: Needed) -> bool:
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
        for unread in self._unread.values():
            self._read_together(unread)
        tables: dict[int, str | None] = dict.fromkeys(self._refused)
        self._refused.clear()
        for changed, read in self._read.items():
            found, refused = self._small.compared(read, self._needed[changed])
            tables |= dict.fromkeys(refused)
            for number in chain.from_iterable(one.numbers for one in read):
                if number not in tables:
                    tables[number] = self._table(changed)
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
        self._unread.clear()
        self._refused.clear()
