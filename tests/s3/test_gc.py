"""Garbage collection in buckets: time passes there only as it does, so graces are made short."""

import datetime
from typing import Any

import pytest

import catalog
from catalog.catalog import Catalog
from catalog.dataclasses import replace
from catalog.errors import CatalogError
from catalog.repository.repository import open_existing
from catalog.storage.options import S3Options
from tests.care.lakes import rows
from tests.effort import effort
from tests.storage.killing import Killed, KillingStore

from .servers import Server

LATER = datetime.timedelta(days=400)


@pytest.fixture
def cat(place: str, server: Server) -> Catalog:
    return catalog.create(f"{place}/lake", s3=S3Options(endpoint_url=server.endpoint))


def write(cat: Catalog, branch: str, value: float) -> None:
    with cat.transaction(branch=branch, message="x") as tx:
        tx.write("t", rows(0, 4, value), mode="overwrite", key=["id"], partition_by=["p"])


def later(cat: Catalog, store: Any = None) -> Catalog:
    """Returns a catalog for somebody to whom moves of branches are long ago."""
    repository = open_existing(cat.context.repository.store if store is None else store)
    found = Catalog("lake", repository, author="tester")
    found.context = replace(found.context, clock=lambda: cat.context.clock() + LATER)
    return found


def read(cat: Catalog) -> list[object]:
    fresh = later(cat)
    return [
        fresh.sql(f'SELECT * FROM t@"{one.id}" ORDER BY id').fetchall()
        for one in fresh.log("main")
        if fresh.tables(one.id)
    ]


def test_garbage_goes_and_what_is_needed_stays(cat: Catalog) -> None:
    store = cat.context.repository.store
    write(cat, "main", 1.0)
    cat.branches.create("work")
    write(cat, "work", 2.0)
    cat.merge("work", squash=True)
    cat.branches.create("gone")
    write(cat, "gone", 3.0)
    lost = cat.show("gone").id
    cat.branches.delete("gone")
    cat.branches.delete("work")
    before = read(cat)
    found = later(cat).gc(alone=True)
    assert found.removed.total >= 3
    assert read(cat) == before
    assert later(cat).gc(alone=True).removed.total == 0
    assert not [one.path for one in store.list("gc/lists/")]
    with pytest.raises(CatalogError):
        cat.branches.create("back", at=lost)  # it is remembered, and gone
    assert "back" not in [one.name for one in later(cat).branches.list()]


def test_killed_runs_are_gone_on_with(cat: Catalog) -> None:
    store = cat.context.repository.store
    write(cat, "main", 1.0)
    cat.branches.create("gone")
    write(cat, "gone", 3.0)
    cat.branches.delete("gone")
    before = read(cat)
    at = 2
    while True:
        try:
            later(cat, KillingStore(store, at=at, after=at % 2 == 0)).gc(alone=True)
            break
        except Killed:
            at += effort(7, 1)
    assert at > 20
    later(cat).gc(alone=True)
    assert read(cat) == before
    assert not [one.path for one in store.list("gc/lists/")]
