"""``gc``."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from catalog.report.figures import counted
from catalog.report.figures import size as size_text
from cli.opening import opened
from cli.options import Format, Json, chosen
from cli.output.listing import ListFormat, Listing, show, show_outcome

if TYPE_CHECKING:
    from catalog.care.gc.listing import Tally
    from catalog.care.gc.run import GcReport


def gc(
    context: typer.Context,
    *,
    grace: Annotated[
        str,
        typer.Option(
            "--grace",
            metavar="AGE",
            help="How long what is listed stays before it goes, an hour at least: 7d, 36h.",
        ),
    ] = "7d",
    reflog: Annotated[
        str,
        typer.Option(
            "--reflog",
            metavar="AGE",
            help="How long commits stay that a branch was moved away from.",
        ),
    ] = "30d",
    alone: Annotated[
        bool,
        typer.Option(
            "--alone",
            help="Nobody else works with the catalog: remove what is garbage at once.",
        ),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be done, and remove nothing.")
    ] = False,
    json: Json = False,
) -> None:
    """Remove what nothing reachable needs, once it has waited for a grace.

    A run lists what is garbage, and removes what earlier runs listed that has waited and is
    still garbage. It can run every night, beside writers.

    Examples:
      parquetry gc
      parquetry gc --dry-run
      parquetry gc --alone
    """
    report = opened(context).gc(grace=grace, reflog=reflog, alone=alone, dry_run=dry_run)
    show_outcome(_json(report), *_lines(report, grace), json=json)


def gc_log(context: typer.Context, how: Format = ListFormat.TEXT, json: Json = False) -> None:
    """List what garbage collections did."""
    columns = ("id", "time", "who", "listed", "listed_bytes", "removed", "removed_bytes", "rescued")
    rows = tuple(
        (
            one.id,
            one.time,
            one.who,
            sum(one.listed.values()),
            sum(one.listed_bytes.values()),
            sum(one.removed.values()),
            sum(one.removed_bytes.values()),
            one.rescued,
        )
        for one in opened(context).gc_log()
    )
    show(Listing("runs", columns, rows, empty="no garbage collection was run"), chosen(how, json))


def gc_withdraw(context: typer.Context, json: Json = False) -> None:
    """Withdraw what is listed: it stays, until another run lists it again."""
    count = opened(context).gc_withdraw()
    show_outcome({"withdrawn": count}, f"withdrew {counted(count, 'list')}", json=json)


def _json(report: "GcReport") -> Mapping[str, object]:
    tallies = ("there", "listed", "waiting", "young", "removed", "changed", "derived")
    return {
        "id": report.id or None,
        "dry_run": report.dry_run,
        "roots": report.roots,
        "commits": report.commits,
        **{name: _tally_json(getattr(report, name)) for name in tallies},
        "rescued": report.rescued,
        "next_sweep": None if report.next_sweep is None else report.next_sweep.isoformat(),
        "unknown": report.unknown,
        "unknown_examples": list(report.examples),
    }


def _tally_json(tally: "Tally") -> Mapping[str, object]:
    return {
        "objects": tally.total,
        "size_bytes": tally.total_bytes,
        "by_kind": {
            kind: {"objects": count, "size_bytes": tally.bytes[kind]}
            for kind, count in tally.objects.items()
        },
    }


def _lines(report: "GcReport", grace: str) -> list[str]:
    would = report.dry_run
    lines = [
        f"{counted(report.commits, 'commit')} reachable from {counted(report.roots, 'root')}; "
        f"{_size(report.there)} in the catalog"
    ]
    removed = "would remove" if would else "removed"
    listed = "would list" if would else "listed"
    if report.removed.total:
        lines.append(f"{removed} {_size(report.removed)}")
        lines += _kinds(report.removed)
    if report.listed.total:
        when = "" if would else f", to go in {grace}"
        lines.append(f"{listed} {_size(report.listed)}{when}")
        lines += _kinds(report.listed)
    if report.waiting.total and report.next_sweep is not None:
        until = report.next_sweep.strftime("%Y-%m-%d %H:%M")
        lines.append(f"waiting: {_size(report.waiting)}, until {until} at the earliest")
    if report.young.total:
        lines.append(f"too young to tell: {_size(report.young)}")
    if report.rescued:
        lines.append(f"needed again: {counted(report.rescued, 'listed object')}")
    if report.changed.total:
        lines.append(f"changed since it was listed, and left: {_size(report.changed)}")
    if report.derived.total:
        lines.append(f"removed {_size(report.derived)} derived from data that is gone")
    if report.unknown:
        lines.append(
            f"left alone, not the catalog's: {counted(report.unknown, 'object')}, "
            f"such as {report.examples[0]}"
        )
    if len(lines) == 1:
        lines.append("nothing to remove")
    return lines


def _kinds(tally: "Tally") -> list[str]:
    return [
        f"  {kind}: {count:,}, {size_text(tally.bytes[kind])}"
        for kind, count in sorted(tally.objects.items())
    ]


def _size(tally: "Tally") -> str:
    return f"{counted(tally.total, 'object')}, {size_text(tally.total_bytes)}"
