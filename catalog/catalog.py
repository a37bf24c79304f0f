"""The facade: one object per open catalog, whose short methods delegate downwards."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from catalog.errors import AlreadyExists, ErrorKind, NotFound
from catalog.hints import Call, hint
from catalog.keeper import CatalogKeeper
from catalog.messages import shown
from catalog.model.check_functions import GivenFunctions, given_functions
from catalog.model.datafile import VERIFY
from catalog.model.hooks import Given, Hooks, given_hooks
from catalog.model.limits import TIME_LIMIT_S, limited_to
from catalog.model.texts import check_choice, path_text
from catalog.operations.context import default_author
from catalog.repository import repository as stored
from catalog.repository.clock import utc_now
from catalog.repository.repository import DEFAULT_BRANCH
from catalog.storage.failures import tells_machine_errors
from catalog.storage.opening import open_store, outer_stores

if TYPE_CHECKING:
    from catalog.engine.executor import Executor
    from catalog.flow.refresh.run import StepProgress
    from catalog.model.datafile import Verify
    from catalog.model.derived import Definition
    from catalog.model.listings import CommitInfo
    from catalog.operations.flow.derive import DeriveReport
    from catalog.operations.flow.refresh import RefreshReport
    from catalog.operations.overview import Overview
    from catalog.operations.reset import Reset
    from catalog.operations.status import Source, TableStatus
    from catalog.operations.table_history.run import ImportProgress, ImportReport
    from catalog.operations.transaction import CatalogTransaction
    from catalog.storage.options import AzureOptions, GcsOptions, S3Options


@tells_machine_errors
class Catalog(CatalogKeeper):
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
        verify: "Verify" = "size",
    ) -> "Catalog":
        """Creates an empty catalog and opens it; see ``catalog.create``."""
        uri = path_text(uri, "the catalog's place")
        check_choice(verify, "verify", VERIFY)
        store = open_store(uri, s3=s3, gcs=gcs, azure=azure, cache=cache, new=True)
        for outer in outer_stores(store):
            if stored.is_catalog(outer):
                raise AlreadyExists(
                    f"{uri} is inside the catalog {outer.location}, whose files those of another "
                    "catalog would be mixed with",
                    kind=ErrorKind.CATALOG_EXISTS,
                    hint="choose a place outside of it",
                )
        try:
            repository = stored.create(
                store, author=author or default_author(), now=utc_now(), verify=verify
            )
        except AlreadyExists as error:
            message = f"there is already a catalog in {uri}"
            raise AlreadyExists(message, kind=error.kind, hint=error.advice) from error
        return Catalog(store.location, repository, author=author)

    @staticmethod
    def open(
        uri: "str | os.PathLike[str]",
        *,
        author: str | None = None,
        s3: "S3Options | None" = None,
        gcs: "GcsOptions | None" = None,
        azure: "AzureOptions | None" = None,
        cache: str | None = None,
        verify: "Verify" = "size",
        time_limit_s: float | None = TIME_LIMIT_S,
        hooks: "Mapping[str, Given] | Callable[[], Hooks] | None" = None,
        check_functions: GivenFunctions = None,
        executor: "Executor | None" = None,
    ) -> "Catalog":
        """Opens a catalog; see ``catalog.open``."""
        uri = path_text(uri, "the catalog's place")
        check_choice(verify, "verify", VERIFY)
        store = open_store(uri, s3=s3, gcs=gcs, azure=azure, cache=cache)
        try:
            limits = limited_to(time_limit_s)
            repository = stored.open_existing(store, verify=verify, limits=limits)
        except NotFound as error:
            if error.kind != ErrorKind.CATALOG_NOT_FOUND:
                raise
            advice = hint("create one with: {}", Call("create", (uri,)))
            raise NotFound(f"no catalog in {uri}", kind=error.kind, hint=advice) from error
        opened = Catalog(store.location, repository, author=author)
        opened.context = replace(
            opened.context,
            hooks=given_hooks(hooks),
            functions=given_functions(check_functions),
            executor=executor,
        )
        return opened

    def __repr__(self) -> str:
        return f"<Catalog {shown(self.uri)}>"

    def __str__(self) -> str:
        return "\n".join(self._overview().lines())

    def _repr_html_(self) -> str:
        return self._overview().html()

    def _overview(self) -> "Overview":
        from catalog.operations.overview import overview

        return overview(self.context, shown(self.uri))

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
        inputs: Sequence[str] = (),
        code: Mapping[str, str] | None = None,
        dry_run: bool = False,
    ) -> "CatalogTransaction":
        """Starts a transaction over any number of tables.

        Args:
            branch: The branch it commits to.
            message: The commit's message; None makes one up.
            metadata: Free text by key, kept in the commit.
            author: Who commits; None is the catalog's author.
            isolation: ``snapshot``: what others change meanwhile is a conflict where this
                transaction changes it too; ``serializable``: also in tables that it read.
            allow_empty: Whether to commit although nothing changed.
            idempotency_key: A name for what is done: of all transactions with one key on the
                branch, one is committed, so that a pipeline can run again after a failure.
            inputs: Tables that everything written was made from, as ``TABLE@REF``, to be recorded
                beside those that SQL is seen to read. Without a ref it is the branch's.
            code: The code that writes, as texts by name, to be recorded. None finds it: the file
                that called, and the commit of the git repository that it lies in.
            dry_run: Whether to report what would change, without writing anything.

        Returns:
            A context manager: leaving it commits, an exception inside drops it.

        Raises:
            NotFound: There is no such branch.
        """
        from catalog.operations.transaction import CatalogTransaction
        from catalog.write.transaction import Authorship

        about = Authorship(
            branch,
            author or self.context.author,
            message=message,
            metadata=metadata or {},
            isolation=isolation,
            allow_empty=allow_empty,
            key=idempotency_key,
        )
        return CatalogTransaction(self.context, about, inputs=inputs, code=code, dry_run=dry_run)

    def import_history(
        self,
        source: "str | os.PathLike[str]",
        *,
        table: str,
        format: Literal["auto", "delta", "iceberg"] = "auto",
        branch: str | None = None,
        from_version: int | str | None = None,
        to_version: int | str | None = None,
        mode: Literal["copy", "link", "reference"] = "reference",
        key: Sequence[str] | None = None,
        progress: "ImportProgress | None" = None,
    ) -> "ImportReport":
        """Makes a commit of each version that the log of a table of another format still has.

        The commits have the times, authors and messages of the log, and their metadata tell more
        of it, such as ``delta.version``; no time is before that of the version before. They are
        on a branch that begins with a commit without parents. Versions that change no rows get
        commits too: one commit back is one version back.

        The same call again takes the versions that came since. Each is committed by itself, so
        that an import that was stopped is continued by the next.

        Args:
            source: The table: its directory, a URI, or a name in a catalog of PyIceberg.
            table: The table here.
            format: What the source is; ``auto`` finds out.
            branch: The branch; None is ``import/`` and the table.
            from_version: The version to begin from: its number, a time or a tag. None is the
                oldest that the log still has, and where the branch exists the next.
            to_version: The version to end with; None is the newest.
            mode: How the bytes get in: ``reference`` leaves the files where they are, so that a
                vacuum there deletes old versions here too; ``link`` and ``copy`` keep them.
            key: Key columns; None takes them from the table.
            progress: Called before each with how many are done, how many there are, what is next.

        Raises:
            NotFound: There is no such table, or no such version.
            InvalidInput: The branch was changed by others since, or has another table's versions.
            AlreadyExists: The branch has no imported versions.
            Conflict: The branch is protected, or somebody moved it meanwhile.
            CorruptData: The log has a gap or is damaged, lost the versions that come next, or a
                data file is missing; the message names the version.
            Unsupported: The table has a feature that is not known; the message names it.
        """
        from catalog.model.texts import listed, version_text
        from catalog.operations.table_history.run import ImportRequest, import_history

        first, last = map(version_text, (from_version, to_version))
        request = ImportRequest(
            source=path_text(source, "the source"),
            table=table,
            format=format,
            branch=branch,
            first=first,
            last=last,
            mode=mode,
            key=None if key is None else listed(key, "key"),
        )
        return import_history(self.context, request, progress or (lambda done, total, what: None))

    def status(
        self, sources: "Sequence[Source]", *, branch: str = DEFAULT_BRANCH
    ) -> "list[TableStatus]":
        """Returns what a snapshot of some sources would change, without writing anything."""
        from catalog.operations.status import status

        return status(self.context, sources, branch)

    def derive(
        self,
        table: str,
        sql: "str | Definition",
        *,
        branch: str = DEFAULT_BRANCH,
        key: Sequence[str] | None = None,
        partition_by: Sequence[str] | Mapping[str, str | None] | None = None,
        replace: bool = False,
        refresh: bool = True,
        allow_commands: bool = False,
        message: str | None = None,
        progress: "StepProgress | None" = None,
    ) -> "DeriveReport":
        """Defines a derived table on a branch, and computes it, in one commit.

        From then on nothing but ``refresh`` writes its rows.

        Args:
            table: The table.
            sql: One SELECT; names without ``@ref`` mean tables of the branch. Or a definition by a
                command, whose output directory the table is then.
            branch: The branch.
            key: Key columns; None means those that the SQL groups by or is DISTINCT ON, an empty
                list none.
            partition_by: Names of the partition columns, or their types by name.
            replace: Whether a table of that name that is not derived may be replaced.
            refresh: Whether to compute it; else it is stale until it is refreshed.
            allow_commands: Whether a command may run.
            message: The commit's message; None makes one up.
            progress: Called after each table that was computed.

        Raises:
            InvalidInput: The SQL may not be stored, does not bind, or fails; the table would
                depend on itself.
            AlreadyExists: A table has that name that is not derived.
        """
        from catalog.flow.refresh.external import NO_COMMANDS, any_commands
        from catalog.model.derived import Definition
        from catalog.model.texts import listed
        from catalog.operations.flow.definition import Derivation
        from catalog.operations.flow.derive import derive
        from catalog.operations.transaction import column_types

        one = Derivation(
            table,
            Definition(sql=sql) if isinstance(sql, str) else sql,
            None if key is None else listed(key, "key"),
            column_types(partition_by),
        )
        return derive(
            self.context,
            branch,
            [one],
            replace_tables=replace,
            compute=refresh,
            message=message,
            progress=progress,
            runs=any_commands() if allow_commands else NO_COMMANDS,
        )

    def drop_definition(
        self, table: str, *, branch: str = DEFAULT_BRANCH, message: str | None = None
    ) -> "CommitInfo":
        """Makes a derived table a plain one; its rows stay as they are.

        Raises:
            NotFound: There is no such table.
            InvalidInput: It is not derived.
        """
        from catalog.operations.flow.derive import drop_definition

        return drop_definition(self.context, branch, table, message=message)

    def refresh(
        self,
        *tables: str,
        branch: str = DEFAULT_BRANCH,
        downstream_of: Sequence[str] = (),
        full: bool = False,
        dry_run: bool = False,
        allow_commands: bool = False,
        message: str | None = None,
        progress: "StepProgress | None" = None,
    ) -> "RefreshReport":
        """Computes derived tables that are stale, each after its inputs, in one commit.

        Only partitions whose inputs changed are computed where that is proved to give the same,
        and only rows that differ are written. If anything fails, the branch stays as it was.

        Args:
            tables: Derived tables; those that they are computed from are refreshed first. None
                means all.
            branch: The branch.
            downstream_of: Tables whose dependents are refreshed.
            full: Whether tables are computed in full, also those that are up to date.
            dry_run: Whether to report only what would be computed, and how.
            allow_commands: Whether tables may be computed by the commands that define them.
            message: The commit's message; None makes one up.
            progress: Called after each table with its name, how many are done, and how many
                there are.

        Raises:
            NotFound: A table does not exist.
            InvalidInput: A table is not derived, or cannot be computed.
        """
        from catalog.flow.refresh.external import NO_COMMANDS, any_commands
        from catalog.operations.flow.refresh import refresh

        return refresh(
            self.context,
            branch,
            tables=tables or None,
            downstream_of=downstream_of,
            full=full,
            dry_run=dry_run,
            message=message,
            progress=progress,
            runs=any_commands() if allow_commands else NO_COMMANDS,
        )

    def reset(self, branch: str, *, to: str, dry_run: bool = False) -> "Reset":
        """Moves a branch to any commit; its reflog keeps where it was, so nothing is lost.

        Args:
            branch: The branch.
            to: The ref expression of the commit; ``@{N}`` alone is of this branch.
            dry_run: Whether to report what would happen, and move nothing.

        Returns:
            Where it pointed and points now, and how many commits it lost and gained. A branch
            that already points there is not moved.

        Raises:
            NotFound: There is no such branch, or no such ref as ``to``.
            InvalidInput: ``to`` is not a ref expression.
            Conflict: The branch is protected, or somebody else moved it meanwhile.
        """
        from catalog.operations.reset import reset_branch

        return reset_branch(self.context, branch, to=to, dry_run=dry_run)
