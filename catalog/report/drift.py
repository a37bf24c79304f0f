"""How a table drifts from one state to the next, in few words: rows, columns, partitions."""

from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING

from catalog.report.figures import arrow, count, counted, listed, plain

if TYPE_CHECKING:  # for the types alone: help draws no drift
    from catalog.diff.counts import RowCounts
    from catalog.diff.plan import SchemaChange

KINDS = ("inserted", "deleted", "updated")
"""What can happen to rows, in the order in which it is said."""

COLUMNS_NAMED = 12
"""Changes of a schema that are named: a line has room for about so many, JSON has all."""

_FIRST = {"column_removed": 0, "column_added": 1}
"""Which changes of a schema come first: what is lost matters most."""

MINUS = "\N{MINUS SIGN}"


def rows_drift(before: int | None, after: int) -> str:
    """Returns the rows before and after: ``10 → 12 rows (+20.0 %)``, or ``12 rows``."""
    if before is None or before == after:
        return counted(after, "row")
    moved = change_share(before, after)
    return f"{count(before)} → {counted(after, 'row')}{f' ({moved})' if moved else ''}"


def rows_text(rows: "RowCounts") -> str:
    """Returns the rows of a table, and how many changed: ``10 → 12 rows (+20.0 %): 2 inserted``.

    Where they were not compared, only how many there are.
    """
    ends = rows_drift(rows.before, rows.after)
    if rows.inserted is None:
        return ends
    return f"{ends}: {kinds_text(rows) or 'no row changed'}"


def kinds_text(rows: "RowCounts") -> str:
    """Returns how many rows changed in which way: ``10 inserted, 2 updated``; empty if none."""
    counts = ((getattr(rows, kind), kind) for kind in KINDS)
    return ", ".join(f"{count(number)} {kind}" for number, kind in counts if number)


def change_share(before: int, after: int) -> str:
    """Returns a change in percent of what was before: ``+20.0 %``; empty if that was nothing.

    It is nothing, or all, only if it is so exactly.
    """
    if before == after:
        return "0 %"
    if not before:
        return ""
    if not after:
        return f"{MINUS}100 %"
    sign = "+" if after > before else MINUS
    percent = Fraction(100 * abs(after - before), before)
    return f"{sign}{_percent(percent, below_all=after < before)} %"


def _percent(percent: Fraction, *, below_all: bool) -> str:
    """Returns a number of percent with one decimal, more where that would be 0 or all."""
    if percent >= 1000:
        return f"{round(percent):,}"
    digits = 1
    while round(percent, digits) == 0 or (below_all and round(percent, digits) >= 100):
        digits += 1
    return f"{float(round(percent, digits)):,.{digits}f}"


def schema_drift(changes: Sequence["SchemaChange"]) -> str:
    """Returns changes of a schema on a line: ``+name2, v BIGINT → DOUBLE``."""
    ranked = sorted(changes, key=lambda one: _FIRST.get(one.change, len(_FIRST)))
    return listed([_change(one) for one in ranked], COLUMNS_NAMED)


def _change(change: "SchemaChange") -> str:
    name = plain(change.column or "")
    ends = arrow(plain(change.before or "none"), plain(change.after or "none"))
    match change.change:
        case "column_added":
            return f"+{name}"
        case "column_removed":
            return f"{MINUS}{name}"
        case "column_renamed":
            return ends
        case "type_changed":
            return f"{name} {ends}"
        case "key_changed":
            return f"key {ends}"
        case "partitioning_changed":
            return f"partitioned by {ends}"
        case "definition_changed":
            return "definition"
