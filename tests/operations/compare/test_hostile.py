"""The hostile pairs of the diff's tests, as places and as frames: what the oracle says of them."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import catalog
from catalog.diff.compare import align_task
from tests.diff.cases_check import Answer, count_differences
from tests.diff.cases_hostile import CASES
from tests.diff.cases_pair import Pair, Side, expected, oracle_tables, write
from tests.diff.cases_rows import row_differences
from tests.effort import effort

LAYOUT = ("key_changed", "partitioning_changed")
"""Changes that places have none of."""

PAIRS = [pair for pair in CASES if pair.before.files and pair.after.files]


def frame(side: Side) -> pa.Table | None:
    """Returns the rows of a side of a single file, whose values are all in it."""
    if len(side.files) > 1 or any("=" in path for path in side.files):
        return None
    (content,) = side.files.values()
    return content[0] if isinstance(content, tuple) else content


def answered(pair: Pair, folder: Path, sides: tuple[object, object] | None = None) -> Answer:
    before, after = write(pair.before, folder / "before"), write(pair.after, folder / "after")
    from_, to = oracle_tables(pair, before, after)
    oracle = expected(pair, from_, to)
    changes = [one for one in oracle.schema_changes if one.change not in LAYOUT]
    oracle = replace(oracle, schema_changes=type(oracle.schema_changes)(changes))
    options: dict[str, Any] = {"tolerance": dict(pair.tolerance)} if pair.tolerance else {}
    if pair.columns is not None:
        options["columns"] = list(pair.columns)
    places = sides or (before, after)
    counted = catalog.compare(*places, key=list(oracle.key), level="cells", **options).to_dict()
    with catalog.compare(*places, key=list(oracle.key), **options) as found:
        rows, json = found.changes().read_all(), found.to_dict()
    return Answer(pair, counted, json, rows, oracle, from_, to)


@pytest.mark.parametrize("pair", PAIRS[:: effort(24, 1)], ids=lambda pair: pair.name)
def test_places_are_compared_as_the_oracle_does(pair: Pair, tmp_path: Path) -> None:
    answer = answered(pair, tmp_path)
    assert count_differences(answer) == []
    assert row_differences(answer) == []


FRAMES = [pair for pair in PAIRS if None not in (frame(pair.before), frame(pair.after))]


@pytest.mark.parametrize("mix", ["frames", "aligned", "frame and place"])
@pytest.mark.parametrize("pair", FRAMES[3 :: effort(40, 1)], ids=lambda pair: pair.name)
def test_frames_are_compared_as_the_oracle_does(
    pair: Pair, mix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if mix == "aligned":
        monkeypatch.setattr(align_task, "ALIGNED_ROWS", 0)
    after = tmp_path / "after" if mix == "frame and place" else frame(pair.after)
    answer = answered(pair, tmp_path, (frame(pair.before), after))
    assert count_differences(answer) == []
    assert row_differences(answer) == []
