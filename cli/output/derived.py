"""Derived tables as lines and as JSON: what a refresh did or would do, and what is stale."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from catalog.report.figures import clipped, counted, listed, plain, short, size
from cli.output.listing import picked

if TYPE_CHECKING:
    from catalog.flow.partitionwise import NotPartitionWise
    from catalog.flow.refresh.outcome import TableRefresh
    from catalog.model.listings import CommitInfo
    from catalog.operations.flow.explain import RefreshExplanation
    from catalog.operations.flow.stale import StaleTable
    from catalog.operations.merge.derived import DerivedMerge

PARTS_SHOWN = 6
"""Parts of a table that a line lists; JSON has all."""

CONSTRUCT_WIDTH = 60
"""Characters of SQL that a line quotes."""

REFRESH = (
    *("table", "how", "reason", "column", "parts", "partitions_read", "rows_read", "bytes_read"),
    *("rows", "inserted", "updated", "deleted"),
)
"""What JSON says of a table that was computed, or is to be."""


_HOW = {"incremental": "in parts", "full": "in full ", "command": "command "}
"""How a table is computed, in words of one width."""


def refresh_json(one: "TableRefresh") -> dict[str, object]:
    """Returns the JSON form of what was done to a table, or would be."""
    found = picked(one, *REFRESH)
    return {**found, "parts": list(one.parts), "forbidden": forbidden_json(one.forbidden)}


def forbidden_json(one: "NotPartitionWise | None") -> dict[str, object] | None:
    """Returns the JSON form of a construct that forbids to compute a table by parts."""
    return None if one is None else picked(one, "reason", "construct", "line", "column")


def refresh_lines(tables: "Sequence[TableRefresh]", *, dry_run: bool = False) -> list[str]:
    """Returns a line for each table that was computed, or would be."""
    wide = max((len(plain(one.table)) for one in tables), default=0)
    return [
        f"{plain(one.table):<{wide}}  {_how(one)}  {_extent(one, dry_run=dry_run)}"
        for one in tables
    ]


def derived_lines(
    tables: "Sequence[DerivedMerge]", *, dry_run: bool = False, wide: int = 0
) -> list[str]:
    """Returns a line for each derived table of a merge: what became of it, or would.

    Args:
        tables: The tables.
        dry_run: Whether nothing was computed.
        wide: Least characters of the column of names.
    """
    wide = max(wide, *(len(plain(one.table)) for one in tables), 0)
    return [
        f"{plain(one.table):<{wide}}  {one.what:<9}  {_became(one, dry_run=dry_run)}"
        for one in tables
    ]


def _became(one: "DerivedMerge", *, dry_run: bool) -> str:
    parts = [plain(one.reason)] if one.reason else []
    if one.refresh is not None:
        parts.append(f"{_how(one.refresh).strip()}; {_extent(one.refresh, dry_run=dry_run)}")
    return "; ".join(parts) or "whole, from the same inputs"


def derived_tables_json(tables: "Sequence[DerivedMerge]") -> dict[str, object]:
    """Returns the JSON field of the derived tables of a merge; none if it concerns none."""
    return {"derived": [_derived_json(one) for one in tables]} if tables else {}


def _derived_json(one: "DerivedMerge") -> dict[str, object]:
    refresh = None if one.refresh is None else refresh_json(one.refresh)
    return {"table": one.table, "what": one.what, "reason": one.reason, "refresh": refresh}


def closing_line(branch: str, commit: "CommitInfo | None", *, nothing: str) -> str:
    """Returns the last line: where a branch is now, or that nothing happened."""
    if commit is None:
        return nothing
    title = plain(commit.message.partition("\n")[0])
    return f"{plain(branch)} is now {short(commit.id)}: {title}"


def _how(one: "TableRefresh") -> str:
    return _HOW[one.how]


def _extent(one: "TableRefresh", *, dry_run: bool, because: bool = True) -> str:
    is_command = one.how == "command"
    parts = [_parts(one)] if one.how == "incremental" else []
    if dry_run or one.rows is None:
        read = (
            f"{counted(one.rows_read, 'row')} in "
            f"{counted(one.partitions_read, 'partition')}, {size(one.bytes_read)}"
        )
        parts.append(f"would run; its inputs have {read}" if is_command else f"reads {read}")
    else:
        changes = {"inserted": one.inserted, "updated": one.updated, "deleted": one.deleted}
        done = ", ".join(f"{n:,} {word}" for word, n in changes.items() if n)
        parts.append(f"{counted(one.rows, 'row')}: {done or 'none differs'}")
    if one.how == "full" and because:
        parts.append(f"because {_because(one)}")
    return "; ".join(parts)


def _parts(one: "TableRefresh") -> str:
    shown = ["NULL" if part is None else plain(part) for part in one.parts]
    if not shown:
        return f"no {plain(one.column or '')} has changed"
    return f"{plain(one.column or '')} {listed(shown, PARTS_SHOWN)}"


def _because(one: "TableRefresh") -> str:
    return _construct(one.forbidden) if one.forbidden is not None else plain(one.reason)


def _construct(one: "NotPartitionWise") -> str:
    where = "" if one.line is None else f" at line {one.line}, column {one.column}"
    quoted = f": {clipped(plain(one.construct), CONSTRUCT_WIDTH)}" if one.construct else ""
    return f"{plain(one.reason)}{where}{quoted}"


def explanation_lines(found: "Sequence[RefreshExplanation]") -> list[str]:
    """Returns for each derived table how it is refreshed, and why so."""
    lines: list[str] = []
    for one in found:
        if lines:
            lines.append("")
        lines.append(plain(one.table))
        now = one.refresh
        state = "up to date" if now is None else f"{_how(now).strip()}; " + _extent_now(now)
        lines += [f"  {name}  {text}" for name, text in (("now      ", state), *_always(one))]
    return lines


def _extent_now(one: "TableRefresh") -> str:
    return _extent(one, dry_run=True, because=one.forbidden is None)


def _always(one: "RefreshExplanation") -> list[tuple[str, str]]:
    """Returns what the definition allows, whatever has changed, with names of equal width."""
    lines = []
    if one.definition.command:
        lines.append(("by parts ", "no: it is computed by a command"))
    elif one.by is None and one.forbidden is not None:
        lines.append(("by parts ", f"no: {_construct(one.forbidden)}"))
    else:
        carriers = ", ".join(f"{plain(sql)} of {plain(name)}" for name, sql in one.parts_of)
        lines.append(("by parts ", f"{plain(one.by or '')} is {carriers}"))
        if one.whole:
            names = ", ".join(plain(name) for name in one.whole)
            lines.append(("in full  ", f"if {names} changes: each part may read all of it"))
    if one.changing:
        calls = ", ".join(f"{name}()" for name in one.changing)
        lines.append(("varies   ", f"{calls} may give another result each time"))
    if one.ties:
        calls = ", ".join(plain(name) for name in one.ties)
        lines.append(("ties     ", f"{calls}: the choice among rows of equal order is left open"))
    return lines


def explanation_json(one: "RefreshExplanation") -> dict[str, object]:
    """Returns the JSON form of how a table is refreshed."""
    return {
        "table": one.table,
        "stale": one.refresh is not None,
        "refresh": None if one.refresh is None else refresh_json(one.refresh),
        "partition_wise": one.by is not None,
        "by": one.by,
        "parts_of": [{"table": name, "expression": sql} for name, sql in one.parts_of],
        "whole": list(one.whole),
        "forbidden": forbidden_json(one.forbidden),
        "changing": list(one.changing),
        "ties": list(one.ties),
    }


def stale_json(one: "StaleTable") -> dict[str, object]:
    """Returns the JSON form of whether a derived table is stale."""
    inputs = [picked(i, "table", "since", "partitions", "gone", "behind") for i in one.inputs]
    return {"table": one.table, "stale": one.is_stale, "reason": one.reason, "inputs": inputs}
