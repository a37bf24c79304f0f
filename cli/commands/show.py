"""``show``: one commit, and what it changed in each table."""

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from catalog.errors import CatalogError
from catalog.model.commit import EMPTY_ID
from catalog.report.figures import plain
from cli.opening import DEFAULT_REF, opened
from cli.options import Json, RefArgument
from cli.output import commits, stderr, stdout
from cli.output.listing import show_json
from cli.usage import UsageError

if TYPE_CHECKING:
    from catalog import Catalog
    from catalog.diff.view import DiffView
    from catalog.model.listings import CommitInfo

Level = Literal["stat", "cells"]


def show(
    context: typer.Context,
    ref: RefArgument = DEFAULT_REF,
    *,
    stat: Annotated[
        bool, typer.Option("--stat", help="Read metadata only: rows before and after.")
    ] = False,
    diff: Annotated[
        bool, typer.Option("--diff", help="Show the whole diff, as diff --commit REF does.")
    ] = False,
    json: Json = False,
) -> None:
    """Show one commit: who, when, why, how, what it changed in each table, what a gate found.

    Rows are compared with those of the first parent.

    Examples:
      parquetry show main~1
      parquetry show main~1 --stat
      parquetry show a1b2c3d4 --diff
    """
    if stat and diff:
        raise UsageError("--stat and --diff exclude each other")
    cat = opened(context)
    commit = cat.show(ref)
    view = None
    if commit.changes or diff or json:
        view = _changes(cat, commit, "stat" if stat else "cells", explain=diff)
    if json:
        _write_json(cat, commit, view)
    else:
        stdout.lines(_lines(cat, commit, view, whole=diff))


def _changes(
    cat: "Catalog", commit: "CommitInfo", level: Level, *, explain: bool
) -> "DiffView | None":
    """Compares a commit with its first parent.

    Where its files can no longer be read, metadata has to do, unless the whole diff is wanted;
    None if that cannot be read either.
    """
    before = commit.parents[0] if commit.parents else EMPTY_ID
    try:
        with (
            stderr.Progress("show:") as progress,
            cat.diff(
                before, commit.id, level=level, explain=explain, progress=progress.of_rows
            ) as found,
        ):
            return found.view
    except CatalogError as error:
        if explain:
            raise
        what = "rows were not compared" if level == "cells" else "tables were not compared"
        stderr.warning(f"{what}: {error.message}")
        return None if level == "stat" else _changes(cat, commit, "stat", explain=False)


def _write_json(cat: "Catalog", commit: "CommitInfo", view: "DiffView | None") -> None:
    from catalog.diff.json_form import diff_json
    from catalog.operations.history import changed_definitions

    definitions = changed_definitions(cat.context, commit)
    statements = {
        table: list(found)
        for table, entry in commits.origins(cat, commit).items()
        if (found := commits.statements_of(entry))
    }
    show_json(
        {
            **commits.commit_json(commit),
            "definitions": {t: {"from": old, "to": new} for t, (old, new) in definitions.items()},
            "statements": statements,
            "diff": None if view is None else diff_json(view),
        }
    )


def _lines(
    cat: "Catalog", commit: "CommitInfo", view: "DiffView | None", *, whole: bool
) -> list[str]:
    from catalog.operations.history import changed_definitions
    from cli.output.definitions import definition_lines

    lines = commits.head_lines(commit, commits.names_of(cat, [commit]), full=True)
    if view is None:
        lines += commits.change_lines(commit)
    elif not whole:
        lines += _brief_lines(view)
    lines += [
        *commits.metadata_lines(commit),
        *commits.origin_lines(commits.origins(cat, commit), commit.message),
        *commits.gate_lines(commit),
    ]
    for name, (_, definition) in changed_definitions(cat.context, commit).items():
        lines += definition_lines(definition, f"{plain(name)} is")
    return lines + (_whole_lines(view) if whole and view is not None else [])


def _whole_lines(view: "DiffView") -> list[str]:
    from catalog.report.paint import Paint
    from catalog.report.text import render_diff

    return ["", *render_diff(view, width=stdout.width(), paint=Paint(stdout.has_colour()))]


def _brief_lines(view: "DiffView") -> list[str]:
    from catalog.report.changes import changes_in_brief
    from catalog.report.paint import Paint

    return changes_in_brief(view, paint=Paint(stdout.has_colour()))
