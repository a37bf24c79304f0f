"""Data files as Iceberg's manifests list them: partition values, bounds, counts, and what fits.

A data file can be shared if Iceberg's readers read from it what the table has: it names its
columns by name alone, so every name in it must mean the same column in all files of the table.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from catalog.dataclasses import dataclass
from catalog.errors import Unsupported
from catalog.formats.iceberg.metadata_types import reads_as, unsayable
from catalog.model.datafile import ColumnStats, DataFile
from catalog.model.schema import Field
from catalog.model.table import TableSnapshot
from catalog.model.types import Scalar, TypeClass
from catalog.model.values import decode, encoded_ticks

if TYPE_CHECKING:
    from pyiceberg.manifest import DataFile as IcebergFile
    from pyiceberg.types import PrimitiveType


@dataclass(frozen=True, slots=True)
class PlacedFile:
    """A data file where readers of the Iceberg table find it.

    Attributes:
        location: Absolute path or URI.
        size_bytes: Its size.
    """

    location: str
    size_bytes: int


class Placing(Protocol):
    """Where the data files of a table are for readers of Iceberg.

    Both take the table, and why the file cannot be read as it is; empty if it can.
    """

    def location(self, file: DataFile, table: TableSnapshot, unfit: str) -> str:
        """Returns where a file is, or will be, without doing anything.

        Raises:
            Unsupported: It cannot be read as it is, and files are never written again here.
        """

    def place(self, file: DataFile, table: TableSnapshot, unfit: str) -> PlacedFile:
        """Brings a file there, with field ids and the table's types if it is written again."""


@dataclass(frozen=True, slots=True)
class InPlace:
    """Data files that stay where the catalog has them, and are never written again.

    Attributes:
        name: The table's name, for messages.
        locate: Returns where a file is.
    """

    name: str
    locate: Callable[[DataFile], str]

    def location(self, file: DataFile, table: TableSnapshot, unfit: str) -> str:
        """Returns where a file is; see ``Placing``."""
        location = self.locate(file)
        if unfit:
            raise Unsupported(
                f"Iceberg cannot read {location} as a file of table {self.name}: {unfit}",
                hint="export the table instead: files like that are written again there",
            )
        return location

    def place(self, file: DataFile, table: TableSnapshot, unfit: str) -> PlacedFile:
        """Returns where a file is; see ``Placing``."""
        return PlacedFile(self.location(file, table, unfit), file.size_bytes)


def unfit(file: DataFile, table: TableSnapshot, names: Mapping[str, int]) -> str:
    """Returns why a file cannot be read as it is; empty if it can.

    Args:
        file: The data file.
        table: The table.
        names: Which column each name means, in all files that are shared.
    """
    fields = {field.id: field for field in table.schema.fields}
    for column in table.file_schemas[file.file_schema].columns:
        field = fields.get(column.field_id)
        if names.get(column.name, column.field_id) != column.field_id:
            return f"its column {column.name!r} means another column in other files"
        if field is None and (bad := unsayable(column.type)) is not None:
            return f"its column {column.name!r}, which was dropped, has type {bad}"
        if field is not None and not reads_as(column.type, field.type):
            return f"its column {column.name!r} is {column.type}, and the table's {field.type}"
        if column.field_id in file.unsound:
            return f"what its footer says of column {column.name!r} is not true"
    return ""


def partition_value(encoded: bytes | None, kind: Scalar) -> object:
    """Returns a partition value as PyIceberg's writer takes it; None for NULL."""
    if encoded is None:
        return None
    if kind.type_class in (TypeClass.DATE, TypeClass.TIME, TypeClass.TIMESTAMP):
        return encoded_ticks(encoded)
    return decode(encoded, kind)


def iceberg_file(
    file: DataFile,
    placed: PlacedFile,
    table: TableSnapshot,
    types: "Mapping[int, PrimitiveType]",
) -> "IcebergFile":
    """Returns the entry of a data file in a manifest.

    Args:
        file: The data file.
        placed: Where it is.
        table: The table.
        types: Iceberg's types of its columns that are scalars, by field id.
    """
    from pyiceberg.manifest import DataFile as IcebergFile
    from pyiceberg.manifest import DataFileContent, FileFormat
    from pyiceberg.typedef import Record

    kinds = [kind for _, kind in table.partition_fields]
    values = [partition_value(v, k) for v, k in zip(file.partition, kinds, strict=True)]
    held = {column.field_id for column in table.file_schemas[file.file_schema].columns}
    counted = {
        field: file.stats[field.id]
        for field in table.schema.fields
        if field.id in file.stats and field.id in types and field.id in held
    }
    bounds = {f.id: b for f, s in counted.items() if (b := _bounds(f, s, types[f.id]))}
    return IcebergFile.from_args(
        content=DataFileContent.DATA,
        file_path=placed.location,
        file_format=FileFormat.PARQUET,
        partition=Record(*values),
        record_count=file.rows,
        file_size_in_bytes=placed.size_bytes,
        value_counts={f.id: file.rows for f in counted} or None,
        null_value_counts=_counts(counted, lambda stats: stats.nulls),
        nan_value_counts=_counts(
            {f: s for f, s in counted.items() if f.type in _FLOATS}, lambda stats: stats.nans
        ),
        lower_bounds={i: low for i, (low, _) in bounds.items()} or None,
        upper_bounds={i: high for i, (_, high) in bounds.items()} or None,
    )


_FLOATS = (Scalar("FLOAT"), Scalar("DOUBLE"))

_BOUNDED = (
    TypeClass.INTEGER,
    TypeClass.DECIMAL,
    TypeClass.FLOAT,
    TypeClass.TEXT,
    TypeClass.DATE,
    TypeClass.TIMESTAMP,
)
"""What bounds are given for: types whose order every reader has alike."""


def _counts(
    counted: Mapping[Field, ColumnStats], count: Callable[[ColumnStats], int | None]
) -> dict[int, int] | None:
    known = {field.id: count(stats) for field, stats in counted.items()}
    return {i: number for i, number in known.items() if number is not None} or None


def _bounds(field: Field, stats: ColumnStats, kind: "PrimitiveType") -> tuple[bytes, bytes] | None:
    """Returns the bounds of a column as Iceberg stores them; None if they are not exact.

    A float that may be zero is bounded by both zeros: some readers tell -0.0 from 0.0.
    """
    from pyiceberg.conversions import to_bytes

    scalar = field.type
    if stats.low is None or stats.high is None or not stats.exact:
        return None
    if not isinstance(scalar, Scalar) or scalar.type_class not in _BOUNDED:
        return None
    low, high = partition_value(stats.low, scalar), partition_value(stats.high, scalar)
    if isinstance(low, float) and isinstance(high, float):
        if stats.nans != 0:
            return None
        low, high = (-0.0 if low == 0.0 else low), high
    return to_bytes(kind, _any(low)), to_bytes(kind, _any(high))


def _any(value: object) -> Any:
    return value


def known_not_null(files: Sequence[DataFile], table: TableSnapshot, field_id: int) -> bool:
    """Returns whether no row of the files can be NULL in a column."""
    if field_id in table.partition_by:
        place = table.partition_by.index(field_id)
        return all(file.partition[place] is not None for file in files)
    return all(_has_no_nulls(file, field_id) for file in files)


def _has_no_nulls(file: DataFile, field_id: int) -> bool:
    stats = file.stats.get(field_id)
    return file.rows == 0 or (stats is not None and stats.nulls == 0)
