"""Care: the part of the facade that keeps a catalog whole, small and copied."""

from catalog.backfiller import CatalogBackfiller
from catalog.storage.failures import tells_machine_errors


@tells_machine_errors
class CatalogKeeper(CatalogBackfiller):
    """Takes care of what is stored; ``Catalog`` inherits it."""
