"""Iceberg's field ids, and which column every name in a data file means, from commit to commit.

Files that the catalog shares mostly have no field ids. Readers then go by the property
``schema.name-mapping.default``, which has every name that a column ever had in a file. Files that
were written for an Iceberg table have ids; then the columns here get the same ones.
"""

import json
from collections.abc import Iterable, Mapping

from catalog.dataclasses import dataclass, field
from catalog.errors import CorruptData
from catalog.formats.iceberg.metadata_types import NESTED_IDS, Path, nested_paths
from catalog.model.ids import excerpt
from catalog.model.schema import FileSchema
from catalog.model.table import TableSnapshot


@dataclass(slots=True)
class Names:
    """What the names in files mean, and the ids of Iceberg. It only grows.

    Attributes:
        columns: The column that a name means, by its field id here.
        ids: Iceberg's ids of columns and of fields inside them.
    """

    columns: dict[str, int] = field(default_factory=dict)
    ids: dict[Path, int] = field(default_factory=dict)

    def learn(
        self,
        table: TableSnapshot,
        file_schemas: Iterable[FileSchema],
        found: Iterable[Mapping[Path, int]] = (),
    ) -> None:
        """Takes in a table, the schemas of its files, and the ids that files have themselves.

        A name stays with the column that had it first. Of those that come together, columns that
        still have their name come first, so that most files can be shared.
        """
        schemas = list(file_schemas)
        today = {column.id: column.name for column in table.schema.fields}
        for current in (True, False):
            for schema in schemas:
                for held in schema.columns:
                    if (today.get(held.field_id) == held.name) == current:
                        self.columns.setdefault(held.name, held.field_id)
        taken = set(self.ids.values())
        for ids in found:
            for path, number in ids.items():
                if path not in self.ids and number not in taken and 0 < number < NESTED_IDS:
                    self.ids[path] = number
                    taken.add(number)
        kinds = [(column.id, column.type) for column in table.schema.fields]
        kinds += [(held.field_id, held.type) for schema in schemas for held in schema.columns]
        paths = [
            path for number, kind in kinds for path in ((number,), *nested_paths(kind, (number,)))
        ]
        for path in paths:
            if path not in self.ids:
                self.ids[path] = number = self._free(path, taken)
                taken.add(number)

    @staticmethod
    def _free(path: Path, taken: set[int]) -> int:
        """Returns an id for a field: a column's own one, where it is free."""
        if len(path) == 1 and path[0] not in taken:
            return int(path[0])
        number = NESTED_IDS + len(taken)
        while number in taken:
            number += 1
        return number

    def mapping(self) -> str:
        """Returns the mapping of names as the value of its property."""
        named: dict[int, list[str]] = {}
        for name, column in self.columns.items():
            named.setdefault(column, []).append(name)
        inner: dict[Path, list[Path]] = {}
        for path in self.ids:
            inner.setdefault(path[:-1], []).append(path)

        def below(path: Path) -> dict[str, object]:
            parts = [
                {"field-id": self.ids[one], "names": [one[-1]], **below(one)}
                for one in inner.get(path, [])
            ]
            return {"fields": parts} if parts else {}

        columns = sorted(inner.get((), []))
        mapped = [
            {"field-id": self.ids[one], "names": named.get(int(one[0]), []), **below(one)}
            for one in columns
        ]
        return _json(mapped)

    def to_text(self) -> str:
        """Returns all of it as text."""
        return _json([list(self.columns.items()), [[list(p), i] for p, i in self.ids.items()]])

    @staticmethod
    def from_text(text: str) -> "Names":
        """Reads ``to_text`` back.

        Raises:
            CorruptData: It is not that.
        """
        names = Names()
        try:
            columns, ids = json.loads(text)
            names.columns.update((str(name), int(column)) for name, column in columns)
            for path, number in ids:
                names.ids[int(path[0]), *map(str, path[1:])] = int(number)
        except (ValueError, TypeError, IndexError, RecursionError) as error:
            raise CorruptData(f"not the names of a published table: {excerpt(text)}") from error
        return names


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
