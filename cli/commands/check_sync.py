"""``check sync``: takes checks over from files."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from catalog.report.figures import counted, plain
from cli.check_files import check_files
from cli.opening import DEFAULT_REF, opened
from cli.options import Branch, Json, Message
from cli.output import stderr
from cli.output.derived import closing_line
from cli.output.listing import show_outcome
from cli.usage import UsageError

if TYPE_CHECKING:
    from catalog.model.checks import TableCheck
    from catalog.operations.checks.sync import SyncReport

Files = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="[FILE]…",
        help="parquetry.toml, a schema.yml of dbt, or a data contract of ODCS. Default: the "
        "checks of parquetry.toml, and the files that its check_files names.",
    ),
]
Tables = Annotated[
    list[str] | None,
    typer.Option(
        "--table",
        metavar="NAME=TABLE",
        help="What the files call NAME is this table. Repeatable.",
    ),
]
Replace = Annotated[
    bool,
    typer.Option("--replace", help="Replace checks of the same names that are not of these files."),
]
Prune = Annotated[
    bool,
    typer.Option("--prune", help="Drop the checks of all other files; those added by hand stay."),
]
AllowPartial = Annotated[
    bool,
    typer.Option(
        "--allow-partial",
        help="Take over the rest if no check can hold a rule, or if a table is missing.",
    ),
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Show what would change, and write nothing.")
]


def check_sync(
    context: typer.Context,
    *,
    files: Files = None,
    branch: Branch = DEFAULT_REF,
    tables: Tables = None,
    replace: Replace = False,
    prune: Prune = False,
    allow_partial: AllowPartial = False,
    dry_run: DryRun = False,
    message: Message = None,
    json: Json = False,
) -> None:
    """Take over the checks that files state: all in one commit.

    Each check keeps of which file it is, so the next time those that the file does not state any
    more are dropped, and all others stay. A rule that no check can hold is an error that names it.

    Examples:
      parquetry check sync
      parquetry check sync models/schema.yml --dry-run
      parquetry check sync contracts/orders.odcs.yaml --branch fix
    """
    named = _tables(tables or [])
    found, root = check_files(files or [])
    report = opened(context).sync_checks(
        *found,
        branch=branch,
        root=root,
        tables=named,
        replace=replace,
        prune=prune,
        allow_partial=allow_partial,
        dry_run=dry_run,
        message=message,
    )
    for text in report.notes:
        stderr.note(text)
    for text in report.left_out:
        stderr.note(f"not taken over: {text}")
    _show(report, json=json)


def _tables(texts: list[str]) -> dict[str, str]:
    found = {}
    for text in texts:
        name, sign, table = text.partition("=")
        if not (name and sign and table):
            raise UsageError(f"--table {text!r} is not of the form NAME=TABLE")
        found[name] = table
    return found


def _show(report: "SyncReport", *, json: bool) -> None:
    parts = {"added": report.added, "changed": report.changed, "removed": report.removed}
    outcome: dict[str, object] = {
        "branch": report.branch,
        "commit": report.commit.id if report.commit else None,
        "dry_run": report.dry_run,
        **{name: [_json(one) for one in found] for name, found in parts.items()},
        "unchanged": len(report.unchanged),
        "left_out": list(report.left_out),
        "notes": list(report.notes),
    }
    would = "would be " if report.dry_run else ""
    lines = [
        f"{plain(one.full_name)}  {would}{name}" for name, found in parts.items() for one in found
    ]
    last = f"all {counted(len(report.unchanged), 'check')} are so already, no commit"
    if report.dry_run and lines:
        last = f"dry run: {counted(len(lines), 'check')} would change, nothing was written"
    show_outcome(
        outcome, *lines, closing_line(report.branch, report.commit, nothing=last), json=json
    )


def _json(one: "TableCheck") -> dict[str, object]:
    stored = {} if one.check is None else one.check.to_json()
    return {"table": one.table, "name": one.name, **stored}
