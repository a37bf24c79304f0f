"""Branches and tags as stored, and ref expressions as written by users."""

import datetime
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

from catalog.errors import CorruptData, ErrorKind, InvalidInput
from catalog.model.commit import parse_time, time_text
from catalog.model.ids import canonical_json
from catalog.model.names import canonical_name

REFLOG_PAGE = 100
"""Newest moves that every branch object keeps; older ones go to immutable pages."""


@dataclass(frozen=True, slots=True)
class Move:
    """Records one move of a branch.

    Attributes:
        write_id: The random id of the write that made it.
        time: When, aware UTC.
        who: The author.
        before: Commit id before; None at creation.
        after: Commit id after; None at deletion.
        why: What was done, e.g. ``commit: daily load``.
        key: The idempotency key of the write; None if it has none.
    """

    write_id: str
    time: datetime.datetime
    who: str
    before: str | None
    after: str | None
    why: str
    key: str | None = None


CACHED_MOVES = 4096
"""Moves kept read in a process: a branch object has up to 199 of them, and all but one are
those that the object had before."""


@dataclass(frozen=True, slots=True)
class Branch:
    """Describes a branch object, the only kind of object that ever changes.

    Attributes:
        name: The branch.
        commit_id: Where it stands; None once deleted (a tombstone keeps the reflog).
        write_id: The id of the write that put it there.
        moves: Moves as stored, newest first; ``reflog`` has them read.
        older: Id of the page with older moves, if there are any.
        protected: Whether it changes only by merge.
    """

    name: str
    commit_id: str | None
    write_id: str
    moves: tuple[object, ...]
    older: str | None = None
    protected: bool = False

    @property
    def reflog(self) -> tuple[Move, ...]:
        """Returns the moves, newest first; a commit needs none of them.

        Raises:
            CorruptData: The form of one is none that format 1 knows.
        """
        return tuple(map(move_from_json, self.moves))

    def to_bytes(self) -> bytes:
        """Returns the stored form."""
        return canonical_json(
            {
                "kind": "branch",
                "name": self.name,
                "commit": self.commit_id,
                "write_id": self.write_id,
                "reflog": self.moves,
                "older": self.older,
                "protected": self.protected,
            }
        )


def branch_from_json(stored: Mapping[str, object]) -> Branch:
    """Reads the stored form of a branch.

    Raises:
        CorruptData: The form is none that format 1 knows.
    """
    match stored:
        case {
            "kind": "branch",
            "name": str(name),
            "commit": str() | None as commit_id,
            "write_id": str(write_id),
            "reflog": [*moves],
            "older": str() | None as older,
            "protected": bool(protected),
        }:
            return Branch(name, commit_id, write_id, tuple(moves), older, protected)
    raise CorruptData("a branch is not readable: fields are missing or of another type")


def move_to_json(move: Move) -> list[object]:
    """Returns the stored form of a move."""
    when, key = time_text(move.time), () if move.key is None else (move.key,)
    return [move.write_id, when, move.who, move.before, move.after, move.why, *key]


def move_from_json(stored: object) -> Move:
    """Reads the stored form of a move.

    Raises:
        CorruptData: The form is none that format 1 knows.
    """
    try:
        return _move(tuple(stored) if isinstance(stored, list) else ())
    except TypeError as error:  # something in it is a list or an object
        raise CorruptData(f"unknown reflog entry: {stored!r}") from error


@lru_cache(CACHED_MOVES)
def _move(stored: tuple[object, ...]) -> Move:
    match stored:
        case [str(write_id), str(time), str(who), before, after, str(why), *rest]:
            if isinstance(before, str | None) and isinstance(after, str | None):
                match rest:
                    case []:
                        return Move(write_id, parse_time(time), who, before, after, why)
                    case [str(key)]:
                        return Move(write_id, parse_time(time), who, before, after, why, key)
    raise CorruptData(f"unknown reflog entry: {stored!r}")


@dataclass(frozen=True, slots=True)
class Tag:
    """Describes a tag: a name given once to a commit."""

    name: str
    commit_id: str
    time: datetime.datetime
    who: str
    message: str = ""

    def to_bytes(self) -> bytes:
        """Returns the stored form."""
        return canonical_json(
            {
                "kind": "tag",
                "name": self.name,
                "commit": self.commit_id,
                "time": time_text(self.time),
                "who": self.who,
                "message": self.message,
            }
        )


def tag_from_json(stored: Mapping[str, object]) -> Tag:
    """Reads the stored form of a tag.

    Raises:
        CorruptData: The form is none that format 1 knows.
    """
    match stored:
        case {
            "kind": "tag",
            "name": str(name),
            "commit": str(commit_id),
            "time": str(time),
            "who": str(who),
            "message": str(message),
        }:
            return Tag(name, commit_id, parse_time(time), who, message)
    raise CorruptData("a tag is not readable: fields are missing or of another type")


@dataclass(frozen=True, slots=True)
class Ancestor:
    """``~N``: the Nth ancestor along first parents."""

    count: int


@dataclass(frozen=True, slots=True)
class Parent:
    """``^N``: the Nth parent; ``^0`` is the commit itself."""

    number: int


@dataclass(frozen=True, slots=True)
class MovesAgo:
    """``@{N}``: where the branch stood N moves ago."""

    count: int


@dataclass(frozen=True, slots=True)
class AsOf:
    """``@{time}``: the last commit on the first-parent chain at or before that time."""

    time: datetime.datetime


Step: TypeAlias = Ancestor | Parent | MovesAgo | AsOf


@dataclass(frozen=True, slots=True)
class RefExpression:
    """A parsed ref expression.

    Attributes:
        name: Branch, tag, commit id or prefix; None where the text starts with ``@{``.
        steps: What is applied to it, in order.
    """

    name: str | None
    steps: tuple[Step, ...]


_STEP = re.compile(r"~(?P<tilde>\d*)|\^(?P<caret>\d*)|@\{(?P<braces>[^{}]*)\}")


def parse_ref(text: str) -> RefExpression:
    """Parses a ref expression such as ``main~2``, ``v1^2`` or ``main@{2024-05-01}``.

    Raises:
        InvalidInput: The text is no ref expression.
    """
    text = canonical_name(text)
    start = next((i for i, c in enumerate(text) if c in "~^" or text.startswith("@{", i)), None)
    name = text if start is None else text[:start]
    steps: list[Step] = []
    position = len(name)
    while position < len(text):
        match = _STEP.match(text, position)
        if match is None:
            raise _invalid(text)
        steps.append(_step(match, text))
        position = match.end()
    if not name and not (steps and isinstance(steps[0], MovesAgo | AsOf)):
        raise _invalid(text)
    return RefExpression(name or None, tuple(steps))


def _invalid(text: str) -> InvalidInput:
    return InvalidInput(
        f"{text!r} is no ref expression",
        kind=ErrorKind.INVALID_REF,
        hint="write a branch, tag or commit id, optionally with ~N, ^N, @{N} or @{time}",
    )


def _step(match: re.Match[str], text: str) -> Step:
    if match["tilde"] is not None:
        return Ancestor(_number(match["tilde"] or "1", text))
    if match["caret"] is not None:
        return Parent(_number(match["caret"] or "1", text))
    inner = match["braces"].strip()
    if inner.isascii() and inner.isdigit() and len(inner) < 10:
        return MovesAgo(int(inner))
    try:
        moment = datetime.datetime.fromisoformat(inner)
    except ValueError as error:
        raise _invalid(text) from error
    return AsOf(moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC))


def _number(digits: str, text: str) -> int:
    if len(digits) > 9:
        raise _invalid(text)
    return int(digits)


def split_range(text: str) -> tuple[str, str, bool] | None:
    """Splits ``A..B`` or ``A...B``.

    Returns:
        Both ends and whether it is the three-dot form; None if the text is no range. A
        missing end is the empty string.
    """
    outside = re.sub(r"\{[^{}]*\}", lambda m: "x" * len(m[0]), text)
    match = re.search(r"\.{2,}", outside)
    if match is None:
        return None
    if len(match[0]) > 3 or ".." in outside[match.end() :]:
        raise _invalid(text)
    return text[: match.start()], text[match.end() :], len(match[0]) == 3
