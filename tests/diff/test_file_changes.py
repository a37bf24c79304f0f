"""What happened to the files of a file set, against plain counting."""

import random
from collections import Counter

import pytest

from catalog.diff.file_changes import (
    DirectoryMove,
    FileChanges,
    FileEntry,
    FilePair,
    file_changes,
    folded_moves,
    least_alike,
)


def entry(path: str, content: str, hash: int | None = None) -> FileEntry:
    return FileEntry(path, len(content), "image/png", content, perceptual_hash=hash)


def changes(before: dict[str, str], after: dict[str, str]) -> FileChanges:
    """What a diff tells of two states, from path to content."""
    updated = [
        FilePair(entry(path, before[path]), entry(path, after[path]))
        for path in before.keys() & after.keys()
        if before[path] != after[path]
    ]
    return file_changes(
        [entry(path, after[path]) for path in after.keys() - before.keys()],
        [entry(path, before[path]) for path in before.keys() - after.keys()],
        updated,
    )


def moves(found: FileChanges) -> dict[str, str]:
    return {pair.before.path: pair.after.path for pair in found.moved}


@pytest.mark.invariant("A moved file is told as moved, and no file is told twice")
def test_every_changed_row_is_told_once_and_moves_are_as_many_as_can_be() -> None:
    chosen = random.Random(7)
    for _ in range(300):
        names = [f"{folder}/{name}" for folder in "ab" for name in "pqrs"]
        before, after = (
            {path: chosen.choice("XYZ") for path in names if chosen.random() < 0.6}
            for _ in range(2)
        )
        found = changes(before, after)
        left, new = before.keys() - after.keys(), after.keys() - before.keys()
        assert {e.path for e in found.removed} | moves(found).keys() == left
        assert {e.path for e in found.added} | set(moves(found).values()) == new
        assert len(found.removed) + len(found.moved) == len(left)
        assert len(found.added) + len(found.moved) == len(new)
        gone, come = Counter(before[p] for p in left), Counter(after[p] for p in new)
        assert len(found.moved) == (gone & come).total()
        by_name = [Counter((s[p], p[-1]) for p in ps) for s, ps in ((before, left), (after, new))]
        kept = sum(a[-1] == b[-1] for a, b in moves(found).items())
        assert kept == (by_name[0] & by_name[1]).total()
        assert {p.after.path for p in found.replaced} == {
            path for path in before.keys() & after.keys() if before[path] != after[path]
        }


def test_copies_are_paired_by_name_then_by_path() -> None:
    found = changes({"a/1": "X", "a/2": "X", "a/3": "X"}, {"b/2": "X", "b/8": "X", "b/9": "X"})
    assert moves(found) == {"a/2": "b/2", "a/1": "b/8", "a/3": "b/9"}


def test_a_copy_of_a_file_that_stays_is_no_move() -> None:
    found = changes({"a": "X"}, {"a": "X", "b": "X"})
    assert (len(found.moved), [e.path for e in found.added]) == (0, ["b"])


def test_the_same_content_with_other_facts_is_not_replaced() -> None:
    pair = FilePair(entry("a", "X"), entry("a", "X", hash=1))
    found = file_changes([], [], [pair])
    assert (found.replaced, found.restated) == ((), (pair,))


def test_a_directory_that_moves_is_one_move() -> None:
    before = {f"photos/2023/{n // 10}/{n}.png": str(n) for n in range(1000)} | {"x/a": "A"}
    after = {path.replace("2023", "old/23"): c for path, c in before.items()} | {"x/b": "A"}
    del after["x/a"]
    found = changes(before, after)
    assert len(found.moved) == 1001
    folders, single = folded_moves(found.moved)
    assert folders == [DirectoryMove("photos/2023", "photos/old/23", 1000)]
    assert [pair.after.path for pair in single] == ["x/b"]


def test_a_directory_may_move_to_the_top() -> None:
    before = {f"a/{n}": str(n) for n in range(5)}
    folders, single = folded_moves(changes(before, {str(n): str(n) for n in range(5)}).moved)
    assert (folders, single) == ([DirectoryMove("a", "", 5)], [])


def test_the_least_alike_come_first() -> None:
    pairs = [
        FilePair(entry(name, "X", before), entry(name, "Y", after))
        for name, before, after in (("a", 7, 7), ("b", None, 7), ("c", 0, 2**64 - 1), ("d", 1, 3))
    ]
    assert [pair.alike for pair in pairs] == [1.0, None, 0.0, 1 - 1 / 64]
    assert [pair.after.path for pair in least_alike(pairs)] == ["c", "d", "a", "b"]
