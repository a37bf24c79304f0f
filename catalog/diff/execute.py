"""Runs the plan of one table on an engine and counts what changed."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from catalog.diff.cell_counts import Tally, column_counts, row_counts
from catalog.diff.compare.key_problems import KeyChecks
from catalog.diff.compare.parts.compare import compare_routes
from catalog.diff.compare.parts.remainder import SharedRemainder
from catalog.diff.compare.remainder import Remainder
from catalog.diff.compare.sql_columns import Part, SqlColumns
from catalog.diff.compare.sql_functions import register_functions
from catalog.diff.compare.table_reader import TableReader
from catalog.diff.compare.text_entries import TextEntries
from catalog.diff.counts import (
    ColumnCounts,
    KeyProblems,
    PartitionCounts,
    SideStats,
    TableCounts,
)
from catalog.diff.file_changes import compares_files
from catalog.diff.findings import Findings, PartitionSums
from catalog.diff.held_rows import HeldRows
from catalog.diff.kept_rows import KeptRows
from catalog.diff.kept_statistics import kept_stats
from catalog.diff.options import DiffOptions
from catalog.diff.phases import COMPARING, EXPLAINING, Phase, unwatched
from catalog.diff.plan import SIDES, SideName
from catalog.diff.result import TableDiff
from catalog.diff.route import Prints, routes
from catalog.diff.statistics import float_texts, side_stats
from catalog.diff.tally import shown_changes, tally
from catalog.engine.quoting import type_sql
from catalog.model.datafile import DataFile
from catalog.model.partition import partition_values
from catalog.model.schema import Field

Progress = Callable[[int], None]
"""Called with the rows of a task that is done."""


def compare_table(
    reader: TableReader,
    options: DiffOptions,
    *,
    name: str,
    keep_rows: bool,
    progress: Progress = lambda rows: None,
    phase: Phase = unwatched,
) -> TableDiff:
    """Counts what changed in a table, to the cell.

    ``name`` begins the names of its tables in the engine, and must be unique there.
    """
    with_files = compares_files(reader.plan)
    reader = replace(reader, hands_out=keep_rows or with_files)
    counted, held = compare_rows(reader, options, name=name, progress=progress, phase=phase)
    if with_files:
        from catalog.diff.file_rows import read_file_changes

        counted = replace(counted, files=read_file_changes(held.reader(())))
    if options.distributions:
        counted = _with_distributions(reader, options, counted)
    if keep_rows:
        touched = [name for name, one in counted.columns.items() if _has_touched(one)]
        return TableDiff(reader.plan, counted, reader.store, rows=held.reader(touched))
    held.drop()
    return TableDiff(reader.plan, counted, reader.store)


def _with_distributions(
    reader: TableReader, options: DiffOptions, counted: TableCounts
) -> TableCounts:
    from catalog.diff.distributions import distributions

    cells = {name: one.changed for name, one in counted.columns.items()}
    found = distributions(reader, cells, everything=options.full_stats)
    return replace(counted, findings=replace(counted.findings, distributions=found))


def compare_rows(
    reader: TableReader,
    options: DiffOptions,
    *,
    name: str,
    progress: Progress = lambda rows: None,
    phase: Phase = unwatched,
) -> tuple[TableCounts, HeldRows]:
    """Counts what changed in a table, and leaves the changed rows in the engine.

    ``name`` begins the names of its tables in the engine, and must be unique there.
    """
    plan = reader.plan
    register_functions(reader.con, plan)
    if plan.before is None or plan.after is None:
        return _one_sided(reader, options)
    phase(COMPARING)
    checks = KeyChecks(reader, check_all=options.check_keys)
    remainder = _settled(reader, name, checks, progress=progress)
    problems = checks.problems
    columns, parts = remainder.columns, remainder.waiting_parts()
    kept = KeptRows(reader.con, columns, name)
    counts = tally(reader.con, columns, parts, kept=kept)
    for field_id, filled in remainder.added_filled.items():
        counts.added[field_id] += filled
    shown = shown_changes(
        reader.con,
        columns,
        parts=kept.instead_of(parts),
        counts=counts,
        explained=options.explain,
        phase=phase,
    )
    kept.drop()
    phase(EXPLAINING if options.explain else COMPARING)
    findings = Findings()
    if options.explain:
        findings = Findings(shown.distinct, shown.deltas)
        if not compares_files(plan):
            findings = _with_common(findings, reader, remainder, counts=counts, problems=problems)
    counted, sums = _described(reader, options, counts)
    findings = replace(findings, partition_sums=sums)
    result = TableCounts(
        rows=row_counts(plan, counts),
        columns=counted,
        partitions=counts.partitions,
        key_problems=problems,
        examples=shown.examples,
        bytes_read=sum(reader.opened.values()),
        warnings=remainder.warnings,
        findings=findings,
    )
    return result, _held_rows(reader, remainder, counts)


def _held_rows(reader: TableReader, remainder: Remainder, counts: Tally) -> HeldRows:
    """Returns the changed rows of a remainder that was counted."""
    return HeldRows(
        reader.con,
        remainder.columns,
        remainder.whole_parts,
        remainder.row_parts,
        count=counts.inserted + counts.deleted + counts.updated,
        checks=reader.checks,
        drop=remainder.drop,
    )


def _with_common(
    findings: Findings,
    reader: TableReader,
    remainder: Remainder,
    *,
    counts: Tally,
    problems: KeyProblems,
) -> Findings:
    """Adds what changed rows have in common, and which columns look renamed."""
    from catalog.diff.segments.of_table import segments_of

    columns = remainder.columns
    parts = remainder.waiting_parts if reader.plan.key else remainder.parts
    segments, sample = segments_of(reader, columns, parts, counts=counts)
    findings = replace(findings, segments=segments, sample=sample)
    if not reader.plan.added or reader.held or any(problems.duplicate):
        return findings
    from catalog.diff.renamings import renamings

    return replace(findings, renamings=renamings(reader, columns))


def changed_rows(reader: TableReader, *, name: str, progress: Progress = lambda rows: None) -> str:
    """Leaves the changed rows of a table that both sides have in the engine, under a unique name.

    Returns:
        A table with ``kind`` (``u``, ``d``, ``i``) and every column of each side, called
        ``f_c<field id>`` and ``t_c<field id>``; see ``compare.sql_columns`` for the others.
    """
    (part,) = _settled(reader, name, KeyChecks(reader), progress=progress).row_parts(True)
    return part.relation


def _settled(
    reader: TableReader, name: str, checks: KeyChecks, *, progress: Progress
) -> SharedRemainder:
    """Returns what is left when equal rows of both sides have cancelled."""
    remainder = SharedRemainder(reader, name, checks=checks)
    if not _fill(remainder, reader.prints, progress):
        plain = replace(reader, prints={}, align_bytes=0)
        remainder.drop()
        remainder = SharedRemainder(plain, name, checks=checks, warnings=remainder.warnings)
        _fill(remainder, {}, lambda rows: None)
    return remainder


def _fill(remainder: SharedRemainder, prints: Prints, progress: Progress) -> bool:
    """Runs all tasks; False if they must be run again, without fingerprints."""
    chosen = list(routes(remainder.plan, prints))
    compare_routes(remainder, chosen, progress)
    return remainder.settle()


def _one_sided(reader: TableReader, options: DiffOptions) -> tuple[TableCounts, HeldRows]:
    """Answers for a table that was added or removed: all of its rows were, and no cell changed."""
    plan = reader.plan
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
    result = TableCounts(
        row_counts(plan, counts),
        {},
        partitions,
        KeyChecks(reader, check_all=options.check_keys).problems,
        bytes_read=sum(reader.opened.values()),
    )
    columns = SqlColumns(plan)

    def whole() -> list[Part]:
        return [Part(_whole(reader, columns, side), (), partial=False)]

    held = HeldRows(
        reader.con,
        columns,
        whole,
        lambda fit, shown: whole(),
        count=shape.rows,
        checks=reader.checks,
    )
    return result, held


def _whole(reader: TableReader, columns: SqlColumns, side: SideName) -> str:
    """Returns SQL of all rows of one side in the form of a remainder.

    Of a table that was removed, with one column on each side::

        kind  f_c1  t_c1
        d        1  NULL
        d        2  NULL
    """
    parts = [f"'{'d' if side == 'f' else 'i'}' AS kind"]
    for own in SIDES:
        for one in columns.fields(own):
            source = f"c{one.id}" if own == side else f"CAST(NULL AS {type_sql(one.type)})"
            parts.append(f"{source} AS {own}_c{one.id}")
        parts += [f"NULL AS {own}_m{pair.number}" for pair in columns.formed(own)]
    return f"(SELECT {', '.join(parts)} FROM {reader.relation(side, reader.plan.files(side))})"


def _statistics(
    reader: TableReader, options: DiffOptions, counts: Tally
) -> dict[str, ColumnCounts]:
    """Returns statistics of the columns with a changed cell, or of all, by name."""
    pairs = [
        pair
        for pair in reader.plan.pairs
        if pair.compared and (options.full_stats or counts.touched(pair.name))
    ]
    if not pairs:
        return {}
    covered: list[int] = []
    described: dict[SideName, dict[int, SideStats]] = {}
    for side in SIDES:
        files = reader.covered(side, everything=options.full_stats)
        covered.append(sum(file.rows for file in files))
        fields = [pair.on(side) for pair in pairs]
        described[side] = stats = kept_stats(
            reader.plan.side(side),
            files,
            fields,
            prints=reader.prints,
            float_texts=partial(float_texts, reader.con),
            text_bounds=TextEntries(reader, files, side=side).summary,
        )
        missing = [field for field in fields if field.id not in stats]
        if missing:
            relation = reader.relation(side, files, [field.id for field in missing])
            stats |= side_stats(reader.con, relation, missing)
    return {
        pair.name: ColumnCounts(
            before=described["f"][pair.before.id],
            after=described["t"][pair.after.id],
            covered=(covered[0], covered[1]),
        )
        for pair in pairs
    }


def _described(
    reader: TableReader, options: DiffOptions, counts: Tally
) -> tuple[dict[str, ColumnCounts], dict[str, PartitionSums]]:
    """Returns what happened to the cells of columns, and to their sums by partition if wanted."""
    counted = column_counts(reader.plan, counts, _statistics(reader, options, counts))
    if not options.explain:
        return counted, {}
    from catalog.diff.partition_sums import partition_sums

    def read(
        side: SideName, files: Sequence[DataFile], fields: Sequence[Field]
    ) -> dict[int, SideStats]:
        relation = reader.relation(side, files, [field.id for field in fields])
        return side_stats(reader.con, relation, fields)

    every = reader.all_files if options.full_stats else None
    sums = partition_sums(reader.plan, counted, reader.prints, read=read, everything=every)
    return counted, sums


def _has_touched(counts: ColumnCounts) -> bool:
    return bool(counts.changed or counts.within_tolerance)
