"""Catalogs in directories, filled by plain DuckDB."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from catalog.catalog import Catalog

Put = Callable[..., Any]


@pytest.fixture
def cat(tmp_path: Path) -> Catalog:
    """An empty catalog in a directory."""
    return Catalog.create(str(tmp_path / "lake"))


@pytest.fixture
def put(cat: Catalog) -> Put:
    """Returns a function that writes the rows of a query, run by plain DuckDB, to a table."""
    con = duckdb.connect()
    con.execute("SET TimeZone = 'UTC'")

    def write(table: str, query: str, mode: Any = "append", **options: Any) -> None:
        with cat.transaction() as tx:
            tx.write(table, con.sql(query), mode=mode, **options)

    return write


def run(cat: Catalog, *statements: str) -> None:
    """Commits statements."""
    with cat.transaction() as tx:
        for statement in statements:
            tx.sql(statement)
