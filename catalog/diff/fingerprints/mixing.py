"""Mixing of words of 64 bits, of which digests of rows are made.

Every bit of a word that was mixed depends on all bits of the word, and no two words give the same.
Words at other places are mixed with other factors, in the place of salts: so 0 remains 0.
"""

import threading
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np
import xxhash

from catalog.dataclasses import dataclass

Words: TypeAlias = np.ndarray[Any, np.dtype[np.uint64]]
Numbers: TypeAlias = np.ndarray[Any, Any]

CHUNK_WORDS = 32_768
"""Words processed at a time: few enough to stay in the processor's caches through all steps, and
enough that calling numpy for each step takes no time beside it."""

LONG_BYTES = 256
"""Length of text from which a call per value costs less than a step per eight bytes."""

KNOWN_COLUMNS = 8_192
"""Columns whose salts are remembered."""

_PLACES = 1 + LONG_BYTES // 8
_FIRST, _SECOND = 0x3C79AC492BA7B653, 0x1C69B3F74AC4AE35
"""The factors with which salts are mixed.

Source: Pelle Evensen, "Better, stronger mixer and a test procedure" (moremur).
"""
_STEP = 0x9E3779B97F4A7C15
_OUTER, _MIDDLE, _HALF = np.uint64(27), np.uint64(33), np.uint64(32)
_LOWER_HALF = np.uint64(0xFFFFFFFF)
_ROW, _AGAIN = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_WORD = 1 << 64


class Scratch(threading.local):
    """Memory of a thread for intermediate steps, which costs more to get than to use."""

    def __init__(self) -> None:
        self.words = np.empty(CHUNK_WORDS, np.uint64)
        self.shifted = np.empty(CHUNK_WORDS, np.uint64)


scratch = Scratch()


def parts(rows: int, step: int = CHUNK_WORDS) -> Iterator[slice]:
    """Yields the parts of some rows that are processed at a time."""
    for start in range(0, rows, step):
        yield slice(start, min(start + step, rows))


@dataclass(frozen=True, slots=True)
class Salts:
    """The salts of a column.

    Attributes:
        present: What every value adds, NULL does not.
        first: By place of a word within a value, the first factor with which it is mixed.
        second: The second one.
        long: The seed for long texts.
    """

    present: np.uint64
    first: Words
    second: Words
    long: int


@lru_cache(maxsize=KNOWN_COLUMNS)
def salts(tag: str, name: str) -> Salts:
    """Returns the salts of a column of some kind of values and some name."""
    about = f"{tag}\0{name}".encode(errors="surrogatepass")
    upper, lower = divmod(xxhash.xxh3_128_intdigest(about), _WORD)
    factors = [
        np.array([_mixed(start + n * _STEP) | 1 for n in range(_PLACES)], np.uint64)
        for start in (upper, lower)
    ]
    return Salts(np.uint64(_mixed(upper ^ lower)), factors[0], factors[1], upper ^ lower)


def _mixed(word: int) -> int:
    word %= _WORD
    word = (word ^ word >> 27) * _FIRST % _WORD
    word = (word ^ word >> 33) * _SECOND % _WORD
    return word ^ word >> 27


def add_mixed(sums: Words, words: Words, salts: Salts, *, place: int = 0) -> None:
    """Adds words, mixed as those at a place within a value, to sums."""
    first, second = salts.first[place], salts.second[place]
    for part in parts(len(words)):
        few, total = words[part], sums[part]
        found, shifted = scratch.words[: len(few)], scratch.shifted[: len(few)]
        np.right_shift(few, _OUTER, out=found)
        found ^= few
        found *= first
        np.right_shift(found, _MIDDLE, out=shifted)
        found ^= shifted
        found *= second
        np.right_shift(found, _OUTER, out=shifted)
        found ^= shifted
        total += found


def mix(words: Words, salts: Salts, *, place: int) -> None:
    """Mixes words in place: up to ``CHUNK_WORDS`` in rows of those at one place and the next."""
    places = slice(place, place + len(words))
    shifted = scratch.shifted[: words.size].reshape(words.shape)
    np.right_shift(words, _OUTER, out=shifted)
    words ^= shifted
    words *= salts.first[places, None]
    np.right_shift(words, _MIDDLE, out=shifted)
    words ^= shifted
    words *= salts.second[places, None]
    np.right_shift(words, _OUTER, out=shifted)
    words ^= shifted


def sum_of_rows(digests: Words) -> int:
    """Returns the sum modulo 2**128 of 128 bits that are made of each digest."""
    upper = lower = 0
    for part in parts(len(digests)):
        few = digests[part]
        found, shifted = scratch.words[: len(few)], scratch.shifted[: len(few)]
        np.right_shift(few, _HALF, out=found)
        found ^= few
        found *= _ROW
        np.right_shift(found, _MIDDLE, out=shifted)
        found ^= shifted
        upper += int(found.sum())
        found *= _AGAIN
        np.right_shift(found, _HALF, out=shifted)
        found ^= shifted
        np.right_shift(found, _HALF, out=shifted)
        lower += int(shifted.sum()) << 32
        np.bitwise_and(found, _LOWER_HALF, out=shifted)
        lower += int(shifted.sum())
    return ((upper << 64) + lower) % (1 << 128)
