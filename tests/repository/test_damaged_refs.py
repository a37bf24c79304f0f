"""Branches, tags and the catalog's description with any bit changed; what else lies beside them."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from catalog.catalog import Catalog
from catalog.dataclasses import replace
from catalog.errors import CatalogError, CorruptData, ErrorKind
from catalog.model.digests import digest_of
from catalog.model.ids import canonical_json
from catalog.model.refs import Tag
from catalog.repository.branches import Branches, Stamp, branch_path
from catalog.repository.repository import open_existing
from catalog.repository.tags import Tags
from tests.effort import effort
from tests.storage.memory import MemoryStore

from .conftest import START, History, at

TAG = "refs/tags/v1.json"
MAIN = branch_path("main")


@pytest.fixture
def history(store: Any) -> History:
    made = History(store)
    made.advance(day=1)
    branches = made.repository.branches
    held = branches.held("main")
    assert held is not None
    branches.move(held, made.commit(made.head("main")), Stamp("tester", at(2), "load", key="k-1"))
    made.repository.tags.create(Tag("v1", made.head("main"), START, "tester", "as published"))
    return made


def flips(data: bytes) -> Iterator[bytes]:
    """Yields the bytes with every bit changed, or every seventh without ``--thorough``."""
    for bit in range(0, 8 * len(data), effort(7, 1)):
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << bit % 8
        yield bytes(changed)


def read_all(store: MemoryStore) -> Any:
    repository = open_existing(store)
    branch = repository.branches.find("main")
    assert branch is not None
    key = repository.branches.find_key(branch, "k-1")
    return repository.info, branch, branch.reflog, key, repository.tags.find("v1")


@pytest.mark.invariant("A changed bit of a branch or tag is an error, never an answer")
@pytest.mark.parametrize("path", [MAIN, TAG, "catalog.json"])
def test_a_changed_bit_is_never_an_answer(history: History, store: Any, path: str) -> None:
    truth, data = read_all(store), store.read(path).data
    refused = 0
    for changed in flips(data):
        store.put(path, changed)
        try:
            assert read_all(store) == truth
        except CatalogError as error:
            newer = error.kind == ErrorKind.NEWER_FORMAT and path == "catalog.json"
            assert newer or isinstance(error, CorruptData)
            refused += 1
            assert error.hint
    assert refused > 0.95 * 8 * len(data) / effort(7, 1)
    store.put(path, data)
    assert read_all(store) == truth


@pytest.mark.parametrize("path", [MAIN, TAG, "catalog.json"])
def test_objects_of_writers_without_digests_are_read(
    history: History, store: Any, path: str
) -> None:
    truth = read_all(store)
    stored = json.loads(store.read(path).data)
    digest = stored.pop("digest")
    assert digest_of(stored) in digest
    if stored.pop("release", None) is not None:  # such writers knew version 1 only
        stored["format_version"] = 1
        truth = (replace(truth[0], format_version=1), *truth[1:])
    store.put(path, canonical_json(stored))
    assert read_all(store) == truth
    store.put(path, canonical_json({**stored, "dagest": digest}))
    with pytest.raises(CorruptData, match="unknown"):
        read_all(store)


@pytest.mark.parametrize("path", [MAIN, TAG, "catalog.json"])
def test_fields_of_later_writers_are_covered_by_the_digest(
    history: History, store: Any, path: str
) -> None:
    truth = read_all(store)
    stored = json.loads(store.read(path).data) | {"later": 1}
    digest: Any = digest_of(stored)
    stored["digest"] = [stored["write_id"], digest] if path == MAIN else digest
    store.put(path, canonical_json(stored))
    assert read_all(store) == truth
    store.put(path, canonical_json(stored | {"later": 2}))
    with pytest.raises(CorruptData):
        read_all(store)


def test_a_program_that_keeps_the_digest_of_an_earlier_write_is_understood(
    history: History, store: Any
) -> None:
    stored = json.loads(store.read(MAIN).data)
    move = ["f" * 32, *stored["reflog"][0][1:6]]
    moved = stored | {"write_id": "f" * 32, "reflog": [move, *stored["reflog"]]}
    store.put(MAIN, canonical_json(moved))
    branch = Branches(store).find("main")
    assert branch is not None and branch.write_id == "f" * 32
    for other in ("0" * 32, "f" * 31 + "e"):
        store.put(MAIN, canonical_json(moved | {"digest": [other, stored["digest"][1]]}))
        with pytest.raises(CorruptData):
            Branches(store).find("main")


def test_a_moved_branch_gets_a_digest_again(history: History, store: Any) -> None:
    stored = json.loads(store.read(MAIN).data)
    del stored["digest"]
    store.put(MAIN, canonical_json(stored))
    history.advance()
    now = json.loads(store.read(MAIN).data)
    assert now["digest"] == [now["write_id"], digest_of(now)]


STRAY = [
    "main.sync-conflict.json",
    "main (1).json",
    "Main.json",
    ".DS_Store",
    "._main.json",
    "main.json.tmp",
    "main.json~",
    "folder/main.json",
    "b\u00f6ser.json",
    "%zz.json",
    "%ff.json",
    ".json",
    "%2Ejson",
]


@pytest.mark.parametrize("stray", STRAY)
def test_stray_files_are_passed_over_and_reported(
    history: History, store: Any, caplog: pytest.LogCaptureFixture, stray: str
) -> None:
    data = store.read(MAIN).data
    for prefix in ("refs/branches/", "refs/tags/"):
        store.put(prefix + stray, data)
    with caplog.at_level(logging.WARNING):
        assert [b.name for b in Branches(store).list()] == ["main"]
        assert [t.name for t in Tags(store).list()] == ["v1"]
    reported = " ".join(record.getMessage() for record in caplog.records)
    for prefix in ("refs/branches/", "refs/tags/"):
        assert prefix + stray in reported
    with pytest.raises(CatalogError) as caught:
        history.repository.refs.resolve("unknown")
    assert caught.value.kind == ErrorKind.REF_NOT_FOUND
    assert history.resolve("main") == history.head("main")


DAMAGED = [b"", b"\0" * 200, b"{}", b"[]", b"null", b'{"kind":"branch"', b"\xff\xfe"]


@pytest.mark.parametrize("data", DAMAGED)
def test_damaged_branches_are_told_and_do_not_hide_others(
    history: History, store: Any, caplog: pytest.LogCaptureFixture, data: bytes
) -> None:
    history.create("fix", history.first)
    store.put(branch_path("fix"), data)
    with caplog.at_level(logging.WARNING):
        assert [b.name for b in Branches(store).list()] == ["main"]
    assert "refs/branches/fix.json" in caplog.text
    with pytest.raises(CorruptData) as caught:
        history.repository.refs.resolve("fix")
    assert caught.value.kind == ErrorKind.CORRUPT_DATA
    assert "reset('fix', to=COMMIT)" in caught.value.hint
    assert "refs/branches/fix.json" in caught.value.hint


@pytest.fixture
def cat(tmp_path: Path) -> Catalog:
    return Catalog.create(tmp_path / "lake")


def write(cat: Catalog, message: str, *, key: str | None = None) -> None:
    with cat.transaction(message=message, idempotency_key=key) as tx:
        tx.write("t", pa.table({"a": [1]}), mode="append")


@pytest.mark.parametrize("data", DAMAGED)
def test_a_damaged_branch_is_mended_by_a_reset(cat: Catalog, tmp_path: Path, data: bytes) -> None:
    write(cat, "one")
    newest = cat.log()[0].id
    (tmp_path / "lake" / MAIN).write_bytes(data)
    again = Catalog.open(tmp_path / "lake")
    with pytest.raises(CorruptData):
        again.log()
    assert again.reset("main", to=newest, dry_run=True).after == newest
    with pytest.raises(CorruptData):
        again.log()
    done = again.reset("main", to=newest)
    assert (done.before, done.after) == ("", newest)
    assert again.log()[0].id == newest
    assert [(m.before, m.after) for m in again.reflog("main")] == [(None, newest)]
    write(again, "two")
    assert again.sql("SELECT count(*) FROM t").fetchall() == [(2,)]


def test_what_is_left_of_a_reflog_is_kept(cat: Catalog, tmp_path: Path) -> None:
    write(cat, "one", key="load-1")
    newest = cat.log()[0].id
    path = tmp_path / "lake" / MAIN
    path.write_bytes(path.read_bytes().replace(b"load-1", b"load-3"))
    again = Catalog.open(tmp_path / "lake")
    with pytest.raises(CorruptData):
        again.log()
    again.reset("main", to=newest)
    moves = again.reflog("main")
    assert [m.key for m in moves] == [None, "load-3", None]
    assert moves[0].why.startswith("reset: damaged")
