"""Steps side by side, against DuckDB alone, which does them one after the other."""

import random
import shutil
from pathlib import Path

import duckdb
import pytest

from catalog import Catalog
from catalog.model.backfill import Backfill
from catalog.operations.fixes.arguments import fix_of
from catalog.operations.fixes.plan import planned_steps
from catalog.operations.fixes.run import FixRun, run_fix
from tests.effort import effort

STATEMENTS = [
    "UPDATE t SET v = v + $p WHERE p = $p",
    "UPDATE t SET v = v * 2 WHERE id % 4 = $p",
    "UPDATE t SET v = (SELECT sum(v) FROM t WHERE p <> $p) WHERE p = $p",
    "UPDATE t SET p = (p + 1) % 4 WHERE p = $p AND v % 2 = 0",
    "UPDATE t SET v = v + n FROM u WHERE u.p = t.p AND t.p = $p",
    "DELETE FROM t WHERE p = $p AND v % 3 = 0",
    "DELETE FROM u WHERE n < (SELECT count(*) FROM t WHERE p = $p)",
    "INSERT INTO t SELECT 1000 + 100 * $p + id, p, v FROM t WHERE p = $p AND id < 1000",
    "INSERT INTO u SELECT $p, count(*) FROM t WHERE v > $p",
    "INSERT INTO u SELECT p, sum(v) FROM t WHERE p < $p GROUP BY p",
]
TABLES = {
    "t": "SELECT range AS id, (range % 4) AS p, (range * 7 % 11) AS v FROM range(24)",
    "u": "SELECT range AS p, range + 1 AS n FROM range(4)",
}


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("template") / "c"
    with Catalog.create(root, author="tester").transaction("main", message="rows") as tx:
        for name, query in TABLES.items():
            rows = duckdb.sql(query).to_arrow_table()
            tx.write(name, rows, mode="append", partition_by=["p"])
    return root


def rows_of(con: "duckdb.DuckDBPyConnection", name: str) -> list[object]:
    return con.execute(f"SELECT * FROM {name} ORDER BY ALL").fetchall()


@pytest.mark.parametrize("seed", range(effort(4, 60)))
def test_steps_side_by_side_do_what_they_do_in_order(
    template: Path, tmp_path: Path, seed: int
) -> None:
    choose = random.Random(seed)
    statements = choose.sample(STATEMENTS, choose.randint(1, 3))
    statements += [] if any("$p" in one for one in statements) else ["SELECT $p"]
    values = choose.sample(range(4), 4)
    shutil.copytree(template, tmp_path / "c")
    cat = Catalog.open(tmp_path / "c", author="tester")
    fix = fix_of(";\n".join(statements), repetition={"p": values})
    assert fix is not None
    base = cat.resolve("main").commit_id
    plan = planned_steps(cat.context, fix, base)
    backfill = Backfill("x", "0", "main", base, fix.identity, steps=plan.steps, kinds=plan.kinds)
    cat.branches.create(backfill.branch, at=base)
    run_fix(fix, FixRun(cat.context, backfill, plan.steps, jobs=choose.randint(2, 4)))
    with duckdb.connect() as con, cat.connect(backfill.branch) as session:
        for name, query in TABLES.items():
            con.execute(f"CREATE TABLE {name} AS {query}")
        for value in values:
            for one in statements:
                con.execute(one, {"p": value})
        for name in TABLES:
            found = session.execute(f"SELECT * FROM {name} ORDER BY ALL").fetchall()
            assert found == rows_of(con, name), (statements, values)
