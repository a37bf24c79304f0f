"""What a catalog shows of itself in a notebook or at a prompt: its tables and branches."""

import html
from collections.abc import Iterator, Sequence

from catalog.dataclasses import dataclass
from catalog.errors import CatalogError
from catalog.operations.context import OperationContext
from catalog.report.figures import count, counted, moment, plain, short, size
from catalog.report.layout import aligned
from catalog.repository.repository import DEFAULT_BRANCH

SHOWN = 20
"""Tables that are listed; a catalog may have thousands."""

HEADER = ("table", "rows", "files", "size")


@dataclass(frozen=True, slots=True)
class Overview:
    """What is at the head of a branch.

    Attributes:
        place: Where the catalog is.
        head: The newest commit in words.
        branches: How many branches there are.
        tables: The first tables as ``HEADER`` names their columns.
        more: How many tables there are besides.
    """

    place: str
    head: str
    branches: int
    tables: Sequence[tuple[str, str, str, str]]
    more: int

    def lines(self) -> list[str]:
        """Returns it as lines of text."""
        lines = [f"catalog {plain(self.place)}, {self._branches()}", self.head, ""]
        if not self.tables:
            return [*lines, "no tables"]
        right = [n > 0 for n in range(len(HEADER))]
        cells = [[plain(cell) for cell in row] for row in (HEADER, *self.tables)]
        lines += aligned(cells, right=right)
        return [*lines, f"… and {counted(self.more, 'more table')}"] if self.more else lines

    def _branches(self) -> str:
        return "1 branch" if self.branches == 1 else f"{self.branches:,} branches"

    def html(self) -> str:
        """Returns it as a fragment of HTML."""
        return "".join(self._html())

    def _html(self) -> Iterator[str]:
        place = f"{_safe(self.place)}, {self._branches()}"
        yield f"<p><b>Catalog</b> {place}<br>{_safe(self.head)}</p>"
        if not self.tables:
            yield "<p>no tables</p>"
            return
        heads = "".join(f"<th>{one}</th>" for one in HEADER)
        yield f"<table><thead><tr>{heads}</tr></thead><tbody>"
        for row in self.tables:
            yield f"<tr>{''.join(f'<td>{_safe(cell)}</td>' for cell in row)}</tr>"
        yield "</tbody></table>"
        if self.more:
            yield f"<p>… and {counted(self.more, 'more table')}</p>"


def _safe(text: str) -> str:
    return html.escape(plain(text))


def overview(context: OperationContext, place: str, ref: str = DEFAULT_BRANCH) -> Overview:
    """Returns what is at the head of a branch; a catalog that cannot be read says why."""
    from catalog.operations.refs import BranchList
    from catalog.operations.tables import tables

    try:
        commit_id = context.resolve(ref).commit_id
        commit = context.repository.commits.read(commit_id)
        found = tables(context, commit_id)
        branches = len(BranchList(context).list())
    except CatalogError as error:
        return Overview(place, f"it cannot be read: {error.message}", 0, (), 0)
    head = f"{ref} at {short(commit_id)}, {moment(commit.time)}, {commit.author}: {commit.title}"
    rows = [
        (one.name, count(one.rows), count(one.files), size(one.size_bytes)) for one in found[:SHOWN]
    ]
    return Overview(place, plain(head), branches, rows, max(len(found) - SHOWN, 0))
