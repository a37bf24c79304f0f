"""What other readers of S3 are told: how boto3 reaches a bucket, if that can be told."""

from pathlib import Path

import pytest

import catalog
from catalog.engine.httpfs_failures import direct_error, plain_names
from catalog.errors import InvalidInput
from catalog.storage.s3.access import S3Access, S3Options
from catalog.storage.s3.direct import DirectReach

from .servers import KEY, SECRET

HERE = "http://127.0.0.1:9"
"""Where nobody listens: nothing is asked for what is told."""


@pytest.fixture(autouse=True)
def usual(monkeypatch: pytest.MonkeyPatch, aws: None) -> None:
    for name in ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def reached(bucket: str = "lake", **options: object) -> DirectReach | None:
    return S3Access(S3Options(**options)).direct(bucket)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"endpoint_url": HERE}, ("127.0.0.1:9", False, True, "us-east-1")),
        (
            {"endpoint_url": "https://minio.example.com", "region": "lab"},
            ("minio.example.com", True, True, "lab"),
        ),
        ({}, ("s3.amazonaws.com", True, False, "us-east-1")),
        (
            {"region": "eu-central-1"},
            ("s3.eu-central-1.amazonaws.com", True, False, "eu-central-1"),
        ),
        (
            {"region": "eu-central-1", "path_style": True},
            ("s3.eu-central-1.amazonaws.com", True, True, "eu-central-1"),
        ),
        (
            {"region": "cn-north-1"},
            ("s3.cn-north-1.amazonaws.com.cn", True, False, "cn-north-1"),
        ),
    ],
)
def test_a_bucket_is_reached_as_by_boto3(
    options: dict[str, object], expected: tuple[str, bool, bool, str]
) -> None:
    assert reached(**options) == DirectReach(*expected, KEY, SECRET, "")


def test_a_bucket_whose_name_has_dots_stands_in_the_path() -> None:
    found = reached("my.lake", region="eu-central-1")
    assert found is not None and found.path_style


def test_temporary_credentials_have_a_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", "loopback-token")
    found = reached(endpoint_url=HERE)
    assert found is not None and found.token == "loopback-token"
    assert not any(text in repr(found) for text in (KEY, SECRET, "loopback-token"))


@pytest.mark.parametrize(
    "environment",
    [
        {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""},
        {"HTTPS_PROXY": "http://127.0.0.1:9"},
        {"AWS_CA_BUNDLE": "/own/authorities.pem"},
        {"REQUESTS_CA_BUNDLE": "/own/authorities.pem"},
        {"AWS_USE_DUALSTACK_ENDPOINT": "true"},
        {"AWS_USE_FIPS_ENDPOINT": "true"},
    ],
)
def test_what_only_boto3_does_is_left_to_it(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert reached(region="us-west-2") is None


@pytest.mark.parametrize(
    "setting", ["use_accelerate_endpoint = true", "use_dualstack_endpoint = true"]
)
def test_special_endpoints_of_a_profile_are_left_to_boto3(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, setting: str
) -> None:
    config = tmp_path / "config"
    config.write_text(f"[default]\ns3 =\n  {setting}\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    assert reached(region="us-west-2") is None


@pytest.mark.parametrize(
    "options",
    [
        {"endpoint_url": f"{HERE}/behind"},
        {"endpoint_url": "http://user:word@127.0.0.1:9"},
        {"endpoint_url": "https://minio.example.com", "path_style": False},
    ],
)
def test_endpoints_that_cannot_be_told_are_left_to_boto3(options: dict[str, object]) -> None:
    assert reached(**options) is None


def test_headers_that_boto3_was_told_to_send_are_left_to_it() -> None:
    access = S3Access(S3Options(endpoint_url=HERE))

    def add(request: object, **_: object) -> None:
        request.headers["x-amz-request-payer"] = "requester"  # type: ignore[attr-defined]

    access.client.meta.events.register("before-sign.s3.GetObject", add)
    assert access.direct("lake") is None


def test_what_fails_is_told_by_who_makes_requests_in_earnest() -> None:
    from botocore.exceptions import ClientError

    access = S3Access(S3Options(endpoint_url=HERE))

    def expired(**_: object) -> None:
        raise ClientError({"Error": {"Code": "ExpiredToken"}}, "AssumeRole")

    access.client.meta.events.register("before-sign.s3.GetObject", expired)
    assert access.direct("lake") is None


def test_marks_tell_credentials_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    access = S3Access(S3Options(endpoint_url=HERE))
    first = reached(endpoint_url=HERE)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "another")
    second = reached(endpoint_url=HERE)
    assert first is not None and second is not None
    marks = [access.mark(one) for one in (first, first, second, second)]
    assert marks[0] == marks[1] != marks[2] == marks[3]
    assert S3Access().mark(first) != marks[0]


def test_an_unknown_use_of_httpfs_is_refused() -> None:
    with pytest.raises(InvalidInput, match="httpfs='nevr' makes no sense"):
        S3Options(httpfs="nevr")  # type: ignore[arg-type]


FILE = f"lake/data/t/k=a%253A/{'0f' * 32}.parquet"


@pytest.mark.parametrize(
    ("text", "message", "kind"),
    [
        (
            f"IO Error: Could not connect to server error for HTTP HEAD to 'http://h:1/b/{FILE}'",
            "http://h:1 cannot be reached for s3://b/lake/data/t/k=a%3A/",
            "no-endpoint",
        ),
        (
            "IO Error: Timeout was reached error for HTTP GET to "
            f"'https://b.s3.eu-west-1.amazonaws.com/{FILE}'",
            "S3 failed at s3://b/lake/data/t/k=a%3A/",
            "storage",
        ),
        (
            f'IO Error: ETag on reading file "s3a://b/{FILE.replace("%25", "%")}" was initially',
            "s3://b/lake/data/t/k=a%3A/",
            "file-changed",
        ),
    ],
)
def test_failures_name_the_object(text: str, message: str, kind: str) -> None:
    import duckdb

    error = direct_error(duckdb.IOException(text))
    assert isinstance(error, catalog.CatalogError)
    assert message in error.message and error.kind == kind


def test_other_failures_show_the_usual_names() -> None:
    text = f"Invalid Input Error: in file \"s3a://b/{FILE}\", not in 's3a://b/mine.parquet'"
    shown = f"Invalid Input Error: in file \"s3://b/{FILE}\", not in 's3a://b/mine.parquet'"
    assert plain_names(text) == shown


def test_failures_of_other_files_are_none_of_ours() -> None:
    import duckdb

    for text in (
        "IO Error: Could not connect to server error for HTTP HEAD to 'https://h/data/x.parquet'",
        "IO Error: no space left",
    ):
        assert direct_error(duckdb.IOException(text)) is None
