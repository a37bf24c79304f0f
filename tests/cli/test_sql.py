"""``sql``, ``shell``, ``export`` and ``views``."""

import csv
import io
import json
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from cli.output.results import ResultFormat
from cli.sql.run import rows_of
from cli.sql.statements import Split, split
from tests.cli.conftest import Runner, in_process

BOTH = (
    "SELECT order_id, o.amount AS before, n.amount AS after "
    "FROM orders@main~1 o JOIN orders n USING (order_id) ORDER BY order_id LIMIT 3"
)


def test_a_table_prints_null_as_null(lake: Path, parquetry: Runner) -> None:
    assert parquetry("sql", BOTH).out == (
        "order_id  before  after\n"
        "────────  ──────  ─────\n"
        "       1    10.0   10.0\n"
        "       2    NULL   12.5\n"
        "       3    NULL   12.5\n"
        "(3 rows)\n"
    )


def test_json_holds_columns_and_rows(lake: Path, parquetry: Runner) -> None:
    found = json.loads(parquetry("sql", BOTH, "--json").out)
    assert found["format_version"] == 1
    assert found["columns"] == ["order_id", "before", "after"]
    assert found["rows"][1] == {"order_id": 2, "before": None, "after": 12.5}


def test_csv_keeps_null_apart_from_text(lake: Path, parquetry: Runner) -> None:
    outcome = parquetry(
        "sql", "--format", "csv", "SELECT NULL AS a, 'NULL' AS b, '' AS c, 'x,y' AS d"
    )
    assert outcome.out == 'a,b,c,d\nNULL,"NULL","","x,y"\n'


def test_values_keep_all_their_digits(lake: Path, parquetry: Runner) -> None:
    query = (
        "SELECT 1.50::DECIMAL(9,2) AS d, 170141183460469231731687303715884105727::HUGEINT - 1 AS h,"
        " TIMESTAMP_NS '2024-01-01 00:00:00.123456789' AS n, 'nan'::DOUBLE AS f, [1, NULL] AS l"
    )
    row = next(csv.DictReader(io.StringIO(parquetry("sql", "--format", "csv", query).out)))
    assert row["d"] == "1.50"
    assert row["n"] == "2024-01-01 00:00:00.123456789"
    assert row["f"] == "nan"
    assert row["l"] == "[1, NULL]"


VALUES = (
    "SELECT 'POINT (1 2)'::GEOMETRY AS g, {'a': 1}::VARIANT AS v, "
    "[{'g': 'POINT (3 4)'::GEOMETRY}] AS n, NULL::VARIANT AS x"
)


def test_intervals_are_written_to_parquet_inside_of_others_too(
    lake: Path, parquetry: Runner, tmp_path: Path
) -> None:
    query = "SELECT INTERVAL '1 month' AS i, [{'x': INTERVAL '30 days'}] AS l, 'a' AS i"
    file = tmp_path / "o.parquet"
    assert parquetry("sql", query, "--format", "parquet", "-o", str(file)).code == 0
    with duckdb.connect() as con:
        found = con.sql(f"SELECT i::VARCHAR, l::VARCHAR, * FROM '{file}'")
        (row,) = found.fetchall()
        assert [*row[:2], row[-1]] == ["1 month", "[{'x': 30 days}]", "a"]


def test_geometries_and_variants_are_printed_as_text(lake: Path, parquetry: Runner) -> None:
    row = next(csv.DictReader(io.StringIO(parquetry("sql", "--format", "csv", VALUES).out)))
    shown = {"g": "POINT (1 2)", "v": "{'a': 1}", "n": "[{'g': 'POINT (3 4)'}]", "x": "NULL"}
    assert row == shown
    (row,) = json.loads(parquetry("sql", VALUES, "--json").out)["rows"]
    assert row == {**shown, "n": [{"g": "POINT (3 4)"}], "x": None}
    assert "POINT (1 2)" in parquetry("sql", VALUES).out


def test_only_a_statement_without_rows_prints_nothing(lake: Path, parquetry: Runner) -> None:
    assert parquetry("sql", "SET threads = 1").out == ""
    outcome = parquetry("sql", "--format", "csv", 'SELECT 1 AS "Success"')
    assert outcome.out == "Success\n1\n"


def test_a_query_that_cannot_write_says_how_to(lake: Path, parquetry: Runner) -> None:
    outcome = parquetry("sql", "DELETE FROM orders")
    assert outcome.code == 3
    assert outcome.err.endswith(
        "hint: write on a branch: parquetry sql --branch BRANCH; or make a CREATE TEMP TABLE\n"
    )


def test_a_table_of_the_session_alone_is_told(
    lake: Path, tmp_path: Path, parquetry: Runner
) -> None:
    for query in (
        "CREATE TABLE fresh AS FROM orders",
        "CREATE VIEW fresh AS FROM orders",
        "CREATE TABLE fresh (x INT); INSERT INTO fresh VALUES (1)",
    ):
        said = parquetry("sql", query)
        assert said.code == 0
        assert "fresh was of this session alone" in said.err and "--branch" in said.err
    for query in (
        "CREATE TABLE fresh AS FROM orders; FROM fresh",
        "CREATE TEMP TABLE fresh AS FROM orders",
        f"COPY (FROM orders) TO '{tmp_path / 'orders.csv'}'",
        f"ATTACH '{tmp_path / 'own.db'}' AS own; CREATE TABLE own.fresh AS FROM orders",
        f"ATTACH '{tmp_path / 'own.db'}' AS own; USE own; CREATE TABLE x AS FROM orders",
    ):
        assert "session" not in parquetry("sql", query).err, query


def test_same_column_names_do_not_swallow_each_other(lake: Path, parquetry: Runner) -> None:
    rows = json.loads(parquetry("sql", "--json", "SELECT 1 AS a, 2 AS a, 3 AS a_1").out)["rows"]
    assert list(rows[0].values()) == [1, 2, 3]


def test_a_result_goes_to_a_file_whole(lake: Path, tmp_path: Path, parquetry: Runner) -> None:
    outcome = parquetry("sql", BOTH, "--format", "parquet", "-o", "out.parquet")
    assert (outcome.out, outcome.err) == ("", "wrote 3 rows to out.parquet\n")
    assert pq.read_table(tmp_path / "out.parquet").num_rows == 3
    failed = parquetry("sql", "SELECT error('no')", "--format", "csv", "-o", "bad.csv")
    assert failed.code == 3
    assert [p.name for p in tmp_path.iterdir() if "bad" in p.name] == []


def test_an_unwritable_file_is_an_error(lake: Path, parquetry: Runner) -> None:
    outcome = parquetry("sql", "SELECT 1", "-o", "no/such/dir/x")
    assert outcome.code == 3
    assert outcome.err.startswith("error: cannot write no/such/dir/x: ")


def test_the_query_comes_from_a_file_or_stdin(
    lake: Path, tmp_path: Path, parquetry: Runner
) -> None:
    (tmp_path / "q.sql").write_text("SET threads = 1; SELECT 42 AS answer; -- done\n")
    assert "42" in parquetry("sql", "-f", "q.sql").out
    piped = in_process("sql", "--format", "csv", cwd=tmp_path, stdin="SELECT 43 AS answer")
    assert piped.out == "answer\n43\n"
    assert parquetry("sql", "-f", "missing.sql").code == 3
    assert parquetry("sql", "SELECT 1", "-f", "q.sql").code == 2
    assert parquetry("sql", " ; -- nothing").code == 2


def test_ref_says_what_a_bare_table_means(lake: Path, parquetry: Runner) -> None:
    count = parquetry(
        "sql", "--ref", "main~1", "--format", "csv", "SELECT count(amount) FROM orders"
    )
    assert count.out.splitlines()[1] == "3"


@pytest.mark.parametrize(
    ("query", "hint"),
    [("FROM ordrs", "did you mean orders?"), ("FROM ordrs@main", "did you mean orders?")],
)
def test_an_unknown_table_in_a_query_names_the_nearest(
    lake: Path, parquetry: Runner, query: str, hint: str
) -> None:
    outcome = parquetry("sql", query)
    assert outcome.code == 3
    assert hint in outcome.err


def test_an_error_keeps_stdout_empty(lake: Path, parquetry: Runner) -> None:
    outcome = parquetry("sql", "SELEC 1")
    assert (outcome.code, outcome.out) == (3, "")
    assert outcome.err.startswith("error: ")


def test_many_rows_are_counted_not_printed(lake: Path, parquetry: Runner) -> None:
    lines = parquetry("sql", "FROM range(2500)").out.splitlines()
    assert lines[-1] == "(1,000 of 2,500 rows)"
    assert len(lines) == 1003


def test_a_closed_pipe_ends_a_stream_quietly(lake: Path, tmp_path: Path) -> None:
    import subprocess
    import sys

    script = (
        f"{sys.executable} -m cli.main sql --format csv 'FROM range(300000)' | head -2; "
        "echo ${PIPESTATUS[0]}"
    )
    done = subprocess.run(
        ["bash", "-c", script],
        capture_output=True,
        encoding="utf-8",
        cwd=tmp_path,
        check=True,
        env={"PYTHONPATH": str(Path(__file__).parents[2]), "PATH": "/usr/bin:/bin"},
    )
    assert (done.stdout, done.stderr) == ("range\n0\n0\n", "")


def test_answers_come_in_batches_that_fit_in_memory() -> None:
    wide = f"SELECT {', '.join(f'i AS c{n}' for n in range(3000))} FROM range(5000) t(i)"
    with duckdb.connect() as con:
        for query, most in (("FROM range(70000)", 32_768), (wide, 2_048)):
            reader = rows_of(con.sql(query), ResultFormat.CSV)
            assert reader is not None
            assert max(batch.num_rows for batch in reader) == most


def test_the_shell_reads_statements_from_a_pipe_and_goes_on_after_errors(
    lake: Path, tmp_path: Path
) -> None:
    typed = (
        ".tables\nSELECT count(*) AS n,\n  ';' AS s FROM orders;\nSELEC; FROM ordrs;\n"
        ".schema orders@main~1\n.nope\n.refs\nSELECT 7 AS last"
    )
    outcome = in_process("shell", cwd=tmp_path, stdin=typed)
    assert outcome.code == 1
    assert "orders  5 rows" in outcome.out
    assert "5  ;" in outcome.out
    assert "DOUBLE" in outcome.out
    assert "main  branch" in outcome.out
    assert outcome.out.endswith("last\n────\n   7\n(1 row)\n")
    assert outcome.err.count("error: ") == 3
    assert "hint: did you mean orders?" in outcome.err


def test_the_shell_ends_at_quit(lake: Path, tmp_path: Path) -> None:
    outcome = in_process("shell", cwd=tmp_path, stdin=".help\n.quit\nSELECT 1;")
    assert outcome.code == 0
    assert ".quit" in outcome.out
    assert "(1 row)" not in outcome.out


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SELECT 1; SELECT 2", Split(("SELECT 1",), "SELECT 2")),
        ("SELECT ';' -- ;\n, \"a;b\";", Split(("SELECT ';' -- ;\n, \"a;b\"",), "")),
        ("SELECT 'open;", Split((), "SELECT 'open;")),
        ("-- nothing\n;;", Split((), "")),
        ("FROM orders@main~1;", Split(("FROM orders@main~1",), "")),
    ],
)
def test_statements_are_cut_at_their_semicolons(text: str, expected: Split) -> None:
    assert split(text) == expected


def test_export_writes_plain_files(lake: Path, tmp_path: Path, parquetry: Runner) -> None:
    assert parquetry("export", "orders@main~1", "out").code == 0
    with duckdb.connect() as con:
        rows = con.execute(f"SELECT count(*) FROM '{tmp_path}/out/**/*.parquet'").fetchone()
    assert rows == (5,)
    assert parquetry("export", "orders@main~1", "out").code == 3
    report = json.loads(parquetry("export", "orders", "o.csv", "--format", "csv", "--json").out)
    assert report["rows"] == 5


def test_views_are_a_database_that_duckdb_opens(
    lake: Path, tmp_path: Path, parquetry: Runner
) -> None:
    assert parquetry("views", "lake.duckdb", "--ref", "main~1").code == 0
    with duckdb.connect(str(tmp_path / "lake.duckdb"), read_only=True) as con:
        assert con.execute("SELECT count(amount) FROM orders").fetchone() == (3,)
    assert parquetry("views", "lake.duckdb").code == 3
    assert parquetry("views", "lake.duckdb", "--replace").code == 0


def test_a_damaged_file_is_named_with_what_to_do(lake: Path, parquetry: Runner) -> None:
    for path in (lake / "data/orders").rglob("*.parquet"):
        path.chmod(0o644)
        path.write_bytes(path.read_bytes()[:-4] + b"xxxx")
    outcome = parquetry("sql", "SELECT sum(amount) FROM orders")
    assert outcome.code != 0
    assert "cannot be read: No magic bytes found at end" in outcome.err
    assert "restore the file from a backup" in outcome.err
    assert "sql-error" not in outcome.err
