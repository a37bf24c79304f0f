"""What a comparison answers: the diff of one table, and how it was named."""

from contextlib import ExitStack

from catalog.diff.result import Diff, TableDiff
from catalog.report.markdown import render_markdown
from catalog.report.text import render_diff

WIDTH = 100
"""Columns of text that a comparison takes when it is printed."""


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
        self.diff = diff
        self._kept = kept

    @property
    def differs(self) -> bool:
        """Returns whether there is any difference, of rows or of columns."""
        return self.view.differs

    def to_text(self, *, width: int = WIDTH) -> str:
        """Returns the picture of it as text, within a width in columns."""
        return "\n".join(render_diff(self.diff.view, width=width))

    def to_markdown(self) -> str:
        """Returns it as Markdown."""
        return "\n".join(render_markdown(self.diff.view))

    def __str__(self) -> str:
        return self.to_text()

    def _repr_html_(self) -> str:
        import html

        return f"<pre>{html.escape(self.to_text())}</pre>"

    def __repr__(self) -> str:
        ends = f"{self.diff.before.ref} → {self.diff.after.ref}"
        return f"<Comparison {ends}: {'different' if self.differs else 'equal'}>"

    def close(self) -> None:
        """Gives up the changed rows, and what they take."""
        self._kept.close()

    def __enter__(self) -> "Comparison":
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self.close()
