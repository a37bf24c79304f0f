"""What runs in a worker process: one task after another, until there is nobody to send more.

On its stdin it gets ``sys.path`` as JSON, then packed tasks; on its stdout it answers with their
outcomes. The terminal's Ctrl-C does not reach it: who sends tasks says when to stop.
"""

import os
import queue
import signal
import threading
import time
from multiprocessing.connection import Connection

from catalog import interruption
from catalog.engine.executors.boot import STOP
from catalog.engine.executors.packing import run_packed

GRACE_S = 0.5
"""How long what goes on may take to end and tidy up."""

AGAIN_S = 0.05
"""How soon an interrupt is repeated: one that falls between two statements has no effect."""


class _State:
    """Whether a task is running."""

    is_working = False


def main(tasks: "Connection[bytes, bytes]") -> None:
    """Runs tasks until the process ends."""
    results: Connection[bytes, bytes] = Connection(os.dup(1), readable=False)
    os.dup2(2, 1)  # whatever else is written to stdout
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    inbox: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    state = _State()
    threading.Thread(target=_listen, args=(tasks, inbox, state), daemon=True).start()
    try:
        while True:
            data = inbox.get()
            state.is_working = True
            outcome = run_packed(data)
            state.is_working = False
            results.send_bytes(outcome)
    except (KeyboardInterrupt, OSError):  # stopped, or nobody waits for the outcome
        os._exit(0)


def _listen(
    tasks: "Connection[bytes, bytes]", inbox: "queue.SimpleQueue[bytes]", state: _State
) -> None:
    """Takes tasks in, until it is to stop or its parent is gone."""
    try:
        while (data := tasks.recv_bytes()) != STOP:
            inbox.put(data)
    except (EOFError, OSError):
        pass
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # an interrupt falls anywhere, and is reported
    until = time.monotonic() + GRACE_S
    main_thread = threading.main_thread().ident
    while state.is_working and time.monotonic() < until:
        interruption.ask()
        if main_thread is not None:
            signal.pthread_kill(main_thread, signal.SIGINT)
        time.sleep(AGAIN_S)
    os._exit(0)
