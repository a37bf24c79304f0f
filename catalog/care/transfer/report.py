"""What a transfer between two catalogs did, and how it says that it is not whole."""

from collections.abc import Callable, Mapping
from typing import Literal, TypeAlias

from catalog.dataclasses import dataclass, field
from catalog.errors import Conflict, CorruptData, ErrorKind

ObjectKind: TypeAlias = Literal["data", "blob", "list", "pack", "page", "expired", "cache"]
"""Kinds of objects that travel beside refs."""

TransferProgress: TypeAlias = Callable[[int, int, str], None]
"""Takes how many objects were copied, 0 since nobody knows how many there will be, and words."""

SHOWN = 5
"""How many of what is wrong an error names; the report has all."""


@dataclass(frozen=True, slots=True)
class Amount:
    """Objects, and their bytes."""

    objects: int = 0
    size_bytes: int = 0

    def __add__(self, other: "Amount") -> "Amount":
        return Amount(self.objects + other.objects, self.size_bytes + other.size_bytes)


@dataclass(frozen=True, slots=True)
class MovedRef:
    """A branch or tag that a transfer created or moved, or in a dry run would.

    Attributes:
        name: The branch or tag.
        kind: Which of both it is.
        before: Commit id before; None if there was none.
        after: Commit id after; None if it is deleted.
    """

    name: str
    kind: Literal["branch", "tag"]
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class Damage:
    """An object of the source that is missing or damaged, and was not passed on.

    Attributes:
        path: The object; empty if it is not known which one is damaged.
        problem: What is wrong with it.
    """

    path: str
    problem: str


@dataclass(frozen=True, slots=True)
class TransferReport:
    """What a transfer did, or in a dry run would do.

    Attributes:
        source: The catalog that was read.
        destination: The catalog that was written.
        commits: How many commits the destination got.
        copied: Objects that travelled, by kind.
        present: Objects that were there already, by kind, as far as they were looked at.
        moved: Branches and tags that were created or moved.
        unchanged: How many were as they are in the source.
        references: Files that are not in the catalog, and so were not copied.
        places: The directories or prefixes that those lie in, with their number.
        unread: Files that came without anybody reading their bytes, or that have no hash.
        expired: Commits that came without their data, since that was expired.
        damage: What is missing or damaged in the source.
        incomplete: Refs that were left as they are, since they need what is missing.
        refused: Refs that were left, and why.
        verified: Objects of the destination that were compared afterwards.
        dry_run: Whether nothing was written.
    """

    source: str
    destination: str
    commits: int = 0
    copied: Mapping[ObjectKind, Amount] = field(default_factory=dict)
    present: Mapping[ObjectKind, Amount] = field(default_factory=dict)
    moved: tuple[MovedRef, ...] = ()
    unchanged: int = 0
    references: Amount = field(default_factory=Amount)
    places: Mapping[str, int] = field(default_factory=dict)
    unread: Amount = field(default_factory=Amount)
    expired: int = 0
    damage: tuple[Damage, ...] = ()
    incomplete: tuple[str, ...] = ()
    refused: Mapping[str, str] = field(default_factory=dict)
    verified: Amount = field(default_factory=Amount)
    dry_run: bool = False

    @property
    def total(self) -> Amount:
        """Returns all objects that travelled."""
        return sum(self.copied.values(), Amount())


class IncompleteTransfer(CorruptData):
    """The source is damaged: all that is whole was copied, and the rest is named.

    Attributes:
        report: What was done, and what is missing.
    """

    default_kind = ErrorKind.SOURCE_DAMAGED

    def __init__(self, report: TransferReport) -> None:
        listed = "; ".join(f"{one.path}: {one.problem}" for one in report.damage[:SHOWN])
        more = len(report.damage) - SHOWN
        left = ", ".join(report.incomplete[:SHOWN])
        rest = len(report.incomplete) - SHOWN
        super().__init__(
            f"{report.source} is not whole: {listed}{f'; and {more} more' if more > 0 else ''}; "
            f"these branches and tags need it and were left: {left or 'none'}"
            f"{f' and {rest} more' if rest > 0 else ''}",
            hint="all else was copied; restore what is missing in the source, or what is wrong in "
            "the copy, then run it again; a verification of both says which",
        )
        self.report = report


class RefusedRefs(Conflict):
    """Branches or tags of the destination are not earlier states of those of the source.

    Attributes:
        report: What was done, and which refs were left.
    """

    default_kind = ErrorKind.REFS_PARTED

    def __init__(self, report: TransferReport) -> None:
        listed = "; ".join(list(report.refused.values())[:SHOWN])
        more = len(report.refused) - SHOWN
        super().__init__(
            f"{listed}{f'; and {more} more' if more > 0 else ''}",
            hint="all else was copied; a copy that is kept current is changed by nobody else: "
            "rename or delete such a ref on one side, or make a new copy",
        )
        self.report = report
