"""Characters as terminals draw them: several may take one place together, and some take two."""

import unicodedata
from collections.abc import Iterator

JOINER = "\u200d"
"""Joins what stands around it: an emoji of several people."""

_EMOJI_FORM = "\ufe0f"
_SKIN = range(0x1F3FB, 0x1F400)
_JAMO = range(0x1160, 0x1200)


def clusters(text: str) -> Iterator[tuple[str, int]]:
    """Yields the parts of a text that belong together, and the columns that each takes."""
    part, wide = "", 0
    for character in text:
        if not part:
            part, wide = character, _columns(character)
        elif character == _EMOJI_FORM:
            part, wide = part + character, max(wide, 2)
        elif part.endswith(JOINER) or _follows(character):
            part += character
        else:
            yield part, wide
            part, wide = character, _columns(character)
    if part:
        yield part, wide


def _follows(character: str) -> bool:
    """Returns whether a character is drawn in the place of the one before."""
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return True
    return ord(character) in _SKIN or ord(character) in _JAMO


def _columns(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
