"""Backfills from fix to merge: the part of the facade that runs them."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from catalog.merger import CatalogMerger
from catalog.storage.failures import tells_machine_errors

if TYPE_CHECKING:
    from catalog.model.fix import Fix
    from catalog.operations.backfill.report import BackfillReport
    from catalog.operations.contracts.given import GivenContracts
    from catalog.operations.fixes.arguments import Repetition
    from catalog.operations.merge.steps import Resolutions


@tells_machine_errors
class CatalogBackfiller(CatalogMerger):
    """Runs backfills, lists them, and takes them back; ``Catalog`` inherits it."""

    # long: one line for each argument
    def backfill(
        self,
        name: str,
        *,
        fix: "Fix | str | None" = None,
        command: Sequence[str] = (),
        outputs: Mapping[str, str] | None = None,
        for_each: "Repetition | None" = None,
        from_ref: str | None = None,
        into: str | None = None,
        contract: "GivenContracts | None" = None,
        refresh: bool = True,
        merge: bool = False,
        restart: bool = False,
        allow_empty: bool = False,
        allow_statements: bool = False,
        allow_commands: bool = False,
        jobs: int = 1,
        resolve: "Resolutions" = None,
        allow_failing: Mapping[str, str] | None = None,
        message: str | None = None,
    ) -> "BackfillReport":
        """Runs a fix on a branch of its own, ``backfill/NAME``, judges what it does, and merges it.

        Args:
            name: The name of the backfill. The same call again goes on where it stopped, and does
                no step twice.
            fix: SQL that changes tables. Without it and a command, the backfill goes on, if it
                must with the fix that the catalog stores.
            command: The words of a command that is the fix, instead of SQL.
            outputs: Where the command leaves tables, by table: directories, files or globs, whose
                snapshots are taken. Of a table with partitions, those that are there are replaced.
            for_each: What the fix is repeated for, by variable: the values, or a text as
                ``2024-01..2024-06``, ``EU,US`` or a query. Each makes one commit. A variable is
                ``$month`` in SQL, and in the environment of a command.
            from_ref: The commit of the target to begin from; None is where the target is. From an
                earlier one, the branch is rebased onto the target before it is judged.
            into: The target; None is the backfill's own, or ``main``.
            contract: What the change may do, beside what the target's own rules demand: a TOML
                file with a section ``[contract.NAME]``, what it says as a dictionary, or values.
                None is the backfill's own when it goes on or begins again.
            refresh: Whether derived tables that it makes stale are computed again.
            merge: Whether to merge it if it passes the gate of the target.
            restart: Whether to drop what is on the branch, and to begin again.
            allow_empty: Whether the fix may change nothing.
            allow_statements: Whether the fix that the catalog stores may run if it is any SQL.
            allow_commands: Whether the fix that the catalog stores may run if it is a command, and
                commands of derived tables.
            jobs: How many runs of the fix go side by side; what comes out is the same.
            resolve: The side to take where the target changed the same: ``ours`` is the target.
            allow_failing: Why checks, named as ``table.check``, may fail; as for ``merge``.
            message: The message of the merge; None makes one up.

        Returns:
            How far it is, and what it does to the target.

        Raises:
            InvalidInput: The fix failed, changes nothing, or an argument is not valid.
            AlreadyExists: The name is that of another backfill, or of one that was merged.
            Conflict: The branch was moved, so that what was done is no longer on it, or deleted.
            MergeConflict: The target changed the same differently.
            GateRefused: It was to be merged, and the gate of the target says no.
        """
        from catalog.flow.refresh.external import NO_COMMANDS, any_commands
        from catalog.operations.backfill.contract import stored_contracts
        from catalog.operations.backfill.run import Surroundings, refusal, run_backfill
        from catalog.operations.backfill.start import BackfillRequest
        from catalog.operations.fixes.arguments import fix_of
        from catalog.operations.gate.options import gate_options

        request = BackfillRequest(
            name=name,
            fix=fix_of(fix, command=command, outputs=outputs, repetition=for_each),
            from_ref=from_ref,
            into=into,
            contract=stored_contracts(contract),
            refresh=refresh,
            merge=merge,
            restart=restart,
            allow_empty=allow_empty,
            allow_statements=allow_statements,
            jobs=jobs,
            resolve=resolve,
            message=message,
            gate=gate_options((), allow_failing),
        )
        runs = any_commands() if allow_commands else NO_COMMANDS
        report = run_backfill(self.context, request, Surroundings(runs=runs))
        if merge and report.state == "refused":
            raise refusal(report)
        return report

    def backfills(self) -> "list[BackfillReport]":
        """Returns all backfills and how far they are, the one that began last first.

        Also those that were merged or abandoned, whose branches are gone. No data file is opened.
        """
        from catalog.operations.backfill.standing import backfills

        return backfills(self.context)

    def show_backfill(self, name: str) -> "BackfillReport":
        """Returns how far a backfill is, with what it does, or did, to its target.

        Once its fix has been run, the merge is made on trial, and the gate judges it; nothing is
        written.

        Raises:
            NotFound: There never was a backfill of that name.
        """
        from catalog.operations.backfill.standing import show_backfill

        return show_backfill(self.context, name)

    def abandon_backfill(self, name: str) -> "BackfillReport":
        """Deletes the branch of a backfill, and drops its merge if that is in conflict.

        Its commits and its reflog stay. One that was abandoned before is left as it is.

        Raises:
            NotFound: There never was a backfill of that name.
            InvalidInput: It was merged.
            Conflict: The branch is protected, or was moved meanwhile.
        """
        from catalog.operations.backfill.ending import abandon

        return abandon(self.context, name)

    def undo_backfill(
        self,
        name: str,
        *,
        resolve: "Resolutions" = None,
        refresh: bool = True,
        message: str | None = None,
    ) -> "BackfillReport":
        """Takes back what a merged backfill did, by rows and cells: later corrections stay.

        Derived tables are computed again in the same commit. The gate of the target judges it, as
        any other change; the backfill's own contract does not count. A protected target takes it
        too, since it takes back what came by a merge. One that was undone before is left as it is.

        Args:
            name: The backfill.
            resolve: The side to take where cells were changed again since: ``ours`` is the target.
            refresh: Whether derived tables that it makes stale are computed again.
            message: The message of the commit; None makes one up.

        Raises:
            NotFound: There never was a backfill of that name.
            InvalidInput: It was not merged.
            MergeConflict: Cells were changed again since; the target is not moved.
            GateRefused: The gate of the target says no.
        """
        from catalog.operations.backfill.ending import undo

        return undo(self.context, name, resolve=resolve, refresh=refresh, message=message)
