"""What a diff answers: what was counted, table by table, and the changed rows."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias, get_args

import pyarrow as pa

from catalog.diff.counts import (
    ColumnCounts,
    Coverage,
    Example,
    KeyProblems,
    PartitionCounts,
    RowCounts,
    TableCounts,
)
from catalog.diff.drawn import Drawn, Pictures, diff_line, table_line
from catalog.diff.file_changes import FileChanges
from catalog.diff.findings import Segment
from catalog.diff.json_form import FORMAT_VERSION, Json, diff_json, table_json
from catalog.diff.overview_frame import OverviewFrame
from catalog.diff.partition_facts import PartitionFacts
from catalog.diff.plan import SchemaChange, SideName, Status, TablePlan
from catalog.diff.selection import Columns, RowReader, Selection, Shape, selected
from catalog.diff.view import ColumnView, DiffView, End, LeftOut, Metric, Origin, TableView
from catalog.errors import ErrorKind, InvalidInput, NotFound
from catalog.model.file_sets import is_file_set
from catalog.model.judgement import Judgement
from catalog.model.listings import FileInfo
from catalog.repository.datafiles import file_info
from catalog.storage.failures import tells_machine_errors
from catalog.storage.store import ObjectStore

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

FindPartitions: TypeAlias = Callable[[], PartitionFacts | None]
"""Finds the partitions of a table; None if it has none, or nobody knows."""


NO_KEY = "without a key, a row that changed is one deleted and one inserted"
"""What is said of rows that may belong together."""


@tells_machine_errors
class TableDiff(Drawn["Diff"]):
    """What changed in one table."""

    def __init__(
        self,
        plan: TablePlan,
        counts: TableCounts,
        store: ObjectStore,
        *,
        rows: RowReader | None = None,
    ) -> None:
        self._plan = plan
        self._counts = counts
        self._store = store
        self._rows = rows
        self._find_partitions: FindPartitions = lambda: None
        self._is_closed = False
        self._ends = End(""), End("")
        self._pictures: Pictures[Diff] | None = None

    def part_of(self, before: End, after: End, pictures: "Pictures[Diff] | None") -> None:
        """Says which diff it belongs to, and what draws it."""
        self._ends, self._pictures = (before, after), pictures

    def _drawing(self) -> "tuple[Pictures[Diff] | None, Diff]":
        return self._pictures, Diff(*self._ends, [self], pictures=self._pictures)

    def __repr__(self) -> str:
        return f"<TableDiff {table_line(self.view)}>"

    def with_rows(self, rows: RowReader) -> "TableDiff":
        """Returns the same counts with something that reads the changed rows."""
        return TableDiff(self._plan, self._counts, self._store, rows=rows)

    def give_up_rows(self) -> None:
        """Reads no changed rows any more: what holds them is closed."""
        self._is_closed = True

    @property
    def plan(self) -> TablePlan:
        """Returns how it was compared."""
        return self._plan

    @property
    def table(self) -> str:
        """Returns the table's name."""
        return self._plan.table

    @property
    def status(self) -> Status:
        """Returns what happened to the table."""
        return self._plan.status

    @property
    def key(self) -> tuple[str, ...]:
        """Returns the columns that rows were matched by; none: whole rows were."""
        return self._plan.key

    @property
    def column_names(self) -> tuple[str, ...]:
        """Returns the columns of both sides that rows can show, the newer side's first."""
        sides = (self._plan.side("t"), self._plan.side("f"))
        return tuple(dict.fromkeys(f.name for side in sides for f in side.schema.fields))

    @property
    def rows(self) -> RowCounts:
        """Returns the counts of rows."""
        return self._counts.rows

    @property
    def columns(self) -> Mapping[str, ColumnCounts]:
        """Returns the counts of cells by column; those that were compared, and added ones."""
        return self._counts.columns

    @property
    def partitions(self) -> tuple[PartitionCounts, ...]:
        """Returns the counts of the partitions in which something changed."""
        return self._counts.partitions

    @property
    def key_problems(self) -> KeyProblems:
        """Returns how many rows have NULL or duplicate keys."""
        return self._counts.key_problems

    @property
    def examples(self) -> tuple[Example, ...]:
        """Returns the most frequent changes of value, column by column."""
        return self._counts.examples

    @property
    def schema_changes(self) -> tuple[SchemaChange, ...]:
        """Returns the differences of the schemas."""
        return self._plan.schema_changes

    @property
    def warnings(self) -> tuple[str, ...]:
        """Returns what to know before trusting the counts."""
        found = (*self._plan.warnings, *self._counts.warnings)
        rows = self._counts.rows
        alone = rows.before == rows.after == 1
        if self._plan.is_query and not (self.key or alone) and rows.inserted and rows.deleted:
            return (*found, f"{NO_KEY}: a key, or columns that the query groups by, pair them")
        return found

    @property
    def files(self) -> FileChanges | None:
        """Returns what happened to the files of a file set.

        None for any other table, and if rows were not compared, or not as a whole by path.
        """
        return self._counts.files

    @property
    def files_added(self) -> tuple[FileInfo, ...]:
        """Returns the data files that only the newer side has, by partition and path."""
        return self._files("t")

    @property
    def files_removed(self) -> tuple[FileInfo, ...]:
        """Returns the data files that only the older side has, by partition and path."""
        return self._files("f")

    def _files(self, side: SideName) -> tuple[FileInfo, ...]:
        table = self._plan.side(side)
        files = self._plan.differing_files(side)
        return tuple(file_info(self._store, table, file) for file in files)

    @property
    def coverage(self) -> Coverage:
        """Returns which files and partitions differ, and what was read of them."""
        plan = self._plan
        return Coverage(
            plan.partitions_compared,
            plan.partitions_skipped,
            len(plan.differing_files("t")),
            len(plan.differing_files("f")),
            plan.files_kept,
            self._counts.bytes_read,
        )

    @property
    def holds_rows(self) -> bool:
        """Returns whether ``changes()`` can tell the changed rows."""
        return self._rows is not None and not self._is_closed

    def changes(
        self,
        *,
        where: str | None = None,
        change: str | None = None,
        limit: int | None = None,
        columns: Columns = "all",
        context: Sequence[str] = (),
        shape: Shape = "nested",
    ) -> pa.RecordBatchReader:
        """Returns the changed rows.

        If the diff was made without rows, they are compared again when they are first asked for.

        Args:
            where: A condition as SQL, such as ``amount > 100 AND _from.status = 'paid'``. A column
                alone is its newer value, or where there is none, its older one.
            change: ``inserted``, ``deleted`` or ``updated``; None means all.
            limit: How many at most; None means all.
            columns: ``all``, or besides the key only those with a cell that ``changed`` in this
                diff, which spares reading the others; without a key all are shown. Or names.
            context: Columns to show beside those that changed.
            shape: ``nested``, or ``flat``: ``from.amount`` and ``to.amount`` in place of structs.

        Returns:
            Key columns, ``_change``, ``_changed_columns``, ``_from`` and ``_to``: structs of
            all columns of a side, NULL where the row is missing there. A key column of one
            of these names is called ``key.<name>``.

        Raises:
            InvalidInput: The diff was closed, or an argument is not valid.
        """
        if shape not in get_args(Shape):
            raise InvalidInput(f"unknown shape {shape!r} of changed rows", hint="nested or flat")
        selection = selected(where, change, limit, columns=columns, context=context)
        rows = self.read(selection)
        if shape == "nested":
            return rows
        from catalog.diff.flat_rows import flat_rows

        return flat_rows(rows)

    def read(self, selection: Selection) -> pa.RecordBatchReader:
        """Returns the changed rows in the row form; see ``changes``."""
        if self._is_closed:
            raise InvalidInput(
                f"the diff of {self.table} is closed",
                kind=ErrorKind.ROWS_NOT_KEPT,
                hint="read its rows before it is closed, or compare again",
            )
        if self._rows is None:
            raise InvalidInput(
                f"the diff of {self.table} has metadata only",
                kind=ErrorKind.ROWS_NOT_KEPT,
                hint='make it with level="cells" or level="rows"',
            )
        return self._rows(selection)

    def to_arrow(
        self,
        *,
        where: str | None = None,
        change: str | None = None,
        limit: int | None = None,
        columns: Columns = "all",
        context: Sequence[str] = (),
        shape: Shape = "nested",
    ) -> pa.Table:
        """Returns the changed rows as an Arrow table; see ``changes``."""
        return self.changes(
            where=where, change=change, limit=limit, columns=columns, context=context, shape=shape
        ).read_all()

    def to_pandas(
        self,
        *,
        where: str | None = None,
        change: str | None = None,
        limit: int | None = None,
        columns: Columns = "all",
        context: Sequence[str] = (),
        shape: Shape = "flat",
    ) -> "pd.DataFrame":
        """Returns the changed rows as a pandas frame, flat; see ``changes``.

        Whole numbers and truth values stay what they are beside NULL, in the types of pandas that
        know it.

        Raises:
            Unsupported: pandas is not installed.
        """
        from catalog.engine.frames import pandas_frame

        return pandas_frame(
            lambda: self.to_arrow(
                where=where,
                change=change,
                limit=limit,
                columns=columns,
                context=context,
                shape=shape,
            )
        )

    def to_polars(
        self,
        *,
        where: str | None = None,
        change: str | None = None,
        limit: int | None = None,
        columns: Columns = "all",
        context: Sequence[str] = (),
        shape: Shape = "flat",
    ) -> "pl.DataFrame":
        """Returns the changed rows as a Polars frame, flat; see ``changes``.

        Raises:
            Unsupported: Polars is not installed.
        """
        from catalog.engine.frames import polars_frame

        return polars_frame(
            lambda: self.to_arrow(
                where=where,
                change=change,
                limit=limit,
                columns=columns,
                context=context,
                shape=shape,
            )
        )

    @property
    def view(self) -> TableView:
        """Returns all that was counted, as one value."""
        examples: defaultdict[str, list[Example]] = defaultdict(list)
        for one in self.examples:
            examples[one.column].append(one)
        findings = self._counts.findings
        own: defaultdict[str, list[Segment]] = defaultdict(list)
        for segment in findings.segments:
            if segment.cells_of is not None:
                own[segment.cells_of].append(segment)
        types = {
            pair.name: (str(pair.before.type), str(pair.after.type)) for pair in self._plan.pairs
        }
        columns = tuple(
            ColumnView(
                name,
                counts,
                tuple(examples[name]),
                types=types.get(name),
                distinct=findings.distinct.get(name),
                delta=findings.deltas.get(name),
                partition_sums=findings.partition_sums.get(name),
                segments=tuple(own[name]),
                distribution=findings.distributions.get(name),
            )
            for name, counts in self.columns.items()
        )
        known = self._find_partitions()
        return TableView(
            name=self.table,
            status=self.status,
            rows=self.rows,
            key=self.key,
            key_problems=self.key_problems,
            schema_changes=self.schema_changes,
            columns=columns,
            partitions=self.partitions
            if known is None
            else tuple(map(known.sized, self.partitions)),
            partitioning=None if known is None else known.around(self.partitions),
            coverage=self.coverage,
            warnings=self.warnings,
            files=self.files,
            is_file_set=is_file_set(self._plan.shape.properties),
            segments=tuple(one for one in findings.segments if one.cells_of is None),
            renamings=findings.renamings,
            explained_by=findings.sample,
            ignored=self._plan.ignored,
            tolerances=dict(self._plan.tolerances),
            is_query=self._plan.is_query,
            groups_by_key=self._plan.groups_by_key,
        )

    def to_dict(self, *, format_version: int = FORMAT_VERSION) -> Json:
        """Returns the JSON form of the table.

        Args:
            format_version: 2, or 1 for the form of earlier releases: counts alone.

        Raises:
            InvalidInput: There is no such version.
        """
        return table_json(self.view, format_version)


@tells_machine_errors
class Diff(Drawn["Diff"], OverviewFrame):
    """What changed between two refs, table by table.

    Any table can be looked up by name; one that did not change answers zeros. Closing the diff,
    or leaving it as a context manager, gives up the changed rows.
    """

    def __init__(
        self,
        before: End,
        after: End,
        tables: Sequence[TableDiff],
        *,
        lookup: Callable[[str], TableDiff] | None = None,
        close: Callable[[], None] = lambda: None,
        pictures: "Pictures[Diff] | None" = None,
        unchanged: int | None = None,
        commits: int | None = None,
        metrics: tuple[Metric, ...] = (),
        left_out: tuple[LeftOut, ...] = (),
        gate: Judgement | None = None,
        origins: tuple[Origin, ...] = (),
    ) -> None:
        self.before = before
        self.after = after
        self.unchanged = unchanged
        self.commits = commits
        self.metrics = metrics
        self.left_out = left_out
        self.gate = gate
        self.origins = origins
        self.tables = tuple(tables)
        self._by_name = {one.table.casefold(): one for one in reversed(self.tables)}
        self._lookup = lookup
        self._close = close
        self._pictures = pictures
        for table in self.tables:
            table.part_of(before, after, pictures)

    def __getitem__(self, table: str) -> TableDiff:
        """Returns what changed in a table.

        Raises:
            NotFound: Neither side has such a table.
        """
        known = self._by_name.get(table.casefold())
        if known is not None:
            return known
        if self._lookup is None:
            raise NotFound(f"no table {table!r} in this diff", kind=ErrorKind.TABLE_NOT_FOUND)
        found = self._lookup(table)
        found.part_of(self.before, self.after, self._pictures)
        return found

    def __iter__(self) -> Iterator[TableDiff]:
        return iter(self.tables)

    def __enter__(self) -> "Diff":
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self.close()

    def close(self) -> None:
        """Gives up the changed rows and what they take."""
        for table in self.tables:
            table.give_up_rows()
        self._close()

    @property
    def view(self) -> DiffView:
        """Returns all that was counted, as one value."""
        return DiffView(
            self.before,
            self.after,
            tuple(table.view for table in self.tables),
            unchanged=self.unchanged,
            commits=self.commits,
            metrics=self.metrics,
            left_out=self.left_out,
            gate=self.gate,
            origins=self.origins,
        )

    def to_dict(self, *, format_version: int = FORMAT_VERSION) -> Json:
        """Returns the JSON form.

        Args:
            format_version: 2, or 1 for the form of earlier releases: counts alone.

        Raises:
            InvalidInput: There is no such version.
        """
        return diff_json(self.view, format_version)

    def _drawing(self) -> "tuple[Pictures[Diff] | None, Diff]":
        return self._pictures, self

    def __repr__(self) -> str:
        return f"<Diff {diff_line(self.view)}>"
