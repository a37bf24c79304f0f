"""Codes of keys looked up in tables, against counting them in plain Python."""

import random
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest

from catalog.diff.compare.align import Numbers
from catalog.diff.compare.by_digest import code_tables
from catalog.diff.compare.by_digest.code_tables import partners, repeated_among, repeated_codes

MEETING = pow(code_tables._FACTOR, -1, 1 << 64)
"""Multiples of it, by small numbers, all have the first place in the first table."""


def as_codes(values: Sequence[int]) -> Numbers:
    return np.array([value % (1 << 64) for value in values], np.uint64).view(np.int64)


def some_codes(rnd: random.Random, count: int) -> Numbers:
    """Returns codes of one kind: spread, dense, multiples, few, in order, or meeting in a table."""
    wide = [rnd.randrange(1 << 64) for _ in range(count)]
    return as_codes(
        rnd.choice(
            [
                wide,
                rnd.sample(range(3 * count + 1), count),
                [value % (50 * count + 1) << 40 for value in wide],
                [value % 4 for value in wide],
                sorted(wide),
                [MEETING * (value % (5 * count + 1)) for value in wide],
                [*range(count), *wide[: count // 10]],
            ]
        )
    )


@pytest.fixture(params=range(40))
def both(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Sequence[Numbers]:
    """Returns codes of two sides, and has them processed in parts of odd sizes."""
    rnd = random.Random(request.param)
    for name, sizes in (
        ("CHUNK_CODES", (1, 7, 1 << 15)),
        ("ROUNDS", (1, 2, 24)),
    ):
        monkeypatch.setattr(code_tables, name, rnd.choice(sizes))
    mine = some_codes(rnd, rnd.choice([0, 1, 2, 30, 400]))
    theirs = some_codes(rnd, rnd.choice([0, 1, 30]))
    shared = rnd.sample(mine.tolist(), rnd.randrange(len(mine) + 1))
    theirs = as_codes([*theirs.tolist(), *shared])
    if len(theirs) > 3 and rnd.random() < 0.5:
        theirs[0] = theirs[-1]
    return mine, as_codes(rnd.sample(theirs.tolist(), len(theirs)))


def test_codes_find_their_only_partner(both: Sequence[Numbers]) -> None:
    mine, theirs = (side.tolist() for side in both)
    counts = [Counter(side) for side in (mine, theirs)]
    repeated = {code for code in counts[0] if counts[1][code] and sum(c[code] for c in counts) > 2}
    found = partners(*both)
    assert set(found.repeated.tolist()) == repeated
    places = {code: place for place, code in enumerate(theirs)}
    pairs = zip(mine, found.places.tolist(), strict=True)
    assert {code: place for code, place in pairs if code not in repeated} == {
        code: places.get(code, -1) for code in mine if code not in repeated
    }


def test_codes_that_repeat_are_found_across_parts(both: Sequence[Numbers]) -> None:
    counts = Counter(np.concatenate(both).tolist())
    repeated = sorted(code for code, count in counts.items() if count > 1)
    assert repeated_codes(both).tolist() == repeated
    few = both[0][::3]
    wanted = set(few.tolist())
    assert repeated_among(few, both).tolist() == [code for code in repeated if code in wanted]
