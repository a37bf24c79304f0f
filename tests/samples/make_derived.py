"""Makes the sample catalog with derived tables that ``test_derived.py`` keeps readable.

Run ``python -m tests.samples.make_derived tests/samples/format-1-derived`` with a directory that
does not exist. Like the first sample, the committed catalog was made once, and stays as it is.
"""

import shutil
import sys
from pathlib import Path

from catalog.catalog import Catalog
from catalog.repository import repository as stored
from catalog.storage.local import LocalStore
from tests.samples.make import START, Clock

DAILY = (
    "SELECT day, shop, count(*) AS n, sum(amount)::BIGINT AS total FROM sales GROUP BY day, shop"
)
BY_NAME = (
    "-- A definition of more than 200 bytes, so that its text is in a node of the pack and not in "
    "the commit, beside the columns that went into each of its own.\n"
    "SELECT name, sum(total)::BIGINT AS total FROM daily JOIN shops USING (shop) GROUP BY name"
)


def main(root: Path) -> None:
    repository = stored.create(LocalStore(str(root)), author="sample", now=START)
    cat = Catalog("sample", repository, author="sample", clock=Clock())
    with cat.transaction("main", message="sales and shops", code={}) as tx:
        tx.sql(
            "CREATE TABLE sales AS SELECT range AS id, range % 3 AS day, range % 2 AS shop, "
            "range * 10 AS amount FROM range(12)"
        )
        tx.sql(
            "CREATE TABLE shops AS SELECT * FROM (VALUES (0, 'north'), (1, 'south')) t(shop, name)"
        )
    cat.derive("daily", DAILY, partition_by=["day"], message="sales by day")
    cat.derive("by_name", BY_NAME, message="sales by name")
    cat.branches.create("fix", at="main")
    with cat.transaction("fix", message="a sale was 7", code={}) as tx:
        tx.sql("UPDATE sales SET amount = 7 WHERE id = 4")
    cat.refresh(branch="fix")
    with cat.transaction("main", message="the south has a name", code={}) as tx:
        tx.sql("UPDATE shops SET name = 'South' WHERE shop = 1")
    cat.merge("fix", into="main", message="both")
    cat.tags.create("merged")
    with cat.transaction("main", message="a late sale", code={}) as tx:
        tx.sql("INSERT INTO sales VALUES (12, 2, 1, 500)")
    for derived in ("cache", "tmp", "locks"):
        shutil.rmtree(root / derived, ignore_errors=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
