"""Small files are put together into files of the same rows, in one commit that changes no row."""

import datetime
import decimal
import json
import math
import os
import random
import uuid
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import catalog
from catalog.catalog import Catalog
from catalog.write.compact.plan import is_small
from catalog.write.compact.table import TableCompaction
from catalog.write.publish import MAX_ATTEMPTS

Rows = Counter[str]

TEXTS = pa.list_(pa.string())
PAIRS = pa.struct({"a": pa.int64(), "b": pa.string()})


@pytest.fixture
def cat(tmp_path: Path) -> Catalog:
    return catalog.create(str(tmp_path / "lake"))


def appended(cat: Catalog, table: str, *parts: object, **options: Any) -> None:
    for number, part in enumerate(parts):
        with cat.transaction() as tx:
            tx.write(table, part, mode="append", **(options if number == 0 else {}))


def run(cat: Catalog, sql: str) -> None:
    with cat.transaction() as tx:
        tx.sql(sql)


def rows_of(cat: Catalog, ref: str = "t@main") -> Rows:
    """Returns the multiset of a table's rows, as texts; read by DuckDB from the listed files."""
    return Counter(map(str, cat.sql(f"SELECT * FROM {ref}").fetchall()))


def by_partition(cat: Catalog, ref: str, column: str) -> dict[object, Rows]:
    found: dict[object, Rows] = {}
    names = [name for name, *_ in cat.sql(f"DESCRIBE {ref}").fetchall()]
    for row in cat.sql(f"SELECT * FROM {ref}").fetchall():
        found.setdefault(row[names.index(column)], Counter())[str(row)] += 1
    return found


def files(cat: Catalog, table: str = "t") -> list[Path]:
    return [Path(one.uri) for one in cat.files(table)]


def outcome(cat: Catalog, before: str = "main~1", after: str = "main") -> list[str]:
    return [table.outcome for table in cat.diff(before, after).view.tables]


def small_parts(count: int, rows: int = 20, seed: int = 1) -> list[pa.Table]:
    draw = random.Random(seed)
    parts = []
    for number in range(count):
        ids = [draw.randrange(10**6) * count + number for _ in range(rows)]
        parts.append(
            pa.table(
                {
                    "id": pa.array([*ids[:-2], None, ids[0]], pa.int64()),
                    "day": [f"d{one // 16 % 3}" for one in ids],
                    "x": [math.nan if one % 5 == 0 else one / 7 for one in ids],
                    "tags": pa.array([[str(one), None] if one % 2 else None for one in ids], TEXTS),
                    "s": pa.array([{"a": one, "b": None} for one in ids], PAIRS),
                    "price": pa.array(
                        [decimal.Decimal(one) / 100 for one in ids], pa.decimal128(18, 2)
                    ),
                    "at": [datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC)] * rows,
                }
            )
        )
    return parts


@pytest.mark.invariant("Putting small files together changes no row, in no partition")
def test_rows_stay_with_null_and_duplicate_keys_nan_and_nested_values(cat: Catalog) -> None:
    appended(cat, "t", *small_parts(6), key=["id"], partition_by=["day"])
    before = by_partition(cat, "t@main", "day")
    schema = cat.schema("t")
    report = cat.compact()
    assert by_partition(cat, "t@main", "day") == before == by_partition(cat, "t@main~1", "day")
    assert cat.schema("t") == schema
    (told,) = report.tables
    assert (told.small_files, told.into, told.partitions) == (18, 3, 3)
    assert len(files(cat)) == 3
    for one in files(cat):
        ids = [n for n in pq.read_table(one, partitioning=None)["id"].to_pylist() if n is not None]
        assert ids == sorted(ids), "rows are in the order of the key"
    assert outcome(cat) == ["rewritten"]
    for column, value in (("x", "'nan'::DOUBLE"), ("id", "NULL")):
        same = f"{column} IS NOT DISTINCT FROM {value}"
        counts = [
            cat.sql(f"SELECT count(*) FROM t@main{n} WHERE {same}").limit(1).fetchall()
            for n in ("", "~1")
        ]
        assert counts[0] == counts[1] != [(0,)]


def test_twice_changes_nothing(cat: Catalog) -> None:
    appended(cat, "t", *small_parts(8, rows=300), key=["id"], partition_by=["day"])
    assert cat.compact(target_bytes=20_000).commit is not None
    head = cat.resolve("main").commit_id
    again = cat.compact(target_bytes=20_000)
    assert (again.commit, cat.resolve("main").commit_id) == (None, head)
    sizes: dict[str, list[int]] = {}
    for one in cat.files("t"):
        sizes.setdefault(str(one.partition), []).append(one.size_bytes)
    assert all(len(own) > 1 and sum(2 * n < 20_000 for n in own) <= 1 for own in sizes.values())
    assert max(max(own) for own in sizes.values()) < 30_000


def test_files_that_are_large_enough_and_files_alone_stay(cat: Catalog) -> None:
    large = pa.table({"id": range(5_000), "v": [str(uuid.uuid4()) for _ in range(5_000)]})
    appended(cat, "t", large, large.slice(0, 10), key=["id"])
    before = [one.path for one in cat.files("t")]
    assert cat.compact(target_bytes=100_000).commit is None
    appended(cat, "t", large.slice(10, 10))
    assert cat.compact(target_bytes=100_000).tables[0].small_files == 2
    assert len({one.path for one in cat.files("t")} & {*before}) == 1


def test_a_table_without_a_key_keeps_the_order_of_its_files(cat: Catalog) -> None:
    appended(cat, "t", *(pa.table({"n": [n * 10 + i for i in range(7, 0, -1)]}) for n in range(5)))
    rows = [n for one in files(cat) for n in pq.read_table(one)["n"].to_pylist()]
    cat.compact(["t"])
    (one,) = files(cat)
    assert pq.read_table(one)["n"].to_pylist() == rows


def test_columns_that_came_and_types_that_changed(cat: Catalog) -> None:
    appended(
        cat, "t", pa.table({"id": pa.array([3, 1], pa.int32()), "x": [1.5, math.nan]}), key=["id"]
    )
    appended(cat, "t", pa.table({"id": pa.array([2], pa.int32()), "x": [2.5], "note": ["new"]}))
    run(cat, "ALTER TABLE t ALTER id TYPE BIGINT")
    run(cat, "ALTER TABLE t RENAME COLUMN x TO y")
    appended(cat, "t", pa.table({"id": [2**40], "y": [None], "note": [None]}))
    before = rows_of(cat)
    assert cat.compact().tables[0].into == 1
    assert rows_of(cat) == before and outcome(cat) == ["rewritten"]
    assert str(pq.read_schema(files(cat)[0]).field("id").type) == "int64"


def test_a_column_that_was_dropped_comes_back_with_its_values(cat: Catalog) -> None:
    appended(cat, "t", *(pa.table({"id": [n], "x": [n * 10]}) for n in range(4)), key=["id"])
    before = rows_of(cat)
    run(cat, "ALTER TABLE t DROP COLUMN x")
    dropped = cat.resolve("main").commit_id
    cat.compact()
    assert outcome(cat) == ["rewritten"]
    cat.revert(dropped, branch="main")
    assert rows_of(cat) == before
    assert cat.diff("main~3", "main").view.tables[0].rows_changed == 0


ENGINE_ROWS = """
    SELECT i AS id, uuid() AS u, to_days(i::INTEGER) AS span, ('{"a": ' || i || '}')::JSON AS j
    FROM range(200) r(i)
"""


def test_types_that_only_the_engine_writes(cat: Catalog) -> None:
    run(cat, f"CREATE TABLE t AS {ENGINE_ROWS}")
    for _ in range(5):
        run(cat, f"INSERT INTO t {ENGINE_ROWS}")
    before = rows_of(cat)
    report = cat.compact(target_bytes=12_000)
    assert report.tables[0].small_files == 6 and report.tables[0].into > 1
    assert rows_of(cat) == before and outcome(cat) == ["rewritten"]
    assert cat.compact(target_bytes=12_000).commit is None


@pytest.mark.parametrize("mode", ["copy", "link", "reference"])
def test_files_of_others_become_own_ones(cat: Catalog, tmp_path: Path, mode: Any) -> None:
    source = tmp_path / "source"
    for number, part in enumerate(small_parts(4)):
        folder = source / f"part={number % 2}"
        folder.mkdir(parents=True, exist_ok=True)
        pq.write_table(part, folder / f"{number}.parquet")
    with cat.transaction() as tx:
        tx.snapshot("t", str(source), mode=mode, key=["id"])
    before, bytes_before = rows_of(cat), {p: p.read_bytes() for p in source.rglob("*.parquet")}
    cat.compact()
    assert rows_of(cat) == before == rows_of(cat, "t@main~1")
    assert all(str(one).startswith(str(tmp_path / "lake")) for one in files(cat))
    assert {p: p.read_bytes() for p in source.rglob("*.parquet")} == bytes_before
    for path in source.rglob("*.parquet"):
        path.unlink()
    assert rows_of(cat) == before


def test_empty_tables_and_file_sets_are_passed_over(cat: Catalog, tmp_path: Path) -> None:
    appended(cat, "empty", pa.table({"id": pa.array([], pa.int64())}))
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "a.txt").write_text("a")
    with cat.transaction() as tx:
        tx.snapshot("images", str(tmp_path / "images"), format="files")
    report = cat.compact()
    assert report.commit is None
    assert [bool(one.passed_over) for one in report.tables] == [False, True]
    with pytest.raises(catalog.InvalidInput, match="file set"):
        cat.compact(["images"])
    with pytest.raises(catalog.NotFound):
        cat.compact(["none"])


def test_files_without_rows_go(cat: Catalog, tmp_path: Path) -> None:
    (source := tmp_path / "source").mkdir()
    for name, ids in (("a", []), ("b", []), ("c", [1])):
        pq.write_table(pa.table({"id": pa.array(ids, pa.int64())}), source / f"{name}.parquet")
    with cat.transaction() as tx:
        tx.snapshot("t", str(source))
    assert len(files(cat)) == 3
    assert cat.compact().tables[0].into == 1
    assert rows_of(cat) == Counter(["(1,)"]) and outcome(cat) == ["rewritten"]
    (source / "c.parquet").unlink()
    with cat.transaction() as tx:
        tx.snapshot("u", str(source))
    cat.compact(["u"])
    assert cat.files("u") == []
    (told,) = cat.diff("main~1", "main").view.tables
    assert told.rows_changed == 0


@pytest.mark.parametrize("column", ["day", "place0", "PLACE0", "parquetry_place", "order", 'q"x'])
@pytest.mark.parametrize(
    "where, chosen",
    [
        ("{} IS NULL", [None]),
        ("{} = 'NULL'", ["NULL"]),
        ("{} IS NULL OR {} = ''", [None, ""]),
        ("{} LIKE 'x_y'", ["x/y", "x=y"]),
        ("true", [None, "NULL", "", "x/y", "x=y", "a'b"]),
    ],
)
def test_a_partition_of_null_is_not_one_of_the_text(
    cat: Catalog, column: str, where: str, chosen: list[str | None]
) -> None:
    values = pa.array([None, "NULL", "", "x/y", "x=y", "a'b"], pa.string())
    parts = [pa.table({"id": range(n, n + 6), column: values}) for n in (0, 10, 20)]
    appended(cat, "t", *parts, partition_by=[column])
    before = rows_of(cat)
    quoted = '"' + column.replace('"', '""') + '"'
    cat.compact(["t"], partitions=[where.replace("{}", quoted)])
    assert rows_of(cat) == before
    got = Counter(one.values[column] for one in cat.partitions("t") if one.files == 1)
    assert got == Counter(chosen)


def test_a_partition_named_as_it_is_listed_may_be_two(cat: Catalog) -> None:
    parts = [pa.table({"id": [n, n], "day": [None, "NULL"]}) for n in range(3)]
    appended(cat, "t", *parts, partition_by=["day"])
    cat.compact(["t"], partitions=["day=NULL"])
    assert {one.values["day"]: one.files for one in cat.partitions("t")} == {None: 1, "NULL": 1}


def test_partitions_are_chosen_by_values_and_conditions(cat: Catalog) -> None:
    appended(cat, "t", *small_parts(3), key=["id"], partition_by=["day"])
    appended(cat, "plain", pa.table({"id": [1]}), pa.table({"id": [2]}))
    for asked, partitions in (["day=d1"], 1), (["day > 'd0'"], 2), (["day=d0", "t.day = 'd2'"], 2):
        (told,) = cat.compact(["t"], partitions=asked, dry_run=True).tables
        assert told.partitions == partitions, asked
    for wrong in "day=d9 nonsense", "nix = 1", "(SELECT true)", "day) OR (true":
        with pytest.raises(catalog.InvalidInput):
            cat.compact(["t"], partitions=[wrong])
    with pytest.raises(catalog.InvalidInput, match="not partitioned"):
        cat.compact(["plain"], partitions=["day=d1"])
    with pytest.raises(catalog.InvalidInput, match="at least"):
        cat.compact(target_bytes=10)
    cat.compact(["t"], partitions=["day=d1"])
    assert len(files(cat)) == 7


@pytest.mark.invariant("A diff across a compaction opens no data file")
@pytest.mark.parametrize("key", [["id"], None])
def test_a_diff_across_it_needs_no_data_file(cat: Catalog, tmp_path: Path, key: Any) -> None:
    appended(cat, "t", *small_parts(5), key=key, partition_by=["day"])
    cat.compact()
    appended(cat, "t", *small_parts(2, seed=3))
    (data := tmp_path / "lake" / "data").rename(tmp_path / "away")
    cache = tmp_path / "lake" / "cache"
    cache.rename(tmp_path / "cache")
    fresh = catalog.open(str(tmp_path / "lake"))
    (table,) = fresh.diff("main~3", "main~2").view.tables
    assert (table.outcome, table.rows_changed) == ("rewritten", 0)
    backwards = fresh.diff("main~2", "main~3").view.tables[0]
    assert backwards.outcome == "rewritten"
    assert fresh.diff("main~3", "main~2").tables[0].coverage.bytes_read == 0
    assert fresh.diff("main~3", "main~2", level="stat").view.tables[0].outcome == "rewritten"
    assert fresh.diff("main~3", "main~2", level="rows").tables[0].changes().read_all().num_rows == 0
    (tmp_path / "away").rename(data)
    cat.compact()
    (table,) = cat.diff("main~4", "main~3").view.tables
    assert cat.diff("main~4", "main").view.tables[0].rows.inserted == 40


def test_what_was_put_together_again_and_again_is_still_known(cat: Catalog, tmp_path: Path) -> None:
    appended(cat, "t", *small_parts(4), key=["id"])
    start = cat.resolve("main").commit_id
    cat.compact(target_bytes=3_000)
    cat.compact(target_bytes=9_000)
    cat.compact()
    assert len(files(cat)) == 1
    (tmp_path / "lake" / "data").rename(tmp_path / "away")
    fresh = catalog.open(str(tmp_path / "lake"))
    assert outcome(fresh, start, "main") == ["rewritten"]


def test_damaged_files_do_not_become_good_ones(cat: Catalog) -> None:
    appended(cat, "t", *small_parts(3), key=["id"])
    damaged = files(cat)[1]
    content = bytearray(damaged.read_bytes())
    content[len(content) // 3] ^= 1
    damaged.chmod(0o644)
    damaged.write_bytes(bytes(content))
    head = cat.resolve("main").commit_id
    with pytest.raises(catalog.CorruptData):
        cat.compact()
    assert cat.resolve("main").commit_id == head
    os.unlink(damaged)
    with pytest.raises(catalog.CorruptData):
        cat.compact()


def test_another_writer_who_appends_is_not_in_the_way(
    cat: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    appended(cat, "t", *small_parts(4), key=["id"], partition_by=["day"])
    told = meddled(cat, monkeypatch, lambda: appended(cat, "t", *small_parts(1, seed=9)))
    assert len(told) == 1, "nothing is written again"
    assert outcome(cat) == ["rewritten"]
    assert len(files(cat)) == 6


def test_another_writer_who_rewrites_is_met_in_that_partition(
    cat: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    appended(cat, "t", *small_parts(4), key=["id"], partition_by=["day"])

    def update() -> None:
        run(cat, "UPDATE t SET price = price + 1 WHERE day = 'd1'")

    told = meddled(cat, monkeypatch, update)
    assert [len(one) for one in told] == [3, 1]
    assert outcome(cat) == ["rewritten"] and len(files(cat)) == 3


def test_a_partition_that_others_keep_changing_is_left(
    cat: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    appended(cat, "t", *small_parts(4), key=["id"], partition_by=["day"])

    def update() -> None:
        run(cat, "UPDATE t SET price = price + 1 WHERE day = 'd1'")

    meddled(cat, monkeypatch, update, times=MAX_ATTEMPTS)
    assert outcome(cat) == ["rewritten"] and len(files(cat)) == 6


def meddled(
    cat: Catalog, monkeypatch: pytest.MonkeyPatch, meddle: Any, *, times: int = 1
) -> list[list[object]]:
    """Compacts while somebody meddles after files were put together; tells of which partitions."""
    told: list[list[object]] = []
    inner = TableCompaction._put_together

    def outer(self: TableCompaction, table: Any, wanted: Any) -> None:
        before = dict(self.done)
        inner(self, table, wanted)
        put = [one for one in self.done if one not in before]
        if put:
            told.append(put)
            if len(told) <= times:
                meddle()

    monkeypatch.setattr(TableCompaction, "_put_together", outer)
    before = cat.compact()
    monkeypatch.undo()
    assert before.commit is not None
    return told


def test_protected_branches_take_none(cat: Catalog) -> None:
    appended(cat, "t", *small_parts(2), key=["id"])
    cat.branches.protect("main")
    with pytest.raises(catalog.Conflict, match="protected"):
        cat.compact()


def test_the_lineage_says_compact_and_the_history_of_rows_nothing(cat: Catalog) -> None:
    appended(cat, "t", *(pa.table({"id": [n, n + 10], "x": [n, n]}) for n in range(3)), key=["id"])
    cat.compact()
    (told,) = cat.log("main", limit=1)
    assert told.message == "compact of t" and told.id == cat.resolve("main").commit_id
    past = cat.history("t", key={"id": 1})
    assert [state.commit.id for state in past.states] == [cat.resolve("main~2").commit_id]


def test_statistics_are_those_of_the_rows(cat: Catalog) -> None:
    appended(cat, "t", *small_parts(3), key=["id"])
    cat.compact()
    for column in "id", "price", "x":
        [(low, high)] = cat.sql(f"SELECT min({column}), max({column}) FROM t@main~1").fetchall()
        found = cat.sql(f"SELECT min({column}), max({column}) FROM t").limit(1).fetchall()
        assert str(found) == str([(low, high)])
        equal = f"WHERE CAST({column} AS VARCHAR) = '{high}' AND {column} >= '{high}'"
        counts = [
            cat.sql(f"SELECT count(*) FROM {ref} {equal}").fetchall() for ref in ("t", "t@main~1")
        ]
        assert counts[0] == counts[1] != [(0,)], column


def test_the_report_is_json(cat: Catalog) -> None:
    appended(cat, "t", *small_parts(2), key=["id"])
    (gain,) = cat.file_gains()
    assert (gain.small_files, gain.into) == (2, 1)
    assert json.dumps(gain.table) and is_small


def test_a_diff_by_values_does_not_believe_entries(cat: Catalog) -> None:
    appended(cat, "t", *small_parts(3), key=["id"])
    cat.compact()
    (table,) = cat.diff("main~1", "main", method="join").tables
    assert table.coverage.bytes_read > 0
