"""Scan plans: what is read from where, decided without an engine."""

import pytest

from catalog.model.datafile import ColumnStats, DataFile
from catalog.model.scan_plan import FileColumn, PartitionColumn, ScanPlan, scan_plan
from catalog.model.schema import Field, FileSchema, PhysicalColumn, Schema
from catalog.model.table import TableSnapshot
from catalog.model.types import DataType, ListType, Scalar, StructType
from catalog.model.values import encode

BIGINT, DATE, DOUBLE, FLOAT = map(Scalar, ("BIGINT", "DATE", "DOUBLE", "FLOAT"))

OLD = FileSchema((PhysicalColumn("price", FLOAT, 2), PhysicalColumn("id", BIGINT, 1)))
NEW = FileSchema((PhysicalColumn("id", BIGINT, 1), PhysicalColumn("amount", DOUBLE, 2)))

ORDERS = TableSnapshot(
    Schema((Field(1, "id", BIGINT), Field(2, "amount", DOUBLE), Field(3, "day", DATE))),
    3,
    partition_by=(3,),
    file_schemas={OLD.id: OLD, NEW.id: NEW},
)


def file(path: str, schema: FileSchema = NEW, *, nans: int | None = None) -> DataFile:
    stats = {2: ColumnStats(nulls=0, nans=nans)}
    return DataFile(path, f"sha256:{path}", 1, 1, (encode(19_000, DATE),), schema.id, stats=stats)


def plan(*files: DataFile, columns: tuple[int, ...] | None = None) -> ScanPlan:
    return scan_plan(ORDERS, files, locate=lambda one: f"/lake/{one.path}", columns=columns)


def test_files_are_grouped_by_the_schema_through_which_they_are_read() -> None:
    groups = plan(file("a"), file("b", OLD), file("c")).groups
    assert [(group.schema, group.uris) for group in groups] == [
        (NEW, ("/lake/a", "/lake/c")),
        (OLD, ("/lake/b",)),
    ]


def test_columns_are_found_by_field_id_and_keep_their_physical_type() -> None:
    (group,) = plan(file("b", OLD)).groups
    assert group.sources == (
        FileColumn(1, BIGINT, unprunable=False),
        FileColumn(0, FLOAT, unprunable=True),
        PartitionColumn(0),
    )
    assert group.partitions == ((encode(19_000, DATE),),)


def test_columns_come_in_the_order_that_was_asked_for() -> None:
    found = plan(file("a"), columns=(3, 1))
    assert [column.name for column in found.columns] == ["day", "id"]
    assert found.groups[0].sources == (PartitionColumn(0), FileColumn(0, BIGINT, False))


def test_columns_can_be_named_by_their_ids() -> None:
    found = scan_plan(ORDERS, [file("a")], locate=lambda one: one.path, naming="id")
    assert [column.name for column in found.columns] == ["c1", "c2", "c3"]


def test_a_column_that_files_do_not_have_has_no_source() -> None:
    table = TableSnapshot(
        Schema((*ORDERS.schema.fields, Field(4, "note", Scalar("VARCHAR")))),
        4,
        partition_by=(3,),
        file_schemas=ORDERS.file_schemas,
    )
    found = scan_plan(table, [file("a")], locate=lambda one: one.path, columns=[4])
    assert found.groups[0].sources == (None,)


@pytest.mark.parametrize(
    ("counts", "nan_free", "doubtful"),
    [
        ((0, 0), (), False),
        ((0, None), (), True),
        ((0, 1), (), True),
        ((None,), (2,), False),
    ],
)
def test_floats_are_doubtful_unless_every_file_counts_no_nan(
    counts: tuple[int | None, ...], nan_free: tuple[int, ...], doubtful: bool
) -> None:
    files = [file(str(n), nans=nans) for n, nans in enumerate(counts)]
    found = scan_plan(ORDERS, files, locate=lambda one: one.path, columns=[2], nan_free=nan_free)
    assert found.groups[0].sources == (FileColumn(1, DOUBLE, doubtful),)


@pytest.mark.parametrize(
    ("kind", "doubtful"),
    [
        (ListType(DOUBLE), True),
        (StructType((("x", ListType(FLOAT)),)), True),
        (ListType(BIGINT), False),
    ],
)
def test_floats_inside_of_nested_types_are_always_doubtful(kind: DataType, doubtful: bool) -> None:
    schema = FileSchema((PhysicalColumn("x", kind, 1),))
    table = TableSnapshot(Schema((Field(1, "x", kind),)), 1, file_schemas={schema.id: schema})
    one = DataFile("a", "sha256:a", 1, 1, (), schema.id)
    found = scan_plan(table, [one], locate=lambda file: file.path, nan_free=[1])
    assert found.groups[0].sources == (FileColumn(0, kind, doubtful),)


def test_a_plan_is_a_value() -> None:
    assert plan(file("a"), file("b", OLD)) == plan(file("a"), file("b", OLD))
    assert hash(plan(file("a"))) == hash(plan(file("a")))
