"""Cells that look alike and differ, or look unlike and are equal."""

import struct
from datetime import date
from decimal import Decimal as Dec

import pyarrow as pa

from tests.diff.cases_build import cells, pair, rows
from tests.diff.cases_pair import Pair

NAN, INF = float("nan"), float("inf")
I64, F64, F32, TEXT, BLOB = pa.int64(), pa.float64(), pa.float32(), pa.string(), pa.binary()
US, NS, MS = pa.timestamp("us"), pa.timestamp("ns"), pa.timestamp("ms")
UTC = pa.timestamp("us", "UTC")
NOON = 1_706_702_400  # 2024-01-31 12:00:00 UTC
MIDNIGHT = 1_706_659_200  # 2024-01-31 00:00:00 UTC
LAST_US = 253_402_300_799_999_999  # 9999-12-31 23:59:59.999999: too late for nanoseconds
DAY = date(2024, 1, 31)


def doubles_from_bits(*bits: int) -> pa.Array:
    """Builds doubles of exactly these bits, as a NaN may have many."""
    data = b"".join(struct.pack("<Q", value) for value in bits)
    return pa.Array.from_buffers(F64, len(bits), [None, pa.py_buffer(data)])


def nan_payloads() -> Pair:
    """Every NaN is the same NaN, whatever its sign and payload."""
    ids = pa.array([1, 2, 3])
    quiet = doubles_from_bits(*[0x7FF8000000000000] * 3)
    others = doubles_from_bits(0xFFF8000000000000, 0x7FF8000000000001, 0x7FF0000000000001)
    before, after = pa.table({"id": ids, "v": quiet}), pa.table({"id": ids, "v": others})
    return pair("nan_of_another_payload_is_no_change", before, after, rows=(0, 0, 0, 0))


def wide() -> Pair:
    """One cell of 200 columns changes."""
    names = ["id", *(f"c{i:03d}" for i in range(200))]
    old = [tuple(range(r, r + 201)) for r in range(5)]
    new = [(*row[:150], row[150] + (r == 2), *row[151:]) for r, row in enumerate(old)]
    before, after = rows(" ".join(names), *old), rows(" ".join(names), *new)
    return pair(
        "one_cell_of_200_columns", before, after, rows=(0, 0, 1, 0), cells={"c149": (0, 0, 1)}
    )


NUMBERS = [
    cells(
        "null_is_equal_to_null_and_nothing_else",
        I64,
        [None, 1, None, 2, 0, None],
        [1, None, None, 3, None, 0],
        (2, 2, 1),
    ),
    cells(
        "nan_is_equal_to_nan_and_nothing_else",
        F64,
        [NAN, NAN, NAN, None, 1.0],
        [NAN, None, 1.0, NAN, NAN],
        (1, 1, 2),
    ),
    nan_payloads(),
    cells(
        "the_zeros_are_equal",
        F64,
        [0.0, -0.0, 0.0, -0.0, -0.0],
        [-0.0, 0.0, 1.0, -0.0, None],
        (0, 1, 1),
    ),
    cells("the_zeros_of_32_bits_are_equal", F32, [0.0, -0.0, NAN], [-0.0, 0.0, NAN], (0, 0, 0)),
    cells(
        "infinities_differ_from_each_other_and_from_nan",
        F64,
        [INF, INF, INF, -INF, INF],
        [INF, -INF, NAN, -INF, None],
        (0, 1, 2),
    ),
    cells("the_smallest_double_is_not_zero", F64, [5e-324, 0.0], [0.0, -5e-324], (0, 0, 2)),
    cells(
        "neighbouring_doubles_differ", F64, [0.1 + 0.2, 0.3, 1e308], [0.3, 0.3, 1e308], (0, 0, 1)
    ),
    cells(
        "bigint_against_double_compares_exactly",
        I64,
        [2**53, 2**53 + 1, 2**63 - 1, 5, None, 0],
        [2.0**53, 2.0**53, 2.0**63, 5.0, 1.0, -0.0],
        (1, 0, 2),
        to_type=F64,
    ),
    cells(
        "double_against_bigint_compares_exactly",
        F64,
        [NAN, INF, 0.5, 2.0**53, -0.0, 2.0**53, 1e300],
        [0, 1, 0, 2**53, 0, 2**53 + 1, 2**63 - 1],
        (0, 0, 5),
        to_type=I64,
    ),
    cells(
        "unsigned_and_signed_compare_by_value",
        pa.uint64(),
        [2**64 - 1, 2**63, 5, None],
        [-1, -(2**63), 5, 0],
        (1, 0, 2),
        to_type=I64,
    ),
    cells(
        "ubigint_against_double_compares_exactly",
        pa.uint64(),
        [2**64 - 1, 2**63],
        [2.0**64, 2.0**63],
        (0, 0, 1),
        to_type=F64,
    ),
    cells(
        "a_wider_integer_is_no_change",
        pa.int8(),
        [1, -128, None, 127],
        [1, -128, 5, 128],
        (1, 0, 1),
        to_type=I64,
    ),
    cells(
        "a_narrower_integer_is_no_change",
        I64,
        [1, 300, 2, None],
        [1, 44, 3, None],
        (0, 0, 2),
        to_type=pa.uint8(),
    ),
    cells(
        "decimals_of_38_digits_differ_in_the_last",
        pa.decimal128(38, 0),
        [Dec(10**38 - 1), Dec(1 - 10**38)],
        [Dec(10**38 - 2), Dec(1 - 10**38)],
        (0, 0, 1),
    ),
    cells(
        "decimals_compare_at_any_scale",
        pa.decimal128(9, 2),
        [Dec("7.50"), Dec("7.55"), None, Dec("-0.10")],
        [Dec("7.5000"), Dec("7.5501"), Dec("0.0000"), Dec("-0.1000")],
        (1, 0, 1),
        to_type=pa.decimal128(12, 4),
    ),
    cells(
        "decimals_without_a_common_decimal_type_compare",
        pa.decimal128(38, 38),
        [Dec("0.5"), Dec("0"), Dec("1E-38"), None],
        [Dec(0), Dec(0), Dec(10**37), Dec(10**38 - 1)],
        (1, 0, 2),
        to_type=pa.decimal128(38, 0),
    ),
    cells(
        "decimal_against_double_compares_exactly",
        pa.decimal128(4, 1),
        [Dec("0.1"), Dec("0.5"), Dec("2.0"), Dec("0"), Dec("1")],
        [0.1, 0.5, 2.0, -0.0, NAN],
        (0, 0, 2),
        to_type=F64,
    ),
    cells(
        "decimal_of_38_digits_against_double_compares_exactly",
        pa.decimal128(38, 0),
        [Dec(int(1e37)), Dec(int(1e37) + 1), Dec(10**37), Dec(1)],
        [1e37, 1e37, 1e37, INF],
        (0, 0, 3),
        to_type=F64,
    ),
    cells(
        "decimal_against_integer_compares_by_value",
        pa.decimal128(38, 2),
        [Dec("7.00"), Dec("7.01"), Dec(2**63), None],
        [7, 7, 2**63 - 1, 1],
        (1, 0, 2),
        to_type=I64,
    ),
    cells(
        "ubigint_against_decimal_compares_by_value",
        pa.uint64(),
        [2**64 - 1, 5],
        [Dec(2**64 - 1), Dec("6")],
        (0, 0, 1),
        to_type=pa.decimal128(38, 0),
    ),
    cells(
        "float_against_double_compares_exactly",
        F32,
        [0.1, 0.5, NAN, -0.0, None],
        [0.1, 0.5, NAN, 0.0, NAN],
        (1, 0, 1),
        to_type=F64,
    ),
    cells(
        "integer_against_float_compares_exactly",
        pa.int32(),
        [2**24 + 1, 2**24, -1],
        [2.0**24, 2.0**24, -1.0],
        (0, 0, 1),
        to_type=F32,
    ),
    cells(
        "bigint_against_float_compares_exactly",
        I64,
        [2**24 + 1, 2**24, 2**62],
        [2.0**24, 2.0**24, 2.0**62],
        (0, 0, 1),
        to_type=F32,
    ),
    cells("booleans", pa.bool_(), [True, False, None, None], [False, False, None, True], (1, 0, 1)),
    wide(),
]

TEXTS = [
    cells(
        "text_is_exact",
        TEXT,
        ["a", "a", "a", "", "NULL", "nan", " ", "a\tb"],
        ["A", "a ", "a", None, None, "NaN", "", "a b"],
        (0, 2, 5),
    ),
    cells(
        "composed_and_decomposed_characters_differ",
        TEXT,
        ["\u00e9", "e\u0301", "\u00e9"],
        ["e\u0301", "e\u0301", "\u00e9"],
        (0, 0, 1),
    ),
    cells(
        "text_goes_on_after_a_nul",
        TEXT,
        ["a\0b", "a\0b", "a\0", "\0"],
        ["a\0c", "a\0b", "a", ""],
        (0, 0, 3),
    ),
    cells(
        "emoji_and_scripts_are_text",
        TEXT,
        ["👩‍🔬", "👩🔬", "ß", "İ"],
        ["👩‍🔬", "👩‍🔬", "ss", "i̇"],
        (0, 0, 3),
    ),
    cells(
        "texts_of_a_megabyte_differ_in_the_last_character",
        TEXT,
        ["x" * 1_000_000 + "a", "y" * 1_000_000],
        ["x" * 1_000_000 + "b", "y" * 1_000_000],
        (0, 0, 1),
    ),
    cells(
        "blobs_are_exact",
        BLOB,
        [b"a\0b", b"", b"\0", b"\xff\xfe", None, b"\0\0"],
        [b"a\0c", None, b"\0\0", b"\xff\xfe", b"", b"\0\0"],
        (1, 1, 2),
    ),
    cells(
        "blobs_of_a_megabyte_differ_in_the_last_byte",
        BLOB,
        [b"\0" * 1_000_000 + b"a"],
        [b"\0" * 1_000_000 + b"b"],
        (0, 0, 1),
    ),
    cells(
        "fixed_size_blobs", pa.binary(4), [b"abcd", b"\0\0\0\0"], [b"abce", b"\0\0\0\0"], (0, 0, 1)
    ),
    cells(
        "uuids",
        pa.uuid(),
        [b"\0" * 16, b"\xff" * 16, None, b"\x7f" * 16],
        [b"\0" * 15 + b"\1", b"\xff" * 16, b"\0" * 16, b"\x80" + b"\x7f" * 15],
        (1, 0, 2),
    ),
    cells(
        "dictionary_text_against_plain_text_is_no_change",
        pa.dictionary(pa.int32(), TEXT),
        ["a", "b", None, "a"],
        ["a", "c", "d", None],
        (1, 1, 1),
        to_type=TEXT,
    ),
    cells(
        "a_dictionary_without_values_is_all_null",
        pa.dictionary(pa.int8(), TEXT),
        [None, None, None],
        ["a", "b", None],
        (2, 0, 0),
    ),
    cells(
        "dictionaries_without_values_on_both_sides",
        pa.dictionary(pa.int8(), TEXT),
        [None, None],
        [None, None],
        (0, 0, 0),
    ),
]

TIMES = [
    cells(
        "timestamps_of_milliseconds_and_microseconds",
        MS,
        [1, 2, None],
        [1000, 2001, 0],
        (1, 0, 1),
        to_type=US,
        loose_types=("v",),
    ),
    cells(
        "timestamps_of_microseconds_and_nanoseconds",
        US,
        [1, 2, -1],
        [1000, 2001, -1000],
        (0, 0, 1),
        to_type=NS,
    ),
    cells(
        "timestamps_of_nanoseconds_and_microseconds",
        NS,
        [1_000, 2_001, -999, 0],
        [1, 2, 0, 0],
        (0, 0, 2),
        to_type=US,
    ),
    cells(
        "timestamps_too_late_for_nanoseconds",
        US,
        [LAST_US, 1, -62_135_596_800_000_000],
        [1, 1000, 5],
        (0, 0, 2),
        to_type=NS,
    ),
    cells(
        "timestamps_that_nanoseconds_cannot_become",
        NS,
        [1, 1000, None],
        [LAST_US, 1, -62_135_596_800_000_000],
        (1, 0, 1),
        to_type=US,
    ),
    cells(
        "a_timestamp_without_zone_is_taken_as_utc",
        US,
        [NOON, NOON, None],
        [NOON, NOON - 3600, 0],
        (1, 0, 1),
        to_type=UTC,
    ),
    cells(
        "a_timestamp_with_zone_against_one_without",
        UTC,
        [NOON, NOON],
        [NOON, NOON + 3_600_000_000],
        (0, 0, 1),
        to_type=US,
    ),
    cells(
        "the_zone_a_timestamp_is_shown_in_is_no_change",
        pa.timestamp("us", "Europe/Paris"),
        [NOON, 0],
        [NOON, 1],
        (0, 0, 1),
        to_type=UTC,
    ),
    cells(
        "a_timestamp_with_zone_of_nanoseconds",
        NS,
        [NOON * 10**9, 1],
        [NOON * 10**6, 0],
        (0, 0, 1),
        to_type=UTC,
    ),
    cells(
        "a_date_is_its_midnight",
        pa.date32(),
        [DAY, DAY, None, date(1, 1, 1)],
        [MIDNIGHT * 10**6, MIDNIGHT * 10**6 + 1, 0, -62_135_596_800_000_000],
        (1, 0, 1),
        to_type=US,
    ),
    cells(
        "a_timestamp_against_a_date",
        NS,
        [MIDNIGHT * 10**9, MIDNIGHT * 10**9 + 1],
        [DAY, DAY],
        (0, 0, 1),
        to_type=pa.date32(),
    ),
    cells(
        "a_date_too_late_for_nanoseconds",
        pa.date32(),
        [date(9999, 12, 31), DAY],
        [0, MIDNIGHT * 10**9],
        (0, 0, 1),
        to_type=NS,
    ),
    cells(
        "a_date_against_a_timestamp_with_zone",
        pa.date32(),
        [DAY, DAY],
        [MIDNIGHT * 10**6, NOON * 10**6],
        (0, 0, 1),
        to_type=UTC,
    ),
    cells(
        "dates_of_32_and_64_bits",
        pa.date32(),
        [DAY, date(1969, 12, 31)],
        [DAY, date(1970, 1, 1)],
        (0, 0, 1),
        to_type=pa.date64(),
    ),
    cells(
        "times_of_milliseconds_and_microseconds",
        pa.time32("ms"),
        [1, 86_399_999, None],
        [1000, 86_399_999_001, 0],
        (1, 0, 1),
        to_type=pa.time64("us"),
        loose_types=("v",),
    ),
    cells(
        "times_of_microseconds_and_nanoseconds",
        pa.time64("us"),
        [1, 2],
        [1000, 2001],
        (0, 0, 1),
        to_type=pa.time64("ns"),
    ),
]

CASES = [*NUMBERS, *TEXTS, *TIMES]
