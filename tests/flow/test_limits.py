"""How long SQL that a catalog stores may run."""

import math
import time
from pathlib import Path

import pytest

import catalog
from catalog.errors import ErrorKind, InvalidInput, StorageFailure
from catalog.model.limits import limited_to

ENDLESS = {
    "here": "SELECT count(*) AS n, 1 AS k FROM range(100000) a, range(100000000) b, orders",
    "elsewhere": "SELECT list_sum(range(a.range)) AS n, 1 AS k FROM range(1000000000) a, orders",
}


@pytest.mark.invariant("SQL of a stranger ends in time, and within its memory")
@pytest.mark.parametrize("where", ENDLESS)
def test_a_definition_is_stopped_when_its_time_is_over(tmp_path: Path, where: str) -> None:
    made = catalog.create(str(tmp_path / "lake"))
    with made.transaction() as tx:
        tx.sql("CREATE TABLE orders AS SELECT 1 AS id")
    head = made.show("main").id
    started = time.monotonic()
    with pytest.raises(StorageFailure, match=r"stopped after 0.5 seconds") as failed:
        catalog.open(str(tmp_path / "lake"), time_limit_s=0.5).derive("n", ENDLESS[where])
    assert failed.value.kind == ErrorKind.TIME_LIMIT
    assert time.monotonic() - started < 15
    assert made.show("main").id == head


@pytest.mark.parametrize("given", [0, -1, math.nan, "1", True])
def test_a_limit_is_a_number_of_seconds(given: float) -> None:
    with pytest.raises(InvalidInput, match="must be a number of seconds"):
        limited_to(given)


@pytest.mark.parametrize("given", [None, math.inf, 1e300])
def test_there_may_be_none(given: float | None) -> None:
    assert limited_to(given).time_s is None
