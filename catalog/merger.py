"""What brings changes from one branch to another: the part of the facade that merges."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from catalog.checker import CatalogChecker
from catalog.dataclasses import replace
from catalog.repository.repository import DEFAULT_BRANCH
from catalog.storage.failures import tells_machine_errors

if TYPE_CHECKING:
    from catalog.operations.contracts.given import GivenContracts
    from catalog.operations.merge.steps import MergeReport, Resolutions
    from catalog.operations.rebase import RebaseReport
    from catalog.write.merge.ends import MergeProgress


@tells_machine_errors
class CatalogMerger(CatalogChecker):
    """Merges, rebases, cherry-picks and reverts; ``CatalogBackfiller`` inherits it."""

    # long: a paragraph for each argument
    def merge(
        self,
        source: str,
        *,
        into: str = DEFAULT_BRANCH,
        message: str | None = None,
        squash: bool = False,
        resolve: "Resolutions" = None,
        refresh: bool = True,
        contracts: "GivenContracts" = (),
        allow_failing: Mapping[str, str] | None = None,
        dry_run: bool = False,
        changes: bool = False,
        progress: "MergeProgress | None" = None,
    ) -> "MergeReport":
        """Merges a ref into a branch: all tables at once, by partitions, rows and cells.

        Args:
            source: A branch, tag or other ref expression.
            into: The branch; it may be protected.
            message: The commit's message; None makes one up.
            squash: Whether the commit has the branch as its only parent.
            resolve: The side to take where both changed the same cells, rows or schema
                differently: ``ours`` (the branch) or ``theirs`` (the source), for all tables or
                by table. None leaves a conflict.
            refresh: Whether derived tables that the merge makes stale are computed again, in the
                same commit; else they are left stale. What a command computes is never run.
            contracts: What the change may do, beside the contracts of the branch: a TOML file,
                what one says, or contracts.
            allow_failing: Why checks, named as ``table.check``, may fail. Only those may that the
                rules of the branch name; the commit records the reason.
            dry_run: Whether to report only, without merging; conflicts, and what the gate
                refuses, are then reported, not raised.
            changes: Whether a dry run also reports what would change on the branch, as a diff
                does, with distributions and some of the changed rows.
            progress: Receives a table that both changed, how many of its rows have been
                compared, and how many there are to compare; and each derived table that was
                computed, with two zeros.

        Returns:
            What was merged. The commit is None if the branch had everything already.

        Raises:
            MergeConflict: Both changed the same differently. The branch is not moved; a
                branch ``merge/<source>-into-<branch>`` holds the merge until it is settled.
            GateRefused: A check fails, or a contract or a hook does not allow the change; the
                branch is not moved.
            NotFound: A ref does not exist.
            InvalidInput: A derived table cannot be computed from what is merged.
        """
        from catalog.operations.gate.options import gate_options
        from catalog.operations.merge.start import merge_into, merge_request

        request = merge_request(
            source,
            into,
            message,
            squash=squash,
            resolve=resolve,
            refresh=refresh,
            gate=gate_options(contracts, allow_failing),
            changes=changes,
        )
        return self._with_rows(
            merge_into(self.context, request, dry_run=dry_run, progress=progress)
        )

    def continue_merge(
        self,
        source: str | None = None,
        *,
        into: str | None = None,
        message: str | None = None,
        resolve: "Resolutions" = None,
        refresh: bool = True,
        contracts: "GivenContracts" = (),
        allow_failing: Mapping[str, str] | None = None,
        progress: "MergeProgress | None" = None,
    ) -> "MergeReport":
        """Completes a merge in conflict, with what was settled on its branch.

        Args:
            source: What is merged, or the branch that holds the merge; None if only one merge is
                in conflict.
            into: The branch merged into; None means any.
            message: The commit's message; None takes the one the merge was started with.
            resolve: The side to take for all that is not settled.
            refresh: As for ``merge``.
            contracts: As for ``merge``.
            allow_failing: As for ``merge``.
            progress: As for ``merge``.

        Raises:
            MergeConflict: Something is not settled, or the branch has moved and conflicts again.
            GateRefused: As for ``merge``; the merge stays where it is.
            NotFound: No such merge is in conflict.
        """
        from catalog.operations.gate.options import gate_options
        from catalog.operations.merge.resume import continue_merge

        report = continue_merge(
            self.context,
            source,
            into=into,
            message=message,
            resolve=resolve,
            refresh=refresh,
            progress=progress,
            options=gate_options(contracts, allow_failing),
        )
        return self._with_rows(report)

    def abort_merge(self, source: str | None = None, *, into: str | None = None) -> str:
        """Drops a merge in conflict, and returns the branch that held it.

        Raises:
            NotFound: No such merge is in conflict.
        """
        from catalog.operations.merge.resume import abort_merge

        return abort_merge(self.context, source, into).branch

    def cherry_pick(
        self,
        ref: str,
        *,
        branch: str = DEFAULT_BRANCH,
        resolve: "Resolutions" = None,
        mainline: int = 1,
        refresh: bool = True,
        contracts: "GivenContracts" = (),
        allow_failing: Mapping[str, str] | None = None,
        dry_run: bool = False,
        progress: "MergeProgress | None" = None,
    ) -> "MergeReport":
        """Applies the changes of one commit to a branch, by rows and cells.

        Args:
            ref: The commit.
            branch: The branch.
            resolve: The side to take in a conflict: ``ours`` is the branch.
            mainline: Which parent of a merge its changes are relative to.
            refresh: As for ``merge``.
            contracts: As for ``merge``.
            allow_failing: As for ``merge``.
            dry_run: Whether to report only; conflicts, and what the gate refuses, are then
                reported, not raised.
            progress: As for ``merge``.

        Raises:
            MergeConflict: The branch changed the same differently; it is not moved.
            GateRefused: As for ``merge``.
        """
        from catalog.operations.gate.options import gate_options
        from catalog.operations.replay import ReplayOptions, cherry_pick

        options = ReplayOptions(
            branch=branch,
            resolve=resolve,
            mainline=mainline,
            dry_run=dry_run,
            refresh=refresh,
            progress=progress,
            gate=gate_options(contracts, allow_failing),
        )
        return self._with_rows(cherry_pick(self.context, ref, options))

    def revert(
        self,
        *refs: str,
        branch: str = DEFAULT_BRANCH,
        tables: Sequence[str] | None = None,
        allow_partial: bool = False,
        message: str | None = None,
        resolve: "Resolutions" = None,
        mainline: int = 1,
        refresh: bool = True,
        contracts: "GivenContracts" = (),
        allow_failing: Mapping[str, str] | None = None,
        dry_run: bool = False,
        progress: "MergeProgress | None" = None,
    ) -> "MergeReport":
        """Takes back what commits did, by rows and cells: later corrections stay.

        Args:
            refs: Commits, or ranges ``A..B`` of them.
            branch: The branch.
            tables: The tables to take back; None means all.
            allow_partial: Whether the commits may have changed other tables as well.
            message: The commit's message; None makes one up.
            resolve: The side to take in a conflict: ``ours`` is the branch.
            mainline: Which parent of a merge its changes are relative to.
            refresh: As for ``merge``.
            contracts: As for ``merge``.
            allow_failing: As for ``merge``.
            dry_run: Whether to report only what all of it together would change, and what the
                gate says; the conflicts of the first commit that has some are then reported, not
                raised.
            progress: As for ``merge``, of one commit after the other.

        Raises:
            MergeConflict: Cells were changed again since; the branch is not moved.
            GateRefused: As for ``merge``.
            InvalidInput: The same commits changed other tables.
        """
        from catalog.operations.gate.options import gate_options
        from catalog.operations.replay import ReplayOptions, revert

        options = ReplayOptions(
            branch=branch,
            resolve=resolve,
            mainline=mainline,
            dry_run=dry_run,
            refresh=refresh,
            progress=progress,
            gate=gate_options(contracts, allow_failing),
        )
        report = revert(
            self.context,
            refs,
            options,
            tables=tables,
            allow_partial=allow_partial,
            message=message,
        )
        return self._with_rows(report)

    def rebase(
        self,
        branch: str,
        *,
        onto: str = DEFAULT_BRANCH,
        resolve: "Resolutions" = None,
        refresh: bool = True,
        dry_run: bool = False,
        progress: "MergeProgress | None" = None,
    ) -> "RebaseReport":
        """Makes the commits of a branch again on another base, by rows and cells.

        Args:
            branch: The branch.
            onto: The new base.
            resolve: The side to take in a conflict: ``ours`` is the new base.
            refresh: Whether derived tables that this makes stale are computed again, in one more
                commit at the end; in the commits below they may be stale.
            dry_run: Whether to report only which commits and partitions are affected.
            progress: As for ``merge``, of one commit after the other.

        Returns:
            The new commits, and the partitions that arrived since the branch was made.

        Raises:
            MergeConflict: The new base changed the same differently; nothing is moved.
            Conflict: The branch is protected, or was moved meanwhile.
        """
        from catalog.operations.rebase import rebase

        report = rebase(
            self.context,
            branch,
            onto=onto,
            resolve=resolve,
            refresh=refresh,
            dry_run=dry_run,
            progress=progress,
        )
        if report.after is None:
            return report
        from catalog.operations.merge.row_counts import rows_changed

        rows = rows_changed(self.context, report.onto, report.after)
        return replace(report, rows=rows)

    def _with_rows(self, report: "MergeReport") -> "MergeReport":
        """Returns a report that tells how many rows the commit changed, if one was made."""
        from catalog.operations.merge.row_counts import with_rows

        commit = report.commit
        return report if commit is None else with_rows(self.context, report, commit.id)
