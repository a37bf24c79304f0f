"""The pager: as git uses one, for text on a terminal that is longer than the screen."""

import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.cli import terminals
from tests.cli.conftest import in_process

MARK = "sed 's/^/paged: /'"

PROGRESS = "\r\x1b[K"
"""What wipes a line of progress, which a slow machine shows."""


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Is a catalog with 60 branches, more than a screen holds."""
    import pyarrow as pa

    import catalog

    root = tmp_path_factory.mktemp("pager")
    cat = catalog.create(str(root / "lake"))
    for n in range(60):
        cat.branches.create(f"branch-{n}")
    with cat.transaction("main") as tx:
        tx.write("orders", pa.table({"id": [1, 2, 3]}), mode="append", key=["id"])
    return root


def shown(
    *words: str, cwd: Path, rows: int = 24, env: Mapping[str, str] | None = None, columns: int = 80
) -> str:
    words = ("-C", "lake", *words)
    return terminals.shown(*words, cwd=cwd, rows=rows, columns=columns, env=env)


def test_text_that_is_longer_than_the_screen_is_shown_by_the_pager(lake: Path) -> None:
    text = shown("branch", "list", cwd=lake, env={"PAGER": MARK})
    assert text.count("paged: branch-") == 60


def test_text_that_fits_the_screen_is_not(lake: Path) -> None:
    text = shown("branch", "list", cwd=lake, rows=100, env={"PAGER": MARK})
    assert "paged" not in text
    assert text.count("branch-") == 60


def test_lines_that_the_terminal_wraps_count_as_often(lake: Path) -> None:
    words, env = ("sql", "FROM range(8)", "--width", "200"), {"PAGER": MARK}
    wide = "SELECT range, repeat('x', 59) AS a, repeat('y', 59) AS b FROM range(8)"
    assert "paged" not in shown(*words, cwd=lake, rows=20, env=env)
    assert "paged" in shown("sql", wide, *words[2:], cwd=lake, rows=20, columns=40, env=env)


@pytest.mark.parametrize(
    ("env", "is_paged"),
    [
        ({"PAGER": MARK, "PARQUETRY_PAGER": "cat"}, False),
        ({"PAGER": MARK, "PARQUETRY_PAGER": ""}, False),
        ({"PAGER": "no-such-pager", "PARQUETRY_PAGER": MARK}, True),
        ({"PAGER": "no-such-pager"}, False),
        ({"PAGER": MARK, "TERM": "dumb"}, False),
    ],
)
def test_which_pager_is_taken(lake: Path, env: Mapping[str, str], is_paged: bool) -> None:
    text = shown("branch", "list", cwd=lake, env=env)
    assert ("paged: " in text) is is_paged
    assert text.count("branch-") == 60


@pytest.mark.parametrize(
    "words", [("--no-pager", "branch", "list"), ("branch", "list", "--no-pager")]
)
def test_no_pager_is_used_if_none_is_wanted(lake: Path, words: tuple[str, ...]) -> None:
    assert "paged: " not in shown(*words, cwd=lake, env={"PAGER": MARK})


@pytest.mark.parametrize("how", ["json", "csv"])
def test_data_for_programs_is_not_paged(lake: Path, how: str) -> None:
    text = shown("branch", "list", "--format", how, cwd=lake, env={"PAGER": MARK})
    assert "branch-" in text
    assert "paged: " not in text


def test_less_is_told_to_keep_colours_unless_the_user_tells_it_something(lake: Path) -> None:
    tell = {"PAGER": "cat >/dev/null; echo LESS=$LESS"}
    assert "LESS=FRX" in shown("branch", "list", cwd=lake, env=tell)
    assert "LESS=S\n" in shown("branch", "list", cwd=lake, env={**tell, "LESS": "S"})


def test_colours_stay(lake: Path) -> None:
    text = shown("diff", "main~1", cwd=lake, rows=4, env={"PAGER": MARK})
    assert "\x1b[1morders\x1b[0m" in text
    assert "paged: " in text
    plain = shown("diff", "main~1", cwd=lake, rows=4, env={"PAGER": MARK, "NO_COLOR": "1"})
    assert "\x1b" not in plain.replace(PROGRESS, "")


@pytest.mark.skipif(shutil.which("less") is None, reason="less is not installed")
def test_less_is_the_pager_unless_another_is_named(lake: Path) -> None:
    with terminals.started("-C", "lake", "branch", "list", cwd=lake) as one:
        one.wait_for("branch-0 ")
        assert "branch-9 " not in one.text
        one.type("q")
    assert one.process.returncode == 0


def test_leaving_the_pager_early_is_no_failure(lake: Path) -> None:
    words = ("-C", "lake", "--no-pager", "sql", "FROM range(900)")
    with terminals.started("-C", "lake", *words[3:], cwd=lake, env={"PAGER": "head -3"}) as one:
        pass
    assert one.process.returncode == 0
    assert "Traceback" not in one.text
    assert one.text.count("\n") == 3


def test_nothing_is_paged_where_there_is_no_terminal(lake: Path) -> None:
    outcome = in_process("-C", "lake", "branch", "list", cwd=lake, env={"PAGER": MARK})
    assert "paged: " not in outcome.out
