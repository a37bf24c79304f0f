"""Colour for terminals; without it the text is the same."""

from dataclasses import dataclass

_CODES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33"}


@dataclass(frozen=True, slots=True)
class Paint:
    """Colours text, or leaves it as it is.

    Attributes:
        on: Whether to colour.
    """

    on: bool = False

    def __call__(self, text: str, colour: str) -> str:
        """Returns the text in a colour."""
        return f"\x1b[{_CODES[colour]}m{text}\x1b[0m" if self.on else text


PLAIN = Paint()
