"""``docs/reference/format.md`` is enough to read a catalog by."""

import ast
import random
from pathlib import Path

import pytest

from catalog.catalog import Catalog
from catalog.repository.branches import Stamp
from tests.repository import format_reader
from tests.repository.format_reader import Reader, Table
from tests.write.conftest import write
from tests.write.file_trees import plant, take

SAMPLE = Path(__file__).parents[1] / "samples/format-1"


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader(SAMPLE)


def test_the_reader_uses_none_of_our_code() -> None:
    tree = ast.parse(Path(format_reader.__file__).read_text())
    imported = {
        alias.name for n in ast.walk(tree) if isinstance(n, ast.Import) for alias in n.names
    }
    imported |= {n.module or "" for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
    assert not {name.split(".")[0] for name in imported} & {"catalog", "cli", "tests"}


@pytest.mark.invariant("The format on disk is what its page says")
def test_every_commit_table_and_file_of_the_sample_is_read(reader: Reader) -> None:
    packs = [p.name for p in (SAMPLE / "objects").rglob("*") if p.is_file()]
    read = set()
    for commit_id in packs:
        reader.commit(commit_id)
        for table in reader.tables(commit_id).values():
            rows = reader.rows(table)
            assert len(rows) == table.says["rows"]
            read |= {file["path"].decode() for file in reader.files(table)}
    stored = {str(p.relative_to(SAMPLE)) for p in (SAMPLE / "data").rglob("*") if p.is_file()}
    assert read == stored


def known(reader: Reader, table: Table | None) -> set[str]:
    """Returns what is known of each file of a table."""
    files = [] if table is None else reader.files(table)
    return {repr({k: v for k, v in sorted(f.items()) if v is not None}) for f in files}


def test_change_lists_tell_how_the_trees_differ(reader: Reader) -> None:
    told = 0
    for commit_id in reader.log(reader.branch("main")["commit"])[:-1]:
        commit = reader.commit(commit_id)
        before, after = reader.tables(commit["parents"][0]), reader.tables(commit_id)
        for name in set(before) | set(after):
            old = known(reader, before.get(name))
            new = known(reader, after.get(name))
            if name not in commit["changes"]:
                assert old == new
                continue
            added, removed, _ = commit["changes"][name]
            assert (added, removed) == (len(new - old), len(old - new))
            listed = reader.change_list(commit_id, name)
            if listed is not None:
                told += 1
                paths = [(f["added"], f["path"]) for f in listed]
                assert len(set(paths)) == added + removed
    assert told > 15


def test_reflogs_reach_back_to_the_beginning(reader: Reader) -> None:
    for branch, moves in {"main": 21, "wanderer": 206, "Old-Times": 2, "both": 1}.items():
        found = reader.reflog(branch)
        assert len(found) == moves
        assert found[-1][3] is None
    assert reader.branch("Old-Times")["commit"] is None
    assert reader.branch("wanderer")["older"] is not None


def test_keys_of_writes_stand_in_the_reflog(tmp_path: Path) -> None:
    cat = Catalog.create(str(tmp_path))
    branches = cat.repository.branches
    held = branches.held("main")
    assert held is not None
    branches.move(
        held, held.branch.commit_id, Stamp("tester", cat.context.clock(), "again", "day-7")
    )
    newest, first = Reader(tmp_path).reflog("main")
    assert (newest[6:], first[6:]) == (["day-7"], [])


def test_tags_are_read_and_deleted_ones_are_not(reader: Reader) -> None:
    tag = reader.tag("v1")
    assert tag is not None
    assert tag["message"] == "the first three days"
    assert reader.tag("gone") is None
    assert reader.tag("never") is None


def test_large_tables_and_many_tables_are_read(tmp_path: Path) -> None:
    """Trees of several levels, of files and of tables, edited and not."""
    cat = Catalog.create(str(tmp_path / "lake"))
    draw = random.Random(3)
    file = write(tmp_path / "one.parquet", {"v": [1]})
    for p in range(700):
        folder = tmp_path / "wide" / f"p={p if p % 9 else '__HIVE_DEFAULT_PARTITION__'}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{p}.parquet").hardlink_to(file)
    with cat.transaction("main") as tx:
        tx.snapshot("wide", str(tmp_path / "wide"))
        for n in range(300):
            tx.snapshot(f"ns{n % 3}.t{n}", str(file))
    write(tmp_path / "two.parquet", {"v": [2, 3]})
    for p in draw.sample(range(700), 5):
        folder = tmp_path / "some" / f"p={p if p % 9 else '__HIVE_DEFAULT_PARTITION__'}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"new-{p}.parquet").hardlink_to(tmp_path / "two.parquet")
    with cat.transaction("main") as tx:
        tx.snapshot("wide", str(tmp_path / "some"), scope="partitions")
        tx.snapshot("ns1.t1", str(tmp_path / "two.parquet"))
        tx.drop("ns2.t2")
    reader = Reader(tmp_path / "lake")
    for ref in ("main~1", "main"):
        commit_id = cat.resolve(ref).commit_id
        tables = reader.tables(commit_id)
        assert reader.commit(commit_id)["tables"] is None
        assert {name: t.says["rows"] for name, t in tables.items()} == {
            t.name: t.rows for t in cat.tables(ref)
        }
        assert tables["wide"].says["levels"] == 2
        assert len(reader.rows(tables["wide"])) == tables["wide"].says["rows"]
        assert len(reader.rows(tables["ns1.t1"])) == (2 if ref == "main" else 1)


@pytest.mark.invariant("The format on disk is what its page says")
def test_contents_of_a_file_set_are_found(tmp_path: Path) -> None:
    files = {f"{n % 7}/{n}.txt": f"content {n % 900}".encode() for n in range(1500)}
    source = plant(tmp_path / "s", files)
    cat = Catalog.create(tmp_path / "lake", author="tester")
    take(cat, source)
    take(cat, plant(tmp_path / "more", {"linked": b"linked", "0/0.txt": b"0"}), scope="append")
    take(cat, plant(tmp_path / "links", {"l/1": b"1"}), scope="append", mode="link")
    take(cat, plant(tmp_path / "there", {"r/1": b"r"}), scope="append", mode="reference")
    reader = Reader(tmp_path / "lake")
    head = reader.branch("main")["commit"]
    wanted = {**files, "linked": b"linked", "0/0.txt": b"0", "l/1": b"1", "r/1": b"r"}
    assert reader.contents(reader.tables(head)["images"]) == wanted
