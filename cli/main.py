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
    code = run(sys.argv[1:])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # all is done: only Python is left to end
    raise SystemExit(code)


def run(arguments: Sequence[str]) -> int:
    """Runs one command line of parquetry, and returns its exit code."""
    return execution.run(command(), arguments)


if __name__ == "__main__":
    main()
