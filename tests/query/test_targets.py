"""What is known of the table that a statement writes: conditions, source, clauses."""

import pytest

from catalog.query.parse.analyse import analyse
from catalog.query.parse.definitions import Alteration, read_altering, read_creation
from catalog.query.parse.statements import Statement
from catalog.query.session import Session


def one(text: str) -> Statement:
    (statement,) = analyse(text)
    assert statement.parsed, statement.error
    return statement


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("UPDATE t SET a = 1 WHERE a = 2 AND t.b IN ('x') AND c IS NULL", "a b c"),
        ("UPDATE t AS o SET a = 1 WHERE o.a = 2 AND t.b = 1", "a"),
        ("DELETE FROM t WHERE a BETWEEN 1 AND 2 AND (b > 1 AND 3 <= c)", "a b c"),
        ("DELETE FROM s.t WHERE t.a = 2", "a"),
        ("UPDATE t SET a = 1 FROM u WHERE a = 2 AND t.b = 1 AND u.c = 3", "b"),
        ("UPDATE t SET a = 1 FROM u t WHERE t.b = 1", ""),
        ("DELETE FROM t USING u, (SELECT 1 AS x) v WHERE t.a = 1 AND v.x = 1 AND x = 1", "a"),
        ("UPDATE t SET a = 1 WHERE a = 2 OR b = 1", ""),
        ("UPDATE t SET a = 1 WHERE NOT a = 2 AND b = ? AND c + 1 = 2", ""),
        ("UPDATE t SET a = random() WHERE a = 2", ""),
        ("UPDATE t SET a = 1", ""),
        ("MERGE INTO t USING u ON t.a = u.a AND t.b = 1 WHEN MATCHED THEN DELETE", "b"),
        ("MERGE INTO t USING u ON t.b = 1 WHEN NOT MATCHED BY SOURCE THEN DELETE", ""),
        ("MERGE INTO t USING u ON b = 1 WHEN MATCHED THEN DELETE", ""),
        ("MERGE INTO t USING u USING (b) WHEN MATCHED AND t.b = 1 THEN DELETE", ""),
        ("INSERT INTO t SELECT 1", ""),
    ],
)
def test_conditions_on_the_rows_that_change_are_offered(text: str, columns: str) -> None:
    target = one(text).target
    assert target is not None
    assert [predicate.column for predicate in target.predicates] == columns.split()


@pytest.mark.parametrize(
    ("using", "matches"),
    [
        ("u ON t.a = u.b", [("a", "b")]),
        ("u ON u.b = t.a AND t.c = u.d AND t.e > u.e", [("a", "b"), ("c", "d")]),
        ("u AS x ON t.a = x.b", [("a", "b")]),
        ("s.u USING (k, l)", [("k", "k"), ("l", "l")]),
        ('(SELECT 1 AS "B") "X" ON t.a = x."B"', [("a", "B")]),
        ("u ON t.a = u.b + 1", None),
        ("u ON a = b", None),
        ("u ON t.a = u.b OR t.c = u.c", None),
        ("u x(a, b) ON t.a = x.b", None),
        ("range(3) u(b) ON t.a = u.b", None),
    ],
)
def test_the_source_of_a_merge_tells_which_rows_may_match(
    using: str, matches: list[tuple[str, str]] | None
) -> None:
    source = one(f"MERGE INTO t USING {using} WHEN MATCHED THEN DELETE").source
    assert (None if source is None else list(source.matches)) == matches
    unmatched = f"MERGE INTO t USING {using} WHEN NOT MATCHED BY SOURCE THEN DELETE"
    assert one(unmatched).source is None


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("CREATE TABLE t (a INT) PARTITIONED BY (a)", "CREATE TABLE t (a INT) "),
        ("CREATE TABLE t PRIMARY KEY (a) AS SELECT 1 a", "CREATE TABLE t  AS SELECT 1 a"),
        ("CREATE TABLE t (PRIMARY KEY (a), a INT)", "CREATE TABLE t (PRIMARY KEY (a), a INT)"),
        (
            "CREATE TABLE t AS SELECT 'PARTITIONED BY (a)' a -- PARTITIONED BY (b)",
            "CREATE TABLE t AS SELECT 'PARTITIONED BY (a)' a",
        ),
    ],
)
def test_duckdb_does_not_see_what_is_the_catalogs(text: str, seen: str) -> None:
    statement = one(text)
    shown = statement.text
    for begin, end in sorted(read_creation(statement).own, reverse=True):
        shown = shown[:begin] + shown[end:]
    assert shown == seen


@pytest.mark.parametrize(
    ("text", "kind", "column"),
    [
        ("ADD a INT", Alteration.ADD_COLUMN, "a"),
        ("ADD COLUMN IF NOT EXISTS a INT", Alteration.ADD_COLUMN, "a"),
        ("DROP a", Alteration.DROP_COLUMN, "a"),
        ("DROP COLUMN IF EXISTS a CASCADE", Alteration.DROP_COLUMN, "a"),
        ('RENAME "a" TO b', Alteration.RENAME_COLUMN, "a"),
        ("RENAME COLUMN a TO b", Alteration.RENAME_COLUMN, "a"),
        ("RENAME TO b", Alteration.RENAME_TABLE, ""),
        ("ALTER a TYPE BIGINT", Alteration.CHANGE_TYPE, "a"),
        ("ALTER COLUMN a SET DATA TYPE BIGINT", Alteration.CHANGE_TYPE, "a"),
    ],
)
def test_alterations_are_told_apart(text: str, kind: Alteration, column: str) -> None:
    found = read_altering(one(f"ALTER TABLE s.t {text}"))
    assert (found.kind, found.column) == (kind, column)


@pytest.mark.parametrize(
    "text",
    [
        "MERGE INTO t USING u ON t.a = u.a WHEN MATCHED THEN UPDATE BY NAME",
        "MERGE INTO t USING u ON t.a = u.a WHEN MATCHED THEN ERROR 'no'",
        "INSERT INTO t BY POSITION FROM u ORDER BY position",
        "SELECT name FROM u ORDER BY name",
        "SELECT ?::INTEGER FROM u WHERE a = ?::INTEGER",
    ],
)
def test_what_the_parser_does_not_know_is_read(text: str) -> None:
    assert [reference.name for reference in one(text).references] == [("u",)]


def test_a_parameter_with_a_type_leaves_no_file_out(session: Session) -> None:
    found = session.sql("SELECT id FROM orders WHERE id = ?::BIGINT", [3]).fetchall()
    assert found == [(3,)]
