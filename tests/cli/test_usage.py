"""Usage: errors, hints, exit codes, and how the catalog is found."""

import re
from pathlib import Path

import pytest

import catalog
from catalog.errors import CatalogError, Conflict
from cli import application
from cli.main import run
from tests.cli.conftest import Outcome, Runner, in_process


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        (["lgo"], "no command parquetry lgo", "did you mean log?"),
        (["branch", "lst"], "no command parquetry branch lst", "did you mean list?"),
        (["xyzzy"], "no command parquetry xyzzy", "parquetry --help lists the commands"),
        (["log", "--grph"], "no such option: --grph", "did you mean --graph or --grep?"),
        (["log", "-n", "x"], None, "parquetry log --help"),
        (["show", "main", "more"], None, "parquetry show --help"),
        (["log", "-C", "lake"], None, "put it before the command: parquetry -C URI COMMAND"),
        (["schema"], None, "parquetry schema --help"),
    ],
)
def test_wrong_usage_exits_with_2_and_a_hint(
    parquetry: Runner, words: list[str], message: str | None, hint: str
) -> None:
    outcome = parquetry(*words)
    assert outcome.code == 2
    assert outcome.out == ""
    first, second = outcome.err.splitlines()
    assert first.startswith("error: ")
    assert message is None or first == f"error: {message}"
    assert second == f"hint: {hint}"


def test_no_arguments_print_help_and_exit_with_2(parquetry: Runner) -> None:
    outcome = parquetry()
    assert outcome.code == 2
    assert outcome.err.startswith("Usage: parquetry")


def test_version_is_printed(parquetry: Runner) -> None:
    assert parquetry("--version") == Outcome(0, f"parquetry {catalog.__version__}\n", "")


def failing(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(catalog, "open", fail)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (CatalogError("it failed", hint="do this"), 3),
        (Conflict("it failed", hint="do this"), 4),
        (KeyboardInterrupt(), 130),
        (PermissionError(13, "Permission denied", "/x"), 3),
    ],
)
def test_errors_have_their_exit_codes(
    monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int
) -> None:
    failing(monkeypatch, error)
    assert run(["-C", "lake", "log"]) == code


def test_an_error_is_two_lines(parquetry: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch, CatalogError("it failed", hint="do this"))
    outcome = parquetry("-C", "lake", "log")
    assert (outcome.out, outcome.err) == ("", "error: it failed\nhint: do this\n")


def test_a_mistake_of_ours_shows_no_traceback_unless_asked(
    parquetry: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(monkeypatch, KeyError("x"))
    assert parquetry("-C", "lake", "log").err.startswith("error: internal error: KeyError: 'x'\n")
    monkeypatch.setenv("PARQUETRY_DEBUG", "1")
    assert "Traceback" in parquetry("-C", "lake", "log").err


def test_no_catalog_says_how_to_get_one(parquetry: Runner) -> None:
    outcome = parquetry("log")
    assert outcome.code == 3
    assert "parquetry init" in outcome.err
    assert parquetry("-C", "nowhere", "log").err.endswith(
        "hint: create one with: parquetry init nowhere\n"
    )


def test_the_catalog_is_found_in_order(
    parquetry: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b", "c"):
        parquetry("init", name)
        parquetry("-C", name, "branch", "create", f"in-{name}")
    (tmp_path / "deep/er").mkdir(parents=True)
    (tmp_path / "parquetry.toml").write_text('catalog = "c"\n')
    monkeypatch.chdir(tmp_path / "deep/er")
    assert "in-c" in parquetry("branch", "list").out
    monkeypatch.chdir(tmp_path / "a/refs")
    assert "in-a" in parquetry("branch", "list").out
    monkeypatch.setenv("PARQUETRY_CATALOG", str(tmp_path / "b"))
    assert "in-b" in parquetry("branch", "list").out
    assert "in-a" in parquetry("-C", str(tmp_path / "a"), "branch", "list").out


def commands() -> list[tuple[str, ...]]:
    names: list[tuple[str, ...]] = []
    for name, command in application.command().commands.items():
        names += [(name, inner) for inner in getattr(command, "commands", ())] or [(name,)]
    return names


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_help_begins_with_an_imperative_sentence(parquetry: Runner, words: tuple[str, ...]) -> None:
    outcome = parquetry(*words, "--help")
    assert outcome.code == 0
    first = outcome.out.split("\n\n")[1].split()[0]
    assert re.fullmatch(r"[A-Z][a-z]+[^s]", first), first


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_completion_script_is_printed(tmp_path: Path, shell: str) -> None:
    outcome = in_process(
        "--show-completion",
        shell,
        cwd=tmp_path,
        env={"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"},
    )
    assert outcome.code == 0, outcome.err
    assert "_PARQUETRY_COMPLETE" in outcome.out


def test_completion_offers_refs_and_their_ranges(tmp_path: Path, parquetry: Runner) -> None:
    parquetry("init", "lake")
    for name in ("backfill/a", "backfill/b"):
        parquetry("-C", "lake", "branch", "create", name)

    def completed(words: str, last: str) -> list[str]:
        outcome = in_process(
            cwd=tmp_path,
            env={
                "_PARQUETRY_COMPLETE": "complete_bash",
                "COMP_WORDS": f"parquetry -C lake {words} {last}",
                "COMP_CWORD": str(3 + len(words.split())),
            },
        )
        assert outcome.err == ""
        return outcome.out.split()

    assert completed("log", "back") == ["backfill/a", "backfill/b"]
    assert completed("diff", "main..backfill/b") == ["main..backfill/b"]
