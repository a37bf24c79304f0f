"""Copies of branches in buckets, and of catalogs in buckets: read by deltalake and Polars."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
from deltalake import DeltaTable, QueryBuilder

import catalog
from catalog import AlreadyExists, ErrorKind
from catalog.catalog import Catalog
from catalog.storage.options import S3Options
from catalog.storage.s3.service import S3Service
from tests.effort import effort

from .conftest import new_place
from .proxy import Proxy
from .servers import KEY, SECRET, Server


def rows(place: str, endpoint: str, version: int | None = None) -> list[tuple[Any, ...]]:
    """Returns the rows of a table, of which deltalake and Polars must see the same."""
    options = {
        "aws_endpoint_url": endpoint,
        "aws_access_key_id": KEY,
        "aws_secret_access_key": SECRET,
        "aws_region": "us-east-1",
        "allow_http": "true",
        "aws_ec2_metadata_disabled": "true",
    }
    far = options if "://" in place else None
    table = DeltaTable(place, version=version, storage_options=far)
    read = QueryBuilder().register("t", table).execute('SELECT x, "p" FROM t').read_all()
    found = sorted(zip(*(pa.table(read).to_pydict().values()), strict=True))
    frame = pl.read_delta(place, version=version, storage_options=far).select("x", "p")
    assert sorted(frame.rows()) == found
    return found


def fill(cat: Catalog, x: list[int]) -> None:
    with cat.transaction("main") as tx:
        values = pa.table({"x": x, "p": [f"{one} %/ü" for one in x]})
        tx.write("t", values, mode="append", partition_by=["p"])


def follows(
    cat: Catalog, place: str, endpoint: str, *, look: Callable[[], object] = lambda: None
) -> None:
    """Checks that a copy has each commit of a branch, also after the branch was moved back."""
    fill(cat, [1, 2])
    assert cat.publish("main", place).tables[0].versions == 1
    fill(cat, [3])
    with cat.transaction("main") as tx:
        tx.sql("UPDATE t SET x = 20 WHERE x = 2")
    assert cat.publish("main", place).tables[0].versions == 2
    look()
    cat.reset("main", to="main~1")
    cat.publish("main", place)
    one, two, three = (1, "1 %/ü"), (2, "2 %/ü"), (3, "3 %/ü")
    where = f"{place}/t"
    assert rows(where, endpoint, 0) == [one, two]
    assert rows(where, endpoint, 1) == [one, two, three]
    assert rows(where, endpoint, 2) == [one, three, (20, "2 %/ü")]
    assert rows(where, endpoint) == [one, two, three]


@pytest.mark.parametrize("server", effort(["seaweed"], ["moto", "seaweed"]), indirect=True)
def test_a_catalog_and_its_copy_in_one_bucket(server: Server, place: str, proxy: Proxy) -> None:
    cat = catalog.create(f"{place}/lake", s3=S3Options(endpoint_url=proxy.endpoint), cache="")

    def look() -> None:
        whole = [a for a in proxy.asked if a.method == "GET" and "/data/" in a.path and not a.range]
        assert server.name == "moto" or not whole  # moto ignores the condition of a copy

    follows(cat, f"{place}/out", server.endpoint, look=look)
    cat.publish("main", f"{place}/out", again=True)
    assert len(rows(f"{place}/out/t", server.endpoint)) == 3
    cat.export("t", f"{place}/one", format="delta")
    assert len(rows(f"{place}/one", server.endpoint)) == 3
    with pytest.raises(AlreadyExists) as raised:
        cat.export("t", f"{place}/one", format="delta")
    assert raised.value.kind == ErrorKind.DESTINATION_EXISTS


def test_a_catalog_in_a_bucket_and_a_directory(moto: Server, tmp_path: Path) -> None:
    place = new_place_of(moto)
    cat = catalog.create(f"{place}/lake", s3=S3Options(endpoint_url=moto.endpoint), cache="")
    follows(cat, str(tmp_path / "out"), moto.endpoint)


def test_a_catalog_in_a_directory_and_a_bucket(
    moto: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = new_place_of(moto)
    monkeypatch.setenv("AWS_ENDPOINT_URL", moto.endpoint)
    cat = catalog.create(tmp_path / "lake")
    follows(cat, f"{place}/out", moto.endpoint)
    other = catalog.create(tmp_path / "other")
    with pytest.raises(AlreadyExists) as raised:
        other.publish("main", f"{place}/out")
    assert raised.value.kind == ErrorKind.FOREIGN_TARGET


def new_place_of(server: Server) -> str:
    return new_place(S3Service(S3Options(endpoint_url=server.endpoint)))
