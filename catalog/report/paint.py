"""Colours of text on terminals."""

import re

from catalog.dataclasses import dataclass

_CODES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33"}

KIND_COLOURS = {"inserted": "green", "deleted": "red", "updated": "yellow"}
"""The colours of what happened to rows."""

_COUNTS = re.compile(r"\b([1-9][\d,]*) (?:rows? )?(inserted|deleted|updated)\b")


@dataclass(frozen=True, slots=True)
class Paint:
    """Colours text for terminals, or leaves it as it is."""

    on: bool = False

    def __call__(self, text: str, colour: str) -> str:
        """Returns the text in a colour; none is named by an empty text."""
        return f"\x1b[{_CODES[colour]}m{text}\x1b[0m" if self.on and text and colour else text

    def counts(self, text: str) -> str:
        """Returns a sentence of ours with its counts of rows in colour: ``3 inserted`` in green."""
        return _COUNTS.sub(lambda found: self(found[0], KIND_COLOURS[found[2]]), text)


PLAIN = Paint()
