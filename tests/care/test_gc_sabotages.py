"""The model of garbage collection finds out: without one of the precautions, it fails."""

from pathlib import Path
from random import Random

import pytest

from tests.effort import effort

from .plays import collect_all, made, play
from .sabotages import SABOTAGES

WORLDS, STEPS = 8, 4000
"""How long it looks: mostly, a part of the first world is enough."""

QUICK = ("no check", "no tags", "no grace", "marks once", "marks commits", "brings no lists")


@pytest.mark.parametrize("name", effort(QUICK, tuple(SABOTAGES)))
def test_the_model_finds_what_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    sabotage, leaning = SABOTAGES[name]
    for seed in range(WORLDS):
        world = made(tmp_path / str(seed), Random(seed), monkeypatch, lawless=bool(seed % 2))
        with monkeypatch.context() as patch:
            sabotage(patch)
            try:
                play(world, STEPS, leaning)
                collect_all(world)
            except AssertionError:
                return
    pytest.fail(f"{name}: nothing was found in {WORLDS} worlds of {STEPS} steps")
