"""Workspaces: an engine that is opened when it is used, and what is made in it."""

import os
from pathlib import Path

import pytest

from catalog.engine.workspace import Workspace
from catalog.write.merge.space import merge_schema


def test_a_workspace_takes_no_room_before_it_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    unused = Workspace()
    unused.close()
    assert os.listdir(tmp_path) == []
    used = Workspace()
    assert used.con.sql("SELECT 1").fetchall() == [(1,)]
    assert os.listdir(tmp_path) == [os.path.basename(used.folder)]
    used.close()
    assert os.listdir(tmp_path) == []


def test_names_in_a_workspace_are_all_different() -> None:
    work = Workspace()
    assert len({work.name("hits"), work.name("hits"), work.name("found")}) == 3


def test_what_a_merge_makes_in_the_engine_goes_with_it() -> None:
    work = Workspace()
    with merge_schema(work) as schema:
        work.con.execute(f"CREATE TABLE {schema}.pairs AS SELECT 1 AS k")
        work.con.execute(f"CREATE VIEW {schema}.rows AS FROM {schema}.pairs")
    assert work.con.sql("SELECT count(*) FROM duckdb_tables()").fetchall() == [(0,)]
    views = "SELECT count(*) FROM duckdb_views() WHERE NOT internal"
    assert work.con.sql(views).fetchall() == [(0,)]
    work.close()
