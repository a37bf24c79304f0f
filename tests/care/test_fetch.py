"""Commits fetched from another copy of a catalog: mirrors, branches, and what is refused."""

import os
import shutil
from pathlib import Path

import pytest

from catalog.care.transfer.report import IncompleteTransfer, RefusedRefs
from catalog.care.transfer.run import TransferOptions, mirror
from catalog.catalog import Catalog
from catalog.errors import AlreadyExists, CatalogError, Conflict, InvalidInput, NotFound
from catalog.repository.expired import ExpiryRecord, Policy, record, records
from catalog.storage.local import LocalStore
from tests.care.copies import objects, opened, told
from tests.repository.forge import Forgery, forge
from tests.storage.wrappers import CountingStore
from tests.write.conftest import START
from tests.write.merges import put as put_rows


def put(cat: Catalog, branch: str, rows: dict[int, int]) -> None:
    """Adds rows to a table, or gives those of the same keys other values."""
    put_rows(cat, branch, rows, mode="upsert")


@pytest.fixture
def cat(tmp_path: Path) -> Catalog:
    cat = Catalog.create(tmp_path / "lake", author="tester")
    put_rows(cat, "main", {1: 1, 2: 2, 3: 3})
    cat.branches.create("work")
    cat.tags.create("v1")
    return cat


@pytest.fixture
def copy(cat: Catalog, tmp_path: Path) -> Catalog:
    cat.clone_to(tmp_path / "copy")
    return Catalog.open(tmp_path / "copy", author="copier")


def home(cat: Catalog) -> str:
    return cat.repository.store.location


def test_a_mirror_brings_what_is_new_and_no_more(
    cat: Catalog, copy: Catalog, tmp_path: Path
) -> None:
    put(cat, "main", {4: 4})
    copy.fetch(home(cat), mirror=True)
    put(cat, "main", {1: 7})
    source = CountingStore(LocalStore(home(cat)))
    target = CountingStore(LocalStore(home(copy)))
    report = mirror(opened(source).repository, opened(target).repository, TransferOptions())
    assert report.commits == 1 and report.copied["pack"].objects == 1
    assert report.copied["data"].objects == 1
    assert len(target.of("publish", "create", "swap")) <= 4
    assert len(source.calls) < 40
    assert told(Path(home(copy))) == told(Path(home(cat)))


def test_a_mirror_follows_resets_deletions_rules_and_spent_tags(
    cat: Catalog, copy: Catalog
) -> None:
    put(cat, "main", {1: 7})
    copy.fetch(home(cat), mirror=True)
    cat.reset("main", to="main~1")
    cat.branches.delete("work")
    cat.tags.delete("v1")
    cat.tags.create("v2")
    cat.branches.protect("main", judge_direct=True)
    report = copy.fetch(home(cat), mirror=True)
    assert {one.name for one in report.moved} == {"main", "work", "v1", "v2"}
    assert objects(Path(home(copy)), "refs") == objects(Path(home(cat)), "refs")
    with pytest.raises(AlreadyExists):
        copy.tags.create("v1")


def test_reflogs_of_many_pages_come_along(cat: Catalog, copy: Catalog) -> None:
    for n in range(110):
        cat.branches.protect("work")
        cat.branches.unprotect("work")
        if n == 60:
            copy.fetch(home(cat), mirror=True)
    copy.fetch(home(cat), mirror=True)
    assert copy.reflog("work") == cat.reflog("work") and len(cat.reflog("work")) > 220
    for page in objects(Path(home(copy)), "refs/reflogs"):
        (Path(home(copy)) / page).unlink()
        copy.fetch(home(cat), mirror=True, full=True)
        assert copy.reflog("work") == cat.reflog("work")
    shutil.rmtree(Path(home(copy)) / "refs/reflogs")
    cat.branches.protect("work")
    copy.fetch(home(cat), mirror=True)
    assert copy.reflog("work") == cat.reflog("work")


@pytest.mark.invariant("A branch that was moved in a copy is never replaced by a mirror")
def test_a_mirror_leaves_branches_that_were_moved_in_it(cat: Catalog, copy: Catalog) -> None:
    put(copy, "main", {5: 5})
    own = copy.resolve("main").commit_id
    put(cat, "main", {6: 6})
    put(cat, "work", {7: 7})
    with pytest.raises(
        RefusedRefs, match=r"branch 'main' is at .* where copier moved it"
    ) as caught:
        copy.fetch(home(cat), mirror=True)
    assert list(caught.value.report.refused) == ["main"]
    assert copy.resolve("main").commit_id == own
    assert copy.resolve("work").commit_id == cat.resolve("work").commit_id
    with pytest.raises(RefusedRefs):  # nor one that is only ahead
        cat.clone_to(Path(home(cat)).parent / "third")
        put(copy, "work", {8: 8})
        copy.fetch(home(cat), mirror=True)


def test_what_only_the_copy_has_stays(cat: Catalog, copy: Catalog) -> None:
    copy.branches.create("mine")
    copy.tags.create("own")
    assert not copy.fetch(home(cat), mirror=True).moved
    assert copy.branches.list()[1].name == "mine" and copy.tags.list()[0].name == "own"


def test_tags_that_differ_are_named_with_both_commits(cat: Catalog, copy: Catalog) -> None:
    put(cat, "main", {1: 7})
    cat.tags.create("v2")
    copy.tags.create("v2")
    ends = cat.resolve("v2").commit_id[:8], copy.resolve("v2").commit_id[:8]
    for fetched in (("v2",), ()):
        with pytest.raises(CatalogError, match=f"{ends[0]}.*{ends[1]}.*tags never move"):
            copy.fetch(home(cat), *fetched, mirror=not fetched)
    copy.branches.create("v3")
    cat.tags.create("v3")
    with pytest.raises(CatalogError, match="v3"):
        copy.fetch(home(cat), mirror=True)
    with pytest.raises(AlreadyExists):
        copy.fetch(home(cat), "v3")


def test_a_branch_is_brought_under_its_name_or_another(cat: Catalog, copy: Catalog) -> None:
    cat.branches.create("fix")
    put(cat, "fix", {9: 9})
    report = copy.fetch(home(cat), "fix", "v1")
    assert [one.name for one in report.moved] == ["fix"] and report.unchanged == 1
    assert copy.resolve("fix").commit_id == cat.resolve("fix").commit_id
    assert copy.reflog("fix")[0].why.startswith("fetch: fix of ")
    put(cat, "fix", {10: 10})
    assert copy.fetch(home(cat), "fix").commits == 1
    copy.fetch(home(cat), "fix~1", branch="before")
    assert copy.resolve("before").commit_id == copy.resolve("fix~1").commit_id
    put(copy, "fix", {11: 11})
    assert not copy.fetch(home(cat), "fix").moved
    put(cat, "fix", {12: 12})
    with pytest.raises(Conflict, match="does not have"):
        copy.fetch(home(cat), "fix")
    copy.fetch(home(cat), "fix", branch="theirs")
    copy.merge("theirs", into="fix")
    assert copy.sql("SELECT count(*) FROM t@fix WHERE k > 8").fetchall() == [(4,)]


def test_a_fetch_does_not_pass_protection_or_rules_by(cat: Catalog, copy: Catalog) -> None:
    put(cat, "main", {9: 9})
    before = copy.resolve("main").commit_id
    copy.branches.protect("main")
    with pytest.raises(Conflict, match="protected"):
        copy.fetch(home(cat), "main")
    copy.branches.unprotect("main")
    copy.branches.protect("main", judge_direct=True)
    with pytest.raises(Conflict, match="rules"):
        copy.fetch(home(cat), "main")
    assert copy.resolve("main").commit_id == before
    copy.fetch(home(cat), "main", branch="review")
    copy.merge("review")


def test_what_makes_no_sense_is_refused(cat: Catalog, copy: Catalog, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput):
        copy.fetch(home(cat))
    with pytest.raises(InvalidInput):
        copy.fetch(home(cat), "main", mirror=True)
    with pytest.raises(InvalidInput, match="neither a branch nor a tag"):
        copy.fetch(home(cat), "main~1")
    with pytest.raises(InvalidInput, match="one ref"):
        copy.fetch(home(cat), "main", "work", branch="x")
    with pytest.raises(NotFound):
        copy.fetch(home(cat), "none")
    with pytest.raises(NotFound, match="no catalog"):
        copy.fetch(tmp_path / "nowhere", mirror=True)
    with pytest.raises(Conflict, match="this catalog itself"):
        copy.fetch(home(copy), mirror=True)
    other = Catalog.create(tmp_path / "other")
    for refs in ((), ("main",)):
        with pytest.raises(Conflict, match="share no history"):
            copy.fetch(home(other), *refs, mirror=not refs)


def forged(copy: Catalog, files: "dict[str, object]") -> str:
    """Puts a commit into a copy whose entries have other values."""

    def change(columns: dict[str, list[object]]) -> None:
        for name, value in files.items():
            columns[name] = [value] * len(columns["path"])

    return forge(Path(home(copy)), Forgery(files=change), name="t")


SECRET = b"root:secret:" + b"x" * 100


@pytest.mark.invariant("A stranger's catalog brings no bytes from outside of it, and writes none")
@pytest.mark.parametrize(
    "forgery",
    ["reference", "outside", "other hash", "no hash", "link out", "link out unhashed", "pipe"],
)
def test_a_strangers_catalog_reads_and_writes_nothing_outside(
    cat: Catalog, copy: Catalog, tmp_path: Path, forgery: str
) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(SECRET)
    own = next(Path(home(copy)).joinpath("data").rglob("*.parquet"))
    inside = str(own.relative_to(home(copy)))
    link = own.with_name("link.parquet")
    found = secret.stat()
    guard = f"{found.st_size}+{found.st_mtime_ns}+{found.st_ino}".encode()
    values: dict[str, dict[str, object]] = {
        "reference": {"path": str(secret).encode(), "guard": guard, "token": b"stat:" + guard},
        "outside": {"path": b"data/../../secret"},
        "other hash": {"token": b"sha256:" + b"0" * 64},
        "no hash": {"token": b"stat:" + guard},
        "link out": {"path": b"data/t/link.parquet", "size": len(SECRET)},
        "link out unhashed": {
            "path": b"data/t/link.parquet",
            "size": len(SECRET),
            "token": b"etag:x++1",
        },
        "pipe": {"path": b"data/t/link.parquet"},
    }
    if forgery == "pipe":
        link.parent.mkdir(parents=True, exist_ok=True)
        os.mkfifo(Path(home(copy)) / "data/t/link.parquet")
    elif forgery.startswith("link"):
        (Path(home(copy)) / "data/t").mkdir(parents=True, exist_ok=True)
        (Path(home(copy)) / "data/t/link.parquet").symlink_to(secret)
    assert inside
    forged(copy, values[forgery])
    before = objects(tmp_path, ".")
    try:
        report = cat.fetch(home(copy), "main", branch="stranger")
    except IncompleteTransfer as error:
        report = error.report
        assert forgery != "reference" and "stranger" in report.incomplete
    else:
        assert forgery == "reference" and report.references.objects == 1
    after = objects(tmp_path, ".")
    new = {path: after[path] for path in after.keys() - before.keys()}
    assert all(path.startswith("lake/") for path in new)
    assert before[str(secret.relative_to(tmp_path))] not in new.values()


def test_a_strangers_names_are_names_of_refs(cat: Catalog, copy: Catalog) -> None:
    for folder in ("branches", "tags"):
        path = Path(home(copy)) / "refs" / folder
        path.mkdir(parents=True, exist_ok=True)
        (path / "%2E.%2Fup.json").write_bytes(b"{}")
        (path / "%2E.%2Fup.json.deleted").write_bytes(b"")
    with pytest.raises(IncompleteTransfer):
        cat.fetch(home(copy), mirror=True)
    assert not list(Path(home(cat)).parent.glob("up*"))


def test_expired_commits_come_without_data_and_say_so(
    cat: Catalog, copy: Catalog, tmp_path: Path
) -> None:

    put(cat, "main", {1: 7})
    old = cat.resolve("main~1").commit_id
    for tag in cat.tags.list():
        cat.tags.delete(tag.name)
    store = cat.repository.store
    cat.branches.delete("work")
    record(store, ExpiryRecord(START, "tester", Policy(86_400), (old,)))
    files = {info.path for info in store.list("data/")}
    kept = {file.path for file in cat.files("t")}
    for path in files - kept:
        store.delete(path)
    report = cat.clone_to(tmp_path / "backup", verify="hash")
    backup = Catalog.open(tmp_path / "backup")
    assert report.expired == 1 and not report.damage
    assert [one.commits for one in records(backup.repository.store)] == [(old,)]
    assert backup.sql("SELECT count(*) FROM t").fetchall() == [(3,)]
    assert [one.id for one in backup.log()] == [one.id for one in cat.log()]
    copy.fetch(home(cat), mirror=True)  # it had the data already, and keeps it
    assert records(copy.repository.store) == []
    assert copy.sql(f"SELECT count(*) FROM t@{old}").fetchall() == [(3,)]


def test_refs_that_are_moved_to_garbage_keep_it(cat: Catalog, copy: Catalog) -> None:
    put(cat, "main", {1: 7})
    copy.fetch(home(cat), "main", branch="brought")
    copy.branches.delete("brought")
    copy.gc()
    copy.fetch(home(cat), mirror=True)
    assert told(Path(home(copy)))["branch main"] == told(Path(home(cat)))["branch main"]
    assert copy.sql("SELECT sum(v) FROM t").fetchall() == cat.sql("SELECT sum(v) FROM t").fetchall()
