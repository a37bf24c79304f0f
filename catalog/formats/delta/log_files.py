"""Which data files readers of a Delta table read rightly as they are, and what they are called.

Readers go by the names in the files, and by the annotations that they know. A file that has other
names than the table today, or a type that is not exactly that of the log, is written anew for it:
mapping names to columns, which Delta can do, is not known to all readers.
"""

import base64
import re
from urllib.parse import quote

import pyarrow as pa
import pyarrow.parquet as pq

from catalog.dataclasses import dataclass
from catalog.formats.delta.log_types import held_as, is_read_as
from catalog.formats.delta.log_values import partition_text
from catalog.formats.footer import (
    ParquetSource,
    checked_metadata,
    committed_label,
    schema_bytes,
    source_name,
)
from catalog.formats.hive_path import escape, partition_path
from catalog.model.datafile import DataFile
from catalog.model.ids import canonical_json, content_id
from catalog.model.names import MAX_SEGMENT_BYTES
from catalog.model.schema import Field, FileSchema
from catalog.model.table import TableSnapshot

NAME_DIGITS = 32
"""Hex digits of the names of files: 128 bits of what they are made from."""

_NAME = re.compile(rf"[0-9a-f]{{{NAME_DIGITS}}}")

_INTEGERS = frozenset(
    f"Int(bitWidth={bits}, isSigned={sign})"
    for bits in (8, 16, 32, 64)
    for sign in ("true", "false")
)
_UNANNOTATED = ("BOOLEAN", "INT32", "INT64", "FLOAT", "DOUBLE", "BYTE_ARRAY")
_PLAIN = frozenset(
    {
        *(
            (kind, "None")
            for kind in ("BOOLEAN", "INT32", "INT64", "FLOAT", "DOUBLE", "BYTE_ARRAY")
        ),
        ("BYTE_ARRAY", "String"),
        ("INT32", "Date"),
        *((kind, integer) for kind in ("INT32", "INT64") for integer in _INTEGERS),
    }
)
"""Columns of plain values that all readers read alike: the physical type, and the annotation."""

_GROUPS = (".list.element", ".list.item", ".key_value.")
"""What the paths of elements have in them, once a level, where lists and maps are as they should
be: of older forms, not all readers make the same."""

_plain: dict[tuple[bytes, bytes], bool] = {}
"""What is known of schemas of files, by their bytes."""

_TEXTS = (
    *(pa.string(), pa.large_string(), pa.string_view()),
    *(pa.binary(), pa.large_binary(), pa.binary_view()),
)

KNOWN_SCHEMAS = 1000
"""Schemas of files that are kept: tables have few."""


@dataclass(frozen=True, slots=True)
class Naming:
    """How the files of a table are called, and what partitions the log has.

    Attributes:
        table: The table, as the version has it.
    """

    table: TableSnapshot

    def partition(self, file: DataFile) -> dict[str, str | None]:
        """Returns the partition values of a file as the log has them, by column.

        Raises:
            Unsupported: Delta cannot have one.
        """
        return {
            name: partition_text(value, kind, name)
            for (name, kind), value in zip(self.table.partition_fields, file.partition, strict=True)
        }

    def path(self, file: DataFile) -> str:
        """Returns the path of a file below the table's directory.

        It is the same in every version that has the same columns of the file under the same names.
        """
        values = self.partition(file)
        schema = self.table.file_schemas[file.file_schema]
        layout = () if is_shared(schema, self.table) else _layout(schema, self.table)
        name = content_id(canonical_json([file.path, file.token, layout]))[:NAME_DIGITS]
        folder = "/".join(_segment(column, value) for column, value in values.items())
        return f"{folder}/{name}.parquet" if folder else f"{name}.parquet"


def _segment(column: str, value: str | None) -> str:
    """Returns the directory of a partition value.

    Nothing in the value is left that a URI has to escape: Polars takes the URIs of files in buckets
    for their names. Where that makes it too long for file systems, it has Hive's escapes only.

    Raises:
        InvalidInput: It is too long with those, too.
    """
    if value is not None:
        encoded = f"{escape(column)}={quote(value, safe='')}"
        if len(encoded.encode()) <= MAX_SEGMENT_BYTES:
            return encoded
    return partition_path([column], [value])


def may_be_ours(path: str) -> bool:
    """Returns whether a file has a name like those that ``Naming`` gives."""
    stem, _, ending = path.rpartition("/")[2].partition(".")
    return ending == "parquet" and _NAME.fullmatch(stem) is not None


def is_shared(schema: FileSchema, table: TableSnapshot) -> bool:
    """Returns whether readers find in files of a schema the columns of a table, and no others."""
    fields = {field.id: field for field in table.schema.fields}
    names = {field.name.casefold() for field in table.schema.fields}
    for column in schema.columns:
        field = fields.get(column.field_id)
        if field is None:
            if column.name.casefold() in names:  # of a column that was dropped
                return False
        elif column.name != field.name or (
            field.id not in table.partition_by
            and not is_read_as(column.type, held_as(field.type, field.name))
        ):
            return False
    return True


def held_columns(schema: FileSchema, table: TableSnapshot) -> tuple[Field, ...]:
    """Returns the columns of a table that a file written anew from one of a schema has.

    Those that the first has; if it has none, another one, since a file needs a column.
    """
    ids = {column.field_id for column in schema.columns}
    inner = [f for f in table.schema.fields if f.id not in table.partition_by]
    fields = inner or table.schema.fields
    return tuple(field for field in fields if field.id in ids) or tuple(fields[:1])


def _layout(schema: FileSchema, table: TableSnapshot) -> list[object]:
    """Returns what decides how files of a schema are written anew for a table."""
    places = {column.field_id: place for place, column in enumerate(schema.columns)}
    return [
        [places.get(field.id), field.name, str(held_as(field.type, field.name))]
        for field in held_columns(schema, table)
    ]


def is_plain(source: ParquetSource) -> bool:
    """Returns whether all readers read all columns of a file alike.

    Not so for times in units or encodings of old, decimals of any length, lists of old, text that
    is marked as something else, and where Arrow's own schema has another type than Parquet's: some
    follow it. Of files of one schema, one footer is read whole.

    Raises:
        CorruptData: It is gone, or damaged.
    """
    label = committed_label(source_name(source))
    stored = schema_bytes(source, label)
    known = _plain.get(stored)
    if known is None:
        schema = checked_metadata(source, label).schema
        leaves = [schema.column(n) for n in range(len(schema))]
        known = all(map(_is_plain, leaves)) and _is_plain_arrow(stored[1])
        if len(_plain) >= KNOWN_SCHEMAS:
            _plain.clear()
        _plain[stored] = known
    return known


def _is_plain(leaf: pq.ColumnSchema) -> bool:
    annotation = str(leaf.logical_type)
    levels = sum(leaf.path.count(group) for group in _GROUPS)
    if levels < leaf.max_repetition_level:
        return False
    if annotation.startswith("Timestamp("):
        micros = "timeUnit=microseconds" in annotation
        return micros and "is_from_converted_type=false" in annotation
    if annotation.startswith("Decimal("):
        return leaf.physical_type in ("INT32", "INT64", "FIXED_LEN_BYTE_ARRAY")
    return (leaf.physical_type, annotation) in _PLAIN


def _is_plain_arrow(encoded: bytes) -> bool:
    """Returns whether the schema that Arrow left in a file has only types that Parquet has too."""
    if not encoded:
        return True
    try:
        schema = pa.ipc.read_schema(pa.py_buffer(base64.b64decode(encoded)))
    except (ValueError, OSError, pa.ArrowException):
        return False
    return all(_is_plain_type(field.type) for field in schema)


def _is_plain_type(kind: pa.DataType) -> bool:
    known = pa.types
    if known.is_dictionary(kind):
        return _is_plain_type(kind.value_type)
    if any(is_one(kind) for is_one in (known.is_list, known.is_large_list, known.is_struct)):
        return all(_is_plain_type(kind.field(n).type) for n in range(kind.num_fields))
    if known.is_map(kind):
        return _is_plain_type(kind.key_type) and _is_plain_type(kind.item_type)
    if known.is_timestamp(kind):
        return bool(kind.unit == "us")
    if known.is_float16(kind):
        return False
    return bool(
        known.is_boolean(kind)
        or known.is_integer(kind)
        or known.is_floating(kind)
        or known.is_decimal128(kind)
        or known.is_date32(kind)
        or kind in _TEXTS
    )
