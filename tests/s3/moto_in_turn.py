"""moto's server on loopback, which does one request at a time, at a port that it picks.

moto compares a condition and writes in two steps, and serves each connection by a thread: two
writes under one condition may both pass the first step, and one of them is lost.
"""

import threading
from collections.abc import Callable, Iterable
from typing import Any

from moto.moto_server.werkzeug_app import MotoRequestHandler, create_backend_app
from werkzeug.serving import run_simple

Application = Callable[[Any, Any], Iterable[bytes]]


def in_turn(application: Application) -> Application:
    lock = threading.Lock()

    def answer(environ: Any, start_response: Any) -> Iterable[bytes]:
        with lock:
            return application(environ, start_response)

    return answer


class Quiet(MotoRequestHandler):
    """Writes no line for each request, which takes as long as some requests do."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        pass


if __name__ == "__main__":
    served = in_turn(create_backend_app("s3"))  # moto's own choice by host looks at its directory
    run_simple("127.0.0.1", 0, served, threaded=True, request_handler=Quiet)
