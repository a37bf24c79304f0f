"""Small files of a table in a bucket are put together."""

from collections import Counter

import pyarrow as pa

import catalog
from catalog.storage.options import S3Options

from .servers import Server


def test_small_files_in_a_bucket_are_put_together(server: Server, place: str) -> None:
    cat = catalog.create(f"{place}/lake", s3=S3Options(endpoint_url=server.endpoint))
    for number in range(3):
        with cat.transaction() as tx:
            table = pa.table({"id": [number, number + 10], "day": ["a", "b"]})
            how = {"key": ["id"], "partition_by": ["day"]} if number == 0 else {}
            tx.write("t", table, mode="append", **how)  # type: ignore[arg-type]
    before = Counter(cat.sql("SELECT * FROM t").fetchall())
    assert cat.compact().tables[0].into == 2
    for ref in "main", "main~1":
        assert Counter(cat.sql(f"SELECT * FROM t@{ref}").fetchall()) == before
    assert [one.outcome for one in cat.diff("main~1", "main").view.tables] == ["rewritten"]
    assert cat.compact().commit is None
