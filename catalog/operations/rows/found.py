"""Rows of a key, found in data files: each file is opened at most once for a key."""

import os
from collections.abc import Iterable, Mapping, Sequence

from catalog.dataclasses import dataclass, replace
from catalog.diff.compare.sql_functions import register_exact_text
from catalog.engine.checks import checked
from catalog.engine.failures import engine_errors
from catalog.engine.quoting import literal, type_sql
from catalog.engine.readable import readable
from catalog.engine.relation import prepare, relation_sql
from catalog.engine.verification import verified
from catalog.engine.workspace import Workspace
from catalog.errors import CorruptData, ErrorKind, Unsupported
from catalog.model.datafile import DataFile
from catalog.model.scan_plan import scan_plan
from catalog.model.schema import Field, FileSchema, PhysicalColumn, Schema
from catalog.model.table import TableSnapshot
from catalog.model.types import NULL_TYPE, DataType, Scalar, TypeClass
from catalog.model.values import decode, encode, encoded_text
from catalog.operations.rows.key import RowKey, comparing_class
from catalog.report.values import rows as python_rows
from catalog.repository.datafiles import locate, place
from catalog.repository.repository import Repository
from catalog.storage.external_files import is_remote, remote_files

MAX_ROWS = 200
"""Rows of one key that are followed: every one is compared with every other of a commit."""

BATCH_FILES = 1000
"""Files that one query opens."""

MANY_LAYOUTS = 256
"""Snapshots of tables that are kept, each for as long as its place in memory names it."""

_NUMBER = Scalar("BIGINT")


class TooManyRows(Unsupported):
    """More rows have a key than are followed."""


class GoneData(CorruptData):
    """Data files that a commit needs are no longer there."""


@dataclass(frozen=True, slots=True)
class FoundRow:
    """A row in a data file.

    Attributes:
        relation: The engine's table that keeps it, with the file's columns as ``c1``, ``c2``, ….
        number: Its number ``r`` there.
    """

    file: DataFile
    relation: str
    number: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file of a table that may hold rows of a key, whose columns are ``fields``."""

    table: TableSnapshot
    fields: tuple[Field, ...]
    file: DataFile


class FoundRows:
    """Finds the rows of a key in data files, and keeps them as the files hold them.

    A file holds the same rows in every commit, while names, types and even the ids of columns may
    change. So what is kept is as it is in the file, and is read by the schema of a snapshot later.
    """

    def __init__(self, repository: Repository, work: Workspace) -> None:
        self.opened: set[str] = set()
        self._repository = repository
        self._work = work
        self._known: dict[object, tuple[tuple[str, int], ...]] = {}
        self._cells: dict[tuple[str, int], tuple[object, ...]] = {}
        self._layouts: dict[object, tuple[TableSnapshot, object]] = {}

    def rows(
        self,
        table: TableSnapshot,
        files: Iterable[DataFile],
        *,
        key: RowKey,
        fields: Sequence[Field],
        what: str,
    ) -> tuple[FoundRow, ...]:
        """Returns the rows of a key in files of a table, whose columns are the key's in ``fields``.

        Conditions on partition columns are not looked at: that is for whoever chooses the files.

        Raises:
            CorruptData: A file is not what was committed, or damaged.
            GoneData: One is gone.
            TooManyRows: Too many rows have the key.
        """
        files = list(files)
        wanted = [Wanted(table, tuple(fields), file) for file in files]
        self.open(wanted, key=key, what=what)
        found = tuple(
            FoundRow(one.file, relation, number)
            for one in wanted
            for relation, number in self._known[self._mark(one, key)]
        )
        if len(found) > MAX_ROWS:
            raise _too_many(what)
        return found

    def count(
        self,
        table: TableSnapshot,
        files: Sequence[DataFile],
        *,
        key: RowKey,
        fields: Sequence[Field],
    ) -> int:
        """Returns how many rows of files have a key."""
        store = self._repository.store
        scan = scan_plan(
            table,
            files,
            locate=lambda file: place(store, file),
            columns=[f.id for f in fields],
            naming="id",
        )
        pairs = zip(key.columns, fields, strict=True)
        condition = " AND ".join(column.matches(f"c{f.id}", f.type) for column, f in pairs)
        register_exact_text(self._work.con, condition)
        relation = prepare(self._work.con, relation_sql(scan))
        ((rows,),) = self.query(f"SELECT count(*) FROM {relation} WHERE {condition}")
        assert isinstance(rows, int)
        return rows

    def knows(self, wanted: Sequence[Wanted], key: RowKey) -> bool:
        """Returns whether no file has to be opened."""
        return all(self._mark(one, key) in self._known for one in wanted)

    def open(self, wanted: Sequence[Wanted], *, key: RowKey, what: str) -> None:
        """Finds the rows of a key in files that were not opened for it yet.

        Raises:
            CorruptData: A file is not what was committed, or damaged.
            GoneData: One is gone.
            TooManyRows: Too many rows have the key.
        """
        unknown: dict[object, dict[object, Wanted]] = {}
        for one in wanted:
            mark = self._mark(one, key)
            if mark not in self._known:
                unknown.setdefault((one.file.file_schema, mark[1]), {})[mark] = one
        for by_mark in unknown.values():
            one = next(iter(by_mark.values()))
            columns = one.table.file_schemas[one.file.file_schema].columns
            condition = _condition(columns, key, one.fields, one.table.partition_by)
            pairs = [(mark, each.file) for mark, each in by_mark.items()]
            for start in range(0, len(pairs), BATCH_FILES):
                batch = pairs[start : start + BATCH_FILES]
                self._open(columns, batch, condition=condition, what=what)

    def _mark(self, wanted: Wanted, key: RowKey) -> tuple[str, object]:
        """Returns on what it depends which rows of a file have a key."""
        table, schema = wanted.table, wanted.file.file_schema
        about = id(table), schema, wanted.fields, key
        known = self._layouts.get(about)
        if known is None:
            if len(self._layouts) >= MANY_LAYOUTS:
                self._layouts.clear()
            known = self._layouts[about] = table, _layout(table, schema, key, wanted.fields)
        return wanted.file.token, known[1]

    def _open(
        self,
        columns: Sequence[PhysicalColumn],
        batch: Sequence[tuple[object, DataFile]],
        *,
        condition: str,
        what: str,
    ) -> None:
        """Reads rows that meet a condition from files of one schema, which have a number each."""
        files = [file for _, file in batch]
        name = self._work.name("rows")
        store = self._repository.store
        try:
            watch = verified(self._repository, files, what=what)
            with checked([watch.check]), engine_errors():
                con = self._work.con
                register_exact_text(self._work.con, condition)
                scan = scan_plan(
                    _as_it_is(columns),
                    [_numbered(file, columns, n) for n, file in enumerate(files)],
                    locate=lambda file: place(store, file),
                    naming="id",
                )
                relation = prepare(con, relation_sql(scan))
                con.execute(
                    f"CREATE TEMP TABLE {name} AS SELECT row_number() OVER () AS r, * FROM "
                    f"(SELECT * FROM {relation} WHERE {condition} LIMIT {MAX_ROWS + 1})"
                )
                kept = readable(con.sql(f"SELECT * FROM {name} ORDER BY r")).to_arrow_table()
        except CorruptData as error:
            for location in (locate(store, file) for file in files):
                if _is_gone(self._repository, location):
                    raise GoneData(
                        f"{location}, a file of {what}, is gone",
                        kind=ErrorKind.FILE_CHANGED,
                        hint="restore the file from a backup, or snapshot the table again",
                    ) from error
            raise
        self.opened.update(file.path for file in files)
        if kept.num_rows == 0 or kept.num_rows > MAX_ROWS:
            self._work.con.execute(f"DROP TABLE {name}")
        if kept.num_rows > MAX_ROWS:
            if len(batch) == 1:
                raise _too_many(what)
            for half in (batch[: len(batch) // 2], batch[len(batch) // 2 :]):
                self._open(columns, half, condition=condition, what=what)
            return
        found: dict[int, list[tuple[str, int]]] = {}
        for number, *cells, at in python_rows(kept.to_batches()):
            assert isinstance(number, int) and isinstance(at, int)
            found.setdefault(at, []).append((name, number))
            self._cells[name, number] = tuple(cells)
        for n, (mark, _) in enumerate(batch):
            self._known[mark] = tuple(found.get(n, ()))

    def cells(self, table: TableSnapshot, row: FoundRow) -> dict[int, object] | None:
        """Returns the values of a row by field id, if they compare in Python as in the engine.

        That is if all of them have simple types, which are those of the file.
        """
        columns = table.file_schemas[row.file.file_schema].columns
        places = {column.field_id: n for n, column in enumerate(columns)}
        cells = self._cells[row.relation, row.number]
        found: dict[int, object] = {}
        for field in table.schema.fields:
            place = places.get(field.id)
            if field.id in table.partition_by:
                encoded = row.file.partition[table.partition_by.index(field.id)]
                if not isinstance(field.type, Scalar) or field.type.type_class not in _IN_PATHS:
                    return None
                found[field.id] = None if encoded is None else decode(encoded, field.type)
            elif place is None or columns[place].type == NULL_TYPE:
                found[field.id] = None
            elif columns[place].type == field.type and _is_simple(field.type):
                found[field.id] = cells[place]
            else:
                return None
        return found

    def select(self, table: TableSnapshot, rows: Sequence[FoundRow]) -> str:
        """Returns SQL of rows by the schema of a table, with their places in ``i``.

        Columns are called ``c<field id>``. Of two rows of a file, in a table with a column 3 that
        was INTEGER when the file was written, and a partition column 4::

            (SELECT list_position([7, 9], r) - 1 AS i, CAST(c1 AS BIGINT) AS c3,
                    CAST('2024-01-01' AS DATE) AS c4
             FROM rows_1 WHERE r IN (7, 9))
        """
        groups: dict[tuple[str, str, object], list[tuple[int, FoundRow]]] = {}
        for n, row in enumerate(rows):
            place = row.relation, row.file.file_schema, row.file.partition
            groups.setdefault(place, []).append((n, row))
        selects = []
        for members in groups.values():
            row = members[0][1]
            numbers = ", ".join(str(one.number) for _, one in members)
            places = ", ".join(str(n) for n, _ in members)
            columns = ", ".join(_columns(table, row.file))
            selects.append(
                f"SELECT [{places}][list_position([{numbers}], r)] AS i, {columns} "
                f"FROM {row.relation} WHERE r IN ({numbers})"
            )
        return f"({' UNION ALL '.join(selects)})"

    def query(self, sql: str) -> list[tuple[object, ...]]:
        """Runs a query over what was kept."""
        register_exact_text(self._work.con, sql)
        with engine_errors():
            return list(self._work.con.execute(sql).fetchall())

    def values(
        self, table: TableSnapshot, rows: Sequence[FoundRow]
    ) -> tuple[Mapping[str, object], ...]:
        """Returns the values of rows by column, as a table has them."""
        known = [self.cells(table, row) for row in rows]
        plain = [one for one in known if one is not None]
        if len(plain) == len(rows):
            fields = table.schema.fields
            return tuple({f.name: one[f.id] for f in fields} for one in plain)
        with engine_errors():
            selected = f"SELECT * FROM {self.select(table, rows)} ORDER BY i"
            found = readable(self._work.con.sql(selected)).to_arrow_table()
        names = table.schema.names
        batches = found.to_batches()
        return tuple(dict(zip(names, row[1:], strict=True)) for row in python_rows(batches))


def _layout(table: TableSnapshot, schema: str, key: RowKey, fields: Sequence[Field]) -> object:
    """Returns on what it depends, besides its content, which rows of a file have the key."""
    places = {c.field_id: n for n, c in enumerate(table.file_schemas[schema].columns)}
    partition_by = table.partition_by
    return key, tuple(
        None if f.id in partition_by else (places.get(f.id), comparing_class(f.type))
        for f in fields
    )


def _condition(
    columns: Sequence[PhysicalColumn],
    key: RowKey,
    fields: Sequence[Field],
    partition_by: Sequence[int],
) -> str:
    """Returns the condition on a file's columns, as they are, that a row has the key."""
    places = {column.field_id: n for n, column in enumerate(columns)}
    found = []
    for column, field in zip(key.columns, fields, strict=True):
        if field.id in partition_by:
            continue
        place = places.get(field.id)
        kind = type_sql(field.type)
        if place is None or columns[place].type == NULL_TYPE:
            value = f"CAST(NULL AS {kind})"
        else:
            value = f"c{place + 1}"
            value = value if columns[place].type == field.type else f"CAST({value} AS {kind})"
        found.append(column.matches(value, field.type))
    return " AND ".join(found) or "true"


def _columns(table: TableSnapshot, file: DataFile) -> Iterable[str]:
    """Yields the columns of a table from a row kept as its file has it."""
    columns = table.file_schemas[file.file_schema].columns
    places = {column.field_id: n for n, column in enumerate(columns)}
    kinds = dict(table.partition_fields)
    for field in table.schema.fields:
        place = places.get(field.id)
        if field.id in table.partition_by:
            encoded = file.partition[table.partition_by.index(field.id)]
            stated = encoded_text(encoded, kinds[field.name])
            value = "NULL" if stated is None else literal(stated)
        elif place is None or columns[place].type == NULL_TYPE:
            value = "NULL"
        else:
            value = f"c{place + 1}"
            if columns[place].type == field.type:
                yield f"{value} AS c{field.id}"
                continue
        yield f"CAST({value} AS {type_sql(field.type)}) AS c{field.id}"


def _as_it_is(columns: Sequence[PhysicalColumn]) -> TableSnapshot:
    """Returns a table of the columns that files have, and of a number for each file."""
    numbered = [PhysicalColumn(f"c{n}", c.type, n) for n, c in enumerate(columns, 1)]
    last = len(numbered) + 1
    fields = [Field(c.field_id, c.name, c.type) for c in numbered]
    return TableSnapshot(
        schema=Schema((*fields, Field(last, f"c{last}", _NUMBER))),
        last_field_id=last,
        partition_by=(last,),
        file_schemas={"": FileSchema(tuple(numbered))},
    )


def _numbered(file: DataFile, columns: Sequence[PhysicalColumn], number: int) -> DataFile:
    """Returns a file as one of the table of ``_as_it_is``."""
    unsound = tuple(n for n, c in enumerate(columns, 1) if c.field_id in file.unsound)
    partition = (encode(number, _NUMBER),)
    return replace(file, partition=partition, file_schema="", stats={}, unsound=unsound)


def _is_gone(repository: Repository, location: str) -> bool:
    if not is_remote(location):
        return not os.path.lexists(location)
    return remote_files(repository.store, location).look(location) is None


def _too_many(what: str) -> TooManyRows:
    return TooManyRows(
        f"more than {MAX_ROWS} rows of {what} have this key, too many to follow",
        hint="name more columns",
    )


_IN_PATHS = (TypeClass.INTEGER, TypeClass.TEXT, TypeClass.DATE, TypeClass.BOOLEAN)
"""Types whose partition values are in Python what Arrow makes of the values in files."""

_SIMPLE = (*_IN_PATHS, TypeClass.DECIMAL, TypeClass.FLOAT, TypeClass.BINARY)


def _is_simple(kind: DataType) -> bool:
    simple = isinstance(kind, Scalar) and kind.type_class in _SIMPLE
    return simple or kind == Scalar("TIMESTAMP")
