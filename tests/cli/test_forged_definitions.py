"""A catalog whose definitions somebody forged: none of them runs, and no command of it."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Runner
from tests.effort import effort
from tests.query.stored.statements import HOSTILE
from tests.repository.forge import Forgery, forge

SQL = "SELECT day, count(*) AS n FROM orders GROUP BY day"
SECRET = "only-for-ana-5d41402a"

READING = (
    ("status", "--stale"),
    ("status",),
    ("schema", "daily"),
    ("show", "main"),
    ("lineage", "daily"),
    ("log",),
    ("sql", "SELECT count(*) FROM daily"),
    ("refresh", "--explain"),
    ("refresh", "--dry-run"),
)
"""Commands that look at a catalog; they may refuse it."""

WRITING = (
    ("refresh",),
    ("refresh", "--full"),
    ("reproduce", "daily"),
    ("merge", "fix", "--into", "main"),
    ("rebase", "fix", "--onto", "main"),
)
"""Commands that would run a definition."""

CHOSEN = [sql for sql in HOSTILE if sql.strip()]


@pytest.fixture
def derived(parquetry: Runner, lake: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SECRET_WORD", SECRET)
    assert parquetry("derive", "daily", "--sql", SQL).code == 0
    assert parquetry("branch", "create", "fix").code == 0
    assert parquetry("sql", "--branch", "fix", "DELETE FROM orders WHERE order_id = 1").code == 0
    return lake


def define(lake: Path, **properties: str) -> None:
    """Forges the definition in the newest commit of main."""
    forged = {f"derive.{name}": text for name, text in properties.items()}

    def change(table: dict[str, Any]) -> None:
        table["properties"] = forged

    forge(lake, Forgery(table=change), name="daily")


@pytest.mark.invariant("SQL of a stranger reaches no file, setting or variable, whatever it says")
@pytest.mark.parametrize("sql", CHOSEN[:: effort(70, 3)])
def test_forged_sql_is_refused_when_it_would_run(
    parquetry: Runner, derived: Path, tmp_path: Path, sql: str
) -> None:
    secret, new = tmp_path / "secret.txt", tmp_path / "new.parquet"
    secret.write_text(SECRET)
    data = next((derived / "data").rglob("*.parquet"))
    before = data.read_bytes()
    places = {"secret": secret, "data": data, "name": f"catalog-file://{data}", "new": new}
    define(derived, sql=sql.format(**places, folder=tmp_path, variable="SECRET_WORD"))
    head = (derived / "refs/branches/main.json").read_bytes()
    for words in (*READING, *WRITING):
        done = parquetry(*words)
        assert "internal error" not in done.err
        assert SECRET not in done.out + done.err
        if words[0] == "refresh":
            assert done.code == 3, (words, done.out)
    assert not new.exists()
    assert data.read_bytes() == before
    assert (derived / "refs/branches/main.json").read_bytes() == head


@pytest.mark.invariant("Commands of a catalog run only if the user has allowed them")
def test_a_forged_command_does_not_run(parquetry: Runner, derived: Path, tmp_path: Path) -> None:
    new = tmp_path / "new.txt"
    define(derived, command=json.dumps(["touch", str(new)]), inputs='["orders"]', output="out")
    for words in (*READING, *WRITING):
        assert "internal error" not in parquetry(*words).err
    assert not new.exists()
