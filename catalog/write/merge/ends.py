"""What merging needs: where it reads and writes, its three commits, a table as it is in them."""

from collections.abc import Callable, Iterator, Set

from catalog.dataclasses import dataclass
from catalog.model.datafile import FileChanges
from catalog.model.partition import Partition
from catalog.repository.commits import Commits, StoredTable
from catalog.repository.history import fork
from catalog.repository.tables import file_changes
from catalog.write.context import WriteContext
from catalog.write.merge.columns import SharedIds, Snapshots, shared_from_base
from catalog.write.merge.merged_schema import MergedShape, Side
from catalog.write.merge.schema import merge_shapes
from catalog.write.put_together import Together, only_appended, put_together

MergeProgress = Callable[[str, int, int], None]
"""Receives a table, the rows of differing files compared so far, and how many there are."""


@dataclass(frozen=True, slots=True)
class MergeContext:
    """What merging needs besides the tables.

    Attributes:
        write: Reads and writes data files.
        progress: Called for each table that both sides changed; it may stop the merge by an
            exception.
    """

    write: WriteContext
    progress: MergeProgress = lambda table, done, total: None

    @property
    def commits(self) -> Commits:
        """What reads the tables as committed."""
        return self.write.commits


@dataclass(frozen=True, slots=True)
class Ends:
    """The three commits of a merge.

    Attributes:
        base: Where the two parted.
        ours: The commit merged into.
        theirs: The commit that is merged.
    """

    base: str
    ours: str
    theirs: str


@dataclass(frozen=True, slots=True)
class BothSides:
    """A table that both sides have; its base is None if it was not there, or was another."""

    context: MergeContext
    ends: Ends
    name: str
    base: StoredTable | None
    ours: StoredTable
    theirs: StoredTable

    def side(self, side: Side) -> StoredTable:
        """Returns the table as a side has it."""
        return self.ours if side == "ours" else self.theirs

    def shared_ids(self) -> SharedIds:
        """Returns up to which field ids the sides mean the columns of the base."""
        if self.base is None:
            return SharedIds(0, 0)
        base, ours, theirs = self.base.snapshot, self.ours.snapshot, self.theirs.snapshot
        simple = shared_from_base(base, ours, theirs)
        if not simple.all or base.schema == ours.schema == theirs.schema:
            return simple
        return SharedIds(self._shared(self.base, "ours"), self._shared(self.base, "theirs"))

    def _shared(self, base: StoredTable, side: Side) -> int:
        """Returns the last field id that the table had where the base and a side parted."""
        parted = fork(self.context.commits.read, self.ends.base, self._end(side))
        if parted in (self.ends.base, self._end(side)):
            return base.snapshot.last_field_id
        entry = None if parted is None else self.context.commits.entries(parted).get(self.name)
        if entry is None:
            return 0
        there = self.context.commits.table(entry).snapshot
        same = there.table_id == base.snapshot.table_id
        return min(there.last_field_id, base.snapshot.last_field_id) if same else 0

    def merged_shape(self) -> MergedShape:
        """Merges the shapes, by the ids that mean the same on both sides."""
        base = None if self.base is None else self.base.snapshot
        ours, theirs = self.ours.snapshot, self.theirs.snapshot
        return merge_shapes(Snapshots(base, ours, theirs, self.shared_ids()))

    def changes(self, side: Side) -> FileChanges:
        """Returns in which files a side differs from the base."""
        return file_changes(
            self.context.commits,
            self.base,
            self.side(side),
            old_commit=self.ends.base,
            new_commit=self._end(side),
        )

    def put_together(self, side: Side) -> Iterator[Together]:
        """Yields what the commits of a side put together since the base, the newest first."""
        commits, base = self.context.commits, self.ends.base
        return put_together(commits, self.side(side), base=base, end=self._end(side))

    def only_appended(self, side: Side) -> Set[tuple[Partition, str]]:
        """Returns the files that commits of a side added to what they left as it was."""
        commits, base = self.context.commits, self.ends.base
        return only_appended(commits, self.side(side), base=base, end=self._end(side))

    def _end(self, side: Side) -> str:
        return self.ends.ours if side == "ours" else self.ends.theirs
