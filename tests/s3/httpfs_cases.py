"""Cases of reading by ``httpfs``; ``test_httpfs.py`` runs them where the extension is installed."""

import json
import logging
import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import duckdb
import numpy as np
import pyarrow as pa
import pytest

import catalog
from catalog.catalog import Catalog
from catalog.engine import httpfs
from catalog.errors import CatalogError, CorruptData, StorageFailure
from catalog.query.session import Session
from catalog.storage.options import HttpfsUse
from catalog.storage.s3.access import S3Access, S3Options
from tests.write.conftest import snap, write

from .conftest import new_place, upload
from .proxy import Asked, Proxy, proxied
from .servers import KEY, SECRET, Server

MB = int(os.environ.get("PARQUETRY_S3_MB", "16"))
EDGE_BYTES = 1 << 19
"""DuckDB reads a gap between columns along where that saves a request: of a file at most this."""

TURNS = 3
"""Runs of which the best counts."""

TOKEN = "loopback-token"
QUERY = "SELECT sum(v) FROM t"


@pytest.fixture(autouse=True)
def worth(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(httpfs, "WORTH_BYTES", 0)


@pytest.fixture
def server(moto: Server, aws: None) -> Server:
    return moto


@pytest.fixture
def opened(proxy: Proxy, place: str) -> Callable[..., Catalog]:
    """Opens the catalog again, through the proxy, without what the first one knows."""

    def anew(**options: Any) -> Catalog:
        s3 = S3Options(endpoint_url=proxy.endpoint, **options)
        return catalog.open(f"{place}/lake", s3=s3, cache="")

    return anew


@pytest.fixture
def filled(place: str, server: Server, source: Path) -> Catalog:
    cat = catalog.create(f"{place}/lake", s3=S3Options(endpoint_url=server.endpoint))
    for part in range(2):
        write(source / f"k={part}" / "x.parquet", {"id": range(10), "v": range(10)})
    snap(cat, "t", source, key=["id", "k"])
    return cat


@pytest.fixture
def session(opened: Callable[..., Catalog], filled: Catalog) -> Iterator[Session]:
    with opened().connect() as session:
        yield session


def data(proxy: Proxy) -> list[Asked]:
    return [asked for asked in proxy.asked if "/data/" in asked.path]


def readers(proxy: Proxy) -> set[bool]:
    """Tells who read data files since the last call: DuckDB itself (True), we (False)."""
    found = {asked.by_duckdb for asked in data(proxy)}
    proxy.clear()
    return found


def test_own_data_files_are_read_by_duckdb_itself(
    session: Session, proxy: Proxy, filled: Catalog
) -> None:
    assert session.sql(QUERY).fetchall() == [(90,)]
    assert readers(proxy) == {True}
    assert session.sql("SELECT k, v FROM t WHERE k = 1 AND v > 8").fetchall() == [(1, 9)]
    assert readers(proxy) == {True}


def test_nothing_is_listed_and_each_file_looked_at_once(session: Session, proxy: Proxy) -> None:
    session.sql(QUERY).fetchall()
    heads = [asked.path for asked in data(proxy) if asked.method == "HEAD"]
    assert len(heads) == len(set(heads)) == 2
    assert not [a for a in proxy.asked if a.by_duckdb and "/data/" not in a.path]


def test_little_is_read_without_the_extension(
    monkeypatch: pytest.MonkeyPatch, session: Session, proxy: Proxy
) -> None:
    monkeypatch.setattr(httpfs, "WORTH_BYTES", 1 << 20)
    assert session.sql(QUERY).fetchall() == [(90,)]
    assert readers(proxy) == {False}
    assert session.sql(LOADED).fetchall() == [(False,)]


LOADED = "SELECT loaded FROM duckdb_extensions() WHERE extension_name = 'httpfs'"


def test_never_means_never(opened: Callable[..., Catalog], filled: Catalog, proxy: Proxy) -> None:
    with opened(httpfs="never").connect() as session:
        assert session.sql(QUERY).fetchall() == [(90,)]
        assert session.sql(LOADED).fetchall() == [(False,)]
    assert readers(proxy) == {False}


def test_where_it_is_missing_it_is_tried_once(
    opened: Callable[..., Catalog], filled: Catalog, proxy: Proxy, tmp_path: Path
) -> None:
    cat = opened()
    with cat.connect() as session:
        session.sql(f"SET extension_directory = '{tmp_path / 'nothing'}'")
        assert session.sql(QUERY).fetchall() == [(90,)]
    with cat.connect() as session:
        assert session.sql(QUERY).fetchall() == [(90,)]
        assert session.sql(LOADED).fetchall() == [(False,)], "it is there, but not tried again"
    assert readers(proxy) == {False}
    assert not (tmp_path / "nothing").exists()


def test_an_extension_that_the_user_loaded_is_left_alone(session: Session, proxy: Proxy) -> None:
    session.sql("LOAD httpfs")
    session.sql("SET GLOBAL s3_region = 'mine'")
    assert session.sql(QUERY).fetchall() == [(90,)]
    assert readers(proxy) == {False}
    assert session.sql("SELECT current_setting('s3_region')").fetchall() == [("mine",)]


@pytest.mark.parametrize("before", [True, False])
def test_where_only_some_names_are_allowed_it_is_read_by_us(
    session: Session, place: str, proxy: Proxy, before: bool
) -> None:
    if before:
        session.sql(QUERY).fetchall()
        assert readers(proxy) == {True}
    session.sql(f"SET allowed_directories = ['{place}/']; SET enable_external_access = false")
    assert session.sql("SELECT sum(id) FROM t").fetchall() == [(90,)]
    assert readers(proxy) == {False}


def test_a_locked_configuration_is_not_given_credentials(session: Session, proxy: Proxy) -> None:
    session.sql("SET lock_configuration = true")
    assert session.sql(QUERY).fetchall() == [(90,)]
    assert readers(proxy) == {False}
    held = session.sql("SELECT value FROM duckdb_settings() WHERE name LIKE 's3_%'").fetchall()
    assert SECRET not in str(held) and KEY not in str(held)


def test_a_configuration_may_be_locked_later(session: Session, proxy: Proxy) -> None:
    session.sql(QUERY).fetchall()
    session.sql("SET lock_configuration = true")
    readers(proxy)
    assert session.sql("SELECT sum(id) FROM t").fetchall() == [(90,)]
    assert readers(proxy) == {True}


def test_references_are_read_by_us(
    opened: Callable[..., Catalog],
    access: S3Access,
    place: str,
    proxy: Proxy,
    filled: Catalog,
    tmp_path: Path,
) -> None:
    cat = opened()
    write(tmp_path / "others" / "x.parquet", {"v": [1, 2]})
    prefix = upload(access, tmp_path / "others", place)
    snap(cat, "r", prefix, mode="reference")
    proxy.clear()
    query = "SELECT (SELECT sum(v) FROM r), (SELECT sum(v) FROM t)"
    assert cat.sql(query).fetchall() == [(3, 90)]
    assert {asked.by_duckdb for asked in proxy.asked if "/src/" in asked.path} == {False}
    assert readers(proxy) == {True}


def test_writes_read_by_it_too(
    opened: Callable[..., Catalog], filled: Catalog, proxy: Proxy
) -> None:
    cat = opened()
    with cat.transaction("main", message="more") as tx:
        tx.sql("UPDATE t SET v = v + 1 WHERE k = 0")
    assert True in readers(proxy)
    assert cat.sql(QUERY).fetchall() == [(100,)]
    assert cat.diff("main~1", "main")["t"].rows.updated == 10


# Names


def test_names_are_shown_as_ever(
    session: Session, filled: Catalog, place: str, tmp_path: Path, proxy: Proxy
) -> None:
    uri = f"{place}/lake/{filled.files('t')[0].path}"
    own = f"SELECT DISTINCT filename FROM read_parquet('{uri}', filename = true)"
    session.sql(QUERY).fetchall()
    readers(proxy)
    assert session.sql(own).fetchall() == [(uri,)]
    assert readers(proxy) == {False}, "the user's own reading is by our access"
    filled.write_views(str(tmp_path / "views.duckdb"))
    with duckdb.connect(str(tmp_path / "views.duckdb"), read_only=True) as views:
        (text,) = views.execute("SELECT sql FROM duckdb_views() WHERE NOT internal").fetchone()
    assert uri in text and "s3a:" not in text


def test_what_is_run_later_is_read_by_us_when_credentials_may_be_others(
    session: Session, proxy: Proxy
) -> None:
    session.sql("CREATE TEMP VIEW later AS SELECT * FROM t")
    session.sql("PREPARE again AS SELECT sum(v) FROM t")
    session.sql("CREATE TEMP MACRO m() AS TABLE SELECT sum(v) FROM t")
    readers(proxy)
    for query in ("SELECT sum(v) FROM later", "EXECUTE again", "FROM m()"):
        assert session.sql(query).fetchall() == [(90,)]
        assert True not in readers(proxy)
    session.sql("CREATE TEMP TABLE now AS SELECT * FROM t")
    assert readers(proxy) == {True}


ODD = [
    "a b",
    "a+b",
    "100%",
    "a%20b",
    "a#b",
    "a?b",
    "a*b",
    "a[b]",
    "é",
    "a&b=c",
    "a'b",
    'a"b',
    "~@!$",
]


def test_odd_values_in_names(
    opened: Callable[..., Catalog], filled: Catalog, source: Path, proxy: Proxy
) -> None:
    from catalog.formats.hive_path import partition_path

    cat = opened()
    for number, value in enumerate(ODD):
        write(source / "odd" / partition_path(["p"], [value]) / "x.parquet", {"v": [number]})
    snap(cat, "odd", source / "odd", partition_by={"p": "VARCHAR"})
    cat = opened()
    proxy.clear()
    found = cat.sql("SELECT p, v FROM odd ORDER BY v").fetchall()
    assert found == [(value, number) for number, value in enumerate(ODD)]
    assert {asked.by_duckdb for asked in data(proxy)} == {True}, "names have Hive's escapes"
    assert not [a for a in proxy.asked if a.by_duckdb and "/data/" not in a.path], "no listings"


@pytest.mark.parametrize(
    ("prefix", "by_duckdb"),
    [
        ("a b+c@d=é%41,&;~", True),
        ("a//b", True),
        ("..a/.b/c.", True),
        ("a/../b", False),
        ("a/./b", False),
        ("a?b", False),
        ("a*b", False),
        ("a[b]", False),
        ("a#b", False),
    ],
)
def test_odd_prefixes(place: str, proxy: Proxy, source: Path, prefix: str, by_duckdb: bool) -> None:
    options = S3Options(endpoint_url=proxy.endpoint)
    write(source / "x.parquet", {"v": [1, 2, 3]})
    snap(catalog.create(f"{place}/{prefix}/lake", s3=options), "t", source)
    proxy.clear()
    cat = catalog.open(f"{place}/{prefix}/lake", s3=options, cache="")
    assert cat.sql(QUERY).fetchall() == [(6,)]
    assert readers(proxy) == {by_duckdb}


# Credentials


@pytest.fixture
def process(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], None]:
    """Has boto3 ask a program for credentials, which soon expire; returns what changes them."""
    held = tmp_path / "credentials.json"

    def change(key: str) -> None:
        soon = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 300))
        found = {"Version": 1, "AccessKeyId": key, "SecretAccessKey": SECRET}
        held.write_text(json.dumps({**found, "SessionToken": TOKEN, "Expiration": soon}))

    config = tmp_path / "aws-config"
    program = f"{sys.executable} -c \"print(open('{held}').read())\""
    config.write_text(f"[default]\ncredential_process = {program}\n")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    return change


def keys(proxy: Proxy) -> set[str]:
    found = {asked.signed for asked in data(proxy) if asked.by_duckdb}
    return {re.findall("Credential=([^/]+)/", one)[0] for one in found}


def test_credentials_that_are_renewed_are_renewed_in_duckdb(
    filled: Catalog,
    opened: Callable[..., Catalog],
    process: Callable[[str], None],
    proxy: Proxy,
) -> None:
    process("FIRSTKEY")
    with opened().connect() as session:
        assert session.sql(QUERY).fetchall() == [(90,)]
        assert keys(proxy) == {"FIRSTKEY"}
        proxy.clear()
        process("SECONDKEY")
        assert session.sql(QUERY).fetchall() == [(90,)]
        assert keys(proxy) == {"SECONDKEY"}


def test_a_transaction_that_sees_older_credentials_goes_without(
    filled: Catalog,
    opened: Callable[..., Catalog],
    process: Callable[[str], None],
    proxy: Proxy,
) -> None:
    process("FIRSTKEY")
    with opened().connect() as session:
        session.sql(QUERY).fetchall()
        session.sql("BEGIN")
        session.sql("SELECT count(*) FROM duckdb_secrets()").fetchall()
        assert session.sql(QUERY).fetchall() == [(90,)]
        proxy.clear()
        process("SECONDKEY")
        assert session.sql("SELECT sum(id) FROM t").fetchall() == [(90,)]
        assert readers(proxy) == {False}
        session.sql("COMMIT")
        assert session.sql("SELECT sum(k) FROM t").fetchall() == [(10,)]
        assert session.sql("SELECT sum(id) FROM t").fetchall() == [(90,)]
        assert keys(proxy) == {"SECONDKEY"}


def test_nothing_secret_is_shown(
    filled: Catalog,
    opened: Callable[..., Catalog],
    process: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
    proxy: Proxy,
    caplog: pytest.LogCaptureFixture,
) -> None:
    process("SHOWNKEY")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_SESSION_TOKEN", TOKEN)
    caplog.set_level(logging.INFO)
    with opened().connect() as session:
        session.sql("CALL enable_logging('QueryLog')")
        session.sql(QUERY).fetchall()
        assert readers(proxy) == {True}
        shown = [
            session.sql(query).fetchall()
            for query in (
                "FROM duckdb_secrets()",
                "FROM duckdb_settings()",
                "SELECT message FROM duckdb_logs",
                "FROM duckdb_variables()",
                f"EXPLAIN {QUERY}",
                f"EXPLAIN ANALYZE {QUERY}",
            )
        ]
        with pytest.raises(CatalogError) as refused:
            session.sql("FROM duckdb_secrets(redact = false)")
        proxy.plan = lambda method, path: "denied" if "/data/" in path else None
        with pytest.raises(CatalogError) as denied:
            session.sql("SELECT sum(id) FROM t").fetchall()
    text = f"{shown}{refused.value}{denied.value}{denied.value.__cause__}{caplog.text}"
    assert SECRET not in text and TOKEN not in text


def test_no_other_bucket_or_prefix_is_reached_with_them(
    session: Session, access: S3Access, proxy: Proxy, place: str
) -> None:
    access.client.put_object(Bucket="tests", Key=f"{place[11:]}/other.csv", Body=b"a\n1\n")
    session.sql(QUERY).fetchall()
    scope = session.sql("SELECT scope[1] FROM duckdb_secrets()").fetchall()
    assert scope == [(f"s3a://{place[5:]}/lake/data/",)]
    found = session.sql(f"SELECT count(*) FROM which_secret('s3a://{place[5:]}/lake/refs/x', 's3')")
    assert found.fetchall() == [(0,)]


# Failures


def failing(session: Session) -> CatalogError:
    with pytest.raises(CatalogError) as caught:
        session.sql(QUERY).fetchall()
    assert "s3a:" not in str(caught.value) and "Traceback" not in str(caught.value)
    return caught.value


def test_a_file_that_is_gone(session: Session, filled: Catalog, place: str, proxy: Proxy) -> None:
    session.sql("SELECT count(DISTINCT id) FROM t").fetchall()
    for file in filled.files("t"):
        filled.repository.store.delete(file.path)
    error = failing(session)
    assert isinstance(error, CorruptData) and error.kind == "file-changed"
    assert any(f"{place}/lake/{f.path} is gone" in error.message for f in filled.files("t"))
    assert True in readers(proxy)


def test_a_file_that_is_damaged(
    session: Session, filled: Catalog, place: str, access: S3Access, proxy: Proxy
) -> None:
    for file in filled.files("t"):
        key = f"{place}/lake/{file.path}".removeprefix("s3://tests/")
        access.client.put_object(Bucket="tests", Key=key, Body=b"PAR1" + b"x" * 5000)
    error = failing(session)
    assert isinstance(error, CorruptData) and error.kind == "damaged-parquet"
    assert f"{place}/lake/data/t/" in error.message
    assert readers(proxy) == {True}


def test_access_denied(session: Session, place: str, proxy: Proxy) -> None:
    proxy.plan = lambda method, path: "denied" if "/data/" in path else None
    error = failing(session)
    assert isinstance(error, StorageFailure) and error.kind == "not-permitted"
    assert re.search(f"access to {place}/lake/data/t/.*parquet is denied", error.message)


@pytest.mark.parametrize("fate", ["error-after", "later", "cut-before", "cut-after"])
def test_a_server_that_fails(session: Session, place: str, proxy: Proxy, fate: Any) -> None:
    proxy.plan = lambda method, path: fate if "/data/" in path else None
    error = failing(session)
    assert isinstance(error, StorageFailure)
    assert re.search(f"S3 failed at {place}/lake/data/t/.*parquet", error.message)


def test_a_server_that_fails_once_is_asked_again(session: Session, proxy: Proxy) -> None:
    left = ["error-after", "later"]
    proxy.plan = lambda method, path: left.pop() if "/data/" in path and left else None  # type: ignore[return-value]
    assert session.sql(QUERY).fetchall() == [(90,)]
    assert readers(proxy) == {True}


def test_a_server_that_is_not_there(
    monkeypatch: pytest.MonkeyPatch, session: Session, place: str
) -> None:
    hold = httpfs._hold

    def elsewhere(con: Any, reach: Any, scopes: Any) -> None:
        import dataclasses

        hold(con, dataclasses.replace(reach, host="127.0.0.1:9"), scopes)

    monkeypatch.setattr(httpfs, "_hold", elsewhere)
    error = failing(session)
    assert isinstance(error, StorageFailure) and error.kind == "no-endpoint"
    assert re.search(f"127.0.0.1:9 cannot be reached for {place}/lake/data/t/", error.message)


# Figures


def test_as_much_is_moved_as_by_us(seaweed: Server, source: Path) -> None:
    columns, parts = 10, 4
    place = new_place(S3Access(S3Options(endpoint_url=seaweed.endpoint)))
    rows = MB * 1_000_000 // (8 * columns * parts)
    random = np.random.default_rng(1)
    for part in range(parts):
        table = pa.table({f"c{n}": random.integers(0, 1 << 40, rows) for n in range(columns)})
        write(source / f"{part}.parquet", table, row_group_size=125_000, use_dictionary=False)
    cat = catalog.create(f"{place}/lake", s3=S3Options(endpoint_url=seaweed.endpoint))
    snap(cat, "t", source, fingerprints="later")
    size = sum(file.size_bytes for file in cat.files("t"))
    print(f"\n{size / 1e6:,.1f} MB in {parts} files, {columns} columns")

    def far_from(endpoint: str, use: str) -> Catalog:
        s3 = S3Options(endpoint_url=endpoint, httpfs=cast("HttpfsUse", use))
        return catalog.open(f"{place}/lake", s3=s3, cache="")

    def total(asked: list[Asked]) -> int:
        return sum(one.answered for one in asked)

    for count in (1, 9):
        query = f"SELECT {', '.join(f'sum(c{n})' for n in range(count))} FROM t"
        asked: dict[str, list[Asked]] = {}
        taken: dict[str, list[tuple[float, float]]] = {"never": [], "auto": []}
        answers = set()
        for use in taken:
            with proxied(seaweed.endpoint) as proxy:
                far = far_from(proxy.endpoint, use)
                proxy.clear()
                far.sql(query).fetchall()
                asked[use] = data(proxy)
                assert {a.by_duckdb for a in asked[use]} == {use == "auto"}
        for use in ("never", "auto") * TURNS:
            far = far_from(seaweed.endpoint, use)
            start = time.perf_counter(), time.process_time()
            answers.add(tuple(far.sql(query).fetchall()))
            now = time.perf_counter(), time.process_time()
            taken[use].append((now[0] - start[0], now[1] - start[1]))
        for use, name in (("never", "ours"), ("auto", "httpfs")):
            seconds, cpu = (min(column) for column in zip(*taken[use], strict=True))
            print(
                f"{count} columns by {name}: {total(asked[use]) / 1e6:,.1f} MB in "
                f"{len(asked[use])} requests, {seconds:.2f} s, {cpu:.2f} CPU s"
            )
        assert len(answers) == 1
        assert total(asked["auto"]) <= total(asked["never"]) * 1.02 + parts * EDGE_BYTES
        assert len(asked["auto"]) <= len(asked["never"]) + parts, "a look at each file"
