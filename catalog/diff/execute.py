"""Runs the plan of one table on an engine and counts what changed."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

import duckdb
import pyarrow as pa

from catalog.diff.compare.align import repeated_integers
from catalog.diff.compare.arrays import Arrays
from catalog.diff.compare.key_problems import key_problems
from catalog.diff.compare.remainder import Remainder
from catalog.diff.compare.sql_columns import Part, SqlColumns
from catalog.diff.compare.sql_functions import register_functions
from catalog.diff.counts import (
    ColumnCounts,
    KeyProblems,
    PartitionCounts,
    RowCounts,
    SideStats,
    TableCounts,
)
from catalog.diff.plan import SIDES, DiffOptions, SideName, TablePlan
from catalog.diff.result import Selection, TableDiff
from catalog.diff.route import Prints, known_keys, route
from catalog.diff.row_form import row_reader
from catalog.diff.statistics import kept_stats, side_stats
from catalog.diff.tally import Tally, examples, tally
from catalog.engine.connection import connect
from catalog.engine.quoting import type_sql
from catalog.engine.relation import prepare, relation_sql
from catalog.formats.parquet import ParquetSource
from catalog.model.datafile import DataFile
from catalog.model.partition import partition_values
from catalog.model.scan_plan import scan_plan
from catalog.model.types import is_float

KEPT_BYTES = 192 << 20
"""Columns of a side that aligning keeps for taking rows from them, if memory allows."""

KEY_BYTES = 32
"""Memory that sorting takes for every integer key."""

Progress = Callable[[int], None]
"""Told the rows of a task that is done."""


@dataclass(frozen=True, slots=True)
class Reading:
    """Says how the files of a table are read.

    Attributes:
        con: Reads them.
        plan: The table's plan.
        locate: Says where the engine reads a file.
        all_files: Returns every file of a side.
        prints: Fingerprints of the files that the plan's tasks are about, as far as known.
        opened: Sizes of the files that were opened so far, by path.
        align_bytes: Memory for aligning rows by key outside the engine; 0 forbids it.
        readable: Returns what reads a file outside the engine; None is a local path, the
            one that the engine has.
    """

    con: duckdb.DuckDBPyConnection
    plan: TablePlan
    locate: Callable[[DataFile], str]
    all_files: Callable[[SideName], Sequence[DataFile]]
    prints: Prints = field(default_factory=dict)
    opened: dict[str, int] = field(default_factory=dict)
    align_bytes: int = 0
    readable: Callable[[DataFile], ParquetSource] | None = None

    def relation(
        self,
        side: SideName,
        files: Sequence[DataFile],
        columns: Sequence[int] | None = None,
        *,
        numbered: bool = False,
    ) -> str:
        """Returns SQL of the rows of a side's files, columns called ``c<field id>``."""
        self.opened.update((file.path, file.size_bytes) for file in files)
        table = self.plan.side(side)
        wanted = [f for f in table.schema.fields if columns is None or f.id in columns]
        scan = scan_plan(
            table,
            files,
            locate=self.locate,
            columns=columns,
            naming="id",
            nan_free=[f.id for f in wanted if is_float(f.type) and self._nan_free(f.id, files)],
            numbered=numbered,
        )
        return prepare(self.con, relation_sql(scan))

    def _nan_free(self, field_id: int, files: Sequence[DataFile]) -> bool:
        """Tells whether fingerprints say that a column of floats holds no NaN."""
        for file in files:
            known = self.prints.get(file.identity)
            found = None if known is None else known.summaries.get(field_id)
            if found is None or found.total is None or found.nans:
                return False
        return True

    def covered(self, side: SideName, *, everything: bool) -> Sequence[DataFile]:
        """Returns the files of a side that differ, or all."""
        return self.all_files(side) if everything else self.plan.files(side)


@dataclass(frozen=True, slots=True)
class _Arrays:
    """Reads columns as arrays; see ``aligning.ReadArrays``."""

    reading: Reading

    @property
    def memory_bytes(self) -> int:
        return self.reading.align_bytes

    def __call__(self, side: SideName, files: Sequence[DataFile]) -> Arrays:
        reading = self.reading
        reading.opened.update((file.path, file.size_bytes) for file in files)
        keep = min(KEPT_BYTES, reading.align_bytes // 4)
        opened = reading.readable or reading.locate
        return Arrays(reading.plan.side(side), files, opened, keep_bytes=keep)


def stat_table(plan: TablePlan) -> TableDiff:
    """Answers from metadata alone: counts of rows and cells are unknown."""
    return TableDiff(plan, TableCounts(_row_counts(plan, None), {}))


def unchanged_table(plan: TablePlan) -> TableDiff:
    """Answers zeros for a table without a file that differs."""
    counts = TableCounts(_row_counts(plan, Tally()), _column_counts(plan, Tally(), {}))

    def no_rows(selection: Selection) -> pa.RecordBatchReader:
        con = connect()
        reading = Reading(con, plan, lambda file: file.path, lambda side: ())
        remainder = Remainder(con, plan, reading.relation, "remainder")
        remainder.settle()
        return row_reader(con, remainder.columns, remainder, count=0)(selection)

    return TableDiff(plan, counts, no_rows)


def compare_table(
    reading: Reading,
    options: DiffOptions,
    *,
    name: str,
    keep_rows: bool,
    progress: Progress | None = None,
) -> TableDiff:
    """Counts what changed in a table, to the cell.

    Args:
        reading: The plan, and how its files are read.
        options: How to compare.
        name: Name for tables of this comparison in the engine, unique in it.
        keep_rows: Whether the changed rows can be read from the result.
        progress: Told the rows of each task that is done.
    """
    plan = reading.plan
    register_functions(reading.con, plan)
    if plan.before is None or plan.after is None:
        return _one_sided(reading, options, keep_rows=keep_rows)
    problems = _key_problems(reading, options)
    unique = bool(plan.key) and problems.duplicate == (0, 0)
    arrays = _Arrays(reading) if reading.align_bytes else None
    remainder = Remainder(reading.con, plan, reading.relation, name, unique=unique, arrays=arrays)
    if not _fill(remainder, reading.prints, progress):
        remainder = Remainder(reading.con, plan, reading.relation, name, unique=unique)
        _fill(remainder, {}, None)
    parts = remainder.parts()
    counts = tally(reading.con, plan, parts)
    for field_id, filled in remainder.added_filled.items():
        counts.added[field_id] += filled
    shown = examples(reading.con, plan, name, parts, counts)
    result = TableCounts(
        rows=_row_counts(plan, counts),
        columns=_column_counts(plan, counts, _statistics(reading, options, counts)),
        partitions=counts.partitions,
        key_problems=problems,
        examples=shown,
        bytes_read=sum(reading.opened.values()),
    )
    if not keep_rows:
        remainder.drop()
        return TableDiff(plan, result)
    changed = counts.inserted + counts.deleted + counts.updated
    touched = [name for name in counts.cells if _touched(counts, name)]
    reader = row_reader(reading.con, remainder.columns, remainder, count=changed, touched=touched)
    return TableDiff(plan, result, reader)


def changed_rows(reading: Reading, *, name: str, progress: Progress | None = None) -> str:
    """Leaves the changed rows of a table in the engine.

    Args:
        reading: The plan of a table that both sides have, and how its files are read.
        name: Name for tables of this comparison in the engine, unique in it.
        progress: Told the rows of each task that is done.

    Returns:
        A table with ``kind`` (``u``, ``d``, ``i``) and every column of each side, called
        ``f_c<field id>`` and ``t_c<field id>``; see ``columns`` for the others.
    """
    problems = _key_problems(reading, DiffOptions())
    unique = bool(reading.plan.key) and problems.duplicate == (0, 0)
    remainder = Remainder(reading.con, reading.plan, reading.relation, name, unique=unique)
    if not _fill(remainder, reading.prints, progress):
        remainder = Remainder(reading.con, reading.plan, reading.relation, name, unique=unique)
        _fill(remainder, {}, None)
    (part,) = remainder.whole_parts(fit=True)
    return part.relation


def _fill(remainder: Remainder, prints: Prints, progress: Progress | None) -> bool:
    """Runs all tasks; False if they must be run again, without fingerprints."""
    plan = remainder.plan
    for task in plan.tasks:
        chosen = route(plan, task, prints)
        if not plan.key:
            remainder.run_keyless(chosen)
        else:
            for pair in chosen.pairs:
                remainder.match(pair)
            if chosen.rest is not None:
                remainder.run(chosen.rest)
        if progress is not None:
            progress(sum(f.rows for f in (*task.before, *task.after)))
    return remainder.settle()


def _row_counts(plan: TablePlan, counts: Tally | None) -> RowCounts:
    before = 0 if plan.before is None else plan.before.rows
    after = 0 if plan.after is None else plan.after.rows
    if counts is None:
        return RowCounts(before, after)
    return RowCounts(before, after, counts.inserted, counts.deleted, counts.updated, counts.moved)


def _one_sided(reading: Reading, options: DiffOptions, *, keep_rows: bool) -> TableDiff:
    """Answers for a table that came or went: all of its rows did, and no cell changed."""
    plan = reading.plan
    side: SideName = "f" if plan.after is None else "t"
    shape = plan.side(side)
    counts = Tally(deleted=shape.rows) if side == "f" else Tally(inserted=shape.rows)
    rows: dict[tuple[tuple[str, str | None], ...], int] = {}
    for file in plan.files(side):
        label = tuple(partition_values(shape, file).items())
        rows[label] = rows.get(label, 0) + file.rows
    partitions = tuple(
        PartitionCounts(dict(label), *((0, count) if side == "f" else (count, 0)))
        for label, count in rows.items()
        if label and count
    )
    problems = _key_problems(reading, options)
    result = TableCounts(
        _row_counts(plan, counts),
        {},
        partitions,
        problems,
        bytes_read=sum(reading.opened.values()),
    )
    if not keep_rows:
        return TableDiff(plan, result)
    columns = SqlColumns(plan)
    table = _WholeTable(Part(_whole(reading, columns, side), (), partial=False))
    return TableDiff(plan, result, row_reader(reading.con, columns, table, count=shape.rows))


@dataclass(frozen=True, slots=True)
class _WholeTable:
    """Hands out all rows of a table that came or went; see ``rows.Rows``."""

    part: Part

    def whole_parts(self, *, fit: bool) -> list[Part]:
        return [self.part]

    def narrow_parts(self, shown: Collection[str]) -> list[Part] | None:
        return [self.part]


def _whole(reading: Reading, columns: SqlColumns, side: SideName) -> str:
    """Returns SQL that yields all rows of one side in the form of a remainder."""
    parts = [f"'{'d' if side == 'f' else 'i'}' AS kind"]
    for own in SIDES:
        for one in columns.fields(own):
            source = f"c{one.id}" if own == side else f"CAST(NULL AS {type_sql(one.type)})"
            parts.append(f"{source} AS {own}_c{one.id}")
        formed = [name for name in columns.carried(own) if name.startswith("m")]
        parts += [f"NULL AS {own}_{name}" for name in formed]
    return f"(SELECT {', '.join(parts)} FROM {reading.relation(side, reading.plan.files(side))})"


def _key_problems(reading: Reading, options: DiffOptions) -> KeyProblems:
    plan = reading.plan
    one_sided = plan.before is None or plan.after is None
    if not plan.key or (one_sided and not options.check_keys):
        return KeyProblems(all_rows=options.check_keys)
    found: dict[SideName, tuple[int, int]] = {}
    columns = SqlColumns(plan)
    for side in SIDES:
        missing = (plan.before if side == "f" else plan.after) is None
        files = () if missing else reading.covered(side, everything=options.check_keys)
        known = (0, 0) if not files else known_keys(files, reading.prints)
        if known is not None:
            found[side] = known
            continue
        keys = [p.before if side == "f" else p.after for p in plan.key_pairs]
        sorting_bytes = KEY_BYTES * sum(file.rows for file in files)
        if len(keys) == 1 and sorting_bytes <= reading.align_bytes:
            repeated = repeated_integers(_Arrays(reading)(side, files), keys[0])
            pa.default_memory_pool().release_unused()
            if repeated is not None:
                found[side] = (0, repeated)
                continue
        relation = reading.relation(side, files, [one.id for one in keys])
        found[side] = key_problems(reading.con, columns, side, relation)
    return KeyProblems(
        null=(found["f"][0], found["t"][0]),
        duplicate=(found["f"][1], found["t"][1]),
        all_rows=options.check_keys,
    )


def _statistics(reading: Reading, options: DiffOptions, counts: Tally) -> dict[str, ColumnCounts]:
    """Describes the columns of which a cell changed, or all, by the newer side's name."""
    plan = reading.plan
    pairs = [
        pair
        for pair in plan.pairs
        if pair.compared and (options.full_stats or _touched(counts, pair.name))
    ]
    if not pairs:
        return {}
    covered: list[int] = []
    described: dict[SideName, dict[int, SideStats]] = {}
    for side in SIDES:
        files = reading.covered(side, everything=options.full_stats)
        covered.append(sum(file.rows for file in files))
        fields = [pair.before if side == "f" else pair.after for pair in pairs]
        kept = {
            one.id: kept_stats(reading.con, plan.side(side), one, files, reading.prints)
            for one in fields
        }
        found = {field_id: stats for field_id, stats in kept.items() if stats is not None}
        missing = [one for one in fields if one.id not in found]
        if missing:
            relation = reading.relation(side, files, [one.id for one in missing])
            found |= side_stats(reading.con, relation, missing)
        described[side] = found
    return {
        pair.name: ColumnCounts(
            before=described["f"][pair.before.id],
            after=described["t"][pair.after.id],
            covered=(covered[0], covered[1]),
        )
        for pair in pairs
    }


def _touched(counts: Tally, column: str) -> bool:
    cells = counts.cells.get(column)
    if cells is None:
        return False
    return bool(cells.filled or cells.cleared or cells.corrected or cells.within)


def _column_counts(
    plan: TablePlan, counts: Tally, described: dict[str, ColumnCounts]
) -> dict[str, ColumnCounts]:
    found = {}
    for pair in plan.pairs:
        if not pair.compared:
            continue
        stats = described.get(pair.name, ColumnCounts())
        cells = counts.cells.get(pair.name)
        if cells is None:
            found[pair.name] = stats
            continue
        found[pair.name] = ColumnCounts(
            changed=cells.filled + cells.cleared + cells.corrected,
            filled=cells.filled,
            cleared=cells.cleared,
            corrected=cells.corrected,
            within_tolerance=cells.within,
            before=stats.before,
            after=stats.after,
            covered=stats.covered,
        )
    for added in plan.added:
        found[added.name] = ColumnCounts(filled=counts.added.get(added.id, 0))
    return found
