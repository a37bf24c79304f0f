"""What a comparison answers: the diff of one table, and how it was named."""

import re
from contextlib import ExitStack

from catalog.diff.drawn import Pictures
from catalog.diff.result import Diff, TableDiff
from catalog.operations.diff_picture import DiffPictures

_KEY_NAME = re.compile(r"(?:^|_)(?:id|key|uuid|guid)$", re.IGNORECASE)
"""Names of columns that may well identify a row: whether they do is for the user to say."""


class Comparison(TableDiff):
    """What differs between two places, frames or tables.

    It is closed with what it keeps: changed rows are on a temporary engine. It goes, too, once
    nothing refers to it any more.

    Attributes:
        diff: The same as a diff with one table.
    """

    def __init__(self, diff: Diff, kept: ExitStack) -> None:
        (table,) = diff.tables
        super().__init__(table._plan, table._counts, table._store, rows=table._rows)
        self._find_partitions = table._find_partitions
        self.diff = Diff(
            diff.before,
            diff.after,
            [self],
            close=kept.close,
            pictures=DiffPictures(),
            metrics=diff.metrics,
        )

    @property
    def warnings(self) -> tuple[str, ...]:
        """Returns what to know before trusting the counts."""
        found = super().warnings
        if self.key or self._plan.is_query or not (self.rows.inserted and self.rows.deleted):
            return found
        names = [pair.name for pair in self._plan.pairs if _KEY_NAME.search(pair.name)]
        such_as = f", such as {names[0]}," if names else ""
        return (
            *found,
            f"without a key, a row that changed is one deleted and one inserted: a key{such_as} "
            "pairs them",
        )

    @property
    def differs(self) -> bool:
        """Returns whether there is any difference, of rows or of columns."""
        return self.view.differs

    def _drawing(self) -> tuple[Pictures[Diff] | None, Diff]:
        return self._pictures, self.diff

    def __repr__(self) -> str:
        ends = f"{self.diff.before.ref} → {self.diff.after.ref}"
        return f"<Comparison {ends}: {'different' if self.differs else 'equal'}>"

    def close(self) -> None:
        """Gives up the changed rows, and what they take."""
        self.diff.close()

    def __enter__(self) -> "Comparison":
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self.close()
