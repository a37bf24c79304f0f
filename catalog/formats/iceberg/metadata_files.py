"""Data files as manifests of Iceberg list them: which are shared, where they are, their values."""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from catalog.dataclasses import dataclass
from catalog.formats.iceberg.metadata_footers import FooterFacts
from catalog.formats.iceberg.metadata_names import Names
from catalog.formats.iceberg.metadata_types import (
    Path,
    iceberg_scalar,
    reads_as,
    unsayable,
    written_as,
)
from catalog.model.datafile import ColumnStats, DataFile
from catalog.model.ids import canonical_json, content_id
from catalog.model.schema import Field
from catalog.model.table import TableSnapshot
from catalog.model.types import NULL_TYPE, DataType, Scalar, TypeClass
from catalog.model.values import decode, encoded_ticks

if TYPE_CHECKING:
    from pyiceberg.manifest import DataFile as IcebergFile

FieldIds: TypeAlias = "tuple[int, tuple[tuple[str, FieldIds], ...]]"
"""The field id of a column, and those of the fields inside it by their names."""

NO_PARTITIONS = (Scalar("UUID"), Scalar("DOUBLE"))
"""No table is partitioned by these for Iceberg, since readers misread such values in manifests:
DuckDB 1.5.5 a UUID, and PyIceberg 0.12 a DOUBLE, of which it keeps the digits of a FLOAT."""


@dataclass(frozen=True, slots=True)
class Form:
    """The columns of a file that is written again, which have field ids of Iceberg.

    Attributes:
        columns: The columns with their ids, in the types that are written.
    """

    columns: tuple[tuple[Field, FieldIds], ...]

    @property
    def digest(self) -> str:
        """Returns what tells it from other forms; the names of columns do not."""
        parts = sorted([repr(ids), str(field.type)] for field, ids in self.columns)
        return content_id(canonical_json(parts))[:16]


@dataclass(frozen=True, slots=True)
class PlacedFile:
    """A data file where readers of the Iceberg table find it.

    Attributes:
        file: The file of the catalog.
        location: Absolute path or URI.
        form: How it is written again; None if it is shared.
    """

    file: DataFile
    location: str
    form: Form | None


class Placing(Protocol):
    """Where the data files of a table are for readers of Iceberg."""

    def shared(self, file: DataFile) -> str:
        """Returns where a file is if it is read as it is."""

    def rewritten(self, file: DataFile, form: Form) -> str | None:
        """Returns where a file is if it is written again; None if none ever is."""

    def facts(self, files: Sequence[DataFile]) -> Sequence[FooterFacts]:
        """Returns what the footers of files say.

        Raises:
            CorruptData: A file is missing or damaged.
        """

    def bring(self, table: TableSnapshot, files: Sequence[PlacedFile]) -> Mapping[str, int]:
        """Makes sure that files are where they are said to be; returns their sizes by location."""


def unfit(file: DataFile, table: TableSnapshot, *, names: Names, facts: FooterFacts | None) -> str:
    """Returns why a file cannot be read as it is; empty if it can.

    Args:
        file: The data file.
        table: The table.
        names: Which columns the names and ids in files mean.
        facts: What its footer says; None if the file was found to be fit for the same names.
    """
    fields = {field.id: field for field in table.schema.fields}
    columns = table.file_schemas[file.file_schema].columns
    for column in columns:
        field = fields.get(column.field_id)
        if field is None and (bad := unsayable(column.type)) is not None:
            return f"its column {column.name!r}, which was dropped, has type {bad}"
        if not reads_as(column.type, column.type if field is None else field.type):
            kind = "" if field is None else f", and the table's {field.type}"
            return f"its column {column.name!r} is {column.type}{kind}"
        if column.field_id in file.unsound:
            return f"what its footer says of column {column.name!r} is not true"
    held = {column.field_id for column in columns}
    for field in table.fields(table.partition_by):
        if field.type in NO_PARTITIONS and field.id not in held:
            return f"the values of column {field.name!r}, a {field.type}, are in its path alone"
    if facts is None:
        return ""
    return facts.problem or _misnamed(table, file, names=names, facts=facts)


def _misnamed(table: TableSnapshot, file: DataFile, *, names: Names, facts: FooterFacts) -> str:
    """Returns which column of a file readers would take for another one; empty if they do not."""
    columns = table.file_schemas[file.file_schema].columns
    if not facts.ids:
        other = next((c.name for c in columns if names.columns[c.name] != c.field_id), None)
        return f"its column {other!r} means another column in other files" if other else ""
    wanted = own_ids(table, file, facts)
    if len(wanted) < len(facts.ids) or any(names.ids.get(p) != i for p, i in wanted.items()):
        return "the field ids in it are not those of the table"
    return ""


def own_ids(table: TableSnapshot, file: DataFile, facts: FooterFacts) -> dict[Path, int]:
    """Returns the ids that a file has itself, by the fields that they are of."""
    columns = {c.name: c.field_id for c in table.file_schemas[file.file_schema].columns}
    return {
        (columns[path[0]], *path[1:]): number for path, number in facts.ids if path[0] in columns
    }


def form_of(file: DataFile, table: TableSnapshot, names: Names) -> Form:
    """Returns how a file is written again: with those columns of the table that it has.

    Values of the path are left out, but for those by which Iceberg has no partitions. A file needs
    a column; it has the first of the table if it has no other.
    """
    held = {column.field_id for column in table.file_schemas[file.file_schema].columns}
    inside = [
        field
        for field in table.schema.fields
        if (field.id in held and field.id not in table.partition_by)
        or (field.id in table.partition_by and field.type in NO_PARTITIONS)
    ]
    return Form(
        tuple(
            (Field(field.id, field.name, written_as(field.type)), _field_ids((field.id,), names))
            for field in inside or table.schema.fields[:1]
        )
    )


def _field_ids(path: Path, names: Names) -> FieldIds:
    below = [one for one in names.ids if one[:-1] == path]
    return names.ids[path], tuple((str(one[-1]), _field_ids(one, names)) for one in below)


def partition_columns(table: TableSnapshot) -> tuple[tuple[int, Field], ...]:
    """Returns the columns by which a table is partitioned for Iceberg, with their places here."""
    found = enumerate(table.fields(table.partition_by))
    return tuple((place, field) for place, field in found if field.type not in NO_PARTITIONS)


def partition_value(encoded: bytes | None, kind: Scalar) -> Any:
    """Returns a value as PyIceberg's writer takes it; None for NULL."""
    if encoded is None:
        return None
    if kind.type_class in (TypeClass.DATE, TypeClass.TIME, TypeClass.TIMESTAMP):
        return encoded_ticks(encoded)
    value = decode(encoded, kind)
    return Decimal(value) if isinstance(value, int) and kind.name == "UBIGINT" else value


def iceberg_file(
    placed: PlacedFile, table: TableSnapshot, *, size_bytes: int, names: Names
) -> "IcebergFile":
    """Returns the entry of a data file in a manifest."""
    from pyiceberg.manifest import DataFile as IcebergFile
    from pyiceberg.manifest import DataFileContent, FileFormat
    from pyiceberg.typedef import Record

    file = placed.file
    values = [
        partition_value(file.partition[place], field.type)
        for place, field in partition_columns(table)
        if isinstance(field.type, Scalar)
    ]
    columns = table.file_schemas[file.file_schema].columns
    held = {column.field_id: column.type for column in columns}
    counted = {
        names.ids[field.id,]: (field, file.stats[field.id])
        for field in table.schema.fields
        if field.id in file.stats
        and field.id not in table.partition_by
        and isinstance(field.type, Scalar)
        and held.get(field.id) not in (None, NULL_TYPE)
    }
    bounds = {
        number: known
        for number, (field, stats) in counted.items()
        if (known := _bounds(field, stats, held[field.id])) is not None
    }
    return IcebergFile.from_args(
        content=DataFileContent.DATA,
        file_path=placed.location,
        file_format=FileFormat.PARQUET,
        partition=Record(*values),
        record_count=file.rows,
        file_size_in_bytes=size_bytes,
        value_counts=dict.fromkeys(counted, file.rows) or None,
        null_value_counts=_counts(counted, lambda field, stats: stats.nulls),
        nan_value_counts=_counts(
            counted, lambda field, stats: stats.nans if field.type in _FLOATS else None
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
    counted: Mapping[int, tuple[Field, ColumnStats]],
    count: Callable[[Field, ColumnStats], int | None],
) -> dict[int, int] | None:
    known = {number: count(field, stats) for number, (field, stats) in counted.items()}
    return {number: found for number, found in known.items() if found is not None} or None


def _bounds(field: Field, stats: ColumnStats, held: DataType) -> tuple[bytes, bytes] | None:
    """Returns the bounds of a column as Iceberg stores them; None if they are not exact.

    A float that may be zero is bounded by both zeros: some readers tell -0.0 from 0.0.
    """
    from pyiceberg.conversions import to_bytes

    kind = field.type
    if stats.low is None or stats.high is None or not stats.exact:
        return None
    if not isinstance(kind, Scalar) or kind.type_class not in _BOUNDED:
        return None
    if not reads_as(held, kind):  # they are encoded otherwise
        return None
    low, high = partition_value(stats.low, kind), partition_value(stats.high, kind)
    if isinstance(low, float):
        if stats.nans != 0:
            return None
        low = -0.0 if low == 0.0 else low
    primitive = iceberg_primitive(kind)
    return to_bytes(primitive, low), to_bytes(primitive, high)


def iceberg_primitive(kind: Scalar) -> Any:
    """Returns PyIceberg's type of a scalar type that Iceberg has."""
    from pyiceberg.types import NestedField

    described = {"id": 1, "name": "_", "required": False, "type": iceberg_scalar(kind)}
    return NestedField.model_validate(described).field_type


def known_not_null(files: Sequence[DataFile], table: TableSnapshot, field_id: int) -> bool:
    """Returns whether no row of the files can be NULL in a column."""
    if field_id in table.partition_by:
        place = table.partition_by.index(field_id)
        return all(file.partition[place] is not None for file in files)
    return all(_has_no_nulls(file, field_id) for file in files)


def _has_no_nulls(file: DataFile, field_id: int) -> bool:
    stats = file.stats.get(field_id)
    return file.rows == 0 or (stats is not None and stats.nulls == 0)
