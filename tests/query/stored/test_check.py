"""Which SQL may be stored and run."""

import pytest

from catalog.errors import InvalidInput
from catalog.query.stored.check import check_stored_select
from tests.query.stored.statements import HOSTILE, ORDINARY

PLACES = {
    "secret": "/home/ana/secret.txt",
    "data": "/lake/data/orders/1.parquet",
    "name": "catalog-file:///lake/data/orders/1.parquet",
    "new": "/home/ana/new.parquet",
    "folder": "/home/ana",
    "variable": "AWS_SECRET_ACCESS_KEY",
}


@pytest.mark.parametrize("sql", ORDINARY)
def test_ordinary_analytics_may_be_stored(sql: str) -> None:
    checked = check_stored_select(sql, what="the definition")
    for reference in checked.references:
        start, end = reference.span
        assert reference.name[-1] in checked.text[start:end]


@pytest.mark.invariant("Stored SQL is one SELECT that reads tables and calls functions of our list")
@pytest.mark.parametrize("sql", HOSTILE)
def test_everything_else_is_refused(sql: str) -> None:
    with pytest.raises(InvalidInput, match="the definition cannot be run") as refused:
        check_stored_select(sql.format(**PLACES), what="the definition")
    assert refused.value.kind in ("stored-sql", "sql-error")
