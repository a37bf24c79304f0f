"""What a verification found: each damaged object, and what it affects."""

from collections.abc import Iterable, Sequence
from typing import Literal, TypeAlias

from catalog.dataclasses import dataclass, field
from catalog.model.commit import Commit

Severity: TypeAlias = Literal["damage", "derived", "left over"]
"""``damage``: something stored is gone or wrong; ``derived``: only what can be made again is;
``left over``: nothing needs it, or nothing but an old move of a branch names it."""

MOST = 10_000
"""Findings that are told one by one; more are counted."""

MOST_NAMES = 100
"""Tables, partitions and refs that a finding names."""

KINDS: dict[str, tuple[Severity, str]] = {
    "description-damaged": ("damage", "repair it from a backup: only upgrades change it"),
    "description-missing": ("damage", "repair it from a backup: only upgrades change it"),
    "branch-damaged": ("damage", "restore it from a backup, or reset the branch to a commit"),
    "branch-missing": (
        "damage",
        "restore it from a backup, or make the branch again at the newest of its commits",
    ),
    "branch-wrong": ("damage", "restore it from a backup, or reset the branch to a commit"),
    "tag-damaged": ("damage", "restore it from a backup, or remove it and make the tag again"),
    "tag-missing": (
        "left over",
        "restore the tag from a backup, or make it again; its making may have been interrupted",
    ),
    "tag-wrong": (
        "damage",
        "see which of both is right, and remove the other; a repair copies it again",
    ),
    "mark-missing": ("damage", "repair it: the mark is written again"),
    "spare-damaged": ("derived", "repair it: the reference is copied again"),
    "ref-unknown": ("left over", "look at it, and move it elsewhere if it is none"),
    "reflog-missing": ("damage", "repair it from a backup"),
    "reflog-damaged": ("damage", "repair it from a backup"),
    "pack-missing": ("damage", "repair it from a backup"),
    "pack-damaged": ("damage", "repair it from a backup"),
    "place-wrong": ("damage", "repair it: the pack gets the right place, or take it from a backup"),
    "commit-wrong": ("damage", "repair it from a backup; a program wrote it wrongly if that fails"),
    "tree-wrong": ("damage", "repair it from a backup; a program wrote it wrongly if that fails"),
    "table-wrong": ("damage", "repair it from a backup; a program wrote it wrongly if that fails"),
    "changes-wrong": (
        "damage",
        "repair it from a backup; a program wrote it wrongly if that fails",
    ),
    "data-missing": ("damage", "repair it from a backup, or write the partition again"),
    "data-damaged": ("damage", "repair it from a backup, or write the partition again"),
    "data-unreadable": ("damage", "repair it from a backup, or write the partition again"),
    "reference-changed": ("damage", "restore the file, or snapshot the table again"),
    "statistics-wrong": ("damage", "write the partition again: queries may leave out rows"),
    "list-missing": ("damage", "repair it: it is made again from the data file, or a backup"),
    "list-damaged": ("damage", "repair it: it is made again from the data file, or a backup"),
    "content-missing": ("damage", "repair it from a backup, or take the files in again"),
    "content-damaged": ("damage", "repair it from a backup, or take the files in again"),
    "content-changed": ("damage", "restore the file, or take the files in again"),
    "expiry-damaged": ("damage", "restore it from a backup: nothing can be dropped as it is"),
    "gc-list-damaged": ("derived", "repair it, or run gc: the list is removed, and made again"),
    "gc-record-damaged": ("derived", "remove it: it only says what a gc did"),
    "cache-damaged": ("derived", "repair it: it is removed, and made again when it is needed"),
    "cache-wrong": ("derived", "repair it: it is removed, and made again when it is needed"),
    "unreadable": ("damage", "see why the storage does not answer, and verify again"),
}
"""Kinds of findings: how grave each is, and what to do. Kinds are only ever added."""


@dataclass(slots=True, kw_only=True)
class Affected:
    """What a finding affects.

    Attributes:
        refs: Branches and tags at commits that need the object, at most ``MOST_NAMES``.
        tables: Tables, as the commits call them.
        partitions: Partitions of tables, as ``table/column=value``.
        commits: How many commits need the object.
        newest: The id of the newest of these; None if there is none.
        oldest: The id of the oldest.
    """

    refs: list[str] = field(default_factory=list)
    tables: list[str] = field(default_factory=list)
    partitions: list[str] = field(default_factory=list)
    commits: int = 0
    newest: str | None = None
    oldest: str | None = None


@dataclass(slots=True, kw_only=True)
class Finding:
    """Something that is not as it must be.

    Attributes:
        kind: A stable word for programs, one of ``KINDS``.
        severity: How grave it is.
        path: The object, or where a referenced file is.
        message: What is wrong, for people.
        advice: What to do.
        affects: What it affects.
        repaired: Whether it was repaired.
        could_repair: In a dry run, whether it would be.
        failure: Why it was not, if the storage failed.
    """

    kind: str
    severity: Severity
    path: str
    message: str
    advice: str
    affects: Affected = field(default_factory=Affected)
    repaired: bool = False
    could_repair: bool = False
    failure: str = ""


class Findings:
    """Gathers findings, one for each kind and object; the numbers stand for them meanwhile."""

    def __init__(self) -> None:
        self.found: list[Finding] = []
        self.untold = 0
        self._numbers: dict[tuple[str, str], int] = {}
        self._times: dict[int, tuple[object, object]] = {}

    def add(
        self, kind: str, path: str, message: str, *, severity: Severity | None = None
    ) -> frozenset[int]:
        """Takes a finding, and returns its number as a set."""
        known = self._numbers.get((kind, path))
        if known is not None:
            return frozenset((known,))
        if len(self.found) >= MOST:
            self.untold += 1
            return frozenset((-1,))
        grave, advice = KINDS[kind]
        number = self._numbers[kind, path] = len(self.found)
        self.found.append(
            Finding(
                kind=kind, severity=severity or grave, path=path, message=message, advice=advice
            )
        )
        return frozenset((number,))

    def worsen(self, numbers: Iterable[int]) -> None:
        """Makes findings damage: something that must be whole needs the object, too."""
        for finding in self._of(numbers):
            finding.severity = "damage"

    def table(self, numbers: Iterable[int], name: str, partition: str = "") -> None:
        """Notes that findings affect a table, or a partition of it; the name is empty for none."""
        for finding in self._of(numbers):
            if name:
                _note(finding.affects.tables, name)
            if partition:
                _note(finding.affects.partitions, f"{name}/{partition}")

    def ref(self, numbers: Iterable[int], name: str) -> None:
        """Notes that findings affect a branch or a tag."""
        for finding in self._of(numbers):
            _note(finding.affects.refs, name)

    def commit(
        self, numbers: Iterable[int], commit_id: str, commit: Commit | None, *, refs: Sequence[str]
    ) -> None:
        """Notes that findings affect a commit, at which some refs are; it may be unreadable."""
        for number in numbers:
            if number < 0:
                continue
            affects = self.found[number].affects
            affects.commits += 1
            for ref in refs:
                _note(affects.refs, ref)
            if commit is None:
                affects.newest = affects.newest or commit_id
                affects.oldest = affects.oldest or commit_id
                continue
            newest, oldest = self._times.get(number, (None, None))
            order = commit.time, commit.generation
            if newest is None or order > newest:  # type: ignore[operator]
                affects.newest, newest = commit_id, order
            if oldest is None or order < oldest:  # type: ignore[operator]
                affects.oldest, oldest = commit_id, order
            self._times[number] = newest, oldest

    def _of(self, numbers: Iterable[int]) -> Iterable[Finding]:
        return (self.found[number] for number in numbers if number >= 0)


def _note(names: list[str], name: str) -> None:
    if name not in names and len(names) < MOST_NAMES:
        names.append(name)
