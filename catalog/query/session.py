"""Sessions: DuckDB connections that understand ``table@ref``."""

import difflib
from collections.abc import Mapping, Sequence
from typing import TypeAlias

import duckdb

from catalog.engine.relation import relation_sql
from catalog.errors import InvalidInput, NotFound, Unsupported
from catalog.model.types import is_float
from catalog.query.backend import Backend, Functions, VersionedTable
from catalog.query.keywords import fold
from catalog.query.nan_safety import nan_free_columns
from catalog.query.quoting import quote_identifier
from catalog.query.references import analyse
from catalog.query.scan import pruner
from catalog.query.splice import Replacement, replacements, splice
from catalog.query.statements import (
    FunctionReference,
    Statement,
    StatementKind,
    TableReference,
)

Params: TypeAlias = Sequence[object] | Mapping[str, object] | None

_WRITES = frozenset(
    {
        StatementKind.INSERT,
        StatementKind.UPDATE,
        StatementKind.DELETE,
        StatementKind.MERGE,
        StatementKind.TRUNCATE,
        StatementKind.CREATE,
        StatementKind.ALTER,
        StatementKind.DROP,
        StatementKind.COPY,
    }
)


class Session:
    """Runs SQL over versioned tables on a DuckDB connection of its own.

    Bare names mean, in this order: a CTE, the session's own tables and views, a table of
    the catalog at the session's ref, what DuckDB knows. Every ref is resolved once per
    statement, and once per explicit transaction.

    Attributes:
        connection: The DuckDB connection; it does not understand ``@ref`` by itself.
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        backend: Backend,
        functions: Functions | None = None,
    ) -> None:
        self.connection = connection
        self._backend = backend
        self._functions = functions or {}
        self._commits: dict[str | None, str] = {}
        self._in_transaction = False
        self._registered = 0

    def __enter__(self) -> "Session":
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connection; relations of the session end with it."""
        self.connection.close()

    def sql(self, text: str, params: Params = None) -> duckdb.DuckDBPyRelation:
        """Runs statements and returns the relation of the last.

        Args:
            text: SQL in which tables may carry ``@ref``.
            params: Values of the last statement's parameters.

        Returns:
            A relation, read when it is used; it stays at the commits its refs stood for.
            Statements without a result give a relation without columns of meaning.

        Raises:
            InvalidInput: The SQL is not right.
            NotFound: A table or ref does not exist.
            Unsupported: It writes to a table of the catalog.
        """
        relation = None
        rewritten = self._rewritten(text)
        for number, statement in enumerate(rewritten, 1):
            relation = self._run(statement, params if number == len(rewritten) else None)
        if relation is None:
            relation = self.connection.sql("SELECT 'ok' AS status")
        return relation

    def execute(self, text: str, params: Params = None) -> "Session":
        """Runs statements; ``fetchall`` and the like then read the result of the last."""
        rewritten = self._rewritten(text)
        for number, statement in enumerate(rewritten, 1):
            values = params if number == len(rewritten) else None
            try:
                self.connection.execute(statement, values)
            except duckdb.Error as error:
                raise _sql_error(error) from error
        return self

    def fetchall(self) -> list[tuple[object, ...]]:
        """Returns the rows of the last result that were not fetched yet."""
        return list(self.connection.fetchall())

    def fetchone(self) -> tuple[object, ...] | None:
        """Returns the next row of the last result, None after the last."""
        return self.connection.fetchone()

    @property
    def description(self) -> Sequence[tuple[object, ...]] | None:
        """Returns names and types of the columns of the last result."""
        return self.connection.description

    def rewrite(self, text: str) -> str:
        """Returns the SQL that DuckDB is given for some statements."""
        return ";\n".join(self._rewritten(text))

    def _run(self, statement: str, params: Params) -> duckdb.DuckDBPyRelation | None:
        try:
            return self.connection.sql(statement, params=params)
        except duckdb.Error as error:
            raise _sql_error(error) from error

    def _rewritten(self, text: str) -> list[str]:
        statements = analyse(text, functions=frozenset(self._functions))
        if not statements:
            raise InvalidInput("there is no SQL statement", kind="sql-error")
        return [self._rewrite(statement) for statement in statements]

    def _rewrite(self, statement: Statement) -> str:
        self._follow_transaction(statement)
        if not self._in_transaction:
            self._commits.clear()
        if not statement.parsed:
            self._check_unparsed(statement)
            return statement.text
        own = self._own_names() if statement.references or statement.target else frozenset()
        self._check_target(statement, own)
        changes: list[Replacement] = []
        for reference in statement.references:
            table = self._find(reference, own)
            if table is not None:
                relation = self._relation(statement, reference, table)
                changes.extend(replacements(reference, relation))
        for call in statement.functions:
            changes.extend(replacements(call, self._function(call)))
        start = statement.span[0]
        moved = [((a - start, b - start), new) for (a, b), new in changes]
        return splice(statement.text, moved)

    def _follow_transaction(self, statement: Statement) -> None:
        if statement.kind is StatementKind.TRANSACTION:
            opening = statement.text.split(None, 1)[0].lower() in ("begin", "start")
            self._in_transaction = opening
            self._commits.clear()

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
        table = self._backend.table(commit_id, name)
        if table is None and reference.explicit:
            raise self._unknown(name, ref, commit_id)
        return table

    def _unknown(self, name: str, ref: str | None, commit_id: str) -> NotFound:
        names = self._backend.table_names(commit_id)
        near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(near)}?" if near else f"tables: {', '.join(names)}"
        where = ref if ref is not None else commit_id[:8]
        return NotFound(f"no table {name!r} at {where}", kind="table-not-found", hint=hint)

    def _relation(
        self, statement: Statement, reference: TableReference, table: VersionedTable
    ) -> str:
        snapshot = table.snapshot
        files = self._backend.files(table, pruner(snapshot, reference.predicates))
        floats = {fold(f.name): f.id for f in snapshot.schema.fields if is_float(f.type)}
        safe: frozenset[str] = frozenset()
        if not reference.column_aliases:
            safe = nan_free_columns(statement.text, frozenset(floats))
        return relation_sql(
            self.connection,
            snapshot,
            files,
            locate=self._backend.locate,
            nan_free={floats[name] for name in safe},
        )

    def _function(self, call: FunctionReference) -> str:
        function = self._functions[call.name]
        try:
            data = function(*call.arguments, **dict(call.keywords))
        except TypeError as error:
            raise InvalidInput(
                f"{call.name}(…) does not take these arguments: {error}", kind="sql-error"
            ) from error
        self._registered += 1
        name = f"parquetry_{call.name}_{self._registered}"
        self.connection.register(name, data)
        return quote_identifier(name)

    def _own_names(self) -> frozenset[str]:
        """Returns the folded names of tables and views made in this session."""
        rows = self.connection.execute(
            "SELECT schema_name, table_name FROM duckdb_tables() WHERE NOT internal "
            "UNION ALL SELECT schema_name, view_name FROM duckdb_views() WHERE NOT internal"
        )
        found = rows.fetchall()
        return frozenset(
            fold(text) for schema, name in found for text in (name, f"{schema}.{name}")
        )

    def _check_target(self, statement: Statement, own: frozenset[str]) -> None:
        target = statement.target
        if target is None or statement.kind not in _WRITES:
            return
        name = ".".join(target.name)
        if not target.explicit and (statement.temporary or fold(name) in own):
            return
        if target.explicit or self._backend.table(self._commit_id(None), name) is not None:
            raise Unsupported(
                f"{statement.kind.value.upper()} of {name!r}: tables of the catalog are "
                "read-only in queries",
                kind="read-only",
                hint="write files and take a snapshot, or use CREATE TEMP TABLE",
            )

    def _check_unparsed(self, statement: Statement) -> None:
        named = set()
        if not statement.explicit_refs:
            names = self._backend.table_names(self._commit_id(None))
            named = {n for n in names if fold(n.rpartition(".")[2]) in statement.identifiers}
        if statement.explicit_refs or named:
            raise InvalidInput(
                f"cannot understand this statement: {statement.error}",
                kind="sql-error",
                hint="write it in another way; it names versioned tables, so it is not passed on",
            )


def _sql_error(error: duckdb.Error) -> InvalidInput:
    return InvalidInput(str(error).strip(), kind="sql-error")
