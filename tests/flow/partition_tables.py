"""Random rows for the tables of the queries that are tried."""

from collections.abc import Mapping
from random import Random

from catalog.flow.partitionwise import InputTable
from tests.flow.partitions import Row, Table

TABLES: Mapping[str, InputTable] = {
    "o": InputTable(
        (
            ("p", "INTEGER"),
            ("q", "INTEGER"),
            ("id", "INTEGER"),
            ("c", "VARCHAR"),
            ("v", "INTEGER"),
            ("l", "INTEGER[]"),
            ("s", "STRUCT(p INTEGER, f INTEGER)"),
        ),
        ("p", "q"),
    ),
    "i": InputTable(
        (
            ("p", "INTEGER"),
            ("q", "INTEGER"),
            ("id", "INTEGER"),
            ("c", "VARCHAR"),
            ("w", "INTEGER"),
        ),
        ("p", "q"),
    ),
    "e": InputTable((("day", "DATE"), ("id", "INTEGER"), ("x", "INTEGER")), ("day",)),
    "g": InputTable((("day", "DATE"), ("id", "INTEGER"), ("y", "INTEGER")), ("day",)),
    "d": InputTable((("c", "VARCHAR"), ("n", "INTEGER"))),
    "k": InputTable((("p", "INTEGER"), ("n", "INTEGER"), ("id", "INTEGER"))),
    "cal": InputTable((("day", "DATE"), ("m", "INTEGER"))),
}
"""Four partitioned tables and three others, with columns of the same names."""

_DAYS = ["2024-01-01", "2024-01-15", "2024-02-01", "2024-03-05", "2025-01-01", None]


def random_tables(random: Random, names: Mapping[str, InputTable] = TABLES) -> dict[str, Table]:
    """Returns rows for some tables: few values, many NULLs, some rows twice, some tables empty."""
    return {name: _table(random, table) for name, table in names.items()}


def _table(random: Random, table: InputTable) -> Table:
    columns = [f"{name} {kind}" for name, kind in table.columns]
    rows: list[Row] = [
        tuple(_value(random, name, kind) for name, kind in table.columns)
        for _ in range(random.choice([0, 3, 8, 14]))
    ]
    if rows and random.random() < 0.3:
        rows.append(rows[0])
    return columns, rows


def _value(random: Random, name: str, kind: str) -> object:
    match kind:
        case "VARCHAR":
            return random.choice(["x", "y", "X", None])
        case "INTEGER[]":
            return [1, 2][: random.randint(0, 2)]
        case "DATE":
            return random.choice(_DAYS)
        case "INTEGER":
            return random.choice([0, 1, 2, 3, None] if name in "pq" else [0, 1, 2, 3, 3, None])
    return {"p": random.choice([0, 1, 2]), "f": random.choice([0, 1])}
