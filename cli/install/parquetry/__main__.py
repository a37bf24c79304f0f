"""The command ``parquetry``, also as ``python -m parquetry``.

The package, which Python imports first, has loaded the ``cli`` that was installed with it.
"""

import gc
import os
import signal

if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # else somebody ignores it
    signal.signal(signal.SIGINT, lambda number, frame: os._exit(130))
"""Ctrl-C while the program is loaded: nothing was begun that would have to be taken back."""

OBJECTS = 50_000
"""New objects after which garbage is looked for: imports alone make tens of thousands, which stay.
With Python's 700, looking takes a twentieth of most commands."""

gc.set_threshold(OBJECTS, 50, 50)

from cli.main import main  # noqa: E402 - what it imports is made by then

if __name__ == "__main__":
    main()
