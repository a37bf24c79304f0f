"""Instances of DuckDB: what is lent again holds nothing of before, and what might is not."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import catalog
from catalog.engine import instances
from catalog.engine.connection import (
    borrow,
    borrow_for_users,
    borrowed,
    connect,
    connection_on_demand,
)
from catalog.engine.filesystem import EngineFilesystem
from catalog.engine.workspace import Workspace
from catalog.errors import InvalidInput
from catalog.storage.local import LocalStore
from catalog.storage.store import OpenFile, RemoteFile


class NoFiles:
    """Files of a bucket, of which none is read."""

    scheme = "s3://"

    def look(self, uri: str) -> RemoteFile | None:
        raise AssertionError("no file is read")

    def open(self, uri: str, *, like: OpenFile | None = None) -> OpenFile:
        raise AssertionError("no file is read")


Opened = Callable[[], int]

ALL = (
    "SELECT 'table', table_name FROM duckdb_tables() UNION ALL "
    "SELECT 'view', view_name FROM duckdb_views() WHERE NOT internal UNION ALL "
    "SELECT 'schema', schema_name FROM duckdb_schemas() WHERE NOT internal UNION ALL "
    "SELECT 'type', type_name FROM duckdb_types() WHERE NOT internal UNION ALL "
    "SELECT 'sequence', sequence_name FROM duckdb_sequences() UNION ALL "
    "SELECT 'macro', function_name FROM duckdb_functions() WHERE NOT internal UNION ALL "
    "SELECT 'database', database_name FROM duckdb_databases() WHERE NOT internal UNION ALL "
    "SELECT 'variable', name FROM duckdb_variables() UNION ALL "
    "SELECT 'secret', name FROM duckdb_secrets()"
)
"""All that statements may have left in an instance."""

NO_STORE = LocalStore("/nowhere")

SETTINGS = "SELECT name, value FROM duckdb_settings() ORDER BY ALL"


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Iterator[Opened]:
    """Returns how many instances were opened, of none at the beginning."""
    found: list[duckdb.DuckDBPyConnection] = []
    original = instances.open_instance

    def counted(database: str = ":memory:") -> duckdb.DuckDBPyConnection:
        found.append(original(database))
        return found[-1]

    waiting = instances._Waiting()
    monkeypatch.setattr(instances, "_waiting", lambda process: waiting)
    monkeypatch.setattr(instances, "open_instance", counted)
    yield lambda: len(found)


def test_an_instance_is_lent_again(opened: Opened) -> None:
    for _ in range(3):
        with borrowed() as con:
            assert con.execute("SELECT 1").fetchall() == [(1,)]
    assert opened() == 1


def test_two_at_once_have_their_own(opened: Opened) -> None:
    with borrowed() as first, borrowed() as second:
        first.execute("CREATE TABLE t AS SELECT 1 AS a")
        assert second.execute("FROM duckdb_tables()").fetchall() == []
    assert opened() == 2


def test_many_are_not_kept(opened: Opened) -> None:
    for _ in range(2):
        for con in [borrow() for _ in range(5)]:
            instances.give_back(con)
    assert opened() == 8


def test_nothing_is_left_of_what_statements_made(opened: Opened, tmp_path: Path) -> None:
    with borrowed() as con:
        blank, settings = con.execute(ALL).fetchall(), con.execute(SETTINGS).fetchall()
        con.register("registered", pa.table({"a": [1]}))
        for statement in (
            "CREATE TABLE t AS SELECT 1 AS a",
            "CREATE TEMP TABLE u AS SELECT 1 AS a",
            "CREATE VIEW v AS SELECT 1 AS a",
            "CREATE SCHEMA s",
            "CREATE TABLE s.t AS SELECT 1 AS a",
            "CREATE MACRO m(x) AS x + 1",
            "CREATE TYPE y AS ENUM ('a')",
            "CREATE SEQUENCE q",
            "SET VARIABLE w = 1",
            "ATTACH ':memory:' AS other",
            f'ATTACH \'{tmp_path}/x.db\' AS "a""b"',
            "CREATE TABLE other.t AS SELECT 1 AS a",
            "USE s",
            "BEGIN",
            "INSERT INTO t VALUES (2)",
        ):
            con.execute(statement)
    with borrowed() as con:
        assert con.execute(ALL).fetchall() == blank
        assert con.execute(SETTINGS).fetchall() == settings
        con.execute("CREATE TABLE t AS SELECT 3 AS a")
        with con.cursor() as own:
            assert own.execute("FROM memory.main.t").fetchall() == [(3,)]
    assert opened() == 1


def test_limits_are_of_one_loan_only(opened: Opened, tmp_path: Path) -> None:
    wanted = (
        "SELECT current_setting('threads'), current_setting('memory_limit'), "
        "current_setting('temp_directory')"
    )
    with borrowed() as con:
        unlimited = con.execute(wanted).fetchall()
    limited = borrow(threads=3, memory_limit_bytes=1 << 26, temp_directory=str(tmp_path))
    assert limited.execute(wanted).fetchall() == [(3, "64.0 MiB", str(tmp_path))]
    instances.give_back(limited)
    with borrowed() as con:
        assert con.execute(wanted).fetchall() == unlimited
    with connect() as con:
        assert con.execute(wanted).fetchall() == unlimited
    assert opened() == 1


def test_settings_are_those_of_an_instance_of_ones_own(opened: Opened) -> None:
    with borrowed() as con:
        con.execute("SELECT 1")
    with borrowed() as again, connect() as own:
        assert again.execute(SETTINGS).fetchall() == own.execute(SETTINGS).fetchall()
        ((zone, replaced),) = again.execute(
            "SELECT current_setting('TimeZone'), current_setting('python_enable_replacements')"
        ).fetchall()
        assert (zone, replaced) == ("UTC", False)
    assert opened() == 1


def test_limits_too_small_are_refused_before_anything_is_lent(opened: Opened) -> None:
    for limits in ({"threads": 0}, {"memory_limit_bytes": 1}):
        with pytest.raises(InvalidInput):
            borrow(**limits)
    assert opened() == 0


def test_a_file_that_changed_in_place_is_read_anew(opened: Opened, tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    for value in (1, 2):
        pq.write_table(pa.table({"a": [value] * 1000}), path)
        os.utime(path, ns=(10**18, 10**18))
        with borrowed() as con:
            assert con.execute(f"SELECT DISTINCT a FROM '{path}'").fetchall() == [(value,)]
    assert opened() == 1


@pytest.mark.parametrize(
    ("leave", "most"),
    [
        (lambda con: con.register_filesystem(EngineFilesystem(NoFiles())), 1),
        (lambda con: add(con, "f"), 1),
        (lambda con: (con.execute("BEGIN"), add(con, "f")), 3),
    ],
    ids=["file system", "function", "function in a transaction"],
)
def test_what_python_gave_an_instance_is_taken_from_it(
    opened: Opened, leave: Callable[[duckdb.DuckDBPyConnection], object], most: int
) -> None:
    for _ in range(3):
        with borrowed() as con:
            assert con.list_filesystems() == []
            with pytest.raises(duckdb.CatalogException):
                con.execute("SELECT f(1)")
            leave(con)
    assert opened() <= most


def test_an_instance_that_anything_may_be_left_in_is_not_lent_again(opened: Opened) -> None:
    with borrowed() as con:
        instances.keep_apart(con)
    with borrowed():
        assert opened() == 2


def test_an_instance_that_spilled_is_not_lent_again(opened: Opened) -> None:
    work = Workspace(threads=1, memory_limit_bytes=1 << 25)
    folder = work.folder
    work.con.execute(
        "CREATE TABLE t AS SELECT range AS a, md5(range::VARCHAR) AS b FROM range(1000000)"
    )
    assert os.listdir(folder)
    work.close()
    assert not os.path.exists(folder)
    with borrowed():
        assert opened() == 2


def test_rows_that_are_still_being_read_are_theirs_to_read(opened: Opened) -> None:
    con = borrow()
    con.execute("CREATE TABLE t AS SELECT range AS a FROM range(1000000)")
    reader = con.cursor().sql("FROM t").to_arrow_reader(1000)
    reader.read_next_batch()
    instances.give_back(con)
    with borrowed() as other:
        other.execute("CREATE TABLE t AS SELECT -1 AS a")
        for batch in reader:
            assert batch.column(0)[0].as_py() >= 0


def test_a_function_of_python_is_added_once_to_a_connection() -> None:
    with borrowed() as con:
        for _ in range(2):
            add(con, "f")
        assert con.execute("SELECT f(1)").fetchall() == [("f1",)]
    with borrowed() as con, pytest.raises(duckdb.CatalogException):
        con.execute("SELECT f(1)")


def add(con: duckdb.DuckDBPyConnection, name: str) -> None:
    def function(value: int) -> str:
        return f"{name}{value}"

    instances.add_function(con, name, function, parameters=["BIGINT"], returned="VARCHAR")


USERS = [
    "SET default_null_order = 'NULLS_FIRST'",
    "SET default_collation = 'nocase'",
    "SET GLOBAL TimeZone = 'CET'",
    "SET preserve_insertion_order = false",
    "SET parquet_use_page_index = true",
    "SET python_enable_replacements = true",
    "SET enable_external_access = false",
    "SET lock_configuration = true",
    "CALL enable_logging()",
    "ATTACH ':memory:' AS other",
    "ATTACH ':memory:' AS blank",
]
"""Statements of users that would change what others' statements mean."""


def ask(statement: str) -> None:
    """Runs a statement as ``Catalog.sql`` does: nothing is closed."""
    borrow_for_users(NO_STORE).sql("SELECT 1 AS a").query("q", statement)


@pytest.mark.parametrize("statement", USERS)
def test_what_a_user_changed_is_changed_for_nobody_else(opened: Opened, statement: str) -> None:
    with borrowed() as con:
        settings, things = con.execute(SETTINGS).fetchall(), con.execute(ALL).fetchall()
    for _ in range(3):
        ask(statement)
        with borrowed() as con:
            assert con.execute(SETTINGS).fetchall() == settings
            assert con.execute(ALL).fetchall() == things


def test_questions_of_users_share_an_instance(opened: Opened) -> None:
    for number in range(5):
        found = borrow_for_users(NO_STORE).sql(f"SELECT {number} AS a")
        assert found.fetchall() == [(number,)]
    assert opened() == 2  # the first tells what a blank one is like to nobody


def test_answers_to_users_stay_theirs(opened: Opened) -> None:
    answers = [
        borrow_for_users(NO_STORE).sql(f"SELECT {number} AS a, current_setting('TimeZone')")
        for number in range(4)
    ]
    with borrowed() as con:
        con.execute("CREATE TABLE t AS SELECT 1")
    assert [answer.fetchall() for answer in answers] == [[(n, "UTC")] for n in range(4)]


def test_sessions_that_are_closed_share_an_instance(opened: Opened) -> None:
    for _ in range(5):
        con = borrow_for_users(NO_STORE)
        con.execute("CREATE TABLE t AS SELECT 1 AS a")
        con.execute("SET VARIABLE v = 1")
        instances.give_back(con)
    assert opened() == 2


def test_a_workspace_of_users_statements_is_looked_at(opened: Opened) -> None:
    for statement in ("SELECT 1", "SET default_null_order = 'NULLS_FIRST'", "SELECT 1"):
        work = Workspace()
        work.open_to_users().execute(statement)
        work.close()
        with borrowed() as con:
            assert con.execute("SELECT current_setting('default_null_order')").fetchall() == [
                ("NULLS_LAST",)
            ]


def test_a_connection_given_to_a_user_is_the_users(opened: Opened, tmp_path: Path) -> None:
    for _ in range(3):
        with catalog.create(str(tmp_path / str(_))).connect() as session:
            session.connection.create_function("twice", lambda x: 2 * x, ["BIGINT"], "BIGINT")
            assert session.sql("SELECT twice(2)").fetchall() == [(4,)]
    assert opened() == 3


def test_a_connection_that_is_forgotten_is_closed(opened: Opened) -> None:
    before = len(instances._loans)
    con = borrow()
    assert len(instances._loans) == before + 1
    del con
    assert len(instances._loans) == before
    with borrowed():
        assert opened() == 2


def test_questions_open_nothing_that_is_not_asked(opened: Opened, tmp_path: Path) -> None:
    store = LocalStore(str(tmp_path))
    with connection_on_demand(store):
        pass
    assert opened() == 0
    for _ in range(2):
        with connection_on_demand(store) as engine:
            assert engine() is engine()
    assert opened() == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are not forked here")
def test_a_child_process_opens_its_own() -> None:
    with borrowed() as con:
        con.execute("SELECT 1")
    child = os.fork()
    if child == 0:
        code = 1
        try:
            code = 0 if instances._waiting(os.getpid()).blank == [] else 2
        finally:
            os._exit(code)
    assert os.waitpid(child, 0)[1] == 0
