"""Directories of anything, and file sets of them, for tests."""

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from catalog.catalog import Catalog

WHEN = 1_700_000_000_123_456_000
"""The modified time of files, in nanoseconds: long ago, so that their times are trusted."""


def plant(folder: Path, files: Mapping[str, bytes], *, when: int = WHEN) -> Path:
    """Writes files below a directory, with their time."""
    folder.mkdir(parents=True, exist_ok=True)
    for path, content in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        os.utime(target, ns=(when, when))
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    """Returns the files below a directory, by path."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def take(cat: Catalog, source: Path | str, table: str = "images", **how: Any) -> Any:
    """Takes a directory as a file set; returns the report, and the commit or None."""
    branch = how.pop("branch", "main")
    with cat.transaction(branch) as tx:
        report = tx.snapshot(table, str(source), format="files", **how)
    return report, tx.commit


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def blobs(root: Path) -> dict[str, int]:
    """Returns the contents that a catalog in a directory has, by hash, with their sizes."""
    return {
        path.name: path.stat().st_size for path in (root / "blobs").rglob("*") if path.is_file()
    }
