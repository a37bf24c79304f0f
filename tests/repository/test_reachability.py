"""What commits need, against a reader that shares no code with the catalog."""

import datetime
from pathlib import Path

import pyarrow as pa
import pytest

from catalog import Catalog
from catalog.repository.reachability import Walk
from catalog.repository.roots import find_roots

from .format_reader import Reader

LONG_AGO = datetime.datetime(2000, 1, 1, tzinfo=datetime.UTC)
LATER = datetime.datetime(2100, 1, 1, tzinfo=datetime.UTC)


def filled(root: Path) -> Catalog:
    """Makes a catalog in which main has nodes from packs that no ref reaches by commits."""
    catalog = Catalog.create(str(root / "lake"))
    rows = pa.table({"id": [1, 2, 3], "p": ["a", "a", "b"], "v": [1.0, None, 3.0]})
    with catalog.transaction(message="one") as tx:
        tx.write("orders", rows, mode="overwrite", key=["id"], partition_by=["p"])
        tx.write("people", pa.table({"id": [1], "name": ["Ada"]}), mode="overwrite", key=["id"])
    catalog.branches.create("side")
    more = pa.table({"id": [7], "p": ["c"], "v": [7.0]})
    with catalog.transaction(branch="side", message="two") as tx:
        tx.write("orders", more, mode="append")
        tx.write("extra", more, mode="overwrite", key=["id"])
    catalog.merge("side", squash=True)
    catalog.branches.delete("side")
    catalog.branches.create("gone")
    with catalog.transaction(branch="gone", message="gone") as tx:
        tx.write("orders", pa.table({"id": [9], "p": ["d"], "v": [9.0]}), mode="append")
    catalog.branches.delete("gone")
    files = root / "pictures"
    files.mkdir()
    (files / "a.png").write_bytes(b"picture a")
    (files / "b.png").write_bytes(b"picture b")
    with catalog.transaction(message="three") as tx:
        tx.snapshot("pictures", str(files), format="files")
    catalog.tags.create("first", at="main~1")
    return catalog


def needed_of(catalog: Catalog, *, since: datetime.datetime) -> set[str]:
    repository = catalog.context.repository
    roots = find_roots(repository, since=since)
    walk = Walk(repository)
    starts = [root.commit_id for root in roots.commits]
    paths = {one.path for logged in walk.commits(*starts) for one in list(walk.objects(logged.id))}
    return paths | set(roots.pages)


def everything(reader: Reader) -> list[object]:
    found: list[object] = []
    for commit in reader.log(reader.branch("main")["commit"]):
        for name, table in reader.tables(commit).items():
            found.append((commit, name, repr(reader.rows(table))))
            if "file_set" in table.says["properties"]:
                found.append(reader.contents(table))
            if name in reader.head(commit)[0]["changes"]:
                reader.change_list(commit, name)
    return found


@pytest.mark.invariant("What nothing reachable needs may go, and nothing else")
def test_all_that_is_not_needed_may_go(tmp_path: Path) -> None:
    catalog = filled(tmp_path)
    root = tmp_path / "lake"
    before = everything(Reader(root))
    kept = needed_of(catalog, since=LATER)
    stored = {
        path.relative_to(root).as_posix()
        for folder in ("objects", "data", "blobs", "lists", "refs/reflogs")
        for path in (root / folder).rglob("*")
        if path.is_file()
    }
    assert kept <= stored
    assert stored - kept, "the branch that is gone left something"
    for path in stored - kept:
        (root / path).unlink()
    assert everything(Reader(root)) == before


def test_packs_stay_whose_nodes_are_needed(tmp_path: Path) -> None:
    catalog = filled(tmp_path)
    walk = Walk(catalog.context.repository)
    head = catalog.context.repository.branches.find("main").commit_id
    commits = {logged.id for logged in walk.commits(head)}
    packs = {p.path for p in walk.objects(head) if p.kind == "pack"}
    assert any(path.rpartition("/")[2] not in commits for path in packs)


def test_the_reflog_keeps_what_was_left_lately(tmp_path: Path) -> None:
    catalog = filled(tmp_path)
    assert needed_of(catalog, since=LATER) < needed_of(catalog, since=LONG_AGO)
