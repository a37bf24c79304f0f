"""Guards of snapshots: what they refuse leaves the catalog as it was."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from catalog.catalog import Catalog
from catalog.errors import GateRefused, InvalidInput
from catalog.operations.contracts.given import given_contracts
from catalog.operations.contracts.keeping import add_contracts
from catalog.write.snapshot.outcome import SnapshotReport

from .conftest import head, rows, write


def take(cat: Catalog, source: Path, guard: Any, **how: Any) -> SnapshotReport:
    with cat.transaction("main") as tx:
        return tx.snapshot("t", str(source), guard=guard, **how)


def told(cat: Catalog, source: Path, guard: Any, **how: Any) -> set[tuple[str, str]]:
    """Returns rule and column of what a guard does not allow; checks that a dry run agrees."""
    with cat.transaction("main", dry_run=True) as tx:
        report = tx.snapshot("t", str(source), guard=guard, **how)
        refusal = tx.refusal
    found = {(one.rule, one.column) for one in report.violations}
    assert (refusal is None) is (not found)
    before = state(cat)
    if found:
        with pytest.raises(GateRefused) as refused:
            take(cat, source, guard, **how)
        assert refused.value.judgement.violations == report.violations
        assert state(cat) == before
    return found


def state(cat: Catalog) -> set[str]:
    root = Path(cat.uri)
    return {f"{file}:{file.stat().st_size}" for file in root.rglob("*") if file.is_file()}


START = {"id": pa.array([1, 2, 3, 4], pa.int32()), "v": pa.array([1.0, 2.0, None, 4.0])}


@pytest.fixture
def first(cat: Catalog, source: Path) -> Path:
    write(source / "a.parquet", pa.table(START))
    assert take(cat, source, {"schema": "strict", "max_loss": 0}).rows == 4  # it is new
    return source


SCHEMA = "schema_changes"
CHANGES: dict[str, tuple[dict[str, Any], set[str], set[str]]] = {
    "nothing": ({}, set(), set()),
    "added": ({"w": pa.array([1] * 4)}, {"w"}, set()),
    "added, all NULL": ({"w": pa.array([None] * 4, pa.int8())}, {"w"}, set()),
    "widened": ({"id": pa.array([1, 2, 3, 4], pa.int64())}, {"id"}, set()),
    "to a double": ({"id": pa.array([1.0, 2, 3, 4])}, {"id"}, set()),
    "to NULL": ({"v": pa.array([None] * 4, pa.null())}, {"v"}, {"v"}),
    "narrowed": ({"id": pa.array([1, 2, 3, 4], pa.int16())}, {"id"}, {"id"}),
    "to another": ({"id": pa.array(["1", "2", "3", "4"])}, {"id"}, {"id"}),
    "to a float": ({"v": pa.array([1.0, 2, 3, 4], pa.float32())}, {"v"}, {"v"}),
}


def test_a_schema_may_change_as_far_as_its_guard_says(cat: Catalog, first: Path) -> None:
    for case, (columns, strict, widen) in CHANGES.items():
        write(first / "a.parquet", pa.table({**START, **columns}))
        for schema, expected in (("strict", strict), ("widen", widen), ("any", set())):
            with cat.transaction("main", dry_run=True) as tx:
                report = tx.snapshot("t", str(first), guard={"schema": schema})
            assert {one.column for one in report.violations} == expected, (case, schema)
            assert (tx.refusal is None) is (not expected)


def test_a_struct_may_get_fields_where_types_may_widen(cat: Catalog, source: Path) -> None:
    def structs(*names: str) -> pa.Table:
        return pa.table({"id": [1], "s": pa.array([dict.fromkeys(names, 1)])})

    write(source / "a.parquet", structs("a"))
    take(cat, source, None)
    write(source / "a.parquet", structs("a", "b"))
    assert told(cat, source, {"schema": "strict"}) == {(SCHEMA, "s")}
    assert take(cat, source, {"schema": "widen"}).violations == ()
    write(source / "a.parquet", structs("b"))
    assert told(cat, source, {"schema": "widen"}) == {(SCHEMA, "s")}


def test_a_column_that_goes_is_never_a_widening(cat: Catalog, first: Path) -> None:
    write(first / "a.parquet", pa.table({"id": START["id"], "v2": START["v"]}))
    assert told(cat, first, {"schema": "strict"}) == {(SCHEMA, "v"), (SCHEMA, "v2")}
    assert told(cat, first, {"schema": "widen"}) == {(SCHEMA, "v")}


def test_key_and_partitioning_are_part_of_a_schema(cat: Catalog, first: Path) -> None:
    for schema in ("strict", "widen"):
        assert told(cat, first, {"schema": schema}, key=["id"]) == {("may_change_keys", "")}
    write(first / "day=1" / "a.parquet", pa.table(START))
    (first / "a.parquet").unlink()
    found = {rule for rule, _ in told(cat, first, {"schema": "widen"})}
    assert found == {"may_change_partitioning"}
    assert take(cat, first, {"schema": "any"}, key=["id"]).key == ("id",)


def test_a_key_that_is_gone_is_what_a_guard_says_first(cat: Catalog, source: Path) -> None:
    write(source / "a.parquet", pa.table(START))
    take(cat, source, None, key=["id"])
    write(source / "a.parquet", pa.table({"v": START["v"]}))
    gone = {("may_change_keys", ""), (SCHEMA, "id")}
    assert told(cat, source, {"schema": "strict"}) == gone
    for guard in (None, {"max_loss": 0}, {"schema": "any"}):
        with pytest.raises(InvalidInput, match="no longer in the source"):
            take(cat, source, guard)
    assert told(cat, source, {"schema": "widen"}, key=[]) == gone
    assert take(cat, source, {"max_loss": 0}, key=[]).key == ()


LIMITS = (0, 1, 2, 4, "0%", "24.9%", "25%", "49.999%", "50 %", "any")


@pytest.mark.parametrize("left", [4, 3, 2, 0])
def test_rows_are_lost_as_far_as_a_guard_says(cat: Catalog, first: Path, left: int) -> None:
    write(first / "a.parquet", pa.table({n: c[:left] for n, c in START.items()}))
    for limit in LIMITS:
        most = Fraction(4)
        if limit != "any":
            number = Fraction(str(limit).removesuffix("%").strip())
            most = number * 4 / 100 if str(limit).endswith("%") else number
        with cat.transaction("main", dry_run=True) as tx:
            report = tx.snapshot("t", str(first), guard={"max_loss": limit})
        assert bool(report.violations) is (4 - left > most), (limit, left)


def test_rows_that_come_make_up_for_those_that_go(cat: Catalog, first: Path) -> None:
    write(first / "a.parquet", pa.table({n: c[:1] for n, c in START.items()}))
    write(first / "b.parquet", pa.table({n: c[:3] for n, c in START.items()}))
    assert told(cat, first, {"max_loss": 0}) == set()
    write(first / "b.parquet", pa.table({n: c[:2] for n, c in START.items()}))
    assert told(cat, first, {"max_loss": 0}) == {("table.t.max_loss", "")}


def test_a_source_that_is_gone_is_a_loss(cat: Catalog, first: Path) -> None:
    (first / "a.parquet").unlink()
    assert told(cat, first, {"max_loss": "99%"}, allow_empty=True) == {("table.t.max_loss", "")}
    assert told(cat, first, {"schema": "strict"}, allow_empty=True) == set()


def test_parts_of_a_table_are_guarded_as_the_whole(cat: Catalog, source: Path) -> None:
    for day in (1, 2):
        write(source / f"day={day}" / "a.parquet", pa.table({"n": range(10)}))
    take(cat, source, {"schema": "strict"})
    (source / "day=1" / "a.parquet").unlink()
    write(source / "day=2" / "a.parquet", pa.table({"n": range(8), "m": range(8)}))
    guard = {"schema": "strict", "max_loss": "5%"}
    both = {("table.t.max_loss", ""), (SCHEMA, "m")}
    assert told(cat, source, guard, scope="partitions") == both
    assert told(cat, source, guard, scope="append") == {(SCHEMA, "m")}
    assert told(cat, source, {"max_loss": "10%"}, scope="partitions") == set()  # 18 of 20
    assert told(cat, source, {"max_loss": "10%"}) == {("table.t.max_loss", "")}  # 8 of 20


@pytest.mark.invariant("A snapshot that its guard refuses leaves nothing behind, of no table")
def test_what_one_guard_refuses_is_committed_of_no_table(cat: Catalog, first: Path) -> None:
    other = first.parent / "other"
    write(other / "a.parquet", pa.table({"n": [1, 2]}))
    before, there = head(cat), state(cat)
    write(first / "a.parquet", pa.table({"id": [1]}))
    with pytest.raises(GateRefused) as refused, cat.transaction("main") as tx:
        assert tx.snapshot("other", str(other), guard={"schema": "strict"}).changed
        report = tx.snapshot("t", str(first), guard={"schema": "strict", "max_loss": "5%"})
    assert [one.contract for one in report.violations] == ["guard"] * 3
    assert (head(cat), tx.commit) == (before, None)
    left = state(cat) - there
    assert all("/cache/" in one for one in left), left  # what is known of the other's files
    assert "table t loses 3 of 4 rows (75.0 %)" in refused.value.message
    assert refused.value.hint.endswith("guard={'schema': 'any', 'max_loss': 'any'}")


def test_the_rules_of_a_branch_hold_beside_a_guard(cat: Catalog, first: Path) -> None:
    few = {"contract": {"few": {"table": {"t": {"max_loss": 1}}}}}
    add_contracts(cat.context, "main", given_contracts(few))
    cat.branches.protect("main", judge_direct=True)
    write(first / "a.parquet", pa.table({n: c[:2] for n, c in START.items()}))
    with pytest.raises(GateRefused) as refused:
        take(cat, first, {"max_loss": "60%"})
    assert [one.contract for one in refused.value.judgement.violations] == ["few"]
    with pytest.raises(GateRefused) as refused:
        take(cat, first, {"max_loss": 0})
    assert [one.contract for one in refused.value.judgement.violations] == ["guard"]
    assert rows(cat, "SELECT count(*) FROM t") == [(4,)]


def test_a_table_of_delta_is_guarded(cat: Catalog, source: Path) -> None:
    write_deltalake(str(source), pa.table({"id": [1, 2, 3]}))
    take(cat, source, {"schema": "strict"})
    new = pa.table({"id": [1], "w": [1]})
    write_deltalake(str(source), new, mode="overwrite", schema_mode="overwrite")
    found = told(cat, source, {"schema": "strict", "max_loss": "50%"})
    assert found == {(SCHEMA, "w"), ("table.t.max_loss", "")}
    assert told(cat, source, {"schema": "widen", "max_loss": "70%"}) == set()


def test_a_file_set_is_guarded_by_its_number_of_files(cat: Catalog, source: Path) -> None:
    for n in range(4):
        (source / f"{n}.txt").write_text(str(n))
    guard = {"schema": "strict", "max_loss": "25%"}
    take(cat, source, guard, format="files")
    (source / "0.txt").unlink()
    assert told(cat, source, guard, format="files") == set()
    (source / "1.txt").write_text("another")
    (source / "2.txt").unlink()
    assert told(cat, source, guard, format="files") == {("table.t.max_loss", "")}


@pytest.mark.parametrize(
    ("guard", "said"),
    [
        ("strict", "settings by name"),
        (3, "settings by name"),
        ({"schemas": "strict"}, "schemas"),
        ({"schema": "strct"}, "strict, widen or any"),
        ({"schema": None, "max_loss": 0.05}, "whole rows"),
        ({"max_loss": True}, "a share"),
        ({"max_loss": -1}, "a share"),
        ({"max_loss": "101%"}, "100%"),
        ({"max_loss": [5]}, "a share"),
        ({1: 2}, "1"),
    ],
)
def test_what_is_no_guard_is_refused_before_anything_is_read(
    cat: Catalog, source: Path, guard: Any, said: str
) -> None:
    with cat.transaction("main") as tx, pytest.raises(InvalidInput, match=said) as error:
        tx.snapshot("t", str(source / "missing"), guard=guard)
    assert error.value.hint
