"""What merges, reverts and cherry-picks did, and their conflicts, as lines and as JSON."""

import json as json_format
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from catalog.errors import GateRefused, MergeConflict
from catalog.report.conflict_patterns import ConflictPattern, conflict_patterns, pattern_lines
from catalog.report.drift import rows_text
from catalog.report.figures import counted, files_changed, named_values, plain, short
from catalog.report.judgement import judgement_lines
from catalog.report.layout import aligned
from cli.output import stderr, stdout
from cli.output.derived import derived_lines, derived_tables_json
from cli.output.listing import Cell, ListFormat, picked, show_json

if TYPE_CHECKING:
    import pyarrow as pa

    from catalog.diff.counts import RowCounts
    from catalog.diff.view import DiffView
    from catalog.operations.merge.steps import MergeReport, Settled, TableMerge
    from catalog.write.merge.ends import MergeProgress

CONFLICT_COLUMNS = ("table", "kind", "key", "column", "base", "ours", "theirs")
"""What is shown of a conflict, which are its JSON keys."""

FIRST_CONFLICTS = 10
"""Conflicts that an error lists: enough to see what sort they are."""

_WHOLE = {
    "ours": "the whole table is ours: none of their changes to it are included",
    "theirs": "the whole table is theirs: none of our changes to it are included",
}

Names = Mapping[str, Cell]
"""JSON keys that say what was asked for: ``operation``, ``branch`` and the like."""


@contextmanager
def watched_merge(about: Names, *, json: bool) -> "Iterator[MergeProgress]":
    """Lends a callback that shows on a terminal how many rows of a table are compared.

    Lists the first conflicts of a merge on stderr, or all as JSON, and lets the error go on.
    """
    try:
        with stderr.Progress(f"{about['operation']}:") as progress:
            yield lambda table, done, total: progress(0, 0, _progress_text(table, done, total))
    except GateRefused as error:
        if json and error.judgement is not None:
            show_json({**_not_made(about), "gate": error.judgement.to_json()})
        raise
    except MergeConflict as error:
        if json:
            show_json(_conflicted(about, error))
        else:
            stderr.note("\n".join(_first(error.conflicts)))
        raise


def _progress_text(table: str, done: int, total: int) -> str:
    return f"{table}: {done:,} of {total:,} rows" if total else f"{table}: computed"


def proposed(report: "MergeReport", about: Names) -> "DiffView":
    """Returns what a dry run would change, as it was asked for; nothing if it would not move."""
    from catalog.diff.view import DiffView, End

    ends = End(report.branch, report.ends.ours), End(str(about["source"]), report.ends.theirs)
    return report.changes or DiffView(*ends, ())


def changes_json(report: "MergeReport", about: Names) -> dict[str, object]:
    """Returns the JSON form of what a dry run would change."""
    from catalog.diff.json_form import diff_json

    return diff_json(proposed(report, about))


def show_report(
    report: "MergeReport",
    about: Names,
    *,
    json: bool,
    dry_run: bool,
    quiet: bool = False,
    changes: dict[str, object] | None = None,
) -> None:
    """Prints what was done, or would be, unless ``quiet``; as JSON, with ``changes`` if given.

    Raises:
        MergeConflict: It was a dry run, and found conflicts.
        GateRefused: It was one, and the gate would refuse the change.
    """
    if json:
        added = {} if changes is None else {"changes": changes}
        show_json({**_report_json(report, about, dry_run=dry_run), **added})
    elif not quiet:
        derived = {one.table for one in report.derived}
        tables = [table for table in report.tables if table.table not in derived]
        names = [*(one.table for one in tables), *(one.table for one in report.derived)]
        wide = max((len(plain(name)) for name in names), default=0)
        how = len("refreshed" if derived else "conflict")
        stdout.lines(_table_line(table, wide, how) for table in tables)
        stdout.lines(derived_lines(report.derived, dry_run=dry_run, wide=wide))
        if report.conflicts.num_rows:
            stdout.flush()
            stderr.note("\n".join(_first(report.conflicts)))
        else:
            if report.settled is not None:
                stdout.line(_settled_line(report.settled))
            if report.gate is not None:
                stdout.lines(judgement_lines(report.gate))
            stdout.line(_closing(report, about, dry_run=dry_run))
    if report.gate is not None and not report.gate.passed:
        stdout.flush()
        raise GateRefused(
            f"dry run: the gate of {report.branch} would refuse this {about['operation']}; "
            "nothing was written",
            judgement=report.gate,
        )
    if report.conflicts.num_rows:
        raise _would_conflict(report, about)


def conflict_rows(conflicts: "pa.Table", how: ListFormat) -> Iterator[tuple[Cell, ...]]:
    """Yields conflicts as rows of a listing; a key is an object in JSON, else text."""
    for row in conflicts.to_pylist():
        table, kind, key, column, *values = (row[name] for name in conflicts.column_names)
        if how is ListFormat.JSON:
            shown: Cell = None if key is None else json_format.loads(key)
        elif how is ListFormat.CSV:
            shown = key
        else:
            shown = "-" if key is None else named_values(json_format.loads(key), ", ")
            column = column or "-"
        yield table, kind, shown, column, *values


def rows_json(rows: "RowCounts | None") -> dict[str, int | None] | None:
    """Returns the JSON form of the rows of a table; None if nothing is known of them."""
    if rows is None:
        return None
    kinds = ("inserted", "deleted", "updated", "moved")
    return {"from": rows.before, "to": rows.after, **{one: getattr(rows, one) for one in kinds}}


def rows_lines(rows: "Mapping[str, RowCounts]") -> list[str]:
    """Returns a line for each table: its rows before and after, and how many changed."""
    wide = max((len(plain(table)) for table in rows), default=0)
    return [f"  {plain(table):<{wide}}  {rows_text(one)}" for table, one in rows.items()]


def patterns_of(conflicts: "pa.Table") -> list[ConflictPattern]:
    """Returns what conflicts have in common."""
    columns = ["table_name", "kind", "column_name", "ours", "theirs"]
    return conflict_patterns(conflicts.select(columns).to_pylist())


def _first(conflicts: "pa.Table") -> list[str]:
    rows = list(conflict_rows(conflicts.slice(0, FIRST_CONFLICTS), ListFormat.TEXT))
    cells = [["NULL" if cell is None else plain(str(cell)) for cell in row] for row in rows]
    right = [False] * len(CONFLICT_COLUMNS)
    lines = aligned([CONFLICT_COLUMNS, *cells], right=right, width=stdout.width())
    lines = [*pattern_lines(patterns_of(conflicts)), *lines]
    if conflicts.num_rows > len(rows):
        lines.append(f"({counted(conflicts.num_rows, 'conflict')}, the first {len(rows)})")
    return lines


def _table_line(table: "TableMerge", wide: int, how: int) -> str:
    files = files_changed(table.files_added, table.files_removed)
    parts = [_WHOLE.get(table.how, ""), "" if table.rows is None else rows_text(table.rows), files]
    if table.conflicts:
        parts.append(counted(table.conflicts, "conflict"))
    what = "; ".join(part for part in parts if part) or "no files changed"
    return f"{plain(table.table):<{wide}}  {table.how:<{how}}  {what}"


def _settled_line(settled: "Settled") -> str:
    """Returns which way conflicts went: ``conflicts: 21 as theirs, 2 by hand``."""
    counts = {"as ours": settled.ours, "as theirs": settled.theirs, "by hand": settled.by_hand}
    return f"conflicts: {', '.join(f'{n:,} {how}' for how, n in counts.items() if n) or 'none'}"


def _closing(report: "MergeReport", about: Names, *, dry_run: bool) -> str:
    if about["operation"] == "merge" and report.is_up_to_date:
        return f"{report.branch} already has all of {about['source']}: nothing to merge"
    if dry_run:
        changes = "" if report.tables else "no table would change, "
        return f"dry run: {changes}nothing was written"
    if report.commit is None:
        return "nothing changed, no commit"
    title = plain(report.commit.message.partition("\n")[0])
    return f"{report.branch} is now {short(report.commit.id)}: {title}"


def _would_conflict(report: "MergeReport", about: Names) -> MergeConflict:
    count = report.conflicts.num_rows
    left = ""
    if about["operation"] == "merge":
        left = "; without --dry-run, a branch is left for settling them"
        what = f"merging {about['source']} into {report.branch}"
    else:
        what = f"the {about['operation']} on {report.branch}"
        if about["operation"] == "revert" and _are_several(about["refs"]):
            what = f"{what}, at commit {short(report.ends.base)},"
    return MergeConflict(
        f"dry run: {what} would end in {counted(count, 'conflict')}; nothing was written",
        conflicts=report.conflicts,
        hint=f"take a side with --resolve ours or --resolve theirs{left}",
    )


def _are_several(refs: Cell) -> bool:
    """Returns whether refs may name more than one commit."""
    return isinstance(refs, list) and (len(refs) > 1 or any(".." in str(ref) for ref in refs))


def _report_json(report: "MergeReport", about: Names, *, dry_run: bool) -> dict[str, object]:
    names = ("table", "how", "files_added", "files_removed", "conflicts")
    tables = [{**picked(one, *names), "rows": rows_json(one.rows)} for one in report.tables]
    return {
        **about,
        "commit": report.commit.id if report.commit else None,
        "up_to_date": about["operation"] == "merge" and report.is_up_to_date,
        "dry_run": dry_run,
        "tables": tables,
        **derived_tables_json(report.derived),
        "conflicts": _conflicts_json(report.conflicts),
        "settled": None
        if report.settled is None
        else picked(report.settled, "ours", "theirs", "by_hand"),
        "merge_branch": None,
        "gate": None if report.gate is None else report.gate.to_json(),
    }


def _conflicted(about: Names, error: MergeConflict) -> dict[str, object]:
    """Returns the JSON of a merge that was not completed, with its tables in conflict."""
    found = _conflicts_json(error.conflicts)
    untouched = {"how": "conflict", "files_added": 0, "files_removed": 0, "rows": None}
    counts = Counter(str(one["table"]) for one in found)
    return {
        **_not_made(about),
        "tables": [{"table": t, **untouched, "conflicts": n} for t, n in counts.items()],
        "conflicts": found,
        "patterns": [one.to_json() for one in patterns_of(error.conflicts)],
        "merge_branch": error.branch or None,
    }


def _not_made(about: Names) -> dict[str, object]:
    """Returns the JSON of a merge of which nothing came."""
    return {
        **about,
        "commit": None,
        "up_to_date": False,
        "dry_run": False,
        "tables": [],
        "conflicts": [],
        "merge_branch": None,
        "gate": None,
    }


def _conflicts_json(conflicts: "pa.Table") -> list[dict[str, Cell]]:
    rows = conflict_rows(conflicts, ListFormat.JSON)
    return [dict(zip(CONFLICT_COLUMNS, row, strict=True)) for row in rows]
