"""What a table keeps of the table of another format that it was taken from."""

from collections.abc import Mapping

from catalog.dataclasses import dataclass, field, replace
from catalog.errors import CorruptData
from catalog.model.ids import excerpt
from catalog.model.schema import MAX_FIELD_ID


@dataclass(frozen=True, slots=True)
class SourceRecord:
    """The table that a table was taken from, and which of its columns are which.

    Attributes:
        format: Its format, e.g. ``Delta``.
        root: Where it was.
        table_id: The id that it has itself, which one made anew in its place has not.
        columns: The field id of each of its columns by what stays with the column through renames,
            also of those that were dropped.
        key: The field ids of the key that was taken from it; empty if none was.
        version: The version whose rows the table has, exactly; None if it has been changed since.
        mode: How the files of that version were taken.
        shape: A digest of the version's columns, partitioning and key.
        reading: A digest of what else decided how its files were read.
        mark: What tells the version from another one of its number in another log.
    """

    format: str
    root: str
    table_id: str
    columns: Mapping[str, int] = field(default_factory=dict)
    key: tuple[int, ...] = ()
    version: int | None = None
    mode: str = ""
    shape: str = ""
    reading: str = ""
    mark: str = ""

    def renumbered(self, ids: Mapping[int, int]) -> "SourceRecord":
        """Returns what is kept of the source by a table whose columns have other field ids now."""
        return replace(
            self,
            columns={name: ids.get(one, one) for name, one in self.columns.items()},
            key=tuple(ids.get(one, one) for one in self.key),
        )

    def to_json(self) -> dict[str, object]:
        """Returns the stored form."""
        return {
            "format": self.format,
            "root": self.root,
            "table_id": self.table_id,
            "columns": dict(self.columns),
            "key": list(self.key),
            "version": self.version,
            "mode": self.mode,
            "shape": self.shape,
            "reading": self.reading,
            "mark": self.mark,
        }


def source_record_from_json(stored: object) -> SourceRecord | None:
    """Reads the stored form; None is that of a table that was not taken from another.

    Raises:
        CorruptData: The form is not one of format 1.
    """
    match stored:
        case None:
            return None
        case {
            "format": str(format),
            "root": str(root),
            "table_id": str(table_id),
            "columns": dict(columns),
            "key": [*key],
            "version": int() | None as version,
            "mode": str(mode),
            "shape": str(shape),
            "reading": str(reading),
            "mark": str(mark),
        } if all(map(_is_id, [*columns.values(), *key])) and (
            len(set(columns.values())) == len(columns)
        ):
            return SourceRecord(
                format,
                root,
                table_id,
                columns,
                tuple(key),
                version,
                mode=mode,
                shape=shape,
                reading=reading,
                mark=mark,
            )
    raise CorruptData(f"unknown record of a table's source: {excerpt(stored)}")


def _is_id(stored: object) -> bool:
    return type(stored) is int and 0 < stored <= MAX_FIELD_ID
