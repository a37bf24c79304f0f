"""Texts that would steer a terminal: names, data, messages. JSON escapes them, files keep them."""

import contextlib
import io
import json
import os
import pty
import re
import select
import subprocess
import sys
from pathlib import Path

import pytest

from catalog.errors import InvalidInput
from catalog.messages import printable
from cli.main import run
from cli.output import stderr
from cli.output.values import dumped
from tests.cli.conftest import REPOSITORY, Runner, write_parquet

HOSTILE = "a\x1b[31m\x07\x9b2J\x7f\u202eb\u2066\u200f\u2028\x85c"
CONTROL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A catalog whose names and values would steer a terminal; nobody changes it."""
    folder = tmp_path_factory.mktemp("theirs")
    write_parquet(folder / "v1/a.parquet", {"id": [1, 2], HOSTILE: [HOSTILE, "x"]})
    write_parquet(folder / "v2/a.parquet", {"id": [1, 2], HOSTILE: [HOSTILE, HOSTILE]})
    root = str(folder / "lake")
    with contextlib.redirect_stdout(io.StringIO()):
        for words in (
            ("init",),
            ("snapshot", f"t={folder}/v1", "--key", "t=id", "-m", HOSTILE),
            ("snapshot", f"t={folder}/v2", "-m", HOSTILE),
            ("tag", "create", "v1", "-m", HOSTILE),
        ):
            assert run(["-C", root, *words]) == 0
    return root


def without_controls(text: str) -> None:
    found = CONTROL.search(text)
    assert found is None, text[max(found.start() - 40, 0) : found.start() + 40]


TEXT, JSON, MARKDOWN = (), ("--format", "json"), ("--format", "markdown")
LISTINGS = {
    ("log",): (TEXT, JSON, MARKDOWN),
    ("log", "--oneline", "--graph"): (TEXT, JSON, MARKDOWN),
    ("show", "main"): (TEXT, ("--json",)),
    ("schema", "t"): (TEXT, JSON, MARKDOWN),
    ("files", "t"): (TEXT, JSON, MARKDOWN),
    ("tag", "list"): (TEXT, JSON, MARKDOWN),
    ("reflog", "main"): (TEXT, JSON, MARKDOWN),
    ("branch", "list"): (TEXT, JSON, MARKDOWN),
    ("diff", "main~1", "main"): (TEXT, JSON, MARKDOWN),
    ("diff", "main~1", "main", "--rows"): (TEXT, JSON),
}
"""Commands that list, and how each can write its list."""


@pytest.mark.parametrize(
    "words",
    [(*words, *how) for words, formats in LISTINGS.items() for how in formats],
    ids=" ".join,
)
def test_listings_steer_no_terminal(parquetry: Runner, theirs: str, words: tuple[str, ...]) -> None:
    found = parquetry("-C", theirs, *words)
    assert found.code == 0
    without_controls(found.out + found.err)
    if words[-1] in ("json", "--json"):
        json.loads(found.out)


@pytest.mark.parametrize("how", ["table", "json", "markdown"])
def test_results_steer_no_terminal(parquetry: Runner, theirs: str, how: str) -> None:
    found = parquetry("-C", theirs, "sql", "FROM t ORDER BY id", "--format", how)
    assert found.code == 0
    without_controls(found.out)
    if how == "json":
        assert json.loads(found.out)["rows"][0] == {"id": 1, HOSTILE: HOSTILE}


def test_csv_that_goes_to_a_program_is_the_data(parquetry: Runner, theirs: str) -> None:
    found = parquetry("-C", theirs, "sql", "FROM t WHERE id = 1", "--format", "csv")
    assert found.out == f"id,{HOSTILE}\n1,{HOSTILE}\n"
    parquetry("-C", theirs, "sql", "FROM t WHERE id = 1", "--format", "csv", "-o", "out.csv")
    assert Path("out.csv").read_bytes().decode() == found.out


@pytest.mark.parametrize(
    "statement",
    [
        f"SELECT '{HOSTILE}'::INT",
        f'SELECT "{HOSTILE}x" FROM t',
        f'SELECT * FROM "{HOSTILE}"',
        f"SELEC {HOSTILE}",
        "SELECT COLUMNS(lambda c: c != 'id')::INT FROM t",
        f"FROM read_parquet('{HOSTILE}')",
        f"FROM t@{HOSTILE}",
    ],
)
def test_errors_steer_no_terminal(parquetry: Runner, theirs: str, statement: str) -> None:
    found = parquetry("-C", theirs, "sql", statement)
    assert found.code == 3
    without_controls(found.err + found.out)
    assert "\\x1b" in found.err or "\\u001b" in found.err


@pytest.mark.parametrize(
    "words",
    [
        ("show", HOSTILE),
        ("schema", HOSTILE),
        ("snapshot", f"t={HOSTILE}"),
        ("branch", "create", HOSTILE),
        ("diff", "main", HOSTILE),
        ("log", f"--{HOSTILE}"),
        (HOSTILE,),
    ],
)
def test_arguments_are_shown_without_controls(
    parquetry: Runner, theirs: str, words: tuple[str, ...]
) -> None:
    found = parquetry("-C", theirs, *words)
    assert found.code in (2, 3)
    without_controls(found.err + found.out)


def test_messages_of_python_have_no_controls() -> None:
    error = InvalidInput(f"no {HOSTILE}\nwhy", hint=f"try {HOSTILE}")
    for text in (str(error), error.message, error.hint):
        without_controls(text)
    assert "\n" in error.message


def test_notes_and_warnings_have_no_controls(capsys: pytest.CaptureFixture[str]) -> None:
    stderr.note(HOSTILE)
    stderr.warning(HOSTILE)
    without_controls(capsys.readouterr().err)


def test_text_of_people_stays_as_it_is() -> None:
    text = "Größe 数量 \u00e9e\u0301 🙂 a\tb\nc"
    assert printable(text) == text
    assert dumped(text) == json.dumps(text, ensure_ascii=False)
    assert json.loads(dumped(HOSTILE + text)) == HOSTILE + text
    assert "\\u009b" in dumped(HOSTILE)


def on_terminal(*words: str, cwd: Path) -> str:
    """Returns what a command writes to a terminal."""
    owner, terminal = pty.openpty()
    try:
        done = subprocess.Popen(
            [sys.executable, "-m", "cli.main", *words],
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=terminal,
            stderr=terminal,
            env={**os.environ, "PYTHONPATH": str(REPOSITORY), "NO_COLOR": "1"},
        )
        os.close(terminal)
        found = io.BytesIO()
        while select.select([owner], [], [], 60)[0]:
            try:
                part = os.read(owner, 65536)
            except OSError:  # the other end is closed
                break
            if not part:
                break
            found.write(part)
        assert done.wait(60) == 0
        return found.getvalue().decode()
    finally:
        os.close(owner)


@pytest.mark.parametrize("how", ["csv", "json"])
def test_a_terminal_is_not_steered_by_data(theirs: str, how: str) -> None:
    found = on_terminal(
        "-C", theirs, "sql", "FROM t WHERE id = 1", "--format", how, cwd=Path(theirs)
    )
    without_controls(found.replace("\r\n", "\n"))
    assert "[31m" in found


def test_parquet_is_the_data(parquetry: Runner, theirs: str) -> None:
    import pyarrow.parquet as pq

    parquetry("-C", theirs, "sql", "FROM t WHERE id = 1", "--format", "parquet", "-o", "o.parquet")
    assert pq.read_table("o.parquet").to_pylist() == [{"id": 1, HOSTILE: HOSTILE}]
