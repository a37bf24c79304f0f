"""Small files put together: ``cat.compact(…)``, and what it would gain."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from functools import partial

from catalog.dataclasses import dataclass, field, replace
from catalog.engine.workspace import Workspace
from catalog.errors import ErrorKind, InvalidInput
from catalog.hints import Call, hint
from catalog.model.file_sets import is_file_set
from catalog.model.lineage import LineageEntry, Origin, StoredLineage
from catalog.model.listings import CommitInfo
from catalog.model.names import canonical_name
from catalog.model.table import TableSnapshot
from catalog.operations.care.partitions import wanted_partitions
from catalog.operations.code import calling_code
from catalog.operations.context import OperationContext
from catalog.operations.gate.gate import Gate
from catalog.operations.history import describe_commit
from catalog.operations.refs import unprotected_branch
from catalog.operations.tables import unknown_table
from catalog.repository.branches import HeldBranch
from catalog.repository.commit_writer import TableUpdate
from catalog.repository.commits import Commits, StoredTable
from catalog.repository.tables import data_files
from catalog.write.compact.plan import LEAST_TARGET_BYTES, TARGET_BYTES, Gain, gain, groups
from catalog.write.compact.table import Progress, TableCompaction
from catalog.write.context import WriteContext
from catalog.write.publish import Proposal, publish

FILE_SET = "it is a file set, whose contents are not in data files"
"""Why a table is passed over."""


@dataclass(frozen=True, slots=True)
class TableFiles:
    """How the data files of a table are, and what putting small ones together comes to.

    Attributes:
        table: The table.
        files: Data files that it has, before.
        size_bytes: Their size.
        small_files: Small ones that go; each shares its partition with others.
        into: Files that come in their place: in a dry run, about so many.
        small_bytes: Size of those that go.
        into_bytes: Size of those that come; None in a dry run.
        partitions: Partitions in which there are some.
        passed_over: Why nothing is done; empty if something is, or nothing is needed.
        left: Partitions that others kept changing, which were left as they are.
    """

    table: str
    files: int
    size_bytes: int
    small_files: int = 0
    into: int = 0
    small_bytes: int = 0
    into_bytes: int | None = None
    partitions: int = 0
    passed_over: str = ""
    left: int = 0


@dataclass(frozen=True, slots=True)
class CompactReport:
    """What putting small files together came to.

    Attributes:
        branch: The branch.
        commit: The commit made; None in a dry run, or if there was nothing to do.
        target_bytes: How large files were to be.
        tables: The tables that were looked at, by name.
        dry_run: Whether nothing was written.
    """

    branch: str
    commit: CommitInfo | None
    target_bytes: int
    tables: tuple[TableFiles, ...]
    dry_run: bool = False


def compact(
    context: OperationContext,
    branch: str,
    *,
    tables: Sequence[str] | None,
    target_bytes: int = TARGET_BYTES,
    partitions: Sequence[str] = (),
    dry_run: bool = False,
    message: str | None = None,
    progress: Progress | None = None,
    code: Mapping[str, str] | None = None,
) -> CompactReport:
    """Puts the small files of tables together; see ``Catalog.compact``."""
    branch = canonical_name(branch)
    check_target(target_bytes)
    head = unprotected_branch(context.repository, branch).head
    if dry_run:
        found = file_gains(
            context, branch, tables=tables, target_bytes=target_bytes, partitions=partitions
        )
        return CompactReport(branch, None, target_bytes, tuple(found), dry_run=True)
    names = _names(context.repository.commits, head, branch, tables)
    with closing(Workspace(store=context.repository.store)) as work:
        run = _Run(
            context,
            WriteContext(work, context.repository),
            branch,
            tables,
            names,
            target_bytes,
            partitions,
            message=message,
            code=calling_code() if code is None else code,
        )
        if progress is not None:
            run.progress = progress
        gate = Gate(context, "this compaction", direct=True)
        made = publish(context.repository, branch, run.propose, judge=gate.judge)
    commit = None if made is None else describe_commit(context, made)
    return CompactReport(branch, commit, target_bytes, tuple(run.reports()))


def file_gains(
    context: OperationContext,
    ref: str,
    *,
    tables: Sequence[str] | None = None,
    target_bytes: int = TARGET_BYTES,
    partitions: Sequence[str] = (),
) -> list[TableFiles]:
    """Returns what putting small files of tables together would come to; opens no data file.

    Raises:
        NotFound: There is no such table or ref.
        InvalidInput: A size or a partition is not valid.
    """
    check_target(target_bytes)
    commits, commit_id = context.repository.commits, context.resolve(ref).commit_id
    found = []
    for name in _names(commits, commit_id, ref, tables):
        table = _table(commits, commit_id, name)
        if table is None or is_file_set(table.snapshot.properties):
            found.append(_passed_over(name, table))
            continue
        wanted = wanted_partitions(context, name, table, asked=partitions)
        every = data_files(commits, table, fields=())
        found.append(
            _described(
                name, table.snapshot, gain(groups(every, target_bytes, wanted=wanted), target_bytes)
            )
        )
    return found


def check_target(target_bytes: int) -> None:
    """Checks how large files are to be.

    Raises:
        InvalidInput: It is too little.
    """
    if type(target_bytes) is not int or target_bytes < LEAST_TARGET_BYTES:
        raise InvalidInput(
            f"files cannot be of {target_bytes!r} bytes: the size to aim at is at least "
            f"{LEAST_TARGET_BYTES:,} bytes"
        )


@dataclass(slots=True)
class _Run:
    """Puts files together for wherever the branch is, until a commit is published."""

    context: OperationContext
    work: WriteContext
    branch: str
    asked: Sequence[str] | None
    names: Sequence[str]
    target_bytes: int
    partitions: Sequence[str]
    message: str | None = None
    code: Mapping[str, str] = field(default_factory=dict)
    progress: Progress = lambda table, done, total: None
    running: dict[str, TableCompaction] = field(default_factory=dict)
    tables: dict[str, StoredTable | None] = field(default_factory=dict)

    def propose(self, held: HeldBranch, head: str) -> Proposal | None:
        """Puts files together that lie in small ones at a head of the branch."""
        if held.branch.protected:
            unprotected_branch(self.context.repository, self.branch)
        updates = [one for one in (self._update(head, name) for name in self.names) if one]
        if not updates:
            return None
        self.work.check_read()
        names = ", ".join(sorted(update.name for update in updates))
        about = self.context.describe(
            self.message or f"compact of {names}",
            lineage={update.name: self._lineage(update) for update in updates},
        )
        first = about.message.partition("\n")[0]
        return Proposal([head], updates, about, f"compact: {first}")

    def _update(self, head: str, name: str) -> TableUpdate | None:
        table = self.tables[name] = _table(self.context.repository.commits, head, name)
        if table is None or is_file_set(table.snapshot.properties):
            return None
        running = self.running.get(name)
        if running is None:
            wanted = partial(wanted_partitions, self.context, name, asked=self.partitions)
            running = TableCompaction(
                self.work, name, self.target_bytes, wanted, progress=self.progress
            )
            self.running[name] = running
        return running.on_top_of(head, table)

    def _lineage(self, update: TableUpdate) -> StoredLineage:
        facts = {"files": len(update.removed), "into": len(update.added)}
        entry = LineageEntry("compact", facts=facts)
        return Origin(code=self.code).added(entry).stored()

    def reports(self) -> Iterator[TableFiles]:
        """Yields what became of each table."""
        for name in self.names:
            table, running = self.tables.get(name), self.running.get(name)
            if table is None or running is None:
                yield _passed_over(name, table)
                continue
            done = running.done.values()
            made = [file for one in done for file in one.made]
            found = Gain(
                sum(len(one.group.files) for one in done),
                len(made),
                sum(one.group.size_bytes for one in done),
                len(done),
            )
            described = _described(name, table.snapshot, found)
            left = sum(one not in running.done for one in running.lost)
            size = sum(file.size_bytes for file in made)
            yield replace(described, into_bytes=size, left=left)


def _described(name: str, table: TableSnapshot, found: Gain) -> TableFiles:
    return TableFiles(
        name,
        table.files,
        table.size_bytes,
        found.files,
        found.into,
        found.size_bytes,
        partitions=found.partitions,
    )


def _passed_over(name: str, table: StoredTable | None) -> TableFiles:
    if table is None:
        return TableFiles(name, 0, 0, passed_over="it is gone")
    return TableFiles(name, table.snapshot.files, table.snapshot.size_bytes, passed_over=FILE_SET)


def _table(commits: Commits, commit_id: str, name: str) -> StoredTable | None:
    entry = commits.entry(commit_id, name)
    return None if entry is None else commits.table(entry)


def _names(commits: Commits, commit_id: str, ref: str, tables: Sequence[str] | None) -> list[str]:
    """Returns the names of tables as they are spelled; None means all.

    Raises:
        NotFound: There is no such table.
        InvalidInput: One that is named is a file set.
    """
    if tables is None:
        return sorted(commits.entries(commit_id))
    found: dict[str, None] = {}
    for name in tables:
        entry = commits.entry(commit_id, canonical_name(name))
        if entry is None:
            raise unknown_table(name, ref, sorted(commits.entries(commit_id)))
        if is_file_set(commits.table(entry).snapshot.properties):
            raise InvalidInput(
                f"table {entry.name!r} cannot be compacted: {FILE_SET}",
                kind=ErrorKind.FILE_SET,
                hint=hint("name other tables, or none for all that can be: {}", Call("compact")),
            )
        found[entry.name] = None
    return list(found)
