"""Sums of the files that clients of Iceberg read: where they are, and what is in them."""

import hashlib
import re

PREFIX = "cache/iceberg/"

SUMS = "sums/"
"""Where the sums are, below the folder of a history of a table, by the names of the files."""

_FILE = re.compile(r"(cache/iceberg/[^/]+/[^/]+/)(sums/)?(.+)")


def sum_of(sha256: str) -> bytes:
    """Returns the object that says of what hash a file is: the hash, and the hash of that."""
    return f"{sha256}\n{hashlib.sha256(sha256.encode()).hexdigest()}".encode()


def sum_path(path: str) -> str | None:
    """Returns where the sum of a file is; None for sums, and for what is no such file."""
    match = _FILE.fullmatch(path)
    return None if match is None or match[2] else f"{match[1]}{SUMS}{match[3]}"


def read_sum(data: bytes) -> str | None:
    """Returns the hash that a sum holds; None if it is damaged."""
    sha256 = data.decode(errors="replace").partition("\n")[0]
    return sha256 if data == sum_of(sha256) else None
