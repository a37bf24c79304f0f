"""A check bound to the tables of a commit: its columns found, its parameters read as SQL."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache

from catalog.dataclasses import dataclass, replace
from catalog.diff.forms import EXACT_TEXT, common_forms
from catalog.errors import CatalogError, ErrorKind, InvalidInput
from catalog.flow.checks.columns import CheckedColumn, checked_column
from catalog.flow.checks.values import Comparable, comparable, outside, value_list
from catalog.model.check_rules import ROW_LEVEL, valid_check
from catalog.model.checks import Check, CheckKind, TableCheck
from catalog.model.schema import Field
from catalog.model.table import TableSnapshot
from catalog.model.types import Scalar, TypeClass
from catalog.query.parse.keywords import fold
from catalog.query.stored.check import StoredSelect, changing_functions, check_stored_select
from catalog.query.stored.condition import StoredCondition, check_stored_condition
from catalog.repository.commits import StoredTable

FindTable = Callable[[str], StoredTable | None]
"""Returns a table of the commit by name, without regard to case."""

_MOMENTS = ("DATE", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "TIMESTAMP_NS", "TIMESTAMP_S")


@dataclass(frozen=True, slots=True)
class Parent:
    """The table that a relationship leads to.

    Attributes:
        table: The table.
        columns: Its columns that are matched.
        child_keys: The values of the child in forms that compare with those of the parent.
        parent_keys: The values of the parent in these forms.
    """

    table: StoredTable
    columns: tuple[CheckedColumn, ...]
    child_keys: tuple[str, ...]
    parent_keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BoundCheck:
    """A check whose columns and tables are there.

    Attributes:
        one: The check as it is stored.
        check: The same, valid.
        table: The table.
        columns: Its columns.
        condition: Which rows it looks at; None for all.
        failing: The condition that a row fails it, for kinds that look at single rows.
        values: The column as it compares, for ``freshness``.
        parent: The table that it leads to, for ``relationships``.
        select: Its SELECT, for ``sql``.
        inputs: The tables that the SELECT reads, one for each place where it names one.
    """

    one: TableCheck
    check: Check
    table: StoredTable
    columns: tuple[CheckedColumn, ...] = ()
    condition: StoredCondition | None = None
    failing: str = ""
    values: Comparable | None = None
    parent: Parent | None = None
    select: StoredSelect | None = None
    inputs: tuple[StoredTable, ...] = ()

    @property
    def kind(self) -> CheckKind:
        """Returns what it looks at."""
        return self.check.kind

    @property
    def snapshot(self) -> TableSnapshot:
        """Returns its table as it is."""
        return self.table.snapshot

    @property
    def is_bounded(self) -> bool:
        """Returns whether an engine in this process suffices for it."""
        select = self.select
        return (self.condition is None or self.condition.bounded) and (
            select is None or select.bounded
        )

    @property
    def is_row_level(self) -> bool:
        """Returns whether it looks at each row by itself."""
        return self.kind in ROW_LEVEL

    @property
    def reads(self) -> dict[str, str]:
        """Returns the ids of the table snapshots that it is run on, by table."""
        also = () if self.parent is None else (self.parent.table,)
        return {table.name: table.id for table in (self.table, *also, *self.inputs)}

    @property
    def fields(self) -> tuple[Field, ...]:
        """Returns the columns that have to be read for it."""
        named = {column.field.id for column in self.columns}
        condition = self.condition
        for field in self.snapshot.schema.fields if condition is not None else ():
            assert condition is not None, "there are no fields else"
            if condition.whole or fold(field.name) in condition.names:
                named.add(field.id)
        return tuple(field for field in self.snapshot.schema.fields if field.id in named)


def bind(one: TableCheck, find: FindTable) -> BoundCheck:
    """Returns a check with its columns and tables.

    Raises:
        CatalogError: A column or a table is not there, or a parameter does not fit its type.
    """
    table = find(one.table)
    if table is None:
        raise InvalidInput(f"there is no table {one.table!r}", kind=ErrorKind.TABLE_NOT_FOUND)
    if one.check is None:
        raise InvalidInput(one.problem, kind=ErrorKind.BAD_CHECK)
    check = valid_check(one.check)
    columns = tuple(checked_column(table.snapshot.schema, name) for name in check.columns)
    condition = None
    if check.where:
        what = f"the where of check {check.name}"
        condition = check_stored_condition(check.where, table=alias_of(table), what=what)
    bound = BoundCheck(one, check, table, columns, condition)
    return _COMPLETE[check.kind](bound, find) if check.kind in _COMPLETE else bound


def alias_of(table: StoredTable) -> str:
    """Returns the name by which conditions may qualify columns: without its namespace."""
    return table.name.rpartition(".")[2]


def changing_words(check: Check) -> tuple[str, ...]:
    """Returns what in a check depends on chance or on the clock: it may differ the next time."""
    if check.kind is CheckKind.FRESHNESS:
        return ("freshness",)
    try:
        if check.kind is CheckKind.SQL:
            return changing_functions(_select(str(check.parameters.get("sql", "")), check.name))
        if check.where:
            return check_stored_condition(check.where, table="t", what="it").changing
    except CatalogError:  # it is broken, which running it tells
        return ("what it cannot run",)
    return ()


def tables_named(one: TableCheck) -> tuple[str, ...]:
    """Returns the tables that a check reads, as it spells them, its own first.

    Those of Python checks are not known, but for its own.
    """
    check = one.check
    if check is None:
        return (one.table,)
    if check.kind is CheckKind.RELATIONSHIPS:
        return (one.table, str(check.parameters.get("to", "")))
    if check.kind is CheckKind.SQL:
        try:
            select = _select(str(check.parameters.get("sql", "")), check.name)
        except CatalogError:  # it is broken, which running it tells
            return (one.table,)
        read = (".".join(reference.name) for reference in select.references)
        return tuple(dict.fromkeys((one.table, *read)))
    return (one.table,)


def _with_not_null(bound: BoundCheck, find: FindTable) -> BoundCheck:
    missing = " OR ".join(f"{column.sql} IS NULL" for column in bound.columns)
    return replace(bound, failing=f"({missing})")


def _with_values(bound: BoundCheck, find: FindTable) -> BoundCheck:
    (column,) = bound.columns
    accepted = bound.check.parameters["values"]
    assert isinstance(accepted, list), "it is valid"
    with _said_of(column):
        value = comparable(column.sql, column.type)
        return replace(bound, failing=f"{value.sql} NOT IN {value_list(accepted, value.type)}")


def _with_range(bound: BoundCheck, find: FindTable) -> BoundCheck:
    (column,) = bound.columns
    parameters = bound.check.parameters
    with _said_of(column):
        value = comparable(column.sql, column.type)
        beyond = outside(
            value,
            parameters.get("min"),
            parameters.get("max"),
            inclusive=parameters.get("inclusive", True) is True,
        )
        return replace(bound, failing=beyond)


def _with_freshness(bound: BoundCheck, find: FindTable) -> BoundCheck:
    (column,) = bound.columns
    if not isinstance(column.type, Scalar) or column.type.name not in (*_MOMENTS, "TIMESTAMP_MS"):
        raise _error(f"column {column.text!r} is of type {column.type}, which is no moment")
    kind = Scalar("TIMESTAMP")
    return replace(bound, values=Comparable(f"CAST({column.sql} AS TIMESTAMP)", kind))


def _with_parent(bound: BoundCheck, find: FindTable) -> BoundCheck:
    parameters = bound.check.parameters
    to, field = str(parameters["to"]), parameters["field"]
    table = find(to)
    if table is None:
        raise _error(f"there is no table {to!r}", kind=ErrorKind.TABLE_NOT_FOUND)
    names = field if isinstance(field, list) else [field]
    try:
        columns = tuple(checked_column(table.snapshot.schema, str(name)) for name in names)
    except CatalogError as error:
        raise InvalidInput(
            f"{error.message} in table {table.name}", kind=error.kind, hint=error.advice
        ) from error
    keys = []
    for child, parent in zip(bound.columns, columns, strict=True):
        forms = common_forms(child.type, parent.type)
        if forms is None or not _is_matched(child, parent):
            raise _error(
                f"{child.text} is of type {child.type}, and {table.name}.{parent.text} of type "
                f"{parent.type}: they cannot be compared",
            )
        key = (forms.before(child.sql), forms.after(parent.sql))
        if any(EXACT_TEXT in sql for sql in key):  # no function of Python's is in a check's engine
            raise _error(
                f"{child.text} is of type {child.type}, and {table.name}.{parent.text} of type "
                f"{parent.type}: floats and decimals are not matched",
                hint="round one of them in a check of kind sql",
            )
        keys.append(key)
    children, parents = zip(*keys, strict=True)
    return replace(bound, parent=Parent(table, columns, children, parents))


def _is_matched(child: CheckedColumn, parent: CheckedColumn) -> bool:
    """Returns whether values match as they are: text that only looks like a number is none."""
    texts = [
        isinstance(one.type, Scalar) and one.type.type_class is TypeClass.TEXT
        for one in (child, parent)
    ]
    return texts[0] == texts[1] or "NULL" in (str(child.type), str(parent.type))


def _with_select(bound: BoundCheck, find: FindTable) -> BoundCheck:
    select = _select(str(bound.check.parameters["sql"]), bound.check.name)
    inputs = []
    for reference in select.references:
        name = ".".join(reference.name)
        table = find(name)
        if table is None:
            raise _error(f"there is no table {name!r}", kind=ErrorKind.TABLE_NOT_FOUND)
        inputs.append(table)
    return replace(bound, select=select, inputs=tuple(inputs))


_COMPLETE: Mapping[CheckKind, Callable[[BoundCheck, FindTable], BoundCheck]] = {
    CheckKind.NOT_NULL: _with_not_null,
    CheckKind.ACCEPTED_VALUES: _with_values,
    CheckKind.RANGE: _with_range,
    CheckKind.FRESHNESS: _with_freshness,
    CheckKind.RELATIONSHIPS: _with_parent,
    CheckKind.SQL: _with_select,
}


@lru_cache(maxsize=1024)
def _select(sql: str, name: str) -> StoredSelect:
    return check_stored_select(sql, what=f"the SQL of check {name}")


@contextmanager
def _said_of(column: CheckedColumn) -> Iterator[None]:
    """Says of errors which column they are about."""
    try:
        yield
    except InvalidInput as error:
        message = f"column {column.text!r}: {error.message}"
        raise InvalidInput(message, kind=error.kind, hint=error.advice) from error


def _error(reason: str, *, kind: ErrorKind = ErrorKind.BAD_CHECK, hint: str = "") -> InvalidInput:
    return InvalidInput(reason, kind=kind, hint=hint)
