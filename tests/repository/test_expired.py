"""Records of what was expired: stored once, read together, and believed only if whole."""

import datetime
import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from catalog.errors import CatalogError, CorruptData, ErrorKind, Unsupported
from catalog.model.digests import with_digest
from catalog.repository import expired
from catalog.repository.expired import ExpiryRecord, Policy
from tests.storage.memory import MemoryStore

NOW = datetime.datetime(2024, 5, 1, 12, 30, tzinfo=datetime.UTC)
A, B, C = ("a" * 64, "b" * 64, "c" * 64)


def entry(
    *commits: str, tags: tuple[str, ...] = (), tables: tuple[str, ...] | None = None
) -> ExpiryRecord:
    return ExpiryRecord(NOW, "me", Policy(86_400, 3, False), commits, tags, tables)


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


def test_what_was_stored_is_read_back(store: MemoryStore) -> None:
    one = entry(A, B, tags=("v1",), tables=("orders",))
    path = expired.record(store, one)
    assert expired.NAME.fullmatch(path)
    assert expired.records(store) == [one]


def test_records_add_up(store: MemoryStore) -> None:
    assert expired.expired_commits(store) == frozenset()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda one: expired.record(store, one), [entry(A), entry(A, B), entry(B)]))
    assert expired.expired_commits(store) == {A, B}


def test_tables_are_expired_each_by_itself(store: MemoryStore) -> None:
    expired.record(store, entry(A, B, tables=("Orders",)))
    expired.record(store, entry(B))
    expired.record(store, entry(B, tables=("customers",)))
    found = expired.expired(store)
    assert expired.expired_commits(store) == {B}
    tables = ("orders", "ORDERS", "customers")
    assert [found.has_data(A, table) for table in tables] == [False, False, True]
    assert not any(found.has_data(B, table) for table in tables)
    assert found.has_data(C, "orders")


def test_what_is_not_a_record_is_passed_over(store: MemoryStore) -> None:
    store.create("expired/README", b"not ours")
    store.create(f"expired/{'0' * 31}", b"not ours")
    expired.record(store, entry(A))
    assert expired.expired_commits(store) == {A}


@pytest.mark.invariant("Nothing is dropped by what cannot be read")
def test_a_damaged_record_is_never_half_believed(store: MemoryStore) -> None:
    path = expired.record(store, entry(A))
    whole = store.read(path).data
    for at in range(len(whole)):
        for damaged in (whole[:at], whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :]):
            store.delete(path)
            store.create(path, damaged)
            with pytest.raises(CorruptData):
                expired.expired_commits(store)


@pytest.mark.parametrize(
    "change",
    [
        {"commits": ["a"]},
        {"commits": None},
        {"tables": [1]},
        {"tags": None},
        {"time": "yesterday"},
        {"kind": "tag"},
        {"version": "1"},
        {"keep_seconds": "90d"},
    ],
)
def test_a_record_of_another_form_is_refused(store: MemoryStore, change: dict[str, object]) -> None:
    stored = {**json.loads(entry(A).to_bytes()), **change}
    store.create(f"expired/{'0' * 32}", with_digest(stored))
    with pytest.raises(CorruptData):
        expired.expired_commits(store)


def test_a_record_of_a_newer_release_is_refused(store: MemoryStore) -> None:
    stored = {**json.loads(entry(A).to_bytes()), "version": 2, "more": True}
    store.create(f"expired/{'0' * 32}", with_digest(stored))
    with pytest.raises(Unsupported) as error:
        expired.expired_commits(store)
    assert error.value.kind is ErrorKind.NEWER_FORMAT


def test_a_record_without_digest_is_refused(store: MemoryStore) -> None:
    stored = json.loads(entry(A).to_bytes())
    del stored["digest"]
    store.create(f"expired/{'0' * 32}", json.dumps(stored).encode())
    with pytest.raises(CatalogError, match="no digest"):
        expired.expired_commits(store)
