"""``publish``, and the copies of branches that a configuration keeps current."""

import json
import os
import pwd
from pathlib import Path

import duckdb
import pytest
from deltalake import DeltaTable, QueryBuilder

from tests.cli.conftest import Runner

CONFIG = """catalog = "lake"

[[publish]]
target = "out"
format = "delta"
"""


@pytest.fixture
def lake(parquetry: Runner, tmp_path: Path) -> Path:
    assert parquetry("init", "lake").code == 0
    (tmp_path / "parquetry.toml").write_text(CONFIG)
    return tmp_path / "lake"


def commit(parquetry: Runner, text: str) -> str:
    outcome = parquetry("sql", "--branch", "main", "-m", text, text)
    assert outcome.code == 0, outcome.err
    return outcome.err


def rows(place: Path) -> list[tuple[object, ...]]:
    reader = QueryBuilder().register("t", DeltaTable(str(place))).execute("SELECT x FROM t")
    return sorted(
        tuple(batch.values()) for batch in reader.read_all().to_struct_array().to_pylist()
    )


def values(path: Path) -> list[tuple[object, ...]]:
    with duckdb.connect(str(path), read_only=True) as con:
        return con.sql("SELECT x FROM t ORDER BY 1").fetchall()


@pytest.mark.invariant("A copy that the configuration names follows every commit")
def test_each_command_that_moves_the_branch_brings_the_copies_up_to_date(
    parquetry: Runner, lake: Path, tmp_path: Path
) -> None:
    config = tmp_path / "parquetry.toml"
    config.write_text(CONFIG + '[[publish]]\ntarget = "lake.duckdb"\nformat = "duckdb"\n')
    said = commit(parquetry, "CREATE TABLE t AS SELECT 1 AS x")
    assert f"to {tmp_path}/out: 1 version\n" in said
    assert f"to {tmp_path}/lake.duckdb\n" in said
    place, database = tmp_path / "out" / "t", tmp_path / "lake.duckdb"
    assert (rows(place), values(database)) == ([(1,)], [(1,)])
    inode = os.stat(database).st_ino
    commit(parquetry, "INSERT INTO t VALUES (2)")
    assert (rows(place), values(database)) == ([(1,), (2,)], [(1,), (2,)])
    assert os.stat(database).st_ino != inode
    parquetry("branch", "create", "fix")
    outcome = parquetry("sql", "--branch", "fix", "-m", "m", "INSERT INTO t VALUES (3)")
    assert "published" not in outcome.err
    assert parquetry("merge", "fix").code == 0
    assert rows(place) == [(1,), (2,), (3,)]
    assert parquetry("reset", "main", "--to", "main~2").code == 0
    assert (rows(place), values(database)) == ([(1,)], [(1,)])


@pytest.mark.invariant("A publication that fails does not fail the commit, and says so")
def test_a_publication_that_fails_is_told_and_the_commit_stands(
    parquetry: Runner, lake: Path, tmp_path: Path
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").write_text("")
    said = commit(parquetry, "CREATE TABLE t AS SELECT 1 AS x")
    assert said.startswith(f"warning: {tmp_path}/out is not up to date with main: ")
    assert "is not empty" in said
    assert f"parquetry publish main {tmp_path}/out --format delta" in said
    assert "t" in parquetry("tables").out
    (tmp_path / "out" / "mine").unlink()
    assert parquetry("publish", "main", "out").code == 0
    assert rows(tmp_path / "out" / "t") == [(1,)]


def test_one_table_that_cannot_be_said_does_not_keep_others_back(
    parquetry: Runner, lake: Path, tmp_path: Path
) -> None:
    said = commit(parquetry, "CREATE TABLE a AS SELECT TIME '10:00' AS x")
    assert "table 'a' was not published: Delta has no type for column 'x', which is TIME" in said
    commit(parquetry, "CREATE TABLE t AS SELECT 1 AS x")
    assert rows(tmp_path / "out" / "t") == [(1,)]
    outcome = parquetry("publish", "main", "out")
    assert outcome.code == 3
    assert "column 'x', which is TIME" in outcome.err


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_configuration_of_somebody_else_publishes_nothing(
    parquetry: Runner, lake: Path, tmp_path: Path
) -> None:
    os.chown(tmp_path / "parquetry.toml", pwd.getpwnam("nobody").pw_uid, -1)
    said = commit(parquetry, "CREATE TABLE t AS SELECT 1 AS x")
    assert f"[[publish]] of {tmp_path}/parquetry.toml is not used" in said
    assert not (tmp_path / "out").exists()


def test_a_configuration_of_another_catalog_publishes_nothing(
    parquetry: Runner, lake: Path, tmp_path: Path
) -> None:
    parquetry("init", "other")
    words = ("sql", "--branch", "main", "-m", "m", "CREATE TABLE t AS SELECT 1 AS x")
    assert "it does not name the catalog other" in parquetry("-C", "other", *words).err
    assert not (tmp_path / "out").exists()
    assert "published" in parquetry("-C", "lake", *words).err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[[publish]]\ntarget = "x"\n', "publish[0] has no format"),
        ('[[publish]]\nformat = "delta"\n', "publish[0] has no target"),
        ('[publish]\nformat = "delta"\n', "publish must be sections like [[publish]]"),
        ('[[publish]]\ntarget = "x"\nformat = "hudi"\n', "publish[0].format must be one of delta"),
        ('[[publish]]\ntarget = "x"\nformat = "delta"\ntable = "t"\n', "unknown key publish[0]"),
    ],
)
def test_a_configuration_that_is_not_valid_is_refused(
    parquetry: Runner, lake: Path, tmp_path: Path, text: str, said: str
) -> None:
    (tmp_path / "parquetry.toml").write_text('catalog = "lake"\n' + text)
    outcome = parquetry("log")
    assert outcome.code == 3
    assert said in outcome.err


def test_a_database_of_views_says_that_it_is_of_duckdb_if_its_name_says_else(
    lake: Path, parquetry: Runner
) -> None:
    assert "warning: v.sqlite is a database of DuckDB" in parquetry("views", "v.sqlite").err
    assert parquetry("views", "v.duckdb").err == parquetry("views", "v.db").err == ""


def test_a_database_of_views_is_replaced_only_if_it_is_ours(
    parquetry: Runner, lake: Path, tmp_path: Path
) -> None:
    (tmp_path / "parquetry.toml").write_text('catalog = "lake"\n')
    commit(parquetry, "CREATE TABLE t AS SELECT 1 AS x")
    assert parquetry("views", "views.duckdb").code == 0
    commit(parquetry, "INSERT INTO t VALUES (2)")
    assert parquetry("publish", "main", "views.duckdb", "--format", "duckdb").code == 0
    assert values(tmp_path / "views.duckdb") == [(1,), (2,)]
    outcome = parquetry("publish", "main", "views.duckdb", "--format", "duckdb", "--json")
    assert [one["versions"] for one in json.loads(outcome.out)["tables"]] == [0]
    with duckdb.connect(str(tmp_path / "own.duckdb")) as con:
        con.execute("CREATE TABLE t AS SELECT 7 AS x")
    (tmp_path / "text").write_text("mine")
    (tmp_path / "empty").write_text("")
    parquetry("branch", "create", "dev")
    for branch, name in (
        ("main", "own.duckdb"),
        ("main", "text"),
        ("main", "empty"),
        ("dev", "views.duckdb"),
    ):
        before = (tmp_path / name).read_bytes()
        outcome = parquetry("publish", branch, name, "--format", "duckdb", "--again")
        assert (outcome.code, (tmp_path / name).read_bytes()) == (3, before)


def test_what_is_printed(parquetry: Runner, lake: Path, tmp_path: Path) -> None:
    (tmp_path / "parquetry.toml").write_text('catalog = "lake"\n')
    assert parquetry("publish", "main", "out").out == "main has no tables yet\n"
    commit(parquetry, "CREATE TABLE t AS SELECT 1 AS x, '1'::JSON AS j")
    outcome = parquetry("publish", "main", "out")
    assert outcome.out.startswith("t: 1 version added, 1 row of ")
    assert outcome.out.endswith(" in out/t; 0 files shared, 1 file written anew\n")
    assert parquetry("publish", "main", "out").out.startswith("t: up to date, 1 row of ")
    assert parquetry("publish", "nope", "out").code == 3
    outcome = parquetry("publish", "main", "out", "--format", "detla")
    assert (outcome.code, "did you mean delta?" in outcome.err) == (2, True)
    outcome = parquetry("export", "t", "one", "--format", "delta", "--json")
    assert json.loads(outcome.out)["rows"] == 1
    assert rows(tmp_path / "one") == [(1,)]


def test_a_tag_shows_in_copies_that_have_tags(
    parquetry: Runner, lake: Path, tmp_path: Path
) -> None:
    config = tmp_path / "parquetry.toml"
    config.write_text(CONFIG.replace("delta", "iceberg"))
    commit(parquetry, "CREATE TABLE t AS SELECT 1 AS x")
    assert parquetry("tag", "create", "v1").code == 0
    newest = max((tmp_path / "out" / "t" / "metadata").glob("v*.metadata.json"))
    assert set(json.loads(newest.read_text())["refs"]) == {"main", "v1"}
