"""What happened to the files of a file set, in words: what text and Markdown share."""

from collections.abc import Callable, Iterator, Sequence
from itertools import chain, islice
from typing import TypeAlias, TypeVar

from catalog.dataclasses import dataclass
from catalog.diff.file_changes import (
    DirectoryMove,
    FileChanges,
    FileEntry,
    FilePair,
    folded_moves,
    least_alike,
)
from catalog.report.figures import arrow, clipped, columns_of, count, counted, padded, plain, size
from catalog.report.layout import GAP

FILES_SHOWN = 10
"""Files of each kind that are listed: enough to see what it is about, and no page full."""

HEADER = ("change", "file", "size", "pixels", "alike")

KIND_WIDTH = len("replaced")
"""Columns that the word for what happened takes."""

PATH_MINIMUM = 24
"""Columns that a path has before a number: where it has fewer, numbers are left out."""

TIMES = "\N{MULTIPLICATION SIGN}"

Cells: TypeAlias = tuple[str, str, str, str, str]
"""What is said of a file, in the columns of the header."""


@dataclass(frozen=True, slots=True)
class FileList:
    """Files of one kind.

    Attributes:
        rows: What is said of those that are listed.
        more: How many more there are, in words; empty if all are listed.
    """

    rows: tuple[Cells, ...]
    more: str = ""


def files_line(files: FileChanges) -> str:
    """Returns how many files were added, removed, replaced and moved."""
    counts = (
        (len(files.replaced), "replaced"),
        (len(files.moved), "moved"),
        (len(files.added), "added"),
        (len(files.removed), "removed"),
        (len(files.restated), "with the same content and other facts"),
    )
    return ", ".join(f"{count(n)} {what}" for n, what in counts if n) or "no file changed"


def file_lists(files: FileChanges) -> list[FileList]:
    """Returns the files to list, kind by kind.

    Of files that were replaced those come first that look least like what they were. Files that
    moved with their directory are told in one line.
    """
    folders, single = folded_moves(files.moved)
    moves = chain(map(_directory, folders), map(_moved, single))
    shown = tuple(islice(moves, FILES_SHOWN))
    folded = sum(one.files for one in folders[: len(shown)])
    seen = folded + max(len(shown) - len(folders), 0)
    lists = [
        _first(least_alike(files.replaced), _replaced, "replaced"),
        FileList(shown, _more(len(files.moved) - seen, "moved")),
        _first(files.added, _added, "added"),
        _first(files.removed, _removed, "removed"),
        _first(files.restated, _restated, "with other facts"),
    ]
    return [one for one in lists if one.rows]


def every_file(files: FileChanges) -> Iterator[Cells]:
    """Yields what is said of every file that changed, in the order of the lists."""
    yield from map(_replaced, least_alike(files.replaced))
    yield from map(_moved, files.moved)
    yield from map(_added, files.added)
    yield from map(_removed, files.removed)
    yield from map(_restated, files.restated)


def file_text(rows: Sequence[Cells], width: int, indent: int) -> list[str]:
    """Returns what is said of files as lines within a width in columns of text.

    Where not all fits, paths are cut, and pixels and sizes left out: numbers are never cut.
    """
    if not rows:
        return []
    wide = KIND_WIDTH
    numbers = [[row[2], row[3], f"{row[4]} alike" if row[4] else ""] for row in rows]
    while True:
        columns = list(zip(*numbers, strict=True))
        widths = [max(map(columns_of, column)) for column in columns]
        taken = sum(len(GAP) + one for one in widths if one)
        room = width - indent - wide - len(GAP) - taken
        paths = max(columns_of(row[1]) for row in rows)
        if room >= min(paths, PATH_MINIMUM) or not columns:
            break
        numbers = [cells[1:] if len(cells) < 3 else [cells[0], cells[2]] for cells in numbers]
    paths = min(paths, max(room, PATH_MINIMUM))
    lines = []
    for row, cells in zip(rows, numbers, strict=True):
        shown = [padded(row[0], wide), padded(_cut(row[1], paths), paths)]
        shown += [padded(c, w, right=True) for c, w in zip(cells, widths, strict=True) if w]
        lines.append((" " * indent + GAP.join(shown)).rstrip())
    return lines


def _cut(path: str, most: int) -> str:
    """Returns a path cut to a number of columns; its end, the name of the file, is kept."""
    return path if columns_of(path) <= most else clipped(path[::-1], most)[::-1]


def likeness(alike: float | None) -> str:
    """Returns how alike two images look: ``98 %``; empty if nothing is known of it.

    It is 100 % only if all bits are the same.
    """
    return "" if alike is None else f"{min(round(100 * alike), 99 if alike < 1 else 100)} %"


Entry = TypeVar("Entry", FileEntry, FilePair)


def _first(entries: Sequence[Entry], said: Callable[[Entry], Cells], what: str) -> FileList:
    rows = tuple(said(one) for one in entries[:FILES_SHOWN])
    return FileList(rows, _more(len(entries) - len(rows), what))


def _more(number: int, what: str) -> str:
    return f"… and {counted(number, 'more file')} {what}" if number else ""


def _directory(move: DirectoryMove) -> Cells:
    paths = (plain(f"{one or '.'}/") for one in (move.before, move.after))
    return "moved", f"{' → '.join(paths)}: {counted(move.files, 'file')} moved", "", "", ""


def _replaced(pair: FilePair) -> Cells:
    before, after = pair.before, pair.after
    path = plain(after.path)
    if before.media_type != after.media_type:
        kinds = (plain(one.media_type or "NULL") for one in (before, after))
        path = f"{path} ({' → '.join(kinds)})"
    sizes = arrow(size(before.size), size(after.size))
    return "replaced", path, sizes, _pixels_of(pair), likeness(pair.alike)


def _moved(pair: FilePair) -> Cells:
    path = f"{plain(pair.before.path)} → {plain(pair.after.path)}"
    return "moved", path, "", "", ""


def _added(entry: FileEntry) -> Cells:
    return "added", plain(entry.path), size(entry.size), _pixels(entry), ""


def _removed(entry: FileEntry) -> Cells:
    return "removed", plain(entry.path), size(entry.size), _pixels(entry), ""


def _restated(pair: FilePair) -> Cells:
    return "same", plain(pair.after.path), size(pair.after.size), _pixels_of(pair), ""


def _pixels_of(pair: FilePair) -> str:
    before, after = _pixels(pair.before), _pixels(pair.after)
    return arrow(before or "none", after or "none") if before or after else ""


def _pixels(entry: FileEntry) -> str:
    if entry.width is None or entry.height is None:
        return ""
    return f"{entry.width}{TIMES}{entry.height}"
