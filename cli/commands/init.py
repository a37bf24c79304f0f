"""``parquetry init``: creates a catalog."""

from pathlib import Path
from typing import Annotated

import typer

from cli.location import bucket_options, place_of
from cli.options import Json
from cli.output import stdout
from cli.output.listing import show_json


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

    place = place_of(context)
    root = uri or place.given or "."
    created = catalog.create(root, **bucket_options(place))
    if json:
        show_json({"catalog": created.uri, "catalog_id": created.info.catalog_id})
    else:
        name = created.uri if Path(root).is_absolute() or root == "." else root
        stdout.line(f"created a catalog in {name}, with branch main")
