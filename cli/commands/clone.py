"""``clone`` and ``fetch``: copies of a catalog elsewhere, and what such a copy has."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

import typer

from catalog.report.figures import counted, listed, plain, short, size
from cli.location import bucket_options
from cli.opening import opened
from cli.options import Json
from cli.output import stderr
from cli.output.listing import show_outcome

if TYPE_CHECKING:
    from catalog.care.transfer.report import Amount, MovedRef, TransferReport

VerifyCopy: TypeAlias = Annotated[
    Literal["size", "hash"] | None,
    typer.Option(
        "--verify",
        help="Compare what is there afterwards: names and sizes, or also every byte.",
    ),
]
DryRun: TypeAlias = Annotated[
    bool, typer.Option("--dry-run", help="Report what would be copied, and write nothing.")
]

KINDS = {
    "data": "data file",
    "blob": "content",
    "list": "contents list",
    "pack": "commit pack",
    "page": "reflog page",
    "expired": "record",
    "cache": "derived object",
}
"""What the kinds of objects are called."""

SHOWN = 10
"""Refs and places that are named; JSON has all."""


def clone(
    context: typer.Context,
    *,
    destination: Annotated[
        str,
        typer.Argument(
            metavar="DEST", help="A directory, or s3://, gs:// or az://BUCKET/PREFIX, for the copy."
        ),
    ],
    derived: Annotated[
        bool,
        typer.Option(
            "--derived/--no-derived",
            help="Copy fingerprints and digests too, which make diffs quick.",
        ),
    ] = True,
    verify: VerifyCopy = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Copy the catalog, with all branches, tags, moves and rules, to a directory or bucket.

    Every byte is compared with its hash on the way. Run it again if it was interrupted. Files that
    the catalog only refers to are not copied. Keep the copy current with fetch --mirror.

    Examples:
      parquetry clone /backup/lake
      parquetry clone s3://backup/lake --verify hash
    """
    buckets = bucket_options(destination, context, named=True)
    with stderr.Progress("clone:") as progress:
        cat = opened(context)
        _show(
            lambda: cat.clone_to(
                destination,
                **buckets,
                derived=derived,
                verify=verify,
                dry_run=dry_run,
                progress=progress,
            ),
            json=json,
        )


def fetch(
    context: typer.Context,
    *,
    source: Annotated[
        str, typer.Argument(metavar="SOURCE", help="Another copy of the catalog, as for clone.")
    ],
    refs: Annotated[
        list[str] | None,
        typer.Argument(metavar="[REF]...", help="Branches and tags of it to bring here."),
    ] = None,
    branch: Annotated[
        str | None,
        typer.Option("--branch", "--as", metavar="NAME", help="What the branch is called here."),
    ] = None,
    mirror: Annotated[
        bool,
        typer.Option("--mirror", help="Bring everything: follow all branches and tags of it."),
    ] = False,
    full: Annotated[
        bool,
        typer.Option("--full", help="Look for objects that should be here, so that they are."),
    ] = False,
    derived: Annotated[
        bool,
        typer.Option("--derived/--no-derived", help="Copy fingerprints and digests too."),
    ] = False,
    verify: VerifyCopy = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Bring branches or tags of another copy of the catalog here, or bring this copy up to date.

    A branch is created here, or moved if it has no commits of its own. With --mirror, a backup
    gets every branch and tag as it is in SOURCE, with moves and rules; none that was moved here.

    Examples:
      parquetry -C /backup/lake fetch /data/lake --mirror
      parquetry fetch /home/ann/lake fix-prices
      parquetry fetch s3://team/lake main --branch theirs
    """
    buckets = bucket_options(source, context, named=True)
    with stderr.Progress("fetch:") as progress:
        cat = opened(context)
        _show(
            lambda: cat.fetch(
                source,
                *(refs or ()),
                branch=branch,
                mirror=mirror,
                full=full,
                derived=derived,
                verify=verify,
                dry_run=dry_run,
                **buckets,
                progress=progress,
            ),
            json=json,
        )


def _show(transfer: "Callable[[], TransferReport]", *, json: bool) -> None:
    """Shows what a transfer did, also one that could not do everything."""
    from catalog.care.transfer.report import IncompleteTransfer, RefusedRefs

    try:
        report = transfer()
    except (IncompleteTransfer, RefusedRefs) as error:
        show_outcome(_to_json(error.report), *_lines(error.report), json=json)
        raise
    show_outcome(_to_json(report), *_lines(report), json=json)
    if report.references.objects and not json:
        stderr.warning(
            f"{counted(report.references.objects, 'file')} of tables taken by reference lie "
            f"elsewhere, and were not copied: {listed([*report.places], SHOWN)}"
        )


def _to_json(report: "TransferReport") -> dict[str, object]:
    """Returns a report as JSON."""

    def amount(one: "Amount") -> dict[str, int]:
        return {"objects": one.objects, "size_bytes": one.size_bytes}

    return {
        "source": report.source,
        "destination": report.destination,
        "dry_run": report.dry_run,
        "commits": report.commits,
        "copied": {kind: amount(one) for kind, one in report.copied.items()},
        "present": {kind: amount(one) for kind, one in report.present.items()},
        "refs": [
            {"name": one.name, "kind": one.kind, "before": one.before, "after": one.after}
            for one in report.moved
        ],
        "refs_unchanged": report.unchanged,
        "references": {**amount(report.references), "places": dict(report.places)},
        "unread": amount(report.unread),
        "expired": report.expired,
        "damage": [{"path": one.path, "problem": one.problem} for one in report.damage],
        "incomplete": list(report.incomplete),
        "refused": dict(report.refused),
        "verified": amount(report.verified),
    }


def _lines(report: "TransferReport") -> list[str]:
    """Returns a report as lines of text."""
    did = "would copy" if report.dry_run else "copied"
    kinds = [
        f"{counted(one.objects, KINDS[kind])} ({size(one.size_bytes)})"
        for kind, one in report.copied.items()
        if one.objects
    ]
    to = f"{counted(report.commits, 'commit')} to {plain(report.destination)}"
    lines = [
        f"{did} {to}: {', '.join(kinds)}"
        if kinds
        else f"{plain(report.destination)}: nothing was missing"
    ]
    refs = [_moved(one) for one in report.moved]
    unchanged = f"{report.unchanged} unchanged" if report.unchanged else ""
    if refs or unchanged:
        lines.append("refs: " + "; ".join(filter(None, [listed(refs, SHOWN), unchanged])))
    if report.expired:
        lines.append(f"{counted(report.expired, 'commit')} came without data, which was expired")
    if report.unread.objects:
        files = f"{counted(report.unread.objects, 'file')} ({size(report.unread.size_bytes)})"
        lines.append(f"{files} copied by a server, or without a known hash: nobody read them")
    if report.verified.objects:
        lines.append(
            f"verified: {counted(report.verified.objects, 'object')} are as they should be"
        )
    return lines


def _moved(one: "MovedRef") -> str:
    """Returns what became of a ref, e.g. ``main 1a2b3c4d → 5e6f7a8b``."""
    name = plain(one.name)
    if one.after is None:
        return f"{name} deleted"
    if one.before is None:
        return f"{'tag ' if one.kind == 'tag' else ''}{name} at {short(one.after)}"
    return f"{name} {short(one.before)} → {short(one.after)}"
