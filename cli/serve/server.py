"""The server: where it listens, and until when."""

import contextlib
import ipaddress
import logging
import socket

import uvicorn

from catalog.dataclasses import dataclass
from catalog.errors import ErrorKind, StorageFailure
from cli.serve.application import Application
from cli.serve.connections import BoundedConnection
from cli.usage import UsageError

HEADER_BYTES = 64 << 10
"""Most bytes of a request's head."""

WAITING = 128
"""Connections that wait to be accepted."""

STOP_AFTER_S = 5
"""How long requests may take to end once the server is told to stop."""


@dataclass(frozen=True, slots=True)
class Listener:
    """A socket that listens.

    Attributes:
        socket: The socket.
        address: How clients reach it, e.g. ``http://127.0.0.1:8181``.
        is_loopback: Whether this machine alone reaches it.
    """

    socket: socket.socket
    address: str
    is_loopback: bool


def listen(host: str, port: int) -> Listener:
    """Listens at an address.

    Args:
        host: A name or an address of this machine.
        port: The port; 0 takes one that is free.

    Raises:
        UsageError: There is no such host.
        StorageFailure: The port is taken, or may not be used.
    """
    family, place = _resolve(host, port)
    opened = socket.socket(family, socket.SOCK_STREAM)
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind(place)
        opened.listen(WAITING)
    except OSError as error:
        opened.close()
        raise StorageFailure(
            f"cannot listen at {host} port {port}: {error.strerror}",
            kind=ErrorKind.NO_ENDPOINT,
            hint="choose another port, or a free one: --port 0",
        ) from error
    address, number = opened.getsockname()[:2]
    shown = f"[{address}]" if family == socket.AF_INET6 else address
    return Listener(opened, f"http://{shown}:{number}", _is_loopback(address))


def _resolve(host: str, port: int) -> tuple[socket.AddressFamily, tuple[object, ...]]:
    """Returns where to listen; of several addresses of a name, one of IPv4 first."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise UsageError(
            f"no host {host!r} on this machine", hint="name an address of it, e.g. 127.0.0.1"
        ) from error
    family, _, _, _, place = min(found, key=lambda one: one[0] != socket.AF_INET)
    return family, place


def _is_loopback(address: str) -> bool:
    return ipaddress.ip_address(address.partition("%")[0]).is_loopback


def run(application: Application, listener: Listener) -> None:
    """Serves until the process is told to stop, by Ctrl-C or a signal."""
    with contextlib.suppress(KeyboardInterrupt), contextlib.closing(listener.socket):
        server(application).run(sockets=[listener.socket])


def server(application: Application) -> uvicorn.Server:
    """Returns what serves an application; it says nothing by itself."""
    logger = logging.getLogger("uvicorn")
    logger.addHandler(logging.NullHandler())
    logger.propagate = False
    config = uvicorn.Config(
        application,
        access_log=False,
        backlog=WAITING,
        h11_max_incomplete_event_size=HEADER_BYTES,
        http=BoundedConnection,
        lifespan="off",
        log_config=None,
        loop="asyncio",
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=STOP_AFTER_S,
        ws="none",
    )
    return uvicorn.Server(config)
