"""The search for garbage is put off only as long as it should be."""

import gc
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

import catalog
from catalog.collecting import RARELY, rarely_collected


@pytest.fixture(autouse=True)
def thresholds() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)


def test_it_is_as_before_once_all_have_left() -> None:
    gc.set_threshold(600, 7, 8)
    with rarely_collected():
        assert gc.get_threshold() == (RARELY, 7, 8)
        with pytest.raises(KeyError), rarely_collected():
            raise KeyError
        assert gc.get_threshold() == (RARELY, 7, 8)
    assert gc.get_threshold() == (600, 7, 8)


def test_what_others_set_stays() -> None:
    gc.set_threshold(600, 7, 8)
    with rarely_collected():
        gc.set_threshold(900, 7, 8)
    assert gc.get_threshold() == (900, 7, 8)


@pytest.mark.parametrize("first", [0, RARELY + 1])
def test_it_is_never_made_more_frequent(first: int) -> None:
    gc.set_threshold(first, 7, 8)
    with rarely_collected():
        assert gc.get_threshold() == (first, 7, 8)
    assert gc.get_threshold() == (first, 7, 8)


def test_writes_and_snapshots_leave_it_as_it_was(tmp_path: Path) -> None:
    gc.set_threshold(600, 7, 8)
    cat = catalog.create(str(tmp_path / "lake"))
    with cat.transaction("main") as tx:
        tx.write("t", pa.table({"p": [1, 2], "v": [3, 4]}), mode="append", partition_by=["p"])
    cat.export("t", str(tmp_path / "out"))
    with cat.transaction("main") as tx:
        tx.snapshot("u", str(tmp_path / "out"), mode="reference")
    assert gc.get_threshold() == (600, 7, 8)
