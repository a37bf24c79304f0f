"""Draws history as lines beside the commits, newest at the top."""

from collections.abc import Iterable, Sequence
from typing import Protocol

from catalog.dataclasses import dataclass


class Node(Protocol):
    """What the drawing needs of a commit."""

    @property
    def id(self) -> str:
        """Returns the commit id."""

    @property
    def parents(self) -> tuple[str, ...]:
        """Returns the ids of its parents."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """The drawing of one commit.

    Attributes:
        mark: What stands before the commit's first line.
        beside: What stands before each further line of it.
        below: Lines that join and part the lanes after it.
    """

    mark: str
    beside: str
    below: tuple[str, ...]


def draw(commits: Iterable[Node]) -> list[Drawn]:
    """Draws commits that come children before parents, with a lane for each still to come."""
    known = list(commits)
    listed = {commit.id for commit in known}
    lanes: list[str] = []
    drawn = []
    for commit in known:
        if commit.id not in lanes:
            lanes.append(commit.id)
        at = lanes.index(commit.id)
        mark = " ".join("*" if i == at else "|" for i in range(len(lanes)))
        parents = [p for p in commit.parents if p in listed]
        below = _advance(lanes, at, parents)
        drawn.append(Drawn(mark, " ".join("|" * len(lanes)), tuple(below)))
    return drawn


def _advance(lanes: list[str], at: int, parents: Sequence[str]) -> list[str]:
    """Replaces a commit by its parents in the lanes, and draws what that moves."""
    below = []
    if not parents:
        if at < len(lanes) - 1:
            below.append(_closing(len(lanes), at))
        del lanes[at]
        return below
    first, *others = parents
    if first in lanes:
        target = lanes.index(first)
        low, high = sorted((target, at))
        below.append(_joining(len(lanes), low, high))
        lanes[low] = first
        del lanes[high]
        at = low
    else:
        lanes[at] = first
    for other in others:
        if other not in lanes:
            below.append(_parting(len(lanes), at))
            lanes.insert(at + 1, other)
    return below


def _parting(count: int, at: int) -> str:
    """Draws a lane that begins to the right of another."""
    cells = ["|" if i <= at else " " for i in range(count)]
    line = list(" ".join(cells) + "  ")
    line[2 * at + 1] = "\\"
    for i in range(at + 1, count):
        line[2 * i + 1] = "\\"
    return "".join(line).rstrip()


def _joining(count: int, low: int, high: int) -> str:
    """Draws a lane that ends in one further to the left."""
    line = list(" ".join("|" if i < high else " " for i in range(count)))
    for i in range(2 * low + 1, 2 * high - 1):
        if line[i] == " ":
            line[i] = "_"
    for i in range(high, count):
        line[2 * i - 1] = "/"
    return "".join(line).rstrip()


def _closing(count: int, at: int) -> str:
    """Draws how the lanes to the right of one that ended move up."""
    line = list(" ".join("|" if i < at else " " for i in range(count)))
    for i in range(at + 1, count):
        line[2 * i - 1] = "/"
    return "".join(line).rstrip()
