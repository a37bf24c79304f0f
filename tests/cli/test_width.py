"""How wide text is drawn: as asked for, as wide as the terminal, or in full in a file."""

from pathlib import Path

import pytest

from tests.cli import terminals
from tests.cli.conftest import Runner

NOTE = "a note that says a good deal more than what fits into any terminal of today's sizes"


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Is a catalog with a wide table in which every row changes."""
    import pyarrow as pa

    import catalog

    root = tmp_path_factory.mktemp("width")
    cat = catalog.create(str(root / "lake"))
    rows = {"id": list(range(40)), "note": [NOTE] * 40, "amount": [1.0] * 40}
    with cat.transaction("main") as tx:
        tx.write("orders", pa.table(rows), mode="append", key=["id"])
    with cat.transaction("main") as tx:
        tx.sql("UPDATE orders SET note = note || ' and more', amount = amount * 1.19")
    return root


def widest(text: str) -> int:
    from catalog.report.figures import columns_of

    return max(columns_of(line) for line in terminals.bare(text).splitlines())


@pytest.mark.parametrize("columns", [60, 100, 200])
def test_a_drawing_is_as_wide_as_the_terminal(lake: Path, columns: int) -> None:
    words = ("-C", "lake", "--no-pager", "diff", "main~1", "--rows")
    assert widest(terminals.shown(*words, cwd=lake, columns=columns)) <= columns


def test_a_table_of_rows_is_as_wide_as_the_terminal(lake: Path) -> None:
    words = ("-C", "lake", "--no-pager", "sql", "FROM orders")
    assert widest(terminals.shown(*words, cwd=lake, columns=60)) <= 60


def test_columns_and_width_count_where_there_is_no_terminal(
    lake: Path, parquetry: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    def drawn(columns: str, *width: str) -> str:
        monkeypatch.setenv("COLUMNS", columns)
        return parquetry("-C", str(lake / "lake"), "diff", "main~1", *width).out

    by_option = drawn("200", "--width", "60")
    assert drawn("60") == by_option
    assert widest(by_option) <= 60
    assert widest(drawn("none")) <= 100


@pytest.mark.invariant("A file that a drawing is written to holds it in full, whatever the width")
def test_a_file_holds_a_drawing_in_full(
    lake: Path, parquetry: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    at = ("-C", str(lake / "lake"))
    target = tmp_path / "changes.txt"
    assert parquetry(*at, "diff", "main~1", "--rows", "--limit", "-1", "-o", str(target)).code == 0
    assert target.read_text().count("amount: 1.0 → 1.19") == 40
    assert parquetry(*at, "diff", "main~1", "-o", str(target)).code == 0
    assert "wider" not in target.read_text()
    assert "sum" in target.read_text()
    assert parquetry(*at, "--width", "60", "diff", "main~1", "-o", str(target)).code == 0
    assert widest(target.read_text()) <= 60


@pytest.mark.parametrize("place", ["before", "after"])
def test_a_width_is_taken_before_and_after_the_command(
    lake: Path, parquetry: Runner, place: str
) -> None:
    at, width = ("-C", str(lake / "lake")), ("--width", "40")
    words = (*at, *width, "log") if place == "before" else (*at, "log", *width)
    assert widest(parquetry(*words, "--oneline").out) <= 40
    every = parquetry(*at, "--width", "-1", "sql", "SELECT note, note, note FROM orders").out
    assert widest(every) == 60 * 3 + 4


def test_a_width_that_holds_nothing_is_refused(lake: Path, parquetry: Runner) -> None:
    for value in ("0", "5", "-2"):
        outcome = parquetry("--width", value, "-C", str(lake / "lake"), "tables")
        assert outcome.code == 2
        assert "too narrow" in outcome.err
