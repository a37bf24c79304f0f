"""Columns of any name, also those that the catalog or the engine use inside."""

import uuid
from typing import Any

import pyarrow as pa
import pytest

from catalog.catalog import Catalog
from catalog.errors import InvalidInput, Unsupported

from .writing import check_totals, multiset, plain, put

ODD = [
    'quo"te', "apo's", "ünï☃", "sl/ash", "back\\slash", "new\nline", " ", " x ", "%41", "a.b",
    "a=b", "select", "place", "file", "gone", "source", "s0", "c1", "f", "h", "q0", "rowid",
    "qfile", "id", "file_row_number", "filename", "file_index", "hive_partitioning", "NULL",
    "x" * 300,
]  # fmt: skip


def frame(rows: range, value: int, *, engine: bool) -> pa.Table:
    columns: dict[str, Any] = {
        name: [value + n if n else row for row in rows] for n, name in enumerate(ODD)
    }
    if engine:
        columns["of the engine"] = pa.ExtensionArray.from_storage(
            pa.uuid(), pa.array([uuid.UUID(int=row).bytes for row in rows], pa.binary(16))
        )
    return pa.table(columns)


@pytest.mark.parametrize("engine", [False, True], ids=["arrow", "engine"])
def test_odd_names_go_through_every_mode(cat: Catalog, engine: bool) -> None:
    put(cat, "t", frame(range(5), 100, engine=engine), key=[ODD[0]])
    put(cat, "t", frame(range(3, 8), 200, engine=engine), "upsert")
    put(cat, "t", frame(range(8, 9), 300, engine=engine))
    expected = [
        *frame(range(3), 100, engine=engine).to_pylist(),
        *frame(range(3, 8), 200, engine=engine).to_pylist(),
        *frame(range(8, 9), 300, engine=engine).to_pylist(),
    ]
    found = plain(cat, "t")
    if engine:
        for row in (*expected, *found):
            row["of the engine"] = str(row["of the engine"])
    assert multiset(found) == multiset(expected)
    check_totals(cat, "t")


@pytest.mark.parametrize("name", [name for name in ODD if len(name) < 200])
def test_odd_names_may_be_partition_columns(cat: Catalog, name: str) -> None:
    data = pa.table({name: ["a", None, "b"], "k": [1, 2, 3]})
    put(cat, "t", data, key=["k"], partition_by=[name])
    assert multiset(plain(cat, "t")) == multiset(data.to_pylist())
    put(cat, "t", pa.table({name: ["b"], "k": [1]}), "upsert")
    quoted = name.replace('"', '""')
    assert cat.sql(f"SELECT k FROM t WHERE \"{quoted}\" = 'b' ORDER BY k").fetchall() == [
        (1,),
        (3,),
    ]
    check_totals(cat, "t")


def test_a_partition_columns_name_may_be_too_long(cat: Catalog) -> None:
    with pytest.raises(InvalidInput, match="too long"):
        put(cat, "t", pa.table({"x" * 300: [1], "k": [1]}), partition_by=["x" * 300])
    assert cat.tables() == []


def test_columns_that_differ_in_case_stay_apart(cat: Catalog) -> None:
    put(cat, "t", pa.table({"a": [1, 2], "A": [10, 20], "k": [1, 2]}), key=["k"])
    put(cat, "t", pa.table({"a": [3], "A": [30], "k": [2]}), "upsert")
    assert plain(cat, "t") == [{"a": 1, "A": 10, "k": 1}, {"a": 3, "A": 30, "k": 2}]


def test_columns_that_differ_in_case_and_need_the_engine_are_refused_or_kept(cat: Catalog) -> None:
    column = pa.ExtensionArray.from_storage(pa.json_(), pa.array(["{}"]))
    data = pa.table({"a": [1], "A": [10], "j": column})
    try:
        put(cat, "t", data)
    except Unsupported as error:
        assert "'A'" in error.message
        assert cat.tables() == []
    else:
        assert plain(cat, "t") == [{"a": 1, "A": 10, "j": "{}"}]


def test_a_column_in_another_spelling_is_refused(cat: Catalog) -> None:
    put(cat, "t", pa.table({"Amount": [1]}))
    with pytest.raises(InvalidInput) as caught:
        put(cat, "t", pa.table({"amount": [2]}))
    assert "'Amount'" in caught.value.message
    put(cat, "t", pa.table({"amount": [2]}), "overwrite")
    assert plain(cat, "t") == [{"amount": 2}]


def test_a_table_is_found_in_any_spelling_and_keeps_its_own(cat: Catalog) -> None:
    put(cat, "Sales.Orders", pa.table({"a": [1]}))
    report = put(cat, "sales.orders", pa.table({"a": [2]}))
    assert report.table == "Sales.Orders"
    assert [table.name for table in cat.tables()] == ["Sales.Orders"]
    check_totals(cat, "Sales.Orders")


@pytest.mark.parametrize("name", ["", "\0", "a\0b"])
def test_fields_that_sql_cannot_name_are_refused(cat: Catalog, name: str) -> None:
    inner = pa.struct([("x", pa.int32()), (name, pa.int32())])
    for kind in (inner, pa.list_(inner), pa.map_(pa.string(), inner)):
        with pytest.raises(InvalidInput, match="column 's' has a field") as caught:
            put(cat, "t", pa.table({"s": pa.nulls(2, kind)}))
        assert caught.value.hint
    assert not cat.tables()
