"""The cost law: what is read and written follows the files changed, not those there are."""

from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from catalog.model.datafile import ColumnStats, DataFile
from catalog.model.ids import content_id
from catalog.model.schema import Field, FileSchema, PhysicalColumn, Schema
from catalog.model.table import TableSnapshot
from catalog.model.types import Scalar
from catalog.model.values import encode
from catalog.repository.commit_writer import MAX_CHANGE_LIST, Description, TableUpdate
from catalog.repository.commits import StoredTable
from catalog.repository.nodes import NodeReader
from catalog.repository.repository import Repository, open_existing
from catalog.repository.tables import data_files, file_changes
from tests.storage.memory import MemoryStore
from tests.storage.wrappers import CountingStore

from .conftest import History, at

FILES = 20_000
BIGINT = Scalar("BIGINT")
FILE_SCHEMA = FileSchema((PhysicalColumn("id", BIGINT, 1),))
TABLE = TableSnapshot(
    Schema((Field(1, "id", BIGINT), Field(2, "p", BIGINT))),
    2,
    partition_by=(2,),
    file_schemas={FILE_SCHEMA.id: FILE_SCHEMA},
)


def entry(number: int, version: int = 0) -> DataFile:
    token = f"sha256:{content_id(b'%d-%d' % (number, version))}"
    stats = ColumnStats(0, 0, encode(number, BIGINT), encode(number + version, BIGINT), True)
    return DataFile(
        path=f"data/t/p={number // 10}/{token[7:]}.parquet",
        token=token,
        size_bytes=1000 + version,
        rows=10,
        partition=(encode(number // 10, BIGINT),),
        file_schema=FILE_SCHEMA.id,
        stats={1: stats},
    )


class Table:
    """Is a table of many made-up files, with the commits that changed it."""

    def __init__(self, store: CountingStore, files: int) -> None:
        self.history = History(store)
        self.repository = self.history.repository
        self.commits = [self.history.first]
        self.commit([entry(n) for n in range(files)])

    def stored(self, repository: Repository, commit_id: str) -> StoredTable | None:
        found = repository.commits.entries(commit_id).get("t")
        return None if found is None else repository.commits.table(found)

    def commit(self, added: Sequence[DataFile], removed: Sequence[DataFile] = ()) -> None:
        base = self.stored(self.repository, self.commits[-1])
        snapshot = TABLE if base is None else base.snapshot
        update = TableUpdate("t", base, snapshot, removed, added)
        about = Description("tester", at(0), f"commit {len(self.commits)}")
        self.commits.append(self.repository.writer().write([self.commits[-1]], [update], about))


@pytest.fixture(scope="module")
def store() -> CountingStore:
    return CountingStore(MemoryStore())


@pytest.fixture(scope="module")
def table(store: CountingStore) -> Table:
    made = Table(store, FILES)
    for n in (7, 12_345):
        made.commit([entry(n, 1)], [entry(n)])
    made.commit([entry(n, 1) for n in range(100, 200)], [entry(n) for n in range(100, 200)])
    many = range(1000, 1000 + MAX_CHANGE_LIST)
    made.commit([entry(n, 1) for n in many], [entry(n) for n in many])
    return made


@pytest.fixture
def kinds(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Lists the kinds of the columnar nodes that are asked for."""
    seen: list[str] = []
    original = NodeReader.columns

    def spy(self: NodeReader, node_id: str, kind: str, place: Any) -> Any:
        seen.append(kind)
        return original(self, node_id, kind, place)

    monkeypatch.setattr(NodeReader, "columns", spy)
    return seen


@pytest.fixture
def fresh(store: CountingStore, table: Table) -> Iterator[Repository]:
    """Is the repository as a process sees it that has just opened it."""
    repository = open_existing(store)
    store.calls.clear()
    yield repository


def changes(table: Table, repository: Repository, old: int, new: int) -> Any:
    ids = table.commits[old], table.commits[new]
    before, after = (table.stored(repository, commit_id) for commit_id in ids)
    return file_changes(repository.commits, before, after, old_commit=ids[0], new_commit=ids[1])


@pytest.mark.invariant(
    "The cost of a commit and of planning a diff follows the number of changed files"
)
@pytest.mark.parametrize(("old", "new", "files"), [(1, 2, 1), (2, 3, 1), (3, 4, 100), (3, 2, 1)])
def test_neighbours_are_compared_by_their_change_list_alone(
    table: Table,
    fresh: Repository,
    store: CountingStore,
    kinds: list[str],
    old: int,
    new: int,
    files: int,
) -> None:
    found = changes(table, fresh, old, new)
    assert (len(found.removed), len(found.added), found.files_kept) == (files, files, FILES - files)
    assert kinds == ["changes"]
    reads = store.of("read", "read_range")
    assert len(reads) <= 6
    assert set(reads) == {f"objects/{c[:2]}/{c}" for c in (table.commits[old], table.commits[new])}


def test_change_lists_say_what_the_trees_say(table: Table, fresh: Repository) -> None:
    for old, new in ((1, 2), (2, 3), (3, 4), (4, 5), (5, 4)):
        listed = changes(table, fresh, old, new)
        before, after = (table.stored(fresh, table.commits[n]) for n in (old, new))
        walked = file_changes(fresh.commits, before, after)
        assert set(map(repr, listed.added)) == set(map(repr, walked.added))
        assert set(map(repr, listed.removed)) == set(map(repr, walked.removed))
        assert listed.files_kept == walked.files_kept
        assert listed.partitions_kept == walked.partitions_kept


def test_long_changes_are_told_by_the_trees(
    table: Table, fresh: Repository, kinds: list[str]
) -> None:
    found = changes(table, fresh, 4, 5)
    assert len(found.added) == MAX_CHANGE_LIST
    assert "changes" not in kinds
    assert kinds.count("files") < 2 * (MAX_CHANGE_LIST / 64 + 4)


@pytest.mark.invariant(
    "The cost of a commit and of planning a diff follows the number of changed files"
)
def test_commits_further_apart_read_only_what_differs(
    table: Table, fresh: Repository, kinds: list[str]
) -> None:
    found = changes(table, fresh, 1, 3)
    assert {f.token for f in found.added} == {entry(n, 1).token for n in (7, 12_345)}
    assert kinds.count("files") <= 8


def test_the_same_snapshot_is_compared_without_reading(
    table: Table, fresh: Repository, kinds: list[str]
) -> None:
    found = changes(table, fresh, 3, 3)
    assert (found.added, found.removed, kinds) == ((), (), [])


@pytest.mark.invariant(
    "The cost of a commit and of planning a diff follows the number of changed files"
)
@pytest.mark.parametrize("files", [1000, FILES])
def test_a_commit_of_one_file_reads_and_writes_little(files: int) -> None:
    store = CountingStore(MemoryStore())
    table = Table(store, files)
    table.history.repository = table.repository = open_existing(store)
    store.calls.clear()
    store.bytes_created = 0
    table.commit([entry(files // 2, 1)], [entry(files // 2)])
    assert len(store.of("create")) == 1
    assert store.bytes_created < 60_000
    assert len(store.of("read", "read_range")) < 20


def test_totals_are_kept_while_files_come_and_go(table: Table, fresh: Repository) -> None:
    for commit_id in table.commits[1:]:
        stored = table.stored(fresh, commit_id)
        assert stored is not None
        files = list(data_files(fresh.commits, stored))
        snapshot = stored.snapshot
        assert snapshot.files == len(files) == FILES
        assert snapshot.rows == sum(f.rows for f in files)
        assert snapshot.size_bytes == sum(f.size_bytes for f in files)
        assert snapshot.partitions == len({f.partition for f in files})


def test_a_commit_written_again_on_another_parent_encodes_no_tree_again(
    kinds: list[str],
) -> None:
    store = CountingStore(MemoryStore())
    table = Table(store, 1000)
    repository = open_existing(store)
    base = table.stored(repository, table.commits[-1])
    assert base is not None
    update = TableUpdate("t", base, base.snapshot, (), (entry(5000),))
    about = Description("tester", at(0), "twice")
    writer = repository.writer()
    made = [writer.write(table.commits[-1:], [update], about)]
    kinds.clear()
    made.append(writer.write(table.commits[-1:], [update], about))
    table.history.advance()
    made.append(repository.writer().write([table.history.head("main")], [update], about))
    assert kinds == []
    assert made[0] == made[1] != made[2]
    first, other = (table.stored(open_existing(store), made[n]) for n in (0, 2))
    assert first is not None
    assert other is not None
    assert (first.id, first.snapshot.files) == (other.id, 1001)
    files = [list(data_files(repository.commits, found)) for found in (first, other)]
    assert files[0] == files[1]
