"""The oracle against numbers worked out by hand."""

import datetime
import decimal
import uuid
from fractions import Fraction

import pytest

from tests.oracle import (
    CellCounts,
    Column,
    KeyProblems,
    PartitionCounts,
    RowChange,
    RowCounts,
    SchemaChange,
    Table,
    Tolerance,
    diff,
)
from tests.oracle.equality import comparable, form_against
from tests.oracle.types import (
    Blob,
    Boolean,
    Date,
    Decimal,
    Float,
    Integer,
    List,
    Map,
    Null,
    Struct,
    Text,
    Time,
    Timestamp,
    Type,
    Uuid,
)

pytestmark = pytest.mark.oracle

INT, DOUBLE, TEXT = Integer(), Float(), Text()
NAN = float("nan")


def table(
    columns: dict[str, Type],
    *rows: tuple[object, ...],
    key: tuple[str, ...] = (),
    by: tuple[str, ...] = (),
    shared: tuple[bool, ...] = (),
) -> Table:
    """Builds a side from column types and rows."""
    return Table(tuple(Column(n, t) for n, t in columns.items()), rows, key, by, shared)


def equal(one: Type, a: object, other: Type, b: object) -> bool:
    """Compares two values through the form of their types."""
    left, right = form_against(one, other), form_against(other, one)
    assert left is not None and right is not None
    return left(a) == right(b)


KV: dict[str, Type] = {"k": INT, "v": INT}
KVP: dict[str, Type] = {"k": INT, "v": INT, "p": TEXT}


def test_cells_are_filled_cleared_and_corrected() -> None:
    before = table(KV, (1, None), (2, 5), (3, 5), (4, 9), key=("k",))
    after = table(KV, (1, 7), (2, None), (3, 6), (4, 9), key=("k",))
    result = diff(before, after)
    assert result.rows == RowCounts(4, 4, updated=3)
    assert result.columns["v"] == CellCounts(changed=3, filled=1, cleared=1, corrected=1)
    assert result.columns["k"] == CellCounts()
    assert result.partitions == {(): PartitionCounts(updated=3, filled=1, cleared=1, corrected=1)}
    assert result.changes[0] == RowChange("updated", ("v",), (1, None), (1, 7))


def test_rows_of_one_side_only_are_inserted_or_deleted() -> None:
    result = diff(table(KV, (1, 1), (2, 2), key=("k",)), table(KV, (2, 2), (3, 3), key=("k",)))
    assert result.rows == RowCounts(2, 2, inserted=1, deleted=1)
    assert {c.change for c in result.changes} == {"inserted", "deleted"}


def test_a_null_key_matches_a_null_key_and_is_counted() -> None:
    result = diff(table(KV, (None, 1), key=("k",)), table(KV, (None, 2), (5, 5), key=("k",)))
    assert result.rows == RowCounts(1, 2, inserted=1, updated=1)
    assert result.key_problems == KeyProblems(null_from=1, null_to=1)


def test_rows_of_one_key_cancel_before_they_are_paired() -> None:
    before = table(KV, (1, 10), (1, 20), key=("k",))
    after = table(KV, (1, 20), (1, 30), key=("k",))
    result = diff(before, after)
    assert result.rows == RowCounts(2, 2, updated=1)
    assert result.columns["v"].corrected == 1
    assert result.key_problems == KeyProblems(duplicate_from=2, duplicate_to=2)
    assert result.changes == [RowChange("updated", ("v",), (1, 10), (1, 30))]


def test_a_remainder_that_is_not_one_to_one_is_deleted_and_inserted() -> None:
    before = table(KV, (1, 10), (1, 20), key=("k",))
    after = table(KV, (1, 30), (1, 40), (1, 50), key=("k",))
    assert diff(before, after).rows == RowCounts(2, 3, inserted=3, deleted=2)


def test_a_second_equal_copy_is_inserted() -> None:
    result = diff(table(KV, (1, 1), key=("k",)), table(KV, (1, 1), (1, 1), key=("k",)))
    assert result.rows == RowCounts(1, 2, inserted=1)
    assert result.key_problems == KeyProblems(duplicate_to=2)


def test_values_exchanged_between_keys_are_two_updates() -> None:
    result = diff(table(KV, (1, 1), (2, 2), key=("k",)), table(KV, (1, 2), (2, 1), key=("k",)))
    assert result.rows.updated == 2


def test_values_exchanged_inside_one_key_are_deleted_and_inserted() -> None:
    columns: dict[str, Type] = {"k": INT, "a": INT, "b": INT}
    before = table(columns, (1, 1, 1), (1, 2, 2), key=("k",))
    after = table(columns, (1, 1, 2), (1, 2, 1), key=("k",))
    assert diff(before, after).rows == RowCounts(2, 2, inserted=2, deleted=2)


def test_composite_keys_are_never_pasted_together() -> None:
    columns: dict[str, Type] = {"a": TEXT, "b": TEXT}
    before = table(columns, ("a", "bc"), key=("a", "b"))
    assert diff(before, table(columns, ("ab", "c"), key=("a", "b"))).rows.inserted == 1


def test_without_a_key_the_whole_row_is_the_key() -> None:
    before = table(KV, (1, 1), (1, 1), (2, None))
    after = table(KV, (2, None), (1, 1), (1, 2))
    result = diff(before, after)
    assert result.rows == RowCounts(3, 3, inserted=1, deleted=1)
    assert result.columns["v"] == CellCounts()
    assert result.key_problems == KeyProblems()


def test_the_key_asked_for_wins_over_the_declared_ones() -> None:
    before, after = table(KV, (1, 5), key=("k",)), table(KV, (2, 5), key=("k",))
    assert diff(before, after).rows == RowCounts(1, 1, inserted=1, deleted=1)
    assert diff(before, after, key=["v"]).rows == RowCounts(1, 1, updated=1)
    assert diff(before, after, key=[]).rows == RowCounts(1, 1, inserted=1, deleted=1)


def test_the_key_of_the_later_side_wins_over_that_of_the_earlier() -> None:
    before, after = table(KV, (1, 5), key=("k",)), table(KV, (2, 5), key=("v",))
    result = diff(before, after)
    assert result.rows.updated == 1
    assert result.schema_changes == [SchemaChange("key_changed", None, "k", "v")]
    assert diff(after, table(KV, (2, 5))).key == ("v",)


def test_a_key_column_that_one_side_lacks_is_refused() -> None:
    with pytest.raises(ValueError, match="key column"):
        diff(table({"a": INT}), table({"b": INT}), key=["b"])


def test_a_moved_row_is_an_update_in_its_new_partition() -> None:
    before = table(KVP, (1, None, "x"), (2, 2, "x"), (3, 3, "y"), key=("k",), by=("p",))
    after = table(KVP, (1, 9, "y"), (2, 2, "y"), key=("k",), by=("p",))
    result = diff(before, after)
    assert result.rows == RowCounts(3, 2, deleted=1, updated=2, moved=2)
    assert result.partitions == {
        (("p", "y"),): PartitionCounts(deleted=1, updated=2, filled=1, corrected=2)
    }


def test_a_key_that_is_also_elsewhere_pairs_across_the_whole_table() -> None:
    before = table(KVP, (1, 1, "x"), (1, 2, "y"), key=("k",), by=("p",))
    after = table(KVP, (1, 2, "y"), (1, 1, "z"), key=("k",), by=("p",))
    result = diff(before, after)
    assert result.rows == RowCounts(2, 2, updated=1, moved=1)
    assert result.partitions == {(("p", "z"),): PartitionCounts(updated=1, corrected=1)}


def test_a_deleted_row_is_counted_where_it_was() -> None:
    before = table(KVP, (1, 1, None), key=("k",), by=("p",))
    after = table(KVP, (2, 1, "x"), key=("k",), by=("p",))
    assert diff(before, after).partitions == {
        (("p", None),): PartitionCounts(deleted=1),
        (("p", "x"),): PartitionCounts(inserted=1),
    }


def test_an_added_column_counts_values_of_matched_rows_and_updates_nothing() -> None:
    wide: dict[str, Type] = {"k": INT, "v": INT, "w": INT}
    before = table(KV, (1, 1), (2, 2), (3, 3), key=("k",))
    after = table(wide, (1, 1, 7), (2, 9, 8), (3, 3, None), (4, 4, 9), key=("k",))
    result = diff(before, after)
    assert result.rows == RowCounts(3, 4, inserted=1, updated=1)
    assert result.added == {"w": 2}
    assert result.schema_changes == [SchemaChange("column_added", "w", None, "BIGINT")]


def test_an_added_column_counts_copies_with_values_first() -> None:
    wide: dict[str, Type] = {"v": INT, "w": INT, "x": INT}
    before = table({"v": INT}, (1,), (1,), (2,))
    after = table(wide, (1, None, 1), (1, 5, None), (1, 5, None), (1, 5, None), (2, None, None))
    result = diff(before, after)
    assert result.rows == RowCounts(3, 5, inserted=2)
    assert result.added == {"w": 2, "x": 1}


def test_an_added_column_counts_only_rows_compared() -> None:
    wide: dict[str, Type] = {"v": INT, "w": INT}
    before = table({"v": INT}, (1,), shared=(True,))
    after = table(wide, (1, None), (1, 5), shared=(True, False))
    result = diff(before, after)
    assert result.rows == RowCounts(1, 2, inserted=1)
    assert result.added == {"w": 0}


def test_an_added_column_counts_the_row_left_over_in_a_pair() -> None:
    wide: dict[str, Type] = {"k": INT, "v": INT, "w": INT}
    before = table(KV, (1, 1), (1, 2), key=("k",))
    after = table(wide, (1, 2, 5), (1, 2, 6), key=("k",))
    result = diff(before, after)
    assert result.rows == RowCounts(2, 2, updated=1)
    assert result.added == {"w": 2}


def test_a_removed_column_is_a_schema_change_only() -> None:
    result = diff(table(KV, (1, 1), key=("k",)), table({"k": INT}, (1,), key=("k",)))
    assert result.rows == RowCounts(1, 1)
    assert result.schema_changes == [SchemaChange("column_removed", "v", "BIGINT", None)]


def test_columns_pair_by_id_before_they_pair_by_name() -> None:
    before = Table((Column("a", INT, 1), Column("b", INT, 2)), ((1, 2),))
    after = Table((Column("b", INT, 1), Column("a", INT, 2)), ((1, 2),))
    result = diff(before, after)
    assert result.rows == RowCounts(1, 1)
    assert {c.change for c in result.schema_changes} == {"column_renamed"}


def test_column_names_pair_exactly() -> None:
    result = diff(table({"a": INT}, (1,)), table({"A": INT}, (1,)))
    assert {c.change for c in result.schema_changes} == {"column_added", "column_removed"}


def test_key_problems_leave_shared_files_out() -> None:
    before = table(KV, (None, 1), (1, 1), (1, 1), (2, 1), key=("k",), shared=(True,) * 3 + (False,))
    after = table(KV, (None, 1), (1, 1), (1, 1), (1, 2), key=("k",), shared=(True,) * 3 + (False,))
    result = diff(before, after)
    assert result.key_problems == KeyProblems()
    assert result.rows == RowCounts(4, 4, inserted=1, deleted=1)


def test_a_null_key_that_repeats_is_both_null_and_duplicate() -> None:
    result = diff(table(KV, (None, 1), (None, 2), key=("k",)), table(KV, key=("k",)))
    assert result.key_problems == KeyProblems(null_from=2, duplicate_from=2)


def test_restricted_columns_hide_all_other_changes() -> None:
    columns: dict[str, Type] = {"k": INT, "a": INT, "b": INT}
    before = table(columns, (1, 1, 1), (2, 1, 1), key=("k",))
    after = table(columns, (1, 2, 1), (2, 1, 2), key=("k",))
    result = diff(before, after, columns=["a"])
    assert result.rows == RowCounts(2, 2, updated=1)
    assert set(result.columns) == {"k", "a"}


def test_restricted_columns_are_the_whole_row_without_a_key() -> None:
    before, after = table(KV, (1, 1), (2, 1)), table(KV, (3, 1), (4, 2))
    assert diff(before, after, columns=["v"]).rows == RowCounts(2, 2, inserted=1, deleted=1)


def test_equal_rows_cancel_in_their_own_partition_first() -> None:
    before = table(KVP, (1, 1, "x"), (1, 1, "y"), by=("p",))
    after = table(KVP, (1, 1, "y"), by=("p",))
    result = diff(before, after, columns=["k", "v"])
    assert result.partitions == {(("p", "x"),): PartitionCounts(deleted=1)}


def test_tolerance_lets_near_cells_pass() -> None:
    columns: dict[str, Type] = {"k": INT, "v": DOUBLE, "w": INT}
    before = table(columns, (1, 1.0, 1), (2, 1.0, 1), (3, 1.0, 1), (4, None, 1), key=("k",))
    after = table(columns, (1, 1.5, 1), (2, 1.6, 1), (3, 1.25, 2), (4, 1.0, 1), key=("k",))
    result = diff(before, after, tolerance={"v": Tolerance.parse("0.5")})
    assert result.rows == RowCounts(4, 4, updated=3)
    assert result.columns["v"] == CellCounts(changed=2, filled=1, corrected=1, within_tolerance=2)


def test_relative_tolerance_is_a_share_of_the_earlier_value() -> None:
    near = Tolerance.parse("10%")
    assert near == Tolerance(Fraction(1, 10), relative=True)
    assert near.covers(-100, -110) and near.covers(100, 90)
    assert not near.covers(100, 111) and not near.covers(0, 1)
    assert not near.covers(110, 98) and near.covers(98, 107)


@pytest.mark.parametrize("value", [None, NAN, float("inf")])
def test_tolerance_covers_no_null_nan_or_infinity(value: object) -> None:
    assert not Tolerance.parse("1000").covers(value, 1.0)
    assert not Tolerance.parse("1000%").covers(value, 1.0)
    assert not Tolerance.parse("1000").covers(1.0, value)


def test_tolerance_leaves_duplicates_that_are_equal_alone() -> None:
    columns: dict[str, Type] = {"k": INT, "v": INT}
    before = table(columns, (1, 10), (1, 11), key=("k",))
    after = table(columns, (1, 11), (1, 12), key=("k",))
    near = diff(before, after, tolerance={"v": Tolerance.parse("2")})
    assert near.rows.updated == 0 and near.columns["v"].within_tolerance == 1
    far = diff(before, after, tolerance={"v": Tolerance.parse("1")})
    assert far.rows.updated == 1 and far.columns["v"].within_tolerance == 0


def test_a_row_within_tolerance_is_matched_for_added_columns() -> None:
    before = table(KV, (1, 1), key=("k",))
    after = table({"k": INT, "v": INT, "w": INT}, (1, 2, 5), key=("k",))
    result = diff(before, after, tolerance={"v": Tolerance.parse("1")})
    assert result.rows == RowCounts(1, 1) and result.added == {"w": 1}


def test_types_without_a_common_form_are_listed_and_not_counted() -> None:
    before = table({"k": INT, "v": Blob()}, (1, b"1"), key=("k",))
    after = table({"k": INT, "v": INT}, (1, 5), key=("k",))
    result = diff(before, after)
    assert result.rows == RowCounts(1, 1)
    assert "v" not in result.columns
    assert result.schema_changes == [
        SchemaChange("type_changed", "v", "BLOB", "BIGINT", compared=False)
    ]


BIG = 2**53
MIDNIGHT = 1_706_659_200  # 2024-01-31 00:00:00 UTC


@pytest.mark.parametrize(
    ("one", "a", "other", "b", "same"),
    [
        (DOUBLE, NAN, DOUBLE, float("-nan"), True),
        (DOUBLE, NAN, DOUBLE, None, False),
        (DOUBLE, 0.0, DOUBLE, -0.0, True),
        (DOUBLE, float("inf"), DOUBLE, float("-inf"), False),
        (INT, None, INT, None, True),
        (INT, 0, INT, None, False),
        (INT, BIG + 1, DOUBLE, float(BIG), False),
        (INT, BIG, DOUBLE, float(BIG), True),
        (INT, 2**63 - 1, DOUBLE, float(2**63), False),
        (INT, 5, DOUBLE, float("inf"), False),
        (Decimal(38, 0), decimal.Decimal(10**37 + 1), DOUBLE, 1e37, False),
        (Decimal(9, 2), decimal.Decimal("7.50"), Decimal(9, 3), decimal.Decimal("7.500"), True),
        (Decimal(9, 1), decimal.Decimal("0.1"), DOUBLE, 0.1, False),
        (Decimal(9, 1), decimal.Decimal("0.5"), Float(32), 0.5, True),
        (Integer("UTINYINT"), 255, Integer("HUGEINT"), 255, True),
        (Float(32), 0.10000000149011612, DOUBLE, 0.1, False),
        (Text(), "7", INT, 7, True),
        (Text(), "07", INT, 7, False),
        (Text(), "x", INT, 5, False),
        (Text(), "1.0", DOUBLE, 1.0, True),
        (Text(), "1", DOUBLE, 1.0, False),
        (Text(), "nan", DOUBLE, NAN, True),
        (Text(), "0.0", DOUBLE, -0.0, True),
        (Text(), "0.1", Float(32), 0.10000000149011612, True),
        (Text(), "7.00", Decimal(9, 2), decimal.Decimal("7"), True),
        (Text(), "7", Decimal(9, 2), decimal.Decimal("7"), False),
        (Text(), "true", Boolean(), True, True),
        (Boolean(), True, INT, 1, True),
        (Boolean(), False, DOUBLE, -0.0, True),
        (Boolean(), True, INT, 2, False),
        (Struct((("a", INT),)), {"a": 1}, Struct((("A", Boolean()),)), {"A": True}, True),
        (Text(), "2024-01-31", Date(), datetime.date(2024, 1, 31), True),
        (Text(), "2024-01-31 12:00:00", Timestamp("ms"), (MIDNIGHT + 43200) * 1000, True),
        (Text(), "2024-01-31 00:00:00+00", Timestamp("s", True), MIDNIGHT, True),
        (Text(), "12:00:00.5", Time("ms"), 43_200_500, True),
        (Text(), "a\\x00\\xFF", Blob(), b"a\x00\xff", True),
        (Text(), str(uuid.UUID(int=5)), Uuid(), uuid.UUID(int=5), True),
        (Timestamp("s"), 1, Timestamp("ns"), 1_000_000_000, True),
        (Timestamp("s"), 1, Timestamp("ns"), 1_000_000_001, False),
        (Timestamp("us"), 5, Timestamp("us", True), 5, True),
        (Date(), datetime.date(2024, 1, 31), Timestamp("s"), MIDNIGHT, True),
        (Date(), datetime.date(2024, 1, 31), Timestamp("s"), MIDNIGHT + 1, False),
        (Time("ms"), 1, Time("ns"), 1_000_000, True),
        (Null(), None, INT, None, True),
        (Null(), None, Struct((("a", INT),)), {"a": None}, False),
        (TEXT, "é", TEXT, "e\u0301", False),
        (List(DOUBLE), [NAN, -0.0], List(Float(32)), [NAN, 0.0], True),
        (List(INT), [1, 2], List(INT), [2, 1], False),
        (List(INT), [], List(INT), None, False),
        (List(INT), [None], List(INT), [], False),
        (Map(TEXT, INT), [("a", 1), ("b", 2)], Map(TEXT, INT), [("b", 2), ("a", 1)], True),
        (Map(TEXT, INT), [("a", 1)], Map(TEXT, INT), [("a", None)], False),
        (
            Struct((("a", INT), ("b", INT))),
            {"a": 1, "b": 2},
            Struct((("b", INT), ("a", DOUBLE))),
            {"b": 2, "a": 1.0},
            True,
        ),
        (Struct((("a", INT),)), {"a": None}, Struct((("a", INT),)), None, False),
    ],
)
def test_equality_of_values(one: Type, a: object, other: Type, b: object, same: bool) -> None:
    assert equal(one, a, other, b) is same
    assert equal(other, b, one, a) is same


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Boolean(), Date()),
        (Blob(), INT),
        (Date(), INT),
        (Date(), Time()),
        (Timestamp(), Time()),
        (TEXT, List(TEXT)),
        (TEXT, Struct((("a", TEXT),))),
        (INT, List(INT)),
        (Struct((("a", INT),)), Struct((("b", INT),))),
        (Struct((("a", INT),)), Struct((("a", INT), ("b", INT)))),
        (List(Date()), List(INT)),
        (Map(INT, Date()), Map(INT, INT)),
        (List(INT), Map(INT, INT)),
    ],
)
def test_types_that_are_not_compared(one: Type, other: Type) -> None:
    assert not comparable(one, other)
    assert not comparable(other, one)
