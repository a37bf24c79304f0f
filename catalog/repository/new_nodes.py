"""Nodes of a table's manifest that another one has not: the price is that of what changed.

Trees are compared by the places of their nodes, not by their ids: the same node may lie in two
packs, and what points to it names one of them.
"""

from collections.abc import Sequence
from typing import TypeAlias

from catalog.dataclasses import dataclass
from catalog.repository.commits import StoredTable
from catalog.repository.nodes import NodeReader
from catalog.repository.pack import Place

Node: TypeAlias = tuple[str, Place]
"""A node: its id, and where it lies."""


@dataclass(frozen=True, slots=True)
class NewNodes:
    """What a manifest has beside another one.

    Attributes:
        packs: The commits whose packs its own nodes lie in.
        leaves: Its own leaves.
        replaced: Leaves that only the other one has.
    """

    packs: frozenset[str]
    leaves: Sequence[Node]
    replaced: Sequence[Node]


def new_nodes(nodes: NodeReader, table: StoredTable, base: StoredTable | None) -> NewNodes:
    """Compares the manifests of two tables, level by level, past what they share.

    Args:
        nodes: Reads nodes.
        table: The table.
        base: The other one; None for an empty one.

    Raises:
        CorruptData: A node is missing or damaged.
    """
    packs: set[str] = set()
    after, levels = _top(table)
    before, base_levels = _top(base)
    while levels > 1 or base_levels > 1:
        if levels == base_levels:
            after, before = _apart(after, before)
        packs.update(place.pack for _, place in after)
        highest = max(levels, base_levels)
        if base_levels == highest:
            before, base_levels = below(nodes, before), base_levels - 1
        if levels == highest:
            after, levels = below(nodes, after), levels - 1
    after, before = _apart(after, before)
    packs.update(place.pack for _, place in after)
    return NewNodes(frozenset(packs), after, before)


def below(nodes: NodeReader, found: Sequence[Node], kind: str = "files-index") -> list[Node]:
    """Returns the nodes that index nodes of a kind point to."""
    from catalog.repository import columnar, index

    children: list[Node] = []
    for node_id, place in found:
        columns = nodes.columns(node_id, kind, place)
        places = index.stored_places(columns)
        children += zip(columnar.node_ids(columns, "child"), places, strict=True)
    return children


def _top(table: StoredTable | None) -> tuple[list[Node], int]:
    if table is None or table.snapshot.manifest is None or table.manifest_place is None:
        return [], 0
    return [(table.snapshot.manifest, table.manifest_place)], table.snapshot.levels


def _apart(after: list[Node], before: list[Node]) -> tuple[list[Node], list[Node]]:
    shared = {place for _, place in after} & {place for _, place in before}
    return (
        [node for node in after if node[1] not in shared],
        [node for node in before if node[1] not in shared],
    )
