"""Changed rows that are shown beside counts: each column in some row, spread, always the same."""

import pyarrow as pa
import pytest

import catalog
from catalog.diff.view import SampleRow
from catalog.operations.diff_samples import with_samples


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> catalog.Catalog:
    cat = catalog.create(tmp_path_factory.mktemp("samples") / "lake")
    size = 300
    old = pa.table({"id": range(size), "a": [0.5] * size, "b": ["x"] * size, "c": ["c"] * size})
    changed = [1.0 if 10 <= n < 200 else 0.5 for n in range(size)]
    long = ["x" * 400 + "z" if n == 150 else "y" if n == 160 else "x" for n in range(size)]
    new = pa.table(
        {"id": range(5, size + 5), "a": changed[5:] + [0.0] * 5, "b": long[5:] + ["n"] * 5}
        | {"c": ["c"] * size}
    )
    keyless = pa.table({"v": [1, 2, None]})
    for rows, values in ((old, keyless), (new, keyless.slice(1))):
        with cat.transaction("main") as tx:
            tx.write("t", rows, mode="overwrite", key=["id"])
            tx.write("keyless", values, mode="overwrite")
    return cat


def sample(lake: catalog.Catalog, table: str, most: int) -> tuple[SampleRow, ...]:
    with lake.diff("main~1", level="rows") as diff:
        view = with_samples(diff, most=most)
        assert view == with_samples(diff, most=most)
    (found,) = (one.sample for one in view.tables if one.name == table)
    assert found is not None
    return found


def test_each_column_and_kind_is_shown(lake: catalog.Catalog) -> None:
    rows = sample(lake, "t", 6)
    assert [row.change for row in rows] == ["updated"] * 2 + ["inserted"] * 2 + ["deleted"] * 2
    assert {name for row in rows for name in row.columns} == {"a", "b"}
    first, second = rows[:2]
    assert first.before == {"id": "10", "a": "0.5", "b": "x"}
    assert first.after == {"id": "10", "a": "1.0", "b": "x"}
    assert second.after is not None and second.after["id"] == "150"
    assert second.after["b"] == "x" * 200 + "…"
    inserted, deleted = rows[2], rows[4]
    assert inserted.before is None and deleted.after is None
    assert inserted.after is not None and inserted.after.keys() == {"id", "a", "b", "c"}


def test_more_rows_are_spread(lake: catalog.Catalog) -> None:
    rows = sample(lake, "t", 40)
    updated = [int((row.after or {})["id"] or 0) for row in rows if row.change == "updated"]
    assert len(rows) == 40 and len(updated) == 30 and updated == sorted(updated)
    assert updated[0] < 20 and updated[-1] > 180


def test_without_a_key_all_columns_are_shown(lake: catalog.Catalog) -> None:
    (row,) = sample(lake, "keyless", 5)
    assert (row.change, row.before, row.after) == ("deleted", {"v": "1"}, None)
