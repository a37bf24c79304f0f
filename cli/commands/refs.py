"""``branch``, ``tag`` and ``reflog``: refs."""

from typing import Annotated

import typer

from cli import output
from cli.completion import complete_branch, complete_ref
from cli.figures import exact_moment, moment, short
from cli.listing import ListFormat, Listing, show, show_json
from cli.opening import DEFAULT_REF, opened
from cli.options import Format, Json, chosen

At = Annotated[
    str,
    typer.Option("--at", metavar="REF", help="Where it starts.", autocompletion=complete_ref),
]
BranchName = Annotated[
    str, typer.Argument(metavar="NAME", help="The branch.", autocompletion=complete_branch)
]
TagName = Annotated[str, typer.Argument(metavar="NAME", help="The tag.")]


def branch_list(context: typer.Context, how: Format = ListFormat.TEXT, json: Json = False) -> None:
    """List the branches and where they stand."""
    cat = opened(context)
    how = chosen(how, json)
    rows = []
    for branch in cat.branches.list():
        commit = cat.show(branch.commit_id or "")
        text = how is ListFormat.TEXT
        commit_id = short(commit.id) if text else commit.id
        when = moment(commit.time) if text else exact_moment(commit.time)
        rows.append((branch.name, commit_id, when, commit.message.partition("\n")[0]))
    show(Listing("branches", ("branch", "commit", "time", "message"), tuple(rows)), how)


def branch_create(
    context: typer.Context, name: BranchName, at: At = DEFAULT_REF, json: Json = False
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
        output.line(f"created branch {branch.name} at {short(branch.commit_id or '')}")


def branch_delete(context: typer.Context, name: BranchName, json: Json = False) -> None:
    """Delete a branch; its commits and reflog stay."""
    branch = opened(context).branches.delete(name)
    if json:
        show_json({"branch": branch.name, "commit": branch.commit_id})
        return
    commit_id = short(branch.commit_id or "")
    output.line(f"deleted branch {branch.name}, which stood at {commit_id}")
    output.line(f"to have it back: parquetry branch create {branch.name} --at {commit_id}")


def tag_list(context: typer.Context, how: Format = ListFormat.TEXT, json: Json = False) -> None:
    """List the tags and what they name."""
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
    name: TagName,
    at: At = DEFAULT_REF,
    message: Annotated[str, typer.Option("-m", "--message", help="What it is about.")] = "",
    json: Json = False,
) -> None:
    """Name a commit for good.

    Examples:
      parquetry tag create v1.0 -m "as published"
    """
    tag = opened(context).tags.create(name, at=at, message=message)
    if json:
        show_json({"tag": tag.name, "commit": tag.commit_id})
    else:
        output.line(f"created tag {tag.name} at {short(tag.commit_id)}")


def tag_delete(context: typer.Context, name: TagName, json: Json = False) -> None:
    """Delete a tag; its name is spent for good."""
    opened(context).tags.delete(name)
    if json:
        show_json({"tag": name})
    else:
        output.line(f"deleted tag {name}; no tag will have that name again")


def reflog(
    context: typer.Context,
    branch: Annotated[
        str,
        typer.Argument(metavar="[BRANCH]", help="The branch.", autocompletion=complete_branch),
    ] = DEFAULT_REF,
    how: Format = ListFormat.TEXT,
    json: Json = False,
) -> None:
    """List the moves of a branch, newest first, also of a deleted one.

    Examples:
      parquetry reflog main
      parquetry diff main@{1} main
    """
    how = chosen(how, json)
    text = how is ListFormat.TEXT
    rows = tuple(
        (
            f"{branch}@{{{n}}}",
            _id(move.before, text),
            _id(move.after, text),
            moment(move.time) if text else exact_moment(move.time),
            move.who,
            move.why,
        )
        for n, move in enumerate(opened(context).reflog(branch))
    )
    columns = ("ref", "before", "after", "time", "author", "reason")
    show(Listing("moves", columns, rows, about={"branch": branch}), how)


def _id(commit_id: str | None, text: bool) -> str | None:
    if commit_id is None:
        return "-" if text else None
    return short(commit_id) if text else commit_id
