"""The headline of a page: what changed, in a sentence."""

from catalog.diff.view import DiffView, TableView, Totals
from catalog.report.figures import count, counted, plain

VERBS = (("inserted", "inserted"), ("deleted", "deleted"), ("updated", "updated"))


def headline(diff: DiffView) -> str:
    """Returns what changed between two ends: ``3 of 12 tables changed: 38 rows deleted``."""
    if not diff.differs:
        return "Nothing changed"
    own = [table for table in diff.tables if table.differs]
    if len(own) == 1 and len(diff.tables) == 1 and not diff.unchanged:
        return f"{plain(own[0].name)}: {_table(own[0])}"
    totals = diff.totals
    every = len(diff.tables) + (diff.unchanged or 0)
    of = f"{count(totals.tables)} of {counted(every, 'table')}"
    return f"{of} changed: {rows_in_words(totals)}"


def rows_in_words(totals: Totals) -> str:
    """Returns what happened to rows: ``99,533 updated, 38 deleted``."""
    if totals.updated is None:
        return "rows not compared"
    named = ((getattr(totals, kind), verb) for kind, verb in VERBS)
    parts = [f"{count(number)} {verb}" for number, verb in named if number]
    if not parts:
        return "no row"
    first, *rest = parts
    amount, verb = first.split(" ")
    noun = "row" if amount == "1" else "rows"
    return ", ".join([f"{amount} {noun} {verb}", *rest])


def _table(table: TableView) -> str:
    """Returns what happened to the only table that differs."""
    rows = table.rows
    if table.status in ("added", "removed"):
        own = rows.after if table.status == "added" else rows.before
        return f"table {table.status} with {counted(own, 'row')}"
    totals = Totals(1, 0, 0, rows.inserted, rows.deleted, rows.updated)
    said = rows_in_words(totals)
    schema = len(table.schema_changes)
    return f"{said}, {counted(schema, 'schema change')}" if schema else said
