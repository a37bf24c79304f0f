"""Random columns of many types, with the values that text is easily wrong for."""

import datetime
import math
import struct
from collections.abc import Callable
from decimal import Decimal
from random import Random
from typing import TypeAlias

import pyarrow as pa

Make: TypeAlias = Callable[[Random], object]

PIECES = [*"ab \"',\n\r\t\\é数🦆{}0\x00\x1b\x7f\x85\xa0\u2028\u202e", "NULL", "x" * 30]
FLOATS = [0.0, -0.0, math.nan, math.inf, -math.inf, 1e16, 1e-4, 1e10, 9999999999.999998, 1e22]
PAYLOADS = [b"abc", b"\\", b'"', b"NULL", b"\x00,\xff", "ä".encode()]


def column(random: Random) -> pa.Array:
    """Returns a random column, or a slice of one."""
    kind, make = _kind(random, depth=2)
    values = [None if random.random() < 0.2 else make(random) for _ in range(random.randrange(12))]
    found = pa.array(values, kind)
    if pa.types.is_string(kind) and random.random() < 0.3:
        found = found.dictionary_encode()
    start = random.randrange(len(found) + 1) if random.random() < 0.5 else 0
    return found.slice(start, random.randrange(len(found) + 1))


def _text(random: Random) -> str:
    return "".join(random.choice(PIECES) for _ in range(random.randrange(5)))


def _float(random: Random) -> float:
    return random.choice(
        [
            random.choice(FLOATS),
            float(random.randrange(-1000, 1000)),
            random.random() * 10.0 ** random.randrange(-20, 20),
            round(random.random() * 1000, 2),
            float(random.randrange(10**9, 10**17)),
            struct.unpack("<d", random.randbytes(8))[0],
        ]
    )


def _moment(random: Random) -> datetime.datetime:
    day = datetime.datetime(1, 1, 1) + datetime.timedelta(random.randrange(3_652_058))
    part = random.choice([0, 0, 1, 500_000, 123_456])
    return day + datetime.timedelta(seconds=random.randrange(86_400), microseconds=part)


def _decimal(precision: int, scale: int) -> tuple[pa.DataType, Make]:
    def make(random: Random) -> Decimal:
        most = 10 ** random.randrange(precision)
        return Decimal(random.randrange(-most, most + 1)).scaleb(-scale)

    return pa.decimal128(precision, scale), make


def _interval(random: Random) -> tuple[int, int, int]:
    months, days = random.choice([0, 1, -1, 12, -12, 13, -25]), random.choice([0, 1, -1, 40])
    return months, days, random.choice([0, 1000, -1000, 10**9, -5 * 10**8, 10**15 + 1000])


FINER = [
    (pa.timestamp("ns"), lambda random: random.randrange(-(2**62), 2**62)),
    (pa.timestamp("ns", "UTC"), lambda random: random.randrange(-(2**62), 2**62)),
    (pa.time64("ns"), lambda random: random.randrange(86_400 * 10**9)),
    (pa.month_day_nano_interval(), _interval),
]
"""Types whose values Python does not have."""

PLAIN: list[tuple[pa.DataType, Make]] = [
    (pa.string(), _text),
    (pa.string(), lambda random: random.choice(["", "NULL", "a", "N"])),
    (pa.large_string(), _text),
    (pa.dictionary(pa.int8(), pa.string()), _text),
    (pa.int64(), lambda random: random.randrange(-(2**63), 2**63)),
    (pa.uint64(), lambda random: random.randrange(2**64)),
    (pa.int8(), lambda random: random.randrange(-128, 128)),
    (pa.float64(), _float),
    (pa.float32(), lambda random: random.random() * 10.0 ** random.randrange(-10, 10)),
    (pa.bool_(), lambda random: random.random() < 0.5),
    (pa.binary(), lambda random: random.choice(PAYLOADS)),
    (pa.date32(), lambda random: _moment(random).date()),
    (pa.timestamp("us"), _moment),
    (pa.timestamp("us", "UTC"), lambda random: _moment(random).replace(tzinfo=datetime.UTC)),
    (pa.timestamp("s"), lambda random: _moment(random).replace(microsecond=0)),
    (pa.timestamp("ms"), lambda random: _moment(random).replace(microsecond=5000)),
    (pa.time64("us"), lambda random: _moment(random).time()),
    _decimal(20, 10),
    _decimal(38, 0),
    _decimal(12, 2),
    _decimal(9, 9),
]
"""Types whose values Python has."""


KEYS = [one for one in PLAIN if not pa.types.is_null(one[0])]


def _kind(random: Random, *, depth: int) -> tuple[pa.DataType, Make]:
    """Returns a type, and what makes values of it."""
    if not depth or random.random() < 0.5:
        return random.choice([*PLAIN, *FINER])
    match random.randrange(4):
        case 0:
            inner, make = _kind(random, depth=depth - 1)
            return pa.list_(inner), lambda random: _some(random, make, random.randrange(4))
        case 1:
            inner, make = _kind(random, depth=depth - 1)
            return pa.list_(inner, 2), lambda random: _some(random, make, 2)
        case 2:
            key, value = random.choice(KEYS), _kind(random, depth=depth - 1)
            return pa.map_(key[0], value[0]), lambda random: _entries(random, key[1], value[1])
    fields = [(f"{_text(random)}{n}", *_kind(random, depth=depth - 1)) for n in range(2)]
    kind = pa.struct([(name, inner) for name, inner, _ in fields])
    return kind, lambda random: {name: _some(random, make, 1)[0] for name, _, make in fields}


def _some(random: Random, make: Make, count: int) -> list[object]:
    return [None if random.random() < 0.2 else make(random) for _ in range(count)]


def _entries(random: Random, key: Make, value: Make) -> list[tuple[object, object]]:
    found = {repr(made): (made, _some(random, value, 1)[0]) for made in [key(random), key(random)]}
    return list(found.values())[: random.randrange(3)]
