"""The dialect ``parquetry`` of SQLAlchemy, over ``catalog.dbapi``; only SQLAlchemy imports it.

``create_engine("parquetry:///path/to/lake?ref=main")``, and ``parquetry:////path`` for an absolute
path. A table may be named with a ref, as text and in ``Table("orders@main~1", …)``.
"""

import re
from collections.abc import Iterable
from types import ModuleType
from typing import TYPE_CHECKING, Any

from sqlalchemy import exc, types
from sqlalchemy.engine import URL, Connection, default
from sqlalchemy.sql import compiler

import catalog
from catalog import dbapi
from catalog.errors import ErrorKind
from catalog.query.parse.keywords import RESERVED

if TYPE_CHECKING:
    from sqlalchemy.engine import interfaces

DEFAULT_SCHEMA = "main"
"""The schema that stands for tables without a namespace."""

_PLAIN_REF = re.compile(r"[\w.~^/-]+(?:@\{[\w.:+ -]*\})?", re.ASCII)
"""A ref that needs no quotes in SQL."""

_SIMPLE: dict[str, types.TypeEngine[Any]] = {
    "BOOLEAN": types.BOOLEAN(),
    "TINYINT": types.SMALLINT(),
    "UTINYINT": types.SMALLINT(),
    "SMALLINT": types.SMALLINT(),
    "USMALLINT": types.INTEGER(),
    "INTEGER": types.INTEGER(),
    "UINTEGER": types.BIGINT(),
    "BIGINT": types.BIGINT(),
    "UBIGINT": types.BIGINT(),
    "HUGEINT": types.BIGINT(),
    "UHUGEINT": types.BIGINT(),
    "FLOAT": types.REAL(),
    "DOUBLE": types.FLOAT(53),
    "VARCHAR": types.VARCHAR(),
    "BLOB": types.BLOB(),
    "DATE": types.DATE(),
    "TIME": types.TIME(),
    "TIME WITH TIME ZONE": types.TIME(timezone=True),
    "TIMESTAMP": types.TIMESTAMP(),
    "TIMESTAMP_S": types.TIMESTAMP(),
    "TIMESTAMP_MS": types.TIMESTAMP(),
    "TIMESTAMP_NS": types.TIMESTAMP(),
    "TIMESTAMP WITH TIME ZONE": types.TIMESTAMP(timezone=True),
}
"""SQLAlchemy's types by DuckDB's. Values of others, as lists and structs, pass as they are."""

_DECIMAL = re.compile(r"DECIMAL\((\d+),(\d+)\)")

_OPTIONS = ("ref", "branch", "message", "author", "cache", "verify", "time_limit_s")
"""What may stand after the ``?`` of a URL."""

_ABSENT = (ErrorKind.TABLE_NOT_FOUND, ErrorKind.REF_NOT_FOUND, ErrorKind.INVALID_REF)


class ParquetryPreparer(compiler.IdentifierPreparer):
    """Quotes names as DuckDB needs it."""

    reserved_words = {*RESERVED}  # noqa: RUF012 - as SQLAlchemy declares it
    illegal_initial_characters = compiler.ILLEGAL_INITIAL_CHARACTERS
    legal_characters = re.compile(r"^[a-z_][a-z0-9_]*$", re.IGNORECASE)

    def __init__(self, dialect: Any, **options: Any) -> None:
        super().__init__(dialect, **options)
        self.schema_for_object = _namespace  # type: ignore[assignment]

    def at_ref(self, name: str) -> str:
        """Returns the SQL for a table whose name may carry a ref: ``orders@main~1``."""
        table, at, ref = name.partition("@")
        if not at or not table or not ref:
            return self.quote(name)
        plain = _PLAIN_REF.fullmatch(ref)
        return f"{self.quote_identifier(table)}@{ref if plain else self.quote_identifier(ref)}"


class ParquetryCompiler(compiler.SQLCompiler):
    """Writes queries as DuckDB takes them."""

    def visit_table(  # type: ignore[override]  # what else there is goes through
        self, table: Any, asfrom: bool = False, **options: Any
    ) -> str:
        """Writes a table; one at a ref keeps its whole name as an alias."""
        write: Any = super().visit_table
        written: str = write(table, asfrom=asfrom, **options)
        if not asfrom or "@" not in table.name or options.get("iscrud"):
            return written
        assert isinstance(self.preparer, ParquetryPreparer)
        schema = self.preparer.schema_for_object(table)
        prefix = f"{self.preparer.quote_schema(schema)}." if schema else ""
        named = prefix + self.preparer.at_ref(table.name)
        outer = options.get("enclosing_alias")
        if outer is not None and outer.element is table:
            return named
        return f"{named} AS {self.preparer.quote(table.name)}"

    def limit_clause(self, select: Any, **options: Any) -> str:
        """Writes LIMIT and OFFSET, each alone too."""
        text = ""
        if select._limit_clause is not None:
            text += f"\n LIMIT {self.process(select._limit_clause, **options)}"
        if select._offset_clause is not None:
            text += f"\n OFFSET {self.process(select._offset_clause, **options)}"
        return text


class ParquetryTypeCompiler(compiler.GenericTypeCompiler):
    """Writes types; in DuckDB, FLOAT has 32 bits, and times have a zone or none."""

    def visit_FLOAT(self, type_: Any, **options: Any) -> str:  # noqa: N802 - SQLAlchemy's name
        """Writes a number with as many bits as it was said to have."""
        few = type_.precision is not None and type_.precision <= 24
        return "FLOAT" if few else "DOUBLE"

    def visit_TIMESTAMP(self, type_: Any, **options: Any) -> str:  # noqa: N802 - as above
        """Writes a moment, with or without a zone."""
        return "TIMESTAMPTZ" if type_.timezone else "TIMESTAMP"

    visit_DATETIME = visit_TIMESTAMP  # noqa: N815 - as above

    def visit_TIME(self, type_: Any, **options: Any) -> str:  # noqa: N802 - as above
        """Writes a time of day, with or without a zone."""
        return "TIMETZ" if type_.timezone else "TIME"


class ParquetryDialect(default.DefaultDialect):
    """Lets SQLAlchemy, and tools that use it, query a catalog."""

    name = "parquetry"
    driver = "dbapi"
    default_paramstyle = "qmark"
    preparer = ParquetryPreparer  # type: ignore[assignment]
    statement_compiler = ParquetryCompiler
    type_compiler = type_compiler_cls = ParquetryTypeCompiler
    default_schema_name = DEFAULT_SCHEMA
    supports_statement_cache = True
    supports_native_boolean = True
    supports_native_decimal = True
    supports_native_uuid = True
    supports_multivalues_insert = True
    supports_default_values = True
    supports_sane_rowcount = True
    supports_sane_multi_rowcount = False
    supports_alter = False
    postfetch_lastrowid = False
    div_is_floordiv = False
    max_identifier_length = 255

    @classmethod
    def import_dbapi(cls) -> ModuleType:
        """Returns the module that makes connections."""
        return dbapi

    @classmethod
    def dbapi(cls) -> ModuleType:  # type: ignore[override]  # how SQLAlchemy 1.4 names it
        """Returns the module that makes connections."""
        return dbapi

    def create_connect_args(self, url: URL) -> tuple[list[Any], dict[str, Any]]:
        """Returns what ``dbapi.connect`` is given for a URL."""
        if not url.database or url.host:
            raise exc.ArgumentError(
                f"{url.render_as_string()} names no catalog: write parquetry:///PATH, with four "
                "slashes for an absolute path, or parquetry:///s3://BUCKET/PREFIX"
            )
        options: dict[str, Any] = {}
        for name, value in url.query.items():
            if name not in _OPTIONS or not isinstance(value, str):
                raise exc.ArgumentError(
                    f"{name}={value!r} is not an option of parquetry://, which are "
                    f"{', '.join(_OPTIONS)}, each once"
                )
            options[name] = float(value) if name == "time_limit_s" else value
        return [url.database], options

    def connect(self, *place: Any, **options: Any) -> Any:
        """Opens a connection; says how an absolute path is written if there is no catalog."""
        try:
            return super().connect(*place, **options)
        except dbapi.OperationalError as error:
            named = str(place[0])
            if error.kind != ErrorKind.CATALOG_NOT_FOUND or "://" in named or named[0] == "/":
                raise
            hint = f"an absolute path is written with four slashes: parquetry:////{named}"
            raise dbapi.OperationalError(error.message, kind=error.kind, hint=hint) from error

    def get_schema_names(self, connection: Connection, **options: Any) -> list[str]:
        """Returns the namespaces of tables; ``main`` is that of names without one."""
        names = {_split(name)[0] for name in self._names(connection)}
        return sorted({DEFAULT_SCHEMA, *names})

    def get_table_names(
        self, connection: Connection, schema: str | None = None, **options: Any
    ) -> list[str]:
        """Returns the tables of a namespace."""
        wanted = schema or DEFAULT_SCHEMA
        found = (_split(name) for name in self._names(connection))
        return sorted(name for namespace, name in found if namespace == wanted)

    def get_view_names(
        self, connection: Connection, schema: str | None = None, **options: Any
    ) -> list[str]:
        """Returns none: a catalog has no views."""
        return []

    def has_table(
        self, connection: Connection, table_name: str, schema: str | None = None, **options: Any
    ) -> bool:
        """Returns whether there is a table of that name, which may carry a ref."""
        return self._described(connection, table_name, schema) is not None

    def get_columns(
        self, connection: Connection, table_name: str, schema: str | None = None, **options: Any
    ) -> "list[interfaces.ReflectedColumn]":
        """Returns the columns of a table, with SQLAlchemy's types."""
        found = self._described(connection, table_name, schema)
        if found is None:
            raise exc.NoSuchTableError(table_name)
        return [
            {"name": name, "type": _type(kind), "nullable": True, "default": None}
            for name, kind in found
        ]

    def get_pk_constraint(
        self, connection: Connection, table_name: str, schema: str | None = None, **options: Any
    ) -> "interfaces.ReflectedPrimaryKeyConstraint":
        """Returns the key columns of a table."""
        opened = _connection(connection)
        table, _, ref = _full(table_name, schema).partition("@")
        try:
            columns = opened.catalog.schema(table, ref or opened.ref)
        except catalog.NotFound:
            self.get_columns(connection, table_name, schema)  # unless the session has it
            columns = []
        return {"constrained_columns": [one.name for one in columns if one.key], "name": None}

    def get_foreign_keys(
        self, connection: Connection, table_name: str, schema: str | None = None, **options: Any
    ) -> list[Any]:
        """Returns none: a catalog has none."""
        return []

    get_indexes = get_foreign_keys
    get_unique_constraints = get_foreign_keys
    get_check_constraints = get_foreign_keys

    def get_table_comment(
        self, connection: Connection, table_name: str, schema: str | None = None, **options: Any
    ) -> Any:
        """Returns no comment: tables have none."""
        return {"text": None}

    def _names(self, connection: Connection) -> Iterable[str]:
        opened = _connection(connection)
        return (one.name for one in opened.catalog.tables(opened.ref))

    def _described(
        self, connection: Connection, table_name: str, schema: str | None
    ) -> list[tuple[str, str]] | None:
        """Returns names and types of a table's columns; None if there is none."""
        preparer = self.identifier_preparer
        assert isinstance(preparer, ParquetryPreparer)
        named = preparer.at_ref(_full(table_name, schema))
        try:
            with _connection(connection).cursor() as cursor:
                rows = cursor.execute(f"DESCRIBE {named}").fetchall()
        except dbapi.ProgrammingError as error:
            if error.kind in _ABSENT:
                return None
            raise
        return [(str(row[0]), str(row[1])) for row in rows]

    # what SQLAlchemy 1.4 asks a server when it first connects
    def _check_unicode_returns(self, connection: Any, additional_tests: Any = None) -> bool:
        return True

    def _check_unicode_description(self, connection: Any) -> bool:
        return True

    def _get_server_version_info(self, connection: Any) -> tuple[int, ...]:
        return tuple(int(part) for part in re.findall(r"\d+", catalog.__version__)[:3])

    def _get_default_schema_name(self, connection: Any) -> str:
        return DEFAULT_SCHEMA


def _connection(connection: Connection) -> dbapi.Connection:
    found = connection.connection.dbapi_connection
    assert isinstance(found, dbapi.Connection), "it was made by dbapi.connect"
    return found


def _namespace(table: Any) -> str | None:
    return None if table.schema == DEFAULT_SCHEMA else table.schema


def _full(name: str, schema: str | None) -> str:
    return name if schema in (None, "", DEFAULT_SCHEMA) else f"{schema}.{name}"


def _split(name: str) -> tuple[str, str]:
    namespace, _, table = name.rpartition(".")
    return namespace or DEFAULT_SCHEMA, table


def _type(kind: str) -> types.TypeEngine[Any]:
    decimal = _DECIMAL.fullmatch(kind)
    if decimal:
        return types.NUMERIC(int(decimal[1]), int(decimal[2]))
    if kind.startswith("ENUM("):
        return types.VARCHAR()
    if kind == "UUID" and hasattr(types, "Uuid"):  # SQLAlchemy 2
        return types.Uuid()
    return _SIMPLE.get(kind) or types.NullType()
