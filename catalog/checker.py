"""What must hold of data, and of changes: the part of the facade that checks and judges."""

import datetime
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace as replace_fields
from typing import TYPE_CHECKING

from catalog.exporter import CatalogExporter
from catalog.repository.repository import DEFAULT_BRANCH
from catalog.storage.failures import tells_machine_errors

if TYPE_CHECKING:
    from catalog.model.check_functions import GivenFunctions
    from catalog.model.checks import TableCheck
    from catalog.model.listings import CommitInfo
    from catalog.operations.checks.report import CheckReport
    from catalog.operations.checks.sync import SyncReport
    from catalog.operations.contracts.given import GivenContracts
    from catalog.operations.contracts.report import ContractReport
    from catalog.write.publish import Judge


@tells_machine_errors
class CatalogChecker(CatalogExporter):
    """Checks tables and judges changes by contracts; ``CatalogMerger`` inherits it."""

    def check(
        self,
        tables: Sequence[str] | None = None,
        *,
        ref: str = DEFAULT_BRANCH,
        now: datetime.datetime | None = None,
        examples: int = 5,
        functions: "GivenFunctions" = None,
    ) -> "CheckReport":
        """Runs the checks that are stored with tables, all of a table in as few scans as possible.

        Args:
            tables: The tables; None means all that have checks.
            ref: The state that is checked; tables that checks name are those of the same commit.
            now: The moment that ``freshness`` is relative to; None is that of the call.
            examples: How many rows to keep of each check that fails.
            functions: The Python checks that may run; None are those of ``catalog.open``, as
                whose ``check_functions`` they are given.

        Returns:
            A result for each check. One that cannot be run, since its column is gone or its SQL
            fails, is ``broken``, which counts as failed.

        Raises:
            NotFound: There is no such table or ref.
        """
        from catalog.model.check_functions import given_functions
        from catalog.model.texts import listed
        from catalog.operations.checks.report import check_tables

        context = self.context
        if functions is not None:
            context = replace_fields(context, functions=given_functions(functions))
        named = None if tables is None else listed(tables, "tables")
        return check_tables(context, ref, tables=named, now=now, examples=examples)

    def checks(
        self, ref: str = DEFAULT_BRANCH, *, tables: Sequence[str] | None = None
    ) -> "list[TableCheck]":
        """Returns the checks that are stored with tables at a ref, by table and name.

        Args:
            ref: The ref.
            tables: The tables; None means all that have checks.

        Raises:
            NotFound: There is no such table or ref.
        """
        from catalog.model.texts import listed
        from catalog.operations.checks.listing import checks_at

        named = None if tables is None else listed(tables, "tables")
        return checks_at(self.repository, self.resolve(ref), tables=named)

    # long: one parameter for each property of a check
    def add_check(
        self,
        table: str,
        kind: str,
        *columns: str,
        branch: str = DEFAULT_BRANCH,
        name: str | None = None,
        where: str = "",
        severity: str = "error",
        error_if: str = "!= 0",
        warn_if: str = "!= 0",
        values: Sequence[object] | None = None,
        to: str | None = None,
        field: str | Sequence[str] | None = None,
        min: object = None,
        max: object = None,
        inclusive: bool | None = None,
        max_age: str | None = None,
        sql: str | None = None,
        parameters: Mapping[str, object] | None = None,
        replace: bool = False,
        message: str | None = None,
    ) -> "CommitInfo | None":
        """Stores a check with a table of a branch, in a commit.

        It is run on no rows before, so that it can be run at all; whether it holds is for
        ``check`` to find out.

        Args:
            table: The table.
            kind: What it looks at: ``not_null``, ``unique``, ``accepted_values``,
                ``relationships``, ``range``, ``row_count``, ``freshness``, ``sql`` or ``python``.
            columns: The columns that it is about; a field of a struct as ``address.city``.
            branch: The branch.
            name: Its name, unique in the table; None makes one of the kind and the columns.
            where: A condition on rows; only rows that meet it are looked at.
            severity: ``error``, or ``warn`` for what does not fail.
            error_if: From how many failures on it is an error, such as ``> 10``.
            warn_if: From how many failures on it is a warning.
            values: The accepted values.
            to: The table that a relationship leads to.
            field: Its column, or its columns, that are matched.
            min: The least value, or number of rows.
            max: The greatest value, or number of rows.
            inclusive: Whether values may be equal to the bounds; None is yes.
            max_age: How old the newest value may be, such as ``36h``.
            sql: A SELECT whose rows are failures.
            parameters: What a Python check is given.
            replace: Whether a check of the same name that means something else is replaced.
            message: The commit's message; None makes one up.

        Returns:
            The commit; None if the table has the check already.

        Raises:
            NotFound: There is no such table or column.
            InvalidInput: The check is not valid for the table.
            AlreadyExists: The table has another check of that name.
        """
        from catalog.operations.checks.change import change_checks, named_check

        given = {"values": values, "to": to, "field": field, "min": min, "max": max}
        given |= {"inclusive": inclusive, "max_age": max_age, "sql": sql}
        one = named_check(
            table,
            kind,
            columns,
            name=name,
            where=where,
            severity=severity,
            error_if=error_if,
            warn_if=warn_if,
            parameters=given,
            others={} if parameters is None else parameters,
        )
        return change_checks(
            self.context,
            branch,
            add=[one],
            replace=replace,
            message=message,
            judge=self._judge_of_checks(),
        )

    def drop_check(
        self, table: str, name: str, *, branch: str = DEFAULT_BRANCH, message: str | None = None
    ) -> "CommitInfo":
        """Drops a check of a table of a branch, in a commit.

        Raises:
            NotFound: There is no such table, or it has no check of that name.
        """
        from catalog.operations.checks.change import change_checks

        made = change_checks(
            self.context,
            branch,
            drop=[(table, name)],
            message=message,
            judge=self._judge_of_checks(),
        )
        assert made is not None, "a check was dropped"
        return made

    def judge(
        self,
        contracts: "GivenContracts",
        from_ref: str,
        to_ref: str = DEFAULT_BRANCH,
        *,
        names: Sequence[str] | None = None,
    ) -> "ContractReport":
        """Judges what changed between two refs by contracts.

        Args:
            contracts: A TOML file with sections ``[contract.NAME]``, what one says as a
                dictionary, or contracts.
            from_ref: The older ref, or a range ``A..B`` or ``A...B``.
            to_ref: The newer ref.
            names: The contracts that are meant; None means all.

        Returns:
            What they do not allow; ``kept`` says whether that is nothing.

        Raises:
            InvalidInput: A contract or a ref is not valid.
            NotFound: There is no such file, contract or ref.
        """
        from catalog.operations.contracts.given import given_contracts
        from catalog.operations.contracts.judge import judge_contracts
        from catalog.operations.contracts.report import ContractReport
        from catalog.operations.diff import resolve_ends

        found = given_contracts(contracts, names=names)
        before, after = resolve_ends(self.context, from_ref, to_ref)
        violations = judge_contracts(self.context, found, before, after)
        return ContractReport(before, after, tuple(c.name for c in found), tuple(violations))

    def sync_checks(
        self,
        *files: "str | os.PathLike[str]",
        branch: str = DEFAULT_BRANCH,
        root: "str | os.PathLike[str] | None" = None,
        tables: Mapping[str, str] | None = None,
        replace: bool = False,
        prune: bool = False,
        allow_partial: bool = False,
        dry_run: bool = False,
        message: str | None = None,
    ) -> "SyncReport":
        """Takes over, in one commit, the checks that files state.

        Each check keeps of which file it is. So the next time, checks that the file does not
        state any more are dropped, and all others stay.

        Args:
            files: A ``parquetry.toml``, ``schema.yml`` of dbt or data contracts of ODCS.
            branch: The branch.
            root: The directory of the project: files are known by their paths from there. None
                is the working directory.
            tables: Tables by the names that the files give them instead.
            replace: Whether checks of the same names may be replaced that are not of these files.
            prune: Whether checks of all other files are dropped.
            allow_partial: Whether the rest is taken over if some rules cannot be: no check means
                the same, or the branch does not have the table.
            dry_run: Whether only to say what would change.
            message: The commit's message; None makes one up.

        Returns:
            What changed; the commit is None if nothing did.

        Raises:
            NotFound: A file, or a table or column that one names, does not exist.
            InvalidInput: A rule cannot be held by a check, or is not valid; the message lists all
                that are wrong.
            AlreadyExists: A check that is not of these files has the name of one of them.
            Unsupported: The library that a file needs is not installed.
        """
        from catalog.flow.check_sources.reading import read_sources
        from catalog.operations.checks.sync import SyncOptions, sync_checks

        options = SyncOptions(
            tables=tables or {},
            replace=replace,
            prune=prune,
            allow_partial=allow_partial,
            dry_run=dry_run,
            message=message,
        )
        sources = read_sources(files, root=root)
        judge = self._judge_of_checks()
        return sync_checks(self.context, branch, sources, options, judge=judge)

    def _judge_of_checks(self) -> "Judge":
        """Returns what judges a commit that changes checks, if the branch says so."""
        from catalog.operations.gate.gate import Gate

        return Gate(self.context, "this change of checks", direct=True).judge
