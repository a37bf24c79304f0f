"""Help: commands and options in groups, and no summary that is cut."""

import pytest

from cli.application import command
from cli.help_groups import COMMANDS, DIFF_OPTIONS, summary
from tests.cli.conftest import Runner


def test_every_command_is_in_one_group() -> None:
    named = [name for names in COMMANDS.values() for name in names]
    assert sorted(named) == sorted(command().commands)


def test_no_summary_is_cut_at_80_columns(
    parquetry: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    text = parquetry("--help").out
    lines = text.partition("Bring data in:")[2].partition("Exit codes")[0].splitlines()
    told = [line.split(maxsplit=1) for line in lines if line.strip() and line.startswith("  ")]
    assert len(told) == len(command().commands)
    assert all(line[1].endswith(".") and "..." not in line[1] for line in told)


def test_options_of_a_diff_are_in_groups(parquetry: Runner) -> None:
    text = parquetry("diff", "--help").out
    for title in DIFF_OPTIONS:
        assert f"\n{title}:\n" in text
    assert text.endswith("Options:\n  -h, --help  Show this message and exit.\n")


def test_a_long_sentence_loses_its_last_clauses() -> None:
    assert summary("Show it. More.", 40) == "Show it."
    assert summary("Show what changed: rows, columns, to the cell.", 30) == "Show what changed."
    assert summary("List every state of a row, newest first, with all.", 45) == (
        "List every state of a row, newest first."
    )
    assert summary("Show it\nall over.\n\nMore of it.", 40) == "Show it all over."
