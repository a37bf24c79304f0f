"""Digests of rows in plain Python, one value at a time, as ``docs/reference/format.md`` says."""

import datetime
import math
import struct
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import xxhash

WORD = 1 << 64
STEP = 0x9E3779B97F4A7C15
EPOCH = datetime.datetime(1970, 1, 1)


def mixed(word: int, first: int, second: int) -> int:
    word ^= word >> 27
    word = word * first % WORD
    word ^= word >> 33
    word = word * second % WORD
    return word ^ word >> 27


def salt(word: int) -> int:
    return mixed(word % WORD, 0x3C79AC492BA7B653, 0x1C69B3F74AC4AE35)


def cell(value: Any, kind: str, name: str) -> int:
    """Returns the hash of a value in its canonical form: an integer, a float, or bytes."""
    if value is None:
        return 0
    upper, lower = divmod(xxhash.xxh3_128_intdigest(f"{kind}\0{name}".encode()), WORD)

    def part(place: int, word: int) -> int:
        return mixed(word, salt(upper + place * STEP) | 1, salt(lower + place * STEP) | 1)

    total = salt(upper ^ lower)
    if isinstance(value, bytes):
        total += part(0, len(value) % (1 << 32) | int.from_bytes(value[:4], "little") << 32)
        if len(value) > 256:
            return (total + xxhash.xxh3_64_intdigest(value, seed=upper ^ lower)) % WORD
        words = [value[n : n + 8] for n in range(4, len(value), 8)]
        total += sum(part(n + 1, int.from_bytes(w, "little")) for n, w in enumerate(words))
        return total % WORD
    if isinstance(value, float):
        bits = (
            0x7FF8 << 48 if math.isnan(value) else struct.unpack("<Q", struct.pack("<d", value))[0]
        )
        return (total + part(0, 0 if value == 0 else bits)) % WORD
    total += part(0, value % WORD)
    if kind.startswith("decimal") and not -(1 << 63) <= value < 1 << 63:
        total += part(1, (value >> 64) % WORD ^ 1 << 63)
    return total % WORD


def row_sum(digests: Sequence[int]) -> int:
    """Returns the sum over rows of the 128 bits that are made of their digests."""
    total = 0
    for digest in digests:
        upper = (digest ^ digest >> 32) * 0xBF58476D1CE4E5B9 % WORD
        upper ^= upper >> 33
        lower = upper * 0x94D049BB133111EB % WORD
        total += (upper << 64) + (lower ^ lower >> 32)
    return total % (1 << 128)


def canonical(value: Any, kind: str) -> Any:
    """Returns the canonical form of a value as Python has it."""
    if value is None or isinstance(value, (bytes, float)):
        return value
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, Decimal):
        return int(value.scaleb(int(kind.removeprefix("decimal"))))
    if isinstance(value, datetime.datetime):
        return (value.replace(tzinfo=None) - EPOCH) // datetime.timedelta(microseconds=1)
    if isinstance(value, datetime.date):
        return (value - EPOCH.date()).days
    if isinstance(value, datetime.time):
        parts = value.hour * 3600 + value.minute * 60 + value.second
        return (parts * 1_000_000 + value.microsecond) * 1000
    return int(value)


def digest(row: Mapping[str, Any], kinds: Mapping[str, str]) -> int:
    """Returns the digest of a row, by column name."""
    cells = (cell(canonical(row[name], kind), kind, name) for name, kind in kinds.items())
    return sum(cells) % WORD


def digests(rows: Sequence[Mapping[str, Any]], kinds: Mapping[str, str]) -> list[int]:
    return [digest(row, kinds) for row in rows]
