"""A proxy on loopback that counts requests and loses answers, between a client and a server."""

import contextlib
import http.client
import random
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal, get_args
from urllib.parse import unquote, urlsplit

Fate = Literal["cut-before", "cut-after", "twice", "error-after", "busy", "later", "denied"]
"""What happens to a request.

- ``cut-before``: it never reaches the server, and the connection breaks.
- ``cut-after``: it reaches the server, and the connection breaks before the answer.
- ``twice``: the server gets it twice, and the second answer counts.
- ``error-after``: it reaches the server, and the answer is an internal error.
- ``busy``: it does not reach the server; the answer is a conflict of conditional writes.
- ``later``: it does not reach the server; the answer is to slow down.
- ``denied``: it does not reach the server; the answer is that it may not be.
"""

Plan = Callable[[str, str], Fate | None]
"""Given a method and a path, says what happens."""

FATES: tuple[Fate, ...] = tuple(fate for fate in get_args(Fate) if fate != "denied")


WRITES = ("PUT", "POST")


def once(fate: Fate, part: str, methods: tuple[str, ...] = WRITES) -> Plan:
    """Returns a plan by which the next request that matches has a fate."""
    left = [fate]

    def plan(called: str, path: str) -> Fate | None:
        return left.pop() if left and called in methods and part in path else None

    return plan


def seeded(seed: int, share: float) -> Plan:
    """Returns a plan by which a share of all writes has some fate, the same for the same seed."""
    draw = random.Random(seed)

    def plan(called: str, path: str) -> Fate | None:
        return draw.choice(FATES) if called in WRITES and draw.random() < share else None

    return plan


_CODES = {
    "error-after": (500, "InternalError"),
    "busy": (409, "ConditionalRequestConflict"),
    "later": (503, "SlowDown"),
    "denied": (403, "AccessDenied"),
}
_OWN = {"connection", "transfer-encoding", "content-length", "keep-alive", "expect"}


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    range: str
    sent: int
    answered: int


class Proxy:
    """Passes requests on; see ``Fate`` for what else it does to them."""

    def __init__(self, endpoint: str) -> None:
        self.target = urlsplit(endpoint).netloc
        self.plan: Plan = lambda method, path: None
        self.asked: list[Asked] = []
        self.happened: list[tuple[str, str, Fate]] = []
        self.lock = threading.Lock()
        self.endpoint = ""
        self.dropped = ""
        self.cut_from_query = re.compile("$^")

    def clear(self) -> None:
        self.asked.clear()
        self.happened.clear()


@contextlib.contextmanager
def proxied(endpoint: str) -> Iterator[Proxy]:
    proxy = Proxy(endpoint)

    class Handler(_Handler):
        owner = proxy

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    proxy.endpoint = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield proxy
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


_NAME = re.compile(rb'"name": ?"([^"]+)"')


def _about(path: str, body: bytes) -> str:
    """Returns what a request is about: Google's uploads name their object in the body."""
    named = _NAME.search(body[:1000]) if path.startswith("/upload/") else None
    return path if named is None else f"{path}/{named[1].decode()}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else a body waits 40 ms for the client to confirm the head
    owner: Proxy

    def log_message(self, format: str, *args: object) -> None:
        pass

    def _pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = _about(unquote(urlsplit(self.path).path), body)
        fate = self.owner.plan(self.command, path)
        with self.owner.lock:
            if fate is not None:
                self.owner.happened.append((self.command, path, fate))
        if fate in ("cut-before", "busy", "later", "denied"):
            self._count(path, body, 0)
            if fate == "cut-before":
                self._cut()
            else:
                self._error(*_CODES[fate])
            return
        status, headers, answer = self._ask(body)
        if fate == "twice":
            status, headers, answer = self._ask(body)
        self._count(path, body, len(answer))
        if fate == "cut-after":
            self._cut()
        elif fate == "error-after":
            self._error(*_CODES[fate])
        else:
            self._answer(status, headers, answer)

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = _pass_on  # noqa: N815

    def _ask(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        connection = http.client.HTTPConnection(self.owner.target, timeout=60)
        with contextlib.closing(connection):
            connection.putrequest(
                self.command,
                self.owner.cut_from_query.sub("", self.path),
                skip_host=True,
                skip_accept_encoding=True,
            )
            for name, value in self.headers.items():
                if name.lower() not in (*_OWN, self.owner.dropped.lower()):
                    connection.putheader(name, value)
            connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            answer = connection.getresponse()
            return answer.status, answer.getheaders(), answer.read()

    def _answer(self, status: int, headers: list[tuple[str, str]], answer: bytes) -> None:
        self.send_response_only(status)
        length = str(len(answer))
        for name, value in headers:
            if name.lower() == "content-length" and self.command == "HEAD":
                length = value
            elif name.lower() not in _OWN:
                self.send_header(name, value)
        self.send_header("Content-Length", length)
        self.end_headers()
        self.wfile.write(answer)

    def _error(self, status: int, code: str) -> None:
        text = f"<Error><Code>{code}</Code><Message>by the proxy</Message></Error>"
        self._answer(status, [("Content-Type", "application/xml")], text.encode())

    def _cut(self) -> None:
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.connection.shutdown(2)

    def _count(self, path: str, body: bytes, answered: int) -> None:
        with self.owner.lock:
            self.owner.asked.append(
                Asked(self.command, path, self.headers.get("Range", ""), len(body), answered)
            )
