"""``fsck``."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from catalog.report.figures import count, counted, plain, short
from catalog.report.figures import size as size_text
from cli.exit_codes import ExitCode
from cli.location import bucket_options, catalog_uri, named_uri
from cli.options import Json
from cli.output.listing import show_outcome

if TYPE_CHECKING:
    from catalog.care.fsck.findings import Finding
    from catalog.care.fsck.run import FsckReport

SHOWN = 100
"""Findings that are shown as text; the JSON form has all."""


def fsck(
    context: typer.Context,
    *,
    deep: Annotated[
        bool, typer.Option("--deep", help="Read all data, too: every byte, and every row.")
    ] = False,
    repair: Annotated[
        bool, typer.Option("--repair", help="Repair what loses nothing, proved by its hash.")
    ] = False,
    source: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="CATALOG",
            show_default=False,
            help="Take whole objects from this catalog, a backup or a clone.",
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be repaired, and change nothing.")
    ] = False,
    json: Json = False,
) -> None:
    """Verify that everything is there, and is what was written.

    Exits with 1 if anything is damaged and was not repaired. What nothing needs is counted; gc
    removes it. It works on a catalog whose catalog.json is gone, too.

    Examples:
      parquetry fsck
      parquetry fsck --deep
      parquetry fsck --repair --from /backups/lake
    """
    import catalog

    uri = catalog_uri(context)
    buckets = bucket_options(uri, context, named=named_uri(context) is not None)
    report = catalog.fsck(uri, deep=deep, repair=repair, source=source, dry_run=dry_run, **buckets)
    show_outcome(_json(report), *_lines(report), json=json)
    if not report.is_whole:
        raise typer.Exit(ExitCode.ANSWER_IS_NO)


def _json(report: "FsckReport") -> Mapping[str, object]:
    return {
        "whole": report.is_whole,
        "deep": report.deep,
        "dry_run": report.dry_run,
        "verified": {
            "refs": report.refs,
            "commits": report.commits,
            "files": report.files,
            "bytes": report.bytes,
            "derived": report.derived,
            "without_hash": report.unproved,
        },
        "findings": [_finding_json(one) for one in report.findings],
        "findings_untold": report.untold,
        "left_over": {
            kind: {"objects": one.objects, "bytes": one.size_bytes}
            for kind, one in report.left_over.items()
        },
        "unknown": report.unknown,
    }


def _finding_json(one: "Finding") -> Mapping[str, object]:
    affects = one.affects
    return {
        "kind": one.kind,
        "severity": one.severity,
        "path": one.path,
        "message": one.message,
        "advice": one.advice,
        "repaired": one.repaired,
        "could_repair": one.could_repair,
        "failure": one.failure or None,
        "affects": {
            "refs": affects.refs,
            "tables": affects.tables,
            "partitions": affects.partitions,
            "commits": affects.commits,
            "newest": affects.newest,
            "oldest": affects.oldest,
        },
    }


def _lines(report: "FsckReport") -> Iterator[str]:
    read = f", {size_text(report.bytes)} read" if report.deep else ""
    yield (
        f"verified {counted(report.refs, 'ref')}, {counted(report.commits, 'commit')}, "
        f"{counted(report.files, 'file')}{read}"
    )
    for one in report.findings[:SHOWN]:
        yield ""
        yield from _finding_lines(one)
    hidden = len(report.findings[SHOWN:]) + report.untold
    if hidden:
        yield f"and {counted(hidden, 'other finding')}"
    if report.findings:
        yield ""
    if report.unproved:
        yield f"without a hash, so that only sizes and rows were compared: {report.unproved:,}"
    for kind, left in report.left_over.items():
        yield f"left over, for gc: {count(left.objects)} {kind}, {size_text(left.size_bytes)}"
    if report.unknown:
        yield f"not the catalog's: {counted(report.unknown, 'object')}"
    yield "the catalog is whole" if report.is_whole else "the catalog is damaged"


def _finding_lines(one: "Finding") -> Iterator[str]:
    done = ", repaired" if one.repaired else ", could be repaired" if one.could_repair else ""
    yield f"{one.severity}{done}: {one.kind} {plain(one.path)}"
    yield f"  {plain(one.message)}"
    affects = one.affects
    for title, names in (
        ("branches and tags", affects.refs),
        ("tables", affects.tables),
        ("partitions", affects.partitions),
    ):
        if names:
            more = f" and {len(names) - 10:,} more" if len(names) > 10 else ""
            yield f"  {title}: {', '.join(map(plain, names[:10]))}{more}"
    if affects.newest is not None and affects.oldest is not None:
        ends = short(affects.newest)
        if affects.commits > 1:
            ends = f"{count(affects.commits)}, from {short(affects.oldest)} to {ends}"
        yield f"  commits: {ends}"
    if one.failure:
        yield f"  the repair failed: {plain(one.failure)}"
    if not one.repaired:
        yield f"  what to do: {one.advice}"
