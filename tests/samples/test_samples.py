"""Catalogs of every format ever released stay readable, with exactly these contents."""

import datetime
import math
import shutil
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from catalog.catalog import Catalog
from catalog.errors import AlreadyExists, NotFound
from tests.repository.format_reader import Reader
from tests.write.conftest import write

SAMPLE = Path(__file__).parent / "format-1"
DAY = datetime.date(2024, 1, 1), datetime.date(2024, 1, 2), datetime.date(2024, 1, 3)


@pytest.fixture(scope="module")
def cat(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    copy = tmp_path_factory.mktemp("sample") / "lake"
    shutil.copytree(SAMPLE, copy)
    return Catalog.open(str(copy))


def rows(cat: Catalog, query: str) -> list[tuple[Any, ...]]:
    return cat.sql(query).fetchall()


def test_it_is_small() -> None:
    assert sum(p.stat().st_size for p in SAMPLE.rglob("*") if p.is_file()) < 200_000


@pytest.mark.parametrize("of", [SAMPLE, SAMPLE.with_name("format-2")])
def test_neither_it_nor_a_copy_is_damaged_before_and_after_a_repair(
    tmp_path: Path, of: Path
) -> None:
    """The first releases made tags without a branch that keeps their names."""
    shutil.copytree(of, tmp_path / "lake")
    old = Catalog.open(str(tmp_path / "lake"))
    old.clone_to(tmp_path / "copy")
    for cat in (old, Catalog.open(str(tmp_path / "copy"))):
        assert not cat.fsck().findings
        assert not cat.fsck(repair=True).findings
        assert not cat.fsck(deep=True).findings


def test_the_log_is_the_same(cat: Catalog) -> None:
    log = cat.log()
    assert [c.message for c in reversed(log)] == [
        "catalog created",
        "first load",
        "third day, with notes",
        "customers have a city",
        "no customers",
        "customers by number",
        "events",
        "grid",
        "one cell of the grid",
        *(f"count {n}" for n in range(12)),
    ]
    assert [c.generation for c in log] == list(range(20, -1, -1))
    first = log[-2]
    assert first.time == datetime.datetime(2024, 1, 1, 13, tzinfo=datetime.UTC)
    assert first.metadata == {"job": "nightly", "run": "1"}
    assert first.tables == ("customers", "orders")
    assert [c.message for c in log if c.author == "eve"] == ["events"]
    assert {c.author for c in log} == {"sample", "eve"}


def test_lineage_of_every_table_is_drawn(cat: Catalog) -> None:
    for table in cat.tables():
        node = cat.lineage(table.name).upstream
        assert node is not None
        assert node.writes[-1].entry is not None
        for column in cat.schema(table.name):
            assert cat.lineage(table.name, column=column.name).upstream is not None
        assert cat.lineage(table.name, direction="downstream").downstream is not None


ORDERS_V1 = [
    (1, "ann", Decimal("10.50"), DAY[0], None),
    (2, "bob", None, DAY[0], None),
    (3, "cy", Decimal("7.25"), DAY[1], None),
    (4, "ann", None, DAY[2], "größer"),
    (5, "dan", Decimal("3.00"), DAY[2], None),
]


@pytest.mark.invariant("Catalogs in today's format stay readable")
@pytest.mark.parametrize("ref", ["main", "v1", "main~18", "main@{2024-01-01T14:00}"])
def test_orders_are_the_same(cat: Catalog, ref: str) -> None:
    query = "SELECT order_id, who, amount, day, note FROM orders AT (VERSION => '{}') ORDER BY 1"
    assert rows(cat, query.format(ref)) == ORDERS_V1


def test_orders_had_no_notes_at_first(cat: Catalog) -> None:
    assert [c.name for c in cat.schema("orders", "main~19")] == ["order_id", "who", "amount", "day"]
    assert rows(cat, "SELECT * FROM orders@main~19 ORDER BY order_id") == [
        (1, "ann", Decimal("10.50"), DAY[0]),
        (2, "bob", None, DAY[0]),
        (3, "cy", Decimal("7.25"), DAY[1]),
    ]


def test_the_schema_of_orders_is_the_same(cat: Catalog) -> None:
    assert [(c.name, c.type, c.field_id, c.key, c.partition) for c in cat.schema("orders")] == [
        ("order_id", "BIGINT", 1, True, False),
        ("who", "VARCHAR", 2, False, False),
        ("amount", "DECIMAL(8,2)", 3, False, False),
        ("day", "DATE", 4, False, True),
        ("note", "VARCHAR", 5, False, False),
    ]


def test_the_backfill_is_the_same(cat: Catalog) -> None:
    branch = cat.log("backfill/2024-01")
    assert branch[0].message == "fill amounts\n\nof the first day"
    filled = [(n, amount) for n, _, amount, _, _ in ORDERS_V1]
    filled[1] = (2, Decimal("20.00"))
    query = 'SELECT order_id, amount FROM orders@"backfill/2024-01" ORDER BY 1'
    assert rows(cat, query) == filled
    orders = cat.diff("v1", "backfill/2024-01", tables=["orders"])["orders"]
    assert (orders.rows.inserted, orders.rows.deleted, orders.rows.updated) == (0, 0, 1)
    assert orders.columns["amount"].filled == 1


def test_customers_changed_their_columns_and_were_dropped(cat: Catalog) -> None:
    since = datetime.date(2020, 1, 2), None, datetime.date(2023, 5, 6)
    assert rows(cat, "SELECT name, since FROM customers@v1 ORDER BY name") == [
        ("ann", since[0]),
        ("bob", since[1]),
        ("cy", since[2]),
    ]
    assert rows(cat, "SELECT city, name FROM customers@main~17 ORDER BY name") == [
        ("Rome", "ann"),
        ("Oslo", "bob"),
    ]
    ids = {c.name: c.field_id for c in cat.schema("customers", "main~17")}
    assert ids == {"name": 1, "city": 3}
    with pytest.raises(NotFound):
        cat.table("customers", "main~16")
    assert rows(cat, "SELECT * FROM customers") == [(7, "eve")]
    assert cat.table("customers").table_id != cat.table("customers", "v1").table_id


def test_events_are_the_same(cat: Catalog) -> None:
    moment = datetime.datetime(2024, 2, 29, 23, 59, 59, 123456)
    found = rows(cat, "SELECT n, big, ratio, ok, \"at\", raw, tags, place, kind, part "
                      "FROM log.events ORDER BY n")  # fmt: skip
    assert math.isnan(found[2][2])
    found[2] = (*found[2][:2], "nan", *found[2][3:])
    kinds = [None, "01", "a/b", "ü", "__HIVE_DEFAULT_PARTITION__"]
    ratios = [1.5, 0.0, "nan", math.inf, None]
    tags: list[list[str | None]] = [[], ["a"], ["a", None], [], ["a"]]
    assert found == [
        (
            n,
            18446744073709551615 - n,
            ratios[n],
            n in (0, 2, 4),
            moment,
            b"\x00\xff",
            tags[n],
            {"x": n, "y": None},
            kinds[n],
            1,
        )
        for n in range(5)
    ]
    assert [(c.name, c.type) for c in cat.schema("log.events")] == [
        ("n", "SMALLINT"),
        ("big", "UBIGINT"),
        ("ratio", "DOUBLE"),
        ("ok", "BOOLEAN"),
        ("at", "TIMESTAMP"),
        ("raw", "BLOB"),
        ("tags", "VARCHAR[]"),
        ("place", "STRUCT(x INTEGER, y VARCHAR)"),
        ("kind", "VARCHAR"),
        ("part", "INTEGER"),
    ]


def test_the_grid_is_the_same(cat: Catalog) -> None:
    assert rows(cat, "SELECT count(*), sum(v), min(p), max(p) FROM grid@main~13") == [
        (180, 1260, 0, 179)
    ]
    assert rows(cat, "SELECT count(*), sum(v) FROM grid") == [(181, 1270)]
    assert rows(cat, "SELECT v FROM grid WHERE p = 150 ORDER BY v") == [(8,), (9,)]
    assert cat.table("grid").levels == 2


@pytest.mark.parametrize("back", range(12))
def test_the_counter_is_the_same(cat: Catalog, back: int) -> None:
    assert rows(cat, f"SELECT n FROM counter@main~{back}") == [(11 - back,)]


def test_refs_are_the_same(cat: Catalog) -> None:
    names = [b.name for b in cat.branches.list()]
    assert names == ["backfill/2024-01", "both", "main", "wanderer"]
    assert [(t.name, t.message) for t in cat.tags.list()] == [("v1", "the first three days")]
    assert [m.why for m in cat.reflog("Old-Times")] == [
        "branch: deleted",
        "branch: created from v1",
    ]
    with pytest.raises(AlreadyExists):
        cat.tags.create("gone")
    assert [m.why for m in cat.reflog("wanderer")] == [
        *(str(n) for n in range(204, -1, -1)),
        "branch: created from main~1",
    ]
    assert cat.resolve("wanderer@{204}").commit_id == cat.resolve("main").commit_id
    assert cat.resolve("wanderer@{205}").commit_id == cat.resolve("main~1").commit_id


def test_the_merge_has_two_parents(cat: Catalog) -> None:
    ends = cat.resolve("main").commit_id, cat.resolve("backfill/2024-01").commit_id
    assert cat.show("both").parents == ends
    assert cat.resolve("both^2").commit_id == ends[1]
    assert cat.merge_base("main", "backfill/2024-01") == cat.resolve("v1").commit_id


def test_it_can_be_written_on(cat: Catalog, tmp_path: Path) -> None:
    cat.branches.create("next")
    write(tmp_path / "new/day=2024-01-04/a.parquet", {"order_id": [6], "who": ["eve"]})
    with cat.transaction("next") as tx:
        tx.snapshot("orders", str(tmp_path / "new"), scope="append")
    assert rows(cat, "SELECT count(*), max(day) FROM orders@next") == [
        (6, datetime.date(2024, 1, 4))
    ]


DIGESTS = Path(__file__).parent / "format-1-digests"
"""A catalog of the first writer whose branches, tags and description carry digests."""


def test_a_catalog_with_digests_is_the_same(tmp_path: Path) -> None:
    shutil.copytree(DIGESTS, tmp_path / "lake")
    cat = Catalog.open(str(tmp_path / "lake"))
    assert rows(cat, "FROM t ORDER BY a") == [(1, "x"), (2, None)]
    assert [(b.name, b.protected) for b in cat.branches.list()] == [("fix", False), ("main", True)]
    assert [(t.name, t.message) for t in cat.tags.list()] == [("v1", "as published")]
    assert [m.key for m in cat.reflog("main")] == [None, "load-1", None]
    for path in ("catalog.json", "refs/branches/main.json", "refs/tags/v1.json"):
        assert b'"digest":' in (DIGESTS / path).read_bytes()


def test_the_sample_with_digests_is_what_the_format_says() -> None:
    reader = Reader(DIGESTS)
    for branch in ("main", "fix"):
        assert reader.branch(branch)["digest"][0] == reader.branch(branch)["write_id"]
    tag = reader.tag("v1")
    assert tag is not None
    assert tag["commit"] == reader.branch("main")["commit"]
    assert reader.about["digest"]
