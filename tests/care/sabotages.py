"""What garbage collection must not do, and writers must not leave out: each as a patch.

Each takes one precaution away. The model of ``plays`` must find out.
"""

import datetime
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pytest

from catalog.care.gc import kept_mark, lease, listing, live, run
from catalog.care.gc.lease import Lease
from catalog.care.gc.sweep import condemned as to_sweep
from catalog.catalog import Catalog
from catalog.model.ids import canonical_json, random_id
from catalog.repository import condemned, roots
from catalog.repository.brought import Brought
from catalog.repository.condemned import Condemned, NameList
from catalog.repository.creation import create_own
from catalog.repository.reachability import Pack, Walk
from catalog.storage.local import LocalStore

from .plays import MOVE, Leaning

Sabotage = Callable[[pytest.MonkeyPatch], None]


def no_check(patch: pytest.MonkeyPatch) -> None:
    """Writers do not look at lists before a ref moves."""
    patch.setattr(Condemned, "check", lambda *args: lambda: None)


def no_memory(patch: pytest.MonkeyPatch) -> None:
    """Writers do not remember when they gave names."""
    patch.setattr(Condemned, "_note", lambda *args: None)


def no_doubt(patch: pytest.MonkeyPatch) -> None:
    """Writers believe what they remember of commits that they are given by id."""
    patch.setattr(Condemned, "doubt", lambda *args: None)


def no_age(patch: pytest.MonkeyPatch) -> None:
    """Names that writers gave count as young for ever."""
    patch.setattr(Condemned, "_old", lambda self: set())


def lists_read_once(patch: pytest.MonkeyPatch) -> None:
    """Writers believe for ever what lists they saw first."""
    patch.setattr(Condemned, "_is_fresh", lambda self: self._read_at >= 0)


def no_notes(patch: pytest.MonkeyPatch) -> None:
    """Writers write no notes, and only look whether a sweep is under way."""
    patch.setattr(condemned, "create_own", lambda *args: None)


def no_look_at_claims(patch: pytest.MonkeyPatch) -> None:
    """Writers do not look whether a sweep has claimed what they note."""

    def keep(self: Any, one: NameList, names: Sequence[int], example: str) -> set[int]:
        _write_note(self, one, names)
        return set(names) if one.state == "swept" else set()

    patch.setattr(Condemned, "_keep", keep)


def note_after_look(patch: pytest.MonkeyPatch) -> None:
    """Writers look at the claim first, and write their note afterwards."""
    inner = Condemned._keep

    def keep(self: Any, one: NameList, names: Sequence[int], example: str) -> set[int]:
        create = condemned.create_own
        condemned.create_own = lambda *args: None  # type: ignore[assignment]
        try:
            found = inner(self, one, names, example)
        finally:
            condemned.create_own = create
        if one.state != "swept":
            _write_note(self, one, names)
        return found

    patch.setattr(Condemned, "_keep", keep)


def _write_note(self: Any, one: NameList, names: Sequence[int]) -> None:
    note = {"kind": "kept", "names": [f"{name:016x}" for name in names]}
    create_own(self._store, f"{one.folder}kept/{random_id()}.json", canonical_json(note))


def brings_no(start: str) -> Sabotage:
    """Writers do not look for some of what a commit brings."""

    def sabotage(patch: pytest.MonkeyPatch) -> None:
        inner = Brought.paths

        def paths(self: Brought, *args: Any) -> Iterator[str]:
            yield from (path for path in inner(self, *args) if not path.startswith(start))

        patch.setattr(Brought, "paths", paths)

    return sabotage


def brings_one_commit(patch: pytest.MonkeyPatch) -> None:
    """Of a history that comes back writers look at the last commit alone."""
    patch.setattr(Brought, "_new", lambda self, commit_id, known: [commit_id])


def marks_once(patch: pytest.MonkeyPatch) -> None:
    """What was listed goes although it is reachable again."""
    empty = np.empty(0, dtype=np.uint64)
    patch.setattr(run, "condemned", lambda listed, live, kept: to_sweep(listed, empty, kept))


def notes_ignored(patch: pytest.MonkeyPatch) -> None:
    """A sweep does not read the notes of writers."""
    patch.setattr(run, "read_notes", lambda *args: set())


def notes_read_first(patch: pytest.MonkeyPatch) -> None:
    """A sweep reads the notes before it claims the list."""
    early: dict[str, set[int]] = {}
    inner, read = Lease.take, run.read_notes

    def take(self: Lease, *args: Any, **kwargs: Any) -> bool:
        early[self._list_id] = read(self._store, self._list_id)
        return inner(self, *args, **kwargs)

    patch.setattr(Lease, "take", take)
    patch.setattr(run, "read_notes", lambda store, list_id: early[list_id])


def no_grace(patch: pytest.MonkeyPatch) -> None:
    """What is listed goes with the next run."""
    patch.setattr(run.GarbageCollection, "_is_ripe", lambda *args: True)


def no_lease(patch: pytest.MonkeyPatch) -> None:
    """Two sweep one list at a time."""
    patch.setattr(lease, "ABANDONED_S", 0.0)
    patch.setattr(Lease, "renew", lambda self: None)


def no_claim_to_withdraw(patch: pytest.MonkeyPatch) -> None:
    """Lists are withdrawn while they are swept."""

    def withdraw(repository: Any) -> int:
        for one in condemned.read_lists(repository.store):
            lease.remove_list(repository.store, one.id)
        return 0

    patch.setattr(run, "withdraw", withdraw)


def no_identity(patch: pytest.MonkeyPatch) -> None:
    """A deletion takes whatever has the name of what was listed."""

    def delete_listed(self: LocalStore, found: Sequence[Any]) -> list[bool]:
        for one in found:
            self.delete(one.path)
        return [True] * len(found)

    patch.setattr(LocalStore, "delete_listed", delete_listed)
    patch.setattr(listing, "print_of", lambda info: 0)
    from catalog.care.gc import sweep

    patch.setattr(sweep, "print_of", lambda info: 0)


def roots_without(why: str) -> Sabotage:
    """Some refs keep nothing."""

    def sabotage(patch: pytest.MonkeyPatch) -> None:
        inner = roots.find_roots

        def find_roots(repository: Any, *, since: datetime.datetime) -> roots.Roots:
            found = inner(repository, since=since)
            left = [one for one in found.commits if not is_it(one)]
            return roots.Roots(tuple(left), found.pages, found.unknown)

        def is_it(one: roots.Root) -> bool:
            return one.why == why or (why == "merge" and one.ref.startswith("merge/"))

        patch.setattr(live, "find_roots", find_roots)

    return sabotage


def no_pages(patch: pytest.MonkeyPatch) -> None:
    """Older pages of reflogs are forgotten."""
    inner = roots.find_roots

    def find_roots(repository: Any, *, since: datetime.datetime) -> roots.Roots:
        found = inner(repository, since=since)
        return roots.Roots(found.commits, (), found.unknown)

    patch.setattr(live, "find_roots", find_roots)


def marks_commits(patch: pytest.MonkeyPatch) -> None:
    """A pack stays only if its own commit is reachable."""
    inner = Walk.parts

    def parts(self: Walk, commit_id: str) -> Iterator[Any]:
        for part in inner(self, commit_id):
            if not isinstance(part, Pack) or part.commit_id == commit_id:
                yield part

    patch.setattr(Walk, "parts", parts)


def marks_no_contents(patch: pytest.MonkeyPatch) -> None:
    """Contents of file sets are forgotten, and lists of them."""
    patch.setattr(Walk, "contents", lambda self, leaf: ())


def marks_any_new(patch: pytest.MonkeyPatch) -> None:
    """Data that an expired commit shares with a kept one is not looked for."""
    inner = Walk._is_new
    patch.setattr(Walk, "_is_new", lambda self, place, data: inner(self, place, True))


def refs_keep_no_data(patch: pytest.MonkeyPatch) -> None:
    """A ref that was made while its commit was expired does not keep its data."""
    patch.setattr(live, "unkept", lambda expired, found: expired)


def goes_on_anyhow(patch: pytest.MonkeyPatch) -> None:
    """A kept mark of main goes on although main was reset."""
    patch.setattr(kept_mark, "leads_to", lambda *args: True)


def goes_on_expired(patch: pytest.MonkeyPatch) -> None:
    """A kept mark of main goes on although something expired."""
    patch.setattr(kept_mark, "about_expired", lambda expired: "0" * 64)


def goes_on_with_fewer(patch: pytest.MonkeyPatch) -> None:
    """A kept mark says that it walked what it has not found the needs of."""
    inner = kept_mark.KeptMark

    def mark(about: str, commit_id: str, state: Any, names: Any) -> kept_mark.KeptMark:
        return inner(about, commit_id, state, names[::2])

    patch.setattr(live, "KeptMark", mark)


def compacts_unnoted(patch: pytest.MonkeyPatch) -> None:
    """Files that compaction writes are not noted."""
    inner, note = Catalog.compact, Condemned._note

    def compact(self: Catalog, *args: Any, **kwargs: Any) -> Any:
        condemned_here = self.context.repository.condemned
        condemned_here._note = lambda *args: None  # type: ignore[method-assign]
        try:
            return inner(self, *args, **kwargs)
        finally:
            condemned_here._note = note.__get__(condemned_here)  # type: ignore[method-assign]

    patch.setattr(Catalog, "compact", compact)


REVIVE = Leaning("race", {"revive": 1})
AGAIN = Leaning("long_collector", {"repeat": 1}, changes=("snapshot",))
LATE = Leaning("long_writer")
EXPIRING = Leaning("expiring")
HASTY = Leaning("race", passes=(60.0, 60.0, 4000.0, 4000.0, 8000.0))

SABOTAGES: dict[str, tuple[Sabotage, Leaning]] = {
    "no check": (no_check, REVIVE),
    "no memory": (no_memory, LATE),
    "no doubt": (no_doubt, REVIVE),
    "no age": (no_age, LATE),
    "lists read once": (lists_read_once, Leaning("race", {"tag": 1}, stop="create refs/tags/")),
    "no notes": (no_notes, REVIVE),
    "no look at claims": (no_look_at_claims, REVIVE),
    "note after look": (
        note_after_look,
        Leaning("race", {"tag": 1}, stop="create gc/lists/.*/kept/"),
    ),
    "brings no packs": (brings_no("objects/"), REVIVE),
    "brings no data": (brings_no("data/"), REVIVE),
    "brings no contents": (brings_no("blobs/"), Leaning("race", changes=("snapshot",))),
    "brings no lists": (brings_no("lists/"), Leaning("race", changes=("snapshot",))),
    "brings one commit": (brings_one_commit, Leaning("race", {"tag": 1}, stop=MOVE)),
    "marks once": (marks_once, REVIVE),
    "notes ignored": (notes_ignored, REVIVE),
    "notes read first": (notes_read_first, Leaning("race", {"tag": 1}, stop=MOVE)),
    "no grace": (no_grace, REVIVE),
    "no lease": (no_lease, AGAIN),
    "no claim to withdraw": (
        no_claim_to_withdraw,
        Leaning("long_collector", {"revive": 1}, withdraws=0.5),
    ),
    "no identity": (no_identity, AGAIN),
    "no branches": (roots_without("branch"), REVIVE),
    "no tags": (roots_without("tag"), Leaning("race", {"tag": 1})),
    "no reflogs": (roots_without("reflog"), HASTY),
    "no merges": (roots_without("merge"), Leaning("race", {"clash": 1, "change": 1})),
    "no pages": (no_pages, REVIVE),
    "marks commits": (marks_commits, REVIVE),
    "marks no contents": (marks_no_contents, REVIVE),
    "marks any new": (marks_any_new, EXPIRING),
    "refs keep no data": (refs_keep_no_data, EXPIRING),
    "goes on anyhow": (goes_on_anyhow, REVIVE),
    "goes on expired": (goes_on_expired, EXPIRING),
    "goes on with fewer": (goes_on_with_fewer, REVIVE),
    "compacts unnoted": (compacts_unnoted, Leaning("long_writer", {"compact": 1})),
}
"""Each with what a play leans to that is to find it."""
