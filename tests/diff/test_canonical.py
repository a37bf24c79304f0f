"""Digests of columns: equal for equal values however they lie, and fixed for all time."""

import datetime
import decimal
import math
import struct
import uuid

import pyarrow as pa
import pytest

from catalog.diff.fingerprints.canonical import digest

OTHER_NAN = struct.unpack("<d", struct.pack("<Q", 0xFFF8_0000_0000_0001))[0]
NOON = datetime.datetime(2024, 1, 2, 12, 0, 0, 5000)

ALIKE: list[tuple[str, pa.Array, pa.Array]] = [
    ("slices", pa.array([1, None, 3]), pa.array([9, 1, None, 3, 4]).slice(1, 3)),
    ("widths of integers", pa.array([1, -2], pa.int8()), pa.array([1, -2], pa.int64())),
    ("widths of floats", pa.array([0.5, None], pa.float32()), pa.array([0.5, None])),
    ("both zeros", pa.array([0.0, -0.0]), pa.array([-0.0, 0.0])),
    ("any NaN", pa.array([math.nan]), pa.array([OTHER_NAN])),
    ("large text", pa.array(["a", None, ""]), pa.array(["a", None, ""], pa.large_string())),
    ("views of text", pa.array(["a", "b" * 50]), pa.array(["a", "b" * 50], pa.string_view())),
    ("dictionaries", pa.array(["x", None, "x"]), pa.array(["x", None, "x"]).dictionary_encode()),
    (
        "dictionaries of NULL only",
        pa.array([None], pa.string()),
        pa.array([None], pa.dictionary(pa.int8(), pa.string())),
    ),
    ("what stands where it is NULL", pa.array([None, 1]), pa.array([0, None, 1]).slice(1)),
    (
        "units of time",
        pa.array([NOON], pa.timestamp("ms")),
        pa.array([NOON], pa.timestamp("us", "UTC")),
    ),
    ("kinds of dates", pa.array([3], pa.date32()), pa.array([3 * 86_400_000], pa.date64())),
    (
        "kinds of lists",
        pa.array([[1], None, []]),
        pa.array([[1], None, []], pa.large_list(pa.int32())),
    ),
    (
        "parents that are NULL",
        pa.array([{"a": 1}, None]),
        pa.array([{"a": 7}, {"a": 1}, None]).slice(1),
    ),
    ("nothing", pa.array([], pa.string()), pa.array(["a"]).slice(1)),
]

APART: list[tuple[str, pa.Array, pa.Array]] = [
    ("order", pa.array([1, 2]), pa.array([2, 1])),
    ("NULL and zero", pa.array([None, 1]), pa.array([0, 1])),
    ("NULL and the empty text", pa.array([None], pa.string()), pa.array([""])),
    ("NULL and NaN", pa.array([None], pa.float64()), pa.array([math.nan])),
    ("where texts are parted", pa.array(["ab", "c"]), pa.array(["a", "bc"])),
    ("text and its bytes", pa.array(["a"]), pa.array([b"a"])),
    ("numbers and their text", pa.array([1]), pa.array(["1"])),
    ("integers and floats", pa.array([1]), pa.array([1.0])),
    ("how many NULLs", pa.array([None], pa.int64()), pa.array([None, None], pa.int64())),
    ("where lists are parted", pa.array([[1, 2], [3]]), pa.array([[1], [2, 3]])),
    (
        "an empty list and NULL",
        pa.array([[]], pa.list_(pa.int64())),
        pa.array([None], pa.list_(pa.int64())),
    ),
    ("names of fields", pa.array([{"a": 1}]), pa.array([{"b": 1}])),
    (
        "a NULL field and a NULL struct",
        pa.array([{"a": None}]),
        pa.array([None], pa.struct([("a", pa.int64())])),
    ),
    (
        "scales",
        pa.array([decimal.Decimal("1.0")], pa.decimal128(5, 1)),
        pa.array([decimal.Decimal("1.00")], pa.decimal128(5, 2)),
    ),
]


@pytest.mark.parametrize(("what", "one", "other"), ALIKE, ids=[case[0] for case in ALIKE])
def test_equal_values_have_equal_digests(what: str, one: pa.Array, other: pa.Array) -> None:
    assert digest(one) == digest(other) is not None


@pytest.mark.parametrize(("what", "one", "other"), APART, ids=[case[0] for case in APART])
def test_other_values_have_other_digests(what: str, one: pa.Array, other: pa.Array) -> None:
    assert digest(one) != digest(other)


def test_maps_have_no_digest_in_any_depth() -> None:
    kind = pa.map_(pa.string(), pa.int64())
    assert digest(pa.array([[("a", 1)]], kind)) is None
    assert digest(pa.array([[[("a", 1)]]], pa.list_(kind))) is None
    assert digest(pa.array([{"m": [("a", 1)]}], pa.struct([("m", kind)]))) is None


FIXED = {
    "integers": pa.array([1, None, -3]),
    "floats": pa.array([1.5, None, math.nan, -0.0]),
    "text": pa.array(["a", None, "né"]),
    "bytes": pa.array([b"\0", None]),
    "booleans": pa.array([True, None, False]),
    "dates": pa.array([datetime.date(2024, 1, 2), None]),
    "moments": pa.array([NOON, None]),
    "decimals": pa.array([decimal.Decimal("-12.34"), None], pa.decimal128(12, 2)),
    "lists": pa.array([[1, None], None, []]),
    "structs": pa.array([{"a": 1, "b": "x"}, None]),
    "uuids": pa.array([uuid.UUID(int=5).bytes], pa.uuid()),
}
DIGESTS = {
    "booleans": "bdd6d95f777a576c3251fc164d9e60d0",
    "bytes": "ec8e125e1ef4bae7d99aae8a746423b1",
    "dates": "ef19d9e5863f5f6fea2f7ad4079c9a73",
    "decimals": "bbed57d2f9858668143fa761c8d69335",
    "floats": "da0c7abfcb0b4d21faa6b9fab76d4707",
    "integers": "a986b9b60ac596f1ad9a81e2fc42fe34",
    "lists": "f0cb31a77ce892245d82b80b9cc62bd1",
    "moments": "41e18ef1e596b07c6b250e3a09a20997",
    "structs": "ab190f474a53f6bea9d17f5dc0d48080",
    "text": "42a550882a4e0a0e03dfbe719f0c1969",
    "uuids": "4b0834d54a50982cbb5623b52733516d",
}


@pytest.mark.parametrize("what", sorted(FIXED))
def test_digests_are_the_same_on_every_machine(what: str) -> None:
    found = digest(FIXED[what])
    assert found is not None
    assert found.hex() == DIGESTS[what]
