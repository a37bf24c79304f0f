"""Random histories of what PyIceberg does not write: deletes by position, vectors, defaults."""

import random
from pathlib import Path
from typing import Any

from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.transforms import IdentityTransform
from pyiceberg.types import IntegerType, LongType, NestedField, StringType, StructType

from tests.formats.iceberg_tables import HandWritten

COLUMNS = Schema(
    NestedField(1, "id", LongType(), False),
    NestedField(2, "p", StringType(), False),
    NestedField(3, "in", StructType(NestedField(4, "a", IntegerType(), False)), False),
)


class Deletions:
    """A table that grows by random data files, deletes and changes of columns.

    Attributes:
        made: The table.
        files: Rows and partition of the data files so far, by name.
    """

    def __init__(self, seed: int, root: Path) -> None:
        self.random = random.Random(seed)
        self.partitioned = self.random.random() < 0.6
        self.version = self.random.choice((2, 3))
        by_p = PartitionSpec(PartitionField(2, 1000, IdentityTransform(), "p"))
        spec = by_p if self.partitioned else None
        self.made = HandWritten(root, COLUMNS, spec, version=self.version)
        self.files: dict[str, tuple[int, str | None]] = {}
        self.vectors: set[str] = set()
        self.number = 100

    def step(self) -> None:
        """Does something, and writes the metadata file."""
        acts = [self.append, self.delete, self.delete, self.vector, self.evolve]
        (self.random.choice(acts) if self.files else self.append)()
        self.made.write()

    def append(self) -> None:
        added = []
        for _ in range(self.random.randrange(1, 3)):
            self.number += 1
            name, count = f"{self.number}.parquet", self.random.randrange(1, 12)
            p = self.random.choice(("x", "y", None))
            rows = [
                {field.name: self.value(field, n, p) for field in self.made.schema.fields}
                for n in range(count)
            ]
            added.append(self.made.data(name, rows, self.partition(p)))
            self.files[name] = count, p
        self.made.commit(added)

    def value(self, field: NestedField, n: int, p: str | None) -> Any:
        """Returns the value of a column in a row."""
        if field.field_id == 2:
            return p
        if isinstance(field.field_type, StructType):
            inner = {one.name: self.random.choice((n, None)) for one in field.field_type.fields}
            return inner if self.random.random() < 0.8 else None
        return self.number * 100 + n if field.field_id == 1 else n

    def partition(self, p: str | None) -> list[str | None]:
        """Returns the partition values of files with some ``p``."""
        return [p] if self.partitioned else []

    def delete(self) -> None:
        self.number += 1
        first = self.random.choice(sorted(self.files))
        p = self.files[first][1]
        chosen = [one for one in self.files if self.random.random() < 0.4]
        if self.partitioned:
            chosen = [one for one in chosen if self.files[one][1] == p]
        places = {name: self.places(name) for name in sorted({first, *chosen})}
        deletes = self.made.positions(f"{self.number}.parquet", places, self.partition(p))
        self.made.commit(deletes=[deletes])

    def places(self, name: str) -> list[int]:
        """Returns some rows of a file."""
        count = self.files[name][0]
        return sorted(self.random.sample(range(count), self.random.randrange(1, count + 1)))

    def vector(self) -> None:
        left = sorted(self.files.keys() - self.vectors)
        if self.version == 2 or self.partitioned or not left:
            self.append()
            return
        name = self.random.choice(left)
        self.vectors.add(name)
        self.number += 1
        self.made.commit(
            deletes=self.made.vectors(f"{self.number}.puffin", {name: self.places(name)})
        )

    def evolve(self) -> None:
        """Adds a column or a field within one, with a default or without, or changes others."""
        self.number += 1
        default = self.number if self.version == 3 and self.random.random() < 0.6 else None
        new = NestedField(self.number, f"c{self.number}", IntegerType(), False, None, default)
        fields, inner = [], []
        act = self.random.randrange(4)
        for field in self.made.schema.fields:
            if isinstance(field.field_type, StructType):
                inner = list(field.field_type.fields)
                if act == 1:
                    inner.append(new)
                elif act == 2:  # another field of the same name
                    inner[-1] = NestedField(self.number, inner[-1].name, IntegerType(), False)
                fields.append(NestedField(3, "in", StructType(*inner), False))
            elif act == 3:
                kind = LongType() if isinstance(field.field_type, IntegerType) else field.field_type
                name = f"{field.name}r" if field.field_id > 100 else field.name
                default = field.initial_default
                fields.append(NestedField(field.field_id, name, kind, False, None, default))
            else:
                fields.append(field)
        if act == 0:
            fields.append(new)
        if act == 3:
            fields.reverse()
        self.made.evolve(Schema(*fields, schema_id=len(self.made.raw["schemas"])))
