"""Bytes that may be those of a damaged object, and what proves that they are."""

from collections.abc import Callable, Collection, Iterator
from contextlib import suppress

from catalog.care.fsck.findings import Findings
from catalog.care.fsck.trees import Nodes
from catalog.errors import CatalogError
from catalog.model.ids import canonical_json, parse_json
from catalog.repository import columnar, index
from catalog.repository.nodes import NodeReader
from catalog.repository.pack import Place, pack_path
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


def is_good_pack(data: bytes, commit_id: str, failed: Collection[tuple[str, Place]]) -> bool:
    """Returns whether bytes are those of a commit's pack, with the nodes that were missed.

    Every node that is reached within the pack is compared with its id.
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
        if one[1].pack != commit_id or one in seen:
            continue
        seen.add(one)
        if nodes.generic(*one):
            return False
        waiting += _below(reader, *one)
    return True


def _below(reader: NodeReader, node_id: str, place: Place) -> Iterator[tuple[str, Place]]:
    """Yields the nodes that a node points to, which is whole."""
    with suppress(CatalogError):
        yield from reader.json(node_id, place).places.items()
    for kind, name in (("files-index", "child"), ("tables-index", "child"), ("tables", "snapshot")):
        with suppress(CatalogError):
            columns = reader.columns(node_id, kind, place)
            ids = columnar.node_ids(columns, name)
            yield from zip(ids, index.stored_places(columns), strict=True)
