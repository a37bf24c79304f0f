"""Derived tables in catalogs of older releases: those that they have, and new ones."""

import shutil
from pathlib import Path

import pytest

from catalog.catalog import Catalog
from catalog.repository.lineage import lineage_detail
from tests.repository.format_reader import Reader, canonical, sha256
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


DERIVED = Path(__file__).parent / "format-1-derived"
"""A catalog of the first writer of derived tables."""


@pytest.fixture
def derived(tmp_path: Path) -> Catalog:
    shutil.copytree(DERIVED, tmp_path / "lake")
    return Catalog.open(str(tmp_path / "lake"))


def test_derived_tables_are_the_same(derived: Catalog) -> None:
    stale = {
        ref: {one.table for one in derived.stale(ref) if one.is_stale}
        for ref in ("main", "merged", "merged~1", "fix")
    }
    assert stale == {
        "main": {"daily", "by_name"},
        "merged": set(),
        "merged~1": {"by_name"},
        "fix": set(),
    }
    assert rows(derived, "FROM by_name@merged ORDER BY name") == [("South", 360), ("north", 267)]
    assert derived.table("daily").properties["derive.sql"].startswith("SELECT day, shop,")
    for table in ("daily", "by_name"):
        assert derived.reproduce(table, "main").is_same
    derived.refresh()
    assert rows(derived, "FROM by_name ORDER BY name") == [("South", 860), ("north", 267)]


def test_lineage_of_derived_tables_is_the_same(derived: Catalog) -> None:
    entry = lineage_detail(
        derived.repository.commits, derived.resolve("merged").commit_id, "by_name"
    )
    assert entry is not None and entry.columns is not None
    assert (entry.operation, [one.table for one in entry.inputs]) == ("refresh", ["daily", "shops"])
    assert entry.statement == derived.table("by_name").properties["derive.sql"]
    read = {(entry.inputs[one.input].table, one.column) for one in entry.columns.inputs_of("total")}
    assert read == {("daily", "total"), ("daily", "shop"), ("shops", "shop"), ("shops", "name")}


def test_what_tables_were_computed_from_is_what_the_format_says() -> None:
    reader = Reader(DERIVED)
    commit_id = reader.tag("merged")["commit"]  # type: ignore[index]
    tables = reader.tables(commit_id)
    assert reader.commit(commit_id)["derived"] == ["by_name", "daily"]
    for name, inputs in (("daily", ["sales"]), ("by_name", ["daily", "shops"])):
        snapshot = tables[name].says
        computed = snapshot["computed"]
        definition = {"derive.sql": snapshot["properties"]["derive.sql"]}
        assert computed["definition"] == sha256(canonical(definition))
        assert sorted(computed["inputs"]) == inputs
        for table, (snapshot_id, content, commit) in computed["inputs"].items():
            then = reader.tables(commit or commit_id)[table].says
            assert content == sha256(
                canonical({k: then[k] for k in ("manifest", "partition_by", "schema")})
            )
            assert reader.commit(commit or commit_id)["tables"][table][0] == snapshot_id
