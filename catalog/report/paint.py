"""Colours of text on terminals."""

from catalog.dataclasses import dataclass

_CODES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33"}


@dataclass(frozen=True, slots=True)
class Paint:
    """Colours text for terminals, or leaves it as it is."""

    on: bool = False

    def __call__(self, text: str, colour: str) -> str:
        """Returns the text in a colour."""
        return f"\x1b[{_CODES[colour]}m{text}\x1b[0m" if self.on and text else text


PLAIN = Paint()
