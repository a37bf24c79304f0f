"""Garbage collection among writers and others of its kind, in any order, with days in between."""

from pathlib import Path
from random import Random

import pytest

from tests.effort import effort

from .plays import collect_all, made, play


@pytest.mark.invariant("No order of writers and garbage collections loses or leaves anything")
@pytest.mark.parametrize("lawless", [False, True])
def test_any_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lawless: bool) -> None:
    for seed in effort((3,), tuple(range(100, 105))):
        world = made(tmp_path / str(seed), Random(seed), monkeypatch, lawless=lawless)
        try:
            done = play(world, effort(2500, 5000))
            collect_all(world)
        except BaseException:
            print(f"seed {seed}, lawless {lawless}", *world.trace[-80:], sep="\n")
            raise
        assert done["done"] > 10
