"""Keys of rows as they are written on the command line: ``--key order_id=5``."""

import re
from collections.abc import Sequence

from cli.usage import UsageError

_STATED = re.compile(r'"((?:[^"]|"")+)"=(.*)|([^=]+)=(.*)', re.DOTALL)
_QUOTED = re.compile(r"'((?:[^']|'')*)'", re.DOTALL)


def key_values(texts: Sequence[str]) -> dict[str, str | None]:
    """Reads ``COLUMN=VALUE`` options: values are texts, or None for ``NULL``.

    A column with ``=`` in its name stands in double quotes. A value in single quotes is what stands
    between them, so that ``'NULL'`` is a text.

    Raises:
        UsageError: One has another form, or a column is named twice.
    """
    found: dict[str, str | None] = {}
    for text in texts:
        match = _STATED.fullmatch(text)
        if match is None:
            raise UsageError(
                f"--key {text!r} is not of the form COLUMN=VALUE", hint="for example: --key id=5"
            )
        quoted, value, plain, other = match.groups()
        column = quoted.replace('""', '"') if quoted else plain
        if column in found:
            raise UsageError(f"--key names column {column!r} twice")
        found[column] = _value(value if quoted else other)
    return found


def _value(text: str) -> str | None:
    quoted = _QUOTED.fullmatch(text)
    if quoted:
        return quoted[1].replace("''", "'")
    return None if text == "NULL" else text
