"""What two sides did to the files of a file set, brought together path by path, in plain Python.

A file is its path and its content. What is told of a content, its time and what an image looks
like, goes with it: a merged row is a row that one of the sides has, whole.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from catalog.dataclasses import dataclass, field
from catalog.model.file_sets import folded
from catalog.write.merge.rows import Taking


class FileRow(NamedTuple):
    """A row of a file set, but for its path.

    Attributes:
        modified: Microseconds since 1970.
    """

    sha256: str
    size: int
    media_type: str | None
    modified: int
    width: int | None
    height: int | None
    perceptual_hash: int | None

    @property
    def content(self) -> tuple[str, int]:
        """What the file holds."""
        return self.sha256, self.size

    @property
    def shown(self) -> str:
        """What conflicts tell of it: its size, and the beginning of its hash."""
        unit = "byte" if self.size == 1 else "bytes"
        return f"{self.size:,} {unit}, {self.sha256[:8]}"


Files = Mapping[str, int]
"""The files of one state by path: each as its place among ``FilePaths.rows``."""


class PathConflict(NamedTuple):
    """A path about which the sides clash; the texts say what each state has there."""

    kind: str
    path: str
    base: str | None
    ours: str | None
    theirs: str | None


@dataclass(slots=True)
class FilePaths:
    """Merges the files of two states that started from a third.

    Attributes:
        rows: The rows that any of the states has.
        base, ours, theirs: The states.
        resolve: What is taken where both clash; None leaves ours, and conflicts.
        strict: Whether a path that both changed clashes in any case, also if they did it alike.
        merged: The merged files.
        conflicts: Where both clash.
    """

    rows: Sequence[FileRow]
    base: Files
    ours: Files
    theirs: Files
    resolve: Taking | None
    strict: bool = False
    merged: dict[str, int] = field(default_factory=dict)
    conflicts: list[PathConflict] = field(default_factory=list)

    def run(self) -> None:
        """Fills ``merged`` and ``conflicts``."""
        for path in {**self.base, **self.ours, **self.theirs}:
            chosen = self._chosen(path)
            if chosen is not None:
                self.merged[path] = chosen
        self._part()

    def _chosen(self, path: str) -> int | None:
        base, ours, theirs = (side.get(path) for side in (self.base, self.ours, self.theirs))
        if base == theirs:
            return ours
        if base == ours:
            return theirs
        is_ours, is_theirs = self._differ(base, ours), self._differ(base, theirs)
        if not is_theirs and is_ours:
            return ours
        if not is_ours and is_theirs:
            return theirs
        if not self._differ(ours, theirs) and not (self.strict and is_ours):
            return self._alike(base, ours, theirs)
        return self._clash(path, base, ours, theirs)

    def _differ(self, one: int | None, other: int | None) -> bool:
        """Returns whether a file has different contents in two states, or is in one alone."""
        if one is None or other is None:
            return one is not other
        return one != other and self.rows[one].content != self.rows[other].content

    def _alike(self, base: int | None, ours: int | None, theirs: int | None) -> int | None:
        """Returns one of two rows with the same content: that of the side which touched it.

        If both did, it does not matter which side is ours: it is the one of which more is known of
        how it looks, then the one with the earlier time.
        """
        if ours is None or theirs is None:
            return None
        if base is not None and self.rows[theirs] == self.rows[base]:
            return ours
        if base is not None and self.rows[ours] == self.rows[base]:
            return theirs
        return min(ours, theirs, key=lambda place: _preference(self.rows[place]))

    def _clash(
        self, path: str, base: int | None, ours: int | None, theirs: int | None
    ) -> int | None:
        if self.resolve is not None:
            return {"base": base, "ours": ours, "theirs": theirs}[self.resolve]
        kind = "replaced-both"
        if ours is None or theirs is None:
            kind = "deleted-by-ours" if ours is None else "deleted-by-theirs"
        elif base is None:
            kind = "inserted-both"
        texts = (
            None if base is None else self.rows[base].shown,
            self._shown(path, ours, self.ours),
            self._shown(path, theirs, self.theirs),
        )
        self.conflicts.append(PathConflict(kind, path, *texts))
        return ours

    def _shown(self, path: str, place: int | None, side: Files) -> str:
        if place is not None:
            return self.rows[place].shown
        gone = self.rows[self.base[path]].content
        moved = (new for new in side.keys() - self.base.keys() if self._content(side, new) == gone)
        return f"moved to {target}" if (target := min(moved, default="")) else "deleted"

    def _content(self, side: Files, path: str) -> tuple[str, int]:
        return self.rows[side[path]].content

    def _part(self) -> None:
        """Finds files that cannot lie side by side: each would be restored in another's place.

        One is the directory of the other, or they have the same name where case does not count.
        Since neither side has both, one of the two is ours, and the other comes from theirs.
        """
        brought = sorted(self.merged.keys() - self.ours.keys())
        if not brought:
            return
        own: dict[str, list[tuple[str, str]]] = {}
        for path in sorted(self.merged.keys() - self.theirs.keys()):
            for name in _names(path):
                own.setdefault(folded(name), []).append((name, path))
        for path in brought:
            others = {
                other: None
                for name in _names(path)
                for known, other in own.get(folded(name), ())
                if name != known or (name == path) is not (known == other)
            }
            if others:
                self._choose(path, list(others))

    def _choose(self, path: str, others: Sequence[str]) -> None:
        if self.resolve is None:
            more = f" and {len(others) - 1:,} more" if len(others) > 1 else ""
            first = self.rows[self.ours[others[0]]].shown
            texts = None, f"{others[0]}: {first}{more}", self.rows[self.theirs[path]].shown
            self.conflicts.append(PathConflict("path-taken", path, *texts))
        going = {"theirs": others, "base": [path, *others]}.get(self.resolve or "ours", [path])
        for one in going:
            if self.resolve != "base" or one not in self.base:
                self.merged.pop(one, None)


def _names(path: str) -> Iterator[str]:
    """Yields a path, and the directories that it is in."""
    while path:
        yield path
        path = path.rpartition("/")[0]


def _preference(row: FileRow) -> tuple[object, ...]:
    unseen = (row.perceptual_hash is None, row.width is None, row.height is None)
    facts = row.media_type or "", row.width or 0, row.height or 0, row.perceptual_hash or 0
    return *unseen, row.modified, *facts
