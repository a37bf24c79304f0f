"""The entry point."""

import signal
import sys
from collections.abc import Sequence

from cli import execution
from cli.application import command
from cli.output import stdout


def main() -> None:
    """Runs the command line of this process and exits."""
    stdout.prepare()
    program = command()
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:  # nohup has it ignored
            signal.signal(number, _terminate)
    code = execution.run(program, sys.argv[1:])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # all is done: only Python is left to end
    raise SystemExit(code)


def _terminate(number: int, _: object) -> None:
    """Ends the command like Ctrl-C, so that it leaves nothing behind; a second signal is final."""
    signal.signal(number, signal.SIG_DFL)
    raise KeyboardInterrupt


def run(arguments: Sequence[str]) -> int:
    """Runs one command line of parquetry, and returns its exit code."""
    return execution.run(command(), arguments)


if __name__ == "__main__":
    main()
