"""The oracle of merges against results worked out by hand, and against Dolt's.

Dolt's rules for keyed tables are ours, with these differences:

- A row in conflict stays ours as a whole in Dolt. Here its other cells merge, and only the
  cells in conflict stay ours: rows of conflicted keys are therefore not compared.
- Dolt names conflicts by row. Here each cell is one.
- A primary key has neither NULL nor duplicates in Dolt, and SQLite turns NaN into NULL: such
  tables cannot be asked about. A change of the key is a deletion and an insertion in both.

The comparison needs a Python whose ``sqlite3`` is linked dynamically, and ``doltlite``, which has
no wheel for Macs with Intel processors.
"""

import importlib.util
import json
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.oracle.dolt import UNUSABLE
from tests.oracle.merge import MergeConflict, MergeOutcome, MergeRow, merge_tables, row_form

pytestmark = pytest.mark.oracle

NAN = float("nan")

Values = tuple[object, ...]


def merge(
    columns: str,
    base: Sequence[Values],
    ours: Sequence[Values],
    theirs: Sequence[Values],
    *,
    key: str = "",
    by: str = "",
) -> MergeOutcome:
    """Merges rows given as tuples; columns, key and partition columns are single letters."""
    sides = (
        [dict(zip(columns, row, strict=True)) for row in rows] for rows in (base, ours, theirs)
    )
    return merge_tables(*sides, key=tuple(key), columns=tuple(columns), partition=tuple(by))


def rows(outcome: MergeOutcome) -> list[Values]:
    return sorted((tuple(row.values()) for row in outcome.rows), key=repr)


def test_two_branches_that_overwrite_one_partition_change_different_cells() -> None:
    columns = ("order_id", "amt", "qty", "day")

    def partition(*rows: Values) -> list[MergeRow]:
        return [dict(zip(columns, (*row, "2024-01-01"), strict=True)) for row in rows]

    base = partition((1, 10.0, None), (2, 20.0, None), (3, 30.0, 3))
    ours = partition((1, 11.0, None), (2, 20.0, None), (3, 33.0, 3))  # corrects amt
    theirs = partition((1, 10.0, 1), (2, 20.0, 2), (3, 30.0, 3))  # fills qty
    outcome = merge_tables(
        base, ours, theirs, key=("order_id",), columns=columns, partition=("day",)
    )
    assert list(outcome.rows) == partition((1, 11.0, 1), (2, 20.0, 2), (3, 33.0, 3))
    assert outcome.conflicts == ()


def test_one_cell_with_two_values_is_one_conflict_and_stays_ours() -> None:
    outcome = merge("kab", [(1, 5, 5)], [(1, 6, 5)], [(1, 7, 8)], key="k")
    assert rows(outcome) == [(1, 6, 8)]
    assert outcome.conflicts == (MergeConflict("cell", (1,), "a", 5, 6, 7),)


def test_one_cell_with_one_new_value_is_no_conflict() -> None:
    outcome = merge("kab", [(1, 5, 5)], [(1, 6, 5)], [(1, 6, 8)], key="k")
    assert (rows(outcome), outcome.conflicts) == ([(1, 6, 8)], ())


def test_null_is_a_value_that_a_cell_can_be_cleared_to() -> None:
    cleared = merge("kab", [(1, 5, 5)], [(1, None, 5)], [(1, 5, None)], key="k")
    assert (rows(cleared), cleared.conflicts) == ([(1, None, None)], ())
    filled = merge("ka", [(1, None)], [(1, 5)], [(1, 6)], key="k")
    assert filled.conflicts == (MergeConflict("cell", (1,), "a", None, 5, 6),)


@pytest.mark.parametrize(("one", "same"), [(NAN, float("-nan")), (0.0, -0.0), ([NAN], [NAN])])
def test_equal_values_are_no_change(one: object, same: object) -> None:
    outcome = merge("ka", [(1, one)], [(1, same)], [(1, 5.0)], key="k")
    assert (rows(outcome), outcome.conflicts) == ([(1, 5.0)], ())
    both = merge("ka", [(1, 5.0)], [(1, one)], [(1, same)], key="k")
    assert both.conflicts == ()
    assert both.multiset == Counter([row_form({"k": 1, "a": one}, ("k", "a"))])


def test_rows_of_one_side_only_come_and_go() -> None:
    outcome = merge(
        "ka", [(1, 1), (2, 2), (3, 3)], [(2, 2), (3, 3), (4, 4)], [(1, 1), (2, 2), (5, 5)], key="k"
    )
    assert (rows(outcome), outcome.conflicts) == ([(2, 2), (4, 4), (5, 5)], ())


def test_a_row_that_both_deleted_is_gone() -> None:
    outcome = merge("ka", [(1, 1)], [], [], key="k")
    assert (outcome.rows, outcome.conflicts) == ((), ())


def test_deleted_against_updated_is_a_conflict_that_stays_ours() -> None:
    old, new = {"k": 1, "a": 1}, {"k": 1, "a": 2}
    gone = merge("ka", [(1, 1)], [], [(1, 2)], key="k")
    assert gone.rows == ()
    assert gone.conflicts == (MergeConflict("deleted-by-ours", (1,), None, (old,), (), (new,)),)
    kept = merge("ka", [(1, 1)], [(1, 2)], [], key="k")
    assert rows(kept) == [(1, 2)]
    assert kept.conflicts == (MergeConflict("deleted-by-theirs", (1,), None, (old,), (new,), ()),)


def test_one_row_that_both_inserted_is_one_row() -> None:
    outcome = merge("ka", [], [(1, 1)], [(1, 1)], key="k")
    assert (rows(outcome), outcome.conflicts) == ([(1, 1)], ())


def test_unlike_rows_inserted_under_one_key_are_a_conflict_per_cell() -> None:
    outcome = merge("kabc", [], [(1, 1, 2, 3)], [(1, 1, 5, None)], key="k")
    assert rows(outcome) == [(1, 1, 2, 3)]
    assert outcome.conflicts == (
        MergeConflict("inserted-both", (1,), "b", None, 2, 5),
        MergeConflict("inserted-both", (1,), "c", None, 3, None),
    )


def test_a_moved_row_is_a_changed_cell() -> None:
    outcome = merge("kap", [(1, 1, "x")], [(1, 1, "y")], [(1, 2, "x")], key="k", by="p")
    assert (rows(outcome), outcome.conflicts) == ([(1, 2, "y")], ())
    both = merge("kap", [(1, 1, "x")], [(1, 1, "y")], [(1, 1, "z")], key="k", by="p")
    assert both.conflicts == (MergeConflict("cell", (1,), "p", "x", "y", "z"),)
    gone = merge("kap", [(1, 1, "x")], [(1, 1, "y")], [], key="k", by="p")
    assert [c.kind for c in gone.conflicts] == ["deleted-by-theirs"]


def test_keys_of_several_columns_match_null_with_null() -> None:
    base: list[Values] = [(1, None, 5, 5), (None, 1, 5, 5)]
    outcome = merge("kjab", base, [(1, None, 6, 5), base[1]], [(1, None, 5, 7), base[1]], key="kj")
    assert (rows(outcome), outcome.conflicts) == ([(1, None, 6, 7), (None, 1, 5, 5)], ())


def test_duplicates_that_one_side_touched_are_taken() -> None:
    outcome = merge("ka", [(1, 1), (1, 2)], [(1, 1), (1, 2)], [(1, 3)], key="k")
    assert (rows(outcome), outcome.conflicts) == ([(1, 3)], ())
    same = merge("ka", [(1, 1)], [(1, 2), (1, 2)], [(1, 2), (1, 2)], key="k")
    assert (rows(same), same.conflicts) == ([(1, 2), (1, 2)], ())


@pytest.mark.parametrize(
    ("base", "ours", "theirs"),
    [
        ([(1, 1), (1, 2)], [(1, 1), (1, 3)], [(1, 4), (1, 2)]),
        ([(1, 1)], [(1, 1), (1, 2)], [(1, 3)]),
        ([(1, 1)], [(1, 1), (1, 2)], []),
        ([], [(1, 1)], [(1, 1), (1, 1)]),
        ([(1, 1), (1, 2)], [], [(1, 1)]),
    ],
)
def test_duplicates_that_both_touched_are_a_conflict_that_stays_ours(
    base: list[Values], ours: list[Values], theirs: list[Values]
) -> None:
    outcome = merge("ka", base, ours, theirs, key="k")
    assert rows(outcome) == ours
    (conflict,) = outcome.conflicts
    assert (conflict.kind, conflict.key, conflict.column) == ("duplicates", (1,), None)
    assert isinstance(conflict.theirs, tuple) and len(conflict.theirs) == len(theirs)


def test_without_a_key_both_deltas_are_added() -> None:
    outcome = merge("ab", [(1, 1)] * 3, [(1, 1)] * 2 + [(2, 2)], [(1, 1)] * 5 + [(2, 2), (3, 3)])
    assert rows(outcome) == [(1, 1)] * 4 + [(2, 2)] * 2 + [(3, 3)]
    assert outcome.conflicts == ()


def test_without_a_key_a_count_below_zero_is_a_conflict_that_stays_ours() -> None:
    outcome = merge("ab", [(1, 1)] * 3, [(1, 1)], [])
    assert rows(outcome) == [(1, 1)]
    assert outcome.conflicts == (MergeConflict("below-zero", (1, 1), None, 3, 1, 0),)


def test_without_a_key_a_partition_that_both_made_the_same_is_just_that() -> None:
    assert rows(merge("a", [], [(1,)], [(1,)])) == [(1,)]
    assert merge("a", [(1,)], [], []).conflicts == ()


def test_without_a_key_unlike_changes_of_a_partition_are_added_up() -> None:
    assert rows(merge("a", [], [(1,), (2,)], [(1,)])) == [(1,), (1,), (2,)]
    assert merge("a", [(1,), (2,)], [(2,)], []).conflicts == (
        MergeConflict("below-zero", (1,), None, 1, 0, 0),
    )


def random_case(seed: int) -> tuple[str, str, list[list[Values]]]:
    """Draws a base and two sides of one keyed table: key columns, columns, rows of each."""
    draw = random.Random(seed)
    key = draw.choice(("k", "kj"))
    columns = key + "abp"
    keys: list[Values] = [(k,) if key == "k" else (k, j) for k in range(3) for j in "xy"]
    keys = list(dict.fromkeys(keys))

    def cells() -> Values:
        return tuple(draw.choice((None, 0, 1, "1", 2.5)) for _ in "abp")

    base = {one: cells() for one in keys if draw.random() < 0.7}
    sides = []
    for _ in range(2):
        side = dict(base)
        for one in keys:
            match draw.randrange(6):
                case 0:
                    side.pop(one, None)
                case 1:
                    side[one] = cells()
                case 2 | 3 if one in side:
                    changed = list(side[one])
                    changed[draw.randrange(3)] = draw.choice((None, 3, "4"))
                    side[one] = tuple(changed)
        sides.append(side)
    return key, columns, [[(*k, *v) for k, v in side.items()] for side in (base, *sides)]


SEEDS = range(400)


def test_random_cases_reach_every_kind_of_conflict_and_none() -> None:
    found: Counter[str] = Counter()
    for seed in SEEDS:
        key, columns, sides = random_case(seed)
        kinds: set[str] = {c.kind for c in merge(columns, *sides, key=key).conflicts}
        found.update(kinds or {"none"})
    assert found.keys() == {
        *("cell", "inserted-both", "deleted-by-ours", "deleted-by-theirs", "none"),
    }
    assert min(found.values()) >= 20


@pytest.mark.invariant("A merge gives what an oracle in plain Python gives, from either side")
@pytest.mark.parametrize("seed", range(200))
def test_merging_with_the_sides_exchanged_finds_the_same_conflicts(seed: int) -> None:
    key, columns, (base, ours, theirs) = random_case(seed)
    one = merge(columns, base, ours, theirs, key=key)
    other = merge(columns, base, theirs, ours, key=key)
    sides = {
        "deleted-by-ours": "deleted-by-theirs",
        "deleted-by-theirs": "deleted-by-ours",
    }
    assert {(c.kind, c.key, c.column) for c in one.conflicts} == {
        (sides.get(c.kind, c.kind), c.key, c.column) for c in other.conflicts
    }
    if not one.conflicts:
        assert one.multiset == other.multiset


def test_keyed_merges_are_those_of_dolt() -> None:
    cases = [random_case(seed) for seed in SEEDS]
    answers = ask_dolt(cases)
    for seed, (key, columns, sides), answer in zip(SEEDS, cases, answers, strict=True):
        outcome = merge(columns, *sides, key=key)
        width = len(key)
        in_conflict = {tuple(one) for one in answer["conflicts"]}
        assert {c.key for c in outcome.conflicts} == in_conflict, f"seed {seed}"
        theirs = Counter(tuple(r) for r in answer["rows"] if tuple(r[:width]) not in in_conflict)
        ours = Counter(r for r in rows(outcome) if r[:width] not in in_conflict)
        assert ours == theirs, f"seed {seed}"


def ask_dolt(cases: list[tuple[str, str, list[list[Values]]]]) -> list[dict[str, list[Values]]]:
    """Merges cases in Dolt's SQLite, which needs a process of its own."""
    if importlib.util.find_spec("doltlite") is None:  # never imported here: see the program
        pytest.skip("doltlite is not installed: pip install doltlite")
    asked = [
        {"key": list(key), "columns": list(columns), "base": base, "ours": ours, "theirs": theirs}
        for key, columns, (base, ours, theirs) in cases
    ]
    program = Path(__file__).with_name("dolt.py")
    done = subprocess.run(
        [sys.executable, "-P", str(program)],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == UNUSABLE:
        pytest.skip("doltlite cannot take the place of the sqlite3 of this Python")
    assert done.returncode == 0, done.stderr
    answers: list[dict[str, list[Values]]] = json.loads(done.stdout)
    return answers
