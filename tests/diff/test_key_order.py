"""Digests in the order of keys: the same for the same rows, in whatever order those lie."""

import datetime
import hashlib
import json
import random
import zlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.model.fingerprint import Fingerprint
from catalog.repository.fingerprints import Fingerprints
from tests.diff.test_aligned import VALUES
from tests.diff.test_fingerprint import described, fingerprint, write
from tests.effort import effort
from tests.storage.memory import MemoryStore

DAY, NOON = datetime.date(2024, 1, 1), datetime.datetime(2024, 1, 1, 12)
MICRO = datetime.timedelta(microseconds=1)


def itself(value: Any) -> Any:
    return value


def by_bytes(value: str) -> bytes:
    return value.encode()


KEYS: dict[str, tuple[list[pa.DataType], list[Any], Callable[[Any], Any]]] = {
    "integers": ([pa.int8(), pa.int64(), pa.int32()], list(range(-9, 9)), int),
    "wide integers": ([pa.uint64()], [n * 2**59 for n in range(32)], int),
    "booleans": ([pa.bool_()], [False, True], bool),
    "dates": ([pa.date32()], [DAY + datetime.timedelta(n * 99) for n in range(-99, 99)], itself),
    "times": (
        [pa.time64("us"), pa.time64("ns")],
        [(NOON + n * MICRO).time() for n in range(20)],
        itself,
    ),
    "timestamps": (
        [pa.timestamp("us"), pa.timestamp("us", "UTC")],
        [datetime.datetime(1970, 1, 1) + n * MICRO for n in range(-9, 9)],
        itself,
    ),
    "coarse timestamps": (
        [pa.timestamp("ms"), pa.timestamp("us")],
        [datetime.datetime(1960 + n, 1, 1) for n in range(20)],
        itself,
    ),
    "decimals": (
        [pa.decimal128(9, 2), pa.decimal128(38, 2)],
        [Decimal(n) / 4 for n in range(-9, 9)],
        Decimal,
    ),
    "large decimals": ([pa.decimal128(38, 0)], [Decimal(n * 2**63) for n in range(-9, 9)], Decimal),
    "text": (
        [pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())],
        [
            "",
            "a",
            "A",
            "aa",
            "b",
            "ä",
            "é",
            "e\u0301",
            "\0",
            "a\0",
            "\uffff",
            "\U0001f600",
            "10",
            "9",
        ],
        by_bytes,
    ),
    "bytes": ([pa.binary(), pa.large_binary()], [b"", b"\0", b"\xff", b"a", b"\x80", b"aa"], bytes),
    "bytes of one length": ([pa.binary(2)], [b"\0\0", b"\xff\0", b"\0\xff", b"\x80\x80"], bytes),
}
"""Types with values, and what brings those into the order of the key in plain Python."""


@pytest.fixture(autouse=True)
def small_blocks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    blocks(monkeypatch, 3)


def blocks(patch: pytest.MonkeyPatch, rows: int) -> None:
    for module in ("compute", "key_order"):
        patch.setattr(f"catalog.diff.fingerprints.{module}.BLOCK_ROWS", rows)
    patch.setattr("catalog.repository.fingerprints.BLOCK_ROWS", rows)


def shuffled(count: int, rnd: random.Random) -> list[int]:
    return rnd.sample(range(count), count)


@pytest.mark.invariant("The same rows in any order have the same digests in key order")
@settings(max_examples=effort(100, 2000))
@given(st.integers(0, 2**63).map(random.Random))
def test_the_order_of_rows_does_not_show(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rnd: random.Random
) -> None:
    blocks(monkeypatch, rnd.choice([1, 2, 3, 7, 65_536]))
    kinds = [rnd.choice(sorted(KEYS)) for _ in range(rnd.randint(1, 3))]
    keys = {tuple(rnd.choice(KEYS[kind][1]) for kind in kinds) for _ in range(rnd.randint(0, 30))}
    rows = sorted(
        keys, key=lambda row: [KEYS[kind][2](cell) for kind, cell in zip(kinds, row, strict=True)]
    )
    names = rnd.sample(sorted(VALUES), 3)
    cells = [{name: rnd.choice(VALUES[name][1]) for name in names} for _ in rows]

    def written(name: str, order: Sequence[int]) -> Fingerprint:
        columns = {
            f"k{n}": pa.array([rows[i][n] for i in order], rnd.choice(KEYS[kind][0]))
            for n, kind in enumerate(kinds)
        }
        columns |= {n: pa.array([cells[i][n] for i in order], VALUES[n][0]) for n in names}
        options = {"row_group_size": rnd.choice([1, 4, 100]), "use_dictionary": rnd.random() < 0.5}
        found = fingerprint(write(tmp_path / name, columns, **options), key)
        assert isinstance(found, Fingerprint)
        return found

    key = list(range(1, len(kinds) + 1))
    ordered = written("ordered", range(len(rows)))
    assert ordered.key is not None and ordered.key.ordered
    assert ordered.keyed == {} and ordered.by_key == ordered.columns
    for name in ("one", "other"):
        order = shuffled(len(rows), rnd)
        found = written(name, order)
        assert found.key is not None
        assert found.key.ordered == (order == sorted(order))
        assert found.by_key == ordered.columns


ROWS: dict[str, Any] = {
    "id": [5, 3, 1, 4, 2, 9, 7, 8],
    "s": ["e", None, "a", "d", "b", "i", "g", "h"],
    "x": [0.5, float("nan"), 0.1, -0.0, 0.2, 0.9, 0.7, 0.8],
    "l": [[n] for n in range(8)],
    "m": pa.array([[("a", n)] for n in range(8)], pa.map_(pa.string(), pa.int64())),
}


def test_a_changed_value_shows_in_its_column_alone(tmp_path: Path) -> None:
    order = [7, 1, 0, 2, 6, 5, 3, 4]
    moved = {n: pa.array(v).take(pa.array(order)) for n, v in ROWS.items()}
    moved["s"] = pa.array(["other" if v == "d" else v for v in moved["s"].to_pylist()])
    one = fingerprint(write(tmp_path / "one", ROWS), [1])
    other = fingerprint(write(tmp_path / "other", moved), [1])
    assert set(one.keyed) == {1, 2, 3, 4}
    assert {i for i in one.keyed if one.keyed[i] != other.keyed[i]} == {2}
    assert [a == b for a, b in zip(one.keyed[2], other.keyed[2], strict=True)] == [
        True,
        False,
        True,
    ]


def test_disorder_is_seen_wherever_it_begins(tmp_path: Path) -> None:
    ids = [1, 2, 3, 4, 5, 6, 8, 7]
    ordered = fingerprint(write(tmp_path / "ordered", {**ROWS, "id": sorted(ids)}), [1])
    late = {name: pa.array(v).take(pa.array([*range(6), 7, 6])) for name, v in ROWS.items()}
    found = fingerprint(write(tmp_path / "late", {**late, "id": ids}), [1])
    assert found.row_sum is None
    assert found.by_key == ordered.by_key and not found.key.ordered


@pytest.mark.parametrize(
    "ids",
    [
        [5, 3, 1, 4, 2, 9, 7, 7],
        [5, 3, 1, 4, None, 9, 7, 8],
        [float(n) for n in ROWS["id"]],
        [[n] for n in ROWS["id"]],
        [{"n": n} for n in ROWS["id"]],
        pa.array([None] * 8, pa.int64()),
    ],
    ids=["twice", "NULL", "floats", "lists", "structs", "nothing"],
)
def test_keys_that_give_no_order_have_no_such_digests(tmp_path: Path, ids: Any) -> None:
    found = fingerprint(write(tmp_path / "file", {**ROWS, "id": ids}), [1])
    assert found.keyed == {} and not (found.key and found.key.ordered)
    for key in ([1, 2], [2, 1]):
        found = fingerprint(write(tmp_path / "file", {**ROWS, "id": ids}), key)
        assert found.keyed == {} and not (found.key and found.key.ordered)


def test_files_that_are_too_large_have_no_such_digests(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "file", ROWS)
    monkeypatch.setattr("catalog.diff.fingerprints.compute.KEYED_ROWS", 7)
    whole = fingerprint(path, [1])
    assert len(whole.keyed) == 4
    monkeypatch.setattr("catalog.diff.fingerprints.key_order.KEYED_ROWS", 7)
    assert fingerprint(path, [1]) == replace(whole, keyed={})


def test_row_groups_without_rows_are_passed(tmp_path: Path) -> None:
    path, schema = tmp_path / "file", pa.table(ROWS).schema
    with pa.parquet.ParquetWriter(path, schema) as writer:
        for rows in (pa.table(ROWS).slice(0, 0), pa.table(ROWS)):
            writer.write_table(rows)
    assert fingerprint(path, [1]) == replace(
        fingerprint(write(tmp_path / "other", ROWS), [1]), stored=fingerprint(path, [1]).stored
    )


def test_what_is_kept_comes_back(tmp_path: Path) -> None:
    kept = Fingerprints(MemoryStore())
    for ids in (ROWS["id"], sorted(ROWS["id"])):
        path = write(tmp_path / "file", {**ROWS, "id": ids})
        found, file = fingerprint(path, [1]), described(path)[1]
        kept.keep(file, (1,), found)
        assert kept.read(file, (1,)) == found


def test_what_was_kept_without_encoded_values_is_read(tmp_path: Path) -> None:
    store = MemoryStore()
    path = write(tmp_path / "file", ROWS)
    found, file = fingerprint(path, [1]), described(path)[1]
    Fingerprints(store).keep(file, (1,), found)
    (object_,) = store.list("cache/")
    content = json.loads(zlib.decompress(store.read(object_.path).data.partition(b"\n")[2]))
    assert content.pop("encoded") and content.pop("writer")
    packed = zlib.compress(json.dumps(content).encode())
    store.put(object_.path, hashlib.sha256(packed).hexdigest().encode() + b"\n" + packed)
    assert Fingerprints(store).read(file, (1,)) == replace(found, encoded={}, writer="")


def test_what_is_stored_alike_is_taken_over_in_order(tmp_path: Path) -> None:
    """Rows in order in the first block have no sum over rows, so that columns are taken over."""
    rows = {**ROWS, "id": [1, 2, 3, 9, 8, 7, 6, 5]}
    known = fingerprint(write(tmp_path / "old", rows), [1])
    assert known.row_sum is None and known.keyed
    new = write(tmp_path / "new", {**rows, "s": list("abcdefgh")})
    marked = replace(known, keyed={**known.keyed, 3: (b"x" * 16,)})
    assert fingerprint(new, [1], [marked]).keyed[3] == (b"x" * 16,)
    assert fingerprint(new, [1], [known]) == fingerprint(new, [1])
    for key in ([1, 2], [2]):
        assert fingerprint(new, key, [fingerprint(tmp_path / "old", key)]) == fingerprint(new, key)
