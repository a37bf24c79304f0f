"""Warnings about keys that several rows have, in files whose bounds overlap."""

import random
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import catalog
from catalog.diff.fingerprints import key_repeats
from catalog.diff.fingerprints.canonical import FEW_VALUES, repeated
from catalog.write import file_fingerprints
from tests.effort import effort

KINDS = [np.int8, np.uint8, np.int32, np.int64, np.uint64]


def spread(rnd: random.Random, kind: type[np.integer[Any]], count: int) -> list[int]:
    """Returns integers of which most lie close together, some far away."""
    low, high = int(np.iinfo(kind).min), int(np.iinfo(kind).max)
    start = rnd.choice([low, max(low, -count), 0, max(low, high - 2 * count)])
    near = [min(start + n, high) for n in range(2 * count)]
    chosen = rnd.sample(near, count)
    for n in rnd.sample(range(count), count // rnd.choice([50, 100])):
        chosen[n] = rnd.randint(low, high)
    for n in range(rnd.choice([0, 0, 1, 3])):
        chosen[rnd.randrange(count)] = chosen[n]
    rnd.shuffle(chosen)
    return chosen


def keys_of(case: str, bad: str) -> tuple[Any, list[Any]]:
    """Returns the types of a case, and keys of rows, some of them bad."""
    types, key = CASES[case]
    keys = [key(n) for n in range(90)]
    if bad == "repeated":
        keys += [key(5), key(5), key(44)]
    if bad.startswith("null"):
        keys += [(None,) * len(types)] * (1 if bad == "null" else 2)
    return types, keys


def warnings_of(bad: str, names: list[str]) -> list[str]:
    """Returns what is told of such keys."""
    shown = ", ".join(names)
    return {
        "repeated": [f"5 rows of t share their key ({shown})"],
        "null": [f"1 row of t has NULL in the key ({shown})"],
        "nulls": [
            f"2 rows of t have NULL in the key ({shown})",
            f"2 rows of t share their key ({shown})",
        ],
    }.get(bad, [])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(effort(6, 100)))
def test_integers_that_repeat_are_counted(kind: type[np.integer[Any]], seed: int) -> None:
    rnd = random.Random(seed)
    values = spread(rnd, kind, rnd.choice([3, FEW_VALUES + 1, 3 * FEW_VALUES]))
    expected = sum(count for count in Counter(values).values() if count > 1)
    assert repeated(np.array(values, kind)) == expected


def parts(rnd: random.Random, keys: list[tuple[Any, ...]], types: list[pa.DataType]) -> Any:
    """Yields the rows of three files, in no order."""
    rnd.shuffle(keys)
    for n in range(3):
        some = keys[n::3]
        columns = {f"k{c}": pa.array([key[c] for key in some], t) for c, t in enumerate(types)}
        yield pa.table({**columns, "v": range(len(some))})


CASES: dict[str, tuple[list[pa.DataType], Any]] = {
    "integers": ([pa.int64()], lambda n: (n,)),
    "small integers": ([pa.int32()], lambda n: (-n,)),
    "unsigned": ([pa.uint64()], lambda n: (2**64 - 1 - n,)),
    "text": ([pa.string()], lambda n: (f"key {n}",)),
    "money": ([pa.decimal128(12, 2)], lambda n: (Decimal(n) / 100,)),
    "floats": ([pa.float64()], lambda n: (n / 8,)),
    "two": ([pa.int64(), pa.string()], lambda n: (n % 7, str(n // 7))),
}


@pytest.mark.parametrize("partitioned", [False, True])
@pytest.mark.parametrize("bad", ["", "repeated", "null", "nulls"])
@pytest.mark.parametrize("case", CASES)
def test_keys_that_repeat_across_files_are_counted(
    tmp_path: Path, case: str, bad: str, partitioned: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    types, keys = keys_of(case, bad)
    rnd = random.Random(f"{case} {bad}")
    for n, table in enumerate(parts(rnd, keys, types)):
        folder = tmp_path / "in" / (f"p={n % 2}" if partitioned else "")
        folder.mkdir(parents=True, exist_ok=True)
        pq.write_table(table, folder / f"{n}.parquet")
    counted = []
    original = file_fingerprints._count_bad_keys
    monkeypatch.setattr(
        file_fingerprints,
        "_count_bad_keys",
        lambda *args, **more: counted.append(1) or original(*args, **more),
    )
    names = [f"k{n}" for n in range(len(types))]
    with catalog.create(tmp_path / "lake").transaction() as tx:
        warnings = tx.snapshot("t", tmp_path / "in", key=names).warnings
    assert list(warnings) == warnings_of(bad, names)
    if not bad:
        assert not counted, "what does not repeat is seen without a table of all keys"


def test_keys_of_unlike_types_are_compared_by_value(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    sides = ([1, 3, 9], pa.decimal128(12, 2)), ([9, 2, 4], pa.decimal128(12, 3))
    for n, (numbers, kind) in enumerate(sides):
        values = pa.array(map(Decimal, numbers), kind)
        pq.write_table(pa.table({"id": values}), tmp_path / "in" / f"{n}.parquet")
    with catalog.create(tmp_path / "lake").transaction() as tx:
        warnings = tx.snapshot("t", tmp_path / "in", key=["id"]).warnings
    assert list(warnings) == ["2 rows of t share their key (id)"]


def test_a_partition_belongs_to_the_key(tmp_path: Path) -> None:
    for part in "ab":
        folder = tmp_path / "in" / f"p={part}"
        folder.mkdir(parents=True)
        for n in range(2):
            table = pa.table({"id": [n, 10 - n, 20 + n]})
            pq.write_table(table, folder / f"{n}.parquet")
    with catalog.create(tmp_path / "lake").transaction() as tx:
        assert not tx.snapshot("t", tmp_path / "in", key=["p", "id"]).warnings
        assert list(tx.snapshot("u", tmp_path / "in", key=["id"]).warnings) == [
            "12 rows of u share their key (id)"
        ]


@pytest.mark.parametrize("bad", ["", "repeated", "null", "nulls"])
@pytest.mark.parametrize("case", CASES)
def test_keys_that_repeat_across_written_files_are_counted(
    tmp_path: Path, case: str, bad: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files that were just written are not read again for it."""
    types, keys = keys_of(case, bad)
    rows = pa.concat_tables(parts(random.Random(f"{case} {bad}"), keys, types))
    rows = rows.append_column("p", pa.array([n % 4 for n in range(len(rows))]))
    opened = []
    original = key_repeats.opened
    monkeypatch.setattr(
        key_repeats,
        "opened",
        lambda *args, **more: opened.append(1) or original(*args, **more),
    )
    names = [f"k{n}" for n in range(len(types))]
    with catalog.create(tmp_path / "lake").transaction() as tx:
        written = tx.write("t", rows, mode="append", key=names, partition_by=["p"])
    assert list(written.warnings) == warnings_of(bad, names)
    if not bad:
        assert not opened


@pytest.mark.parametrize("case", CASES)
def test_words_of_written_and_of_read_rows_are_alike(
    tmp_path: Path, case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    types, key = CASES[case]
    rows = pa.concat_tables(parts(random.Random(case), [key(n) for n in range(90)], types))
    rows = rows.append_column("p", pa.array([n % 4 for n in range(len(rows))]))
    found = []

    def compared(files: Any, known: Any) -> bool:
        for path, keyed in files:
            read = key_repeats._read_words(path, keyed)
            kept = known[keyed.file.identity, tuple(keyed.key)]
            assert read is not None
            assert read.kinds == kept.kinds
            found.append(np.array_equal(read.words, kept.words))
        return True

    monkeypatch.setattr(file_fingerprints, "no_key_repeats", compared)
    names = [f"k{n}" for n in range(len(types))]
    with catalog.create(tmp_path / "lake").transaction() as tx:
        tx.write("t", rows, mode="append", key=names, partition_by=["p"])
    assert found == [True] * 4
