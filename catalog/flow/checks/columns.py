"""The columns that checks name, as a table has them."""

import difflib

from catalog.dataclasses import dataclass
from catalog.errors import ErrorKind, NotFound
from catalog.model.schema import Field, Schema
from catalog.model.types import DataType, StructType


@dataclass(frozen=True, slots=True)
class CheckedColumn:
    """A column, or a field of a struct in one.

    Attributes:
        text: As the check names it.
        field: The column.
        path: The places of the struct's fields, from 1, that lead to the value; none for a column.
        type: The type of the value.
    """

    text: str
    field: Field
    path: tuple[int, ...]
    type: DataType

    @property
    def sql(self) -> str:
        """Returns the value as SQL where columns are called ``c<field id>``."""
        found = f"c{self.field.id}"
        for place in self.path:
            found = f"struct_extract_at({found}, {place})"
        return found


def checked_column(schema: Schema, text: str) -> CheckedColumn:
    """Returns the column of a name: ``amount``, or a field of a struct, ``address.city``.

    A column of exactly that name comes first, then the only one that is called so but for case.

    Raises:
        NotFound: There is none; the hint names the nearest.
    """
    field = _column(schema, text)
    if field is not None:
        return CheckedColumn(text, field, (), field.type)
    parts = text.split(".")
    for at in range(len(parts) - 1, 0, -1):
        field = _column(schema, ".".join(parts[:at]))
        found = None if field is None else _inner(field.type, ".".join(parts[at:]))
        if field is not None and found is not None:
            return CheckedColumn(text, field, *found)
    near = difflib.get_close_matches(text, schema.names, n=3, cutoff=0.5)
    listed = ", ".join(schema.names[:20]) + (", …" if len(schema.names) > 20 else "")
    raise NotFound(
        f"there is no column {text!r}",
        kind=ErrorKind.COLUMN_NOT_FOUND,
        hint=f"did you mean {' or '.join(near)}?" if near else f"the columns are {listed}",
    )


def _column(schema: Schema, name: str) -> Field | None:
    alike = [f for f in schema.fields if f.name.casefold() == name.casefold()]
    return schema.find(name) or (alike[0] if len(alike) == 1 else None)


def _inner(kind: DataType, text: str) -> tuple[tuple[int, ...], DataType] | None:
    """Returns where in a struct a field is, and its type."""
    if not isinstance(kind, StructType):
        return None
    names = [name for name, _ in kind.fields]
    exact = [at for at, name in enumerate(names) if name == text]
    alike = [at for at, name in enumerate(names) if name.casefold() == text.casefold()]
    found = exact or alike
    if len(found) == 1:
        return (found[0] + 1,), kind.fields[found[0]][1]
    for at, name in enumerate(names):
        if text.casefold().startswith(f"{name.casefold()}."):
            deeper = _inner(kind.fields[at][1], text[len(name) + 1 :])
            if deeper is not None:
                return (at + 1, *deeper[0]), deeper[1]
    return None
