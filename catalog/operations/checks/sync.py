"""Checks taken over from files, in one commit: those that each file states now."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from catalog.dataclasses import dataclass, field, replace
from catalog.errors import (
    AlreadyExists,
    CatalogError,
    ErrorKind,
    InvalidInput,
    NotFound,
    Unsupported,
)
from catalog.flow.check_sources.findings import Findings, FoundCheck, named
from catalog.flow.check_sources.known import KnownTables
from catalog.flow.check_sources.reading import SourceFile, find_checks
from catalog.hints import Option, hint
from catalog.model.check_rules import function_name
from catalog.model.checks import (
    MAX_CHECKS,
    Check,
    CheckKind,
    TableCheck,
    table_check,
    table_checks,
    with_check,
    without_check,
)
from catalog.model.ids import canonical_json
from catalog.model.lineage import CHECK, LineageEntry
from catalog.model.names import canonical_name
from catalog.operations.checks.listing import table_of
from catalog.operations.context import OperationContext
from catalog.operations.history import describe_commit
from catalog.operations.refs import unprotected_branch
from catalog.repository.commit_writer import TableUpdate
from catalog.repository.commits import StoredTable
from catalog.write.publish import Judge, Proposal, publish

if TYPE_CHECKING:
    from catalog.model.listings import CommitInfo
    from catalog.model.types import DataType
    from catalog.repository.branches import HeldBranch

MOST_NAMED = 3
"""Files that a message names, before it counts them."""


@dataclass(frozen=True, slots=True)
class SyncOptions:
    """How checks are taken over.

    Attributes:
        tables: Tables by the names that the files give them instead.
        replace: Whether checks of the same names may be replaced that are not of these files.
        prune: Whether checks of all other files are dropped.
        allow_partial: Whether the rest is taken over if some rules cannot be.
        dry_run: Whether only to say what would change.
        message: The commit's message; None makes one up.
    """

    tables: Mapping[str, str] = field(default_factory=dict)
    replace: bool = False
    prune: bool = False
    allow_partial: bool = False
    dry_run: bool = False
    message: str | None = None


@dataclass(frozen=True, slots=True)
class SyncReport:
    """What taking checks over did, or would do.

    Attributes:
        branch: The branch.
        dry_run: Whether nothing was written.
        commit: The commit; None if nothing changed, or nothing was written.
        added: Checks that came.
        changed: Checks that are others now under the same name.
        removed: Checks that went: their files do not state them any more.
        unchanged: Checks that are there as the files state them.
        left_out: Rules that were not taken over, and why.
        notes: What else the files say that is not about rows.
    """

    branch: str
    dry_run: bool
    commit: "CommitInfo | None"
    added: tuple[TableCheck, ...]
    changed: tuple[TableCheck, ...]
    removed: tuple[TableCheck, ...]
    unchanged: tuple[TableCheck, ...]
    left_out: tuple[str, ...]
    notes: tuple[str, ...]


def sync_checks(
    context: OperationContext,
    branch: str,
    files: Sequence[SourceFile],
    options: SyncOptions,
    *,
    judge: Judge | None = None,
) -> SyncReport:
    """Takes the checks of files over into a branch, in one commit.

    Each check keeps of which file it is. So the next time, checks that the file does not state any
    more are dropped, and checks of others stay.

    Args:
        context: The open catalog.
        branch: The branch.
        files: The files.
        options: How they are taken over.
        judge: Judges the commit if the rules of the branch say so.

    Returns:
        What changed.

    Raises:
        InvalidInput: A rule cannot be held by a check, or is not valid for its table; the message
            lists them all.
        AlreadyExists: A check that is not of these files has the name of one of them.
    """
    branch = canonical_name(branch)
    if not files:
        raise InvalidInput("no file to take checks from", kind=ErrorKind.NOTHING_TO_TAKE)
    if options.dry_run:
        head = context.resolve(branch).commit_id
        return _plan(context, head, files, options).report(branch, options, None)
    unprotected_branch(context.repository, branch)
    plans: list[_Plan] = []

    def propose(held: "HeldBranch", head: str) -> Proposal | None:
        if held.branch.protected:
            unprotected_branch(context.repository, branch)
        plans.append(_plan(context, head, files, options))
        updates = plans[-1].updates
        if not updates:
            return None
        shown = ", ".join(file.path for file in files[:MOST_NAMED])
        more = f" and {len(files) - MOST_NAMED} more" if len(files) > MOST_NAMED else ""
        text = options.message or f"take checks over from {shown}{more}"
        lineage = {one.name: LineageEntry(CHECK).stored() for one in updates}
        about = context.describe(text, lineage=lineage)
        return Proposal([head], updates, about, f"check: {text}")

    made = publish(context.repository, branch, propose, judge=judge)
    commit = None if made is None else describe_commit(context, made)
    return plans[-1].report(branch, options, commit)


@dataclass(slots=True)
class _Plan:
    """What taking files over does to the tables of a commit."""

    added: list[TableCheck] = field(default_factory=list)
    changed: list[TableCheck] = field(default_factory=list)
    removed: list[TableCheck] = field(default_factory=list)
    unchanged: list[TableCheck] = field(default_factory=list)
    updates: list[TableUpdate] = field(default_factory=list)
    left_out: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def report(self, branch: str, options: SyncOptions, commit: "CommitInfo | None") -> SyncReport:
        return SyncReport(
            branch,
            options.dry_run,
            commit,
            tuple(self.added),
            tuple(self.changed),
            tuple(self.removed),
            tuple(self.unchanged),
            self.left_out,
            self.notes,
        )


def _plan(
    context: OperationContext, head: str, files: Sequence[SourceFile], options: SyncOptions
) -> _Plan:
    tables = _Tables(context, head)
    known = KnownTables(tables.names, tables.columns, renamed=options.tables)
    findings = find_checks(files, known)
    sources = {file.source for file in files}
    there = {name: tables.stored(name) for name in context.repository.commits.checked(head)}
    existing = {
        (name, one.name): one
        for name, table in there.items()
        for one in table_checks(name, table.snapshot.properties)
    }
    found, errors = _named(findings, existing, sources, options)
    findings.errors += errors
    found = _valid(context, head, found, findings=findings)
    _raise(findings, options)
    plan = _Plan(
        left_out=(*findings.refused, *(error.message for error in findings.absent)),
        notes=tuple(findings.notes),
    )
    properties: dict[str, dict[str, str]] = {}

    def changed(table: str) -> dict[str, str]:
        return properties.setdefault(table, dict(tables.stored(table).snapshot.properties))

    for one in found:
        made = table_check(one.table, one.check)
        before = existing.get((one.table, made.name))
        if before is not None and _text(before.check) == _text(one.check):
            plan.unchanged.append(made)
            continue
        (plan.added if before is None else plan.changed).append(made)
        properties[one.table] = with_check(changed(one.table), one.check)
    wanted = {(one.table, one.check.name) for one in found}
    for key, kept_check in sorted(existing.items()):
        if key not in wanted and _is_own(kept_check, sources, options):
            plan.removed.append(kept_check)
            table, name = key
            properties[table] = without_check(changed(table), name)
    for name, kept in sorted(properties.items()):
        base = tables.stored(name)
        count = sum(1 for key in table_checks(name, kept))
        if count > MAX_CHECKS:
            raise InvalidInput(
                f"table {name} would have {count} checks, more than {MAX_CHECKS}",
                kind=ErrorKind.BAD_CHECK,
            )
        plan.updates.append(TableUpdate(name, base, replace(base.snapshot, properties=kept)))
    return plan


def _text(check: Check | None) -> bytes:
    return b"" if check is None else canonical_json(check.to_json())


class _Tables:
    """The tables of a commit, each opened once."""

    def __init__(self, context: OperationContext, head: str) -> None:
        self._commits = context.repository.commits
        self._entries = self._commits.entries(head)
        self._stored: dict[str, StoredTable] = {}
        self.names = {name.casefold(): name for name in self._entries}

    def stored(self, name: str) -> StoredTable:
        """Returns a table that the commit has under just this name."""
        if name not in self._stored:
            self._stored[name] = self._commits.table(self._entries[name])
        return self._stored[name]

    def columns(self, name: str) -> "Mapping[str, DataType]":
        """Returns the types of the columns of a table."""
        return {field.name: field.type for field in self.stored(name).snapshot.schema.fields}


def _is_own(one: TableCheck, sources: set[str], options: SyncOptions) -> bool:
    """Returns whether a check that is there was taken over from one of the files."""
    source = "" if one.check is None else one.check.source
    return source in sources or (options.prune and source != "")


def _named(
    findings: Findings,
    existing: Mapping[tuple[str, str], TableCheck],
    sources: set[str],
    options: SyncOptions,
) -> tuple[list[FoundCheck], list[CatalogError]]:
    """Returns the checks of the files with their names, and the names that others have."""
    own: dict[str, dict[str, str]] = {}
    taken: dict[str, set[str]] = {}
    for (table, name), one in existing.items():
        source = "" if one.check is None else one.check.source
        if source in sources:
            own.setdefault(table, {})[source + one.digest] = name
        elif source and not options.prune:
            taken.setdefault(table, set()).add(name)
    found, errors = named(findings.checks, own, taken)
    for made in found:
        before = existing.get((made.table, made.check.name))
        if before is None or options.replace or _is_own(before, sources, options):
            continue
        source = "" if before.check is None else before.check.source
        whose = f"which was taken over from {source}" if source else "which somebody added"
        errors.append(
            AlreadyExists(
                f"{made.entry.place}: {made.label} is there already, {whose}",
                kind=ErrorKind.ALREADY_EXISTS,
                hint=hint("give it another name, or replace it: {}", Option("replace")),
            )
        )
    return found, errors


def _valid(
    context: OperationContext, head: str, found: Sequence[FoundCheck], *, findings: Findings
) -> list[FoundCheck]:
    """Returns checks as they are stored, after each was run on a row that was made up."""
    from catalog.flow.checks.binding import bind
    from catalog.flow.checks.measure import check_runs
    from catalog.flow.checks.reading import check_engine

    commits, valid = context.repository.commits, []
    with check_engine(context.repository, sampled=True) as engine:
        for one in found:
            try:
                bound = bind(
                    table_check(one.table, one.check), lambda name: table_of(commits, head, name)
                )
                if bound.kind is CheckKind.PYTHON:
                    function_name(bound.check)
                else:
                    check_runs(engine, bound)
                valid.append(replace(one, check=bound.check))
            except (InvalidInput, NotFound, Unsupported) as error:
                reason = error.message.partition("\n")[0].removeprefix("Binder Error: ")
                kind = ErrorKind.BAD_CHECK if error.kind is ErrorKind.SQL_ERROR else error.kind
                message = f"{one.entry.place}: {one.label}: {reason}"
                findings.errors.append(type(error)(message, kind=kind, hint=error.advice))
    return valid


def _raise(findings: Findings, options: SyncOptions) -> None:
    """Raises all that is in the way, as one error.

    Raises:
        CatalogError: There is something.
    """
    errors: list[CatalogError] = list(findings.errors)
    if not options.allow_partial:
        errors += findings.absent
        errors += [
            InvalidInput(
                text,
                kind=ErrorKind.UNSUPPORTED_RULE,
                hint=hint("take over the rest without it: {}", Option("allow_partial")),
            )
            for text in findings.refused
        ]
    if len(errors) == 1:
        raise errors[0]
    if errors:
        listed = "".join(f"\n  {error.message}" for error in errors)
        kinds = {error.kind for error in errors}
        raise InvalidInput(
            f"{len(errors)} rules cannot be taken over:{listed}",
            kind=kinds.pop() if len(kinds) == 1 else ErrorKind.BAD_CHECK,
            hint=next((error.advice for error in errors if error.advice), ""),
        )
