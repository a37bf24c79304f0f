"""Where the rows of a merge are decided: tables of the engine, in a schema of their own."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property

import duckdb

from catalog.dataclasses import dataclass
from catalog.diff.compare.sql_columns import SqlColumns
from catalog.diff.compare.table_reader import TableReader
from catalog.diff.fingerprints.loading import load_prints
from catalog.diff.plan import SIDES, ColumnPair, TablePlan
from catalog.engine.connection import single_row
from catalog.engine.workspace import Workspace
from catalog.model.datafile import DataFile
from catalog.model.table import TableSnapshot
from catalog.write.context import WriteContext


@dataclass(frozen=True)
class MergeSpace:
    """The merged table in the engine.

    Attributes:
        table: The table's name in the catalog.
        shape: The shape of the merged table, in which all rows are.
        plan: The plan by which one of the sides was compared with the base: how values compare.
        schema: The schema of the engine that has the tables.
    """

    write: WriteContext
    table: str
    shape: TableSnapshot
    plan: TablePlan
    schema: str

    @property
    def con(self) -> duckdb.DuckDBPyConnection:
        """The engine's connection."""
        return self.write.con

    @property
    def ids(self) -> list[int]:
        """The field ids of all columns."""
        return [f.id for f in self.shape.schema.fields]

    @property
    def decisions(self) -> str:
        """The table of what was decided about each row; see ``rows``."""
        return self.named("decisions")

    @property
    def conflicts(self) -> str:
        """The table of conflicts about rows and cells; see ``rows``."""
        return self.named("conflicts")

    def named(self, word: str) -> str:
        """Returns the name of one of the merge's tables."""
        return f"{self.schema}.{word}"

    def create(self, word: str, query: str) -> str:
        """Makes a table of the rows of a query and returns its name."""
        self.con.execute(f"CREATE TABLE {self.named(word)} AS {query}")
        return self.named(word)

    def drop(self, *words: str) -> None:
        """Drops tables that are no longer needed, which frees their memory."""
        for word in words:
            self.con.execute(f"DROP TABLE IF EXISTS {self.named(word)}")

    def count(self, rows: str) -> int:
        """Returns how many rows a relation has."""
        return int(single_row(self.con, f"SELECT count(*) FROM {rows}")[0])

    def value(self, field_id: int) -> str:
        """Returns what changed rows compare by in a column: ``c1``, after ``f_`` or ``t_``."""
        return self._columns.value("t", self._pairs[field_id])

    def expression(self, field_id: int) -> str:
        """Returns SQL of the same value over a relation with columns ``c<field id>``."""
        return self._columns.expression("t", self._pairs[field_id])

    def comparing(self, ids: Sequence[int]) -> str:
        """Returns the select list of the values by which columns ``c<id>`` compare: ``v<id>``."""
        return ", ".join(f"{self.expression(i)} AS v{i}" for i in ids)

    def rows(
        self, files: Sequence[DataFile], ids: Sequence[int] | None = None, *, numbered: bool = False
    ) -> str:
        """Returns SQL of the rows of files, in columns ``c<field id>``."""
        return self.write.relation(self.shape, files, columns=ids, numbered=numbered)

    @cached_property
    def _columns(self) -> SqlColumns:
        return SqlColumns(self.plan)

    @cached_property
    def _pairs(self) -> dict[int, ColumnPair]:
        return {pair.after.id: pair for pair in self.plan.pairs}


def table_reader(write: WriteContext, plan: TablePlan) -> TableReader:
    """Returns what reads the files of a plan, after checking that linked ones did not change."""
    for side in SIDES:
        write.verified(plan.table, plan.files(side))
    prints = load_prints(write.repository, plan, None).prints
    return TableReader(write.con, plan, write.store, prints)


@contextmanager
def merge_schema(work: Workspace) -> Iterator[str]:
    """Yields a new schema of the engine; it goes afterwards, with all that was made in it.

    After an exception it stays: the engine is closed then.
    """
    schema = work.name("merge")
    work.con.execute(f"CREATE SCHEMA {schema}")
    yield schema
    work.con.execute(f"DROP SCHEMA {schema} CASCADE")
