"""What a picture is drawn on: how wide it is, how much it holds, whether it has colours."""

from collections.abc import Sequence
from typing import TypeVar

from catalog.dataclasses import dataclass, field
from catalog.report.figures import count
from catalog.report.layout import UNLIMITED as UNLIMITED_WIDTH
from catalog.report.paint import PLAIN, Paint

INDENT = "  "

FLOW_WIDTH = 120
"""Columns after which sentences are broken where nothing limits the width."""

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of a diff a picture shows; None means all.

    Attributes:
        overview: Tables in the overview: it fits a screen together with what is above it.
        tables: Tables that are drawn by themselves.
        columns: Changed columns of a table.
        schema: Schema changes of a table.
        partitions: Partitions of a table that are listed by themselves.
        periods: Months or years that many partitions are added up to.
        figures: Figures of a metric.
        value: Columns of text that a value of an example takes.
        name: Columns of text that a name takes where numbers stand beside it.
    """

    overview: int | None = 20
    tables: int | None = 8
    columns: int | None = 12
    schema: int | None = 10
    partitions: int | None = 10
    periods: int | None = 24
    figures: int | None = 24
    value: int | None = 28
    name: int | None = 24


CAPPED = Limits()

UNLIMITED = Limits(None, None, None, None, None, None, None, None, None)


@dataclass(frozen=True, slots=True)
class Sheet:
    """What a picture is drawn on.

    Attributes:
        width: Columns of text.
        paint: Colours text, or leaves it as it is.
        limits: How much is shown.
        more: How to see all, as the reader would ask for it; empty says nothing of it.
        partitions: How to see all partitions, likewise.
    """

    width: int = 100
    paint: Paint = PLAIN
    limits: Limits = field(default_factory=lambda: CAPPED)
    more: str = ""
    partitions: str = ""

    @property
    def flow(self) -> int:
        """Returns how wide sentences are, which are broken rather than cut."""
        return self.width if self.width < UNLIMITED_WIDTH else FLOW_WIDTH

    def rest(self, number: int, noun: str, how: str | None = None) -> str:
        """Returns that there are more things than are shown: ``… and 245 more columns``.

        ``how`` is how to see them; None means as all other things.
        """
        plural = noun if number == 1 else f"{noun}s"
        known = self.more if how is None else how
        how = f" ({known})" if known else ""
        return f"… and {count(number)} more {plural}{how}"


def first(items: Sequence[Item], most: int | None) -> tuple[Sequence[Item], int]:
    """Returns the first items, and how many more there are.

    One that alone would be left out is shown: to say so takes as much room.
    """
    if most is None or len(items) <= most + 1:
        return items, 0
    return items[:most], len(items) - most
