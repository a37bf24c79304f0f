"""Snapshots of directories, files and patterns: what lands in the table."""

from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest

from catalog.catalog import Catalog
from catalog.errors import InvalidInput, NotFound
from catalog.operations.status import Source

from .conftest import head, rows, snap, write


def test_a_plain_directory_becomes_a_table(cat: Catalog, source: Path) -> None:
    write(source / "a.parquet", {"id": [1, 2]})
    write(source / "deep/er/b.PARQUET", {"id": [3]})
    report = snap(cat, "t", source)
    assert (report.files_added, report.rows, report.changed) == (2, 3, True)
    assert rows(cat, "SELECT id FROM t ORDER BY id") == [(1,), (2,), (3,)]


def test_a_single_file_becomes_a_table(cat: Catalog, source: Path) -> None:
    write(source / "a.parquet", {"id": [1]})
    write(source / "b.parquet", {"id": [2]})
    snap(cat, "t", source / "a.parquet")
    assert rows(cat, "SELECT id FROM t") == [(1,)]


def test_a_single_file_may_have_any_name(cat: Catalog, source: Path) -> None:
    write(source / "data.2024", {"id": [1]})
    snap(cat, "t", source / "data.2024")
    assert rows(cat, "SELECT id FROM t") == [(1,)]


def test_a_pattern_takes_the_files_it_matches(cat: Catalog, source: Path) -> None:
    for name in ("a1", "a2", "b1"):
        write(source / f"{name}.parquet", {"name": [name]})
    snap(cat, "t", source / "a*.parquet")
    assert rows(cat, "SELECT name FROM t ORDER BY name") == [("a1",), ("a2",)]


def test_a_pattern_takes_all_files_of_directories_it_matches(cat: Catalog, source: Path) -> None:
    for day in ("2024-01-01", "2024-01-02", "2024-02-01"):
        write(source / f"day={day}/a.parquet", {"id": [1]})
    snap(cat, "t", source / "day=2024-01-*")
    assert [p.values for p in cat.partitions("t")] == [
        {"day": "2024-01-01"},
        {"day": "2024-01-02"},
    ]


def test_a_recursive_pattern_takes_every_file_once(cat: Catalog, source: Path) -> None:
    write(source / "x/y/a.parquet", {"id": [1]})
    assert snap(cat, "t", source / "**").files_added == 1
    assert rows(cat, "SELECT count(*) FROM t") == [(1,)]


def test_a_pattern_is_relative_to_where_one_is(
    cat: Catalog, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(source / "a[1]/deep/x.parquet", {"id": [1]})
    write(source / "a1/deep/y.parquet", {"id": [2]})
    monkeypatch.chdir(source / "a[1]")
    for pattern in ("deep/*", "./*/x.parquet", "d*", "../a[[]1]/deep/x*"):
        snap(cat, "t", pattern)
        assert rows(cat, "SELECT id FROM t") == [(1,)]


def test_a_name_with_pattern_characters_is_a_name_first(cat: Catalog, source: Path) -> None:
    write(source / "a[1]/b*.parquet", {"id": [1]})
    write(source / "a1/b2.parquet", {"id": [2]})
    snap(cat, "t", source / "a[1]")
    assert rows(cat, "SELECT id FROM t") == [(1,)]


def test_hidden_files_and_other_kinds_are_left_out_and_said(cat: Catalog, source: Path) -> None:
    write(source / "a.parquet", {"id": [1]})
    write(source / "_temporary/b.parquet", {"id": [2]})
    write(source / ".c.parquet", {"id": [3]})
    (source / "_SUCCESS").touch()
    (source / "notes.txt").write_text("x")
    report = snap(cat, "t", source)
    assert rows(cat, "SELECT id FROM t") == [(1,)]
    assert report.warnings == (f"skipped 1 file in {source} that is not Parquet",)


@pytest.mark.invariant("A commit is one swap: all tables or none")
def test_many_tables_land_in_one_commit(cat: Catalog, source: Path) -> None:
    write(source / "a/x.parquet", {"id": [1]})
    write(source / "b/x.parquet", {"id": [2]})
    before = head(cat)
    with cat.transaction("main", message="both", metadata={"job": "7"}) as tx:
        tx.snapshot("a", str(source / "a"))
        tx.snapshot("s.b", str(source / "b"))
        assert cat.tables() == []
    assert tx.commit is not None
    assert (tx.commit.parents, tx.commit.tables) == ((before,), ("a", "s.b"))
    assert (tx.commit.message, tx.commit.metadata) == ("both", {"job": "7"})
    assert rows(cat, "SELECT a.id, b.id FROM a, s.b AS b") == [(1, 2)]


@pytest.mark.invariant("A commit is one swap: all tables or none")
def test_one_bad_table_takes_all_others_with_it(cat: Catalog, source: Path) -> None:
    write(source / "a.parquet", {"id": [1]})
    before = head(cat)
    with pytest.raises(NotFound), cat.transaction("main") as tx:
        tx.snapshot("a", str(source))
        tx.snapshot("b", str(source / "missing"))
    assert (head(cat), cat.tables()) == (before, [])


def test_a_table_is_staged_once_in_a_transaction(cat: Catalog, source: Path) -> None:
    write(source / "a.parquet", {"id": [1]})
    with pytest.raises(InvalidInput), cat.transaction("main") as tx:
        tx.snapshot("a", str(source))
        tx.snapshot("A", str(source))


def test_a_table_keeps_its_first_spelling(cat: Catalog, source: Path) -> None:
    write(source / "a.parquet", {"id": [1]})
    snap(cat, "Orders", source)
    write(source / "b.parquet", {"id": [2]})
    snap(cat, "ORDERS", source)
    assert [t.name for t in cat.tables()] == ["Orders"]


def test_a_dropped_table_goes_and_can_be_read_in_the_past(cat: Catalog, source: Path) -> None:
    write(source / "a.parquet", {"id": [1]})
    snap(cat, "t", source)
    with cat.transaction("main") as tx:
        tx.drop("t")
    assert cat.tables() == []
    assert rows(cat, "SELECT id FROM t@main~1") == [(1,)]
    with pytest.raises(NotFound), cat.transaction("main") as tx:
        tx.drop("t")


def test_a_table_created_again_is_another_table(cat: Catalog, source: Path) -> None:
    write(source / "a.parquet", {"id": [1]})
    snap(cat, "t", source)
    first = cat.table("t").table_id
    snap(cat, "u", source)
    with cat.transaction("main") as tx:
        tx.drop("t")
    snap(cat, "t", source)
    assert len({first, cat.table("t").table_id, cat.table("u").table_id}) == 3
    write(source / "b.parquet", {"id": [2]})
    snap(cat, "t", source)
    assert cat.table("t").table_id == cat.table("t", "main~1").table_id


def test_a_dry_run_says_what_would_change_and_writes_nothing(
    cat: Catalog, root: Path, source: Path
) -> None:
    write(source / "a.parquet", {"id": [1, 2]})
    before = sorted(root.rglob("*"))
    with cat.transaction("main", dry_run=True) as tx:
        report = tx.snapshot("t", str(source))
    assert (report.changed, report.files_added, report.rows) == (True, 1, 2)
    assert (tx.commit, sorted(root.rglob("*"))) == (None, before)


def test_an_exception_inside_drops_the_transaction(cat: Catalog, source: Path) -> None:
    write(source / "a.parquet", {"id": [1]})
    before = head(cat)
    with pytest.raises(KeyError), cat.transaction("main") as tx:
        tx.snapshot("t", str(source))
        raise KeyError
    assert head(cat) == before


def test_a_transaction_needs_a_branch(cat: Catalog) -> None:
    with pytest.raises(NotFound) as caught:
        cat.transaction("dev")
    assert caught.value.hint == "create it: cat.branches.create('dev')"


@pytest.mark.invariant("Times never run backwards along a branch")
def test_times_never_run_backwards(cat: Catalog, source: Path) -> None:
    write(source / "a.parquet", {"id": [1]})
    snap(cat, "t", source)
    cat.context.clock.now = cat.context.clock.now.replace(year=2020)  # type: ignore[attr-defined]
    write(source / "b.parquet", {"id": [2]})
    snap(cat, "t", source)
    newest, older = cat.log()[:2]
    assert newest.time == older.time


def test_a_message_that_is_not_unicode_is_refused(cat: Catalog, source: Path) -> None:
    write(source / "a.parquet", {"id": [1]})
    before = head(cat)
    with pytest.raises(InvalidInput) as caught, cat.transaction("main", message="\udcff") as tx:
        tx.snapshot("t", str(source))
    assert (caught.value.kind, head(cat)) == ("not-unicode", before)


URIS = ["file://{}", "file:{}", "FILE://{}", "file://localhost{}", "file:///{}"]


@pytest.mark.parametrize("form", URIS)
def test_file_uris_are_taken_wherever_paths_are(tmp_path: Path, form: str) -> None:
    def uri(name: str) -> str:
        return form.format(quote(str(tmp_path / name)))

    write(tmp_path / "a b/p=1/x.parquet", {"id": [1]})
    made = Catalog.create(uri("la ke"), author="tester")
    assert made.uri == str(tmp_path / "la ke")
    cat = Catalog.open(uri("la ke"), author="tester")
    for n, source in enumerate(("a b", "a b/p=1/x.parquet", "a b/*")):
        assert snap(cat, f"t{n}", uri(source).replace("%2A", "*")).rows == 1
    (found,) = cat.status([Source("t0", uri("a b"))])
    assert found.state == "unchanged"
    (found,) = cat.status([Source("t0", uri("gone"))])
    assert found.state == "missing"
    cat.export("t0", uri("out"))
    cat.write_views(uri("views.duckdb"))
    assert (tmp_path / "out/p=1").is_dir()
    assert (tmp_path / "views.duckdb").is_file()


@pytest.mark.parametrize("uri", ["file://host/x", "file://lake", "", "a\0b"])
def test_places_that_are_none_are_refused(cat: Catalog, source: Path, uri: str) -> None:
    write(source / "a.parquet", {"id": [1]})
    snap(cat, "t", source)
    actions: list[Callable[[], object]] = [
        lambda: Catalog.create(uri),
        lambda: Catalog.open(uri),
        lambda: snap(cat, "t", uri),
        lambda: cat.export("t", uri),
        lambda: cat.write_views(uri),
    ]
    for action in actions:
        with pytest.raises(InvalidInput) as caught:
            action()
        assert caught.value.hint
