"""Sessions: DuckDB connections that understand ``table@ref``."""

import weakref
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress

import duckdb

from catalog.dataclasses import dataclass, replace
from catalog.engine.checked_reads import checked_relation
from catalog.engine.checks import Check, checked
from catalog.engine.frames import Relation
from catalog.engine.instances import give_back, keep_apart
from catalog.engine.quoting import identifier
from catalog.engine.relation import prepare, relation_sql
from catalog.errors import CatalogError, ErrorKind, InvalidInput, Unsupported
from catalog.hints import Blank, Call, hint
from catalog.model.scan_plan import scan_plan
from catalog.model.types import is_float
from catalog.query import connection_state, results
from catalog.query.backend import Backend, FunctionReads, Functions, Params, VersionedTable
from catalog.query.failures import translated, unknown_table
from catalog.query.late_tables import LateTables, called
from catalog.query.parse.analyse import analyse
from catalog.query.parse.keywords import NEVER_BEFORE_REF, fold
from catalog.query.parse.nan_safety import nan_free_columns
from catalog.query.parse.statements import (
    FunctionReference,
    Statement,
    StatementKind,
    TableReference,
    TargetKind,
)
from catalog.query.pending_write import WRITING, PendingWrite, Writer, WriteResult
from catalog.query.pruning import pruner
from catalog.query.session_origins import SessionOrigins
from catalog.query.splice import Replacement, replacements, splice
from catalog.storage.failures import tells_machine_errors

_COMMON_WORDS = NEVER_BEFORE_REF | {
    *("or", "replace", "temp", "temporary", "view", "macro", "function", "prepare", "if"),
    *("exists", "recursive", "main"),
}
"""Words in statements that make something to be read later, other than its name."""

_OPENING = ("begin", "start")
"""Words that begin a transaction; other statements of their kind end one."""


@dataclass(frozen=True, slots=True)
class _Rewritten:
    """A statement as DuckDB gets it, and the names in it that DuckDB must resolve itself.

    Attributes:
        sql: The SQL.
        foreign: Folded names that are not tables of the catalog.
        pending: The statement, if the session's writer is to run it.
        checks: What checks the files it reads that others can change, once they were read.
    """

    sql: str
    foreign: frozenset[str] = frozenset()
    pending: PendingWrite | None = None
    checks: tuple[Check, ...] = ()


@tells_machine_errors
class Session:
    """Runs SQL over versioned tables on a DuckDB connection of its own.

    Bare names mean, in this order: a CTE, what was created in the session (tables and views,
    temporary or in its in-memory database), a table of the catalog at the session's ref,
    anything else that DuckDB knows (attached databases, files). Every ref is resolved once per
    statement, and once per explicit transaction; a session with a writer is one transaction.
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        backend: Backend,
        *,
        functions: Functions | None = None,
        function_reads: FunctionReads | None = None,
        writer: Writer | None = None,
    ) -> None:
        self._connection = connection
        self._backend, self._explained = backend, backend.explained
        self._functions = functions or {}
        self._function_reads = function_reads or {}
        self._writer = writer
        self._commits: dict[str | None, str] = {}
        self._in_transaction = False
        self._registered = 0
        self._late = LateTables()
        self._unfinished = False
        self._stream: weakref.ref[results.RowStream] | None = None
        self._unchecked: tuple[Check, ...] = ()
        self._lasting: list[tuple[frozenset[str], tuple[Check, ...]]] = []
        self._origins = SessionOrigins()
        self._home = connection_state.database(connection)

    def __enter__(self) -> "Session":
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connection; relations of the session end with it."""
        give_back(self._connection)

    @property
    def connection(self) -> duckdb.DuckDBPyConnection:
        """The DuckDB connection; it does not understand ``@ref`` by itself."""
        keep_apart(self._connection)
        return self._connection

    def interrupt(self) -> None:
        """Stops the statement that is running; it may be called by another thread."""
        self._connection.interrupt()

    @property
    def is_in_transaction(self) -> bool:
        """Returns whether ``BEGIN`` was run, and neither ``COMMIT`` nor ``ROLLBACK`` since."""
        return self._in_transaction

    def sql(self, text: str, params: Params = None) -> Relation:
        """Runs statements and returns the relation of the last.

        Args:
            text: SQL in which tables may carry ``@ref``.
            params: Values of the last statement's parameters.

        Returns:
            DuckDB's relation, with ``to_pandas``, ``to_polars`` and ``to_arrow`` besides. It is
            read when it is used, and stays at the commits its refs stood for. Statements
            without a result give a relation without columns of meaning.

        Raises:
            InvalidInput: The SQL is not valid.
            NotFound: A table or ref does not exist.
            Unsupported: It writes to a table of the catalog.
        """
        found = self.run(text, params)[-1]
        assert not isinstance(found, WriteResult), "a session for queries has no writer"
        return results.no_rows(self._connection) if found is None else found

    def run(self, text: str, params: Params = None) -> "list[Relation | WriteResult | None]":
        """Runs statements and returns the results of those that write, and of the last.

        Args:
            text: SQL in which tables may carry ``@ref``.
            params: Values of the last statement's parameters.

        Returns:
            One result for each statement that writes a table of the catalog. The last entry is
            that of the last statement: a relation if it is a query, None if it has no result.

        Raises:
            InvalidInput: The SQL is not valid.
            NotFound: A table or ref does not exist.
            Unsupported: It does something to a table of the catalog that is not supported.
        """
        params = results.checked_params(params)
        written, last = self._all_but_last(text)
        found: list[Relation | WriteResult | None] = [*written]
        with self._performing(last, params) as rewritten:
            if rewritten.pending is not None:
                return [*found, self._written(rewritten)]
            command = self._connection.extract_statements(rewritten.sql)[-1]
            with checked(rewritten.checks):
                relation = self._connection.sql(rewritten.sql, params=params)
        if command.expected_result_type == [duckdb.ExpectedResultType.NOTHING]:
            return [*found, None]
        return [*found, checked_relation(relation, rewritten.checks)]

    def execute(self, text: str, params: Params = None) -> "Session":
        """Runs statements; ``fetchall`` and the like then read the result of the last.

        Args:
            text: SQL in which tables may carry ``@ref``.
            params: Values of the last statement's parameters.

        Raises:
            InvalidInput: The SQL is not valid.
            NotFound: A table or ref does not exist.
            Unsupported: It writes to a table of the catalog.
        """
        params = results.checked_params(params)
        _, last = self._all_but_last(text)
        self._execute(last, params)
        return self

    def stream(self, text: str, params: Params = None) -> results.Outcome:
        """Runs statements like ``run``; rows of the last are read as they are fetched.

        Rows that were not fetched when the next statement is run are read into memory first,
        unless nobody refers to them any longer.

        Args:
            text: SQL in which tables may carry ``@ref``.
            params: Values of the last statement's parameters.
        """
        params = results.checked_params(params)
        written, last = self._all_but_last(text)
        with self._performing(last, params) as rewritten:
            if rewritten.pending is not None:
                return results.written_rows(self._connection, written, self._written(rewritten))
            command = self._connection.extract_statements(rewritten.sql)[-1]
            self._unfinished = True
            with checked(rewritten.checks):
                self._connection.execute(rewritten.sql, params)
            outcome = results.open_rows(self._connection, command, rewritten.checks)
        if outcome.rows is not None:
            self._stream = weakref.ref(outcome.rows)
        return replace(outcome, written=written)

    def free(self) -> None:
        """Reads into memory what is left of the rows of ``stream``; the connection is free then."""
        stream, self._stream = self._stream, None
        rows = None if stream is None else stream()
        if rows is not None:
            rows.keep()

    def _all_but_last(self, text: str) -> tuple[tuple[WriteResult, ...], Statement]:
        """Runs all statements but the last; returns what they wrote, and the last."""
        *first, last = self._analysed(text)
        written = [self._execute(statement) for statement in first]
        return tuple(one for one in written if one is not None), last

    def fetchall(self) -> list[tuple[object, ...]]:
        """Returns the rows of the last result that were not fetched yet."""
        with translated(), self._last_checked():
            return list(self._connection.fetchall())

    def fetchone(self) -> tuple[object, ...] | None:
        """Returns the next row of the last result, None after the last."""
        with translated():
            row: tuple[object, ...] | None = self._connection.fetchone()
        if row is None:
            with self._last_checked():
                pass
        return row

    def _last_checked(self) -> AbstractContextManager[None]:
        """Checks the files of the last result after its last row was read."""
        checks, self._unchecked = self._unchecked, ()
        return checked(checks)

    @property
    def description(self) -> Sequence[tuple[object, ...]] | None:
        """Returns names and types of the columns of the last result."""
        return self._connection.description

    def rewrite(self, text: str) -> str:
        """Returns the SQL that DuckDB would be given for some statements, without running them."""
        return ";\n".join(self._rewrite(statement).sql for statement in self._analysed(text))

    def _analysed(self, text: str) -> tuple[Statement, ...]:
        statements = analyse(text, functions=frozenset(self._functions))
        if not statements:
            raise InvalidInput("there is no SQL statement", kind=ErrorKind.SQL_ERROR)
        return statements

    def _execute(self, statement: Statement, params: Params = None) -> WriteResult | None:
        with self._performing(statement, params) as rewritten:
            if rewritten.pending is not None:
                return self._written(rewritten)
            self._unfinished = True
            with checked(rewritten.checks):
                self._connection.execute(rewritten.sql, params)
        self._unchecked = rewritten.checks  # rows are read as they are fetched
        return None

    def _written(self, rewritten: _Rewritten) -> WriteResult:
        assert self._writer is not None and rewritten.pending is not None, "it is for a writer"
        with checked(rewritten.checks):
            return self._writer.write(rewritten.pending)

    def _settle(self) -> None:
        """Keeps or drops unfetched rows of the last result, which would keep DuckDB busy."""
        self.free()
        if self._unfinished:
            self._unfinished = False
            with suppress(duckdb.TransactionException):  # a failed transaction has no result
                self._connection.execute("SELECT 1").fetchall()

    @contextmanager
    def _performing(self, statement: Statement, params: Params) -> Iterator[_Rewritten]:
        """Yields what to run for a statement, then tracks transactions.

        Statements are rewritten one by one as they run, so that each sees what others created.
        """
        if not self._in_transaction and self._writer is None:
            self._commits.clear()
        self._settle()
        self._unchecked = ()
        controls = statement.kind is StatementKind.TRANSACTION
        opens = controls and statement.text.split(None, 1)[0].lower() in _OPENING
        if controls and self._writer is not None:
            raise InvalidInput(
                "the statements of a transaction are committed together, when it ends",
                kind=ErrorKind.IN_TRANSACTION,
                hint="leave out BEGIN, COMMIT and ROLLBACK",
            )
        rewritten = self._rewrite(statement, params)

        def missing(name: str) -> CatalogError | None:
            if fold(name) not in rewritten.foreign:
                return None
            names = self._backend.bare_names(self._commit_id(None))
            return unknown_table(name, "in the catalog or the session", names)

        try:
            with translated(statement.text, missing=missing):
                self._late.fill(self._connection, rewritten.sql)
                yield rewritten
            self._in_transaction = self._in_transaction or opens
        finally:
            self._in_transaction = self._in_transaction and (opens or not controls)

    def _rewrite(self, statement: Statement, params: Params = None) -> _Rewritten:
        if not statement.parsed:
            self._check_unparsed(statement)
            return _Rewritten(statement.text, checks=self._checks_of(statement))
        self._backend.checks()  # what is left of a statement that failed
        own: frozenset[str] = frozenset()
        if statement.references or statement.target:
            with translated():
                own = connection_state.own_names(self._connection, self._home)
        written = self._written_name(statement, own)
        changes: list[Replacement] = []
        foreign: set[str] = set()
        reads: list[tuple[TableReference, VersionedTable]] = []
        for reference in statement.references:
            table = self._find(reference, own)
            if table is not None:
                relation = self._relation(statement, reference, table)
                changes.extend(replacements(reference, relation))
                reads.append((reference, table))
            else:
                foreign.update((fold(reference.name[-1]), fold(".".join(reference.name))))
        for call in statement.functions:
            changes.extend(replacements(call, self._function(call)))
        if params or statement.kind is not StatementKind.SELECT:
            self._late.fill(self._connection)
        start = statement.span[0]
        moved = [((a - start, b - start), new) for (a, b), new in changes]
        target = statement.target
        if target is not None and written is not None:
            certain = connection_state.certain(self._connection, target.predicates)
            behind = (*self._origins.behind(statement), *self._read_by_functions(statement))
            pending = PendingWrite(
                statement, target, written, tuple(moved), certain, tuple(reads), behind, params
            )
            return _Rewritten("", frozenset(foreign), pending, self._checks_of(statement))
        if self._writer is not None:
            tables = [table for _, table in reads]
            self._origins.note(statement, [*tables, *self._read_by_functions(statement)])
        if target is not None and statement.kind is not StatementKind.CREATE:
            foreign.update((fold(target.name[-1]), fold(".".join(target.name))))
        sql = splice(statement.text, moved)
        return _Rewritten(sql, frozenset(foreign), checks=self._checks_of(statement))

    def _checks_of(self, statement: Statement) -> tuple[Check, ...]:
        """Returns what checks the files that a statement reads, also by what was made earlier.

        What a view, a macro or a prepared statement reads is read whenever a later statement
        mentions it.
        """
        checks = self._backend.checks()
        for names, earlier in self._lasting:
            if not names.isdisjoint(statement.identifiers):
                checks += earlier
        creates = statement.kind is StatementKind.CREATE
        stores_rows = creates and statement.target_kind is TargetKind.TABLE
        if checks and (creates or statement.kind is StatementKind.PREPARE) and not stores_rows:
            self._lasting.append((statement.identifiers - _COMMON_WORDS, checks))
        return checks

    def _commit_id(self, ref: str | None) -> str:
        if ref not in self._commits:
            self._commits[ref] = self._backend.commit_id(ref)
        return self._commits[ref]

    def _find(self, reference: TableReference, own: frozenset[str]) -> VersionedTable | None:
        name = ".".join(reference.name)
        if reference.ref is None and fold(name) in own:
            return None
        ref = None if reference.ref is None else reference.ref.text
        commit_id = self._commit_id(ref)
        if ref is None:
            return self._backend.bare_table(commit_id, name)
        table = self._backend.table(commit_id, name)
        if table is None and reference.explicit:
            raise unknown_table(name, f"at {ref}", self._backend.table_names(commit_id))
        return table

    def _relation(
        self, statement: Statement, reference: TableReference, table: VersionedTable
    ) -> str:
        snapshot = table.snapshot
        predicates = connection_state.certain(self._connection, reference.predicates)
        files = self._backend.files(table, pruner(snapshot, predicates))
        floats = {fold(f.name): f.id for f in snapshot.schema.fields if is_float(f.type)}
        safe = nan_free_columns(statement, reference, frozenset(floats)) if floats else ()
        plan = scan_plan(
            snapshot,
            files,
            locate=self._backend.locate,
            nan_free={floats[name] for name in safe},
            self_contained=statement.outlives_session,
        )
        return prepare(self._connection, relation_sql(plan))

    def _function(self, call: FunctionReference) -> str:
        data = called(self._functions[call.name], call, self._commit_id)
        self._registered += 1
        name = f"parquetry_{call.name}_{self._registered}"
        self._late.register(self._connection, name, data)
        return identifier(name)

    def _read_by_functions(self, statement: Statement) -> Iterator[VersionedTable]:
        """Yields the tables that the table functions of a statement read."""
        for call in statement.functions:
            reads = self._function_reads.get(call.name)
            if reads is None:
                continue
            for commit_id, name in reads(self._commit_id, *call.arguments, **dict(call.keywords)):
                table = self._backend.table(commit_id, name)
                if table is not None:
                    yield table

    def _written_name(self, statement: Statement, own: frozenset[str]) -> str | None:
        """Returns the name of the table of the catalog that a statement writes, if it does.

        Raises:
            Unsupported: It does, and the session has no writer, or not for such a statement.
        """
        target = statement.target
        if target is None:
            return None
        name = ".".join(target.name)
        makes = self._writer is not None and statement.kind is StatementKind.CREATE
        if not target.explicit and (
            statement.temporary
            or (fold(name) in own and not makes)
            or not self._is_of_catalog(statement, target)
        ):
            return None
        if self._writer is None:
            raise Unsupported(
                f"cannot write to {name!r}: tables of the catalog are read-only in queries",
                kind=ErrorKind.READ_ONLY,
                hint=hint(
                    "write on a branch: {}; or make a CREATE TEMP TABLE",
                    Call("transaction", (Blank("BRANCH"),)),
                ),
            )
        if target.ref is not None:
            raise InvalidInput(
                f"cannot write to {name}@{target.ref.text}: commits never change",
                kind=ErrorKind.READ_ONLY,
                hint=f"write to {name}, on the branch of the transaction",
            )
        is_view = statement.target_kind is TargetKind.VIEW
        if is_view or statement.kind not in WRITING:
            what = "a view" if is_view else statement.kind.upper()
            raise Unsupported(
                f"{what} of {name!r} cannot be part of a transaction",
                kind=ErrorKind.UNSUPPORTED_STATEMENT,
                hint="views can be temporary: CREATE TEMP VIEW; plans and prepared statements are "
                "for queries",
            )
        return name

    def _is_of_catalog(self, statement: Statement, target: TableReference) -> bool:
        """Returns whether a target without ref is, or would become, a table of the catalog."""
        name = ".".join(target.name)
        if self._backend.bare_table(self._commit_id(None), name) is not None:
            return True
        if self._writer is None:
            return False
        attached = connection_state.databases(self._connection)
        if len(target.name) > 1 and fold(target.name[0]) in attached:
            return False
        return statement.kind in (StatementKind.CREATE, StatementKind.DROP, StatementKind.ALTER)

    def _check_unparsed(self, statement: Statement) -> None:
        named = set()
        if not statement.explicit_refs:
            names = self._backend.bare_names(self._commit_id(None))
            named = {n for n in names if fold(n.rpartition(".")[2]) in statement.identifiers}
        if statement.explicit_refs or named:
            raise InvalidInput(
                f"cannot understand this statement: {statement.error}",
                kind=ErrorKind.SQL_ERROR,
                hint="rewrite it: since it names versioned tables, it is not passed to DuckDB",
            )
