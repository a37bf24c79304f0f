"""``kill -9`` at any moment leaves the old or the new state in a directory.

``--thorough`` kills twenty times as often.
"""

import shutil
from pathlib import Path

import pytest

from catalog.catalog import Catalog
from tests.effort import effort

from .kills import Auditor, MergeAuditor, kill_mergers, kill_writers

KILLS = effort(10, 200)


@pytest.mark.invariant("A writer killed at any moment leaves the old state or the new one")
def test_a_writer_killed_at_any_moment_loses_nothing(disk_path: Path) -> None:
    root, source = disk_path / "lake", disk_path / "source"
    auditor = Auditor(Catalog.create(str(root)).uri)
    kill_writers(auditor, source, kills=KILLS, within_s=0.08)
    leftovers = list((root / "tmp").iterdir())
    shutil.rmtree(root / "tmp")
    shutil.rmtree(root / "locks")
    kill_writers(auditor, source, kills=0, within_s=0)
    print(f"{len(leftovers)} files left in tmp/")


def test_merges_killed_at_any_moment_leave_both_tables_alike(disk_path: Path) -> None:
    auditor = MergeAuditor(Catalog.create(str(disk_path / "lake")).uri)
    kill_mergers(auditor, kills=max(KILLS // 4, 1), within_s=1.5)
