"""What a commit says about where its tables come from: as written, as read, and by strangers."""

import json
from typing import Any

import pytest

from catalog.errors import CorruptData
from catalog.model import lineage
from catalog.model.ids import canonical_json
from catalog.model.lineage import (
    ColumnInput,
    ColumnLineage,
    Influence,
    Input,
    LineageEntry,
    OutputColumn,
    StoredLineage,
    combined,
    made_again,
)
from catalog.model.lineage_reading import lineage_entry

A, B, C = "a" * 64, "b" * 64, "c" * 64
ORDERS, STAGED = Input("orders", A, B), Input("sales.items")
COLUMNS = ColumnLineage(
    (
        OutputColumn("total", (ColumnInput(0, "amount", (Influence.AGGREGATION,)),)),
        OutputColumn("any", (), approximate=True),
    ),
    (ColumnInput(1, "day", (Influence.FILTER, Influence.JOIN)),),
    ((0, "amount"), (1, "day")),
)


def read_back(entry: LineageEntry) -> LineageEntry:
    stored = entry.stored()
    plain, detail = (json.loads(canonical_json(part)) for part in (stored.entry, stored.detail))
    return lineage_entry(plain, detail)


def test_an_entry_comes_back() -> None:
    entry = LineageEntry(
        "sql",
        (ORDERS, STAGED),
        (C,),
        facts={"kind": "create", "rows": 3},
        code={"commit": "1" * 40, "file": "etl/daily.py"},
        engine="duckdb 2.0.1",
        statement="SELECT " + "1 + " * 100 + "1",
        columns=COLUMNS,
    )
    assert read_back(entry) == entry
    assert read_back(LineageEntry("drop")) == LineageEntry("drop")


def test_what_is_short_is_in_the_commit_and_what_is_long_is_not() -> None:
    short = LineageEntry("sql", (ORDERS,), statement="x" * 200).stored()
    assert (short.entry["statement"], short.detail) == ("x" * 200, None)
    long = LineageEntry("sql", (ORDERS,), statement="é" * 101, columns=COLUMNS).stored()
    assert "statement" not in long.entry
    assert set(long.detail or ()) == {"version", "statement", "columns"}


def test_a_statement_of_data_is_cut() -> None:
    text = "INSERT INTO t VALUES " + "(1)," * 100_000
    found = read_back(LineageEntry("sql", statement=text))
    assert found.statement is None
    assert found.facts == {"statement_begins": text[:200], "statement_bytes": len(text)}


def test_several_steps_are_one_entry_with_all_inputs() -> None:
    steps = [
        LineageEntry("sql", (ORDERS, STAGED), engine="duckdb 2", statement="a", columns=COLUMNS),
        LineageEntry("write", (ORDERS,), facts={"mode": "append"}),
    ]
    assert combined(steps[:1]) is steps[0]
    found = read_back(combined(steps))
    assert (found.operation, found.inputs, found.engine) == (
        "several",
        (ORDERS, STAGED),
        "duckdb 2",
    )
    assert [step.statement for step in found.steps] == ["a", None]
    assert found.steps[0].columns == COLUMNS


def test_thousands_of_steps_are_counted_and_bounded() -> None:
    steps = [LineageEntry("sql", (ORDERS,), statement=f"{n} {'x' * 9000}") for n in range(2000)]
    stored = combined(steps).stored()
    assert len(canonical_json(stored.detail)) < 2 << 20
    found = lineage_entry(stored.entry, stored.detail)
    assert 0 < len(found.steps) <= lineage.MOST_STEPS
    assert len(found.steps) + found.steps_left_out == 2000


def test_a_column_that_could_not_be_followed_depends_on_everything() -> None:
    total = {(i.input, i.column) for i in COLUMNS.inputs_of("TOTAL")}
    assert total == {(0, "amount"), (1, "day")}
    assert {(i.input, i.column) for i in COLUMNS.inputs_of("any")} == {(0, "amount"), (1, "day")}
    assert {(i.input, i.column) for i in COLUMNS.inputs_of("other")} == {(1, "day")}


def test_what_is_made_again_names_what_it_was_made_from() -> None:
    stored = LineageEntry("merge", (ORDERS,), (A,)).stored()
    for commit_id in (B, C, B):
        stored = made_again(stored, commit_id)
    assert lineage_entry(stored.entry).origins == (A, C, B)
    for n in range(300):
        stored = made_again(stored, f"{n:064x}")
    assert len(lineage_entry(stored.entry).origins) == lineage.MOST_ORIGINS
    free = made_again(StoredLineage({"operation": "sql", "inputs": [f"orders@{A}"]}), B)
    assert lineage_entry(free.entry).origins == (B,)


def test_the_free_form_of_older_releases_is_read() -> None:
    sql = {"operation": "sql", "statement": "s", "inputs": [f"orders@{A}"], "engine": "duckdb 2"}
    found = lineage_entry(sql)
    assert (found.inputs, found.statement, found.engine) == ((Input("orders", A),), "s", "duckdb 2")
    merge = lineage_entry({"operation": "merge", "how": "taken", "source": f"orders@{A}"})
    assert (merge.inputs, merge.origins) == ((Input("orders", A),), (A,))
    snapshot = lineage_entry({"operation": "snapshot", "source": f"orders@{A}", "mode": "copy"})
    assert (snapshot.inputs, snapshot.facts["source"]) == ((), f"orders@{A}")
    several = lineage_entry({"operation": "several", "steps": [sql, {"operation": "write"}]})
    assert (several.inputs, len(several.steps)) == ((Input("orders", A),), 2)


STRANGE: list[Any] = [
    None,
    [],
    "sql",
    {},
    {"operation": 1, "inputs": 7, "steps": {}, "engine": [], "statement": {}},
    {"inputs": ["orders", "@", f"@{A}", f"{'x.' * 9}y@{A}", None, 5, f"a\0b@{A}"]},
    {"steps": [None, 1, {"steps": []}]},
]


@pytest.mark.parametrize("stored", STRANGE)
def test_anything_in_the_free_form_is_read_as_far_as_it_goes(stored: Any) -> None:
    found = lineage_entry(stored)
    assert (found.operation, found.inputs) == ("unknown", ())


def test_steps_in_steps_in_steps_are_not_followed() -> None:
    stored: dict[str, Any] = {"operation": "sql"}
    for _ in range(5000):
        stored = {"operation": "several", "steps": [stored]}
    assert [step.steps for step in lineage_entry(stored).steps] == [()]


DAMAGED: list[Any] = [
    {"operation": 1},
    {"inputs": {}},
    {"inputs": ["orders"]},
    {"inputs": [{"table": "orders", "commit": "x", "snapshot": None}]},
    {"inputs": [{"table": "a b\0", "commit": None, "snapshot": None}]},
    {"inputs": [{"table": 5, "commit": None, "snapshot": None}]},
    {"from": ["x"]},
    {"code": {"a": 1}},
    {"engine": 1},
]


@pytest.mark.parametrize("changes", DAMAGED)
def test_a_damaged_entry_is_refused(changes: Any) -> None:
    with pytest.raises(CorruptData):
        lineage_entry({"version": 1, **changes})


DAMAGED_DETAILS: list[Any] = [
    {"columns": []},
    {"columns": {}},
    {"columns": {"outputs": [1]}},
    {"columns": {"outputs": [{"name": "a", "inputs": [[7, "x", []]]}]}},
    {"columns": {"outputs": [{"name": "a", "inputs": [[-1, "x", []]]}]}},
    {"columns": {"outputs": [{"name": "a", "inputs": [[0, "x", ["NONSENSE"]]]}]}},
    {"columns": {"outputs": [{"name": "a", "inputs": [[0, "x", [[]]]]}]}},
    {"columns": {"outputs": [], "everything": [[9, "x"]]}},
    {"columns": {"outputs": [], "rows": 5}},
    {"steps": 5},
    {"steps": [5]},
    {"steps": [{"operation": 5}]},
    {"steps_left_out": "many"},
]


@pytest.mark.parametrize("detail", DAMAGED_DETAILS)
def test_a_damaged_detail_is_refused(detail: Any) -> None:
    entry = LineageEntry("sql", (ORDERS,)).stored().entry
    with pytest.raises(CorruptData):
        lineage_entry(entry, detail)
