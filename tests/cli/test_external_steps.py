"""Derived tables that a command computes: who lets it run, what it sees, and how it can fail."""

import json
import os
import sys
from pathlib import Path

import pytest

import catalog
from catalog.errors import ErrorKind, InvalidInput
from catalog.model.derived import Definition

from .conftest import Runner, write_parquet
from .test_derive import head, rows

SCORE = """
import os, catalog
from pathlib import Path
import pyarrow as pa, pyarrow.parquet as pq
cat = catalog.open(os.environ["PARQUETRY_CATALOG"])
name = os.environ["PARQUETRY_INPUTS"]
found = cat.connect(os.environ["PARQUETRY_BRANCH"]).sql(f"SELECT count(*) FROM {name}").fetchall()
out = Path(os.environ["PARQUETRY_OUTPUT"])
out.mkdir(exist_ok=True)
pq.write_table(
    pa.table({"input": [name], "n": [found[0][0]], "of": [os.environ["PARQUETRY_TABLE"]]}),
    out / "a.parquet",
)
"""


COPY = """
set -e
mkdir -p "$PARQUETRY_OUTPUT"
cp scored.parquet "$PARQUETRY_OUTPUT/a.parquet"
"""
"""Does without the catalog, for tests of who may run it and of what becomes of its files."""


@pytest.fixture
def script(lake: Path) -> Path:
    path = lake.parent / "score.py"
    path.write_text(SCORE)
    return path


@pytest.fixture
def copying(lake: Path) -> Path:
    columns = {"input": ["orders"], "n": [5], "of": ["scored"]}
    write_parquet(lake.parent / "scored.parquet", columns)
    path = lake.parent / "score.sh"
    path.write_text(COPY)
    return path


def words(script: Path, *, of: str = "orders") -> tuple[str, ...]:
    program = "sh" if script.suffix == ".sh" else sys.executable
    return (
        *("derive", "scored", "--input", of, "--output", "out"),
        *("--", program, str(script)),
    )


def allowed(*line: str) -> tuple[str, ...]:
    return (line[0], "--allow-commands", *line[1:])


@pytest.mark.invariant(
    "The command of a derived table runs only if the user's own configuration names it, or if it "
    "is allowed for once."
)
def test_a_command_needs_permission(parquetry: Runner, script: Path) -> None:
    before = head(parquetry)
    refused = parquetry(*words(script))
    assert (refused.code, head(parquetry)) == (3, before)
    assert "which nobody has allowed" in refused.err
    assert "--allow-commands" in refused.err
    assert not (script.parent / "out").exists()
    assert parquetry(*allowed(*words(script))).code == 0
    assert rows(parquetry, "SELECT * FROM scored") == [{"input": "orders", "n": 5, "of": "scored"}]
    parquetry("sql", "--branch", "main", "DELETE FROM orders WHERE order_id = 1")
    before = head(parquetry)
    refused = parquetry("refresh")
    assert (refused.code, head(parquetry)) == (3, before)
    assert "which nobody has allowed" in refused.err
    planned = parquetry("refresh", "--dry-run")
    assert (planned.code, "scored  command   would run" in planned.out) == (0, True)
    done = parquetry("refresh", "--allow-commands")
    assert done.code == 0, done.err
    assert rows(parquetry, "SELECT n FROM scored") == [{"n": 4}]
    assert parquetry("refresh").out == "nothing is stale, no commit\n"


def test_a_configuration_may_name_it(
    parquetry: Runner, copying: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = copying
    config = script.parent / "parquetry.toml"
    command = json.dumps(["sh", str(script)])
    config.write_text(f'catalog = "lake"\n[steps.scored]\ncommand = {command}\ntimeout_s = 60\n')
    below = script.parent / "below"
    below.mkdir()
    monkeypatch.chdir(below)
    assert parquetry(*words(script)).code == 0
    assert (script.parent / "out").is_dir()
    other = script.parent / "other.sh"
    other.write_text(COPY)
    assert "which nobody has allowed" in parquetry(*words(other)).err
    config.chmod(0o666)
    refused = parquetry("refresh", "--full")
    assert (refused.code, "everybody can write it" in refused.err) == (3, True)


def test_it_reads_what_the_same_refresh_has_computed(parquetry: Runner, script: Path) -> None:
    parquetry("derive", "few", "--sql", "SELECT * FROM orders WHERE order_id < 4")
    assert parquetry(*allowed(*words(script, of="few"))).code == 0
    parquetry("sql", "--branch", "main", "DELETE FROM orders WHERE order_id = 1")
    before = head(parquetry)
    assert parquetry("refresh", "--allow-commands").code == 0
    assert json.loads(parquetry("show", "--json").out)["parents"] == [before]
    assert rows(parquetry, "SELECT input, n FROM scored") == [{"input": "few", "n": 2}]
    branches = json.loads(parquetry("branch", "list", "--json").out)["branches"]
    assert [one["branch"] for one in branches] == ["main"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("true", "the command wrote nothing to"),
        ("echo 'no luck' >&2; exit 7", "no luck"),
        ("kill -KILL $$", "was ended by SIGKILL"),
        (COPY + "printf 'PAR1 no' > \"$PARQUETRY_OUTPUT/a.parquet\"", "a.parquet"),
        (COPY + 'cp text.parquet "$PARQUETRY_OUTPUT/b.parquet"', "n"),
        ('mkdir "$PARQUETRY_OUTPUT"', "the command wrote nothing to"),
    ],
)
def test_what_fails_changes_nothing(
    parquetry: Runner, copying: Path, text: str, message: str
) -> None:
    before = head(parquetry)
    write_parquet(copying.parent / "text.parquet", {"n": ["x"]})
    copying.write_text(text)
    done = parquetry(*allowed(*words(copying)))
    assert (done.code, head(parquetry)) == (3, before)
    assert "derived table 'scored' cannot be computed" in done.err or "out/a.parquet" in done.err
    assert message in done.err


def test_what_an_earlier_run_left_is_not_taken(parquetry: Runner, copying: Path) -> None:
    assert parquetry(*allowed(*words(copying))).code == 0
    parquetry("sql", "--branch", "main", "DELETE FROM orders WHERE order_id = 1")
    before = head(parquetry)
    copying.write_text("true")
    done = parquetry("refresh", "--allow-commands")
    assert (done.code, "the command wrote nothing to" in done.err) == (3, True)
    copying.write_text(COPY.replace("a.parquet", "b.parquet"))
    done = parquetry("refresh", "--allow-commands")
    assert (done.code, "files that the command did not write" in done.err) == (3, True)
    assert head(parquetry) == before


def test_a_program_that_is_missing_is_named(parquetry: Runner, script: Path) -> None:
    done = parquetry(
        *("derive", "--allow-commands", "scored", "--output", "out", "--", "no-such-program")
    )
    assert (done.code, "cannot start no-such-program" in done.err) == (3, True)


def test_one_that_hangs_is_stopped(parquetry: Runner, copying: Path) -> None:
    copying.write_text("exec sleep 600")
    command = json.dumps(["sh", str(copying)])
    config = f'catalog = "lake"\n[steps.scored]\ncommand = {command}\ntimeout_s = 0.5\n'
    (copying.parent / "parquetry.toml").write_text(config)
    done = parquetry(*words(copying))
    assert (done.code, "did not end within 0.5 seconds" in done.err) == (3, True)


def test_key_and_partitions_are_those_that_were_given(parquetry: Runner, copying: Path) -> None:
    line = ("derive", "--key", "input", "--partition-by", "of", *words(copying)[1:])
    assert parquetry(*allowed(*line)).code == 0
    columns = json.loads(parquetry("schema", "scored", "--json").out)["columns"]
    assert {one["column"]: (one["key"], one["partition"]) for one in columns} == {
        "input": (True, False),
        "n": (False, False),
        "of": (False, True),
    }
    assert "is defined so already" in parquetry(*allowed(*words(copying))).out


@pytest.mark.parametrize(
    "line",
    [
        ("derive", "x", "--output", "out"),
        ("derive", "x", "--input", "orders", "--", "true"),
        ("derive", "x", "--sql", "SELECT 1 AS a", "--output", "out", "--", "true"),
        ("derive", "--all", "--output", "out"),
    ],
)
def test_words_that_are_missing(parquetry: Runner, lake: Path, line: tuple[str, ...]) -> None:
    assert parquetry(*line).code == 2


def test_a_new_table_has_to_be_computed(parquetry: Runner, script: Path) -> None:
    line = ("derive", "--no-refresh", *words(script)[1:])
    done = parquetry(*allowed(*line))
    assert (done.code, "has to be computed" in done.err) == (3, True)


def test_from_python_it_has_to_be_allowed_as_well(lake: Path, copying: Path) -> None:
    cat = catalog.open(lake)
    one = Definition(command=("sh", str(copying)), inputs=("orders",), output="out")
    with pytest.raises(InvalidInput) as caught:
        cat.derive("scored", one)
    assert caught.value.kind is ErrorKind.COMMAND_REFUSED
    assert "allow_commands=True" in caught.value.hint
    cat.derive("scored", one, allow_commands=True)
    cat.sql("SELECT n FROM scored").fetchall()
    assert cat.stale()[0].is_stale is False
    assert os.path.isdir("out")
