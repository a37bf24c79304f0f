"""A small catalog for checks, made once."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from catalog.catalog import Catalog
from catalog.model.checks import Check, CheckKind, table_check
from catalog.model.judgement import CheckResult
from catalog.operations.checks.known import KnownResult
from catalog.operations.checks.run import run_checks

NOW = datetime(2024, 1, 10, tzinfo=UTC)

DAYS = 10


def make(path: Path) -> Catalog:
    """Makes a catalog of ten days of orders, twenty a day, and of their customers."""
    cat = Catalog.create(str(path))
    with cat.transaction() as tx:
        tx.sql("CREATE TABLE customers AS SELECT i AS id, 'n' || i AS name FROM range(40) r(i)")
        tx.write(
            "orders",
            cat.sql(
                f"""SELECT i AS id, i % 50 AS customer, hash(i) AS code,
                    CASE WHEN i % 10 = 0 THEN NULL ELSE i * 1.5 END AS amount,
                    ['paid', 'open', 'odd'][1 + CAST(i % 3 AS INT)] AS status,
                    {{'city': CASE WHEN i % 7 = 0 THEN NULL ELSE 'x' END}} AS address,
                    DATE '2024-01-01' + CAST(i // 20 AS INT) AS day,
                    TIMESTAMP '2024-01-01' + INTERVAL (i) HOUR AS at
                FROM range({DAYS * 20}) r(i)"""
            ),
            mode="overwrite",
            key=["id"],
            partition_by=["day"],
        )
    return cat


def check(kind: str, *columns: str, name: str = "c", where: str = "", **parameters: Any) -> Check:
    """Returns a check."""
    return Check(name, CheckKind(kind), columns, where=where, parameters=parameters)


def results(
    cat: Catalog,
    checks: Sequence[Check],
    *,
    table: str = "orders",
    known: Sequence[KnownResult] = (),
    scans: Any = None,
) -> list[CheckResult]:
    """Returns what checks of a table of main find."""
    return run_checks(
        cat.context,
        cat.resolve("main").commit_id,
        [table_check(table, one) for one in checks],
        now=NOW,
        known=known,
        scans=scans,
    )
