"""Opens the catalog a command works on, and reads ``TABLE@REF`` arguments."""

from typing import TYPE_CHECKING

import typer

from catalog.errors import NotFound
from cli.location import catalog_uri, place_of
from cli.usage import UsageError

if TYPE_CHECKING:
    from catalog.catalog import Catalog

DEFAULT_REF = "main"


def opened(context: typer.Context) -> "Catalog":
    """Opens the catalog of a command.

    Raises:
        NotFound: There is none.
    """
    import catalog

    uri = catalog_uri(place_of(context))
    try:
        return catalog.open(uri)
    except NotFound as error:
        hint = f"create one with: parquetry init {uri}"
        raise NotFound(error.message, kind=error.kind, hint=hint) from error


def table_at(text: str) -> tuple[str, str]:
    """Splits ``orders@main~1``; without a ref it is main.

    Raises:
        UsageError: A side is missing.
    """
    table, at, ref = text.partition("@")
    if not table or (at and not ref):
        raise UsageError(f"{text!r} is not of the form TABLE@REF", hint="e.g. orders@main~1")
    return _bare(table), _bare(ref) or DEFAULT_REF


def _bare(name: str) -> str:
    """Returns a name without the quotes that SQL puts around it."""
    quoted = len(name) > 2 and name[0] == name[-1] == '"'
    return name[1:-1].replace('""', '"') if quoted else name
