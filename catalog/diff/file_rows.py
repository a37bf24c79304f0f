"""The changed rows of a file set, read from the row form of a diff."""

from collections.abc import Iterator

import pyarrow as pa

from catalog.diff.file_changes import FileChanges, FileEntry, FilePair, file_changes
from catalog.diff.result import RowReader, Selection
from catalog.errors import CorruptData

COLUMNS = (
    *("path", "size", "media_type", "sha256", "modified"),
    *("width", "height", "perceptual_hash"),
)
"""The columns of a file set in the order of the fields of an entry."""


def read_file_changes(reader: RowReader) -> FileChanges:
    """Tells what happened to files from the changed rows of their table."""
    added: list[FileEntry] = []
    removed: list[FileEntry] = []
    updated: list[FilePair] = []
    for batch in reader(Selection()):
        sides = (_entries(batch.column(name)) for name in ("_from", "_to"))
        for before, after in zip(*sides, strict=True):
            if before is not None and after is not None:
                updated.append(FilePair(before, after))
            elif after is not None:
                added.append(after)
            elif before is not None:
                removed.append(before)
    return file_changes(added, removed, updated)


def _entries(side: pa.StructArray) -> Iterator[FileEntry | None]:
    """Yields the rows of a side; None where it has none."""
    values = dict(zip((f.name for f in side.type), side.flatten(), strict=True))
    values["modified"] = values["modified"].cast(pa.timestamp("us", "UTC")).cast(pa.int64())
    for name in ("size", "sha256"):
        if values[name].null_count > values["path"].null_count:
            raise CorruptData(f"a row of a file set has no {name}")
    rows = zip(*(values[name].to_pylist() for name in COLUMNS), strict=True)
    return (None if row[0] is None else FileEntry(*row) for row in rows)
