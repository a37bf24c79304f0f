"""Branches and tags of a catalog as they are at one moment, each with its stored bytes."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TypeVar

from catalog.care.transfer.report import Damage
from catalog.dataclasses import dataclass, field
from catalog.errors import CorruptData, NotFound
from catalog.model.ids import parse_json
from catalog.model.names import encode_segment
from catalog.model.refs import Branch, Tag, branch_from_json, tag_from_json
from catalog.repository.branches import PREFIX as BRANCHES
from catalog.repository.branches import branch_path
from catalog.repository.ref_listing import SUFFIX, named_objects
from catalog.repository.tags import DELETED
from catalog.repository.tags import PREFIX as TAGS
from catalog.storage.external_files import is_remote
from catalog.storage.store import ObjectStore
from catalog.threads import Threads

T = TypeVar("T")

READS = 16
"""Refs read at a time where each takes a request."""


@dataclass(frozen=True, slots=True)
class StoredBranch:
    """A branch, also a deleted one or a name that was given to a tag, as it is stored."""

    branch: Branch
    data: bytes
    version: str

    @property
    def name(self) -> str:
        """Returns its name."""
        return self.branch.name


@dataclass(frozen=True, slots=True)
class StoredTag:
    """A tag as it is stored; ``is_deleted`` if its name is spent.

    Attributes:
        data: Its bytes.
    """

    tag: Tag
    data: bytes
    is_deleted: bool


@dataclass(frozen=True, slots=True)
class StoredRefs:
    """The refs of a catalog.

    Attributes:
        branches: Branches by name, also deleted ones.
        tags: Tags by name, also deleted ones.
        damage: Objects of refs that cannot be read.
    """

    branches: dict[str, StoredBranch] = field(default_factory=dict)
    tags: dict[str, StoredTag] = field(default_factory=dict)
    damage: tuple[Damage, ...] = ()

    def heads(self) -> Iterator[str]:
        """Yields the commits that branches and tags point at."""
        for one in self.branches.values():
            if one.branch.commit_id is not None:
                yield one.branch.commit_id
        for tag in self.tags.values():
            if not tag.is_deleted:
                yield tag.tag.commit_id


def read_refs(store: ObjectStore) -> StoredRefs:
    """Reads all branches and tags; what lies there and is neither is passed over with a warning."""
    damage: list[Damage] = []
    names = sorted(named_objects([info.path for info in store.list(BRANCHES)], BRANCHES))
    read = partial(read_branch, store)
    branches = [one for one in _each(store, read, branch_path, names, damage) if one is not None]
    paths = {info.path for info in store.list(TAGS)}
    live = [path for path in paths if not path.endswith(DELETED)]
    spent = {path.removesuffix(DELETED) for path in paths if path.endswith(DELETED)}

    def read_one(name: str) -> StoredTag | None:
        return read_tag(store, name, is_deleted=tag_path(name) in spent)

    tags = [
        one
        for one in _each(store, read_one, tag_path, sorted(named_objects(live, TAGS)), damage)
        if one is not None
    ]
    return StoredRefs(
        {one.name: one for one in branches}, {one.tag.name: one for one in tags}, tuple(damage)
    )


def read_branch(store: ObjectStore, name: str) -> StoredBranch | None:
    """Returns a branch as it is stored, None if there was never one.

    Raises:
        CorruptData: It is damaged.
    """
    try:
        stored = store.read(branch_path(name))
    except NotFound:
        return None
    branch = branch_from_json(parse_json(stored.data, f"branch {name}"), name)
    _ = branch.reflog  # moves are read too, so that none of another form travels
    return StoredBranch(branch, stored.data, stored.version)


def read_tag(store: ObjectStore, name: str, *, is_deleted: bool) -> StoredTag | None:
    """Returns a tag as it is stored, None if there is none.

    Raises:
        CorruptData: It is damaged.
    """
    try:
        stored = store.read(tag_path(name))
    except NotFound:
        return None
    tag = tag_from_json(parse_json(stored.data, f"tag {name}"), name)
    return StoredTag(tag, stored.data, is_deleted)


def tag_path(name: str) -> str:
    """Returns the path of a tag."""
    return f"{TAGS}{encode_segment(name)}{SUFFIX}"


def _each(
    store: ObjectStore,
    read: Callable[[str], T | None],
    path_of: Callable[[str], str],
    names: Sequence[str],
    damage: list[Damage],
) -> Iterator[T | None]:
    def one(name: str) -> T | Damage | None:
        try:
            return read(name)
        except CorruptData as error:
            return Damage(path_of(name), error.message)

    if is_remote(store.location) and len(names) > 1:
        with Threads(READS) as pool:
            found = list(pool.map(one, names))
    else:
        found = list(map(one, names))
    damage.extend(one for one in found if isinstance(one, Damage))
    yield from (one for one in found if not isinstance(one, Damage))
