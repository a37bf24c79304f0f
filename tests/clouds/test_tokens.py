"""Tokens of Google Cloud and Azure go to nobody who could use them."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

import catalog
from catalog.errors import CatalogError, InvalidInput
from catalog.storage.bucket.gcs import _gets_credentials
from catalog.storage.options import AzureOptions, GcsOptions
from tests.s3.recorder import recording

TOKEN = "ya29.EXAMPLETOKEN"
SIGNATURE = "c2lnbmF0dXJlEXAMPLE"


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("catalog.storage.bucket.requests.PAUSE_S", 0.0)


@pytest.fixture
def google_account(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Is a service account whose tokens a server on loopback gives."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    text = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()
    with recording() as tokens:
        answer = json.dumps({"access_token": TOKEN, "expires_in": 3600}).encode()
        tokens.answer = lambda method, path: (200, {"Content-Type": "application/json"}, answer)
        account = {
            "type": "service_account",
            "project_id": "p",
            "private_key": text,
            "private_key_id": "k",
            "client_email": "a@p.iam.gserviceaccount.com",
            "token_uri": f"{tokens.endpoint}/token",
        }
        (tmp_path / "account.json").write_text(json.dumps(account))
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "account.json"))
        yield


def named_in_environment(monkeypatch: pytest.MonkeyPatch, endpoint: str) -> None:
    """Names a server as API_ENDPOINT_OVERRIDE does, which Google's library reads at its import."""
    from google.cloud.storage import _helpers

    monkeypatch.setattr(_helpers, "_API_ENDPOINT_OVERRIDE", endpoint, raising=False)
    monkeypatch.setattr("google.cloud.storage.client._get_api_endpoint_override", lambda: endpoint)


def test_a_token_of_google_is_not_sent_without_tls(
    google_account: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    named_in_environment(monkeypatch, "http://storage.example")
    with pytest.raises(InvalidInput) as refused:
        catalog.open("gs://bucket/lake")
    assert refused.value.kind == "insecure-endpoint"
    assert "http://storage.example" in refused.value.message


def test_a_token_of_google_may_stay_on_this_machine(
    google_account: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with recording() as server:
        named_in_environment(monkeypatch, server.endpoint)
        with pytest.raises(CatalogError):
            catalog.open("gs://bucket/lake")
    assert TOKEN in server.requests[0]


@pytest.mark.parametrize("status", [302, 307, 308])
def test_a_redirection_carries_no_token_of_google_to_another_host(
    google_account: None, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    with recording("localhost") as other, recording() as server:
        target = {"Location": f"{other.endpoint}/elsewhere"}
        server.answer = lambda method, path: (status, target, b"")
        named_in_environment(monkeypatch, server.endpoint)
        with pytest.raises(CatalogError):
            catalog.open("gs://bucket/lake")
    assert TOKEN in server.requests[0]
    assert TOKEN not in "".join(other.requests)


@pytest.mark.parametrize(
    ("endpoint", "chosen_by", "gets"),
    [
        ("https://storage.googleapis.com", "parquetry.toml", True),
        ("https://storage-mine.p.googleapis.com", "parquetry.toml", True),
        ("https://storage.example", None, True),
        ("https://storage.example", "parquetry.toml", False),
        ("https://googleapis.com.example", "parquetry.toml", False),
        ("https://notgoogleapis.com", "parquetry.toml", False),
        ("https://me@googleapis.com@storage.example", "parquetry.toml", False),
        ("http://storage.googleapis.com", None, False),
        ("HTTP://storage.example", None, False),
    ],
)
def test_googles_servers_and_those_that_the_user_names_get_a_token(
    endpoint: str, chosen_by: str | None, gets: bool
) -> None:
    assert _gets_credentials(endpoint, chosen_by=chosen_by) is gets


def test_a_server_that_a_file_chose_gets_no_token_of_google(google_account: None) -> None:
    with recording() as server:
        server.answer = lambda method, path: (401, {}, b"{}")
        options = GcsOptions(server.endpoint, chosen_by="/x/parquetry.toml")
        with pytest.raises(CatalogError) as failed:
            catalog.open("gs://bucket/lake", gcs=options)
    assert server.requests
    assert TOKEN not in "".join(server.requests)
    assert "no credentials are sent to" in failed.value.message
    assert "as /x/parquetry.toml chose it" in failed.value.message
    assert "API_ENDPOINT_OVERRIDE" in failed.value.hint


@pytest.fixture
def signature(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AZURE_STORAGE_KEY")
    monkeypatch.setenv("AZURE_STORAGE_SAS_TOKEN", f"sv=2024-11-04&se=2099&sig={SIGNATURE}")


def azure(endpoint: str) -> AzureOptions:
    return AzureOptions(account="a", endpoint_url=f"{endpoint}/a")


def test_a_signature_of_azure_is_not_sent_without_tls(signature: None) -> None:
    with pytest.raises(InvalidInput) as refused:
        catalog.open("az://bucket/lake", azure=azure("http://azurite.example:10000"))
    assert refused.value.kind == "insecure-endpoint"
    assert SIGNATURE not in f"{refused.value!r} {refused.value.hint}"


@pytest.mark.usefixtures("own")
def test_neither_is_one_of_a_connection_string(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(
        "AZURE_STORAGE_CONNECTION_STRING",
        f"BlobEndpoint=http://blobs.example/a;SharedAccessSignature=sv=2024&sig={SIGNATURE}",
    )
    with pytest.raises(InvalidInput) as refused:
        catalog.open("az://bucket/lake")
    assert refused.value.kind == "insecure-endpoint"


@pytest.mark.parametrize("status", [302, 307])
def test_azure_follows_no_redirection(signature: None, status: int) -> None:
    with recording("localhost") as other, recording() as server:
        target = {"Location": f"{other.endpoint}/elsewhere"}
        server.answer = lambda method, path: (status, target, b"")
        with pytest.raises(CatalogError):
            catalog.open("az://bucket/lake", azure=azure(server.endpoint))
    assert SIGNATURE in server.requests[0]
    assert other.requests == []


def test_an_identity_of_azure_is_not_sent_without_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    class Identity:
        def get_token(self, *scopes: str, **more: object) -> object:
            raise AssertionError("nobody may ask for it")

    monkeypatch.setattr("catalog.storage.bucket.azure._credential", lambda account: Identity())
    with recording() as server, pytest.raises(InvalidInput) as refused:
        catalog.open("az://bucket/lake", azure=azure("http://azurite.example:10000"))
    assert refused.value.kind == "insecure-endpoint"
    assert server.requests == []
