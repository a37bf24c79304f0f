"""Index nodes of trees: what they say about the nodes below, and how they are stored.

Columns of an index node: ``first`` (sort key of the first row below), ``child`` (node id),
``rows``, ``size``, ``files`` (totals), and per partition column N ``low.N``, ``high.N``
(encoded bounds) and ``nulls.N`` (1 if NULL occurs); unhashed ``@pack``, ``@offset``,
``@length``.
"""

import itertools
from collections.abc import Mapping, Sequence

from catalog.dataclasses import dataclass
from catalog.model.partition import Range
from catalog.repository import columnar
from catalog.repository.columnar import Columns
from catalog.repository.nodes import PENDING_PACK
from catalog.repository.pack import Place


@dataclass(frozen=True, slots=True)
class Summary:
    """Sums up the data files below a node; per partition column, the values that occur."""

    rows: int
    size_bytes: int
    files: int
    ranges: tuple[Range, ...] = ()


@dataclass(frozen=True, slots=True)
class Child:
    """A row of an index node, pointing to a node of the level below.

    It has the sort key of the first row there; the place is None while the node is being written.
    """

    first: bytes
    id: str
    summary: Summary
    place: Place | None


def index_kind(leaf_kind: str) -> str:
    """Returns the kind of the index nodes above leaves of a kind."""
    return f"{leaf_kind}-index"


def merge_summaries(parts: Sequence[Summary]) -> Summary:
    """Sums up the summaries of several nodes."""
    return Summary(
        sum(p.rows for p in parts),
        sum(p.size_bytes for p in parts),
        sum(p.files for p in parts),
        tuple(
            value_range([r.low for r in ranges] + [r.high for r in ranges], ranges)
            for ranges in zip(*(p.ranges for p in parts), strict=True)
        ),
    )


def value_range(values: Sequence[bytes | None], ranges: Sequence[Range] | None = None) -> Range:
    """Bounds some encoded values, None for NULL, or those that are the bounds of ranges.

    The ranges say then whether there are NULLs.
    """
    known = [v for v in values if v is not None]
    nulls = len(known) < len(values) if ranges is None else any(r.nulls for r in ranges)
    return Range(min(known, default=None), max(known, default=None), nulls)


def to_columns(rows: Sequence[Child]) -> Columns:
    """Returns index rows as the hashed columns of a node."""
    columns = {
        "first": columnar.byte_strings([r.first for r in rows]),
        "child": columnar.byte_strings([bytes.fromhex(r.id) for r in rows]),
        "rows": columnar.integers([r.summary.rows for r in rows]),
        "size": columnar.integers([r.summary.size_bytes for r in rows]),
        "files": columnar.integers([r.summary.files for r in rows]),
    }
    for n in range(len(rows[0].summary.ranges)):
        ranges = [r.summary.ranges[n] for r in rows]
        columns[f"low.{n}"] = columnar.byte_strings([r.low for r in ranges])
        columns[f"high.{n}"] = columnar.byte_strings([r.high for r in ranges])
        columns[f"nulls.{n}"] = columnar.integers([int(r.nulls) for r in ranges])
    return columns


def place_columns(
    nodes: Sequence[tuple[str, Place | None]], placed: Mapping[str, Place]
) -> Columns:
    """Returns the unhashed columns of a node: the places of the nodes it points to.

    A place is None for nodes ``placed`` in the same pack.
    """
    known = [place or placed[node_id] for node_id, place in nodes]
    return {
        "@pack": columnar.byte_strings(
            [None if p.pack == PENDING_PACK else bytes.fromhex(p.pack) for p in known]
        ),
        "@offset": columnar.integers([p.offset for p in known]),
        "@length": columnar.integers([p.length for p in known]),
    }


def from_columns(columns: Columns) -> list[Child]:
    """Reads index rows.

    Raises:
        CorruptData: A column that format 1 requires is missing.
    """
    firsts = columnar.required(columns, "first").to_pylist()
    ids = columnar.node_ids(columns, "child")
    totals = (columnar.counts(columns, name) for name in ("rows", "size", "files"))
    summaries = map(Summary, *totals, _ranges(columns, len(ids)))
    return list(map(Child, firsts, ids, summaries, stored_places(columns)))


def stored_places(columns: Columns) -> list[Place]:
    """Reads the places of the nodes that rows point to.

    Raises:
        CorruptData: A column that format 1 requires is missing.
    """
    packs = columnar.node_ids(columns, "@pack")
    numbers = (columnar.counts(columns, name) for name in ("@offset", "@length"))
    return list(map(Place, packs, *numbers))


def _ranges(columns: Columns, count: int) -> list[tuple[Range, ...]]:
    parts = []
    for n in itertools.takewhile(lambda n: f"nulls.{n}" in columns, itertools.count()):
        names = (f"low.{n}", f"high.{n}", f"nulls.{n}")
        lows, highs, nulls = (columnar.optional(columns, name, count) for name in names)
        parts.append(list(map(Range, lows, highs, map(bool, nulls))))
    return list(zip(*parts, strict=True)) if parts else [()] * count
