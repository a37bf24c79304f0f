"""What a catalog needs, as an independent reader finds it, and whether it is all there."""

import json
import os
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import unquote

from catalog.model.commit import EMPTY_ID
from tests.repository.format_reader import Json, Reader, Table

OWN = ("objects", "data", "blobs", "lists", "refs/reflogs")
REFLOG = timedelta(hours=2)
"""How long what branches were moved from must stay."""


class RefReader(Reader):
    """The independent reader, for reflogs of short pages."""

    PAGE_MOVES = 8


class Seen(Reader):
    """The independent reader, which remembers from which packs it read, and files it has read."""

    def __init__(self, root: Path, files: set[str]) -> None:
        super().__init__(root)
        self.packs: set[str] = set()
        self.files_read = files

    def frame(self, place: tuple[str, int, int], tag: bytes) -> bytes:
        self.packs.add(place[0])
        return super().frame(place, tag)

    def read_once(self, table: Table, file: Json) -> None:
        """Reads a data file unless it was read before: files never change."""
        path = file["path"].decode()
        if path not in self.files_read:
            self.read_file(table, file)
            self.files_read.add(path)


@dataclass(frozen=True)
class Needs:
    """Paths of what a commit needs: its packs, and data, which may be given up."""

    packs: frozenset[str]
    data: frozenset[str]


@dataclass
class Refs:
    """Where branches and tags are, by their names, those of tags after ``tag ``; when branches
    were moved from or to which commits, and the paths of older pages of reflogs."""

    tips: dict[str, str] = field(default_factory=dict)
    pages: set[str] = field(default_factory=set)
    moves: list[tuple[datetime, str]] = field(default_factory=list)


class Oracle:
    """Tells what a catalog needs, and whether it is all there; reads each commit once.

    Attributes:
        live: The commits that refs reached at the last look.
        known: All commits at which refs ever were.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.live: set[str] = set()
        self.known: dict[str, None] = {}
        self._needs: dict[str, Needs] = {}
        self._parents: dict[str, Sequence[str]] = {}
        self._files_read: set[str] = set()
        self._kept: dict[tuple[str, str], frozenset[str]] = {}

    def expired(self) -> dict[str, set[str]]:
        """Returns the commits whose data may be gone, each with the tags that do not keep it."""
        found: dict[str, set[str]] = {}
        for path in (self.root / "expired").glob("*"):
            says = _json(path)
            for commit in says["commits"]:
                found.setdefault(commit, set()).update(says["tags"])
        return found

    def refs(self) -> Refs:
        """Reads all refs, and the reflogs of branches."""
        reader = RefReader(self.root)
        found = Refs()
        for path in sorted((self.root / "refs/branches").iterdir()):
            name = unquote(path.name.removesuffix(".json"))
            for move in reader.reflog(name):
                ends = [end for end in move[3:5] if end not in (None, EMPTY_ID)]
                found.moves += [(datetime.fromisoformat(move[1]), end) for end in ends]
            says = reader.branch(name)
            if says["commit"] is not None:
                found.tips[name] = says["commit"]
            page = says["older"]
            while page is not None:
                found.pages.add(f"refs/reflogs/{page[:2]}/{page}.json")
                page = _json(self.root / f"refs/reflogs/{page[:2]}/{page}.json")["older"]
        tags = self.root / "refs/tags"
        for path in sorted(tags.iterdir()) if tags.exists() else ():
            tag = None
            if path.name.endswith(".json"):
                tag = reader.tag(path.name.removesuffix(".json"))
            if tag is not None:
                found.tips["tag " + path.name.removesuffix(".json")] = tag["commit"]
        return found

    def reachable(self, now: datetime | None = None) -> set[str]:
        """Returns the paths of all that refs need, once it has seen that it is all there.

        Args:
            now: The time; then what branches were at lately must be there, too.
        """
        there = stored(self.root)
        try:
            expired, refs = self.expired(), self.refs()
        except FileNotFoundError as error:
            raise AssertionError(f"a ref needs what is gone: {error}") from error
        self.known.update(dict.fromkeys(commit for _, commit in reversed(refs.moves)))
        needed = set(refs.pages)
        self.live = set()
        for ref, tip in refs.tips.items():
            needed |= self._needed(ref, tip, expired, there, self.live)
        self._check_heads(refs, expired, there)
        needed |= {path for paths in self._kept.values() for path in paths}
        if now is not None:
            self._check_left(refs, now, expired, there)
        return needed

    def _needed(
        self, ref: str, tip: str, expired: Collection[str], there: set[str], done: set[str]
    ) -> set[str]:
        """Returns the paths of what a commit and all before it need that are not yet done."""
        needed: set[str] = set()
        waiting = [tip]
        while waiting:
            commit = waiting.pop()
            if commit in done:
                continue
            done.add(commit)
            needs = self.needs(commit, there, with_data=commit not in expired)
            wanted = needs.packs if commit in expired else needs.packs | needs.data
            lost = wanted - there
            assert not lost, f"{ref} needs what is gone: {sorted(lost)} of {commit}"
            needed |= wanted
            waiting += self._parents[commit]
        return needed

    def _check_heads(self, refs: Refs, expired: dict[str, set[str]], there: set[str]) -> None:
        """Checks that refs at expired commits keep what was there when they were made."""
        kept: dict[tuple[str, str], frozenset[str]] = {}
        for ref, tip in refs.tips.items():
            if tip in expired and ref.removeprefix("tag ") not in expired[tip]:
                data = self._kept.get((ref, tip))
                if data is None:
                    data = self.needs(tip, there, with_data=False).data & there
                assert data <= there, f"{ref} lost what was there: {sorted(data - there)} of {tip}"
                kept[ref, tip] = data
        self._kept = kept

    def _check_left(
        self, refs: Refs, now: datetime, expired: Collection[str], there: set[str]
    ) -> None:
        """Checks that all is there still that branches needed lately."""
        done: set[str] = set(self.live)
        for time, commit in refs.moves:
            if now - time < REFLOG:
                self._needed(f"a branch at {time}", commit, expired, there, done)

    def needs(self, commit: str, there: set[str], *, with_data: bool) -> Needs:
        """Returns what a commit needs, and reads it all the first time."""
        found = self._needs.get(commit)
        if found is None:
            try:
                found = self._read(commit, there, with_data=with_data)
            except FileNotFoundError as error:
                raise AssertionError(f"{commit} needs what is gone: {error}") from error
            if with_data:
                self._needs[commit] = found
        return found

    def _read(self, commit: str, there: set[str], *, with_data: bool) -> Needs:
        reader = Seen(self.root, self._files_read)
        says, places, _ = reader.head(commit)
        self._parents[commit] = says["parents"]
        reader.packs |= {commit, *(pack for pack, _, _ in places.values())}
        paths: set[str] = set()
        for name, table in reader.tables(commit).items():
            for file in reader.files(table):
                path = file["path"].decode()
                paths.add(path)
                if with_data or path in there:
                    reader.read_once(table, file)
                if file.get("blobs"):
                    list_id = file["blobs"].hex()
                    at = f"lists/{list_id[:2]}/{list_id}"
                    paths.add(at)
                    if with_data or at in there:
                        for sha256, (_, place) in reader.blobs(list_id).items():
                            paths.add(place or f"blobs/{sha256[:2]}/{sha256}")
            if with_data and "file_set" in table.says["properties"]:
                reader.contents(table)
            if name in says["changes"]:
                reader.change_list(commit, name)
        packs = frozenset(f"objects/{one[:2]}/{one}" for one in reader.packs)
        return Needs(packs, frozenset(paths))


def _json(path: Path) -> Json:
    found: Json = json.loads(path.read_bytes())
    return found


def stored(root: Path) -> set[str]:
    """Returns the paths of all objects that may be garbage."""
    return {path for folder in OWN for path in _below(f"{root}/{folder}", folder)}


def _below(folder: str, path: str) -> Iterator[str]:
    try:
        entries = list(os.scandir(folder))
    except FileNotFoundError:
        return
    for entry in entries:
        at = f"{path}/{entry.name}"
        if entry.is_dir():
            yield from _below(entry.path, at)
        else:
            yield at
