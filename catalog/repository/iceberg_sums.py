"""Sums of the files that clients of Iceberg read: where they are, and what is in them."""

import hashlib
import re

PREFIX = "cache/iceberg/"

SUMS = "sums/"
"""Where the sums are, below the folder of a history of a table, by the names of the files."""

_FILE = re.compile(r"(cache/iceberg/[^/]+/[^/]+/)(sums/)?(.+)")


def sum_of(sha256: str, path: str) -> bytes:
    """Returns what says of what hash a file is: the hash, and that of it and the path."""
    return f"{sha256}\n{hashlib.sha256(f'{sha256} {path}'.encode()).hexdigest()}".encode()


def sum_path(path: str) -> str | None:
    """Returns where the sum of a file is; None for sums, and for what is no such file."""
    match = _FILE.fullmatch(path)
    return None if match is None or match[2] else f"{match[1]}{SUMS}{match[3]}"


def summed(path: str) -> str:
    """Returns the path of the file that a sum is about."""
    match = _FILE.fullmatch(path)
    return path if match is None else match[1] + match[3]


def read_sum(data: bytes, path: str) -> str | None:
    """Returns the hash that the sum of a file holds; None if it is damaged, or another's."""
    sha256 = data.decode(errors="replace").partition("\n")[0]
    return sha256 if data == sum_of(sha256, path) else None
