"""Conflicts settled by SQL on the merge's branch, alike with and without a key."""

import datetime
import json
import uuid
from collections import Counter
from typing import Any

import pyarrow as pa
import pytest

import catalog
from catalog.catalog import Catalog
from catalog.write.rows.target_schema import WriteMode
from cli.hints import worded

from .conftest import Filled
from .merges import conflict, conflict_rows, put, values

BRANCH = "merge/work-into-main"


def change(cat: Catalog, branch: str, *statements: str) -> None:
    with cat.transaction(branch) as tx:
        for statement in statements:
            tx.sql(statement)


def rows(cat: Catalog, ref: str = "main") -> Counter[tuple[Any, ...]]:
    return Counter(cat.sql("SELECT * FROM t", ref=ref).fetchall())


def fill_two_tables(cat: Catalog) -> None:
    """Two tables in which two sides changed the same rows."""
    for table in "ab":
        put(cat, "main", {1: 1, 2: 2, 3: 3}, table=table)
    cat.branches.create("work")
    for table in "ab":
        put(cat, "main", {1: 10, 2: 2}, table=table)
        put(cat, "work", {1: 11, 2: 2, 3: 33}, table=table)


@pytest.fixture
def two_tables(filled_by: Filled) -> Catalog:
    return filled_by(fill_two_tables)


def test_the_side_that_a_merge_began_with_stays_when_another_table_is_settled(
    two_tables: Catalog,
) -> None:
    conflict(two_tables, "work", resolve={"a": "theirs"})
    assert values(two_tables, BRANCH, "a") == {1: 11, 2: 2, 3: 33}
    two_tables.continue_merge("work", resolve={"b": "ours"})
    assert values(two_tables, table="a") == {1: 11, 2: 2, 3: 33}
    assert values(two_tables, table="b") == {1: 10, 2: 2}


def test_what_is_reported_is_what_no_side_was_taken_for(two_tables: Catalog) -> None:
    conflict(two_tables, "work")
    with pytest.raises(catalog.MergeConflict) as left:
        two_tables.continue_merge("work", resolve={"A": "theirs"})
    assert set(left.value.conflicts["table_name"].to_pylist()) == {"b"}
    assert "resolve={'a': 'theirs', 'b': ours|theirs}" in left.value.hint
    assert "--continue --resolve a=theirs --resolve b=ours|theirs" in worded(left.value.advice)
    two_tables.continue_merge("work", resolve={"a": "theirs", "b": "ours"})
    assert values(two_tables, table="a") == {1: 11, 2: 2, 3: 33}
    assert values(two_tables, table="b") == {1: 10, 2: 2}


def fill_counted(cat: Catalog) -> None:
    """A table without a key: two sides deleted more copies of two rows than there were."""
    names = ["a", "b", "b", "c", "z"]
    put(cat, "main", [{"name": name, "n": 1} for name in names])
    cat.branches.create("work")
    change(cat, "main", "DELETE FROM t WHERE name = 'b'", "UPDATE t SET n = 2 WHERE name = 'a'")
    first = [{"name": n, "n": v} for n, v in (("a", 3), ("b", 1), ("c", 1), ("z", 1), ("w", 1))]
    put(cat, "work", first)


@pytest.fixture
def counted(filled_by: Filled) -> Catalog:
    return filled_by(fill_counted)


def test_a_conflict_says_which_side_deleted_the_row(cat: Catalog) -> None:
    put(cat, "main", {1: 1, 2: 2})
    cat.branches.create("work")
    change(cat, "main", "DELETE FROM t WHERE k = 1", "UPDATE t SET v = NULL WHERE k = 2")
    change(cat, "work", "DELETE FROM t WHERE k = 2", "UPDATE t SET v = NULL WHERE k = 1")
    here = conflict(cat, "work")
    assert conflict_rows(here) == {
        ("deleted-by-ours", '{"k":"1"}', "v"),
        ("deleted-by-theirs", '{"k":"2"}', "v"),
    }
    there = cat.merge("main", into="work", dry_run=True).conflicts
    assert dict(zip(there["key"].to_pylist(), there["kind"].to_pylist(), strict=True)) == {
        '{"k":"1"}': "deleted-by-theirs",
        '{"k":"2"}': "deleted-by-ours",
    }
    change(cat, here.branch, "INSERT INTO t VALUES (1, 5)", "DELETE FROM t WHERE k = 2")
    assert cat.conflicts("work").num_rows == 0
    cat.continue_merge("work")
    assert values(cat) == {1: 5}


def test_conflicts_of_kinds_that_are_no_longer_reported_are_listed_and_settled(
    cat: Catalog,
) -> None:
    put(cat, "main", {1: 1, 2: 2})
    cat.branches.create("work")
    change(cat, "main", "DELETE FROM t")
    change(cat, "work", "UPDATE t SET v = 9")
    branch = conflict(cat, "work").branch
    change(cat, branch, "UPDATE parquetry.conflicts SET kind = 'deleted-updated'")
    assert set(cat.conflicts("work")["kind"].to_pylist()) == {"deleted-updated"}
    change(cat, branch, "INSERT INTO t VALUES (1, 4)")
    assert cat.conflicts("work")["key"].to_pylist() == ['{"k":"2"}']
    change(cat, branch, "DELETE FROM parquetry.conflicts WHERE kind = 'deleted-updated'")
    cat.continue_merge("work")
    assert values(cat) == {1: 4}


def test_without_a_key_changing_the_copies_of_the_row_settles_it(counted: Catalog) -> None:
    error = conflict(counted, "work")
    told_rows = error.conflicts.to_pylist()
    assert {(r["kind"], r["key"], r["base"], r["ours"], r["theirs"]) for r in told_rows} == {
        ("below-zero", '{"name":"a","n":"1"}', "1", "0", "0"),
        ("below-zero", '{"name":"b","n":"1"}', "2", "0", "1"),
    }
    before = rows(counted, BRANCH)
    assert before == Counter({("a", 2): 1, ("a", 3): 1, ("c", 1): 1, ("z", 1): 1, ("w", 1): 1})
    change(counted, BRANCH, "INSERT INTO t VALUES ('b', 1)")
    assert counted.conflicts("work")["key"].to_pylist() == ['{"name":"a","n":"1"}']
    change(
        counted,
        BRANCH,
        "DELETE FROM t WHERE name = 'a' AND n = 2",
        "DELETE FROM parquetry.conflicts WHERE (key ->> 'name') = 'a'",
    )
    assert counted.conflicts("work").num_rows == 0
    put(counted, "main", [{"name": "late", "n": 7}], mode="append")
    counted.continue_merge("work")
    wanted = before - Counter({("a", 2): 1}) + Counter({("b", 1): 1, ("late", 7): 1})
    assert rows(counted) == wanted
    assert [info.name for info in counted.tables()] == ["t"]


def test_without_a_key_a_change_of_other_rows_settles_nothing(counted: Catalog) -> None:
    conflict(counted, "work")
    change(counted, BRANCH, "INSERT INTO t VALUES ('b', 2), ('x', 1)", "DELETE FROM t WHERE n = 2")
    assert counted.conflicts("work").num_rows == 2
    with pytest.raises(catalog.MergeConflict):
        counted.continue_merge("work")


@pytest.mark.parametrize("side", ["ours", "theirs"])
def test_without_a_key_what_was_changed_by_hand_is_not_counted_twice(
    counted: Catalog, side: Any
) -> None:
    conflict(counted, "work")
    change(counted, BRANCH, "INSERT INTO t VALUES ('b', 1)")
    by_hand = rows(counted, BRANCH)
    if side == "theirs":
        with pytest.raises(
            catalog.InvalidInput, match="how many copies of a row there are"
        ) as refused:
            counted.continue_merge("work", resolve=side)
        assert refused.value.kind == "settled-otherwise"
        assert counted.conflicts("work").num_rows == 1
        return
    counted.continue_merge("work", resolve=side)
    assert rows(counted) == by_hand


ODD: dict[str, tuple[pa.DataType, object]] = {
    "zero": (pa.float64(), -0.0),
    "nan": (pa.float32(), float("nan")),
    "moment": (pa.timestamp("us", tz="UTC"), datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC)),
    "nanos": (pa.timestamp("ns"), datetime.datetime(2024, 1, 1, 1)),
    "time": (pa.time64("us"), datetime.time(1, 2, 3)),
    "bytes": (pa.binary(), b"\0\xff"),
    "id": (pa.uuid(), uuid.UUID(int=5).bytes),
    "map": (pa.map_(pa.string(), pa.int32()), [("y", 2), ("x", 1)]),
    "struct": (pa.struct([("a", pa.float64()), ("b", pa.string())]), {"a": 1.5, "b": "x"}),
    "list": (pa.list_(pa.string()), ["x", None]),
    "text": (pa.string(), 'quote " and \\'),
    "none": (pa.null(), None),
    "wide": (pa.decimal128(38, 2), 5),
    'odd "name"': (pa.int8(), None),
}


@pytest.mark.parametrize("keyed", [False, True])
def test_rows_with_values_of_any_type_are_settled_by_changing_them(
    cat: Catalog, keyed: bool
) -> None:
    """Each type has a table of its own, ``t0`` and so on."""
    odd = {
        f"t{number}": (name, kind, value)
        for number, (name, (kind, value)) in enumerate(ODD.items())
        if not (keyed and pa.types.is_null(kind))
    }

    def write(branch: str, *values: int, mode: WriteMode = "overwrite") -> None:
        with cat.transaction(branch) as tx:
            for table, (name, kind, value) in odd.items():
                schema = pa.schema([(name, kind), ("v", pa.int64())])
                rows = [{name: value, "v": v} for v in values]
                data = pa.Table.from_pylist(rows, schema=schema)
                tx.write(table, data, mode=mode, key=[name] if keyed else None)

    write("main", 1)
    cat.branches.create("work")
    write("main", 2)
    write("work", 3)
    found = conflict(cat, "work").conflicts.to_pylist()
    assert {one["table_name"]: set(json.loads(one["key"])) for one in found} == {
        table: {name} if keyed else {name, "v"} for table, (name, _, _) in odd.items()
    }
    assert len(found) == len(odd)
    write(BRANCH, 9, mode="overwrite" if keyed else "append")
    assert cat.conflicts("work").num_rows == (0 if keyed else len(odd))
    if not keyed:
        write(BRANCH, 1, 9)
        assert cat.conflicts("work").num_rows == 0
    cat.continue_merge("work")
    with cat.connect() as session:
        left = {t: sorted(session.sql(f"SELECT v FROM {t}").fetchall()) for t in odd}
    assert left == dict.fromkeys(odd, [(9,)] if keyed else [(1,), (9,)])
