"""Hive-style partitions: odd values, typed columns, rows that move."""

import pyarrow as pa

from tests.diff.cases_build import pair, rows
from tests.diff.cases_pair import Pair, Side

I64, I32, TEXT = pa.int64(), pa.int32(), pa.string()
NONE = (0, 0, 0, 0)


def values(name: str, *segments: str) -> Pair:
    """Builds a pair in which every partition has one row updated and one inserted."""
    before = {
        f"{segment}/a.parquet": rows("id v", (i, i), (i + 100, None))
        for i, segment in enumerate(segments)
    }
    after = {
        f"{segment}/a.parquet": rows("id v", (i, i + 1), (i + 100, None), (i + 200, 0))
        for i, segment in enumerate(segments)
    }
    return pair(name, before, after, rows=(len(segments), 0, len(segments), 0))


VALUES = [
    values("partitions_of_integers", "p=1", "p=2", "p=10", "p=-1", "p=0"),
    values("partitions_with_and_without_leading_zeros", "p=01", "p=1", "p=001"),
    values("partitions_of_dates", "day=2024-01-31", "day=2024-02-01"),
    values("a_partition_of_null", "p=__HIVE_DEFAULT_PARTITION__", "p=a"),
    values("a_partition_of_null_among_integers", "p=__HIVE_DEFAULT_PARTITION__", "p=7"),
    values("a_partition_of_null_alone", "p=__HIVE_DEFAULT_PARTITION__"),
    values("partitions_with_escapes", "p=a%2Fb", "p=a%3Db", "p=100%25", "p=%2E%2E", "p=a"),
    values("partitions_with_an_equals_sign", "p=a=b", "p=a", "p=b"),
    values("partitions_with_blanks", "p=a b", "p=a", "p= a", "p=%20"),
    values("a_partition_of_empty_text", "p=", "p=a"),
    values("partitions_of_scripts_and_emoji", "p=Zürich", "p=東京", "p=🦆", "p=Zu\u0308rich"),
    values("partitions_that_differ_in_case_only", "p=A", "p=a"),
    values("partitions_that_look_like_null", "p=NULL", "p=null", "p=None", "p=nan"),
    values("partitions_that_look_like_booleans", "p=true", "p=false"),
    values("partitions_that_look_like_decimals", "p=1.50", "p=1.5"),
    values("partitions_with_quotes", "p=o'clock", 'p="x"'),
    values("two_partition_columns", "p=1/q=a", "p=1/q=b", "p=2/q=a"),
    values("two_partition_columns_that_collide_when_pasted", "p=a/q=bc", "p=ab/q=c"),
    values("three_partition_columns", "y=2024/m=01/d=31", "y=2024/m=02/d=01"),
    values("a_partition_column_in_capitals", "Day=1", "Day=2"),
    values("a_partition_column_of_a_taken_name", "_from=1", "_from=2"),
    values("a_partition_column_named_like_a_keyword", "select=1", "select=2"),
    values("a_partition_of_the_name_of_the_file", "filename=a", "filename=b"),
    values("a_partition_column_with_a_dot_and_an_umlaut", "größe.x=1", "größe.x=2"),
]

ONE = {"p=1/a.parquet": rows("id v", (1, 1), (2, 2)), "p=2/a.parquet": rows("id v", (3, 3))}

MOVED = [
    pair(
        "a_row_moves",
        ONE,
        {"p=1/a.parquet": rows("id v", (1, 1)), "p=2/a.parquet": rows("id v", (2, 2), (3, 3))},
        rows=(0, 0, 1, 1),
        cells={"p": (0, 0, 1), "v": (0, 0, 0)},
    ),
    pair(
        "a_row_moves_and_changes",
        ONE,
        {"p=1/a.parquet": rows("id v", (1, 1)), "p=2/a.parquet": rows("id v", (2, None), (3, 3))},
        rows=(0, 0, 1, 1),
        cells={"p": (0, 0, 1), "v": (0, 1, 0)},
    ),
    pair(
        "all_rows_of_a_partition_move_to_a_new_one",
        ONE,
        {"p=3/a.parquet": rows("id v", (1, 1), (2, 2)), "p=2/a.parquet": rows("id v", (3, 3))},
        rows=(0, 0, 2, 2),
    ),
    pair(
        "two_partitions_exchange_their_rows",
        {"p=a/x.parquet": rows("id v", (1, 1)), "p=b/x.parquet": rows("id v", (2, 2))},
        {"p=b/x.parquet": rows("id v", (1, 1)), "p=a/x.parquet": rows("id v", (2, 2))},
        rows=(0, 0, 2, 2),
    ),
    pair(
        "a_row_moves_out_of_the_null_partition",
        {
            "p=__HIVE_DEFAULT_PARTITION__/a.parquet": rows("id v", (1, 1), (2, 2)),
            "p=a/a.parquet": rows("id v", (3, 3)),
        },
        {
            "p=__HIVE_DEFAULT_PARTITION__/a.parquet": rows("id v", (1, 1), (3, 3)),
            "p=a/a.parquet": rows("id v", (2, 2)),
        },
        rows=(0, 0, 2, 2),
        cells={"p": (1, 1, 0)},
    ),
    pair(
        "a_row_moves_while_its_key_stays_elsewhere",
        {"p=a/x.parquet": rows("id v", (1, 1)), "p=b/x.parquet": rows("id v", (1, 2))},
        {"p=b/x.parquet": rows("id v", (1, 2)), "p=c/x.parquet": rows("id v", (1, 1))},
        rows=(0, 0, 1, 1),
        problems=(0, 0, 0, 0),
    ),
    pair(
        "two_rows_of_a_key_move",
        {"p=a/x.parquet": rows("id v", (1, 1)), "p=b/x.parquet": rows("id v", (1, 2))},
        {"p=c/x.parquet": rows("id v", (1, 1)), "p=d/x.parquet": rows("id v", (1, 2))},
        rows=(2, 2, 0, 0),
        problems=(0, 0, 2, 2),
    ),
    pair(
        "a_key_repeats_in_two_partitions_and_one_row_changes",
        {"p=a/x.parquet": rows("id v", (1, 1), (2, 2)), "p=b/x.parquet": rows("id v", (1, 5))},
        {"p=a/x.parquet": rows("id v", (1, 1), (2, 3)), "p=b/x.parquet": rows("id v", (1, 6))},
        rows=(0, 0, 2, 0),
        problems=(0, 0, 2, 2),
    ),
    pair(
        "one_partition_has_a_row_updated_and_the_key_appears_in_another",
        {"p=a/x.parquet": rows("id v", (1, 1)), "p=b/x.parquet": rows("id v", (9, 9))},
        {"p=a/x.parquet": rows("id v", (1, 2)), "p=b/x.parquet": rows("id v", (9, 9), (1, 7))},
        rows=(2, 1, 0, 0),
        problems=(0, 0, 0, 2),
    ),
    pair(
        "a_row_is_deleted_in_one_partition_and_copied_into_two",
        {"p=a/x.parquet": rows("id v", (1, 1)), "p=b/x.parquet": rows("id v", (9, 9))},
        {"p=b/x.parquet": rows("id v", (9, 9), (1, 1)), "p=c/x.parquet": rows("id v", (1, 1))},
        rows=(2, 1, 0, 0),
    ),
    pair(
        "a_null_key_moves",
        {"p=a/x.parquet": rows("id v", (None, 1)), "p=b/x.parquet": rows("id v", (2, 2))},
        {"p=b/x.parquet": rows("id v", (None, 1), (2, 2))},
        rows=(0, 0, 1, 1),
    ),
    pair(
        "a_partition_column_in_the_key_moves_nothing",
        ONE,
        {"p=1/a.parquet": rows("id v", (1, 1)), "p=2/a.parquet": rows("id v", (2, 2), (3, 4))},
        declared=("id", "p"),
        rows=(1, 1, 1, 0),
    ),
    pair(
        "without_a_key_a_moved_row_is_deleted_and_inserted",
        ONE,
        {"p=1/a.parquet": rows("id v", (1, 1)), "p=2/a.parquet": rows("id v", (2, 2), (3, 3))},
        declared=(),
        rows=(1, 1, 0, 0),
    ),
    pair(
        "a_row_moves_in_the_second_of_two_partition_columns",
        {"p=1/q=a/x.parquet": rows("id v", (1, 1)), "p=1/q=b/x.parquet": rows("id v", (2, 2))},
        {"p=1/q=b/x.parquet": rows("id v", (2, 2), (1, 1))},
        rows=(0, 0, 1, 1),
        cells={"p": (0, 0, 0), "q": (0, 0, 1)},
    ),
]

PARTITIONS = [
    pair(
        "a_partition_is_added",
        ONE,
        {**ONE, "p=3/a.parquet": rows("id v", (4, 4))},
        rows=(1, 0, 0, 0),
    ),
    pair("a_partition_is_removed", ONE, {"p=1/a.parquet": ONE["p=1/a.parquet"]}, rows=(0, 1, 0, 0)),
    pair(
        "the_same_bytes_in_two_partitions",
        {"p=1/a.parquet": rows("id v", (1, 1)), "p=2/a.parquet": rows("id v", (1, 1))},
        {"p=1/a.parquet": rows("id v", (1, 1)), "p=3/a.parquet": rows("id v", (1, 1))},
        rows=(0, 0, 1, 1),
        problems=(0, 0, 0, 0),
    ),
    pair(
        "a_partition_column_that_is_also_in_the_file",
        {"p=1/a.parquet": rows("id p v", (1, 1, 1)), "p=2/a.parquet": rows("id p v", (2, 2, 2))},
        {"p=1/a.parquet": rows("id p v", (1, 1, 5)), "p=2/a.parquet": rows("id v", (2, 2))},
        rows=(0, 0, 1, 0),
    ),
    pair(
        "partition_values_that_become_text",
        ONE,
        {**ONE, "p=x/a.parquet": rows("id v", (4, 4))},
        rows=(1, 0, 0, 0),
        loose_types=("p",),
    ),
    pair(
        "partitions_in_other_files",
        {"p=1/a.parquet": rows("id v", (1, 1), (2, 2)), "p=2/a.parquet": rows("id v", (3, 3))},
        {
            "p=1/b.parquet": rows("id v", (2, 2)),
            "p=1/c.parquet": rows("id v", (1, 1)),
            "p=2/z.parquet": (rows("id v", (3, 3)), {"compression": "none"}),
        },
        rows=NONE,
    ),
    pair(
        "a_column_added_in_one_partition",
        ONE,
        {**ONE, "p=1/a.parquet": rows("id v w", (1, 1, 9), (2, 2, None))},
        rows=NONE,
        added={"w": 1},
    ),
    pair(
        "integers_of_another_width_in_one_partition",
        ONE,
        {
            "p=1/a.parquet": rows({"id": I32, "v": I32}, (1, 1), (2, 7)),
            "p=2/a.parquet": ONE["p=2/a.parquet"],
        },
        rows=(0, 0, 1, 0),
    ),
    pair(
        "a_partition_without_rows",
        ONE,
        {"p=1/a.parquet": rows("id v"), "p=2/a.parquet": ONE["p=2/a.parquet"]},
        rows=(0, 2, 0, 0),
    ),
    pair(
        "columns_asked_for_in_a_partitioned_table",
        {"p=a/x.parquet": rows("id v w", (1, 1, 1), (2, 2, 2))},
        {"p=a/x.parquet": rows("id v w", (1, 2, 1)), "p=b/x.parquet": rows("id v w", (2, 2, 3))},
        columns=("w", "p"),
        rows=(0, 0, 1, 1),
    ),
    pair(
        "filled_cells_are_counted_in_each_partition",
        {
            "p=a/x.parquet": rows("id v w", (1, None, None), (2, None, 1)),
            "p=b/x.parquet": rows("id v w", (3, 3, 3), (4, None, 4)),
        },
        {
            "p=a/x.parquet": rows("id v w", (1, 1, 1), (2, 2, None)),
            "p=b/x.parquet": rows("id v w", (3, None, 4), (4, 4, 4)),
        },
        rows=(0, 0, 4, 0),
        cells={"v": (3, 1, 0), "w": (1, 1, 1)},
    ),
]

FLAT = rows({"id": I64, "v": I64, "p": TEXT}, (1, 1, "a"), (2, 2, "b"), (3, 3, None))
SPLIT = {
    "p=a/x.parquet": rows("id v", (1, 1)),
    "p=b/x.parquet": rows("id v", (2, 5)),
    "p=__HIVE_DEFAULT_PARTITION__/x.parquet": rows("id v", (3, 3)),
}

SPECS = [
    pair("a_table_becomes_partitioned", FLAT, SPLIT, rows=(0, 0, 1, 0), cells={"p": (0, 0, 0)}),
    pair("a_table_is_no_longer_partitioned", SPLIT, FLAT, rows=(0, 0, 1, 0)),
    pair(
        "a_second_partition_column_is_added",
        {"p=a/x.parquet": rows({"id": I64, "q": TEXT}, (1, "x"), (2, "y"))},
        {"p=a/q=x/x.parquet": rows("id", (1,)), "p=a/q=y/x.parquet": rows("id", (2,), (3,))},
        rows=(1, 0, 0, 0),
    ),
    pair(
        "a_new_partition_column_that_was_no_column_before",
        rows("id v", (1, 1), (2, 2)),
        {"p=a/x.parquet": rows("id v", (1, 1)), "p=b/x.parquet": rows("id v", (2, 3), (4, 4))},
        rows=(1, 0, 1, 0),
        added={"p": 2},
    ),
    pair(
        "a_partition_column_that_is_dropped",
        {"p=a/x.parquet": rows("id v", (1, 1)), "p=b/x.parquet": rows("id v", (2, 2))},
        rows("id v", (1, 1), (2, 3)),
        rows=(0, 0, 1, 0),
    ),
    Pair(
        "a_partitioned_table_is_emptied",
        Side(ONE, ("id",)),
        Side({}, ("id",)),
        rows=(0, 3, 0, 0),
    ),
]

CASES = [*VALUES, *MOVED, *PARTITIONS, *SPECS]
