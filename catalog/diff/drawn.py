"""What diffs show of themselves: text, Markdown, a page of HTML, a line at a prompt."""

from abc import ABC, abstractmethod
from typing import Generic, Protocol, TypeVar

from catalog.diff.view import DiffView, TableView
from catalog.messages import shown

WIDTH = 100
"""Columns of text that a diff takes when it is printed."""


class HasView(Protocol):
    """A diff, as far as what draws it needs to know."""

    @property
    def view(self) -> DiffView:
        """Returns all that was counted, as one value."""


Whole = TypeVar("Whole", bound=HasView)
Whole_contra = TypeVar("Whole_contra", bound=HasView, contravariant=True)


class Pictures(Protocol[Whole_contra]):
    """Draws the view of a diff; what draws is above what compares, and handed down."""

    def text(self, diff: DiffView, width: int, *, full: bool = False) -> str:
        """Returns it as text, within a width in columns; ``full`` leaves nothing out."""

    def markdown(self, diff: DiffView) -> str:
        """Returns it as Markdown."""

    def fragment(self, diff: DiffView) -> str:
        """Returns the most important of it as HTML that stands in another page."""

    def page(self, diff: Whole_contra) -> str:
        """Returns it as one HTML file that needs no other, with some rows if it holds them."""


class Drawn(ABC, Generic[Whole]):
    """Something that can be drawn as a diff is."""

    @abstractmethod
    def _drawing(self) -> tuple[Pictures[Whole] | None, Whole]:
        """Returns what draws it, and the diff that is drawn."""

    def to_text(self, *, width: int = WIDTH, full: bool = False) -> str:
        """Returns the picture of it as text, as ``print`` and notebooks show it.

        Args:
            width: How many columns of text it may take.
            full: Whether all tables, columns and partitions are shown, however many they are.
        """
        pictures, diff = self._drawing()
        return "" if pictures is None else pictures.text(diff.view, width, full=full)

    def to_markdown(self) -> str:
        """Returns it as Markdown, fewer than 60,000 characters: what a pull request takes."""
        pictures, diff = self._drawing()
        return "" if pictures is None else pictures.markdown(diff.view)

    def to_html(self) -> str:
        """Returns it as one HTML file that needs no other: to be sent, opened offline, printed."""
        pictures, diff = self._drawing()
        return "" if pictures is None else pictures.page(diff)

    def __str__(self) -> str:
        return self.to_text()

    def _repr_html_(self) -> str:
        pictures, diff = self._drawing()
        return "" if pictures is None else pictures.fragment(diff.view)


def diff_line(view: DiffView) -> str:
    """Returns what tells a diff from others, on a line."""
    totals = view.totals
    counts = (totals.updated, "updated"), (totals.inserted, "inserted"), (totals.deleted, "deleted")
    said = [f"{number:,} row{'s' * (number != 1)} {what}" for number, what in counts if number]
    tables = (
        f"{totals.tables:,} of {len(view.tables):,} table{'s' * (len(view.tables) != 1)} differ"
    )
    ends = f"{view.before.ref} → {view.after.ref}"
    return shown(f"{ends}: {', '.join([tables, *said])}")


def table_line(view: TableView) -> str:
    """Returns what tells the diff of a table from others, on a line."""
    rows = view.rows
    counts = (rows.inserted, "inserted"), (rows.deleted, "deleted"), (rows.updated, "updated")
    said = [f"{number:,} {what}" for number, what in counts if number]
    ends = f"{rows.before:,} → {rows.after:,}" if rows.before != rows.after else f"{rows.after:,}"
    what = view.status if view.compared else f"{view.status}, rows not compared"
    noun = "row" if rows.before == rows.after == 1 else "rows"
    return shown(f"{view.name}: {', '.join([what, f'{ends} {noun}', *said])}")
