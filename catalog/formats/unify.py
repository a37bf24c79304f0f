"""Schemas of a table's files, unified where that loses nothing, else refused."""

import difflib
from collections.abc import Callable, Collection, Mapping, Sequence

from catalog.dataclasses import dataclass, field
from catalog.errors import ErrorKind, InvalidInput
from catalog.formats.source import Layout
from catalog.model.schema import Field, FileSchema, PhysicalColumn, Schema
from catalog.model.table import TableSnapshot
from catalog.model.types import (
    NULL_TYPE,
    DataType,
    ListType,
    MapType,
    Scalar,
    StructType,
    common_type,
)


@dataclass(frozen=True, slots=True)
class Unified:
    """The schema of a table, the greatest field id given so far, and how each layout is read.

    Attributes:
        by_path: How single files are read, where equal layouts may mean different columns.
    """

    schema: Schema
    last_field_id: int
    file_schemas: Mapping[Layout, FileSchema]
    by_path: Mapping[str, FileSchema] = field(default_factory=dict)

    def file_schema(self, path: str, layout: Layout) -> FileSchema:
        """Returns how a file of some layout is read."""
        return self.by_path.get(path) or self.file_schemas[layout]


def unify(
    layouts: Mapping[Layout, str],
    partition: Sequence[tuple[str, Scalar]],
    existing: TableSnapshot | None,
    *,
    keep_columns: bool,
) -> Unified:
    """Finds the schema that holds the rows of all files.

    Each layout comes with the path of a file that has it. Columns keep the ids that they have in
    the existing table; ``keep_columns`` also keeps those that no file has, because only a part of
    the table is replaced.

    Raises:
        InvalidInput: A column has types without a common one that loses nothing, or is spelled
            in different ways.
    """
    old = {} if existing is None else {f.name: f for f in existing.schema.fields}
    kinds: dict[str, list[tuple[DataType, str]]] = {}
    if keep_columns:
        kinds.update({name: [(f.type, "the table")] for name, f in old.items()})
    by_path = _by_path([name for name, _ in partition], kinds)
    for columns, path in layouts.items():
        for name, kind in columns:
            kinds.setdefault(by_path(name), []).append((kind, path))
    spelled = {path: [by_path(name) for name, _ in columns] for columns, path in layouts.items()}
    _check_spelling({"the table": [*old], **spelled} if keep_columns else spelled)
    for name, kind in partition:
        kinds.pop(name, None)
        kinds[name] = [(kind, "the paths")]
    last = 0 if existing is None else existing.last_field_id
    fields = []
    # The order of a table that is added to stays; else the columns are in that of the files.
    first = [name for name in old if name in kinds] if keep_columns else []
    for name in dict.fromkeys((*first, *kinds)):
        kind = _common(name, kinds[name])
        if kind == NULL_TYPE and name in old:
            kind = old[name].type
        last += name not in old
        fields.append(Field(old[name].id if name in old else last, name, _settled(kind)))
    ids = {field.name: field.id for field in fields}
    return Unified(
        Schema(tuple(fields)),
        last,
        {
            columns: FileSchema(tuple(PhysicalColumn(n, k, ids[by_path(n)]) for n, k in columns))
            for columns in layouts
        },
    )


def _by_path(names: Sequence[str], others: Collection[str]) -> Callable[[str], str]:
    """Returns what gives a column of a file the name that it has in paths, if it is in them.

    SQL could reach only one of two columns that differ in case. Tables that have both already keep
    them: ``others``.
    """
    folded = {name.casefold(): name for name in names}
    apart = {*names, *others}
    return lambda name: name if name in apart else folded.get(name.casefold(), name)


def _check_spelling(columns: Mapping[str, Sequence[str]]) -> None:
    """Checks that no column is spelled otherwise in another place: in SQL, both are one.

    Where one place has both spellings, they are two columns.
    """
    spellings: dict[bytes, dict[str, str]] = {}
    for place, names in columns.items():
        for name in names:  # only A to Z are folded, as by the engine
            spellings.setdefault(name.encode().lower(), {}).setdefault(name, place)
    for found in spellings.values():
        if len(found) > 1 and not any(found.keys() <= {*names} for names in columns.values()):
            (one, place), (other, where) = list(found.items())[:2]
            raise InvalidInput(
                f"a column is spelled {one!r} in {place} and {other!r} in {where}",
                kind=ErrorKind.SCHEMA_MISMATCH,
                hint="write these files again with one spelling for the column",
            )


def _common(name: str, kinds: Sequence[tuple[DataType, str]]) -> DataType:
    merged, where = kinds[0]
    for kind, path in kinds[1:]:
        both = common_type((merged, kind))
        if both is None:
            raise InvalidInput(
                f"column {name!r} is {merged} in {where} and {kind} in {path}: "
                "no type holds both without loss",
                kind=ErrorKind.SCHEMA_MISMATCH,
                hint="write these files again with one type for the column",
            )
        if both != merged:
            where = path
        merged = both
    return merged


def _settled(kind: DataType) -> DataType:
    """Returns a type that tables can have: a column without values becomes INTEGER."""
    match kind:
        case Scalar():
            return Scalar("INTEGER") if kind == NULL_TYPE else kind
        case ListType(element):
            return ListType(_settled(element))
        case StructType(fields):
            return StructType(tuple((name, _settled(inner)) for name, inner in fields))
        case MapType(key, value):
            return MapType(_settled(key), _settled(value))


def column_ids(schema: Schema, names: Sequence[str], what: str) -> tuple[int, ...]:
    """Returns the ids of columns named by the user.

    Raises:
        InvalidInput: A name is given twice, or no column has it; the hint names the nearest.
    """
    ids = []
    for name in names:
        field = schema.find(name)
        if field is None:
            near = difflib.get_close_matches(name, schema.names, n=3, cutoff=0.5)
            raise InvalidInput(
                f"{what} {name!r} is not a column; the columns are {', '.join(schema.names)}",
                kind=ErrorKind.COLUMN_NOT_FOUND,
                hint=f"did you mean {' or '.join(near)}?" if near else "",
            )
        ids.append(field.id)
    if len(set(ids)) < len(ids):
        raise InvalidInput(f"{what} names a column twice: {', '.join(names)}")
    return tuple(ids)
