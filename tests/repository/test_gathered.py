"""Fingerprints of many files in one object: read as they were kept, trusted as a whole."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pyarrow as pa
import pytest

from catalog.model.datafile import DataFile, Identity
from catalog.model.fingerprint import (
    ColumnSummary,
    Fingerprint,
    KeyRecord,
    StoredChunk,
    Verdict,
)
from catalog.repository.columnar import byte_strings, decode, encode, integers
from catalog.repository.fingerprints import Fingerprints
from catalog.repository.gathered import PREFIX, Gathered, gathered_name, gatherings
from catalog.storage.local import LocalStore

KEY = (1, 3)


def fingerprint(n: int) -> Fingerprint:
    """Returns one of many different fingerprints."""
    return Fingerprint(
        n + 1,
        {i: (bytes([n % 250, i]) * 8,) for i in (1, 2, 3) if n % 5 or i != 2},
        None if n % 7 == 3 else KeyRecord(n, 0, None if n % 2 else b"\1", b"\2", bool(n % 3)),
        {
            1: ColumnSummary(0, 0, b"a", b"b", Fraction(-n, 7), Fraction(1, 3), None),
            2: ColumnSummary(n, 1, None, b"", None, Fraction(0), bool(n % 2)),
        },
        None if n % 4 else (1 << 127) + n,
        {1: b"s" * 16} if n % 3 else {},
        {2: b"e" * 16},
        "writer é" if n % 2 else "",
        {1: Verdict(b"12345678", "is wrong, é" if n % 2 else "")},
    )


def identities(count: int = 40) -> list[Identity]:
    return [
        Identity(f"sha256:{n}", (None if n == 3 else bytes([n]), b"x"), "1") for n in range(count)
    ]


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(str(tmp_path))


def kept(store: LocalStore) -> tuple[str, dict[Identity, Fingerprint]]:
    prints = {one: fingerprint(n) for n, one in enumerate(identities())}
    Gathered(store).keep(prints, KEY)
    return gathered_name(prints, KEY), prints


def test_what_was_gathered_is_read_again(store: LocalStore) -> None:
    name, prints = kept(store)
    found = Gathered(store).read(name, KEY)
    assert list(found) == list(prints)
    for identity, one in found.items():
        known = prints[identity]
        assert one.unread == known.unread
        for facts in ("stored", "encoded", "summaries", "verdicts"):
            there, here = getattr(one, facts), getattr(known, facts)
            assert dict(there) == here
            assert there.keys() == here.keys()
            assert len(there) == len(here)
            assert (2 in there, there.get(9), there.get(1)) == (2 in here, None, here.get(1))
        plain = replace(
            one,
            **{n: dict(getattr(one, n)) for n in ("stored", "encoded", "summaries", "verdicts")},
        )
        assert plain == known


def test_how_columns_are_stored_is_kept_too(store: LocalStore) -> None:
    chunks = {1: StoredChunk(b"element", b"place"), 4: StoredChunk(b"", b"\0")}
    prints = {one: replace(fingerprint(1), chunks=chunks) for one in identities(17)}
    Gathered(store).keep(prints, ())
    found = Gathered(store).read(gathered_name(prints, ()), ())
    assert all(dict(one.chunks) == chunks for one in found.values())
    assert len(found) == 17


def test_an_object_is_found_for_its_files_and_key_alone(store: LocalStore) -> None:
    name, _ = kept(store)
    gathered = Gathered(store)
    assert gathered.read(name, (1,)) == {}
    assert gathered.read("0" * 64, KEY) == {}
    other = gathered_name(identities(20), KEY)
    content = store.read(f"{PREFIX}{name[:2]}/{name}").data
    store.put(f"{PREFIX}{other[:2]}/{other}", content)
    assert gathered.read(other, KEY) == {}


Columns = dict[str, pa.Array]

FORGERIES: dict[str, Callable[[Columns], object]] = {
    "a column of another type": lambda c: c.update({"nulls.1": byte_strings([b"1"] * 40)}),
    "an unknown column": lambda c: c.update({"more.1": integers([1] * 40)}),
    "an unknown number": lambda c: c.update({"stored.x": byte_strings([b"1"] * 40)}),
    "a sum that is none": lambda c: c.update({"total.1": byte_strings([b"1e9"] * 40)}),
    "a sum divided by nothing": lambda c: c.update({"slack.1": byte_strings([b"1/0"] * 40)}),
    "a sum of many digits": lambda c: c.update({"slack.1": byte_strings([b"9" * 9000] * 40)}),
    "half of a summary": lambda c: c.pop("nans.1"),
    "half of a verdict": lambda c: c.update({"wrong.1": byte_strings([None, *[b""] * 39])}),
    "no files": lambda c: c.pop("token"),
    "no rows": lambda c: c.pop("rows"),
    "negative rows": lambda c: c.update({"rows": integers([-1] * 40)}),
    "a writer that is no text": lambda c: c.update({"writer": byte_strings([b"\xff"] * 40)}),
    "nothing": lambda c: c.clear(),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forged_object_is_as_good_as_none(name: str, store: LocalStore) -> None:
    own, _ = kept(store)
    path = Path(store.location, f"{PREFIX}{own[:2]}/{own}")
    columns = decode(path.read_bytes().partition(b"\n")[2], "x")
    FORGERIES[name](columns)
    packed = encode(columns)
    path.write_bytes(hashlib.sha256(packed).hexdigest().encode() + b"\n" + packed)
    assert Gathered(store).read(own, KEY) == {}


@pytest.mark.parametrize("place", [0, 40, 64, 70, 200, -1])
def test_a_damaged_object_is_as_good_as_none(place: int, store: LocalStore) -> None:
    own, _ = kept(store)
    path = Path(store.location, f"{PREFIX}{own[:2]}/{own}")
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)
    assert Gathered(store).read(own, KEY) == {}
    path.write_bytes(content[:place])
    assert Gathered(store).read(own, KEY) == {}


def test_a_fingerprint_names_the_object_it_is_in(store: LocalStore) -> None:
    file = DataFile("data/t/1.parquet", "sha256:1", 100, 2, (b"",), "1")
    prints, name = Fingerprints(store), "ab" * 32
    prints.keep(file, KEY, fingerprint(1), gathered=name)
    assert prints.read_gathered(file, KEY) == (fingerprint(1), name)
    assert prints.read(file, KEY) == fingerprint(1)
    large = replace(file, rows=100_000)  # read in the other way, for it has several blocks
    blocks = replace(fingerprint(99_999), columns={1: (b"1" * 16, b"2" * 16)})
    prints.keep(large, KEY, blocks, gathered=name)
    assert prints.read_gathered(large, KEY) == (blocks, name)
    prints.keep(large, KEY, blocks, gathered="../../x")
    assert prints.read_gathered(large, KEY) == (blocks, "")


def test_only_many_small_files_are_gathered() -> None:
    files = [
        DataFile(f"data/{n}", f"sha256:{n}", 1 << 30 if n == 7 else 9, 0 if n == 8 else 1, (), "1")
        for n in range(2027)
    ]
    assert list(map(len, gatherings(files))) == [1000, 1000, 25]
    assert list(map(len, gatherings(files[:18]))) == [16]
    assert list(gatherings(files[:17])) == []
    assert list(gatherings([files[0]] * 100)) == []
