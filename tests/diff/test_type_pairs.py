"""All pairs of types against Python's values: what is equal, by both methods, and what compares."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import duckdb
import pytest

import catalog
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


ROWS = 98
"""Rows of a table: all pairs of two types' values but for a few of the longest."""


def write_types(path: Path, kinds: Sequence[TypedValues], places: Sequence[int]) -> None:
    """Writes a table with a column ``c0``, ``c1`` … of each type, and values by their places."""
    rows = []
    for number, place in enumerate(places):
        cells = [cast(_at(kind, place), kind) for kind in kinds]
        rows.append(f"({', '.join([str(number), *cells])})")
    names = ", ".join(["id", *(f"c{n}" for n in range(len(kinds)))])
    with duckdb.connect() as con:
        con.execute("SET TimeZone = 'UTC'")
        con.execute(
            f"COPY (SELECT * FROM (VALUES {', '.join(rows)}) t({names})) "
            f"TO '{path}' (FORMAT parquet)"
        )


def kind_of_change(one: TypedValues, a: Typed | None, other: TypedValues, b: Typed | None) -> str:
    """Says what happened to a cell: nothing, or what a diff calls it."""
    if equal(one, a, other, b):
        return ""
    return "filled" if a is None else "cleared" if b is None else "corrected"


@pytest.mark.parametrize("step", effort(range(1, len(STORED), 11), range(len(STORED))))
def test_columns_of_all_pairs_are_compared_by_both_methods(step: int, tmp_path: Path) -> None:
    """Every column becomes one of the type that follows some steps later."""
    after = [*STORED[step:], *STORED[:step]]
    firsts, seconds = range(ROWS), [number // 7 for number in range(ROWS)]
    cat = catalog.create(tmp_path / "lake")
    for name, kinds, places in (("a", STORED, firsts), ("b", after, seconds)):
        write_types(tmp_path / f"{name}.parquet", kinds, places)
        with cat.transaction("main") as tx:
            tx.snapshot("t", str(tmp_path / f"{name}.parquet"), key=["id"])
    wanted: dict[str, Counter[str]] = {"id": Counter()}
    for number, (one, other) in enumerate(zip(STORED, after, strict=True)):
        if comparable(one, other):
            wanted[f"c{number}"] = Counter(
                kind_of_change(one, _at(one, x), other, _at(other, y))
                for x, y in zip(firsts, seconds, strict=True)
            )
    for method in ("auto", "join"):
        with cat.diff("main~1", "main", tables=["t"], method=method) as result:
            columns = result["t"].columns
            assert columns.keys() == wanted.keys()
            for name, counts in columns.items():
                found = {k: getattr(counts, k) for k in ("filled", "cleared", "corrected")}
                should = {k: wanted[name][k] for k in found}
                assert (name, found) == (name, should), method


def _at(kind: TypedValues, place: int) -> Typed | None:
    return values_of(kind)[place % (len(kind.values) + 1)]
