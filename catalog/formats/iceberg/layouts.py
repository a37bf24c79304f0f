"""What the columns of a data file are: by the field ids in it, or by the table's name mapping.

A file is taken as it is if the engine, which goes by names and types, reads from it what Iceberg,
which goes by ids, says that it holds; else its rows are written anew.
"""

from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.parquet as pq
from pyiceberg import types as iceberg
from pyiceberg.io.pyarrow import pyarrow_to_schema
from pyiceberg.schema import Schema
from pyiceberg.table.name_mapping import NameMapping

from catalog.dataclasses import dataclass
from catalog.errors import ErrorKind, Unsupported
from catalog.formats.footer import file_of
from catalog.formats.parquet import StoredFooter
from catalog.formats.source import Layout
from catalog.model.types import DataType, Scalar, common_type, is_integer

MICROSECONDS_ONLY = 2
"""The last version of the format that has no timestamps of nanoseconds."""


@dataclass(frozen=True, slots=True)
class ExpectedFile:
    """What a table expects of a file.

    Attributes:
        schema: The columns at the version.
        kinds: Their types here, by field id.
        partition_ids: The columns that every file has one value of, which the table has.
        constants: The field ids of other columns of which the table has the file's one value.
    """

    schema: Schema
    kinds: Mapping[int, DataType]
    partition_ids: frozenset[int]
    constants: frozenset[int]


def file_schema(
    footer: StoredFooter, path: str, *, mapping: NameMapping | None, version: int
) -> Schema:
    """Returns the columns of a file with their field ids.

    Raises:
        Unsupported: They have none, or types that no table of Iceberg has.
    """
    metadata = pq.read_metadata(pa.BufferReader(file_of(footer.raw)))
    try:
        return pyarrow_to_schema(
            metadata.schema.to_arrow_schema(),
            mapping,
            downcast_ns_timestamp_to_us=version <= MICROSECONDS_ONLY,
            format_version=version,  # type: ignore[arg-type]
        )
    except (ValueError, TypeError, KeyError, StopIteration) as error:
        text = " ".join(str(error).split())[:300]
        raise Unsupported(
            f"{path} does not say which columns of the table it has: {text}",
            kind=ErrorKind.UNSUPPORTED_FEATURE,
            hint="give the table the property schema.name-mapping.default, or rewrite the file",
        ) from error


def reason_to_rewrite(found: Schema, columns: Layout, expected: ExpectedFile, path: str) -> str:
    """Returns why a file cannot be taken as it is; empty if it can.

    Args:
        found: Its columns with their field ids.
        columns: Its columns as the engine reads them.
        expected: What the table expects of it.
        path: What errors call it.

    Raises:
        Unsupported: It lacks a column that must have values.
    """
    by_id = {field.field_id: field for field in found.fields}
    read = dict(columns)
    for field in expected.schema.fields:
        if field.field_id in expected.partition_ids:
            continue
        there = by_id.get(field.field_id)
        if there is None:
            reason = _if_missing(field, expected, path)
        else:
            reason = _if_there(field, there, read.get(there.name), expected)
        if reason:
            return reason
    return ""


def _if_missing(field: iceberg.NestedField, expected: ExpectedFile, path: str) -> str:
    if field.field_id in expected.constants:
        return f"the value of column {field.name} is that of its partition, and not in it"
    if field.initial_default is not None:
        return f"column {field.name} has a default for files without it"
    if field.required:
        raise Unsupported(
            f"{path} lacks column {field.name!r}, which must have a value",
            kind=ErrorKind.UNSUPPORTED_FEATURE,
            hint="make the column optional, or give it an initial default",
        )
    return ""


def _if_there(
    field: iceberg.NestedField,
    there: iceberg.NestedField,
    read: DataType | None,
    expected: ExpectedFile,
) -> str:
    kind = expected.kinds[field.field_id]
    if read is None:
        return f"column {there.name} has another name for the engine"
    if not _same_fields(field.field_type, there.field_type):
        return f"fields within column {field.name} have changed"
    if not _widens(read, kind):
        return f"column {field.name} is {read} in it, and {kind} in the table"
    return ""


def _widens(read: DataType, kind: DataType) -> bool:
    """Returns whether the engine turns values that it reads into those of the table exactly."""
    if read == kind:
        return True
    if isinstance(read, Scalar) and isinstance(kind, Scalar):
        numbers = is_integer(read) and is_integer(kind)
        floats = (read.name, kind.name) == ("FLOAT", "DOUBLE")
        decimals = (
            read.decimal is not None
            and kind.decimal is not None
            and read.decimal[1] == kind.decimal[1]
        )
        return (numbers or floats or decimals) and common_type((read, kind)) == kind
    nested = not isinstance(read, Scalar) and not isinstance(kind, Scalar)
    return nested and common_type((read, kind)) == kind


def _same_fields(wanted: iceberg.IcebergType, there: iceberg.IcebergType) -> bool:
    """Returns whether nested fields of the same names are the same fields, on all levels."""
    inner = _inner(wanted), _inner(there)
    ours, theirs = ([(field.field_id, field.name) for field in fields] for fields in inner)
    return (
        ours == theirs
        and wanted.is_primitive == there.is_primitive
        and all(
            _same_fields(one.field_type, other.field_type)
            for one, other in zip(*inner, strict=True)
        )
    )


def _inner(kind: iceberg.IcebergType) -> Sequence[iceberg.NestedField]:
    """Returns the fields within a type."""
    match kind:
        case iceberg.StructType():
            return kind.fields
        case iceberg.ListType():
            return (kind.element_field,)
        case iceberg.MapType():
            return (kind.key_field, kind.value_field)
    return ()
