"""What goes wrong is an error of PEP 249, with our message, kind and hint."""

from collections.abc import Callable
from pathlib import Path

import pytest

import catalog
from catalog import Catalog, dbapi

CLASSES = {
    "InterfaceError": "Error",
    "DatabaseError": "Error",
    "DataError": "DatabaseError",
    "OperationalError": "DatabaseError",
    "IntegrityError": "DatabaseError",
    "InternalError": "DatabaseError",
    "ProgrammingError": "DatabaseError",
    "NotSupportedError": "DatabaseError",
}


def test_the_classes_are_those_of_the_pep() -> None:
    for name, base in CLASSES.items():
        assert getattr(dbapi, name).__bases__ == (getattr(dbapi, base),)
        assert getattr(dbapi.Connection, name) is getattr(dbapi, name)
    assert issubclass(dbapi.Error, Exception)
    assert issubclass(dbapi.Warning, Exception)


@pytest.mark.parametrize(
    ("sql", "parameters", "error", "words"),
    [
        ("", None, "ProgrammingError", "there is no SQL"),
        (" ; -- nothing", None, "ProgrammingError", "there is no SQL"),
        (None, None, "ProgrammingError", "must be text"),
        (b"SELECT 1", None, "ProgrammingError", "must be text"),
        ("SELEC 1", None, "ProgrammingError", r"LINE 1: SELEC 1\n\s+\^"),
        ("FROM t@", None, "ProgrammingError", ""),
        ("FROM tt", None, "ProgrammingError", "no table 'tt'.*\nhint: did you mean t"),
        ("FROM t@nowhere", None, "ProgrammingError", "'nowhere'.*\nhint: .*main"),
        ("FROM t@main~9", None, "ProgrammingError", "main~9"),
        ("SELECT missing FROM t", None, "ProgrammingError", "missing"),
        ("SELECT CAST(name AS INT) FROM t", None, "DataError", "Could not convert"),
        ("SELECT 1::UTINYINT - 2::UTINYINT", None, "DataError", ""),
        ("DELETE FROM t", None, "NotSupportedError", r"read-only in queries\nhint: connect\("),
        ("DROP TABLE t", None, "NotSupportedError", "cannot write to 't'"),
        ("INSERT INTO t VALUES (1)", None, "NotSupportedError", "cannot write to 't'"),
        ("SELECT ?", None, "ProgrammingError", "not provided"),
        ("SELECT ?", [], "ProgrammingError", "not provided"),
        ("SELECT ?, ?", [1], "ProgrammingError", "not provided"),
        ("SELECT ?", [1, 2], "ProgrammingError", "excess"),
        ("SELECT 1", [1], "ProgrammingError", "Expected 0, got 1"),
        ("SELECT $a", {"b": 1}, "ProgrammingError", ""),
        ("SELECT ?", "x", "ProgrammingError", "must be a list"),
        ("SELECT ?", 5, "ProgrammingError", "must be a list"),
        ("SELECT ?", {1}, "ProgrammingError", "must be a list"),
        ("SELECT ?", [object()], "NotSupportedError", "object"),
        ("SELECT ?", [2**200], "ProgrammingError", "too large"),
        ("SELECT ?", ["\ud800"], "ProgrammingError", "UTF-8"),
    ],
)
def test_bad_statements(
    con: dbapi.Connection, sql: str, parameters: list[object], error: str, words: str
) -> None:
    with pytest.raises(dbapi.DatabaseError, match=f"(?s){words}") as caught:
        con.execute(sql, parameters).fetchall()
    assert type(caught.value) is getattr(dbapi, error)
    assert caught.value.message in str(caught.value)
    assert caught.value.hint in str(caught.value)
    assert con.execute("SELECT 1").fetchone() == (1,)


@pytest.mark.parametrize(
    ("connect", "error", "words"),
    [
        (lambda p: dbapi.connect(p / "nowhere"), "OperationalError", "no catalog in .*nowhere"),
        (lambda p: dbapi.connect("xyz://bucket/x"), "NotSupportedError", "xyz"),
        (lambda p: dbapi.connect(3), "ProgrammingError", "must be text"),
        (lambda p: dbapi.connect(p / "lake", "nope"), "ProgrammingError", "'nope'"),
        (lambda p: dbapi.connect(p / "lake", "~~~"), "ProgrammingError", "~~~"),
        (
            lambda p: dbapi.connect(p / "lake", branch="nope"),
            "ProgrammingError",
            "no branch 'nope'",
        ),
        (lambda p: dbapi.connect(p / "lake", "side", branch="main"), "ProgrammingError", "'side'"),
        (lambda p: dbapi.connect(p / "lake", message="m"), "ProgrammingError", "branch='main'"),
        (lambda p: dbapi.connect(p / "lake", verify="x"), "ProgrammingError", "verify"),
        (
            lambda p: dbapi.connect(catalog.open(p / "lake"), verify="hash"),
            "ProgrammingError",
            "takes no options",
        ),
    ],
)
def test_bad_connections(
    shared: Catalog,
    connect: Callable[[Path], object],
    error: str,
    words: str,
) -> None:
    with pytest.raises(dbapi.Error, match=words) as caught:
        connect(Path(shared.uri).parent)
    assert type(caught.value) is getattr(dbapi, error)


def test_what_is_closed_says_so(con: dbapi.Connection) -> None:
    cur, other = con.execute("SELECT 1"), con.execute("SELECT 2")
    cur.close()
    cur.close()
    for use in (cur.fetchone, cur.fetchall, cur.fetch_arrow_table, lambda: cur.execute("SELECT 1")):
        with pytest.raises(dbapi.InterfaceError, match="cursor is closed"):
            use()
    con.close()
    con.close()
    for use in (other.fetchone, con.cursor, con.commit, con.rollback, lambda: list(other)):
        with pytest.raises(dbapi.InterfaceError, match="connection is closed"):
            use()


def test_there_must_be_a_result_to_fetch_from(con: dbapi.Connection) -> None:
    cur = con.cursor()
    for _ in range(2):
        for fetch in (cur.fetchone, cur.fetchmany, cur.fetchall, cur.fetch_df, cur.pl):
            with pytest.raises(dbapi.ProgrammingError, match="no result"):
                fetch()
        cur.execute("SET threads = 1")
    cur.execute("SELECT 1")
    with pytest.raises(dbapi.ProgrammingError):
        cur.execute("SELEC")
    with pytest.raises(dbapi.ProgrammingError, match="no result"):
        cur.fetchall()
    for size in (-1, 1.5, "2", True):
        with pytest.raises(dbapi.ProgrammingError, match="cannot fetch"):
            cur.fetchmany(size)  # type: ignore[arg-type]
    with pytest.raises(dbapi.ProgrammingError, match="executemany"):
        cur.executemany("SELECT ?", [[1]])


def test_transactions_are_ended_by_the_connection(shared: Catalog) -> None:
    con = dbapi.connect(shared, branch="main")
    for sql in ("BEGIN", "COMMIT", "ROLLBACK"):
        with pytest.raises(dbapi.ProgrammingError, match=r"call commit\(\) or rollback\(\)"):
            con.execute(sql)
    con.close()


def test_a_package_that_is_missing_is_named(
    con: dbapi.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    for package, fetch in (("pandas", "df"), ("polars", "pl")):
        with monkeypatch.context() as patch:
            patch.setitem(__import__("sys").modules, package, None)
            with pytest.raises(dbapi.NotSupportedError, match=f"{package} is not installed"):
                getattr(con.execute("FROM t"), fetch)()
