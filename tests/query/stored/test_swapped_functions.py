"""Calls in ordinary statements, each exchanged for a call of any function that DuckDB has."""

import random
from collections.abc import Iterator

import duckdb
import pytest

from catalog.engine.syntax_trees import syntax_trees
from catalog.errors import ErrorKind, InvalidInput
from catalog.query.parse.lexer import DEPTH, TokenKind, tokenize
from catalog.query.stored.check import check_stored_select
from catalog.query.stored.functions import FUNCTIONS, TABLE_FUNCTIONS
from catalog.query.stored.tree import findings
from tests.effort import effort
from tests.query.stored.statements import ORDINARY

OWN_SYNTAX = frozenset({"extract", "overlay", "position", "substring", "trim", "if", "map", "row"})
"""Functions whose arguments may be written in a way of their own."""


def calls(sql: str) -> Iterator[tuple[int, int, bool]]:
    """Yields where functions are named, and whether in a FROM clause."""
    tokens = tokenize(sql)
    clause, depth = "", 0
    for before, token, after in zip(tokens, tokens[1:], tokens[2:], strict=False):
        if before.word in CLAUSES:
            clause, depth = before.word, 0
        depth += DEPTH.get(before.text, 0)
        named = token.kind is TokenKind.WORD and token.word in FUNCTIONS - OWN_SYNTAX
        if named and after.text == "(" and after.start == token.end:
            gives_rows = clause == "from" and depth == 0 and before.word in ("from", "")
            yield token.start, token.end, gives_rows


CLAUSES = frozenset({"select", "from", "where", "group", "order", "on", "having", "qualify"})

CALLS = [(sql, *call) for sql in ORDINARY for call in calls(sql)]


def names() -> list[str]:
    """Returns all functions of DuckDB, and some that it would have with extensions."""
    with duckdb.connect() as con:
        found = con.execute("SELECT DISTINCT function_name FROM duckdb_functions()").fetchall()
    extensions = ["st_read", "getenv", "sqlite_scan", "http_get", "shell", "load_aws_credentials"]
    return sorted({name for (name,) in found} | set(extensions))


def variants(name: str, chosen: random.Random) -> str:
    """Returns a way to write the name of a function."""
    quoted = '"' + name.replace('"', '""') + '"'
    swapped = quoted.swapcase() if name.isascii() else quoted
    return chosen.choice([quoted, swapped, f"main.{quoted}", f'"system".main.{quoted}'])


def test_there_is_much_to_exchange() -> None:
    assert len(CALLS) > 100
    assert len(names()) > 1000


@pytest.mark.parametrize("part", range(4))
def test_a_call_is_refused_unless_its_function_is_on_the_list(part: int) -> None:
    chosen = random.Random(part if effort(True, False) else None)
    every = names()
    for name in chosen.sample(every, min(effort(60, 2000), len(every))):
        sql, start, end, gives_rows = chosen.choice(CALLS)
        written = variants(name, chosen)
        changed = f"{sql[:start]}{written}{sql[end:]}"
        listed = TABLE_FUNCTIONS if gives_rows else FUNCTIONS
        try:
            checked = check_stored_select(changed, what="it")
        except InvalidInput as refused:
            if name.lower() in listed and refused.kind == ErrorKind.STORED_SQL:
                assert f"calls {name.lower()}()" not in refused.message, changed
            continue
        assert name.lower() in listed, changed
        assert name.lower() in checked.functions | {"count", "unnest"}, changed


def test_all_functions_at_once() -> None:
    """Of all functions, exactly those on the list may be called; operators have names, too."""
    every = names()
    called = ", ".join('"' + name.replace('"', '""') + '"(a)' for name in every)
    (tree,) = syntax_trees(f"SELECT {called}").statements
    refused = {refusal.function for refusal in findings(tree).refusals}
    assert refused == {name.lower() for name in every} - FUNCTIONS


def test_all_table_functions_at_once() -> None:
    every, refused = names(), set[str]()
    for start in range(0, len(every), 100):
        some = ('"' + name.replace('"', '""') + '"(1)' for name in every[start : start + 100])
        (tree,) = syntax_trees(f"SELECT * FROM {', '.join(some)}").statements
        refused |= {refusal.function for refusal in findings(tree).refusals}
    assert refused == {name.lower() for name in every} - TABLE_FUNCTIONS


def test_duckdbs_own_examples_of_listed_functions_may_be_stored() -> None:
    with duckdb.connect() as con:
        found = con.execute(
            "SELECT DISTINCT * FROM (SELECT function_name, unnest(examples) AS example "
            "FROM duckdb_functions() WHERE function_type <> 'table') ORDER BY ALL"
        ).fetchall()
    wanted = [(name, text) for name, text in found if name.lower() in FUNCTIONS]
    assert len(wanted) > 300
    refused = [text for _, text in wanted[:: effort(7, 1)] if not _may_be_stored(f"SELECT {text}")]
    assert [text for text in refused if not text.startswith(UNREADABLE)] == []


UNREADABLE = ("4!", "apply(", "reduce(", "arg_min_null_val(")
"""How examples begin that sqlglot cannot parse, and one of a function that there is not."""


def _may_be_stored(sql: str) -> bool:
    try:
        check_stored_select(sql, what="it")
    except InvalidInput:
        return False
    return True


def test_the_list_has_only_functions_that_duckdb_has() -> None:
    known = {name.lower() for name in names()}
    assert known >= FUNCTIONS
    assert known >= TABLE_FUNCTIONS
