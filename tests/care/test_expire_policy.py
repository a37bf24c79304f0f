"""What a policy keeps, against a model in plain Python, over random histories."""

import datetime
import random
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.care.expire import REFLOG_KEPT, ExpiryPlan, KeepPolicy, plan_expiry
from catalog.errors import CorruptData
from catalog.model.refs import Tag
from catalog.model.rules import BranchRules
from catalog.repository.expired import ExpiryRecord, Policy, read_records, record, union
from catalog.repository.roots import find_roots, unkept
from tests.effort import effort
from tests.repository.conftest import History, at, stamp
from tests.storage.memory import MemoryStore

DAY = datetime.timedelta(days=1)


def plan(history: History, policy: KeepPolicy, day: float) -> ExpiryPlan:
    now = at(day)
    roots = find_roots(history.repository, since=now - REFLOG_KEPT)
    before = unkept(union(read_records(history.repository.store).values()), roots)
    return plan_expiry(history.repository, policy, roots=roots, before=before, now=now)


class Model:
    """Knows what it was told of a history, and decides what must be kept by sets alone."""

    def __init__(self, first: str) -> None:
        self.time = {first: at(0)}
        self.parents: dict[str, tuple[str, ...]] = {first: ()}
        self.heads = {"main": first}
        self.moves: list[tuple[datetime.datetime, str]] = [(at(0), first)]
        self.tags: dict[str, str] = {}
        self.rules: dict[str, datetime.timedelta] = {}

    def history(self, commit_id: str) -> set[str]:
        found: set[str] = set()
        waiting = [commit_id]
        while waiting:
            one = waiting.pop()
            if one not in found:
                found.add(one)
                waiting += self.parents[one]
        return found

    def line(self, commit_id: str) -> Iterator[str]:
        yield commit_id
        while self.parents[commit_id]:
            commit_id = self.parents[commit_id][0]
            yield commit_id

    def window(self, head: str, since: datetime.datetime) -> set[str]:
        young = {one for one in self.history(head) if self.time[one] > since}
        start = next((one for one in self.line(head) if self.time[one] <= since), None)
        return young | ({start} if start else set())

    def bases(self, left: str, right: str) -> set[str]:
        common = self.history(left) & self.history(right)
        return {
            one for one in common if not any(one in self.history(other) for other in common - {one})
        }

    def meetings(self, branch: str, target: str) -> set[str]:
        own = self.history(branch) - self.history(target)
        met = {parent for one in own for parent in self.parents[one]} - own
        return met or {branch}

    def everything(self) -> set[str]:
        roots = [*self.heads.values(), *self.tags.values(), *(one for _, one in self.moves)]
        return set().union(*map(self.history, roots))

    def reachable(self, now: datetime.datetime) -> set[str]:
        moves = (one for time, one in self.moves if time >= now - REFLOG_KEPT)
        return set().union(*map(self.history, (*self.heads.values(), *self.tags.values(), *moves)))

    def kept(self, policy: KeepPolicy, now: datetime.datetime) -> set[str]:
        since = now - policy.keep
        kept = {one for one in self.reachable(now) if self.time[one] > since}
        refs = {**self.heads, **(self.tags if policy.keep_tags else {})}
        for name, head in refs.items():
            kept |= {head} | self.window(head, since)
            least = self.rules.get(name, policy.keep)
            if name in self.heads and least > policy.keep:
                kept |= self.window(head, now - least)
            if name in self.heads:
                kept |= set(list(self.line(head))[: policy.keep_last])
        kept |= {one for time, one in self.moves if time >= now - REFLOG_KEPT}
        for target in {"main", *self.rules}:
            for name, head in self.heads.items():
                if name != target:
                    kept |= self.meetings(head, self.heads[target])
        return kept


@st.composite
def stories(draw: st.DrawFn) -> tuple[random.Random, int]:
    return random.Random(draw(st.integers(0, 2**32))), draw(st.integers(3, 40))


def happen(history: History, model: Model, chance: random.Random, steps: int) -> float:
    """Lets things happen to branches and tags; returns the day of the last."""
    day = 0.0
    for step in range(steps):
        day += chance.choice([0.2, 1, 1, 3, 10, 40])
        name = chance.choice(sorted(model.heads))
        head = model.heads[name]
        match chance.choice(["commit"] * 5 + ["merge", "merge", "branch", "tag", "reset", "rule"]):
            case "commit" | "merge" as kind:
                others = [one for one in model.heads.values() if one != head]
                more = [chance.choice(others)] if kind == "merge" and others else []
                new = history.advance(name, day=day, more=more)  # type: ignore[arg-type]
                model.time[new], model.parents[new] = at(day), (head, *more)
                model.heads[name] = new
                model.moves.append((at(day), new))
                model.moves.append((at(day), head))
            case "branch":
                start = chance.choice(sorted(model.everything()))
                history.repository.branches.create(f"b{step}", start, stamp(day))  # type: ignore[arg-type]
                model.heads[f"b{step}"] = start
                model.moves.append((at(day), start))
            case "tag":
                named = chance.choice(sorted(model.everything()))
                history.repository.tags.create(Tag(f"t{step}", named, at(day), "me"))
                model.tags[f"t{step}"] = named
            case "reset" if name not in model.rules:
                to = chance.choice(sorted(model.everything()))
                held = history.repository.branches.held(name)
                assert held is not None
                history.repository.branches.move(held, to, stamp(day))  # type: ignore[arg-type]
                model.moves += [(at(day), head), (at(day), to)]
                model.heads[name] = to
            case "rule":
                held = history.repository.branches.held(name)
                assert held is not None
                days = chance.choice([20, 200])
                rules = BranchRules(keep_seconds=days * 86_400).to_json()
                history.repository.branches.protect(
                    held,
                    stamp(day),
                    protected=False,
                    rules=rules,  # type: ignore[arg-type]
                )
                model.rules[name] = days * DAY
                model.moves.append((at(day), head))
    return day


@pytest.mark.invariant("What a policy keeps does not expire, and all else does")
@settings(max_examples=effort(60, 2_000))
@given(stories())
def test_what_is_kept_is_what_the_model_keeps(story: tuple[random.Random, int]) -> None:
    chance, steps = story
    history = History(MemoryStore())
    model = Model(history.first)
    day = happen(history, model, chance, steps)
    for _ in range(3):
        policy = KeepPolicy(
            keep=chance.choice([1, 5, 30, 90]) * DAY,
            keep_last=chance.choice([1, 1, 2, 5]),
            keep_tags=chance.random() < 0.7,
        )
        now = day + chance.choice([0, 1, 50, 400])
        found, kept = plan(history, policy, now), model.kept(policy, at(now))
        assert set(found.kept) == kept
        assert set(found.commits) == model.reachable(at(now)) - kept
        passed = {name for name, one in model.tags.items() if one not in kept}
        assert set(found.tags) == (set() if policy.keep_tags or not found.commits else passed)
        assert sum(one.commits for one in found.reasons) == len(kept)
        main = model.heads["main"]
        bases = set().union(*(model.bases(head, main) for head in model.heads.values()))
        assert bases <= kept


def expire(history: History, found: ExpiryPlan, tables: Sequence[str] | None = None) -> None:
    named = None if tables is None else tuple(tables)
    about = ExpiryRecord(at(0), "me", Policy(0), found.commits, found.tags, named)
    record(history.repository.store, about)


def test_what_has_expired_does_not_expire_again() -> None:
    history = History(MemoryStore())
    for day in range(1, 50):
        history.advance(day=day)
    policy = KeepPolicy(keep=10 * DAY)
    first = plan(history, policy, 49)
    expire(history, first)
    again = plan(history, policy, 49)
    assert again.commits == ()
    assert set(again.expired_before) == set(first.commits)
    assert set(again.kept) == set(first.kept)
    longer = plan(history, KeepPolicy(keep=30 * DAY), 49)
    assert longer.commits == ()
    assert len(longer.kept) == len(first.kept)


def test_tables_expire_each_by_itself() -> None:
    history = History(MemoryStore())
    for day in range(1, 50):
        history.advance(day=day)
    orders = KeepPolicy(keep=10 * DAY, tables=("orders",))
    found = plan(history, orders, 49)
    expire(history, found, ["orders"])
    assert plan(history, orders, 49).commits == ()
    both = KeepPolicy(keep=10 * DAY, tables=("orders", "customers"))
    assert plan(history, both, 49).commits == found.commits
    assert plan(history, KeepPolicy(keep=10 * DAY), 49).commits == found.commits


def test_a_branch_that_came_to_an_expired_commit_keeps_it() -> None:
    history = History(MemoryStore())
    old = history.advance(day=1)
    for day in range(2, 50):
        history.advance(day=day)
    found = plan(history, KeepPolicy(keep=10 * DAY), 49)
    assert old in found.commits
    history.create("late", old)
    expire(history, found)
    again = plan(history, KeepPolicy(keep=10 * DAY), 49)
    assert old in again.kept
    assert old not in again.expired_before


@pytest.mark.invariant("Nothing is dropped by what cannot be read")
def test_rules_that_nobody_can_read_stop_it() -> None:
    history = History(MemoryStore())
    for day in range(1, 50):
        history.advance(day=day)
    held = history.repository.branches.held("main")
    assert held is not None
    history.repository.branches.protect(held, stamp(49), protected=False, rules={"version": 2})
    with pytest.raises(CorruptData, match="newer release"):
        plan(history, KeepPolicy(keep=10 * DAY), 49)


@pytest.mark.invariant("Nothing is dropped by what cannot be read")
def test_a_ref_that_nobody_can_read_stops_it() -> None:
    history = History(MemoryStore())
    history.create("other", history.first)
    for day in range(1, 50):
        history.advance(day=day)
    store = history.repository.store
    stored = store.read("refs/branches/other.json")
    store.swap("refs/branches/other.json", stored.data[:-9], version=stored.version)
    with pytest.raises(CorruptData):
        plan(history, KeepPolicy(keep=10 * DAY), 49)
