"""The same rows written otherwise, empty versions, and schemas that change."""

import random
from itertools import pairwise

import pyarrow as pa

from tests.diff.cases_build import pair, rows
from tests.diff.cases_pair import Pair

NAN = float("nan")
I64, I32, F64, F32, TEXT = pa.int64(), pa.int32(), pa.float64(), pa.float32(), pa.string()
KSF = {"id": I64, "s": TEXT, "f": F64}
BASE = rows(
    KSF, *((i, f"text {i % 7}" if i % 5 else None, i / 4 if i % 3 else NAN) for i in range(40))
)
CHANGED = BASE.set_column(1, "s", pa.array([*BASE["s"].to_pylist()[:39], "new"], TEXT))
NONE = (0, 0, 0, 0)
BLOCK = 65_536
"""Rows of one fingerprint block."""


def recast(type_: pa.DataType) -> pa.Table:
    """Gives the base rows with their text in another Arrow type."""
    return BASE.set_column(1, "s", BASE["s"].cast(type_))


def required() -> pa.Table:
    """Gives the base rows with a key column that cannot be NULL."""
    schema = BASE.schema.set(0, pa.field("id", I64, nullable=False))
    return BASE.cast(schema)


def shuffled(table: pa.Table) -> pa.Table:
    """Gives rows in an order that does not follow anything."""
    order = list(range(table.num_rows))
    random.Random(7).shuffle(order)
    return table.take(order)


def numbered(*changes: tuple[int, int], count: int = BLOCK + 100) -> pa.Table:
    """Builds more rows than one block holds, with a few values set."""
    values = [i % 1000 for i in range(count)]
    for at, value in changes:
        values[at] = value
    return pa.table({"id": pa.array(range(count), I64), "v": pa.array(values, I64)})


def parts(table: pa.Table, *cuts: int) -> dict[str, pa.Table]:
    """Cuts rows into files."""
    edges = [0, *cuts, table.num_rows]
    spans = pairwise(edges)
    return {f"part-{i}.parquet": table.slice(a, b - a) for i, (a, b) in enumerate(spans)}


ANY_ORDER = shuffled(BASE)
LARGE = pa.schema({"id": I64, "s": pa.large_string(), "f": F64})
SAME_ROWS = {
    "other_files": (parts(BASE, 20), parts(BASE, 5, 6, 33)),
    "one_file_of_many": (parts(BASE, 1, 2, 3), BASE),
    "other_file_names": ({"a.parquet": BASE}, {"z.parquet": BASE}),
    "another_order": (BASE, shuffled(BASE)),
    "other_row_groups": (BASE, (BASE, {"row_group_size": 3})),
    "row_groups_of_one_row": (BASE, (BASE, {"row_group_size": 1})),
    "another_codec": ((BASE, {"compression": "snappy"}), (BASE, {"compression": "zstd"})),
    "no_codec": (BASE, (BASE, {"compression": "none"})),
    "no_dictionary": (BASE, (BASE, {"use_dictionary": False})),
    "no_statistics": (BASE, (BASE, {"write_statistics": False})),
    "data_pages_of_version_2": (BASE, (BASE, {"data_page_version": "2.0"})),
    "an_older_format": (BASE, (BASE, {"version": "1.0"})),
    "delta_encoding": (
        BASE,
        (
            BASE,
            {
                "use_dictionary": False,
                "column_encoding": {
                    "id": "DELTA_BINARY_PACKED",
                    "s": "DELTA_BYTE_ARRAY",
                    "f": "BYTE_STREAM_SPLIT",
                },
            },
        ),
    ),
    "large_strings": (BASE, recast(pa.large_string())),
    "string_views": (BASE, recast(pa.string_view())),
    "dictionary_type": (BASE, recast(pa.dictionary(pa.int32(), TEXT))),
    "a_required_column": (BASE, required()),
    "an_optional_column": (required(), BASE),
    "columns_in_another_order": (BASE, BASE.select(["f", "s", "id"])),
    "everything_at_once": (
        parts(BASE, 11),
        {
            "x.parquet": (ANY_ORDER.slice(0, 3).select(["s", "id", "f"]), {"row_group_size": 1}),
            "y.parquet": (ANY_ORDER.slice(3).cast(LARGE), {"compression": "gzip"}),
        },
    ),
}

REWRITTEN = [
    *(
        pair(f"same_rows_with_{name}", before, after, rows=NONE)
        for name, (before, after) in SAME_ROWS.items()
    ),
    *(
        pair(f"same_rows_without_a_key_with_{name}", before, after, declared=(), rows=NONE)
        for name, (before, after) in SAME_ROWS.items()
        if name in ("other_files", "another_order", "a_required_column", "everything_at_once")
    ),
    pair("same_bytes", BASE, BASE, rows=NONE),
    pair("one_cell_and_another_order", BASE, shuffled(CHANGED), rows=(0, 0, 1, 0)),
    pair(
        "one_cell_and_other_files",
        parts(BASE, 20),
        parts(shuffled(CHANGED), 3, 30),
        rows=(0, 0, 1, 0),
        cells={"s": (0, 0, 1)},
    ),
    pair(
        "the_same_file_twice",
        {"a.parquet": rows("id v", (1, 1), (2, 2))},
        {"a.parquet": rows("id v", (1, 1), (2, 2)), "b.parquet": rows("id v", (1, 1), (2, 2))},
        rows=(2, 0, 0, 0),
        problems=(0, 0, 0, 0),
    ),
    pair(
        "one_of_two_equal_files_goes",
        {"a.parquet": rows("id v", (1, 1)), "b.parquet": rows("id v", (1, 1))},
        {"b.parquet": rows("id v", (1, 1))},
        declared=(),
        rows=(0, 1, 0, 0),
    ),
    pair(
        "changes_at_the_edges_of_blocks",
        numbered(),
        numbered((0, -1), (BLOCK - 1, -1), (BLOCK, -1), (BLOCK + 99, -1)),
        rows=(0, 0, 4, 0),
        cells={"v": (0, 0, 4)},
    ),
    pair(
        "a_row_inserted_before_all_others",
        numbered().slice(1),
        numbered((70, -1)),
        rows=(1, 0, 1, 0),
    ),
]

UNTYPED = {"id": I64, "v": pa.null()}
ROW_1, ROW_2 = rows("id v", (1, 1)), rows("id v", (1, 1), (2, None))
EMPTY = rows("id v")

SIZES = [
    pair("first_empty_then_full", EMPTY, ROW_2, rows=(2, 0, 0, 0)),
    pair("first_full_then_empty", ROW_2, EMPTY, rows=(0, 2, 0, 0)),
    pair("without_a_key_first_empty_then_full", EMPTY, ROW_2, declared=(), rows=(2, 0, 0, 0)),
    pair("without_a_key_all_rows_deleted", ROW_2, EMPTY, declared=(), rows=(0, 2, 0, 0)),
    pair("empty_on_both_sides", EMPTY, rows("id v w"), rows=NONE, added={"w": 0}),
    pair("all_files_gone", {"a.parquet": ROW_2}, {}, rows=(0, 2, 0, 0)),
    pair("one_row_updated", ROW_1, rows("id v", (1, 2)), rows=(0, 0, 1, 0)),
    pair("one_row_of_another_key", ROW_1, rows("id v", (2, 1)), rows=(1, 1, 0, 0)),
    pair("one_row_unchanged_in_another_file", ROW_1, (ROW_1, {"compression": "none"}), rows=NONE),
    pair(
        "files_without_rows_beside_others",
        {"a.parquet": EMPTY, "b.parquet": ROW_1},
        {"a.parquet": ROW_1, "b.parquet": EMPTY, "c.parquet": (EMPTY, {"compression": "none"})},
        rows=NONE,
    ),
    pair(
        "empty_and_then_of_another_type",
        EMPTY,
        rows({"id": I64, "v": TEXT}, (1, "a")),
        rows=(1, 0, 0, 0),
    ),
]

SCHEMAS = [
    pair(
        "a_column_is_added",
        rows("id v", (1, 1), (2, 2), (3, 3), (4, 4)),
        rows("id v w", (1, 1, 7), (2, 9, 8), (3, 3, None), (5, 5, 5)),
        rows=(1, 1, 1, 0),
        added={"w": 2},
        cells={"v": (0, 0, 1)},
    ),
    pair(
        "an_added_column_without_values",
        rows("id", (1,), (2,)),
        rows("id w", (1, None), (2, None)),
        rows=NONE,
        added={"w": 0},
    ),
    pair(
        "a_nested_column_is_added",
        rows("id", (1,), (2,), (3,)),
        rows({"id": I64, "w": pa.struct([("x", I64)])}, (1, {"x": None}), (2, None), (3, {"x": 1})),
        rows=NONE,
        added={"w": 2},
    ),
    pair(
        "an_added_column_where_keys_repeat",
        rows("id v", (1, 1), (1, 1), (1, 2), (2, 5)),
        rows("id v w", (1, 1, None), (1, 1, 4), (1, 1, 4), (2, 6, 1)),
        rows=(0, 0, 2, 0),
        added={"w": 3},
    ),
    pair(
        "an_added_column_beside_a_file_both_sides_have",
        {"a.parquet": rows("id v", (1, 1), (2, 2))},
        {
            "a.parquet": rows("id v", (1, 1), (2, 2)),
            "b.parquet": rows("id v w", (1, 1, 9), (3, 3, 9)),
        },
        rows=(2, 0, 0, 0),
        added={"w": 0},
    ),
    pair(
        "a_column_is_removed",
        rows("id v w", (1, 1, 1), (2, 2, 2)),
        rows("id v", (1, 1), (2, 3)),
        rows=(0, 0, 1, 0),
    ),
    pair(
        "a_column_with_another_name_is_another_column",
        rows("id old v", (1, 1, 1), (2, 2, 2)),
        rows("id new v", (1, 1, 1), (2, 2, 3)),
        rows=(0, 0, 1, 0),
        added={"new": 2},
    ),
    pair(
        "two_columns_exchange_their_names",
        rows("id a b", (1, 1, 2), (2, 3, 3)),
        rows("id b a", (1, 1, 2), (2, 3, 3)),
        rows=(0, 0, 1, 0),
        cells={"a": (0, 0, 1), "b": (0, 0, 1)},
    ),
    pair(
        "all_value_columns_are_replaced",
        rows("id v", (1, 1), (2, 2)),
        rows("id w", (1, 5), (3, None)),
        rows=(1, 1, 0, 0),
        added={"w": 1},
    ),
    pair(
        "a_later_file_has_a_further_column",
        {"a.parquet": rows("id v", (1, 1)), "b.parquet": rows("id v", (2, 2))},
        {"a.parquet": rows("id v", (1, 1)), "b.parquet": rows("id v w", (2, 2, 9))},
        rows=NONE,
        added={"w": 1},
    ),
    pair(
        "files_with_and_without_a_column",
        {"a.parquet": rows("id v w", (1, 1, 1)), "b.parquet": rows("id v", (2, 2))},
        {"a.parquet": rows("id v", (1, 1)), "b.parquet": rows("w id v", (9, 2, 2))},
        rows=(0, 0, 2, 0),
        cells={"w": (1, 1, 0)},
    ),
    pair(
        "a_missing_column_against_one_of_nulls_is_no_change",
        {"a.parquet": rows("id v", (1, 1)), "b.parquet": rows("id v w", (2, 2, 3))},
        {"a.parquet": rows("id v w", (1, 1, None)), "b.parquet": rows("id v w", (2, 2, 3))},
        rows=NONE,
    ),
    pair(
        "files_of_integers_of_two_widths",
        {"a.parquet": rows({"id": I32, "v": I32}, (1, 1)), "b.parquet": rows("id v", (2, 2**40))},
        {"a.parquet": rows("id v", (1, 1)), "b.parquet": rows({"id": I64, "v": I32}, (2, 5))},
        rows=(0, 0, 1, 0),
        loose_types=("v",),
    ),
    pair(
        "files_of_floats_and_doubles",
        {
            "a.parquet": rows({"id": I64, "v": F32}, (1, 0.1), (2, NAN)),
            "b.parquet": rows({"id": I64, "v": F64}, (3, 0.1), (4, 0.5)),
        },
        {
            "a.parquet": rows({"id": I64, "v": F64}, (1, 0.1), (2, NAN)),
            "b.parquet": rows({"id": I64, "v": F32}, (3, 0.1), (4, 0.5)),
        },
        rows=(0, 0, 2, 0),
    ),
    pair(
        "files_with_columns_in_other_orders",
        {"a.parquet": rows("id v w", (1, 2, 3)), "b.parquet": rows("w v id", (6, 5, 4))},
        {"a.parquet": rows("v w id", (2, 3, 1)), "b.parquet": rows("id w v", (4, 5, 6))},
        rows=(0, 0, 1, 0),
        cells={"v": (0, 0, 1), "w": (0, 0, 1)},
    ),
    pair(
        "a_file_of_no_type_beside_one_of_integers",
        {
            "a.parquet": rows(UNTYPED, (1, None)),
            "b.parquet": rows("id v", (2, 2)),
        },
        {
            "a.parquet": rows("id v", (1, 5)),
            "b.parquet": rows(UNTYPED, (2, None)),
        },
        rows=(0, 0, 2, 0),
        cells={"v": (1, 1, 0)},
        loose_types=("v",),
    ),
]

ASKED_FOR: list[Pair] = [
    pair(
        "columns_asked_for_are_the_only_ones_compared",
        rows("id a b", (1, 1, 1), (2, 1, 1), (3, 1, 1)),
        rows("id a b", (1, 2, 1), (2, 1, 2), (4, 1, 1)),
        columns=("a",),
        rows=(1, 1, 1, 0),
        cells={"a": (0, 0, 1)},
    ),
    pair(
        "columns_asked_for_decide_which_rows_of_a_key_cancel",
        rows("id a b", (1, 1, 1), (1, 2, 2)),
        rows("id a b", (1, 1, 9), (1, 3, 2)),
        columns=("a",),
        rows=(0, 0, 1, 0),
    ),
    pair(
        "columns_asked_for_are_the_whole_row_without_a_key",
        rows("id a b", (1, 1, 1), (2, 1, 1)),
        rows("id a b", (7, 1, 5), (8, 2, 6)),
        declared=(),
        columns=("a",),
        rows=(1, 1, 0, 0),
    ),
    pair(
        "an_absolute_tolerance",
        rows({"id": I64, "v": F64, "w": F64}, *((i, 1.0, 1.0) for i in range(5)), (5, None, NAN)),
        rows(
            {"id": I64, "v": F64, "w": F64},
            (0, 1.5, 1.0),
            (1, 0.5, 1.0),
            (2, 1.75, 1.0),
            (3, NAN, 1.0),
            (4, 1.25, 2.0),
            (5, 1.0, 1.0),
        ),
        tolerance={"v": "0.5"},
        rows=(0, 0, 4, 0),
        cells={"v": (1, 0, 2), "w": (0, 0, 2)},
    ),
    pair(
        "a_relative_tolerance_is_of_the_earlier_value",
        rows("id v", (1, 100), (2, 100), (3, -100), (4, 0), (5, 0), (6, 110)),
        rows("id v", (1, 110), (2, 111), (3, -90), (4, 1), (5, 0), (6, 98)),
        tolerance={"v": "10%"},
        rows=(0, 0, 3, 0),
        cells={"v": (0, 0, 3)},
    ),
    pair(
        "a_tolerance_of_decimals_is_exact",
        rows({"id": I64, "v": pa.decimal128(38, 2)}, (0, 1), (1, 1), (2, 1)),
        rows({"id": I64, "v": pa.decimal128(38, 3)}, (0, 2), (1, 1), (2, 3)),
        tolerance={"v": "1"},
        rows=(0, 0, 1, 0),
        cells={"v": (0, 0, 1)},
    ),
    pair(
        "a_tolerance_over_two_types",
        rows({"id": I64, "v": I64}, (1, 2**53 + 1), (2, 5), (3, 5)),
        rows({"id": I64, "v": F64}, (1, 2.0**53), (2, 5.25), (3, 7.5)),
        tolerance={"v": "1"},
        rows=(0, 0, 1, 0),
        cells={"v": (0, 0, 1)},
    ),
    pair(
        "a_tolerance_where_keys_repeat",
        rows("id v", (1, 10), (1, 11), (2, 10), (2, 20), (3, 1), (3, 2)),
        rows("id v", (1, 11), (1, 12), (2, 20), (2, 13), (3, 1), (3, 2)),
        tolerance={"v": "2"},
        rows=(0, 0, 1, 0),
        cells={"v": (0, 0, 1)},
    ),
    pair(
        "a_tolerance_and_an_added_column",
        rows("id v", (1, 10), (2, 10)),
        rows("id v w", (1, 11, 5), (2, 15, 5)),
        tolerance={"v": "2"},
        rows=(0, 0, 1, 0),
        added={"w": 2},
    ),
]

CASES = [*REWRITTEN, *SIZES, *SCHEMAS, *ASKED_FOR]
