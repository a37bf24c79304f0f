"""Guards of nightly snapshots, as options and in the configuration: exit code 1, and no commit."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Outcome, Runner, write_parquet

N = 1000


@pytest.fixture
def nightly(tmp_path: Path, parquetry: Runner) -> Path:
    """Makes nights of a source that drifts and then loses its rows, and a catalog of the first."""
    rows = range(N)
    first = {"id": rows, "name": ["n"] * N, "v": rows}
    drifted = {"id": rows, "name2": ["n"] * N, "v": [float(n) for n in rows], "extra": rows}
    write_parquet(tmp_path / "s1/a.parquet", first)
    write_parquet(tmp_path / "s2/a.parquet", {**first, "more": rows})
    write_parquet(tmp_path / "s3/a.parquet", drifted)
    write_parquet(tmp_path / "s4/a.parquet", {name: [*c][:10] for name, c in first.items()})
    write_parquet(tmp_path / "u/a.parquet", {"n": [1, 2, 3]})
    assert parquetry("-C", "L", "init").code == 0
    assert parquetry("-C", "L", "snapshot", "t=s1", "-m", "first").code == 0
    return tmp_path


def refused(outcome: Outcome, parquetry: Runner, commits: int = 2) -> str:
    """Checks that a snapshot was refused, and returns what was said."""
    assert outcome.code == 1, outcome
    assert len(json.loads(parquetry("-C", "L", "log", "--json").out)["commits"]) == commits
    return outcome.err


def test_a_drifted_schema_is_refused(nightly: Path, parquetry: Runner) -> None:
    files = {path for path in (nightly / "L").rglob("*") if path.is_file()}
    take = ("-C", "L", "snapshot", "t=s3", "-m", "schema drift")
    said = refused(parquetry(*take, "--schema", "strict"), parquetry)
    assert "error: the guard refuses the snapshot of table t: 4 violations" in said
    assert "contract guard: column name was removed in table t" in said
    assert "v has another type: BIGINT became DOUBLE" in said
    assert said.endswith("hint: if that is as it should be, take it with --schema any\n")
    said = refused(parquetry(*take, "--schema", "widen"), parquetry)
    assert "the snapshot of table t: 2 violations" in said
    assert {path for path in (nightly / "L").rglob("*") if path.is_file()} == files
    assert parquetry("-C", "L", "snapshot", "t=s2", "--schema", "widen").code == 0
    assert parquetry(*take, "--schema", "any").code == 0


def test_a_mass_loss_is_refused(nightly: Path, parquetry: Runner) -> None:
    take = ("-C", "L", "snapshot", "t=s4", "-m", "99 percent gone")
    said = refused(parquetry(*take, "--max-loss", "5%"), parquetry)
    assert "table t loses 990 of 1,000 rows (99.0 %) (allowed: at most 5% of 1,000 rows)" in said
    refused(parquetry(*take, "--max-loss", "989"), parquetry)
    assert parquetry(*take, "--max-loss", "990").code == 0


@pytest.mark.parametrize("dry", [(), ("--dry-run",)])
def test_the_lines_and_json_of_what_is_refused_are_those_of_a_snapshot(
    nightly: Path, parquetry: Runner, dry: tuple[str, ...]
) -> None:
    take = ("-C", "L", "snapshot", "t=s4", "u=u", "--max-loss", "5%", *dry)
    outcome = parquetry(*take)
    refused(outcome, parquetry)
    assert outcome.out.startswith("t  1,000 → 10 rows (\N{MINUS SIGN}99.0 %)")
    assert ("would refuse" in outcome.err, "is now" in outcome.out) == (bool(dry), False)
    shown = parquetry(*take, "--json")
    refused(shown, parquetry)
    found = json.loads(shown.out)
    assert (found["commit"], found["judgement"]["passed"]) == (None, False)
    assert found["judgement"]["violations"] == found["tables"][0]["violations"]
    (violation,) = found["tables"][0]["violations"]
    assert (violation["rule"], violation["count"]) == ("table.t.max_loss", 990)
    assert found["tables"][1]["violations"] == []


def configured(nightly: Path, text: str) -> None:
    (nightly / "parquetry.toml").write_text(f'catalog = "L"\n{text}')


def test_the_configuration_guards_tables_and_options_come_first(
    nightly: Path, parquetry: Runner
) -> None:
    configured(nightly, '[tables.t]\nsource = "s4"\nschema = "strict"\nmax_loss = "5%"\n')
    refused(parquetry("snapshot"), parquetry)
    refused(parquetry("snapshot", "t"), parquetry)
    refused(parquetry("snapshot", "t=s3"), parquetry)  # wherever the table comes from
    refused(parquetry("snapshot", "T=s3"), parquetry)
    refused(parquetry("snapshot", "--schema", "any"), parquetry)  # the loss is still guarded
    assert parquetry("snapshot", "--max-loss", "any", "--dry-run").code == 0
    assert parquetry("snapshot", "--max-loss", "t=99%").code == 0


def test_a_default_guards_all_tables(nightly: Path, parquetry: Runner) -> None:
    every = '[guard]\nschema = "strict"\nmax_loss = 0\n'
    configured(nightly, every)
    refused(parquetry("snapshot", "t=s2"), parquetry)
    configured(nightly, every + '[tables.t]\nschema = "widen"\n')
    assert parquetry("snapshot", "t=s2").code == 0
    said = refused(parquetry("snapshot", "t=s1"), parquetry, commits=3)
    assert "column more was removed" in said
    said = refused(parquetry("snapshot", "t=s4", "--schema", "any"), parquetry, commits=3)
    assert "loses 990" in said


def test_an_option_may_be_about_one_table(nightly: Path, parquetry: Runner) -> None:
    two = ("-C", "L", "snapshot", "t=s2", "u=u")
    refused(parquetry(*two, "--schema", "t=strict"), parquetry)
    refused(parquetry(*two, "--schema", "strict"), parquetry)
    assert parquetry(*two, "--schema", "strict", "--schema", "t=widen", "--dry-run").code == 0
    assert parquetry(*two, "--schema", "u=strict").code == 0


def test_another_branch_and_parts_are_guarded(nightly: Path, parquetry: Runner) -> None:
    parquetry("-C", "L", "branch", "create", "fix")
    assert parquetry("-C", "L", "snapshot", "t=s4", "--branch", "fix").code == 0
    strict = ("--schema", "strict", "--max-loss", "5%")
    assert parquetry("-C", "L", "snapshot", "t=s4", "--branch", "fix", *strict).code == 0
    assert parquetry("-C", "L", "snapshot", "t=s2", "--branch", "fix", *strict).code == 1
    refused(parquetry("-C", "L", "snapshot", "t=s2", "--append", *strict), parquetry)
    assert parquetry("-C", "L", "snapshot", "t=s4", "--append", *strict).code == 0


def test_a_snapshot_that_was_committed_before_is_not_judged(
    nightly: Path, parquetry: Runner
) -> None:
    key = ("--idempotency-key", "night 4")
    assert parquetry("-C", "L", "snapshot", "t=s4", *key).code == 0
    again = parquetry("-C", "L", "snapshot", "t=s1", *key, "--schema", "strict", "--max-loss", "0")
    assert (again.code, again.out.startswith("committed before as ")) == (0, True)


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        (("--schema", "strct"), "--schema must be strict, widen or any, not 'strct'", "strict?"),
        (("--max-loss", "0.05"), "--max-loss must be a number of whole rows", "5% is a share"),
        (("--max-loss", "five"), "--max-loss must be a number, a share", "5% is a share"),
        (("--max-loss", "105%"), "100% at most", "5% is a share"),
        (("--max-loss", "x=5%"), "--max-loss names table 'x'", "there are: t"),
        (("--schema", "t=no"), "must be strict, widen or any", "strict allows no"),
        (("--schema", "strict", "--schema", "any"), "exclude each other", ""),
    ],
)
def test_bad_values_are_refused_before_the_work_starts(
    nightly: Path, parquetry: Runner, words: tuple[str, ...], message: str, hint: str
) -> None:
    outcome = parquetry("-C", "L", "snapshot", "t=nowhere", *words)
    assert (outcome.code, outcome.out) == (2, "")
    assert message in outcome.err
    assert hint in outcome.err


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[tables.t]\nschema = "tight"\n', "tables.t.schema must be strict, widen or any"),
        ("[tables.t]\nmax_loss = 0.05\n", "tables.t.max_loss must be a number of whole rows"),
        ("[guard]\nmax_loss = true\n", 'guard.max_loss must be a number, a share like "5%"'),
        ('[guard]\nshema = "strict"\n', "unknown key guard.shema"),
        ('guard = "strict"\n', "guard must be a table like [guard]"),
        ('[tables.t]\nschema = "any"\nkey = ["id"]\n', "tables.t has no source"),
    ],
)
def test_bad_values_of_the_configuration_are_named(
    nightly: Path, parquetry: Runner, text: str, message: str
) -> None:
    configured(nightly, text)
    outcome = parquetry("snapshot", "t=s1")
    assert (outcome.code, outcome.out) == (3, "")
    assert f"parquetry.toml: {message}" in outcome.err
