"""The process in which a hook that is a function is called, with the change on stdin.

It ends with 0 if the function lets the change through: if it returns nothing or True.
"""

import importlib
import json
import sys


def main(place: str) -> int:
    """Calls ``package.module:function`` with what stdin says; returns the exit code."""
    module, _, path = place.partition(":")
    function = importlib.import_module(module)
    for name in path.split("."):
        function = getattr(function, name)
    try:
        answer = function(json.load(sys.stdin))  # type: ignore[operator]
    except SystemExit as error:  # it answers by what it returns, and ends nothing
        answer = f"SystemExit: {error}"
    if answer is None or answer is True:
        return 0
    if answer is not False:
        sys.stderr.write(f"{answer}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
