"""What judging by contracts reads: what the diff reads, and little beside."""

import pyarrow as pa
import pytest

from catalog import Catalog
from catalog.diff.compare.table_reader import TableReader
from catalog.diff.view import End
from catalog.engine.relation import INLINE_FILES
from catalog.model.judgement import Violation
from catalog.operations.contracts.judge import Known, judge_contracts
from tests.flow.contract_lake import contracts_of

PARTS = INLINE_FILES + 4


@pytest.fixture(scope="module")
def cat(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    parts = range(PARTS)
    rows = {"id": parts, "part": parts, "x": [n / 4 for n in parts], "n": parts}
    cat = Catalog.create(tmp_path_factory.mktemp("cost") / "lake", author="tester")
    with cat.transaction("main", message="made") as tx:
        tx.write("t", pa.table(rows), mode="append", key=["id"], partition_by=["part"])
        tx.write("u", pa.table(rows), mode="append", key=["id", "part"], partition_by=["part"])
        tx.write("v", pa.table(rows), mode="append", key=["id"])
    with cat.transaction("main", message="changed") as tx:
        tx.sql("UPDATE t SET x = 0.5 WHERE id = 0")
        tx.sql(f"INSERT INTO t VALUES ({PARTS - 1}, 1, 2, 3)")
        tx.sql("INSERT INTO u VALUES (99, 1, 2, 3)")
        tx.sql("INSERT INTO v VALUES (99, 1, 2, 3)")
    return cat


def judged(cat: Catalog, rules: str, known: Known | None = None) -> list[Violation]:
    ends = [End(ref, cat.context.resolve(ref).commit_id) for ref in ("main~1", "main")]
    contracts = contracts_of(f"[contract.c]\n{rules}")
    return judge_contracts(cat.context, contracts, ends[0], ends[1], known=known)


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[TableReader]:
    readers: list[TableReader] = []
    note = TableReader._note
    monkeypatch.setattr(
        TableReader, "_note", lambda self, files: (readers.append(self), note(self, files))[1]
    )
    return readers


def paths(readers: list[TableReader]) -> set[str]:
    return {path for reader in readers for path in reader.opened}


LIMITS = """
partitions = ["part=0..1"]
columns = ["x"]
inserted = 1
deleted = 0
updated = 1
moved = 0
column.x = {nulls = "may-fall", filled = 0, corrected = "100%", min = -100, max = 100, sum = 100}
column.n = {nulls = "unchanged", sum = 100}
"""


@pytest.mark.invariant("A contract reads what the diff reads, and nothing beside")
def test_limits_read_the_files_of_the_diff(cat: Catalog, opened: list[TableReader]) -> None:
    assert judged(cat, f"[contract.c.table.t]{LIMITS}") == []
    assert len(paths(opened)) == 3  # part 0 before and after; the new file of part 1


def test_without_limits_no_file_is_opened(cat: Catalog, opened: list[TableReader]) -> None:
    assert judged(cat, 'tables = ["t", "u", "v"]\nmay_drop = ["*"]') == []
    assert not opened


def test_a_share_of_a_sum_reads_the_column_of_all_files(cat: Catalog) -> None:
    total = sum(n / 4 for n in range(PARTS))
    assert judged(cat, f'table.t.column.x.sum = "{250 / total + 0.1:.9f}%"') == []
    (found,) = judged(cat, f'table.t.column.x.sum = "{250 / total - 0.1:.9f}%"')
    assert f"from {total:.12g} to {total + 2.5:.12g}" in found.message


def test_keys_are_looked_for_where_they_may_be(cat: Catalog, opened: list[TableReader]) -> None:
    (found,) = judged(cat, "table.t.unique_key = true")
    assert (found.count, found.examples[0].key) == (2, {"id": str(PARTS - 1)})
    assert len(paths(opened)) == 4  # those of the diff, and the one that holds the key
    opened.clear()
    assert judged(cat, "table.u.unique_key = true") == []
    assert len(paths(opened)) <= 3
    opened.clear()
    assert judged(cat, "table.v.unique_key = true") == []
    assert len(paths(opened)) == 1  # bounds rule the other file out


def test_what_is_known_is_not_judged_again(cat: Catalog, opened: list[TableReader]) -> None:
    known: Known = {}
    first = judged(cat, "table.t.updated = 0\ntable.u.inserted = 0", known)
    assert [one.table for one in first] == ["t", "u"]
    opened.clear()
    assert judged(cat, "table.t.updated = 0\ntable.u.inserted = 0", known) == first
    assert not opened
    assert len(judged(cat, "table.t.updated = 0\ntable.u.inserted = 1", known)) == 1
    assert opened
