"""Writes a diff where it lists no rows."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from catalog.diff.json_form import diff_json, end_json
from catalog.diff.view import DiffView
from catalog.report.figures import counted, plain
from catalog.report.markdown.page import render_markdown
from catalog.report.paint import Paint
from catalog.report.picture.headline import header
from catalog.report.picture.sheet import CAPPED, UNLIMITED
from catalog.report.picture.table import title
from catalog.report.text import render_diff
from catalog.report.words import schema_line
from cli.diff.request import Request
from cli.output import stdout
from cli.output.listing import FORMAT_VERSION, picked
from cli.output.results import note_written, text_target
from cli.output.values import dumped

if TYPE_CHECKING:
    from catalog.diff.result import Diff
    from catalog.model.listings import FileInfo


def write_picture(result: "Diff", view: DiffView, request: Request) -> None:
    """Writes a diff as text."""
    whole = request.everything or request.target is not None
    lines = render_diff(
        view,
        width=stdout.width(request.target),
        paint=Paint(request.target is None and stdout.has_colour()),
        limits=UNLIMITED if whole else CAPPED,
        more="--all",
        partitions="--partitions",
    )
    write_lines(lines, request.target, what=_named(view))


def write_markdown(result: "Diff", view: DiffView, request: Request) -> None:
    """Writes a diff as Markdown."""
    write_lines(render_markdown(view), request.target, what=_named(view))


def write_json(result: "Diff", view: DiffView, request: Request) -> None:
    """Writes a diff in its JSON form."""
    write_json_text(diff_json(view, request.format_version), request.target, what=_named(view))


def write_schema(result: "Diff", view: DiffView, request: Request) -> None:
    """Writes the schema changes of a diff as text."""
    lines = [header(view)]
    for table in view.tables:
        if table.schema_changes or table.status in ("added", "removed"):
            lines += ["", title(table)]
            lines += [f"  {schema_line(change)}" for change in table.schema_changes]
    if len(lines) == 1:
        lines += ["", "no schema differs"]
    write_lines(lines, request.target)


def write_files(result: "Diff", view: DiffView, request: Request) -> None:
    """Writes the data files that a diff is about: those added, and those removed."""
    if request.as_json:
        tables = [
            {
                "table": table.table,
                "added": [_file_json(file) for file in table.files_added],
                "removed": [_file_json(file) for file in table.files_removed],
            }
            for table in result
        ]
        whole = {"format_version": FORMAT_VERSION, **ends_json(view), "tables": tables}
        write_json_text(whole, request.target)
        return
    lines = [header(view)]
    for table in view.tables:
        files = result[table.name]
        kept = counted(table.coverage.files_kept, "file")
        lines += ["", title(table)]
        lines += [f"  - {_file_line(file)}" for file in files.files_removed]
        lines += [f"  + {_file_line(file)}" for file in files.files_added]
        lines.append(f"  {kept} kept")
    write_lines(lines, request.target)


def _file_line(file: "FileInfo") -> str:
    return f"{plain(file.path)}  {counted(file.rows, 'row')}"


def _file_json(file: "FileInfo") -> dict[str, object]:
    values = picked(file, "path", "uri", "rows", "size_bytes", "partition", "token")
    return {**values, "partition": dict(file.partition)}


def ends_json(view: DiffView) -> dict[str, object]:
    """Returns the JSON keys of the refs that a diff compares."""
    return {"from": end_json(view.before), "to": end_json(view.after)}


def write_json_text(
    value: Mapping[str, object], target: Path | None, *, what: str = "the diff"
) -> None:
    """Writes one JSON object; ``what`` it is, a note says if it goes to a file."""
    write_lines([dumped(value, indent=2)], target, what=what)


def _named(view: DiffView) -> str:
    if view.is_query:
        return "the diff of the query"
    tables = counted(len(view.tables), "table")
    return f"the diff of {tables}" if view.tables else "the diff: no table differs"


def write_lines(lines: Sequence[str], target: Path | None, *, what: str = "the diff") -> None:
    """Writes lines to a file, or to stdout; ``what`` they are, a note says of a file."""
    with text_target(target) as write:
        for line in lines:
            write(line + "\n")
    note_written(what, target)
