"""Transactions under way at once on one table: their rows go together, or one is refused."""

from pathlib import Path

import pyarrow as pa
import pytest

import catalog
from catalog.catalog import Catalog

ROWS = [{"id": n, "day": "a" if n < 5 else "b", "x": n * 10} for n in range(10)]


@pytest.fixture
def cat(tmp_path: Path) -> Catalog:
    made = catalog.create(str(tmp_path / "lake"))
    with made.transaction() as tx:
        tx.write("t", ROWS, mode="append", key=["id"], partition_by=["day"])
    return made


def table(cat: Catalog) -> list[tuple[object, ...]]:
    return cat.sql("SELECT id, day, x FROM t ORDER BY ALL").fetchall()


def changed(**values: int) -> list[tuple[object, ...]]:
    rows = {int(row["id"]): (row["id"], row["day"], row["x"]) for row in ROWS}
    for name, x in values.items():
        number = int(name.removeprefix("k"))
        rows[number] = (number, rows[number][1], x)
    return sorted(rows.values())


def row(number: int, x: int) -> pa.Table:
    day = "a" if number < 5 else "b"
    return pa.table({"id": [number], "day": [day], "x": [x]})


def test_rows_of_one_file_changed_by_two_go_together(cat: Catalog) -> None:
    with cat.transaction() as first:
        first.write("t", row(1, 111), mode="upsert")
        with cat.transaction() as second:
            second.write("t", row(2, 222), mode="upsert")
    assert table(cat) == changed(k1=111, k2=222)


def test_one_row_changed_by_two_is_a_conflict_that_names_the_partition(cat: Catalog) -> None:
    with (
        pytest.raises(catalog.Conflict, match=r"'t' was changed in partition day=a .* by commit"),
        cat.transaction() as first,
    ):
        first.write("t", row(1, 111), mode="upsert")
        with cat.transaction() as second:
            second.write("t", row(1, 222), mode="upsert")
    assert table(cat) == changed(k1=222)


def test_one_row_changed_alike_by_two_is_a_conflict(cat: Catalog) -> None:
    with pytest.raises(catalog.Conflict), cat.transaction() as first:
        first.write("t", row(1, 111), mode="upsert")
        with cat.transaction() as second:
            second.write("t", row(1, 111), mode="upsert")


def test_one_new_row_added_alike_by_two_is_a_conflict(cat: Catalog) -> None:
    with pytest.raises(catalog.Conflict), cat.transaction() as first:
        first.write("t", row(70, 1), mode="upsert")
        with cat.transaction() as second:
            second.write("t", row(70, 1), mode="upsert")


def test_different_cells_of_one_row_changed_by_two_are_a_conflict(cat: Catalog) -> None:
    with cat.transaction() as tx:
        tx.write("t", pa.table({"id": [1], "day": ["a"], "y": [5]}), mode="upsert")
    with pytest.raises(catalog.Conflict), cat.transaction() as first:
        first.write("t", pa.table({"id": [1], "day": ["a"], "y": [6]}), mode="upsert")
        with cat.transaction() as second:
            second.write("t", row(1, 222), mode="upsert")


def test_one_new_key_from_two_is_a_conflict_also_across_partitions(cat: Catalog) -> None:
    with pytest.raises(catalog.Conflict), cat.transaction() as first:
        first.write("t", pa.table({"id": [20], "day": ["a"], "x": [1]}), mode="upsert")
        with cat.transaction() as second:
            second.write("t", pa.table({"id": [20], "day": ["b"], "x": [1]}), mode="upsert")
    assert [one for one in table(cat) if one[0] == 20] == [(20, "b", 1)]


def test_three_writers_of_one_file_all_land(cat: Catalog) -> None:
    with cat.transaction() as first:
        first.write("t", row(1, 111), mode="upsert")
        with cat.transaction() as second:
            second.write("t", row(2, 222), mode="upsert")
            with cat.transaction() as third:
                third.write("t", row(3, 333), mode="upsert")
    assert table(cat) == changed(k1=111, k2=222, k3=333)
    assert cat.tables()[0].rows == 10


def test_an_overwritten_partition_and_a_changed_row_in_it_are_a_conflict(cat: Catalog) -> None:
    with pytest.raises(catalog.Conflict, match="day=a"), cat.transaction() as first:
        first.write("t", row(1, 111), mode="overwrite_partitions")
        with cat.transaction() as second:
            second.write("t", row(2, 222), mode="upsert")


def test_a_key_is_committed_once(cat: Catalog) -> None:
    made = []
    for _ in range(2):
        with cat.transaction(idempotency_key="load 2024-03") as tx:
            made.append(tx.is_repeated)
            tx.write("t", row(50, 1), mode="append")
        assert tx.commit is not None
        assert tx.commit.id == cat.show("main").id
    assert made == [False, True]
    assert [one for one in table(cat) if one[0] == 50] == [(50, "b", 1)]


def test_a_key_committed_meanwhile_is_not_committed_again(cat: Catalog) -> None:
    with cat.transaction(idempotency_key="k") as first:
        first.write("t", row(50, 1), mode="append")
        with cat.transaction(idempotency_key="k") as second:
            second.write("t", row(50, 1), mode="append")
    assert first.commit is not None and second.commit is not None
    assert first.commit.id == second.commit.id
    assert len([one for one in table(cat) if one[0] == 50]) == 1


def test_what_was_read_must_not_change_where_that_was_asked_for(cat: Catalog) -> None:
    with cat.transaction() as tx:
        tx.write("other", row(1, 1), mode="append")
    with (
        pytest.raises(catalog.Conflict, match="'t', which this transaction read,"),
        cat.transaction(isolation="serializable") as first,
    ):
        first.sql("SELECT count(*) FROM t")
        first.write("other", row(2, 2), mode="append")
        with cat.transaction() as second:
            second.write("t", row(2, 222), mode="upsert")
