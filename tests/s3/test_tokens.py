"""A session token goes to nobody who could use it: not without TLS, and to no other host."""

import pytest

import catalog
from catalog.errors import CatalogError, InvalidInput
from catalog.storage.options import S3Options

from .recorder import recording

TOKEN = "FwoGZXIvYXdzEXAMPLETOKEN"


@pytest.fixture(autouse=True)
def token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", TOKEN)
    monkeypatch.setattr("catalog.storage.bucket.requests.PAUSE_S", 0.0)


@pytest.mark.invariant("Tokens travel only by TLS, or within the machine")
@pytest.mark.parametrize(
    "endpoint", ["http://minio:9000", "http://10.0.0.7", "http://localhost.example:1", "HTTP://a"]
)
def test_a_token_is_not_sent_without_tls(endpoint: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        catalog.open("s3://bucket/lake", s3=S3Options(endpoint_url=endpoint, path_style=True))
    assert refused.value.kind == "insecure-endpoint"
    assert endpoint.lower() in refused.value.message
    assert "https://" in refused.value.hint
    assert TOKEN not in f"{refused.value!r}"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_token_may_stay_on_this_machine(host: str) -> None:
    with recording(host) as server, pytest.raises(CatalogError):
        catalog.open("s3://bucket/lake", s3=S3Options(endpoint_url=server.endpoint))
    assert TOKEN in server.requests[0]


def test_keys_sign_without_tls_as_nothing_secret_travels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_SESSION_TOKEN")
    monkeypatch.setattr("catalog.storage.bucket.requests.SENDINGS", 1)
    monkeypatch.setattr("catalog.storage.s3.service.CONNECT_TIMEOUT_S", 0.01)
    options = S3Options(endpoint_url="http://nowhere.invalid:9000", path_style=True)
    with pytest.raises(CatalogError) as failed:
        catalog.open("s3://bucket/lake", s3=options)
    assert failed.value.kind == "no-endpoint"


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirection_to_another_host_is_not_followed(status: int) -> None:
    with recording() as other, recording() as server:
        target = {"Location": f"{other.endpoint}/bucket/x", "x-amz-bucket-region": "eu-west-1"}
        server.answer = lambda method, path: (status, target, b"")
        with pytest.raises(CatalogError):
            catalog.open("s3://bucket/lake", s3=S3Options(endpoint_url=server.endpoint))
    assert server.requests
    assert other.requests == []
