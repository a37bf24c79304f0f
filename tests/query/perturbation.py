"""An oracle of lineage that knows nothing of SQL: change a column, and see what changes.

DuckDB runs a query, the values of one input column are changed, and the query runs again: every
column of the result that is not as before depends on the input column.
"""

import random
from collections.abc import Iterator, Mapping, Sequence

import duckdb

from tests.query.lineage_corpus import TABLES, TYPES

Dependence = tuple[str, str, list[str]]
"""Table and column that were changed, and columns of the result of which one depends on it."""

_VALUES = {
    "INT": lambda rng: str(rng.randrange(5)),
    "DOUBLE": lambda rng: str(rng.choice([0, 1.5, 2, 3.25, 7])),
    "DATE": lambda rng: f"DATE '2024-01-0{rng.randrange(1, 5)}'",
    "VARCHAR": lambda rng: f"'{rng.choice('abc')}'",
    "VARCHAR[]": lambda rng: str([rng.choice("abc") for _ in range(rng.randrange(3))]),
}


def value(kind: str, rng: random.Random) -> str:
    """Returns a random value of a type, as SQL; one in eight is NULL."""
    if rng.random() < 0.125:
        return "NULL"
    if kind.startswith("STRUCT"):
        return f"{{'city': '{rng.choice('abc')}', 'zip': {rng.randrange(4)}}}"
    return _VALUES[kind](rng)


def kinds(table: str) -> Mapping[str, str]:
    """Returns the types of the columns of a table."""
    parts = TYPES[table].replace("city VARCHAR, zip", "city VARCHAR; zip").split(", ")
    pairs = (part.split(" ", 1) for part in parts)
    return {name: kind.replace(";", ",") for name, kind in pairs}


def open_filled(rng: random.Random, *, rows: int = 7) -> duckdb.DuckDBPyConnection:
    """Opens a database with random rows in the tables, where plans do not depend on the rows."""
    con = duckdb.connect()
    con.execute("SET threads = 1; PRAGMA disable_optimizer")
    for table, types in TYPES.items():
        con.execute(f"CREATE TABLE stored_{table} (n INT, {types})")
        made = [
            f"({n}, {', '.join(value(kind, rng) for kind in kinds(table).values())})"
            for n in range(rows)
        ]
        con.execute(f"INSERT INTO stored_{table} VALUES {', '.join(made)}")
        show(con, table, {})
    return con


def show(con: duckdb.DuckDBPyConnection, table: str, changed: Mapping[str, str]) -> None:
    """Makes a table have the values stored, except for columns that are given as SQL."""
    columns = ", ".join(
        f"({changed.get(name, name)})::{kind} AS {name}" for name, kind in kinds(table).items()
    )
    con.execute(f"CREATE OR REPLACE VIEW {table} AS SELECT {columns} FROM stored_{table}")


def answers(con: duckdb.DuckDBPyConnection, sql: str) -> tuple[Sequence[str], list[list[str]]]:
    """Returns the columns of a result, by name and in order, each with its values in order."""
    rows = con.execute(sql).fetchall()
    names = [str(column[0]) for column in con.description or ()]
    return names, [[repr(row[n]) for row in rows] for n in range(len(names))]


def differing(before: list[list[str]], after: list[list[str]]) -> Iterator[frozenset[int]]:
    """Yields columns of which one at least is not as before.

    One that has other values is; of two that have the same values in other pairs, one is. The
    order of rows does not count: hardly any query promises one.
    """
    changed = [sorted(one) != sorted(other) for one, other in zip(before, after, strict=True)]
    yield from (frozenset({n}) for n, different in enumerate(changed) if different)
    for n in range(1, len(changed)):
        pairs = [sorted(zip(one[0], one[n], strict=True)) for one in (before, after)]
        if not (changed[0] or changed[n]) and pairs[0] != pairs[1]:
            yield frozenset({0, n})


def dependent(
    con: duckdb.DuckDBPyConnection, sql: str, rng: random.Random, *, tries: int
) -> Iterator[Dependence]:
    """Yields input columns, and columns of a result of which one was seen to depend on it."""
    names, before = answers(con, sql)
    for table, columns in TABLES.items():
        if table not in sql.lower():
            continue
        for column in columns:
            kind = kinds(table)[column]
            seen: set[frozenset[int]] = set()
            for _ in range(tries):
                values = " ".join(
                    f"WHEN {n} THEN {value(kind, rng)}" for n in range(7) if rng.random() < 0.5
                )
                if not values:
                    continue
                show(con, table, {column: f"CASE n {values} ELSE {column} END"})
                found, after = answers(con, sql)
                if found == names:
                    seen.update(differing(before, after))
            show(con, table, {})
            yield from ((table, column, [names[n] for n in sorted(one)]) for one in seen)
