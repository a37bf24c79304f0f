"""A small catalog with a derived table, made once and copied."""

import shutil
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from catalog.catalog import Catalog

FIX = "UPDATE orders SET amount = 0 WHERE amount IS NULL"
"""Fills the two NULLs of orders."""


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a catalog: orders of two months with NULLs, and their totals."""
    root = tmp_path_factory.mktemp("backfill") / "lake"
    cat = Catalog.create(str(root), author="tester")
    orders = (
        "SELECT range::INTEGER AS id, (range % 2 + 1)::INTEGER AS month, "
        "CASE WHEN range IN (3, 4) THEN NULL ELSE range * 10 END::BIGINT AS amount FROM range(8)"
    )
    with cat.transaction("main", message="load") as tx:
        rows = duckdb.sql(orders).to_arrow_table()
        tx.write("orders", rows, mode="append", key=["id"], partition_by=["month"])
        tx.sql("CREATE TABLE notes AS SELECT 1 AS id, 'a' AS note")
    totals = "SELECT month, count(amount) AS n, sum(amount) AS total FROM orders GROUP BY month"
    cat.derive("totals", totals)
    return root


@pytest.fixture
def copy(template: Path, tmp_path: Path) -> Callable[[], Path]:
    """Makes a copy of it, in the place of the one before."""

    def made() -> Path:
        shutil.rmtree(tmp_path / "lake", ignore_errors=True)
        return Path(shutil.copytree(template, tmp_path / "lake"))

    return made


@pytest.fixture
def cat(copy: Callable[[], Path]) -> Catalog:
    return Catalog.open(str(copy()), author="tester")
