"""``parquetry init``: creates a catalog."""

from pathlib import Path
from typing import Annotated

import typer

from cli.location import bucket_options, named_uri
from cli.options import Json
from cli.output.listing import show_outcome


def init(
    context: typer.Context,
    uri: Annotated[
        str | None,
        typer.Argument(
            metavar="[URI]",
            help="A directory, or s3://, gs:// or az://BUCKET/PREFIX. Default: -C, else here.",
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Create an empty catalog with a branch main.

    Examples:
      parquetry init lake
      cd lake && parquetry init
      parquetry init s3://bucket/lake
    """
    import catalog
    from catalog.model.texts import path_text

    root = path_text(uri or named_uri(context) or ".", "the catalog's place")
    created = catalog.create(root, **bucket_options(root, context, named=root != "."))
    name = created.uri if Path(root).is_absolute() or root == "." else root
    outcome = {"catalog": created.uri, "catalog_id": created.info.catalog_id}
    show_outcome(outcome, f"created a catalog in {name}, with branch main", json=json)
