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


def mixed(word: int) -> int:
    word ^= word >> 27
    word = word * 0x3C79AC492BA7B653 % WORD
    word ^= word >> 33
    word = word * 0x1C69B3F74AC4AE35 % WORD
    return word ^ word >> 27


def salts(kind: str, name: str) -> tuple[int, int]:
    digest = xxhash.xxh3_128_intdigest(f"{kind}\0{name}".encode())
    return digest >> 64, digest % WORD


def cell(value: Any, kind: str, name: str) -> int:
    """Returns the hash of a value in its canonical form: an integer, a float, or bytes."""
    if value is None:
        return 0
    first, second = salts(kind, name)

    def word(position: int, bits: int) -> int:
        return mixed(bits ^ mixed((first + position * STEP) % WORD))

    if isinstance(value, bytes):
        if len(value) > 256:
            return xxhash.xxh3_64_intdigest(value, seed=first ^ second)
        parts = [value[n : n + 8] for n in range(0, len(value), 8)]
        total = sum(word(n, int.from_bytes(part, "little")) for n, part in enumerate(parts))
        return (total + mixed(len(value) ^ second)) % WORD
    if isinstance(value, float):
        bits = (
            0x7FF8 << 48 if math.isnan(value) else struct.unpack("<Q", struct.pack("<d", value))[0]
        )
        return word(0, 0 if value == 0 else bits)
    lower, upper = value % WORD, (value >> 64) % WORD
    if kind.startswith("decimal") and not -(1 << 63) <= value < 1 << 63:
        return (word(0, lower) + word(1, upper)) % WORD
    return word(0, lower)


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
