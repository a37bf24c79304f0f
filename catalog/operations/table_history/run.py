"""Importing the past of a table: each version that its log still has becomes a commit."""

import datetime
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Literal, TypeAlias

from catalog.dataclasses import dataclass, field
from catalog.engine.connection import connection_on_demand
from catalog.engine.failures import engine_errors
from catalog.errors import CatalogError, Conflict, ErrorKind, GateRefused, InvalidInput, NotFound
from catalog.formats.open_table import open_table
from catalog.formats.source import SourceFormat
from catalog.formats.table_state import SourceTable, TableState, TableVersion
from catalog.hints import Blank, Hint, Option, hint
from catalog.model.listings import CommitInfo
from catalog.model.names import check_ref_name, check_table_name
from catalog.model.texts import check_choice
from catalog.operations.context import OperationContext
from catalog.operations.gate.gate import Gate
from catalog.operations.history import describe_commit
from catalog.operations.table_history.continuation import check_same_table, standing_of
from catalog.operations.table_history.description import (
    author_of,
    is_dated,
    message_of,
    metadata_of,
)
from catalog.operations.table_history.plan import Bounds, Log, Standing, is_again, pending
from catalog.repository.branch_errors import moved_error
from catalog.repository.branches import HeldBranch
from catalog.repository.commit_writer import Description
from catalog.write.publish import Judge, Proposal, publish
from catalog.write.snapshot.other_table import take_table
from catalog.write.snapshot.outcome import TakenSnapshot
from catalog.write.snapshot.table_plan import SnapshotRequest, SnapshotTask

if TYPE_CHECKING:
    import duckdb

TableFormat: TypeAlias = Literal["delta", "iceberg"]

Engine: TypeAlias = Callable[[], "duckdb.DuckDBPyConnection"]

ImportProgress: TypeAlias = Callable[[int, int, str], None]
"""Receives how many versions were imported, how many there are, and what comes next."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportRequest:
    """The arguments of ``Catalog.import_history``, which describes them."""

    source: str
    table: str
    format: TableFormat | Literal["auto"] = "auto"
    branch: str | None = None
    first: str | None = None
    last: str | None = None
    mode: Literal["copy", "link", "reference"] = "reference"
    key: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did.

    Attributes:
        table: The table.
        branch: The branch that has its versions.
        source: The directory of the table that was imported, or its URI.
        format: The format of that table.
        versions: The versions that were imported, oldest first: numbers of Delta, ids of
            snapshots of Iceberg.
        commits: Their commits.
        last: The version that the branch has at its head; None if it has none.
        began: Whether the branch was begun.
        warnings: What the user should know.
    """

    table: str
    branch: str
    source: str
    format: str
    versions: tuple[int, ...]
    commits: tuple[CommitInfo, ...]
    last: int | None
    began: bool
    warnings: tuple[str, ...] = ()

    @property
    def is_up_to_date(self) -> bool:
        """Returns whether the branch already had all versions."""
        return not self.versions


def import_history(
    context: OperationContext, request: ImportRequest, progress: ImportProgress
) -> ImportReport:
    """Makes a commit of each version of a table; see ``Catalog.import_history``."""
    name = check_table_name(request.table)
    branch = check_ref_name(request.branch or f"import/{name}")
    check_choice(request.format, "format", ("auto", "delta", "iceberg"))
    source = _opened(context, request)
    standing = standing_of(context, branch, name, format=source.format)
    newest = source.state()
    if standing is not None:
        check_same_table(standing, source.root, newest.table_id)
        known = context.repository.commits.entry(standing.head, name)
        name = name if known is None else known.name
    counts = source.format == SourceFormat.DELTA
    is_bounded = request.first is not None or request.last is not None
    since = None if standing is None or is_bounded else standing.last
    log = Log(source.root, counts, tuple(source.versions(since)))
    bounds = Bounds(*(_number(source, at) for at in (request.first, request.last)))
    wanted = pending(log, standing, bounds)
    if standing is None and not wanted:
        raise NotFound(f"{source.root} has no version to import", kind=ErrorKind.VERSION_NOT_FOUND)
    run = _Import(context, request, source, name, branch, newest.table_id, log, standing)
    with connection_on_demand(context.repository.store) as engine, engine_errors():
        for n, version in enumerate(wanted):
            progress(n, len(wanted), f"version {version.number}")
            run.take(version, engine)
    last = wanted[-1].number if wanted else None if standing is None else standing.last
    if not counts and last == newest.version.number:
        run.warnings.extend(_changed_columns(source, newest))
    return ImportReport(
        name,
        branch,
        source.root,
        str(source.format),
        tuple(version.number for version in wanted),
        tuple(describe_commit(context, commit_id) for commit_id in run.commits),
        last,
        began=standing is None and bool(wanted),
        warnings=tuple(dict.fromkeys(run.warnings)),
    )


def _changed_columns(source: SourceTable, newest: TableState) -> Iterator[str]:
    """Yields a warning about columns that changed after the newest version, without another."""
    there = source.state(str(newest.version.number))
    if (there.columns, there.partition_by) != (newest.columns, newest.partition_by):
        yield (
            f"the columns of {source.root} have changed since its newest snapshot: they come with "
            "its next snapshot"
        )


def _opened(context: OperationContext, request: ImportRequest) -> SourceTable:
    source = open_table(request.source, request.format, context.repository.store)
    if source is None:
        raise InvalidInput(
            f"{request.source} is not a table of Delta or Iceberg, which keep their past",
            kind=ErrorKind.SOURCE_NOT_FOUND,
            hint="name the directory of the table itself",
        )
    return source


def _number(source: SourceTable, at: str | None) -> int | None:
    """Returns the version that a number, a time or a tag means."""
    if at is None:
        return None
    return source.state(at).version.number


@dataclass(slots=True)
class _Import:
    """Takes versions one after another, each in a commit on top of the one before.

    Attributes:
        commits: The commits made so far.
        warnings: What the user should know.
    """

    context: OperationContext
    request: ImportRequest
    source: SourceTable
    name: str
    branch: str
    table_id: str
    log: Log
    standing: Standing | None
    commits: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @property
    def head(self) -> str | None:
        """Returns the commit that the branch is at; None if it is not begun."""
        if self.commits:
            return self.commits[-1]
        return None if self.standing is None else self.standing.head

    def take(self, version: TableVersion, engine: Engine) -> None:
        """Takes a version and moves the branch to it.

        Raises:
            CatalogError: It cannot be taken; versions before it stay imported.
        """
        try:
            taken = take_table(self._task(version, engine), self.source)
            try:
                if taken.placement is not None:
                    taken.placement.place()
                self.commits.append(self._commit(version, taken))
            finally:
                if taken.placement is not None:
                    taken.placement.discard()
        except CatalogError as error:
            raise self._stopped(version, error) from error
        self.warnings.extend(taken.report.warnings)

    def _task(self, version: TableVersion, engine: Engine) -> SnapshotTask:
        repository, request = self.context.repository, self.request
        entry = None if self.head is None else repository.commits.entry(self.head, self.name)
        base = None if entry is None else repository.commits.table(entry)
        return SnapshotTask(
            repository,
            self.name,
            base,
            request.source,
            SnapshotRequest(
                key=request.key if self.head is None or not self.commits else None,
                mode=request.mode,
                format=request.format,
                at=str(version.number),
                allow_empty=True,
            ),
            dry_run=False,
            engine=engine,
        )

    def _commit(self, version: TableVersion, taken: TakenSnapshot) -> str:
        """Commits a version, and moves the branch to it, or begins the branch with it."""
        repository, head = self.context.repository, self.head
        about = self._about(version, taken)
        updates = [] if taken.update is None else [taken.update]
        why = f"import: version {version.number} of {self.name}"
        if head is None:
            commit_id = repository.writer().write([], updates, about)
            repository.branches.create(self.branch, commit_id, self.context.stamp(why))
            return commit_id

        def propose(held: HeldBranch, at: str) -> Proposal:
            if at != head:
                raise moved_error(self.branch, during="the import", now=held.branch)
            return Proposal([head], updates, about, why)

        published = publish(repository, self.branch, propose, judge=self._judge)
        assert published is not None, "a commit was proposed"
        return published

    @property
    def _judge(self) -> Judge:
        return Gate(self.context, "this import", direct=True).judge

    def _about(self, version: TableVersion, taken: TakenSnapshot) -> Description:
        """Returns what the commit of a version says; its time is not before the one before it."""
        kind, time = self.source.format, self._time(version)
        standing = None if self.commits else self.standing
        again = standing is not None and is_again(version, standing, self.log)
        if self.head is not None:
            time = max(time, self.context.repository.commits.read(self.head).time)
        updated = taken.update is not None
        return Description(
            author=author_of(version) or self.context.author,
            time=time,
            message=message_of(version, kind, again=again),
            metadata=metadata_of(version, kind, self.table_id),
            lineage={self.name: taken.lineage.stored()} if updated else {},
        )

    def _time(self, version: TableVersion) -> datetime.datetime:
        """Returns when a version was made; if the log does not say, when the next one was."""
        if is_dated(version):
            return version.time
        dated = (one.time for one in self.log.line if is_dated(one))
        return min(dated, default=self.context.clock())

    def _stopped(self, version: TableVersion, error: CatalogError) -> CatalogError:
        """Returns the error of a version, which says where the branch stands."""
        if isinstance(error, Conflict | GateRefused):
            return error
        imported = len(self.commits)
        before = f"; the {imported} before it are on branch {self.branch!r}" if imported else ""
        advice: Hint = error.advice
        if error.kind == ErrorKind.LIVE_FILE_MISSING:
            advice = hint(
                "files of old versions are deleted by a vacuum: begin with a later version, {}",
                Option("from_version", Blank("VERSION")),
            )
        error_type = type(error)
        message = f"version {version.number} of {self.source.root}: {error.message}{before}"
        return error_type(message, kind=error.kind, hint=advice)
