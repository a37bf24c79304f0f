"""The names of derived tables that commits list, so that nobody reads all tables for them."""

from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from catalog import Catalog
from catalog.errors import CorruptData
from catalog.flow.candidate import Candidate
from catalog.flow.derivation.graph import Graph
from catalog.model.commit import LISTED, from_json
from catalog.model.ids import parse_json
from catalog.repository import commit_writer


def write(cat: Catalog, *names: str, rows: int = 3, branch: str = "main") -> None:
    with cat.transaction(branch, message="rows") as tx:
        for name in names:
            tx.write(name, pa.table({"k": list(range(rows))}), mode="overwrite", key=["k"])


def head(cat: Catalog) -> str:
    return cat.context.resolve("main").commit_id


@pytest.fixture
def cat(tmp_path: Path) -> Catalog:
    return Catalog.create(tmp_path / "c", author="tester")


def test_each_commit_lists_its_derived_tables(cat: Catalog) -> None:
    read = cat.repository.commits.read
    write(cat, "a", "b")
    assert read(head(cat)).derived == ()
    cat.derive("z", "SELECT k FROM a")
    cat.derive("d", "SELECT k FROM z")
    assert read(head(cat)).derived == ("d", "z")
    write(cat, "a", rows=4)
    cat.refresh()
    assert read(head(cat)).derived == ("d", "z")
    cat.drop_definition("d")
    assert read(head(cat)).derived == ("z",)
    with cat.transaction("main", message="gone") as tx:
        tx.drop("z")
    assert read(head(cat)).derived == ()


def test_only_derived_tables_are_read_to_know_the_graph(
    cat: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(cat, *(f"t{n}" for n in range(20)))
    cat.derive("d", "SELECT k FROM t1")
    commits, read = cat.repository.commits, []
    table = commits.table
    monkeypatch.setattr(
        type(commits), "table", lambda self, entry: read.append(entry.name) or table(entry)
    )
    graph = Graph(Candidate(cat.repository, head(cat)))
    assert graph.inputs == {"d": ("t1",)}
    assert read == ["d"]


def test_a_merge_of_plain_tables_reads_only_those_that_differ(
    cat: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(cat, *(f"t{n}" for n in range(20)))
    cat.branches.create("fix")
    write(cat, "t1", rows=4, branch="fix")
    write(cat, "t2", rows=4)
    again = Catalog.open(tmp_path / "c", author="tester")
    commits, read = again.repository.commits, set()
    table = commits.table
    monkeypatch.setattr(
        type(commits), "table", lambda self, entry: read.add(entry.name) or table(entry)
    )
    again.merge("fix")
    assert read == {"t1"}


def test_where_older_releases_committed_the_tables_say_it(
    cat: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(cat, "a", "b")
    cat.derive("d", "SELECT k FROM a")
    listing = commit_writer.CommitWriter._marked
    monkeypatch.setattr(commit_writer.CommitWriter, "_marked", lambda *a: None)
    write(cat, "a", rows=4)
    monkeypatch.setattr(commit_writer.CommitWriter, "_marked", listing)
    again = Catalog.open(tmp_path / "c", author="tester")
    assert again.repository.commits.read(head(again)).derived is None
    assert [one.table for one in again.stale()] == ["d"]
    assert again.stale()[0].is_stale
    again.refresh()
    assert again.repository.commits.read(head(again)).derived == ("d",)


@pytest.mark.parametrize("derived", ["a", [1], ["a", ""], ["t"] * (LISTED + 1)])
def test_what_is_not_a_list_of_names_is_corrupt(cat: Catalog, derived: object) -> None:
    commit = replace(cat.repository.commits.read(head(cat)), derived=None)
    stored = {**parse_json(commit.to_bytes(), "commit"), "derived": derived}
    with pytest.raises(CorruptData):
        from_json(stored)


def test_names_of_tables_that_are_not_there_count_for_nothing(
    cat: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commit_writer.CommitWriter, "_marked", lambda *a: ("a", "gone"))
    write(cat, "a")
    assert not Graph(Candidate(cat.repository, head(cat))).definitions
