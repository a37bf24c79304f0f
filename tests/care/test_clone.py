"""Copies of catalogs: equal to what they were made from, at whatever moment they were stopped."""

import random
import shutil
import threading
from pathlib import Path
from typing import Any

import pytest

from catalog.care.transfer.history import new_commits
from catalog.care.transfer.report import IncompleteTransfer, RefusedRefs
from catalog.care.transfer.run import TransferOptions, clone
from catalog.catalog import Catalog
from catalog.errors import AlreadyExists, CatalogError, CorruptData
from catalog.model.commit import Commit
from catalog.model.datafile import DataFile
from catalog.repository import datafiles
from catalog.storage import local
from catalog.storage.local import LocalStore
from tests.care.copies import fill, objects, opened, reached, told, update
from tests.effort import effort
from tests.storage.faulty import PlannedStore, seeded
from tests.storage.killing import Killed
from tests.storage.wrappers import WrapperStore
from tests.write.conftest import START, catalog_in

FILES = ("data", "blob", "pack")
"""Kinds whose objects the tests count."""


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A catalog with something of everything, to be read only."""
    folder = tmp_path_factory.mktemp("full")
    patch = pytest.MonkeyPatch()
    patch.setattr(local, "reflink", lambda source, target: False)
    fill(Catalog.create(folder / "lake", author="tester"), folder)
    patch.undo()
    return folder / "lake"


@pytest.fixture
def own(full: Path, tmp_path: Path) -> Path:
    """A catalog of the test's own, a copy of that."""
    root = tmp_path / "own"
    Catalog.open(full).clone_to(root)
    return root


@pytest.mark.invariant("A copy of a catalog has the same commits, rows, moves, rules and tags")
def test_a_copy_tells_the_same_as_its_source(full: Path, tmp_path: Path) -> None:
    source, root = Catalog.open(full), tmp_path / "copy"
    report = source.clone_to(root, verify="hash")
    assert told(root) == told(full)
    assert objects(root, "refs") == objects(full, "refs")
    assert (root / "catalog.json").read_bytes() == (full / "catalog.json").read_bytes()
    copy = Catalog.open(root)
    assert copy.branches.rules("work") == source.branches.rules("work")
    for commit_id in reached(full):
        for table in source.tables(commit_id):
            query = f"SELECT * FROM {table.name}@{commit_id} ORDER BY ALL"
            assert copy.sql(query).fetchall() == source.sql(query).fetchall()
    assert report.references.objects == 3
    assert {Path(place).name for place in report.places} == {"day=0", "day=1", "day=2"}
    assert not report.damage and not report.refused


def test_a_copy_shares_no_file_with_its_source(full: Path, own: Path) -> None:
    for path in own.rglob("*"):
        other = full / path.relative_to(own)
        if path.is_file() and other.exists():
            assert path.stat().st_nlink == 1 and path.stat().st_ino != other.stat().st_ino


def test_what_a_reset_left_behind_comes_along(full: Path, own: Path) -> None:
    copy = Catalog.open(own)
    merged = copy.reflog("main")[0].before
    assert merged is not None and merged not in reached(full)
    copy.reset("main", to=merged)
    assert copy.sql("SELECT count(*) FROM orders").fetchall() == [(9,)]


def test_a_copy_knows_which_keys_were_written(own: Path) -> None:
    copy = Catalog.open(own)
    with copy.transaction("main", idempotency_key="load orders") as tx:
        tx.sql("DELETE FROM orders")
    assert copy.sql("SELECT count(*) FROM orders").fetchall() == [(9,)]


def test_garbage_and_temporary_files_stay_behind(full: Path, tmp_path: Path) -> None:
    shutil.copytree(full, tmp_path / "lake")
    for path in ("tmp/left", "locks/left", "gc/lists/x/names", "data/orders/left.parquet", "other"):
        (tmp_path / "lake" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "lake" / path).write_bytes(b"left")
    Catalog.open(tmp_path / "lake").clone_to(tmp_path / "copy")
    assert not [path for path in (tmp_path / "copy").rglob("*") if "left" in path.name]
    assert not (tmp_path / "copy/gc").exists()


class KillingWrites(WrapperStore):
    """Ends at one of its writes, before it is done or after: from then on nothing reaches it."""

    def __init__(self, inner: Any, *, at: int = 0, after: bool = False) -> None:
        super().__init__(inner)
        self.at, self.after, self.writes = at, after, 0

    def __getattr__(self, name: str) -> Any:
        if self.at and self.writes >= self.at:
            raise Killed
        method = getattr(self.inner, name)
        if name not in ("publish", "create", "swap", "put"):
            return method

        def write(*args: Any, **kwargs: Any) -> Any:
            self.writes += 1
            if self.writes == self.at and not self.after:
                raise Killed
            answer = method(*args, **kwargs)
            if self.writes == self.at:
                raise Killed
            return answer

        return write


@pytest.mark.invariant("A clone that is stopped at any moment leaves no catalog, and is continued")
def test_a_clone_that_is_killed_anywhere_is_continued(full: Path, tmp_path: Path) -> None:
    source = opened(LocalStore(str(full))).repository
    counted = KillingWrites(LocalStore(str(tmp_path / "all")))
    clone(source, counted, TransferOptions())
    root = tmp_path / "copy"
    for at in range(1, counted.writes + 1):
        with pytest.raises(Killed):
            killing = KillingWrites(LocalStore(str(root)), at=at, after=at % 2 == 0)
            clone(source, killing, TransferOptions())
        whole = (root / "catalog.json").exists()
        assert whole == (at == counted.writes and killing.after)
        if not whole:
            before = objects(root, "data", "blobs", "objects").keys()
            report = clone(source, LocalStore(str(root)), TransferOptions())
            files = objects(root, "data", "blobs", "objects").keys() - before
            copied = [one.objects for kind, one in report.copied.items() if kind in FILES]
            assert sum(copied) == len(files)
        assert objects(root) == objects(tmp_path / "all")
        shutil.rmtree(root)


@pytest.mark.invariant("A mirror that is stopped at any moment is a whole catalog, before or after")
def test_a_mirror_that_is_killed_anywhere_is_whole(full: Path, own: Path, tmp_path: Path) -> None:
    source, pristine = Catalog.open(own), tmp_path / "pristine"
    Catalog.open(full).clone_to(pristine)
    update(source, "main", 1)
    source.branches.create("new")
    source.tags.create("v2")
    shutil.copytree(pristine, tmp_path / "all")
    counted = KillingWrites(LocalStore(str(tmp_path / "all")))
    opened(counted).fetch(own, mirror=True)
    for at in range(1, counted.writes + 1):
        root = tmp_path / f"killed {at}"
        shutil.copytree(pristine, root)
        with pytest.raises(Killed):
            backup = opened(KillingWrites(LocalStore(str(root)), at=at, after=at % 2 == 0))
            backup.fetch(own, mirror=True)
        told(root)
        Catalog.open(root).fetch(own, mirror=True, verify="hash")
        assert objects(root, "refs") == objects(own, "refs")
        shutil.rmtree(root)


@pytest.mark.parametrize("seed", range(effort(2, 20)))
def test_lost_answers_double_nothing(full: Path, tmp_path: Path, seed: int) -> None:
    source = opened(LocalStore(str(full))).repository
    planned = PlannedStore(LocalStore(str(tmp_path / "copy")))
    planned.plan = seeded(seed, 0.3, ("lost-before", "lost-after", "twice"))
    for _ in range(30):
        try:
            clone(source, planned, TransferOptions())
        except AlreadyExists:
            break  # the description was written, and the answer was lost
        except CatalogError:
            continue
        break
    assert told(tmp_path / "copy") == told(full)


def test_two_clones_at_once_make_one_copy(full: Path, tmp_path: Path) -> None:
    errors: list[AlreadyExists] = []

    def run() -> None:
        try:
            Catalog.open(full).clone_to(tmp_path / "copy")
        except AlreadyExists as error:
            errors.append(error)

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(errors) < 3
    assert told(tmp_path / "copy") == told(full)


def test_a_writer_of_the_source_is_not_in_the_way(own: Path, tmp_path: Path) -> None:
    writer = Catalog.open(own)
    before = told(own)
    commits = iter(range(1, 4))

    class Busy(WrapperStore):
        def publish(self, files: Any) -> Any:
            if (value := next(commits, None)) is not None:
                update(writer, "main", value)
            return self.inner.publish(files)

    store = Busy(LocalStore(str(tmp_path / "copy")))
    clone(opened(LocalStore(str(own))).repository, store, TransferOptions())
    assert told(tmp_path / "copy") == before
    Catalog.open(tmp_path / "copy").fetch(own, mirror=True)
    assert told(tmp_path / "copy") == told(own)


def test_a_dry_run_writes_nothing_and_counts_the_same(full: Path, tmp_path: Path) -> None:
    root = tmp_path / "copy"
    trial = Catalog.open(full).clone_to(root, dry_run=True)
    assert not root.exists() or (not objects(root) and not (root / "catalog.json").exists())
    done = Catalog.open(full).clone_to(root, derived=False)
    assert (trial.copied, trial.moved, trial.dry_run) == (done.copied, done.moved, True)


def test_places_that_cannot_take_a_copy_are_refused(full: Path, own: Path, tmp_path: Path) -> None:
    source = Catalog.open(own)
    with pytest.raises(AlreadyExists, match="already a catalog"):
        source.clone_to(own)
    with pytest.raises(AlreadyExists, match="already a catalog"):
        Catalog.open(full).clone_to(own)
    with pytest.raises(AlreadyExists, match="inside the catalog"):
        source.clone_to(own / "copy")
    with pytest.raises(CatalogError, match="is inside"):
        source.clone_to(tmp_path)
    (tmp_path / "link").symlink_to(tmp_path, target_is_directory=True)
    with pytest.raises(CatalogError, match="is inside"):
        source.clone_to(tmp_path / "link")
    with pytest.raises(CatalogError, match="is inside"):
        Catalog.open(tmp_path / "link" / own.name).clone_to(tmp_path)
    with pytest.raises(CatalogError, match="is this catalog itself"):
        source.fetch(tmp_path / "link" / own.name, mirror=True)
    other = catalog_in(LocalStore(str(tmp_path / "other")))
    (tmp_path / "other/catalog.json").unlink()
    with pytest.raises(RefusedRefs, match="main"):
        source.clone_to(tmp_path / "other")
    assert not (tmp_path / "other/catalog.json").exists()
    assert other.log()[0].id not in reached(own)


def paths(root: Path, folder: str) -> list[Path]:
    return sorted(path for path in (root / folder).rglob("*") if path.is_file())


@pytest.mark.invariant(
    "Nothing damaged is passed on as good: it is named, and refs that need it are left"
)
@pytest.mark.parametrize("folder", ["data", "objects", "lists", "blobs"])
@pytest.mark.parametrize("how", ["flip", "cut", "remove"])
def test_damage_of_the_source_is_named_and_not_passed_on(
    own: Path, tmp_path: Path, folder: str, how: str
) -> None:
    source = Catalog.open(own)
    source.branches.create("early", at=source.log()[-1].id)
    needed, first = reached(own), source.log()[-1].id
    for number, path in enumerate(paths(own, folder)):
        content = path.read_bytes()
        if not content or ((folder == "objects" and path.name not in needed) or path.name == first):
            continue
        damage(path, content, how)
        root = tmp_path / f"copy {number}"
        with pytest.raises(IncompleteTransfer) as caught:
            Catalog.open(own).clone_to(root, derived=False)
        report = caught.value.report
        assert any(path.stem[:12] in f"{one.path} {one.problem}" for one in report.damage)
        assert report.incomplete
        copy = Catalog.open(root)
        assert {branch.name for branch in copy.branches.list()}.isdisjoint(report.incomplete)
        assert copy.branches.list()[0].name == "early"
        told(root)
        path.write_bytes(content)
        copy.fetch(own, mirror=True, verify="hash")
        assert told(root) == told(own)
        shutil.rmtree(root)
        if number > 1:
            break


def damage(path: Path, content: bytes, how: str) -> None:
    if how == "remove":
        path.unlink()
    elif how == "cut":
        path.write_bytes(content[:-1])
    else:
        at = len(content) - 1
        path.write_bytes(content[:at] + bytes([content[at] ^ 1]))


def test_damaged_refs_are_named_and_the_others_come(own: Path, tmp_path: Path) -> None:
    (own / "refs/tags/v1.json").write_bytes(b"{}")
    (own / "refs/branches/work.json").write_bytes(b"{")
    with pytest.raises(IncompleteTransfer, match=r"refs/branches/work\.json"):
        Catalog.open(own).clone_to(tmp_path / "copy")
    copy = Catalog.open(tmp_path / "copy")
    assert [branch.name for branch in copy.branches.list()] == ["main"]
    assert copy.sql("SELECT count(*) FROM orders").fetchall() == [(9,)]


def test_whatever_a_copy_lost_comes_back(full: Path, own: Path) -> None:
    """Also what nothing but a reflog reaches: the copy has all moves, and lacks their commits."""
    for path in [*paths(own, "data"), *paths(own, "objects")]:
        content = path.read_bytes()
        path.unlink()
        report = Catalog.open(own).fetch(full, mirror=True, full=True)
        assert path.read_bytes() == content, path
        assert report.total.objects == 1, path


def test_verification_finds_what_is_missing(full: Path, own: Path) -> None:
    copy = Catalog.open(own)
    assert copy.fetch(full, mirror=True, verify="hash").verified.objects > 20
    data = paths(own, "data")[0]
    content = data.read_bytes()
    data.write_bytes(content[:-1] + b"\x00")
    copy.fetch(full, mirror=True, verify="size")
    with pytest.raises(CorruptData, match=data.name):
        copy.fetch(full, mirror=True, verify="hash")
    data.unlink()
    with pytest.raises(CorruptData, match="is missing"):
        copy.fetch(full, mirror=True, verify="size")


@pytest.mark.invariant("A linked file stands by its hash in a copy: other bytes are an error")
@pytest.mark.parametrize("by", ["clone", "cp"])
def test_linked_files_are_read_in_a_copy_as_long_as_they_are_right(
    full: Path, tmp_path: Path, by: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "copy"
    hashed: list[str] = []
    has_content = datafiles._has_content

    def counted(location: str, file: DataFile) -> bool:
        hashed.append(location)
        return has_content(location, file)

    monkeypatch.setattr(datafiles, "_has_content", counted)
    if by == "clone":
        Catalog.open(full).clone_to(root)
    else:
        shutil.copytree(full, root)
    for _ in range(2):
        assert Catalog.open(root).sql("SELECT count(*) FROM linked").fetchall() == [(9,)]
    assert len(hashed) == (0 if by == "clone" else 3)
    (path, *_) = (root / "data/linked").rglob("*.parquet")
    content = path.read_bytes()
    path.write_bytes(content[:50] + bytes([content[50] ^ 1]) + content[51:])
    with pytest.raises(CorruptData, match="was changed"):
        Catalog.open(root).sql("SELECT sum(v) FROM linked").fetchall()


@pytest.mark.parametrize("seed", range(effort(8, 200)))
def test_new_commits_are_those_that_a_walk_over_all_finds(seed: int) -> None:
    draw = random.Random(seed)
    commits: dict[str, Commit] = {}
    names = [f"{n:064x}" for n in range(30)]
    for n, name in enumerate(names):
        parents = tuple(draw.sample(names[:n], k=min(n, draw.choice([0, 1, 1, 1, 2]))))
        generation = 1 + max((commits[p].generation for p in parents), default=-1)
        commits[name] = Commit(parents, generation, {}, None, {}, "x", START, "m")

    def ancestors(starts: list[str]) -> set[str]:
        found: set[str] = set()
        waiting = list(starts)
        while waiting:
            one = waiting.pop()
            if one not in found:
                found.add(one)
                waiting += commits[one].parents
        return found

    starts, known = draw.choices(names, k=3), draw.choices(names, k=draw.randrange(4))
    read = commits.__getitem__
    found = new_commits(read, starts, read_known=read, known=known)
    assert set(found.ids) == ancestors(starts) - ancestors(known)
    order = {name: n for n, name in enumerate(found.ids)}
    assert all(order[p] < order[c] for c in found.ids for p in commits[c].parents if p in order)
