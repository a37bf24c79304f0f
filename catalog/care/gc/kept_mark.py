"""A walk over the history of main, kept so that the next run goes on with it.

What a commit and all before it need follows from its id, and from what has expired: packs never
change. So a walk that begins where an earlier one of main ended finds what one from the start
would find, as long as main still has that commit in its history and the same commits are expired.
What is kept is ``cache/marks/main``: 64 hex digits (the SHA-256 of what follows), a line feed, a
line of JSON, and the parts of the walk one after another, each of entries of one width.

It may be removed at any time. One that is damaged, of another version, or of which a pack is not
there any more, is as good as none.
"""

import contextlib
import hashlib
import json
from collections.abc import Callable, Sequence

import numpy as np

from catalog.care.gc.names import Names
from catalog.dataclasses import dataclass
from catalog.errors import CatalogError
from catalog.model.commit import Commit
from catalog.model.fingerprint import ALGORITHM, ROW_DIGEST_ALGORITHM
from catalog.model.ids import canonical_json
from catalog.repository.expired import Expired
from catalog.repository.pack import pack_path
from catalog.repository.reachability import WalkState
from catalog.storage.store import ObjectStore

PATH = "cache/marks/main"

VERSION = [1, ALGORITHM, ROW_DIGEST_ALGORITHM]
"""Changes whenever a walk finds what it did not find before, or objects are named otherwise."""

MOST_BYTES = 256 << 20
"""What is kept at most: some twenty million objects."""

_NO_DATA = b"-"
"""Stands in the place of ``d`` for copies of nodes below which no data was looked for."""

_WIDTHS = {"names": 8, "walked": 32, "seen": 25, "packs": 32, "lists": 32}


@dataclass(frozen=True, slots=True, eq=False)
class KeptMark:
    """What a walk from a commit found.

    Attributes:
        about: Stands for what was expired.
        commit_id: The commit.
        state: What the walk visited.
        names: The names of what it found.
    """

    about: str
    commit_id: str
    state: WalkState
    names: Names


def about_expired(expired: Expired) -> str:
    """Returns what stands for all that is expired."""
    listed = {
        commit: None if tables is None else sorted(tables)
        for commit, tables in expired.commits.items()
    }
    return hashlib.sha256(canonical_json(listed)).hexdigest()


def load(store: ObjectStore, about: str) -> KeptMark | None:
    """Returns what was kept for what is expired now; None if that is nothing to rely on."""
    try:
        checksum, _, rest = store.read(PATH).data.partition(b"\n")
        if hashlib.sha256(rest).hexdigest().encode() != checksum:
            return None
        head, _, body = rest.partition(b"\n")
        found = json.loads(head)
        if (found["version"], found["about"]) != (VERSION, about):
            return None
        parts: dict[str, bytes] = {}
        for name, width in _WIDTHS.items():
            end = int(found[name]) * width
            parts[name], body = body[:end], body[end:]
            if len(parts[name]) != end:
                return None
        state = WalkState(*(_entries(parts[n], _WIDTHS[n]) for n in ("walked", "packs", "lists")))
        seen = _entries(parts["seen"], _WIDTHS["seen"])
        state.seen.update(one[:-1] if one[-1:] == _NO_DATA else one for one in seen)
        names = np.frombuffer(parts["names"], dtype="<u8").astype(np.uint64)
        mark = KeptMark(about, str(found["commit"]), state, names)
    except (CatalogError, ValueError, KeyError, TypeError):
        return None
    return mark if _is_whole(store, mark) else None


def _entries(data: bytes, width: int) -> set[bytes]:
    return {data[at : at + width] for at in range(0, len(data), width)}


def _is_whole(store: ObjectStore, mark: KeptMark) -> bool:
    """Returns whether all packs are there that the walk needed: a walk would stop at a gap."""
    there = {info.path for info in store.list("objects/")}
    return all(pack_path(pack.hex()) in there for pack in mark.state.packs)


def save(store: ObjectStore, mark: KeptMark) -> None:
    """Keeps what a walk found; where nothing can be written, nothing is kept."""
    state = mark.state
    parts: dict[str, Sequence[bytes]] = {
        "walked": sorted(state.walked),
        "seen": sorted(one.ljust(_WIDTHS["seen"], _NO_DATA) for one in state.seen),
        "packs": sorted(state.packs),
        "lists": sorted(state.lists),
    }
    head: dict[str, object] = {
        "version": VERSION,
        "about": mark.about,
        "commit": mark.commit_id,
        "names": len(mark.names),
        **{name: len(entries) for name, entries in parts.items()},
    }
    body = mark.names.astype("<u8").tobytes() + b"".join(b"".join(one) for one in parts.values())
    if len(body) > MOST_BYTES:
        return
    rest = canonical_json(head) + b"\n" + body
    with contextlib.suppress(CatalogError):
        store.put(PATH, hashlib.sha256(rest).hexdigest().encode() + b"\n" + rest)


def leads_to(read: Callable[[str], Commit], mark: KeptMark, head: str) -> bool:
    """Returns whether a commit is the one that a walk began from, or comes after it.

    Commits between both are not among those that were walked, since these come before it: so
    whoever goes back from the head meets it before any other that was walked.
    """
    waiting, new = [head], set[str]()
    while waiting:
        commit_id = waiting.pop()
        if commit_id == mark.commit_id:
            return True
        if commit_id in new or bytes.fromhex(commit_id) in mark.state.walked:
            continue
        new.add(commit_id)
        waiting += read(commit_id).parents
    return False
