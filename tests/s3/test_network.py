"""What the network, a portal, a clock or a certificate spoils is told as such, with a remedy."""

import datetime
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

import catalog
from catalog.catalog import Catalog
from catalog.errors import CatalogError, StorageFailure
from catalog.storage.bucket.store import BucketStore
from catalog.storage.options import S3Options
from catalog.storage.s3.service import S3Service
from tests.write.conftest import catalog_in, write

from .proxy import Proxy
from .recorder import Answer, Recorder, recording

PAGE = b"<!DOCTYPE html><html><body>Please log in<br></body></html>"
HTML = {"Content-Type": "text/html"}
DATE = {"Last-Modified": "Wed, 04 Mar 2026 05:06:07 GMT"}


def code(name: str, more: str = "") -> bytes:
    return f"<Error><Code>{name}</Code><Message>m</Message>{more}</Error>".encode()


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("catalog.storage.bucket.requests.PAUSE_S", 0.0)
    monkeypatch.setattr("catalog.storage.bucket.requests.MAX_PAUSE_S", 0.0)


@pytest.fixture
def answering() -> Iterator[Recorder]:
    with recording() as server:
        yield server


def failures(server: Recorder, answer: Answer) -> list[CatalogError]:
    """Returns the errors of opening and reading where everything gets one answer."""
    server.answer = lambda method, path: answer
    options = S3Options(endpoint_url=server.endpoint)
    store = BucketStore("s3://bucket/lake", S3Service(options, sleep=lambda seconds: None))
    found = []
    for act in (
        lambda: catalog.open("s3://bucket/lake", s3=options),
        lambda: store.read("catalog.json"),
        lambda: store.read_range("catalog.json", 1, 2),
        lambda: list(store.list("")),
        lambda: store.info("catalog.json"),
    ):
        with pytest.raises(CatalogError) as caught:
            act()
        found.append(caught.value)
    return found


@pytest.mark.parametrize(
    "answer",
    [(200, HTML, PAGE), (200, HTML | DATE, PAGE), (302, {"Location": "http://me:pw@login/"}, b"")],
)
def test_a_page_of_a_portal_is_told_as_such(answering: Recorder, answer: Answer) -> None:
    for failure in failures(answering, answer):
        assert isinstance(failure, StorageFailure)
        assert failure.kind == "no-endpoint"
        assert f"{answering.endpoint} does not answer as S3 does" in failure.message
        assert "wants a login" in failure.hint
        assert "pw" not in failure.message


def test_garbled_listings_are_told_as_such(answering: Recorder) -> None:
    answering.answer = lambda method, path: (200, {}, b"\0<\xff")
    store = BucketStore("s3://b", S3Service(S3Options(endpoint_url=answering.endpoint)))
    with pytest.raises(StorageFailure, match="does not answer as S3 does"):
        list(store.list(""))


def test_a_wrong_clock_is_told_as_such(answering: Recorder) -> None:
    more = "<ServerTime>2026-03-04T05:06:07Z</ServerTime>"
    failure, *_ = failures(answering, (403, {}, code("RequestTimeTooSkewed", more)))
    assert failure.kind == "clock-skew"
    assert "2026-03-04T05:06:07Z" in failure.message
    assert failure.hint == "set the clock of this machine"


@pytest.mark.parametrize(
    ("status", "name", "more", "headers"),
    [
        (301, "PermanentRedirect", "<Endpoint>b.s3.eu-west-3.amazonaws.com</Endpoint>", True),
        (400, "AuthorizationHeaderMalformed", "<Region>eu-west-3</Region>", False),
        (400, "IllegalLocationConstraintException", "", True),
    ],
)
def test_the_right_region_is_named(
    answering: Recorder, status: int, name: str, more: str, headers: bool
) -> None:
    region = {"x-amz-bucket-region": "eu-west-3"} if headers else {}
    failure, *_ = failures(answering, (status, region, code(name, more)))
    assert failure.kind == "s3-configuration"
    assert failure.message.endswith("is in another region: eu-west-3")
    assert "AWS_REGION=eu-west-3" in failure.hint


@pytest.fixture
def untrusted(tmp_path: Path) -> Iterator[Recorder]:
    """Is a server whose certificate nobody vouches for."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = tmp_path / "server.pem"
    pem.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    with recording("localhost", tls=context) as server:
        yield server


def test_a_certificate_that_nobody_vouches_for_is_told(untrusted: Recorder) -> None:
    with pytest.raises(StorageFailure) as failed:
        catalog.open("s3://bucket/lake", s3=S3Options(endpoint_url=untrusted.endpoint))
    assert failed.value.kind == "no-endpoint"
    assert f"{untrusted.endpoint} cannot be trusted" in failed.value.message
    assert "self-signed certificate" in failed.value.message
    assert "AWS_CA_BUNDLE" in failed.value.hint
    assert untrusted.requests == []


def test_tls_to_a_server_without_it_is_told(answering: Recorder) -> None:
    endpoint = answering.endpoint.replace("http://", "https://")
    with pytest.raises(StorageFailure) as failed:
        catalog.open("s3://bucket/lake", s3=S3Options(endpoint_url=endpoint))
    assert failed.value.kind == "no-endpoint"
    assert f"{endpoint} cannot be trusted" in failed.value.message


def test_a_proxy_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://me:pw@127.0.0.1:1")
    with pytest.raises(StorageFailure) as failed:
        catalog.open("s3://bucket/lake")
    assert failed.value.kind == "no-endpoint"
    assert "HTTPS_PROXY" in failed.value.hint
    assert "pw" not in failed.value.message + failed.value.hint


@pytest.mark.parametrize("server", ["moto"], indirect=True)
@pytest.mark.parametrize("seed", range(3))
def test_commits_land_in_a_storm_of_answers_to_slow_down(
    watched: S3Service, proxy: Proxy, place: str, source: Path, seed: int
) -> None:
    import random

    draw = random.Random(seed)
    cat: Catalog = catalog_in(BucketStore(f"{place}/lake", watched))
    write(source / "x.parquet", {"id": [1]})
    proxy.plan = lambda method, path: "later" if draw.random() < 0.5 else None
    for number in range(4):
        with cat.transaction(message=f"{number}") as transaction:
            transaction.snapshot("t", str(source), scope="append")
            transaction.write("w", [{"id": number}], mode="append")
    assert [one.message for one in cat.log()][:4] == ["3", "2", "1", "0"]
    proxy.plan = lambda method, path: None
    assert {one.name: one.rows for one in cat.tables()} == {"t": 1, "w": 4}


@pytest.mark.parametrize("server", ["moto"], indirect=True)
def test_a_server_that_is_always_busy_is_told_as_such(
    watched: S3Service, proxy: Proxy, place: str
) -> None:
    cat: Catalog = catalog_in(BucketStore(f"{place}/lake", watched))
    proxy.plan = lambda method, path: "later" if method == "PUT" else None
    with pytest.raises(StorageFailure) as failed, cat.transaction(allow_empty=True):
        pass
    assert failed.value.kind == "storage"
    assert "SlowDown, status 503" in failed.value.message
    assert len(cat.log()) == 1
