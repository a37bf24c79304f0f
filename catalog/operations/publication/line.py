"""Which commits a published table must still show: those after the one that it shows."""

from collections.abc import Sequence

from catalog.dataclasses import dataclass, replace
from catalog.errors import CorruptData, ErrorKind, NotFound
from catalog.hints import Call, hint
from catalog.model.published import Shown
from catalog.model.table import TableSnapshot
from catalog.operations.context import OperationContext
from catalog.operations.publication.table import Step
from catalog.repository.commits import Commits, StoredTable
from catalog.repository.history import LoggedCommit, first_parents, fork


@dataclass(frozen=True, slots=True)
class Line:
    """The commits of a branch by first parents, as one table is published from them.

    Attributes:
        commits: Reads them.
        table: The name of the table.
        head: Where the branch is.
    """

    commits: Commits
    table: str
    head: str

    def steps(self, shown: Shown | None, *, up_to: str | None = None) -> list[Step]:
        """Returns what is to be written after the newest version, oldest first.

        Commits that leave rows and columns of the table as they are need no version. If the
        branch was moved away from what is shown, the first version goes straight to the oldest
        commit that was not shown yet, or to the head where there is none.

        Args:
            shown: The newest version; None if there is none.
            up_to: A commit up to which the branch has been published: it saves the walk over
                older ones that did not change this table.
        """
        if shown is None:
            return self._changes(None, list(first_parents(self.commits.read, self.head)))
        base, passed = self._base(shown, up_to)
        steps = [] if base is None else self._changes(base, passed)
        if base is not None and self._snapshot(base) == shown.snapshot:
            return steps
        if not steps:
            head = self.commits.read(self.head)
            return [Step(self.head, head, self._table(self.head), None, False)]
        return [replace(steps[0], before=None, continues=False), *steps[1:]]

    def _base(self, shown: Shown, up_to: str | None) -> tuple[str | None, list[LoggedCommit]]:
        """Returns the newest commit of the line that was shown, or that what was shown comes from.

        With it come the commits above it, newest first. None if the catalog knows of none.
        """
        try:
            oldest = self.commits.read(shown.commit_id).generation
        except (CorruptData, NotFound):  # of a catalog that lost it
            return None, []
        passed: list[LoggedCommit] = []
        end: str | None = None
        for one in first_parents(self.commits.read, self.head):
            published = one.id == up_to and self._snapshot(one.id) == shown.snapshot
            if published or one.id in (shown.commit_id, end):
                return one.id, passed
            if one.commit.generation <= oldest and end is None:
                end = fork(self.commits.read, shown.commit_id, one.id)
                if end is None:
                    return None, []
                if end == one.id:
                    return end, passed
            passed.append(one)
        return None, []

    def _changes(self, base: str | None, passed: Sequence[LoggedCommit]) -> list[Step]:
        """Returns a step for each of some commits, newest first, that changes the table."""
        steps: list[Step] = []
        before = None if base is None else self._table(base)
        parent = base
        for one in reversed(passed):
            if self._snapshot(one.id) != ("" if before is None else before.id):
                table = self._table(one.id)
                if table is None or before is None or not _is_same(before, table):
                    known = None if before is None or parent is None else (parent, before)
                    steps.append(Step(one.id, one.commit, table, known))
                before = table
            parent = one.id
        return steps

    def _snapshot(self, commit_id: str) -> str:
        """Returns the id of the table's snapshot at a commit; empty if it has no such table."""
        entry = self.commits.entry(commit_id, self.table)
        return "" if entry is None else entry.entry.snapshot

    def _table(self, commit_id: str) -> StoredTable | None:
        entry = self.commits.entry(commit_id, self.table)
        return None if entry is None else self.commits.table(entry)


def _is_same(one: StoredTable, other: StoredTable) -> bool:
    """Returns whether two states of a table have the same files and columns."""
    return visible(one.snapshot) == visible(other.snapshot)


def visible(table: TableSnapshot) -> tuple[object, ...]:
    """Returns what readers see of a state of a table, to be compared."""
    return table.table_id, table.schema, table.partition_by, table.manifest


def branch_head(context: OperationContext, branch: str) -> str:
    """Returns where a branch is now.

    Raises:
        NotFound: There is no such branch.
    """
    found = context.repository.branches.find(branch)
    if found is None or found.commit_id is None:
        raise NotFound(
            f"no branch {branch!r} to publish",
            kind=ErrorKind.REF_NOT_FOUND,
            hint=hint("see which there are: {}", Call("branches.list")),
        )
    return found.commit_id
