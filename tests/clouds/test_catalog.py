"""Catalogs in Google Cloud Storage and Azure: what can be done in S3 can be done there."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import catalog
from catalog.catalog import Catalog
from catalog.errors import CorruptData, Unsupported
from tests.cli.conftest import REPOSITORY, in_process
from tests.s3.lawless import lawless
from tests.s3.proxy import Proxy
from tests.s3.servers import SECRET
from tests.storage.refusals import RefusalsContract
from tests.write.conftest import snap, write
from tests.write.test_race import check

from .emulators import ACCOUNT, AZURE_KEY, BUCKET, Cloud, signature


@pytest.fixture
def cat(cloud: Cloud, place: str) -> Catalog:
    return catalog.create(f"{place}/lake", **cloud.options)


def fill(source: Path, partitions: int = 3, *, add: int = 0) -> None:
    for k in range(partitions):
        write(
            source / f"k={k}" / "part 0.parquet",
            {"id": range(k * 10, k * 10 + 10), "v": [n + add for n in range(10)]},
        )


def upload(cloud: Cloud, source: Path, place: str, pattern: str = "*/*.parquet") -> str:
    """Uploads files of a directory, and returns the URI of its prefix."""
    store = cloud.store(f"{place}/src")
    for path in sorted(source.glob(pattern)):
        store.put(str(path.relative_to(source)), path.read_bytes())
    store.close()
    return f"{place}/src"


def test_a_catalog_makes_its_whole_trip(cloud: Cloud, cat: Catalog, source: Path) -> None:
    fill(source)
    assert snap(cat, "t", source, key=["id"]).files_added == 3
    cat.branches.create("dev")
    fill(source, 1, add=1)
    assert snap(cat, "t", source).files_added == 1
    with cat.transaction("dev", message="dev") as tx:
        tx.sql("UPDATE t SET v = 100 WHERE id = 25")
        tx.sql("INSERT INTO t (id, v, k) VALUES (99, 1, 3)")
    opened = catalog.open(f"{cat.uri}", **cloud.options)
    assert opened.sql("SELECT sum(v) FROM t@main~1").fetchall() == [(135,)]
    assert opened.diff("main~1", "main", level="rows")["t"].rows.updated == 10
    assert opened.diff("main~1", "dev")["t"].rows.inserted == 1
    opened.merge("dev")
    rows = opened.sql("SELECT k, sum(v), count(*) FROM t GROUP BY k ORDER BY k").fetchall()
    assert rows == [(0, 55, 10), (1, 45, 10), (2, 140, 10), (3, 1, 1)]
    opened.tags.create("v1", at="main")
    assert opened.revert("main").commit is not None
    assert cat.sql("SELECT sum(v) FROM t").fetchall() == [(145,)]
    assert cat.sql("SELECT sum(v) FROM t@v1").fetchall() == [(241,)]
    opened.branches.delete("dev")
    assert [branch.name for branch in cat.branches.list()] == ["main"]
    assert all(name not in repr(vars(cat)) for name in cloud.secrets)


def test_writers_on_one_branch_all_land(cloud: Cloud, cat: Catalog) -> None:
    landed: list[tuple[str, str, str]] = []

    def writer(number: int) -> None:
        own = catalog.open(cat.uri, **cloud.options)
        for n in range(2):
            with own.transaction("main", message=f"w{number}:{n}") as tx:
                tx.write(f"w{number}", pa.table({"id": [n]}), mode="append")
            assert tx.commit is not None
            landed.append((f"w{number}", str(n), tx.commit.id))

    threads = [threading.Thread(target=writer, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    check(catalog.open(cat.uri, **cloud.options), landed, {f"w{n}": 2 for n in range(8)})


@pytest.mark.parametrize("mode", ["reference", "copy"])
def test_a_prefix_is_taken_under_guard(
    cloud: Cloud, cat: Catalog, place: str, source: Path, mode: Any
) -> None:
    fill(source)
    prefix = upload(cloud, source, place)
    assert snap(cat, "t", prefix, mode=mode).files_added == 3
    assert cat.sql("SELECT sum(v), max(k) FROM t").fetchall() == [(135, 2)]
    assert not snap(cat, "t", prefix, mode=mode).changed
    write(source / "k=0" / "part 0.parquet", {"id": range(10), "v": [5] * 10})
    upload(cloud, source, place, "k=0/*.parquet")
    if mode == "reference":
        assert cat.files("t")[1].uri == f"{prefix}/k=1/part 0.parquet"
        with pytest.raises(CorruptData, match="was changed since table t"):
            cat.sql("SELECT sum(v) FROM t")
        assert cat.sql("SELECT sum(v) FROM t WHERE k = 1").fetchall() == [(45,)]
    assert snap(cat, "t", prefix, mode=mode).files_added == 1
    assert cat.sql("SELECT sum(v) FROM t").fetchall() == [(140,)]
    assert snap(cat, "u", f"{prefix}/k=[01]", mode=mode).rows == 20


def test_a_catalog_elsewhere_says_that_it_does_not_read_there(
    cloud: Cloud, place: str, source: Path, tmp_path: Path
) -> None:
    fill(source)
    prefix = upload(cloud, source, place)
    local = catalog.create(str(tmp_path / "lake"))
    with pytest.raises(Unsupported) as refused:
        snap(local, "t", prefix)
    assert prefix.partition("://")[0] in refused.value.message
    assert local.tables() == []


def test_the_command_line_works_in_a_bucket(cloud: Cloud, place: str, tmp_path: Path) -> None:
    write(tmp_path / "orders" / "x.parquet", {"id": [1, 2]})
    (tmp_path / "parquetry.toml").write_text(
        f'catalog = "{place}/lake"\n{cloud.toml()}'
        '[tables.orders]\nsource = "orders"\nkey = ["id"]\n'
    )
    made = in_process("init", f"{place}/lake", cwd=tmp_path)
    name = cloud.service().name
    note = f"{name}: {cloud.url}, as {tmp_path}/parquetry.toml says\n"
    assert (made.code, made.err.replace("/,", ",")) == (0, note)
    assert in_process("init", f"{place}/lake", cwd=tmp_path).code == 3
    taken = in_process("snapshot", "-m", "first", cwd=tmp_path)
    assert (taken.code, taken.err.replace("/,", ",")) == (0, note), taken.err
    asked = in_process("sql", "SELECT count(*) AS n FROM orders", "--format", "csv", cwd=tmp_path)
    assert asked.out.split() == ["n", "2"]
    logged = in_process("log", "--json", cwd=tmp_path)
    assert [c["message"] for c in json.loads(logged.out)["commits"]] == ["first", "catalog created"]
    assert all(name not in made.out + taken.out + logged.out for name in cloud.secrets)


def test_no_credential_is_stored(cloud: Cloud, cat: Catalog, source: Path, place: str) -> None:
    fill(source)
    snap(cat, "t", source)
    snap(cat, "r", upload(cloud, source, place), mode="reference")
    store: Any = cat.repository.store
    for info in store.list(""):
        data = store.read(info.path).data
        assert all(name.encode() not in data for name in cloud.secrets)


def test_a_process_that_read_a_bucket_ends_quietly(
    cloud: Cloud, cat: Catalog, source: Path
) -> None:
    fill(source)
    snap(cat, "t", source)
    code = (
        "import sys, catalog\n"
        f"options = catalog.{type(next(iter(cloud.options.values()))).__name__}(*sys.argv[2:])\n"
        f"opened = catalog.open(sys.argv[1], {cloud.name}=options)\n"
        "print(opened.sql('SELECT sum(v) FROM t').fetchall())\n"
    )
    words = ["loopback", cloud.url] if cloud.name == "azure" else [cloud.url]
    done = subprocess.run(
        [sys.executable, "-c", code, cat.uri, *words],
        cwd=REPOSITORY,
        env=dict(os.environ),
        capture_output=True,
        text=True,
        check=True,
    )
    assert (done.stdout, done.stderr) == ("[(135,)]\n", "")


LAWLESS = {
    ("gcs", "creating"): {"header": "", "query": "[?&]ifGenerationMatch=0"},
    ("gcs", "replacing"): {"header": "", "query": "[?&]ifGenerationMatch=[1-9][0-9]*"},
    ("azure", "creating"): {"header": "If-None-Match"},
    ("azure", "replacing"): {"header": "If-Match"},
}


@pytest.mark.invariant("A server that ignores conditional writes is refused")
@pytest.mark.parametrize("ignored", ["creating", "replacing"])
def test_a_server_that_ignores_either_condition_is_refused(
    cloud: Cloud, place: str, ignored: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AZURE_STORAGE_KEY")
    monkeypatch.setenv("AZURE_STORAGE_SAS_TOKEN", signature())
    catalog.create(f"{place}/lake", **cloud.options)
    with lawless(cloud.endpoint, **LAWLESS[cloud.name, ignored]) as endpoint:
        options = cloud.at(endpoint).options
        for call, name in ((catalog.open, "lake"), (catalog.create, "other")):
            with pytest.raises(Unsupported) as refused:
                call(f"{place}/{name}", **options)
            assert refused.value.kind == "no-conditional-writes"
            assert "would be lost" in refused.value.message
    assert list(cloud.store(f"{place}/other").list("")) == []


class TestRefusals(RefusalsContract):
    secrets = (SECRET, AZURE_KEY)

    @pytest.fixture
    def options(self, cloud: Cloud, proxy: Proxy) -> dict[str, Any]:
        return cloud.at(proxy.endpoint).options


@pytest.mark.parametrize(
    ("uri", "library", "extra"),
    [("gs://bucket/lake", "google.cloud.storage", "gcs"), ("az://c/lake", "azure", "azure")],
)
def test_a_library_that_is_missing_is_named(
    monkeypatch: pytest.MonkeyPatch, uri: str, library: str, extra: str
) -> None:
    for name in [name for name in sys.modules if name.startswith(library)]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(Unsupported) as caught:
        catalog.open(uri)
    assert caught.value.kind == "extra-not-installed"
    assert f"parquetry[{extra}]" in caught.value.hint


def test_an_account_is_asked_for() -> None:
    with pytest.raises(catalog.InvalidInput) as caught:
        catalog.open("az://container/lake")
    assert "AZURE_STORAGE_ACCOUNT" in caught.value.hint


def test_a_connection_string_says_it_all(monkeypatch: pytest.MonkeyPatch, azure: Cloud) -> None:
    monkeypatch.delenv("AZURE_STORAGE_KEY")
    text = f"AccountName={ACCOUNT};AccountKey={azure.secrets[1]};BlobEndpoint={azure.url}"
    monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", text)
    made = catalog.create(f"{azure.new_place()}/lake")
    assert len(catalog.open(made.uri, cache="").log()) == 1


def test_a_malformed_connection_string_is_not_shown(
    monkeypatch: pytest.MonkeyPatch, azure: Cloud
) -> None:
    monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", f"AccountKey={azure.secrets[1]}")
    with pytest.raises(catalog.InvalidInput) as caught:
        catalog.open(f"az://{BUCKET}/lake")
    assert all(name not in f"{caught.value.message}{caught.value.hint}" for name in azure.secrets)
