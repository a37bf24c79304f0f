"""Fixes that are commands: what they are given, what is taken of theirs, and how they fail."""

import json
import os
import shutil
import signal
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from catalog import Catalog
from catalog.errors import CatalogError, InvalidInput
from catalog.model.backfill import Backfill
from catalog.model.fix import Fix, Output
from catalog.model.for_each import for_each
from catalog.operations.fixes.commands import CommandPlace
from catalog.operations.fixes.plan import planned_steps
from catalog.operations.fixes.run import FixRun, run_fix
from catalog.operations.transaction import CatalogTransaction

COPY = 'rm -rf "out/$month" && mkdir -p "out/$month" && cp -r "ready/month=$month" "out/$month/"'
"""Leaves the rows of a month that lie ready, in a directory of its own."""


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A catalog ``c`` with a partitioned and a plain table, and new rows of each in ``ready``."""
    root = tmp_path_factory.mktemp("template")
    cat = Catalog.create(root / "c", author="tester")
    with cat.transaction("main", message="rows") as tx:
        rows = [{"id": n, "month": f"2024-0{n}", "n": n} for n in range(1, 5)]
        tx.write("parts", rows, mode="append", key=["id"], partition_by=["month"])
        tx.write("plain", [{"id": 1, "n": 1}], mode="append", key=["id"])
    for n in range(1, 5):
        folder = root / "ready" / f"month=2024-0{n}"
        folder.mkdir(parents=True)
        pq.write_table(pa.table({"id": [n], "n": [10 * n]}), folder / "a.parquet")
    pq.write_table(pa.table({"id": [1], "n": [2]}), root / "plain.parquet")
    return root


@pytest.fixture
def work(template: Path, tmp_path: Path) -> Path:
    """Is a copy of it: the directory in which commands run."""
    shutil.copytree(template, tmp_path / "w")
    return tmp_path / "w"


@pytest.fixture
def cat(work: Path) -> Catalog:
    return Catalog.open(work / "c", author="tester")


Do = Callable[..., Backfill]


@pytest.fixture
def do(cat: Catalog, work: Path) -> Do:
    """Does the steps of a fix that are not done, on a branch that is made for it."""

    def doing(
        *command: str,
        outputs: Mapping[str, str] | None = None,
        variables: Sequence[str] = (),
        jobs: int = 1,
        timeout_s: float | None = None,
    ) -> Backfill:
        fix = Fix(
            command=command,
            outputs=tuple(Output(*one) for one in (outputs or {}).items()),
            variables=tuple(map(for_each, variables)),
        )
        base = cat.resolve("main").commit_id
        plan = planned_steps(cat.context, fix, base)
        backfill = Backfill("x", "0", "main", base, fix.identity, steps=plan.steps)
        if "backfill/x" not in [one.name for one in cat.branches.list()]:
            cat.branches.create("backfill/x", at="main")
        found = done(cat)
        todo = [step for step in plan.steps if step.name not in found]
        place = CommandPlace(str(work), {**os.environ, "HELD": "held"}, timeout_s)
        run_fix(fix, FixRun(cat.context, backfill, todo, jobs=jobs, place=place))
        return backfill

    return doing


def done(cat: Catalog) -> list[str]:
    log = reversed(cat.log("backfill/x"))
    return [name for one in log if (name := one.metadata.get("backfill.step")) is not None]


def column(cat: Catalog, table: str, *, at: str = "backfill/x") -> list[object]:
    with cat.connect(at) as session:
        rows = session.execute(f"SELECT n FROM {table} ORDER BY id").fetchall()
    return [row[0] for row in rows]


def shell(script: str) -> tuple[str, ...]:
    return ("sh", "-c", script)


def python(script: str) -> tuple[str, ...]:
    return (sys.executable, "-c", script)


def test_it_is_told_where_and_what_for(do: Do, cat: Catalog, work: Path) -> None:
    script = "import json, os, sys; json.dump([sys.argv[1:], dict(os.environ)], open('said', 'w'))"
    words = ("--month=$month", "a/${month}/$other", "{month}", "'$month'", "$month more")
    backfill = do(*python(script), *words, variables=["month=it's"])
    arguments, environment = json.loads((work / "said").read_text())
    assert arguments == ["--month=it's", "a/it's/$other", "it's", "'$month'", "$month more"]
    told = {
        "PARQUETRY_CATALOG": str(work / "c"),
        "PARQUETRY_BRANCH": "backfill/x",
        "PARQUETRY_BACKFILL": "x",
        "PARQUETRY_STEP": "month=it%27s",
        "PARQUETRY_IDEMPOTENCY_KEY": f"{backfill.key(backfill.steps[0])}/command",
        "month": "it's",
        "HELD": "held",
    }
    assert environment | told == environment
    assert done(cat) == ["month=it%27s"]


@pytest.mark.parametrize("jobs", [1, 4])
def test_its_output_replaces_the_partitions_that_it_has(do: Do, cat: Catalog, jobs: int) -> None:
    months = ["month=2024-02..2024-04"]
    do(*shell(COPY), outputs={"parts": "out/$month"}, variables=months, jobs=jobs)
    assert column(cat, "parts") == [1, 20, 30, 40]
    assert done(cat) == [f"month=2024-0{n}" for n in (2, 3, 4)]
    assert [one.tables for one in cat.log("backfill/x", limit=3)] == [("parts",)] * 3


def test_an_output_may_be_the_directory_of_a_partition(do: Do, cat: Catalog) -> None:
    script = 'mkdir -p "new/month=$month" && cp ready/month=$month/* "new/month=$month/"'
    for table in ("parts", "made"):
        do(
            *shell(f"rm -rf new; {script}"),
            outputs={table: "new/month={month}"},
            variables=[f"month=2024-01,2024-0{'2' if table == 'parts' else '3'}"],
        )
        cat.reset("backfill/x", to="main") if table == "parts" else None
    assert column(cat, "made") == [10, 30]


def test_files_that_it_left_alone_must_be_those_of_the_table(
    do: Do, cat: Catalog, work: Path
) -> None:
    with cat.transaction("main", message="load") as tx:
        tx.snapshot("lying", str(work / "ready"), key=["id"], partition_by=["month"])
    new = pa.table({"id": [2], "n": [-2]})
    pq.write_table(new, work / "new.parquet")
    script = "cp new.parquet ready/month=2024-02/a.parquet"
    do(*shell(script), outputs={"lying": "ready"})
    assert column(cat, "lying") == [10, -2, 30, 40]
    cat.branches.delete("backfill/x")
    with cat.transaction("main", message="corrected") as tx:
        tx.sql("UPDATE lying SET n = 0 WHERE month = '2024-01'")
    with pytest.raises(InvalidInput, match=r"did not write: .*month=2024-01"):
        do(*shell(script), outputs={"lying": "ready"})


def test_all_outputs_of_a_step_are_one_commit(do: Do, cat: Catalog) -> None:
    script = "mkdir out && cp -r ready/month=2024-01 out && cp plain.parquet new.parquet"
    do(*shell(script), outputs={"parts": "out", "plain": "new.parquet", "new": "new.parquet"})
    assert cat.log("backfill/x", limit=1)[0].tables == ("new", "parts", "plain")
    assert (column(cat, "parts"), column(cat, "plain")) == ([10, 2, 3, 4], [2])


def test_it_may_commit_itself(do: Do, cat: Catalog) -> None:
    script = """
        import os, catalog
        cat = catalog.open(os.environ["PARQUETRY_CATALOG"])
        key = os.environ["PARQUETRY_IDEMPOTENCY_KEY"]
        with cat.transaction(os.environ["PARQUETRY_BRANCH"], idempotency_key=key) as tx:
            tx.sql("UPDATE plain SET n = n + 1")
    """
    do(*python(textwrap.dedent(script)))
    assert column(cat, "plain") == [2]
    assert [move.key is not None for move in cat.reflog("backfill/x")[:2]] == [True, True]
    assert done(cat) == ["fix"]


def test_one_that_was_killed_before_its_step_was_noted_runs_again(
    do: Do, cat: Catalog, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(self: CatalogTransaction, *given: object, **named: object) -> None:
        raise KeyboardInterrupt

    script = f'echo "$month" >> ran; {COPY}'
    arguments = {"outputs": {"parts": "out/$month"}, "variables": ["month=2024-01..2024-02"]}
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(CatalogTransaction, "snapshot", killed)
        do(*shell(script), **arguments)
    assert (done(cat), column(cat, "parts")) == ([], [1, 2, 3, 4])
    do(*shell(script), **arguments)
    assert column(cat, "parts") == [10, 20, 3, 4]
    do(*shell(script), **arguments)
    assert (work / "ran").read_text().split() == ["2024-01", "2024-01", "2024-02"]


@pytest.mark.parametrize("jobs", [1, 3])
def test_one_that_fails_is_repeated_alone(do: Do, cat: Catalog, work: Path, jobs: int) -> None:
    script = f'echo "say $month" >&2; test -e fine || test $month != 2024-02 || exit 7; {COPY}'
    arguments = {
        "outputs": {"parts": "out/$month"},
        "variables": ["month=2024-01..2024-03"],
        "jobs": jobs,
    }
    with pytest.raises(InvalidInput, match=r"'month=2024-02'.*exit code 7\n  say 2024-02"):
        do(*shell(script), **arguments)
    assert column(cat, "parts") == [10, 2, 30, 4]
    (work / "fine").touch()
    do(*shell(script), **arguments)
    assert column(cat, "parts") == [10, 20, 30, 4]
    assert done(cat) == ["month=2024-01", "month=2024-03", "month=2024-02"]


@pytest.mark.parametrize(
    ("script", "outputs", "why"),
    [
        ("exit 3", {}, "ended with exit code 3"),
        ("kill -9 $$", {}, "was ended by SIGKILL"),
        ("sleep 60", {}, "did not end within 0.5 seconds"),
        ("true", {"parts": "ready"}, "the command wrote nothing to"),
        ("true", {"parts": "nowhere"}, "the command wrote nothing to"),
        ("mkdir empty", {"parts": "empty"}, "the command wrote nothing to"),
        ("touch ready/month=2024-01/*", {"parts": "ready"}, "that the command did not write"),
        ("cp plain.parquet new.parquet", {"parts": "new.parquet"}, "is partitioned by month"),
        ("mkdir o && echo no > o/a.parquet", {"plain": "o"}, r"a\.parquet"),
        ("cp -r ready/month=2024-01 o", {"plain": "o", "parquetry.t": "o"}, "reserved"),
    ],
)
def test_nothing_is_committed_of_one_that_fails(
    do: Do, cat: Catalog, script: str, outputs: Mapping[str, str], why: str
) -> None:
    with pytest.raises(CatalogError, match=why):
        do(*shell(script), outputs=outputs, timeout_s=0.5 if "sleep" in script else None)
    assert cat.resolve("backfill/x").commit_id == cat.resolve("main").commit_id


@pytest.mark.parametrize(
    ("place", "variable", "jobs", "why"),
    [
        ("out/$month", "month=a/b", 1, "cannot be a part of the output"),
        ("out/$month", "month='..'", 1, "cannot be a part of the output"),
        ("out/{mont}", "month=1,2", 1, r"nothing gives \{mont\} a value"),
        ("out", "month=1,2", 2, "would both write to out"),
        ("out/$month", "PATH=1", 1, r"nothing gives \$month a value"),
        ("out/$PATH", "PATH=1", 1, "PATH is one of the environment"),
        ("", "month=1", 1, "is empty"),
        ("s3://key:secret@bucket/x", "month=1", 1, "contains a secret"),
    ],
)
def test_places_and_names_that_lead_elsewhere_are_refused(
    do: Do, work: Path, place: str, variable: str, jobs: int, why: str
) -> None:
    with pytest.raises(CatalogError, match=why):
        do("touch", "ran", outputs={"parts": place}, variables=[variable], jobs=jobs)
    assert not (work / "ran").exists()


def test_steps_do_not_replace_a_whole_table_one_after_the_other(do: Do, cat: Catalog) -> None:
    script = 'cp plain.parquet "$n.parquet"'
    with pytest.raises(InvalidInput, match="each step would replace all of it"):
        do(*shell(script), outputs={"plain": "$n.parquet"}, variables=["n=1,2"])
    assert (column(cat, "plain"), done(cat)) == ([1], [])


def test_an_interrupt_stops_what_runs(do: Do, cat: Catalog, work: Path) -> None:
    script = "echo $$ > running.$n; sleep 600"
    main = threading.main_thread().ident
    assert main is not None

    def interrupting() -> None:
        while len(list(work.glob("running.*"))) < 2:
            time.sleep(0.01)
        signal.pthread_kill(main, signal.SIGINT)

    thread = threading.Thread(target=interrupting)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # xdist ignores it
    thread.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            do(*shell(script), variables=["n=1..3"], jobs=2)
    finally:
        thread.join()
        signal.signal(signal.SIGINT, before)
    for path in work.glob("running.*"):
        with pytest.raises(ProcessLookupError):
            os.kill(int(path.read_text()), 0)
    assert done(cat) == []
