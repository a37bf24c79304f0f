"""Old data in a bucket expires and is collected, beside small files that were put together."""

import datetime

import pyarrow as pa
import pytest

from catalog.catalog import Catalog
from catalog.errors import ErrorKind, NotFound
from catalog.repository import repository as repositories
from catalog.storage.bucket.store import BucketStore

DAY = datetime.timedelta(days=1)


@pytest.mark.parametrize("server", ["moto"], indirect=True)
def test_what_expired_in_a_bucket_goes_and_all_else_stays(store: BucketStore) -> None:
    now = [datetime.datetime.now(datetime.UTC) - 100 * DAY]
    repository = repositories.create(store, author="tester", now=now[0])
    cat = Catalog(store.location, repository, author="tester", clock=lambda: now[0])
    for v in range(4):
        with cat.transaction(message=f"{v}") as tx:
            tx.write("small", pa.table({"k": [v]}), mode="append", key=["k"])
            tx.write("whole", pa.table({"k": [1], "v": [v]}), mode="overwrite", key=["k"])
        now[0] += 20 * DAY
    cat.compact(["small"])
    later = Catalog(store.location, repositories.open_existing(store), author="tester")
    before = {one.path: one.size_bytes for one in store.list("data/")}
    figures = later.expire("30d", dry_run=True)
    expired = later.expire("30d").commits
    would = later.gc(alone=True, dry_run=True)
    report = later.gc(alone=True)
    gone = before.keys() - {one.path for one in store.list("data/")}
    assert (would.removed.objects, would.removed.bytes) == (
        report.removed.objects,
        report.removed.bytes,
    )
    assert report.removed.objects == {"data files": len(gone)}
    assert sum(before[path] for path in gone) == figures.size_bytes > 0
    again = Catalog(store.location, repositories.open_existing(store), author="tester")
    assert sorted(again.sql("SELECT k FROM small").fetchall()) == [(0,), (1,), (2,), (3,)]
    assert again.sql("SELECT v FROM whole").fetchall() == [(3,)]
    old = next(one.id for one in again.log("main") if one.id in expired)
    with pytest.raises(NotFound) as caught:
        again.sql("SELECT * FROM whole", ref=old).fetchall()
    assert caught.value.kind is ErrorKind.DATA_EXPIRED
