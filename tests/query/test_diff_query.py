"""Results of a query are compared with the options that tables are compared with."""

import pyarrow as pa
import pytest

import catalog
from catalog import Catalog, CatalogError, ErrorKind, InvalidInput
from catalog.diff.result import Diff

OLD = pa.table({"id": [1, 2, 3, 3], "n": [1.0, 2.0, 3.0, 3.0], "word": ["a", "b", "c", "c"]})
NEW = pa.table({"id": [1, 2, 3, 3], "n": [1.25, 2.0, 9.0, 3.0], "word": ["a", "x", "c", "c"]})


@pytest.fixture(scope="module")
def cat(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    cat = Catalog.create(tmp_path_factory.mktemp("diff-query") / "lake", author="tester")
    for rows in (OLD, NEW):
        with cat.transaction("main") as tx:
            tx.write("t", rows, mode="overwrite")
    return cat


def compared(cat: Catalog, query: str = "FROM t WHERE id < 3", **options: object) -> Diff:
    return cat.diff_query(query, "main~1", "main", key=["id"], **options)  # type: ignore[arg-type]


def updated(diff: Diff) -> int | None:
    with diff:
        (table,) = diff.tables
        return table.rows.updated


def test_columns_tolerance_and_statistics_count(cat: Catalog) -> None:
    assert updated(compared(cat)) == 2
    assert updated(compared(cat, columns=["n"])) == 1
    assert updated(compared(cat, tolerance={"n": "0.25"})) == 1
    assert updated(compared(cat, tolerance={"n": "1%"}, columns=["n"])) == 1
    assert updated(compared(cat, threads=1, memory_limit_bytes=1 << 28)) == 2
    with compared(cat, columns=["n"], full_stats=True) as diff:
        statistics = diff["query"].columns["n"].after
        assert statistics is not None and float(statistics.total or 0) == 3.25


def test_all_keys_are_looked_at_where_it_is_asked_for(cat: Catalog) -> None:
    query = "SELECT id, word FROM t WHERE id = 3"
    for asked in (False, True):
        with compared(cat, query, check_keys=asked) as diff:
            problems = diff["query"].key_problems
            assert (problems.all_rows, problems.duplicate) == (asked, (2, 2))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"columns": ["wrod"]}, "did you mean word?"),
        ({"tolerance": {"m": "1"}}, "there are"),
        ({"tolerance": {"word": "1"}}, ""),
        ({"tolerance": {"n": "much"}}, "amount=0.01"),
        ({"threads": 0}, ""),
        ({"memory_limit_bytes": 1}, ""),
    ],
)
def test_what_makes_no_sense_is_refused(
    cat: Catalog, options: dict[str, object], words: str
) -> None:
    with pytest.raises(CatalogError) as caught:
        compared(cat, **options)
    assert words in (caught.value.hint or "")


def test_a_query_is_no_text_or_has_no_statistics(cat: Catalog) -> None:
    with pytest.raises(InvalidInput, match="must be"):
        compared(cat, query=3)  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="before it is run"):
        catalog.compare(OLD, NEW, query="FROM data", level="stat")
    with pytest.raises(InvalidInput, match="cannot take an int as rows") as caught:
        catalog.compare(OLD, 3)
    assert caught.value.kind == ErrorKind.BAD_DATA
