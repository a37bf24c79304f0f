"""Schemas and partition specs of an Iceberg table, each with a number, in the order they came."""

from collections.abc import Sequence
from typing import Any, TypeAlias

from catalog.formats.iceberg.metadata_files import partition_columns
from catalog.formats.iceberg.metadata_names import Names
from catalog.formats.iceberg.metadata_types import nested_paths, type_json
from catalog.model.schema import Field
from catalog.model.table import TableSnapshot
from catalog.model.types import Scalar, TypeClass

Described: TypeAlias = dict[str, Any]
"""A schema or a partition spec as Iceberg's JSON has it."""

FIRST_PARTITION_ID = 1000
"""Where Iceberg's ids of partition fields begin."""


def fields_json(
    table: TableSnapshot, names: Names, required: Sequence[int] = ()
) -> list[Described]:
    """Returns the columns of a table; those of some field ids are never NULL."""
    return [
        {
            "id": names.ids[column.id,],
            "name": column.name,
            "required": column.id in required,
            "type": type_json(column.type, (column.id,), names.ids),
        }
        for column in table.schema.fields
    ]


def schema_json(table: TableSnapshot, names: Names, key: Sequence[int]) -> Described:
    """Returns the schema of a table, without a number; ``key`` has the columns that identify."""
    schema: Described = {"type": "struct", "fields": fields_json(table, names, key)}
    if key:
        schema["identifier-field-ids"] = [names.ids[one,] for one in key]
    return schema


def possible_key(table: TableSnapshot) -> tuple[int, ...]:
    """Returns the key, if Iceberg allows columns of such types to identify rows."""
    fields = table.fields(table.key)
    return tuple(f.id for f in fields) if all(map(_may_identify, fields)) else ()


def _may_identify(field: Field) -> bool:
    kind = field.type
    return isinstance(kind, Scalar) and kind.type_class is not TypeClass.FLOAT


def is_reshaped(table: TableSnapshot, names: Names, *, schema: Described, spec: Described) -> bool:
    """Returns whether columns or partitions of a table differ from those of a schema and a spec."""
    for column in table.schema.fields:
        paths = ((column.id,), *nested_paths(column.type, (column.id,)))
        if any(path not in names.ids for path in paths):
            return True
    shown = [(f["id"], f["name"], f["type"]) for f in schema["fields"]]
    now = [(f["id"], f["name"], f["type"]) for f in fields_json(table, names)]
    return shown != now or not is_partitioned_as(table, names, schema=schema, spec=spec)


def is_partitioned_as(
    table: TableSnapshot, names: Names, *, schema: Described, spec: Described
) -> bool:
    """Returns whether the partition columns of a table are those of a spec, with their types."""
    kinds = {field["id"]: field["type"] for field in schema["fields"]}
    shown = [(f["source-id"], kinds.get(f["source-id"])) for f in spec["fields"]]
    return shown == [
        (names.ids.get((column.id,)), type_json(column.type, (column.id,), names.ids))
        for _, column in partition_columns(table)
    ]


def spec_json(table: TableSnapshot, names: Names, specs: Sequence[Described]) -> Described:
    """Returns the partition spec of a table, without a number.

    A column keeps the partition field that it had in other specs.
    """
    known = {f["source-id"]: f["field-id"] for spec in specs for f in spec["fields"]}
    fields = []
    for _, column in partition_columns(table):
        source = names.ids[column.id,]
        number = known.setdefault(source, max([FIRST_PARTITION_ID - 1, *known.values()]) + 1)
        name = _partition_name(column, number, table)
        fields.append(
            {"source-id": source, "field-id": number, "transform": "identity", "name": name}
        )
    return {"fields": fields}


def _partition_name(column: Field, number: int, table: TableSnapshot) -> str:
    """Returns what a partition field is called: as its column, if readers of Avro allow it."""
    if column.name.isascii() and column.name.isidentifier():
        return column.name
    name, taken = f"partition_{number}", {one.casefold() for one in table.schema.names}
    while name in taken:
        name += "_"
    return name


def numbered(known: list[Described], one: Described, number: str) -> int:
    """Returns the number of a schema or spec among those known; a new one is added."""
    for other in known:
        if {k: v for k, v in other.items() if k != number} == one:
            return int(other[number])
    known.append({number: len(known), **one})
    return len(known) - 1
