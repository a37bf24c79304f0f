"""Writes, statements and merges of a catalog in a bucket."""

import pytest

import catalog
from catalog.catalog import Catalog
from catalog.storage.options import S3Options
from catalog.storage.s3.service import S3Service

from .servers import Server

ROWS = [{"id": n, "day": "a" if n < 3 else "b", "x": n, "y": n} for n in range(6)]


@pytest.fixture
def cat(place: str, server: Server) -> Catalog:
    made = catalog.create(f"{place}/lake", s3=S3Options(endpoint_url=server.endpoint))
    with made.transaction() as tx:
        tx.write("t", ROWS, mode="append", key=["id"], partition_by=["day"])
    made.branches.create("other")
    return made


def table(cat: Catalog, ref: str = "main") -> list[tuple[object, ...]]:
    return cat.sql("SELECT id, x, y FROM t ORDER BY id", ref=ref).fetchall()


def test_cells_changed_on_two_branches_are_merged(cat: Catalog) -> None:
    with cat.transaction() as tx:
        tx.sql("UPDATE t SET x = 10 * id WHERE day = 'a'")
        tx.sql("INSERT INTO t VALUES (7, 'c', 7, 7)")
    with cat.transaction("other") as tx:
        tx.write("t", [{"id": 1, "day": "a", "y": 100}], mode="upsert")
        tx.delete("t", where="id = 5")
    report = cat.merge("other")
    assert report.conflicts.num_rows == 0
    assert table(cat) == [(0, 0, 0), (1, 10, 100), (2, 20, 2), (3, 3, 3), (4, 4, 4), (7, 7, 7)]
    with cat.diff("main~1", "main") as found:
        rows = found["t"].rows
        assert (rows.updated, rows.deleted, rows.inserted) == (1, 1, 0)
    reverted = cat.revert("main")
    assert reverted.commit is not None
    assert table(cat) == table(cat, "main~2")


def test_a_conflict_is_settled_on_its_branch(cat: Catalog) -> None:
    for branch, x in (("main", 1), ("other", 2)):
        with cat.transaction(branch) as tx:
            tx.sql(f"UPDATE t SET x = {100 * x} WHERE id = 3")
    with pytest.raises(catalog.MergeConflict) as clash:
        cat.merge("other")
    assert clash.value.conflicts["ours"].to_pylist() == ["100"]
    with cat.transaction(clash.value.branch) as tx:
        tx.sql("UPDATE t SET x = 150 WHERE id = 3")
    cat.continue_merge()
    assert (3, 150, 3) in table(cat)


def test_rows_changed_by_two_transactions_go_together(cat: Catalog) -> None:
    with cat.transaction() as first:
        first.sql("UPDATE t SET x = 11 WHERE id = 1")
        with cat.transaction() as second:
            second.sql("UPDATE t SET x = 12 WHERE id = 2")
    assert table(cat)[1:3] == [(1, 11, 1), (2, 12, 2)]


def test_the_past_of_a_row_is_read_from_the_bucket(cat: Catalog, access: S3Service) -> None:
    for n in (10, 20):
        with cat.transaction(message=f"x is {n}") as tx:
            tx.sql(f"UPDATE t SET x = {n} WHERE id = 1")
    (row,) = cat.blame("t", key={"id": 1}).rows
    assert [cell.before for cell in row.cells] == [None, None, 10, None]
    assert [s.change for s in cat.history("t", key={"id": 1}).states] == [
        "updated",
        "updated",
        "inserted",
    ]
    gone = {file.uri for file in cat.files("t", "main~1")} - {f.uri for f in cat.files("t")}
    for uri in gone:
        bucket, _, name = uri.removeprefix("s3://").partition("/")
        access.client.delete_object(Bucket=bucket, Key=name)
    again = catalog.open(cat.uri, s3=S3Options(endpoint_url=access.client.meta.endpoint_url))
    found = again.blame("t", key={"id": 1})
    assert {cell.change for cell in found.rows[0].cells} == {"unknown"}
    assert len(found.gaps) == 1
