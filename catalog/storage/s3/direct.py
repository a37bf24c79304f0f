"""What another reader of S3 must know to reach a bucket as boto3 does; nothing if it cannot."""

import os
import re
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from botocore.awsrequest import AWSPreparedRequest
    from botocore.session import Session
    from mypy_boto3_s3 import S3Client

_PROBE = f"parquetry-never-sent-{secrets.token_hex(16)}"
"""Key of an object that is asked for only to see the request, which is withheld."""

_KNOWN = frozenset(
    {
        "accept-encoding",
        "amz-sdk-invocation-id",
        "amz-sdk-request",
        "authorization",
        "expect",
        "user-agent",
        "x-amz-checksum-mode",
        "x-amz-content-sha256",
        "x-amz-date",
        "x-amz-security-token",
    }
)
"""Headers of boto3's that another reader has of its own, or does without."""

_SIGNED = re.compile(r"AWS4-HMAC-SHA256 Credential=([^/]+)/\d{8}/([a-z0-9-]+)/s3/aws4_request,")
_AMAZON = re.compile(r"s3(\.[a-z0-9-]+)?\.amazonaws\.com(\.cn)?")
"""Amazon's plain endpoints: those of dual stack, acceleration and FIPS are others."""


@dataclass(frozen=True, slots=True)
class DirectReach:
    """Says how a bucket is reached; what is secret stands in no text of it.

    Attributes:
        host: The server, with its port; without the bucket.
        secure: Whether by TLS, checked against the authorities that boto3 trusts.
        path_style: Whether buckets stand in paths rather than host names.
        region: The region that requests are signed for.
        key_id: Whose requests they are.
        secret: What signs them.
        token: Goes with temporary credentials; else empty.
    """

    host: str
    secure: bool
    path_style: bool
    region: str
    key_id: str = field(repr=False)
    secret: str = field(repr=False)
    token: str = field(repr=False)


class _Withheld(Exception):
    def __init__(self, request: "AWSPreparedRequest") -> None:
        super().__init__("a request that was only to be looked at")
        self.request = request


def withhold_probes(client: "S3Client") -> None:
    """Makes a client fit for ``direct_reach``: a request for no object is shown, not sent."""

    def look(request: "AWSPreparedRequest", **_: Any) -> None:
        if str(request.url).endswith(_PROBE):
            raise _Withheld(request)

    client.meta.events.register("before-send.s3.GetObject", look)


def direct_reach(session: "Session", client: "S3Client", bucket: str) -> DirectReach | None:
    """Returns how a bucket is reached, seen from a request as boto3 makes it, which is not sent.

    Credentials that have to be renewed are.

    Args:
        session: The client's.
        client: Makes the request.
        bucket: The bucket.

    Returns:
        None if anything about requests would be lost: proxies, own certificates, no or other
        signatures, special endpoints, headers of whatever kind.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        request = _shown(client, bucket)
        found = session.get_credentials()
        frozen = None if found is None else found.get_frozen_credentials()
    except (BotoCoreError, ClientError):  # who makes requests in earnest tells of it
        return None
    if request is None or frozen is None or not _plain(session, client, str(request.url)):
        return None
    headers = {name.lower(): _text(value) for name, value in request.headers.items()}
    signed = _SIGNED.match(headers.get("authorization", ""))
    place = _placed(str(request.url), bucket)
    if signed is None or place is None or not _KNOWN.issuperset(headers):
        return None
    token = frozen.token or ""
    if signed[1] != frozen.access_key or headers.get("x-amz-security-token", "") != token:
        return None
    return DirectReach(*place, signed[2], str(frozen.access_key), str(frozen.secret_key), token)


def _shown(client: "S3Client", bucket: str) -> "AWSPreparedRequest | None":
    try:
        client.get_object(Bucket=bucket, Key=_PROBE)
    except _Withheld as withheld:
        return withheld.request
    return None


def _plain(session: "Session", client: "S3Client", url: str) -> bool:
    """Tells whether nothing lies between boto3 and the server, and only usual trust."""
    from botocore.utils import get_environ_proxies

    config = client.meta.config
    own = (getattr(config, name, None) for name in ("proxies", "proxies_config", "client_cert"))
    if any(own) or get_environ_proxies(url):
        return False
    return url.startswith("http://") or not (
        session.get_config_variable("ca_bundle") or os.environ.get("REQUESTS_CA_BUNDLE")
    )


def _placed(url: str, bucket: str) -> tuple[str, bool, bool] | None:
    """Returns the server, whether by TLS, and whether the bucket stands in the path."""
    parts = urlsplit(url)
    secure, host = parts.scheme == "https", parts.netloc
    amazon = _AMAZON.fullmatch(host.removeprefix(f"{bucket}."))
    if "@" in host or parts.query or parts.fragment:
        return None
    if parts.path == f"/{bucket}/{_PROBE}":
        usual = not host.endswith((".amazonaws.com", ".amazonaws.com.cn"))
        return (host, secure, True) if usual or _AMAZON.fullmatch(host) else None
    if parts.path == f"/{_PROBE}" and host.startswith(f"{bucket}.") and amazon:
        return host.removeprefix(f"{bucket}."), secure, False
    return None


def _text(value: object) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def trusted_authorities() -> str:
    """Returns the file of the certificates that boto3 trusts."""
    from botocore.httpsession import get_cert_path

    return str(get_cert_path(True))
