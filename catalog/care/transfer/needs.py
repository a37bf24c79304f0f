"""The objects that new commits need, as values: files to copy, lists, packs, and what stays."""

import re
from collections.abc import Callable

from catalog.care.transfer.difference import Differences, NeededPack
from catalog.care.transfer.files import TravellingFile
from catalog.dataclasses import dataclass, field
from catalog.errors import CorruptData
from catalog.model.datafile import DataFile, is_outside
from catalog.model.ids import excerpt
from catalog.repository.blobs import list_path, read_list
from catalog.repository.copied_links import is_copied_link
from catalog.storage.store import ObjectStore

HASH = "sha256:"

_HEX = re.compile(r"[0-9a-f]{64}")


@dataclass(slots=True)
class CommitNeeds:
    """What a commit needs and its first parent does not.

    Attributes:
        commit_id: The commit.
        parents: Its parents.
        packs: Commits in whose packs its nodes lie, its own among them.
        files: Data files and contents of the catalog's own, by path.
        lists: Ids of lists of contents, by path.
        links: Tokens of linked files, by path: in the copy, their guard no longer fits.
        outside: Sizes of files that are not the catalog's, by path or URI.
    """

    commit_id: str
    parents: tuple[str, ...]
    packs: dict[str, None] = field(default_factory=dict)
    files: dict[str, TravellingFile] = field(default_factory=dict)
    lists: dict[str, str] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    outside: dict[str, int] = field(default_factory=dict)


class Needs:
    """Finds what commits need.

    Args:
        store: The store of the source.
        differences: What compares commits.
        is_known_list: Returns whether a list of contents, and all on it, is in the copy.
    """

    def __init__(
        self, store: ObjectStore, differences: Differences, is_known_list: Callable[[str], bool]
    ) -> None:
        self._store = store
        self._differences = differences
        self._is_known_list = is_known_list

    def of(self, commit_id: str, base: str | None) -> CommitNeeds:
        """Returns what a commit needs, and another one, if there is one, does not.

        Raises:
            CorruptData: Something is missing or damaged.
        """
        found = CommitNeeds(commit_id, self._differences.commits.read(commit_id).parents)
        for part in self._differences.parts(commit_id, base):
            if isinstance(part, NeededPack):
                found.packs[part.commit_id] = None
                continue
            for file in part.files:
                self._take(file, found)
        return found

    def _take(self, file: DataFile, found: CommitNeeds) -> None:
        if is_outside(file.path):
            found.outside[file.path] = file.size_bytes
        else:
            found.files[file.path] = TravellingFile(file.path, file.size_bytes, checked_hash(file))
            if is_copied_link(file.path, file.token, file.guard):
                found.links[file.path] = file.token
        if file.blobs is None or self._is_known_list(list_path(file.blobs.id)):
            return
        for blob in read_list(self._store, file.blobs):
            if blob.path is None:
                found.outside[blob.place] = blob.size_bytes
            elif not blob.path.rpartition("/")[2].startswith(blob.sha256):
                raise CorruptData(f"list {file.blobs.id[:12]} names {excerpt(blob.path)} wrongly")
            else:
                found.files[blob.path] = TravellingFile(blob.path, blob.size_bytes, blob.sha256)
        found.lists[list_path(file.blobs.id)] = file.blobs.id


def checked_hash(file: DataFile) -> str:
    """Returns the hash that a data file must have; empty if it was copied by a server unread.

    Names stand for contents: whoever commits the same content later finds a file of its name,
    and takes it. So no other content may come under it.

    Raises:
        CorruptData: It has another hash than its name says, or nothing tells its content.
    """
    token, name = file.token, file.path.rpartition("/")[2]
    if token.startswith(HASH):
        sha256, said = token.removeprefix(HASH), _HEX.match(name)
        if not _HEX.fullmatch(sha256) or (said is not None and said[0] != sha256):
            raise CorruptData(f"{excerpt(file.path)} has another content than its name says")
        return sha256
    if not token.startswith("etag:") or file.guard is not None:
        raise CorruptData(f"nothing says which content {excerpt(file.path)} must have")
    return ""
