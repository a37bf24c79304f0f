"""What ``snapshot`` takes: tables with their sources, and the options written per table."""

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

from catalog.dataclasses import dataclass, replace
from cli.usage import UsageError, nearest

if TYPE_CHECKING:
    from catalog.operations.merge.steps import Resolutions
    from catalog.write.merge.merged_schema import Side

FileMode: TypeAlias = Literal["copy", "link", "reference"]
"""How files come into the catalog."""

SourceFormat: TypeAlias = Literal["auto", "parquet", "delta", "iceberg", "files"]

_OUTSIDE_COMMA = re.compile(r",(?![^()]*\))")

PartitionBy: TypeAlias = tuple[tuple[str, str | None], ...]
"""Partition columns in path order, each with its type; None takes it from the source."""


@dataclass(frozen=True, slots=True)
class TableSpec:
    """One table to take from a directory, file or glob; None leaves a matter to the default."""

    table: str
    source: str
    key: tuple[str, ...] | None = None
    partition_by: PartitionBy | None = None
    mode: FileMode | None = None
    format: SourceFormat | None = None
    at: str | None = None


def parse_sources(arguments: Sequence[str]) -> list[TableSpec]:
    """Reads ``TABLE=SOURCE`` arguments.

    Raises:
        UsageError: One has another form, or a table is named twice.
    """
    specs: dict[str, TableSpec] = {}
    for argument in arguments:
        table, source = pair(argument, "TABLE=SOURCE", "orders=exports/orders")
        if table in specs:
            raise UsageError(f"table {table!r} is named twice")
        specs[table] = TableSpec(table, source)
    return list(specs.values())


def selected(known: Sequence[TableSpec], names: Sequence[str]) -> list[TableSpec]:
    """Returns the tables of a configuration that were named.

    Raises:
        UsageError: One is not in it.
    """
    by_name = {spec.table: spec for spec in known}
    for name in names:
        if name not in by_name:
            raise UsageError(
                f"{name!r} is not a table of the configuration, and has no source",
                hint=nearest(name, by_name) or f"write TABLE=SOURCE: {name}=DIR",
            )
    return [by_name[name] for name in names]


def supported_format(text: str) -> SourceFormat:
    """Returns the format of sources that ``snapshot --format`` names.

    Raises:
        UsageError: Sources of this format cannot be taken.
    """
    for known in get_args(SourceFormat):
        if text == known:
            return known  # type: ignore[no-any-return]
    raise UsageError(
        f"--format {text} is not supported by this version",
        hint="use auto, parquet, delta, iceberg or files",
    )


def with_options(
    specs: Sequence[TableSpec], *, keys: Sequence[str] | None, partition_by: Sequence[str] | None
) -> list[TableSpec]:
    """Returns the tables with what ``--key`` and ``--partition-by`` say about them.

    They are ``TABLE=COL,COL`` and ``TABLE=COL[:TYPE],…``; with one table, the columns are enough.

    Raises:
        UsageError: A table is not among them, or an option has another form.
    """
    by_name = {spec.table: spec for spec in specs}
    for text in keys or ():
        table, columns = _for_table(text, by_name, option="--key", example="orders=order_id")
        by_name[table] = replace(by_name[table], key=columns_of(columns, "--key"))
    for text in partition_by or ():
        option = "--partition-by"
        table, columns = _for_table(text, by_name, option=option, example="orders=day:DATE")
        typed = tuple(_typed(one) for one in columns_of(columns, option))
        by_name[table] = replace(by_name[table], partition_by=typed)
    return list(by_name.values())


def _for_table(
    text: str, known: dict[str, TableSpec], *, option: str, example: str
) -> tuple[str, str]:
    if "=" not in text and len(known) == 1:
        return next(iter(known)), text
    table, value = pair(text, f"{option} TABLE=COL,COL", example)
    if table not in known:
        raise UsageError(
            f"{option} names table {table!r}, which is not taken", hint=nearest(table, known)
        )
    return table, value


def columns_of(text: str, option: str) -> tuple[str, ...]:
    """Reads ``COL,COL``.

    Raises:
        UsageError: A column is missing.
    """
    columns = tuple(part.strip() for part in _OUTSIDE_COMMA.split(text))
    if not all(columns):
        raise UsageError(f"{option}: a column is missing in {text!r}")
    return columns


def typed_columns(text: str, option: str) -> Mapping[str, str | None]:
    """Reads ``COL[:TYPE],…``.

    Raises:
        UsageError: A column is missing, or named twice.
    """
    pairs = [_typed(one) for one in columns_of(text, option)]
    if len(dict(pairs)) < len(pairs):
        raise UsageError(f"{option}: a column is named twice in {text!r}")
    return dict(pairs)


def _typed(text: str) -> tuple[str, str | None]:
    name, colon, kind = text.rpartition(":")
    return (name, kind) if colon else (text, None)


def sides(texts: Sequence[str]) -> "Resolutions":
    """Reads ``--resolve`` options: one side for all tables, or ``TABLE=SIDE`` each.

    Raises:
        UsageError: One has another form, or they contradict each other.
    """
    if not any("=" in text for text in texts):
        if len(set(texts)) > 1:
            raise UsageError(f"--resolve {' and --resolve '.join(texts)} exclude each other")
        return _side(texts[0]) if texts else None
    by_table: dict[str, Side] = {}
    for text in texts:
        if "=" not in text:
            raise UsageError(
                f"--resolve {text} is for all tables and excludes --resolve TABLE=SIDE"
            )
        table, side = pair(text, "--resolve TABLE=SIDE", "--resolve orders=theirs")
        if by_table.setdefault(table, _side(side)) != side:
            raise UsageError(f"--resolve names both sides for table {table!r}")
    return by_table


def _side(text: str) -> "Side":
    if text == "ours":
        return "ours"
    if text == "theirs":
        return "theirs"
    raise UsageError(
        f"cannot take {text!r} in a conflict",
        hint="--resolve ours (the branch that is changed) or --resolve theirs",
    )


def pair(text: str, form: str, example: str) -> tuple[str, str]:
    """Splits ``A=B`` at the first ``=``.

    Raises:
        UsageError: A side is missing; the message names the form.
    """
    left, equals, right = text.partition("=")
    if not (left and equals and right):
        raise UsageError(f"{text!r} is not of the form {form}", hint=f"for example: {example}")
    return left, right
