"""What may expire: the commits that no ref keeps, and that a policy does not.

One walk over the history decides, from commits alone. A commit is kept for the first of these
reasons that holds: a branch or a tag is at it; something under way names it; it is one of the
newest of a branch; it is young, or the last one before the young ones; a branch was at it lately;
an open branch and the one it would be merged into parted there.
"""

import datetime
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, TypeAlias

from catalog.dataclasses import dataclass, field
from catalog.errors import CatalogError
from catalog.model.commit import EMPTY_ID
from catalog.model.refs import Branch
from catalog.model.rules import rules_from_json
from catalog.repository.expired import Expired, has_data
from catalog.repository.reachability import Walk, is_gone
from catalog.repository.repository import DEFAULT_BRANCH, Repository
from catalog.repository.roots import UNDER_WAY, Roots

REFLOG_KEPT = datetime.timedelta(days=30)
"""How long the data stays of what a branch was moved from: time to take back a reset."""

Reason: TypeAlias = Literal[
    "head", "tag", "under_way", "newest", "young", "rule", "start", "reflog", "fork"
]
"""Why a commit keeps its data, see ``REASONS``."""

REASONS: dict[Reason, str] = {
    "head": "a branch is at it",
    "tag": "it has a tag",
    "under_way": "a merge or a backfill under way needs it",
    "newest": "it is one of the newest of a branch",
    "young": "it is young enough",
    "rule": "the rules of a branch keep it",
    "start": "it was the newest when the time to be kept began",
    "reflog": "a branch was at it in the last 30 days",
    "fork": "an open branch parted there from the one it may be merged into",
}
"""The reasons in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepPolicy:
    """What is to be kept.

    Attributes:
        keep: Commits younger than this, and the one before them on each branch.
        keep_last: So many newest commits on the line of first parents of each branch.
        keep_tags: Whether commits with a tag.
        tables: The tables that it is about; None for all.
    """

    keep: datetime.timedelta
    keep_last: int = 1
    keep_tags: bool = True
    tables: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Keeping:
    """Commits that keep their data for one reason.

    Attributes:
        ref: The branch or tag; empty for young commits that only old moves of a branch reach.
        why: The reason.
        commits: How many there are, that nothing named before keeps.
        oldest: The id of the oldest.
    """

    ref: str
    why: Reason
    commits: int
    oldest: str


@dataclass(frozen=True, slots=True)
class ExpiryPlan:
    """What is to expire.

    Attributes:
        commits: Ids of the commits, in order.
        tags: Names of the tags at them.
        kept: Ids of the commits that keep their data.
        expired_before: Ids of the commits that had expired already.
        oldest_kept: The id of the oldest commit that keeps its data.
        reasons: What keeps commits, in the order in which it was asked.
    """

    commits: tuple[str, ...]
    tags: tuple[str, ...]
    kept: tuple[str, ...]
    expired_before: tuple[str, ...]
    oldest_kept: str | None
    reasons: tuple[Keeping, ...]


@dataclass(frozen=True, slots=True)
class _Node:
    """What is needed of a commit."""

    time: datetime.datetime
    generation: int
    parents: tuple[str, ...]


@dataclass(slots=True)
class _Marks:
    """Commits that are kept, each with what keeps it."""

    graph: dict[str, _Node]
    kept: dict[str, tuple[str, Reason]] = field(default_factory=dict)
    searched: dict[datetime.datetime, set[str]] = field(default_factory=dict)
    lined: dict[datetime.datetime, set[str]] = field(default_factory=dict)

    def keep(self, commits: Iterable[str], ref: str, why: Reason) -> None:
        for commit_id in commits:
            if commit_id in self.graph:
                self.kept.setdefault(commit_id, (ref, why))

    def line(self, start: str) -> Iterator[str]:
        """Yields a commit and its ancestors along first parents."""
        at: str | None = start
        while at is not None and at in self.graph:
            yield at
            parents = self.graph[at].parents
            at = parents[0] if parents else None

    def reasons(self) -> tuple[Keeping, ...]:
        counts = Counter(self.kept.values())
        oldest: dict[tuple[str, Reason], str] = {}
        for commit_id, by in self.kept.items():
            known = oldest.get(by)
            if known is None or self.graph[commit_id].time < self.graph[known].time:
                oldest[by] = commit_id
        return tuple(Keeping(*by, count, oldest[by]) for by, count in counts.items())


def plan_expiry(
    repository: Repository,
    policy: KeepPolicy,
    *,
    roots: Roots,
    before: Expired,
    now: datetime.datetime,
) -> ExpiryPlan:
    """Decides what is to expire.

    Args:
        repository: The stored objects.
        policy: What is to be kept.
        roots: The roots, with the moves of branches since ``REFLOG_KEPT`` before now.
        before: What was expired already, without what roots keep.
        now: The time, aware UTC.

    Raises:
        CorruptData: A ref, a commit or the rules of a branch cannot be read: what they keep is
            not known then.
    """
    branches = _branches(repository)
    tags = repository.tags.list()
    marks = _Marks(_graph(repository, roots))
    heads = {one.name: one.commit_id for one in branches if one.commit_id in marks.graph}
    for name, head in heads.items():
        marks.keep([head or ""], name, "head")
    if policy.keep_tags:
        for tag in tags:
            marks.keep([tag.commit_id], tag.name, "tag")
    for root in roots.commits:
        if root.why == "merge":
            marks.keep([root.commit_id], root.ref, "under_way")
    _keep_lines(marks, branches, policy, now=now)
    if policy.keep_tags:
        for tag in tags:
            _keep_young(marks, tag.name, tag.commit_id, since=now - policy.keep)
    for commit_id, node in marks.graph.items():
        if node.time > now - policy.keep:
            marks.keep([commit_id], "", "young")
    for root in roots.commits:
        if root.why == "reflog":
            marks.keep([root.commit_id], root.ref, "reflog")
    _keep_forks(marks, branches)
    tables = None if policy.tables is None else frozenset(map(str.casefold, policy.tables))
    gone = [one for one in marks.graph if one not in marks.kept]
    new = sorted(one for one in gone if _is_news(before.lacking(one), tables))
    passed = () if policy.keep_tags else (t.name for t in tags if t.commit_id not in marks.kept)
    kept = tuple(one for one in marks.kept if not _is_lacking(before.lacking(one)))
    return ExpiryPlan(
        tuple(new),
        tuple(passed) if new else (),
        kept,
        tuple(sorted({*gone} - {*new})),
        min(kept, key=lambda one: marks.graph[one].time, default=None),
        marks.reasons(),
    )


def _is_lacking(lacking: frozenset[str] | None) -> bool:
    return lacking is None or bool(lacking)


def _is_news(lacking: frozenset[str] | None, tables: frozenset[str] | None) -> bool:
    """Returns whether of a commit that lacks some data more is to go."""
    if tables is None:
        return lacking is not None
    return any(has_data(lacking, one) for one in tables)


def _branches(repository: Repository) -> Sequence[Branch]:
    """Returns the branches, the default one first."""
    found = repository.branches.list()
    return sorted(found, key=lambda one: (one.name != DEFAULT_BRANCH, one.name))


def _graph(repository: Repository, roots: Roots) -> dict[str, _Node]:
    """Returns all commits that are reached; gc may have removed what only old moves name."""
    known: dict[str, str] = {}
    graph = {}
    lenient = False

    def damaged(error: CatalogError, path: str) -> None:
        if not (lenient and is_gone(error)):
            raise error

    walk = Walk(repository, on_damage=damaged)
    for lenient in (False, True):
        starts = [one.commit_id for one in roots.commits if (one.why == "reflog") is lenient]
        for logged in walk.commits(*starts):
            commit = logged.commit
            parents = tuple(known.setdefault(one, one) for one in commit.parents if one != EMPTY_ID)
            own = known.setdefault(logged.id, logged.id)
            graph[own] = _Node(commit.time, commit.generation, parents)
    return graph


def _keep_lines(
    marks: _Marks, branches: Sequence[Branch], policy: KeepPolicy, *, now: datetime.datetime
) -> None:
    """Keeps what is young or newest on branches, and what their rules keep."""
    rules = {one.name: rules_from_json(one.rules, one.name) for one in branches}
    for branch in branches:
        for n, commit_id in enumerate(marks.line(branch.commit_id or "")):
            if n >= policy.keep_last:
                break
            marks.keep([commit_id], branch.name, "newest")
    for branch in branches:
        _keep_young(marks, branch.name, branch.commit_id or "", since=now - policy.keep)
    for branch in branches:
        least = datetime.timedelta(seconds=rules[branch.name].keep_seconds)
        if least > policy.keep:
            _keep_young(marks, branch.name, branch.commit_id or "", since=now - least, why="rule")


def _keep_young(
    marks: _Marks, ref: str, head: str, *, since: datetime.datetime, why: Reason = "young"
) -> None:
    """Keeps the commits of a ref's history that came after a time, and what was there then.

    Parents are not younger than children, so the search ends at the first that is too old.
    """
    searched, lined = (known.setdefault(since, set()) for known in (marks.searched, marks.lined))
    waiting = [head]
    while waiting:
        commit_id = waiting.pop()
        node = marks.graph.get(commit_id)
        if node is None or node.time <= since or commit_id in searched:
            continue
        searched.add(commit_id)
        marks.keep([commit_id], ref, why)
        waiting += node.parents
    for commit_id in marks.line(head):
        if commit_id in lined:
            return
        lined.add(commit_id)
        if marks.graph[commit_id].time <= since:
            marks.keep([commit_id], ref, "start" if why == "young" else why)
            return


def _keep_forks(marks: _Marks, branches: Sequence[Branch]) -> None:
    """Keeps where branches parted from those that they may be merged into, and backfills whole.

    Merge bases are among the commits at which a branch's own commits meet the target's.
    """
    targets = [
        one
        for one in branches
        if one.name == DEFAULT_BRANCH or one.protected or one.rules is not None
    ]
    for target in targets:
        reached = _ancestors(marks, target.commit_id or "")
        seen: set[str] = set()
        for branch in branches:
            if branch.commit_id is None or branch.name == target.name:
                continue
            waiting = [branch.commit_id]
            while waiting:
                commit_id = waiting.pop()
                if commit_id in seen or commit_id not in marks.graph:
                    continue
                if commit_id in reached:
                    marks.keep([commit_id], branch.name, "fork")
                    continue
                seen.add(commit_id)
                if target.name == DEFAULT_BRANCH and branch.name.startswith(UNDER_WAY):
                    marks.keep([commit_id], branch.name, "under_way")
                waiting += marks.graph[commit_id].parents


def _ancestors(marks: _Marks, head: str) -> set[str]:
    waiting, seen = [head], set[str]()
    while waiting:
        commit_id = waiting.pop()
        if commit_id not in seen and commit_id in marks.graph:
            seen.add(commit_id)
            waiting += marks.graph[commit_id].parents
    return seen
