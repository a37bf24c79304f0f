"""Rows that differ, as they travel: a database file of DuckDB's, which keeps every type as it is.

They are those of a remainder that is not settled: each of its tables goes over by itself, and rows
that were found by position or by digests keep their places, so that columns can still be read.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from uuid import uuid4

import duckdb

from catalog.dataclasses import dataclass, field
from catalog.diff.plan import ColumnPair, SideName
from catalog.diff.route import FilePair
from catalog.engine.quoting import literal
from catalog.model.datafile import DataFile
from catalog.model.fingerprint import ColumnSummary
from catalog.storage.failures import temporary_folder


@dataclass(frozen=True, slots=True)
class PlacedTable:
    """Rows found by digests that may differ in the same columns; see ``PlacedRows.add``."""

    updated: bool
    pairs: tuple[ColumnPair, ...]
    carried: tuple[ColumnPair, ...]
    moved: bool
    equal: frozenset[int]


@dataclass(frozen=True, slots=True)
class PartRows:
    """What comparing a part of a table leaves.

    Attributes:
        database: The rows; None if none differs. Its tables are called ``whole``, ``partial_N``
            and ``placed_N``.
        has_whole: Whether there are rows with all columns.
        partial: The pairs of files that were compared by position, each with the number of the
            table of its rows.
        placed: The tables of rows found by digests.
        files: The files that these rows lie in, by the numbers of their places.
        added_filled: Per added column (field id), rows found equal that carry a value.
        wrong: Files whose digests were not those of their rows.
        opened: Sizes of the files that were opened, by path.
        text_bounds: See ``TableReader``.
    """

    database: bytes | None = None
    has_whole: bool = False
    partial: tuple[tuple[FilePair, int], ...] = ()
    placed: tuple[PlacedTable, ...] = ()
    files: Mapping[SideName, tuple[DataFile, ...]] = field(default_factory=dict)
    added_filled: Mapping[int, int] = field(default_factory=dict)
    wrong: tuple[DataFile, ...] = ()
    opened: Mapping[str, int] = field(default_factory=dict)
    text_bounds: Mapping[tuple[SideName, str, str, int], ColumnSummary] = field(
        default_factory=dict
    )


def written(con: duckdb.DuckDBPyConnection, tables: Mapping[str, str]) -> bytes | None:
    """Returns a database file with rows of a connection; None if there are none.

    Args:
        con: The connection.
        tables: The names of the tables in the file, and SQL of their rows to follow FROM.
    """
    counts = [f"(SELECT count(*) FROM {rows})" for rows in tables.values()]
    if not counts:
        return None
    ((count,),) = con.execute(f"SELECT {' + '.join(counts)}").fetchall()
    if not count:
        return None
    with _database(con) as (path, name, detach):
        con.execute(f"ATTACH {literal(path)} AS {name} (BLOCK_SIZE 16384)")
        for table, rows in tables.items():
            con.execute(f"CREATE TABLE {name}.{table} AS FROM {rows}")
        detach()
        with open(path, "rb") as file:
            return file.read()


@contextmanager
def attached(con: duckdb.DuckDBPyConnection, database: bytes) -> Iterator[str]:
    """Yields the name by which a connection reads the tables of a database file."""
    with _database(con) as (path, name, _):
        with open(path, "wb") as file:
            file.write(database)
        con.execute(f"ATTACH {literal(path)} AS {name} (READ_ONLY)")
        yield name


@contextmanager
def _database(
    con: duckdb.DuckDBPyConnection,
) -> Iterator[tuple[str, str, Callable[[], None]]]:
    """Yields a path and a name for a database, and what detaches it, which is done in the end."""
    folder, name = temporary_folder(), f"parquetry_{uuid4().hex}"
    path = os.path.join(folder, "rows.db")

    def detach() -> None:
        con.execute(f"DETACH DATABASE IF EXISTS {name}")

    try:
        yield path, name, detach
    finally:
        detach()
        for left in (path, f"{path}.wal"):
            if os.path.exists(left):
                os.unlink(left)
        os.rmdir(folder)


def renumbered(
    files: Mapping[SideName, Sequence[DataFile]], numbers: Mapping[SideName, Mapping[object, int]]
) -> list[str]:
    """Returns SQL of the numbers that files have here, as columns of a list of replacements."""
    found = []
    for side, listed in files.items():
        own = [numbers[side][file.identity, file.path] for file in listed]
        column = f"{side}_file"
        # -1 is a side that a row is not on
        found.append(
            f"CASE WHEN {column} < 0 THEN {column} ELSE "
            f"list_extract({own}::BIGINT[], {column} + 1) END AS {column}"
        )
    return found
