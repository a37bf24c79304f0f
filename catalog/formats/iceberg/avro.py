"""Files of Avro, checked to be whole before they are read.

PyIceberg takes a file that ends within a block for one that ends before it.
"""

import io
import zlib
from collections.abc import Callable, Mapping
from typing import Any

from pyiceberg.avro.file import AvroFile
from pyiceberg.avro.resolver import ReadSchemaResolver, SchemaPartnerAccessor
from pyiceberg.exceptions import ResolveError, ValidationError
from pyiceberg.io import InputFile, InputStream
from pyiceberg.schema import Schema, visit_with_partner
from pyiceberg.typedef import Record
from pyiceberg.types import IcebergType

from catalog.formats.iceberg.table_metadata import damaged

MAGIC = b"Obj\x01"
SYNC_BYTES = 16

UNDECODABLE = (
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    AssertionError,
    EOFError,
    OSError,
    RecursionError,
    SystemError,
    NotImplementedError,
    zlib.error,
    ResolveError,
    ValidationError,
)
"""What PyIceberg's decoder raises for bytes that are not what it expects."""


class BytesFile(InputFile):
    """A file of which the bytes were read."""

    def __init__(self, location: str, data: bytes) -> None:
        super().__init__(location)
        self._data = data

    def __len__(self) -> int:
        return len(self._data)

    def exists(self) -> bool:
        """Returns that it is there."""
        return True

    def open(self, seekable: bool = True) -> InputStream:
        """Opens it for reading."""
        return io.BytesIO(self._data)


class _Parts(SchemaPartnerAccessor):
    """Finds what is read of each part of a schema; nothing of parts that are skipped.

    PyIceberg by itself cannot skip lists and maps, most of what manifests hold.
    """

    def field_partner(
        self, partner: IcebergType | None, field_id: int, field_name: str
    ) -> IcebergType | None:
        return None if partner is None else super().field_partner(partner, field_id, field_name)

    def list_element_partner(self, partner_list: IcebergType | None) -> IcebergType | None:
        return None if partner_list is None else super().list_element_partner(partner_list)

    def map_key_partner(self, partner_map: IcebergType | None) -> IcebergType | None:
        return None if partner_map is None else super().map_key_partner(partner_map)

    def map_value_partner(self, partner_map: IcebergType | None) -> IcebergType | None:
        return None if partner_map is None else super().map_value_partner(partner_map)


def read_records(
    data: bytes,
    location: str,
    schema: Schema,
    *,
    types: Mapping[int, Callable[..., Any]],
    enums: Mapping[int, Callable[..., Any]] | None = None,
) -> tuple[list[Any], Schema]:
    """Reads the records of a file of Avro, and the schema that it has.

    Args:
        data: The bytes of the file.
        location: Where it is, for messages.
        schema: What of it is read.
        types: Classes of records by field id, -1 for the whole.
        enums: Enumerations by field id.

    Raises:
        CorruptData: It is damaged, or ends too early.
    """
    try:
        check_whole(data)
        with AvroFile[Record](BytesFile(location, data)) as file:
            resolver = ReadSchemaResolver(dict(types), dict(enums or {}))
            parts: Any = visit_with_partner  # its types do not fit this, its own use of it
            file.reader = parts(file.schema, schema, resolver, _Parts())
            return list(file), file.schema
    except UNDECODABLE as error:
        raise damaged(location, error) from error


def check_whole(data: bytes) -> None:
    """Checks that a file consists of a header and whole blocks.

    Raises:
        ValueError: It does not.
    """
    if data[:4] != MAGIC:
        raise ValueError("it does not begin as a file of Avro does")
    at = 4
    try:
        at = _after_meta(data, at)
        sync = data[at : at + SYNC_BYTES]
        at += SYNC_BYTES
        while at < len(data):
            _, at = _number(data, at)
            size, at = _number(data, at)
            if size < 0 or data[at + size : at + size + SYNC_BYTES] != sync:
                raise ValueError("it ends too early, or a block of it is damaged")
            at += size + SYNC_BYTES
    except IndexError as error:
        raise ValueError("it ends too early") from error
    if len(sync) < SYNC_BYTES:
        raise ValueError("it ends too early")


def _after_meta(data: bytes, at: int) -> int:
    """Returns the place behind the map of the header."""
    while True:
        count, at = _number(data, at)
        if not count:
            return at
        if count < 0:
            _, at = _number(data, at)
        for _ in range(2 * abs(count)):
            size, at = _number(data, at)
            if size < 0 or at + size > len(data):
                raise ValueError("its header is damaged")
            at += size


def _number(data: bytes, at: int) -> tuple[int, int]:
    """Reads a number of variable length, and returns the place behind it."""
    found = shift = 0
    while True:
        byte = data[at]
        at += 1
        found |= (byte & 0x7F) << shift
        if not byte & 0x80:
            return (found >> 1) ^ -(found & 1), at
        shift += 7
        if shift > 63:
            raise ValueError("it has a number that is too long")
