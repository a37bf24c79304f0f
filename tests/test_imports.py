"""Where pandas or Pillow is installed it is not imported: that takes longer than most commands."""

import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]

PREPARED = """
import sys
import catalog
import duckdb

cat = catalog.create(sys.argv[1])
ROWS = '''SELECT i AS id, 'v' || i % 50000 AS s, if(i % 9 = 0, NULL, i / 2.0) AS x,
    [i, i + 1] AS l, {'a': i} AS st, DATE '2024-01-01' + (i % 3)::INT AS day, i % 2 AS p
    FROM range(150000) r(i) ORDER BY ORDERED'''

def write(order):
    rows = duckdb.sql(ROWS.replace("ORDERED", order))
    with cat.transaction("main") as tx:
        tx.write("t", rows, mode="overwrite", key=["id"], partition_by=["p"])
        tx.write("u", rows, mode="overwrite", partition_by=["p"])

def diff(**how):
    with cat.diff("main~1", "main", level="rows") as found:
        for table in found:
            for batch in table.changes(**how):
                pass
    cat.diff("main~1", "main")

write("id")
"""

WAYS = {
    "update": """
with cat.transaction("main") as tx:
    tx.sql("UPDATE t SET x = 0 WHERE x IS NULL")
    tx.sql("DELETE FROM u WHERE id < 10")
diff()
diff(columns="changed")
""",
    "shuffled": """
write("hash(id)")
diff()
""",
    "merge": """
cat.branches.create("side", at="main")
for branch, column in (("main", "x = 1"), ("side", "s = 'q'")):
    with cat.transaction(branch) as tx:
        tx.sql(f"UPDATE t SET {column} WHERE id % 1000 = 3")
        tx.sql(f"INSERT INTO u SELECT * REPLACE (-id - 1 AS id) FROM t WHERE id < 5")
cat.merge("side")
cat.revert("main", branch="main")
""",
    "many files": """
folder = sys.argv[1] + "-many"
rows = "SELECT n, n AS p FROM range(300) r(n)"
duckdb.sql(f"COPY ({rows}) TO '{folder}' (FORMAT parquet, PARTITION_BY (p))")
with cat.transaction("main") as tx:
    tx.snapshot("many", folder)
again = catalog.open(sys.argv[1])
with again.transaction("main") as tx:
    tx.sql("INSERT INTO many VALUES (1000, 1000)")
assert len(catalog.open(sys.argv[1]).files("many")) == 301
""",
    "files": """
import os
folder = sys.argv[1] + "-set"
os.makedirs(folder)
for name in ("a", "b"):
    open(f"{folder}/{name}", "w").close()
    with cat.transaction("main") as tx:
        tx.snapshot("set", folder, format="files")
with cat.transaction("main") as tx:
    tx.sql("DELETE FROM set WHERE path = 'a'")
cat.export("set", sys.argv[1] + "-restored", format="files")
cat.open_file("set", "b").close()
""",
    "snapshot": """
cat.export("t", sys.argv[1] + "-out", ref="main")
with cat.transaction("main") as tx:
    tx.snapshot("again", sys.argv[1] + "-out", key=["id"])
""",
}


def test_neither_pandas_nor_pillow_is_imported(tmp_path: Path) -> None:
    """One process goes all ways, and says after each which of them are imported."""
    pytest.importorskip("pandas")
    pytest.importorskip("PIL")
    heavy = "{'pandas', 'PIL'} & set(sys.modules)"
    after = [f"{way}\nprint(sorted({heavy}))" for way in WAYS.values()]
    done = subprocess.run(
        [sys.executable, "-c", "\n".join([PREPARED, *after]), str(tmp_path / "lake")],
        env={"PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.stderr == ""
    answers = dict(zip(WAYS, done.stdout.splitlines(), strict=True))
    assert answers == dict.fromkeys(WAYS, "[]")
