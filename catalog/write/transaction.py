"""Transactions: changes to many tables, published by one swap of the branch."""

import datetime
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from catalog.errors import Conflict, InvalidInput, NotFound
from catalog.model.names import canonical_name, check_table_name
from catalog.repository.branches import HeldBranch, Stamp
from catalog.repository.commit_writer import Description, TableUpdate
from catalog.repository.commits import StoredTable
from catalog.repository.repository import Repository
from catalog.storage.store import SwapLost
from catalog.write.snapshot import SnapshotReport, take_snapshot
from catalog.write.snapshot_table import SnapshotRequest

MAX_ATTEMPTS = 200
"""Races a commit may lose before it gives up: with jittered pauses, 16 writers that each
commit in a loop need fewer than 40."""

FIRST_PAUSE_S = 0.002
"""Longest pause after the first lost race; it doubles with each, up to a quarter second."""

MAX_PAUSE_S = 0.25
"""Longest pause between attempts."""


@dataclass(frozen=True, slots=True)
class Staged:
    """Holds what a transaction is going to do to one table.

    Attributes:
        update: The change, relative to the table as it was when the transaction saw it.
        lineage: Where the new state comes from.
    """

    update: TableUpdate
    lineage: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Authorship:
    """Says who commits what to where.

    Attributes:
        branch: The branch to move.
        author: Who commits.
        message: What they say about it; None makes one up from the tables.
        metadata: Free text by key.
    """

    branch: str
    author: str
    message: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


class Transaction:
    """Stages changes to tables of a branch and commits them together.

    Use it as a context manager: leaving it commits, an exception inside drops it, and
    nothing but unreferenced files remains.

    Attributes:
        commit_id: The commit made; None before the end, or if nothing changed.
    """

    def __init__(
        self,
        repository: Repository,
        about: Authorship,
        *,
        clock: Callable[[], datetime.datetime],
        dry_run: bool = False,
    ) -> None:
        about = replace(about, branch=canonical_name(about.branch))
        held = repository.branches.held(about.branch)
        if held is None or held.branch.commit_id is None:
            raise NotFound(
                f"no branch {about.branch!r} to commit to",
                kind="ref-not-found",
                hint=f"create it with: parquetry branch create {about.branch}",
            )
        if held.branch.protected:
            raise Conflict(
                f"branch {about.branch!r} is protected: it changes only by merge",
                kind="branch-protected",
            )
        self._repository = repository
        self._about = about
        self._clock = clock
        self._base_id = held.branch.commit_id
        self._dry_run = dry_run
        self._staged: dict[str, Staged] = {}
        self.commit_id: str | None = None

    def __enter__(self) -> "Transaction":
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if kind is None and not self._dry_run:
            self._commit()

    def snapshot(self, table: str, source: str, request: SnapshotRequest) -> SnapshotReport:
        """Stages the state of a table as a source has it.

        Args:
            table: The table, made if it is new.
            source: A directory, file or glob of Parquet.
            request: Keys, partitioning, mode and scope.

        Raises:
            InvalidInput: The source, its schema or the request makes no sense.
            CorruptData: A file is damaged, or changed while it was read.
        """
        name = self._table_name(table)
        if name in self._staged:
            raise InvalidInput(f"table {name!r} is already part of this transaction")
        base = self._base_table(name)
        taken = take_snapshot(
            self._repository.store,
            self._repository.commits,
            name,
            base,
            source,
            request,
            dry_run=self._dry_run,
        )
        if taken.update is not None:
            self._staged[name] = Staged(taken.update, taken.lineage)
        return taken.report

    def staged(self, table: str) -> TableUpdate | None:
        """Returns what is staged for a table; None if nothing is."""
        found = self._staged.get(table)
        return None if found is None else found.update

    def drop(self, table: str) -> None:
        """Stages that a table goes.

        Raises:
            NotFound: There is no such table.
        """
        name = self._table_name(table)
        base = self._base_table(name)
        if base is None:
            raise NotFound(f"no table {table!r} to drop", kind="table-not-found")
        self._staged[name] = Staged(TableUpdate(name, base, None, (), ()), {"operation": "drop"})

    def _table_name(self, table: str) -> str:
        """Returns the table's name as it is spelled on the branch already, if it is there."""
        name = check_table_name(table)
        folded = name.casefold()
        spelled = (*self._repository.commits.entries(self._base_id), *self._staged)
        return next((known for known in spelled if known.casefold() == folded), name)

    def _base_table(self, name: str) -> StoredTable | None:
        commits = self._repository.commits
        entry = commits.entries(self._base_id).get(name)
        return None if entry is None else commits.table(entry)

    def _commit(self) -> None:
        if not self._staged:
            return
        pause_s = FIRST_PAUSE_S
        for _ in range(MAX_ATTEMPTS):
            held = self._repository.branches.held(self._about.branch)
            if held is None or held.branch.commit_id is None:
                raise Conflict(
                    f"branch {self._about.branch!r} was deleted meanwhile", kind="branch-deleted"
                )
            if self._try_commit(held, held.branch.commit_id):
                return
            time.sleep(random.uniform(0, pause_s))
            pause_s = min(2 * pause_s, MAX_PAUSE_S)
        raise Conflict(
            f"branch {self._about.branch!r} was always moved by somebody else, "
            f"{MAX_ATTEMPTS} times",
            kind="too-many-races",
            hint="run the command again",
        )

    def _try_commit(self, held: HeldBranch, parent: str) -> bool:
        self._check_requirements(parent)
        message = self._about.message or f"snapshot of {', '.join(sorted(self._staged))}"
        now = self._clock()
        about = Description(
            author=self._about.author,
            time=now,
            message=message,
            metadata=self._about.metadata,
            lineage={name: dict(staged.lineage) for name, staged in self._staged.items()},
        )
        updates = [staged.update for staged in self._staged.values()]
        commit_id = self._repository.writer().write([parent], updates, about)
        first_line = message.partition("\n")[0]
        stamp = Stamp(self._about.author, now, f"commit: {first_line}")
        try:
            self._repository.branches.move(held, commit_id, stamp)
        except SwapLost:
            return False
        self.commit_id = commit_id
        return True

    def _check_requirements(self, parent: str) -> None:
        """Checks that no staged table was changed by somebody else since it was read."""
        if parent == self._base_id:
            return
        entries = self._repository.commits.entries(parent)
        folded = {name.casefold(): name for name in entries}
        for name, staged in self._staged.items():
            base = staged.update.base
            now = entries.get(name)
            before = None if base is None else base.id
            taken = folded.get(name.casefold(), name) != name
            if taken or (None if now is None else now.entry.snapshot) != before:
                raise Conflict(
                    f"table {name!r} was changed on branch {self._about.branch!r} by commit "
                    f"{self._culprit(parent, name)[:8]} while this transaction was under way",
                    kind="write-conflict",
                    hint="run the command again: it then starts from the new state",
                )

    def _culprit(self, parent: str, name: str) -> str:
        commits = self._repository.commits
        current = parent
        while current != self._base_id:
            commit = commits.read(current)
            if name in commit.changes or not commit.parents:
                break
            current = commit.parents[0]
        return current
