"""Statements that are nested as deeply as DuckDB takes them."""

import sys

import pytest

from catalog.query.parse.analyse import analyse

TEXTS = {
    "parentheses": f"SELECT {'(' * 400}id{')' * 400} FROM t@main",
    "cases": f"SELECT {'CASE WHEN true THEN ' * 300}id{' END' * 300} FROM t@main",
    "functions": f"SELECT {'abs(' * 200}id{')' * 200} FROM t@main",
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_deep_nesting_is_understood(text: str) -> None:
    limit = sys.getrecursionlimit()
    (statement,) = analyse(text)
    assert not statement.error
    assert [one.ref.text for one in statement.references if one.ref] == ["main"]
    assert sys.getrecursionlimit() == limit
