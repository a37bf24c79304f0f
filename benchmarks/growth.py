"""Measures how costs grow: CPU seconds at a size and at twice that, in one process, in turn.

The exponent is the binary logarithm of their ratio: 1 is linear, 2 quadratic. What a case takes
at any size (starting DuckDB, say) lowers it; what grows too fast shows all the same. ``--only``
takes cases whose names contain a word, ``--scale 0.1`` a tenth of the sizes, and ``--write`` puts
the table into docs/benchmarks.md.
"""

import argparse
import contextlib
import datetime
import gc
import io
import math
import re
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

sys.path.insert(0, str(Path(__file__).parents[1]))

import catalog
from catalog.catalog import Catalog
from catalog.model.datafile import DataFile
from catalog.model.ids import content_id
from catalog.model.schema import Field, FileSchema, PhysicalColumn, Schema
from catalog.model.table import TableSnapshot
from catalog.model.types import Scalar
from catalog.query.parse.analyse import analyse
from catalog.repository.branches import Stamp
from catalog.repository.commit_writer import Description, TableUpdate
from cli.main import run

PAGE = Path(__file__).parents[1] / "docs/benchmarks.md"
BEGIN, END = "<!-- growth: begin -->", "<!-- growth: end -->"

NOW = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
FILES = FileSchema((PhysicalColumn("id", Scalar("BIGINT"), 1),))
SHAPE = TableSnapshot(
    Schema((Field(1, "id", Scalar("BIGINT")),)), 1, file_schemas={FILES.id: FILES}
)

TYPES = (
    pa.int64(),
    pa.float64(),
    pa.string(),
    pa.timestamp("us"),
    pa.decimal128(30, 2),
    pa.int32(),
)

Work = Callable[[], object]
Case = Callable[[Path, int], Work]
"""Prepares something of a size in an empty folder, and returns what is measured."""


def wide_source(
    folder: Path,
    columns: int,
    more: int,
    *,
    changed: int | None = None,
    rows: int = 2,
    kinds: Sequence[pa.DataType] = (pa.int64(),),
) -> str:
    """Writes a table of columns of some types in turn, with other values for another ``more``.

    These are in the first ``changed`` columns, or in all.
    """
    first = columns if changed is None else changed
    values = {}
    for n in range(columns - 1):
        least = n + more * (n < first)
        numbers = pa.array(range(least, least + rows), pa.int64())
        values[f"c{n}"] = numbers.cast(kinds[n % len(kinds)])
    folder.mkdir(exist_ok=True)
    pq.write_table(pa.table({"id": range(rows), **values}), folder / "a.parquet")
    return str(folder)


def snapshot(cat: Catalog, table: str, source: str, *, key: Sequence[str] = ("id",)) -> None:
    with cat.transaction() as tx:
        tx.snapshot(table, source, key=list(key))


def wide(
    folder: Path,
    columns: int,
    *,
    changed: int | None = None,
    rows: int = 2,
    kinds: Sequence[pa.DataType] = (pa.int64(),),
    key: Sequence[str] = ("id",),
) -> Catalog:
    cat = catalog.create(folder / "lake")
    for more in range(2):
        source = wide_source(
            folder / "source", columns, more, changed=changed, rows=rows, kinds=kinds
        )
        snapshot(cat, "t", source, key=key)
    return cat


def first_snapshot(folder: Path, columns: int) -> Work:
    cat = catalog.create(folder / "lake")
    source = wide_source(folder / "source", columns, 0)
    return lambda: snapshot(cat, "t", source)


def next_snapshot(folder: Path, columns: int) -> Work:
    cat = wide(folder, columns)
    source = wide_source(folder / "source", columns, 7)
    return lambda: snapshot(cat, "t", source)


def wide_diff(folder: Path, columns: int) -> Work:
    cat = wide(folder, columns)
    return lambda: cat.diff("main~1", "main").close()


def wide_diff_of_one(folder: Path, columns: int) -> Work:
    cat = wide(folder, columns, changed=1)
    return lambda: cat.diff("main~1", "main").close()


def wide_diff_of_many_rows(folder: Path, columns: int) -> Work:
    cat = wide(folder, columns, rows=20_000)
    return lambda: cat.diff("main~1", "main").close()


def wide_diff_without_key(folder: Path, columns: int) -> Work:
    cat = wide(folder, columns, key=())
    return lambda: cat.diff("main~1", "main").close()


def wide_diff_of_types(folder: Path, columns: int) -> Work:
    cat = wide(folder, columns, kinds=TYPES)
    return lambda: cat.diff("main~1", "main").close()


def wide_diff_of_much_text(folder: Path, columns: int) -> Work:
    cat = wide(folder, columns, rows=20_000, kinds=(pa.string(),))
    return lambda: cat.diff("main~1", "main").close()


def wide_append(folder: Path, columns: int) -> Work:
    cat = wide(folder, columns)
    rows = pq.read_table(Path(wide_source(folder / "source", columns, 7)) / "a.parquet")

    def append() -> None:
        with cat.transaction() as tx:
            tx.write("t", rows, mode="append")

    return append


def wide_merge(folder: Path, columns: int) -> Work:
    """Has a branch change all columns of one row, and main those of another."""
    cat = wide(folder, columns)
    cat.branches.create("work", at="main")
    rows = pq.read_table(Path(wide_source(folder / "source", columns, 7)) / "a.parquet")
    for n, branch in enumerate(("work", "main")):
        with cat.transaction(branch=branch) as tx:
            tx.write("t", rows.slice(n, 1), mode="upsert")
    return lambda: cat.merge("work")


def wide_rows(folder: Path, columns: int) -> Work:
    cat = wide(folder, columns)

    def rows() -> None:
        with cat.diff("main~1", "main", level="rows") as found:
            found["t"].changes().read_all()

    return rows


def wide_update(folder: Path, columns: int) -> Work:
    cat = wide(folder, columns)

    def update() -> None:
        with cat.transaction() as tx:
            tx.sql("UPDATE t SET c1 = 70 WHERE id = 1")

    return update


def wide_schema(folder: Path, columns: int) -> Work:
    cat = wide(folder, columns)
    return lambda: catalog.open(cat.uri).schema("t")


def many_tables(folder: Path, tables: int) -> Catalog:
    """Returns a catalog in which a commit made tables, and another changed all."""
    cat = catalog.create(folder / "lake")
    repository = cat.repository
    for version in range(2):
        parent = cat.resolve("main").commit_id
        entries = repository.commits.entries(parent)
        updates = []
        for n in range(tables):
            name = f"t{n}"
            base = repository.commits.table(entries[name]) if version else None
            snapshot = SHAPE if base is None else base.snapshot
            old = [made_up(name, version - 1)] if version else []
            updates.append(TableUpdate(name, base, snapshot, old, [made_up(name, version)]))
        about = Description("growth", NOW, f"commit {version}")
        made = repository.writer().write([parent], updates, about)
        held = repository.branches.held("main")
        assert held is not None
        repository.branches.move(held, made, Stamp("growth", NOW, "growth"))
    return catalog.open(cat.uri)


def made_up(name: str, version: int) -> DataFile:
    token = content_id(f"{name} {version}".encode())
    return DataFile(f"data/{name}/{token}.parquet", f"sha256:{token}", 1000, 10, (), FILES.id)


def stat_of_tables(folder: Path, tables: int) -> Work:
    cat = many_tables(folder, tables)

    def stat() -> None:
        found = cat.diff("main~1", "main", level="stat")
        found.to_dict()
        for one in found:
            assert found[one.table] is one

    return stat


def listed_tables(folder: Path, tables: int) -> Work:
    cat = many_tables(folder, tables)
    return lambda: cat.tables()


def log_of_tables(folder: Path, tables: int) -> Work:
    cat = many_tables(folder, tables)
    return lambda: cat.log()


def snapshot_of_tables(folder: Path, tables: int) -> Work:
    cat = catalog.create(folder / "lake")
    source = wide_source(folder / "source", 3, 0)

    def commit() -> None:
        with cat.transaction() as tx:
            for n in range(tables):
                tx.snapshot(f"t{n}", source, fingerprints="later")

    return commit


def many_names(folder: Path, names: int) -> Catalog:
    cat = catalog.create(folder / "lake")
    for n in range(names // 2):
        cat.tags.create(f"v{n}", at="main")
        cat.branches.create(f"branch-{n}", at="main")
    return catalog.open(cat.uri)


def log_of_names(folder: Path, names: int) -> Work:
    cat = many_names(folder, names)
    with cat.transaction(allow_empty=True):
        pass
    return lambda: printed("-C", cat.uri, "log", "-n", "1")


def printed(*words: str) -> None:
    with contextlib.redirect_stdout(io.StringIO()):
        assert run(words) == 0


def listed_names(folder: Path, names: int) -> Work:
    cat = many_names(folder, names)
    return lambda: (cat.branches.list(), cat.tags.list())


def long_branch(folder: Path, commits: int) -> Catalog:
    """Returns a catalog with a branch of many commits, and one on main."""
    cat = catalog.create(folder / "lake")
    cat.branches.create("work", at="main")
    for branch, count in (("work", commits), ("main", 1)):
        repository = cat.repository
        head = cat.resolve(branch).commit_id
        for n in range(count):
            entries = repository.commits.entries(head)
            base = repository.commits.table(entries[branch]) if n else None
            snapshot = SHAPE if base is None else base.snapshot
            update = TableUpdate(branch, base, snapshot, [], [made_up(branch, n)])
            about = Description("growth", NOW, f"commit {n}")
            head = repository.writer().write([head], [update], about)
        held = repository.branches.held(branch)
        assert held is not None
        repository.branches.move(held, head, Stamp("growth", NOW, "growth"))
    return catalog.open(cat.uri)


def rebase(folder: Path, commits: int) -> Work:
    cat = long_branch(folder, commits)
    return lambda: cat.rebase("work", onto="main")


def base_of_merge(folder: Path, commits: int) -> Work:
    cat = long_branch(folder, commits)
    return lambda: cat.merge_base("work", "main")


def numbers(count: int) -> str:
    return ", ".join(map(str, range(count)))


def in_list(folder: Path, count: int) -> Work:
    text = f"SELECT * FROM t@main WHERE id IN ({numbers(count)})"
    return lambda: analyse(text)


def values(folder: Path, count: int) -> Work:
    text = f"INSERT INTO t VALUES {', '.join(f'({n}, $$x{n}$$)' for n in range(count))}"
    return lambda: analyse(text)


def nested(folder: Path, depth: int) -> Work:
    text = f"SELECT {'(' * depth}id{')' * depth} FROM t@main"
    return lambda: analyse(text)


CASES: dict[str, tuple[Case, int, str]] = {
    "snapshot": (first_snapshot, 2500, "columns"),
    "next snapshot": (next_snapshot, 2500, "columns"),
    "diff, all changed": (wide_diff, 2500, "columns"),
    "diff, one changed": (wide_diff_of_one, 2500, "columns"),
    "diff, 20,000 rows of which all cells changed": (wide_diff_of_many_rows, 128, "columns"),
    "diff, 20,000 rows of which all texts changed": (wide_diff_of_much_text, 128, "columns"),
    "diff, without a key": (wide_diff_without_key, 2500, "columns"),
    "diff, columns of six types": (wide_diff_of_types, 2500, "columns"),
    "append": (wide_append, 2500, "columns"),
    "merge": (wide_merge, 625, "columns"),
    "changed rows": (wide_rows, 2500, "columns"),
    "UPDATE": (wide_update, 2500, "columns"),
    "schema": (wide_schema, 2500, "columns"),
    "snapshots in a commit": (snapshot_of_tables, 250, "tables"),
    "diff --stat": (stat_of_tables, 2500, "tables"),
    "tables": (listed_tables, 2500, "tables"),
    "log": (log_of_tables, 2500, "tables"),
    "log -n 1": (log_of_names, 5000, "branches and tags"),
    "branches and tags": (listed_names, 5000, "branches and tags"),
    "rebase": (rebase, 2000, "commits"),
    "merge base": (base_of_merge, 2000, "commits"),
    "IN": (in_list, 40_000, "numbers"),
    "INSERT": (values, 20_000, "rows"),
    "parentheses": (nested, 400, "parentheses"),
}


@dataclass(frozen=True)
class Growth:
    """Is what a case costs at a size and at twice that, in CPU seconds."""

    name: str
    size: int
    unit: str
    once: float
    twice: float

    @property
    def exponent(self) -> float:
        return math.log2(max(self.twice, 1e-3) / max(self.once, 1e-3))

    def row(self) -> str:
        cells = (
            self.name,
            f"{self.size:,} {self.unit}",
            f"{self.once:.2f}",
            f"{self.twice:.2f}",
            f"{self.exponent:.1f}",
        )
        return f"| {' | '.join(cells)} |"


def measured(case: Case, size: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        work = case(Path(folder), size)
        gc.collect()
        start = time.process_time()
        work()
        return time.process_time() - start


def growth(name: str, scale: float) -> Growth:
    case, size, unit = CASES[name]
    size = max(2, int(size * scale))
    measured(case, max(2, size // 20))  # imports
    return Growth(name, size, unit, measured(case, size), measured(case, 2 * size))


HEAD = "| what | size | CPU s | twice the size, CPU s | exponent |\n|---|---|---:|---:|---:|"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="cases whose names contain it")
    parser.add_argument("--scale", type=float, default=1.0, help="of the sizes")
    parser.add_argument("--write", action="store_true", help="put the table into the page")
    chosen = parser.parse_args()
    print(HEAD)
    rows = []
    for name in CASES:
        if chosen.only in name:
            rows.append(growth(name, chosen.scale).row())
            print(rows[-1], flush=True)
    if chosen.write:
        table = "\n".join([HEAD, *rows])
        page = PAGE.read_text(encoding="utf-8")
        between = re.compile(f"{re.escape(BEGIN)}.*?{re.escape(END)}", re.DOTALL)
        PAGE.write_text(between.sub(f"{BEGIN}\n{table}\n{END}", page), encoding="utf-8")


if __name__ == "__main__":
    main()
