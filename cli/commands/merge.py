"""``merge`` and ``conflicts``: a branch brought to another, and what is in the way."""

import shlex
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from catalog.errors import ErrorKind, NotFound
from catalog.report.conflict_patterns import pattern_lines
from catalog.report.figures import counted, short
from cli.completion import complete_branch, complete_ref
from cli.gate import allowed_failures, contracts_in
from cli.opening import DEFAULT_REF, opened
from cli.options import (
    AllowFailing,
    ContractFiles,
    DryRun,
    Format,
    Json,
    Limit,
    Message,
    OutputFile,
    Reasons,
    Refresh,
    Sides,
    chosen,
)
from cli.output import stdout
from cli.output.listing import ListFormat, Listing, show, show_outcome
from cli.output.merge import (
    CONFLICT_COLUMNS,
    Names,
    changes_json,
    conflict_rows,
    patterns_of,
    show_report,
    watched_merge,
)
from cli.specs import sides
from cli.usage import UsageError

if TYPE_CHECKING:
    import pyarrow as pa

    from catalog import Catalog
    from catalog.operations.merge.open_merges import OpenMerge


class MergeFormat(StrEnum):
    """How a merge, or what it would do, is written."""

    TEXT = "text"
    JSON = "json"
    HTML = "html"


TEXT_LIMIT = 20
"""Conflicts that text lists: a screen of them; the other formats list all."""

Into = Annotated[
    str | None,
    typer.Option(
        "--into",
        metavar="BRANCH",
        help="The branch merged into. Default: main; with --continue and --abort, any.",
        autocompletion=complete_branch,
    ),
]
Source = Annotated[
    str | None,
    typer.Argument(
        metavar="[SOURCE]",
        help="What is merged: a branch, or any ref. With --continue and --abort also the branch "
        "that holds the merge; needed only if several merges are in conflict.",
        autocompletion=complete_ref,
    ),
]
How = Annotated[
    MergeFormat, typer.Option("--format", help="How to write it; html, with --dry-run, is a page.")
]
Illustrate = Annotated[
    bool,
    typer.Option(
        "--illustrate",
        help="With --dry-run --json: also the diff that a page of HTML draws, as changes.",
    ),
]
Squash = Annotated[bool, typer.Option("--squash", help="Make a commit without SOURCE as a parent.")]
Continue = Annotated[
    bool, typer.Option("--continue", help="Complete a merge whose conflicts are settled.")
]
Abort = Annotated[
    bool, typer.Option("--abort", help="Drop a merge in conflict, and delete its branch.")
]
OpenSource = Annotated[
    str | None,
    typer.Argument(
        metavar="[SOURCE]",
        help="What is merged, or the branch that holds the merge. Default: all merges in conflict.",
        autocompletion=complete_ref,
    ),
]
OpenInto = Annotated[
    str | None,
    typer.Option(
        "--into",
        metavar="BRANCH",
        help="List only merges into this branch.",
        autocompletion=complete_branch,
    ),
]


# long: one parameter for each option
def merge(
    context: typer.Context,
    *,
    source: Source = None,
    into: Into = None,
    message: Message = None,
    squash: Squash = False,
    resolve: Sides = None,
    refresh: Refresh = True,
    contract: ContractFiles = None,
    allow_failing: AllowFailing = None,
    reason: Reasons = None,
    dry_run: DryRun = False,
    go_on: Continue = False,
    abort: Abort = False,
    how: How = MergeFormat.TEXT,
    json: Json = False,
    illustrate: Illustrate = False,
    target: OutputFile = None,
) -> None:
    """Merge what a branch changed into another: all tables at once, by partitions, rows and cells.

    Where both changed the same differently, the target does not move: a branch
    merge/SOURCE-into-BRANCH holds the merge until its conflicts are settled. Derived tables that
    the merge makes stale are computed again, in the same commit. What comes of it must pass the
    gate of the target: the checks of its tables, and the branch's rules. The commit records what
    was found, and `parquetry show` prints it.

    Examples:
      parquetry merge backfill/2024-03
      parquetry merge backfill/2024-03 --dry-run
      parquetry merge backfill/2024-03 --dry-run --format html -o approve.html
      parquetry merge fix --into staging --resolve customers=theirs
      parquetry merge backfill/2024-03 --allow-failing orders.recent --reason "late since May"
      parquetry merge --continue
    """
    json = json or how is MergeFormat.JSON
    _check_format(how, target, dry_run=dry_run, json=json)
    if illustrate and not (dry_run and json):
        raise UsageError("--illustrate adds to the JSON of a dry run", hint="add --dry-run --json")
    taken = sides(resolve or [])
    may_fail = allowed_failures(allow_failing or (), reason or ())
    if go_on or abort:
        option = "--continue" if go_on else "--abort"
        others = {"--abort": go_on and abort, "-m": abort and message is not None}
        others |= {"--squash": squash, "--dry-run": dry_run, "--resolve": abort and bool(taken)}
        others |= {
            "--contract": abort and bool(contract),
            "--allow-failing": abort and bool(may_fail),
        }
        if given := [name for name, is_given in others.items() if is_given]:
            raise UsageError(f"{option} and {given[0]} exclude each other")
        cat = opened(context)
        one = _the_one(cat, source, into)
        if abort:
            _abort(cat, one, json=json)
            return
        about: Names = {"operation": "merge", "source": one.source, "branch": one.into}
        with watched_merge(about, json=json) as progress:
            report = cat.continue_merge(
                one.branch,
                message=message,
                resolve=taken,
                refresh=refresh,
                contracts=contracts_in(contract or ()),
                allow_failing=may_fail,
                progress=progress,
            )
    elif source is None:
        raise UsageError("no SOURCE to merge", hint="e.g. parquetry merge backfill/2024-03")
    else:
        branch = into or DEFAULT_REF
        about = {"operation": "merge", "source": source, "branch": branch}
        with watched_merge(about, json=json) as progress:
            report = opened(context).merge(
                source,
                into=branch,
                message=message,
                squash=squash,
                resolve=taken,
                refresh=refresh,
                contracts=contracts_in(contract or ()),
                allow_failing=may_fail,
                dry_run=dry_run,
                changes=illustrate or how is MergeFormat.HTML,
                progress=progress,
            )
    if how is MergeFormat.HTML:
        from cli.output.merge_page import write_merge_page

        write_merge_page(report, about, target)
    drawn = changes_json(report, about) if illustrate else None
    quiet = how is MergeFormat.HTML
    show_report(report, about, json=json, dry_run=dry_run, quiet=quiet, changes=drawn)


def _check_format(how: MergeFormat, target: Path | None, *, dry_run: bool, json: bool) -> None:
    if how is MergeFormat.HTML and (json or not dry_run):
        raise UsageError("--format html is the page to approve from", hint="add --dry-run")
    if target is not None and how is not MergeFormat.HTML:
        raise UsageError("-o is where --format html is written", hint="add --format html")


def conflicts(
    context: typer.Context,
    *,
    source: OpenSource = None,
    into: OpenInto = None,
    limit: Limit = None,
    how: Format = ListFormat.TEXT,
    json: Json = False,
) -> None:
    """List the unsettled conflicts of merges.

    A conflict is settled when its row is deleted from the table parquetry.conflicts on the
    merge's branch, or when what it names is changed there: the cell, the row, or in a table
    without a key how often the row occurs.

    Examples:
      parquetry conflicts
      parquetry conflicts backfill/2024-03 --into main --json
      parquetry sql "SELECT kind, count(*) FROM conflicts() GROUP BY ALL"
      parquetry sql --branch merge/fix-into-main "DELETE FROM parquetry.conflicts WHERE key IS NULL"
    """
    cat = opened(context)
    found = {one: cat.conflicts(one.branch) for one in _matching(cat, source, into)}
    how = chosen(how, json)
    text = how in (ListFormat.TEXT, ListFormat.MARKDOWN)
    most = limit if limit is not None else TEXT_LIMIT if how is ListFormat.TEXT else -1
    named = not text or len(found) > 1
    rows = tuple(
        ((one.branch, *row) if named else row)
        for one, table in found.items()
        for row in conflict_rows(table, how)
    )
    columns = ("merge_branch", *CONFLICT_COLUMNS) if named else CONFLICT_COLUMNS
    shown = rows if most < 0 else rows[:most]
    empty = "" if rows else _nothing_left(found)
    merges = [
        {
            "merge_branch": one.branch,
            "source": one.source,
            "branch": one.into,
            "conflicts": table.num_rows,
        }
        for one, table in found.items()
    ]
    patterns = [one for table in found.values() for one in patterns_of(table)]
    about = {"merges": merges, "patterns": [one.to_json() for one in patterns]}
    if how is ListFormat.TEXT:
        stdout.lines(pattern_lines(patterns))
    show(Listing("conflicts", columns, shown, about=about, empty=empty), how)
    if how is ListFormat.TEXT and len(shown) < len(rows):
        stdout.line(
            f"({counted(len(rows), 'conflict')}, the first {len(shown)}; --limit -1 lists all)"
        )


def _matching(cat: "Catalog", source: str | None, into: str | None) -> "list[OpenMerge]":
    """Returns the merges in conflict that are meant."""
    every = cat.open_merges()
    found = [
        one
        for one in every
        if (source is None or source in (one.source, one.branch)) and into in (None, one.into)
    ]
    if not found and (source is not None or into is not None):
        named = f" of {source}" if source else ""
        target = f" into {into}" if into else ""
        hint = f"there are: {', '.join(one.branch for one in every)}" if every else ""
        if source is not None and not every:
            hint = f"see what a merge would do: parquetry merge {source} --dry-run"
        raise NotFound(
            f"no merge{named}{target} is in conflict", kind=ErrorKind.MERGE_NOT_FOUND, hint=hint
        )
    return found


def _the_one(cat: "Catalog", source: str | None, into: str | None) -> "OpenMerge":
    """Returns the one merge that is meant."""
    found = _matching(cat, source, into)
    if not found:
        raise NotFound(
            "no merge is in conflict: there is nothing to continue or abort",
            kind=ErrorKind.MERGE_NOT_FOUND,
        )
    if len(found) > 1:
        names = ", ".join(one.branch for one in found)
        raise UsageError("several merges are in conflict", hint=f"name one: {names}")
    return found[0]


def _abort(cat: "Catalog", one: "OpenMerge", *, json: bool) -> None:
    cat.abort_merge(one.branch)
    outcome = {
        "operation": "abort",
        "source": one.source,
        "branch": one.into,
        "merge_branch": one.branch,
        "commit": one.head,
    }
    show_outcome(
        outcome,
        f"dropped the merge of {one.source} into {one.into}; {one.into} was not moved",
        f"to restore it: parquetry branch create {shlex.quote(one.branch)} --at {short(one.head)}",
        json=json,
    )


def _nothing_left(found: "Mapping[OpenMerge, pa.Table]") -> str:
    if not found:
        return "no merge is in conflict"
    ready = ", ".join(f"parquetry merge {shlex.quote(one.branch)} --continue" for one in found)
    return f"everything is settled; to complete it: {ready}"
