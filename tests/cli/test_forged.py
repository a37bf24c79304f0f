"""A catalog that somebody else wrote is data: it runs no SQL, and leads nowhere else."""

from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Outcome, Runner
from tests.repository.forge import Forgery, forge

INJECTED = [
    "VARCHAR) || (SELECT content FROM read_text('{secret}')",
    "INTEGER) AS v FROM (VALUES (1,1)) qfile(q0,q1)); COPY (SELECT 'x' AS x) TO '{written}'; "
    "SELECT 1 AS id, * FROM (SELECT CAST(1 AS INTEGER",
    "VARCHAR); COPY (SELECT 'x' AS x) TO '{written}'; --",
    "GEOMETRY('') || (SELECT content FROM read_text('{secret}')) || ('')",
    "DECIMAL(5,2)) || (SELECT content FROM read_text('{secret}')",
]
SHELLS = ("{}", "{}[]", "list", "struct", "map")


@pytest.fixture
def strange(tmp_path: Path) -> tuple[Path, Path]:
    """A secret beside the catalog, and a place where nothing may be written."""
    secret, written = tmp_path / "secret.txt", tmp_path / "written.csv"
    secret.write_text("top secret")
    return secret, written


def everything(parquetry: Runner, table: str, out: Path) -> list[Outcome]:
    """Runs all that reads the newest commit and what it has of a table."""
    return [
        parquetry("-C", "lake", *words)
        for words in (
            ("log",),
            ("log", "--json"),
            ("show", "main"),
            ("show", "main", "--json"),
            ("schema", table),
            ("schema", table, "--json"),
            ("sql", f"FROM {table}"),
            ("sql", f"FROM {table}", "--json"),
            ("sql", f"SELECT count(*) FROM {table} WHERE note = 'a' OR amount > 3"),
            ("diff", "main~1", "main"),
            ("diff", "main~1", "main", "--stat"),
            ("diff", "main~1", "main", "--rows"),
            ("diff", "main~1", "main", "--format", "markdown"),
            ("diff", "main~1", "main", "--json"),
            ("views", str(out / "views.duckdb")),
            ("export", table, str(out / "exported")),
            ("export", table, str(out / "exported.csv")),
            ("export", table, str(out / "exported.parquet")),
            ("status",),
            ("branch", "list"),
            ("branch", "create", "theirs", "main"),
            ("sql", "--branch", "theirs", f"UPDATE {table} SET note = 'z' WHERE note = 'a'"),
            ("merge", "theirs", "-m", "merged"),
        )
    ]


def check(outcomes: list[Outcome], secret: Path, written: Path) -> None:
    """Checks that nothing was run or shown, and that commands ended as they should."""
    assert not written.exists()
    for outcome in outcomes:
        assert "internal error" not in outcome.err
        assert "top secret" not in outcome.out + outcome.err
        assert outcome.code in (0, 1, 2, 3, 4)


def in_shell(shell: str, name: str) -> Any:
    """Returns a stored type that has another one inside."""
    match shell:
        case "list":
            return {"list": name}
        case "struct":
            return {"struct": [["a", name]]}
        case "map":
            return {"map": ["VARCHAR", name]}
    return shell.format(name)


@pytest.mark.invariant("A catalog that somebody else wrote runs no SQL")
@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("where", ["field", "file"])
def test_a_stored_type_is_never_run(
    parquetry: Runner,
    lake: Path,
    tmp_path: Path,
    strange: tuple[Path, Path],
    where: str,
    shell: str,
) -> None:
    secret, written = strange
    pristine = (lake / "refs/branches/main.json").read_bytes()
    for injected in INJECTED:
        name = in_shell(shell, injected.format(secret=secret, written=written))

        def change(table: dict[str, Any], name: Any = name) -> None:
            if where == "field":
                table["schema"][1][2] = name
            else:
                for columns in table["file_schemas"].values():
                    columns[1][1] = name

        forge(lake, Forgery(table=change), name="orders")
        outcomes = [
            parquetry("-C", "lake", *words)
            for words in (
                ("schema", "orders"),
                ("sql", "FROM orders"),
                ("diff", "main~1", "main", "--rows"),
                ("views", "views.duckdb"),
                ("export", "orders", "exported"),
                ("export", "orders", "exported.csv"),
            )
        ]
        check(outcomes, secret, written)
        assert {outcome.code for outcome in outcomes} == {3}
        assert all("unknown column type" in outcome.err for outcome in outcomes)
        (lake / "refs/branches/main.json").write_bytes(pristine)
