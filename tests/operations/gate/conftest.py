"""A catalog with checks, made once and copied."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import catalog
from catalog.catalog import Catalog
from catalog.model.checks import Check, CheckKind, TableCheck
from catalog.operations.checks.change import change_checks

Open = Callable[..., Catalog]

CHECKS = (
    ("orders", Check("amount_there", CheckKind.NOT_NULL, ("amount",))),
    ("orders", Check("id_once", CheckKind.UNIQUE, ("id",))),
    (
        "orders",
        Check(
            "customer_known",
            CheckKind.RELATIONSHIPS,
            ("customer",),
            parameters={"to": "customers", "field": "id"},
        ),
    ),
    ("customers", Check("some", CheckKind.ROW_COUNT, parameters={"min": "1"})),
)


def add(cat: Catalog, branch: str, *checks: tuple[str, Check], replace: bool = False) -> None:
    """Adds checks to tables of a branch."""
    found = [TableCheck(table, check.name, check) for table, check in checks]
    change_checks(cat.context, branch, add=found, replace=replace)


def drop(cat: Catalog, branch: str, table: str, check: str) -> None:
    """Drops a check."""
    change_checks(cat.context, branch, drop=[(table, check)])


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns a catalog of two tables and four checks; ``other`` has none."""
    folder = tmp_path_factory.mktemp("gate") / "lake"
    cat = catalog.create(str(folder))
    with cat.transaction("main", message="data") as tx:
        tx.sql("CREATE TABLE customers (id INTEGER PRIMARY KEY, name VARCHAR)")
        tx.sql("INSERT INTO customers VALUES (1, 'a'), (2, 'b'), (3, 'c')")
        tx.sql("CREATE TABLE orders (id INTEGER PRIMARY KEY, customer INTEGER, amount INTEGER)")
        tx.sql("INSERT INTO orders VALUES (1, 1, 10), (2, 1, 20), (3, 2, 30)")
        tx.sql("CREATE TABLE other (x INTEGER)")
        tx.sql("INSERT INTO other VALUES (1)")
    add(cat, "main", *CHECKS)
    cat.branches.create("fix")
    return folder


@pytest.fixture
def opened(made: Path, tmp_path: Path) -> Iterator[Open]:
    """Opens the copy of the catalog that a test has for itself."""
    folder = tmp_path / "lake"
    shutil.copytree(made, folder)
    yield lambda **options: catalog.open(str(folder), **options)


def run(cat: Catalog, branch: str, *statements: str) -> None:
    """Changes tables of a branch in one commit."""
    with cat.transaction(branch) as tx:
        for one in statements:
            tx.sql(one)


def head(cat: Catalog, branch: str = "main") -> str:
    """Returns the commit of a branch."""
    return cat.resolve(branch).commit_id
