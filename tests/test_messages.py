"""What messages show of texts from outside: no secret, and not all of a long one."""

import time

import pytest

from catalog.errors import CatalogError
from catalog.hints import Call, hint
from catalog.messages import SHOWN_CHARACTERS, masked
from catalog.storage.options import AzureOptions, GcsOptions, S3Options

SECRET = "wJalrXUtn"


@pytest.mark.invariant("No message shows a secret of a URI")
@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"s3://AKIA:{SECRET}@lake/prod", "s3://***@lake/prod"),
        (f"s3://AKIA:{SECRET}/K7+MD=@lake/prod", "s3://***@lake/prod"),
        (f"S3://AKIA:{SECRET}@lake", "S3://***@lake"),
        (f"no 's3://{SECRET}@lake' here", "no 's3://***@lake' here"),
        (f"s3://AKIA:{SECRET}", "s3://***"),
        (f"gs://me:{SECRET}@lake/a@b", "gs://***@b"),
        (f"https://me:{SECRET}@host:9000/x?y=1", "https://***@host:9000/x?y=1"),
        (f"https://me:{SECRET}/x@host/y", "https://***@host/y"),
        (f"http://{SECRET}@[::1]:9000", "http://***@[::1]:9000"),
        (f"az://c/x?sv=1&sig={SECRET}%3D&se=2", "az://c/x?sv=1&sig=***&se=2"),
        (f"https://a.net/c?sig={SECRET}", "https://a.net/c?sig=***"),
        (f"https://h/k?X-Amz-Signature={SECRET}", "https://h/k?X-Amz-Signature=***"),
        (f"https://h/k?a=1&X-Amz-Security-Token={SECRET}", "https://h/k?a=1&X-Amz-Security-Token=***"),
        (f"https://h/k?X-Goog-Credential={SECRET}", "https://h/k?X-Goog-Credential=***"),
        (f"AccountName=a;AccountKey={SECRET}==;X=1", "AccountName=a;AccountKey=***;X=1"),
        (f"x;SharedAccessSignature={SECRET}", "x;SharedAccessSignature=***"),
        (f"https://h/?access_token={SECRET} and more", "https://h/?access_token=*** and more"),
    ],
)  # fmt: skip
def test_secrets_are_masked(text: str, shown: str) -> None:
    assert masked(text) == shown
    assert SECRET not in str(CatalogError(text)) + repr(CatalogError(text))
    assert SECRET not in CatalogError("x", hint=hint("{}", Call("create", (text,)))).hint


@pytest.mark.parametrize(
    "text",
    [
        "s3://lake/prod/day=2024-01-31/a@b.parquet",
        "s3://arn:aws:s3:eu-west-1:123456789012:accesspoint/mine/x@y",
        "http://127.0.0.1:9000, and http://[::1]:9000/x@y",
        "http://localhost:9000.",
        "https://host/a@b:c",
        "abfss://container@account.dfs.core.windows.net/x",
        "file:///C:/x@y",
        "no table 'orders' at main@{2024-01-31}; key=5",
        "s3://lake/year?key=5/x",
        "s3://lake/a?signal=5",
        "https://h/?versionId=5&token_kind",
    ],
)
def test_other_texts_stay(text: str) -> None:
    assert masked(text) == text


def test_options_show_no_secret() -> None:
    url = f"https://me:{SECRET}@host?sig={SECRET}"
    for options in (S3Options(endpoint_url=url), GcsOptions(url), AzureOptions("a", url)):
        assert SECRET not in f"{options!r} {options}"
        assert "https://***@host" in repr(options)
    assert repr(S3Options(region="r")) == (
        "S3Options(endpoint_url=None, region='r', profile=None, path_style=None)"
    )


@pytest.mark.parametrize(
    "text", ["main" + "^0" * 50_000, "a.b-c+" * 20_000 + "://", "?a&b;" * 20_000 + "="]
)
def test_a_long_input_is_not_repeated(text: str) -> None:
    started = time.process_time()
    failure = CatalogError(f"not a ref: {text}", hint=hint("{}", Call("create", (text,))))
    assert len(failure.message) < SHOWN_CHARACTERS + 100
    assert len(failure.hint) < SHOWN_CHARACTERS + 100
    assert failure.message.startswith("not a ref: ") and failure.message.endswith(text[-20:])
    assert time.process_time() - started < 1
