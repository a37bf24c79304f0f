"""What a query makes for itself is not taken for a table of the catalog."""

from pathlib import Path

import pytest

from catalog import Catalog
from catalog.errors import Unsupported


@pytest.fixture
def lake(tmp_path: Path) -> Catalog:
    catalog = Catalog.create(str(tmp_path / "lake"))
    with catalog.transaction(message="first") as tx:
        tx.sql("CREATE TABLE orders AS SELECT 1 AS id")
    return catalog


@pytest.mark.parametrize(
    "query",
    [
        "CREATE TABLE fresh AS FROM orders",
        "CREATE OR REPLACE VIEW fresh AS FROM orders",
        "CREATE TABLE fresh (x INT); INSERT INTO fresh VALUES (1)",
        "CREATE TABLE fresh AS FROM orders; DELETE FROM fresh",
    ],
)
def test_a_table_that_nobody_could_read_is_refused(lake: Catalog, query: str) -> None:
    with pytest.raises(Unsupported, match="'fresh' was of this query alone") as caught:
        lake.sql(query)
    assert "transaction" in caught.value.hint
    assert [table.name for table in lake.tables()] == ["orders"]
    lake.connect().sql(query)  # a session has it until it ends


def test_what_is_read_or_kept_elsewhere_is_not(lake: Catalog, tmp_path: Path) -> None:
    assert lake.sql("CREATE TABLE fresh AS FROM orders; FROM fresh").fetchall() == [(1,)]
    assert lake.sql("CREATE TEMP TABLE fresh AS FROM orders; FROM fresh").fetchall() == [(1,)]
    own = tmp_path / "own.db"
    lake.sql(f"ATTACH '{own}' AS own; CREATE TABLE own.fresh AS FROM orders; DETACH own")
    lake.sql(f"ATTACH '{own}' AS own; USE own; INSERT INTO fresh VALUES (2)")
    assert lake.sql(f"ATTACH '{own}' AS own; FROM own.fresh ORDER BY 1").fetchall() == [(1,), (2,)]
