"""A served catalog in a bucket: clients are told where it is, and bring keys of their own."""

import json
from collections.abc import Iterator

import pyarrow as pa
import pytest
from pyiceberg.catalog.rest import RestCatalog

import catalog
from catalog.serving.storage import storage_defaults
from catalog.storage.options import S3Options
from cli.serve.service import catalog_application
from tests.second_reader import SecondReader
from tests.serving.running import serving

from . import servers
from .servers import Server


@pytest.fixture
def cat(place: str, server: Server) -> catalog.Catalog:
    cat = catalog.create(f"{place}/lake", s3=S3Options(endpoint_url=server.endpoint))
    rows = {"id": [1, 2, 3], "p": ["a b", "ü/%", None], "x": [0.5, None, -0.0]}
    with cat.transaction(message="first") as changes:
        changes.write("t", pa.table(rows), mode="overwrite", partition_by=["p"])
    with cat.transaction(message="second") as changes:
        changes.sql("UPDATE t SET x = 7 WHERE id = 2")
    return cat


@pytest.fixture
def address(cat: catalog.Catalog) -> Iterator[str]:
    with serving(catalog_application(cat, token=None)) as at:
        yield at


def rows(cat: catalog.Catalog, ref: str) -> list[str]:
    found = cat.sql("SELECT * FROM t", ref=ref).to_arrow_table().to_pylist()
    return sorted(map(repr, found))


def test_pyiceberg_reads_a_bucket_with_keys_of_its_own(
    cat: catalog.Catalog, address: str, server: Server
) -> None:
    keys = {"s3.access-key-id": servers.KEY, "s3.secret-access-key": servers.SECRET}
    client = RestCatalog("lake", uri=address, **keys)
    for ref in ("main", "main~1"):
        table = client.load_table((ref, "t"))
        assert sorted(map(repr, table.scan().to_arrow().to_pylist())) == rows(cat, ref)
        assert table.location().startswith("s3://")
    assert client.properties["s3.endpoint"] == server.endpoint
    assert client.properties["s3.region"] == "us-east-1"


def test_no_keys_are_told(cat: catalog.Catalog) -> None:
    defaults = storage_defaults(cat.repository.store)
    assert set(defaults) == {"s3.endpoint", "s3.region", "s3.path-style-access"}
    assert servers.SECRET not in json.dumps(defaults)


def test_duckdb_reads_a_bucket_with_a_secret_of_its_own(
    cat: catalog.Catalog, address: str, server: Server
) -> None:
    with SecondReader() as reader:
        host = server.endpoint.partition("://")[2]
        reader.execute(
            f"CREATE SECRET keys (TYPE s3, KEY_ID '{servers.KEY}', SECRET '{servers.SECRET}', "
            f"ENDPOINT '{host}', URL_STYLE 'path', USE_SSL false, REGION 'us-east-1')"
        )
        reader.execute(
            f"ATTACH 'lake' AS lake (TYPE iceberg, ENDPOINT '{address}', "
            "AUTHORIZATION_TYPE 'none', ACCESS_DELEGATION_MODE 'none', DEFAULT_SCHEMA 'main')"
        )
        for ref in ("main", "main~1"):
            found = reader.table(f'SELECT * FROM lake."{ref}".t').to_pylist()
            assert sorted(map(repr, found)) == rows(cat, ref)
