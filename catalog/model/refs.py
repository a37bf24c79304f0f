"""Branches and tags as stored."""

import datetime
from collections.abc import Mapping
from functools import lru_cache

from catalog.dataclasses import dataclass, field
from catalog.errors import CorruptData
from catalog.model.commit import parse_time, time_text
from catalog.model.digests import FIELD, check_digest, digest_of, with_digest
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
        rules: What it demands of changes, as stored; see ``model.rules``. None for nothing.
        others: Fields of newer releases, which whoever moves the branch keeps.
    """

    name: str
    commit_id: str | None
    write_id: str
    moves: tuple[object, ...]
    older: str | None = None
    protected: bool = False
    rules: object = None
    others: Mapping[str, object] = field(default_factory=dict, compare=False)

    @property
    def reflog(self) -> tuple[Move, ...]:
        """Returns the moves, newest first; a commit needs none of them.

        Raises:
            CorruptData: The form of one is not one of format 1.
        """
        return tuple(map(move_from_json, self.moves))

    def to_bytes(self) -> bytes:
        """Returns the stored form."""
        rules = {} if self.rules is None else {"rules": self.rules}
        fields = {
            **self.others,
            **rules,
            "kind": "branch",
            "name": self.name,
            "commit": self.commit_id,
            "write_id": self.write_id,
            "reflog": self.moves,
            "older": self.older,
            "protected": self.protected,
        }
        return canonical_json({**fields, FIELD: [self.write_id, digest_of(fields)]})


@dataclass(frozen=True, slots=True)
class BranchHead:
    """Where a branch is, and whether it is protected.

    Attributes:
        name: The branch.
        commit_id: Where it points; None once deleted.
        protected: Whether it changes only by merge.
    """

    name: str
    commit_id: str | None
    protected: bool

    def to_json(self) -> list[object]:
        """Returns the form in which it is kept."""
        return [self.name, self.commit_id, self.protected]


def branch_head_from_json(kept: object) -> BranchHead | None:
    """Reads the form in which it is kept; None if this is another one."""
    match kept:
        case [str(name), str() | None as commit_id, bool(protected)]:
            return BranchHead(name, commit_id, protected)
    return None


_KNOWN = frozenset(("kind", "name", "commit", "write_id", "reflog", "older", "protected", "rules"))

BRANCH_FIELDS = ("kind", "name", "commit", "write_id", "reflog", "older", "protected")
"""Fields of branches without a digest."""


def branch_from_json(stored: Mapping[str, object], name: str, *, trusted: bool = False) -> Branch:
    """Reads the stored form of the branch of a name, also one that its digest contradicts.

    Raises:
        CorruptData: It is not as it was written, or the form is not one of format 1.
    """
    if not trusted:
        _check_branch(stored, name)
    match stored:
        case {
            "kind": "branch",
            "name": str(own),
            "commit": str() | None as commit_id,
            "write_id": str(write_id),
            "reflog": [_, *_] as moves,
            "older": str() | None as older,
            "protected": bool(protected),
        } if is_id_or_none(commit_id) and is_id_or_none(older):
            if own != name:
                raise CorruptData(f"branch {name} is stored under the name {own}")
            others = {k: v for k, v in stored.items() if k not in _KNOWN and k != FIELD}
            rules = stored.get("rules")
            return Branch(name, commit_id, write_id, tuple(moves), older, protected, rules, others)
    raise CorruptData(f"branch {name} is not readable: fields are missing or of another type")


def _check_branch(stored: Mapping[str, object], name: str) -> None:
    """Checks the stored form of a branch by its digest.

    A digest names the write it was made for: a program that moves a branch and keeps fields that
    it does not know leaves the digest of an earlier write, which says nothing.

    Raises:
        CorruptData: It is not as it was written.
    """
    what = f"branch {name}"
    match stored:
        case {"digest": [str(write_id), digest], "write_id": now, "reflog": [newest, *moves]}:
            known = isinstance(newest, list) and newest[:1] == [now]
            earlier = any(isinstance(move, list) and move[:1] == [write_id] for move in moves)
            if known and earlier and write_id != now:
                return
            of_now = digest if write_id == now else None
            check_digest({**stored, FIELD: of_now}, known=BRANCH_FIELDS, what=what)
        case _:
            check_digest(stored, known=BRANCH_FIELDS, what=what)


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

    def to_fields(self) -> list[object]:
        """Returns the form in which it is kept once it was read."""
        return [self.name, self.commit_id, time_text(self.time), self.who, self.message]

    def to_bytes(self) -> bytes:
        """Returns the stored form."""
        return with_digest(
            {
                "kind": "tag",
                "name": self.name,
                "commit": self.commit_id,
                "time": time_text(self.time),
                "who": self.who,
                "message": self.message,
            }
        )


def tag_from_fields(kept: object) -> Tag | None:
    """Reads the form in which a tag is kept; None if this is another one."""
    match kept:
        case [str(name), str(commit_id), str(time), str(who), str(message)] if is_id(commit_id):
            return Tag(name, commit_id, parse_time(time), who, message)
    return None


TAG_FIELDS = ("kind", "name", "commit", "time", "who", "message")
"""Fields of tags without a digest."""


def tag_from_json(stored: Mapping[str, object], name: str) -> Tag:
    """Reads the stored form of the tag of a name.

    Raises:
        CorruptData: It is not as it was written.
    """
    check_digest(stored, known=TAG_FIELDS, what=f"tag {name}")
    match stored:
        case {
            "kind": "tag",
            "name": str(own),
            "commit": str(commit_id),
            "time": str(time),
            "who": str(who),
            "message": str(message),
        } if is_id(commit_id):
            if own != name:
                raise CorruptData(f"tag {name} is stored under the name {own}")
            return Tag(name, commit_id, parse_time(time), who, message)
    raise CorruptData(f"tag {name} is not readable: fields are missing or of another type")
