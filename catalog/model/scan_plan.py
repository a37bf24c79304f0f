"""Scan plans: the files that a relation reads, and what each of its columns is in them.

A plan is a value: it is made from a table and its files without an engine, and has no SQL in it.
``engine.relation`` renders it for DuckDB; another engine would render the same plan. It is defined
here because the engine is a lower floor than those that plan (query, diff, write).
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Literal, TypeAlias

from catalog.dataclasses import dataclass
from catalog.model.datafile import DataFile
from catalog.model.partition import Partition
from catalog.model.schema import Field, FileSchema
from catalog.model.table import TableSnapshot
from catalog.model.types import DataType, Scalar, has_float

Locate: TypeAlias = Callable[[DataFile], str]
"""Returns where the engine reads a file: a path or a URI."""


@dataclass(frozen=True, slots=True)
class FileColumn:
    """What a column is where the files hold it.

    Attributes:
        position: Its place among the columns of the file schema.
        type: Its type in the files, which may differ from the table's.
        unprunable: Whether an engine must not go by Parquet's statistics: they contradict the
            values, or a value may be NaN, or have NaN inside, which they leave out.
    """

    position: int
    type: DataType
    unprunable: bool


@dataclass(frozen=True, slots=True)
class PartitionColumn:
    """What a partition column is: one value for each file, at this place of its partition."""

    position: int


ColumnSource: TypeAlias = FileColumn | PartitionColumn | None
"""Where the values of a column come from; None if the files have none, so that all are NULL."""


@dataclass(frozen=True, slots=True)
class FileGroup:
    """Files of the same file schema, which are read in the same way.

    Attributes:
        schema: Their physical columns.
        uris: Where they are read, in order.
        partitions: The partition values of each of them.
        sources: What the columns of the relation are in them, in the relation's order.
    """

    schema: FileSchema
    uris: tuple[str, ...]
    partitions: tuple[Partition, ...]
    sources: tuple[ColumnSource, ...]


@dataclass(frozen=True, slots=True)
class ScanPlan:
    """The rows of a table from an exact list of files.

    Attributes:
        columns: The columns of the relation, in order, with the names that it gives them.
        groups: Its files; none for a relation without rows.
        partition_by: Name and type of the table's partition columns: ``values.decode`` reads the
            partition values of files by these types.
        numbered: Whether a further column ``place`` numbers the rows of the one file from 0.
        self_contained: Whether the engine must be able to read it later, in another session.
    """

    columns: tuple[Field, ...]
    groups: tuple[FileGroup, ...]
    partition_by: tuple[tuple[str, Scalar], ...]
    numbered: bool = False
    self_contained: bool = False


def scan_plan(
    table: TableSnapshot,
    files: Sequence[DataFile],
    *,
    locate: Locate,
    columns: Sequence[int] | None = None,
    naming: Literal["name", "id"] = "name",
    nan_free: Collection[int] = (),
    numbered: bool = False,
    self_contained: bool = False,
) -> ScanPlan:
    """Plans how rows of a table are read from files.

    Args:
        table: The table.
        files: Its files.
        locate: Returns where the engine reads a file.
        columns: Field ids, in the order wanted; None means all.
        naming: Columns are called by their ``name``, or ``c<field id>`` (``id``), which is
            immune to names that differ only in case.
        nan_free: Field ids of float columns in which NaN does no harm: they hold none, or the
            statement never filters, joins or orders by them.
        numbered: See ``ScanPlan``.
        self_contained: See ``ScanPlan``.
    """
    assert not numbered or len(files) < 2, "places are those of one file"
    wanted = table.schema.fields if columns is None else table.fields(tuple(columns))
    groups: dict[str, list[DataFile]] = {}
    for file in files:
        groups.setdefault(file.file_schema, []).append(file)
    return ScanPlan(
        wanted if naming == "name" else tuple(Field(f.id, f"c{f.id}", f.type) for f in wanted),
        tuple(
            FileGroup(
                table.file_schemas[schema],
                tuple(map(locate, members)),
                tuple(file.partition for file in members),
                tuple(_sources(table, wanted, members, nan_free)),
            )
            for schema, members in groups.items()
        ),
        table.partition_fields,
        numbered,
        self_contained,
    )


_NEVER_COMPARED = tuple(map(Scalar, ("JSON", "TIME_NS", "TIME WITH TIME ZONE", "TIMESTAMPTZ_NS")))
"""Types whose bounds in footers nothing compares with the values, while engines go by them."""


def _sources(
    table: TableSnapshot,
    fields: Sequence[Field],
    files: Sequence[DataFile],
    nan_free: Collection[int],
) -> Iterator[ColumnSource]:
    """Yields where files of one file schema have the values of columns."""
    columns = table.file_schemas[files[0].file_schema].columns
    positions = {column.field_id: position for position, column in enumerate(columns)}
    partition_by = table.partition_by
    unsound = {field_id for file in files if file.unsound for field_id in file.unsound}
    for field in fields:
        position = positions.get(field.id)
        if field.id in partition_by:
            yield PartitionColumn(partition_by.index(field.id))
        elif position is None:
            yield None
        else:
            kind = columns[position].type
            doubtful = has_float(kind)
            if doubtful and isinstance(kind, Scalar):
                stats = (file.stats.get(field.id) for file in files)
                known = all(found is not None and found.nans == 0 for found in stats)
                doubtful = field.id not in nan_free and not known
            doubtful = doubtful or field.id in unsound or kind in _NEVER_COMPARED
            yield FileColumn(position, kind, doubtful)
