"""A small catalog: table t of three commits on main, and a branch called side."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from catalog import Catalog, dbapi

ROWS = pa.table(
    {
        "id": [1, 2, 3, 4],
        "name": ["a", None, "it's", "ü"],
        "price": [0.5, None, 1.5, float("nan")],
    }
)


def filled(place: Path) -> Catalog:
    cat = Catalog.create(place, author="tester")
    with cat.transaction("main", message="load") as tx:
        tx.write("t", ROWS, mode="append", key=["id"])
    with cat.transaction("main", message="less") as tx:
        tx.sql("DELETE FROM t WHERE id = 4")
    cat.branches.create("side", at="main~1")
    return cat


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    """The catalog, for tests that only read."""
    return filled(tmp_path_factory.mktemp("shared") / "lake")


@pytest.fixture
def cat(tmp_path: Path) -> Catalog:
    """The catalog, for a test that changes it."""
    return filled(tmp_path / "lake")


@pytest.fixture
def con(shared: Catalog) -> Iterator[dbapi.Connection]:
    with dbapi.connect(shared) as con:
        yield con
