"""The facade: one object per open catalog, whose short methods delegate downwards."""

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from catalog.errors import ErrorKind, NotFound
from catalog.reader import CatalogReader, default_author, utc_now
from catalog.repository import repository as stored
from catalog.repository.repository import DEFAULT_BRANCH
from catalog.storage.opening import open_store

if TYPE_CHECKING:
    from catalog.operations.merge.steps import MergeReport, Resolutions
    from catalog.operations.replay import RebaseReport
    from catalog.operations.reset import Reset
    from catalog.operations.status import Source, TableStatus
    from catalog.operations.transaction import CatalogTransaction
    from catalog.storage.options import AzureOptions, GcsOptions, S3Options
    from catalog.write.merge.table import MergeProgress


class Catalog(CatalogReader):
    """Versions many tables as one; see ``catalog.create`` and ``catalog.open``."""

    @staticmethod
    def create(
        uri: "str | os.PathLike[str]",
        *,
        author: str | None = None,
        s3: "S3Options | None" = None,
        gcs: "GcsOptions | None" = None,
        azure: "AzureOptions | None" = None,
        cache: str | None = None,
    ) -> "Catalog":
        """Creates an empty catalog and opens it; see ``catalog.create``."""
        uri = os.fspath(uri)
        found = open_store(uri, s3=s3, gcs=gcs, azure=azure, cache=cache, new=True)
        repository = stored.create(found.store, author=author or default_author(), now=utc_now())
        return Catalog(found.uri, repository, author=author)

    @staticmethod
    def open(
        uri: "str | os.PathLike[str]",
        *,
        author: str | None = None,
        s3: "S3Options | None" = None,
        gcs: "GcsOptions | None" = None,
        azure: "AzureOptions | None" = None,
        cache: str | None = None,
    ) -> "Catalog":
        """Opens a catalog; see ``catalog.open``."""
        uri = os.fspath(uri)
        found = open_store(uri, s3=s3, gcs=gcs, azure=azure, cache=cache)
        try:
            repository = stored.open_existing(found.store)
        except NotFound as error:
            if error.kind != ErrorKind.CATALOG_NOT_FOUND:
                raise
            raise NotFound(f"no catalog in {uri}", kind=error.kind, hint=error.advice) from error
        return Catalog(found.uri, repository, author=author)

    def transaction(
        self,
        branch: str = DEFAULT_BRANCH,
        *,
        message: str | None = None,
        metadata: Mapping[str, str] | None = None,
        author: str | None = None,
        isolation: Literal["snapshot", "serializable"] = "snapshot",
        allow_empty: bool = False,
        idempotency_key: str | None = None,
        dry_run: bool = False,
    ) -> "CatalogTransaction":
        """Starts a transaction over any number of tables.

        Args:
            branch: The branch it commits to.
            message: What the commit is about; None makes one up.
            metadata: Free text by key, kept in the commit.
            author: Who commits; None is the catalog's author.
            isolation: ``snapshot``: what others change meanwhile is a conflict where this
                transaction changes it too; ``serializable``: also in tables that it read.
            allow_empty: Whether to commit although nothing changed.
            idempotency_key: A name for what is done: of all transactions of one key on the
                branch, one is committed, so that a pipeline may run again after a failure.
            dry_run: Whether to find out what would change and write nothing.

        Returns:
            A context manager: leaving it commits, an exception inside drops it.

        Raises:
            NotFound: There is no such branch.
        """
        from catalog.operations.transaction import CatalogTransaction

        return CatalogTransaction(
            self,
            branch,
            message=message,
            metadata=metadata or {},
            author=author or self.author,
            isolation=isolation,
            allow_empty=allow_empty,
            idempotency_key=idempotency_key,
            dry_run=dry_run,
        )

    def status(
        self, sources: "Sequence[Source]", *, branch: str = DEFAULT_BRANCH
    ) -> "list[TableStatus]":
        """Tells what a snapshot of some sources would change; writes nothing."""
        from catalog.operations.status import status

        return status(self, sources, branch)

    def merge(
        self,
        source: str,
        *,
        into: str = DEFAULT_BRANCH,
        message: str | None = None,
        squash: bool = False,
        resolve: "Resolutions" = None,
        dry_run: bool = False,
        progress: "MergeProgress | None" = None,
    ) -> "MergeReport":
        """Merges what a ref has into a branch: all tables at once, by partitions, rows, cells.

        Args:
            source: A branch, tag or other ref expression.
            into: The branch; a protected one too.
            message: The commit's message; None makes one up.
            squash: Whether the commit has the branch as its only parent.
            resolve: ``ours`` (the branch) or ``theirs`` (the source) where both changed the
                same in unlike ways: for all tables, or by table. None leaves a conflict.
            dry_run: Whether to find out only; conflicts are reported then, not raised.
            progress: Told a table that both changed, how many of its rows are compared, and
                how many are to be.

        Returns:
            What was merged. The commit is None if the branch had everything already.

        Raises:
            MergeConflict: Both changed the same in unlike ways. The branch is not moved; a
                branch ``merge/<source>-into-<branch>`` holds the rest, to be settled.
            NotFound: A ref does not exist.
        """
        from catalog.operations.merge.steps import merge_into

        return merge_into(
            self,
            source,
            into,
            message=message,
            squash=squash,
            resolve=resolve,
            dry_run=dry_run,
            progress=progress,
        )

    def continue_merge(
        self,
        source: str | None = None,
        *,
        into: str | None = None,
        message: str | None = None,
        resolve: "Resolutions" = None,
        progress: "MergeProgress | None" = None,
    ) -> "MergeReport":
        """Completes a merge that was in conflict, with what was settled on its branch.

        Args:
            source: What is merged, or the branch that holds the merge; None if there is one.
            into: The branch merged into; None means any.
            message: The commit's message; None takes that of the merge as it was begun.
            resolve: The side to take for all that is not settled.
            progress: As for ``merge``.

        Raises:
            MergeConflict: Something is not settled, or the branch moved and clashes anew.
            NotFound: No such merge is under way.
        """
        from catalog.operations.merge.resume import continue_merge

        return continue_merge(
            self, source, into, message=message, resolve=resolve, progress=progress
        )

    def abort_merge(self, source: str | None = None, *, into: str | None = None) -> str:
        """Drops a merge that was in conflict, and returns the branch that held it.

        Raises:
            NotFound: No such merge is under way.
        """
        from catalog.operations.merge.resume import abort_merge

        return abort_merge(self, source, into).branch

    def cherry_pick(
        self,
        ref: str,
        *,
        branch: str = DEFAULT_BRANCH,
        resolve: "Resolutions" = None,
        mainline: int = 1,
        dry_run: bool = False,
        progress: "MergeProgress | None" = None,
    ) -> "MergeReport":
        """Makes on a branch what one commit did, by rows and cells.

        Args:
            ref: The commit.
            branch: The branch.
            resolve: The side to take in a conflict: ``ours`` is the branch.
            mainline: Which parent of a merge its changes are relative to.
            dry_run: Whether to find out only; conflicts are reported then, not raised.
            progress: As for ``merge``.

        Raises:
            MergeConflict: The branch changed the same in unlike ways; it is not moved.
        """
        from catalog.operations.replay import cherry_pick

        return cherry_pick(
            self,
            ref,
            branch,
            resolve=resolve,
            mainline=mainline,
            dry_run=dry_run,
            progress=progress,
        )

    def revert(
        self,
        *refs: str,
        branch: str = DEFAULT_BRANCH,
        tables: Sequence[str] | None = None,
        allow_partial: bool = False,
        message: str | None = None,
        resolve: "Resolutions" = None,
        mainline: int = 1,
        dry_run: bool = False,
        progress: "MergeProgress | None" = None,
    ) -> "MergeReport":
        """Takes back what commits did, by rows and cells: what was corrected later stays.

        Args:
            refs: Commits, or ranges ``A..B`` of them.
            branch: The branch.
            tables: The tables to take back; None means all.
            allow_partial: Whether these may be fewer than the commits changed.
            message: The commit's message; None makes one up.
            resolve: The side to take in a conflict: ``ours`` is the branch.
            mainline: Which parent of a merge its changes are relative to.
            dry_run: Whether to find out only what all of it together would change; conflicts
                of the first commit that has some are reported then, not raised.
            progress: As for ``merge``, of one commit after the other.

        Raises:
            MergeConflict: Cells were changed again since; the branch is not moved.
            InvalidInput: Other tables were changed by the same commits.
        """
        from catalog.operations.replay import revert

        return revert(
            self,
            refs,
            branch,
            tables=tables,
            allow_partial=allow_partial,
            message=message,
            resolve=resolve,
            mainline=mainline,
            dry_run=dry_run,
            progress=progress,
        )

    def rebase(
        self,
        branch: str,
        *,
        onto: str = DEFAULT_BRANCH,
        resolve: "Resolutions" = None,
        dry_run: bool = False,
        progress: "MergeProgress | None" = None,
    ) -> "RebaseReport":
        """Makes the commits of a branch again on another base, by rows and cells.

        Args:
            branch: The branch.
            onto: The new base.
            resolve: The side to take in a conflict: ``ours`` is the new base.
            dry_run: Whether to find out only which commits and partitions are concerned.
            progress: As for ``merge``, of one commit after the other.

        Returns:
            The new commits, and the partitions that arrived since the branch was made.

        Raises:
            MergeConflict: The new base changed the same in unlike ways; nothing is moved.
            Conflict: The branch is protected, or was moved meanwhile.
        """
        from catalog.operations.replay import rebase

        return rebase(self, branch, onto, resolve=resolve, dry_run=dry_run, progress=progress)

    def reset(self, branch: str, *, to: str, dry_run: bool = False) -> "Reset":
        """Moves a branch to any commit; its reflog keeps where it was, so nothing is lost.

        Args:
            branch: The branch.
            to: The ref expression of the commit; ``@{N}`` alone is of this branch.
            dry_run: Whether to find out what would happen and move nothing.

        Returns:
            Where it stood and stands, and how many commits it lost and won. A branch that
            stands there already makes no move.

        Raises:
            NotFound: There is no such branch, or ``to`` stands for nothing.
            InvalidInput: ``to`` is no ref expression.
            Conflict: The branch is protected, or somebody else moved it meanwhile.
        """
        from catalog.operations.reset import reset_branch

        return reset_branch(self, branch, to=to, dry_run=dry_run)
