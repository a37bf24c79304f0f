"""``log``: the commits of a ref."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from catalog.report.figures import clipped, moment, plain, short
from cli.completion import complete_table
from cli.opening import DEFAULT_REF, opened
from cli.options import Format, Json, RefArgument, chosen
from cli.output import stdout
from cli.output.commits import change_lines, commit_json, head_lines, names_of, where
from cli.output.listing import ListFormat, Listing, show_json
from cli.output.listing import show as show_listing

if TYPE_CHECKING:
    from catalog.model.listings import CommitInfo

Tables: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "-t",
        "--table",
        metavar="TABLE",
        help="List commits that changed this table; may be repeated.",
        autocompletion=complete_table,
    ),
]
Since: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--since",
        metavar="TIME",
        help="List commits from then on: 2024-05-01, 2024-05-01T12:00, yesterday, 2 days ago. "
        "Times are UTC unless they have an offset.",
    ),
]
Until: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--until", metavar="TIME", help="List commits up to then; a day counts to its end."
    ),
]
Author: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--author",
        metavar="PATTERN",
        help="List commits whose author matches: a regular expression; case does not count.",
    ),
]
Grep: TypeAlias = Annotated[
    str | None,
    typer.Option("--grep", metavar="PATTERN", help="List commits whose message matches, likewise."),
]


def log(
    context: typer.Context,
    *,
    ref: RefArgument = DEFAULT_REF,
    graph: Annotated[bool, typer.Option("--graph", help="Draw the history as a graph.")] = False,
    oneline: Annotated[bool, typer.Option("--oneline", help="One line per commit.")] = False,
    every: Annotated[bool, typer.Option("--all", help="Include all branches.")] = False,
    tables: Tables = None,
    since: Since = None,
    until: Until = None,
    author: Author = None,
    grep: Grep = None,
    limit: Annotated[
        int | None, typer.Option("-n", "--limit", min=0, help="List at most so many.")
    ] = None,
    how: Format = ListFormat.TEXT,
    json: Json = False,
) -> None:
    """List the commits of a ref, newest first.

    Examples:
      parquetry log
      parquetry log --graph --all --oneline
      parquetry log v1.0 -n 5 --json
      parquetry log -t orders --since "2 weeks ago" --author ana
    """
    from catalog.model.commit_filter import commit_filter
    from catalog.operations import history

    cat = opened(context)
    wanted = commit_filter(
        cat.context.clock(), tables=tables, since=since, until=until, author=author, grep=grep
    )
    commits = (
        history.log_all(cat.context, limit, wanted)
        if every
        else history.log(cat.context, ref, limit, wanted=wanted)
    )
    how = chosen(how, json)
    if how is ListFormat.JSON:
        show_json({"commits": [commit_json(commit) for commit in commits]})
    elif how is ListFormat.TEXT:
        _show_log(commits, names_of(cat, commits), graph=graph, oneline=oneline)
    else:
        columns = ("commit", "time", "author", "message", "tables")
        rows = tuple((c.id, c.time, c.author, c.message, tuple(c.tables)) for c in commits)
        show_listing(Listing("commits", columns, rows), how)


def _show_log(
    commits: "list[CommitInfo]", names: Mapping[str, list[str]], *, graph: bool, oneline: bool
) -> None:
    drawings = None
    if graph:
        from cli.output.graph import draw

        drawings = draw(commits)
    for n, commit in enumerate(commits):
        lines = (
            [_one_line(commit, names)]
            if oneline
            else [*head_lines(commit, names), *change_lines(commit)]
        )
        if drawings is None:
            stdout.lines(lines)
            if not oneline and n < len(commits) - 1:
                stdout.line()
            continue
        drawn = drawings[n]
        below = commit.parents[:1] and n < len(commits) - 1
        gap = [""] if below and not oneline else []
        beside = drawn.mark.replace("*", "|" if below else " ")
        stdout.line(f"{drawn.mark} {lines[0]}")
        stdout.lines(f"{beside} {text}".rstrip() for text in [*lines[1:], *gap])
        stdout.lines(drawn.below)


def _one_line(commit: "CommitInfo", names: Mapping[str, list[str]]) -> str:
    message = plain(commit.message.partition("\n")[0])
    line = f"{short(commit.id)} {moment(commit.time)[:16]}{where(commit, names)} {message}"
    room = stdout.room()
    return line if room is None else clipped(line, room)
