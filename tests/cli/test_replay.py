"""``rebase``, ``cherry-pick`` and ``revert``, as a user meets them."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Runner, write_parquet

from .test_merge import clash, commit_id, first_day, fix, listing, orders, take

__all__ = ["clash", "fix"]

TITLE = "work on fix"


def later_day(parquetry: Runner, tmp_path: Path, branch: str = "main") -> None:
    """Commits orders of a new day, and customers, in one commit."""
    write_parquet(
        tmp_path / "late/orders/day=2024-01-03/a.parquet",
        {"order_id": [7], "amount": [2.0], "note": ["g"]},
    )
    write_parquet(
        tmp_path / "late/customers/a.parquet", {"customer_id": [1, 2], "name": ["x", "y"]}
    )
    outcome = parquetry(
        *("snapshot", "orders=late/orders", "customers=late/customers", "--append"),
        *("--branch", branch, "-m", "a later day"),
    )
    assert outcome.code == 0, outcome.err


def test_a_rebase_tells_what_arrived_since(fix: Path, tmp_path: Path, parquetry: Runner) -> None:
    later_day(parquetry, tmp_path)
    before, base = commit_id(parquetry, "fix"), commit_id(parquetry)
    outcome = parquetry("rebase", "fix")
    now = commit_id(parquetry, "fix")
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.splitlines() == [
        f"1 commit moved onto main ({base[:8]})",
        f"  {now[:8]} {TITLE}",
        "  orders  6 rows: 2 updated",
        "on main since fix left it; may need the same reprocessing:",
        "  orders  day=2024-01-01, day=2024-01-03",
        f"fix is now {now[:8]}",
        f"to undo: parquetry reset fix --to {before[:8]}",
    ]
    rows = orders(parquetry, "fix")
    assert (rows[1], rows[7]) == ((11.0, "b"), (2.0, "g"))
    assert commit_id(parquetry, "fix~1") == base
    assert parquetry("merge", "fix").code == 0


def test_a_rebase_as_json(fix: Path, tmp_path: Path, parquetry: Runner) -> None:
    later_day(parquetry, tmp_path)
    before, base = commit_id(parquetry, "fix"), commit_id(parquetry, "main~2")
    found = json.loads(parquetry("rebase", "fix", "--json").out)
    now = commit_id(parquetry, "fix")
    assert found == {
        "format_version": 1,
        "operation": "rebase",
        "branch": "fix",
        "onto": "main",
        "base": base,
        "onto_commit": commit_id(parquetry),
        "before": before,
        "after": now,
        "dry_run": False,
        "commits": [{"commit": now, "message": TITLE}],
        "tables": [
            {
                "table": "orders",
                "rows": {
                    "from": 6,
                    "to": 6,
                    "inserted": 0,
                    "deleted": 0,
                    "updated": 2,
                    "moved": 0,
                },
            }
        ],
        "arrived": [
            {"table": "orders", "partitions": [{"day": "2024-01-01"}, {"day": "2024-01-03"}]}
        ],
        "conflicts": [],
    }


def test_a_rebase_that_is_tried_only_moves_nothing(fix: Path, parquetry: Runner) -> None:
    before = listing(fix)
    outcome = parquetry("rebase", "fix", "--dry-run")
    assert outcome.code == 0
    assert "1 commit would be moved onto main" in outcome.out
    assert outcome.out.splitlines()[-1] == "dry run: nothing was moved"
    assert listing(fix) == before


def test_a_branch_that_stands_there_stays(fix: Path, parquetry: Runner) -> None:
    parquetry("rebase", "fix")
    for words in ((), ("--dry-run",)):
        before = commit_id(parquetry, "fix")
        outcome = parquetry("rebase", "fix", *words)
        assert outcome.out == f"fix is already on main ({commit_id(parquetry)[:8]})\n"
        assert commit_id(parquetry, "fix") == before


def test_a_branch_without_commits_of_its_own_follows(fix: Path, parquetry: Runner) -> None:
    parquetry("branch", "create", "behind", "--at", "main~1")
    outcome = parquetry("rebase", "behind")
    assert outcome.out.startswith("0 commits moved onto main")
    assert commit_id(parquetry, "behind") == commit_id(parquetry)


def test_a_rebase_in_conflict_says_whose_side_is_which(clash: Path, parquetry: Runner) -> None:
    before = commit_id(parquetry, "fix")
    outcome = parquetry("rebase", "fix")
    assert (outcome.code, outcome.out) == (4, "")
    assert f'at commit {before[:8]} "{TITLE}": 2 conflicts in orders' in outcome.err
    assert "--resolve ours (what main has) or --resolve theirs (what fix did)" in outcome.err
    assert commit_id(parquetry, "fix") == before
    found = json.loads(parquetry("rebase", "fix", "--json").out)
    assert [one["ours"] for one in found["conflicts"]] == ["9.0", "13.0"]
    assert parquetry("rebase", "fix", "--resolve", "orders=ours").code == 0
    assert orders(parquetry, "fix")[1] == (9.0, "a")
    assert orders(parquetry, "fix")[2] == (12.5, "n")


def test_one_commit_is_made_on_another_branch(fix: Path, tmp_path: Path, parquetry: Runner) -> None:
    later_day(parquetry, tmp_path, "fix")
    outcome = parquetry("cherry-pick", "fix~1")
    now = commit_id(parquetry)
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.splitlines() == [
        "orders  merged    5 rows: 2 updated; 1 file added, 1 removed",
        f"main is now {now[:8]}: {TITLE}",
    ]
    rows = orders(parquetry)
    assert rows[1] == (11.0, "b")
    assert 7 not in rows
    shown = json.loads(parquetry("show", "--json").out)
    assert len(shown["parents"]) == 1
    assert shown["metadata"]["cherry-picked-from"] == commit_id(parquetry, "fix~1")
    again = parquetry("cherry-pick", "fix~1", "--json")
    assert json.loads(again.out)["commit"] is None
    assert parquetry("cherry-pick", "fix~1").out.endswith("\nnothing changed, no commit\n")


def test_a_cherry_pick_in_conflict_moves_nothing(clash: Path, parquetry: Runner) -> None:
    before = commit_id(parquetry)
    outcome = parquetry("cherry-pick", "fix")
    assert outcome.code == 4
    assert "order_id=1" in outcome.err
    found = json.loads(parquetry("cherry-pick", "fix", "--json").out)
    assert (found["operation"], found["refs"], found["branch"]) == ("cherry-pick", ["fix"], "main")
    assert len(found["conflicts"]) == 2
    assert commit_id(parquetry) == before
    assert parquetry("cherry-pick", "fix", "--resolve", "theirs").code == 0
    assert orders(parquetry)[1] == (11.0, "a")


@pytest.mark.invariant("A revert keeps later corrections")
def test_a_revert_keeps_what_was_corrected_later(
    lake: Path, tmp_path: Path, parquetry: Runner
) -> None:
    take(parquetry, tmp_path, "main", amount=[0.0, 0.0, 0.0, 0.0])
    take(parquetry, tmp_path, "main", amount=[0.0, 0.0, 0.0, 0.0], note=["z", None, "C", "f"])
    wrong = commit_id(parquetry, "main~1")
    outcome = parquetry("revert", "main~1")
    now = commit_id(parquetry)
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.splitlines() == [
        "orders  merged    5 rows: 4 updated; 1 file added, 1 removed",
        f'main is now {now[:8]}: revert "work on main" ({wrong[:8]})',
    ]
    assert orders(parquetry)[1] == (10.0, "z")
    assert orders(parquetry)[6] == (7.0, "f")


def test_cells_that_changed_again_are_in_conflict(
    lake: Path, tmp_path: Path, parquetry: Runner
) -> None:
    take(parquetry, tmp_path, "main", amount=[0.0, 0.0, 0.0, 0.0])
    take(parquetry, tmp_path, "main", amount=[5.0, 0.0, 0.0, 0.0])
    before = listing(lake)
    dry = parquetry("revert", "main~1", "--dry-run")
    assert dry.code == 4
    assert "the revert on main would end in 1 conflict" in dry.err
    assert listing(lake) == before
    outcome = parquetry("revert", "main~1")
    assert outcome.code == 4
    row = next(line for line in outcome.err.splitlines() if "order_id=1" in line)
    assert row.split()[3:] == ["amount", "0.0", "5.0", "10.0"]
    assert parquetry("revert", "main~1", "--resolve", "ours", "-m", "back").code == 0
    assert (orders(parquetry)[1][0], orders(parquetry)[2][0]) == (5.0, 12.5)


def test_several_commits_are_taken_back_in_one(
    lake: Path, tmp_path: Path, parquetry: Runner
) -> None:
    take(parquetry, tmp_path, "main", amount=[1.0, 1.0, 1.0, 1.0])
    take(parquetry, tmp_path, "main", amount=[2.0, 2.0, 2.0, 2.0])
    before, files = commit_id(parquetry), listing(lake)
    tried = parquetry("revert", "main~2..main", "--dry-run")
    assert (tried.code, tried.err) == (0, "")
    assert tried.out.splitlines() == [
        "orders  taken     5 rows: 4 updated; 1 file added, 1 removed",
        "dry run: nothing was written",
    ]
    assert listing(lake) == files
    assert parquetry("revert", "main~2..main", "-m", "both are wrong").code == 0
    assert commit_id(parquetry, "main~1") == before
    assert orders(parquetry)[1] == (10.0, "a")
    assert parquetry("diff", "main~3", "main", "--exit-code").code == 0


def test_of_several_commits_the_one_in_conflict_is_named(
    lake: Path, tmp_path: Path, parquetry: Runner
) -> None:
    take(parquetry, tmp_path, "main", amount=[1.0, 1.0, 1.0, 1.0])
    take(parquetry, tmp_path, "main", amount=[2.0, 1.0, 1.0, 1.0])
    take(parquetry, tmp_path, "main", amount=[2.0, 1.0, 1.0, 3.0])
    wrong, before = commit_id(parquetry, "main~2"), listing(lake)
    tried = parquetry("revert", "main~2", "main", "--dry-run")
    assert tried.code == 4
    assert f"the revert on main, at commit {wrong[:8]}, would end in" in tried.err
    assert listing(lake) == before


def test_one_table_of_several_needs_to_be_allowed(
    lake: Path, tmp_path: Path, parquetry: Runner
) -> None:
    later_day(parquetry, tmp_path)
    refused = parquetry("revert", "main", "-t", "customers")
    assert refused.code == 3
    assert "also changed orders" in refused.err
    assert "--allow-partial" in refused.err
    done = parquetry("revert", "main", "-t", "customers", "--allow-partial")
    assert [line.split()[0] for line in done.out.splitlines()] == ["customers", "main"]
    assert 7 in orders(parquetry)
    unknown = parquetry("revert", "main~1", "-t", "nothing")
    assert unknown.code == 3


def test_a_merge_is_taken_back_relative_to_a_parent(fix: Path, parquetry: Runner) -> None:
    parquetry("merge", "fix")
    assert parquetry("revert", "main", "--mainline", "3").code == 3
    assert parquetry("revert", "main").code == 0
    assert orders(parquetry)[1] == (10.0, "b")
    assert parquetry("revert", "main~1", "--mainline", "0").code == 2


@pytest.mark.invariant("A protected branch changes only by merge")
@pytest.mark.parametrize("words", [("cherry-pick", "fix"), ("revert", "main"), ("rebase", "fix")])
def test_a_protected_branch_refuses(fix: Path, parquetry: Runner, words: tuple[str, ...]) -> None:
    parquetry("branch", "protect", "main")
    parquetry("branch", "protect", "fix")
    before = listing(fix)
    refused = parquetry(*words)
    assert refused.code == 4
    assert "is protected: it changes only by merge" in refused.err
    assert "hint: " in refused.err
    assert listing(fix) == before


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("cherry-pick", "fxi"), 3, "did you mean fix?"),
        (("cherry-pick", "fix", "--branch", "mian"), 3, "did you mean main?"),
        (("revert", "fxi"), 3, "did you mean fix?"),
        (("revert",), 2, "REF"),
        (("revert", "main", "--resolve", "oders=ours"), 3, "there are: customers, orders"),
        (("rebase", "fxi"), 3, "did you mean fix?"),
        (("rebase", "fix", "--onto", "mian"), 3, "did you mean main?"),
        (("rebase", "fix", "--resolve", "mine"), 2, "cannot take 'mine' in a conflict"),
    ],
)
def test_what_makes_no_sense_is_said(
    fix: Path, parquetry: Runner, words: tuple[str, ...], code: int, said: str
) -> None:
    before = listing(fix)
    outcome = parquetry(*words)
    assert (outcome.code, outcome.out) == (code, "")
    assert said in outcome.err
    assert listing(fix) == before


@pytest.mark.invariant("A dry run leaves nothing in the store")
@pytest.mark.parametrize("words", [("cherry-pick", "fix"), ("revert", "main")])
def test_a_dry_run_leaves_nothing(fix: Path, parquetry: Runner, words: tuple[str, ...]) -> None:
    before = listing(fix)
    outcome = parquetry(*words, "--dry-run")
    assert outcome.code == 0
    assert outcome.out.splitlines()[-1] == "dry run: nothing was written"
    assert json.loads(parquetry(*words, "--dry-run", "--json").out)["dry_run"] is True
    assert listing(fix) == before


def test_a_commit_that_made_the_table_is_taken_back(
    lake: Path, tmp_path: Path, parquetry: Runner
) -> None:
    write_parquet(tmp_path / "new/a.parquet", first_day())
    assert parquetry("snapshot", "fresh=new", "-m", "fresh").code == 0
    assert parquetry("revert", "main").code == 0
    assert "fresh" not in parquetry("tables").out
