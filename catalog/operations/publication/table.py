"""One table at a target in another format: what it shows, and the next version of it."""

import datetime
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Protocol

from catalog.dataclasses import dataclass
from catalog.model.commit import Commit
from catalog.model.published import Shown
from catalog.repository.commits import StoredTable


class PublishedMeanwhile(Exception):
    """Somebody else has published to the table since its newest version was read."""


@dataclass(frozen=True, slots=True)
class Step:
    """What the next version of a published table is to show.

    Attributes:
        commit_id: The commit.
        commit: The same, read.
        table: The table there; None if the commit has none: its rows go.
        before: The table as the newest version shows it, with its commit; None if that is not
            known, or there is no version, or it has no rows.
        continues: Whether the commit follows the one that the newest version shows. Else the
            branch was moved away from it, and the version takes back what is no longer there.
        moved_at: When the branch was moved there, where that is known and later than the commit.
    """

    commit_id: str
    commit: Commit
    table: StoredTable | None
    before: "tuple[str, StoredTable] | None" = None
    continues: bool = True
    moved_at: datetime.datetime | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """What a version took.

    Attributes:
        shown: What it shows.
        files_shared: Files that it shares with the catalog, or copies as they are.
        files_rewritten: Files that were written anew, since readers would not read them rightly.
        files_removed: Files of the version before that it has no more.
    """

    shown: Shown
    files_shared: int = 0
    files_rewritten: int = 0
    files_removed: int = 0


class TablePublication(Protocol):
    """A table at a target; versions are written one after another, each whole or not at all."""

    def shown(self) -> Shown | None:
        """Returns what the newest version shows; None if there is none yet.

        Raises:
            AlreadyExists: Something is there that this catalog's branch has not published.
        """

    def check(self, step: Step) -> None:
        """Checks, before anything is written, that the format can say a table at all.

        Raises:
            Unsupported: It cannot; the message names the column.
        """

    def write(self, shown: Shown | None, step: Step) -> Written:
        """Writes the version after the newest one, which must still be as ``shown``.

        Raises:
            PublishedMeanwhile: There is a newer one.
            CorruptData: A data file is gone, or not what was committed.
            Unsupported: The format cannot say something of the table; the message names it.
        """

    def flush(self) -> None:
        """Lets readers see all versions that were written, where ``write`` alone does not.

        Raises:
            PublishedMeanwhile: There is a newer one than those.
        """

    def anew(self) -> "AbstractContextManager[TablePublication]":
        """Yields the same table without any version, which takes this one's place at the end."""

    def close(self, refs: Mapping[str, str], branch_head: str) -> None:
        """Ends a publication: all versions are written, and the branch was at a commit then.

        Args:
            refs: Commits of the catalog's tags, by name, for formats that have names of their own.
            branch_head: The commit of the branch.
        """
