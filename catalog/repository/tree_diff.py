"""Differences of two trees, reading only nodes that they do not share."""

from typing import Generic, TypeVar

from catalog.dataclasses import dataclass
from catalog.repository.index import Child
from catalog.repository.tree import Root, TreeReader

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class TreeDifference(Generic[Row]):
    """The rows in which two trees differ, each in key order."""

    removed: list[Row]
    added: list[Row]


def differences(reader: TreeReader[Row], old: Root | None, new: Root | None) -> TreeDifference[Row]:
    """Returns the rows that only one of two trees holds; None is the empty tree.

    A row whose key both hold but whose content differs is in both lists.
    """
    before = [] if old is None else [old.top]
    after = [] if new is None else [new.top]
    before_levels = 0 if old is None else old.levels
    after_levels = 0 if new is None else new.levels
    while before_levels > 1 or after_levels > 1:
        highest = max(before_levels, after_levels)
        if before_levels == after_levels:
            before, after = _without_shared(before, after)
        if before_levels == highest:
            before = [child for node in before for child in reader.children(node)]
            before_levels -= 1
        if after_levels == highest:
            after = [child for node in after for child in reader.children(node)]
            after_levels -= 1
    before, after = _without_shared(before, after)
    key = reader.kind.key
    removed = {key(row): row for leaf in before for row in reader.rows(leaf)}
    added = []
    for leaf in after:
        for row in reader.rows(leaf):
            if (twin := removed.get(key(row))) is not None and twin == row:
                del removed[key(row)]
            else:
                added.append(row)
    return TreeDifference(list(removed.values()), added)


def _without_shared(before: list[Child], after: list[Child]) -> tuple[list[Child], list[Child]]:
    shared = {node.id for node in before} & {node.id for node in after}
    return (
        [node for node in before if node.id not in shared],
        [node for node in after if node.id not in shared],
    )
