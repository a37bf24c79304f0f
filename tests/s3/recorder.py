"""A server on loopback that keeps what it is asked, with all headers, and answers as it is told."""

import contextlib
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Answer = tuple[int, dict[str, str], bytes]


@dataclass
class Recorder:
    """Is a server: its address, and the requests it got, headers included, as texts."""

    endpoint: str = ""
    requests: list[str] = field(default_factory=list)
    answer: Callable[[str, str], Answer] = lambda method, path: (403, {}, b"")


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """Says nothing of clients that break off."""


@contextlib.contextmanager
def recording(host: str = "127.0.0.1", *, tls: ssl.SSLContext | None = None) -> Iterator[Recorder]:
    """Starts such a server; the address names it by ``host``."""
    recorder = Recorder()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

        def handle(self) -> None:
            with contextlib.suppress(ConnectionError):  # a client that has seen enough
                super().handle()

        def _answer(self) -> None:
            if self.headers.get("Expect") == "100-continue":  # else a client waits for a second
                self.send_response_only(100)
                self.end_headers()
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            recorder.requests.append(f"{self.command} {self.path}\n{self.headers}{body!r}")
            status, headers, content = recorder.answer(self.command, self.path)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = _answer  # noqa: N815 - http.server's

    server = _Server(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if tls is not None:
        server.socket = tls.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
    recorder.endpoint = f"http{'s' if tls else ''}://{host}:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield recorder
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
