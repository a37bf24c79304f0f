"""What a shell completes: refs and tables of the catalog at hand."""

import typer

from catalog.errors import CatalogError
from cli.opening import DEFAULT_REF, opened


def complete_branch(ctx: typer.Context, incomplete: str) -> list[str]:
    """Returns the branches that begin as written."""
    try:
        names = [branch.name for branch in opened(ctx).branches.list()]
    except CatalogError:
        return []
    return [name for name in names if name.startswith(incomplete)]


def complete_ref(ctx: typer.Context, incomplete: str) -> list[str]:
    """Returns the branches and tags that begin as written, also at the end of a range."""
    before, dots, end = incomplete.rpartition("..")
    try:
        catalog = opened(ctx)
        names = [branch.name for branch in catalog.branches.list()]
        names += [tag.name for tag in catalog.tags.list()]
    except CatalogError:
        return []
    return [before + dots + name for name in names if name.startswith(end)]


def complete_table(ctx: typer.Context, incomplete: str) -> list[str]:
    """Returns the tables of main that begin as written."""
    try:
        names = [table.name for table in opened(ctx).tables(DEFAULT_REF)]
    except CatalogError:
        return []
    return [name for name in names if name.startswith(incomplete)]


def complete_table_at(ctx: typer.Context, incomplete: str) -> list[str]:
    """Returns tables, and after an ``@`` refs."""
    table, at, ref = incomplete.partition("@")
    if not at:
        return complete_table(ctx, incomplete)
    return [f"{table}@{name}" for name in complete_ref(ctx, ref)]
