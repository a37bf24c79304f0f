"""The page of a diff: what it says is what the JSON form says, and nothing in it acts."""

import re

import duckdb
import pytest

import catalog
from catalog import Catalog
from catalog.diff.result import Diff
from catalog.operations.diff_samples import with_samples
from catalog.report.figures import plain, share
from tests.report.page_reading import Page, amount

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "\x1b[31mred\x1b[0m",
    "a\u202egnp.exe",
    "=cmd()|' /C calc'!A0",
    "{{ 7 * 7 }}{% raw %}",
    "</style></script><b>",
    "two\nlines",
    "NULL",
    "",
    "  ",
)

KINDS = ("inserted", "deleted", "updated", "filled", "cleared", "corrected")


def rows(change: bool) -> str:
    new = "true" if change else "false"
    return f"""SELECT i AS id, DATE '2024-01-01' + (i % 5)::INT AS day,
            if(i % 11 = 0 AND NOT {new}, NULL, if({new} AND i % 7 = 0 AND i % 5 < 3, i, i / 4.0))
                AS amount,
            if({new} AND i % 13 = 0, 'b', 'a') AS kind
        FROM range(2000) r(i) WHERE NOT {new} OR i % 401 <> 0"""


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    cat = catalog.create(str(tmp_path_factory.mktemp("page") / "lake"))
    odd = ", ".join(f'? AS "<b>& {n}"' for n in range(len(HOSTILE)))
    for change in (False, True):
        with cat.transaction("main") as tx:
            tx.write(
                "orders",
                duckdb.sql(rows(change)),
                mode="overwrite",
                key=["id"],
                partition_by=["day"],
            )
            texts = [f"{text}{'!' if change else ''}" for text in HOSTILE]
            odd_rows = duckdb.sql(f"SELECT 1 AS id, {odd}", params=texts)
            tx.write("odd <i>&\"'", odd_rows, mode="overwrite", key=["id"])
            tx.write("same", duckdb.sql("SELECT 1 AS a"), mode="overwrite")
            if change:
                tx.write("new", duckdb.sql("SELECT range AS a FROM range(3)"), mode="overwrite")
    return cat


@pytest.fixture(scope="module")
def diff(lake: Catalog) -> Diff:
    return lake.diff("main~1", "main")


@pytest.fixture(scope="module")
def page(diff: Diff) -> Page:
    return Page(diff.to_html())


@pytest.mark.invariant("Every number of the page of a diff is that of its JSON form")
def test_numbers_are_those_of_the_json_form(diff: Diff, page: Page) -> None:
    found = diff.to_dict()
    assert str(found["totals"]["tables"]) in page.text.partition("Overview")[0]
    overview = {row["table"]: row for row in page.table("Tables that changed").records()}
    for table in found["tables"]:
        own = overview.pop(table["table"])
        for name, of in (("rows before", "from"), ("rows after", "to")):
            assert amount(own[name]) == table["rows"][of]
        for kind in KINDS[:3]:
            assert amount(own[kind]) == table["rows"][kind]
        changed = sum(table["rows"][kind] for kind in KINDS[:3])
        assert own["changed"].strip() == share(
            changed, table["rows"]["from"] + table["rows"]["inserted"]
        )
    assert not overview


def test_columns_and_partitions_are_those_of_the_json_form(diff: Diff, page: Page) -> None:
    (orders,) = (table for table in diff.to_dict()["tables"] if table["table"] == "orders")
    columns = page.table("Columns that changed", "orders").records()
    assert [row["column"] for row in columns] == [one["column"] for one in orders["columns"]]
    for shown, one in zip(columns, orders["columns"], strict=True):
        assert [amount(shown[kind]) for kind in KINDS[3:]] == [one[kind] for kind in KINDS[3:]]
        assert amount(shown["NULLs before"]) == one["from"]["nulls"]
        for name, side in (("sum before", "from"), ("sum after", "to")):
            total = one[side]["sum"]
            assert shown[name].replace(",", "") == (total or "none")
    partitions = page.table("Partitions that changed", "orders").records()
    changed = [one for one in orders["partitions"] if any(one[kind] for kind in KINDS[:3])]
    assert [row["day"] for row in partitions] == [one["partition"]["day"] for one in changed]
    for shown, one in zip(partitions, changed, strict=True):
        assert [amount(shown[kind]) for kind in KINDS] == [one[kind] for kind in KINDS]


@pytest.mark.invariant("Nothing in the page of a diff runs or is fetched but its own script")
def test_nothing_of_the_data_acts(page: Page, diff: Diff) -> None:
    text = diff.to_html()
    tags = {tag for tag, _ in page.tags}
    assert not tags & {"img", "iframe", "object", "embed", "base", "form"}
    assert sum(tag == "script" for tag, _ in page.tags) == 1
    assert sum(tag == "style" for tag, _ in page.tags) == 1
    for tag, attributes in page.tags:
        assert not [name for name in attributes if name.startswith("on") or name == "style"]
        for name in ("src", "href"):
            target = attributes.get(name, "#")
            assert target.startswith("#") or (tag, target) == ("link", "data:,")
    assert "http" not in re.sub(r'http-equiv|xmlns="[^"]*"', "", text)
    assert not [c for c in text if not c.isprintable() and c != "\n"]
    assert "\N{LEFT DOUBLE QUOTATION MARK}NULL\N{RIGHT DOUBLE QUOTATION MARK} → NULL!" in page.text
    for value in {*HOSTILE} - {"NULL"}:
        shown = f"{plain(value)} → {plain(value)}!" if value.strip() else "!"
        assert " ".join(shown.split()) in page.text


def test_distributions_and_rows_are_those_of_the_view(diff: Diff, lake: Catalog) -> None:
    with lake.diff("main~1", "main", level="rows", distributions=True) as drawn:
        page = Page(drawn.to_html())
        (orders,) = (t for t in with_samples(drawn, most=100).tables if t.name == "orders")
    for column in orders.columns:
        one = column.distribution
        if one is None:
            continue
        shown = page.table(f"Values of {column.name} before and after", "orders").records()
        assert [amount(row["before"]) for row in shown[: len(one.before)]] == list(one.before)
        assert [amount(row["after"]) for row in shown[: len(one.after)]] == list(one.after)
        rest = {next(iter(row.values())): row for row in shown}
        if any(one.nulls) and one.kind == "ranges":
            assert [amount(rest["NULL"][n]) for n in ("before", "after")] == list(one.nulls)
    rows = page.table("Changed rows", "orders").records()
    assert orders.sample is not None and len(rows) == len(orders.sample)
    for shown_row, row in zip(rows, orders.sample, strict=True):
        assert shown_row["change"].endswith(row.change)
        own = row.after or row.before or {}
        assert shown_row["id"] == own["id"]
        for name in set(row.columns) & shown_row.keys():
            assert row.before is not None and row.after is not None
            pair = (row.before[name], row.after[name])
            assert shown_row[name] == " → ".join("NULL" if v is None else v for v in pair)


def test_columns_that_a_row_does_not_show_are_left_blank(lake: Catalog) -> None:
    with lake.diff("main~1", "main", level="rows") as drawn:
        page = Page(drawn.to_html())
    rows = page.table("Changed rows", "orders").records()
    assert not [row for row in rows if "NULL" in row.get("kind", "")]
