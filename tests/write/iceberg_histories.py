"""Random histories of Iceberg tables, written by PyIceberg with every operation that it has."""

import datetime
import decimal
import random
import uuid
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pyiceberg.catalog.memory import InMemoryCatalog
from pyiceberg.exceptions import ResolveError, ValidationError
from pyiceberg.expressions import EqualTo, GreaterThan, IsNull, LessThan
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.table import DataScan, Table
from pyiceberg.transforms import (
    BucketTransform,
    DayTransform,
    IdentityTransform,
    Transform,
    TruncateTransform,
)
from pyiceberg.types import (
    BinaryType,
    BooleanType,
    DateType,
    DecimalType,
    DoubleType,
    FixedType,
    FloatType,
    IcebergType,
    IntegerType,
    ListType,
    LongType,
    MapType,
    NestedField,
    StringType,
    StructType,
    TimestampType,
    TimestamptzType,
    TimeType,
    UUIDType,
)

PARTS = ("a", "b c", "%20", "é", "NULL", "..", "")
"""Partition values that paths write in other ways, or not at all."""

SCALARS: tuple[IcebergType, ...] = (
    *(IntegerType(), LongType(), FloatType(), DoubleType(), StringType(), BooleanType()),
    *(DateType(), TimestampType(), TimestamptzType(), TimeType(), UUIDType(), BinaryType()),
    *(DecimalType(9, 2), FixedType(3)),
)

WIDER: dict[str, IcebergType] = {
    "int": LongType(),
    "float": DoubleType(),
    "decimal(9, 2)": DecimalType(14, 2),
}

COLUMNS = Schema(
    NestedField(1, "id", LongType(), required=True),
    NestedField(2, "part", StringType(), required=False),
    NestedField(3, "day", TimestampType(), required=False),
    NestedField(4, "n", IntegerType(), required=False),
    NestedField(
        5,
        "inner",
        StructType(
            NestedField(6, "a", IntegerType(), required=False),
            NestedField(7, "b", ListType(8, StringType(), element_required=False), required=False),
        ),
        required=False,
    ),
    NestedField(
        9, "by name", MapType(10, StringType(), 11, DoubleType(), value_required=False), False
    ),
    identifier_field_ids=[1],
)

FIELDS: tuple[Transform[Any, Any], ...] = (
    IdentityTransform(),
    BucketTransform(2),
    TruncateTransform(1),
)


REFUSED = (
    *(ValueError, NotImplementedError, TypeError, ArithmeticError, LookupError),
    *(ValidationError, ResolveError),
)
"""What PyIceberg raises where it cannot do something with a table."""


class History:
    """A table that grows by random operations.

    Attributes:
        table: The table as PyIceberg has it.
        done: The operations so far, for messages.
    """

    def __init__(self, seed: int, root: Path) -> None:
        self.random = random.Random(seed)
        self.done: list[str] = []
        self.names = (f"c{n}" for n in range(1000))
        self.next_id = 0
        catalog = InMemoryCatalog("histories", warehouse=f"file://{root}")
        catalog.create_namespace("ns")
        first = self.random.choice(
            (
                PartitionSpec(),
                PartitionSpec(PartitionField(2, 1000, IdentityTransform(), "part")),
                PartitionSpec(PartitionField(3, 1000, DayTransform(), "day_day")),
                PartitionSpec(
                    PartitionField(4, 1000, BucketTransform(2), "n_bucket"),
                    PartitionField(2, 1001, IdentityTransform(), "part"),
                ),
            )
        )
        version = self.random.choice(("1", "2", "2"))
        self.table: Table = catalog.create_table(
            "ns.t", COLUMNS, partition_spec=first, properties={"format-version": version}
        )
        self.append()

    @property
    def root(self) -> str:
        """Returns the table's directory."""
        return self.table.location().removeprefix("file://")

    def step(self) -> None:
        """Does something; what PyIceberg cannot do with the table as it is now is left out."""
        act = self.random.choice(self.operations())
        try:
            with warnings.catch_warnings(action="ignore"):  # of filters that match no rows
                act()
            self.done.append(act.__name__)
        except REFUSED as error:
            self.done.append(f"{act.__name__}: {error}")
            self.table = self.table.refresh()

    def operations(self) -> list[Callable[[], None]]:
        """Returns what can be done, what is likely more than once."""
        return [
            *(self.append, self.append, self.delete, self.delete, self.overwrite, self.upsert),
            *(self.overwrite_partitions, self.overwrite_all, self.add_column, self.add_column),
            *(self.rename, self.drop, self.add_again, self.widen, self.move, self.evolve_inner),
            *(self.partition_by, self.no_longer_by, self.tag, self.branch, self.roll_back),
            *(self.add_files, self.add_files, self.expire, self.upgrade),
        ]

    def append(self) -> None:
        self.table.append(self.rows(self.random.randrange(1, 9)))

    def add_files(self) -> None:
        """Registers a file that another writer wrote: without field ids, with narrow types."""
        rows = self.rows(3)
        if self.random.random() < 0.5:  # all in one partition
            for number in (2, 3, 4):
                fields = self.table.schema().fields
                for name in [field.name for field in fields if field.field_id == number]:
                    column = rows.column(name).take([0] * len(rows))
                    rows = rows.set_column(rows.column_names.index(name), name, column)
        plain = pa.schema([field.remove_metadata() for field in rows.schema])
        path = f"{self.root}/data/{next(self.names)}.parquet"
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(rows.cast(plain), path)
        self.table.add_files([f"file://{path}"])

    def expire(self) -> None:
        snapshot = self.random.choice(self.table.snapshots()).snapshot_id
        self.table.maintenance.expire_snapshots().by_id(snapshot).commit()

    def upgrade(self) -> None:
        with self.table.transaction() as change:
            change.upgrade_table_version(2)

    def append_to(self, branch: str) -> None:
        self.table.append(self.rows(2), branch=branch)

    def delete(self) -> None:
        self.table.delete(self.filter())

    def overwrite(self) -> None:
        self.table.overwrite(self.rows(3), overwrite_filter=self.filter())

    def overwrite_all(self) -> None:
        self.table.overwrite(self.rows(4))

    def upsert(self) -> None:
        rows = self.rows(4).to_pylist()
        for row, known in zip(rows, self.random.sample(range(self.next_id), 3), strict=False):
            row["id"] = known
        self.table.upsert(pa.Table.from_pylist(rows, self.table.schema().as_arrow()))

    def overwrite_partitions(self) -> None:
        self.table.dynamic_partition_overwrite(self.rows(3))

    def add_column(self) -> None:
        with self.table.update_schema() as update:
            update.add_column(next(self.names), self.random.choice(SCALARS))

    def add_again(self) -> None:
        """Drops a column and adds another of its name."""
        name = self.random.choice([one for one in self.columns() if one != "id"])
        with self.table.update_schema() as update:
            update.delete_column(name)
        with self.table.update_schema() as update:
            update.add_column(name, self.random.choice(SCALARS))

    def rename(self) -> None:
        name = self.random.choice(self.columns())
        with self.table.update_schema() as update:
            update.rename_column(name, next(self.names))

    def drop(self) -> None:
        with self.table.update_schema() as update:
            update.delete_column(self.random.choice(self.columns()[2:]))

    def widen(self) -> None:
        found = [one for one in self.table.schema().fields if str(one.field_type) in WIDER]
        field = self.random.choice(found or [None])
        if field is None:
            raise ValueError("no column can be widened")
        with self.table.update_schema() as update:
            update.update_column(field.name, WIDER[str(field.field_type)])

    def move(self) -> None:
        with self.table.update_schema() as update:
            update.move_first(self.random.choice(self.columns()))

    def evolve_inner(self) -> None:
        """Changes the fields within a column: adds one, drops one, renames one."""
        found = [
            one for one in self.table.schema().fields if isinstance(one.field_type, StructType)
        ]
        if not found:
            raise ValueError("no column has fields")
        column, inner = found[0].name, self.random.choice(found[0].field_type.fields).name
        with self.table.update_schema() as update:
            match self.random.randrange(3):
                case 0:
                    update.add_column((column, next(self.names)), self.random.choice(SCALARS))
                case 1:
                    update.rename_column((column, inner), next(self.names))
                case _:
                    update.delete_column((column, inner))
                    update.add_column((column, next(self.names)), StringType())

    def partition_by(self) -> None:
        with self.table.update_spec() as update:
            update.add_field(
                self.random.choice(self.columns()), self.random.choice(FIELDS), next(self.names)
            )

    def no_longer_by(self) -> None:
        fields = self.table.spec().fields
        if not fields:
            raise ValueError("the table is not partitioned")
        with self.table.update_spec() as update:
            update.remove_field(self.random.choice(fields).name)

    def tag(self) -> None:
        snapshot = self.random.choice(self.table.snapshots()).snapshot_id
        self.table.manage_snapshots().create_tag(snapshot, next(self.names)).commit()

    def branch(self) -> None:
        snapshot = self.random.choice(self.table.snapshots()).snapshot_id
        name = next(self.names)
        self.table.manage_snapshots().create_branch(snapshot, name).commit()
        self.append_to(name)

    def roll_back(self) -> None:
        past = self.table.history()
        snapshot = self.random.choice(past).snapshot_id
        self.table.manage_snapshots().rollback_to_snapshot(snapshot).commit()

    def columns(self) -> list[str]:
        """Returns the names of the columns."""
        return [field.name for field in self.table.schema().fields]

    def filter(self) -> Any:
        """Returns a condition on some column."""
        names = {field.field_id: field.name for field in self.table.schema().fields}
        match self.random.randrange(4):
            case 0:
                return EqualTo(names[2], self.random.choice(PARTS)) if 2 in names else "true"
            case 1:
                return IsNull(names[2]) if 2 in names else "true"
            case 2:
                return LessThan(names[1], self.random.randrange(self.next_id + 1))
        return GreaterThan(names[1], self.random.randrange(self.next_id + 1))

    def rows(self, count: int) -> pa.Table:
        """Returns new rows of the table's columns."""
        schema = self.table.schema()
        rows = []
        for _ in range(count):
            row = {
                field.name: self.value(field.field_type, field.field_id)
                if self.random.random() > 0.2 or field.required
                else None
                for field in schema.fields
            }
            rows.append(row)
        return pa.Table.from_pylist(rows, schema.as_arrow())

    def value(self, kind: IcebergType, number: int = 0) -> Any:
        """Returns a value of a type; of some columns by their field ids."""
        if number == 1:
            self.next_id += 1
            return self.next_id
        if number == 2 and isinstance(kind, StringType):
            return self.random.choice(PARTS)
        draw = self.random
        day = datetime.datetime(2024, 1, draw.randrange(1, 4), 3, 4, 5, draw.randrange(1000))
        match kind:
            case IntegerType() | LongType():
                return draw.randrange(-3, 3)
            case FloatType() | DoubleType():
                return draw.choice((1.5, float("nan"), -0.0, float("inf")))
            case StringType():
                return draw.choice(("", "x", "é\n", "NULL"))
            case BooleanType():
                return draw.random() < 0.5
            case DateType():
                return day.date()
            case TimestampType():
                return day
            case TimestamptzType():
                return day.replace(tzinfo=datetime.UTC)
            case TimeType():
                return day.time()
            case UUIDType():
                return uuid.UUID(int=draw.getrandbits(128)).bytes
            case BinaryType():
                return draw.choice((b"", b"\0\xff"))
            case FixedType():
                return draw.randbytes(len(kind))
            case DecimalType():
                return decimal.Decimal(draw.randrange(-999, 999)).scaleb(-kind.scale)
            case StructType():
                return {field.name: self.value(field.field_type) for field in kind.fields}
            case ListType():
                return [self.value(kind.element_type), None]
            case MapType():
                return [("k", self.value(kind.value_type)), ("l", None)]
        raise AssertionError(kind)

    def versions(self) -> Iterator[tuple[str | None, pa.Table | None]]:
        """Yields what may be asked for, and the rows that PyIceberg reads then."""
        for snapshot in self.table.snapshots():
            number = snapshot.snapshot_id
            yield str(number), read(self.table.scan(snapshot_id=number))
        for name in self.table.refs():
            yield name, read(self.table.scan().use_ref(name))
        yield None, read(self.table.scan())


def read(scan: DataScan) -> pa.Table | None:
    """Returns the rows that PyIceberg reads; None if it cannot read them.

    It cannot by itself make an empty table with UUIDs.
    """
    try:
        return scan.to_arrow()
    except pa.ArrowNotImplementedError:
        names = [field.name for field in scan.projection().fields]
        return pa.table({name: pa.nulls(0) for name in names})
    except (ValueError, IndexError, ResolveError):  # what was dropped of a file without field ids
        return None
