"""``branch``, ``tag``, ``reflog`` and ``reset``."""

import shlex
from typing import TYPE_CHECKING, Annotated

import typer

from catalog.report.figures import counted, exact_moment, moment, short
from cli.completion import complete_branch, complete_ref
from cli.opening import DEFAULT_REF, opened
from cli.options import BranchArgument, Format, Json, chosen
from cli.output import stdout
from cli.output.listing import ListFormat, Listing, show, show_json

if TYPE_CHECKING:
    from catalog.operations.reset import Reset

At = Annotated[
    str,
    typer.Option("--at", metavar="REF", help="The ref to point at.", autocompletion=complete_ref),
]
BranchName = Annotated[
    str, typer.Argument(metavar="NAME", help="The branch.", autocompletion=complete_branch)
]
TagName = Annotated[str, typer.Argument(metavar="NAME", help="The tag.")]


def branch_list(context: typer.Context, how: Format = ListFormat.TEXT, json: Json = False) -> None:
    """List the branches and their commits."""
    cat = opened(context)
    how = chosen(how, json)
    rows = []
    for branch in cat.branches.list():
        commit = cat.show(branch.commit_id or "")
        text = how is ListFormat.TEXT
        commit_id = short(commit.id) if text else commit.id
        when = moment(commit.time) if text else exact_moment(commit.time)
        message = commit.message.partition("\n")[0]
        rows.append((branch.name, commit_id, when, branch.protected, message))
    columns = ("branch", "commit", "time", "protected", "message")
    show(Listing("branches", columns, tuple(rows)), how)


def branch_create(
    context: typer.Context, *, name: BranchName, at: At = DEFAULT_REF, json: Json = False
) -> None:
    """Create a branch at a ref: no data is copied.

    Examples:
      parquetry branch create backfill/2024-03
      parquetry branch create fix --at main~2
    """
    branch = opened(context).branches.create(name, at=at)
    if json:
        show_json({"branch": branch.name, "commit": branch.commit_id})
    else:
        stdout.line(f"created branch {branch.name} at {short(branch.commit_id or '')}")


def branch_delete(context: typer.Context, name: BranchName, json: Json = False) -> None:
    """Delete a branch; its commits and reflog stay."""
    branch = opened(context).branches.delete(name)
    if json:
        show_json({"branch": branch.name, "commit": branch.commit_id})
        return
    commit_id = short(branch.commit_id or "")
    stdout.line(f"deleted branch {branch.name}, which was at {commit_id}")
    stdout.line(f"to restore it: parquetry branch create {branch.name} --at {commit_id}")


def branch_protect(
    context: typer.Context,
    *,
    name: BranchName,
    off: Annotated[bool, typer.Option("--off", help="Remove the protection.")] = False,
    json: Json = False,
) -> None:
    """Protect a branch, so that it changes only by merge.

    Examples:
      parquetry branch protect main
      parquetry branch protect main --off
    """
    branches = opened(context).branches
    branch = branches.unprotect(name) if off else branches.protect(name)
    if json:
        commit_id = branch.commit_id
        show_json({"branch": branch.name, "commit": commit_id, "protected": branch.protected})
    elif branch.protected:
        stdout.line(f"branch {branch.name} is protected: it changes only by merge")
    else:
        stdout.line(f"branch {branch.name} is not protected")


def tag_list(context: typer.Context, how: Format = ListFormat.TEXT, json: Json = False) -> None:
    """List the tags and their commits."""
    how = chosen(how, json)
    text = how is ListFormat.TEXT
    rows = tuple(
        (
            tag.name,
            short(tag.commit_id) if text else tag.commit_id,
            moment(tag.time) if text else exact_moment(tag.time),
            tag.who,
            tag.message,
        )
        for tag in opened(context).tags.list()
    )
    columns = ("tag", "commit", "time", "author", "message")
    show(Listing("tags", columns, rows, empty="no tags"), how)


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
    if json:
        show_json({"tag": tag.name, "commit": tag.commit_id})
    else:
        stdout.line(f"created tag {tag.name} at {short(tag.commit_id)}")


def tag_delete(context: typer.Context, name: TagName, json: Json = False) -> None:
    """Delete a tag; its name cannot be used again."""
    opened(context).tags.delete(name)
    if json:
        show_json({"tag": name})
    else:
        stdout.line(f"deleted tag {name}; its name cannot be used again")


def reflog(
    context: typer.Context,
    *,
    branch: Annotated[
        str,
        typer.Argument(metavar="[BRANCH]", help="The branch.", autocompletion=complete_branch),
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
    text = how is ListFormat.TEXT
    moves = opened(context).reflog(branch)
    keyed = not text or any(move.key is not None for move in moves)
    rows = tuple(
        (
            f"{branch}@{{{n}}}",
            _id(move.before, text),
            _id(move.after, text),
            moment(move.time) if text else exact_moment(move.time),
            move.who,
            move.why,
            *((move.key,) if keyed else ()),
        )
        for n, move in enumerate(moves)
    )
    columns = ("ref", "before", "after", "time", "author", "reason", *(("key",) if keyed else ()))
    show(Listing("moves", columns, rows, about={"branch": branch}), how)


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
    if json:
        show_json(
            {
                "branch": found.branch,
                "before": found.before,
                "after": found.after,
                "moved": found.moved and not dry_run,
                "commits_removed": found.removed,
                "commits_added": found.added,
                "dry_run": dry_run,
            }
        )
    else:
        stdout.lines(_reset_lines(found))


def _reset_lines(found: "Reset") -> list[str]:
    name, before, after = found.branch, short(found.before), short(found.after)
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


def _id(commit_id: str | None, text: bool) -> str | None:
    if commit_id is None:
        return "-" if text else None
    return short(commit_id) if text else commit_id
