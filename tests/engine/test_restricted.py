"""The engine for SQL of strangers, taken alone: without the check that comes before it."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from catalog.engine.restricted import RestrictedEngine, restricted_engine
from catalog.model.limits import Limits
from tests.query.stored.statements import HOSTILE

SECRET = "only-for-ana-5d41402a"

ORDERS = pa.table({"id": [1, 2, 3], "amount": [1.5, 2.5, None], "note": ["a", "b", None]})


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[RestrictedEngine]:
    (tmp_path / "data").mkdir()
    pq.write_table(ORDERS, tmp_path / "data" / "orders.parquet")
    with restricted_engine(limits=Limits(time_s=20, memory_bytes=200 << 20)) as found:
        yield found


def test_it_reads_the_files_that_were_named(engine: RestrictedEngine, tmp_path: Path) -> None:
    (name,) = engine._files.allow([str(tmp_path / "data" / "orders.parquet")])
    sql = f"SELECT sum(amount) AS total FROM read_parquet('{name}')"
    assert engine.rows(sql).read_all().to_pylist() == [{"total": 4.0}]
    assert [column for column, _ in engine.describe(sql)] == ["total"]


@pytest.mark.invariant("SQL of a stranger reaches no file, setting or variable, whatever it says")
@pytest.mark.parametrize("statement", HOSTILE)
def test_hostile_statements_find_and_change_nothing(
    engine: RestrictedEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, statement: str
) -> None:
    """Each runs as it is: what the first wall refuses, the second makes harmless."""
    home = tmp_path / "home"
    home.mkdir()
    (home / "secret.txt").write_text(f"name,word\nana,{SECRET}\n")
    monkeypatch.setenv("SECRET_WORD", SECRET)
    data = tmp_path / "data" / "orders.parquet"
    (name,) = engine._files.allow([str(data)])
    engine.connection.execute(f"CREATE TEMP VIEW orders AS SELECT * FROM read_parquet('{name}')")
    sql = statement.format(
        secret=home / "secret.txt",
        data=data,
        name=name,
        new=home / "new.parquet",
        folder=home,
        variable="SECRET_WORD",
    )
    before = _state(tmp_path)
    if "sleep" not in sql:
        assert SECRET not in _shown(engine, sql)
    assert _state(tmp_path) == before


def _shown(engine: RestrictedEngine, sql: str) -> str:
    """Returns everything that whoever runs SQL gets to see."""
    try:
        found = engine.connection.execute(sql)
        return str(None if found is None else found.fetchall())
    except (duckdb.Error, RuntimeError) as error:
        return str(error)


def _state(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
