"""``merge`` and ``conflicts``, as a user meets them."""

import csv
import io
import json
from pathlib import Path

import pyarrow as pa
import pytest

import catalog
from tests.cli.conftest import Outcome, Runner, write_parquet
from tests.report.page_reading import Page

MERGE_BRANCH = "merge/fix-into-main"
DAY = "orders/day=2024-01-01/a.parquet"


def first_day(**cells: list[object]) -> dict[str, list[object]]:
    """Returns the first day's orders as the last commit of main has them, some columns changed."""
    columns: dict[str, list[object]] = {
        "order_id": [1, 2, 3, 6],
        "amount": [10.0, 12.5, 12.5, 7.0],
        "note": ["a", None, "C", "f"],
    }
    return {**columns, **cells}


def take(parquetry: Runner, tmp_path: Path, branch: str, **cells: list[object]) -> None:
    """Commits the first day's orders to a branch, with some columns changed."""
    source = tmp_path / f"of-{branch.replace('/', '-')}"
    write_parquet(source / DAY, first_day(**cells))
    outcome = parquetry(
        *("snapshot", f"orders={source}/orders", "--partitions"),
        *("--branch", branch, "-m", f"work on {branch}"),
    )
    assert outcome.code == 0, outcome.err


@pytest.fixture
def fix(lake: Path, tmp_path: Path, parquetry: Runner) -> Path:
    """Makes a branch fix, on which amounts changed, while a note changed on main."""
    assert parquetry("branch", "create", "fix").code == 0
    take(parquetry, tmp_path, "fix", amount=[11.0, 12.5, 12.5, 8.0])
    take(parquetry, tmp_path, "main", note=["b", None, "C", "f"])
    return lake


@pytest.fixture
def clash(lake: Path, tmp_path: Path, parquetry: Runner) -> Path:
    """Makes a branch fix that changed two cells which main changed too, otherwise."""
    assert parquetry("branch", "create", "fix").code == 0
    take(parquetry, tmp_path, "fix", amount=[11.0, 12.5, None, 7.0], note=["a", "n", "C", "f"])
    take(parquetry, tmp_path, "main", amount=[9.0, 12.5, 13.0, 7.0])
    return lake


@pytest.fixture
def conflicted(clash: Path, parquetry: Runner) -> Path:
    assert parquetry("merge", "fix").code == 4
    return clash


def listing(lake: Path) -> list[str]:
    return sorted(str(p.relative_to(lake)) for p in lake.rglob("*") if p.is_file())


def commit_id(parquetry: Runner, ref: str = "main") -> str:
    found: str = json.loads(parquetry("show", ref, "--json").out)["commit"]
    return found


def orders(parquetry: Runner, ref: str = "main") -> dict[int, tuple[float | None, str | None]]:
    query = f'SELECT order_id, amount, note FROM orders@"{ref}" ORDER BY ALL'
    found = parquetry("sql", query, "--json")
    assert found.code == 0, found.err
    return {row["order_id"]: (row["amount"], row["note"]) for row in json.loads(found.out)["rows"]}


def branches(parquetry: Runner) -> list[str]:
    found = json.loads(parquetry("branch", "list", "--json").out)["branches"]
    return [one["branch"] for one in found]


def test_cells_that_two_branches_changed_come_together(fix: Path, parquetry: Runner) -> None:
    outcome = parquetry("merge", "fix", "-m", "fixed amounts")
    assert (outcome.code, outcome.err) == (0, "")
    now = commit_id(parquetry)
    assert outcome.out.splitlines() == [
        "orders  merged    5 rows: 2 updated; 1 file added, 1 removed",
        f"main is now {now[:8]}: fixed amounts",
    ]
    rows = orders(parquetry)
    assert rows[1] == (11.0, "b")
    assert rows[6] == (8.0, "f")
    parents = json.loads(parquetry("show", "--json").out)["parents"]
    assert parents == [commit_id(parquetry, "main~1"), commit_id(parquetry, "fix")]


def test_a_table_changed_on_one_side_only_is_taken(
    lake: Path, tmp_path: Path, parquetry: Runner
) -> None:
    parquetry("branch", "create", "fix")
    take(parquetry, tmp_path, "fix", amount=[1.0, 1.0, 1.0, 1.0])
    outcome = parquetry("merge", "fix")
    line = "orders  taken     5 rows: 4 updated; 1 file added, 1 removed"
    assert outcome.out.splitlines()[0] == line
    parents = json.loads(parquetry("show", "--json").out)["parents"]
    assert len(parents) == 2


def test_a_squashed_merge_has_one_parent(fix: Path, parquetry: Runner) -> None:
    assert parquetry("merge", "fix", "--squash").code == 0
    assert len(json.loads(parquetry("show", "--json").out)["parents"]) == 1


def test_a_merge_as_json(fix: Path, parquetry: Runner) -> None:
    found = json.loads(parquetry("merge", "fix", "--json").out)
    assert found == {
        "format_version": 1,
        "operation": "merge",
        "source": "fix",
        "branch": "main",
        "commit": commit_id(parquetry),
        "up_to_date": False,
        "dry_run": False,
        "tables": [
            {
                "table": "orders",
                "how": "merged",
                "files_added": 1,
                "files_removed": 1,
                "conflicts": 0,
                "rows": {
                    "from": 5,
                    "to": 5,
                    "inserted": 0,
                    "deleted": 0,
                    "updated": 2,
                    "moved": 0,
                },
            }
        ],
        "conflicts": [],
        "settled": None,
        "merge_branch": None,
        "gate": None,
    }


def test_what_is_merged_already_makes_no_commit(fix: Path, parquetry: Runner) -> None:
    parquetry("merge", "fix")
    before = commit_id(parquetry)
    outcome = parquetry("merge", "fix")
    assert outcome == Outcome(0, "main already has all of fix: nothing to merge\n", "")
    assert json.loads(parquetry("merge", "fix", "--json").out)["up_to_date"] is True
    assert commit_id(parquetry) == before


def test_a_dry_run_leaves_nothing(fix: Path, parquetry: Runner) -> None:
    before = listing(fix)
    outcome = parquetry("merge", "fix", "--dry-run")
    assert outcome.code == 0
    assert outcome.out.splitlines() == [
        "orders  merged    5 rows: 2 updated; 1 file added, 1 removed",
        "dry run: nothing was written",
    ]
    assert json.loads(parquetry("merge", "fix", "--dry-run", "--json").out)["commit"] is None
    assert listing(fix) == before


@pytest.mark.invariant("A dry run leaves nothing in the store")
def test_a_dry_run_in_conflict_ends_as_the_merge_would_and_leaves_nothing(
    clash: Path, parquetry: Runner
) -> None:
    before = listing(clash)
    outcome = parquetry("merge", "fix", "--dry-run")
    assert outcome.code == 4
    assert "dry run: merging fix into main would end in 2 conflicts" in outcome.err
    assert "order_id=1" in outcome.err
    asked = parquetry("merge", "fix", "--dry-run", "--json")
    found = json.loads(asked.out)
    assert (asked.code, found["dry_run"], found["merge_branch"]) == (4, True, None)
    assert len(found["conflicts"]) == 2
    assert listing(clash) == before


@pytest.mark.invariant(
    "A merge in conflict moves no branch, and what was settled is what gets published"
)
def test_a_conflict_moves_nothing_and_says_what_to_do(clash: Path, parquetry: Runner) -> None:
    before = commit_id(parquetry)
    outcome = parquetry("merge", "fix")
    assert (outcome.code, outcome.out) == (4, "")
    header, first, second, error, hint = outcome.err.splitlines()
    assert header.split() == ["table", "kind", "key", "column", "base", "ours", "theirs"]
    assert first.split() == ["orders", "cell", "order_id=1", "amount", "10.0", "9.0", "11.0"]
    assert second.split() == ["orders", "cell", "order_id=3", "amount", "12.5", "13.0", "NULL"]
    assert error.startswith("error: merging fix into main: 2 conflicts in orders")
    assert f"parquetry conflicts {MERGE_BRANCH}" in hint
    assert "parquetry merge fix --into main --continue" in hint
    assert commit_id(parquetry) == before
    assert MERGE_BRANCH in branches(parquetry)
    assert orders(parquetry, MERGE_BRANCH)[2] == (12.5, "n")


def test_a_conflict_as_json(clash: Path, parquetry: Runner) -> None:
    outcome = parquetry("merge", "fix", "--json")
    found = json.loads(outcome.out)
    assert outcome.code == 4
    assert outcome.err.startswith("error: ")
    assert (found["commit"], found["merge_branch"]) == (None, MERGE_BRANCH)
    assert found["tables"][0]["conflicts"] == 2
    assert found["conflicts"][1] == {
        "table": "orders",
        "kind": "cell",
        "key": {"order_id": "3"},
        "column": "amount",
        "base": "12.5",
        "ours": "13.0",
        "theirs": None,
    }


def test_only_the_first_conflicts_are_told_by_the_error(
    lake: Path, tmp_path: Path, parquetry: Runner
) -> None:
    for branch, value in (("main", 0), ("fix", 1), ("main", 2)):
        if branch == "fix":
            parquetry("branch", "create", "fix")
        write_parquet(tmp_path / f"n{value}/a.parquet", {"k": list(range(30)), "v": [value] * 30})
        words = ("snapshot", f"n=n{value}", "--key", "k", "--branch", branch, "-m", "n")
        assert parquetry(*words).code == 0
    lines = parquetry("merge", "fix").err.splitlines()
    assert len(lines) == 1 + 1 + 10 + 3
    assert lines[0] == "n.v: 30 cells, theirs \u2212 ours = \u22121"
    assert lines[12] == "(30 conflicts, the first 10)"
    listed = parquetry("conflicts").out.splitlines()
    assert len(listed) == 1 + 1 + 20 + 1
    assert listed[0] == lines[0]
    assert listed[-1] == "(30 conflicts, the first 20; --limit -1 lists all)"
    assert len(parquetry("conflicts", "--limit", "-1").out.splitlines()) == 32
    found = json.loads(parquetry("conflicts", "--json").out)
    assert (len(found["conflicts"]), found["patterns"][0]["difference"]) == (30, "-1")
    done = parquetry("merge", "--continue", "--resolve", "theirs")
    assert done.out.splitlines()[1] == "conflicts: 30 as theirs"
    assert json.loads(parquetry("conflicts", "--json", "--limit", "0").out)["conflicts"] == []


def test_conflicts_are_listed(conflicted: Path, parquetry: Runner) -> None:
    by_branch = parquetry("conflicts", MERGE_BRANCH)
    assert by_branch == parquetry("conflicts", "fix") == parquetry("conflicts", "--into", "main")
    assert by_branch == parquetry("conflicts")
    header, *rows = by_branch.out.splitlines()
    assert header.split() == ["table", "kind", "key", "column", "base", "ours", "theirs"]
    assert [row.split()[2] for row in rows] == ["order_id=1", "order_id=3"]
    found = json.loads(parquetry("conflicts", "--json").out)
    assert found["merges"] == [
        {"merge_branch": MERGE_BRANCH, "source": "fix", "branch": "main", "conflicts": 2}
    ]
    assert found["conflicts"][0] == {
        "merge_branch": MERGE_BRANCH,
        "table": "orders",
        "kind": "cell",
        "key": {"order_id": "1"},
        "column": "amount",
        "base": "10.0",
        "ours": "9.0",
        "theirs": "11.0",
    }
    lines = list(csv.DictReader(io.StringIO(parquetry("conflicts", "--format", "csv").out)))
    assert lines[1]["key"] == '{"order_id":"3"}'
    assert lines[1]["theirs"] == "NULL"


def test_conflicts_of_several_merges_name_their_branch(conflicted: Path, parquetry: Runner) -> None:
    parquetry("branch", "create", "staging", "--at", "main")
    assert parquetry("merge", "fix", "--into", "staging").code == 4
    header, *rows = parquetry("conflicts").out.splitlines()
    assert header.startswith("merge branch ")
    assert {row.split()[0] for row in rows} == {MERGE_BRANCH, "merge/fix-into-staging"}
    assert len(parquetry("conflicts", "--into", "staging").out.splitlines()) == 3
    several = parquetry("merge", "--continue")
    assert several.code == 2
    assert "merge/fix-into-staging" in several.err
    assert parquetry("merge", "fix", "--into", "staging", "--abort").code == 0
    assert "merge/fix-into-staging" not in branches(parquetry)


def test_nothing_in_conflict_is_no_error_unless_it_was_named(lake: Path, parquetry: Runner) -> None:
    assert parquetry("conflicts") == Outcome(0, "no merge is in conflict\n", "")
    assert json.loads(parquetry("conflicts", "--json").out) == {
        "format_version": 1,
        "merges": [],
        "patterns": [],
        "conflicts": [],
    }
    named = parquetry("conflicts", "fix")
    assert named.code == 3
    assert named.err.startswith("error: no merge of fix is in conflict\n")


def test_conflicts_are_a_relation_in_sql(conflicted: Path, parquetry: Runner) -> None:
    for call in ("conflicts()", "conflicts('fix')", f"conflicts('{MERGE_BRANCH}')"):
        query = f"SELECT branch, key, column_name, ours, theirs FROM {call} ORDER BY key"
        lines = parquetry("sql", query, "--format", "csv").out.splitlines()
        assert len(lines) == 3
        assert lines[1] == f'{MERGE_BRANCH},"{{""order_id"":""1""}}",amount,9.0,11.0'
    assert parquetry("sql", "FROM conflicts('nothing')").code == 3


@pytest.mark.invariant(
    "A merge in conflict moves no branch, and what was settled is what gets published"
)
def test_rows_changed_on_the_branch_are_settled(
    conflicted: Path, tmp_path: Path, parquetry: Runner
) -> None:
    early = parquetry("merge", "--continue")
    assert early.code == 4
    assert "order_id=1" in early.err
    note = ["a", "n", "C", "f"]
    take(parquetry, tmp_path, MERGE_BRANCH, amount=[10.5, 12.5, 13.0, 7.0], note=note)
    left = json.loads(parquetry("conflicts", "--json").out)["conflicts"]
    assert [one["key"] for one in left] == [{"order_id": "3"}]
    take(parquetry, tmp_path, MERGE_BRANCH, amount=[10.5, 12.5, 14.0, 7.0], note=note)
    ready = parquetry("conflicts")
    expected = f"everything is settled; to complete it: parquetry merge {MERGE_BRANCH} --continue\n"
    assert ready.out == expected
    done = parquetry("merge", "--continue", "-m", "amounts as Ana and Ben agreed")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines()[-1].startswith("main is now ")
    assert done.out.endswith(": amounts as Ana and Ben agreed\n")
    rows = orders(parquetry)
    assert (rows[1], rows[2], rows[3]) == ((10.5, "a"), (12.5, "n"), (14.0, "C"))
    assert MERGE_BRANCH not in branches(parquetry)
    assert "parquetry.conflicts" not in parquetry("tables").out
    parents = json.loads(parquetry("show", "--json").out)["parents"]
    assert parents[1] == commit_id(parquetry, "fix")


def test_a_conflict_deleted_from_python_is_settled(conflicted: Path, parquetry: Runner) -> None:
    cat = catalog.open(str(conflicted))
    left = cat.sql(
        f"""FROM parquetry.conflicts@"{MERGE_BRANCH}" WHERE key NOT LIKE '%"1"%'"""
    ).to_arrow_table()
    assert isinstance(left, pa.Table)
    with cat.transaction(MERGE_BRANCH, message="ours is right") as tx:
        tx.write("parquetry.conflicts", left, mode="overwrite")
    assert cat.conflicts().num_rows == 1
    with cat.transaction(MERGE_BRANCH, message="ours is right, too") as tx:
        tx.write("parquetry.conflicts", left.slice(0, 0), mode="overwrite")
    assert cat.conflicts().num_rows == 0
    assert parquetry("merge", "fix", "--continue").code == 0
    assert orders(parquetry)[1] == (9.0, "a")
    assert orders(parquetry)[2] == (12.5, "n")


@pytest.mark.parametrize(("side", "amount"), [("ours", 9.0), ("theirs", 11.0)])
@pytest.mark.parametrize("per_table", [False, True])
def test_a_side_can_be_taken_at_once(
    clash: Path, parquetry: Runner, side: str, amount: float, per_table: bool
) -> None:
    outcome = parquetry("merge", "fix", "--resolve", f"orders={side}" if per_table else side)
    assert (outcome.code, outcome.err) == (0, "")
    assert orders(parquetry)[1] == (amount, "a")
    assert orders(parquetry)[2] == (12.5, "n")


@pytest.mark.parametrize(("side", "amount"), [("ours", 9.0), ("theirs", 11.0)])
def test_a_side_can_be_taken_for_the_rest(
    conflicted: Path, tmp_path: Path, parquetry: Runner, side: str, amount: float
) -> None:
    note = ["a", "n", "C", "f"]
    take(parquetry, tmp_path, MERGE_BRANCH, amount=[9.0, 12.5, 14.0, 7.0], note=note)
    outcome = parquetry("merge", "--continue", "--resolve", side, "--json")
    assert (outcome.code, outcome.err) == (0, "")
    assert json.loads(outcome.out)["commit"] == commit_id(parquetry)
    rows = orders(parquetry)
    assert (rows[1][0], rows[3][0]) == (amount, 14.0)


def test_a_branch_that_clashes_anew_while_conflicts_were_settled(
    conflicted: Path, tmp_path: Path, parquetry: Runner
) -> None:
    note = ["a", "n", "C", "f"]
    take(parquetry, tmp_path, MERGE_BRANCH, amount=[10.5, 12.5, 14.0, 7.0], note=note)
    take(parquetry, tmp_path, "main", amount=[9.5, 12.5, 13.0, 7.0])
    outcome = parquetry("merge", "--continue")
    assert outcome.code == 4
    assert "main has moved since, and now conflicts again" in outcome.err
    assert "9.5" in outcome.err
    assert parquetry("merge", "--continue", "--resolve", "theirs").code == 0
    assert orders(parquetry)[1] == (10.5, "a")


def test_an_aborted_merge_leaves_its_branch_in_the_reflog_only(
    conflicted: Path, parquetry: Runner
) -> None:
    before = commit_id(parquetry)
    held = commit_id(parquetry, MERGE_BRANCH)
    outcome = parquetry("merge", "--abort")
    assert outcome.code == 0
    assert outcome.out.splitlines() == [
        "dropped the merge of fix into main; main was not moved",
        f"to restore it: parquetry branch create {MERGE_BRANCH} --at {held[:8]}",
    ]
    assert MERGE_BRANCH not in branches(parquetry)
    assert commit_id(parquetry) == before
    parquetry(*outcome.out.splitlines()[1].partition("parquetry ")[2].split())
    assert len(json.loads(parquetry("conflicts", "--json").out)["conflicts"]) == 2
    assert json.loads(parquetry("merge", "fix", "--abort", "--json").out) == {
        "format_version": 1,
        "operation": "abort",
        "source": "fix",
        "branch": "main",
        "merge_branch": MERGE_BRANCH,
        "commit": held,
    }


def test_the_same_merge_is_not_begun_twice(conflicted: Path, parquetry: Runner) -> None:
    again = parquetry("merge", "fix")
    assert again.code == 3
    assert "is under way" in again.err
    assert "parquetry merge fix --into main --continue; or drop it" in again.err


@pytest.mark.invariant("A protected branch changes only by merge")
def test_a_protected_branch_changes_by_merge(fix: Path, parquetry: Runner) -> None:
    parquetry("branch", "protect", "main")
    assert parquetry("merge", "fix").code == 0


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ((), 2, "no SOURCE to merge"),
        (("fxi",), 3, "did you mean fix?"),
        (("fix", "--into", "mian"), 3, "did you mean main?"),
        (("fix", "--resolve", "mine"), 2, "cannot take 'mine' in a conflict"),
        (("fix", "--resolve", "ours", "--resolve", "theirs"), 2, "exclude each other"),
        (("fix", "--resolve", "ours", "--resolve", "orders=theirs"), 2, "is for all tables"),
        (("fix", "--resolve", "orders=ours", "--resolve", "orders=theirs"), 2, "both sides"),
        (("fix", "--resolve", "oders=ours"), 3, "there are: customers, orders"),
        (("--continue",), 3, "no merge is in conflict"),
        (("fix", "--abort"), 3, "no merge of fix is in conflict"),
        (("--continue", "--abort"), 2, "exclude each other"),
        (("--abort", "-m", "x"), 2, "exclude each other"),
        (("--abort", "--resolve", "ours"), 2, "exclude each other"),
        (("--continue", "--dry-run"), 2, "exclude each other"),
    ],
)
def test_what_makes_no_sense_is_said(
    fix: Path, parquetry: Runner, words: tuple[str, ...], code: int, said: str
) -> None:
    before = listing(fix)
    outcome = parquetry("merge", *words)
    assert (outcome.code, outcome.out) == (code, "")
    assert said in outcome.err
    assert listing(fix) == before


def test_a_table_of_two_shapes_is_taken_whole_and_told(fix: Path, parquetry: Runner) -> None:
    for branch, kind in (("fix", "INTEGER"), ("main", "VARCHAR")):
        statement = f"ALTER TABLE customers ADD COLUMN score {kind}"
        assert parquetry("sql", "--branch", branch, "-m", "score", statement).code == 0
    assert parquetry("merge", "fix", "--dry-run").code == 4
    words = ("merge", "fix", "--resolve", "customers=theirs")
    tried = json.loads(parquetry(*words, "--dry-run", "--json").out)
    assert {t["table"]: t["how"] for t in tried["tables"]} == {
        "customers": "theirs",
        "orders": "merged",
    }
    done = parquetry(*words)
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines()[0].startswith(
        "customers  theirs    the whole table is theirs: none of our changes to it are included"
    )


def test_tables_without_a_key_merge_by_rows(lake: Path, tmp_path: Path, parquetry: Runner) -> None:
    def events(name: str, branch: str, values: list[str]) -> None:
        write_parquet(tmp_path / name / "a.parquet", {"event": values})
        words = ("snapshot", f"events={name}", "--branch", branch, "-m", name)
        assert parquetry(*words).code == 0

    events("e1", "main", ["a", "a", "b"])
    parquetry("branch", "create", "fix")
    events("e2", "fix", ["a", "b", "c"])
    events("e3", "main", ["a", "a", "b", "d"])
    assert parquetry("merge", "fix").code == 0
    rows = parquetry("sql", "FROM events ORDER BY 1", "--format", "csv").out.splitlines()[1:]
    assert rows == ["a", "b", "c", "d"]


def test_no_two_merges_share_a_branch(conflicted: Path, parquetry: Runner) -> None:
    long = "L" * 55 + "-é"
    names = ["x-1", "x'1", "x", long]
    for name in names:
        assert parquetry("branch", "create", name, "--at", "fix").code == 0
    sources = [*names, "x~0", "x@{0}"]
    for source in sources:
        assert parquetry("merge", source).code == 4
    merges = json.loads(parquetry("conflicts", "--json").out)["merges"]
    assert sorted(one["source"] for one in merges) == sorted(["fix", *sources])
    assert "merge/x-1-into-main" in {one["merge_branch"] for one in merges}
    for source in sources:
        assert parquetry("merge", source, "--abort").code == 0


def test_a_branch_in_the_way_is_named(clash: Path, parquetry: Runner) -> None:
    parquetry("branch", "create", MERGE_BRANCH)
    refused = parquetry("merge", "fix")
    assert refused.code == 3
    assert f"branch '{MERGE_BRANCH}' is in the way" in refused.err
    assert f"parquetry branch delete {MERGE_BRANCH}" in refused.err


def test_a_table_dropped_on_one_side_is_one_conflict(
    fix: Path, tmp_path: Path, parquetry: Runner
) -> None:
    cat = catalog.open(str(fix))
    with cat.transaction("fix", message="no orders") as tx:
        tx.drop("orders")
    assert parquetry("merge", "fix").code == 4
    (one,) = json.loads(parquetry("conflicts", "--json").out)["conflicts"]
    assert (one["kind"], one["key"], one["column"], one["theirs"]) == (
        *("table-dropped", None, None, "dropped"),
    )
    row = parquetry("conflicts").out.splitlines()[1]
    assert row.split() == ["orders", "table-dropped", "-", "-", "there", "changed", "dropped"]
    assert parquetry("merge", "--continue", "--resolve", "theirs").code == 0
    assert "orders" not in parquetry("tables").out


def test_the_page_to_approve_a_merge_from(fix: Path, tmp_path: Path, parquetry: Runner) -> None:
    target = tmp_path / "approve.html"
    before = parquetry("log", "--json").out
    outcome = parquetry("merge", "fix", "--dry-run", "--format", "html", "-o", str(target))
    assert (outcome.code, outcome.out) == (0, "")
    assert parquetry("log", "--json").out == before
    page = Page(target.read_text(encoding="utf-8"))
    assert "Proposed merge of fix into main" in page.text
    assert "This merge has no conflict" in page.text
    (orders,) = page.table("Tables that changed").records()
    assert (orders["table"], orders["updated"]) == ("orders", "2")
    assert {row["order_id"]: row["amount"] for row in page.table("Changed rows").records()} == {
        "1": "10.0 → 11.0",
        "6": "7.0 → 8.0",
    }
    asked = parquetry("merge", "fix", "--dry-run", "--json", "--illustrate")
    proposed = json.loads(asked.out)["changes"]
    rows = [row["to"]["order_id"] for row in proposed["tables"][0]["sample"]]
    assert (asked.code, sorted(rows)) == (0, ["1", "6"])
    assert parquetry("merge", "fix").code == 0
    made = json.loads(parquetry("diff", "main~1", "--json").out)
    assert made["totals"]["updated"] == 2
    assert proposed["totals"] == made["totals"]


def test_the_page_of_a_merge_in_conflict(clash: Path, tmp_path: Path, parquetry: Runner) -> None:
    target = tmp_path / "approve.html"
    outcome = parquetry("merge", "fix", "--dry-run", "--format", "html", "-o", str(target))
    assert outcome.code == 4
    page = Page(target.read_text(encoding="utf-8"))
    found = json.loads(parquetry("merge", "fix", "--dry-run", "--json").out)["conflicts"]
    assert f"This merge would end in {len(found)} conflicts." in page.text
    asked = parquetry("merge", "fix", "--dry-run", "--json", "--illustrate")
    assert (asked.code, json.loads(asked.out)["changes"]["from"]["ref"]) == (4, "main")
    assert "changes" not in json.loads(parquetry("merge", "fix", "--dry-run", "--json").out)
    assert parquetry("merge", "fix", "--json", "--illustrate").code == 2
    shown = page.table("Conflicts").records()
    assert [row["theirs"] for row in shown] == [
        "NULL" if one["theirs"] is None else str(one["theirs"]) for one in found
    ]
    assert parquetry("merge", "fix", "--format", "html").code == 2
