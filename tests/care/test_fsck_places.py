"""A wrong place of a node is told from a damaged pack, and corrected where that is proved."""

import random
import re
import shutil
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from catalog import Catalog
from catalog.care.fsck.places import contents_of
from catalog.care.fsck.run import FsckReport
from tests.effort import effort

from .lakes import contents, lake, rows
from .rich import wide


@pytest.fixture(scope="module")
def lakes(tmp_path_factory: pytest.TempPathFactory) -> Sequence[Path]:
    root = tmp_path_factory.mktemp("places")
    catalog = lake(root / "lake")
    for n in range(3):
        with catalog.transaction(message=f"more {n}") as tx:
            tx.write("people", rows(n, 2, 1.0).select(["id"]), mode="overwrite")
    wide(root / "wide")
    return [root / "lake", root / "wide"]


def heads(data: bytes) -> tuple[int, int]:
    """Returns where the places in the head of a pack begin and end."""
    commit, places = struct.unpack_from("<II", data, 12)
    return 20 + commit, 20 + commit + places


def cases(root: Path, seed: int, count: int) -> Iterator[tuple[Path, bytes, bytes, bool]]:
    """Yields packs, what they are with a wrong byte in the places of their heads, and whether it
    is a digit of an offset or a length: these can always be corrected."""
    chance = random.Random(seed)
    packs = sorted(path for path in (root / "objects").rglob("*") if path.is_file())
    for path in packs:
        data = path.read_bytes()
        start, end = heads(data)
        numbers = list(re.finditer(rb",\d*(\d)(?=[,\]])", data[start:end]))
        if numbers:
            at = start + chance.choice(numbers).start(1)
            digit = chance.choice([one for one in b"0123456789" if one != data[at]])
            yield path, data, data[:at] + bytes([digit]) + data[at + 1 :], True
        for _ in range(count if numbers else 0):
            at = chance.randrange(start, end)
            digits = b"0123456789" if chr(data[at]).isdigit() else b"0123456789abcdef"
            new = chance.choice([bytes([data[at] ^ 1 << chance.randrange(8)]), None])
            other = new or bytes([chance.choice(digits)])
            if other != data[at : at + 1]:
                yield path, data, data[:at] + other + data[at + 1 :], False


def fsck(root: Path, **options: object) -> FsckReport:
    return Catalog.open(str(root)).fsck(**options)  # type: ignore[arg-type]


@pytest.mark.invariant("fsck finds the damage of any object, and says what it affects")
@pytest.mark.parametrize("number", [0, 1])
def test_the_pack_is_named_that_has_the_wrong_place(
    lakes: Sequence[Path], tmp_path: Path, number: int
) -> None:
    root = lakes[number]
    before = contents(root)
    whole = tmp_path / "whole"
    shutil.copytree(root, whole)
    seed = effort(5, random.randrange(1 << 30))
    for path, data, damage, sure in cases(root, seed, effort(3 - 2 * number, 40 - 28 * number)):
        name = path.relative_to(root).as_posix()
        path.write_bytes(damage)
        report = fsck(root)
        named = {one.path for one in report.findings}
        assert named == {name}, (damage, report.findings)
        assert not report.is_whole and report.findings[0].affects.commits
        fsck(root, repair=True)
        assert path.read_bytes() in (data, damage)
        if path.read_bytes() == data:
            assert fsck(root, deep=number == 0).is_whole and contents(root) == before
        else:
            assert not sure, damage
            fsck(root, repair=True, source=str(whole))
            assert path.read_bytes() == data, damage


def test_what_a_pack_holds_is_found_without_places(lakes: Sequence[Path]) -> None:
    for root in lakes:
        for path in (root / "objects").rglob("*"):
            if path.is_file():
                found = contents_of(path.read_bytes(), path.name)
                assert found.is_whole
                ends = [0, *(at + length for at, length in sorted(found.frames.items()))]
                assert ends[:-1] == sorted(found.frames)
