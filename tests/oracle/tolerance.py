"""How far two numbers may lie apart and still count as equal."""

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import cast

from tests.oracle.equality import number


@dataclass(frozen=True, slots=True)
class Tolerance:
    """Is an allowed difference: absolute, or relative to the *from* value.

    Attributes:
        amount: The difference allowed, or the share of the *from* value.
        relative: Whether ``amount`` is a share.
    """

    amount: Fraction
    relative: bool = False

    @classmethod
    def parse(cls, text: str) -> "Tolerance":
        """Reads ``0.5`` or ``1%``."""
        if text.endswith("%"):
            return cls(Fraction(text[:-1]) / 100, relative=True)
        return cls(Fraction(text))

    def covers(self, from_: object, to: object) -> bool:
        """Says whether two unequal values are near enough.

        NULL, NaN and the infinities are near nothing but themselves.
        """
        if any(v is None or (isinstance(v, float) and not math.isfinite(v)) for v in (from_, to)):
            return False
        start, end = (Fraction(cast(Fraction, number(value))) for value in (from_, to))
        allowed = self.amount * abs(start) if self.relative else self.amount
        return abs(end - start) <= allowed
