"""Digests of rows: the same for equal rows however they lie, and for no others."""

import datetime
import decimal
import itertools
import math
import random
import struct
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from catalog.diff.fingerprints import row_digest, text_hashes
from catalog.diff.fingerprints.row_digest import CHUNK_ROWS, CellHasher, cell_hashes, hash_kind
from tests.diff.row_hash import canonical, cell, row_sum

NAN = struct.unpack("<d", struct.pack("<Q", 0xFFF8_0000_0000_0001))[0]
MOMENT = datetime.datetime(2024, 1, 2, 3, 4, 5, 6000)
LONG = "x" * 250

COLUMNS: dict[str, tuple[pa.DataType, str, list[Any]]] = {
    "bool": (pa.bool_(), "bool", [True, False]),
    "tiny": (pa.int8(), "int", [-128, 0, 127]),
    "small": (pa.uint16(), "int", [0, 65535]),
    "int": (pa.int64(), "int", [-(2**63), -1, 0, 1, 2**63 - 1]),
    "unsigned": (pa.uint64(), "uint64", [0, 1, 2**64 - 1]),
    "half": (pa.float16(), "float", [1.5]),
    "float": (pa.float32(), "float", [0.0, -0.0, 1.5, math.nan, NAN, math.inf]),
    "double": (pa.float64(), "float", [0.0, -0.0, 0.1, math.nan, NAN, -math.inf]),
    "money": (pa.decimal128(12, 2), "decimal2", [Decimal("-0.01"), Decimal("1.50")]),
    "small money": (pa.decimal32(5, 2), "decimal2", [Decimal("-0.01")]),
    "wide": (pa.decimal128(38, 0), "decimal0", [Decimal(2**63), Decimal(-(2**63) - 1)]),
    "day": (pa.date32(), "date", [datetime.date(2024, 2, 29), datetime.date(1, 1, 1)]),
    "time": (pa.time64("us"), "time", [datetime.time(23, 59, 59, 999999)]),
    "moment": (pa.timestamp("us"), "timestamp", [MOMENT, datetime.datetime(1, 1, 1)]),
    "coarse": (pa.timestamp("ms"), "timestamp", [MOMENT]),
    "text": (pa.string(), "text", ["", "\0", "\0" * 8, "12345678", "ä" * 9, LONG, LONG * 2]),
    "view": (pa.string_view(), "text", ["", "ä" * 9, LONG * 2]),
    "blob": (pa.large_binary(), "blob", [b"", b"\xff" * 8, b"\0" * 17, b"\0" * 256, b"1" * 257]),
    "uuid": (pa.binary(16), "blob", [bytes(range(16))]),
}


def expected(name: str) -> list[int]:
    _, kind, values = COLUMNS[name]
    return [cell(canonical(one, kind), kind, name) for one in [*values, None, *values[::-1]]]


def column(name: str) -> pa.Array:
    kind, _, values = COLUMNS[name]
    return pa.array([*values, None, *values[::-1]], kind)


def hashes(values: pa.Array | pa.ChunkedArray, name: str) -> list[int]:
    found = cell_hashes(values, name)
    assert found is not None
    return [int(one) for one in found]


@pytest.mark.parametrize("name", COLUMNS)
def test_hashes_are_those_of_plain_python(name: str) -> None:
    assert hash_kind(COLUMNS[name][0]) == COLUMNS[name][1]
    assert hashes(column(name), name) == expected(name)


@pytest.mark.parametrize("name", COLUMNS)
def test_hashes_do_not_depend_on_the_layout(name: str) -> None:
    values = column(name)
    padded = pa.concat_arrays([values, values, values])
    assert hashes(padded.slice(len(values), len(values)), name) == expected(name)
    assert hashes(pa.chunked_array([values[:1], values[1:]]), name) == expected(name)
    assert hashes(pa.chunked_array([], values.type), name) == []
    assert hashes(values.slice(0, 0), name) == []
    if not pa.types.is_float16(values.type) and not pa.types.is_decimal32(values.type):
        encoded = padded.dictionary_encode() if name != "view" else padded.cast("string")
        assert hashes(encoded, name) == expected(name) * 3


@pytest.mark.parametrize("name", list(COLUMNS))
@pytest.mark.parametrize("rows", [1, 40])
def test_values_are_the_same_after_they_were_hashed(name: str, rows: int) -> None:
    kind, _, values = COLUMNS[name]
    for value in values:  # alone: all of one length lie in memory like numbers
        column = pa.array([value] * rows, kind)
        before = [None if one is None else one.to_pybytes() for one in column.buffers()]
        first = cell_hashes(column, name)
        assert [None if one is None else one.to_pybytes() for one in column.buffers()] == before
        assert first is not None
        assert (first == cell_hashes(column, name)).all()


def test_dictionaries_are_hashed_by_what_they_stand_for() -> None:
    entries = pa.array(["a", None, "unused", "b"])
    places = pa.array([3, 1, None, 0, 3], pa.int16())
    coded = pa.DictionaryArray.from_arrays(places, entries)
    plain = pa.array(["b", None, None, "a", "b"])
    assert hashes(coded, "v") == hashes(plain, "v")
    assert hashes(coded.slice(1, 3), "v") == hashes(plain.slice(1, 3), "v")
    nothing = pa.array([None, None], pa.dictionary(pa.int8(), pa.string()))
    assert hashes(nothing, "v") == [0, 0]


def test_pieces_with_other_dictionaries_are_not_mistaken() -> None:
    hasher = CellHasher("v")
    for texts in (["a", "b"], ["b", "a"], ["a", "b"]):
        coded = pa.DictionaryArray.from_arrays(pa.array([0, 1]), pa.array(texts))
        found = hasher.hashes(coded)
        assert found is not None
        assert found.tolist() == hashes(pa.array(texts), "v")


def test_many_rows_are_hashed_as_few() -> None:
    rnd = random.Random(7)
    texts = ["z" * rnd.choice([0, 1, 7, 8, 9, 31, 256, 257]) + str(n) for n in range(300)]
    texts *= CHUNK_ROWS // 100
    found = hashes(pa.array(texts), "v")
    assert found[:300] == [cell(text.encode(), "text", "v") for text in texts[:300]]
    assert found == found[:300] * (CHUNK_ROWS // 100)
    numbers = pa.array(range(2 * CHUNK_ROWS + 3))
    assert hashes(numbers, "n")[::997] == [cell(n, "int", "n") for n in range(0, len(numbers), 997)]


@pytest.mark.parametrize("last", ["", "a", "a" * 31, "a" * 33, "a" * 300])
@pytest.mark.parametrize("first", ["", "b" * 8, "b" * 32, "b" * 200])
def test_many_empty_texts_are_hashed_as_one(first: str, last: str) -> None:
    texts = [first, *[""] * (CHUNK_ROWS + 5), "x", *[""] * (CHUNK_ROWS - 7), last]
    known = {text: cell(text.encode(), "text", "v") for text in {first, "", "x", last}}
    assert hashes(pa.array(texts), "v") == [known[text] for text in texts]


@pytest.mark.parametrize("low", [0, 1, -7, 4000, -4000, 10**12, -(10**12), 2**62 - 9, -(2**63)])
@pytest.mark.parametrize("kind", [pa.int64(), pa.int32(), pa.date32(), pa.uint64()])
@pytest.mark.parametrize("nulls", [False, True])
def test_integers_of_a_small_range_are_hashed_as_others(
    low: int, kind: pa.DataType, nulls: bool
) -> None:
    plain = pa.int32() if kind == pa.date32() else kind
    if not (low >= 0 or plain != pa.uint64()) or (plain == pa.int32() and abs(low) > 2**31):
        return
    tag = {pa.date32(): "date", pa.uint64(): "uint64"}.get(kind, "int")
    few = [low + n * n % 9 for n in range(CHUNK_ROWS + 5)]
    values: list[int | None] = [None if nulls and n % 11 == 3 else one for n, one in enumerate(few)]
    known = {one: cell(one, tag, "v") for one in {*values}}
    column = pa.array(values, plain).cast(kind)
    assert hashes(column, "v") == [known[one] for one in values]
    hasher = CellHasher("v")
    for rows in (column, column.slice(7)):
        sums = np.zeros(len(rows), np.uint64)
        due = hasher.add(sums, rows)
        assert due is not None
        sums += due
        assert sums.tolist() == [known[one] for one in rows.cast(plain).to_pylist()]
    other = pa.array([low + 5, low + 3000] * CHUNK_ROWS, plain).cast(kind)
    found = hasher.hashes(other)
    assert found is not None
    assert found[:2].tolist() == [cell(low + 5, tag, "v"), cell(low + 3000, tag, "v")]


def test_text_beyond_the_views_of_arrow_is_hashed_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = ["", "a", "abcd", "abcde", "abcdefghijkl", "abcdefghijklm", "x" * 300, None] * 3
    column = pa.array(["before", *texts], pa.large_string()).slice(1)
    found = hashes(column, "v")
    assert found == [cell(canonical(text, "text"), "text", "v") for text in texts]
    for most in (100, 2000):  # of all together, and of all with what is before them
        monkeypatch.setattr(text_hashes, "VIEW_BYTES", most)
        assert hashes(column, "v") == found


def test_sums_over_rows_are_those_of_plain_python() -> None:
    rnd = random.Random(5)
    digests = [0, 1, 2**64 - 1, *(rnd.getrandbits(64) for _ in range(500))]
    assert row_digest.row_sum(np.array(digests, np.uint64)) == row_sum(digests)
    many = np.array(digests * 200, np.uint64)
    assert row_digest.row_sum(many) == row_sum(digests) * 200 % 2**128


@pytest.mark.parametrize(
    "kind",
    [
        pa.list_(pa.int64()),
        pa.struct([("a", pa.int64())]),
        pa.map_(pa.string(), pa.int64()),
        pa.list_(pa.int64(), 2),
        pa.decimal256(50, 2),
        pa.month_day_nano_interval(),
    ],
)
def test_what_digests_cannot_hold_has_no_hashes(kind: pa.DataType) -> None:
    assert hash_kind(kind) is None
    assert cell_hashes(pa.nulls(2, kind), "v") is None
    assert cell_hashes(pa.chunked_array([pa.nulls(2, kind)]), "v") is None


def test_a_moment_beyond_the_canonical_form_has_no_hash() -> None:
    far = pa.array([2**62], pa.timestamp("ms"))
    assert cell_hashes(far, "v") is None
    assert cell_hashes(pa.chunked_array([pa.array([0], far.type), far]), "v") is None


def test_columns_of_null_and_columns_that_are_not_there_add_nothing() -> None:
    assert hashes(pa.nulls(3), "v") == [0, 0, 0]
    assert hashes(pa.nulls(3, pa.string()), "v") == [0, 0, 0]


ODD_NAMES = ["a", "A", "", "a\0", "a\0b", 'a"b', "ä", "text\0a", " a", "a" * 5000]


def test_names_and_kinds_are_salts() -> None:
    seen = [hashes(pa.array([1]), name)[0] for name in ODD_NAMES]
    seen += [hashes(pa.array([one]), "a")[0] for one in ("1", b"1", 1.0, True)]
    seen += [hashes(pa.array([1], kind), "a")[0] for kind in (pa.uint64(), pa.timestamp("ns"))]
    assert len(set(seen)) == len(seen)


def row_digests(table: pa.Table) -> list[int]:
    total = np.zeros(table.num_rows, np.uint64)
    for name, values in zip(table.column_names, table.columns, strict=True):
        found = cell_hashes(values, name)
        assert found is not None
        total += found
    return total.tolist()


def bits(count: int) -> list[int]:
    single = [1 << n for n in range(count)]
    return [0, *single, *(a | b for a, b in itertools.combinations(single, 2))]


def test_single_and_paired_bits_are_told_apart() -> None:
    words = bits(64)
    assert len(set(hashes(pa.array(words, pa.uint64()), "v"))) == len(words)
    blobs = pa.array([one.to_bytes(24, "little") for one in bits(192)])
    found = hashes(blobs, "v")
    assert len(set(found)) == len(found)
    # no two of them share many upper or lower bits either
    halves = [{one >> 32 for one in found}, {one % 2**32 for one in found}]
    assert all(len(half) > len(found) - 20 for half in halves)


def test_bits_of_one_word_do_not_cancel_those_of_the_next() -> None:
    rnd = random.Random(3)
    for first, second in itertools.product(range(64), repeat=2):
        base = rnd.getrandbits(128)
        mask = 1 << first | (1 << second | 1 << (second + 32) % 64) << 64
        one, other = (n.to_bytes(16, "little") for n in (base, base ^ mask))
        assert cell(one, "blob", "v") != cell(other, "blob", "v")
    base = [rnd.getrandbits(128) for _ in range(2000)]
    mask = 1 << 63 | (1 << 63 | 1 << 31) << 64
    sides = [pa.array([(n ^ m).to_bytes(16, "little") for n in base]) for m in (0, mask)]
    pairs = zip(hashes(sides[0], "v"), hashes(sides[1], "v"), strict=True)
    alike = [one >> 32 == other >> 32 or (one ^ other) % 2**32 == 0 for one, other in pairs]
    assert not any(alike)


def test_counters_in_several_columns_are_told_apart() -> None:
    small = list(itertools.product(range(24), repeat=3))
    table = pa.table({name: [row[n] for row in small] for n, name in enumerate("abc")})
    assert len(set(row_digests(table))) == len(small)
    floats = table.cast(pa.schema([(name, pa.float64()) for name in "abc"]))
    texts = pa.table({name: pc.cast(table[name], pa.string()) for name in "abc"})
    assert len({*row_digests(floats), *row_digests(texts)}) == 2 * len(small)


def test_values_exchanged_between_columns_or_rows_are_seen() -> None:
    one = pa.table({"a": [1, 2], "b": [3, 4]})
    columns = pa.table({"a": [3, 2], "b": [1, 4]})
    rows = pa.table({"a": [1, 2], "b": [4, 3]})
    assert len({*row_digests(one), *row_digests(columns), *row_digests(rows)}) == 5
    sums = [sum(row_digests(table)) % 2**64 for table in (one, rows)]
    assert sums[0] == sums[1], "sums of digests alone do not tell"


def test_highest_bits_that_change_in_two_columns_do_not_cancel() -> None:
    rnd = random.Random(13)
    numbers = [rnd.uniform(-1e6, 1e6) for _ in range(20_000)]
    for names in (("amount", "tax"), ("a", "b"), ("x", "y"), ("v1", "v2")):
        changes = []
        for name in names:
            sides = [cell_hashes(pa.array([s * n for n in numbers]), name) for s in (1, -1)]
            assert sides[0] is not None
            assert sides[1] is not None
            changes.append(sides[1] - sides[0])
        upper = [set((change >> np.uint64(32)).tolist()) for change in (changes[0], -changes[1])]
        assert len(np.intersect1d(changes[0], -changes[1])) == 0
        assert all(len(half) > 0.7 * len(numbers) for half in upper), "changes depend on the value"


def test_lengths_and_padding_are_told_apart() -> None:
    texts = ["\0" * n for n in range(300)] + ["a" + "\0" * n for n in range(300)]
    texts += ["a" * n for n in range(2, 300)]
    assert len({0, *hashes(pa.array(texts), "v")}) == len(texts) + 1
    far = decimal.Decimal(2**64)
    wide = pa.array([Decimal(0), far, far * 2, far + 1, -far], pa.decimal128(38, 0))
    assert len(set(hashes(wide, "v"))) == len(wide)


def test_every_bit_of_a_value_changes_half_of_the_hash() -> None:
    rnd = random.Random(11)
    for position in range(64):
        words = [rnd.getrandbits(64) for _ in range(200)]
        sides = [pa.array([w ^ m for w in words], pa.uint64()) for m in (0, 1 << position)]
        pairs = zip(hashes(sides[0], "v"), hashes(sides[1], "v"), strict=True)
        flipped = [(one ^ other) for one, other in pairs]
        for bit in range(64):
            share = sum(one >> bit & 1 for one in flipped) / len(flipped)
            assert 0.3 < share < 0.7
