"""What only the footer of a file says, and decides how readers of Iceberg see its columns."""

from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from catalog.dataclasses import dataclass
from catalog.errors import CorruptData, ErrorKind, NotFound
from catalog.formats.footer import checked_metadata, committed_label, source_name
from catalog.model.datafile import DataFile
from catalog.repository.datafiles import LOOKS, locate, readable
from catalog.storage.external_files import is_remote
from catalog.storage.store import ObjectStore
from catalog.threads import Threads

FIELD_ID = b"PARQUET:field_id"
"""Where Arrow has the field id that a column of a file has."""

_UTC = (None, "UTC", "+00:00", "Etc/UTC", "Z")
"""Time zones of timestamps that PyIceberg reads."""


@dataclass(frozen=True, slots=True)
class FooterFacts:
    """What a footer says of the columns.

    Attributes:
        problem: What not all readers read; empty if there is nothing.
        ids: The field ids that the file has itself, by the names on the way to a field; empty if
            it has none. Readers then go by them, not by names.
    """

    problem: str = ""
    ids: tuple[tuple[tuple[str, ...], int], ...] = ()


def read_facts(store: ObjectStore, files: Sequence[DataFile]) -> list[FooterFacts]:
    """Returns what the footers of data files say; those in buckets are read at the same time.

    Raises:
        CorruptData: A file is missing or damaged.
    """

    def read(file: DataFile) -> FooterFacts:
        source = readable(store, file)
        try:
            return footer_facts(checked_metadata(source, committed_label(source_name(source))))
        except NotFound as error:
            raise CorruptData(error.message, kind=ErrorKind.FILE_CHANGED) from error
        finally:
            if not isinstance(source, str):
                source.close()

    if not any(is_remote(locate(store, file)) for file in files):
        return [read(file) for file in files]
    with Threads(LOOKS) as pool:
        return list(pool.map(read, files))


def footer_facts(metadata: pq.FileMetaData) -> FooterFacts:
    """Returns what a footer says of the columns, as PyIceberg sees them."""
    schema = metadata.schema.to_arrow_schema()
    fields = [pair for field in schema for pair in _fields(field, (field.name,))]
    ids = [(path, found) for path, field in fields if (found := _field_id(field)) is not None]
    if 0 < len(ids) < len(fields):
        return FooterFacts("some of its columns have field ids, and others have none")
    plain = [(path[0], field.type) for path, field in fields if not pa.types.is_nested(field.type)]
    for number, (name, kind) in enumerate(plain):
        leaf = metadata.schema.column(number)
        if leaf.physical_type == "INT96":
            return FooterFacts(f"its column {name!r} is stored as INT96")
        if not _is_read(kind) and leaf.logical_type.type != "UUID":
            return FooterFacts(f"its column {name!r} is stored as {kind}")
    return FooterFacts("", tuple(ids))


def _field_id(field: pa.Field) -> int | None:
    found = (field.metadata or {}).get(FIELD_ID)
    return None if found is None else int(found)


def _fields(field: pa.Field, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], pa.Field]]:
    """Yields a field and those inside it; the parts of lists and maps have Iceberg's names."""
    yield path, field
    kind = field.type
    parts: list[tuple[str, pa.Field]] = []
    if pa.types.is_struct(kind):
        parts = [(inner.name, inner) for inner in kind]
    elif pa.types.is_map(kind):
        parts = [("key", kind.key_field), ("value", kind.item_field)]
    elif pa.types.is_nested(kind) and hasattr(kind, "value_field"):
        parts = [("element", kind.value_field)]
    for name, inner in parts:
        yield from _fields(inner, (*path, name))


def _is_read(kind: pa.DataType) -> bool:
    """Returns whether PyIceberg reads values as Arrow decodes them, and as what they are."""
    types = pa.types
    if types.is_dictionary(kind):
        return bool(types.is_string(kind.value_type) or types.is_large_string(kind.value_type))
    if types.is_timestamp(kind):
        return kind.unit != "ns" and kind.tz in _UTC
    if types.is_time(kind):
        return bool(kind == pa.time64("us"))
    return any(
        known(kind)
        for known in (
            types.is_boolean,
            types.is_signed_integer,
            types.is_floating,
            types.is_decimal128,
            types.is_string,
            types.is_large_string,
            types.is_binary,
            types.is_large_binary,
            types.is_date32,
        )
    )
