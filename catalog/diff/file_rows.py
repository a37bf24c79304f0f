"""The changed rows of a file set: from the row form of a diff, or from arrays."""

from collections.abc import Iterator, Mapping

import pyarrow as pa

from catalog.arrow_functions import call, cast
from catalog.diff.compare.small_matching import Matched
from catalog.diff.file_changes import FileChanges, FileEntry, FilePair, file_changes
from catalog.diff.plan import SIDES, SideName
from catalog.diff.selection import RowReader, Selection
from catalog.errors import CorruptData
from catalog.model.file_sets import SCHEMA

COLUMNS = (
    *("path", "size", "media_type", "sha256", "modified"),
    *("width", "height", "perceptual_hash"),
)
"""The columns of a file set in the order of the fields of an entry."""


class FileRows:
    """The changed rows of a file set, as they are found."""

    def __init__(self) -> None:
        self._added: list[FileEntry] = []
        self._removed: list[FileEntry] = []
        self._updated: list[FilePair] = []

    def add(self, found: Matched) -> None:
        """Adds rows that were matched."""
        self._added += _rows(found.alone["t"], "t")
        self._removed += _rows(found.alone["f"], "f")
        sides = (_rows(found.updated, side) for side in SIDES)
        self._updated += [FilePair(*pair) for pair in zip(*sides, strict=True)]

    def changes(self) -> FileChanges:
        """Tells what happened to the files."""
        return file_changes(self._added, self._removed, self._updated)


def _rows(table: pa.Table, side: SideName) -> Iterator[FileEntry]:
    """Yields the files of a side of rows; their columns are called after the field ids."""
    names = {field.name: f"{side}_c{field.id}" for field in SCHEMA.fields}
    values = {name: table.column(column) for name, column in names.items()}
    _check(values)
    return _values(values)


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
    _check(values)
    present = call("is_valid", values["path"]).to_pylist()
    return (entry if here else None for here, entry in zip(present, _values(values), strict=True))


def _check(values: Mapping[str, pa.Array | pa.ChunkedArray]) -> None:
    """Raises ``CorruptData`` if a file has no size, or no hash."""
    for name in ("size", "sha256"):
        if values[name].null_count > values["path"].null_count:
            raise CorruptData(f"a row of a file set has no {name}")


def _values(values: Mapping[str, pa.Array | pa.ChunkedArray]) -> Iterator[FileEntry]:
    columns = dict(values)
    columns["modified"] = cast(cast(columns["modified"], pa.timestamp("us", "UTC")), pa.int64())
    rows = zip(*(columns[name].to_pylist() for name in COLUMNS), strict=True)
    return (FileEntry(*row) for row in rows)
