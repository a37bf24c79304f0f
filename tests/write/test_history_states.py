"""Histories of any operations in a directory are those of the model.

``--thorough`` runs more histories, and longer ones.
"""

import tempfile

from tests.effort import effort

from .histories import run_histories

HISTORIES, STEPS = effort((8, 16), (100, 40))


def test_any_history_is_that_of_the_model() -> None:
    run_histories(tempfile.TemporaryDirectory, histories=HISTORIES, steps=STEPS)
