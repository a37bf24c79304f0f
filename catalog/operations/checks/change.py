"""Adding checks to tables of a branch, and dropping them: each in one commit."""

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace as replace_fields
from typing import TYPE_CHECKING

from catalog.errors import (
    AlreadyExists,
    CatalogError,
    ErrorKind,
    InvalidInput,
    NotFound,
    Unsupported,
)
from catalog.hints import Blank, Option, hint
from catalog.model.check_rules import default_name
from catalog.model.checks import (
    MAX_CHECKS,
    PREFIX,
    Check,
    CheckKind,
    Severity,
    TableCheck,
    check_name,
    table_check,
    with_check,
    without_check,
)
from catalog.model.lineage import CHECK, LineageEntry
from catalog.model.listings import CommitInfo
from catalog.model.names import canonical_name
from catalog.model.texts import check_choice, check_text, listed
from catalog.operations.checks.listing import table_of
from catalog.operations.context import OperationContext
from catalog.operations.history import describe_commit
from catalog.operations.refs import unprotected_branch
from catalog.operations.tables import unknown_table
from catalog.repository.branches import HeldBranch
from catalog.repository.commit_writer import TableUpdate
from catalog.repository.commits import StoredTable
from catalog.repository.repository import Repository
from catalog.write.publish import Judge, Proposal, publish

if TYPE_CHECKING:
    from catalog.flow.checks.reading import CheckEngine

_UNBOUND = re.compile(r'Referenced column "([^"]+)" not found')

_NAMED = (CheckKind.SQL, CheckKind.PYTHON)
"""Kinds whose columns do not say what they look at."""

_NO_TABLE = re.compile(r"there is no table '([^']+)'")


def change_checks(
    context: OperationContext,
    branch: str,
    *,
    add: Sequence[TableCheck] = (),
    drop: Sequence[tuple[str, str]] = (),
    replace: bool = False,
    message: str | None = None,
    judge: Judge | None = None,
) -> CommitInfo | None:
    """Adds and drops checks of any tables of a branch, in one commit.

    Args:
        context: The open catalog.
        branch: The branch.
        add: Checks to add; those that are there already as they are change nothing.
        drop: Table and name of checks to drop.
        replace: Whether a check of the same name that means something else may be replaced.
        message: The commit's message; None makes one up.
        judge: Judges the commit if the rules of the branch say so.

    Returns:
        The commit; None if all was so already.

    Raises:
        NotFound: There is no such table, column or check.
        AlreadyExists: A check has that name.
        InvalidInput: A check is not valid for its table.
    """
    branch = canonical_name(branch)
    unprotected_branch(context.repository, branch)

    def propose(held: HeldBranch, head: str) -> Proposal | None:
        if held.branch.protected:
            unprotected_branch(context.repository, branch)
        edit = _Edit(context.repository, branch, head, replace=replace)
        for table, name in drop:
            edit.drop(table, name)
        edit.add(add)
        if not edit.changed:
            return None
        text = message or edit.text()
        lineage = {name: LineageEntry(CHECK).stored() for name in edit.changed}
        about = context.describe(text, lineage=lineage)
        return Proposal([head], edit.updates(), about, f"check: {edit.text()}")

    made = publish(context.repository, branch, propose, judge=judge)
    return None if made is None else describe_commit(context, made)


def named_check(
    table: str,
    kind: str,
    columns: Sequence[str],
    *,
    name: str | None = None,
    where: str = "",
    severity: str = "error",
    error_if: str = "!= 0",
    warn_if: str = "!= 0",
    parameters: Mapping[str, object],
    others: Mapping[str, object] | None = None,
) -> TableCheck:
    """Returns a check as somebody states it; parameters that are None are not stated.

    Raises:
        InvalidInput: There is no such kind, or something is not text; what else is wrong is found
            when it is added.
    """
    for what, text in (("kind", kind), ("where", where), ("error_if", error_if)):
        check_text(text, what)
    check_text(warn_if, "warn_if")
    check_choice(severity, "severity", [str(one) for one in Severity])
    names = listed(columns, "columns")
    if not isinstance(others or {}, Mapping):
        raise InvalidInput(
            f"parameters must be values by name, not {others!r}", kind=ErrorKind.BAD_CHECK
        )
    if kind not in list(CheckKind):
        kinds = [str(one) for one in CheckKind]
        near = difflib.get_close_matches(kind, kinds, n=1)
        advice = f"did you mean {near[0]}?" if near else f"there are {', '.join(kinds)}"
        raise InvalidInput(
            f"{kind!r} is not a kind of check", kind=ErrorKind.BAD_CHECK, hint=advice
        )
    if name is None and kind in _NAMED:
        raise InvalidInput(
            f"a check of the kind {kind} needs a name",
            kind=ErrorKind.BAD_CHECK,
            hint=hint("name it: {}", Option("name", Blank("NAME"))),
        )
    check = Check(
        default_name(kind, names) if name is None else check_name(name),
        CheckKind(kind),
        names,
        where=where,
        severity=Severity(severity),
        error_if=error_if,
        warn_if=warn_if,
        parameters={
            str(key): value
            for key, value in {**(others or {}), **parameters}.items()
            if value is not None
        },
    )
    check_text(table, "a table")
    return table_check(table, check)


class _Edit:
    """Changes the checks of tables of a commit."""

    def __init__(self, repository: Repository, branch: str, head: str, *, replace: bool) -> None:
        self._repository = repository
        self._branch = branch
        self._head = head
        self._replace = replace
        self._tables: dict[str, StoredTable] = {}
        self._properties: dict[str, dict[str, str]] = {}
        self._done: list[str] = []

    @property
    def changed(self) -> list[str]:
        """Returns the tables whose checks are others now."""
        return [
            name
            for name, properties in self._properties.items()
            if properties != self._tables[name].snapshot.properties
        ]

    def text(self) -> str:
        """Returns what was done, in a sentence."""
        return "; ".join(self._done[:3]) + (
            f"; and {len(self._done) - 3} more" if len(self._done) > 3 else ""
        )

    def updates(self) -> list[TableUpdate]:
        """Returns what the commit does to the tables."""
        found = []
        for name in self.changed:
            table = self._tables[name]
            shape = replace_fields(table.snapshot, properties=self._properties[name])
            found.append(TableUpdate(name, table, shape))
        return found

    def add(self, checks: Sequence[TableCheck]) -> None:
        """Adds checks that are valid for their tables.

        Raises:
            CatalogError: One is not; where several are not, the message lists them all.
        """
        from catalog.flow.checks.reading import check_engine

        errors: list[tuple[TableCheck, CatalogError]] = []
        with check_engine(self._repository, sampled=True) as engine:
            for one in checks:
                try:
                    self._add(one, engine)
                except (InvalidInput, NotFound, AlreadyExists) as error:
                    errors.append((one, error))
        if len(errors) == 1:
            raise errors[0][1]
        if errors:
            listed = "".join(f"\n  {one.full_name}: {error.message}" for one, error in errors)
            raise InvalidInput(
                f"{len(errors)} of {len(checks)} checks are not valid:{listed}",
                kind=ErrorKind.BAD_CHECK,
                hint=next((error.advice for _, error in errors if error.advice), ""),
            )

    def _add(self, one: TableCheck, engine: "CheckEngine") -> None:
        name = self._opened(one.table)
        check = self._valid(one, self._tables[name], engine)
        properties = self._properties[name]
        after = with_check(properties, check)
        before = properties.get(PREFIX + check.name)
        if after[PREFIX + check.name] == before:
            return
        if before is not None and not self._replace:
            raise AlreadyExists(
                f"table {name!r} has a check {check.name!r} that means something else",
                kind=ErrorKind.CHECK_EXISTS,
                hint=hint("choose another name, or replace it: {}", Option("replace")),
            )
        if before is None and sum(key.startswith(PREFIX) for key in after) > MAX_CHECKS:
            raise InvalidInput(
                f"table {name!r} has {MAX_CHECKS} checks, and can have no more",
                kind=ErrorKind.BAD_CHECK,
            )
        self._properties[name] = after
        verb = "add" if before is None else "replace"
        self._done.append(f"{verb} check {name}.{check.name}")

    def _valid(self, one: TableCheck, table: StoredTable, engine: "CheckEngine") -> Check:
        """Returns a check as it is stored, after it was run on a row of NULLs.

        Raises:
            CatalogError: It cannot be run on the table.
        """
        from catalog.flow.checks.binding import bind
        from catalog.flow.checks.measure import check_runs

        try:
            bound = bind(replace_fields(one, table=table.name), self._find)
            if bound.kind is not CheckKind.PYTHON:
                check_runs(engine, bound)
        except (InvalidInput, NotFound, Unsupported) as error:
            reason = error.message.partition("\n")[0].removeprefix("Binder Error: ")
            own = "" if reason.startswith("check ") else f"check {one.name!r}: "
            message = f"table {table.name!r}, {own}{reason}"
            kind = ErrorKind.BAD_CHECK if error.kind is ErrorKind.SQL_ERROR else error.kind
            raise type(error)(
                message, kind=kind, hint=error.advice if error.hint else self._nearest(table, error)
            ) from error
        return bound.check

    def _nearest(self, table: StoredTable, error: CatalogError) -> str:
        """Returns which column or table may be meant by one that is not there."""
        column, other = _UNBOUND.search(error.message), _NO_TABLE.search(error.message)
        if other is not None:
            return unknown_table(
                other[1], self._branch, self._repository.commits.entries(self._head)
            ).hint
        if column is None:
            return ""
        names = table.snapshot.schema.names
        near = difflib.get_close_matches(column[1], names, n=3, cutoff=0.5)
        return (
            f"did you mean {' or '.join(near)}?" if near else f"the columns are {', '.join(names)}"
        )

    def drop(self, table: str, check: str) -> None:
        """Drops a check, also one that cannot be read.

        Raises:
            NotFound: There is no such table or check.
        """
        name = self._opened(table)
        if PREFIX + check not in self._properties[name]:
            raise unknown_check(name, check, self._properties[name])
        self._properties[name] = without_check(self._properties[name], check)
        self._done.append(f"drop check {name}.{check}")

    def _find(self, name: str) -> StoredTable | None:
        return table_of(self._repository.commits, self._head, name)

    def _opened(self, table: str) -> str:
        """Returns the name of a table, as it is spelled, whose checks are changed."""
        found = self._find(table)
        if found is None:
            names = self._repository.commits.entries(self._head)
            raise unknown_table(table, self._branch, names)
        self._tables.setdefault(found.name, found)
        self._properties.setdefault(found.name, dict(found.snapshot.properties))
        return found.name


def unknown_check(table: str, name: str, properties: Mapping[str, str]) -> NotFound:
    """Returns the error for a check that a table does not have."""
    names = sorted(key.removeprefix(PREFIX) for key in properties if key.startswith(PREFIX))
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    if near:
        advice = f"did you mean {' or '.join(near)}?"
    else:
        advice = f"its checks are {', '.join(names[:20])}" if names else "it has no checks"
    return NotFound(
        f"table {table!r} has no check {name!r}", kind=ErrorKind.CHECK_NOT_FOUND, hint=advice
    )
