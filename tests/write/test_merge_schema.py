"""The three-way merge of the shape of a table, rule by rule, and what holds of any merge."""

from dataclasses import replace

import pytest
from hypothesis import given, settings

from catalog.model.datafile import ColumnStats, DataFile
from catalog.model.schema import FileSchema, PhysicalColumn
from catalog.model.table import TableSnapshot
from catalog.model.types import NULL_TYPE, Scalar
from catalog.write.merge.columns import Snapshots, shared_from_base
from catalog.write.merge.merged_schema import (
    DroppedColumn,
    MergedShape,
    ShapeConflict,
    ShapeConflictKind,
    renumber,
)
from catalog.write.merge.schema import merge_shapes as merge_snapshots
from tests.effort import effort
from tests.write.shapes import (
    BIGINT,
    TEXT,
    Three,
    add,
    drop,
    keyed,
    partitioned,
    rename,
    reorder,
    retype,
    shown,
    table,
    threes,
)

Kind = ShapeConflictKind
COMMON = settings(max_examples=effort(150, 20_000))


def merge_shapes(
    base: TableSnapshot | None, ours: TableSnapshot, theirs: TableSnapshot
) -> MergedShape:
    """Merges snapshots of sides that went on from the base itself."""
    shared = shared_from_base(base, ours, theirs)
    return merge_snapshots(Snapshots(base, ours, theirs, shared))


BASE = table({"id": "BIGINT", "a": "INTEGER", "b": "VARCHAR"}, key=("id",))


def conflict_of(merged: MergedShape) -> ShapeConflict:
    (conflict,) = merged.conflicts
    return conflict


# --- columns that come


def test_a_column_that_one_side_added_is_taken() -> None:
    merged = merge_shapes(BASE, BASE, add(BASE, "c", "DATE"))
    assert shown(merged.snapshot) == ("id BIGINT", "a INTEGER", "b VARCHAR", "c DATE")
    assert (merged.conflicts, merged.renumbered, merged.file_schemas) == ((), {}, {})
    assert shown(merge_shapes(BASE, add(BASE, "c", "DATE"), BASE).snapshot)[3:] == ("c DATE",)


def test_one_column_that_both_added_is_one_column() -> None:
    theirs = add(add(BASE, "d", "DATE"), "c", "DATE")
    merged = merge_shapes(BASE, add(BASE, "c", "DATE"), theirs)
    assert shown(merged.snapshot)[3:] == ("d DATE", "c DATE")
    assert merged.snapshot.schema.named("c").id == 4
    assert merged.renumbered == {4: 6, 5: 4}
    assert merged.conflicts == ()


def test_unlike_types_of_a_column_that_both_added_are_widened() -> None:
    merged = merge_shapes(BASE, add(BASE, "c", "INTEGER"), add(BASE, "c", "DOUBLE"))
    assert shown(merged.snapshot)[3:] == ("c DOUBLE",)
    assert merged.conflicts == ()


def test_types_without_a_common_one_are_a_conflict_that_takes_ours() -> None:
    merged = merge_shapes(BASE, add(BASE, "c", "DATE"), add(BASE, "c", "DOUBLE"))
    assert shown(merged.snapshot)[3:] == ("c DATE",)
    assert conflict_of(merged) == ShapeConflict(Kind.COLUMN_ADDED, "c", None, "DATE", "DOUBLE")


def test_a_column_without_any_value_contradicts_no_type() -> None:
    def empty(made: TableSnapshot) -> TableSnapshot:
        columns = (PhysicalColumn("c", NULL_TYPE, made.schema.named("c").id),)
        return replace(made, file_schemas={**BASE.file_schemas, "e": FileSchema(columns)})

    ours, theirs = empty(add(BASE, "c", "INTEGER")), add(BASE, "c", "DATE")
    for merged in (merge_shapes(BASE, ours, theirs), merge_shapes(BASE, theirs, ours)):
        assert shown(merged.snapshot)[3:] == ("c DATE",)
        assert merged.conflicts == ()


def test_other_columns_under_one_id_get_a_fresh_id_on_one_side() -> None:
    theirs = add(BASE, "d", "DOUBLE")
    merged = merge_shapes(BASE, add(add(BASE, "c", "DATE"), "e", "DATE"), theirs)
    assert [(f.id, f.name) for f in merged.snapshot.schema.fields][3:] == [
        (4, "c"),
        (5, "e"),
        (6, "d"),
    ]
    assert merged.renumbered == {4: 6}
    assert merged.snapshot.last_field_id == 6
    (old,) = theirs.file_schemas.keys() - BASE.file_schemas.keys()
    new = merged.snapshot.file_schemas[merged.file_schemas[old]]
    assert [c.field_id for c in new.columns] == [1, 2, 3, 6]
    assert BASE.file_schemas.items() <= merged.snapshot.file_schemas.items()


def test_an_id_that_ours_never_gave_stays() -> None:
    theirs = drop(add(add(BASE, "d", "DATE"), "e", "DATE"), "d")
    merged = merge_shapes(BASE, add(BASE, "c", "DATE"), theirs)
    assert merged.snapshot.schema.named("e").id == 5
    assert merged.renumbered == {4: 6}  # dropped again, but a file holds it


def test_a_column_dropped_again_does_not_show_through_ours() -> None:
    theirs = drop(add(BASE, "c", "DATE"), "c")
    merged = merge_shapes(BASE, add(BASE, "c", "DATE"), theirs)
    assert shown(merged.snapshot)[3:] == ("c DATE",)
    assert merged.renumbered == {4: 5}


# --- names


def test_a_rename_of_one_side_is_taken() -> None:
    renamed = rename(BASE, a="x")
    for merged in (merge_shapes(BASE, renamed, BASE), merge_shapes(BASE, BASE, renamed)):
        assert merged.snapshot.schema == renamed.schema
        assert merged.conflicts == ()


def test_both_may_rename_alike() -> None:
    merged = merge_shapes(BASE, rename(BASE, a="x"), rename(BASE, a="x"))
    assert merged.snapshot.schema == rename(BASE, a="x").schema
    assert merged.conflicts == ()


def test_a_rename_to_two_names_is_a_conflict() -> None:
    merged = merge_shapes(BASE, rename(BASE, a="x"), rename(BASE, a="y"))
    assert merged.snapshot.schema.names == ("id", "x", "b")
    assert conflict_of(merged) == ShapeConflict(Kind.COLUMN_RENAMED, "a", "a", "x", "y")


def test_exchanged_names_are_no_collision() -> None:
    merged = merge_shapes(BASE, rename(BASE, a="b", b="a"), retype(BASE, "a", "BIGINT"))
    assert shown(merged.snapshot) == ("id BIGINT", "b BIGINT", "a VARCHAR")
    assert merged.conflicts == ()


def test_a_name_that_ours_renamed_to_and_theirs_added_is_a_conflict() -> None:
    merged = merge_shapes(BASE, rename(BASE, a="x"), add(BASE, "x", "DATE"))
    assert shown(merged.snapshot) == ("id BIGINT", "x INTEGER", "b VARCHAR")
    assert conflict_of(merged) == ShapeConflict(
        Kind.NAME_TAKEN, "x", None, "INTEGER, renamed from a", "DATE, added"
    )


def test_a_name_that_ours_added_and_theirs_renamed_to_is_a_conflict() -> None:
    merged = merge_shapes(BASE, add(BASE, "x", "DATE"), rename(BASE, a="x"))
    assert shown(merged.snapshot) == ("id BIGINT", "a INTEGER", "b VARCHAR", "x DATE")
    assert conflict_of(merged).kind == Kind.NAME_TAKEN


def test_two_columns_renamed_to_one_name_are_a_conflict() -> None:
    merged = merge_shapes(BASE, rename(BASE, a="x"), rename(BASE, b="x"))
    assert merged.snapshot.schema.names == ("id", "x", "b")
    assert conflict_of(merged).column == "x"


def test_a_collision_that_follows_from_another_is_listed_too() -> None:
    merged = merge_shapes(BASE, add(BASE, "x", "DATE"), rename(BASE, b="x", a="b"))
    assert merged.snapshot.schema.names == ("id", "a", "b", "x")
    assert [c.column for c in merged.conflicts] == ["x", "b"]


def test_names_that_differ_in_case_are_two_names() -> None:
    merged = merge_shapes(BASE, add(BASE, "C", "DATE"), add(BASE, "c", "DATE"))
    assert set(merged.snapshot.schema.names) == {"id", "a", "b", "C", "c"}
    assert merged.conflicts == ()


# --- types


def test_a_widening_of_one_side_is_taken() -> None:
    wide = retype(BASE, "a", "BIGINT")
    for merged in (merge_shapes(BASE, wide, BASE), merge_shapes(BASE, BASE, wide)):
        assert shown(merged.snapshot)[1] == "a BIGINT"
        assert merged.conflicts == ()


def test_a_narrowing_of_one_side_is_taken_whatever_values_the_other_has() -> None:
    narrow = retype(BASE, "a", "SMALLINT")
    for merged in (merge_shapes(BASE, narrow, BASE), merge_shapes(BASE, BASE, narrow)):
        assert shown(merged.snapshot)[1] == "a SMALLINT"
        assert merged.conflicts == ()


def test_two_widenings_become_the_common_type() -> None:
    merged = merge_shapes(BASE, retype(BASE, "a", "DOUBLE"), retype(BASE, "a", "FLOAT"))
    assert shown(merged.snapshot)[1] == "a DOUBLE"
    assert merged.conflicts == ()


def test_two_types_without_a_common_one_are_a_conflict() -> None:
    merged = merge_shapes(BASE, retype(BASE, "a", "BIGINT"), retype(BASE, "a", "DATE"))
    assert shown(merged.snapshot)[1] == "a BIGINT"
    assert conflict_of(merged) == ShapeConflict(Kind.TYPE_CHANGED, "a", "INTEGER", "BIGINT", "DATE")


# --- columns that go


def test_a_column_that_both_dropped_is_gone() -> None:
    merged = merge_shapes(BASE, drop(BASE, "a"), drop(BASE, "a"))
    assert merged.snapshot.schema.names == ("id", "b")
    assert (merged.conflicts, merged.dropped) == ((), ())


def test_a_column_that_one_side_dropped_is_gone_and_reported() -> None:
    merged = merge_shapes(BASE, drop(BASE, "a"), BASE)
    assert merged.snapshot.schema.names == ("id", "b")
    assert merged.dropped == (DroppedColumn("a", 2, 2, "ours"),)
    assert merge_shapes(BASE, BASE, drop(BASE, "a")).dropped[0].side == "theirs"
    assert merged.conflicts == ()


@pytest.mark.parametrize("changed", [rename(BASE, a="x"), retype(BASE, "a", "BIGINT")])
def test_dropped_against_renamed_or_retyped_is_a_conflict(changed: TableSnapshot) -> None:
    merged = merge_shapes(BASE, drop(BASE, "a"), changed)
    now = shown(changed)[1]
    assert conflict_of(merged) == ShapeConflict(Kind.COLUMN_REMOVED, "a", "a INTEGER", None, now)
    assert merged.snapshot.schema.names == ("id", "b")
    other = merge_shapes(BASE, changed, drop(BASE, "a"))
    assert shown(other.snapshot) == shown(changed)
    assert (other.dropped, conflict_of(other).ours) == ((), now)


def test_a_column_dropped_and_added_again_is_another_column() -> None:
    ours = add(drop(BASE, "a"), "a", "DATE")
    merged = merge_shapes(BASE, ours, BASE)
    assert shown(merged.snapshot) == ("id BIGINT", "b VARCHAR", "a DATE")
    assert [d.field_id for d in merged.dropped] == [2]
    assert merged.conflicts == ()


def test_a_column_in_the_other_sides_key_cannot_be_dropped() -> None:
    merged = merge_shapes(BASE, drop(BASE, "a"), keyed(BASE, "id", "a"))
    assert conflict_of(merged) == ShapeConflict(
        Kind.COLUMN_IN_USE, "a", "a INTEGER", None, "a INTEGER"
    )
    assert (merged.snapshot.key_names, merged.dropped) == (("id",), ())
    other = merge_shapes(BASE, keyed(BASE, "id", "a"), drop(BASE, "a"))
    assert conflict_of(other).kind == Kind.COLUMN_IN_USE
    assert other.snapshot.schema == BASE.schema
    assert other.snapshot.key_names == ("id", "a")


def test_a_column_that_only_the_old_key_had_can_be_dropped() -> None:
    merged = merge_shapes(BASE, BASE, drop(keyed(BASE, "b"), "id"))
    assert merged.snapshot.key_names == ("b",)
    assert merged.conflicts == ()


def test_a_column_in_the_other_sides_partition_spec_cannot_be_dropped() -> None:
    merged = merge_shapes(BASE, partitioned(BASE, "b"), drop(BASE, "b"))
    assert [c.kind for c in merged.conflicts] == [Kind.PARTITIONING_CHANGED, Kind.COLUMN_IN_USE]
    assert merged.snapshot.schema == BASE.schema
    assert merged.snapshot.partition_fields == (("b", TEXT),)


# --- key, partition spec, properties


def test_a_key_that_one_side_changed_is_taken() -> None:
    changed = keyed(BASE, "id", "b")
    for merged in (merge_shapes(BASE, changed, BASE), merge_shapes(BASE, BASE, changed)):
        assert merged.snapshot.key_names == ("id", "b")
        assert merged.conflicts == ()


def test_two_keys_are_a_conflict() -> None:
    merged = merge_shapes(BASE, keyed(BASE, "a"), keyed(BASE, "id", "b"))
    assert merged.snapshot.key_names == ("a",)
    assert conflict_of(merged) == ShapeConflict(Kind.KEY_CHANGED, None, "id", "a", "id, b")


def test_a_key_of_a_column_that_got_a_fresh_id_follows_it() -> None:
    merged = merge_shapes(BASE, add(BASE, "c", "DATE"), keyed(add(BASE, "d", "DATE"), "d"))
    assert merged.snapshot.key == (5,)
    assert merged.snapshot.key_names == ("d",)


def test_a_key_of_a_column_whose_name_is_taken_is_a_conflict() -> None:
    sides = rename(BASE, a="x"), keyed(add(BASE, "x", "DATE"), "x")
    for (ours, theirs), key in ((sides, "id"), (sides[::-1], "x")):
        merged = merge_shapes(BASE, ours, theirs)
        assert [c.kind for c in merged.conflicts] == [Kind.NAME_TAKEN, Kind.KEY_CHANGED]
        assert merged.snapshot.key_names == (key,)


def test_a_partition_spec_that_one_side_changed_is_a_conflict() -> None:
    merged = merge_shapes(BASE, BASE, partitioned(BASE, "b"))
    assert merged.snapshot.partition_by == ()
    assert conflict_of(merged) == ShapeConflict(Kind.PARTITIONING_CHANGED, None, None, None, "b")


def test_both_may_change_the_partition_spec_alike() -> None:
    merged = merge_shapes(BASE, partitioned(BASE, "b"), partitioned(BASE, "b"))
    assert merged.snapshot.partition_fields == (("b", TEXT),)
    assert merged.conflicts == ()


def test_partition_values_that_are_encoded_otherwise_are_a_conflict() -> None:
    base = partitioned(BASE, "a")
    merged = merge_shapes(base, base, retype(base, "a", "VARCHAR"))
    assert merged.snapshot.partition_fields == (("a", Scalar("INTEGER")),)
    assert conflict_of(merged) == ShapeConflict(
        Kind.PARTITIONING_CHANGED, "a", "INTEGER", "INTEGER", "VARCHAR"
    )
    wide = merge_shapes(base, base, retype(base, "a", "BIGINT"))
    assert wide.snapshot.partition_fields == (("a", BIGINT),)
    assert wide.conflicts == ()


def test_properties_merge_one_by_one() -> None:
    base = replace(BASE, properties={"p": "1", "q": "1", "r": "1", "s": "1"})
    ours = replace(BASE, properties={"p": "2", "q": "1", "s": "2", "mine": "1"})
    theirs = replace(BASE, properties={"p": "1", "q": "3", "r": "1", "s": "2", "yours": "1"})
    merged = merge_shapes(base, ours, theirs)
    assert merged.snapshot.properties == {
        "p": "2",
        "q": "3",
        "s": "2",
        "mine": "1",
        "yours": "1",
    }
    assert merged.conflicts == ()


def test_a_property_with_two_new_values_is_a_conflict() -> None:
    ours = replace(BASE, properties={"p": "2"})
    merged = merge_shapes(BASE, ours, replace(BASE, properties={"p": "3"}))
    assert merged.snapshot.properties == {"p": "2"}
    assert conflict_of(merged) == ShapeConflict(
        Kind.PROPERTY_CHANGED, None, None, "2", "3", property_name="p"
    )


# --- order


def test_new_columns_stand_after_their_left_neighbours() -> None:
    ours = add(add(BASE, "m", "DATE", at=1), "last", "DATE")
    theirs = add(add(add(BASE, "n", "DATE", at=1), "o", "DATE", at=2), "first", "DATE", at=0)
    merged = merge_shapes(BASE, ours, theirs)
    assert merged.snapshot.schema.names == ("first", "id", "m", "n", "o", "a", "b", "last")


def test_an_order_that_one_side_changed_is_taken() -> None:
    moved = reorder(BASE, "b", "id", "a")
    for merged in (
        merge_shapes(BASE, add(BASE, "c", "DATE"), moved),
        merge_shapes(BASE, moved, add(BASE, "c", "DATE")),
    ):
        assert merged.snapshot.schema.names == ("b", "id", "a", "c")


def test_two_orders_are_no_conflict() -> None:
    merged = merge_shapes(BASE, reorder(BASE, "b", "id", "a"), reorder(BASE, "a", "b", "id"))
    assert merged.snapshot.schema.names == ("b", "id", "a")
    assert merged.conflicts == ()


# --- tables made apart


def test_tables_made_apart_are_matched_by_name() -> None:
    ours = table({"id": "BIGINT", "a": "INTEGER"}, key=("id",), table_id="o")
    theirs = table({"a": "BIGINT", "z": "DATE", "id": "BIGINT"}, key=("id",), table_id="p")
    merged = merge_shapes(None, ours, theirs)
    assert shown(merged.snapshot) == ("id BIGINT", "a BIGINT", "z DATE")
    assert merged.renumbered == {1: 2, 2: 4, 3: 1}
    assert merged.snapshot.table_id == "o"
    assert merged.snapshot.key_names == ("id",)
    assert merged.conflicts == ()


def test_a_table_created_again_on_one_side_is_matched_by_name() -> None:
    theirs = table({"b": "VARCHAR", "id": "BIGINT"}, key=("id",), table_id="new")
    merged = merge_shapes(BASE, add(BASE, "c", "DATE"), theirs)
    assert shown(merged.snapshot) == ("b VARCHAR", "id BIGINT", "c DATE")
    assert merged.dropped == (DroppedColumn("a", 2, 2, "theirs"),)
    assert merged.renumbered == {1: 3, 2: 1}


def test_a_key_that_only_one_of_two_new_tables_has_is_taken() -> None:
    ours, theirs = table({"id": "BIGINT"}), table({"id": "BIGINT"}, key=("id",), table_id="p")
    merged = merge_shapes(None, ours, theirs)
    assert merged.snapshot.key_names == ("id",)
    assert merged.conflicts == ()


# --- files


def test_a_file_of_theirs_is_renumbered_by_metadata_alone() -> None:
    theirs = add(BASE, "d", "DOUBLE")
    merged = merge_shapes(BASE, add(BASE, "c", "DATE"), theirs)
    (schema,) = theirs.file_schemas.keys() - BASE.file_schemas.keys()
    one, four = ColumnStats(nulls=0), ColumnStats(nulls=7)
    file = DataFile("p", "sha256:1", 10, 9, (), schema, None, {1: one, 4: four})
    now = renumber(file, merged)
    assert now == replace(file, file_schema=merged.file_schemas[schema], stats={1: one, 5: four})
    (old,) = BASE.file_schemas
    kept = replace(file, file_schema=old, stats={1: one})
    assert renumber(kept, merged) is kept


# --- whatever the tables


def shape(snapshot: TableSnapshot) -> TableSnapshot:
    """Leaves out what a merge of shapes has no say in."""
    return replace(snapshot, table_id="")


def conflicts(merged: MergedShape) -> set[tuple[Kind, str | None, str | None, str | None]]:
    return {(c.kind, c.column, c.base, c.property_name) for c in merged.conflicts}


def has_other_specs(merged: MergedShape) -> bool:
    """Returns whether the specs differ, which is a conflict with all that follows from it."""
    return any(c.kind is Kind.PARTITIONING_CHANGED for c in merged.conflicts)


@pytest.mark.invariant(
    "Two schemas of a table merge alike from either side, and no field id gets a second meaning"
)
@settings(COMMON)
@given(threes())
def test_the_sides_exchanged_give_the_same_columns_and_conflicts(three: Three) -> None:
    one = merge_shapes(three.base, three.ours, three.theirs)
    other = merge_shapes(three.base, three.theirs, three.ours)
    assert conflicts(one) == conflicts(other)
    mirrored = {(c.kind, c.column, c.ours, c.theirs) for c in one.conflicts}
    assert mirrored == {(c.kind, c.column, c.theirs, c.ours) for c in other.conflicts}
    if not one.conflicts:
        assert set(shown(one.snapshot)) == set(shown(other.snapshot))
        assert one.snapshot.key_names == other.snapshot.key_names
        assert one.snapshot.properties == other.snapshot.properties
        assert {d.column for d in one.dropped} == {d.column for d in other.dropped}


@settings(COMMON)
@given(threes())
def test_a_side_that_changed_nothing_adds_nothing(three: Three) -> None:
    if three.base is None:
        return
    merged = merge_shapes(three.base, three.ours, three.base)
    assert shape(merged.snapshot).schema == three.ours.schema
    assert merged.snapshot.key == three.ours.key
    assert merged.snapshot.partition_by == three.ours.partition_by
    assert merged.snapshot.properties == three.ours.properties
    assert not merged.conflicts or has_other_specs(merged)


@settings(COMMON)
@given(threes())
def test_a_side_that_alone_changed_is_taken(three: Three) -> None:
    if three.base is None:
        return
    merged = merge_shapes(three.base, three.base, three.theirs)
    if three.theirs.table_id == three.base.table_id:
        assert (merged.renumbered, merged.file_schemas) == ({}, {})
        if not merged.conflicts:
            assert merged.snapshot == replace(
                three.theirs, file_schemas=merged.snapshot.file_schemas
            )
    assert not merged.conflicts or has_other_specs(merged)
    if not merged.conflicts:
        assert shown(merged.snapshot) == shown(three.theirs)
        assert merged.snapshot.key_names == three.theirs.key_names
        assert merged.snapshot.properties == three.theirs.properties


@settings(COMMON)
@given(threes())
def test_what_both_did_alike_is_what_they_did(three: Three) -> None:
    merged = merge_shapes(three.base, three.ours, three.ours)
    assert merged.snapshot == three.ours
    assert (merged.renumbered, merged.file_schemas, merged.conflicts) == ({}, {}, ())


@settings(COMMON)
@given(threes())
def test_the_merged_shape_can_be_used(three: Three) -> None:
    merged = merge_shapes(three.base, three.ours, three.theirs)
    now = merged.snapshot
    ids = [f.id for f in now.schema.fields]
    assert len(set(ids)) == len(ids) == len(set(now.schema.names))
    assert {*now.key, *now.partition_by} <= set(ids)
    assert now.last_field_id >= max(three.ours.last_field_id, *ids, 0)
    assert now.partition_by == three.ours.partition_by
    for key, schema in now.file_schemas.items():
        held = [c.field_id for c in schema.columns]
        assert key == schema.id
        assert len(set(held)) == len(held)
        assert all(i <= now.last_field_id for i in held)
    assert [c.merged for c in merged.columns] == list(now.schema.fields)
    assert three.ours.file_schemas.items() <= now.file_schemas.items()


@pytest.mark.invariant(
    "Two schemas of a table merge alike from either side, and no field id gets a second meaning"
)
@settings(COMMON)
@given(threes())
def test_files_of_both_sides_are_read_as_before(three: Three) -> None:
    merged = merge_shapes(three.base, three.ours, three.theirs)
    to = {c.theirs.id: c.merged.id for c in merged.columns if c.theirs is not None}
    living = {f.id for f in merged.snapshot.schema.fields}
    for old, schema in three.theirs.file_schemas.items():
        new = merged.snapshot.file_schemas[merged.file_schemas.get(old, old)]
        for before, after in zip(schema.columns, new.columns, strict=True):
            assert (before.name, before.type) == (after.name, after.type)
            assert after.field_id == merged.renumbered.get(before.field_id, before.field_id)
            if before.field_id in to:
                assert after.field_id == to[before.field_id]
            elif three.theirs.schema.by_id(before.field_id) is None:
                revived = three.base is not None and before.field_id <= three.base.last_field_id
                assert after.field_id not in living or revived
