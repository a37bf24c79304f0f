"""What grows with a catalog's age and size, and what must not: counted in reads, not in seconds."""

import random
from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby

import pytest

from catalog.model.datafile import DataFile
from catalog.model.ids import content_id
from catalog.model.schema import Field, FileSchema, PhysicalColumn, Schema
from catalog.model.table import TableSnapshot
from catalog.model.types import Scalar
from catalog.model.values import encode
from catalog.repository.commit_writer import Description, TableUpdate
from catalog.repository.entries import TreeEntries
from catalog.repository.kept import Kept
from catalog.repository.repository import Repository, open_existing
from catalog.repository.tables import data_files, partition_totals
from tests.repository.conftest import History, at
from tests.storage.memory import MemoryStore
from tests.storage.wrappers import CountingStore

FILES = FileSchema((PhysicalColumn("id", Scalar("BIGINT"), 1),))
SHAPE = TableSnapshot(
    Schema((Field(1, "id", Scalar("BIGINT")),)), 1, file_schemas={FILES.id: FILES}
)
TABLES = 1500
"""So many that their tree has a dozen leaves."""


def file(name: str) -> DataFile:
    token = content_id(name.encode())
    return DataFile(f"data/t/{token}.parquet", f"sha256:{token}", 1000, 10, (), FILES.id)


def commit(repository: Repository, parents: Sequence[str], *updates: TableUpdate) -> str:
    return repository.writer().write(parents, updates, Description("tester", at(0), "tables"))


def made(names: Sequence[str]) -> list[TableUpdate]:
    return [TableUpdate(name, None, SHAPE, (), [file(name)]) for name in names]


def appended(repository: Repository, head: str, name: str) -> TableUpdate:
    entry = repository.commits.entry(head, name)
    assert entry is not None
    base = repository.commits.table(entry)
    return TableUpdate(name, base, base.snapshot, (), [file(f"{name} {head}")])


@pytest.fixture(scope="module")
def many() -> tuple[MemoryStore, str]:
    """Is a store, and a commit of many tables in it."""
    store = MemoryStore()
    history = History(store)
    names = [f"t{number:04d}" for number in range(TABLES)]
    return store, commit(history.repository, [history.first], *made(names))


def counted(store: MemoryStore) -> tuple[Repository, CountingStore]:
    """Returns a repository that has read nothing yet, and what counts its reads."""
    counting = CountingStore(store)
    return open_existing(counting), counting


def test_finding_one_of_many_tables_reads_one_way_down_the_tree(
    many: tuple[MemoryStore, str],
) -> None:
    store, head = many
    for name, spelled in (("t0700", "t0700"), ("T0700", "t0700"), ("no", None), ("t0700x", None)):
        repository, counting = counted(store)
        found = repository.commits.entry(head, name)
        assert (found and found.name) == spelled
        assert len(counting.of("read_range")) <= 8, name


def test_a_commit_to_one_of_many_tables_reads_and_writes_one_way_down(
    many: tuple[MemoryStore, str],
) -> None:
    store, head = many
    repository, counting = counted(store)
    update = appended(repository, head, "t0700")
    after = commit(repository, [head], update, *made(["t0700a"]))
    dropped = TableUpdate(
        "t0003", repository.commits.table(repository.commits.entries(after)["t0003"]), None
    )
    last = commit(repository, [after], dropped)
    assert len(counting.of("read_range")) <= 12
    fresh, counting = counted(store)
    changed = fresh.commits.changed_entries(head, last)
    assert len(counting.of("read_range")) <= 20
    assert {n: (b is not None, a is not None) for n, (b, a) in changed.items()} == {
        "t0003": (True, False),
        "t0700": (True, True),
        "t0700a": (False, True),
    }
    names = {*(f"t{number:04d}" for number in range(TABLES)), "t0700a"} - {"t0003"}
    assert set(fresh.commits.entries(last)) == names
    assert len(fresh.commits.entries(last)) == TABLES


def test_many_tables_become_few_and_many_again() -> None:
    """The form of a commit follows from its tables alone, whatever was before."""
    history = History(MemoryStore())
    repository = history.repository
    names = [f"t{number:03d}" for number in range(258)]
    head = commit(repository, [history.first], *made(names))
    assert repository.commits.read(head).tables is None

    def drop(head: str, *gone: str) -> str:
        entries = repository.commits.entries(head)
        updates = [TableUpdate(n, repository.commits.table(entries[n]), None) for n in gone]
        return commit(repository, [head], *updates)

    one = drop(head, names[0])
    assert repository.commits.read(one).tables is None
    two = drop(one, names[1])
    assert set(repository.commits.read(two).tables or ()) == set(names[2:])
    three = commit(repository, [two], *made([names[0]]))
    assert repository.commits.read(three).tables is None
    built = commit(repository, [history.first], *made([names[0], *names[2:]]))
    entries = repository.commits.entries
    assert isinstance(entries(three), TreeEntries)
    assert entries(three).keys() == entries(built).keys()


LETTERS = "abzABZ_09\u00df\u017f\u0149\u0130i\u00e9\u00c9."


@pytest.mark.parametrize("seed", range(2))
def test_names_are_found_without_regard_to_case_in_a_tree_as_in_a_list(seed: int) -> None:
    chosen = random.Random(seed)
    names: dict[str, str] = {}
    while len(names) < 400:
        name = "".join(chosen.choices(LETTERS, k=chosen.randint(1, 5))).strip(".")
        if name and ".." not in name and name.count(".") < 3:
            names.setdefault(name.casefold(), name)
    history = History(MemoryStore())
    head = commit(history.repository, [history.first], *made(sorted(names.values())))
    tree = history.repository.commits.tree(head)
    assert tree is not None
    for _ in range(300):
        asked = "".join(chosen.choices(LETTERS, k=chosen.randint(1, 4)))
        found = tree.folded(asked)
        assert (None if found is None else found.name) == names.get(asked.casefold()), asked
    for name in names.values():
        for spelled in (name.upper(), name.lower(), name.swapcase()):
            found = tree.folded(spelled)
            assert (found and found.name) == names.get(spelled.casefold())


def test_what_is_kept_weighs_no_more_than_it_may() -> None:
    kept: Kept[str] = Kept(10)
    for number in range(5):
        kept.keep(f"k{number}", f"v{number}", 3)
    assert [kept.get(f"k{number}") for number in range(5)] == [None, None, "v2", "v3", "v4"]
    kept.keep("k4", "new", 8)
    assert [kept.get(f"k{number}") for number in range(2, 5)] == [None, None, "new"]
    kept.keep("great", "one", 99)
    assert kept.get("great") == "one"


@pytest.mark.parametrize("columns", [0, 1, 2])
def test_partitions_are_summed_up_without_reading_all_their_files(columns: int) -> None:
    chosen = random.Random(columns)
    bigint = Scalar("BIGINT")
    fields = tuple(Field(number + 2, f"p{number}", bigint) for number in range(columns))
    shape = replace(
        SHAPE,
        schema=Schema((*SHAPE.schema.fields, *fields)),
        last_field_id=columns + 1,
        partition_by=tuple(field.id for field in fields),
    )
    files = []
    for number in range(3000):
        large = number < 2000
        values = (7 if large else chosen.choice([None, 1, 8, *range(20, 60)]), 3 if large else None)
        partition = tuple(None if v is None else encode(v, bigint) for v in values[:columns])
        files.append(replace(file(f"{number}"), partition=partition, rows=number))
    store = MemoryStore()
    repository = History(store).repository
    head = commit(repository, [], TableUpdate("t", None, shape, (), files))
    reading, counting = counted(store)
    table = reading.commits.table(reading.commits.entries(head)["t"])
    totals = list(partition_totals(reading.commits, table))
    reads = len(counting.of("read_range"))
    every = groupby(data_files(reading.commits, table, fields=()), key=lambda one: one.partition)
    grouped = [(partition, list(members)) for partition, members in every]
    assert [(one.partition, one.files, one.rows, one.size_bytes) for one in totals] == [
        (p, len(m), sum(f.rows for f in m), sum(f.size_bytes for f in m)) for p, m in grouped
    ]
    assert len(counting.of("read_range")) - reads > 8
    assert reads <= (20 if columns else 4)
