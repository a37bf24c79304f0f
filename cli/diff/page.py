"""Writes a diff as a page of HTML."""

import shlex
from typing import TYPE_CHECKING

from catalog.diff.view import DiffView, End
from catalog.report.figures import plain
from cli.diff.request import Form, Request
from cli.output.results import note_written, text_target

if TYPE_CHECKING:
    from catalog.diff.result import Diff


def write_page(result: "Diff", view: DiffView, request: Request) -> None:
    """Writes a diff as one HTML file that needs no other."""
    from catalog.report.html.page import PageFacts, render_page

    text = render_page(view, PageFacts(reproduce=(plain(_command(view, request)),)))
    with text_target(request.target) as write:
        write(text)
    note_written("the report", request.target)


def _command(view: DiffView, request: Request) -> str:
    """Returns the command that compares the same again, whatever becomes of branches."""
    ends = (view.before, view.after)
    what = "diff" if all(end.commit_id for end in ends) else "compare"
    words = ["parquetry", what, *map(_end, ends)]
    if request.query is None:
        words += [word for name in request.tables for word in ("-t", name)]
    else:
        words += ["--query", request.query]
    words += [] if request.key is None else ["--key", ",".join(request.key)]
    words += [word for name in request.columns for word in ("--column", name)]
    for column, amount in request.tolerance.items():
        words += ["--tolerance", f"{column}={amount}"]
    words += ["--stat"] if request.form is Form.STAT else []
    words += ["--check-keys"] if request.check_keys else []
    words += ["--full-stats"] if request.full_stats else []
    return shlex.join([*words, "--format", "html", "-o", "report.html"])


def _end(end: End) -> str:
    return end.ref if "@" in end.ref or not end.commit_id else end.commit_id
