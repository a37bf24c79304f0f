"""moto's server on loopback, which does one request at a time, at a port that it picks.

moto compares a condition and writes in two steps, and serves each connection by a thread: two
writes under one condition may both pass the first step, and one of them is lost.
"""

import threading
from collections.abc import Callable, Iterable
from typing import Any

from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from werkzeug.serving import run_simple

Application = Callable[[Any, Any], Iterable[bytes]]


def in_turn(application: Application) -> Application:
    lock = threading.Lock()

    def answer(environ: Any, start_response: Any) -> Iterable[bytes]:
        with lock:
            return application(environ, start_response)

    return answer


if __name__ == "__main__":
    served = in_turn(DomainDispatcherApplication(create_backend_app))
    run_simple("127.0.0.1", 0, served, threaded=True, request_handler=MotoRequestHandler)
