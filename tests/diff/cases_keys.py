"""Keys that are NULL, repeated, pasted together, of odd types, or gone."""

from datetime import date
from decimal import Decimal as Dec

import pyarrow as pa

from tests.diff.cases_build import pair, rows
from tests.diff.cases_pair import Pair, Side

NAN = float("nan")
I64, I32, F64, TEXT, BOOL = pa.int64(), pa.int32(), pa.float64(), pa.string(), pa.bool_()
TIV = {"a": TEXT, "b": TEXT, "v": I64}


def of_key(
    name: str,
    type_: pa.DataType,
    before: list[object],
    after: list[object],
    counts: tuple[int, int, int],
    *,
    to_type: pa.DataType | None = None,
    loose_types: tuple[str, ...] = (),
) -> Pair:
    """Builds a pair keyed by ``k``, whose values are all 1 before and all 2 after.

    So every matched row is updated: the counts are inserted, deleted, updated.
    """
    return pair(
        name,
        rows({"k": type_, "v": I64}, *((k, 1) for k in before)),
        rows({"k": to_type or type_, "v": I64}, *((k, 2) for k in after)),
        declared="k",
        rows=(*counts, 0),
        loose_types=loose_types,
    )


OF_TYPES = [
    of_key("null_keys_match", I64, [None, 1], [None, 2], (1, 1, 1)),
    of_key("a_null_key_is_not_the_text_null", TEXT, [None, "NULL"], ["", "NULL"], (1, 1, 1)),
    of_key("nan_keys_match", F64, [NAN, 1.0, None], [NAN, None], (0, 1, 2)),
    of_key("zeros_are_one_key", F64, [0.0, 1.0], [-0.0, 1.5], (1, 1, 1)),
    of_key(
        "bigint_keys_match_double_keys_exactly",
        I64,
        [2**53, 2**53 + 1, 2**63 - 1],
        [2.0**53, 2.0**63, 2.0**53 + 2],
        (2, 2, 1),
        to_type=F64,
    ),
    of_key(
        "decimal_keys_match_at_any_scale",
        pa.decimal128(9, 2),
        [Dec("1.50"), Dec("1.51")],
        [Dec("1.5"), Dec("1.6")],
        (1, 1, 1),
        to_type=pa.decimal128(9, 1),
    ),
    of_key(
        "integer_keys_of_another_width_match", I32, [1, 2, -1], [1, 2, -1], (0, 0, 3), to_type=I64
    ),
    of_key(
        "unsigned_keys_match_by_value",
        pa.uint64(),
        [2**64 - 1, 1],
        [-1, 1],
        (1, 1, 1),
        to_type=I64,
    ),
    of_key(
        "integer_keys_match_their_text",
        I64,
        [7, 8, None],
        ["7", "07", "8", None],
        (1, 0, 3),
        to_type=TEXT,
    ),
    of_key(
        "text_keys_match_the_integers_they_write",
        TEXT,
        ["7", "07", "x", "+8"],
        [7, 8],
        (1, 3, 1),
        to_type=I64,
    ),
    of_key(
        "timestamp_keys_match_at_the_finer_precision",
        pa.timestamp("us"),
        [1, 2],
        [1000, 2001],
        (1, 1, 1),
        to_type=pa.timestamp("ns"),
    ),
    of_key(
        "date_keys_match_their_midnights",
        pa.date32(),
        [date(2024, 1, 31)],
        [1_706_659_200_000_000, 1],
        (1, 0, 1),
        to_type=pa.timestamp("us"),
    ),
    of_key("date_keys", pa.date32(), [date(2024, 1, 31)], [date(2024, 1, 31)], (0, 0, 1)),
    of_key("boolean_keys", BOOL, [True, None], [False, None, True], (1, 0, 2)),
    of_key(
        "blob_keys_go_on_after_a_zero_byte",
        pa.binary(),
        [b"a\0b", b"a\0", b""],
        [b"a\0c", b"a", b""],
        (2, 2, 1),
    ),
    of_key("uuid_keys", pa.uuid(), [b"\0" * 16, b"\1" * 16], [b"\0" * 16], (0, 1, 1)),
    of_key(
        "keys_differ_in_case_blanks_and_composition",
        TEXT,
        ["A", "a ", "\u00e9", "x"],
        ["a", "a", "e\u0301", "x"],
        (3, 3, 1),
    ),
    of_key(
        "struct_keys",
        pa.struct([("x", I64), ("y", F64)]),
        [{"x": 1, "y": NAN}, {"x": 1, "y": -0.0}, None],
        [{"x": 1, "y": NAN}, {"x": 1, "y": 0.0}, {"x": None, "y": None}],
        (1, 1, 2),
    ),
    of_key(
        "list_keys", pa.list_(TEXT), [["a", "b"], ["a,b"], []], [["a", "b"], None, []], (1, 1, 2)
    ),
    of_key(
        "map_keys_are_sets_of_entries",
        pa.map_(TEXT, I64),
        [[("a", 1), ("b", 2)], [("a", 1)]],
        [[("b", 2), ("a", 1)], [("a", 2)]],
        (1, 1, 1),
    ),
    of_key(
        "dictionary_keys_match_plain_keys",
        pa.dictionary(pa.int8(), TEXT),
        ["a", "b", None],
        ["b", "c", None],
        (1, 1, 2),
        to_type=TEXT,
    ),
    of_key("keys_that_are_all_null", I64, [None], [None], (0, 0, 1)),
    of_key(
        "keys_of_no_type_match_null_keys",
        pa.null(),
        [None],
        [None, 1],
        (1, 0, 1),
        to_type=I64,
        loose_types=("k",),
    ),
]

COMPOSITE = [
    pair(
        "key_parts_are_not_pasted_together",
        rows(TIV, ("a", "bc", 1), ("1,2", "3", 1), ("x", "", 1), ("y", "z", 1)),
        rows(TIV, ("ab", "c", 1), ("1", "2,3", 1), ("", "x", 1), ("y", "z", 2)),
        declared=("a", "b"),
        rows=(3, 3, 1, 0),
    ),
    pair(
        "key_parts_with_separators_are_not_pasted_together",
        rows(TIV, ("a\0", "b", 1), ("a|", "b", 1), ("a\x1f", "b", 1), ('a"', "b", 1)),
        rows(TIV, ("a", "\0b", 1), ("a", "|b", 1), ("a", "\x1fb", 1), ("a", '"b', 1)),
        declared=("a", "b"),
        rows=(4, 4, 0, 0),
    ),
    pair(
        "null_parts_of_a_key_match",
        rows(TIV, (None, "a", 1), ("a", None, 1), (None, None, 1), ("NULL", "a", 1)),
        rows(TIV, (None, "a", 2), ("a", None, 1), (None, None, 2), ("", "a", 1)),
        declared=("a", "b"),
        rows=(1, 1, 2, 0),
        problems=(3, 3, 0, 0),
    ),
    pair(
        "key_parts_exchanged_are_another_key",
        rows("a b v", (1, 2, 1), (3, 3, 1)),
        rows("a b v", (2, 1, 1), (3, 3, 2)),
        declared=("a", "b"),
        rows=(1, 1, 1, 0),
    ),
    pair(
        "keys_of_five_columns",
        rows("a b c d e v", (1, 1, 1, 1, 1, 1), (1, 1, 1, 1, None, 1)),
        rows("e d c b a v", (1, 1, 1, 1, 1, 2), (None, 1, 1, 1, 1, 1)),
        declared=("a", "b", "c", "d", "e"),
        rows=(0, 0, 1, 0),
    ),
    pair(
        "all_columns_are_key_columns",
        rows("a b", (1, 1), (1, 2), (2, None)),
        rows("a b", (1, 1), (1, 3), (2, None)),
        declared=("a", "b"),
        rows=(1, 1, 0, 0),
    ),
]

DUPLICATES = [
    pair(
        "one_of_two_rows_of_a_key_changes",
        rows("id v", (1, 10), (1, 20)),
        rows("id v", (1, 20), (1, 30)),
        rows=(0, 0, 1, 0),
        cells={"v": (0, 0, 1)},
        problems=(0, 0, 2, 2),
    ),
    pair(
        "both_rows_of_a_key_change",
        rows("id v", (1, 10), (1, 20), (2, 1)),
        rows("id v", (1, 30), (1, 40), (2, 2)),
        rows=(2, 2, 1, 0),
        problems=(0, 0, 2, 2),
    ),
    pair(
        "a_second_equal_copy_is_inserted",
        rows("id v", (1, 10)),
        rows("id v", (1, 10), (1, 10)),
        rows=(1, 0, 0, 0),
        problems=(0, 0, 0, 2),
    ),
    pair(
        "one_of_three_equal_copies_is_deleted",
        rows("id v", (1, 10), (1, 10), (1, 10), (2, 1)),
        rows("id v", (1, 10), (2, 1), (1, 10)),
        rows=(0, 1, 0, 0),
        problems=(0, 0, 3, 2),
    ),
    pair(
        "a_repeated_key_becomes_a_single_one",
        rows("id v", (1, 10), (1, 20)),
        rows("id v", (1, 30)),
        rows=(1, 2, 0, 0),
        problems=(0, 0, 2, 0),
    ),
    pair(
        "rows_of_a_key_in_another_order_are_no_change",
        rows("id v", (1, 10), (1, 20), (2, 5), (1, 30)),
        rows("id v", (1, 30), (1, 20), (1, 10), (2, 5)),
        rows=(0, 0, 0, 0),
        problems=(0, 0, 3, 3),
    ),
    pair(
        "values_exchanged_between_rows_of_one_key",
        rows("id a b", (1, 1, 1), (1, 2, 2), (2, 5, 5)),
        rows("id a b", (1, 1, 2), (1, 2, 1), (2, 5, 5)),
        rows=(2, 2, 0, 0),
    ),
    pair(
        "values_exchanged_between_two_keys",
        rows("id a b", (1, 1, 1), (2, 2, 2)),
        rows("id a b", (1, 1, 2), (2, 2, 1)),
        rows=(0, 0, 2, 0),
        cells={"a": (0, 0, 0), "b": (0, 0, 2)},
    ),
    pair(
        "keys_exchanged_between_two_rows",
        rows("id v", (1, 1), (2, 2), (3, 3)),
        rows("id v", (2, 1), (1, 2), (3, 3)),
        rows=(0, 0, 2, 0),
    ),
    pair(
        "null_keys_that_repeat",
        rows("id v", (None, 1), (None, 2), (None, 3), (1, 1)),
        rows("id v", (None, 3), (None, 2), (None, 4), (1, 1)),
        rows=(0, 0, 1, 0),
        problems=(3, 3, 3, 3),
    ),
    pair(
        "nan_values_of_a_repeated_key_cancel",
        rows({"id": I64, "v": F64}, (1, NAN), (1, 0.0), (1, None), (1, 1.0)),
        rows({"id": I64, "v": F64}, (1, None), (1, -0.0), (1, 2.0), (1, NAN)),
        rows=(0, 0, 1, 0),
    ),
    pair(
        "two_thousand_rows_of_one_key",
        rows("id v", *((1, i) for i in range(2000))),
        rows("id v", *((1, i) for i in range(1, 2001))),
        rows=(0, 0, 1, 0),
        problems=(0, 0, 2000, 2000),
    ),
    pair(
        "a_key_repeated_over_two_files",
        {"a.parquet": rows("id v", (1, 1), (2, 2)), "b.parquet": rows("id v", (1, 5), (3, 3))},
        {"a.parquet": rows("id v", (1, 5), (2, 2)), "b.parquet": rows("id v", (1, 7), (3, 3))},
        rows=(0, 0, 1, 0),
        problems=(0, 0, 2, 2),
    ),
    pair(
        "a_key_also_in_a_file_both_sides_have",
        {"a.parquet": rows("id v", (1, 1), (2, 2)), "b.parquet": rows("id v", (1, 5))},
        {"a.parquet": rows("id v", (1, 1), (2, 2)), "b.parquet": rows("id v", (1, 7))},
        rows=(0, 0, 1, 0),
        problems=(0, 0, 0, 0),
    ),
    pair(
        "a_copy_of_a_row_in_a_file_both_sides_have",
        {"a.parquet": rows("id v", (1, 1), (2, 2))},
        {"a.parquet": rows("id v", (1, 1), (2, 2)), "b.parquet": rows("id v", (1, 1))},
        rows=(1, 0, 0, 0),
        problems=(0, 0, 0, 0),
    ),
]

KEYLESS = [
    pair(
        "without_a_key_rows_are_a_multiset",
        rows("id v", (1, 1), (1, 1), (2, None), (3, 3)),
        rows("id v", (3, 3), (2, None), (1, 1), (1, 2)),
        declared=(),
        rows=(1, 1, 0, 0),
    ),
    pair(
        "without_a_key_nan_and_zeros_are_equal",
        rows({"v": F64, "w": F64}, (NAN, 0.0), (None, NAN), (1.0, 1.0)),
        rows({"v": F64, "w": F64}, (None, NAN), (NAN, -0.0), (1.0, NAN)),
        declared=(),
        rows=(1, 1, 0, 0),
    ),
    pair(
        "without_a_key_columns_in_another_order_are_no_change",
        rows("a b", (1, 2), (3, 4)),
        rows("b a", (4, 3), (2, 1)),
        declared=(),
        rows=(0, 0, 0, 0),
    ),
    pair(
        "without_a_key_values_exchanged_between_rows_are_seen",
        rows("a b", (1, 1), (2, 2)),
        rows("a b", (1, 2), (2, 1)),
        declared=(),
        rows=(2, 2, 0, 0),
    ),
    pair(
        "without_a_key_an_added_column_is_not_part_of_the_row",
        rows("a", (1,), (1,), (2,)),
        rows("a w", (1, None), (1, 5), (1, 6), (2, None), (3, 7)),
        declared=(),
        rows=(2, 0, 0, 0),
        added={"w": 2},
    ),
    pair(
        "without_a_key_types_compare_by_value",
        rows(
            {"a": I32, "b": pa.decimal128(9, 2)},
            (1, Dec("1.50")),
            (2, Dec("0.00")),
            (2, Dec("0.00")),
        ),
        rows({"a": I64, "b": F64}, (2, -0.0), (1, 1.5), (2, 0.1)),
        declared=(),
        rows=(1, 1, 0, 0),
    ),
    pair(
        "without_a_key_a_column_that_is_not_compared_is_left_out",
        rows({"a": I64, "b": pa.list_(I64)}, (1, [5]), (1, [6]), (2, [7])),
        rows({"a": I64, "b": I64}, (1, 5), (2, 6), (2, 7)),
        declared=(),
        rows=(1, 1, 0, 0),
    ),
    pair(
        "without_a_key_booleans_are_numbers",
        rows({"a": I64, "b": BOOL}, (1, True), (1, False), (2, True)),
        rows({"a": I64, "b": I64}, (1, 5), (1, 0), (2, 1)),
        declared=(),
        rows=(1, 1, 0, 0),
    ),
    pair(
        "without_a_key_nested_rows",
        rows({"m": pa.map_(TEXT, F64)}, ([("a", NAN), ("b", 0.0)],), (None,)),
        rows({"m": pa.map_(TEXT, F64)}, ([("b", -0.0), ("a", NAN)],), ([],)),
        declared=(),
        rows=(1, 1, 0, 0),
    ),
]

ASKED_FOR = [
    pair(
        "the_key_asked_for_wins",
        rows("id v", (1, 10), (2, 20)),
        rows("id v", (5, 10), (2, 30)),
        key=("v",),
        rows=(1, 1, 1, 0),
        cells={"id": (0, 0, 1)},
    ),
    pair(
        "a_key_asked_for_where_none_is_declared",
        rows("id v", (1, 10), (2, 20)),
        rows("id v", (1, 11), (2, 20)),
        declared=(),
        key=("id",),
        rows=(0, 0, 1, 0),
    ),
    Pair(
        "the_key_of_the_later_side_wins",
        Side({"a.parquet": rows("id v", (1, 10), (2, 20))}, ("id",)),
        Side({"a.parquet": rows("id v", (5, 10), (2, 30))}, ("v",)),
        rows=(1, 1, 1, 0),
    ),
    Pair(
        "a_key_is_declared_later",
        Side({"a.parquet": rows("id v", (1, 10), (2, 20))}),
        Side({"a.parquet": rows("id v", (1, 11), (2, 20))}, ("id",)),
        rows=(0, 0, 1, 0),
    ),
    Pair(
        "a_key_gets_a_second_column",
        Side({"a.parquet": rows("id v w", (1, 10, 1), (2, 20, 1))}, ("id",)),
        Side({"a.parquet": rows("id v w", (1, 11, 1), (2, 20, 2))}, ("id", "v")),
        rows=(1, 1, 1, 0),
    ),
]

CASES = [*OF_TYPES, *COMPOSITE, *DUPLICATES, *KEYLESS, *ASKED_FOR]
