"""Branches and tags as stored."""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from catalog.errors import CorruptData
from catalog.model.commit import parse_time, time_text
from catalog.model.ids import canonical_json, is_id, is_id_or_none

REFLOG_PAGE = 100
"""Newest moves that every branch object keeps; older ones are in immutable pages."""


@dataclass(frozen=True, slots=True)
class Move:
    """One move of a branch.

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
"""Moves that a process keeps parsed: a branch object has up to 199 of them, and all but one are
the same as in its previous version."""


@dataclass(frozen=True, slots=True)
class Branch:
    """A branch object, the only kind of object that ever changes.

    Attributes:
        name: The branch.
        commit_id: Where it points; None once deleted (a tombstone keeps the reflog).
        write_id: The id of the write that put it there.
        moves: Moves as stored, newest first; ``reflog`` parses them.
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
            CorruptData: The form of one is not one of format 1.
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
        CorruptData: The form is not one of format 1.
    """
    match stored:
        case {
            "kind": "branch",
            "name": str(name),
            "commit": str() | None as commit_id,
            "write_id": str(write_id),
            "reflog": [_, *_] as moves,
            "older": str() | None as older,
            "protected": bool(protected),
        } if is_id_or_none(commit_id) and is_id_or_none(older):
            return Branch(name, commit_id, write_id, tuple(moves), older, protected)
    raise CorruptData("a branch is not readable: fields are missing or of another type")


def move_to_json(move: Move) -> list[object]:
    """Returns the stored form of a move."""
    when, key = time_text(move.time), () if move.key is None else (move.key,)
    return [move.write_id, when, move.who, move.before, move.after, move.why, *key]


def move_from_json(stored: object) -> Move:
    """Reads the stored form of a move.

    Raises:
        CorruptData: The form is not one of format 1.
    """
    try:
        return _move(tuple(stored) if isinstance(stored, list) else ())
    except TypeError as error:  # something in it is a list or an object
        raise CorruptData(f"unknown reflog entry: {stored!r}") from error


@lru_cache(CACHED_MOVES)
def _move(stored: tuple[object, ...]) -> Move:
    match stored:
        case [str(write_id), str(time), str(who), before, after, str(why), *rest]:
            if is_id_or_none(before) and is_id_or_none(after):
                match rest:
                    case []:
                        return Move(write_id, parse_time(time), who, before, after, why)
                    case [str(key)]:
                        return Move(write_id, parse_time(time), who, before, after, why, key)
    raise CorruptData(f"unknown reflog entry: {stored!r}")


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag: a name given once to a commit."""

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
        CorruptData: The form is not one of format 1.
    """
    match stored:
        case {
            "kind": "tag",
            "name": str(name),
            "commit": str(commit_id),
            "time": str(time),
            "who": str(who),
            "message": str(message),
        } if is_id(commit_id):
            return Tag(name, commit_id, parse_time(time), who, message)
    raise CorruptData("a tag is not readable: fields are missing or of another type")
