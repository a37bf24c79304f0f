"""Runs queries over all rows of small tables and over those that predicates leave."""

import random
from collections import Counter

import duckdb

from catalog.engine.quoting import identifier
from catalog.engine.quoting import literal as quoted
from catalog.query.parse.analyse import analyse
from catalog.query.parse.predicates import LiteralKind, LiteralValue, Op, Predicate
from catalog.query.parse.statements import TableReference
from catalog.query.splice import replacements, splice

COLUMNS = {
    "t": {"a": "INTEGER", "b": "INTEGER", "s": "VARCHAR", "d": "DATE", "o": "STRUCT"},
    "u": {"a": "INTEGER", "c": "INTEGER", "s": "VARCHAR"},
}

_KIND_OF_TYPE = {
    "INTEGER": {LiteralKind.INTEGER},
    "VARCHAR": {LiteralKind.STRING},
    "DATE": {LiteralKind.DATE, LiteralKind.TIMESTAMP, LiteralKind.STRING},
    "STRUCT": set(),
}


def fill(session: duckdb.DuckDBPyConnection, seed: int) -> None:
    """Makes random tables ``t`` and ``u``."""
    chance = random.Random(seed)

    def integer() -> str:
        return chance.choice(["NULL", "-1", "0", "1", "2"])

    def text() -> str:
        return chance.choice(["NULL", "'x'", "'y'", "'X'", "'1'"])

    def day() -> str:
        return chance.choice(["NULL", "'2024-01-01'", "'2024-01-02'", "'2024-01-03'"])

    t = [
        f"({integer()}, {integer()}, {text()}, {day()}, "
        f"{{'a': {integer()}::INTEGER, 'z': {integer()}::INTEGER}})"
        for _ in range(chance.randint(1, 9))
    ]
    u = [f"({integer()}, {integer()}, {text()})" for _ in range(chance.randint(1, 6))]
    session.execute(
        "CREATE OR REPLACE TABLE t(a INTEGER, b INTEGER, s VARCHAR, d DATE, "
        "o STRUCT(a INTEGER, z INTEGER))"
    )
    session.execute("CREATE OR REPLACE TABLE u(a INTEGER, c INTEGER, s VARCHAR)")
    session.execute(f"INSERT INTO t VALUES {', '.join(t)}")
    session.execute(f"INSERT INTO u VALUES {', '.join(u)}")


def literal(value: LiteralValue) -> str:
    """Writes a literal as SQL."""
    match value.kind:
        case LiteralKind.STRING:
            return quoted(value.text)
        case LiteralKind.DATE | LiteralKind.TIMESTAMP:
            return f"{value.kind.value} {quoted(value.text)}"
        case _:
            return value.text


def condition(predicate: Predicate) -> str:
    """Writes a predicate as SQL."""
    column = identifier(predicate.column)
    values = [literal(value) for value in predicate.values]
    match predicate.op:
        case Op.IN:
            return f"{column} IN ({', '.join(values)})"
        case Op.BETWEEN:
            return f"{column} BETWEEN {values[0]} AND {values[1]}"
        case Op.IS_NULL | Op.IS_NOT_NULL:
            return f"{column} {predicate.op.value}"
        case _:
            return f"{column} {predicate.op.value} {values[0]}"


def usable(reference: TableReference) -> list[Predicate]:
    """Returns the predicates that are not void for the table's columns."""
    types = COLUMNS[reference.name[0]]
    return [
        predicate
        for predicate in reference.predicates
        if predicate.column.lower() in types
        and {value.kind for value in predicate.values}
        <= _KIND_OF_TYPE[types[predicate.column.lower()]]
    ]


def pruned(text: str) -> tuple[str, int]:
    """Replaces each table by its rows that meet the predicates, and counts these."""
    found, count = [], 0
    (statement,) = analyse(text)
    assert statement.parsed, (text, statement.error)
    for reference in statement.references:
        predicates = usable(reference)
        count += len(predicates)
        if predicates:
            where = " AND ".join(f"({condition(predicate)})" for predicate in predicates)
            relation = f"(SELECT * FROM {reference.name[0]} WHERE {where})"
            found += replacements(reference, relation)
    return splice(text, found), count


def result(session: duckdb.DuckDBPyConnection, query: str) -> Counter[str] | None:
    """Runs a query and returns its rows without order, or None if DuckDB refuses it."""
    try:
        return Counter(map(repr, session.execute(query).fetchall()))
    except duckdb.Error:
        return None
