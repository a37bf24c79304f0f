"""Branches published as tables of Delta, read by deltalake, Polars and another DuckDB."""

import contextlib
import datetime
import decimal
import errno
import json
import os
import random
import shutil
import zoneinfo
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeAlias

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable, QueryBuilder
from deltalake.exceptions import CommitFailedError

import catalog
from catalog import (
    AlreadyExists,
    CatalogError,
    CorruptData,
    ErrorKind,
    NotFound,
    StorageFailure,
    Unsupported,
)
from catalog.catalog import Catalog
from catalog.operations.publication import delta, folder
from catalog.storage.local import LocalStore
from tests.effort import effort
from tests.second_reader import SecondReader, second_python

Row: TypeAlias = dict[str, Any]

UTC = zoneinfo.ZoneInfo("UTC")

ORDERS = pa.table(
    {
        "id": [1, 2, 3],
        "amount": [1.5, float("nan"), None],
        "day": ["2024-01-01", "2024-01-02", None],
        "n": pa.array([1, 2, 3], pa.int32()),
    }
)


@pytest.fixture
def cat(tmp_path: Path) -> Catalog:
    return catalog.create(tmp_path / "lake")


@pytest.fixture(scope="module")
def second() -> Iterator[SecondReader | None]:
    """Yields the other DuckDB; None where there is none, since the others can be asked."""
    if second_python() is None:
        yield None
        return
    with SecondReader() as reader:
        yield reader


def write(cat: Catalog, table: str, rows: pa.Table, **options: Any) -> str:
    with cat.transaction("main", message=f"write {table}") as tx:
        tx.write(table, rows, **{"mode": "append", **options})
    assert tx.commit is not None
    return tx.commit.id


def sql(cat: Catalog, text: str, *, branch: str = "main") -> str:
    with cat.transaction(branch, message=text) as tx:
        tx.sql(text)
    assert tx.commit is not None
    return tx.commit.id


def ordered(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    return sorted(repr(sorted(row.items())) for row in rows)


def plain(rows: pa.Table) -> list[Row]:
    """Returns rows of Arrow with maps and times as Polars gives them."""
    return [dict(row) for row in rows.to_pylist()]


def by_deltalake(place: Path | str, version: int | None = None) -> list[Row]:
    table = DeltaTable(str(place), version=version)
    return plain(
        pa.table(QueryBuilder().register("t", table).execute("SELECT * FROM t").read_all())
    )


def by_polars(place: Path | str, version: int | None = None) -> list[Row]:
    return list(pl.read_delta(str(place), version=version).to_dicts())


def check(
    place: Path | str,
    expected: Sequence[Mapping[str, Any]],
    *,
    second: SecondReader | None,
    version: int | None = None,
) -> None:
    """Checks that all readers see exactly some rows."""
    wanted = ordered(expected)
    assert ordered(by_deltalake(place, version)) == wanted
    assert ordered(by_polars(place, version)) == wanted
    if second is not None:
        at = "" if version is None else f", version = {version}"
        assert ordered(plain(second.table(f"FROM delta_scan('{place}'{at})"))) == wanted


def lines(place: Path, version: int) -> list[dict[str, Any]]:
    text = (place / "_delta_log" / f"{version:020d}.json").read_text()
    return [json.loads(line) for line in text.splitlines()]


def rows(**columns: Sequence[Any]) -> list[Row]:
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


@pytest.mark.invariant("Every version of a published table has exactly the rows of its commit")
def test_every_commit_is_a_version_through_renames_drops_and_wider_types(
    cat: Catalog, tmp_path: Path, second: SecondReader | None
) -> None:
    day, nan = ["2024-01-01", "2024-01-02", None], float("nan")
    states: list[list[Row]] = []
    commits = [write(cat, "orders", ORDERS, key=["id"], partition_by=["day"])]
    states.append(rows(id=[1, 2, 3], amount=[1.5, nan, None], day=day, n=[1, 2, 3]))
    commits.append(sql(cat, "UPDATE orders SET amount = '-0.0'::DOUBLE WHERE id = 3"))
    states.append(rows(id=[1, 2, 3], amount=[1.5, nan, -0.0], day=day, n=[1, 2, 3]))
    commits.append(sql(cat, "ALTER TABLE orders RENAME amount TO price"))
    states.append(rows(id=[1, 2, 3], price=[1.5, nan, -0.0], day=day, n=[1, 2, 3]))
    odd = pa.table({"id": [4], "price": [9.0], "day": ["x y/%&"], "n": pa.array([4], pa.int32())})
    commits.append(write(cat, "orders", odd))
    states.append(
        rows(id=[1, 2, 3, 4], price=[1.5, nan, -0.0, 9.0], day=[*day, "x y/%&"], n=[1, 2, 3, 4])
    )
    commits.append(sql(cat, "ALTER TABLE orders ALTER n TYPE BIGINT"))
    states.append(states[-1])
    commits.append(sql(cat, f"UPDATE orders SET n = {2**40} WHERE id = 4"))
    wide = [1, 2, 3, 2**40]
    states.append(rows(id=[1, 2, 3, 4], price=[1.5, nan, -0.0, 9.0], day=[*day, "x y/%&"], n=wide))
    commits.append(sql(cat, "ALTER TABLE orders DROP price"))
    states.append(rows(id=[1, 2, 3, 4], day=[*day, "x y/%&"], n=wide))
    commits.append(sql(cat, "ALTER TABLE orders ADD price VARCHAR"))
    states.append(rows(id=[1, 2, 3, 4], day=[*day, "x y/%&"], n=wide, price=[None] * 4))
    commits.append(sql(cat, "DELETE FROM orders WHERE id < 5"))
    states.append([])

    report = cat.publish("main", str(tmp_path / "out"))
    place = tmp_path / "out" / "orders"
    (table,) = report.tables
    assert (table.versions, table.version, table.commit) == (9, 8, commits[-1])
    for version, expected in enumerate(states):
        check(place, expected, second=second, version=version)
    shown = [one["parquetry.commit"] for one in reversed(DeltaTable(str(place)).history())]
    assert shown == commits
    times = [one["timestamp"] for one in reversed(DeltaTable(str(place)).history())]
    assert times == [int(one.time.timestamp() * 1000) for one in reversed(cat.log("main")[:9])]


def test_files_are_shared_by_links_and_only_what_is_new_is_written(
    cat: Catalog, tmp_path: Path
) -> None:
    write(cat, "orders", ORDERS, partition_by=["day"])
    assert cat.publish("main", str(tmp_path / "out")).tables[0].files_shared == 3
    own = {os.stat(f.uri).st_ino for f in cat.files("orders")}
    place = tmp_path / "out" / "orders"
    assert {os.stat(path).st_ino for path in place.rglob("*.parquet")} == own
    commit = sql(cat, "UPDATE orders SET n = 7 WHERE id = 1")
    sql(cat, "CREATE TABLE other AS SELECT 1 AS x")
    report = cat.publish("main", str(tmp_path / "out"))
    assert [(t.table, t.versions, t.files_shared) for t in report.tables] == [
        ("orders", 1, 1),
        ("other", 1, 1),
    ]
    assert report.tables[0].commit == commit
    assert [t.versions for t in cat.publish("main", str(tmp_path / "out")).tables] == [0, 0]


@pytest.mark.invariant("Nobody else writes to a published table, or removes its files")
def test_other_writers_and_vacuums_refuse(cat: Catalog, tmp_path: Path) -> None:
    write(cat, "orders", ORDERS)
    cat.publish("main", str(tmp_path / "out"))
    place = tmp_path / "out" / "orders"
    stray = place / "stray.parquet"
    stray.write_bytes(b"")
    table = DeltaTable(str(place))
    for act in (
        lambda: table.vacuum(
            retention_hours=0, dry_run=False, enforce_retention_duration=False, full=True
        ),
        lambda: table.delete("id = 1"),
        lambda: table.optimize.compact(),
    ):
        with pytest.raises(CommitFailedError, match="parquetryReadOnly"):
            act()
    assert stray.exists()


def test_nested_columns_that_older_files_lack_are_null(
    cat: Catalog, tmp_path: Path, second: SecondReader | None
) -> None:
    sql(cat, "CREATE TABLE t AS SELECT 1 AS id")
    nested = {"s": "STRUCT(a INTEGER, b VARCHAR[])", "l": "INTEGER[]", "m": "MAP(VARCHAR, INTEGER)"}
    for name, kind in nested.items():
        sql(cat, f"ALTER TABLE t ADD COLUMN {name} {kind}")
    cat.export("t", str(tmp_path / "out"), format="delta")
    check(tmp_path / "out", rows(id=[1], s=[None], l=[None], m=[None]), second=second)
    (added,) = (line["add"] for line in lines(tmp_path / "out", 0) if "add" in line)
    counts = json.loads(added["stats"])["nullCount"]  # of a struct, they would be those of fields
    assert counts == {"id": 0}


def test_what_a_killed_publication_left_is_removed_in_time(
    cat: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(cat, "orders", ORDERS)
    cat.publish("main", str(tmp_path / "out"))
    left = tmp_path / "out" / ".parquetry" / "again" / ("0" * 32)
    left.mkdir(parents=True)
    cat.publish("main", str(tmp_path / "out"), again=True)
    assert left.exists()
    monkeypatch.setattr(folder, "LEFT_AFTER_S", -1)
    cat.publish("main", str(tmp_path / "out"), again=True)
    assert not left.parent.exists()


def test_a_version_that_is_gone_ends_the_publication_and_can_be_made_again(
    cat: Catalog, tmp_path: Path
) -> None:
    write(cat, "orders", ORDERS)
    sql(cat, "DELETE FROM orders WHERE id = 1")
    cat.publish("main", str(tmp_path / "out"))
    log = tmp_path / "out" / "orders" / "_delta_log"
    (log / f"{0:020d}.json").unlink()
    with pytest.raises(CorruptData, match=r"version 0 of .* is gone"):
        cat.publish("main", str(tmp_path / "out"))
    assert cat.publish("main", str(tmp_path / "out"), again=True).tables[0].versions == 2
    assert len(by_deltalake(log.parent)) == 2


def test_a_branch_that_was_reset_gets_a_version_that_takes_back(
    cat: Catalog, tmp_path: Path, second: SecondReader | None
) -> None:
    first = write(cat, "t", pa.table({"x": [1]}))
    write(cat, "t", pa.table({"x": [2]}))
    cat.publish("main", str(tmp_path / "out"))
    cat.reset("main", to=first)
    cat.publish("main", str(tmp_path / "out"))
    place = tmp_path / "out" / "t"
    check(place, rows(x=[1]), second=second, version=2)
    info = lines(place, 2)[0]["commitInfo"]
    assert info["operation"] == "RESTORE"
    assert info["timestamp"] == int(cat.reflog("main")[0].time.timestamp() * 1000)
    assert info["parquetry.commit"] == first
    write(cat, "t", pa.table({"x": [3]}))
    write(cat, "t", pa.table({"x": [4]}))
    cat.publish("main", str(tmp_path / "out"))
    check(place, rows(x=[1, 3]), second=second, version=3)
    check(place, rows(x=[1, 3, 4]), second=second, version=4)
    assert DeltaTable(str(place)).version() == 4


def test_a_line_that_was_replaced_while_nobody_published_is_taken_straight(
    cat: Catalog, tmp_path: Path, second: SecondReader | None
) -> None:
    first = write(cat, "t", pa.table({"x": [1]}))
    write(cat, "t", pa.table({"x": [2]}))
    cat.publish("main", str(tmp_path / "out"))
    cat.reset("main", to=first)
    write(cat, "t", pa.table({"x": [5]}))
    write(cat, "t", pa.table({"x": [6]}))
    cat.publish("main", str(tmp_path / "out"))
    place = tmp_path / "out" / "t"
    check(place, rows(x=[1, 2]), second=second, version=1)
    check(place, rows(x=[1, 5]), second=second, version=2)
    check(place, rows(x=[1, 5, 6]), second=second, version=3)


def test_a_table_that_is_dropped_has_no_rows_and_may_come_back_otherwise(
    cat: Catalog, tmp_path: Path, second: SecondReader | None
) -> None:
    write(cat, "t", pa.table({"x": [1]}))
    cat.publish("main", str(tmp_path / "out"))
    sql(cat, "DROP TABLE t")
    cat.publish("main", str(tmp_path / "out"))
    place = tmp_path / "out" / "t"
    check(place, rows(x=[1]), second=second, version=0)
    check(place, [], second=second, version=1)
    write(cat, "t", pa.table({"y": ["a"]}))
    cat.publish("main", str(tmp_path / "out"))
    check(place, rows(y=["a"]), second=second, version=2)


def test_merges_and_reverts_are_versions_of_the_line(
    cat: Catalog, tmp_path: Path, second: SecondReader | None
) -> None:
    write(cat, "t", pa.table({"id": [1, 2], "v": [1, 2]}), key=["id"])
    cat.branches.create("fix", at="main")
    sql(cat, "UPDATE t SET v = 20 WHERE id = 2", branch="fix")
    sql(cat, "INSERT INTO t VALUES (3, 30)", branch="fix")
    sql(cat, "UPDATE t SET v = 10 WHERE id = 1")
    merged = cat.merge("fix", into="main").commit
    cat.publish("main", str(tmp_path / "out"))
    place = tmp_path / "out" / "t"
    check(place, rows(id=[1, 2], v=[10, 2]), second=second, version=1)
    check(place, rows(id=[1, 2, 3], v=[10, 20, 30]), second=second, version=2)
    assert merged is not None
    sql(cat, "UPDATE t SET v = 11 WHERE id = 1")
    cat.revert("main", branch="main")
    cat.publish("main", str(tmp_path / "out"))
    check(place, rows(id=[1, 2, 3], v=[10, 20, 30]), second=second, version=4)
    assert DeltaTable(str(place)).version() == 4


def test_made_again_it_is_equal(cat: Catalog, tmp_path: Path, second: SecondReader | None) -> None:
    write(cat, "t", pa.table({"x": [1]}))
    write(cat, "t", pa.table({"x": [2]}))
    cat.publish("main", str(tmp_path / "out"))
    place = tmp_path / "out" / "t"
    before = [(place / "_delta_log" / f"{v:020d}.json").read_bytes() for v in (0, 1)]
    for path in place.rglob("*.parquet"):
        path.unlink()
    cat.publish("main", str(tmp_path / "out"), again=True)
    after = [(place / "_delta_log" / f"{v:020d}.json").read_bytes() for v in (0, 1)]
    assert before == after
    check(place, rows(x=[1, 2]), second=second)


@pytest.mark.parametrize("format", ["delta", "iceberg"])
def test_made_again_a_table_that_the_branch_never_had_is_gone(
    cat: Catalog, tmp_path: Path, format: Literal["delta", "iceberg"]
) -> None:
    write(cat, "kept", pa.table({"x": [1]}))
    write(cat, "t", pa.table({"x": [1]}))
    target = tmp_path / "out"
    cat.publish("main", str(target), format=format)
    cat.reset("main", to="main~1")
    for again in (True, False):
        report = cat.publish("main", str(target), format=format, again=again)
        assert [one.table for one in report.tables] == ["kept"]
        assert sorted(path.name for path in target.iterdir()) == [".parquetry", "kept"]


@pytest.mark.parametrize("format", ["delta", "iceberg"])
def test_made_again_in_vain_the_table_stays(
    cat: Catalog,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    format: Literal["delta", "iceberg"],
) -> None:
    write(cat, "t", pa.table({"x": [1]}))
    target = tmp_path / "out"
    cat.publish("main", str(target), format=format)
    before = contents(target / "t")
    rename = os.rename

    def failing(source: str, place: str) -> None:
        if place == str(target / "t") and not source.endswith(".old"):
            raise OSError(errno.EIO, os.strerror(errno.EIO), place)
        rename(source, place)

    monkeypatch.setattr(os, "rename", failing)
    with pytest.raises(StorageFailure):
        cat.publish("main", str(target), format=format, again=True)
    assert contents(target / "t") == before


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_target_of_somebody_else_is_refused_and_left_alone(cat: Catalog, tmp_path: Path) -> None:
    write(cat, "t", pa.table({"x": [1]}))
    cat.branches.create("dev", at="main")
    cat.publish("main", str(tmp_path / "out"))
    other = catalog.create(tmp_path / "other")
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "file").write_text("mine")
    os.mkfifo(tmp_path / "pipe")
    for act in (
        lambda: cat.publish("main", str(tmp_path / "pipe"), format="duckdb"),
        lambda: cat.publish("dev", str(tmp_path / "out")),
        lambda: other.publish("main", str(tmp_path / "out")),
        lambda: cat.publish("main", str(foreign)),
        lambda: cat.publish("main", str(foreign), again=True),
    ):
        with pytest.raises(AlreadyExists) as raised:
            act()
        assert raised.value.kind == ErrorKind.FOREIGN_TARGET
    assert [path.name for path in foreign.iterdir()] == ["file"]
    for inside in (tmp_path / "lake" / "out", tmp_path / "lake"):
        with pytest.raises(CatalogError):
            cat.publish("main", str(inside))


def test_a_log_that_somebody_wrote_to_is_not_continued(cat: Catalog, tmp_path: Path) -> None:
    write(cat, "t", pa.table({"x": [1]}))
    cat.publish("main", str(tmp_path / "out"))
    log = tmp_path / "out" / "t" / "_delta_log"
    (log / f"{1:020d}.json").write_text('{"commitInfo":{"timestamp":1}}\n')
    write(cat, "t", pa.table({"x": [2]}))
    with pytest.raises(AlreadyExists, match="version 1") as raised:
        cat.publish("main", str(tmp_path / "out"))
    assert raised.value.kind == ErrorKind.FOREIGN_TARGET
    cat.publish("main", str(tmp_path / "out"), again=True)
    assert ordered(by_deltalake(tmp_path / "out" / "t")) == ordered(rows(x=[1, 2]))


STEPS = ("create", "publish", "adopt", "take_over", "put", "scratch")
"""What a publication does to its target."""


@contextlib.contextmanager
def ending(at: int, *, after: bool) -> Iterator[list[int]]:
    """Ends the process, as it were, before or after a step at targets; yields how many are left."""
    left = [at]
    with pytest.MonkeyPatch.context() as patch:
        for name in STEPS:
            step = getattr(LocalStore, name)

            def stopped(store: LocalStore, *given: Any, step: Any = step, **named: Any) -> Any:
                if not store.location.endswith("out"):
                    return step(store, *given, **named)
                left[0] -= 1
                if left[0] < 0 and not after:
                    raise KeyboardInterrupt
                result = step(store, *given, **named)
                if left[0] < 0:
                    raise KeyboardInterrupt
                return result

            patch.setattr(LocalStore, name, stopped)
        yield left


@pytest.mark.invariant("A publication that ends anywhere leaves a version that was, or the next")
@pytest.mark.parametrize("after", effort([True], [False, True]))
def test_a_publication_that_ends_anywhere_leaves_whole_versions(
    cat: Catalog, tmp_path: Path, after: bool
) -> None:
    write(cat, "t", pa.table({"x": [0], "u": ["a"]}))
    out, place, states = tmp_path / "out", tmp_path / "out" / "t", [rows(x=[0], u=["a"])]
    for at in range(effort(12, 40)):
        write(cat, "t", pa.table({"x": [at + 1], "u": ["b"]}))
        states.append([*states[-1], {"x": at + 1, "u": "b"}])
        before = DeltaTable(str(place)).version() if (place / "_delta_log").exists() else -1
        with ending(at % 20, after=after) as left, contextlib.suppress(KeyboardInterrupt):
            cat.publish("main", str(out))
        if (place / "_delta_log").exists() and os.listdir(place / "_delta_log"):
            version = DeltaTable(str(place)).version()
            assert before <= version <= at + 1
            assert ordered(by_deltalake(place)) == ordered(states[version])
        assert left[0] < 20
    cat.publish("main", str(out))
    assert DeltaTable(str(place)).version() == len(states) - 1
    for version in (0, 7, len(states) - 1):
        assert ordered(by_deltalake(place, version)) == ordered(states[version])


def test_of_two_who_publish_at_once_each_version_is_one_commit(
    cat: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(cat, "t", pa.table({"x": [1]}))
    cat.publish("main", str(tmp_path / "out"))
    write(cat, "t", pa.table({"x": [2]}))
    bring, again = delta.DeltaPublication._bring, [True]

    def late(*arguments: Any) -> Any:
        if again and again.pop():  # another one comes first, and sees a later commit
            write(cat, "t", pa.table({"x": [3]}))
            cat.publish("main", str(tmp_path / "out"))
        return bring(*arguments)

    monkeypatch.setattr(delta.DeltaPublication, "_bring", late)
    cat.publish("main", str(tmp_path / "out"))
    place = tmp_path / "out" / "t"
    assert DeltaTable(str(place)).version() == 2
    assert ordered(by_deltalake(place, 1)) == ordered(rows(x=[1, 2]))
    assert ordered(by_deltalake(place)) == ordered(rows(x=[1, 2, 3]))


def test_types_that_delta_lacks_are_written_as_others_that_hold_them(
    cat: Catalog, tmp_path: Path, second: SecondReader | None
) -> None:
    cat_sql = (
        "CREATE TABLE t AS SELECT 200::UTINYINT AS a, 60000::USMALLINT AS b, 4000000000::UINTEGER "
        "AS c, 18446744073709551615::UBIGINT AS d, "
        "'01234567-89ab-cdef-0123-456789abcdef'::UUID AS e, '{\"k\": [1]}'::JSON AS f, "
        "1.25::DECIMAL(5,2) AS g, TIMESTAMP '2024-01-02 03:04:05.678901' AS h, "
        "DATE '0001-01-01' AS i, '\\x00\\xFF'::BLOB AS j, [1, NULL] AS k, {'a b': 'x'} AS l, "
        "TIMESTAMPTZ '2024-01-02 03:04:05+00' AS m, true AS o, 1::TINYINT AS p"
    )
    sql(cat, cat_sql)
    cat.publish("main", str(tmp_path / "out"))
    expected = {
        "a": 200,
        "b": 60000,
        "c": 4_000_000_000,
        "d": decimal.Decimal(2**64 - 1),
        "e": "01234567-89ab-cdef-0123-456789abcdef",
        "f": '{"k": [1]}',
        "g": decimal.Decimal("1.25"),
        "h": datetime.datetime(2024, 1, 2, 3, 4, 5, 678901),
        "i": datetime.date(1, 1, 1),
        "j": b"\x00\xff",
        "k": [1, None],
        "l": {"a b": "x"},
        "o": True,
        "p": 1,
    }
    place = tmp_path / "out" / "t"
    zoned = datetime.datetime(2024, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)
    for read in (by_deltalake, by_polars):
        (row,) = read(place)
        assert row.pop("m") == zoned
        assert row == expected
    if second is not None:
        (row,) = plain(second.table(f"SELECT * EXCLUDE (m) FROM delta_scan('{place}')"))
        assert row == expected


@pytest.mark.parametrize(
    ("query", "match"),
    [
        ("SELECT TIME '10:00' AS x", "'x', which is TIME"),
        ("SELECT [{'y': TIMESTAMP_NS '2024-01-01'}] AS x", "'x', which is TIMESTAMP_NS"),
        ("SELECT {'y': 1} AS x, 1 AS a, 2 AS \"A\"", "'a' and 'A'"),
    ],
)
def test_what_delta_cannot_say_is_refused_by_name_and_nothing_is_left(
    cat: Catalog, tmp_path: Path, query: str, match: str
) -> None:
    path = tmp_path / "source.parquet"
    if '"A"' in query:
        pq.write_table(pa.table({"a": [1], "A": [2]}), path)
        with cat.transaction("main") as tx:
            tx.snapshot("t", str(path))
    else:
        sql(cat, f"CREATE TABLE t AS {query}")
    for act in (
        lambda: cat.publish("main", str(tmp_path / "out")),
        lambda: cat.export("t", str(tmp_path / "one"), format="delta"),
    ):
        with pytest.raises(Unsupported, match=match) as raised:
            act()
        assert raised.value.kind == ErrorKind.FORMAT_LIMIT
    assert not (tmp_path / "one").exists()
    assert not (tmp_path / "out" / "t").exists()


@pytest.mark.parametrize("value", ["", "__HIVE_DEFAULT_PARTITION__"])
def test_a_partition_that_delta_takes_for_null_is_refused(
    cat: Catalog, tmp_path: Path, value: str
) -> None:
    write(cat, "t", pa.table({"p": [value], "x": [1]}), partition_by=["p"])
    with pytest.raises(Unsupported, match="which Delta has for NULL") as raised:
        cat.publish("main", str(tmp_path / "out"))
    assert raised.value.kind == ErrorKind.FORMAT_LIMIT


def test_partitions_of_all_types_and_odd_names(
    cat: Catalog, tmp_path: Path, second: SecondReader | None
) -> None:
    odd = ["a b", "a%20b", "a/b", "a=b", "ä€", "x+y", "?#[*]", "'\"\\", "..", "1", "01", "a\nb"]
    texts = pa.table({"x": range(len(odd)), "p": odd})
    write(cat, "texts", texts, partition_by=["p"])
    day, nan = datetime.date(2024, 1, 2), float("nan")
    typed = {
        "d": (pa.date32(), [day, None]),
        "b": (pa.bool_(), [True, False]),
        "i": (pa.int64(), [-5, 2**63 - 1]),
        "f": (pa.float64(), [nan, float("-inf")]),
        "c": (pa.decimal128(10, 2), [decimal.Decimal("-0.01"), None]),
        "s": (pa.timestamp("us"), [datetime.datetime(2024, 1, 2, 3, 4, 5, 6), None]),
        "z": (pa.timestamp("us", "UTC"), [datetime.datetime(2024, 1, 2, 3, tzinfo=UTC), None]),
    }
    for name, (kind, values) in typed.items():
        table = pa.table({"x": [1, 2], "p": pa.array(values, kind)})
        write(cat, f"by_{name}", table, partition_by=["p"])
    cat.publish("main", str(tmp_path / "out"))
    check(tmp_path / "out" / "texts", texts.to_pylist(), second=second)
    for name, (_, values) in typed.items():
        check(tmp_path / "out" / f"by_{name}", rows(x=[1, 2], p=values), second=second)


def test_files_of_others_are_written_anew_where_readers_differ(
    cat: Catalog, tmp_path: Path, second: SecondReader | None
) -> None:
    source = tmp_path / "source"
    source.mkdir()
    moment = datetime.datetime(2024, 1, 2, 3, 4, 5, 678901)
    table = pa.table({"x": [1], "t": pa.array([moment], pa.timestamp("us"))})
    pq.write_table(table, source / "a.parquet", use_deprecated_int96_timestamps=True)
    pq.write_table(table, source / "b.parquet")
    with cat.transaction("main") as tx:
        tx.snapshot("t", str(source), mode="reference")
    report = cat.publish("main", str(tmp_path / "out"))
    assert (report.tables[0].files_shared, report.tables[0].files_rewritten) == (1, 1)
    check(tmp_path / "out" / "t", rows(x=[1, 1], t=[moment] * 2), second=second)


def test_files_are_written_anew_where_a_reader_goes_by_arrows_own_schema(
    cat: Catalog, tmp_path: Path, second: SecondReader | None
) -> None:
    day = datetime.date(2024, 1, 1)
    columns = {
        "a": pa.array([day, None], pa.date64()),
        "b": pa.array([1, None], pa.duration("s")),
        "c": pa.array([[1, 2], None], pa.list_(pa.int32(), 2)),
        "d": pa.array([{"t": [day]}, None], pa.struct([("t", pa.list_(pa.date64()))])),
    }
    expected = {"a": [day, None], "b": [1, None], "c": [[1, 2], None], "d": [{"t": [day]}, None]}
    for name, values in columns.items():
        path = tmp_path / f"{name}.parquet"
        pq.write_table(pa.table({"x": values, "s": pa.array(["k", "k"]).dictionary_encode()}), path)
        with cat.transaction("main") as tx:
            tx.snapshot(name, str(path), mode="reference")
    cat.publish("main", str(tmp_path / "out"))
    for name, values in expected.items():
        check(tmp_path / "out" / name, rows(x=values, s=["k", "k"]), second=second)


def test_nanoseconds_are_written_as_microseconds_only_if_they_are_whole(
    cat: Catalog, tmp_path: Path, second: SecondReader | None
) -> None:
    moment = datetime.datetime(2024, 1, 2, 3, 4, 5, 678901)
    old = datetime.datetime(1932, 1, 2, 3, 4, 5, 678901)
    ticks = pa.array([moment, None, old], pa.timestamp("ns"))
    write(cat, "t", pa.table({"id": [1, 2, 3], "x": ticks}))
    write(cat, "p", pa.table({"id": [1, 2, 3], "x": ticks}), partition_by=["x"])
    cat.publish("main", str(tmp_path / "out"))
    for name in ("t", "p"):
        check(tmp_path / "out" / name, rows(id=[1, 2, 3], x=[moment, None, old]), second=second)
    between = pa.array([1], pa.int64()).cast(pa.timestamp("ns"))
    for name in ("t", "p"):
        write(cat, name, pa.table({"id": [4], "x": between}))
        with pytest.raises(Unsupported, match="'x'") as raised:
            cat.publish("main", str(tmp_path / "out"), tables=[name])
        assert raised.value.kind == ErrorKind.FORMAT_LIMIT
        check(tmp_path / "out" / name, rows(id=[1, 2, 3], x=[moment, None, old]), second=second)


def test_partition_columns_that_files_have_too(
    cat: Catalog, tmp_path: Path, second: SecondReader | None
) -> None:
    write(cat, "only", pa.table({"p": ["a", "a", None]}), partition_by=["p"])
    source = tmp_path / "source"
    for n, day in enumerate(("2024-01-01", "2024-01-02")):
        (source / f"day={day}").mkdir(parents=True)
        table = pa.table({"x": [n], "day": [day] if n else pa.array([day], pa.string())})
        pq.write_table(table, source / f"day={day}" / "x.parquet")
    with cat.transaction("main") as tx:
        tx.snapshot("days", str(source), partition_by={"day": "DATE"})
    cat.publish("main", str(tmp_path / "out"))
    check(tmp_path / "out" / "only", rows(p=["a", "a", None]), second=second)
    days = [datetime.date(2024, 1, 1), datetime.date(2024, 1, 2)]
    check(tmp_path / "out" / "days", rows(x=[0, 1], day=days), second=second)


def test_odd_names_of_tables_columns_and_targets(
    cat: Catalog, tmp_path: Path, second: SecondReader | None
) -> None:
    names = ["a b", "a.b", "a,b;{}()=", "ä", 'd"q', "nl\nx", "select", "x/y", "%20", "_metadata"]
    write(cat, 'x.we ird/tä"b%20le', pa.table({name: [n] for n, name in enumerate(names)}))
    out = tmp_path / "out"
    cat.publish("main", str(out))
    (table,) = cat.publish("main", str(out)).tables
    check(table.location, [{name: n for n, name in enumerate(names)}], second=second)


def test_versions_are_found_by_the_times_of_commits(cat: Catalog, tmp_path: Path) -> None:
    for n in range(3):
        write(cat, "t", pa.table({"x": [n]}))
    cat.publish("main", str(tmp_path / "out"))
    table = DeltaTable(str(tmp_path / "out" / "t"))
    for version, commit in enumerate(reversed(cat.log("main")[:3])):
        table.load_as_version(commit.time)
        assert table.version() == version


def test_a_file_that_was_changed_ends_it_before_a_version(cat: Catalog, tmp_path: Path) -> None:
    source = tmp_path / "source.parquet"
    pq.write_table(pa.table({"x": [1]}), source)
    with cat.transaction("main") as tx:
        tx.snapshot("t", str(source), mode="reference")
    source.write_bytes(source.read_bytes() + b" ")
    with pytest.raises(CorruptData, match=r"source\.parquet"):
        cat.publish("main", str(tmp_path / "out"))
    assert not (tmp_path / "out" / "t" / "_delta_log").exists()


def test_commits_of_the_past_that_cannot_be_had_are_passed_over_and_told(
    cat: Catalog, tmp_path: Path, second: SecondReader | None
) -> None:
    source = tmp_path / "source"
    source.mkdir()
    commits = []
    for n in range(4):
        for path in source.iterdir():
            path.unlink()
        pq.write_table(pa.table({"x": [n]}), source / f"{n}.parquet")
        with cat.transaction("main") as tx:
            tx.snapshot("t", str(source), mode="reference")
        assert tx.commit is not None
        commits.append(tx.commit.id)
    commits.append(sql(cat, "CREATE TABLE u AS SELECT TIME '10:00' AS y, 1 AS x"))
    sql(cat, "ALTER TABLE u DROP y")
    by_name = {one.table: one for one in cat.publish("main", str(tmp_path / "out")).tables}
    assert list(by_name["t"].passed_over) == commits[:3]
    assert "0.parquet is gone" in by_name["t"].passed_over[commits[0]]
    assert "which is TIME" in by_name["u"].passed_over[commits[4]]
    assert (by_name["t"].versions, by_name["u"].versions) == (1, 1)
    check(tmp_path / "out" / "t", rows(x=[3]), second=second)
    check(tmp_path / "out" / "u", rows(x=[1]), second=second)
    cat.reset("main", to=commits[2])
    with pytest.raises(CorruptData, match="is gone"):
        cat.publish("main", str(tmp_path / "out"))
    check(tmp_path / "out" / "t", rows(x=[3]), second=second)


def test_only_some_tables(cat: Catalog, tmp_path: Path) -> None:
    write(cat, "a.b", pa.table({"x": [1]}))
    write(cat, "c", pa.table({"x": [1]}))
    report = cat.publish("main", str(tmp_path / "out"), tables=["A.B"])
    assert [table.table for table in report.tables] == ["a.b"]
    assert not (tmp_path / "out" / "c").exists()
    with pytest.raises(NotFound, match="'d'"):
        cat.publish("main", str(tmp_path / "out"), tables=["d"])


def test_an_export_is_one_version_and_whole_or_not_at_all(
    cat: Catalog, tmp_path: Path, second: SecondReader | None
) -> None:
    write(cat, "t", ORDERS, partition_by=["day"])
    cat.tags.create("v1", at="main")
    sql(cat, "ALTER TABLE t DROP amount")
    assert cat.export("t", str(tmp_path / "one"), ref="v1", format="delta") == 3
    check(tmp_path / "one", ORDERS.to_pylist(), second=second)
    assert sorted(p.name for p in (tmp_path / "one").iterdir() if "=" not in p.name) == [
        "_delta_log"
    ]
    with pytest.raises(CatalogError) as raised:
        cat.export("t", str(tmp_path / "one"), format="delta")
    assert raised.value.kind == ErrorKind.DESTINATION_EXISTS
    cat.export("t", str(tmp_path / "two"), format="delta")
    shutil.rmtree(tmp_path / "lake")  # the links are whole by themselves
    expected = [{k: v for k, v in row.items() if k != "amount"} for row in ORDERS.to_pylist()]
    check(tmp_path / "two", expected, second=second)


NAMES = ("a", "b", "A b", "ä", "x.y")
TYPES = ("INTEGER", "VARCHAR", "DOUBLE", "DECIMAL(9,2)", "UTINYINT", "TIMESTAMP")
WIDER = {
    "INTEGER": "BIGINT",
    "UTINYINT": "INTEGER",
    "FLOAT": "DOUBLE",
    "DECIMAL(9,2)": "DECIMAL(12,3)",
}
PLACES = ("NULL", "'p1'", "'p 2'", "'%'", "'a=b'", "'é/'")


class History:
    """Random changes of one table, on a branch that is moved now and then."""

    def __init__(self, cat: Catalog, seed: int) -> None:
        self.cat = cat
        self.random = random.Random(seed)
        self.id = 0

    def change(self) -> None:
        """Makes one change; one that the catalog refuses is none."""
        acts = [self.insert] * 6 + [self.delete] * 2 + [self.alter] * 4 + [self.move, self.drop]
        with contextlib.suppress(CatalogError):
            self.random.choice([*acts, self.merge, self.merge, self.revert, self.partition])()

    def run(self, text: str, branch: str = "main") -> None:
        with self.cat.transaction(branch) as tx:
            tx.sql(text)

    def insert(self, branch: str = "main") -> None:
        if "t" not in [table.name for table in self.cat.tables(branch)]:
            values = {"id": [self.id], "p": ["p1"], "a": pa.array([1], pa.int32())}
            with self.cat.transaction(branch) as tx:
                parts = self.random.choice([["p"], None])
                tx.write("t", pa.table(values), mode="append", key=["id"], partition_by=parts)
            self.id += 1
            return
        choose = self.random.choice
        values = ", ".join(
            str(self.id) if c.name == "id" else choose(PLACES if c.name == "p" else ("NULL", "7"))
            for c in self.cat.schema("t", ref=branch)
        )
        self.id += 1
        self.run(f"INSERT INTO t VALUES ({values})", branch)

    def delete(self) -> None:
        self.run(f"DELETE FROM t WHERE id % 5 = {self.random.randrange(5)}")

    def partition(self) -> None:
        self.run("UPDATE t SET p = 'moved' WHERE id % 3 = 0")

    def drop(self) -> None:
        self.run("DROP TABLE t")

    def move(self) -> None:
        self.cat.reset("main", to=f"main~{self.random.randint(1, 3)}")

    def revert(self) -> None:
        self.cat.revert("main", branch="main")

    def alter(self, branch: str = "main") -> None:
        columns = self.cat.schema("t", ref=branch)
        taken = {column.name.casefold() for column in columns}
        free = [name for name in NAMES if name.casefold() not in taken]
        own = self.random.choice([column for column in columns if column.name not in ("id", "p")])
        match self.random.choice(["rename", "drop", "add", "type"]):
            case "rename":
                self.run(f'ALTER TABLE t RENAME "{own.name}" TO "{free[0]}"', branch)
            case "drop":
                self.run(f'ALTER TABLE t DROP "{own.name}"', branch)
            case "add":
                name, kind = self.random.choice(free), self.random.choice(TYPES)
                self.run(f'ALTER TABLE t ADD "{name}" {kind}', branch)
            case _:
                self.run(f'ALTER TABLE t ALTER "{own.name}" TYPE {WIDER[str(own.type)]}', branch)

    def merge(self) -> None:
        branch = f"b{self.random.randrange(10**9)}"
        self.cat.branches.create(branch, at="main")
        self.insert(branch)
        with contextlib.suppress(CatalogError, KeyError, IndexError):
            self.random.choice([self.alter, self.insert])(branch)
        if self.random.random() < 0.5:
            self.insert()
        if self.random.random() < 0.6:
            self.cat.merge(branch, into="main")
        else:
            self.cat.rebase("main", onto=branch)


@pytest.mark.parametrize("seed", range(effort(1, 60)))
def test_every_version_of_random_histories_has_the_rows_of_its_commit(
    cat: Catalog, tmp_path: Path, second: SecondReader | None, seed: int
) -> None:
    history = History(cat, seed)
    for number in range(24):
        with contextlib.suppress(KeyError, IndexError):
            history.change()
        if history.random.random() < 0.4 or number == 23:
            cat.publish("main", str(tmp_path / "out"), again=history.random.random() < 0.1)
    place = tmp_path / "out" / "t"
    for one in DeltaTable(str(place)).history():
        expected: list[Row] = []
        if one["parquetry.snapshot"]:
            found = cat.sql(f"SELECT * FROM t@{one['parquetry.commit']}").to_arrow_table()
            expected = plain(found)
        check(place, expected, second=second, version=one["version"])
    newest = []
    if "t" in [table.name for table in cat.tables()]:
        newest = plain(cat.sql("SELECT * FROM t@main").to_arrow_table())
    check(place, newest, second=second)
