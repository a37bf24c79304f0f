"""Queries of all forms give, once spliced, what DuckDB gives on tables of the same names."""

import json
from collections.abc import Iterator

import duckdb
import pytest

from catalog.query.parse.analyse import analyse
from catalog.query.parse.statements import Place, TableReference
from tests.query.corpus import DOUBTFUL, QUERIES
from tests.query.tables import (
    named_session,
    rows,
    spliced,
    stand_in_session,
    versioned,
)


@pytest.fixture(scope="module")
def named() -> duckdb.DuckDBPyConnection:
    return named_session()


@pytest.fixture(scope="module")
def stand_ins() -> duckdb.DuckDBPyConnection:
    return stand_in_session("main", "main~1", "release 1")


@pytest.mark.invariant("Splicing a query changes nothing but the names of its tables")
@pytest.mark.parametrize("query", QUERIES)
def test_a_spliced_query_gives_the_same_rows(
    query: str, named: duckdb.DuckDBPyConnection, stand_ins: duckdb.DuckDBPyConnection
) -> None:
    expected = rows(named, query)
    assert rows(stand_ins, spliced(query)) == expected
    assert rows(stand_ins, spliced(query, as_query=True)) == expected


@pytest.mark.parametrize("ref", ["main~1", '"release 1"'])
@pytest.mark.parametrize("query", QUERIES)
def test_a_ref_after_every_name_is_found_and_spliced(
    query: str,
    ref: str,
    named: duckdb.DuckDBPyConnection,
    stand_ins: duckdb.DuckDBPyConnection,
) -> None:
    text, count = versioned(query, "@" + ref)
    explicit = [reference for reference in references(text) if reference.explicit]
    assert [reference.ref.text for reference in explicit if reference.ref] == [
        ref.strip('"')
    ] * count
    assert rows(stand_ins, spliced(text)) == rows(named, query)


@pytest.mark.parametrize("query", DOUBTFUL)
def test_what_duckdb_refuses_is_refused_spliced_too(
    query: str, named: duckdb.DuckDBPyConnection, stand_ins: duckdb.DuckDBPyConnection
) -> None:
    expected = answer(named, query)
    assert answer(stand_ins, spliced(query)) == expected
    assert answer(stand_ins, spliced(versioned(query, "@main~1")[0])) == expected


@pytest.fixture(scope="module")
def plain() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as con:
        yield con


@pytest.mark.parametrize("query", QUERIES)
def test_spans_names_and_aliases_are_those_of_duckdbs_parser(
    plain: duckdb.DuckDBPyConnection, query: str
) -> None:
    answer = plain.execute("SELECT json_serialize_sql(?)", [query]).fetchone()
    assert answer is not None
    tree = json.loads(answer[0])
    if tree["error"]:
        pytest.skip("DuckDB serializes plain SELECT statements only")
    theirs = base_tables(tree)
    mine = {
        (
            None if reference.place in UNPLACED else reference.span,
            reference.name,
            reference.alias or "",
        )
        for reference in references(query)
    }
    assert mine <= theirs


@pytest.mark.parametrize("query", QUERIES)
def test_text_without_refs_is_explicit_nowhere(query: str) -> None:
    assert not any(statement.explicit_refs for statement in analyse(query))
    assert not any(reference.explicit for reference in references(query))


def references(text: str) -> list[TableReference]:
    return [reference for statement in analyse(text) for reference in statement.references]


UNPLACED = (Place.TABLE_COMMAND, Place.DESCRIBE)
"""Where DuckDB's tree tells the name of a table but not its place."""

Found = tuple[tuple[int, int] | None, tuple[str, ...], str]


def base_tables(node: object) -> set[Found]:
    """Returns span, name and alias of each base table in DuckDB's tree."""
    found: set[Found] = set()
    if isinstance(node, list):
        return found.union(*map(base_tables, node))
    if isinstance(node, dict):
        path = tuple(node.get("qualified_name", {}).get("path", ()))
        if node.get("type") in ("BASE_TABLE", "SHOW_REF") and path:
            start = node["query_location"]
            span = (start, start + node["query_location_length"]) if start < 1 << 63 else None
            found.add((span, path, node["alias"]))
        return found.union(*map(base_tables, node.values()))
    return found


def answer(session: duckdb.DuckDBPyConnection, query: str) -> list[str] | type[duckdb.Error]:
    """Returns the rows of a query, or the kind of error that it meets."""
    try:
        return rows(session, query)
    except duckdb.Error as error:
        return type(error)
