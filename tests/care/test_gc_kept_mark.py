"""A run of gc goes on with the walk of the last one, and finds what a walk from the start finds."""

import datetime
import os
from pathlib import Path

import pyarrow as pa
import pytest

from catalog import Catalog
from catalog.care.gc import kept_mark
from catalog.care.gc.live import find_live
from catalog.errors import CatalogError
from tests.effort import effort

from .lakes import age, contents, in_days, lake, rows, stored

ACTS = ("write", "rewrite", "branch", "squash", "reset", "drop", "tag")
NEVER = datetime.datetime(2100, 1, 1, tzinfo=datetime.UTC)


def marked(root: Path) -> tuple[set[int], set[int], bool]:
    """Returns what a mark finds that goes on, what one from the start does, and whether it did."""
    repository = Catalog.open(str(root)).context.repository
    read: list[str] = []
    inner = repository.store.read_range
    repository.store.read_range = lambda *a, **k: read.append(a[0]) or inner(*a, **k)  # type: ignore[method-assign]
    going_on = find_live(repository, since=NEVER)
    few = len(read)
    kept = root / kept_mark.PATH
    aside = kept.rename(root / "aside") if kept.exists() else None
    read.clear()
    afresh = find_live(repository, since=NEVER, keeps=False)
    if aside is not None:
        aside.rename(kept)
    assert going_on.commits == afresh.commits
    return set(going_on.names.tolist()), set(afresh.names.tolist()), few < len(read)


@pytest.mark.invariant("A mark that goes on from the last finds what one from the start finds")
@pytest.mark.parametrize("seed", range(effort(2, 40)))
def test_going_on_finds_the_same(tmp_path: Path, seed: int) -> None:
    from random import Random

    random = Random(seed)
    catalog = lake(tmp_path)
    going_on = 0
    for step in range(effort(8, 25)):
        act = random.choice(
            ["write", "write", "rewrite", "branch", "squash", "reset", "drop", "tag"]
        )
        catalog = Catalog.open(str(tmp_path))
        if act == "write":
            with catalog.transaction(message="more") as tx:
                tx.write("orders", rows(100 * step, 4, 1.0), mode="append")
        elif act == "rewrite":
            with catalog.transaction(message="again") as tx:
                tx.write("people", pa.table({"id": [step], "name": ["x"]}), mode="overwrite")
        elif act in ("branch", "squash"):
            catalog.branches.create(f"b{step}")
            with catalog.transaction(branch=f"b{step}", message="side") as tx:
                tx.write("orders", rows(100 * step + 50, 3, 2.0), mode="append")
                tx.write(f"t{step}", rows(0, 2, 3.0), mode="overwrite", key=["id"])
            if act == "squash":
                catalog.merge(f"b{step}", squash=True)
            if random.random() < 0.7:
                catalog.branches.delete(f"b{step}")
        elif act == "reset" and len(catalog.log()) > 2:
            catalog.reset("main", to="main~1")
        elif act == "drop" and len(catalog.tables()) > 1:
            with catalog.transaction(message="gone") as tx:
                tx.drop(random.choice([t.name for t in catalog.tables() if t.name != "orders"]))
        elif act == "tag":
            catalog.tags.create(f"v{step}")
        if random.random() < 0.6:
            found, afresh, less = marked(tmp_path)
            assert found == afresh, (act, step)
            going_on += less
    found, afresh, less = marked(tmp_path)
    assert found == afresh
    assert marked(tmp_path)[2], "the second of two marks goes on"


def test_what_is_kept_is_not_believed_where_something_differs(tmp_path: Path) -> None:
    catalog = lake(tmp_path)
    before = contents(tmp_path)
    catalog.gc()
    path = tmp_path / kept_mark.PATH
    whole = path.read_bytes()
    for damaged in (b"", whole[:-9], whole[:70], whole.replace(b'"version":[1', b'"version":[9')):
        path.write_bytes(damaged)
        assert kept_mark.load(catalog.context.repository.store, "x" * 64) is None
        found, afresh, _ = marked(tmp_path)
        assert found == afresh
    for place in range(len(whole) // 3, len(whole), max(1, len(whole) // 9)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :])
        found, afresh, _ = marked(tmp_path)
        assert found == afresh
    assert contents(tmp_path) == before


def test_main_that_was_reset_is_walked_anew(tmp_path: Path) -> None:
    catalog = lake(tmp_path)
    catalog.gc()
    catalog.reset("main", to="main~1")
    found, afresh, _ = marked(tmp_path)
    assert found == afresh


def test_a_pack_that_is_gone_still_stops_it(tmp_path: Path) -> None:
    catalog = lake(tmp_path)
    catalog.gc()
    head = catalog.show("main~1").id
    os.unlink(tmp_path / f"objects/{head[:2]}/{head}")
    age(tmp_path)
    before = stored(tmp_path)
    with pytest.raises(CatalogError, match="missing"):
        in_days(tmp_path, 40).gc()
    assert stored(tmp_path) == before


def test_what_expired_since_is_not_kept(tmp_path: Path) -> None:
    catalog = lake(tmp_path)
    with catalog.transaction(message="other people") as tx:
        tx.write("people", pa.table({"id": [2], "name": ["Bob"]}), mode="overwrite")
    catalog.gc()
    later = in_days(tmp_path, 100)
    later.expire("1d")
    report = in_days(tmp_path, 200).gc(alone=True)
    assert report.removed.objects.get("data files", 0) >= 1
