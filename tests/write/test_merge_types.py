"""Merges of values that only the engine reads, and of columns that one side gave another type."""

from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

import catalog
from catalog.catalog import Catalog

CASES = {
    "intervals": ("INTERVAL '1 month'", "INTERVAL '30 days'", "INTERVAL"),
    "variants": ("42::VARIANT", "'x'::VARIANT", "VARIANT"),
    "geometries": ("'POINT (1 2)'::GEOMETRY", "'POINT (1 3)'::GEOMETRY", "GEOMETRY"),
    "arrays": ("[1, 2]::INTEGER[2]", "[1, 3]::INTEGER[2]", "INTEGER[]"),
    "booleans and integers": ("true", "7", "INTEGER"),
    "a wider field, not in order": (
        "{'b': 1, 'a': 2}",
        "{'b': 2, 'a': 1}",
        "STRUCT(b BIGINT, a INTEGER)",
    ),
    "another order and a wider field": (
        "{'b': 1, 'a': 2}",
        "{'b': 2, 'a': 1}",
        "STRUCT(a BIGINT, b INTEGER)",
    ),
    "structs in lists": (
        "[{'b': 1, 'a': 2}]",
        "[{'b': 2, 'a': 1}]",
        "STRUCT(a INTEGER, b BIGINT)[]",
    ),
    "timestamps with a zone": (
        "TIMESTAMP '2024-01-31 12:00:00'",
        "TIMESTAMP '9999-12-31 00:00:00'",
        "TIMESTAMP WITH TIME ZONE",
    ),
}


def lake_of(folder: Path, key: list[str], **versions: list[str]) -> Catalog:
    """Commits a base on main, ours on top of it, and theirs on a branch."""
    cat = catalog.create(folder / "lake")
    for name, branch in (("base", "main"), ("theirs", "fix"), ("ours", "main")):
        path = folder / f"{name}.parquet"
        with duckdb.connect() as con:
            con.execute("SET TimeZone = 'UTC'")
            rows = " UNION ALL ".join(f"SELECT {row}" for row in versions[name])
            con.execute(f"COPY ({rows}) TO '{path}' (FORMAT parquet)")
        with cat.transaction(branch) as tx:
            tx.snapshot("t", str(path), **({"key": key} if key else {}))
        if name == "base":
            cat.branches.create("fix", at="main")
    return cat


@pytest.mark.parametrize("key", [["id"], []], ids=["key", "no key"])
@pytest.mark.parametrize("case", CASES)
def test_what_both_sides_changed_comes_together(case: str, key: list[str], tmp_path: Path) -> None:
    old, new, kind = CASES[case]
    cat = lake_of(
        tmp_path,
        key,
        base=[f"1 AS id, {old} AS v, 0 AS w", f"2, {old}, 0", f"3, {old}, 0"],
        ours=[f"1 AS id, {old} AS v, 5 AS w", f"2, {old}, 0", f"3, {old}, 0"],
        theirs=[
            f"1 AS id, CAST({old} AS {kind}) AS v, 0 AS w",
            f"2, CAST({new} AS {kind}), 0",
            f"3, CAST({old} AS {kind}), 0",
        ],
    )
    cat.merge("fix", into="main")
    found = cat.sql("SELECT id, v::VARCHAR, w FROM t ORDER BY id").fetchall()
    with duckdb.connect() as con:
        con.execute("SET TimeZone = 'UTC'")
        texts = [
            con.sql(f"SELECT CAST(CAST({value} AS {kind}) AS VARCHAR)").fetchall()[0][0]
            for value in (old, new)
        ]
    assert found == [(1, texts[0], 5), (2, texts[1], 0), (3, texts[0], 0)]


def test_cells_of_a_row_with_an_interval_come_together(tmp_path: Path) -> None:
    row = "{n} AS id, INTERVAL '{n} months' AS v, {ours} AS w, {theirs} AS x"
    states = {
        name: [row.format(n=n, ours=ours, theirs=theirs) for n in (1, 2, 3)]
        for name, ours, theirs in (("base", 0, 0), ("ours", 5, 0), ("theirs", 0, 7))
    }
    for key in (["id"], ["v"]):
        folder = tmp_path / key[0]
        folder.mkdir()
        cat = lake_of(folder, key, **states)
        cat.merge("fix", into="main")
        assert cat.sql("SELECT w, x FROM t").fetchall() == [(5, 7)] * 3


def test_a_month_that_became_30_days_is_upserted(tmp_path: Path) -> None:
    row = ["1 AS id, INTERVAL '1 month' AS v, 0 AS w"]
    cat = lake_of(tmp_path, ["id"], base=row, ours=row, theirs=row)
    days = pa.scalar((0, 30, 0), pa.month_day_nano_interval())
    with cat.transaction("main") as tx:
        tx.write("t", pa.table({"id": [1], "v": pa.array([days]), "w": [0]}), mode="upsert")
    assert cat.sql("SELECT v::VARCHAR FROM t").fetchall() == [("30 days",)]
