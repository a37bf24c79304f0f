"""Data files that a disk or a stranger damaged: every way ends in one kind of error."""

import random
from collections.abc import Callable
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

import catalog
from catalog.catalog import Catalog
from catalog.errors import CorruptData

ROWS = 3000
DAMAGES = 40


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("damaged") / "lake"
    chance = random.Random(7)
    rows = pa.table(
        {
            "id": range(ROWS),
            "unlike": [f"v{chance.random()}" for _ in range(ROWS)],
            "alike": [f"k{n % 5}" for n in range(ROWS)],
            "x": [chance.random() if n % 7 else None for n in range(ROWS)],
            "lists": [[n, n + 1] for n in range(ROWS)],
        }
    )
    cat = catalog.create(str(root))
    with cat.transaction("main", message="first") as tx:
        tx.write("t", rows, mode="append", key=["id"])
    with cat.transaction("main", message="second") as tx:
        tx.sql("UPDATE t SET x = x + 1 WHERE id % 100 = 0")
    return root


def damaged(good: bytes, chance: random.Random) -> bytes:
    """Returns bytes with some of them replaced: anywhere, near the start, or in the footer."""
    if chance.random() < 0.1:
        return good[: chance.randrange(len(good))]
    bad = bytearray(good)
    at = chance.choice(
        [
            chance.randrange(len(good)),
            chance.randrange(4, 200),
            len(good) - 1 - chance.randrange(1200),
        ]
    )
    for place in range(at, min(at + chance.choice([1, 4, 20]), len(good))):
        bad[place] ^= chance.randrange(1, 256)
    return bytes(bad)


def counted(cat: Catalog, folder: Path) -> None:
    with cat.diff("main~1", "main", method="join") as found:
        assert found["t"].rows.before == ROWS


def listed(cat: Catalog, folder: Path) -> None:
    with cat.diff("main~1", "main", level="rows") as found:
        found["t"].changes().read_all()


def exported(cat: Catalog, folder: Path) -> None:
    cat.export("t", str(folder / "out"), ref="main")


def updated(cat: Catalog, folder: Path) -> None:
    with cat.transaction("main") as tx:
        tx.sql("UPDATE t SET x = 2")
    cat.reset("main", to="main~1")


@pytest.mark.invariant(
    "A damaged data file is reported as such, and its damage never enters a new file"
)
@pytest.mark.parametrize("way", [counted, listed, exported, updated])
def test_damage_is_reported_as_such(
    lake: Path, tmp_path: Path, way: Callable[[Catalog, Path], None]
) -> None:
    chance = random.Random(11)
    newest = catalog.open(str(lake)).files("t")[0].path
    told = 0
    for number in range(DAMAGES):
        path = lake / newest
        good = path.read_bytes()
        folder = tmp_path / str(number)
        folder.mkdir()
        path.chmod(0o644)
        path.write_bytes(damaged(good, chance))
        try:
            way(catalog.open(str(lake)), folder)
        except CorruptData as error:
            assert error.hint
            told += 1
        finally:
            path.write_bytes(good)
    if way in (exported, updated):
        assert told == DAMAGES, "whatever is wrong would become part of new files"
    else:
        assert told > DAMAGES / 4
    way(catalog.open(str(lake)), tmp_path)


def test_reading_by_oneself_fails_in_the_words_of_the_engine(lake: Path) -> None:
    """A relation is DuckDB's own, and so is what it raises."""
    path = lake / catalog.open(str(lake)).files("t")[0].path
    relation = catalog.open(str(lake)).sql("SELECT sum(x) FROM t")
    good = path.read_bytes()
    path.chmod(0o644)
    path.write_bytes(good[:1000] + bytes(len(good) - 3000) + good[-2000:])
    try:
        with pytest.raises(duckdb.Error):
            relation.fetchall()
    finally:
        path.write_bytes(good)
