"""The JSON form of what happened to files."""

from collections.abc import Sequence
from typing import Any

from catalog.diff.file_changes import (
    FileChanges,
    FileEntry,
    FilePair,
    folded_moves,
    least_alike,
)

LISTED = 1000
"""Files of each kind that are listed: enough for a page; the rows of the diff have all."""


def files_json(files: FileChanges) -> dict[str, Any]:
    """Returns counts of files, and of each kind the first."""
    folders, single = folded_moves(files.moved)
    return {
        "added": len(files.added),
        "removed": len(files.removed),
        "replaced": len(files.replaced),
        "moved": len(files.moved),
        "restated": len(files.restated),
        "listed": {
            "added": [_entry(one) for one in files.added[:LISTED]],
            "removed": [_entry(one) for one in files.removed[:LISTED]],
            "replaced": _pairs(least_alike(files.replaced)),
            "moved": _pairs(single),
            "moved_directories": [
                {"from": one.before, "to": one.after, "files": one.files}
                for one in folders[:LISTED]
            ],
            "restated": _pairs(files.restated),
        },
    }


def _pairs(pairs: Sequence[FilePair]) -> list[dict[str, Any]]:
    return [
        {"from": _entry(one.before), "to": _entry(one.after), "alike": one.alike}
        for one in pairs[:LISTED]
    ]


def _entry(entry: FileEntry) -> dict[str, Any]:
    return {
        "path": entry.path,
        "size": entry.size,
        "media_type": entry.media_type,
        "sha256": entry.sha256,
        "width": entry.width,
        "height": entry.height,
    }
