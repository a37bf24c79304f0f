"""Which column every name in a data file means: Iceberg's name mapping, kept from commit to commit.

Files that the catalog shares have no field ids of Iceberg's. Readers then go by the property
``schema.name-mapping.default``, which has every name that a column ever had in a file.
"""

import json
from collections.abc import Iterable, Mapping

from catalog.dataclasses import dataclass, field
from catalog.errors import CorruptData
from catalog.formats.iceberg.metadata_types import NESTED_IDS, Path, nested_paths
from catalog.model.ids import excerpt
from catalog.model.schema import FileSchema
from catalog.model.table import TableSnapshot
from catalog.model.types import DataType


@dataclass(slots=True)
class Names:
    """What the names in files mean, and the ids of fields inside columns. It only grows.

    Attributes:
        columns: The field id of the column that a name means.
        nested: The ids of the fields inside columns.
    """

    columns: dict[str, int] = field(default_factory=dict)
    nested: dict[Path, int] = field(default_factory=dict)

    def learn(self, table: TableSnapshot, file_schemas: Iterable[FileSchema]) -> None:
        """Takes in a table and the schemas of files that came to it.

        A name stays with the column that had it first. Of those that come together, columns that
        still have their name come first, so that most files can be shared.
        """
        schemas = list(file_schemas)
        today = {column.id: column.name for column in table.schema.fields}
        for current in (True, False):
            for schema in schemas:
                for column in schema.columns:
                    if (today.get(column.field_id) == column.name) == current:
                        self.columns.setdefault(column.name, column.field_id)
        for one in table.schema.fields:
            self._number(one.type, one.id)
        for schema in schemas:
            for held in schema.columns:
                self._number(held.type, held.field_id)

    def _number(self, kind: DataType, field_id: int) -> None:
        for path in nested_paths(kind, (field_id,)):
            self.nested.setdefault(path, NESTED_IDS + len(self.nested))

    def to_text(self) -> str:
        """Returns the mapping as the value of the property."""
        columns: dict[int, list[str]] = {int(path[0]): [] for path in self.nested}
        for name, field_id in self.columns.items():
            columns.setdefault(field_id, []).append(name)
        inner: dict[Path, list[Path]] = {}
        for path in self.nested:
            inner.setdefault(path[:-1], []).append(path)

        def below(path: Path) -> dict[str, object]:
            parts = [
                {"field-id": self.nested[one], "names": [one[-1]], **below(one)}
                for one in inner.get(path, [])
            ]
            return {"fields": parts} if parts else {}

        mapped = [
            {"field-id": field_id, "names": names, **below((field_id,))}
            for field_id, names in sorted(columns.items())
        ]
        return json.dumps(mapped, ensure_ascii=False, separators=(",", ":"))

    @staticmethod
    def from_text(text: str) -> "Names":
        """Reads the value of the property back.

        Raises:
            CorruptData: It is not one that was written here.
        """
        names = Names()
        nested: list[tuple[int, Path]] = []
        try:
            for entry in json.loads(text):
                column = int(entry["field-id"])
                names.columns.update((str(name), column) for name in entry["names"])
                nested += _nested(entry, (column,))
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise CorruptData(f"not a name mapping of a publication: {excerpt(text)}") from error
        names.nested.update((path, number) for number, path in sorted(nested))
        return names


def _nested(entry: Mapping[str, object], path: Path) -> list[tuple[int, Path]]:
    found: list[tuple[int, Path]] = []
    inner = entry.get("fields", [])
    for one in inner if isinstance(inner, list) else []:
        below = (*path, str(one["names"][0]))
        found += [(int(one["field-id"]), below), *_nested(one, below)]
    return found
