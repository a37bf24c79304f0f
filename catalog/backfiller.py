"""Backfills from fix to merge: the part of the facade that runs them."""

from catalog.merger import CatalogMerger
from catalog.storage.failures import tells_machine_errors


@tells_machine_errors
class CatalogBackfiller(CatalogMerger):
    """Runs backfills, lists them, and takes them back; ``Catalog`` inherits it."""
