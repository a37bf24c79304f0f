"""Partition columns: found in paths with their types, or declared, and odd values of them."""

import datetime
from pathlib import Path
from urllib.parse import unquote

import pyarrow as pa
import pytest

from catalog.catalog import Catalog
from catalog.errors import InvalidInput

from .conftest import head, rows, snap, write


def kind(cat: Catalog, column: str) -> str:
    return next(c.type for c in cat.schema("t") if c.name == column)


FOUND = [
    (["1", "2", "-30"], "BIGINT"),
    (["01", "1"], "VARCHAR"),
    (["1", "x"], "VARCHAR"),
    (["2024-01-31", "2024-02-01"], "DATE"),
    (["2024-01-31", "2024-02-31"], "VARCHAR"),
    (["9223372036854775807"], "BIGINT"),
    (["9223372036854775808"], "VARCHAR"),
    (["__HIVE_DEFAULT_PARTITION__", "7"], "BIGINT"),
    (["__HIVE_DEFAULT_PARTITION__"], "VARCHAR"),
    (["", "7"], "VARCHAR"),
    (["true", "false"], "VARCHAR"),
    (["1.5"], "VARCHAR"),
    (["-0"], "VARCHAR"),
]


@pytest.mark.parametrize(("values", "expected"), FOUND, ids=lambda v: str(v))
def test_types_are_found_from_all_values(
    cat: Catalog, source: Path, values: list[str], expected: str
) -> None:
    for value in values:
        write(source / f"p={value}/a.parquet", {"id": [1]})
    snap(cat, "t", source)
    assert kind(cat, "p") == expected


TEXTS = {
    "01": "01",
    "1": "1",
    "__HIVE_DEFAULT_PARTITION__": None,
    "a%2Fb": "a/b",
    "": "",
    "a b": "a b",
    "x=y": "x=y",
    "é": "é",
    "%C3%A9t%C3%A9": "été",
    "100%": "100%",
    "%zz": "%zz",
    "#?*[a]'\"": "#?*[a]'\"",
    "NULL": "NULL",
    "%5FX": "_X",
    "new\nline": "new\nline",
}


@pytest.mark.parametrize("mode", ["copy", "link", "reference"])
def test_values_of_paths_come_back_as_they_are(cat: Catalog, source: Path, mode: str) -> None:
    for n, segment in enumerate(TEXTS):
        write(source / f"p={segment}/a.parquet", {"n": [n]})
    snap(cat, "t", source, mode=mode)
    found = rows(cat, "SELECT n, p FROM t ORDER BY n")
    assert found == list(enumerate(TEXTS.values()))
    assert not snap(cat, "t", source, mode=mode).changed
    for n, value in enumerate(TEXTS.values()):
        where = "p IS NULL" if value is None else "p = ?"
        params = [] if value is None else [value]
        assert cat.sql(f"SELECT n FROM t WHERE {where}", params=params).fetchall() == [(n,)]


PAIRS = [
    "a\\b",
    "\\",
    "a?b",
    "a[b]",
    "a*",
    "a+b",
    "x=y",
    "#",
    "{}",
    "\n",
    "%5C",
    "%3F",
    "NULL",
    "",
    " ",
]


@pytest.mark.invariant("A text in a path keeps its meaning: 01 never becomes 1 by itself")
@pytest.mark.parametrize("segment", PAIRS)
def test_two_partitions_are_read_where_they_stay(cat: Catalog, source: Path, segment: str) -> None:
    for n, value in enumerate((segment, "z")):  # the engine may read their values from their paths
        write(source / f"p={value}/a.parquet", {"n": [n]})
    snap(cat, "t", source, mode="reference")
    assert rows(cat, "SELECT n, p FROM t ORDER BY n") == [(0, unquote(segment)), (1, "z")]


DECLARED = [
    ("INTEGER", "007", 7),
    ("VARCHAR", "7", "7"),
    ("DATE", "2024-02-29", datetime.date(2024, 2, 29)),
    ("TIMESTAMP", "2024-01-01 12%3A30%3A00.25", datetime.datetime(2024, 1, 1, 12, 30, 0, 250000)),
    ("BOOLEAN", "true", True),
    ("DOUBLE", "-1.5", -1.5),
    ("UINTEGER", "4294967295", 4294967295),
    ("text", "x", "x"),
]


@pytest.mark.parametrize(("declared", "segment", "value"), DECLARED, ids=lambda v: str(v))
def test_declared_types_are_taken(
    cat: Catalog, source: Path, declared: str, segment: str, value: object
) -> None:
    write(source / f"p={segment}/a.parquet", {"id": [1]})
    snap(cat, "t", source, partition_by={"p": declared})
    assert rows(cat, "SELECT p FROM t") == [(value,)]


UNFIT = [
    ("INTEGER", "x"),
    ("INTEGER", "2147483648"),
    ("TINYINT", "-129"),
    ("UINTEGER", "-1"),
    ("DATE", "2024-02-30"),
    ("BOOLEAN", "yes"),
    ("DECIMAL(4,2)", "1.234"),
    ("TIMESTAMP", "2024-01-01 00%3A00%3A00.0000001"),
    ("INTEGER", "1_000"),
    ("BIGINT", "1.0"),
]


@pytest.mark.parametrize(("declared", "segment"), UNFIT)
def test_values_that_do_not_fit_the_declared_type_are_refused(
    cat: Catalog, source: Path, declared: str, segment: str
) -> None:
    path = write(source / f"p={segment}/a.parquet", {"id": [1]})
    before = head(cat)
    with pytest.raises(InvalidInput) as caught:
        snap(cat, "t", source, partition_by={"p": declared})
    assert caught.value.kind == "partition-value"
    assert str(path) in caught.value.message
    assert head(cat) == before


@pytest.mark.parametrize("declared", ["INTEGER[]", "nonsense", "DECIMAL", ""])
def test_a_type_that_nothing_is_partitioned_by_is_refused(
    cat: Catalog, source: Path, declared: str
) -> None:
    write(source / "p=1/a.parquet", {"id": [1]})
    with pytest.raises(InvalidInput):
        snap(cat, "t", source, partition_by={"p": declared})


def test_declared_columns_must_be_those_of_the_paths(cat: Catalog, source: Path) -> None:
    write(source / "a=1/b=2/x.parquet", {"id": [1]})
    for names in (["a"], ["b", "a"], ["a", "b", "c"], []):
        with pytest.raises(InvalidInput) as caught:
            snap(cat, "t", source, partition_by=names)
        assert caught.value.kind == "partitioning-mismatch"
    snap(cat, "t", source, partition_by=["a", "b"])
    assert rows(cat, "SELECT id, a, b FROM t") == [(1, 1, 2)]


def test_mixed_partitioning_names_two_files(cat: Catalog, source: Path) -> None:
    write(source / "a=1/x.parquet", {"id": [1]})
    write(source / "y.parquet", {"id": [1]})
    with pytest.raises(InvalidInput) as caught:
        snap(cat, "t", source)
    assert caught.value.kind == "mixed-partitioning"
    assert "x.parquet" in caught.value.message
    assert "y.parquet" in caught.value.message


def test_a_partition_column_named_twice_is_refused(cat: Catalog, source: Path) -> None:
    write(source / "a=1/A=2/x.parquet", {"id": [1]})
    with pytest.raises(InvalidInput):
        snap(cat, "t", source)


def test_a_found_type_stays_while_it_holds_all_values(cat: Catalog, source: Path) -> None:
    write(source / "p=1/a.parquet", {"id": [1]})
    snap(cat, "t", source, partition_by={"p": "INTEGER"})
    write(source / "p=2/a.parquet", {"id": [2]})
    snap(cat, "t", source)
    assert kind(cat, "p") == "INTEGER"
    write(source / "p=x/a.parquet", {"id": [3]})
    snap(cat, "t", source)
    assert rows(cat, "SELECT id, p FROM t ORDER BY id") == [(1, "1"), (2, "2"), (3, "x")]
    assert rows(cat, "SELECT id, p FROM t@main~1 ORDER BY id") == [(1, 1), (2, 2)]


SAME = [
    ("1", pa.array([1, 1], pa.int32())),
    ("1", pa.array(["1", "1"])),
    ("2024-01-31", pa.array([datetime.date(2024, 1, 31)] * 2)),
    ("x", pa.array(["x", "x"]).dictionary_encode()),
    ("__HIVE_DEFAULT_PARTITION__", pa.array([None, None], pa.string())),
]


@pytest.mark.parametrize(("segment", "column"), SAME, ids=lambda v: str(v)[:20])
def test_a_partition_column_in_the_file_with_the_same_value_is_taken(
    cat: Catalog, source: Path, segment: str, column: pa.Array
) -> None:
    write(source / f"p={segment}/a.parquet", pa.table({"p": column, "id": [1, 2]}))
    snap(cat, "t", source)
    assert rows(cat, "SELECT count(*), count(DISTINCT p) FROM t")[0][0] == 2


OTHER = [
    ("1", pa.array([1, 2])),
    ("1", pa.array([1, None])),
    ("01", pa.array([1, 1])),
    ("x", pa.array(["x", "y"])),
    ("__HIVE_DEFAULT_PARTITION__", pa.array(["x", None])),
    ("1", pa.array([[1], [1]])),
    ("1", pa.array([1.5, 1.0])),
]


@pytest.mark.parametrize(("segment", "column"), OTHER, ids=lambda v: str(v)[:20])
def test_a_partition_column_in_the_file_with_another_value_is_refused(
    cat: Catalog, source: Path, segment: str, column: pa.Array
) -> None:
    path = write(source / f"p={segment}/a.parquet", pa.table({"p": column, "id": [1, 2]}))
    before = head(cat)
    with pytest.raises(InvalidInput) as caught:
        snap(cat, "t", source)
    assert caught.value.kind == "partition-column-mismatch"
    assert str(path) in caught.value.message
    assert head(cat) == before


def test_partitions_are_listed_in_the_order_of_their_values(cat: Catalog, source: Path) -> None:
    for value in (10, 9, -1, 100):
        write(source / f"p={value}/a.parquet", {"id": [1]})
    write(source / "p=__HIVE_DEFAULT_PARTITION__/a.parquet", {"id": [1]})
    snap(cat, "t", source)
    assert [p.values["p"] for p in cat.partitions("t")] == [None, "-1", "9", "10", "100"]


REWRITTEN = [("1", "01"), ("1", "+1"), ("1", " 1"), ("1", "1_0"), ("0", "-0"), ("1", "\u0661")]
REWRITTEN += [("2024-01-31", text) for text in ("20240131", "2024-W05-3", "2024-01-31 ")]


@pytest.mark.invariant("A text in a path keeps its meaning: 01 never becomes 1 by itself")
@pytest.mark.parametrize(("first", "later"), REWRITTEN)
def test_an_inferred_type_takes_no_text_but_those_it_is_inferred_from(
    cat: Catalog, source: Path, first: str, later: str
) -> None:
    write(source / "old" / f"p={first}/a.parquet", {"id": [1]})
    write(source / "new" / f"p={later}/a.parquet", {"id": [2]})
    snap(cat, "t", source / "old")
    before = head(cat)
    for scope in ("partitions", "append"):
        with pytest.raises(InvalidInput) as caught:
            snap(cat, "t", source / "new", scope=scope)
        assert (caught.value.kind, head(cat)) == ("partition-value", before)
        assert "partition_by=" in caught.value.hint
    write(source / "new" / f"p={first}/a.parquet", {"id": [1]})
    snap(cat, "t", source / "new")
    assert rows(cat, "SELECT id, p FROM t ORDER BY id") == [(1, first), (2, later)]


def test_a_declared_type_goes_on_taking_every_text_of_its_values(
    cat: Catalog, source: Path
) -> None:
    write(source / "p=01/a.parquet", {"id": [1]})
    snap(cat, "t", source, partition_by={"p": "BIGINT"})
    write(source / "p=02/a.parquet", {"id": [2]})
    snap(cat, "t", source)
    write(source / "p=+2/a.parquet", {"id": [3]})
    (source / "p=02/a.parquet").unlink()
    snap(cat, "t", source, scope="partitions")
    assert rows(cat, "SELECT id, p FROM t ORDER BY id") == [(1, 1), (3, 2)]
    assert kind(cat, "p") == "BIGINT"


def test_a_declaration_is_enough_to_take_another_text_as_the_value(
    cat: Catalog, source: Path
) -> None:
    write(source / "old/p=1/a.parquet", {"id": [1]})
    write(source / "new/p=01/a.parquet", {"id": [2]})
    snap(cat, "t", source / "old")
    with pytest.raises(InvalidInput, match="is BIGINT, not VARCHAR"):
        snap(cat, "t", source / "new", scope="partitions", partition_by={"p": "VARCHAR"})
    snap(cat, "t", source / "new", scope="partitions", partition_by={"p": "BIGINT"})
    assert rows(cat, "SELECT id, p FROM t") == [(2, 1)]
