"""Packs with any byte changed, cut off or missing are refused or read as they were."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from catalog.errors import CorruptData
from catalog.repository.pack import pack_path
from catalog.repository.repository import Repository, open_existing
from catalog.repository.tables import data_files
from catalog.storage.local import LocalStore
from tests.effort import effort
from tests.storage.memory import MemoryStore

FLIPS = (0x01, 0x80, 0xFF)
SAMPLE = Path(__file__).parents[1] / "samples/format-1"


def everything(repository: Repository, commit_id: str) -> Any:
    """Reads all that hangs below a commit."""
    found: list[object] = [repository.commits.read(commit_id)]
    for name, entry in repository.commits.entries(commit_id).items():
        table = repository.commits.table(entry)
        found += [name, table.snapshot, *data_files(repository.commits, table)]
    for name in repository.commits.read(commit_id).changes:
        found.append(repository.commits.change_list(commit_id, name, 1))
    return found


@pytest.fixture(scope="module")
def packs() -> dict[str, bytes]:
    """Holds the first four packs of the sample by commit id, and the catalog's description."""
    store = LocalStore(str(SAMPLE))
    repository = open_existing(store)
    found = {}
    for back in (20, 19, 18, 17):
        commit_id = repository.refs.resolve(f"main~{back}").commit_id
        found[commit_id] = store.read(pack_path(commit_id)).data
    return found


def opened(packs: dict[str, bytes]) -> Repository:
    store = MemoryStore()
    store.put("catalog.json", (SAMPLE / "catalog.json").read_bytes())
    for commit_id, data in packs.items():
        store.put(pack_path(commit_id), data)
    return open_existing(store)


@pytest.mark.invariant("A changed byte of a commit is an error, never an answer")
@pytest.mark.parametrize("flip", FLIPS)
def test_a_changed_byte_is_never_an_answer(packs: dict[str, bytes], flip: int) -> None:
    """Each byte is changed in one way, or in every way with ``--thorough``."""
    newest = list(packs)[-2]
    truth = everything(opened(packs), newest)
    refused = 0
    first, step = effort((FLIPS.index(flip), len(FLIPS)), (0, 1))
    changed = range(first, len(packs[newest]), step)
    for at in changed:
        data = bytearray(packs[newest])
        data[at] ^= flip
        try:
            assert everything(opened({**packs, newest: bytes(data)}), newest) == truth
        except CorruptData:
            refused += 1
    assert refused > 0.9 * len(changed)


def test_a_pack_cut_off_anywhere_is_refused(packs: dict[str, bytes]) -> None:
    newest = list(packs)[-1]
    for length in range(len(packs[newest])):
        with pytest.raises(CorruptData):
            everything(opened({**packs, newest: packs[newest][:length]}), newest)


def test_a_missing_pack_that_is_pointed_to_is_corrupt(packs: dict[str, bytes]) -> None:
    _, _, older, newest = packs
    with pytest.raises(CorruptData) as caught:
        everything(opened({k: v for k, v in packs.items() if k != older}), newest)
    assert "is gone" in caught.value.message


def test_packs_exchanged_for_each_other_are_refused(packs: dict[str, bytes]) -> None:
    _, _, older, newest = packs
    with pytest.raises(CorruptData):
        everything(opened({**packs, newest: packs[older]}), newest)


def test_a_catalog_may_be_moved(tmp_path: Path) -> None:
    shutil.copytree(SAMPLE, tmp_path / "elsewhere")
    moved = open_existing(LocalStore(str(tmp_path / "elsewhere")))
    here = open_existing(LocalStore(str(SAMPLE)))
    head = here.refs.resolve("main").commit_id
    assert everything(moved, head) == everything(here, head)
