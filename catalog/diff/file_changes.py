"""What happened to the files of a file set: added, removed, replaced, moved.

It is told from the changed rows alone. In the counts of rows a move is a row that was deleted and
one that was inserted, and a replaced file a row that was updated.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta

from catalog.dataclasses import dataclass
from catalog.diff.plan import TablePlan
from catalog.model.file_sets import KEY, SCHEMA, is_file_set

HASH_BITS = 64
"""Bits of a perceptual hash."""

FOLDED_FROM = 3
"""Files moved from one directory to another that are told in one line rather than one by one."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class FileEntry:
    """A row of a file set, as it is on one side of a diff, with the names of the columns.

    Attributes:
        path: Where the file is, with ``/`` between directories.
        size: Its size in bytes.
        media_type: Its media type.
        sha256: The hash of its content.
        modified_us: When it was last modified, in microseconds since 1970 UTC.
        width: Of an image, in pixels; None if it is none, or was not looked at.
        height: Of an image, in pixels.
        perceptual_hash: Of an image: 64 bits, most of which images that look alike share.
    """

    path: str
    size: int
    media_type: str | None
    sha256: str
    modified_us: int | None = None
    width: int | None = None
    height: int | None = None
    perceptual_hash: int | None = None

    @property
    def modified(self) -> datetime | None:
        """Returns when the file was last modified; None if Python has no such time."""
        if self.modified_us is None:
            return None
        try:
            return _EPOCH + timedelta(microseconds=self.modified_us)
        except OverflowError:
            return None

    @property
    def content(self) -> tuple[str, int]:
        """Returns what files of the same content have in common."""
        return self.sha256, self.size

    @property
    def name(self) -> str:
        """Returns the path without the directories."""
        return self.path.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class FilePair:
    """A file before and after: replaced under its path, or moved with its content.

    Attributes:
        before: The row before.
        after: The row after.
    """

    before: FileEntry
    after: FileEntry

    @property
    def alike(self) -> float | None:
        """Returns how alike two images look, from 0 to 1: the share of their hashes' equal bits.

        Unlike images share about half of the bits. None if there is a hash on one side only, or
        on neither.
        """
        one, other = self.before.perceptual_hash, self.after.perceptual_hash
        if one is None or other is None:
            return None
        return 1 - (one ^ other).bit_count() / HASH_BITS


@dataclass(frozen=True, slots=True)
class FileChanges:
    """What happened to the files of a file set, each part by path.

    Attributes:
        added: Files that are new.
        removed: Files that are gone.
        replaced: Files with another content under the same path.
        moved: Files that are gone from a path, and new with the same content under another. Of
            several copies, those that kept their name are paired first, then by path.
        restated: Files with the same content of which something else is said than before.
    """

    added: tuple[FileEntry, ...] = ()
    removed: tuple[FileEntry, ...] = ()
    replaced: tuple[FilePair, ...] = ()
    moved: tuple[FilePair, ...] = ()
    restated: tuple[FilePair, ...] = ()


@dataclass(frozen=True, slots=True)
class DirectoryMove:
    """Files that moved from below one directory to the same places below another.

    Attributes:
        before: The directory they left; empty for that of the file set.
        after: The directory they are in.
        files: How many there are.
    """

    before: str
    after: str
    files: int


def compares_files(plan: TablePlan) -> bool:
    """Returns whether a diff tells what happened to files.

    That is: its sides are file sets, and whole rows are compared by path.
    """
    sides = [side for side in (plan.before, plan.after) if side is not None]
    if not all(is_file_set(side.properties) and side.schema == SCHEMA for side in sides):
        return False
    key = tuple(field.name for field in SCHEMA.fields if field.id in KEY)
    return plan.key == key and all(pair.compared for pair in plan.pairs)


def file_changes(
    added: Iterable[FileEntry], removed: Iterable[FileEntry], updated: Iterable[FilePair]
) -> FileChanges:
    """Tells what happened to files from the changed rows, in whatever order these come."""
    left, new = sorted(removed, key=_path), sorted(added, key=_path)
    pairs = sorted(updated, key=_path_after)
    moved = _moves(left, new)
    gone = {pair.before.path for pair in moved}
    come = {pair.after.path for pair in moved}
    return FileChanges(
        added=tuple(entry for entry in new if entry.path not in come),
        removed=tuple(entry for entry in left if entry.path not in gone),
        replaced=tuple(pair for pair in pairs if pair.before.content != pair.after.content),
        moved=tuple(moved),
        restated=tuple(pair for pair in pairs if pair.before.content == pair.after.content),
    )


def _moves(removed: Sequence[FileEntry], added: Sequence[FileEntry]) -> list[FilePair]:
    """Pairs files of the same content: those of the same name first, then by path."""
    left: defaultdict[tuple[str, int], list[FileEntry]] = defaultdict(list)
    new: defaultdict[tuple[str, int], list[FileEntry]] = defaultdict(list)
    for entry in removed:
        left[entry.content].append(entry)
    for entry in added:
        if entry.content in left:
            new[entry.content].append(entry)
    moved = [pair for content, entries in new.items() for pair in _paired(left[content], entries)]
    return sorted(moved, key=_path_after)


def _paired(removed: Sequence[FileEntry], added: Sequence[FileEntry]) -> Iterator[FilePair]:
    """Yields as many pairs as there can be of files of one content, which are sorted by path."""
    if len(removed) == len(added) == 1:
        yield FilePair(removed[0], added[0])
        return
    by_name: defaultdict[str, list[FileEntry]] = defaultdict(list)
    for entry in reversed(removed):
        by_name[entry.name].append(entry)
    renamed: list[FileEntry] = []
    for entry in added:
        if by_name[entry.name]:
            yield FilePair(by_name[entry.name].pop(), entry)
        else:
            renamed.append(entry)
    others = sorted((entry for left in by_name.values() for entry in left), key=_path)
    yield from map(FilePair, others, renamed)


def _path(entry: FileEntry) -> str:
    return entry.path


def _path_after(pair: FilePair) -> str:
    return pair.after.path


def folded_moves(moved: Sequence[FilePair]) -> tuple[list[DirectoryMove], list[FilePair]]:
    """Returns moves of directories, the largest first, and the moves that are not part of one."""
    places = [_places(pair) for pair in moved]
    counts = Counter(place for place in places if place is not None)
    folders = [
        DirectoryMove(*place, files)
        for place, files in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        if files >= FOLDED_FROM
    ]
    single = [
        pair
        for pair, place in zip(moved, places, strict=True)
        if place is None or counts[place] < FOLDED_FROM
    ]
    return folders, single


def _places(pair: FilePair) -> tuple[str, str] | None:
    """Returns the directories in which paths differ; None for a file that changed its name."""
    before, after = pair.before.path.split("/"), pair.after.path.split("/")
    common = 0
    for one, other in zip(reversed(before), reversed(after), strict=False):
        if one != other:
            break
        common += 1
    if not common:
        return None
    return "/".join(before[: len(before) - common]), "/".join(after[: len(after) - common])


def least_alike(replaced: Sequence[FilePair]) -> list[FilePair]:
    """Returns replaced files, those first that look least like what they were, then by path."""

    def order(pair: FilePair) -> tuple[float, str]:
        return 2.0 if pair.alike is None else pair.alike, pair.after.path

    return sorted(replaced, key=order)
