"""Files are read through field ids: schemas that changed, odd names, partition columns."""

import datetime
import decimal
import uuid
from pathlib import Path

import pyarrow as pa
import pytest

from tests.query.conftest import Lake


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path)


class TestSchemas:
    def test_added_and_dropped_columns(self, lake: Lake) -> None:
        lake.commit(t={"a.parquet": pa.table({"id": [1], "old": ["x"]})})
        lake.commit(t={"a.parquet": pa.table({"id": [1], "new": [5]})})
        assert lake.rows("FROM t@main~1") == [(1, "x")]
        assert lake.rows("FROM t") == [(1, 5)]

    def test_files_with_and_without_a_column(self, lake: Lake) -> None:
        lake.commit(
            t={
                "a.parquet": pa.table({"id": [1], "x": [1.5]}),
                "b.parquet": pa.table({"x": [2.5], "id": [2]}),
                "c.parquet": pa.table({"id": [3]}),
            }
        )
        assert sorted(lake.rows("FROM t"), key=str) == [(1, 1.5), (2, 2.5), (3, None)]
        assert lake.rows("SELECT id FROM t WHERE x IS NULL") == [(3,)]
        assert lake.rows("SELECT id FROM t WHERE x > 2") == [(2,)]

    def test_a_dropped_column_that_comes_back_is_another(self, lake: Lake) -> None:
        with_x = {"p=1/a.parquet": pa.table({"id": [1], "x": ["old"]})}
        lake.commit(t=with_x)
        lake.commit(t={"p=1/a.parquet": pa.table({"id": [1]})})
        lake.commit(t={"p=1/a.parquet": pa.table({"id": [1], "x": [7]})})
        assert lake.rows("SELECT id, x FROM t") == [(1, 7)]
        assert lake.rows("SELECT id, x FROM t@main~2") == [(1, "old")]

    def test_a_type_that_grew(self, lake: Lake) -> None:
        lake.commit(
            t={
                "a.parquet": pa.table({"id": pa.array([1], pa.int32()), "x": pa.array([None])}),
                "b.parquet": pa.table({"id": [1 << 40], "x": ["text"]}),
            }
        )
        assert sorted(lake.rows("FROM t")) == [(1, None), (1 << 40, "text")]
        assert lake.rows(f"SELECT x FROM t WHERE id = {1 << 40}") == [("text",)]
        assert lake.rows("SELECT typeof(id), typeof(x) FROM t LIMIT 1") == [("BIGINT", "VARCHAR")]

    def test_a_table_without_files(self, lake: Lake) -> None:
        lake.commit(t={"a.parquet": pa.table({"id": [1], "x": ["a"]}).slice(0, 0)})
        assert lake.rows("FROM t") == []
        assert lake.rows("SELECT column_type FROM (DESCRIBE t)") == [("BIGINT",), ("VARCHAR",)]

    def test_nothing_is_left_after_pruning(self, lake: Lake) -> None:
        lake.commit(t={"a.parquet": pa.table({"id": [1], "x": [[{"a": 1}]]})})
        assert lake.rows("SELECT x, count(*) FROM t WHERE id = 2 GROUP BY x") == []
        assert lake.rows("SELECT count(*) FROM t WHERE id = 2") == [(0,)]


ODD_NAMES = [
    *("filename", "file_row_number", "file_index", "rowid", "_from", "_to", "q0", "select", "a b"),
    *(
        'say "hi"',
        "it's",
        "@main",
        "a@main",
        "Äpfel",
        "日本",
        "a.b",
        "key.id",
        "*",
        "1",
        "$1",
        ";--",
    ),
]


@pytest.mark.parametrize("name", ODD_NAMES)
def test_odd_column_names(lake: Lake, name: str) -> None:
    table = pa.table({name: [1, 2], "other": ["a", "b"]})
    lake.commit(t={"a.parquet": table, "b.parquet": table.slice(1, 1)})
    quoted = '"' + name.replace('"', '""') + '"'
    with lake.catalog.connect() as session:
        relation = session.sql("FROM t@main")
        assert relation.columns == [name, "other"]
        query = f"SELECT t.{quoted}, other FROM t@main WHERE {quoted} = 2"
        assert session.sql(query).fetchall() == [(2, "b"), (2, "b")]


@pytest.mark.parametrize("name", ["filename", "file_index", "q0", "qfile", "select", "a b", "Ä"])
def test_odd_names_of_partition_columns(lake: Lake, name: str) -> None:
    files = {f"{name}={n}/a.parquet": pa.table({"v": [n]}) for n in (1, 2)}
    lake.commit(t=files, partition_by={name: "INTEGER"})
    quoted = '"' + name + '"'
    assert lake.rows(f"SELECT v, {quoted} FROM t WHERE {quoted} = 2") == [(2, 2)]
    assert sorted(lake.rows(f"SELECT v, {quoted} FROM t")) == [(1, 1), (2, 2)]


def test_columns_that_differ_only_in_case_are_both_there(lake: Lake) -> None:
    lake.commit(t={"a.parquet": pa.table({"a": [1], "A": [2]})})
    with lake.catalog.connect() as session:
        assert session.sql("FROM t").fetchall() == [(1, 2)]
        assert session.sql("SELECT x, y FROM t AS t(x, y) WHERE y = 2").fetchall() == [(1, 2)]
        assert session.sql("SELECT a FROM t WHERE a = 2").fetchall() == []


PARTITIONS = {
    "INTEGER": (["1", "-5"], [1, -5], "p = -5"),
    "BIGINT": (["9223372036854775807", "0"], [2**63 - 1, 0], "p < 1"),
    "VARCHAR": (["a%2Fb", "x y"], ["a/b", "x y"], "p > 'b'"),
    "DATE": (
        ["2024-01-31", "1969-12-31"],
        [datetime.date(2024, 1, 31), datetime.date(1969, 12, 31)],
        "p < '1970-01-01'",
    ),
    "TIMESTAMP": (
        ["2024-01-31 12%3A30%3A00.25", "2024-02-01 00%3A00%3A00"],
        [datetime.datetime(2024, 1, 31, 12, 30, 0, 250000), datetime.datetime(2024, 2, 1)],
        "p >= '2024-02-01'",
    ),
    "BOOLEAN": (["true", "false"], [True, False], "p = false"),
    "DECIMAL(6,2)": (
        ["1.50", "-3.25"],
        [decimal.Decimal("1.50"), decimal.Decimal("-3.25")],
        "p < 0",
    ),
    "DOUBLE": (["0.5", "-inf"], [0.5, float("-inf")], "p < 0"),
    "UUID": (
        ["00000000-0000-0000-0000-000000000001", "ffffffff-0000-0000-0000-000000000000"],
        [uuid.UUID(int=1), uuid.UUID("ffffffff-0000-0000-0000-000000000000")],
        "p > '0f000000-0000-0000-0000-000000000000'",
    ),
}
"""By type: two values as paths have them, as Python has them, and what only the second meets."""


@pytest.mark.parametrize("kind", PARTITIONS)
@pytest.mark.parametrize("others", [0, 20])
def test_partition_columns_of_each_type(lake: Lake, kind: str, others: int) -> None:
    texts, values, condition = PARTITIONS[kind]
    files = {f"p={text}/a.parquet": pa.table({"v": [n]}) for n, text in enumerate(texts)}
    for n in range(others):
        files[f"p={texts[0]}/more-{n}.parquet"] = pa.table({"v": [0]})
    files["p=__HIVE_DEFAULT_PARTITION__/a.parquet"] = pa.table({"v": [9]})
    lake.commit(t=files, partition_by={"p": kind})
    found = lake.rows("SELECT DISTINCT v, p FROM t ORDER BY v")
    assert found == [(0, values[0]), (1, values[1]), (9, None)]
    assert lake.rows(f"SELECT v FROM t WHERE {condition}") == [(1,)]
    assert lake.rows("SELECT v FROM t WHERE p IS NULL") == [(9,)]
    assert lake.rows("SELECT DISTINCT typeof(p) FROM t") == [(kind,)]


def test_partition_values_that_look_like_others_stay_apart(lake: Lake) -> None:
    names = ["a%2Fb", "a%252Fb", "a=b", "a+b", "a%20b", "[a]", "a*", "é", "NULL", "01", "1"]
    files = {f"p={name}/a.parquet": pa.table({"v": [name]}) for name in names}
    lake.commit(t=files, partition_by={"p": "VARCHAR"})
    found = dict(lake.rows("SELECT v, p FROM t"))
    assert found == {
        **{name: name for name in ("a=b", "a+b", "[a]", "a*", "é", "NULL", "01", "1")},
        **{"a%2Fb": "a/b", "a%252Fb": "a%2Fb", "a%20b": "a b"},
    }
    for name, value in found.items():
        assert lake.rows(f"SELECT v FROM t WHERE p = '{value}'") == [(name,)]


class TestPruning:
    def test_partitions_and_bounds_leave_files_out(self, lake: Lake) -> None:
        files = {
            f"p={p}/{n}.parquet": pa.table({"v": [10 * p + n], "f": [float(n)]})
            for p in range(3)
            for n in range(3)
        }
        lake.commit(t=files, partition_by={"p": "INTEGER"})
        with lake.catalog.connect() as session:
            for condition, left in {
                "p = 1": 3,
                "p = 1 AND v = 11": 1,
                "v BETWEEN 10 AND 11": 2,
                "p > 5": 0,
                "p IS NULL": 0,
                "f = 1": 9,
                "p = 1 OR v = 0": 9,
            }.items():
                text = session.rewrite(f"SELECT v FROM t WHERE {condition}")
                assert text.count(".parquet'") == left, condition

    @pytest.mark.parametrize(
        ("setting", "condition", "found"),
        [
            ("default_collation = 'nocase'", "s = 'A'", 2),
            ("TimeZone = 'America/New_York'", "z = '2024-01-01 07:00'", 1),
            ("TimeZone = 'America/New_York'", "z < '2024-01-01 00:00'", 0),
            ("TimeZone = 'UTC'", "z = '2024-01-01 12:00'", 1),
        ],
    )
    def test_settings_that_change_meanings_change_what_is_read(
        self, lake: Lake, setting: str, condition: str, found: int
    ) -> None:
        noon = datetime.datetime(2024, 1, 1, 12, tzinfo=datetime.UTC)
        moments = pa.array([noon], pa.timestamp("us", "UTC"))
        later = pa.array([noon + datetime.timedelta(days=9)], pa.timestamp("us", "UTC"))
        lake.commit(
            t={
                "a.parquet": pa.table({"s": ["a"], "z": moments}),
                "b.parquet": pa.table({"s": ["A"], "z": later}),
            }
        )
        with lake.catalog.connect() as session:
            session.sql(f"SET {setting}")
            query = f"SELECT count(*) FROM t WHERE {condition}"
            assert session.sql(query).fetchall() == [(found,)]

    def test_long_texts_are_found_by_bounds_that_are_cut(self, lake: Lake) -> None:
        long = ["é" * 500 + end for end in "abc"]
        lake.commit(t={f"{n}.parquet": pa.table({"s": [text]}) for n, text in enumerate(long)})
        for text in long:
            assert lake.rows(f"SELECT s FROM t WHERE s = '{text}'") == [(text,)]
