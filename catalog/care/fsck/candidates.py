"""Bytes that may be those of a damaged object, and what proves that they are."""

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress

from catalog.care.fsck.findings import Findings
from catalog.care.fsck.trees import Nodes
from catalog.errors import CatalogError
from catalog.model.commit import from_json as commit_from_json
from catalog.model.ids import canonical_json, parse_json
from catalog.repository import columnar, index
from catalog.repository.nodes import NodeReader
from catalog.repository.pack import (
    Place,
    decode_head,
    decode_places,
    encode_pack,
    pack_path,
)
from catalog.storage.memory import MemoryStore

Accept = Callable[[bytes], bool]
"""Returns whether bytes are proved right by a digest in them."""


def flipped(data: bytes, accept: Accept) -> bytes | None:
    """Returns an object with one of its bits flipped back; None if no bit makes it right."""
    found = bytearray(data)
    for at in range(len(found)):
        for bit in range(8):
            found[at] ^= 1 << bit
            if accept(bytes(found)):
                return bytes(found)
            found[at] ^= 1 << bit
    return None


def moved_back(data: bytes, accept: Accept) -> bytes | None:
    """Returns a branch object that agrees with its newest move in what it says twice.

    None if that is not what makes its digest right.
    """
    with suppress(CatalogError, ValueError, TypeError, KeyError, IndexError, AttributeError):
        stored = dict(parse_json(data, "a branch"))
        reflog = stored["reflog"]
        if not isinstance(reflog, list) or not isinstance(reflog[0], list):
            return None
        newest = reflog[0]
        digest = stored.get("digest")
        versions = [
            {"commit": newest[4]},
            {"reflog": [[*newest[:4], stored["commit"], *newest[5:]], *reflog[1:]]},
            {"reflog": [[stored["write_id"], *newest[1:]], *reflog[1:]]},
        ]
        if isinstance(digest, list):
            versions.append({"write_id": newest[0]})
            versions.append({"digest": [stored["write_id"], *digest[1:]]})
        for version in versions:
            good = canonical_json({**stored, **version})
            if accept(good):
                return good
    return None


Outside = Callable[[str, Place], bool]
"""Returns whether a node may be where a pack says that it is in another one."""


def is_good_pack(
    data: bytes, commit_id: str, failed: Collection[tuple[str, Place]], *, outside: Outside
) -> bool:
    """Returns whether bytes are those of a commit's pack, with the nodes that were missed.

    Every node that is reached within the pack is compared with its id, and those in other packs
    are asked for.
    """
    store = MemoryStore()
    store.create(pack_path(commit_id), data)
    reader, findings = NodeReader(store, ahead=1), Findings()
    nodes = Nodes(reader, findings)
    try:
        waiting = list(reader.head(commit_id).places.items())
    except CatalogError:
        return False
    waiting += failed
    seen: set[tuple[str, Place]] = set()
    while waiting:
        one = waiting.pop()
        if one in seen:
            continue
        seen.add(one)
        if one[1].pack != commit_id:
            if not outside(*one):
                return False
            continue
        if nodes.generic(*one, holder=commit_id):
            return False
        waiting += _below(reader, *one)
    return True


Find = Callable[[str, Place | None], Place | None]
"""Returns where a node is that is said to be somewhere, or nowhere; None if nobody knows."""


def with_right_places(data: bytes, commit_id: str, find: Find) -> bytes | None:
    """Returns a pack whose head names the right places of the nodes that its commit needs.

    None if not all of them are known, or it names others that it does not need.
    """
    what = f"commit {commit_id[:12]}"
    head = decode_head(data, commit_id, what)
    said = dict(decode_places(head.stored_places, commit_id, what))
    places: dict[str, Place] = {}
    wanted = _wanted(head.commit)
    strange = [place for node_id, place in said.items() if node_id not in wanted]
    for node_id in wanted:
        here = [said[node_id]] if node_id in said else strange
        found = next(filter(None, (find(node_id, one) for one in here)), find(node_id, None))
        if found is None:
            return None
        places[node_id] = found
    if len(places) != len(said):
        return None
    return encode_pack(head.commit, places, data[head.body_offset :], own_id=commit_id)


def _wanted(commit: bytes) -> set[str]:
    """Returns the ids of the nodes that a commit points to."""
    stored = commit_from_json(parse_json(commit, "a commit"))
    tables = () if stored.tables is None else stored.tables.values()
    found = {one.snapshot for one in tables} | {stored.tables_tree}
    found |= {one.change_list for one in stored.changes.values()}
    lineage = (one for one in stored.lineage.values() if isinstance(one, Mapping))
    found |= {str(one["detail"]) for one in lineage if one.get("detail")}
    return {one for one in found if one is not None}


def _below(reader: NodeReader, node_id: str, place: Place) -> Iterator[tuple[str, Place]]:
    """Yields the nodes that a node points to, which is whole."""
    with suppress(CatalogError):
        yield from reader.json(node_id, place).places.items()
    for kind, name in (("files-index", "child"), ("tables-index", "child"), ("tables", "snapshot")):
        with suppress(CatalogError):
            columns = reader.columns(node_id, kind, place)
            ids = columnar.node_ids(columns, name)
            yield from zip(ids, index.stored_places(columns), strict=True)
