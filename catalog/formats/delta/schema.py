"""The schema of a table of Delta: columns, their types, and the names that they have in files."""

import json
from collections.abc import Mapping

from catalog.dataclasses import dataclass
from catalog.errors import CorruptData, ErrorKind
from catalog.formats.delta.features import unsupported
from catalog.formats.table_state import SourceColumn
from catalog.model.types import DataType, ListType, MapType, Scalar, StructType, is_scalar_name

PHYSICAL = "delta.columnMapping.physicalName"
FIELD_ID = "delta.columnMapping.id"

_SCALARS = {
    "string": "VARCHAR",
    "long": "BIGINT",
    "integer": "INTEGER",
    "short": "SMALLINT",
    "byte": "TINYINT",
    "float": "FLOAT",
    "double": "DOUBLE",
    "boolean": "BOOLEAN",
    "binary": "BLOB",
    "date": "DATE",
    "timestamp": "TIMESTAMP WITH TIME ZONE",
    "timestamp_ntz": "TIMESTAMP",
    "void": "INTEGER",
}
"""The types of tables by Delta's names; a column of no type has no value, and is in no file."""

_FEATURES = {"variant": "variantType"}
"""What allows a type that is not read."""


@dataclass(frozen=True, slots=True)
class DeltaColumn:
    """A column of a table of Delta.

    Attributes:
        physical: Its name in files and in the log.
        field_id: Its id in files; None unless columns are found by id.
        stored: Its type in files, with the names that fields inside have there.
        column: The column as it is known here.
    """

    physical: str
    field_id: int | None
    stored: DataType
    column: SourceColumn


def read_schema(root: str, text: str, mode: str) -> tuple[DeltaColumn, ...]:
    """Reads the schema of a table, as the log has it.

    Args:
        root: The table, for messages.
        text: The JSON of the schema.
        mode: How columns are found in files: ``none``, ``name`` or ``id``.

    Raises:
        Unsupported: A column has a type that is not known; the message names it.
        CorruptData: It is not a schema.
    """
    reader = _Reader(root, mapped=mode != "none")
    try:
        stored = json.loads(text)
        return tuple(reader.column(one, by_id=mode == "id") for one in stored["fields"])
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise CorruptData(
            f"the log of {root} has a schema that cannot be read: {error}",
            kind=ErrorKind.LOG_DAMAGED,
        ) from error


class _Reader:
    def __init__(self, root: str, *, mapped: bool) -> None:
        self._root = root
        self._mapped = mapped

    def column(self, stored: Mapping[str, object], *, by_id: bool) -> DeltaColumn:
        name, metadata = str(stored["name"]), stored.get("metadata")
        physical = self._physical(stored)
        field_id = metadata.get(FIELD_ID) if by_id and isinstance(metadata, dict) else None
        kind = self._type(stored["type"], name, physical=False)
        column = SourceColumn(name, kind, physical)
        inside = self._type(stored["type"], name, physical=True)
        return DeltaColumn(physical, field_id, inside, column)

    def _physical(self, stored: Mapping[str, object]) -> str:
        """Returns the name that a column or a field has in files."""
        metadata = stored.get("metadata")
        found = metadata.get(PHYSICAL) if self._mapped and isinstance(metadata, dict) else None
        return str(stored["name"] if found is None else found)

    def _type(self, stored: object, name: str, *, physical: bool) -> DataType:
        match stored:
            case str():
                return self._scalar(stored, name)
            case {"type": "array", "elementType": element}:
                return ListType(self._type(element, name, physical=physical))
            case {"type": "map", "keyType": key, "valueType": value}:
                return MapType(
                    self._type(key, name, physical=physical),
                    self._type(value, name, physical=physical),
                )
            case {"type": "struct", "fields": list(fields)}:
                return StructType(
                    tuple(
                        (
                            self._physical(one) if physical else str(one["name"]),
                            self._type(one["type"], name, physical=physical),
                        )
                        for one in fields
                    )
                )
        raise ValueError(f"column {name!r} has the type {str(stored)[:100]}")

    def _scalar(self, stored: str, name: str) -> Scalar:
        known = _SCALARS.get(stored)
        if known is not None:
            return Scalar(known)
        decimal = stored.upper().replace(" ", "")
        if decimal.startswith("DECIMAL(") and is_scalar_name(decimal):
            return Scalar(decimal)
        feature = next((why for start, why in _FEATURES.items() if stored.startswith(start)), "")
        what = f"{feature} (column {name!r})" if feature else f"columns of type {stored}"
        raise unsupported(self._root, what)
