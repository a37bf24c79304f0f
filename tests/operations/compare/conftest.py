"""Two directories of the same rows but for some, and what must be said of them."""

import os
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

ROWS = """
SELECT i AS id, i % 3 AS part, i * 1.5::DOUBLE AS amount, 'n' || i AS name
FROM range(300) AS r(i)
"""
CHANGED = """
SELECT id, part, CASE WHEN id = 4 THEN 0.25 ELSE amount END AS amount,
       CASE WHEN id = 7 THEN NULL ELSE name END AS name
FROM ({}) WHERE id <> 10 UNION ALL SELECT 1000, 1, 2.5, 'new'
"""
"""All changes are in the partition 1: two updated rows, one deleted, one inserted."""


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as con:
        con.execute(f"CREATE TABLE old AS {ROWS}")
        con.execute(f"CREATE TABLE new AS {CHANGED.format('FROM old')}")
        yield con


@pytest.fixture
def places(con: duckdb.DuckDBPyConnection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The rows as old/ and new/ (hive), old.parquet and new.parquet, in the working directory."""
    monkeypatch.chdir(tmp_path)
    for name in ("old", "new"):
        con.execute(f"COPY {name} TO '{name}' (FORMAT parquet, PARTITION_BY (part))")
        con.execute(f"COPY {name} TO '{name}.parquet' (FORMAT parquet)")
    return tmp_path


def everything_below(folder: Path) -> dict[str, tuple[int, int]]:
    """Returns all files and directories below one, files with their sizes and times of change."""
    return {
        os.path.join(root, name): (found.st_size, found.st_mtime_ns) if name in files else (0, 0)
        for root, folders, files in os.walk(folder)
        for name in (*folders, *files)
        for found in [os.stat(os.path.join(root, name))]
    }
