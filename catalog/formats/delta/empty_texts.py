"""Empty texts as partition values: the library lists them as NULL, and reads them as they are."""

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pyarrow.parquet as pq

from catalog.formats.delta.folder import LOG, Commits

_EMPTY = re.compile(rb':\s*""')
"""What a line of the log has in it if a value is an empty text."""


def empty_values(place: str, commits: Commits, version: int) -> Mapping[str, frozenset[str]]:
    """Returns the partition columns, as files call them, whose value is an empty text, by path.

    Args:
        place: A local directory with the log.
        commits: What the log holds.
        version: The version that is made up from it.
    """
    log = os.path.join(place, LOG)
    start = commits.start(version) or 0
    found: dict[str, frozenset[str]] = {}
    if start in commits.checkpoints:
        found.update(_of_checkpoint(log, start))
    for one in range(start, version + 1):
        if one in commits.written:
            found.update(_of_lines(os.path.join(log, f"{one:020}.json")))
    return found


def _of_lines(path: str) -> Iterator[tuple[str, frozenset[str]]]:
    with open(path, "rb") as file:
        for line in file:
            if b'"add"' in line and _EMPTY.search(line):
                yield from _empty([json.loads(line).get("add")])


def _of_checkpoint(log: str, version: int) -> Iterator[tuple[str, frozenset[str]]]:
    names = [name for name in os.listdir(log) if name.startswith(f"{version:020}.checkpoint.")]
    sidecars: list[str] = []
    for name in names:
        path = os.path.join(log, name)
        if name.endswith(".json"):
            yield from _of_lines(path)
            with open(path, "rb") as file:
                actions = [json.loads(line) for line in file if b'"sidecar"' in line]
            sidecars += [one["sidecar"]["path"] for one in actions if "sidecar" in one]
        else:
            with pq.ParquetFile(path) as file:
                yield from _adds(file)
                if "sidecar" in file.schema_arrow.names:
                    rows = file.read(columns=["sidecar.path"]).column("sidecar").to_pylist()
                    sidecars += [row["path"] for row in rows if row is not None]
    for name in sidecars:
        with pq.ParquetFile(os.path.join(log, "_sidecars", os.path.basename(name))) as file:
            yield from _adds(file)


def _adds(file: pq.ParquetFile) -> Iterator[tuple[str, frozenset[str]]]:
    if "add" in file.schema_arrow.names:
        yield from _empty(file.read(columns=["add.path", "add.partitionValues"])["add"].to_pylist())


def _empty(adds: Iterable[Any]) -> Iterator[tuple[str, frozenset[str]]]:
    for add in adds:
        values = dict(add.get("partitionValues") or {}) if isinstance(add, dict) else {}
        names = frozenset(name for name, value in values.items() if value == "")
        if names and isinstance(add.get("path"), str):
            yield add["path"], names
