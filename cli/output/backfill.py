"""How far a backfill is, and what it does to its target, as lines and as JSON."""

import shlex
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from catalog.report.figures import counted, listed, named_values, plain, short
from cli.output import stdout
from cli.output.listing import picked, show_json

if TYPE_CHECKING:
    from catalog.model.backfill import Backfill
    from catalog.operations.backfill.report import BackfillReport, Effect
    from catalog.operations.rebase import RebaseReport

COMMANDS = ("run", "list", "show", "abandon", "undo")
"""Words after ``backfill`` that are commands: a backfill of such a name is given after ``run``."""

FIX_LINES_SHOWN = 12
"""Lines of a fix that is not done yet that text shows."""

STEPS_SHOWN = 12
"""Steps that text names one by one."""

PARTITIONS_SHOWN = 12
"""Partitions of a table that text names: a line or two of them."""


def show_backfill_report(report: "BackfillReport", *, json: bool) -> None:
    """Prints how far a backfill is, what it does to its target, and what to do next."""
    if json:
        show_json(backfill_json(report))
        return
    stdout.lines(_lines(report))


def backfill_json(report: "BackfillReport") -> dict[str, object]:
    """Returns the JSON form of how far a backfill is, and what it does."""
    from catalog.diff.json_form import diff_json

    backfill, effect = report.backfill, report.effect
    judgement = None if effect is None else effect.judgement
    return {
        "operation": "backfill",
        "name": backfill.name,
        "state": report.state,
        "reason": report.reason or None,
        "branch": report.branch,
        "into": backfill.into,
        "from": {"ref": backfill.from_ref or None, "commit": backfill.base},
        "begun": report.begun.isoformat().replace("+00:00", "Z"),
        "head": report.head,
        "fix": {"id": backfill.fix, "text": backfill.fix_text, "for_each": backfill.for_each},
        "steps": [
            {
                "step": one.step.name,
                "values": dict(one.step.values),
                "commit": one.commit,
                "tables": list(one.changed),
            }
            for one in report.steps
        ],
        "steps_done": report.steps_done,
        "steps_total": len(report.steps),
        "rebase": None if report.rebase is None else _rebase_json(report.rebase),
        "behind": report.behind,
        "delta": None if effect is None else diff_json(effect.delta),
        "downstream": []
        if effect is None
        else [picked(one, "table", "what", "reason") for one in effect.downstream],
        "passed": None if judgement is None else judgement.passed,
        "judgement": None if judgement is None else judgement.to_json(),
        "checks": [] if judgement is None else [one.to_json() for one in judgement.checks],
        "violations": [] if judgement is None else [one.to_json() for one in judgement.violations],
        "commit": None if report.commit is None else report.commit.id,
        "undo": None if report.undo is None else report.undo.id,
        "next": next_commands(report),
    }


def next_commands(report: "BackfillReport") -> list[str]:
    """Returns the commands that go on from where a backfill is."""
    name = shlex.quote(report.backfill.name)
    run = f"parquetry backfill {'run ' if report.backfill.name in COMMANDS else ''}{name}"
    match report.state:
        case "ready":
            return [f"{run} --merge"]
        case "merged":
            looked = [f"parquetry backfill show {name}"] if report.reason else []
            return [*looked, f"parquetry backfill undo {name}"]
        case "conflict":
            into = shlex.quote(report.backfill.into)
            merge = f"parquetry merge {shlex.quote(report.branch)} --into {into}"
            if not report.conflicts:
                return [f"{run} --resolve ours", f"{run} --resolve theirs", merge]
            conflicts = f"parquetry conflicts {shlex.quote(report.conflicts)}"
            return [conflicts, f"{merge} --continue"]
        case "refused":
            again = f"{run} -f FILE --restart"
            return [again, f"parquetry backfill abandon {name}"]
        case "abandoned" | "undone":
            return []
        case "unfinished" | "failed":
            left = report.steps_done < len(report.steps)
            again = f"{run} [-f FILE | -- COMMAND]" if left else run
            return [again, f"parquetry backfill abandon {name}"]
    return [run, f"parquetry backfill abandon {name}"]


def _lines(report: "BackfillReport") -> Iterator[str]:
    yield from _step_lines(report)
    if report.rebase is not None:
        yield from _rebase_lines(report)
    elif report.behind and report.effect is not None:
        yield f"{counted(report.behind, 'commit')} on {plain(report.backfill.into)} since it began"
    if report.effect is not None and not report.reason:
        yield ""
        yield from _effect_lines(report.effect)
    yield from _closing(report)


def _step_lines(report: "BackfillReport") -> Iterator[str]:
    backfill = report.backfill
    base = backfill.from_ref or backfill.into
    yield f"{plain(report.branch)}, from {plain(base)} ({short(backfill.base)})"
    wide = max((len(plain(one.step.name)) for one in report.steps[:STEPS_SHOWN]), default=0)
    is_over = report.state in ("merged", "undone")  # its branch may have moved on since
    unchanged = "done" if _is_command(backfill) else "nothing changed"
    for one in report.steps[:STEPS_SHOWN]:
        done = "done" if is_over else "to be done"
        if one.commit is not None:
            tables = ", ".join(map(plain, one.changed)) or unchanged
            done = f"{short(one.commit)}  {tables}"
        yield f"  {plain(one.step.name):<{wide}}  {done}"
    if report.steps_done < len(report.steps) and not is_over:
        yield from _fix_lines(backfill.fix_text)
    if len(report.steps) > STEPS_SHOWN:
        yield f"  {report.steps_done:,} of {counted(len(report.steps), 'step')} done"


def _fix_lines(text: str) -> Iterator[str]:
    """Yields a fix, whose statements would run if a backfill went on."""
    lines = text.strip().splitlines()
    yield "  fix:"
    yield from (f"    {plain(line)}" for line in lines[:FIX_LINES_SHOWN])
    if len(lines) > FIX_LINES_SHOWN:
        yield f"    and {counted(len(lines) - FIX_LINES_SHOWN, 'more line')}: --json has them"


def _is_command(backfill: "Backfill") -> bool:
    """Returns whether the fix of a backfill is known to be a command, which may commit itself."""
    from catalog.model.fix import fix_from_json

    return bool(backfill.fix_source and fix_from_json(backfill.fix_source).command)


def _rebase_lines(report: "BackfillReport") -> Iterator[str]:
    found, into = report.rebase, plain(report.backfill.into)
    assert found is not None, "the caller has looked"
    yield f"rebased onto {into} ({short(found.onto)})"
    if not found.arrived:
        return
    yield f"on {into} since {short(found.base)}; may need the same fix:"
    wide = max(len(plain(table)) for table in found.arrived)
    for table, partitions in found.arrived.items():
        names = [named_values(one) or "the whole table" for one in partitions]
        yield f"  {plain(table):<{wide}}  {listed(names, PARTITIONS_SHOWN)}"


def _effect_lines(effect: "Effect") -> Iterator[str]:
    """Yields the delta of each table, derived ones last and in brief, and what the gate says."""
    from catalog.report.judgement import judgement_lines
    from catalog.report.paint import Paint
    from catalog.report.picture.headline import header
    from catalog.report.text import render_brief, render_diff

    paint, width = Paint(stdout.has_colour()), stdout.width()
    downstream = {one.table: one for one in effect.downstream}
    tables = effect.delta.tables
    own = tuple(one for one in tables if one.name not in downstream)
    shown = replace(effect.delta, tables=own)
    own_only = own or not tables
    yield from render_diff(shown, width=width, paint=paint) if own_only else [header(shown)]
    by_name = {one.name: one for one in tables}
    yield from ["", "downstream:"] if downstream else []
    for name, one in downstream.items():
        because = f": {plain(one.reason)}" if one.reason else ""
        if (table := by_name.get(name)) is not None and table.differs:
            yield from ["", *render_brief(table, paint=paint)]
            yield from [f"  stale{because}"] if one.what == "stale" else []
        else:
            yield f"{paint(plain(name), 'bold')}  {one.what}{because}"
    yield ""
    if effect.judgement is not None:
        yield from judgement_lines(effect.judgement)


def _closing(report: "BackfillReport") -> Iterator[str]:
    into, reason = plain(report.backfill.into), plain(report.reason)
    commit = short(report.commit.id) if report.commit is not None else ""
    match report.state:
        case "ready":
            yield f"ready: nothing is in the way of the merge into {into}"
        case "refused":
            yield f"refused: {into} stays as it is"
        case "merged":
            again = " before" if reason else ""
            yield (
                f"merged{again}: {into} has it since {commit}"
                if again
                else (f"merged: {into} is now {commit}")
            )
        case "undone":
            undo = short(report.undo.id) if report.undo is not None else ""
            yield f"undone: {undo} takes back {commit}"
        case "abandoned":
            yield f"abandoned: {plain(report.branch)} is deleted; it was at {short(report.head)}"
        case state:
            yield f"{state}{f': {reason}' if reason else ''}"
    for text in next_commands(report):
        yield f"next: {text}"


def _rebase_json(found: "RebaseReport") -> dict[str, object]:
    return {
        "onto": found.onto,
        "base": found.base,
        "before": found.before,
        "after": found.after,
        "arrived": [
            {"table": table, "partitions": [dict(one) for one in partitions]}
            for table, partitions in found.arrived.items()
        ],
    }
