"""Whether contracts fit the tables of a commit: what can be said before anything changes."""

from collections.abc import Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from catalog.diff.forms import NUMBERS
from catalog.diff.options import DiffOptions
from catalog.diff.plan import TablePlan, plan_table
from catalog.engine.allowed_files import AllowedFiles
from catalog.engine.restricted import columns_of, restricted_engine
from catalog.engine.workspace import Workspace
from catalog.errors import ErrorKind, InvalidInput
from catalog.flow.contracts.bounds import outside
from catalog.flow.contracts.column_names import ColumnNames, Resolved
from catalog.flow.contracts.partition_rules import partition_rules
from catalog.flow.contracts.where import check_where, condition_type
from catalog.model.contracts import EVERY, ColumnLimits, Contract, TableLimits
from catalog.model.datafile import FileChanges
from catalog.model.scan_plan import scan_plan
from catalog.model.table import TableSnapshot
from catalog.model.types import Scalar
from catalog.operations.context import OperationContext
from catalog.operations.tables import unknown_table
from catalog.storage.external_files import remote_files

if TYPE_CHECKING:
    from collections.abc import Iterator


def check_contracts(
    context: OperationContext, contracts: Sequence[Contract], *, ref: str, commit_id: str
) -> None:
    """Checks that contracts fit the tables of a commit.

    Raises:
        InvalidInput: One names a table or a column that is not there, or a rule does not fit it.
    """
    commits = context.repository.commits
    entries = commits.entries(commit_id)
    spelled = {name.casefold(): name for name in entries}
    for contract in contracts:
        named = [(name, "tables") for name in contract.tables or ()]
        named += [(name, "unchanged") for name in contract.unchanged]
        named += [(name, "table") for name in contract.table if name != EVERY]
        for name, key in named:
            if name.casefold() not in spelled and not contract.permits("may_create", name):
                unknown = unknown_table(name, ref, entries)
                place = f"contract.{contract.name}.{key}"
                raise InvalidInput(
                    f"{place} names a table that is not there: {unknown.message}",
                    kind=ErrorKind.BAD_CONTRACT,
                    hint=f"{unknown.hint}; one that is still to come goes into may_create",
                )
        for name in contract.table:
            if name.casefold() in spelled:
                table = spelled[name.casefold()]
                snapshot = commits.table(entries[table]).snapshot
                _check_table(contract, table, snapshot, limits=contract.table[name])


def _check_table(
    contract: Contract, table: str, snapshot: TableSnapshot, *, limits: TableLimits
) -> None:
    place = f"contract.{contract.name}.table.{table}"
    nothing = FileChanges((), (), files_kept=0, partitions_kept=0)
    plan = plan_table(table, snapshot, snapshot, changes=nothing, options=DiffOptions())
    names = ColumnNames(plan)
    with _told_at(f"{place}.partitions"):
        partition_rules(limits.partitions or (), snapshot)
    unique = limits.unique_key if isinstance(limits.unique_key, tuple) else ()
    for key, columns in (("columns", limits.columns or ()), ("unique_key", unique)):
        for column in columns:
            _column(names, column, place=f"{place}.{key}", table=table)
    with _told_at(f"{place}.unique_key"):
        if limits.unique_key is True and not snapshot.key:
            raise InvalidInput(f"table {table} has no key: name the columns, as a list")
    for name, own in limits.column.items():
        found = _column(names, name, place=f"{place}.column", table=table)
        with _told_at(f"{place}.column.{name}"):
            _check_column(plan, own, found)
    if limits.where:
        with _told_at(f"{place}.where"):
            _check_where(limits.where, table, snapshot)


def _column(names: ColumnNames, name: str, *, place: str, table: str) -> Resolved:
    found = names.find(name)
    if found is None:
        raise InvalidInput(
            f"{place} names column {name}, which table {table} does not have",
            kind=ErrorKind.BAD_CONTRACT,
            hint=names.advice(name),
        )
    return found


def _check_column(plan: TablePlan, limits: ColumnLimits, found: Resolved) -> None:
    pair = found.pair
    assert pair is not None, "a table compares with itself"
    kind = pair.after.type
    number = isinstance(kind, Scalar) and kind.type_class in NUMBERS
    for name in ("sum", "tolerance"):
        if getattr(limits, name) and not number:
            raise InvalidInput(f"{name} is for numbers, not for values of type {kind}")
    if limits.tolerance and pair.key:
        raise InvalidInput("columns of the key have no tolerance")
    if limits.min is not None or limits.max is not None:
        outside(pair, limits.min, limits.max)


def _check_where(where: str, table: str, snapshot: TableSnapshot) -> None:
    """Checks a condition, and that the engine can make sense of it, on no rows."""
    condition = check_where(where, table=table, what=f"the condition {where!r}")
    work = Workspace()
    files = AllowedFiles(lambda uri: remote_files(None, uri))
    try:
        with restricted_engine(files=files) as engine:
            rows = engine.relation(scan_plan(snapshot, (), locate=lambda file: file.path))
            query = condition_type(condition, table, rows=rows)
            ((_, kind),) = columns_of(engine, query, within=work.con)
    finally:
        work.close()
    if str(kind) != "BOOLEAN":
        raise InvalidInput(f"the condition {where!r} is neither true nor false, but {kind}")


@contextmanager
def _told_at(place: str) -> "Iterator[None]":
    """Puts the place in a contract before what is wrong there."""
    try:
        yield
    except InvalidInput as error:
        raise InvalidInput(
            f"{place}: {error.message}", kind=ErrorKind.BAD_CONTRACT, hint=error.advice
        ) from error
