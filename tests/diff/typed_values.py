"""Values of all scalar types: as SQL, as what they are in Python, and as text.

When two of them are equal follows from Python's values alone: two types compare if they are of one
kind, or if one of them is text.
"""

import math
from collections.abc import Hashable
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from typing import Literal

Kind = Literal["number", "text", "moment", "time", "bytes", "uuid", "geometry", "interval"]

NS = 10**9
DAY = 86_400 * NS
JAN_31 = 19_753 * DAY
"""2024-01-31 in nanoseconds."""

NOON = JAN_31 + DAY // 2
YEAR_1, YEAR_9999 = -719_162 * DAY, 2_932_896 * DAY
FAR, FAR_BACK = "infinity", "-infinity"


@dataclass(frozen=True)
class Typed:
    """A value of a type.

    Attributes:
        sql: The value in SQL, to be cast to the type.
        value: What it is, in the form that all types of its kind share.
        text: Its canonical text.
    """

    sql: str
    value: Hashable
    text: str


@dataclass(frozen=True)
class TypedValues:
    """A type with some of its values; NULL is a value of every type."""

    name: str
    kind: Kind
    values: tuple[Typed, ...]
    in_parquet: bool = True


def equal(one: TypedValues, mine: Typed | None, other: TypedValues, theirs: Typed | None) -> bool:
    """Says whether two values are equal, None standing for NULL."""
    if mine is None or theirs is None:
        return mine is theirs
    if "text" in (one.kind, other.kind):
        return mine.text == theirs.text
    if {one.kind, other.kind} == {"bytes", "geometry"}:
        return _wkb(mine) == _wkb(theirs)
    return mine.value == theirs.value


def comparable(one: TypedValues, other: TypedValues) -> bool:
    """Says whether two types have a common form."""
    kinds = {one.kind, other.kind}
    return len(kinds) == 1 or "text" in kinds or kinds in ({"bytes", "uuid"}, {"bytes", "geometry"})


def _wkb(value: Typed) -> Hashable:
    return value.value


def _integers(name: str, *values: int, in_parquet: bool = True) -> TypedValues:
    found = tuple(Typed(str(n), Fraction(n), str(n)) for n in values)
    return TypedValues(name, "number", found, in_parquet)


def _floats(name: str, *values: tuple[float, str]) -> TypedValues:
    found = []
    for number, text in values:
        exact = Fraction(number) if math.isfinite(number) else text
        shown = "0.0" if number == 0 else text
        found.append(Typed(f"'{text}'", exact, shown))
    return TypedValues(name, "number", tuple(found))


def _decimals(name: str, *values: tuple[str, str]) -> TypedValues:
    found = tuple(Typed(f"'{number}'", Fraction(number), text) for number, text in values)
    return TypedValues(name, "number", found)


def _texts(name: str, *values: str, in_parquet: bool = True) -> TypedValues:
    return TypedValues(name, "text", tuple(Typed(f"'{t}'", t, t) for t in values), in_parquet)


def _moments(name: str, *values: tuple[str, int | str], in_parquet: bool = True) -> TypedValues:
    found = tuple(Typed(f"'{text}'", value, text) for text, value in values)
    return TypedValues(name, "moment", found, in_parquet)


def _times(name: str, zone: str, *values: tuple[str, int]) -> TypedValues:
    return TypedValues(
        name, "time", tuple(Typed(f"'{text}'", ns, text + zone) for text, ns in values)
    )


SOME_UUID = "61626364-6566-6768-696a-6b6c6d6e6f70"  # the bytes of abcdefghijklmnop
POINT = bytes.fromhex("0101000000000000000000f03f0000000000000040")
FLOAT_TENTH = 0.100000001490116119384765625
LARGEST = 1.7976931348623157e308

TYPES = (
    TypedValues(
        "BOOLEAN",
        "number",
        (Typed("true", Fraction(1), "true"), Typed("false", Fraction(0), "false")),
    ),
    _integers("TINYINT", 0, 1, -128, 127),
    _integers("SMALLINT", 1, 127, -32_768),
    _integers("INTEGER", 0, 1, -128, 2**31 - 1),
    _integers("BIGINT", 0, 1, 2**53, 2**53 + 1, 2**63 - 1, -(2**63)),
    _integers("UTINYINT", 0, 1, 255),
    _integers("USMALLINT", 1, 255, 65_535),
    _integers("UINTEGER", 1, 2**31 - 1, 2**32 - 1),
    _integers("UBIGINT", 1, 2**53 + 1, 2**63, 2**64 - 1),
    _integers("HUGEINT", 1, 2**64 - 1, 2**127 - 1, -(2**127), 2**126, in_parquet=False),
    _integers("UHUGEINT", 1, 2**127, 2**128 - 1, 2**64, in_parquet=False),
    _floats(
        "FLOAT",
        (1.0, "1.0"),
        (-0.0, "-0.0"),
        (FLOAT_TENTH, "0.1"),
        (math.nan, "nan"),
        (math.inf, "inf"),
        (2.0**63, "9.223372e+18"),
    ),
    _floats(
        "DOUBLE",
        (1.0, "1.0"),
        (-0.0, "-0.0"),
        (0.1, "0.1"),
        (FLOAT_TENTH, "0.10000000149011612"),
        (2.0**53, "9007199254740992.0"),
        (2.0**64, "1.8446744073709552e+19"),
        (2.0**127, "1.7014118346046923e+38"),
        (-(2.0**127), "-1.7014118346046923e+38"),
        (2.0**126, "8.507059173023462e+37"),
        (math.nan, "nan"),
        (-math.inf, "-inf"),
        (LARGEST, "1.7976931348623157e+308"),
        (5e-324, "5e-324"),
    ),
    _decimals("DECIMAL(4,2)", ("1", "1.00"), ("0", "0.00"), ("-0.05", "-0.05"), ("0.1", "0.10")),
    _decimals("DECIMAL(18,0)", ("1", "1"), (str(2**53 + 1), str(2**53 + 1))),
    _decimals("DECIMAL(38,0)", ("1", "1"), (str(2**63), str(2**63)), ("9" * 38, "9" * 38)),
    _decimals("DECIMAL(38,37)", ("1", "1." + "0" * 37), ("0.1", "0.1" + "0" * 36)),
    _decimals("DECIMAL(2,2)", ("0.1", ".10"), ("0", ".00")),
    _texts("VARCHAR", "1", "true", "1.0", "", "2024-01-31", "nan", "abcdefghijklmnop", SOME_UUID),
    _texts("JSON", "1", "true", "1.0", '{"a": 1}', '{"a":1}'),
    _texts("ENUM('1', 'true', 'b')", "1", "true", "b", in_parquet=False),
    TypedValues(
        "BLOB",
        "bytes",
        (
            Typed("'abcdefghijklmnop'", b"abcdefghijklmnop", "abcdefghijklmnop"),
            Typed("'\\xFF'", b"\xff", "\\xFF"),
            Typed("''", b"", ""),
            Typed("'1'", b"1", "1"),
            Typed(
                "'" + "".join(f"\\x{b:02X}" for b in POINT) + "'",
                POINT,
                "".join(f"\\x{b:02X}" for b in POINT).replace("\\x40", "@"),
            ),
        ),
    ),
    TypedValues("UUID", "uuid", (Typed(f"'{SOME_UUID}'", b"abcdefghijklmnop", SOME_UUID),)),
    TypedValues("GEOMETRY", "geometry", (Typed("'POINT (1 2)'", POINT, "POINT (1 2)"),)),
    _moments(
        "DATE",
        ("2024-01-31", JAN_31),
        ("0001-01-01", YEAR_1),
        ("9999-12-31", YEAR_9999),
        ("infinity", FAR),
        ("-infinity", FAR_BACK),
    ),
    _moments(
        "TIMESTAMP",
        ("2024-01-31 00:00:00", JAN_31),
        ("2024-01-31 12:00:00", NOON),
        ("2024-01-31 12:00:00.000001", NOON + 1000),
        ("0001-01-01 00:00:00", YEAR_1),
        ("infinity", FAR),
    ),
    _moments("TIMESTAMP_S", ("2024-01-31 12:00:00", NOON), ("infinity", FAR), in_parquet=False),
    _moments(
        "TIMESTAMP_MS",
        ("2024-01-31 12:00:00", NOON),
        ("2024-01-31 12:00:00.001", NOON + 10**6),
        ("-infinity", FAR_BACK),
        in_parquet=False,
    ),
    _moments(
        "TIMESTAMP_NS",
        ("2024-01-31 00:00:00", JAN_31),
        ("2024-01-31 12:00:00.000001", NOON + 1000),
        ("2024-01-31 12:00:00.000000001", NOON + 1),
        ("infinity", FAR),
    ),
    _moments(
        "TIMESTAMP WITH TIME ZONE",
        ("2024-01-31 00:00:00+00", JAN_31),
        ("2024-01-31 12:00:00+00", NOON),
        ("9999-12-31 00:00:00+00", YEAR_9999),
        ("-infinity", FAR_BACK),
    ),
    _moments(
        "TIMESTAMPTZ_NS",
        ("2024-01-31 12:00:00+00", NOON),
        ("2024-01-31 12:00:00.000000001+00", NOON + 1),
        ("infinity", FAR),
        ("-infinity", FAR_BACK),
    ),
    _times("TIME", "", ("01:02:03", 3723 * NS), ("00:00:00", 0), ("24:00:00", DAY)),
    _times("TIME_NS", "", ("01:02:03", 3723 * NS), ("01:02:03.000000001", 3723 * NS + 1)),
    _times("TIME WITH TIME ZONE", "+00", ("01:02:03", 3723 * NS), ("00:00:00.000001", 1000)),
    TypedValues(
        "INTERVAL",
        "interval",
        (
            Typed("'1 month'", (1, 0, 0), "1 month"),
            Typed("'30 days'", (0, 30, 0), "30 days"),
            Typed("'0 days'", (0, 0, 0), "00:00:00"),
            Typed("'24 hours'", (0, 0, DAY), "24:00:00"),
        ),
    ),
)

PAIRS = list(product(TYPES, TYPES))


def cast(value: Typed | None, kind: TypedValues) -> str:
    """Writes a value as SQL."""
    return f"CAST({'NULL' if value is None else value.sql} AS {kind.name})"
