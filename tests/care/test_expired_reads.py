"""Reading after an expiry, when the data is gone: all that is kept, and nothing in part."""

import datetime
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from catalog.catalog import Catalog
from catalog.errors import CorruptData, ErrorKind, NotFound
from catalog.repository import repository as stored
from catalog.storage.local import LocalStore
from tests.cli.conftest import Runner, parquetry, quiet_environment  # noqa: F401 - fixtures
from tests.repository.format_reader import Reader
from tests.write.file_trees import plant

DAY = datetime.timedelta(days=1)
TABLES = ("orders", "customers", "docs", "daily")


class Days:
    """Is a clock that goes on by hand."""

    def __init__(self, ago: int) -> None:
        self.now = datetime.datetime.now(datetime.UTC) - ago * DAY

    def __call__(self) -> datetime.datetime:
        return self.now

    def go(self, days: float) -> None:
        self.now += days * DAY


def made(root: Path, clock: Days) -> Catalog:
    repository = stored.create(LocalStore(str(root)), author="tester", now=clock())
    return Catalog(str(root), repository, author="tester", clock=clock)


def opened(root: Path) -> Catalog:
    return Catalog(str(root), stored.open_existing(LocalStore(str(root))), author="tester")


def orders(day: int, *, more: int = 0) -> pa.Table:
    return pa.table(
        {"id": [1, 2, 3 + more], "part": ["a", "b", "b"], "v": [day, day + 1, day + more]}
    )


def fill(root: Path, docs: Path) -> Catalog:
    """Makes a history of 200 days; orders are written anew every ten, customers nearly never."""
    clock = Days(200)
    cat = made(root, clock)
    for day in range(0, 200, 10):
        with cat.transaction(message=f"day {day}") as tx:
            tx.write("orders", orders(day), mode="overwrite", key=["id"], partition_by=["part"])
            if day % 100 == 0:
                tx.write("customers", pa.table({"c": [day]}), mode="overwrite")
                mode: Any = "upsert" if day else "append"
                tx.write("stock", pa.table({"k": [2], "v": [day]}), mode=mode, key=["k"])
            plant(docs, {"same": b"same", f"of-{day % 20}": f"{day}".encode()})
            tx.snapshot("docs", str(docs), format="files")
        if day == 0:
            cat.add_check("orders", "unique", "id")
            cat.derive("daily", "SELECT part, sum(v) AS v FROM orders GROUP BY part")
        elif day % 30 == 0:
            cat.refresh()
        if day == 50:
            cat.tags.create("v1", at="main")
            cat.branches.create("work", at="main")
        if day in (60, 70):
            with cat.transaction("work", message=f"work {day}") as tx:
                tx.write("stock", pa.table({"k": [1], "v": [day]}), mode="upsert")
        if day == 80:
            cat.branches.create("merged", at="main~1")
            with cat.transaction("merged", message="side") as tx:
                tx.write("side", pa.table({"s": [1, 2]}), mode="append", key=["s"])
            cat.merge("merged")
            cat.branches.delete("merged")
        if day == 90:
            cat.revert("main", branch="main")
        clock.go(10)
    return cat


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("expired")
    fill(folder / "lake", folder / "docs")
    return folder / "lake"


@pytest.fixture(scope="session")
def before(template: Path) -> dict[str, dict[str, Any]]:
    """The rows of all tables of all commits, read while all are there."""
    cat = opened(template)
    return {one: contents_of(cat, one) for one in reachable(cat)}


@pytest.fixture
def lake(template: Path, tmp_path: Path) -> Path:
    shutil.copytree(template, tmp_path / "lake")
    return tmp_path / "lake"


def needed(reader: Reader, commit_id: str) -> set[str]:
    """Returns paths of the data that a commit needs, as the format's document says."""
    found: set[str] = set()
    for table in reader.tables(commit_id).values():
        for file in reader.files(table):
            found.add(file["path"].decode())
            if file.get("blobs") is not None:
                list_id = file["blobs"].hex()
                found.add(f"lists/{list_id[:2]}/{list_id}")
                found |= {f"blobs/{one[:2]}/{one}" for one in reader.blobs(list_id)}
    return found


def reachable(cat: Catalog) -> list[str]:
    starts = [one.commit_id or "" for one in cat.branches.list()]
    starts += [one.commit_id for one in cat.tags.list()]
    found: list[str] = []
    waiting = starts
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.append(one)
            waiting += cat.repository.commits.read(one).parents
    return found


def sweep(root: Path, commits: list[str], expired: set[str]) -> set[str]:
    """Deletes what only expired commits need; returns the paths."""
    reader = Reader(root)
    kept = set[str]().union(*(needed(reader, one) for one in commits if one not in expired))
    gone = set[str]().union(*(needed(reader, one) for one in expired)) - kept
    for path in gone:
        (root / path).unlink()
    return gone


def contents_of(cat: Catalog, commit_id: str) -> dict[str, Any]:
    return {
        name: sorted(cat.sql(f'SELECT * FROM "{name}"', ref=commit_id).fetchall(), key=repr)
        for name in cat.repository.commits.entries(commit_id)
    }


@pytest.mark.invariant("What has expired answers in full, or says so")
@pytest.mark.parametrize("policy", [("90d", 3, True), ("1d", 1, False)])
def test_kept_commits_read_as_before_and_expired_ones_say_so(
    lake: Path, before: dict[str, dict[str, Any]], policy: tuple[str, int, bool]
) -> None:
    keep, keep_last, keep_tags = policy
    cat = opened(lake)
    commits = reachable(cat)
    infos = [cat.show(one) for one in commits]
    figures = cat.expire(keep, keep_last=keep_last, keep_tags=keep_tags, dry_run=True)
    report = cat.expire(keep, keep_last=keep_last, keep_tags=keep_tags)
    assert report.commits
    assert (report.commits, report.kept) == (figures.commits, figures.kept)
    early = next(one for one in commits if one in report.commits and before[one])
    assert contents_of(cat, early) == before[early], "nothing is gone yet"
    reader = Reader(lake)
    wanted = {one: needed(reader, one) for one in commits}
    sizes = {path: (lake / path).stat().st_size for path in all_data(lake)}
    gone = sweep(lake, commits, set(report.commits))
    freed = sum(size for path, size in sizes.items() if path in gone and "lists/" not in path)
    assert figures.size_bytes == freed
    cat, reader, refused = opened(lake), Reader(lake), 0
    for commit_id in commits:
        missing = wanted[commit_id] & gone
        assert commit_id in report.commits or not missing
        if not missing:
            assert contents_of(cat, commit_id) == before[commit_id]
            continue
        for name, rows in before[commit_id].items():
            table = reader.tables(commit_id)[name]
            lost = {file["path"].decode() for file in reader.files(table)} & gone
            query = f'SELECT * FROM "{name}"'
            if not lost:
                assert sorted(cat.sql(query, ref=commit_id).fetchall(), key=repr) == rows
                continue
            with pytest.raises(NotFound, match=f"commit {commit_id[:8]} of .* expired") as error:
                cat.sql(query, ref=commit_id).fetchall()
            assert error.value.kind is ErrorKind.DATA_EXPIRED
            assert "the nearest that is kept is " in error.value.hint
            refused += 1
    assert refused
    assert [cat.show(one) for one in commits] == infos
    cat.merge("work")
    assert sorted(cat.sql("SELECT k, v FROM stock").fetchall()) == [(1, 70), (2, 100)]


def all_data(root: Path) -> Iterator[str]:
    for folder in ("data", "blobs", "lists"):
        for path in (root / folder).rglob("*"):
            if path.is_file():
                yield path.relative_to(root).as_posix()


@pytest.fixture(scope="session")
def swept(template: Path) -> tuple[Path, str]:
    """The catalog after an expiry and a sweep, and a commit all of whose orders are gone."""
    root = template.parent / "swept"
    shutil.copytree(template, root)
    cat = opened(root)
    found = cat.resolve("main@{155 days ago}").commit_id
    assert outputs(root, "reproduce", f"daily@{found}")[0] == 0
    history = {words: outputs(root, *words.split()) for words in HISTORY}
    commits = reachable(cat)
    report = cat.expire("30d")
    sweep(root, commits, set(report.commits))
    assert {words: outputs(root, *words.split()) for words in HISTORY} == history
    assert found in report.commits
    return root, found


@pytest.fixture
def old(swept: tuple[Path, str], tmp_path: Path) -> str:
    """The commit; the catalog is a copy."""
    shutil.copytree(swept[0], tmp_path / "lake")
    return swept[1]


@pytest.fixture
def lake_after(old: str, tmp_path: Path) -> Path:
    return tmp_path / "lake"


HISTORY = (
    "log",
    "log --json",
    "show main",
    "tables main~12",
    "schema orders@main~12",
    "partitions orders@main~12",
    "files orders@main~12",
    "lineage daily@main~12",
    "diff main~14 main~12 --stat",
    "reflog main",
    "branch list",
)


def outputs(lake: Path, *words: str) -> tuple[int, str]:
    import contextlib
    import io

    from cli.main import run

    with contextlib.redirect_stdout(io.StringIO()) as out:
        code = run(["-C", str(lake), *words])
    return code, out.getvalue()


READING = (
    ("sql", "SELECT * FROM orders@{}"),
    ("sql", "SELECT o.id FROM orders o LEFT JOIN orders@{} p USING (id)"),
    ("sql", "--ref", "{}", "SELECT sum(v) FROM orders"),
    ("sql", "--format", "csv", "SELECT * FROM orders AT (VERSION => '{}')"),
    ("sql", "-o", "rows.parquet", "SELECT * FROM orders@{}"),
    ("sql", "--branch", "main", "-m", "x", "INSERT INTO orders SELECT * FROM orders@{}"),
    ("diff", "{}", "main", "--rows", "--method", "join"),
    ("export", "orders@{}", "out"),
    ("export", "orders@{}", "out.csv", "--format", "csv"),
    ("export", "orders@{}", "out", "--format", "delta"),
    ("export", "orders@{}", "out", "--format", "iceberg"),
    ("export", "docs@{}", "out", "--format", "files"),
    ("views", "views.duckdb", "--ref", "{}"),
    ("branch", "create", "again", "--at", "{}"),
    ("tag", "create", "again", "--at", "{}"),
    ("reset", "main", "--to", "{}"),
    ("reset", "main", "--to", "{}", "--dry-run"),
    ("cherry-pick", "{}"),
    ("revert", "{}"),
    ("merge", "work~1"),
    ("reproduce", "daily@{}"),
    ("compare", "orders@{}", "orders@main"),
    ("blame", "orders@{}", "--key", "id=1"),
    ("check", "--ref", "{}", "orders"),
)


@pytest.mark.invariant("What has expired answers in full, or says so")
@pytest.mark.parametrize("words", READING, ids=" ".join)
def test_each_command_says_that_data_has_expired(
    words: tuple[str, ...],
    lake_after: Path,
    old: str,
    parquetry: Runner,  # noqa: F811 - the fixture
) -> None:
    head = opened(lake_after).resolve("main").commit_id
    done = parquetry("-C", str(lake_after), *(word.format(old) for word in words))
    assert done.code == 3, done
    assert "has expired: the data of" in done.err, done
    assert "hint: the nearest that is kept is " in done.err, done
    assert done.out == ""
    assert opened(lake_after).resolve("main").commit_id == head
    left = {path.name for path in lake_after.parent.iterdir()} - {"state", "lake", "docs"}
    assert not left, "nothing is written in part"


def test_a_file_that_a_kept_commit_needs_is_lost_not_expired(lake_after: Path, old: str) -> None:
    cat = opened(lake_after)
    (file,) = cat.files("customers", "main")
    (lake_after / file.path).unlink()
    for ref in ("main", "main~1"):
        with pytest.raises(CorruptData) as error:
            cat.sql("SELECT * FROM customers", ref=ref).fetchall()
        assert error.value.kind is ErrorKind.FILE_CHANGED


def test_the_nearest_that_is_kept_is_named(lake_after: Path, old: str) -> None:
    cat = opened(lake_after)
    with pytest.raises(NotFound) as error:
        cat.sql("SELECT * FROM orders", ref=old).fetchall()
    assert "is v1, commit " in error.value.hint
    later = cat.resolve("main@{100 days ago}").commit_id
    with pytest.raises(NotFound) as error:
        cat.sql("SELECT * FROM orders", ref=later).fetchall()
    named = error.value.hint.removeprefix("the nearest that is kept is ").partition(",")[0]
    assert named.startswith("main~")
    cat.sql("SELECT * FROM orders", ref=named).fetchall()


def test_show_answers_without_the_rows(
    lake_after: Path,
    old: str,
    parquetry: Runner,  # noqa: F811 - the fixture
) -> None:
    shown = parquetry("-C", str(lake_after), "show", old)
    assert shown.code == 0
    assert shown.out.startswith(f"commit {old}")
    assert "rows were not compared: commit " in shown.err
    assert "has expired" in shown.err


def test_a_damaged_record_is_named_where_data_is_missing(lake_after: Path, old: str) -> None:
    (record,) = (lake_after / "expired").iterdir()
    record.chmod(0o600)
    record.write_bytes(record.read_bytes()[:-9])
    with pytest.raises(CorruptData, match="whether it was expired cannot be told: expired/"):
        opened(lake_after).sql("SELECT * FROM orders", ref=old).fetchall()
    assert len(opened(lake_after).sql("SELECT * FROM orders").fetchall()) == 3
    with pytest.raises(CorruptData):
        opened(lake_after).expire("30d")


def test_open_branches_still_merge(lake_after: Path, old: str) -> None:
    cat = opened(lake_after)
    cat.merge("work")
    assert sorted(cat.sql("SELECT k, v FROM stock").fetchall()) == [(1, 70), (2, 100)]


def staged(cat: Catalog, sql: str) -> None:
    with cat.transaction() as tx:
        tx.sql(sql)


READS: dict[str, Callable[[Catalog, str], object]] = {
    "session": lambda cat, ref: cat.connect(ref=ref).execute("SELECT * FROM orders"),
    "stream": lambda cat, ref: cat.connect(ref=ref).stream("SELECT * FROM orders"),
    "diff": lambda cat, ref: cat.diff(ref, "main", method="join"),
    "rows of a diff": lambda cat, ref: cat.diff(ref, "main")["orders"].to_arrow(),
    "blame": lambda cat, ref: cat.blame("orders", ref, key={"id": 1}),
    "history": lambda cat, ref: cat.history("orders", ref, key={"id": 1}),
    "transaction": lambda cat, ref: staged(cat, f"INSERT INTO orders SELECT * FROM orders@{ref}"),
    "content": lambda cat, ref: cat.open_file(f"docs@{ref}", "of-0"),
    "branch": lambda cat, ref: cat.branches.create("again", at=ref),
    "tag": lambda cat, ref: cat.tags.create("again", at=ref),
}


@pytest.mark.parametrize("read", READS.values(), ids=READS)
def test_each_way_in_python_says_that_data_has_expired(
    read: Callable[[Catalog, str], object], lake_after: Path, old: str
) -> None:
    with pytest.raises(NotFound, match="has expired: the data of") as error:
        read(opened(lake_after), old)
    assert error.value.kind is ErrorKind.DATA_EXPIRED


@pytest.mark.parametrize("method", ["auto", "join"])
@pytest.mark.parametrize(
    "change", ["UPDATE t SET v = v + 1 WHERE id > 5", "DELETE FROM t WHERE id > 10"]
)
def test_a_diff_of_files_that_were_rewritten_says_so_whatever_its_method(
    tmp_path: Path, method: Any, change: str
) -> None:
    clock = Days(200)
    cat = made(tmp_path, clock)
    for ago, run in (
        (200, "CREATE TABLE t AS SELECT id, id AS v FROM range(9) AS r(id)"),
        (190, "INSERT INTO t SELECT id + 10, id FROM range(9) AS r(id)"),
        (180, change),
        (170, "UPDATE t SET v = v + 2"),
        (5, "INSERT INTO t VALUES (100, 1)"),
        (1, "INSERT INTO t VALUES (101, 1)"),
    ):
        clock.now = datetime.datetime.now(datetime.UTC) - ago * DAY
        with cat.transaction() as tx:
            tx.sql(run)
    ids = [one.id for one in cat.log()][:-1]
    cat.expire("90d")
    opened(tmp_path).gc(alone=True)
    for old, new in zip(ids[1:], ids, strict=False):
        try:
            opened(tmp_path).diff(old, new, method=method)
        except NotFound as error:
            assert error.kind == ErrorKind.DATA_EXPIRED
            assert new not in ids[:2]
        else:
            assert new in ids[:2]
