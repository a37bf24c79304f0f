"""Care: the part of the facade that keeps a catalog whole, small and copied."""

import datetime
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from catalog.backfiller import CatalogBackfiller
from catalog.repository.repository import DEFAULT_BRANCH
from catalog.storage.failures import tells_machine_errors

if TYPE_CHECKING:
    from catalog.care.fsck.run import FsckReport
    from catalog.care.gc.record import GcRecord
    from catalog.care.gc.run import GcReport
    from catalog.care.transfer.report import TransferProgress, TransferReport
    from catalog.care.transfer.run import Verification
    from catalog.operations.care.compact import CompactReport, TableFiles
    from catalog.operations.care.expire import ExpiryReport
    from catalog.operations.care.gc import GcProgress
    from catalog.operations.care.upgrade import UpgradeReport
    from catalog.storage.options import AzureOptions, GcsOptions, S3Options
    from catalog.write.compact.table import Progress


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

    def fsck(
        self,
        *,
        deep: bool = False,
        repair: bool = False,
        source: "CatalogKeeper | str | None" = None,
        dry_run: bool = False,
        progress: "GcProgress | None" = None,
    ) -> "FsckReport":
        """Verifies that everything is there, and is what was written.

        Nothing that is wrong ends it: each damaged object is one finding, with what it affects. By
        default it reads all references, commits, manifests and lists, and compares data files
        with a listing. It can run beside writers.

        Args:
            deep: Whether to read all data, too: to hash every byte, and to compare statistics,
                fingerprints and digests of rows with the rows.
            repair: Whether to repair what loses nothing: derived objects that are damaged are
                removed, and others replaced where the right bytes are found, by their hash.
            source: Another catalog with the same objects, such as a backup, or where it is: whole
                objects are taken from it.
            dry_run: Whether to tell only what would be repaired.
            progress: Takes what is done, and how many of it.

        Returns:
            What was verified and found; ``is_whole`` says whether anything is damaged.

        Raises:
            StorageFailure: The objects cannot be listed.
            InvalidInput: It is asked for a dry run, or another catalog, without a repair.
        """
        from catalog.operations.care.fsck import fsck, source_store

        return fsck(
            self.context,
            deep=deep,
            repair=repair,
            source=source_store(
                source.context.repository.store if isinstance(source, CatalogKeeper) else source
            ),
            dry_run=dry_run,
            progress=progress,
        )

    def compact(
        self,
        tables: Sequence[str] | None = None,
        *,
        branch: str = DEFAULT_BRANCH,
        target_bytes: int | None = None,
        partitions: Sequence[str] = (),
        dry_run: bool = False,
        message: str | None = None,
        progress: "Progress | None" = None,
    ) -> "CompactReport":
        """Puts the small data files of tables together, in one commit of the same rows.

        Files of less than half of the size are written again, sorted by the table's key, where a
        partition has several; without a key, rows keep the order of their files. Nothing else
        changes: no diff tells of a row, derived tables stay up to date, and the files of before
        stay in the commits that have them.

        Args:
            tables: The tables; None means all but file sets.
            branch: The branch.
            target_bytes: How large files are to be; None means 128 MB.
            partitions: Partitions of the tables as ``partitions`` lists them, such as
                ``day=2024-01-01``, or conditions on their columns; none means all.
            dry_run: Whether to report only what would be put together.
            message: The commit's message; None makes one up.
            progress: Called with a table, the bytes of its files that are done, and of all.

        Returns:
            The files of each table, before and after. Without small files there is no commit.

        Raises:
            NotFound: There is no such table or branch.
            InvalidInput: A table is a file set, or a partition or a size is not valid.
            CorruptData: A file is not what was committed.
            Conflict: The branch is protected.
        """
        from catalog.model.texts import listed
        from catalog.operations.care.compact import compact
        from catalog.write.compact.plan import TARGET_BYTES

        return compact(
            self.context,
            branch,
            tables=None if tables is None else listed(tables, "tables"),
            target_bytes=TARGET_BYTES if target_bytes is None else target_bytes,
            partitions=listed(partitions, "partitions"),
            dry_run=dry_run,
            message=message,
            progress=progress,
        )

    def file_gains(
        self,
        tables: Sequence[str] | None = None,
        *,
        ref: str = DEFAULT_BRANCH,
        target_bytes: int | None = None,
    ) -> "list[TableFiles]":
        """Returns how many small files tables have, and what ``compact`` would make of them.

        It opens no data file.

        Args:
            tables: The tables; None means all.
            ref: Where to look.
            target_bytes: How large files are to be; None means 128 MB.

        Raises:
            NotFound: There is no such table or ref.
        """
        from catalog.model.texts import listed
        from catalog.operations.care.compact import file_gains
        from catalog.write.compact.plan import TARGET_BYTES

        named = None if tables is None else listed(tables, "tables")
        size = TARGET_BYTES if target_bytes is None else target_bytes
        return file_gains(self.context, ref, tables=named, target_bytes=size)

    def expire(
        self,
        keep: "str | datetime.timedelta",
        *,
        keep_last: int = 1,
        keep_tags: bool = True,
        tables: Sequence[str] | None = None,
        dry_run: bool = False,
    ) -> "ExpiryReport":
        """Gives up the data of old commits: the next gc may drop what nothing else needs.

        History stays: ``log``, ``show``, ``tables``, ``lineage`` and diffs of metadata answer as
        before. Reading rows that are gone is an error of kind ``data-expired``. What a kept
        commit needs too stays, and can be read through both. Always kept are the commits at which
        branches are, or were in the last 30 days, where open branches parted from those that they
        may be merged into, what merges and backfills under way need, and what rules of branches
        demand.

        Args:
            keep: Commits younger than this are kept, such as ``90d``, and on each branch the one
                before them: it is what the branch was when that time began.
            keep_last: So many newest commits of each branch are kept, along first parents.
            keep_tags: Whether commits with a tag are kept.
            tables: The tables whose data is given up; None means all.
            dry_run: Whether to report what would expire, and what that would free, and to record
                nothing.

        Returns:
            What expired, and what keeps the others.

        Raises:
            InvalidInput: ``keep`` is no age or less than a day, or ``keep_last`` less than 1.
            NotFound: No branch has such a table.
            CorruptData: A ref, or the rules of a branch, cannot be read: nobody can say then what
                must be kept.
        """
        from catalog.operations.care.expire import expire

        return expire(
            self.context,
            keep,
            keep_last=keep_last,
            keep_tags=keep_tags,
            tables=tables,
            dry_run=dry_run,
        )

    def clone_to(
        self,
        destination: "str | os.PathLike[str]",
        *,
        s3: "S3Options | None" = None,
        gcs: "GcsOptions | None" = None,
        azure: "AzureOptions | None" = None,
        derived: bool = True,
        verify: "Verification | None" = None,
        dry_run: bool = False,
        progress: "TransferProgress | None" = None,
    ) -> "TransferReport":
        """Copies the catalog: all branches and tags, with their moves, rules and protection.

        Every byte is compared with its hash on the way. What was interrupted is continued by the
        same call; until it is whole, there is no catalog at the destination. ``fetch`` with
        ``mirror`` keeps the copy current from there. Files that the catalog only refers to are
        not copied.

        Args:
            destination: A directory, or ``s3://``, ``gs://`` or ``az://`` of a bucket that exists.
            s3: How S3 is reached for the destination.
            gcs: How Google Cloud Storage is.
            azure: How Azure Blob Storage is.
            derived: Whether fingerprints and digests come along, without which the first diffs
                there take longer.
            verify: What of the copy is compared once it is there: ``size``, the names and sizes
                of all objects, or also the ``hash`` of each. None compares nothing again.
            dry_run: Whether to report only what would be copied.
            progress: Called with how many objects were copied, 0, and words.

        Returns:
            What was copied, and what was not.

        Raises:
            AlreadyExists: There is a catalog, or there are parts of another one.
            CorruptData: The catalog is damaged. What is whole was copied; branches and tags that
                need what is missing were not made. The error's ``report`` has it all.
        """
        from catalog.care.transfer.run import VERIFICATION, TransferOptions, no_progress
        from catalog.model.texts import check_choice, path_text
        from catalog.operations.care.transfer import clone_to
        from catalog.storage.opening import open_store

        if verify is not None:
            check_choice(verify, "verify", VERIFICATION)
        place = path_text(destination, "the destination")
        store = open_store(place, s3=s3, gcs=gcs, azure=azure, new=not dry_run)
        options = TransferOptions(
            derived=derived, verify=verify, progress=progress or no_progress, dry_run=dry_run
        )
        return clone_to(self.context, store, options)

    # long: a paragraph for each argument
    def fetch(
        self,
        source: "str | os.PathLike[str]",
        *refs: str,
        branch: str | None = None,
        mirror: bool = False,
        full: bool = False,
        derived: bool = False,
        verify: "Verification | None" = None,
        dry_run: bool = False,
        s3: "S3Options | None" = None,
        gcs: "GcsOptions | None" = None,
        azure: "AzureOptions | None" = None,
        progress: "TransferProgress | None" = None,
    ) -> "TransferReport":
        """Brings commits of another copy of this catalog here, with what they need.

        A branch that is named is created here, or moved if it has no commits of its own; a tag is
        created. With ``mirror``, this catalog follows the source: every branch and tag becomes
        what it is there, with its moves, rules and protection, unless it was moved here.

        Args:
            source: The other copy.
            refs: Branches and tags of it; one may be any ref expression, if it gets a branch.
            branch: The name that the branch gets here; None is its name there.
            mirror: Whether to bring everything, to keep a backup current.
            full: Whether objects are looked for that should be here already, so that what is
                missing comes back.
            derived: Whether fingerprints and digests come along; only with ``mirror``.
            verify: What is compared once it is here, as in ``clone_to``.
            dry_run: Whether to report only what would be brought.
            s3: How S3 is reached for the source.
            gcs: How Google Cloud Storage is.
            azure: How Azure Blob Storage is.
            progress: Called with how many objects were copied, 0, and words.

        Returns:
            What was brought.

        Raises:
            NotFound: There is no catalog, or no such ref.
            InvalidInput: Neither refs are named nor a mirror is wanted.
            Conflict: The catalogs share no history; a branch here has other commits, or is
                protected or has rules; or a mirror was moved here. The error of a mirror has a
                ``report``: all else was brought.
            AlreadyExists: A tag of the name is another one.
            CorruptData: The source is damaged, as in ``clone_to``.
        """
        from catalog.care.transfer.run import VERIFICATION, TransferOptions, no_progress
        from catalog.errors import InvalidInput
        from catalog.model.texts import check_choice, path_text
        from catalog.operations.care import transfer
        from catalog.storage.opening import open_store

        if verify is not None:
            check_choice(verify, "verify", VERIFICATION)
        if mirror == bool(refs) or (mirror and branch is not None):
            raise InvalidInput(
                "name branches or tags to fetch, or fetch all of them as a mirror, and not both",
                hint=transfer.what_to_fetch(),
            )
        place = path_text(source, "the source")
        found = transfer.opened_source(open_store(place, s3=s3, gcs=gcs, azure=azure))
        options = TransferOptions(
            derived=derived,
            verify=verify,
            full=full,
            progress=progress or no_progress,
            dry_run=dry_run,
        )
        if mirror:
            return transfer.fetch_all(self.context, found, options)
        return transfer.fetch_refs(self.context, found, refs, branch=branch, options=options)

    def upgrade(self, *, dry_run: bool = False) -> "UpgradeReport":
        """Gives the catalog the newest format, which earlier releases do not open.

        Nothing but the description of the catalog is written. Before, make sure that no earlier
        release writes to it: one that has it open already goes on.

        Args:
            dry_run: Whether to tell only what would change.

        Returns:
            The format before and after.

        Raises:
            SwapLost: Somebody else has just upgraded it.
        """
        from catalog.operations.care.upgrade import upgrade_catalog

        return upgrade_catalog(self.context, dry_run=dry_run)
