"""Queries at both ends of a diff: results with the key they group by, and named metrics."""

from collections import defaultdict
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import catalog
from catalog.diff.view import Metric, MetricRow
from catalog.errors import CatalogError
from catalog.report.metrics import figure_table

OLD = [(n, "abc"[n % 3], Decimal(n * 1_000_000)) for n in range(30)]
NEW = [(k, r, v * 2 if r == "b" else v) for k, r, v in OLD if r != "c"] + [(99, "d", Decimal(5))]

REVENUE = "SELECT region, sum(amount) AS revenue, count(*) AS n FROM t GROUP BY region"


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder: Path = tmp_path_factory.mktemp("figures")
    lake = catalog.create(str(folder / "lake"))
    for number, rows in enumerate((OLD, NEW)):
        ids, regions, amounts = zip(*rows, strict=True)
        table = pa.table(
            {"id": ids, "region": regions, "amount": pa.array(amounts, pa.decimal128(18, 2))}
        )
        pq.write_table(table, folder / f"{number}.parquet")
        with lake.transaction("main", message=f"v{number}") as tx:
            tx.snapshot("t", folder / f"{number}.parquet", key=["id"])
    return lake


def revenue(rows: list[tuple[int, str, Decimal]]) -> dict[str, tuple[Decimal, int]]:
    found: defaultdict[str, tuple[Decimal, int]] = defaultdict(lambda: (Decimal(0), 0))
    for _, region, amount in rows:
        found[region] = (found[region][0] + amount, found[region][1] + 1)
    return dict(found)


def test_the_columns_of_group_by_are_the_key(lake: Any) -> None:
    old, new = revenue(OLD), revenue(NEW)
    with lake.diff_query(REVENUE, "main~1", "main") as diff:
        table = diff["query"]
        assert table.key == ("region",)
        rows = table.rows
        assert (rows.inserted, rows.deleted) == (len(new.keys() - old), len(old.keys() - new))
        assert rows.updated == sum(old[one] != new[one] for one in old.keys() & new)
        text = diff.to_text()
        form = diff.to_dict()
    assert form["tables"][0]["groups_by_key"] is True
    assert "key      region: what the query groups by" in text
    assert "files" not in text
    line = next(line.split() for line in text.splitlines() if line.split()[:2] == ["b", "revenue"])
    figures = ["145,000,000.00", "290,000,000.00", "+145,000,000.00", "+100.0", "%"]
    assert line == ["b", "revenue", *figures]
    shown = {row["key"]["region"]: (row["from"], row["to"]) for row in form["metrics"][0]["rows"]}
    assert shown.keys() == {"b", "c", "d"}
    assert shown["c"][1] is None and shown["d"][0] is None


def test_a_key_that_is_given_counts_and_none_is_said(lake: Any) -> None:
    with lake.diff_query(REVENUE, "main~1", "main", key=[]) as diff:
        assert diff["query"].key == ()
        assert "without a key" in diff.to_text()
    with lake.diff_query("SELECT region, amount FROM t", "main~1", "main") as diff:
        assert any("columns that the query groups by" in one for one in diff["query"].warnings)
    with lake.diff_query("SELECT sum(amount) AS revenue FROM t", "main~1", "main") as diff:
        (row,) = diff.view.metrics[0].rows
        assert (row.before, row.after) == ({"revenue": "435000000.00"}, {"revenue": "425000005.00"})
        assert diff["query"].warnings == ()


def test_metrics_are_what_plain_python_computes(lake: Any) -> None:
    old, new = revenue(OLD), revenue(NEW)
    metrics = {
        "revenue": REVENUE,
        "total": "SELECT sum(amount)::DOUBLE / 3 AS third FROM t",
        "broken": "SELECT nope FROM t",
        "rows": "FROM t",
        "writes": "CREATE TABLE x AS SELECT 1",
    }
    with lake.diff("main~1", "main", metrics=metrics) as diff:
        assert diff["t"].rows.updated == 10
        form = {one["name"]: one for one in diff.to_dict()["metrics"]}
        text = diff.to_text()
    for row in form["revenue"]["rows"]:
        region = row["key"]["region"]
        for side, whole in (("from", old), ("to", new)):
            found = row[side]
            expected = whole.get(region)
            assert (found is None) == (expected is None)
            if found is not None and expected is not None:
                assert (Decimal(found["revenue"]), int(found["n"])) == expected
    assert form["total"]["rows"] == [
        {"key": {}, "from": {"third": "145000000"}, "to": {"third": "141666668.333"}}
    ]
    assert (
        form["broken"]["error"] == 'at main~1: Referenced column "nope" not found in FROM clause!'
    )
    assert "which of them belong together is not certain" in form["rows"]["error"]
    assert form["writes"]["error"].endswith("a metric is one SELECT")
    assert "1 of 4 rows unchanged" in text
    with pytest.raises(CatalogError):
        lake.diff("main~1", "main", metrics=["SELECT 1"])


@pytest.mark.parametrize(
    ("before", "after", "difference", "share"),
    [
        ("100", "150", "+50", "+50.0 %"),
        ("150", "100", "−50", "−33.3 %"),  # noqa: RUF001
        ("-100", "-150", "−50", "−50.0 %"),  # noqa: RUF001
        ("0", "5", "+5", ""),
        ("0.1", "0.3", "+0.2", "+200.0 %"),
        ("9007199254740992", "9007199254740993", "+1", "+<0.0001 %"),
        ("1", "1", "0", "0 %"),
        ("nan", "1", "", ""),
        ("1", "inf", "", ""),
        (None, "1", "", ""),
        ("1e400", "1", "", ""),
        ("text", "other", "", ""),
    ],
)
def test_differences_are_exact(
    before: str | None, after: str | None, difference: str, share: str
) -> None:
    table = figure_table(Metric("m", "", (MetricRow({}, {"x": before}, {"x": after}),)), None)
    assert table.rows[0][-2:] == (difference, share)


def test_names_and_values_of_others_stay_on_their_line() -> None:
    row = MetricRow({"k\n": "\x1b[31m"}, {"a|b": "x\ny"}, {"a|b": "<script>"})
    table = figure_table(Metric("m", "", (row,)), None)
    assert not any("\n" in cell or "\x1b" in cell for cell in (*table.header, *table.rows[0]))
