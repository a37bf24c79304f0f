"""Small tables in two DuckDB sessions: one with their names, one with stand-ins only."""

import duckdb

from catalog.engine.quoting import identifier
from catalog.query.parse.analyse import analyse
from catalog.query.parse.lexer import TokenKind, tokenize
from catalog.query.parse.statements import Statement, TableReference
from catalog.query.splice import replacements, splice

TABLES: dict[tuple[str, ...], str] = {
    ("orders",): """
        SELECT i AS id, 'c' || (i % 3) AS customer, CAST(i * 1.5 AS DECIMAL(10, 2)) AS amount,
            DATE '2024-01-01' + CAST(i // 4 AS INTEGER) AS day,
            CASE WHEN i % 5 = 0 THEN NULL ELSE i % 4 END AS region,
            [i, i + 1] AS items, {'a': i, 'id': 100 + i} AS o
        FROM range(1, 21) AS r(i)""",
    ("customers",): """
        SELECT 'c' || i AS customer, 'name ' || i AS name, i AS region, i + 3 AS id
        FROM range(0, 5) AS r(i)""",
    ("order items",): "SELECT i AS id, 'item ' || i AS item FROM range(5, 9) AS r(i)",
    ("sales", "orders"): """
        SELECT i AS id, 'sale' AS kind, {'id': -i} AS orders FROM range(3) AS r(i)""",
}
"""The query behind each table, by name."""


def stand_in(name: tuple[str, ...], ref: str = "main") -> str:
    """Returns the name under which the session without names keeps a table."""
    return identifier("__".join((*name, ref)))


def named_session() -> duckdb.DuckDBPyConnection:
    """Opens a session that has the tables under their names."""
    session = duckdb.connect(config={"threads": 1})
    session.execute("CREATE SCHEMA sales")
    for name, query in TABLES.items():
        session.execute(f"CREATE TABLE {'.'.join(map(identifier, name))} AS {query}")
    return session


def stand_in_session(*refs: str) -> duckdb.DuckDBPyConnection:
    """Opens a session that has the tables as stand-ins only, once for each ref."""
    session = duckdb.connect(config={"threads": 1})
    for name, query in TABLES.items():
        for ref in refs or ("main",):
            session.execute(f"CREATE TABLE {stand_in(name, ref)} AS {query}")
    return session


def relation(reference: TableReference) -> str | None:
    """Returns a relation for a reference to one of the tables, else None."""
    name = tuple(part.lower() for part in reference.name)
    if name not in TABLES:
        return None
    return stand_in(name, reference.ref.text if reference.ref is not None else "main")


def spliced(text: str, *, as_query: bool = False) -> str:
    """Replaces all references to the tables by stand-ins."""
    found = []
    for statement in analyse(text):
        assert statement.parsed, statement.error
        found += _replaced(statement, as_query=as_query)
    return splice(text, found)


def _replaced(statement: Statement, *, as_query: bool) -> list[tuple[tuple[int, int], str]]:
    found: list[tuple[tuple[int, int], str]] = []
    for reference in statement.references:
        name = relation(reference)
        if name is not None:
            found += replacements(reference, f"(SELECT * FROM {name})" if as_query else name)
    return found


def rows(session: duckdb.DuckDBPyConnection, query: str) -> list[str]:
    """Runs a query and returns its rows as sorted texts."""
    return sorted(map(repr, session.execute(query).fetchall()))


def versioned(text: str, ref: str) -> tuple[str, int]:
    """Puts a ref after the name of every reference to one of the tables, and counts them."""
    tokens = tokenize(text)
    at = {token.start: index for index, token in enumerate(tokens)}
    ends: list[int] = []
    for statement in analyse(text):
        for reference in statement.references:
            index = at[reference.span[0]]
            texts = [token.text for token in tokens] + [""]
            while tokens[index].name != reference.name[0] or texts[index + 1] == ":":
                index += 1
            last = tokens[index + 2 * (len(reference.name) - 1)]
            if relation(reference) is not None and last.kind is not TokenKind.STRING:
                ends.append(last.end)
    for end in sorted(ends, reverse=True):
        text = text[:end] + ref + (" " if text[end : end + 1].isalpha() else "") + text[end:]
    return text, len(ends)
