"""Writes what a merge would do as a page of HTML: the page to approve from."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from catalog.report.figures import counted, plain
from cli.output.listing import ListFormat
from cli.output.merge import CONFLICT_COLUMNS, Names, conflict_rows, proposed
from cli.output.results import note_written, text_target

if TYPE_CHECKING:
    from catalog.operations.merge.steps import MergeReport
    from catalog.report.html.grids import Grid

MOST_CONFLICTS = 500
"""Conflicts that the page lists."""


def write_merge_page(report: "MergeReport", about: Names, target: Path | None) -> None:
    """Writes what a merge would change, what is in the way, and what the gate found."""
    from catalog.report.html.page import PageFacts, render_page

    source = str(about["source"])
    command = shlex.join(["parquetry", "merge", source, "--into", report.branch])
    facts = PageFacts(
        what=f"Proposed merge of {plain(source)} into {plain(report.branch)}",
        verdict=_verdict(report, source),
        conflicts=_conflicts(report),
        reproduce=(f"{plain(command)} --dry-run", plain(command)),
    )
    text = render_page(proposed(report, about), facts)
    with text_target(target) as write:
        write(text)
    note_written("the report", target)


def _verdict(report: "MergeReport", source: str) -> str:
    """Returns whether the merge can be made, in a sentence."""
    into = plain(report.branch)
    if report.conflicts.num_rows:
        return f"This merge would end in {counted(report.conflicts.num_rows, 'conflict')}."
    if report.gate is not None and not report.gate.passed:
        return f"The gate of {into} would refuse this merge."
    if report.is_up_to_date:
        return f"{into} already has all of {plain(source)}: there is nothing to merge."
    judged = "" if report.gate is None else f", and the gate of {into} lets it pass"
    return f"This merge has no conflict{judged}."


def _conflicts(report: "MergeReport") -> "Grid | None":
    from catalog.report.html.grids import Cell, Column, Grid, limited, value

    if not report.conflicts.num_rows:
        return None
    first = report.conflicts.slice(0, MOST_CONFLICTS)
    every = [
        tuple(Cell(value=value(None if cell is None else str(cell))) for cell in row)
        for row in conflict_rows(first, ListFormat.TEXT)
    ]
    rows, _ = limited(every, MOST_CONFLICTS, "conflicts")
    more = report.conflicts.num_rows - len(rows)
    note = f"… and {counted(more, 'more conflict')}" if more > 0 else ""
    head = tuple(Column(name) for name in CONFLICT_COLUMNS)
    return Grid("Conflicts", head, rows, note, searched="conflicts")
