"""Random tables, random changes: the product's diff against the oracle's.

``--thorough`` tries many more pairs, other ones each time.
"""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st

from tests.diff.cases_check import ask, count_differences
from tests.diff.cases_pair import Pair, oracle_tables, write
from tests.diff.cases_random import described, pairs
from tests.diff.cases_rows import applied_differences, row_differences
from tests.effort import effort
from tests.oracle import Table, diff


@pytest.mark.invariant("A diff counts what an oracle in plain Python counts")
@settings(max_examples=effort(67, 3000))
@given(pairs(), st.sampled_from(["joined", "aligned", "by digest"]))
def test_any_diff_is_that_of_the_oracle(pair: Pair, way: str) -> None:
    note(described(pair))
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        if way == "aligned":
            patch.setattr("catalog.diff.compare.align_task.ALIGNED_ROWS", 0)
        if way == "by digest":
            for bound in ("FILE_BYTES", "ROW_BYTES"):
                patch.setattr(f"catalog.diff.fingerprints.row_rule.{bound}", 0)
        answer = ask(pair, Path(folder))
    assert count_differences(answer) == []
    assert row_differences(answer) == []
    if not pair.tolerance and pair.columns is None:
        assert applied_differences(answer) == []


@pytest.mark.invariant("Files that both sides share do not alter the result")
@settings(max_examples=effort(34, 2000))
@given(pairs())
def test_files_both_sides_have_alter_nothing(pair: Pair) -> None:
    note(described(pair))
    from_, to = tables_of(pair)
    whole = diff(from_, to, key=pair.key)
    part = diff(without_shared(from_), without_shared(to), key=pair.key)
    part.rows.from_, part.rows.to = whole.rows.from_, whole.rows.to
    assert (part.rows, part.columns, part.added) == (whole.rows, whole.columns, whole.added)
    assert (part.partitions, part.key_problems) == (whole.partitions, whole.key_problems)


@pytest.mark.oracle
@settings(max_examples=effort(50, 2000))
@given(pairs())
def test_the_way_back_is_the_mirror_image(pair: Pair) -> None:
    note(described(pair))
    from_, to = tables_of(pair)
    key = pair.key if pair.key is not None else to.key
    there, back = diff(from_, to, key=key).rows, diff(to, from_, key=key).rows
    assert (there.inserted, there.deleted) == (back.deleted, back.inserted)
    assert (there.updated, there.moved) == (back.updated, back.moved)


def tables_of(pair: Pair) -> tuple[Table, Table]:
    """Writes a pair for a moment and gives the oracle's view of it."""
    with tempfile.TemporaryDirectory() as folder:
        before = write(pair.before, Path(folder) / "before")
        after = write(pair.after, Path(folder) / "after")
        return oracle_tables(pair, before, after)


def without_shared(table: Table) -> Table:
    """Leaves out the rows of the files that both sides have."""
    return Table(table.columns, table.compared(), table.key, table.partition_by)
