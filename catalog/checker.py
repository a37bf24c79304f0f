"""What must hold of data, and of changes: the part of the facade that checks and judges."""

from catalog.reader import CatalogReader
from catalog.storage.failures import tells_machine_errors


@tells_machine_errors
class CatalogChecker(CatalogReader):
    """Checks tables and judges changes by contracts; ``CatalogMerger`` inherits it."""
