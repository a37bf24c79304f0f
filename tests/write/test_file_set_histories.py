"""Any history of file sets gives what plain Python gives, byte for byte.

``--thorough`` goes through many more histories, and longer ones.
"""

import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from catalog.catalog import Catalog
from catalog.errors import MergeConflict
from catalog.formats.file_sets.rows import read_rows
from catalog.repository.blobs import read_list
from catalog.repository.datafiles import readable
from catalog.repository.tables import data_files
from catalog.write.file_sets import plan
from tests.effort import effort

from .file_models import Commits, Side, State, above, collide, merge3, put
from .file_trees import blobs, contents, sha256, take

HISTORIES, STEPS = effort((2, 40), (60, 60))

PATHS = ["a", "b", "B", "c.txt", "d/a", "d/b", "d/e/f", "D/g", "h", "h/i", "h/j", "k/l/m", "é/ü"]
CONTENTS = [b"", b"1", b"2", b"33", b"44", b"\xff\xd8\xff jpeg", b"%PDF-1.4", b"x" * 5000]


class History:
    """A catalog, and what it must hold."""

    def __init__(self, place: Path, seed: int) -> None:
        self.place = place
        self.chance = random.Random(seed)
        self.cat = Catalog.create(place / "lake", author="tester")
        self.model = Commits()
        self.heads: dict[str, str] = {}
        self.written: set[bytes] = set()
        self.seen: set[tuple[str, str, int]] = set()
        self.done: list[str] = []
        state = {path: self.chance.choice(CONTENTS) for path in ("a", "d/a", "d/b", "k/l/m")}
        root = self.cat.resolve("main").commit_id
        self.model.add(root, {})
        self.heads["main"] = root
        self.snapshot("main", state)
        self.branch()

    def state(self, branch: str) -> State:
        return dict(self.model.states[self.heads[branch]])

    def some(self, state: State) -> str:
        return self.chance.choice(sorted(state) or ["a"])

    # ways to change files

    def add(self, state: State) -> None:
        for _ in range(self.chance.randint(1, 4)):
            put(state, self.chance.choice(PATHS), self.chance.choice(CONTENTS))

    def delete(self, state: State) -> None:
        state.pop(self.some(state), None)

    def rename(self, state: State) -> None:
        content = state.pop(self.some(state), b"1")
        put(state, self.chance.choice(PATHS), content)

    def copy(self, state: State) -> None:
        put(state, self.chance.choice(PATHS), state.get(self.some(state), b"2"))

    def swap(self, state: State) -> None:
        one, other = self.some(state), self.some(state)
        if one in state and other in state:
            state[one], state[other] = state[other], state[one]

    def move_directory(self, state: State) -> None:
        folders = sorted({folder for path in state for folder in above(path)})
        if folders:
            old, new = self.chance.choice(folders), self.chance.choice(["d", "new", "h", "k/n"])
            inside = {p: state.pop(p) for p in list(state) if p.startswith(f"{old}/")}
            for path, content in inside.items():
                put(state, f"{new}/{path[len(old) + 1 :]}", content)

    def to_directory(self, state: State) -> None:
        path = self.some(state)
        content = state.pop(path, b"1")
        put(state, f"{path}/in", content)

    def to_file(self, state: State) -> None:
        folders = sorted({folder for path in state for folder in above(path)})
        if folders:
            put(state, self.chance.choice(folders), self.chance.choice(CONTENTS))

    def touch(self, state: State) -> None:
        """Changes nothing; all files are touched with every change anyway."""

    # steps

    def snapshot(self, branch: str, state: State) -> None:
        """Makes a directory what a state is, and takes it, in any mode."""
        folder = self.place / f"work {branch}"
        _sync(folder, state, self.chance)
        append = self.chance.random() < 0.2 and branch in self.heads
        if append:
            before = self.state(branch)
            for path in state:
                append = append and not any(collide(path, other) for other in before)
            if append:
                state = {**before, **state}
        mode = self.chance.choice(["copy", "copy", "link"])
        scope = "append" if append else "full"
        self.note(folder)
        _, commit = take(self.cat, folder, branch=branch, mode=mode, scope=scope, allow_empty=True)
        self.written |= set(state.values())
        if commit is None:
            assert state == self.state(branch)
            return
        self.land(branch, commit.id, state)

    def note(self, folder: Path) -> None:
        """Takes note of the files that there are, with their times."""
        for path, content in contents(folder).items():
            modified = (folder / path).stat().st_mtime_ns // 1000
            self.seen.add((path, sha256(content), modified))

    def land(self, branch: str, commit: str, state: State, *more: str) -> None:
        self.model.add(commit, state, self.heads[branch], *more)
        self.heads[branch] = commit
        self.check(branch)

    def branch(self) -> None:
        name = f"b{len(self.heads)}"
        source = self.chance.choice(sorted(self.heads))
        self.cat.branches.create(name, at=source)
        self.heads[name] = self.heads[source]

    def change(self) -> None:
        branch = self.chance.choice(sorted(self.heads))
        state = self.state(branch)
        ways: list[Callable[[State], None]] = [
            *(self.add, self.delete, self.rename, self.copy, self.swap, self.move_directory),
            *(self.to_directory, self.to_file, self.touch),
        ]
        for _ in range(self.chance.randint(1, 2)):
            way = self.chance.choice(ways)
            self.done.append(f"{branch}: {way.__name__}")
            way(state)
        self.snapshot(branch, state)

    def delete_rows(self) -> None:
        branch = self.chance.choice(sorted(self.heads))
        state = self.state(branch)
        gone = {path for path in state if self.chance.random() < 0.3}
        if not gone:
            return
        quoted = ", ".join(f"'{path}'" for path in sorted(gone))
        with self.cat.transaction(branch) as tx:
            tx.sql(f"DELETE FROM images WHERE path IN ({quoted})")
        assert tx.commit is not None
        self.land(branch, tx.commit.id, {p: c for p, c in state.items() if p not in gone})

    def base(self, one: str, other: str) -> State:
        """Returns the state that a merge starts from, that of several bases merged."""
        first, *others = self.model.bases(one, other)
        state = self.model.states[first]
        for more in others:
            inner = self.base(first, more)
            state, _ = merge3(inner, state, self.model.states[more], "base")
        return dict(state)

    def merge(self) -> None:
        into, source = self.chance.sample(sorted(self.heads), 2)
        ours, theirs = self.heads[into], self.heads[source]
        if len(self.model.bases(ours, theirs)) > 2 or theirs in self.model.ancestors(ours):
            return
        side: Side | None = self.chance.choice([None, None, "ours", "theirs"])
        self.done.append(f"merge {source} into {into}, {side}")
        base = self.base(ours, theirs)
        states = self.model.states[ours], self.model.states[theirs]
        merged, conflicts = merge3(base, *states, side)
        if not conflicts:
            found = self.cat.merge(source, into=into, resolve=side).commit  # type: ignore[arg-type]
            assert found is not None
            self.land(into, found.id, merged, theirs)
            return
        assert side is None
        with pytest.raises(MergeConflict) as raised:
            self.cat.merge(source, into=into)
        self.check_conflicts(raised.value, conflicts)
        chosen: Side = self.chance.choice(["ours", "theirs"])
        by_hand = self.chance.random() < 0.3
        if by_hand:
            branch = raised.value.branch
            assert branch is not None
            with self.cat.transaction(branch) as tx:
                tx.sql("DELETE FROM parquetry.conflicts")
        report = self.cat.continue_merge(source, into=into, resolve=None if by_hand else chosen)  # type: ignore[arg-type]
        assert report.commit is not None
        wanted, _ = merge3(base, *states, "ours" if by_hand else chosen)
        self.land(into, report.commit.id, wanted, theirs)

    def replay(self) -> None:
        """Reverts a commit, or picks one from another branch."""
        branch = self.chance.choice(sorted(self.heads))
        reverts = self.chance.random() < 0.5
        known = self.model.ancestors(self.heads[branch]) if reverts else self.model.states
        single = sorted(c for c in known if len(self.model.parents[c]) == 1)
        commit = self.chance.choice(single)
        parent = self.model.parents[commit][0]
        if not self.model.parents[parent]:  # the commit that made the table
            return
        base, theirs = (commit, parent) if reverts else (parent, commit)
        states = (self.model.states[c] for c in (base, self.heads[branch], theirs))
        merged, conflicts = merge3(*states, None)
        self.done.append(f"{'revert' if reverts else 'pick'} {commit[:8]} on {branch}")
        replay = self.cat.revert if reverts else self.cat.cherry_pick
        if conflicts:
            with pytest.raises(MergeConflict) as raised:
                replay(commit, branch=branch)
            self.check_conflicts(raised.value, conflicts)
        elif (found := replay(commit, branch=branch).commit) is None:
            assert merged == self.state(branch)
        else:
            self.land(branch, found.id, merged)

    def check_conflicts(self, error: MergeConflict, paths: set[str]) -> None:
        keys = error.conflicts["key"].to_pylist()
        assert sorted(keys) == sorted(f'{{"path":"{path}"}}' for path in paths)
        assert set(error.conflicts["column_name"].to_pylist()) == {None}

    def check(self, branch: str) -> None:
        """Checks the rows of a branch, and that each data file lists just the contents it names."""
        repository = self.cat.repository
        entry = repository.commits.entry(self.cat.resolve(branch).commit_id, "images")
        assert entry is not None
        rows: dict[str, tuple[str, int, int]] = {}
        for file in data_files(repository.commits, repository.commits.table(entry)):
            held = read_rows(readable(repository.store, file), file.path).to_pylist()
            assert len(held) == file.rows > 0
            assert file.blobs is not None
            listed = {one.sha256: one.size_bytes for one in read_list(repository.store, file.blobs)}
            assert listed == {row["sha256"]: row["size"] for row in held}
            for row in held:
                assert row["path"] not in rows
                modified = int(row["modified"].timestamp() * 1_000_000 + 0.5)
                rows[row["path"]] = row["sha256"], row["size"], modified
        state = self.state(branch)
        assert {path: row[:2] for path, row in rows.items()} == {
            path: (sha256(content), len(content)) for path, content in state.items()
        }
        for path, (content, _, modified) in rows.items():
            assert any((path, content, modified + off) in self.seen for off in (-1, 0, 1))

    def restore_all(self) -> None:
        """Restores every state, byte for byte."""
        for number, (commit, state) in enumerate(self.model.states.items()):
            if not self.model.parents[commit]:
                continue
            target = self.place / f"restored {number}"
            assert self.cat.export("images", str(target), ref=commit, format="files") == len(state)
            assert contents(target) == state
        kept = blobs(self.place / "lake")
        wanted = {sha256(one): len(one) for one in self.written}
        assert {name.partition("-")[0]: size for name, size in kept.items()} == wanted


def _sync(folder: Path, state: State, chance: random.Random) -> None:
    """Makes a directory hold a state, in one of the ways in which files are changed."""
    folder.mkdir(exist_ok=True)
    for path in sorted(folder.rglob("*"), reverse=True):
        name = str(path.relative_to(folder))
        if path.is_dir():
            if not any(path.iterdir()):
                path.rmdir()
        elif name not in state:
            path.unlink()
    for path, content in state.items():
        target = folder / path
        if target.is_file() and target.read_bytes() == content:
            if chance.random() < 0.1:
                os.utime(target)
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)  # it may be linked to
        target.write_bytes(content)


@pytest.mark.parametrize("seed", range(HISTORIES))
@pytest.mark.invariant("Any history of file sets gives what plain Python gives, byte for byte")
def test_any_history_of_file_sets(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan, "MIN_ROWS", 2)
    monkeypatch.setattr(plan, "BOUNDARY", (1 << 32) // 2)
    history = History(tmp_path, seed)
    steps = [history.change] * 5 + [history.merge] * 3 + [history.replay, history.delete_rows]
    for _ in range(STEPS):
        if len(history.heads) < 4 and history.chance.random() < 0.1:
            history.branch()
        else:
            history.chance.choice(steps)()
    history.restore_all()
