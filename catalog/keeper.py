"""Care: the part of the facade that keeps a catalog whole, small and copied."""

import datetime
from typing import TYPE_CHECKING

from catalog.backfiller import CatalogBackfiller
from catalog.storage.failures import tells_machine_errors

if TYPE_CHECKING:
    from catalog.care.gc.record import GcRecord
    from catalog.care.gc.run import GcReport
    from catalog.operations.care.gc import GcProgress


@tells_machine_errors
class CatalogKeeper(CatalogBackfiller):
    """Takes care of what is stored; ``Catalog`` inherits it."""

    def gc(
        self,
        *,
        grace: str | datetime.timedelta = "7d",
        reflog: str | datetime.timedelta = "30d",
        dry_run: bool = False,
        alone: bool = False,
        progress: "GcProgress | None" = None,
    ) -> "GcReport":
        """Removes what nothing reachable needs, once it has waited for a grace.

        A run lists what is garbage now, and removes what earlier runs have listed, has waited for
        the grace, and is still garbage. Branches, tags, what branches were moved away from
        lately, merges in conflict and backfills keep what they need. Files that are referenced, and
        those that links lead to, are never touched.

        Args:
            grace: How long what is listed stays, an hour at least: ``7d``, ``36h``.
            reflog: How long commits stay that a branch was moved away from.
            dry_run: Whether to tell only what would be done.
            alone: Whether nobody else works with the catalog, now and until it returns: then
                nothing waits, and what is garbage goes at once.
            progress: Takes what is being done, and how many of it.

        Returns:
            What was listed and removed.

        Raises:
            CorruptData: A ref, a commit or what one needs cannot be read; nothing was removed.
            Conflict: A clock was set back, or another run went on with what this one began.
            InvalidInput: The grace is too short.
        """
        from catalog.operations.care.gc import collect_garbage

        return collect_garbage(
            self.context,
            grace=grace,
            reflog=reflog,
            dry_run=dry_run,
            alone=alone,
            progress=progress,
        )

    def gc_log(self) -> "list[GcRecord]":
        """Returns what garbage collections did, the latest first."""
        from catalog.operations.care.gc import garbage_log

        return garbage_log(self.context)

    def gc_removed(self, record_id: str) -> list[str]:
        """Returns the paths of what a garbage collection removed, or was about to.

        Args:
            record_id: The id of its record.
        """
        from catalog.operations.care.gc import garbage_removed

        return garbage_removed(self.context, record_id)

    def gc_withdraw(self) -> int:
        """Withdraws what is listed and not yet being removed, and returns how many lists.

        What is on no list any more is listed anew by the next run, and waits for the whole grace.
        """
        from catalog.operations.care.gc import withdraw_lists

        return withdraw_lists(self.context)
