"""Upgrades of the format of an open catalog."""

from catalog.dataclasses import dataclass
from catalog.operations.context import OperationContext
from catalog.repository.repository import FORMAT_VERSION, read_info, upgrade


@dataclass(frozen=True, slots=True)
class UpgradeReport:
    """What an upgrade did, or would do.

    Attributes:
        before: The format version that the catalog had.
        after: The one that it has, or would have.
    """

    before: int
    after: int

    @property
    def is_changed(self) -> bool:
        """Returns whether it is another format."""
        return self.before != self.after


def upgrade_catalog(context: OperationContext, *, dry_run: bool) -> UpgradeReport:
    """Upgrades the catalog; see ``Catalog.upgrade``."""
    before = read_info(context.repository.store).format_version
    if not dry_run:
        upgrade(context.repository)
    return UpgradeReport(before, max(before, FORMAT_VERSION))
