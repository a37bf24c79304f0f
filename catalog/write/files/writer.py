"""Data files that the catalog writes itself: plain Parquet, named by their content.

Rows that come are sorted by key within their partition; files that are rewritten keep the
order of their rows. The same rows give the same bytes, with the same version of the library.
"""

import secrets
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, nullcontext, suppress
from itertools import chain
from pathlib import Path
from typing import Self

import pyarrow as pa
import pyarrow.parquet as pq

from catalog.arrow_functions import call
from catalog.collecting import rarely_collected
from catalog.dataclasses import dataclass, replace
from catalog.diff.fingerprints.compute import Fingerprinter
from catalog.diff.fingerprints.row_rule import has_row_digests
from catalog.diff.fingerprints.stored_bytes import stored_digests
from catalog.engine.copying import copy_sql, is_geometry
from catalog.engine.quoting import identifier
from catalog.errors import CatalogError, ErrorKind, Unsupported
from catalog.formats.hive_path import partition_path
from catalog.model.datafile import BlobList, DataFile
from catalog.model.file_sets import is_file_set
from catalog.model.names import encode_segment
from catalog.model.partition import Partition
from catalog.model.schema import Field, FileSchema, PhysicalColumn
from catalog.model.table import TableSnapshot
from catalog.model.types import (
    DataType,
    ListType,
    MapType,
    Scalar,
    StructType,
    TypeClass,
    is_float,
)
from catalog.model.values import encode, encoded_text, parse
from catalog.repository.blobs import Blob
from catalog.repository.row_digests import RowDigests
from catalog.storage.failures import storage_errors
from catalog.storage.store import StagedFile
from catalog.write.conditions import constant
from catalog.write.context import WriteContext
from catalog.write.files.blob_lists import BlobLists
from catalog.write.files.encodings import dictionary_paths
from catalog.write.files.own_footers import OwnFooters, Written
from catalog.write.files.row_stream import Cutter, OutOfOrderError, in_order, side_by_side

ROW_GROUP_ROWS = 131_072
"""Rows of a row group: two blocks of a fingerprint, and close to DuckDB's own 122,880."""

MAX_FILE_ROWS = 32 * ROW_GROUP_ROWS
"""Rows after which a new file is begun: bounds what the change of one row rewrites."""

FEW_ROWS = 1_024
"""Rows of a file that take less than what is recorded of it: what stands for their keys is kept,
since opening the file to read them would take longer than all else that is done with them."""

ENGINE_TYPES = ("UUID", "JSON", "INTERVAL", "TIME WITH TIME ZONE", "VARIANT")
"""Types that Arrow does not carry from DuckDB to Parquet: files with them DuckDB writes."""


def own_file_schema(table: TableSnapshot) -> FileSchema:
    """Returns how the catalog lays out the files of a table: all but the partition columns."""
    return FileSchema(tuple(PhysicalColumn(f.name, f.type, f.id) for f in stored_fields(table)))


def stored_fields(table: TableSnapshot) -> tuple[Field, ...]:
    """Returns the columns that files of a table hold; paths hold the others.

    A table of partition columns only has them in its files too, since a file needs a column.
    """
    inner = tuple(f for f in table.schema.fields if f.id not in table.partition_by)
    return inner or table.schema.fields


def with_own_schema(table: TableSnapshot) -> TableSnapshot:
    """Returns a table that knows the file schema of the files that the catalog writes."""
    own = own_file_schema(table)
    return replace(table, file_schemas={**table.file_schemas, own.id: own})


@dataclass(frozen=True, slots=True)
class _Written:
    """A file that is written and staged, and its entry."""

    staged: StagedFile
    entry: DataFile


class DataWriter:
    """Writes data files of one table; they are in the store once it is closed.

    Use it as a context manager: an exception inside leaves nothing behind.

    Args:
        context: Runs the queries that yield rows, and takes the files and their fingerprints.
        name: The table.
        table: The table's shape, with the file schema of ``own_file_schema``.
        taken: Paths that no new file may have.
        holds: Returns whether a partition has a file of some path that may stay: no new file
            may have that path either.
    """

    def __init__(
        self,
        context: WriteContext,
        name: str,
        table: TableSnapshot,
        *,
        taken: Collection[str] = (),
        holds: Callable[[Partition, str], bool] | None = None,
    ) -> None:
        self.context = context
        self._name = name
        self.table = table
        self._taken = set(taken)
        self._holds = holds or (lambda partition, path: False)
        self._written: list[_Written] = []
        self._lists = BlobLists(context.store) if is_file_set(table.properties) else None
        self._places: Mapping[str, str] = {}
        self._schema = own_file_schema(table)
        self._schema_id = self._schema.id
        self._footers = OwnFooters(name, self._schema.columns, engine=lambda: self.context.con)
        self._engine = any(_engine_type(f.type) for f in stored_fields(table))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        try:
            if kind is None:
                files = [(one.staged, one.entry.path) for one in self._written]
                lists = [] if self._lists is None else self._lists.staged
                for _, path in lists:
                    self.context.repository.condemned.note(path)
                self.context.store.publish([*files, *lists])
        finally:
            for one in self._written:
                one.staged.discard()
            self._written.clear()
            if self._lists is not None:
                self._lists.discard()

    def ordered(
        self, query: str, partition: Partition, parts: Sequence[str] = ()
    ) -> list[DataFile]:
        """Writes the rows of one partition in the order of their place; no file if there are none.

        Args:
            query: Yields the columns of ``stored_fields``, called ``c<field id>``, and ``place``.
            partition: The encoded partition values.
            parts: Queries that yield the same, some of the columns each: to be read instead of
                a query of many columns and few rows, which takes longer.
        """
        by_place = f"SELECT * FROM ({query}) ORDER BY place"
        if self._engine:
            return self._by_engine(by_place, partition, append=False)
        try:
            return self._placed(query, partition, parts)
        except OutOfOrderError:
            return self._placed(by_place, partition)

    def _placed(
        self, query: str, partition: Partition, parts: Sequence[str] = ()
    ) -> list[DataFile]:
        first = len(self._written)
        with closing(self._glued(parts) if parts else self._reader(query, ", place")) as batches:
            try:
                return self._by_arrow(in_order(batches), partition, append=False)
            except OutOfOrderError:
                for one in self._written[first:]:
                    one.staged.discard()
                    self._taken.discard(one.entry.path)
                del self._written[first:]
                raise

    def sorted(self, rows: str, *, append: bool = False) -> list[DataFile]:
        """Writes rows of any partitions, each sorted by the table's key.

        Args:
            rows: A table of the engine with all columns, called ``c<field id>``, and ``rowid``,
                in whose order rows of one key stay.
            append: Whether the files must have names that no other writer can give, also one
                that adds the same rows at the same time.
        """
        partitions = self.partitions(rows)
        for partition, _, _ in partitions:
            folder_of(self._name, self.table.partition_fields, partition)
        order = [
            *(f"c{i} NULLS FIRST" for i in self.table.partition_by),
            *(f"c{i} NULLS LAST" for i in self.table.key if i not in self.table.partition_by),
        ]
        ordering = f" ORDER BY {', '.join([*order, 'rowid'])}" if order else ""
        query = f"SELECT {self._columns()} FROM {rows}"
        if not self._engine:
            few = sum(count for _, count, _ in partitions) <= FEW_ROWS * len(partitions)
            closing_rows = closing(self._reader(query + ordering))
            with closing_rows as batches, rarely_collected() if few else nullcontext():
                source = Cutter(batches)
                return [
                    file
                    for partition, count, _ in partitions
                    for file in self._by_arrow(source.take(count), partition, append=append)
                ]
        return [
            file
            for partition, _, condition in partitions
            for file in self._by_engine(
                f"{query} WHERE {condition}{ordering}", partition, append=append
            )
        ]

    def file_set_rows(self, rows: pa.Table, places: Mapping[str, str]) -> DataFile:
        """Writes a data file of a file set.

        Args:
            rows: The columns of the table in order, at most as many rows as a file may have.
            places: Where contents lie that are not the catalog's own, by hash.
        """
        named = rows.rename_columns([f"c{f.id}" for f in stored_fields(self.table)])
        self._places = places
        (file,) = self._by_arrow(iter(named.to_batches()), (), append=False)
        return file

    def relisted(self, file: DataFile, blobs: Iterable[Blob]) -> DataFile:
        """Returns the entry of a data file of a file set with another list of its contents."""
        assert self._lists is not None, "the table is a file set"
        return replace(file, blobs=self._lists.add(blobs))

    def know_contents(self, files: Iterable[DataFile]) -> None:
        """Takes note of where the contents lie that data files of a file set name.

        Those of new data files are among them.
        """
        if self._lists is not None:
            self._lists.know(files)

    def forget(self, file: DataFile) -> None:
        """Drops a file that was written and is not needed after all."""
        for one in self._written:
            if one.entry.path == file.path:
                one.staged.discard()
        self._written = [one for one in self._written if one.entry.path != file.path]

    def _columns(self) -> str:
        return ", ".join(f"c{f.id}" for f in stored_fields(self.table))

    def _reader(self, query: str, more: str = "") -> Generator[pa.RecordBatch, None, None]:
        """Yields the rows of a query; the connection is free again once it is closed."""
        chosen = f"SELECT {self._columns()}{more} FROM ({query})"
        reader = self.context.con.sql(chosen).to_arrow_reader(ROW_GROUP_ROWS)
        try:
            yield from reader
        finally:
            reader.close()

    def _glued(self, parts: Sequence[str]) -> Generator[pa.RecordBatch, None, None]:
        """Yields the rows that queries yield some columns of, each with their place."""
        sql = self.context.con.sql
        tables = [sql(part).to_arrow_reader(ROW_GROUP_ROWS).read_all() for part in parts]
        names = [f"c{f.id}" for f in stored_fields(self.table)]
        yield from side_by_side(tables, [*names, "place"]).to_batches()

    def partitions(self, rows: str) -> list[tuple[Partition, int, str]]:
        """Returns the partitions among rows in order: values, rows, and a condition for them."""
        by = self.table.partition_fields
        ids = self.table.partition_by
        if not ids:
            ((count,),) = self.context.con.sql(f"SELECT count(*) FROM {rows}").fetchall()
            return [((), count, "true")] if count else []
        shown = ", ".join(
            f"hex(c{i})" if kind.type_class is TypeClass.BINARY else f"CAST(c{i} AS VARCHAR)"
            for i, (_, kind) in zip(ids, by, strict=True)
        )
        columns = ", ".join(f"c{i}" for i in ids)
        order = ", ".join(f"c{i} NULLS FIRST" for i in ids)
        found = self.context.con.sql(
            f"SELECT count(*), {shown} FROM {rows} GROUP BY {columns} ORDER BY {order}"
        ).fetchall()
        partitions = []
        for count, *values in found:
            partition = tuple(
                None if value is None else _encoded(value, kind)
                for value, (_, kind) in zip(values, by, strict=True)
            )
            condition = " AND ".join(
                f"c{field_id} IS NOT DISTINCT FROM {constant(value, kind)}"
                for value, field_id, (_, kind) in zip(partition, ids, by, strict=True)
            )
            partitions.append((partition, int(count), condition))
        return partitions

    def _by_arrow(
        self, batches: Iterator[pa.RecordBatch], partition: Partition, *, append: bool
    ) -> list[DataFile]:
        files: list[DataFile] = []
        source = Cutter(batches)
        while (
            first := next(groups := source.groups(MAX_FILE_ROWS, ROW_GROUP_ROWS), None)
        ) is not None:
            with self._scratch() as path:
                maker = self._maker(first)
                wanted = None if self.context.prints is None else maker
                written = self._write_groups(path, chain([first], groups), wanted)
                files.append(self._entry(path, partition, written, append=append))
                self._keep_print(maker, written)
        return files

    def _maker(self, first: pa.Table) -> Fingerprinter:
        """Returns what makes the fingerprint of a file that starts with some rows.

        Files have fewer bytes than their rows take in memory, so that narrow rows, and few, are
        not digested in vain.
        """
        at_most = DataFile("", "", first.nbytes, first.num_rows, (), self._schema_id)
        kept = has_row_digests(self.table, at_most)
        return Fingerprinter(
            self._schema.columns,
            self.table.key,
            partition_by=self.table.partition_by,
            digests="kept" if kept else "summed",
        )

    def _keep_print(self, maker: Fingerprinter, written: Written) -> None:
        """Keeps the fingerprint of the file that was written last, and the digests of its rows."""
        if self.context.prints is None:
            return
        path, entry = self._written[-1].staged.local_path, self._written[-1].entry
        stored = stored_digests(path, self._schema.columns, written.metadata)
        found = replace(maker.finish(self.table, entry), stored=stored)
        self._note_sum(found.row_sum)
        rows = maker.row_words()
        if rows is not None and has_row_digests(self.table, entry):
            digests = RowDigests(self.context.store)
            digests.keep(self.table, entry, rows.words.data, held=rows.held)
        elif maker.starts_in_order:
            found = replace(found, row_sum=None)  # as if it was read
        self.context.prints[entry.identity, self.table.key] = found
        if self.table.key and entry.rows <= FEW_ROWS:
            keys = maker.key_words(self.table, entry)
            if keys is not None:
                self.context.keys[entry.identity, self.table.key] = keys

    def _note_sum(self, row_sum: int | None) -> None:
        """Takes the sum over the rows of the file that was written last, if it was formed."""

    def _write_groups(
        self, path: str, groups: Iterator[pa.Table], maker: Fingerprinter | None
    ) -> Written:
        """Writes row groups, one at least, into a file."""
        first = next(groups)
        names = [column.name for column in self._schema.columns]
        schema = pa.schema(list(zip(names, first.schema.types, strict=True)))
        floats = {n: c.field_id for n, c in enumerate(self._schema.columns) if is_float(c.type)}
        nans = dict.fromkeys(floats.values(), 0)
        first = first.rename_columns(names)
        collected: list[pq.FileMetaData] = []
        with pq.ParquetWriter(
            path,
            schema,
            compression="zstd",
            use_dictionary=dictionary_paths(first),
            store_schema=False,
            write_page_checksum=True,
            metadata_collector=collected,
        ) as writer:
            for group in chain([first], (group.rename_columns(names) for group in groups)):
                writer.write_table(group, row_group_size=ROW_GROUP_ROWS)
                if maker is not None:
                    maker.add(group)
                    continue
                for place, field_id in floats.items():
                    nans[field_id] += call("sum", call("is_nan", group.column(place))).as_py() or 0
        if maker is not None:
            nans = {field_id: maker.nans(field_id) for field_id in nans}
        return Written(schema, collected[0], nans)

    @contextmanager
    def _scratch(self) -> Iterator[str]:
        """Yields the path of a file to write, which goes if anything fails."""
        path = self.context.store.scratch()
        try:
            with storage_errors(path, "cannot write a data file"):
                yield path
        except BaseException:
            with suppress(FileNotFoundError):
                Path(path).unlink()
            raise

    def _by_engine(self, query: str, partition: Partition, *, append: bool) -> list[DataFile]:
        named = ", ".join(f"c{c.field_id} AS {identifier(c.name)}" for c in self._schema.columns)
        with self._scratch() as path:
            copied = copy_sql(
                f"SELECT {named} FROM ({query})",
                path,
                [column.type for column in self._schema.columns],
                options=f", COMPRESSION zstd, ROW_GROUP_SIZE {ROW_GROUP_ROWS}",
            )
            self.context.con.execute(copied)
            file = self._entry(path, partition, None, append=append)
        if file.rows:
            return [file]
        self._written.pop().staged.discard()
        return []

    def _entry(
        self, path: str, partition: Partition, written: Written | None, *, append: bool
    ) -> DataFile:
        facts = self._footers.facts(path, written)
        staged = self.context.store.take_over(path)
        entry = DataFile(
            path=self._path(staged.sha256, partition, append=append),
            token=f"sha256:{staged.sha256}",
            size_bytes=staged.size_bytes,
            rows=facts.rows,
            partition=partition,
            file_schema=self._schema_id,
            stats=facts.stats,
            blobs=self._list_contents(staged.local_path),
        )
        self._written.append(_Written(staged, entry))
        return entry

    def _list_contents(self, path: str) -> BlobList | None:
        lists = self._lists
        return None if lists is None else lists.of_rows(path, self._footers.label, self._places)

    def _path(self, sha256: str, partition: Partition, *, append: bool) -> str:
        stem = f"{sha256}-{secrets.token_hex(4)}" if append else sha256
        folder = folder_of(self._name, self.table.partition_fields, partition)
        path = unused_path(
            f"{folder}/{stem}",
            lambda path: (
                path in self._taken
                or self._holds(partition, path)
                or self.context.repository.condemned.is_listed(path)
            ),
        )
        self._taken.add(path)
        return path


def folder_of(table: str, fields: Iterable[tuple[str, Scalar]], partition: Partition) -> str:
    """Returns the directory of a partition of a table, whose partition columns are the fields.

    Raises:
        InvalidInput: A value is too long for a path.
    """
    values = {
        name: encoded_text(value, kind)
        for value, (name, kind) in zip(partition, fields, strict=True)
    }
    inner = partition_path(list(values), list(values.values()))
    return "/".join(part for part in ("data", encode_segment(table), inner) if part)


def unused_path(start: str, is_taken: Callable[[str], bool]) -> str:
    """Returns a path of a Parquet file that no other file has."""
    path, copy = f"{start}.parquet", 2
    while is_taken(path):
        path, copy = f"{start}-{copy}.parquet", copy + 1
    return path


def _engine_type(kind: DataType) -> bool:
    match kind:
        case Scalar(name):
            return name in ENGINE_TYPES or is_geometry(kind)
        case ListType(element):
            return _engine_type(element)
        case StructType(fields):
            return any(_engine_type(inner) for _, inner in fields)
        case MapType(key, value):
            return _engine_type(key) or _engine_type(value)


def _encoded(shown: str, kind: Scalar) -> bytes:
    if kind.type_class is TypeClass.BINARY:
        return bytes.fromhex(shown)
    try:
        return encode(parse(shown, kind), kind)
    except CatalogError as error:
        raise Unsupported(
            f"{shown!r} cannot be the value of a partition column of type {kind}",
            kind=ErrorKind.PARTITION_VALUE,
        ) from error


def paths_of(files: Sequence[DataFile]) -> set[str]:
    """Returns the paths of files."""
    return {file.path for file in files}
