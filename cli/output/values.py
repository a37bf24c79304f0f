"""Values in files: CSV that tells NULL from text, and JSON that loses nothing."""

import json
import math
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal

from catalog.report.values import text
from cli.output.csv_style import BYTE_ORDER_MARK, PLAIN, CsvStyle


def csv_line(cells: Sequence[str | None], style: CsvStyle = PLAIN) -> str:
    """Returns one line of CSV by RFC 4180, with NULL apart from every text.

    A NULL is ``NULL`` without quotes; the text ``NULL`` and the empty text stand in quotes.
    """
    return ",".join(_csv_cell(cell, style) for cell in cells) + "\n"


def csv_head(names: Sequence[str], style: CsvStyle = PLAIN) -> bytes:
    """Returns what a file of CSV begins with: a byte order mark if wanted, and column names."""
    start = BYTE_ORDER_MARK if style.byte_order_mark else ""
    return (start + csv_line([style.safe(name) for name in names], style)).encode()


def _csv_cell(cell: str | None, style: CsvStyle) -> str:
    if cell is None:
        return style.null
    if not cell or cell == style.null or cell != cell.strip() or any(c in cell for c in ',"\r\n'):
        return '"' + cell.replace('"', '""') + '"'
    return cell


def json_text(value: object) -> str:
    """Returns a value as JSON.

    Decimals are numbers with all their digits; what JSON has no number for (NaN, infinities)
    and dates, times, binary are texts.
    """
    match value:
        case None | bool() | int() | str():
            return dumped(value)
        case float():
            return repr(value) if math.isfinite(value) else f'"{value!r}"'
        case Decimal():
            return f"{value:f}"
        case Mapping():
            inner = (f"{json_text(str(k))}: {json_text(v)}" for k, v in value.items())
            return f"{{{', '.join(inner)}}}"
        case list() | tuple():
            return f"[{', '.join(json_text(one) for one in value)}]"
    return dumped(text(value))


STEERING = "\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f\ufff9-\ufffb"
"""What could steer a terminal, and JSON need not escape: controls, marks of direction."""

_STEERING = re.compile(f"[{STEERING}\ud800-\udfff]")
"""The same, and halves of characters, which only Python's text can have."""


def dumped(value: object, *, indent: int | None = None) -> str:
    """Returns a value as JSON in which every character that could steer a terminal is an escape."""
    found = json.dumps(value, indent=indent, ensure_ascii=False)
    return found if found.isascii() and "\x7f" not in found else _STEERING.sub(_escape, found)


def _escape(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"


def unique_names(names: Sequence[str]) -> list[str]:
    """Returns column names made unique: ``a``, ``a_1``."""
    taken: set[str] = set()
    found = []
    for name in names:
        free, n = name, 0
        while free in taken or (n and free in names):
            n += 1
            free = f"{name}_{n}"
        taken.add(free)
        found.append(free)
    return found
