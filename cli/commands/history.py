"""``log`` and ``show``: commits."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from catalog.errors import CorruptData
from catalog.report.figures import clipped, exact_moment, files_changed, moment, plain, short
from cli.opening import DEFAULT_REF, opened
from cli.options import Format, Json, RefArgument, chosen
from cli.output import stdout
from cli.output.listing import ListFormat, Listing, show_json, show_outcome
from cli.output.listing import show as show_listing

MANY_COMMITS = 100
"""Commits from which on it is not looked first which branches and tags mention any of them."""

if TYPE_CHECKING:
    from catalog import Catalog
    from catalog.model.commit import TableChange
    from catalog.model.listings import CommitInfo


def log(
    context: typer.Context,
    *,
    ref: RefArgument = DEFAULT_REF,
    graph: Annotated[bool, typer.Option("--graph", help="Draw the history as a graph.")] = False,
    oneline: Annotated[bool, typer.Option("--oneline", help="One line per commit.")] = False,
    every: Annotated[bool, typer.Option("--all", help="Include all branches.")] = False,
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
    """
    from catalog.operations.history import log_all

    cat = opened(context)
    commits = log_all(cat.context, limit) if every else cat.log(ref, limit=limit)
    how = chosen(how, json)
    if how is ListFormat.JSON:
        show_json({"commits": [commit_json(commit) for commit in commits]})
    elif how is ListFormat.TEXT:
        _show_log(commits, _names(cat, commits), graph=graph, oneline=oneline)
    else:
        columns = ("commit", "time", "author", "message", "tables")
        rows = tuple((c.id, c.time, c.author, c.message, tuple(c.tables)) for c in commits)
        show_listing(Listing("commits", columns, rows), how)


def show(context: typer.Context, ref: RefArgument = DEFAULT_REF, json: Json = False) -> None:
    """Show one commit: who, when, why, which tables it changed or defined, and what a gate found.

    Examples:
      parquetry show main~1
    """
    from catalog.operations.history import changed_definitions
    from cli.output.definitions import definition_lines

    cat = opened(context)
    commit = cat.show(ref)
    definitions = changed_definitions(cat.context, commit)
    changed = {t: {"from": old, "to": new} for t, (old, new) in definitions.items()}
    lines = [*_commit_lines(commit, _names(cat, [commit]), full=True), *_gate_lines(commit)]
    for name, (_, definition) in definitions.items():
        lines += definition_lines(definition, f"{plain(name)} is")
    show_outcome({**commit_json(commit), "definitions": changed}, *lines, json=json)


def commit_json(commit: "CommitInfo") -> dict[str, object]:
    """Returns the JSON form of a commit."""
    return {
        "commit": commit.id,
        "parents": list(commit.parents),
        "generation": commit.generation,
        "time": exact_moment(commit.time),
        "author": commit.author,
        "message": commit.message,
        "tables": {
            name: {"files_added": change.files_added, "files_removed": change.files_removed}
            for name, change in sorted(commit.changes.items())
        },
        "metadata": dict(commit.metadata),
        "lineage": dict(commit.lineage),
        "gate": commit.gate,
    }


def _names(cat: "Catalog", commits: "Sequence[CommitInfo]") -> Mapping[str, list[str]]:
    """Returns the branches and tags of each of some commits."""
    names: dict[str, list[str]] = {}
    of = {commit.id for commit in commits} if len(commits) < MANY_COMMITS else None
    for branch in cat.repository.branches.list(of=of):
        names.setdefault(branch.commit_id or "", []).append(branch.name)
    for tag in cat.repository.tags.list(of=of):
        names.setdefault(tag.commit_id, []).append(f"tag {tag.name}")
    return names


def _show_log(
    commits: "list[CommitInfo]", names: Mapping[str, list[str]], *, graph: bool, oneline: bool
) -> None:
    drawings = None
    if graph:
        from cli.output.graph import draw

        drawings = draw(commits)
    for n, commit in enumerate(commits):
        lines = [_one_line(commit, names)] if oneline else _commit_lines(commit, names)
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
    line = f"{short(commit.id)} {moment(commit.time)[:16]}{_where(commit, names)} {message}"
    room = stdout.room()
    return line if room is None else clipped(line, room)


def _commit_lines(
    commit: "CommitInfo", names: Mapping[str, list[str]], *, full: bool = False
) -> list[str]:
    commit_id = commit.id if full else short(commit.id)
    lines = [
        f"commit {commit_id}{_where(commit, names)}",
        f"  {moment(commit.time)}, {plain(commit.author)}",
        *(f"  {plain(text)}" for text in commit.message.splitlines()),
    ]
    if full and len(commit.parents) > 0:
        ids = ", ".join(short(one) for one in commit.parents)
        lines.insert(1, f"  parent{'s' * (len(commit.parents) > 1)} {ids}")
    lines += [f"    {_change(name, change)}" for name, change in sorted(commit.changes.items())]
    if full:
        lines += [f"  {plain(k)} = {plain(v)}" for k, v in sorted(commit.metadata.items())]
    return lines


def _gate_lines(commit: "CommitInfo") -> list[str]:
    """Returns what the gate found before the commit was published."""
    from catalog.model.judgement import judgement_from_json
    from catalog.report.judgement import judgement_lines

    if commit.gate is None:
        return []
    try:
        found = judgement_from_json(commit.gate)
    except CorruptData as error:
        return [f"  gate: {plain(error.message)}"]
    return [f"  gate of {plain(found.branch)}:", *(f"    {x}" for x in judgement_lines(found))]


def _where(commit: "CommitInfo", names: Mapping[str, list[str]]) -> str:
    at = names.get(commit.id)
    return f" ({', '.join(at)})" if at else ""


def _change(name: str, change: "TableChange") -> str:
    """Returns what a commit did to a table: ``orders: 1 file added, 2 removed``."""
    files = files_changed(change.files_added, change.files_removed)
    return f"{plain(name)}: {files or 'no files, only its schema, keys or checks'}"
