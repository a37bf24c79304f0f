"""Histories of any operations in a directory are those of the model.

``PARQUETRY_STATES`` says how many histories, and how many steps of each; a thorough run takes
100x40.
"""

import os
import tempfile

from .histories import run_histories

HISTORIES, STEPS = (int(n) for n in os.environ.get("PARQUETRY_STATES", "14x16").split("x"))


def test_any_history_is_that_of_the_model() -> None:
    run_histories(tempfile.TemporaryDirectory, histories=HISTORIES, steps=STEPS)
