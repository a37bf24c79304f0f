"""Tables of Delta of other projects, where a directory of them is given: equal, or refused.

``PARQUETRY_DELTA_TABLES`` names it, e.g. the unpacked ``kernel/tests`` of delta-kernel-rs. None of
them is kept here.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from deltalake import DeltaTable

from catalog import Catalog
from catalog.errors import CatalogError

from .test_snapshot_delta import by_catalog, by_library, taken

GIVEN = os.environ.get("PARQUETRY_DELTA_TABLES", "")
NEWEST = 7
"""Versions of a table that are tried."""


def tables() -> Iterator[Path]:
    for folder, inner, _ in os.walk(GIVEN):
        if "_delta_log" in inner:
            inner.clear()
            yield Path(folder)


def expected(root: str, version: int | None) -> list[str] | None:
    """Returns the rows that the library reads, None if it reads none."""
    try:
        return by_library(root, version)
    except Exception:  # noqa: BLE001 - whatever it raises, a snapshot must refuse the version too
        return None


def versions(root: str) -> list[int | None]:
    try:
        newest = DeltaTable(root).version()
    except Exception:  # noqa: BLE001 - see above
        return [None]
    return [*range(max(0, newest - NEWEST), newest + 1)]


@pytest.mark.skipif(not GIVEN, reason="PARQUETRY_DELTA_TABLES does not name a directory of tables")
def test_rows_are_those_that_the_library_reads_or_the_version_is_refused(cat: Catalog) -> None:
    unlike, equal, refused = [], 0, 0
    for root in map(str, tables()):
        for version in versions(root):
            at = None if version is None else str(version)
            try:
                taken(cat, root, at=at, mode="reference")
            except CatalogError:
                refused += 1
                continue
            if by_catalog(cat) == expected(root, version):
                equal += 1
            else:
                unlike.append(f"{root}@{version}")
    print(f"{equal} versions equal, {refused} refused")
    assert not unlike
