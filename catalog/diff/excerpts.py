"""What an example shows of values that are too long to be shown: where they begin to differ."""

from collections.abc import Mapping

from catalog.dataclasses import dataclass
from catalog.diff.counts import TEXT_LENGTH, Example

CONTEXT = 40
"""Characters before the first difference that are shown: enough to tell where in a text it is."""


@dataclass(frozen=True, slots=True)
class Excerpts:
    """What is shown of two values in text form; see ``Example``."""

    before: str | None
    after: str | None
    skipped: int = 0
    lengths: tuple[int, int] | None = None

    def example(self, column: str, count: int | None, key: Mapping[str, str | None]) -> Example:
        """Returns them as an example of a change of value in a column."""
        return Example(
            column, self.before, self.after, count, key, skipped=self.skipped, lengths=self.lengths
        )


def excerpts(before: str | None, after: str | None) -> Excerpts:
    """Returns what is shown of two values: ``TEXT_LENGTH`` characters from the same place on.

    That place is the beginning, unless both are alike so far that no difference would be shown.
    """
    lengths = len(before or ""), len(after or "")
    if max(lengths) <= TEXT_LENGTH:
        return Excerpts(before, after)
    start = 0
    if before is not None and after is not None:
        alike = _alike(before, after)
        start = 0 if alike < TEXT_LENGTH - CONTEXT else alike - CONTEXT
    first, second = (
        None if text is None else text[start : start + TEXT_LENGTH] for text in (before, after)
    )
    return Excerpts(first, second, start, lengths)


def _alike(before: str, after: str) -> int:
    """Returns how many characters at the beginning of two texts are the same."""
    low, high = 0, min(len(before), len(after))
    while low < high:
        middle = (low + high + 1) // 2
        if before[low:middle] == after[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low
