"""Lineage as a flowchart of Mermaid."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from catalog.report.figures import short

if TYPE_CHECKING:
    from catalog.model.lineage_tree import Dependent, TableLineage, TableNode

_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 _.,@-")


def mermaid_lines(found: "TableLineage") -> list[str]:
    """Returns lineage as the lines of a flowchart, from inputs to what was made from them."""
    chart = _Chart()
    if found.upstream is not None:
        chart.upstream(found.upstream)
    if found.downstream is not None:
        chart.downstream(found.downstream)
    return list(chart.lines())


def mermaid_text(text: str) -> str:
    """Returns a text that Mermaid shows as it is: whatever may have a meaning is an entity."""
    return "".join(c if c in _PLAIN else f"#{ord(c)};" for c in text)


class _Chart:
    """Nodes and arrows, each once."""

    def __init__(self) -> None:
        self._ids: dict[str, str] = {}
        self._stale: set[str] = set()
        self._arrows: dict[tuple[str, str], None] = {}

    def upstream(self, node: "TableNode") -> str:
        """Adds a table and what it was made from; returns its id."""
        own = self._id(f"{node.table}@{short(node.commit)}", stale=node.changed or node.is_stale)
        for one in node.inputs:
            self._arrows[self.upstream(one), own] = None
        return own

    def downstream(self, node: "Dependent") -> str:
        """Adds a table and what was made from it; returns its id."""
        own = self._id(node.table, stale=node.is_stale)
        for one in node.dependents:
            self._arrows[own, self.downstream(one)] = None
        return own

    def _id(self, label: str, *, stale: bool) -> str:
        own = self._ids.setdefault(label, f"t{len(self._ids)}")
        if stale:
            self._stale.add(own)
        return own

    def lines(self) -> Iterator[str]:
        """Yields the lines of the chart."""
        yield "flowchart LR"
        for label, own in self._ids.items():
            yield f'    {own}["{mermaid_text(label)}"]'
        for start, end in self._arrows:
            yield f"    {start} --> {end}"
        if self._stale:
            yield "    classDef stale stroke-dasharray: 4"
            yield f"    class {','.join(sorted(self._stale))} stale"
