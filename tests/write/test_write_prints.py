"""Fingerprints of files that the catalog writes: made of the rows on their way, never read back."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from catalog.catalog import Catalog
from catalog.diff.fingerprints import completing
from catalog.diff.fingerprints.compute import compute
from catalog.diff.fingerprints.keyed_file import KeyedFile
from catalog.operations.tables import stored_table
from catalog.repository.datafiles import locate
from catalog.repository.fingerprints import Fingerprints
from catalog.repository.tables import data_files

from .test_write_types import EXACT, OTHERWISE
from .writing import put

BY_ENGINE = ("uuid", "duration", "nested durations")
"""Types of which the engine writes the files, whose rows never come by here."""

VALUES = {
    **EXACT,
    **{
        name: values
        for name, (values, _, _) in OTHERWISE.items()
        if name not in BY_ENGINE and isinstance(values, pa.Array)
    },
}
ROWS = 200_000


@pytest.fixture(autouse=True)
def _never_read_back(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> Any:
        raise AssertionError("a file of ours is read for its fingerprint")

    monkeypatch.setattr(completing, "compute", refused)


def check(cat: Catalog, table: str = "t") -> int:
    """Compares what is kept of all files with what reading them gives; returns their number."""
    repository = cat.repository
    found = stored_table(repository, table, cat.resolve("main"))
    files = list(data_files(repository.commits, found))
    for file in files:
        kept = Fingerprints(repository.store).read(file, found.snapshot.key)
        path = locate(repository.store, file)
        read = compute(path, KeyedFile(found.snapshot, file, found.snapshot.key))
        own = {"encoded": {}, "writer": "", "verdicts": {}}
        assert replace(kept, **own) == replace(read, **own)
    return len(files)


def run(cat: Catalog, statement: str, branch: str = "main") -> None:
    with cat.transaction(branch) as tx:
        tx.sql(statement)


@pytest.mark.invariant(
    "A fingerprint is the same whether its rows were read, written, or stored as before"
)
@pytest.mark.parametrize("name", VALUES)
@pytest.mark.parametrize("key", [None, ["id"]])
def test_every_type(cat: Catalog, name: str, key: list[str] | None) -> None:
    values = VALUES[name]
    rows = pa.table({"v": values, "id": pa.array(range(len(values)))})
    put(cat, "t", rows, key=key)
    assert check(cat) == 1


def table(rows: int, seed: int = 0) -> pa.Table:
    """Makes rows in several blocks and row groups, with NULL, NaN and text, their keys shuffled."""
    rng = np.random.default_rng(seed)
    x = rng.random(rows)
    x[:3] = np.nan, np.inf, -0.0
    return pa.table(
        {
            "id": rng.permutation(rows),
            "p": rng.integers(0, 2, rows),
            "x": pa.array(x, mask=rng.random(rows) < 0.1),
            "s": [f"é{n % 100}" for n in range(rows)],
            "l": pa.array([[n, None] if n % 3 else None for n in range(rows)]),
        }
    )


@pytest.mark.parametrize("partition_by", [None, ["p"]])
@pytest.mark.parametrize("key", [None, ["id"], ["p", "s"]])
def test_many_rows(cat: Catalog, key: list[str] | None, partition_by: list[str] | None) -> None:
    put(cat, "t", table(ROWS), key=key, partition_by=partition_by)
    assert check(cat) == (2 if partition_by else 1)


def test_every_way_to_write(cat: Catalog) -> None:
    put(cat, "t", table(5_000), key=["id"], partition_by=["p"])
    put(cat, "t", table(5_000, seed=1).slice(0, 100), mode="upsert")
    check(cat)
    for statement in (
        "UPDATE t SET x = x + 1 WHERE id % 10 = 0",
        "DELETE FROM t WHERE id < 50",
        "INSERT INTO t SELECT id + 10000, p, x, s, l FROM t LIMIT 10",
        "ALTER TABLE t ADD COLUMN y DOUBLE DEFAULT 1.5",
    ):
        run(cat, statement)
        check(cat)


def test_merged_rows(cat: Catalog) -> None:
    put(cat, "t", table(5_000), key=["id"], partition_by=["p"])
    cat.branches.create("fix", at="main")
    run(cat, "UPDATE t SET x = 0 WHERE id % 7 = 0", branch="fix")
    run(cat, "UPDATE t SET s = 'y' WHERE id % 5 = 0")
    cat.merge("fix", into="main")
    assert check(cat) == 2


def test_a_rewritten_snapshot_decodes_what_changed_alone(
    cat: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is known of the files that go stands in for columns that are stored as there."""
    source = tmp_path / "source"
    source.mkdir()
    given: list[int] = []

    def counted(*args: Any, **more: Any) -> Any:
        given.append(len(args[2]))
        return compute(*args, **more)

    monkeypatch.setattr(completing, "compute", counted)
    rows = table(1_000).drop_columns(["p"]).sort_by("id")
    for version in (rows, rows.set_column(1, "x", pa.array(range(1_000)).cast("double"))):
        pq.write_table(version, source / "a.parquet")
        with cat.transaction("main") as tx:
            tx.snapshot("t", str(source), key=["id"])
    assert given == [0, 1]
    assert check(cat) == 1
