"""Small tables for SQL on a branch, and plain DuckDB, which says what statements do to them.

The oracle shares no code with the catalog: the same rows in a table of DuckDB's own.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import duckdb
import pyarrow as pa

from catalog.catalog import Catalog

Rows = list[tuple[Any, ...]]


@dataclass(frozen=True)
class Sample:
    """A table: its rows file by file, and how it is declared."""

    name: str
    files: Sequence[pa.Table]
    key: Sequence[str] = ()
    partition_by: Sequence[str] = ()
    more: Mapping[str, pa.Table] = field(default_factory=dict)

    @property
    def rows(self) -> pa.Table:
        return pa.concat_tables(self.files)


def quoted(name: str) -> str:
    return ".".join('"' + part.replace('"', '""') + '"' for part in name.split("."))


def make(cat: Catalog, *samples: Sample) -> None:
    """Commits tables; each file of a sample becomes a file of its own per partition."""
    for sample in samples:
        with cat.transaction("main") as tx:
            for number, rows in enumerate(sample.files):
                tx.write(
                    sample.name,
                    rows,
                    mode="append",
                    key=sample.key if number == 0 else None,
                    partition_by=sample.partition_by if number == 0 else None,
                )


class Oracle:
    """A DuckDB with the same tables."""

    def __init__(self, *samples: Sample) -> None:
        self.con = duckdb.connect()
        self.con.execute("SET TimeZone = 'UTC'")
        for sample in samples:
            schema = sample.name.rpartition(".")[0]
            if schema:
                self.con.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(schema)}")
            self.con.register("given", sample.rows)
            self.con.execute(f"CREATE TABLE {quoted(sample.name)} AS FROM given")
            self.con.unregister("given")

    @contextmanager
    def taken_back(self) -> Iterator[None]:
        """Takes back at the end what statements did."""
        self.con.execute("BEGIN")
        try:
            yield
        finally:
            self.con.execute("ROLLBACK")

    def run(self, statement: str) -> Rows:
        return self.con.execute(statement).fetchall()

    def rows(self, name: str) -> Rows:
        return self.con.execute(f"FROM {quoted(name)}").fetchall()

    def columns(self, name: str) -> list[tuple[str, str]]:
        found = self.con.execute(f"DESCRIBE {quoted(name)}").fetchall()
        return [(row[0], row[1]) for row in found]


def multiset(rows: Rows) -> Counter[str]:
    """Returns rows that compare as they should: NaN equals NaN, lists can be counted."""
    return Counter(repr(row).replace("-0.0", "0.0") for row in rows)


def committed(cat: Catalog, name: str, ref: str = "main") -> Rows:
    with cat.connect(ref) as session:
        return session.sql(f"FROM {quoted(name)}").fetchall()


def paths(cat: Catalog, name: str, ref: str = "main") -> list[str]:
    return [file.path for file in cat.files(name, ref=ref)]
