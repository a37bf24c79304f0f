"""Table schemas with field ids, and the file schemas through which files are read."""

from catalog.dataclasses import dataclass
from catalog.errors import CorruptData, ErrorKind, NotFound
from catalog.model import types
from catalog.model.ids import canonical_json, content_id, excerpt
from catalog.model.types import DataType


@dataclass(frozen=True, slots=True)
class Field:
    """One column of a table; its id is never reused in that table."""

    id: int
    name: str
    type: DataType


@dataclass(frozen=True, slots=True)
class Schema:
    """The columns of a table in order."""

    fields: tuple[Field, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Returns the column names in order."""
        return tuple(field.name for field in self.fields)

    def by_id(self, field_id: int) -> Field | None:
        """Returns the column of an id, None if the schema has none."""
        return next((field for field in self.fields if field.id == field_id), None)

    def find(self, name: str) -> Field | None:
        """Returns the column of exactly this name, None if the schema has none."""
        return next((field for field in self.fields if field.name == name), None)

    def named(self, name: str) -> Field:
        """Returns the column of exactly this name.

        Raises:
            NotFound: There is none; the hint names the nearest.
        """
        field = self.find(name)
        if field is None:
            raise NotFound(
                f"no column {name!r}; the columns are {', '.join(self.names)}",
                kind=ErrorKind.COLUMN_NOT_FOUND,
            )
        return field


@dataclass(frozen=True, slots=True)
class PhysicalColumn:
    """A column as a file holds it, and the field it belongs to."""

    name: str
    type: DataType
    field_id: int


@dataclass(frozen=True, slots=True)
class FileSchema:
    """Maps the columns of a file, by position, to field ids."""

    columns: tuple[PhysicalColumn, ...]

    @property
    def id(self) -> str:
        """Returns the content id, which is part of the identity of data files."""
        return content_id(canonical_json(self.to_json()))

    def to_json(self) -> list[object]:
        """Returns the stored form: ``[name, type, field id]`` per column."""
        return [[c.name, types.to_json(c.type), c.field_id] for c in self.columns]

    @staticmethod
    def from_json(stored: object) -> "FileSchema":
        """Reads the stored form.

        Raises:
            CorruptData: The form is not one of format 1.
        """
        columns = []
        for row in stored if isinstance(stored, list) else [None]:
            match row:
                case [str(name), kind, field_id] if _is_valid(field_id, name):
                    columns.append(PhysicalColumn(name, types.from_json(kind), field_id))
                case _:
                    raise CorruptData(f"unknown file schema: {excerpt(stored)}")
        return FileSchema(tuple(columns))


def schema_to_json(schema: Schema) -> list[object]:
    """Returns the stored form of a schema: ``[id, name, type]`` per column."""
    return [[f.id, f.name, types.to_json(f.type)] for f in schema.fields]


def schema_from_json(stored: object) -> Schema:
    """Reads the stored form of a schema.

    Raises:
        CorruptData: The form is not one of format 1.
    """
    fields = []
    for row in stored if isinstance(stored, list) else [None]:
        match row:
            case [field_id, str(name), kind] if _is_valid(field_id, name):
                fields.append(Field(field_id, name, types.from_json(kind)))
            case _:
                raise CorruptData(f"unknown schema: {excerpt(stored)}")
    for what, values in (("ids", [f.id for f in fields]), ("names", [f.name for f in fields])):
        if len(set(values)) < len(values):
            raise CorruptData(f"unknown schema: columns share {what}: {excerpt(stored)}")
    if any(types.holds_null_type(field.type) for field in fields):
        raise CorruptData(f"unknown schema: a column has no type: {excerpt(stored)}")
    return Schema(tuple(fields))


MAX_FIELD_ID = (1 << 31) - 1
"""Greatest field id: the greatest that Parquet has, and more than any table will ever use."""


def _is_valid(field_id: object, name: str) -> bool:
    """Returns whether a stored column has an id and a name that a column can have."""
    whole = type(field_id) is int and 0 < field_id <= MAX_FIELD_ID  # True is an int too
    return whole and types.is_column_name(name)
