"""Which commits a log lists, against a search in plain Python."""

import datetime
import itertools
import random
from collections.abc import Iterator

import pytest

import catalog
from catalog import CatalogError
from catalog.catalog import Catalog

START = datetime.datetime(2024, 5, 1, 9, tzinfo=datetime.UTC)
TABLES = ("orders", "items", "Customers")
AUTHORS = ("ana", "Ben", "ana.b")


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalog]:
    """A catalog with a commit every nine hours, each to one or two tables."""
    draw, hours = random.Random(3), itertools.count()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("catalog.catalog.utc_now", lambda: START)
        cat = catalog.create(tmp_path_factory.mktemp("log") / "lake")
    ticks = (START + datetime.timedelta(hours=9 * n) for n in hours)
    now = [START]
    object.__setattr__(cat.context, "clock", lambda: now[0])
    for n in range(24):
        now[0] = next(ticks)
        about = {
            "message": f"load {n}: Nightly" if n % 3 else f"fix ({n})",
            "author": AUTHORS[n % 3],
        }
        with cat.transaction(**about) as tx:  # type: ignore[arg-type]
            for table in draw.sample(TABLES, k=draw.choice([1, 2])):
                tx.write(table, [{"k": n}], mode="overwrite" if n < 5 else "append")
    yield cat


def ids(commits: object) -> list[str]:
    return [one.id for one in commits]  # type: ignore[attr-defined]


def test_filters_take_what_a_plain_search_takes(lake: Catalog) -> None:
    every = lake.log()
    may_5 = datetime.datetime(2024, 5, 5, tzinfo=datetime.UTC)
    assert ids(lake.log(tables=["ORDERS"])) == ids(c for c in every if "orders" in c.tables)
    assert ids(lake.log(tables=["items", "customers"])) == ids(
        c for c in every if {"items", "Customers"} & set(c.tables)
    )
    assert ids(lake.log(since="2024-05-05")) == ids(c for c in every if c.time >= may_5)
    assert ids(lake.log(since=may_5)) == ids(lake.log(since=may_5.date()))
    day = datetime.timedelta(days=1)
    assert ids(lake.log(until="2024-05-05")) == ids(c for c in every if c.time < may_5 + day)
    assert ids(lake.log(until="2024-05-05T00:00")) == ids(c for c in every if c.time <= may_5)
    assert ids(lake.log(author="ANA")) == ids(c for c in every if "ana" in c.author)
    assert ids(lake.log(author="^ana$")) == ids(c for c in every if c.author == "ana")
    assert ids(lake.log(grep=r"fix \(\d")) == ids(c for c in every if c.message.startswith("fix"))
    both = lake.log(tables=["orders"], since="2024-05-04", until="2024-05-06", author="ben")
    assert ids(both) == ids(
        c
        for c in every
        if "orders" in c.tables and 4 <= c.time.day <= 6 and c.time.month == 5 and c.author == "Ben"
    )
    assert both


def test_times_relative_to_now_are_taken(lake: Catalog) -> None:
    now = lake.context.clock()
    recent = [c for c in lake.log() if c.time >= now - datetime.timedelta(days=2)]
    assert ids(lake.log(since="2 days ago")) == ids(recent)
    midnight = now.replace(hour=0, minute=0)
    assert ids(lake.log(until="yesterday", limit=1)) == ids(
        [next(c for c in lake.log() if c.time < midnight)]
    )
    assert lake.log(since="1 hour ago", until="2 hours ago") == []


def test_a_limit_counts_commits_that_are_listed(lake: Catalog) -> None:
    assert ids(lake.log(grep="fix", limit=2)) == ids(lake.log(grep="fix"))[:2]


def test_a_table_that_never_was_is_an_error_with_the_nearest_name(lake: Catalog) -> None:
    with pytest.raises(CatalogError) as caught:
        lake.log(tables=["costumers"])
    assert (caught.value.kind, caught.value.hint) == ("table-not-found", "did you mean Customers?")
    assert lake.log(tables=["orders"], grep="nothing says this") == []


@pytest.mark.parametrize(
    "bad",
    [{"since": "someday"}, {"until": 3}, {"grep": "("}, {"author": 3}, {"tables": "orders"}],
)
def test_what_is_no_filter_is_refused(lake: Catalog, bad: dict[str, object]) -> None:
    with pytest.raises(CatalogError) as caught:
        lake.log(**bad)  # type: ignore[arg-type]
    assert next(iter(bad)) in caught.value.message
