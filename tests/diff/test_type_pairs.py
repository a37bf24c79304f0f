"""All pairs of types against Python's values: what is equal, by both methods, and what compares."""

from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest

import catalog
from catalog.catalog import Catalog
from catalog.diff.compare.sql_functions import exact_text
from catalog.diff.forms import EXACT_TEXT, common_forms
from catalog.model.types import DataType, ListType, MapType, Scalar, StructType
from tests.diff.typed_values import TYPES, Typed, TypedValues, cast, comparable, equal
from tests.effort import effort

INTEGER = Scalar("INTEGER")
STORED = tuple(kind for kind in TYPES if kind.in_parquet)

Shape = tuple[Callable[[DataType], DataType], str]
"""A type around another one, and SQL of a value of it."""

PLAIN: tuple[Shape, Shape] = ((lambda kind: kind, "{0}"),) * 2

NESTED: tuple[Shape, Shape] = (
    (
        lambda kind: StructType(
            (
                ("z", kind),
                ("L", ListType(StructType((("c", INTEGER), ("v", kind))))),
                ("m", MapType(INTEGER, kind)),
            )
        ),
        "{{'z': {0}, 'L': [{{'c': 1, 'v': {0}}}, NULL], 'm': MAP {{1: {0}, 2: NULL}}}}",
    ),
    (
        lambda kind: StructType(
            (
                ("m", MapType(INTEGER, kind)),
                ("l", ListType(StructType((("V", kind), ("c", INTEGER))))),
                ("z", kind),
            )
        ),
        "{{'m': MAP {{2: NULL, 1: {0}}}, 'l': [{{'V': {0}, 'c': 1}}, NULL], 'z': {0}}}",
    ),
)
"""Structs whose fields have another order on each side, with lists of structs and maps in them."""


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as own:
        own.execute("SET TimeZone = 'UTC'")
        own.create_function(EXACT_TEXT, exact_text, ["DOUBLE"], "VARCHAR")
        yield own


def values_of(kind: TypedValues) -> tuple[Typed | None, ...]:
    return (None, *kind.values)


@pytest.mark.parametrize("before", TYPES, ids=[kind.name for kind in TYPES])
@pytest.mark.parametrize("nested", [False, True], ids=["plain", "nested"])
def test_forms_of_all_pairs_are_equal_where_the_values_are(
    before: TypedValues, nested: bool, con: duckdb.DuckDBPyConnection
) -> None:
    mine, theirs = NESTED if nested else PLAIN
    left = relation(before, mine[1])
    number = TYPES.index(before)
    for other, after in enumerate(TYPES):
        forms = common_forms(mine[0](Scalar(before.name)), theirs[0](Scalar(after.name)))
        assert (forms is not None) is comparable(before, after), after.name
        if forms is None or (nested and (number + other) % effort(5, 1)):
            continue
        found = con.sql(
            f"SELECT a.n, b.n, {forms.before('a.v')} IS NOT DISTINCT FROM {forms.after('b.v')} "
            f"FROM {left} a(n, v), {relation(after, theirs[1])} b(n, v)"
        ).fetchall()
        wrong = [
            (before.name, one, after.name, two, same)
            for a, b, same in found
            if same
            is not equal(before, one := values_of(before)[a], after, two := values_of(after)[b])
        ]
        assert wrong == []


def relation(kind: TypedValues, shape: str) -> str:
    """Returns SQL of all values of a type, numbered."""
    rows = (f"({n}, {shape.format(cast(v, kind))})" for n, v in enumerate(values_of(kind)))
    return f"(VALUES {', '.join(rows)}) "
