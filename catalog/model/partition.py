"""Partitions as people read them: the typed values of a data file in text form."""

from collections.abc import Iterable, Mapping
from typing import TypeAlias

from catalog.dataclasses import dataclass
from catalog.model.datafile import DataFile
from catalog.model.table import TableSnapshot
from catalog.model.values import encoded_text

Partition: TypeAlias = tuple[bytes | None, ...]
"""The encoded values of a partition, one per partition column; None for NULL."""


@dataclass(frozen=True, slots=True)
class Range:
    """The bounds of one partition column in some files.

    Attributes:
        low: Encoded least value; None if all are NULL.
        high: Encoded greatest value; None if all are NULL.
        nulls: Whether NULL occurs.
    """

    low: bytes | None
    high: bytes | None
    nulls: bool


def partition_values(table: TableSnapshot, file: DataFile) -> dict[str, str | None]:
    """Returns the partition values of a file by column in text form, None for NULL."""
    return readable_partition(table, file.partition)


def readable_partition(table: TableSnapshot, partition: Partition) -> dict[str, str | None]:
    """Returns the values of a partition by column in text form, None for NULL."""
    return {
        name: encoded_text(value, kind)
        for (name, kind), value in zip(table.partition_fields, partition, strict=True)
    }


def partition_text(values: Mapping[str, str | None]) -> str:
    """Returns a partition in one word: ``day=2024-01-01/region=NULL``."""
    return "/".join(_equations(values.items()))


def key_text(names: Iterable[str], values: Iterable[str | None]) -> str:
    """Returns a key in a sentence: ``origin=EWR, month=NULL``."""
    return ", ".join(_equations(zip(names, values, strict=True)))


def _equations(pairs: Iterable[tuple[str, str | None]]) -> Iterable[str]:
    return (f"{name}={'NULL' if value is None else value}" for name, value in pairs)
