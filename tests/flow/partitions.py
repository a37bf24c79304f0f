"""Whether a verdict holds on random rows, by DuckDB alone: restricted inputs, filtered output."""

from collections import Counter
from collections.abc import Mapping, Sequence
from random import Random

import duckdb

from catalog.flow.partitionwise import PartitionWise
from tests.effort import effort

SINGLE, SEVERAL = effort(1, 4), effort(2, 3)
"""How many single values, and how many sets of values, the inputs are restricted to."""

Row = tuple[object, ...]
Table = tuple[Sequence[str], Sequence[Row]]
"""The columns of a table with their types, as in CREATE TABLE, and its rows."""


class Instance:
    """Tables of random rows, in an engine of their own."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, tables: Mapping[str, Table]) -> None:
        self.connection = connection
        self.tables = tuple(tables)
        for name, (columns, rows) in tables.items():
            connection.execute(f"CREATE OR REPLACE TABLE {name}_all ({', '.join(columns)})")
            if rows:
                places = f"({', '.join('?' for _ in columns)})"
                connection.execute(
                    f"INSERT INTO {name}_all VALUES {', '.join([places] * len(rows))}",
                    [value for row in rows for value in row],
                )
            self.restrict(name, "")

    def restrict(self, name: str, condition: str) -> None:
        """Lets a query see the rows of a table that meet a condition."""
        where = f" WHERE {condition}" if condition else ""
        self.connection.execute(
            f"CREATE OR REPLACE TEMP VIEW {name} AS SELECT * FROM {name}_all{where}"
        )

    def rows(self, sql: str) -> tuple[list[str], list[Row]]:
        """Returns the columns and rows of a query."""
        result = self.connection.sql(sql)
        return result.columns, result.fetchall()

    def difference(self, sql: str, verdict: PartitionWise, random: Random) -> str:
        """Returns how a verdict is wrong for some random sets of values; empty if it is not."""
        for name in self.tables:
            self.restrict(name, "")
        columns, whole = self.rows(sql)
        place = columns.index(verdict.output)
        values: set[object] = {row[place] for row in whole}
        for name, carrier in verdict.facts.items():
            found = self.connection.execute(
                f"SELECT DISTINCT {carrier.expression} FROM {name}_all"
            ).fetchall()
            values |= {value for (value,) in found}
        ordered = sorted(values, key=repr)
        random.shuffle(ordered)
        sets = [{value} for value in ordered[:SINGLE]] + [
            {value for value in ordered if random.random() < 0.5} for _ in range(SEVERAL)
        ]
        for wanted in sets:
            for name, carrier in verdict.facts.items():
                self.restrict(name, _among(carrier.expression, wanted))
            _, part = self.rows(sql)
            for name in verdict.facts:
                self.restrict(name, "")
            expected = [row for row in whole if row[place] in wanted]
            if Counter(map(repr, part)) != Counter(map(repr, expected)):
                found, right = sorted(map(repr, part)), sorted(map(repr, expected))
                return f"{verdict}\nfor {wanted}:\n{found} instead of\n{right}"
        return ""


def _among(expression: str, values: set[object]) -> str:
    """Returns the condition that an expression has one of some values, NULL among them."""
    texts = ", ".join("'" + str(value).replace("'", "''") + "'" for value in values - {None})
    known = f"CAST({expression} AS VARCHAR) IN ({texts})" if texts else "false"
    return f"({known}) OR ({None in values} AND {expression} IS NULL)"
