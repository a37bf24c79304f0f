"""Transactions: changes to many tables, published by one swap of the branch."""

import datetime
import difflib
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from catalog.dataclasses import dataclass, field, replace
from catalog.engine.connection import connection_on_demand
from catalog.engine.failures import engine_errors
from catalog.engine.settings import UserSettings
from catalog.engine.workspace import Workspace
from catalog.errors import ErrorKind, InvalidInput, NotFound
from catalog.hints import Call, hint
from catalog.model.lineage import Origin, combined
from catalog.model.names import canonical_name
from catalog.model.texts import check_choice, check_text, check_texts
from catalog.query.pending_write import PendingWrite, WriteResult
from catalog.repository.branch_errors import protected_error
from catalog.repository.branches import HeldBranch
from catalog.repository.commit_writer import Description, TableUpdate
from catalog.repository.repository import Repository
from catalog.write.context import WriteContext
from catalog.write.file_fingerprints import keep_prints
from catalog.write.file_sets.take import FileSetTask, take_file_set
from catalog.write.files.rewrite import FileEdit
from catalog.write.publish import Judge, Proposal, publish
from catalog.write.requirements import MovedBranch
from catalog.write.rows.landing import land
from catalog.write.rows.target_schema import WriteRequest
from catalog.write.rows.write import WriteReport, write_rows
from catalog.write.scope import Scope
from catalog.write.snapshot.outcome import SnapshotReport, TakenSnapshot
from catalog.write.snapshot.placement import Placement
from catalog.write.snapshot.table_plan import (
    SnapshotJudge,
    SnapshotRequest,
    SnapshotTask,
    check_without_versions,
)
from catalog.write.snapshot.take import take_snapshot
from catalog.write.sql.dispatch import run_statement
from catalog.write.staged_tables import StagedTables
from catalog.write.working_table import WorkingTable, same_shape

NO_ORIGIN = Origin()

Isolation = Literal["snapshot", "serializable"]


@dataclass(frozen=True, slots=True)
class Authorship:
    """Who commits to which branch, and how.

    Attributes:
        message: What they say about it; None means one derived from the tables.
        isolation: ``snapshot``: changes of others conflict where this transaction changes the
            same; ``serializable``: also where it read the same.
        allow_empty: Whether to commit although nothing changed.
        key: Idempotency key: a transaction of the same key on the branch is committed once.
    """

    branch: str
    author: str
    message: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    isolation: Isolation = "snapshot"
    allow_empty: bool = False
    key: str | None = None

    def __post_init__(self) -> None:
        check_text(self.author, "the author")
        check_choice(self.isolation, "isolation", ("snapshot", "serializable"))
        if self.message is not None:
            check_text(self.message, "the message")
        check_texts(self.metadata, "metadata")
        if self.key is not None:
            check_text(self.key, "the idempotency key")
            if not self.key:
                raise InvalidInput(
                    "the idempotency key is empty: all writes with it would count as one",
                    hint="name what is written, e.g. the day, or leave the key out",
                )


class Transaction:
    """Changes to tables of a branch that are committed together.

    Use it as a context manager: leaving it commits, an exception inside drops it, and
    nothing but unreferenced files remains.

    With a ``share`` of n, its engine takes an nth of what it would take: n of them run at a time.

    Attributes:
        base_id: The commit that it starts from.
        commit_id: The commit made; None before the end, or if nothing changed.
        is_repeated: Whether that commit was made by an earlier transaction of the same key.
        origin: What is recorded about everything that is written.
    """

    def __init__(
        self,
        repository: Repository,
        about: Authorship,
        *,
        clock: Callable[[], datetime.datetime],
        judge: Judge | None = None,
        dry_run: bool = False,
        share: int = 1,
    ) -> None:
        about = replace(about, branch=canonical_name(about.branch))
        held = _open_branch(repository, about.branch)
        assert held.branch.commit_id is not None, "an open branch is at a commit"
        self.base_id = held.branch.commit_id
        repository.condemned.look_ahead()
        self._repository = repository
        self._about = about
        self.commit_id: str | None = self._landed(held)
        self.is_repeated = self.commit_id is not None
        self._clock = clock
        self._judge = judge
        self._may_take_turns = held.branch.rules is None  # nobody waits for a judgement
        self._dry_run = dry_run
        self._updates: dict[str, tuple[WorkingTable, TableUpdate]] = {}
        self._prints_missing = False
        self.context = WriteContext(Workspace(store=repository.store, share=share), repository)
        self.tables = StagedTables(self.context, self.base_id)
        self._placements: list[Placement] = []
        self.origin = Origin()
        self.has_begun = False
        self.has_ended = False

    def __enter__(self) -> "Transaction":
        self.has_begun = True
        self.check_running()
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        try:
            if kind is None and not self._dry_run:
                if self._prints_missing:
                    self.place_files()
                    for table in self.tables.changed():
                        self._keep_prints(table)
                self._commit()
        finally:
            self.has_ended = True
            for placement in self._placements:
                placement.discard()
            self.context.work.close()

    def check_running(self) -> None:
        """Checks that something can still be staged.

        Raises:
            InvalidInput: The transaction has not begun, or has ended.
        """
        if not self.has_begun:
            raise InvalidInput(
                "the transaction has not begun: nothing would ever be committed",
                kind=ErrorKind.TRANSACTION_NOT_BEGUN,
                hint="begin it: with cat.transaction(…) as tx",
            )
        if self.has_ended:
            raise InvalidInput(
                "the transaction has ended",
                kind=ErrorKind.TRANSACTION_ENDED,
                hint="start another one: with cat.transaction(…) as tx",
            )

    @property
    def branch(self) -> str:
        """Returns the branch that the transaction commits to."""
        return self._about.branch

    def has_current_reads(self) -> bool:
        """Returns whether the branch still has the rows that were read as they were then.

        It looks at the files that may hold them, so that two transactions that work on different
        partitions of a table do not disturb each other.
        """
        held = self._repository.branches.held(self.branch)
        head = None if held is None else held.branch.commit_id
        if head == self.base_id or head is None:
            return True  # a deleted branch takes no commit
        moved = MovedBranch(self.context, self.branch, self.base_id, head)
        reads = self.tables.reads.items()
        return not self.tables.reads_branch and all(moved.keeps(*read) for read in reads)

    def snapshot(
        self,
        table: str,
        source: str,
        request: SnapshotRequest,
        *,
        origin: Origin = NO_ORIGIN,
        judge: SnapshotJudge | None = None,
    ) -> SnapshotReport:
        """Stages the state of a table, made if it is new, as a source has it.

        What ``judge`` does not allow is not staged, and is in the report.

        Raises:
            InvalidInput: The source, its schema or the request is not valid.
            CorruptData: A file is damaged, or changed while it was read.
        """
        files = request.format == "files"
        name = self.tables.spelled_to_fill(table, files=files)
        if name in self.tables.staged_names():
            raise InvalidInput(
                f"table {name!r} is already part of this transaction",
                hint="take its snapshot first, or in a transaction of its own",
            )
        working = self.tables.working(name)
        if files:
            check_without_versions(source, request)
            files_task = FileSetTask(
                self.context, working, source, request, dry_run=self._dry_run, judge=judge
            )
            return self._snapshot_files(files_task, origin)
        with connection_on_demand(self._repository.store) as engine:
            task = SnapshotTask(
                self._repository,
                name,
                working.base,
                source,
                request,
                dry_run=self._dry_run,
                engine=engine,
                judge=judge,
            )
            taken = take_snapshot(task)
        if taken.update is not None:
            scope = _snapshot_scope(working, taken.update, request)
            self._stage_snapshot(working, taken, scope, origin)
        return taken.report

    def _snapshot_files(self, task: FileSetTask, origin: Origin) -> SnapshotReport:
        taken = take_file_set(task)
        if taken.update is not None:
            after = self._stage_snapshot(task.table, taken, Scope(whole=True), origin)
            self._keep_prints(after)
        return taken.report

    def _stage_snapshot(
        self, working: WorkingTable, taken: TakenSnapshot, scope: Scope, origin: Origin
    ) -> WorkingTable:
        update = taken.update
        assert update is not None, "something changed"
        change = FileEdit(tuple(update.removed), tuple(update.added))
        after = working.then(update.snapshot, change, scope, lineage=origin.added(taken.lineage))
        self.tables.stage(after)
        if taken.placement is not None:
            self._placements.append(taken.placement)
        return after

    def write(
        self, table: str, data: object, request: WriteRequest, *, origin: Origin = NO_ORIGIN
    ) -> WriteReport:
        """Stages rows to be written to a table, made if it is new; see ``write_rows``."""
        name = self.tables.spelled_to_fill(table)
        self._check_writing()
        settings = UserSettings(self.context.con)
        settings.put_aside()
        try:
            with engine_errors():
                landed = land(self.context.work, data)
                working = self.tables.working(name)
                written = write_rows(self.context, working, landed, request=request)
        finally:
            settings.put_back()
        if written is not working:
            *before, last = written.lineage
            written = replace(written, lineage=(*before, origin.added(last)))
        self.tables.stage(written)
        return WriteReport(
            written.name,
            written.is_changed,
            len(written.added),
            len(written.removed),
            written.rows,
            self._keep_prints(written),
        )

    def _keep_prints(self, table: WorkingTable) -> tuple[str, ...]:
        """Stores the fingerprints of the files that a table gets; returns warnings about keys."""
        prints = self.context.prints or {}
        keys = self.context.keys
        kept = keep_prints(self._repository, self._update(table), prints, keys=keys)
        keys.clear()  # unlike fingerprints, they are of no use any more
        return kept.warnings

    def run(self, pending: PendingWrite) -> WriteResult:
        """Stages what a SQL statement does to a table; see ``sql.dispatch.run_statement``."""
        self._check_writing()
        self._prints_missing = True
        return run_statement(self.tables, pending)

    def place_files(self) -> None:
        """Gives the copies of snapshots their places, since something is going to read them."""
        for placement in self._placements:
            placement.place()

    def _check_writing(self) -> None:
        if self._dry_run:
            raise InvalidInput("rows cannot be written in a dry run")
        self.place_files()

    def _commit(self) -> None:
        tables = self.tables.changed()
        if self.commit_id is not None or not (tables or self._about.allow_empty):
            return
        self.place_files()  # before other writers are made to wait
        made = publish(
            self._repository,
            self._about.branch,
            lambda held, head: self._proposal(tables, held, head),
            judge=self._judge,
            take_turns=self._may_take_turns,
        )
        self.commit_id = made or self.commit_id

    def _landed(self, held: HeldBranch) -> str | None:
        """Returns the commit that a transaction of the same key made before, if one did."""
        if self._about.key is None:
            return None
        found = self._repository.branches.find_key(held.branch, self._about.key)
        return None if found is None else found.after

    def _proposal(
        self, tables: Sequence[WorkingTable], held: HeldBranch, parent: str
    ) -> Proposal | None:
        self.commit_id = self._landed(held)
        if self.commit_id is not None:
            self.is_repeated = True
            return None
        _check_open(held)
        tables = [table for table in self._rebased(tables, parent) if table.is_changed]
        if not tables and not self._about.allow_empty:
            return None
        names = ", ".join(sorted(table.name for table in tables))
        message = self._about.message or _message(tables, names)
        about = Description(
            author=self._about.author,
            time=self._clock(),
            message=message,
            metadata=self._about.metadata,
            lineage={
                table.name: self.origin.added(combined(table.lineage)).stored() for table in tables
            },
        )
        updates = [self._update(table) for table in tables]
        self.context.check_read()
        first_line = message.partition("\n")[0]
        return Proposal([parent], updates, about, f"commit: {first_line}", self._about.key)

    def _update(self, table: WorkingTable) -> TableUpdate:
        """Returns the update of a table, the same at every attempt: it is encoded once."""
        known = self._updates.get(table.name)
        if known is None or known[0] is not table:
            known = self._updates[table.name] = (table, table.update())
        return known[1]

    def _rebased(self, tables: Sequence[WorkingTable], parent: str) -> Sequence[WorkingTable]:
        """Returns the staged tables on top of what the branch has now."""
        if parent == self.base_id:
            return tables
        moved = MovedBranch(self.context, self._about.branch, self.base_id, parent)
        if self._about.isolation == "serializable":
            for name in sorted(self.tables.reads.keys() | self.tables.staged_names()):
                moved.check_unchanged(name)
        return [moved.rebased(table) for table in tables]


def _open_branch(repository: Repository, branch: str) -> HeldBranch:
    """Returns a branch as it is, after checking that it takes commits."""
    held = repository.branches.held(branch)
    if held is None or held.branch.commit_id is None:
        names = [one.name for one in repository.branches.heads()]
        near = difflib.get_close_matches(branch, names, n=2, cutoff=0.6)
        meant = (
            f"did you mean {' or '.join(near)}? Else create it: {{}}" if near else "create it: {}"
        )
        raise NotFound(
            f"no branch {branch!r} to commit to",
            kind=ErrorKind.REF_NOT_FOUND,
            hint=hint(meant, Call("branches.create", (branch,))),
        )
    _check_open(held)
    return held


def _check_open(held: HeldBranch) -> None:
    if held.branch.protected:
        raise protected_error(held.branch.name)


def _snapshot_scope(table: WorkingTable, update: TableUpdate, request: SnapshotRequest) -> Scope:
    """Returns what a snapshot depends on: all of the table, its partitions, or nothing."""
    old, new = table.base, update.snapshot
    reshaped = old is None or new is None or not same_shape(old.snapshot, new)
    if request.scope == "full" or reshaped:
        return Scope(whole=True)
    files = frozenset(file.path for file in update.removed)
    if request.scope == "append":
        return Scope(files=files, shared=frozenset(file.path for file in update.added))
    return Scope(partitions=frozenset(f.partition for f in (*update.removed, *update.added)))


MESSAGE_CHARACTERS = 200
"""Characters of a statement that stand for a message: the lineage has all of it."""


def _message(tables: Sequence[WorkingTable], names: str) -> str:
    """Returns a message for who gave none: the statement if there is one, else what was done."""
    entries = [one for table in tables for one in table.lineage]
    done = {one.operation for one in entries}
    statements = list(dict.fromkeys(one.statement.strip() for one in entries if one.statement))
    if done == {"sql"} and statements:
        first, *more = statements
        if len(first) > MESSAGE_CHARACTERS:
            first = " ".join(first.split())[: MESSAGE_CHARACTERS - 1] + "…"
        return f"{first}; and {len(more)} more" if more else first
    return f"{done.pop() if len(done) == 1 else 'change'} of {names}" if names else "no change"
