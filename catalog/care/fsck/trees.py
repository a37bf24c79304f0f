"""Verification of nodes: trees of tables and of data files, each copy of a node once."""

import hashlib
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

from catalog.care.fsck.findings import Findings, Severity
from catalog.care.fsck.places import Misplaced, Places
from catalog.dataclasses import dataclass
from catalog.errors import CatalogError, CorruptData, NotFound
from catalog.interruption import check
from catalog.model.partition import Partition
from catalog.repository import index
from catalog.repository.columnar import Columns
from catalog.repository.index import Summary
from catalog.repository.nodes import NodeReader
from catalog.repository.pack import Place, pack_path
from catalog.repository.tree import RowKind

NOTHING: frozenset[int] = frozenset()
"""No findings."""


@dataclass(frozen=True, slots=True)
class Known:
    """What was found of a node and of all below it.

    Attributes:
        summary: The sums of the rows below; None if some cannot be read.
        first: The key of the first row.
        partitions: How many partitions there are, if the rows are data files.
        ends: The first partition and the last.
        findings: The findings at it and below.
    """

    summary: Summary | None
    first: bytes = b""
    partitions: int = 0
    ends: tuple[Partition, Partition] = ((), ())
    findings: frozenset[int] = NOTHING


UNREADABLE = Known(None)
"""What is known of what cannot be read."""

LeafCheck = Callable[[Columns, str], frozenset[int]]
"""Takes the columns of a leaf and the path of its pack; returns findings at and below its rows."""


class Nodes:
    """Reads nodes where they are said to be, and tells of those that are not.

    Args:
        reader: What reads them; it must not keep any.
        findings: Takes what is wrong.
        places: Tells packs that are damaged from places that are wrong; None if that is all one.

    Attributes:
        packs: The ids of packs that something points into, as bytes.
        is_loose: Whether only old moves of branches lead to what is looked at: what is gone may be
            gone.
        failed: Nodes that cannot be read, by the packs that are damaged.
        misplaced: Nodes that are not where they are said to be.
    """

    def __init__(
        self, reader: NodeReader, findings: Findings, places: Places | None = None
    ) -> None:
        self.reader = reader
        self.findings = findings
        self.packs: set[bytes] = set()
        self.is_loose = False
        self.failed: dict[str, set[tuple[str, Place]]] = {}
        self.misplaced: dict[tuple[str, Place], Misplaced] = {}
        self._places = places

    def tell(
        self,
        pack: str,
        error: CatalogError,
        *,
        node: tuple[str, Place] | None = None,
        holder: str = "",
    ) -> frozenset[int]:
        """Takes an error at a pack, or at a node in it; returns its finding.

        Args:
            pack: The id of the pack.
            error: What went wrong.
            node: The node, and where it is said to be.
            holder: The pack that says so.
        """
        if not isinstance(error, CorruptData):
            return self.findings.add("unreadable", pack_path(pack), error.message)
        missing = isinstance(error.__cause__, NotFound)
        if node is not None:
            if self._places is not None and (wrong := self._places.judge(*node)) is not None:
                self.misplaced[node] = wrong
                return self.place_wrong(node, holder)
            self.failed.setdefault(pack, set()).add(node)
        kind = "pack-missing" if missing else "pack-damaged"
        severity: Severity = "left over" if missing and self.is_loose else "damage"
        found = self.findings.add(kind, pack_path(pack), error.message, severity=severity)
        if severity == "damage":
            self.findings.worsen(found)
        return found

    def place_wrong(self, node: tuple[str, Place], holder: str) -> frozenset[int]:
        """Takes a node that is not where a pack says it is; returns the finding at that pack."""
        said, wrong = node[1], self.misplaced[node]
        message = f"node {node[0][:12]} is not at {said.offset} in {pack_path(said.pack)}"
        if wrong.place is not None:
            message += f", as it says, but at {wrong.place.offset}"
            if wrong.place.pack != said.pack:
                message += f" in {pack_path(wrong.place.pack)}"
        return self.findings.add("place-wrong", pack_path(holder), message)

    def wrong(self, kind: str, pack: str, message: str) -> frozenset[int]:
        """Takes what a whole object says wrongly."""
        return self.findings.add(kind, pack_path(pack), message)

    def points(self, place: Place) -> None:
        """Takes note that something points into a pack."""
        self.packs.add(bytes.fromhex(place.pack))

    def generic(self, node_id: str, place: Place, *, holder: str) -> frozenset[int]:
        """Verifies a node of which nobody says what it is, but a pack, where it is."""
        self.points(place)
        error: CatalogError | None = None
        try:
            self.reader.json(node_id, place)
            return NOTHING
        except CatalogError as found:
            error = found
        for kind in ("changes", "files", "files-index", "tables", "tables-index"):
            try:
                self.reader.columns(node_id, kind, place)
                return NOTHING
            except CatalogError as found:
                error = found
        return self.tell(place.pack, error, node=(node_id, place), holder=holder)


def place_key(node_id: str, place: Place, extra: bytes = b"") -> bytes:
    """Returns what stands for a copy of a node, in 16 bytes."""
    text = f"{node_id}{place.pack}{place.offset}+{place.length}".encode()
    return hashlib.blake2b(text + extra, digest_size=16).digest()


class TreeChecker:
    """Verifies trees of rows of one kind, each copy of a node once.

    Args:
        nodes: What reads nodes.
        known: What was found of nodes before.
        extra: Tells apart what nodes are looked at for.
    """

    def __init__(
        self, nodes: Nodes, known: dict[bytes, Known], *, extra: bytes, kind: RowKind[Any]
    ) -> None:
        self._nodes = nodes
        self._known = known
        self._extra = extra
        self._kind = kind

    def check(
        self, node_id: str, place: Place, levels: int, *, holder: str, leaf: LeafCheck
    ) -> Known:
        """Verifies a node and all below it; ``holder`` is the pack that says where it is."""
        self._nodes.points(place)
        key = place_key(node_id, place, self._extra + bytes([levels]))
        known = self._known.get(key)
        if known is None:
            check()
            known = (
                self._leaf(node_id, place, leaf, holder=holder)
                if levels == 1
                else self._index(node_id, place, levels, holder=holder, leaf=leaf)
            )
            self._known[key] = known
        elif (node_id, place) in self._nodes.misplaced:
            return Known(None, findings=self._nodes.place_wrong((node_id, place), holder))
        return known

    def _leaf(self, node_id: str, place: Place, leaf: LeafCheck, *, holder: str) -> Known:
        kind = self._kind
        try:
            columns = self._nodes.reader.columns(node_id, kind.name, place)
            rows = kind.from_columns(columns)
            keys = kind.keys(columns)
            if not rows:
                raise CorruptData(f"node {node_id[:12]} has no rows")
            summary = kind.summarise(columns)
        except CatalogError as error:
            found = self._nodes.tell(place.pack, error, node=(node_id, place), holder=holder)
            return Known(None, findings=found)
        found = self._order(keys, node_id, place)
        partitions = [row.partition for row in rows] if hasattr(rows[0], "partition") else []
        found |= leaf(columns, place.pack)
        ends = (partitions[0], partitions[-1]) if partitions else ((), ())
        return Known(summary, keys[0], len(set(partitions)), ends, found)

    def _index(
        self, node_id: str, place: Place, levels: int, *, holder: str, leaf: LeafCheck
    ) -> Known:
        try:
            kind = index.index_kind(self._kind.name)
            rows = index.from_columns(self._nodes.reader.columns(node_id, kind, place))
            if not rows:
                raise CorruptData(f"node {node_id[:12]} has no rows")
        except CatalogError as error:
            found = self._nodes.tell(place.pack, error, node=(node_id, place), holder=holder)
            return Known(None, findings=found)
        found = self._order([row.first for row in rows], node_id, place)
        below = []
        for row in rows:
            assert row.place is not None, "a stored node has a place"
            one = self.check(row.id, row.place, levels - 1, holder=place.pack, leaf=leaf)
            found |= one.findings
            if one.summary is not None and (one.first, one.summary) != (row.first, row.summary):
                found |= self._nodes.wrong(
                    "tree-wrong",
                    place.pack,
                    f"node {node_id[:12]} says another first key or other sums of a node below it",
                )
            below.append(one)
        if any(one.summary is None for one in below):
            return Known(None, findings=found)
        summary = index.merge_summaries([row.summary for row in rows])
        shared = sum(one.ends[1] == other.ends[0] for one, other in pairwise(below))
        partitions = sum(one.partitions for one in below) - shared
        ends = below[0].ends[0], below[-1].ends[1]
        return Known(summary, rows[0].first, partitions, ends, found)

    def _order(self, keys: Sequence[bytes], node_id: str, place: Place) -> frozenset[int]:
        if all(one < other for one, other in pairwise(keys)):
            return NOTHING
        return self._nodes.wrong(
            "tree-wrong", place.pack, f"the rows of node {node_id[:12]} are not in order"
        )
