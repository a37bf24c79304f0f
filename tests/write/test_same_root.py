"""The same content gives the same manifest root, whatever way a table came to it."""

import random
from pathlib import Path

import pytest

from catalog.catalog import Catalog

from .conftest import rows, snap, write


def root_of(cat: Catalog, table: str) -> tuple[str | None, int]:
    snapshot = cat.table(table)
    return snapshot.manifest, snapshot.levels


def files(cat: Catalog, table: str) -> list[tuple[str, str]]:
    return [(f.path.replace(f"data/{table}/", ""), f.token) for f in cat.files(table)]


@pytest.mark.invariant(
    "The same content has the same root, whether edited or rebuilt, in any order"
)
@pytest.mark.parametrize("seed", range(3))
def test_steps_in_any_order_lead_to_the_root_of_one_step(
    cat: Catalog, tmp_path: Path, seed: int
) -> None:
    """All tables are called the same, in branches of their own, so that paths agree."""
    draw = random.Random(seed)
    state: dict[tuple[int, int], int] = {}
    cat.branches.create("stepwise")
    for step in range(4):
        touched = draw.sample(range(12), draw.randrange(1, 5))
        folder = tmp_path / f"step{step}"
        for p in touched:
            for key in [k for k in state if k[0] == p]:
                del state[key]
            for k in range(draw.randrange(1, 30)):
                state[p, k] = draw.randrange(3)
                write(folder / f"p={p}/{k}.parquet", {"v": [state[p, k], k]})
        snap(cat, "t", folder, branch="stepwise", scope="partitions")
    whole = tmp_path / "whole"
    for (p, k), value in state.items():
        write(whole / f"p={p}/{k}.parquet", {"v": [value, k]})
    snap(cat, "t", whole)
    assert cat.table("t").files == len(state)
    assert root_of(cat, "t") == (
        cat.table("t", "stepwise").manifest,
        cat.table("t", "stepwise").levels,
    )
    assert rows(cat, "SELECT p, v FROM t ORDER BY ALL") == rows(
        cat, "SELECT p, v FROM t@stepwise ORDER BY ALL"
    )
    assert cat.diff("stepwise", "main", tables=["t"])["t"].status == "unchanged"


def test_going_back_gives_the_root_from_before(cat: Catalog, source: Path) -> None:
    for n in range(150):
        write(source / f"{n}.parquet", {"v": [n]})
    snap(cat, "t", source)
    before = root_of(cat, "t")
    write(source / "75.parquet", {"v": [-1]})
    snap(cat, "t", source)
    assert root_of(cat, "t") != before
    write(source / "75.parquet", {"v": [75]})
    snap(cat, "t", source)
    assert root_of(cat, "t") == before


def test_the_order_of_files_in_the_source_does_not_matter(cat: Catalog, tmp_path: Path) -> None:
    for name in ("one", "two"):
        cat.branches.create(name)
        for n in range(100):
            shown = n if name == "one" else 99 - n
            write(tmp_path / name / f"{shown:03}.parquet", {"v": [n]})
        snap(cat, "t", tmp_path / name, branch=name)
    assert cat.table("t", "one").manifest == cat.table("t", "two").manifest
