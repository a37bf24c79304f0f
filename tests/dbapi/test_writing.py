"""Connections that write: transactions on a branch, one after another."""

import pytest

from catalog import Catalog, dbapi

COUNT = "SELECT count(*) FROM t"


def count(cat: Catalog) -> object:
    return cat.sql(COUNT).fetchall()[0][0]


@pytest.mark.invariant("What a connection changed is committed by commit(), or not at all")
def test_commit_makes_one_commit_and_rollback_none(cat: Catalog) -> None:
    con = dbapi.connect(cat, branch="main", message="by hand", author="someone")
    cur = con.cursor()
    cur.execute("DELETE FROM t WHERE id = ?", [1])
    assert cur.rowcount == 1
    cur.execute("UPDATE t SET name = 'x' WHERE id > 0")
    assert cur.rowcount == 2
    assert con.execute(COUNT).fetchone() == (2,)
    assert count(cat) == 3
    con.commit()
    assert con.last_commit is not None
    assert (con.last_commit.message, con.last_commit.author) == ("by hand", "someone")
    assert con.last_commit == cat.show("main")
    assert (count(cat), len(cat.log())) == (2, 4)
    con.commit()
    assert len(cat.log()) == 4
    con.execute("DELETE FROM t")
    con.rollback()
    assert con.execute(COUNT).fetchone() == (2,)
    con.execute("DELETE FROM t")
    con.close()
    assert (count(cat), len(cat.log())) == (2, 4)


def test_a_block_commits_unless_it_fails(cat: Catalog) -> None:
    with dbapi.connect(cat, branch="main") as con:
        con.execute("DELETE FROM t WHERE id = 1")
    assert count(cat) == 2
    with pytest.raises(ZeroDivisionError), dbapi.connect(cat, branch="main") as con:
        con.execute("DELETE FROM t")
        raise ZeroDivisionError
    assert count(cat) == 2
    with pytest.raises(dbapi.InterfaceError):
        con.cursor()


def test_rows_that_are_returned_can_be_fetched(cat: Catalog) -> None:
    with dbapi.connect(cat, branch="main") as con:
        cur = con.execute("DELETE FROM t WHERE id < 3 RETURNING id, name AS id")
        assert (cur.rowcount, [one[0] for one in cur.description or ()]) == (2, ["id", "id_1"])
        assert sorted(cur.fetchall()) == [(1, "a"), (2, None)]


def test_many_rows_are_inserted_by_parameters(cat: Catalog) -> None:
    with dbapi.connect(cat, branch="side") as con:
        cur = con.cursor().executemany(
            "INSERT INTO t VALUES (?, ?, ?)", [(8, "h", None), (9, "i", 1.0)]
        )
        assert cur.rowcount == 2
    assert cat.sql("SELECT * FROM t@side WHERE id > 4 ORDER BY id").fetchall() == [
        (8, "h", None),
        (9, "i", 1.0),
    ]


def test_rows_that_wait_survive_a_commit(cat: Catalog) -> None:
    with dbapi.connect(cat, branch="main") as con:
        cur = con.execute("SELECT i FROM range(5000) r(i)")
        assert cur.fetchone() == (0,)
        con.execute("DELETE FROM t")
        con.commit()
        assert len(cur.fetchall()) == 4999
    assert count(cat) == 0


def test_a_statement_that_fails_leaves_the_others(cat: Catalog) -> None:
    with dbapi.connect(cat, branch="main") as con:
        con.execute("DELETE FROM t WHERE id = 1")
        with pytest.raises(dbapi.ProgrammingError, match="nothing"):
            con.execute("DELETE FROM t WHERE nothing = 1")
    assert count(cat) == 2


def test_what_somebody_else_changed_is_a_conflict(cat: Catalog) -> None:
    con = dbapi.connect(cat, branch="main")
    con.execute("UPDATE t SET name = 'mine' WHERE id = 1")
    with cat.transaction("main") as tx:
        tx.sql("UPDATE t SET name = 'theirs' WHERE id = 1")
    with pytest.raises(dbapi.OperationalError) as caught:
        con.commit()
    assert caught.value.kind == "write-conflict"
    con.execute("UPDATE t SET name = 'mine' WHERE id = 1")
    con.commit()
    assert cat.sql("SELECT name FROM t WHERE id = 1").fetchall() == [("mine",)]


def test_warnings_of_writes_are_given(cat: Catalog) -> None:
    with (
        dbapi.connect(cat, branch="main") as con,
        pytest.warns(dbapi.Warning, match="share their key") as caught,
    ):
        con.execute("INSERT INTO t SELECT * FROM t WHERE id = 1")
    assert caught[0].filename == __file__


def test_rows_that_would_share_a_key_are_about_integrity(cat: Catalog) -> None:
    con = dbapi.connect(cat, branch="main")
    with pytest.raises(dbapi.IntegrityError) as caught:
        con.execute(
            "MERGE INTO t USING (SELECT 9 AS id FROM range(2)) s ON t.id = s.id "
            "WHEN NOT MATCHED THEN INSERT VALUES (s.id, NULL, NULL)"
        )
    assert caught.value.kind == "duplicate-key"
    con.close()
