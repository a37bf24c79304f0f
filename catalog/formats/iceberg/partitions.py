"""By which columns a table here is partitioned that an Iceberg table is.

Iceberg partitions by transforms of columns, and each file by the spec of its time. A column that is
a partition column of all live files as it is, so that each has one value of it, becomes one here;
other columns stay ordinary ones, in the files.
"""

import datetime
import decimal
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.transforms import IdentityTransform, VoidTransform
from pyiceberg.types import NestedField

from catalog.dataclasses import dataclass
from catalog.errors import CatalogError
from catalog.formats.hive_path import partition_path, segments
from catalog.formats.iceberg.manifests import DataEntry
from catalog.model.types import Scalar, TypeClass
from catalog.model.values import encode

_EPOCH = datetime.datetime(1970, 1, 1)
_DAY = datetime.date(1970, 1, 1).toordinal()

_CLASSES = frozenset(
    (
        TypeClass.BOOLEAN,
        TypeClass.INTEGER,
        TypeClass.DECIMAL,
        TypeClass.TEXT,
        TypeClass.DATE,
        TypeClass.UUID,
    )
)
"""Classes of types whose values a partition can have without loss; floats have -0.0 and NaN."""

_TIMES = ("TIMESTAMP", "TIMESTAMP WITH TIME ZONE")


@dataclass(frozen=True, slots=True)
class Partitioning:
    """The partition columns that all live files have.

    Attributes:
        columns: Name, field id and type of each, in order.
        warnings: What became of other partition fields.
    """

    columns: tuple[tuple[str, int, Scalar], ...]
    warnings: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Returns the names of the columns."""
        return tuple(name for name, _, _ in self.columns)

    def values(self, file: DataEntry, specs: Mapping[int, PartitionSpec]) -> tuple[object, ...]:
        """Returns a file's values of the columns."""
        found = identity_values(file, specs[file.spec_id])
        return tuple(_value(found[number], kind) for _, number, kind in self.columns)


def partitioning(
    schema: Schema,
    kinds: Mapping[int, object],
    files: Sequence[DataEntry],
    *,
    specs: Mapping[int, PartitionSpec],
    default: PartitionSpec,
) -> Partitioning:
    """Decides by which columns the files are partitioned.

    Args:
        schema: The columns at the version.
        kinds: Their types here, by field id.
        files: The live files.
        specs: The partition specs of the table, by id.
        default: The spec that new files are written with.
    """
    used = [specs[number] for number in dict.fromkeys(file.spec_id for file in files)] or [default]
    columns: list[tuple[str, int, Scalar]] = []
    warnings: list[str] = []
    for source in dict.fromkeys(one.source_id for spec in (default, *used) for one in spec.fields):
        column = next((one for one in schema.fields if one.field_id == source), None)
        shown = schema.find_column_name(source)
        if shown is None or _is_void(source, used):  # the column, or its part, was dropped
            continue
        kind = kinds.get(source)
        problem = _problem(source, column, kind, used=used, files=files)
        if problem:
            warnings.append(problem.format(repr(shown)))
        elif column is not None and isinstance(kind, Scalar):
            columns.append((column.name, source, kind))
    return Partitioning(tuple(columns), (*warnings, *_contradictions(columns, files, specs)))


def _problem(
    source: int,
    column: NestedField | None,
    kind: object,
    *,
    used: Sequence[PartitionSpec],
    files: Sequence[DataEntry],
) -> str:
    """Returns why a partition column is none here, with a place for its name; empty if it is."""
    if column is None:
        return "{} is a field within a column: the table here is not partitioned by it"
    transforms = [_transforms(spec, source) for spec in used]
    if not all(any(isinstance(one, IdentityTransform) for one in found) for found in transforms):
        others = sorted(
            {
                str(one)
                for found in transforms
                for one in found
                if not isinstance(one, VoidTransform)
            }
        )
        if others == ["identity"]:
            return "not all files are partitioned by {}: it stays an ordinary column"
        return f"{{}} is partitioned by {', '.join(others)}: it stays an ordinary column"
    if not isinstance(kind, Scalar) or not (kind.type_class in _CLASSES or kind.name in _TIMES):
        return f"the table here is not partitioned by {{}}, which is {kind}"
    by_id = {spec.spec_id: spec for spec in used}
    values = {identity_values(file, by_id[file.spec_id])[source] for file in files}
    if not all(_fits(value, column.name, kind) for value in values):
        return "a partition has a value of {} that none can have here: it stays an ordinary column"
    return ""


def _transforms(spec: PartitionSpec, source: int) -> list[Any]:
    return [field.transform for field in spec.fields if field.source_id == source]


def identity_fields(spec: PartitionSpec) -> Iterator[PartitionField]:
    """Yields the fields of a spec whose values are those of a column."""
    return (field for field in spec.fields if isinstance(field.transform, IdentityTransform))


def identity_values(file: DataEntry, spec: PartitionSpec) -> dict[int, object]:
    """Returns the stored values of the columns that a file has one value of, by field id."""
    return {field.source_id: file.value(field.field_id) for field in identity_fields(spec)}


def _is_void(source: int, used: Sequence[PartitionSpec]) -> bool:
    """Returns whether a column was only once one to partition by."""
    found = [one for spec in used for one in _transforms(spec, source)]
    return all(isinstance(one, VoidTransform) for one in found)


def _fits(stored: object, name: str, kind: Scalar) -> bool:
    try:
        value = _value(stored, kind)
        if value is not None:
            encode(value, kind)  # type: ignore[arg-type]
        if isinstance(value, str):
            partition_path((name,), (value,))
    except (CatalogError, ValueError, OverflowError, TypeError):
        return False
    return not (isinstance(value, str) and "\0" in value)


_STORED: Mapping[TypeClass, type[Any]] = {
    TypeClass.BOOLEAN: bool,
    TypeClass.INTEGER: int,
    TypeClass.DECIMAL: decimal.Decimal,
    TypeClass.TEXT: str,
    TypeClass.UUID: uuid.UUID,
    TypeClass.DATE: int,
    TypeClass.TIMESTAMP: int,
}
"""What a manifest has for the values of a class of types."""

_FROM_TICKS: Mapping[str, Callable[[int], object]] = {
    "DATE": lambda days: datetime.date.fromordinal(_DAY + days),
    "TIMESTAMP": lambda ticks: _EPOCH + datetime.timedelta(microseconds=ticks),
    "TIMESTAMP WITH TIME ZONE": lambda ticks: (
        _EPOCH + datetime.timedelta(microseconds=ticks)
    ).replace(tzinfo=datetime.UTC),
}


def _value(stored: object, kind: Scalar) -> object:
    """Returns a stored value as one of Python; None is NULL.

    Raises:
        TypeError: It is not one of the type.
    """
    if stored is None:
        return None
    if not isinstance(stored, _STORED[kind.type_class]):
        raise TypeError(f"{stored!r} is no {kind}")
    convert = _FROM_TICKS.get(kind.name)
    return stored if convert is None else convert(stored)


def _contradictions(
    columns: Sequence[tuple[str, int, Scalar]],
    files: Sequence[DataEntry],
    specs: Mapping[int, PartitionSpec],
) -> Iterator[str]:
    """Yields a warning per column whose value is NULL in a directory that says otherwise.

    Files of Hive's layout, which lack the column, are registered by some writers with NULL.
    """
    for name, source, _ in columns:
        for file in files:
            if identity_values(file, specs[file.spec_id])[source] is not None:
                continue
            stated = dict(segments(file.location)).get(name)
            if stated is not None and stated != "null":
                yield (
                    f"{file.location} is in a directory that says {name}={stated}, but the table "
                    f"has NULL for its partition: so have its rows"
                )
                break
