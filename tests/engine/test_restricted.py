"""The engine for SQL of strangers, taken alone: without the check that comes before it."""

import datetime
import hashlib
import io
import resource
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from catalog.engine import isolated
from catalog.engine.allowed_files import AllowedFiles
from catalog.engine.filesystem import Files
from catalog.engine.isolated import IsolatedEngine, isolated_engine
from catalog.engine.restricted import RestrictedEngine, columns_of, restricted_engine
from catalog.errors import CorruptData, InvalidInput, NotFound, StorageFailure, Unsupported
from catalog.model.limits import Limits
from catalog.model.types import Scalar
from catalog.query.stored.check import check_stored_select
from catalog.storage.positioned_file import PositionedFile
from catalog.storage.store import OpenFile, RemoteFile
from tests.query.stored.statements import HOSTILE

SECRET = "only-for-ana-5d41402a"

ORDERS = pa.table({"id": [1, 2, 3], "amount": [1.5, 2.5, None], "note": ["a", "b", None]})


Engine = RestrictedEngine | IsolatedEngine


def no_remote_files(uri: str) -> Files:
    raise AssertionError(f"{uri} is not local")


@pytest.fixture
def files(tmp_path: Path) -> AllowedFiles:
    (tmp_path / "data").mkdir()
    pq.write_table(ORDERS, tmp_path / "data" / "orders.parquet")
    return AllowedFiles(no_remote_files)


@pytest.fixture
def name(files: AllowedFiles, tmp_path: Path) -> str:
    """Returns the name of the data file in an engine."""
    (found,) = files.allow([str(tmp_path / "data" / "orders.parquet")])
    return found


@pytest.fixture
def engine(files: AllowedFiles) -> Iterator[RestrictedEngine]:
    with restricted_engine(files=files, limits=Limits(time_s=20, memory_bytes=200 << 20)) as found:
        yield found


OPENING = {"restricted": restricted_engine, "isolated": isolated_engine}


@contextmanager
def opened(how: str, files: AllowedFiles, limits: Limits) -> Iterator[Engine]:
    if how == "restricted":
        with restricted_engine(files=files, limits=limits) as here:
            yield here
    else:
        with isolated_engine(files=files, limits=limits) as elsewhere:
            yield elsewhere


def rows(engine: Engine, sql: str) -> list[tuple[object, ...]]:
    with duckdb.connect() as con, engine.result(sql, within=con) as result:
        return con.execute(f"SELECT * FROM {result.table}").fetchall()


@pytest.mark.parametrize("how", ["restricted", "isolated"])
def test_it_reads_the_files_that_were_named(how: str, files: AllowedFiles, name: str) -> None:
    sql = f"SELECT sum(amount) AS total, 'x'::ENUM('x') AS e FROM read_parquet('{name}')"
    with opened(how, files, Limits(memory_bytes=200 << 20)) as engine, duckdb.connect() as con:
        columns = columns_of(engine, f"{sql}, range(1)", within=con)
        assert columns == (("total", Scalar("DOUBLE")), ("e", Scalar("ENUM('x')")))
        with engine.result(sql, within=con) as result:
            assert result.names == ("total", "e")
            found = con.sql(f"SELECT * FROM {result.table}")
            assert str(found.types[1]) == "ENUM('x')"
            assert found.fetchall() == [(4.0, "x")]
        assert rows(engine, f"{sql} WHERE false") == [(None, "x")]


@pytest.mark.parametrize("how", ["restricted", "isolated"])
@pytest.mark.parametrize(
    ("sql", "category", "kind"),
    [
        ("SELECT nope FROM read_parquet('{name}')", InvalidInput, "sql-error"),
        ("SELECT 'x'::INTEGER", InvalidInput, "sql-error"),
        ("SELECT * FROM read_parquet('catalog-file:///etc/passwd')", Unsupported, "unsupported"),
        (
            "SELECT a.range FROM range(100000000) a, range(100000000) b",
            StorageFailure,
            "time-limit",
        ),
        ("SELECT list(range) FROM range(1000000000)", StorageFailure, "out-of-memory"),
    ],
)
def test_what_fails_is_told(
    how: str, sql: str, category: type[Exception], kind: str, files: AllowedFiles, name: str
) -> None:
    limits = Limits(time_s=1.5, memory_bytes=64 << 20)
    with opened(how, files, limits) as engine, pytest.raises(category) as failed:
        rows(engine, sql.format(name=name))
    assert getattr(failed.value, "kind", "") == kind
    assert "catalog-file" not in str(failed.value)


@pytest.mark.parametrize("how", ["restricted", "isolated"])
def test_whoever_waits_may_interrupt(how: str, files: AllowedFiles) -> None:
    with opened(how, files, Limits()) as engine:
        timer = threading.Timer(1, engine.interrupt)
        timer.start()
        with pytest.raises(duckdb.InterruptException):
            rows(engine, "SELECT sum(a.range) FROM range(100000) a, range(90000000) b")
        timer.join()


@pytest.mark.parametrize("how", ["restricted", "isolated"])
def test_nothing_stays_on_disk(
    how: str, files: AllowedFiles, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    with opened(how, files, Limits(memory_bytes=64 << 20)) as engine:
        rows(engine, f"SELECT * FROM read_parquet('{name}')")
        rows(engine, "SELECT count(DISTINCT hash(range)) FROM range(5000000)")
        with pytest.raises(InvalidInput):
            rows(engine, "SELECT 'x'::INTEGER")
    assert list(folder.iterdir()) == []


class _Bucket:
    """Files in a bucket, held in memory; counts what is read."""

    scheme = "s3://"

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.opened = 0

    def look(self, uri: str) -> RemoteFile | None:
        if uri != "s3://bucket/orders.parquet":
            return None
        return RemoteFile(uri, len(self.content), datetime.datetime.now(datetime.UTC), "etag")

    def open(self, uri: str, *, like: OpenFile | None = None) -> OpenFile:
        found = self.look(uri)
        if found is None:
            raise NotFound(f"{uri} is gone")
        self.opened += 1
        return _InMemory(found, self.content)


class _InMemory(PositionedFile):
    def __init__(self, found: RemoteFile, content: bytes) -> None:
        super().__init__(found)
        self.content = content

    def part(self, offset: int, length: int) -> bytes:
        return self.content[offset : offset + length]


@pytest.mark.parametrize("how", ["restricted", "isolated"])
def test_files_in_buckets_are_read_by_this_process(how: str) -> None:
    buffer = io.BytesIO()
    pq.write_table(ORDERS, buffer)
    bucket = _Bucket(buffer.getvalue())
    files = AllowedFiles(lambda uri: bucket)
    here, gone = files.allow(["s3://bucket/orders.parquet", "s3://bucket/gone.parquet"])
    with opened(how, files, Limits()) as engine:
        sql = f"SELECT id, note FROM read_parquet('{here}') ORDER BY id"
        assert rows(engine, sql) == [(1, "a"), (2, "b"), (3, None)]
        with pytest.raises(CorruptData, match=r"s3://bucket/gone.parquet is gone"):
            rows(engine, f"SELECT * FROM read_parquet('{gone}')")
    if how == "isolated":
        assert bucket.opened == 1


@pytest.mark.invariant("SQL of a stranger ends in time, and within its memory")
@pytest.mark.parametrize(
    "sql",
    [
        "SELECT list_sum(range(1000000000))",
        "SELECT length(repeat('x', 2000000000) || repeat('y', 2000000000))",
        "SELECT length(lpad('x', 2000000000, 'y'))",
        "SELECT len(list_transform(range(100000), lambda x: range(100000)))",
        "SELECT count(*) FROM range(length(repeat('x', 2000000000)))",
    ],
)
def test_no_call_takes_more_than_its_process_may(
    sql: str, files: AllowedFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not check_stored_select(sql, what="the definition").bounded
    monkeypatch.setattr(isolated, "KILL_AFTER_S", 0.2)
    limits = Limits(time_s=0.8, memory_bytes=64 << 20)
    started = time.monotonic()
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    with isolated_engine(files=files, limits=limits) as engine, pytest.raises(StorageFailure):
        rows(engine, sql)
    assert time.monotonic() - started < 5
    after = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    assert after == before or after < 3 << 20  # KB


@pytest.mark.invariant("SQL of a stranger reaches no file, setting or variable, whatever it says")
@pytest.mark.parametrize("statement", HOSTILE)
def test_hostile_statements_find_and_change_nothing(
    engine: RestrictedEngine,
    name: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    statement: str,
) -> None:
    """Each runs as it is: what the first wall refuses, the second makes harmless."""
    home = tmp_path / "home"
    home.mkdir()
    (home / "secret.txt").write_text(f"name,word\nana,{SECRET}\n")
    monkeypatch.setenv("SECRET_WORD", SECRET)
    data = tmp_path / "data" / "orders.parquet"
    engine.connection.execute(f"CREATE TEMP VIEW orders AS SELECT * FROM read_parquet('{name}')")
    sql = statement.format(
        secret=home / "secret.txt",
        data=data,
        name=name,
        new=home / "new.parquet",
        folder=home,
        variable="SECRET_WORD",
    )
    before = _state(tmp_path)
    if "sleep" not in sql:
        assert SECRET not in _shown(engine, sql)
    assert _state(tmp_path) == before


def _shown(engine: RestrictedEngine, sql: str) -> str:
    """Returns everything that whoever runs SQL gets to see."""
    try:
        found = engine.connection.execute(sql)
        return str(None if found is None else found.fetchall())
    except (duckdb.Error, RuntimeError) as error:
        return str(error)


def _state(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
