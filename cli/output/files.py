"""Data files of tables as lines and as JSON: small ones, and what putting them together makes."""

from typing import TYPE_CHECKING

from catalog.report.figures import counted, plain, size
from cli.output.derived import closing_line
from cli.output.listing import Cell, Listing, picked

if TYPE_CHECKING:
    from collections.abc import Sequence

    from catalog.operations.care.compact import CompactReport, TableFiles

COLUMNS = ("table", "files", "size_bytes", "small_files", "small_bytes", "into", "partitions")
"""What is listed of each table."""


def files_listing(found: "Sequence[TableFiles]", ref: str) -> Listing:
    """Returns the listing of how the files of tables are."""
    rows = tuple(tuple(_cell(one, name) for name in COLUMNS) for one in found)
    return Listing("tables", COLUMNS, rows, about={"ref": ref}, empty=f"no tables at {ref}")


def _cell(one: "TableFiles", name: str) -> Cell:
    found: str | int = getattr(one, name)
    return found


def compact_json(report: "CompactReport") -> dict[str, object]:
    """Returns the JSON form of what putting files together came to."""
    return {
        "branch": report.branch,
        "commit": report.commit.id if report.commit else None,
        "dry_run": report.dry_run,
        "target_bytes": report.target_bytes,
        "tables": [
            picked(one, *COLUMNS, "into_bytes", "passed_over", "left") for one in report.tables
        ],
    }


def compact_lines(report: "CompactReport") -> list[str]:
    """Returns what putting files together came to, a line for each table with any."""
    lines = [_line(one, dry_run=report.dry_run) for one in report.tables if one.small_files]
    for one in report.tables:
        if one.passed_over:
            lines.append(f"{plain(one.table)}: passed over, since {one.passed_over}")
        if one.left:
            where = counted(one.left, "partition")
            lines.append(f"{plain(one.table)}: {where} left, which others kept changing")
    some = any(one.small_files for one in report.tables)
    nothing = "no small files to put together, no commit"
    if report.dry_run:
        nothing = "dry run: nothing was written" if some else "no small files to put together"
    return [*lines, closing_line(report.branch, report.commit, nothing=nothing)]


def _line(one: "TableFiles", *, dry_run: bool) -> str:
    where = f" in {counted(one.partitions, 'partition')}" if one.partitions > 1 else ""
    before = f"{counted(one.small_files, 'small file')} ({size(one.small_bytes)}){where}"
    if dry_run or one.into_bytes is None:
        return f"{plain(one.table)}: {before} would become about {one.into:,}"
    return f"{plain(one.table)}: {before} became {one.into:,} ({size(one.into_bytes)})"
