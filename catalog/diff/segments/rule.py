"""The rule by which values tell changed rows from those that did not change."""

import math

import numpy as np

from catalog.dataclasses import dataclass
from catalog.engine.arrow_arrays import Numbers

LEAST_ROWS = 5
"""Changed rows below which nothing is said of what they have in common."""

MOST_VALUES = 3
"""Values of a segment: of more, nobody would say that the rows have something in common."""

NEARLY_ALL = 0.95
"""Share of the changed rows that must have one of the values."""

LIFT, LIFT_OF_SEVERAL = 1.5, 2.0
"""How many times the share of the other rows that share must be, for one value and for several."""

CHANCE = 0.001
"""Probability, if changes had nothing to do with the column, of values that tell rows apart as
well, up to which they are not taken for chance."""


@dataclass(frozen=True, slots=True)
class Separation:
    """Values that tell changed rows from others.

    Attributes:
        values: The numbers of the values, in order.
        rows: Changed rows with one of them.
        out_of: All changed rows.
        others: Other rows with one of them.
        others_out_of: All other rows.
    """

    values: tuple[int, ...]
    rows: int
    out_of: int
    others: int
    others_out_of: int

    @property
    def strength(self) -> float:
        """Returns by how much the share of changed rows with the values exceeds that of others."""
        return self.rows / self.out_of - self.others / self.others_out_of


def separation(changed: Numbers, others: Numbers, *, columns: int) -> Separation | None:
    """Returns the fewest values that nearly all changed rows have, if clearly fewer others do.

    At least ``NEARLY_ALL`` of the changed rows have one of them, and the share of others is at
    most that of the changed rows, divided by ``LIFT``, or ``LIFT_OF_SEVERAL``. Changed rows must be
    so many that it would hardly come about by chance, even though ``columns`` were looked at.

    Args:
        changed: How many changed rows have each value.
        others: How many of the rows that did not change have it.
        columns: How many columns were looked at.
    """
    out_of, others_out_of = int(changed.sum()), int(others.sum())
    if out_of < LEAST_ROWS or not others_out_of:
        return None
    found = _fewest(changed, NEARLY_ALL)
    if not found:
        return None
    one = Separation(
        tuple(sorted(found)),
        int(changed[found].sum()),
        out_of,
        int(others[found].sum()),
        others_out_of,
    )
    lift = LIFT if len(found) == 1 else LIFT_OF_SEVERAL
    if one.others * lift * out_of > one.rows * others_out_of:
        return None
    choices = math.comb(int(np.count_nonzero(changed + others)), len(found)) * max(columns, 1)
    return one if _log_chance(one) + math.log(choices) <= math.log(CHANCE) else None


def may_separate(changed: Numbers, others: Numbers) -> bool:
    """Returns whether values may tell changed rows from others, after some rows of both.

    It is looser than the rule, which further rows may still meet.
    """
    out_of, others_out_of = int(changed.sum()), int(others.sum())
    found = _fewest(changed, NEARLY_ALL - 0.1)
    if out_of < LEAST_ROWS or not found:
        return False
    share = int(changed[found].sum()) / out_of
    return int(others[found].sum()) * (LIFT * 0.8) <= share * others_out_of + LEAST_ROWS


def _fewest(changed: Numbers, share: float) -> list[int]:
    """Returns the fewest values that a share of the rows has; none if those are too many."""
    wanted = share * int(changed.sum())
    most = np.argsort(-changed, kind="stable")[:MOST_VALUES]
    reached = np.cumsum(changed[most]) >= wanted
    return most[: int(np.argmax(reached)) + 1].tolist() if reached.any() else []


def _log_chance(one: Separation) -> float:
    """Returns a bound of the logarithm of the probability of so many rows with the values.

    It is Chernoff's for independent rows, each of which has them as often as others do.
    """
    share, base = one.rows / one.out_of, (one.others + 1) / (one.others_out_of + 2)
    if share <= base:
        return 0.0
    divergence = share * math.log(share / base)
    if share < 1:
        divergence += (1 - share) * math.log((1 - share) / (1 - base))
    return -one.out_of * divergence
