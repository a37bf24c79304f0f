"""The catalog behind the server."""

from catalog import Catalog
from catalog.serving.service import CatalogService
from catalog.serving.storage import storage_defaults
from catalog.serving.tables import TableCache
from cli.serve.application import Application
from cli.serve.token import Token


def catalog_application(cat: Catalog, *, token: Token | None) -> Application:
    """Returns the application that serves a catalog."""
    context = cat.context
    defaults = storage_defaults(context.repository.store)
    service = CatalogService(context, TableCache(context.repository), defaults=defaults)
    return Application(service.answer, token=token)
