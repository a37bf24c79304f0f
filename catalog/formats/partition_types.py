"""Types of partition columns, inferred from all their values, and those values."""

import re
from collections.abc import Mapping, Sequence

from catalog.errors import ErrorKind, InvalidInput
from catalog.formats.source import SourceFile
from catalog.model.types import Scalar, is_scalar_name
from catalog.model.values import encode, has_order, parse

_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,18}")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")

ALIASES = {
    "INT": "INTEGER",
    "INT4": "INTEGER",
    "INT8": "BIGINT",
    "LONG": "BIGINT",
    "STRING": "VARCHAR",
    "TEXT": "VARCHAR",
    "BOOL": "BOOLEAN",
    "REAL": "FLOAT",
    "TIMESTAMPTZ": "TIMESTAMP WITH TIME ZONE",
}
"""Other names by which users declare partition types."""


def declared_type(text: str) -> Scalar:
    """Returns the type a user declares a partition column to have.

    Raises:
        InvalidInput: Tables cannot be partitioned by it.
    """
    name = re.sub(r"\s+", " ", text.strip().upper())
    kind = Scalar(ALIASES.get(name, name.replace(", ", ",")))
    if not is_scalar_name(kind.name) or not has_order(kind):
        raise InvalidInput(
            f"tables cannot be partitioned by type {text!r}",
            hint="use BIGINT, INTEGER, VARCHAR, DATE, TIMESTAMP, BOOLEAN or DECIMAL(p,s)",
        )
    return kind


def inferred_type(values: Sequence[str | None]) -> Scalar:
    """Returns the type of a partition column from all its values.

    BIGINT if all are integers in canonical form, DATE if all are dates, else VARCHAR: so
    ``01`` stays text, and nothing is lost.
    """
    known = [v for v in set(values) if v is not None]
    for name, form in (("BIGINT", _INTEGER), ("DATE", _DATE)):
        if known and all(map(form.fullmatch, known)) and _holds(Scalar(name), known):
            return Scalar(name)
    return Scalar("VARCHAR")


def choose_types(
    names: Sequence[str],
    files: Sequence[SourceFile],
    *,
    declared: Mapping[str, Scalar],
    existing: Mapping[str, Scalar],
) -> tuple[Scalar, ...]:
    """Returns the types of the partition columns: declared, else inferred.

    A type that the table already has is kept if it holds all values.
    """
    kinds = []
    for n, name in enumerate(names):
        values = [f.hive[n][1] for f in files]
        kind = declared.get(name) or existing.get(name)
        if kind is None or (name not in declared and not _holds(kind, values)):
            kind = inferred_type(values)
        kinds.append(kind)
    return tuple(kinds)


def _holds(kind: Scalar, values: Sequence[str | None]) -> bool:
    try:
        for value in set(values) - {None}:
            parse(str(value), kind)
    except InvalidInput:
        return False
    return True


def read_values(
    file: SourceFile, kinds: Sequence[Scalar], seen: dict[tuple[str, str], bytes]
) -> tuple[bytes | None, ...]:
    """Returns the encoded partition values of a file.

    Values read before are taken from ``seen``, by type and text, which is filled on the way.

    Raises:
        InvalidInput: A value does not belong to its type.
    """
    values: list[bytes | None] = []
    for (name, text), kind in zip(file.hive, kinds, strict=True):
        if text is None:
            values.append(None)
            continue
        encoded = seen.get((kind.name, text))
        if encoded is None:
            try:
                encoded = encode(parse(text, kind), kind)
            except InvalidInput as error:
                raise InvalidInput(
                    f"{file.path}: partition column {name!r} is {kind}, but {error.message}",
                    kind=ErrorKind.PARTITION_VALUE,
                    hint="declare another type for it when you snapshot the table, e.g. VARCHAR",
                ) from error
            seen[kind.name, text] = encoded
        values.append(encoded)
    return tuple(values)
