"""Types of partition columns, inferred from all their values, and those values."""

import os
import re
from collections.abc import Collection, Mapping, Sequence

from catalog.errors import ErrorKind, InvalidInput
from catalog.formats.source import SourceFile
from catalog.hints import Option, hint
from catalog.model.types import Scalar, TypeClass, is_scalar_name
from catalog.model.values import encode, has_order, parse

_FORMS = {
    "BIGINT": re.compile(r"0|-?[1-9][0-9]{0,18}"),
    "DATE": re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}"),
}
"""How the values of types that can be inferred are written; other texts are not theirs."""

ALIASES = {
    "INT": "INTEGER",
    "INT4": "INTEGER",
    "INT8": "BIGINT",
    "LONG": "BIGINT",
    "STRING": "VARCHAR",
    "TEXT": "VARCHAR",
    "BOOL": "BOOLEAN",
    "REAL": "FLOAT",
    "TIMESTAMP_S": "TIMESTAMP",
    "TIMESTAMP_MS": "TIMESTAMP",
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
    fitting = (name for name in _FORMS if known and _holds(Scalar(name), known, own=True))
    return Scalar(next(fitting, "VARCHAR"))


def choose_types(
    names: Sequence[str],
    files: Sequence[SourceFile],
    *,
    declared: Mapping[str, Scalar],
    existing: Mapping[str, Scalar],
    inferred: Collection[str],
) -> tuple[Scalar, ...]:
    """Returns the types of the partition columns: declared, else inferred.

    A type that the table already has is kept if it holds all values. Where it was ``inferred``
    itself, it holds only texts that it would be inferred from: ``01`` is not 1.
    """
    kinds = []
    for n, name in enumerate(names):
        values = [f.hive[n][1] for f in files]
        kind = declared.get(name) or existing.get(name)
        if name not in declared and (
            kind is None or not _holds(kind, values, own=name in inferred)
        ):
            kind = inferred_type(values)
        assert kind is not None
        kinds.append(kind)
    return tuple(kinds)


def is_inferable(kind: Scalar) -> bool:
    """Returns whether a type other than text may come from the texts of paths alone."""
    return kind.name in _FORMS


def check_texts(
    names: Sequence[str],
    kinds: Sequence[Scalar],
    files: Sequence[SourceFile],
    *,
    inferred: Collection[str],
) -> None:
    """Checks that columns of inferred types have only texts that these are inferred from.

    Raises:
        InvalidInput: One would become another text: ``01`` is not how 1 is written.
    """
    for n, (name, kind) in enumerate(zip(names, kinds, strict=True)):
        if name not in inferred:
            continue
        wrong = (f for f in files if not _holds(kind, [f.hive[n][1]], own=True))
        if (file := next(wrong, None)) is not None:
            as_is = {name: kind.name for name, kind in zip(names, kinds, strict=True)}
            raise InvalidInput(
                f"{file.path}: partition column {name!r} is {kind}, but {file.hive[n][1]!r} is not "
                f"how a {kind} is written",
                kind=ErrorKind.PARTITION_VALUE,
                hint=hint(
                    "{} reads it as one; a full snapshot with {} keeps all values as text",
                    Option("partition_by", as_is),
                    Option("partition_by", {**as_is, name: "VARCHAR"}),
                ),
            )


def _holds(kind: Scalar, values: Sequence[str | None], *, own: bool = False) -> bool:
    """Returns whether a type holds all values; ``own``: as the texts of its own values."""
    known = [value for value in set(values) if value is not None]
    form = _FORMS.get(kind.name)
    if own and form is not None and not all(map(form.fullmatch, known)):
        return False
    try:
        for value in known:
            parse(value, kind)
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
                raise _unfit(file, name, kind, text=text, reason=error.message) from error
            if kind.type_class is TypeClass.TEXT and "\0" in text:
                reason = "its text has a null character, which SQL cannot hold"
                raise _unfit(file, name, kind, text=text, reason=reason)
            seen[kind.name, text] = encoded
        values.append(encoded)
    return tuple(values)


def _unfit(file: SourceFile, name: str, kind: Scalar, *, text: str, reason: str) -> InvalidInput:
    advice = "declare another type for it when you snapshot the table, e.g. VARCHAR"
    if kind.type_class is TypeClass.TEXT:
        advice = "rename the directory, or declare the type BLOB if these are bytes"
    try:
        text.encode()
    except UnicodeEncodeError:
        raw = "".join(f"%{byte:02X}" if byte > 127 else chr(byte) for byte in os.fsencode(text))
        reason = f"the bytes of {raw} are not valid UTF-8"
    return InvalidInput(
        f"{file.path}: partition column {name!r} is {kind}, but {reason}",
        kind=ErrorKind.PARTITION_VALUE,
        hint=advice,
    )
