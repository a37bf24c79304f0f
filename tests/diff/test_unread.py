"""Where fingerprints show that no row changed, nothing is read, and the join says the same."""

from pathlib import Path

import duckdb
import pytest

import catalog
from catalog.errors import CorruptData

ROWS = "SELECT i AS id, 'v' || i % 7 AS name, if(i % 5 = 0, NULL, i / 3.0) AS x, i // 500 AS p"

TABLES = {
    "key": (f"{ROWS} FROM range(2000) r(i)", ["id"]),
    "no key": (f"{ROWS} FROM range(2000) r(i)", None),
    "key and partition": (f"{ROWS} FROM range(2000) r(i)", ["p", "id"]),
    "duplicate keys": (f"{ROWS} FROM (SELECT i // 2 AS i FROM range(2000) r(i))", ["id"]),
    "NULL in keys": (f"{ROWS} FROM (SELECT nullif(i, 600) AS i FROM range(2000) r(i))", ["id"]),
    "a key across files": (f"{ROWS.replace('i // 500', 'i % 3')} FROM range(2000) r(i)", ["id"]),
    "no rows": (f"{ROWS} FROM range(0) r(i)", ["id"]),
}

UNREAD = {"key", "no key", "key and partition"}


def rewritten(folder: Path, query: str, key: list[str] | None) -> "catalog.Catalog":
    """Returns a catalog whose last commit only wrote the files of a table anew."""
    cat = catalog.create(str(folder / "lake"))
    for codec in ("zstd", "snappy"):
        source = folder / codec
        source.mkdir()
        for p in range(4):
            part = source / f"{p}.parquet"
            duckdb.sql(
                f"COPY (FROM ({query}) WHERE coalesce(p, 0) = {p}) "
                f"TO '{part}' (FORMAT parquet, CODEC '{codec}')"
            )
        with cat.transaction("main") as tx:
            tx.snapshot("t", str(source), key=key, mode="link")
    return cat


@pytest.mark.parametrize("name", TABLES)
def test_nothing_changed_by_fingerprints_and_by_the_join(tmp_path: Path, name: str) -> None:
    cat = rewritten(tmp_path, *TABLES[name])
    found = []
    for method in ("auto", "join"):
        with cat.diff("main~1", "main", level="rows", method=method) as diff:
            (table,) = diff
            if method == "auto" and name in UNREAD:
                assert table.coverage.bytes_read == 0
            told = table.to_dict()
            changed = table.changes().read_all().num_rows
        told["files"].pop("bytes_read")
        found.append((told, changed))
    assert found[0] == found[1]


def test_a_file_that_was_replaced_is_found_though_none_is_read(tmp_path: Path) -> None:
    cat = rewritten(tmp_path, *TABLES["key"])
    (tmp_path / "snappy/1.parquet").write_bytes(b"PAR1 something else")
    with pytest.raises(CorruptData):
        cat.diff("main~1", "main")


def test_the_rows_of_nothing_can_be_put_together(tmp_path: Path) -> None:
    query, key = "SELECT uuid() AS u, i AS id, 0 AS p FROM range(9) r(i)", ["id"]
    duckdb.sql(f"CREATE OR REPLACE TABLE nothing_new AS {query}")
    cat = rewritten(tmp_path, "FROM nothing_new", key)
    with cat.diff("main~1", "main") as diff:
        found = diff["t"].changes().read_all()
    assert found.num_rows == 0
    assert len(found.column("_from").combine_chunks()) == 0
