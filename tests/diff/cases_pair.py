"""Pairs of table versions: what the tests of the diff write, snapshot and compare."""

import datetime
import hashlib
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.parquet as pq

from tests.diff.cases_arrow import oracle_type, oracle_values, plain, unified
from tests.oracle import Column, Diff, Row, Table, Tolerance, diff
from tests.oracle.types import Date, Integer, Text, Type

Content: TypeAlias = pa.Table | tuple[pa.Table, Mapping[str, object]]
"""A file's rows, or its rows and the options that ``pyarrow`` writes it with."""


@dataclass(frozen=True, slots=True)
class Side:
    """One version of a table as files: hive-style relative path to content."""

    files: Mapping[str, Content]
    key: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Pair:
    """Two versions of one table, how to compare them, and what must come out.

    Attributes:
        name: Names the case.
        before: The earlier version.
        after: The later version.
        key: Key columns asked for in the diff, if any.
        columns: Columns asked for in the diff, if any.
        tolerance: Tolerances asked for in the diff.
        rows: Inserted, deleted, updated, moved: worked out by hand.
        cells: For some columns filled, cleared, corrected: worked out by hand.
        added: For added columns the values in matched rows: worked out by hand.
        problems: NULL keys before and after, duplicate keys before and after.
        loose_types: Columns whose type change may or may not be reported, because how a
            type is named is the product's choice.
        any_partition: Whether rows may be counted in any partition, because the partition
            column is not compared and equal rows lie in several.
    """

    name: str
    before: Side
    after: Side
    key: tuple[str, ...] | None = None
    columns: tuple[str, ...] | None = None
    tolerance: Mapping[str, str] = field(default_factory=dict)
    rows: tuple[int, int, int, int] | None = None
    cells: Mapping[str, tuple[int, int, int]] = field(default_factory=dict)
    added: Mapping[str, int] | None = None
    problems: tuple[int, int, int, int] | None = None
    loose_types: tuple[str, ...] = ()
    any_partition: bool = False


def write(side: Side, folder: Path) -> Path:
    """Writes the files of a side under a folder and gives the folder."""
    folder.mkdir(parents=True)
    for path, content in side.files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        table, options = content if isinstance(content, tuple) else (content, {})
        pq.write_table(table, target, **options)
    return folder


def expected(pair: Pair, from_: Table, to: Table) -> Diff:
    """Asks the oracle what changed, the way the pair asks."""
    return diff(
        from_,
        to,
        key=pair.key,
        columns=pair.columns,
        tolerance={name: Tolerance.parse(text) for name, text in pair.tolerance.items()},
    )


def oracle_tables(pair: Pair, before: Path, after: Path) -> tuple[Table, Table]:
    """Gives both sides as the oracle takes them, and which rows lie in shared files."""
    identities = [
        _identities(side, at) for side, at in ((pair.before, before), (pair.after, after))
    ]
    common = Counter(identities[0].values()) & Counter(identities[1].values())
    from_ = _table(pair.before, _shared(identities[0], common))
    to = _table(pair.after, _shared(identities[1], common))
    if not pair.before.files:
        from_ = Table(to.columns, (), pair.before.key, to.partition_by)
    if not pair.after.files:
        to = Table(from_.columns, (), pair.after.key, from_.partition_by)
    return from_, to


def hive_values(path: str) -> dict[str, str | None]:
    """Reads the partition columns and values from a hive-style path."""
    pairs = (segment.split("=", 1) for segment in path.split("/")[:-1] if "=" in segment)
    return {
        unquote(name): None if value == "__HIVE_DEFAULT_PARTITION__" else unquote(value)
        for name, value in pairs
    }


def _identities(side: Side, folder: Path) -> dict[str, tuple[str, str]]:
    return {
        path: (hashlib.sha256((folder / path).read_bytes()).hexdigest(), repr(hive_values(path)))
        for path in side.files
    }


def _shared(
    identities: dict[str, tuple[str, str]], common: Counter[tuple[str, str]]
) -> dict[str, bool]:
    rest = Counter(common)
    shared: dict[str, bool] = {}
    for path, identity in identities.items():
        shared[path] = rest[identity] > 0
        rest[identity] -= 1
    return shared


def _table(side: Side, shared: dict[str, bool]) -> Table:
    contents = {p: c[0] if isinstance(c, tuple) else c for p, c in sorted(side.files.items())}
    partitions = {path: hive_values(path) for path in contents}
    partition_by = tuple(next(iter(partitions.values()), {}))
    types: dict[str, pa.DataType] = {}
    for table in contents.values():
        for column in table.schema:
            if column.name not in partition_by:
                known = types.get(column.name, column.type)
                types[column.name] = unified(known, column.type)
    parsed = {
        name: _partition_type([values[name] for values in partitions.values()])
        for name in partition_by
    }
    rows: list[Row] = []
    marks: list[bool] = []
    for path, table in contents.items():
        columns = [_column(table, name, type_) for name, type_ in types.items()]
        for name in partition_by:
            value = _parse(parsed[name], partitions[path][name])
            columns.append([value] * table.num_rows)
        rows += list(zip(*columns, strict=True)) if columns else []
        marks += [shared[path]] * table.num_rows
    described = [Column(name, oracle_type(type_)) for name, type_ in types.items()]
    described += [Column(name, type_) for name, type_ in parsed.items()]
    return Table(tuple(described), tuple(rows), side.key, partition_by, tuple(marks))


def _column(table: pa.Table, name: str, type_: pa.DataType) -> list[object]:
    names = table.schema.names
    if name not in names:
        return [None] * table.num_rows
    column = table.column(names.index(name))
    if plain(column.type) != plain(type_):
        column = column.cast(type_)
    return oracle_values(column)


def _partition_type(texts: Sequence[str | None]) -> Type:
    known = [text for text in texts if text is not None]
    if known and all(re.fullmatch(r"0|-?[1-9]\d{0,17}", text) for text in known):
        return Integer()
    if known and all(re.fullmatch(r"\d{4}-\d\d-\d\d", text) for text in known):
        return Date()
    return Text()


def _parse(type_: Type, text: str | None) -> object:
    if text is None or isinstance(type_, Text):
        return text
    return int(text) if isinstance(type_, Integer) else datetime.date.fromisoformat(text)
