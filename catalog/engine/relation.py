"""Scan plans as SQL for DuckDB."""

import hashlib
import os
import re
from collections.abc import Sequence
from urllib.parse import unquote

import duckdb

from catalog.dataclasses import dataclass
from catalog.engine.connection import make_readable, single_row
from catalog.engine.instances import cursor_of
from catalog.engine.memory_rows import hold_alike
from catalog.engine.quoting import identifier, is_enclosed, literal, pattern, type_sql
from catalog.errors import CorruptData
from catalog.formats.hive_path import NULL_SEGMENT
from catalog.model.partition import Partition
from catalog.model.scan_plan import (
    ColumnSource,
    FileColumn,
    FileGroup,
    PartitionColumn,
    ScanPlan,
)
from catalog.model.schema import Field
from catalog.model.types import NULL_TYPE, TypeClass
from catalog.model.values import encoded_text

VARIABLES = "parquetry_"
"""How the names of variables begin that hold lists of files."""

INLINE_FILES = 16
"""Longest lists that are written into the SQL; longer ones go through a variable, which binds
several times as fast."""

FILE_ROW_NUMBER = "file_row_number"
"""DuckDB's name of the rows' places in a file; a file may have a column of that name."""

_PATH_CLASSES = (TypeClass.INTEGER, TypeClass.TEXT, TypeClass.DATE, TypeClass.BOOLEAN)
"""Partition types whose values DuckDB certainly reads unchanged from paths."""


_PLAIN_TEXT = re.compile(r"(?:[\w .,:@~()&;!$'-]|%[0-9A-Fa-f]{2})*")
"""Values of paths that DuckDB certainly reads as the text that they are."""


@dataclass(frozen=True, slots=True)
class RelationSql:
    """The SQL of a scan plan, and what a connection needs before it can run it.

    Attributes:
        text: A parenthesised SELECT.
        uris: The files that it reads.
        variables: Lists of texts by the names of the variables that hold them.
    """

    text: str
    uris: tuple[str, ...]
    variables: dict[str, list[str | None]]


def relation_sql(plan: ScanPlan) -> RelationSql:
    """Renders a scan plan.

    Columns that may hold NaN, or whose statistics are false, are read through ``TRY``, which keeps
    DuckDB from using Parquet's statistics: it would answer wrongly.
    """
    variables: dict[str, list[str | None]] = {}
    selects = [_Select(plan, group, variables).sql() for group in plan.groups]
    if not selects:
        columns = (
            f"{_cast('NULL', column)} AS {identifier(column.name)}" for column in plan.columns
        )
        selects = [f"SELECT {', '.join(columns)} WHERE false"]
    uris = tuple(uri for group in plan.groups for uri in group.uris)
    return RelationSql(f"({' UNION ALL '.join(selects)})", uris, variables)


def prepare(con: duckdb.DuckDBPyConnection, relation: RelationSql) -> str:
    """Prepares a connection to run the SQL of a plan, and returns that SQL.

    Raises:
        CorruptData: What is stored of the table would be run as SQL. Names and values are quoted,
            and types are known ones, so this is a second wall.
    """
    if not is_enclosed(relation.text):
        raise CorruptData("the SQL that reads a stored table is not one SELECT")
    make_readable(con, relation.uris)
    for name, values in relation.variables.items():
        con.execute(f"SET VARIABLE {name} = CAST(? AS VARCHAR[])", [values])
    return relation.text


def prepared_cursor(con: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """Returns a cursor that runs what its connection was prepared for: it has no variables else."""
    own = cursor_of(con)
    known = con.execute("SELECT name FROM duckdb_variables()").fetchall()
    for name in (name for (name,) in known if name.startswith(VARIABLES)):
        (values,) = single_row(con, f"SELECT getvariable({literal(name)})")
        own.execute(f"SET VARIABLE {identifier(name)} = CAST(? AS VARCHAR[])", [values])
    hold_alike(own, con)
    return own


# The SELECT over a group of files, where "day" is a partition column, "price" was FLOAT when the
# files were written and may hold NaN, and "note" was added later:
#
#   SELECT q0 AS "id", TRY(CAST(q1 AS DOUBLE)) AS "price",
#          CAST(getvariable('parquetry_5e…')[CAST(file_index AS BIGINT) + 1] AS DATE) AS "day",
#          CAST(NULL AS VARCHAR) AS "note"
#   FROM read_parquet(['/lake/data/…/3f….parquet', …], hive_partitioning = false) AS qfile(q0, q1)
#
# Columns of files are named by position, so that their own names cannot clash.
@dataclass(frozen=True, slots=True)
class _Select:
    """The SELECT over the files of a group; lists that are too long for it become variables."""

    plan: ScanPlan
    group: FileGroup
    variables: dict[str, list[str | None]]

    def sql(self) -> str:
        """Returns the SELECT."""
        prefix = self._free_prefix()
        hive = self._reads_hive()
        columns = [
            f"{self._value(column, source, prefix, hive)} AS {identifier(column.name)}"
            for column, source in zip(self.plan.columns, self.group.sources, strict=True)
        ]
        if not self.group.schema.columns:
            raise CorruptData("a data file has no columns that could be read")
        names = [f"{prefix}{n}" for n in range(len(self.group.schema.columns))]
        options = self._hive_options() if hive else "hive_partitioning = false"
        if self.plan.numbered:
            if any(c.name.casefold() == FILE_ROW_NUMBER for c in self.group.schema.columns):
                columns.append("row_number() OVER () - 1 AS place")
            else:
                columns.append(f"{prefix}place AS place")
                names.append(f"{prefix}place")
                options += f", {FILE_ROW_NUMBER} = true"
        paths = self._list([pattern(uri) for uri in self.group.uris])
        return (
            f"SELECT {', '.join(columns)} FROM read_parquet({paths}, {options}) "
            f"AS {prefix}file({', '.join(names)})"
        )

    def _free_prefix(self) -> str:
        """Returns a prefix that no partition column starts with."""
        prefix = "q"
        while any(name.casefold().startswith(prefix) for name, _ in self.plan.partition_by):
            prefix += "q"
        return prefix

    def _value(self, column: Field, source: ColumnSource, prefix: str, hive: bool) -> str:
        """Returns the expression of a column."""
        if isinstance(source, FileColumn):
            value = f"{prefix}{source.position}"
            if source.type != column.type:
                value = _cast("NULL" if source.type == NULL_TYPE else value, column)
            return f"TRY({value})" if source.unprunable else value
        if isinstance(source, PartitionColumn):
            return _cast(self._partition_value(source.position, hive), column)
        return _cast("NULL", column)

    def _partition_value(self, position: int, hive: bool) -> str:
        name, kind = self.plan.partition_by[position]
        if hive:
            return identifier(name)
        encoded = [partition[position] for partition in self.group.partitions]
        texts = {value: encoded_text(value, kind) for value in set(encoded)}
        if len(texts) == 1:
            return _literal(texts[encoded[0]])
        values = self._list([texts[value] for value in encoded])
        return f"CAST({values} AS VARCHAR[])[CAST(file_index AS BIGINT) + 1]"

    def _list(self, values: list[str | None]) -> str:
        """Returns an expression of a list of texts: the list itself, or a variable's value."""
        if self.plan.self_contained or len(values) <= INLINE_FILES:
            return f"[{', '.join(map(_literal, values))}]"
        name = _variable_name(values)
        self.variables[name] = values
        return f"getvariable({literal(name)})"

    def _reads_hive(self) -> bool:
        """Returns whether DuckDB's hive partitioning reads the files' values, and nothing else."""
        partitions = self.group.partitions
        needed = any(isinstance(source, PartitionColumn) for source in self.group.sources)
        if not needed or len(set(partitions)) == 1:
            return False
        kinds = dict(self.plan.partition_by)
        if any(kind.type_class not in _PATH_CLASSES for kind in kinds.values()):
            return False
        in_files = {column.name.casefold() for column in self.group.schema.columns}
        if in_files & {name.casefold() for name in kinds}:
            return False
        folders = dict.fromkeys(zip(map(os.path.dirname, self.group.uris), partitions, strict=True))
        return all(_hive_values(folder) == self._texts(partition) for folder, partition in folders)

    def _texts(self, partition: Partition) -> dict[str, str | None]:
        return {
            name: encoded_text(value, kind)
            for (name, kind), value in zip(self.plan.partition_by, partition, strict=True)
        }

    def _hive_options(self) -> str:
        types = ", ".join(
            f"{identifier(name)}: {type_sql(kind)}" for name, kind in self.plan.partition_by
        )
        return f"hive_partitioning = true, hive_types_autocast = false, hive_types = {{{types}}}"


def _hive_values(folder: str) -> dict[str, str | None] | None:
    """Returns what DuckDB reads from the directories of a path; None if it is not certain."""
    values: dict[str, str | None] = {}
    if any(sign in folder for sign in "\\?*["):  # ends a path, or a part of one, for DuckDB
        return None
    for segment in folder.split("/"):
        name, equals, value = segment.partition("=")
        if equals:
            if name in values or not name.isidentifier() or not _PLAIN_TEXT.fullmatch(value):
                return None
            values[name] = None if value == NULL_SEGMENT else unquote(value)
    return values


def _cast(value: str, column: Field) -> str:
    return f"CAST({value} AS {type_sql(column.type)})"


def _literal(value: str | None) -> str:
    return "NULL" if value is None else literal(value)


def _variable_name(values: Sequence[str | None]) -> str:
    """Returns the name of a variable for a list, which comes from the content."""
    digest = hashlib.sha256()
    for value in values:
        digest.update(b"\0-" if value is None else b"\0+" + os.fsencode(value))
    return f"{VARIABLES}{digest.hexdigest()[:32]}"
