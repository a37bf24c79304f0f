"""A table that was computed again: as lines, and as JSON."""

import textwrap
from typing import TYPE_CHECKING

from catalog.diff.json_form import table_json
from catalog.report.figures import counted, plain, short
from catalog.report.paint import Paint
from catalog.report.text import render_table
from cli.output import stdout
from cli.output.listing import FORMAT_VERSION
from cli.output.values import dumped

if TYPE_CHECKING:
    from catalog.operations.flow.reproduce import Reproduction

HOW = {
    "definition": "by its definition",
    "statements": "by the SQL that wrote it",
    "command": "by its command",
}
"""What was run, in words."""


def reproduction_lines(found: "Reproduction") -> list[str]:
    """Returns what came of computing a table again, as text."""
    width = stdout.width()
    what = f"{plain(found.table)}, as commit {short(found.commit)} wrote it"
    inputs = ", ".join(
        dict.fromkeys(f"{plain(one.table)}@{short(one.commit or '')}" for one in found.inputs)
    )
    run = f"computed again {HOW.get(found.how, found.how)}"
    run += f", from {inputs}" if inputs else ", from no table"
    if found.diff is None:
        lines = _wrapped(f"the same: {what}, {counted(found.rows, 'row')}", width, indent="")
    else:
        lines = _wrapped(f"different: {what}", width, indent="")
    lines += _wrapped(run, width)
    if found.diff is not None:
        paint = Paint(stdout.has_colour())
        lines += ["", *render_table(found.diff.view, width=width, paint=paint), ""]
    word = "could differ another time" if found.diff is None else "likely cause"
    for cause in found.causes:
        lines += _wrapped(f"{word}: {plain(cause)}", width)
    if found.diff is not None and not found.causes:
        lines += _wrapped("no cause was found in the SQL", width)
    return lines


def _wrapped(text: str, width: int, *, indent: str = "  ") -> list[str]:
    return textwrap.wrap(
        text,
        width,
        initial_indent=indent,
        subsequent_indent=f"{indent}  ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def reproduction_json(found: "Reproduction", ref: str) -> str:
    """Returns what came of computing a table again, as JSON."""
    return dumped(
        {
            "format_version": FORMAT_VERSION,
            "table": found.table,
            "ref": ref,
            "commit": found.commit,
            "how": found.how,
            "engine": found.engine,
            "recorded_engine": found.recorded_engine,
            "inputs": [
                {"table": one.table, "commit": one.commit, "snapshot": one.snapshot}
                for one in found.inputs
            ],
            "same": found.is_same,
            "rows": found.rows,
            "diff": None if found.diff is None else table_json(found.diff.view),
            "causes": list(found.causes),
        },
        indent=2,
    )
