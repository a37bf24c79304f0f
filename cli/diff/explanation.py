"""Shows how a diff would go: ``diff --explain``."""

from typing import TYPE_CHECKING

from catalog.report.figures import count, counted, listed, named_values, plain, size
from catalog.report.layout import aligned
from cli.diff.comparison import write_json_text, write_lines
from cli.diff.request import Request
from cli.output.listing import FORMAT_VERSION, picked

if TYPE_CHECKING:
    from collections.abc import Sequence

    from catalog.diff.explain import Step

MEASURED = ("files", "fingerprints_missing", "bytes_to_read", "bytes_total")

COLUMNS_SHOWN = 6
"""Columns that text names; the JSON form has all."""


def write_explanation(
    ends: tuple[str, str], found: "dict[str, list[Step]]", request: Request
) -> None:
    """Writes the plan of a diff: by table and partition the path, the columns, the bytes."""
    if request.as_json:
        write_json_text(_json(ends, found), request.target, what="the plan")
        return
    lines = [line for table, steps in found.items() for line in ("", *_lines(table, steps))]
    write_lines(lines[1:] or ["no table differs"], request.target, what="the plan")


def _json(ends: tuple[str, str], found: "dict[str, list[Step]]") -> dict[str, object]:
    return {
        "format_version": FORMAT_VERSION,
        "from": {"ref": ends[0]},
        "to": {"ref": ends[1]},
        "tables": [
            {
                "table": table,
                "steps": [
                    {
                        "partition": None if step.partition is None else dict(step.partition),
                        "path": step.path,
                        "columns": list(step.columns),
                        "why": step.why,
                        **picked(step, *MEASURED),
                    }
                    for step in steps
                ],
            }
            for table, steps in found.items()
        ],
    }


def _lines(table: str, steps: "Sequence[Step]") -> list[str]:
    read, total = sum(s.bytes_to_read for s in steps), sum(s.bytes_total for s in steps)
    lines = [f"{plain(table)}  reads {size(read)} of {size(total)}"]
    if not steps:
        return [*lines, "  no file differs"]
    header = ["partition", "path", "files", "reads", "of", "columns"]
    rows = [
        [
            named_values(step.partition or {}) or "(all)",
            step.path,
            count(step.files),
            size(step.bytes_to_read),
            size(step.bytes_total),
            listed([plain(name) for name in step.columns], COLUMNS_SHOWN) or "none",
        ]
        for step in steps
    ]
    right = [False, False, True, True, True, False]
    lines += aligned([header, *rows], right=right, indent=2)
    for why in dict.fromkeys(step.why for step in steps if step.path == "join" and step.why):
        lines.append(f"  (rows are not matched by digest: {why})")
    missing = sum(step.fingerprints_missing for step in steps)
    if missing:
        lines.append(
            f"  ({counted(missing, 'file')} without a fingerprint: read whole first, then the "
            "path may be a faster one)"
        )
    return lines
