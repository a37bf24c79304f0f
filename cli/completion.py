"""What a shell completes: refs and tables of the catalog at hand."""

from collections.abc import Callable, Iterable
from contextlib import redirect_stderr
from io import StringIO
from typing import TYPE_CHECKING

import typer

from catalog.errors import CatalogError
from cli.opening import DEFAULT_REF, opened

if TYPE_CHECKING:
    from catalog import Catalog


def complete_branch(ctx: typer.Context, incomplete: str) -> list[str]:
    """Returns the branches that begin as written."""
    return _matching(ctx, incomplete, lambda cat: _branches(cat, incomplete))


def complete_backfill(ctx: typer.Context, incomplete: str) -> list[str]:
    """Returns the backfills whose branches are there, as far as they begin as written."""
    branches = complete_branch(ctx, f"backfill/{incomplete}")
    return [branch.removeprefix("backfill/") for branch in branches]


def complete_ref(ctx: typer.Context, incomplete: str) -> list[str]:
    """Returns the branches and tags that begin as written, also at the end of a range."""
    before, dots, end = incomplete.rpartition("..")
    names = complete_branch(ctx, end)
    names += _matching(ctx, end, lambda cat: sorted(cat.repository.tags.names(end)))
    return [before + dots + name for name in names]


def complete_table(ctx: typer.Context, incomplete: str) -> list[str]:
    """Returns the tables of main that begin as written."""
    return _matching(ctx, incomplete, lambda cat: (one.name for one in cat.tables(DEFAULT_REF)))


def complete_table_at(ctx: typer.Context, incomplete: str) -> list[str]:
    """Returns tables, and after an ``@`` refs."""
    table, at, ref = incomplete.partition("@")
    if not at:
        return complete_table(ctx, incomplete)
    return [f"{table}@{name}" for name in complete_ref(ctx, ref)]


def _branches(cat: "Catalog", start: str) -> list[str]:
    return [one.name for one in cat.repository.branches.heads(start)]


def _matching(
    ctx: typer.Context, start: str, names: "Callable[[Catalog], Iterable[str]]"
) -> list[str]:
    try:
        with redirect_stderr(StringIO()):  # notes would be written into the line that is typed
            return [name for name in names(opened(ctx)) if name.startswith(start)]
    except CatalogError:
        return []
