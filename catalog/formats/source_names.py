"""What the names in a source mean: which count, which match a pattern, which are of other formats.

The rules are the same for directories, patterns and buckets.
"""

import fnmatch
import glob
import os
import re
from collections.abc import Collection
from typing import TypeAlias

from catalog.dataclasses import dataclass
from catalog.formats.source import SUFFIXES, SourceFormat

State: TypeAlias = frozenset[int]
"""Where in a pattern one may be after some folders: how many parts of it they match."""

_NOWHERE: State = frozenset()

MARKERS = {
    SourceFormat.DELTA: ("_delta_log", ""),
    SourceFormat.HUDI: (".hoodie", ""),
    SourceFormat.ICEBERG: ("metadata", "*.metadata.json*"),
    SourceFormat.PAIMON: ("schema", "schema-0"),
    SourceFormat.PARQUETRY: ("refs", "branches"),
}
"""What lies in the folder of a table of another format: a folder, and a name in it."""

HUDI_PARTITION = ".hoodie_partition_metadata"
"""What lies in every partition of a table of Hudi's."""

_DUCKLAKE = re.compile(r"ducklake-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}(-delete)?\.parquet")
"""Names of DuckLake's files, whose folders say nothing: what counts is in a database."""


def is_parquet(name: str) -> bool:
    """Returns whether a file is Parquet by its name."""
    return name.lower().endswith(SUFFIXES)


def is_hidden(name: str) -> bool:
    """Returns whether writers keep something under a name that is no data.

    A column may begin like that, so ``_day=1`` is not hidden.
    """
    return name.startswith(("_", ".")) and "=" not in name


def is_ducklake(name: str) -> bool:
    """Returns whether a file is one of DuckLake's by its name."""
    return _DUCKLAKE.fullmatch(name) is not None


def holds_files(kind: SourceFormat, root: str, folder: str) -> bool:
    """Returns whether a folder in a table of another format is one where its files are.

    A catalog keeps them in one directory, and others may lie beside it.
    """
    inside = folder[len(root) :].strip("/").partition("/")[0]
    return kind is not SourceFormat.PARQUETRY or inside in ("", "data")


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern of paths below a folder, part by part; without parts it is the whole folder.

    ``*`` and ``?`` match no hidden name: a part of the pattern must begin as the name does.
    """

    parts: tuple[str, ...] = ()

    @staticmethod
    def split(source: str) -> tuple[str, "Pattern"]:
        """Splits a source into the folder that holds all that it matches, and a pattern in it."""
        folder = fixed_part(source)
        below = source[len(folder) :]
        return folder, Pattern(tuple(part for part in below.split("/") if part not in ("", ".")))

    @property
    def names_files(self) -> bool:
        """Returns whether it matches Parquet files only, and no folder with whatever is in it."""
        return bool(self.parts) and is_parquet(self.parts[-1])

    @property
    def start(self) -> State:
        """Returns where one is in the folder itself."""
        return self._closed({0})

    def after(self, state: State, name: str) -> State:
        """Returns where one is after a name in a folder; empty if nothing there matches."""
        hidden, end = is_hidden(name), len(self.parts)
        if not end:
            return _NOWHERE if hidden else state
        found = set()
        for at in state:
            if at == end or self.parts[at] == "**":
                found |= set() if hidden else {at}
            elif fnmatch.fnmatchcase(name, self.parts[at]):
                found |= {at + 1} if not hidden or self.parts[at][0] == name[0] else set()
        return self._closed(found)

    def covers(self, state: State) -> bool:
        """Returns whether what one is at matches, and with it all that is below."""
        return len(self.parts) in state

    def _closed(self, state: set[int]) -> State:
        for at in sorted(state):
            while at < len(self.parts) and self.parts[at] == "**":
                at += 1
                state.add(at)
        return frozenset(state)


def fixed_part(pattern: str) -> str:
    """Returns the folder, here or in a bucket, that holds all that a pattern matches."""
    folder = os.path.dirname(pattern)
    while glob.has_magic(folder):
        folder = os.path.dirname(folder)
    return folder


def marked_formats(names: Collection[str]) -> list[tuple[SourceFormat, str, str]]:
    """Returns the formats that a folder with these names may have, each with its marker."""
    if HUDI_PARTITION in names:
        return [(SourceFormat.HUDI, HUDI_PARTITION, "")]
    return [(kind, *marker) for kind, marker in MARKERS.items() if marker[0] in names]
