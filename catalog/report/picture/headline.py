"""The beginning of a picture: which refs, which commits, and what happened in all tables."""

from collections import Counter
from collections.abc import Sequence

from catalog.diff.view import DiffView, End, TableView
from catalog.report.figures import arrow_counts, clipped, count, counted, moment, plain, short
from catalog.report.layout import flowed
from catalog.report.picture.sheet import INDENT, Sheet


def header(diff: DiffView) -> str:
    """Returns which refs are compared: ``main~1 (a1b2c3d4) → main (e5f6a7b8), 1 commit``."""
    commits = "" if diff.commits is None else f", {counted(diff.commits, 'commit')}"
    return f"{_end(diff.before)} → {_end(diff.after)}{commits}"


def commit_lines(diff: DiffView, sheet: Sheet) -> list[str]:
    """Returns when both commits were made, by whom and what for; nothing of what is no commit."""
    ends = (("from", diff.before), ("to", diff.after))
    return [
        clipped(f"{INDENT}{side:<4}  {_described(end)}", sheet.width)
        for side, end in ends
        if end.time is not None
    ]


def _described(end: End) -> str:
    assert end.time is not None, "the caller has looked"
    author = f", {plain(end.author)}" if end.author else ""
    subject = next(iter(end.message.splitlines()), "")
    return f"{moment(end.time)}{author}" + (f": {plain(subject)}" if subject else "")


def _end(end: End) -> str:
    if not end.commit_id:
        return plain(end.ref)
    commit_id = short(end.commit_id)
    return commit_id if end.commit_id.startswith(end.ref) else f"{plain(end.ref)} ({commit_id})"


def summary_lines(diff: DiffView, sheet: Sheet) -> list[str]:
    """Returns what happened in all tables: ``3 tables changed, 9 tables unchanged: …``.

    A table whose files were rewritten with the same rows has not changed. Of one table alone its
    own picture says the rest.
    """
    own = [table for table in diff.tables if table.differs]
    outcomes = Counter(table.outcome for table in diff.tables)
    totals = diff.totals
    modified = totals.tables - totals.added - totals.removed
    kinds = [(modified, "changed"), (totals.added, "added"), (totals.removed, "removed")]
    kinds += [(outcomes["rewritten"], "rewritten with the same rows")]
    kinds = [kind for kind in kinds if kind[0]]
    said = [f"{counted(n, 'table') if not i else count(n)} {w}" for i, (n, w) in enumerate(kinds)]
    if same := outcomes["unchanged"] + (diff.unchanged or 0):
        said.append(f"{counted(same, 'table')} unchanged")
    tables = ", ".join(said if own else ["no table changed", *said])
    if len(diff.tables) < 2 or not own:
        return [tables]
    rows = _rows(diff, own)
    said = [f"{tables}:", *(f"{one}," for one in rows[:-1]), f"{rows[-1]};", _schemas(own)]
    return [sheet.paint.counts(line) for line in flowed(said, width=sheet.width, between=" ")]


def _rows(diff: DiffView, own: Sequence[TableView]) -> list[str]:
    """Returns what happened to rows, in parts."""
    totals = diff.totals
    if totals.updated is None:
        ends = (sum(table.rows.before for table in own), sum(table.rows.after for table in own))
        return [f"{arrow_counts(*ends)} rows (not compared)"]
    kinds = (
        (totals.updated, "updated"),
        (totals.inserted, "inserted"),
        (totals.deleted, "deleted"),
    )
    said = [f"{count(number)} {what}" for number, what in kinds if number]
    if not said:
        return ["no row changed"]
    number, _, what = said[0].partition(" ")
    return [f"{number} {'row' if number == '1' else 'rows'} {what}", *said[1:]]


def _schemas(own: Sequence[TableView]) -> str:
    number = sum(len(table.schema_changes) for table in own)
    return counted(number, "schema change") if number else "no schema change"
