"""File sets at the command line: taken, restored, printed, and refused."""

import json
import os
import sys
from pathlib import Path

import pytest

from cli.main import run
from tests.cli.conftest import Runner
from tests.write.file_trees import contents, plant

FILES = {"a/one.txt": b"one\n", "a/two.bin": b"\x00\xff", "three": b"\x1b[31mred"}


@pytest.fixture(autouse=True)
def source(tmp_path: Path) -> Path:
    (tmp_path / "parquetry.toml").write_text(
        'catalog = "lake"\n[tables.docs]\nsource = "docs"\nformat = "files"\n'
    )
    assert run(["init", "lake"]) == 0
    return plant(tmp_path / "docs", FILES)


def test_a_directory_of_the_configuration(source: Path, parquetry: Runner) -> None:
    taken = parquetry("snapshot", "-m", "first")
    assert taken.out.startswith("docs  3 rows in 14 B; files: 3 added; ")
    plant(source, {"a/one.txt": b"ONE\n"})
    (state,) = json.loads(parquetry("status", "--json").out)["tables"]
    assert (state["state"], state["files_added"], state["files_kept"]) == ("changed", 1, 2)
    shown = parquetry("status", "docs=docs", "--json").out
    assert json.loads(shown)["tables"][0]["state"] == "changed"
    assert parquetry("snapshot", "docs", "-m", "second").code == 0
    assert "nothing changed, no commit" in parquetry("snapshot").out
    restored = parquetry("export", "docs@main~1", "out", "--format", "files")
    assert restored.out == "wrote 3 files of docs@main~1 to out\n"
    assert contents(source.parent / "out") == FILES
    again = parquetry("export", "docs", "out", "--format", "files")
    assert (again.code, "exists" in again.err) == (3, True)


def test_one_file_is_printed(
    capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(["snapshot", "-m", "first"]) == 0
    for path, content in FILES.items():
        capfdbinary.readouterr()
        assert run(["cat", "docs@main", path]) == 0
        assert capfdbinary.readouterr().out == content
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert run(["cat", "docs", "three"]) == 0
    assert b"\x1b" not in capfdbinary.readouterr().out
    assert run(["cat", "docs", "a/two.bin"]) == 2
    assert run(["cat", "docs", "a/tow.txt"]) == 3
    assert b"hint: did you mean a/one.txt?" in capfdbinary.readouterr().err


def test_what_cannot_be_is_refused_with_a_hint(source: Path, parquetry: Runner) -> None:
    assert parquetry("snapshot", "-m", "first").code == 0
    (source / "out").symlink_to(os.sep)
    for words, hint in (
        (("snapshot",), "put a copy in the place of the link, or remove it"),
        (("snapshot", "docs=docs", "--format", "parquet"), "with --format files"),
        (("snapshot", "other=docs/a"), "--format files"),
        (("snapshot", "--partitions"), "--append adds and replaces files"),
        (("snapshot", "x=docs/a", "--images", "never"), "--format files"),
        (("sql", "--branch", "main", "-m", "x", "UPDATE docs SET size = 0"), "--format files"),
    ):
        outcome = parquetry(*words)
        assert outcome.code == 3, (words, outcome)
        assert hint in outcome.err.partition("hint: ")[2], (words, outcome.err)
