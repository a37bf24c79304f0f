"""A server in a thread of the tests."""

import contextlib
import threading
from collections.abc import Iterator

from cli.serve.application import Application
from cli.serve.server import listen, server


@contextlib.contextmanager
def serving(application: Application) -> Iterator[str]:
    """Serves on a free port, and yields the address."""
    listener = listen("127.0.0.1", 0)
    running = server(application)
    thread = threading.Thread(target=running.run, kwargs={"sockets": [listener.socket]})
    thread.start()
    try:
        yield listener.address
    finally:
        running.should_exit = True
        thread.join()
        listener.socket.close()
