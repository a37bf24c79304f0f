"""The changed rows of a table in the row form, built in Arrow."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Literal, TypeAlias

import duckdb
import numpy as np
import pyarrow as pa

from catalog.arrow_functions import call, cast, take
from catalog.dataclasses import dataclass, field
from catalog.diff.compare.sql_columns import Part, SqlColumns
from catalog.diff.plan import SIDES, ColumnPair, SideName
from catalog.diff.row_condition import (
    CHANGE,
    CHANGED,
    FROM,
    ROWS_TRIED,
    TO,
    RowCondition,
    condition,
    key_names,
)
from catalog.diff.selection import RowReader, Selection
from catalog.diff.shown_columns import narrowed, needed_columns, shown_columns
from catalog.diff.tally import updated
from catalog.engine.arrow_arrays import constant, from_numpy, structs, to_numpy
from catalog.engine.checked_reads import checked_reader
from catalog.engine.checks import Check
from catalog.engine.failures import engine_errors
from catalog.engine.quoting import literal, type_sql
from catalog.engine.readable import readable_type
from catalog.engine.relation import prepared_cursor
from catalog.model.schema import Field
from catalog.model.types import DataType, Scalar, TypeClass, common_type

BATCH_ROWS = 65_536
"""Rows handed over at a time."""

LARGE_BATCH_ROWS, LARGE_BATCH_BYTES = 1 << 20, 64 << 20
"""Rows handed over at a time where they are narrow, and about the most bytes of them: a writer of
Parquet makes each a row group, and begins dictionaries of all columns that it soon gives up."""

READ_ROWS = 131_072
"""Rows that the engine hands over at a time, in memory that it can use again for the next."""

SORTED_ROWS = 1_000_000
"""Changed rows up to which they are sorted by key; more come in any order, because sorting them
would take longer than the diff."""

WIDE_COLUMNS, WIDE_CELLS = 512, 2_000_000
"""Columns from which rows are sorted by Arrow, and their cells up to which they are: the engine
carries all columns along when it sorts, which takes more than their square."""

_SORT_KEY = "sort_key"

_KINDS = {"inserted": "i", "deleted": "d", "updated": "u"}

_Order: TypeAlias = Literal["none", "engine", "arrow"]
"""Who puts rows in the order of their keys, if anybody does."""

RowParts: TypeAlias = Callable[[bool, Collection[str] | None], list[Part]]
"""Returns the changed rows of a table; see ``Remainder.row_parts``."""


def row_reader(
    con: duckdb.DuckDBPyConnection,
    columns: SqlColumns,
    rows: RowParts,
    *,
    count: int,
    touched: Collection[str] = (),
    checks: Sequence[Check] = (),
) -> RowReader:
    """Returns what reads the ``count`` changed rows, with cells changed in ``touched`` columns.

    After the last row the checks are made.
    """

    def read(selection: Selection) -> pa.RecordBatchReader:
        fit = count <= SORTED_ROWS
        shown = shown_columns(selection, columns, touched)
        needed = needed_columns(selection, columns, shown)
        with engine_errors():
            form, parts = _RowForm(columns, needed), rows(fit, needed)
            order: _Order = "none"
            if fit:
                cells = len(form.cells())
                wide = cells >= WIDE_COLUMNS and count * cells <= WIDE_CELLS
                order = "arrow" if wide and form.keys else "engine"
            changed = _ChangedRows(con, form, parts, selection=selection, order=order)
            found = changed.reader()
            if shown is not None and shown != needed:
                found = narrowed(found, shown, form.plan)
            return checked_reader(found, checks)

    return read


@dataclass(frozen=True, slots=True)
class _Query:
    """SQL of some changed rows.

    Attributes:
        sql: The query; see ``_RowForm.select`` for its columns.
        changed_column: The only column that changed in all of its rows, which are updated ones;
            None if the rows say themselves how they changed.
        copies: Columns that are the same as others and not selected, with the names of those.
    """

    sql: str
    changed_column: str | None = None
    copies: Mapping[str, str] = field(default_factory=dict)

    def is_like(self, other: "_Query") -> bool:
        """Returns whether the rows of two queries are put together in the same way."""
        return self.changed_column == other.changed_column and self.copies == other.copies

    def source(self, name: str) -> str:
        """Returns the selected column that holds what is wanted of a column."""
        return self.copies.get(name, name)


def _queries(
    form: "_RowForm", parts: Sequence[Part], selection: Selection, *, order: _Order
) -> list[_Query]:
    """Returns the queries of the rows wanted: one if they are put in the order of keys."""
    fit = order != "none"
    kind = "true" if selection.change is None else f"kind = '{_KINDS[selection.change]}'"
    queries = []
    for part in parts:
        column = None if fit else _only_column(part)
        copies = {} if fit else form.copies(part)
        selected = form.select(part, how=column is None, besides=copies)
        query = f"SELECT {selected} FROM {part.relation} WHERE {kind}"
        if column is None or not form.columns.always_changed(part.pairs):
            query += f" AND (kind <> 'u' OR {updated(form.columns, part.pairs)})"
        queries.append(_Query(query, column, copies))
    if not fit:
        return queries
    union = " UNION ALL BY NAME ".join(query.sql for query in queries)
    if order == "arrow":
        return [_Query(f"SELECT *, {form.sort_key} AS {_SORT_KEY} FROM ({union})")]
    sorting = f" ORDER BY {form.order}" if form.order else ""
    few = selection.limit is not None and selection.where is None
    return [_Query(f"FROM ({union}){sorting}" + (f" LIMIT {selection.limit}" if few else ""))]


class _ChangedRows:
    """Changed rows in the row form, read batch by batch, in the order of their keys or in none."""

    def __init__(
        self,
        con: duckdb.DuckDBPyConnection,
        form: "_RowForm",
        parts: Sequence[Part],
        *,
        selection: Selection,
        order: _Order,
    ) -> None:
        self._con = con
        self._own = prepared_cursor(con)
        self._form = form
        self._selection = selection
        self._condition: RowCondition | None = (
            None if selection.where is None else condition(selection.where, form.plan)
        )
        self._queries = _queries(form, parts, selection, order=order)
        small = order != "none" or selection.limit is not None
        self._size = BATCH_ROWS if small else form.batch_rows()
        self._read_rows = min(self._size, READ_ROWS)
        first = self._queries[0]
        rows = self._own.sql(first.sql)
        self._first = (
            _in_order(rows.to_arrow_table()).to_reader(self._read_rows)
            if order == "arrow"
            else rows.to_arrow_reader(self._read_rows)
        )
        types = {f.name: f.type for f in self._first.schema}
        self._cells = pa.schema([(name, types[first.source(name)]) for name in form.cells()])
        self._schema = form.schema(self._cells)

    def reader(self) -> pa.RecordBatchReader:
        """Returns what reads the rows.

        Raises:
            InvalidInput: The condition is not valid.
        """
        no_cells = [pa.nulls(0, cell.type) for cell in self._cells]
        no_rows = pa.RecordBatch.from_arrays(no_cells, schema=self._cells)
        how = _OneChange("").columns(0)
        nothing = self._form.batch(no_rows, how, schema=self._schema, all_updated=True)
        if self._condition is not None:
            self._condition.check_syntax(self._con)
            cells = [pa.nulls(ROWS_TRIED, field.type) for field in self._schema]
            without_values = pa.RecordBatch.from_arrays(cells, schema=self._schema)
            self._condition.kept(self._con, without_values)
        return pa.RecordBatchReader.from_batches(self._schema, self._batches(nothing))

    def _batches(self, nothing: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        """Yields the rows that meet the condition, up to the limit."""
        left = self._selection.limit
        yield nothing  # pyarrow fails to combine no chunks at all of extension types in structs
        for formed in self._formed():
            if self._condition is not None:
                formed = self._condition.kept(self._con, formed)
            if left is not None:
                formed = formed.slice(0, left)
                left -= formed.num_rows
            if formed.num_rows:
                yield formed
            if left == 0:
                break
        self._own.close()

    def _formed(self) -> Iterator[pa.RecordBatch]:
        """Yields the rows of all queries."""
        change = _OneChange("")
        with engine_errors():
            for query, batch in self._selected():
                cells = [cast(batch.column(query.source(f.name)), f.type) for f in self._cells]
                rows = pa.RecordBatch.from_arrays(cells, schema=self._cells)
                column = query.changed_column
                if column is not None:
                    if change.name != column:
                        change = _OneChange(column)
                    batch = change.columns(batch.num_rows)
                yield self._form.batch(
                    rows, batch, schema=self._schema, all_updated=column is not None
                )

    def _selected(self) -> Iterator[tuple[_Query, pa.RecordBatch]]:
        """Yields the rows of all queries as they are selected, with a query that is like theirs.

        Rows of several batches are put together as far as they make one of fair size.
        """
        waiting: list[pa.RecordBatch] = []
        rows = size_bytes = 0
        last = self._queries[0]
        for query, batch in self._read():
            rows, size_bytes = rows + batch.num_rows, size_bytes + batch.nbytes
            large = rows > self._size or size_bytes > LARGE_BATCH_BYTES
            if waiting and (large or not query.is_like(last) or batch.schema != waiting[0].schema):
                yield last, pa.concat_batches(waiting)
                waiting, rows, size_bytes = [], batch.num_rows, batch.nbytes
            waiting.append(batch)
            last = query
        if waiting:
            yield last, pa.concat_batches(waiting)

    def _read(self) -> Iterator[tuple[_Query, pa.RecordBatch]]:
        reader = self._first
        for number, query in enumerate(self._queries):
            if number:
                reader = self._own.sql(query.sql).to_arrow_reader(self._read_rows)
            for batch in reader:
                yield query, batch


def _in_order(rows: pa.Table) -> pa.Table:
    """Returns rows in the order of their sort keys, without these."""
    places = to_numpy(call("array_sort_indices", rows.column(_SORT_KEY).combine_chunks()))
    rows = rows.drop_columns([_SORT_KEY])
    if (places == np.arange(len(places))).all():
        return rows
    return take(rows, from_numpy(places))


_CHANGE_COLUMNS = ["change", "changed"]


def _only_column(part: Part) -> str | None:
    """Returns the only column in which rows of a part change; None if there may be others."""
    if part.all_updated and len(part.pairs) == 1:
        return part.pairs[0].name
    return None


class _OneChange:
    """What is said of rows that were updated in one column, the same arrays for all batches."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._columns = self._made(0)

    def _made(self, count: int) -> pa.RecordBatch:
        offsets = from_numpy(np.arange(count + 1, dtype=np.int32))
        listed = pa.ListArray.from_arrays(offsets, pa.repeat(constant(self.name), count))
        kinds = pa.repeat(constant("updated"), count)
        return pa.RecordBatch.from_arrays([kinds, listed], _CHANGE_COLUMNS)

    def columns(self, count: int) -> pa.RecordBatch:
        """Returns ``change`` and ``changed`` of some rows."""
        if count > self._columns.num_rows:
            self._columns = self._made(count)
        return self._columns.slice(0, count)


class _RowForm:
    """The row form of changed rows: the key and the columns ``shown``, all if that is None."""

    def __init__(self, columns: SqlColumns, shown: Collection[str] | None = None) -> None:
        self.columns = columns
        self.plan = columns.plan
        self._only: dict[SideName, set[int]] | None = None
        if shown is not None:
            pairs = [p for p in self.plan.pairs if p.name in shown or p.key]
            self._only = {"f": {p.before.id for p in pairs}, "t": {p.after.id for p in pairs}}
        kinds = map(_key_type, self.plan.key_pairs)
        self.keys = [*zip(key_names(self.plan), kinds, strict=True)]
        self.order = ", ".join(f"k{n} NULLS FIRST" for n, _ in enumerate(self.keys))

    @property
    def sort_key(self) -> str:
        """Returns SQL of bytes by which rows come in their order."""
        listed = (f"k{n}, 'ASC NULLS FIRST'" for n, _ in enumerate(self.keys))
        return f"create_sort_key({', '.join(listed)})"

    def fields(self, side: SideName) -> list[Field]:
        """Returns the columns that are shown of a side."""
        fields = self.columns.fields(side)
        return [f for f in fields if self._only is None or f.id in self._only[side]]

    def batch_rows(self) -> int:
        """Returns how many rows make a batch of fair size."""
        fields = [*self.fields("f"), *self.fields("t")]
        kinds = [*(kind for _, kind in self.keys), *(f.type for f in fields)]
        row_bytes = 24 + sum(8 if _is_small(kind) else 64 for kind in kinds)
        return max(BATCH_ROWS, min(LARGE_BATCH_ROWS, LARGE_BATCH_BYTES // row_bytes))

    def cells(self) -> list[str]:
        """Returns the names of the selected columns, but for how a row changed."""
        keys = [f"k{n}" for n, _ in enumerate(self.keys)]
        return [*keys, *(f"{side}_c{f.id}" for side in SIDES for f in self.fields(side))]

    def copies(self, part: Part) -> dict[str, str]:
        """Returns the columns of a part that are the same as others, with the names of those."""
        if not part.all_updated:
            return {}
        cells = frozenset(self.cells())
        copies = {one: other for one, other in part.derived.items() if {one, other} <= cells}
        for n, pair in enumerate(self.plan.key_pairs):
            if pair.before.type == pair.after.type:
                copies[f"k{n}"] = f"t_c{pair.after.id}"
        return copies

    def select(self, part: Part, *, how: bool, besides: Collection[str] = ()) -> str:
        """Returns the select list over a part of the rows, and how each changed if asked.

        Columns named ``besides`` are left out.

        With a key column 1 and a column 5, the rows become::

            k0   f_c1  f_c5  t_c1  t_c5  change   changed
            118   118   9.5   118  10.5  updated  [amount]
            120   120   1.0  NULL  NULL  deleted  []
        """
        cells = {f"k{n}": self._key(n) for n, _ in enumerate(self.keys)}
        for side in SIDES:
            names = ((f"{side}_c{f.id}", f.type) for f in self.fields(side))
            cells |= {name: _exported(name, kind) for name, kind in names}
        parts = [f"{sql} AS {name}" for name, sql in cells.items() if name not in besides]
        return ", ".join([*parts, *(self._change(part) if how else ())])

    def _change(self, part: Part) -> list[str]:
        """Returns how a row changed, and in which columns."""
        names = [
            f"CASE WHEN {self.columns.changed(pair)} THEN {literal(pair.name)} END"
            for pair in part.pairs
        ]
        listed = f"list_filter([{', '.join(names)}], lambda x: x IS NOT NULL)" if names else "[]"
        if len(names) == 1:
            listed = f"[{literal(part.pairs[0].name)}]"
        return [
            "CASE kind WHEN 'i' THEN 'inserted' WHEN 'd' THEN 'deleted' "
            "ELSE 'updated' END AS change",
            f"CASE WHEN kind = 'u' THEN CAST({listed} AS VARCHAR[]) ELSE [] END AS changed",
        ]

    def schema(self, selected: pa.Schema) -> pa.Schema:
        """Returns the Arrow schema of the row form."""
        text = pa.string()
        return pa.schema(
            [
                *(
                    (name, pa.uuid() if kind == UUID else selected.field(f"k{n}").type)
                    for n, (name, kind) in enumerate(self.keys)
                ),
                (CHANGE, text),
                (CHANGED, pa.list_(text)),
                (FROM, self._struct("f", selected)),
                (TO, self._struct("t", selected)),
            ]
        )

    def batch(
        self,
        selected: pa.RecordBatch,
        how: pa.RecordBatch,
        *,
        schema: pa.Schema,
        all_updated: bool,
    ) -> pa.RecordBatch:
        """Puts selected columns together with ``how`` their rows changed."""
        change = how.column("change")
        arrays = [
            _imported(selected.column(f"k{n}"), kind) for n, (_, kind) in enumerate(self.keys)
        ]
        arrays += [cast(change, pa.string()), cast(how.column("changed"), pa.list_(pa.string()))]
        for side, name, absent in zip(SIDES, (FROM, TO), ("inserted", "deleted"), strict=True):
            fields = self.fields(side)
            columns = [_imported(selected.column(f"{side}_c{f.id}"), f.type) for f in fields]
            present = None if all_updated else call("not_equal", change, constant(absent))
            kind = schema.field(name).type
            arrays.append(
                structs(columns, kind, present) if columns else pa.nulls(len(change), kind)
            )
        return pa.RecordBatch.from_arrays(arrays, schema=schema)

    def _struct(self, side: SideName, selected: pa.Schema) -> pa.DataType:
        fields = self.fields(side)
        return pa.struct(
            [
                (f.name, pa.uuid() if f.type == UUID else selected.field(f"{side}_c{f.id}").type)
                for f in fields
            ]
        )

    def _key(self, n: int) -> str:
        """Returns a key column: the newer side's value, the older's of deleted rows."""
        pair = self.plan.key_pairs[n]
        kind = _key_type(pair)
        before, after = (f"{side}_{self.columns.original(side, pair)}" for side in SIDES)
        if pair.before.type != pair.after.type:
            before, after = (f"CAST({value} AS {type_sql(kind)})" for value in (before, after))
        return _exported(f"(CASE WHEN kind = 'd' THEN {before} ELSE {after} END)", kind)


def _key_type(pair: ColumnPair) -> DataType:
    """Returns the type that key values are shown in: one that holds those of both sides."""
    return common_type((pair.before.type, pair.after.type)) or Scalar("VARCHAR")


UUID = Scalar("UUID")


def _is_small(kind: DataType) -> bool:
    """Returns whether values of a type take no more than 16 bytes."""
    large = (TypeClass.TEXT, TypeClass.BINARY, TypeClass.OTHER)
    return isinstance(kind, Scalar) and kind.type_class not in large


def _exported(column: str, kind: DataType) -> str:
    """Returns a column as it leaves DuckDB: UUIDs as 16 bytes, geometries and variants as text."""
    if kind != UUID:
        shown = readable_type(kind)
        return column if shown == kind else f"CAST({column} AS {type_sql(shown)})"
    return f"unhex(replace(CAST({column} AS VARCHAR), '-', ''))"


def _imported(column: pa.Array, kind: DataType) -> pa.Array:
    """Returns a column that left DuckDB with its proper Arrow type.

    DuckDB says of each value that it is not NULL, even if none is, and readers look at it.
    """
    if kind != UUID:
        if column.null_count or not pa.types.is_primitive(column.type):
            return column
        buffers = [None, *column.buffers()[1:]]
        return pa.Array.from_buffers(column.type, len(column), buffers, 0, column.offset)
    return pa.ExtensionArray.from_storage(pa.uuid(), cast(column, pa.binary(16)))
