"""Verification and repairs in buckets."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

import catalog
from catalog.storage.options import S3Options
from catalog.storage.s3.service import S3Service
from catalog.storage.store import FinishesWrites
from tests.care.lakes import rows

from .conftest import upload
from .servers import Server


def test_a_bucket_is_verified_and_repaired(
    access: S3Service, place: str, server: Server, tmp_path: Path
) -> None:
    source = tmp_path / "source"
    source.mkdir()
    pq.write_table(pa.table({"id": [1, 2]}), source / "one.parquet")
    uri = upload(access, source, place)
    options = S3Options(endpoint_url=server.endpoint)
    cat = catalog.create(f"{place}/lake", s3=options)
    with cat.transaction() as tx:
        tx.write("t", rows(0, 4, 1.0), mode="overwrite", key=["id"], partition_by=["p"])
        tx.snapshot("outside", uri, mode="reference")
        tx.snapshot("copied", uri)
    fresh = catalog.open(f"{place}/lake", s3=options, cache=str(tmp_path / "cache"))
    for deep in (False, True):
        report = fresh.fsck(deep=deep)
        assert report.is_whole and not report.findings and not report.left_over
    store = fresh.context.repository.store
    assert isinstance(store, FinishesWrites)
    (path, twin) = [info.path for info in store.list("data/t/")]
    data = store.read(path).data
    store.put(path, data[:-1])
    store.finish_writes()
    (finding,) = fresh.fsck().findings
    assert (finding.kind, finding.path, finding.affects.tables) == ("data-damaged", path, ["t"])
    store.put(path, data[:9] + b"!" + data[10:])
    store.finish_writes()
    assert fresh.fsck().is_whole and not fresh.fsck(deep=True).is_whole
    backup = catalog.create(str(tmp_path / "backup")).context.repository.store
    local = tmp_path / "backup" / path
    local.parent.mkdir(parents=True)
    local.write_bytes(data)
    assert backup.read(path).data == data
    report = fresh.fsck(deep=True, repair=True, source=str(tmp_path / "backup"))
    assert [one.repaired for one in report.findings] == [True]
    assert store.read(path).data == data and store.info(twin) is not None
    head = store.read("refs/branches/main.json").data
    commit = fresh.show("main").id
    store.put(f"objects/{commit[:2]}/{commit}", b"PQTRPACK")
    store.finish_writes()
    (finding, *_) = fresh.fsck().findings  # whatever a local cache still knows
    assert (finding.kind, finding.affects.refs) == ("pack-damaged", ["main"])
    assert store.read("refs/branches/main.json").data == head
