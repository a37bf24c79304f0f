"""URIs with passwords and keys in them are refused before anything is done, stored or shown."""

from pathlib import Path

import pytest

import catalog
from catalog.errors import InvalidInput
from tests.cli.conftest import Runner

SECRET = "wJalrXUtn"

URIS = [
    f"s3://AKIA:{SECRET}@lake/prod",
    f"s3://AKIA:{SECRET}/K7@lake/prod",
    f"gs://{SECRET}@lake/prod",
    f"az://lake/prod?sv=2024&sig={SECRET}",
    f"https://me:{SECRET}@host/prod",
    f"https://host/prod?X-Amz-Signature={SECRET}",
]


@pytest.mark.parametrize("uri", URIS)
def test_a_uri_with_a_secret_is_refused_and_not_repeated(
    parquetry: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, uri: str
) -> None:
    catalog.create("lake")
    (tmp_path / "parquetry.toml").write_text(f'[tables.orders]\nsource = "{uri}"\n')
    outcomes = [
        parquetry("init", uri),
        parquetry("-C", uri, "log"),
        parquetry("-C", "lake", "snapshot", f"orders={uri}"),
        parquetry("-C", "lake", "snapshot", "--json"),
        parquetry("-C", "lake", "status"),
    ]
    (tmp_path / "parquetry.toml").write_text(f'catalog = "{uri}"\n')
    outcomes.append(parquetry("log"))
    monkeypatch.setenv("PARQUETRY_CATALOG", uri)
    outcomes.append(parquetry("tables"))
    for outcome in outcomes:
        assert outcome.code == 3
        assert SECRET not in outcome.out + outcome.err
        assert "contains a secret" in outcome.err
        assert "AWS_SECRET_ACCESS_KEY" in outcome.err
    stored = b"".join(path.read_bytes() for path in Path("lake").rglob("*") if path.is_file())
    assert SECRET.encode() not in stored


@pytest.mark.parametrize("uri", URIS)
def test_python_refuses_them_too(tmp_path: Path, uri: str) -> None:
    cat = catalog.create(tmp_path / "lake")
    with pytest.raises(InvalidInput) as opened:
        catalog.open(uri)
    with pytest.raises(InvalidInput) as created:
        catalog.create(uri)
    with pytest.raises(InvalidInput) as taken, cat.transaction() as transaction:
        transaction.snapshot("orders", uri, allow_empty=True)
    for caught in (opened, created, taken):
        assert caught.value.kind == "secret-in-uri"
        assert SECRET not in f"{caught.value!r} {caught.value} {caught.value.hint}"
