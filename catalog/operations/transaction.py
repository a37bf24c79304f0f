"""Transactions of an open catalog: ``cat.transaction(…)``."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from catalog.engine.quoting import identifier
from catalog.errors import (
    CatalogError,
    CorruptData,
    ErrorKind,
    GateRefused,
    InvalidInput,
    NotFound,
)
from catalog.model.guards import GivenGuard, Guard, read_guard
from catalog.model.judgement import Violation
from catalog.model.lineage import Origin
from catalog.model.listings import CommitInfo
from catalog.model.texts import check_text, listed, path_text, version_text
from catalog.operations.code import calling_code, checked_code
from catalog.operations.context import OperationContext
from catalog.operations.declared_inputs import declared_inputs
from catalog.operations.gate.gate import Gate
from catalog.operations.guard import guard_refused, snapshot_judge
from catalog.operations.history import describe_commit
from catalog.query.backend import Params
from catalog.query.pending_write import WriteResult
from catalog.storage.failures import tells_machine_errors
from catalog.write.rows.target_schema import WriteMode, WriteRequest
from catalog.write.rows.write import WriteReport
from catalog.write.snapshot.outcome import SnapshotReport
from catalog.write.snapshot.table_plan import SnapshotRequest
from catalog.write.transaction import Authorship, Transaction

if TYPE_CHECKING:
    from catalog.engine.frames import Relation
    from catalog.query.session import Session


@tells_machine_errors
class CatalogTransaction:
    """Stages changes to tables of a branch and commits them together.

    Attributes:
        commit: The commit made; None before the end, or if nothing changed.
    """

    def __init__(
        self,
        context: OperationContext,
        about: Authorship,
        *,
        inputs: Sequence[str] = (),
        code: Mapping[str, str] | None = None,
        dry_run: bool = False,
        share: int = 1,
    ) -> None:
        known_code = checked_code(code)
        self._context = context
        self._transaction = Transaction(
            context.repository,
            about,
            clock=context.clock,
            judge=Gate(context, "this commit", direct=True).judge,
            dry_run=dry_run,
            share=share,
        )
        self._transaction.origin = Origin(
            declared_inputs(context, inputs, self._transaction.tables),
            calling_code() if known_code is None and not dry_run else known_code or {},
        )
        self._session: Session | None = None
        self._dry_run = dry_run
        self._violations: list[Violation] = []
        self.commit: CommitInfo | None = None

    def __enter__(self) -> "CatalogTransaction":
        self._transaction.__enter__()
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        refusal = None if kind is not None or self._dry_run else self.refusal
        if refusal is not None:
            self._transaction.__exit__(type(refusal), refusal, None)
            raise refusal
        self._transaction.__exit__(kind, error, trace)
        if self._transaction.commit_id is not None:
            self.commit = describe_commit(self._context, self._transaction.commit_id)

    def _explained(self, error: CorruptData) -> CatalogError:
        return self._context.repository.expiry.explained(error)

    @property
    def branch(self) -> str:
        """Returns the branch that it commits to."""
        return self._transaction.branch

    @property
    def is_repeated(self) -> bool:
        """Returns whether a transaction with the same idempotency key was committed before.

        This one is then not committed, and ``commit`` ends up as that earlier commit.
        """
        return self._transaction.is_repeated

    @property
    def refusal(self) -> GateRefused | None:
        """Returns why it will not be committed: what guards of its snapshots do not allow."""
        if not self._violations or self.is_repeated:
            return None
        return guard_refused(
            self._violations,
            branch=self.branch,
            before=self._transaction.base_id,
            dry_run=self._dry_run,
        )

    @property
    def session(self) -> "Session":
        """Returns the session in which it runs SQL; bare names mean what it has staged.

        Raises:
            InvalidInput: The transaction has not begun, or has ended.
        """
        self._transaction.check_running()
        if self._session is None:
            from catalog.operations.transaction_session import open_writing_session

            self._session = open_writing_session(self._context, self._transaction)
        return self._session

    # long: one parameter for each choice, each of them described
    def snapshot(
        self,
        table: str,
        source: str,
        *,
        key: Sequence[str] | None = None,
        partition_by: Sequence[str] | Mapping[str, str | None] | None = None,
        mode: Literal["copy", "link", "reference"] = "copy",
        scope: Literal["full", "partitions", "append"] = "full",
        format: Literal["auto", "parquet", "delta", "iceberg", "files"] = "auto",
        at: int | str | None = None,
        fingerprints: Literal["now", "rows", "columns", "later"] | None = None,
        allow_empty: bool = False,
        images: Literal["auto", "always", "never"] = "auto",
        guard: GivenGuard | Guard | None = None,
        inputs: Sequence[str] = (),
        code: Mapping[str, str] | None = None,
    ) -> SnapshotReport:
        """Stages the state of a table as a source has it.

        Args:
            table: The table; created if it is new.
            source: A directory of hive-partitioned or plain Parquet, a file, or a glob; or a table
                of Delta or Iceberg.
            key: Key columns; None keeps the table's, an empty list removes them.
            partition_by: Names of the partition columns in path order, or their types by
                name; None takes them from the paths, the types from the values.
            mode: ``copy`` copies the files, ``link`` links to them, ``reference`` leaves
                them in place.
            scope: ``full`` replaces the table, ``partitions`` only the partitions that the
                source has, ``append`` adds files.
            format: The format of the source; ``auto`` detects it. ``files`` is a directory of
                anything, taken as a file set: a row for each file, its content kept by hash.
            at: Which version of a table of Delta or Iceberg to take: its number, a time in ISO
                8601, or a tag of Iceberg; None is the newest.
            fingerprints: What is recorded of the files, so that diffs read less, while their keys
                are checked: their ``columns``, or digests of their ``rows`` too, which find
                rows that come and go; ``now`` takes digests of rows where there is a key and they
                pay; ``later`` leaves all to the first diff. None means now for copies and
                links, later for references.
            allow_empty: Whether the source may be empty or missing.
            images: Whether images of a file set are looked at, for their size and a perceptual
                hash: new ones where Pillow is installed (``auto``), ``always`` all at which
                nobody has looked, or ``never``.
            guard: What the snapshot may do to a table that is there: ``schema`` is ``strict`` (no
                change of columns, key or partitioning), ``widen`` (new columns, and types that
                hold all values of before) or ``any``; ``max_loss`` is how many rows it may have
                less than before, ``"5%"`` or a number. What it does not allow is in the report,
                and ends the transaction with ``GateRefused``: nothing is committed.
            inputs: Tables that the source was made from, as ``TABLE@REF``, to be recorded. Without
                a ref it is the table as this transaction has it.
            code: The code that made it, as texts by name, to be recorded; None is that of the
                transaction.

        Returns:
            What would change; nothing is committed before the transaction ends.

        Raises:
            InvalidInput: The source, its schema or an argument is not valid.
            CorruptData: A file is damaged, or changed while it was read.
            NotFound: The source or a key column is missing.
        """
        self._transaction.check_running()
        request = SnapshotRequest(
            key=None if key is None else listed(key, "key"),
            partition_by=column_types(partition_by),
            mode=mode,
            scope=scope,
            format=format,
            fingerprints=fingerprints,
            allow_empty=allow_empty,
            images=images,
            at=version_text(at),
        )
        judge = None
        if guard is not None:
            judge = snapshot_judge(guard if isinstance(guard, Guard) else read_guard(guard))
        place, origin = path_text(source, "the source"), self._origin(inputs, code)
        report = self._transaction.snapshot(table, place, request, origin=origin, judge=judge)
        self._violations += report.violations
        return report

    def _origin(self, inputs: Sequence[str], code: Mapping[str, str] | None) -> Origin:
        found = declared_inputs(self._context, inputs, self._transaction.tables)
        return Origin(found, checked_code(code) or {})

    def write(
        self,
        table: str,
        data: object,
        *,
        mode: WriteMode,
        key: Sequence[str] | None = None,
        partition_by: Sequence[str] | Mapping[str, str | None] | None = None,
        inputs: Sequence[str] = (),
        code: Mapping[str, str] | None = None,
    ) -> WriteReport:
        """Stages rows to be written to a table.

        Args:
            table: The table; created if it is new.
            data: A pyarrow table, record batch, reader or dataset; a Polars or pandas frame; a
                DuckDB relation; or a list of dictionaries. Columns that are new to
                the table are added to it; columns missing from the data become NULL, or keep
                their values (upsert).
            mode: ``append`` adds rows, ``overwrite`` replaces the table,
                ``overwrite_partitions`` replaces the partitions that occur among the rows,
                ``upsert`` replaces rows of the same key and adds the others.
            key: Key columns; None keeps the table's, an empty list removes them.
            partition_by: Partition columns of a new or overwritten table, or their types by
                name.
            inputs: Tables that the rows were made from, as ``TABLE@REF``, to be recorded. Without
                a ref it is the table as this transaction has it.
            code: The code that made them, as texts by name, to be recorded; None is that of the
                transaction.

        Returns:
            What would change; nothing is committed before the transaction ends.

        Raises:
            InvalidInput: The rows do not fit the table, or share a key in an upsert.
            Unsupported: A column has a type that Parquet does not have.
        """
        self._transaction.check_running()
        columns = None if key is None else listed(key, "key")
        request = WriteRequest(mode, columns, column_types(partition_by))
        origin = self._origin(inputs, code)
        return self._transaction.write(table, data, request, origin=origin)

    def sql(self, text: str, params: Params = None) -> "Relation | WriteResult":
        """Runs SQL on the branch, as this transaction has changed it so far.

        Args:
            text: Statements, separated by semicolons. Those that write a table of the catalog
                are staged; tables that are read may carry ``@ref``.
            params: Values of the last statement's parameters.

        Returns:
            The last statement's result: DuckDB's relation for a query, to be read before the
            transaction ends; otherwise what it did to its table.

        Raises:
            InvalidInput: The SQL is not valid.
            NotFound: A table, column or ref does not exist.
            Unsupported: A table of the catalog cannot be written in this way.
        """
        found = self.run(text, params)[-1]
        if found is None:
            from catalog.query.results import no_rows

            return no_rows(self._transaction.context.con)
        return found

    def run(self, text: str, params: Params = None) -> "list[Relation | WriteResult | None]":
        """Runs SQL like ``sql``; returns the result of each statement that writes, and of the last.

        Args:
            text: Statements, separated by semicolons.
            params: Values of the last statement's parameters.
        """
        return self.session.run(text, params)

    def has_current_reads(self) -> bool:
        """Returns whether the branch still has the rows that were read as they were then."""
        return self._transaction.has_current_reads()

    def interrupt(self) -> None:
        """Stops the statement that is running; it may be called by another thread."""
        if not self._transaction.has_ended:
            self._transaction.context.con.interrupt()

    def delete(self, table: str, *, where: str, params: Params = None) -> WriteResult:
        """Stages the deletion of the rows that meet a condition.

        Args:
            table: The table.
            where: A condition in SQL: ``amount < 0``.
            params: Values of its parameters.

        Raises:
            InvalidInput: The condition is not valid.
            NotFound: There is no such table.
        """
        from catalog.query.parse.analyse import analyse

        check_text(where, "the condition")
        check_text(table, "the table")
        named = ".".join(identifier(part) for part in table.split("."))
        text = f"DELETE FROM {named} WHERE ({where}\n)"
        (statement, *more) = analyse(text) or (None,)
        if (
            not where.strip()
            or more
            or statement is None
            or (statement.parsed and statement.text != text)
        ):
            raise InvalidInput(f"{where!r} is not a valid condition", kind=ErrorKind.SQL_ERROR)
        found = self.sql(text, params)
        if not isinstance(found, WriteResult):
            raise NotFound(f"no table {table!r} to delete from", kind=ErrorKind.TABLE_NOT_FOUND)
        return found

    def drop(self, table: str) -> None:
        """Stages the removal of a table.

        Raises:
            NotFound: There is no such table.
        """
        self._transaction.check_running()
        self._transaction.tables.drop(table)


def column_types(
    partition_by: Sequence[str] | Mapping[str, str | None] | None,
) -> tuple[tuple[str, str | None], ...] | None:
    """Returns partition columns with their declared types, None where none is declared."""
    if partition_by is None:
        return None
    if isinstance(partition_by, Mapping):
        return tuple(partition_by.items())
    return tuple((name, None) for name in listed(partition_by, "partition_by"))
