"""The three commits of a merge, and a table as it stands in them."""

from dataclasses import dataclass

from catalog.model.change import FileChanges
from catalog.repository.commits import Commits, StoredTable
from catalog.repository.tables import file_changes
from catalog.write.merge.columns import SharedIds
from catalog.write.merge.field_ids import shared_ids
from catalog.write.merge.merged_schema import MergedShape, Side
from catalog.write.merge.schema import merge_shapes


@dataclass(frozen=True, slots=True)
class Ends:
    """Names the three commits of a merge.

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
    """Holds a table that both sides have.

    Attributes:
        commits: Reads the tables.
        ends: The three commits.
        name: The table.
        base: The table at the base; None if it was not there, or was another.
        ours: The table as ours has it.
        theirs: The table as theirs has it.
    """

    commits: Commits
    ends: Ends
    name: str
    base: StoredTable | None
    ours: StoredTable
    theirs: StoredTable

    def shared_ids(self) -> SharedIds:
        """Returns up to which field ids the sides mean the columns of the base."""
        tables = self.base, self.ours, self.theirs
        ends = self.ends.base, self.ends.ours, self.ends.theirs
        return shared_ids(self.commits, self.name, tables, ends)

    def merged_shape(self) -> MergedShape:
        """Merges the shapes, by the ids that mean the same on both sides."""
        base = None if self.base is None else self.base.snapshot
        ours, theirs = self.ours.snapshot, self.theirs.snapshot
        return merge_shapes(base, ours, theirs, shared=self.shared_ids())

    def changes(self, side: Side) -> FileChanges:
        """Returns in which files a side differs from the base."""
        table, commit_id = (
            (self.ours, self.ends.ours) if side == "ours" else (self.theirs, self.ends.theirs)
        )
        return file_changes(
            self.commits, self.base, table, old_commit=self.ends.base, new_commit=commit_id
        )
