"""Fixes of SQL, repeated for several values: what each step does, and that order is kept."""

import datetime
import shutil
import threading
from pathlib import Path
from typing import Any

import pytest

from catalog import Catalog
from catalog.errors import CatalogError, ErrorKind, InvalidInput
from catalog.model.backfill import Backfill
from catalog.model.fix import Fix, SqlText
from catalog.model.for_each import for_each
from catalog.model.listings import CommitInfo
from catalog.operations.fixes.plan import planned_steps
from catalog.operations.fixes.run import FixRun, run_fix
from catalog.operations.transaction import CatalogTransaction

MONTHS = range(1, 7)
ODD = ['it\'s "x"', "a..b", " é 50%", "a/b,c", "$name --", ""]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a catalog whose tables are partitioned by columns of several types."""
    root = tmp_path_factory.mktemp("template") / "c"
    cat = Catalog.create(root, author="tester")
    start = datetime.date(2024, 1, 1)
    tables: dict[str, tuple[list[dict[str, object]], list[str]]] = {
        "numbers": ([{"id": n, "month": n, "n": n} for n in MONTHS], ["month"]),
        "texts": ([{"id": n, "month": f"{n:02d}", "n": n} for n in MONTHS], ["month"]),
        "days": (
            [{"id": n, "day": start + datetime.timedelta(n - 1), "n": n} for n in MONTHS],
            ["day"],
        ),
        "odd": ([{"id": n, "name": name, "n": n} for n, name in enumerate(ODD)], ["name"]),
        "whole": ([{"id": n, "month": n, "n": n} for n in MONTHS], []),
    }
    with cat.transaction("main", message="rows") as tx:
        for name, (rows, columns) in tables.items():
            tx.write(name, rows, mode="append", key=["id"], partition_by=columns)
    return root


@pytest.fixture(scope="module")
def unchanged(template: Path) -> Catalog:
    """Is the catalog itself, for tests that change nothing."""
    return Catalog.open(template)


@pytest.fixture
def cat(template: Path, tmp_path: Path) -> Catalog:
    """Is a copy of it."""
    shutil.copytree(template, tmp_path / "c")
    return Catalog.open(tmp_path / "c", author="tester")


def repeated(sql: str, *variables: str, file: str = "fix.sql") -> Fix:
    return Fix(sql=(SqlText(file, sql),), variables=tuple(map(for_each, variables)))


class Run:
    """Does the steps of a fix, on a branch that is made for it.

    Attributes:
        commits: The commits that did a step, in order, by its name.
    """

    def __init__(self, cat: Catalog, fix: Fix, *, jobs: int = 1) -> None:
        base = cat.resolve("main").commit_id
        plan = planned_steps(cat.context, fix, base)
        cat.branches.create("backfill/x", at="main")
        self.backfill = Backfill(
            "x", "0", "main", base, fix.identity, steps=plan.steps, kinds=plan.kinds
        )
        self._cat, self._fix, self._jobs = cat, fix, jobs
        self.commits: dict[str, CommitInfo] = {}

    def steps(self) -> "Run":
        try:
            todo = [one for one in self.backfill.steps if one.name not in self.commits]
            run_fix(self._fix, FixRun(self._cat.context, self.backfill, todo, jobs=self._jobs))
        finally:
            log = reversed(self._cat.log("backfill/x"))
            steps = [(one.metadata.get("backfill.step"), one) for one in log]
            self.commits = {name: one for name, one in steps if name is not None}
        return self


def column(cat: Catalog, table: str, *, at: str = "backfill/x") -> list[object]:
    with cat.connect(at) as session:
        rows = session.execute(f"SELECT n FROM {table} ORDER BY id").fetchall()
    return [row[0] for row in rows]


def test_each_value_makes_one_commit(cat: Catalog) -> None:
    fix = repeated("UPDATE numbers SET n = n * 10 WHERE month = $month", "month=2..4")
    run = Run(cat, fix).steps()
    assert list(run.commits) == ["month=2", "month=3", "month=4"]
    assert column(cat, "numbers") == [1, 20, 30, 40, 5, 6]
    assert [one.id for one in cat.log("backfill/x", limit=3)] == [
        one.id for one in reversed(run.commits.values())
    ]
    keys = [move.key or "" for move in cat.reflog("backfill/x")[2::-1]]
    assert [key.split("/")[:3] for key in keys] == [
        ["backfill", "x", f"month={n}"] for n in (2, 3, 4)
    ]


@pytest.mark.parametrize(
    ("table", "variable", "condition", "changed"),
    [
        ("numbers", "month=2..3", "month = $month", {2, 3}),
        ("numbers", "month=02..03", "month = $MONTH", {2, 3}),
        ("texts", "month=02..03", "month = $month", {2, 3}),
        ("texts", "month=2..3", "month = $month", set()),
        ("days", "day=2024-01-02..2024-01-03", "day = $day", {2, 3}),
        ("days", "d=2024-01-02", "day >= $d AND day < $d + INTERVAL 2 DAYS", {2, 3}),
        ("days", "day=SELECT day FROM days WHERE n < 3", "day = $day", {1, 2}),
        ("numbers", "month=SELECT month FROM numbers@main WHERE n > 5", "month = $month", {6}),
        ("numbers", "m=02,03", "month = CAST($m AS INTEGER)", {2, 3}),
        ("numbers", "m=2,3", "month = $m AND typeof($m) = 'INTEGER'", {2, 3}),
        ("whole", "month=1,6", "month = $month", {1, 6}),
    ],
)
def test_a_value_has_the_type_of_the_column_of_its_name(
    cat: Catalog, table: str, variable: str, condition: str, changed: set[int]
) -> None:
    Run(cat, repeated(f"UPDATE {table} SET n = -n WHERE {condition}", variable)).steps()
    assert column(cat, table) == [-n if n in changed else n for n in MONTHS]


def test_values_are_never_pasted_as_text(cat: Catalog) -> None:
    quoted = ",".join("'" + name.replace("'", "''") + "'" for name in ODD)
    fix = repeated("UPDATE odd SET n = -1 - n WHERE name = $name", f"name={quoted}")
    run = Run(cat, fix, jobs=2).steps()
    assert column(cat, "odd") == [-1 - n for n in range(len(ODD))]
    assert len(run.commits) == len(ODD)
    assert all(one.tables == ("odd",) for one in run.commits.values())


def test_parameters_in_strings_and_comments_stay_as_they_are(cat: Catalog) -> None:
    sql = "UPDATE numbers SET n = length('$month') -- $month, $other\nWHERE month = $month"
    Run(cat, repeated(sql, "month=3")).steps()
    assert column(cat, "numbers") == [1, 2, 6, 4, 5, 6]


def test_several_variables_make_every_combination(cat: Catalog) -> None:
    sql = "UPDATE numbers SET n = n + $a WHERE month = $month"
    run = Run(cat, repeated(sql, "month=1..2", "a=SELECT 10")).steps()
    assert list(run.commits) == ["month=1/a=10", "month=2/a=10"]
    assert column(cat, "numbers") == [11, 12, 3, 4, 5, 6]


def test_all_statements_of_all_files_are_one_commit_in_order(cat: Catalog) -> None:
    first = SqlText("a.sql", "UPDATE numbers SET n = n + 1 WHERE id = 1; DELETE FROM odd;")
    second = SqlText("b.sql", "UPDATE numbers SET n = n * 10 WHERE id = 1; SELECT 1")
    run = Run(cat, Fix(sql=(first, second))).steps()
    assert column(cat, "numbers")[0] == 20
    assert [one.tables for one in run.commits.values()] == [("numbers", "odd")]


def test_what_a_step_did_is_recorded_with_its_values(cat: Catalog) -> None:
    fix = repeated("UPDATE numbers SET n = 0 WHERE month = $month", "month=5")
    run = Run(cat, fix).steps()
    assert "WHERE month = 5" in str(run.commits["month=5"].lineage)


@pytest.mark.invariant(
    "What the steps of a fix leave does not depend on how many of them run side by side."
)
@pytest.mark.parametrize(("table", "jobs"), [("numbers", 1), ("texts", 3), ("whole", 3)])
def test_steps_that_build_on_each_other_do_so_in_their_order(
    cat: Catalog, table: str, jobs: int
) -> None:
    sql = f"""
        UPDATE {table} SET n = n + (SELECT sum(n) FROM {table} WHERE id < $id) WHERE id = $id
    """
    Run(cat, repeated(sql, "id=2..4"), jobs=jobs).steps()
    expected = [1]
    for n in range(2, 5):
        expected.append(n + sum(expected))
    assert column(cat, table) == [*expected, 5, 6]


@pytest.mark.parametrize("jobs", [1, 4])
def test_steps_that_change_the_same_row_all_count(cat: Catalog, jobs: int) -> None:
    sql = "UPDATE numbers SET n = n * 10 + $digit WHERE id = 1; INSERT INTO odd VALUES (100, '', 0)"
    Run(cat, repeated(sql, "digit=2..4"), jobs=jobs).steps()
    assert column(cat, "numbers")[0] == 1234
    assert len(column(cat, "odd")) == len(ODD) + 3


@pytest.mark.parametrize("jobs", [1, 3])
def test_a_table_that_the_first_step_makes_is_there_for_the_others(cat: Catalog, jobs: int) -> None:
    sql = """
        CREATE TABLE IF NOT EXISTS made (id BIGINT, n BIGINT);
        INSERT INTO made SELECT $id, count(*) FROM made
    """
    Run(cat, repeated(sql, "id=1..3"), jobs=jobs).steps()
    assert column(cat, "made") == [0, 1, 2]


def test_steps_read_their_own_branch_by_name_as_it_is(cat: Catalog) -> None:
    sql = 'UPDATE numbers SET n = (SELECT max(n) FROM numbers@"backfill/x") + 1 WHERE id = $id'
    Run(cat, repeated(sql, "id=1..3"), jobs=3).steps()
    assert column(cat, "numbers") == [7, 8, 9, 4, 5, 6]


def test_steps_of_different_partitions_do_not_disturb_each_other(
    cat: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, both = [], threading.Barrier(2, timeout=60)
    execute = CatalogTransaction.run

    def meeting(self: CatalogTransaction, text: str, params: object = None) -> object:
        begun.append(text)
        both.wait()  # the other one runs now as well
        return execute(self, text)

    monkeypatch.setattr(CatalogTransaction, "run", meeting)
    fix = repeated("UPDATE numbers SET n = 0 WHERE month = $month", "month=1..4")
    Run(cat, fix, jobs=2).steps()
    assert column(cat, "numbers") == [0, 0, 0, 0, 5, 6]
    assert len(begun) == 4, "none ran twice"


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_step_that_fails_is_repeated_alone(cat: Catalog, jobs: int) -> None:
    sql = """
        UPDATE numbers SET n = n + 10 WHERE month = $month;
        SELECT CASE WHEN $month = 3 AND (SELECT count(*) FROM texts) > 0
               THEN error('not yet: ' || $month) END
    """
    run = Run(cat, repeated(sql, "month=2..4"), jobs=jobs)
    with pytest.raises(InvalidInput, match=r"'month=3'.* fix\.sql, line 3: .*not yet: 3") as failed:
        run.steps()
    assert failed.value.kind is ErrorKind.BACKFILL_FAILED
    assert column(cat, "numbers") == [1, 12, 3, 14, 5, 6]
    assert list(run.commits) == ["month=2", "month=4"]
    with cat.transaction("backfill/x", message="by hand") as tx:
        tx.sql("DELETE FROM texts")
    run.steps()
    assert column(cat, "numbers") == [1, 12, 13, 14, 5, 6]
    assert list(run.commits) == ["month=2", "month=4", "month=3"]


def test_what_is_wrong_with_all_steps_is_not_tried_with_each(cat: Catalog) -> None:
    run = Run(cat, repeated("UPDATE numbers SET n = nn WHERE id = $id", "id=1..500"))
    with pytest.raises(InvalidInput, match=r"10 of 500 steps .* and 490 were not begun"):
        run.steps()


@pytest.mark.parametrize(
    ("sql", "place"),
    [
        (
            "-- first\nUPDATE numbers SET n = 1;\n\nUPDATE numbers\nSET n = nn\nWHERE id = 1",
            r"sub/fix\.sql, line 4: .*\"nn\" not found",
        ),
        ("\n\nDELETE FROM nowhere", r"sub/fix\.sql, line 3: .*no table 'nowhere'"),
        ("\nSELECT 1;\nDELETE FROM numbers WHERE", r"sub/fix\.sql, line 3: "),
        ("SELECT error('stop')", r"sub/fix\.sql, line 1: .*stop"),
        ("BEGIN; COMMIT", r"sub/fix\.sql, line 1: .*committed together"),
    ],
)
def test_errors_name_file_and_line(cat: Catalog, sql: str, place: str) -> None:
    with pytest.raises(CatalogError, match=place):
        Run(cat, repeated(sql, file="sub/fix.sql")).steps()


@pytest.mark.parametrize(
    ("sql", "variables", "why"),
    [
        ("UPDATE numbers SET n = $x", (), r"fix\.sql, line 1: nothing gives \$x a value"),
        ("SELECT 1;\nSELECT ?", (), r"fix\.sql, line 2: nothing gives \? a value"),
        ("SELECT $1, $month", ("month=1",), r"nothing gives \$1 a value"),
        ("UPDATE numbers SET n = 1", ("month=1..2",), r"its SQL has no \$month"),
        ("DELETE FROM texts WHERE month = $m", ("m=1", "M=2"), "given twice"),
        ("DELETE FROM numbers WHERE month = $month", ("month=1,01",), "the same BIGINT"),
        ("DELETE FROM numbers WHERE month = $month", ("month=EU",), "not a value of type BIGINT"),
        (
            "DELETE FROM days WHERE day = $day",
            ("day=2024-01..2024-03",),
            "not a value of type DATE",
        ),
        ("DELETE FROM numbers WHERE id=$id", ("id=SELECT id, n FROM odd",), "2 columns"),
        ("DELETE FROM numbers WHERE id=$id", ("id=SELECT 1 FROM odd",), "a value twice"),
        ("DELETE FROM numbers WHERE id=$id", ("id=SELECT NULL::INT",), "gives NULL"),
        ("DELETE FROM numbers WHERE id=$id", ("id=SELECT [1]",), r"of type INTEGER\[\]"),
        ("DELETE FROM numbers WHERE id=$id", ("id=SELECT 1 WHERE false",), "finds nothing"),
        ("DELETE FROM numbers WHERE id=$id", ("id=SELECT x FROM odd",), '"x" not found'),
        ("DELETE FROM numbers WHERE id=$id", ("id=FROM range(20000)",), "more than 10,000 steps"),
        ("SELECT $a, $b", ("a=1..200", "b=1..200"), "more than 10,000 steps"),
        (
            "DELETE FROM odd WHERE n IN (SELECT n FROM numbers WHERE month = $month UNION "
            "SELECT n FROM texts WHERE month = $month)",
            ("month=01",),
            "column month is BIGINT in numbers, VARCHAR in texts",
        ),
        ("", (), "has no SQL statement"),
        ("-- nothing", (), "has no SQL statement"),
    ],
)
def test_what_cannot_be_run_is_refused_before_anything_begins(
    unchanged: Catalog, sql: str, variables: tuple[str, ...], why: str
) -> None:
    with pytest.raises(CatalogError, match=why):
        planned_steps(
            unchanged.context, repeated(sql, *variables), unchanged.resolve("main").commit_id
        )


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ({"fix": "SELECT $p", "for_each": {"p": [1, None]}}, "must be a text or a list"),
        ({"fix": "SELECT $p", "for_each": {"p": 5}}, "must be a text or a list"),
        ({"fix": "SELECT $p", "for_each": {"p": []}}, "no value for p"),
        ({"fix": "SELECT 1", "command": ["ls"]}, "both SQL and a command"),
        ({"fix": "SELECT 1", "outputs": {"t": "out"}}, "taken from a command"),
        ({"fix": "SELECT 1", "jobs": 0}, "jobs must be an integer of at least 1"),
        ({"command": "ls"}, "must be a list of names"),
        ({"for_each": {"p": [5]}}, "there is no fix"),
    ],
)
def test_arguments_that_describe_no_fix_are_refused(
    unchanged: Catalog, arguments: dict[str, Any], why: str
) -> None:
    with pytest.raises(InvalidInput, match=why):
        unchanged.backfill("none", **arguments)
    assert unchanged.backfills() == []


def test_a_query_is_asked_once(cat: Catalog) -> None:
    fix = repeated(
        "UPDATE numbers SET n = 0 WHERE month = $month",
        "month=SELECT month FROM numbers@main WHERE month IN (2, 10, 6)",
    )
    report = cat.backfill("x", fix=fix)
    assert [one.step.name for one in report.steps] == ["month=2", "month=6"]
    with cat.transaction("main", message="later") as tx:
        tx.sql("DELETE FROM numbers WHERE month = 1; INSERT INTO numbers VALUES (10, 10, 10)")
    assert cat.backfill("x", fix=fix).steps == report.steps
