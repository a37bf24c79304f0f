"""``branch``, ``tag``, ``reflog`` and ``reset``."""

import shlex
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated

import typer

from catalog.errors import CatalogError
from catalog.report.figures import counted, plain, short
from cli.completion import complete_branch, complete_ref
from cli.opening import DEFAULT_REF, opened
from cli.options import BranchArgument, Format, Json, chosen
from cli.output import stderr
from cli.output.listing import Cell, ListFormat, Listing, show, show_outcome
from cli.output.rules import rules_json, rules_lines
from cli.usage import UsageError

if TYPE_CHECKING:
    from catalog import Catalog
    from catalog.model.refs import Branch
    from catalog.operations.reset import Reset

At = Annotated[
    str,
    typer.Option("--at", metavar="REF", help="The ref to point at.", autocompletion=complete_ref),
]
BranchName = Annotated[
    str, typer.Argument(metavar="NAME", help="The branch.", autocompletion=complete_branch)
]
Require = Annotated[
    list[str] | None,
    typer.Option(
        "--require", metavar="TABLE.CHECK", help="Require this check of every change. Repeatable."
    ),
]
NoRequire = Annotated[
    list[str] | None,
    typer.Option("--no-require", metavar="TABLE.CHECK", help="Require it no longer."),
]
MayFail = Annotated[
    list[str] | None,
    typer.Option(
        "--may-fail",
        metavar="TABLE.CHECK",
        help="Let whoever merges allow this check to fail. Repeatable.",
    ),
]
NoMayFail = Annotated[
    list[str] | None,
    typer.Option("--no-may-fail", metavar="TABLE.CHECK", help="Let nobody do so any longer."),
]
Hook = Annotated[
    list[str] | None,
    typer.Option(
        "--hook",
        metavar="NAME",
        help="Ask this hook of parquetry.toml about every change. Repeatable.",
    ),
]
NoHook = Annotated[
    list[str] | None, typer.Option("--no-hook", metavar="NAME", help="Ask it no longer.")
]
KeepData = Annotated[
    str | None,
    typer.Option(
        "--keep-data",
        metavar="AGE",
        help="Let expire keep the data of its commits for at least so long, such as 365d.",
    ),
]
NoKeepData = Annotated[
    bool, typer.Option("--no-keep-data", help="Let expire keep no more than it is told to.")
]
TagName = Annotated[str, typer.Argument(metavar="NAME", help="The tag.")]


def branch_list(context: typer.Context, how: Format = ListFormat.TEXT, json: Json = False) -> None:
    """List the branches and their commits."""
    from catalog.operations.refs import branch_heads

    rows = tuple(
        (branch.name, commit.id, commit.time, branch.protected, commit.message.partition("\n")[0])
        for branch, commit in branch_heads(opened(context).context)
    )
    columns = ("branch", "commit", "time", "protected", "message")
    show(Listing("branches", columns, rows), chosen(how, json))


def branch_create(
    context: typer.Context, *, name: BranchName, at: At = DEFAULT_REF, json: Json = False
) -> None:
    """Create a branch at a ref: no data is copied.

    Examples:
      parquetry branch create backfill/2024-03
      parquetry branch create fix --at main~2
    """
    branch = opened(context).branches.create(name, at=at)
    text = f"created branch {branch.name} at {short(branch.commit_id or '')}"
    show_outcome({"branch": branch.name, "commit": branch.commit_id}, text, json=json)


def branch_delete(context: typer.Context, name: BranchName, json: Json = False) -> None:
    """Delete a branch; its commits and reflog stay."""
    cat = opened(context)
    branch = cat.branches.delete(name)
    commit_id = short(branch.commit_id or "")
    alone = _missing_in_main(cat, branch.commit_id)
    commits = counted(alone or 0, "commit")
    lost = f", with {commits} that {DEFAULT_REF} does not have" if alone else ""
    show_outcome(
        {"branch": branch.name, "commit": branch.commit_id, "commits_not_in_main": alone},
        f"deleted branch {branch.name}, which was at {commit_id}{lost}",
        f"to restore it: parquetry branch create {branch.name} --at {commit_id}",
        json=json,
    )


def _missing_in_main(cat: "Catalog", commit_id: str | None) -> int | None:
    """Returns how many commits of a branch the default branch has not; None if nobody knows."""
    from catalog.repository.history import count_missing

    with suppress(CatalogError):
        head = cat.resolve(DEFAULT_REF).commit_id
        return count_missing(cat.repository.commits.read, commit_id or head, head)
    return None


# long: one parameter for each option
def branch_protect(
    context: typer.Context,
    *,
    name: BranchName,
    off: Annotated[bool, typer.Option("--off", help="Remove the protection; rules stay.")] = False,
    judge_direct: Annotated[
        bool | None,
        typer.Option(
            "--judge-direct/--no-judge-direct",
            show_default=False,
            help="Judge commits that are no merges like merges; a protected branch takes none.",
        ),
    ] = None,
    require: Require = None,
    no_require: NoRequire = None,
    may_fail: MayFail = None,
    no_may_fail: NoMayFail = None,
    hook: Hook = None,
    no_hook: NoHook = None,
    keep_data: KeepData = None,
    no_keep_data: NoKeepData = False,
    rules: Annotated[
        bool,
        typer.Option(
            "--rules/--no-rules",
            show_default=False,
            help="Whether to keep the rules that there are; else all are dropped, also contracts.",
        ),
    ] = True,
    json: Json = False,
) -> None:
    """Protect a branch, so that it changes only by merge, or change its rules.

    With options, only the rules that they name change. They are judged where a change comes in:
    by merge, revert and cherry-pick, and with --judge-direct by any commit. A branch with rules
    cannot be reset, rebased or deleted.

    Examples:
      parquetry branch protect main
      parquetry branch protect main --off
      parquetry branch protect main --require orders.amount_not_null
      parquetry branch protect main --may-fail orders.recent --judge-direct
      parquetry branch protect main --keep-data 365d
    """
    branches = opened(context).branches
    change = {
        "judge_direct": judge_direct,
        "require": require or (),
        "no_require": no_require or (),
        "may_fail": may_fail or (),
        "no_may_fail": no_may_fail or (),
        "hook": hook or (),
        "no_hook": no_hook or (),
        "keep_data": keep_data,
        "no_keep_data": no_keep_data,
    }
    changes = judge_direct is not None or any(change.values())
    if off and (changes or not rules):
        raise UsageError("--off goes alone: it leaves the rules as they are")
    if changes and not rules:
        raise UsageError("--no-rules drops all rules, and others would change some")
    if off:
        _show_rules(branches.unprotect(name), json=json)
        return
    branch = branches.protect(name, **change, rules=rules)  # type: ignore[arg-type]
    _show_rules(branch, json=json)


def branch_rules(context: typer.Context, *, name: BranchName, json: Json = False) -> None:
    """Show what a branch demands of changes.

    Examples:
      parquetry branch rules main
      parquetry branch rules main --json
    """
    from catalog.operations.refs import live_branch

    cat = opened(context)
    _show_rules(live_branch(cat.repository, name).held.branch, json=json)


def _show_rules(branch: "Branch", *, json: bool) -> None:
    from catalog.model.rules import rules_from_json

    rules = rules_from_json(branch.rules, branch.name)
    show_outcome(rules_json(branch, rules), *rules_lines(branch, rules), json=json)


def tag_list(context: typer.Context, how: Format = ListFormat.TEXT, json: Json = False) -> None:
    """List the tags and their commits."""
    tags = opened(context).tags.list()
    rows = tuple((tag.name, tag.commit_id, tag.time, tag.who, tag.message) for tag in tags)
    columns = ("tag", "commit", "time", "author", "message")
    show(Listing("tags", columns, rows, empty="no tags"), chosen(how, json))


def tag_create(
    context: typer.Context,
    *,
    name: TagName,
    at: At = DEFAULT_REF,
    message: Annotated[str, typer.Option("-m", "--message", help="What it stands for.")] = "",
    json: Json = False,
) -> None:
    """Name a commit permanently.

    Examples:
      parquetry tag create v1.0 -m "as published"
    """
    tag = opened(context).tags.create(name, at=at, message=message)
    text = f"created tag {tag.name} at {short(tag.commit_id)}"
    show_outcome({"tag": tag.name, "commit": tag.commit_id}, text, json=json)


def tag_delete(context: typer.Context, name: TagName, json: Json = False) -> None:
    """Delete a tag; its name cannot be used again."""
    opened(context).tags.delete(name)
    text = f"deleted tag {name}; its name cannot be used again"
    show_outcome({"tag": name}, text, json=json)


def reflog(
    context: typer.Context,
    *,
    branch: Annotated[
        str, typer.Argument(metavar="[BRANCH]", help="The branch.", autocompletion=complete_branch)
    ] = DEFAULT_REF,
    how: Format = ListFormat.TEXT,
    json: Json = False,
) -> None:
    """List the moves of a branch, newest first, even of a deleted one.

    Examples:
      parquetry reflog main
      parquetry diff main@{1} main
    """
    how = chosen(how, json)
    moves = opened(context).reflog(branch)
    is_deleted = bool(moves) and moves[0].after is None
    absent = "-" if how is ListFormat.TEXT else None
    keyed = how is not ListFormat.TEXT or any(move.key is not None for move in moves)
    columns: tuple[str, ...] = ("ref", "before", "after", "time", "author", "reason", "key")
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (
            absent if is_deleted else f"{branch}@{{{n}}}",
            m.before or absent,
            m.after or absent,
            m.time,
            m.who,
            m.why,
            m.key,
        )
        for n, m in enumerate(moves)
    )
    if not keyed:
        columns, rows = columns[:-1], tuple(row[:-1] for row in rows)
    show(Listing("moves", columns, rows, about={"branch": branch}), how)
    if is_deleted and how is ListFormat.TEXT:
        back = f"parquetry branch create {shlex.quote(branch)} --at {short(moves[0].before or '')}"
        stderr.note(f"branch {plain(branch)} was deleted; to restore it: {back}")


def reset(
    context: typer.Context,
    *,
    branch: BranchArgument,
    to: Annotated[
        str,
        typer.Option(
            "--to", metavar="REF", help="The ref to move it to.", autocompletion=complete_ref
        ),
    ],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would change, move nothing.")
    ] = False,
    json: Json = False,
) -> None:
    """Move a branch to any commit; its reflog remembers where it was.

    Examples:
      parquetry reset main --to main~1 --dry-run
      parquetry reset main --to main@{2024-05-01}
    """
    found = opened(context).reset(branch, to=to, dry_run=dry_run)
    outcome = {
        "branch": found.branch,
        "before": found.before or None,
        "after": found.after,
        "moved": found.moved and not dry_run,
        "commits_removed": found.removed,
        "commits_added": found.added,
        "dry_run": dry_run,
        **({} if found.before else {"rules": found.rules}),
    }
    show_outcome(outcome, *_reset_lines(found), json=json)


def _reset_lines(found: "Reset") -> list[str]:
    name, before, after = found.branch, short(found.before), short(found.after)
    if not found.before:
        was = f"{name} was damaged, and {'would be' if found.dry_run else 'is'} at {after} now"
        rules = "with its rules" if found.rules else "without rules, if it had any"
        kept = "" if found.dry_run else f", {rules}"
        return [was, f"not protected{kept}, and with as much of its reflog as can be read"]
    if not found.moved:
        return [f"{name} is already at {after}"]
    lines = [f"{name} {'would move' if found.dry_run else 'moved'} from {before} to {after}"]
    if found.removed:
        removed = counted(found.removed, "commit")
        lines.append(f"removed from {name}: {removed}, still in its reflog")
    if found.added:
        lines.append(f"added to {name}: {counted(found.added, 'commit')}")
    if found.dry_run:
        return [*lines, "dry run: nothing was moved"]
    return [*lines, f"to undo: parquetry reset {shlex.quote(name)} --to {before}"]
