"""Columns that change their type, and nested ones."""

from datetime import date
from decimal import Decimal as Dec
from uuid import UUID

import pyarrow as pa

from tests.diff.cases_build import cells, pair, rows

NAN, INF = float("nan"), float("inf")
I64, I32, F64, TEXT, BOOL = pa.int64(), pa.int32(), pa.float64(), pa.string(), pa.bool_()
NOON = 1_706_702_400  # 2024-01-31 12:00:00 UTC
SOME = UUID("0123abcd-0123-0123-0123-0123456789ab")


def struct(**fields: pa.DataType) -> pa.DataType:
    """Builds a struct type."""
    return pa.struct(list(fields.items()))


TO_TEXT = [
    cells(
        "integer_to_text",
        I64,
        [7, 7, 7, None, -5, 0, 2**63 - 1],
        ["7", "07", "x", "7", "-5", "-0", "9223372036854775807"],
        (1, 0, 3),
        to_type=TEXT,
    ),
    cells(
        "text_to_integer",
        TEXT,
        ["7", "+7", " 7", "x", None, "7.0", ""],
        [7, 7, 7, 5, 1, 7, None],
        (1, 1, 4),
        to_type=I64,
    ),
    cells(
        "boolean_to_text",
        BOOL,
        [True, False, True, None],
        ["true", "False", "1", None],
        (0, 0, 2),
        to_type=TEXT,
    ),
    cells(
        "date_to_text",
        pa.date32(),
        [date(2024, 1, 31), date(2024, 1, 31), None, date(1, 1, 1)],
        ["2024-01-31", "2024-1-31", "2024-01-31", "0001-01-01"],
        (1, 0, 1),
        to_type=TEXT,
    ),
    cells(
        "timestamp_to_text",
        pa.timestamp("us"),
        [NOON * 10**6, NOON * 10**6, NOON * 10**6 + 500_000, NOON * 10**6 + 1],
        [
            "2024-01-31 12:00:00",
            "2024-01-31T12:00:00",
            "2024-01-31 12:00:00.5",
            "2024-01-31 12:00:00",
        ],
        (0, 0, 2),
        to_type=TEXT,
    ),
    cells(
        "timestamp_with_zone_to_text",
        pa.timestamp("us", "Asia/Tokyo"),
        [NOON * 10**6, NOON * 10**6],
        ["2024-01-31 12:00:00+00", "2024-01-31 21:00:00+09"],
        (0, 0, 1),
        to_type=TEXT,
    ),
    cells(
        "timestamp_of_nanoseconds_to_text",
        pa.timestamp("ns"),
        [NOON * 10**9, NOON * 10**9 + 1, NOON * 10**9 + 1_000],
        ["2024-01-31 12:00:00", "2024-01-31 12:00:00.000000001", "2024-01-31 12:00:00.000001"],
        (0, 0, 0),
        to_type=TEXT,
    ),
    cells(
        "decimal_to_text",
        pa.decimal128(9, 2),
        [Dec("7.00"), Dec("7.00"), Dec("-0.05"), Dec("0")],
        ["7.00", "7", "-0.05", "0.00"],
        (0, 0, 1),
        to_type=TEXT,
    ),
    cells(
        "decimal_without_whole_digits_to_text",
        pa.decimal128(2, 2),
        [Dec("0.50"), Dec("0.50")],
        [".50", "0.50"],
        (0, 0, 1),
        to_type=TEXT,
    ),
    cells(
        "double_to_text",
        F64,
        [1.0, 1e16, NAN, INF, 0.1, 1.0, NAN, 1e16, -INF],
        ["1.0", "1e+16", "nan", "inf", "0.1", "1", "NaN", "1E16", "-inf"],
        (0, 0, 3),
        to_type=TEXT,
    ),
    cells(
        "the_text_of_both_zeros_is_one",
        F64,
        [0.0, -0.0],
        ["0.0", "0.0"],
        (0, 0, 0),
        to_type=TEXT,
    ),
    cells(
        "float_to_text",
        pa.float32(),
        [0.1, 0.1, 16777216.0],
        ["0.1", "0.10000000149011612", "16777216.0"],
        (0, 0, 1),
        to_type=TEXT,
    ),
    cells(
        "uuid_to_text",
        pa.uuid(),
        [SOME.bytes, SOME.bytes],
        [str(SOME), str(SOME).upper()],
        (0, 0, 1),
        to_type=TEXT,
    ),
    cells(
        "time_to_text",
        pa.time64("us"),
        [0, 43_200_500_000],
        ["00:00:00", "12:00:00.500"],
        (0, 0, 1),
        to_type=TEXT,
    ),
    cells(
        "blob_to_text",
        pa.binary(),
        [b"abc", b"\xff", b"\xff"],
        ["abc", "\\xFF", "\\xff"],
        (0, 0, 1),
        to_type=TEXT,
    ),
]

NOT_COMPARED = [
    cells(
        "date_to_integer_is_not_compared",
        pa.date32(),
        [date(2024, 1, 31)],
        [5],
        (0, 0, 0),
        to_type=I64,
    ),
    cells(
        "text_to_list_is_not_compared", TEXT, ["[a]"], [["a"]], (0, 0, 0), to_type=pa.list_(TEXT)
    ),
    cells(
        "integer_to_struct_is_not_compared", I64, [1], [{"a": 1}], (0, 0, 0), to_type=struct(a=I64)
    ),
    cells(
        "structs_of_other_fields_are_not_compared",
        struct(a=I64),
        [{"a": 1}],
        [{"a": 2, "b": 3}],
        (0, 0, 0),
        to_type=struct(a=I64, b=I64),
    ),
    cells(
        "lists_of_unlike_elements_are_not_compared",
        pa.list_(pa.date32()),
        [[date(2024, 1, 31)]],
        [[5]],
        (0, 0, 0),
        to_type=pa.list_(I64),
    ),
    pair(
        "a_column_that_is_not_compared_hides_no_other_change",
        rows(
            {"id": I64, "b": pa.date32(), "v": I64},
            (1, date(2024, 1, 31), 1),
            (2, date(2024, 1, 31), 1),
            (3, None, 1),
        ),
        rows({"id": I64, "b": I64, "v": I64}, (1, 9, 1), (2, 9, 2), (4, 9, 1)),
        rows=(1, 1, 1, 0),
        cells={"v": (0, 0, 1)},
    ),
]

COMPARED = [
    cells(
        "booleans_are_0_and_1_among_integers",
        BOOL,
        [True, False, True, None, False, None],
        [1, 0, 5, 6, 1, None],
        (1, 0, 2),
        to_type=I64,
    ),
    cells(
        "booleans_are_0_and_1_among_doubles",
        F64,
        [1.0, -0.0, 0.5, NAN, None],
        [True, False, True, True, False],
        (1, 0, 2),
        to_type=BOOL,
    ),
    cells(
        "booleans_are_0_and_1_in_lists",
        pa.list_(BOOL),
        [[True, None], [False], [True]],
        [[Dec("1.00"), None], [Dec("0.01")], []],
        (0, 0, 2),
        to_type=pa.list_(pa.decimal128(5, 2)),
    ),
    cells(
        "a_uuid_is_16_bytes",
        pa.binary(),
        [b"a", SOME.bytes, None],
        [SOME.bytes, SOME.bytes, SOME.bytes],
        (1, 0, 1),
        to_type=pa.uuid(),
    ),
    cells(
        "names_in_structs_may_differ_in_case",
        struct(Total=I64, day=pa.date32()),
        [{"Total": 1, "day": None}, {"Total": 1, "day": None}],
        [{"total": 1, "DAY": None}, {"total": 2, "DAY": None}],
        (0, 0, 1),
        to_type=struct(total=I64, DAY=pa.date32()),
        loose_types=("v",),
    ),
    cells(
        "large_integers_and_doubles",
        pa.uint64(),
        [2**64 - 1, 2**63, 2**53 + 1, 0, 0],
        [2.0**64, 2.0**63, 2.0**53, -0.0, -INF],
        (0, 0, 3),
        to_type=F64,
    ),
    cells(
        "moments_in_every_unit",
        pa.timestamp("s"),
        [NOON, NOON, -62_135_596_800],
        [NOON * 10**9, NOON * 10**9 + 1, 0],
        (0, 0, 2),
        to_type=pa.timestamp("ns"),
        loose_types=("v",),
    ),
    cells(
        "times_in_every_unit",
        pa.time32("ms"),
        [1000, 1000, 86_399_999],
        [10**9, 10**9 + 1, 86_399_999 * 10**6],
        (0, 0, 1),
        to_type=pa.time64("ns"),
    ),
]

BY_NAME = struct(b=I32, a=I32)
"""A struct whose fields are not in the order of their names."""

FIELDS = [
    cells(
        "a_wider_field_in_a_struct_that_is_not_in_order",
        BY_NAME,
        [{"b": 1, "a": 2}, {"b": 1, "a": 2}, {"b": None, "a": 2}, None],
        [{"b": 1, "a": 2}, {"b": 2, "a": 1}, {"b": 2, "a": None}, {"b": None, "a": None}],
        (1, 0, 2),
        to_type=struct(b=I64, a=I32),
    ),
    cells(
        "text_in_a_struct_that_is_not_in_order",
        BY_NAME,
        [{"b": 10, "a": 2}, {"b": 10, "a": 2}, {"b": 10, "a": 2}],
        [{"b": "10", "a": 2}, {"b": "010", "a": 2}, {"b": "2", "a": 10}],
        (0, 0, 2),
        to_type=struct(b=TEXT, a=I32),
    ),
    cells(
        "another_order_and_a_wider_field",
        BY_NAME,
        [{"b": 1, "a": 2}, {"b": 1, "a": 2}],
        [{"a": 2, "b": 1}, {"a": 1, "b": 2}],
        (0, 0, 1),
        to_type=struct(a=I64, b=I32),
    ),
    cells(
        "unlike_nested_fields_in_a_struct_that_is_not_in_order",
        struct(z=pa.list_(I32), m=BY_NAME, a=TEXT),
        [{"z": [1], "m": {"b": 1, "a": 2}, "a": "x"}, {"z": None, "m": None, "a": "x"}],
        [{"z": [1.0], "m": {"b": 1, "a": 2}, "a": "x"}, {"z": [], "m": None, "a": "x"}],
        (0, 0, 1),
        to_type=struct(z=pa.list_(F64), m=struct(b=I64, a=I32), a=TEXT),
    ),
    cells(
        "structs_that_are_not_in_order_in_lists",
        pa.list_(BY_NAME),
        [[{"b": 1, "a": 2}, None], [{"b": 1, "a": 2}]],
        [[{"b": 1, "a": 2}, None], [{"b": 2, "a": 1}]],
        (0, 0, 1),
        to_type=pa.list_(struct(b=I32, a=I64)),
    ),
    cells(
        "structs_that_are_not_in_order_in_maps",
        pa.map_(TEXT, BY_NAME),
        [[("x", {"b": 1, "a": 2}), ("y", None)], [("x", {"b": 1, "a": 2})]],
        [[("y", None), ("x", {"b": 1, "a": 2})], [("x", {"b": 2, "a": 1})]],
        (0, 0, 1),
        to_type=pa.map_(TEXT, struct(b=I64, a=I32)),
    ),
]

NULLS = [
    cells(
        "a_column_of_no_type_becomes_integer",
        pa.null(),
        [None, None, None],
        [1, None, 3],
        (2, 0, 0),
        to_type=I64,
        loose_types=("v",),
    ),
    cells(
        "an_integer_column_becomes_one_of_no_type",
        I64,
        [1, None],
        [None, None],
        (0, 1, 0),
        to_type=pa.null(),
        loose_types=("v",),
    ),
    cells(
        "a_column_of_no_type_becomes_text",
        pa.null(),
        [None, None],
        ["a", None],
        (1, 0, 0),
        to_type=TEXT,
        loose_types=("v",),
    ),
    cells(
        "a_column_of_no_type_becomes_a_struct",
        pa.null(),
        [None, None],
        [{"a": None}, None],
        (1, 0, 0),
        to_type=struct(a=I64),
        loose_types=("v",),
    ),
    cells("a_column_of_no_type_on_both_sides", pa.null(), [None], [None], (0, 0, 0)),
]

POINT = struct(x=I64, y=F64)
TAGS = pa.map_(TEXT, I64)

NESTED = [
    cells(
        "structs_compare_by_field",
        POINT,
        [{"x": 1, "y": NAN}, {"x": 1, "y": 0.0}, {"x": None, "y": None}, None, {"x": 1, "y": 1.0}],
        [{"x": 1, "y": NAN}, {"x": 1, "y": -0.0}, None, {"x": None, "y": None}, {"x": 1, "y": 2.0}],
        (1, 1, 1),
    ),
    cells(
        "struct_fields_in_another_order_are_no_change",
        struct(a=I64, b=I64),
        [{"a": 1, "b": 2}, {"a": 1, "b": 2}],
        [{"a": 1, "b": 2}, {"a": 2, "b": 1}],
        (0, 0, 1),
        to_type=struct(b=I64, a=I64),
        loose_types=("v",),
    ),
    cells(
        "struct_fields_of_a_wider_type",
        struct(a=I32, b=pa.float32()),
        [{"a": 1, "b": 0.5}, {"a": 1, "b": 0.1}, None],
        [{"a": 1, "b": 0.5}, {"a": 1, "b": 0.1}, {"a": None, "b": None}],
        (1, 0, 1),
        to_type=struct(a=I64, b=F64),
    ),
    cells(
        "lists_compare_in_order",
        pa.list_(I64),
        [[1, 2], [1, 2], [], [None], None, [1], [1, None]],
        [[1, 2], [2, 1], None, [], [], [1, 1], [1, None]],
        (1, 1, 3),
    ),
    cells(
        "lists_of_nan_and_zeros",
        pa.list_(F64),
        [[NAN, -0.0], [NAN], [NAN]],
        [[NAN, 0.0], [None], [NAN, NAN]],
        (0, 0, 2),
    ),
    cells(
        "lists_of_a_wider_type_compare_exactly",
        pa.list_(I64),
        [[1, 2**53 + 1], [1, 2**53], [0]],
        [[1.0, 2.0**53], [1.0, 2.0**53], [-0.0]],
        (0, 0, 1),
        to_type=pa.list_(F64),
    ),
    cells(
        "lists_of_structs",
        pa.list_(POINT),
        [[{"x": 1, "y": NAN}, None], [{"x": 1, "y": 1.0}], [None]],
        [[{"x": 1, "y": NAN}, None], [{"x": 1, "y": 1.5}], [{"x": None, "y": None}]],
        (0, 0, 2),
    ),
    cells(
        "lists_of_lists",
        pa.list_(pa.list_(I64)),
        [[[1], [2]], [[1, 2]], [[], None]],
        [[[1], [2]], [[1], [2]], [None, []]],
        (0, 0, 2),
    ),
    cells(
        "lists_of_fixed_and_of_any_size",
        pa.list_(I64, 2),
        [[1, 2], [3, 4]],
        [[1, 2], [3, 5]],
        (0, 0, 1),
        to_type=pa.list_(I64),
        loose_types=("v",),
    ),
    cells(
        "large_lists_are_lists",
        pa.large_list(I64),
        [[1, 2], None],
        [[1, 2], []],
        (1, 0, 0),
        to_type=pa.list_(I64),
    ),
    cells(
        "maps_are_sets_of_entries",
        TAGS,
        [[("a", 1), ("b", 2)], [("a", 1)], [("a", 1)], [], [("a", None)], [("a", 1), ("b", 2)]],
        [[("b", 2), ("a", 1)], [("a", 2)], [], None, [("a", 0)], [("a", 2), ("b", 1)]],
        (0, 1, 4),
    ),
    cells(
        "maps_in_structs",
        struct(m=TAGS),
        [{"m": [("a", 1), ("b", None)]}, {"m": [("a", 1)]}],
        [{"m": [("b", None), ("a", 1)]}, {"m": None}],
        (0, 0, 1),
    ),
    cells(
        "maps_of_structs_in_lists",
        pa.list_(pa.map_(I64, POINT)),
        [[[(1, {"x": 1, "y": NAN}), (2, None)]], [[(1, {"x": 1, "y": 0.0})], None]],
        [[[(2, None), (1, {"x": 1, "y": NAN})]], [None, [(1, {"x": 1, "y": 0.0})]]],
        (0, 0, 1),
    ),
    cells(
        "maps_of_a_wider_type",
        pa.map_(I32, pa.float32()),
        [[(1, 0.5), (2, -0.0)], [(1, 0.1)]],
        [[(2, 0.0), (1, 0.5)], [(1, 0.1)]],
        (0, 0, 1),
        to_type=pa.map_(I64, F64),
    ),
    cells(
        "structs_with_odd_field_names",
        struct(**{"a.b": I64, 'q"': TEXT, "select": F64}),
        [{"a.b": 1, 'q"': "x", "select": NAN}],
        [{"a.b": 1, 'q"': "y", "select": NAN}],
        (0, 0, 1),
    ),
    cells(
        "text_in_nested_values_is_exact",
        pa.list_(TEXT),
        [["a,b"], ["a", ""], ["NULL"], ['"']],
        [["a", "b"], ["a"], [None], ["'"]],
        (0, 0, 4),
    ),
    cells(
        "blobs_and_times_in_nested_values",
        struct(b=pa.binary(), t=pa.timestamp("ns"), d=pa.decimal128(38, 4)),
        [{"b": b"\0", "t": 1, "d": Dec("1.5")}, {"b": b"", "t": 1, "d": Dec("1.5")}],
        [{"b": b"\0", "t": 2, "d": Dec("1.5")}, {"b": b"", "t": 1, "d": Dec("1.5000")}],
        (0, 0, 1),
    ),
    cells(
        "deeply_nested_values",
        pa.list_(struct(l=pa.list_(struct(m=pa.map_(TEXT, pa.list_(F64)))))),
        [[{"l": [{"m": [("k", [NAN, 1.0])]}]}], [{"l": [{"m": [("k", [1.0])]}]}]],
        [[{"l": [{"m": [("k", [NAN, 1.0])]}]}], [{"l": [{"m": [("k", [None])]}]}]],
        (0, 0, 1),
    ),
]

CASES = [*TO_TEXT, *NOT_COMPARED, *COMPARED, *FIELDS, *NULLS, *NESTED]
