"""Random histories published as Iceberg, a commit or several at a time: readers see each commit."""

import random
from pathlib import Path

import pytest

import catalog
from catalog import CatalogError
from catalog.catalog import Catalog
from tests.effort import effort
from tests.operations.test_publish_iceberg import Readers, contents

pytestmark = pytest.mark.filterwarnings("ignore:Iceberg scan planning")

TYPES = {
    "INTEGER": ("1", "-7", "NULL"),
    "FLOAT": ("1.5", "'nan'", "NULL"),
    "DECIMAL(7,2)": ("1.25", "NULL"),
    "VARCHAR": ("'x'", "'a/b'", "''", "NULL"),
    "DATE": ("'2024-02-29'", "NULL"),
    "TIMESTAMPTZ": ("'2024-02-29 12:34:56.789012+02'", "NULL"),
    "STRUCT(a INTEGER, l INTEGER[])": ("{'a': 1, 'l': [2, NULL]}", "NULL"),
}
WIDER = {"INTEGER": ("BIGINT", "DOUBLE"), "FLOAT": ("DOUBLE",), "DECIMAL(7,2)": ("DECIMAL(20,4)",)}
NAMES = ("a", "b", "c")
"""Few names, so that they are dropped and come again for other columns."""


class History:
    """A table that changes at random, with partitions or without."""

    def __init__(self, cat: Catalog, chance: random.Random) -> None:
        self.cat, self.chance, self.ids = cat, chance, 0
        parts = chance.choice(("", "PARTITIONED BY (p)", "PARTITIONED BY (p, q)"))
        self.run(f"CREATE TABLE t {parts} AS SELECT 0 AS id, 'x' AS p, DATE '2024-01-01' AS q")

    def run(self, text: str, branch: str = "main") -> None:
        with self.cat.transaction(branch, message=text) as changes:
            changes.sql(text)

    def step(self) -> None:
        """Changes something, or nothing if that is refused."""
        try:
            self.chance.choice(
                (self.insert, self.insert, self.column, self.column, self.rows, self.past)
            )()
        except CatalogError:
            return

    def columns(self) -> dict[str, str]:
        return {one.name: one.type for one in self.cat.schema("t") if one.name in NAMES}

    def insert(self, branch: str = "main") -> None:
        columns = self.columns()
        rows = []
        for _ in range(self.chance.randint(1, 3)):
            self.ids += 1
            values = [str(self.ids), self.chance.choice(("'x'", "'y'", "NULL"))]
            values.append(self.chance.choice(("DATE '2024-01-01'", "NULL")))
            values += [self.value(kind) for kind in columns.values()]
            rows.append(f"({', '.join(values)})")
        names = ", ".join(("id", "p", "q", *columns))
        self.run(f"INSERT INTO t ({names}) VALUES {', '.join(rows)}", branch)

    def value(self, kind: str) -> str:
        return self.chance.choice(TYPES.get(kind, ("3", "NULL")))

    def column(self) -> None:
        columns, name, other = self.columns(), self.chance.choice(NAMES), self.chance.choice(NAMES)
        if name not in columns:
            self.run(f"ALTER TABLE t ADD COLUMN {name} {self.chance.choice(list(TYPES))}")
        elif other not in columns:
            self.run(f"ALTER TABLE t RENAME COLUMN {name} TO {other}")
        elif columns[name] in WIDER and self.chance.random() < 0.5:
            wider = self.chance.choice(WIDER[columns[name]])
            self.run(f"ALTER TABLE t ALTER COLUMN {name} TYPE {wider}")
        else:
            self.run(f"ALTER TABLE t DROP COLUMN {name}")

    def rows(self) -> None:
        where = f"id % 3 = {self.chance.randint(0, 2)}"
        columns = self.columns()
        if columns and self.chance.random() < 0.7:
            name = self.chance.choice(list(columns))
            self.run(f"UPDATE t SET {name} = {self.value(columns[name])} WHERE {where}")
        else:
            self.run(f"DELETE FROM t WHERE {where}")

    def past(self) -> None:
        if self.chance.random() < 0.5:
            self.cat.revert("main")
            return
        name = f"side{self.ids}"
        self.cat.branches.create(name, at="main")
        self.insert(name)
        self.insert()
        self.cat.merge(name, into="main")


@pytest.mark.parametrize("seed", range(effort(1, 60)))
def test_a_random_history_is_read_as_it_was(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)
    cat = catalog.create(tmp_path / "lake")
    history = History(cat, chance)
    for _ in range(effort(8, 12)):
        history.step()
        if chance.random() < 0.3:
            cat.publish("main", str(tmp_path / "out"), format="iceberg")
    cat.publish("main", str(tmp_path / "out"), format="iceberg")
    readers = Readers()
    readers.check(cat, tmp_path / "out" / "t")
    if readers.second is not None:
        readers.second.close()
    before = contents(tmp_path / "out" / "t")
    cat.publish("main", str(tmp_path / "out"), format="iceberg", again=True)
    after = contents(tmp_path / "out" / "t")
    assert {name: before[name] for name in after if name[-5:] == ".avro"} == {
        name: content for name, content in after.items() if name[-5:] == ".avro"
    }
