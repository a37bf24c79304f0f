"""Tables can be derived in catalogs of every release before there were any."""

import shutil
from pathlib import Path

import pytest

from catalog.catalog import Catalog
from tests.samples.test_samples import DIGESTS, SAMPLE, rows

DEFINITIONS = {
    SAMPLE: {
        "by_day": "SELECT day, count(*) AS n, sum(amount) AS total FROM orders GROUP BY day",
        "cells": "SELECT p, sum(v)::BIGINT AS v FROM grid GROUP BY p",
        "kinds": "SELECT kind, max(big) AS big FROM log.events GROUP BY kind",
        "all_of_it": "SELECT sum(v)::BIGINT AS v, (SELECT count(*) FROM by_day) AS days FROM cells",
    },
    DIGESTS: {"by_a": "SELECT a, count(*) AS n FROM t GROUP BY a"},
}
CHANGES = {
    SAMPLE: (
        "INSERT INTO orders (order_id, who, day) VALUES (9, 'eve', DATE '2024-01-03')",
        "UPDATE grid SET v = 0 WHERE p = 3",
        "DELETE FROM log.events WHERE n = 1",
    ),
    DIGESTS: ("INSERT INTO t (a) VALUES (1)",),
}


@pytest.mark.invariant("Tables can be derived and refreshed in catalogs of older releases")
@pytest.mark.parametrize("sample", [SAMPLE, DIGESTS], ids=lambda path: path.name)
def test_tables_are_derived_and_refreshed_in_an_old_catalog(sample: Path, tmp_path: Path) -> None:
    shutil.copytree(sample, tmp_path / "lake")
    cat = Catalog.open(str(tmp_path / "lake"))
    cat.branches.create("next", at="main")
    for table, sql in DEFINITIONS[sample].items():
        cat.derive(table, sql, branch="next")
    assert not any(one.is_stale for one in cat.stale("next"))
    with cat.transaction("next") as tx:
        for change in CHANGES[sample]:
            tx.sql(change)
    assert {one.table for one in cat.stale("next") if one.is_stale} == set(DEFINITIONS[sample])
    cat.refresh(branch="next")
    cat = Catalog.open(str(tmp_path / "lake"))
    assert not any(one.is_stale for one in cat.stale("next"))
    session = cat.connect(ref="next")
    for table, sql in DEFINITIONS[sample].items():
        found = session.sql(f"FROM {table} ORDER BY ALL").fetchall()
        assert found == session.sql(f"FROM ({sql}) ORDER BY ALL").fetchall()
        assert cat.reproduce(table, "next").is_same
    assert [one.table for one in cat.stale("main")] == []


@pytest.mark.parametrize("ref", ["main", "both", "v1"])
def test_old_lineage_says_what_cannot_be_reproduced(ref: str, tmp_path: Path) -> None:
    shutil.copytree(SAMPLE, tmp_path / "lake")
    cat = Catalog.open(str(tmp_path / "lake"))
    with pytest.raises(Exception, match="was written by snapshot"):
        cat.reproduce("orders", ref)
    assert rows(cat, f"SELECT count(*) FROM orders@{ref}")[0][0] > 0
