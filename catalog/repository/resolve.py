"""Ref expressions resolved to commits."""

import datetime
import difflib
from collections.abc import Callable

from catalog.dataclasses import dataclass
from catalog.errors import ErrorKind, InvalidInput, NotFound
from catalog.model.commit import EMPTY_ID
from catalog.model.ids import COMMIT_ID, ID_PREFIX, MIN_PREFIX
from catalog.model.ref_expressions import Ancestor, AsOf, MovesAgo, Parent, parse_ref
from catalog.model.relative_times import moment_of
from catalog.repository.branches import Branches
from catalog.repository.clock import Clock, utc_now
from catalog.repository.commits import Commits
from catalog.repository.history import first_parents
from catalog.repository.tags import Tags, is_spent
from catalog.storage.store import ObjectStore


@dataclass(frozen=True, slots=True)
class ResolvedRef:
    """The commit that a ref expression named when it was resolved.

    Attributes:
        text: The expression.
        commit_id: The commit.
        branch: The branch, if the expression is a plain branch name.
    """

    text: str
    commit_id: str
    branch: str | None = None


class Resolver:
    """Resolves ref expressions.

    Attributes:
        doubt: Takes a commit that was named by its id, or by an old move of a branch: perhaps no
            ref reaches it.
        resolved: Is called before a branch or a tag is read.
    """

    def __init__(
        self, store: ObjectStore, branches: Branches, tags: Tags, commits: Commits
    ) -> None:
        self._store = store
        self._branches = branches
        self._tags = tags
        self._commits = commits
        self.doubt: Callable[[str], None] = lambda commit_id: None
        self.resolved: Callable[[], None] = lambda: None

    def resolve(self, text: str, default: str = "main", *, clock: Clock = utc_now) -> ResolvedRef:
        """Resolves a ref expression; ``@{…}`` without a name means the default branch.

        Args:
            text: The expression.
            default: The default branch.
            clock: What times such as ``@{2 days ago}`` count from.

        Raises:
            InvalidInput: The text is not a valid ref expression.
            NotFound: There is nothing of that name, or no such ancestor or move.
        """
        expression = parse_ref(text)
        name = default if expression.name is None else expression.name
        commit_id, branch = self._named(name)
        for n, step in enumerate(expression.steps):
            on_branch = branch if n == 0 else None
            if isinstance(step, AsOf):
                commit_id = self._as_of(commit_id, moment_of(step.time, clock()), text)
            else:
                commit_id = self._step(commit_id, step, on_branch, text)
        return ResolvedRef(text, commit_id, None if expression.steps else branch)

    def _named(self, name: str) -> tuple[str, str | None]:
        if COMMIT_ID.fullmatch(name):  # no branch or tag may be called so
            return self.commit(name), None
        self.resolved()
        branch = self._branches.find(name)
        if branch is not None and branch.commit_id is not None:
            return branch.commit_id, name
        tag = self._tags.find(name)
        if tag is not None:
            return tag.commit_id, None
        if ID_PREFIX.fullmatch(name):
            return self.commit(name), None
        raise self.unknown(name)

    def commit(self, prefix: str) -> str:
        """Returns the id of the only commit whose id starts with some hex digits.

        Raises:
            NotFound: There is none.
            InvalidInput: There are several.
        """
        found = self._commit(prefix)
        self.doubt(found)
        return found

    def _commit(self, prefix: str) -> str:
        if COMMIT_ID.fullmatch(prefix):
            if not self._commits.exists(prefix):
                raise NotFound(f"no commit {prefix}", kind=ErrorKind.REF_NOT_FOUND)
            return prefix
        found = [
            info.path.rpartition("/")[2]
            for info in self._store.list(f"objects/{prefix[:2]}/{prefix}")
        ]
        if not found and EMPTY_ID.startswith(prefix):
            return EMPTY_ID
        if not found:
            raise self.unknown(prefix)
        if len(found) > 1:
            shown = ", ".join(one[: MIN_PREFIX + 4] for one in found[:4])
            raise InvalidInput(
                f"{prefix!r} is ambiguous: {len(found)} commit ids start with it: {shown}",
                kind=ErrorKind.AMBIGUOUS_REF,
                hint="give more digits",
            )
        return found[0]

    def unknown(self, name: str) -> NotFound:
        """Returns the error for a name that nothing has, with the nearest names."""
        names = [b.name for b in self._branches.heads()] + sorted(self._tags.names())
        near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
        if near:
            hint = f"did you mean {' or '.join(near)}?"
        else:
            hint = f"there are: {', '.join(names[:10])}" if names else ""
        if name == "HEAD":
            hint = "the newest commit of a branch is its name: main, and main~1 is the one before"
        if is_spent(self._store, name):
            hint = "a tag of that name was deleted"
        last = self._last_of_deleted(name)
        if last is not None:
            hint = (
                f"a branch of that name was deleted when it was at {last[:MIN_PREFIX]}: name that"
            )
        return NotFound(
            f"no branch, tag or commit {name!r}", kind=ErrorKind.REF_NOT_FOUND, hint=hint
        )

    def _last_of_deleted(self, name: str) -> str | None:
        """Returns the commit that a branch was at when it was deleted; None if none was."""
        held = self._branches.held(name)
        if held is None or held.branch.commit_id is not None:
            return None
        return next((move.before for move in self._branches.reflog(held.branch)), None)

    def _step(
        self, commit_id: str, step: Ancestor | Parent | MovesAgo, branch: str | None, text: str
    ) -> str:
        match step:
            case Ancestor(count):
                return self._ancestor(commit_id, count, text)
            case Parent(0):
                return commit_id
            case Parent(number):
                parents = self._commits.read(commit_id).parents
                if number > len(parents):
                    raise NotFound(
                        f"{text!r}: commit {commit_id[:MIN_PREFIX]} has {len(parents)} parents",
                        kind=ErrorKind.REF_NOT_FOUND,
                    )
                return parents[number - 1]
            case MovesAgo(count):
                return self._moves_ago(branch, count, text)

    def _as_of(self, commit_id: str, time: datetime.datetime, text: str) -> str:
        """Returns the last commit on a line of first parents at or before a time."""
        for logged in first_parents(self._commits.read, commit_id):
            if logged.commit.time <= time:
                return logged.id
        first = logged.commit.time.astimezone(datetime.UTC)
        raise NotFound(
            f"{text!r}: the history starts after {_to_the_second(time)}",
            kind=ErrorKind.REF_NOT_FOUND,
            hint=f"the first commit is {logged.id[:MIN_PREFIX]}, of {_to_the_second(first)}",
        )

    def _ancestor(self, commit_id: str, count: int, text: str) -> str:
        for passed, logged in enumerate(first_parents(self._commits.read, commit_id)):
            if passed == count:
                return logged.id
        raise NotFound(
            f"{text!r} reaches back before the first commit: the history is {passed + 1} long",
            kind=ErrorKind.REF_NOT_FOUND,
        )

    def _moves_ago(self, branch: str | None, count: int, text: str) -> str:
        if branch is None:
            raise InvalidInput(
                f"{text!r}: only branches have a reflog",
                kind=ErrorKind.INVALID_REF,
                hint="write BRANCH@{N}",
            )
        found = self._branches.find(branch)
        moves = [] if found is None else self._branches.reflog(found)
        for passed, move in enumerate(moves):
            if passed == count and move.after is not None:
                self.doubt(move.after)
                return move.after
        raise NotFound(
            f"{text!r} reaches back before the branch was created", kind=ErrorKind.REF_NOT_FOUND
        )


def _to_the_second(time: datetime.datetime) -> str:
    zone = "UTC" if time.utcoffset() == datetime.timedelta(0) else time.strftime("%z")
    return f"{time.replace(tzinfo=None).isoformat(sep=' ', timespec='seconds')} {zone}"
