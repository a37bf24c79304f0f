"""What becomes of answers that are lost on the way from a bucket: the same for every service."""

import itertools
import threading
from pathlib import Path

import pytest

from catalog.catalog import Catalog
from catalog.errors import CatalogError, Conflict
from catalog.repository import repository as stored
from catalog.storage.bucket.store import BucketStore
from catalog.storage.store import OutcomeUnknown
from tests.s3.proxy import FATES, WRITES, Fate, Proxy, once, seeded
from tests.write.conftest import START, write


def commit(cat: Catalog, table: str, source: Path, message: str) -> str:
    with cat.transaction("main", message=message) as tx:
        tx.snapshot(table, str(source), scope="append")
    assert tx.commit is not None
    return tx.commit.id


def on_branch(cat: Catalog) -> dict[str, str]:
    """Returns the message by id of all commits, which must be one line, moved to one by one."""
    log = cat.log()
    assert all(c.parents == (older.id,) for c, older in itertools.pairwise(log))
    assert [move.after for move in cat.reflog()] == [c.id for c in log]
    return {c.id: c.message for c in log}


class LostAnswersContract:
    """Tests of a store behind a proxy, which subclasses return from the fixture ``watched``.

    Their modules parametrize ``part``: the paths whose answers are lost.

    Attributes:
        writers: Writers on a failing line.
        commits: Commits of each.
        share: The share of writes that fail.
    """

    writers = 4
    commits = 4
    share = 0.15

    @pytest.fixture
    def cat(self, watched: BucketStore) -> Catalog:
        repository = stored.create(watched, author="tester", now=START)
        return Catalog("lake", repository, author="tester")

    @pytest.mark.invariant(
        "A lost answer from a bucket loses and doubles nothing; no branch moves to files that did "
        "not arrive"
    )
    @pytest.mark.parametrize("fate", FATES)
    def test_a_commit_is_made_once_whatever_happens_to_one_answer(
        self, cat: Catalog, proxy: Proxy, source: Path, part: str, fate: Fate
    ) -> None:
        write(source / "x.parquet", {"id": [1]})
        proxy.plan = once(fate, part)
        made = commit(cat, "a", source, "new")
        assert [happened[2] for happened in proxy.happened] == [fate]
        assert next(iter(on_branch(cat).items())) == (made, "new")
        assert len(on_branch(cat)) == 2
        assert cat.sql("SELECT count(*) FROM a").fetchall() == [(1,)]

    @pytest.mark.parametrize("fate", ["cut-before", "cut-after"])
    def test_a_write_is_unknown_when_all_its_answers_are_lost(
        self, cat: Catalog, proxy: Proxy, source: Path, fate: Fate
    ) -> None:
        write(source / "x.parquet", {"id": [1]})
        proxy.plan = lambda method, path: fate if method in WRITES and "/refs/" in path else None
        if fate == "cut-after":
            commit(cat, "a", source, "new")
        else:
            with pytest.raises(OutcomeUnknown):
                commit(cat, "a", source, "new")
        proxy.plan = lambda method, path: None
        assert len(on_branch(cat)) == (2 if fate == "cut-after" else 1)

    @pytest.mark.invariant(
        "A lost answer from a bucket loses and doubles nothing; no branch moves to files that did "
        "not arrive"
    )
    def test_a_branch_never_moves_to_files_that_did_not_arrive(
        self, cat: Catalog, proxy: Proxy, source: Path
    ) -> None:
        write(source / "x.parquet", {"id": [1]})
        proxy.plan = lambda method, path: "cut-before" if "/data/" in path else None
        with pytest.raises(CatalogError):
            commit(cat, "a", source, "new")
        proxy.plan = lambda method, path: None
        assert len(on_branch(cat)) == 1
        commit(cat, "a", source, "again")
        assert cat.sql("SELECT count(*) FROM a").fetchall() == [(1,)]

    def test_a_file_that_did_not_arrive_is_not_there(
        self, watched: BucketStore, proxy: Proxy, source: Path
    ) -> None:
        file = source / "x"
        file.write_bytes(b"content")
        proxy.plan = lambda method, path: "cut-before" if "/data/" in path else None
        watched.publish([(watched.stage(str(file)), "data/x")])
        assert watched.info("data/x") is None
        proxy.plan = lambda method, path: None
        watched.publish([(watched.stage(str(file)), "data/x")])
        assert watched.read("data/x").data == b"content"

    def test_reads_are_sent_again(self, cat: Catalog, proxy: Proxy, source: Path) -> None:
        write(source / "x.parquet", {"id": [1]})
        commit(cat, "a", source, "new")
        for fate in FATES:
            proxy.plan = once(fate, "/refs/branches/", ("GET",))
            assert len(cat.log()) == 2
            assert proxy.happened[-1][2] == fate

    def test_of_writers_on_a_failing_line_none_loses_or_doubles(
        self, cat: Catalog, proxy: Proxy, source: Path
    ) -> None:
        writers, commits = self.writers, self.commits
        for n in range(writers):
            write(source / f"{n}.parquet", {"id": [n]})
        acknowledged: dict[str, str] = {}
        unknown: list[str] = []
        store = cat.repository.store

        def run(number: int) -> None:
            own = Catalog("lake", stored.open_existing(store), author="tester")
            for n in range(commits):
                name = f"{number}-{n}"
                for _ in range(100):
                    try:
                        made = commit(own, f"t{number}{n}", source / f"{number}.parquet", name)
                    except OutcomeUnknown:
                        unknown.append(name)
                    except Conflict:
                        continue
                    else:
                        acknowledged[made] = name
                    break

        proxy.plan = seeded(20240501, self.share)
        threads = [threading.Thread(target=run, args=(n,)) for n in range(writers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        proxy.plan = lambda method, path: None
        found = on_branch(cat)
        assert len(proxy.happened) > writers
        assert acknowledged.items() <= found.items()
        rest = [name for made, name in found.items() if made not in acknowledged][:-1]
        assert len(set(rest)) == len(rest) and set(rest) <= set(unknown)
        assert len(acknowledged) + len(unknown) == writers * commits
