"""What a process and its workers agree upon."""

BOOT = (
    "import json, os, sys; from multiprocessing.connection import Connection; "
    "tasks = Connection(os.dup(0), writable=False); sys.path[:] = json.loads(tasks.recv_bytes()); "
    "from catalog.engine.executors.worker import main; main(tasks)"
)
"""The program that a worker begins with: it imports from where its parent does, and not the
script that its parent runs."""

STOP = b"stop"
"""In place of a task: ends the worker."""
