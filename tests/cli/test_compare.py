"""``compare``: the options, formats and exit codes of ``diff``, without a catalog."""

import json
import shutil
from pathlib import Path

import pytest

from cli.exit_codes import ExitCode
from tests.cli.conftest import Runner, write_parquet


@pytest.fixture
def places(tmp_path: Path) -> Path:
    old = {"id": [1, 2, 3], "amount": [10.0, None, 3.0], "note": ["a", "b", "c"]}
    new = {"id": [1, 2, 4], "amount": [10.001, 5.0, 3.0], "note": ["a", "b", "c"]}
    write_parquet(tmp_path / "old/day=2024-01-01/a.parquet", old)
    write_parquet(tmp_path / "new/day=2024-01-01/b.parquet", new)
    return tmp_path


def below(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_the_picture_names_the_places(parquetry: Runner, places: Path) -> None:
    before = below(places)
    outcome = parquetry("compare", "old", "new", "--key", "id")
    assert outcome.code == ExitCode.OK
    assert outcome.out.startswith("old → new\n\ndata  modified  key id\n")
    assert "1 inserted, 1 deleted (33.3 %), 2 updated (66.7 %)" in outcome.out
    assert below(places) == before


def test_json_has_the_form_of_a_diff(parquetry: Runner, places: Path) -> None:
    found = json.loads(parquetry("compare", "old", "new", "--key", "id", "--json").out)
    nobody = {"time": None, "author": None, "message": None}
    assert found["from"] == {"ref": "old", "commit": None, **nobody}
    assert found["to"] == {"ref": "new", "commit": None, **nobody}
    (table,) = found["tables"]
    assert (table["table"], table["rows"]["updated"]) == ("data", 2)


@pytest.mark.parametrize(
    ("words", "out"),
    [
        (("--stat",), "rows not compared"),
        (("--schema",), "no schema differs"),
        (("--files",), "b.parquet"),
        (("--explain",), "reads"),
        (("--rows", "--change", "inserted"), "(1 of 4 changed rows)"),
        (("--rows", "--where", "_to.amount = 5"), "amount: NULL → 5.0"),
        (("--column", "note"), "1 inserted, 1 deleted"),
        (("--tolerance", "amount=0.01"), "1 updated"),
        (("--format", "markdown"), "### Changes old → new"),
        (("--format", "csv"), "1,updated,amount,1,10.0,a,2024-01-01,1,10.001,a,2024-01-01"),
        (("--check-keys", "--full-stats", "--method", "join"), "2 updated"),
    ],
)
def test_it_takes_the_options_of_diff(
    words: tuple[str, ...], out: str, parquetry: Runner, places: Path
) -> None:
    outcome = parquetry("compare", "old", "new", "--key", "id", *words)
    assert outcome.code == ExitCode.OK, outcome.err
    assert out in outcome.out


def test_files_are_written(parquetry: Runner, places: Path) -> None:
    words = ("compare", "old", "new", "--key", "id", "--format", "parquet", "-o", "rows.parquet")
    assert parquetry(*words).err == "wrote 4 rows to rows.parquet\n"
    assert (places / "rows.parquet").read_bytes()[:4] == b"PAR1"


def test_the_exit_code_tells_whether_anything_differs(parquetry: Runner, places: Path) -> None:
    assert parquetry("compare", "old", "new", "--exit-code").code == ExitCode.ANSWER_IS_NO
    shutil.copytree("old", "same")
    assert parquetry("compare", "old", "same", "--exit-code").code == ExitCode.OK
    tolerant = ("--key", "id", "--column", "note", "--query", "FROM data WHERE id < 3")
    assert parquetry("compare", "old", "new", "--exit-code", *tolerant).code == ExitCode.OK


def test_a_table_is_found_as_everywhere(
    parquetry: Runner, places: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert parquetry("init", "lake").code == ExitCode.OK
    for place in ("old", "new"):
        assert parquetry("-C", "lake", "snapshot", f"t={place}", "--key", "id").code == ExitCode.OK
    before = below(places / "lake")
    outcome = parquetry("-C", "lake", "compare", "t@main~1", "new")
    assert "key id" in outcome.out and "2 updated" in outcome.out
    monkeypatch.setenv("PARQUETRY_CATALOG", "lake")
    assert "2 updated" in parquetry("compare", "t@main~1", "t@main").out
    assert "unchanged" in parquetry("compare", "new", "t@main").out
    assert below(places / "lake") == before


@pytest.mark.parametrize(
    ("words", "error", "hint"),
    [
        (("old", "nowhere"), "no file or directory nowhere", "nowhere@main"),
        (("old", "t@main"), "t@main is neither a file nor a directory", "-C DIR"),
        (("old", "new", "--key", "idd"), "key column 'idd' is missing in old and new", "mean id?"),
        (("old", "new", "--key", "id", "--where", "x"), "--where", "add --rows"),
    ],
)
def test_errors_say_what_helps(
    words: tuple[str, ...], error: str, hint: str, parquetry: Runner, places: Path
) -> None:
    before = below(places)
    outcome = parquetry("compare", *words)
    assert outcome.code in (ExitCode.USAGE, ExitCode.ERROR) and not outcome.out
    assert error in outcome.err and hint in outcome.err
    assert below(places) == before
