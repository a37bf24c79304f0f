"""A catalog that cannot be opened is verified all the same, and its description repaired."""

import json
import shutil
from pathlib import Path

import pytest

import catalog
from catalog import Catalog
from catalog.errors import CatalogError, NotFound, Unsupported
from catalog.model.digests import with_digest
from cli.main import run
from tests.effort import effort

from .lakes import lake, rows, with_garbage


@pytest.fixture
def root(tmp_path: Path) -> Path:
    lake(tmp_path / "lake")
    return tmp_path / "lake"


@pytest.mark.parametrize("bit", range(0, 8 * 300, effort(401, 7)))
def test_any_flipped_bit_is_told_and_flipped_back(root: Path, bit: int) -> None:
    path = root / "catalog.json"
    data = path.read_bytes()
    wrong = bytearray(data)
    at = bit % (8 * len(data))
    wrong[at // 8] ^= 1 << at % 8
    path.write_bytes(wrong)
    (finding,) = catalog.fsck(root).findings
    assert (finding.kind, finding.affects.refs) == ("description-damaged", ["main"])
    (finding,) = catalog.fsck(root, repair=True).findings
    assert finding.repaired and path.read_bytes() == data
    assert catalog.fsck(root, deep=True).is_whole


@pytest.mark.parametrize("damage", [None, b"", b"{}", b"x" * 300])
def test_a_lost_description_comes_from_a_copy_of_the_catalog(
    tmp_path: Path, root: Path, damage: bytes | None
) -> None:
    path = root / "catalog.json"
    shutil.copytree(root, tmp_path / "copy")
    data = path.read_bytes()
    other = lake(tmp_path / "other")
    path.unlink()
    if damage is not None:
        path.write_bytes(damage)
    with pytest.raises(CatalogError):
        Catalog.open(str(root))
    report = catalog.fsck(root, repair=True, source=other)
    assert not report.is_whole and (path.read_bytes() if path.exists() else None) == damage
    dry = catalog.fsck(root, repair=True, source=str(tmp_path / "copy"), dry_run=True)
    assert [one.could_repair for one in dry.findings] == [True]
    report = catalog.fsck(root, repair=True, source=str(tmp_path / "copy"))
    assert report.is_whole and path.read_bytes() == data
    with Catalog.open(str(root)).transaction() as tx:
        tx.write("orders", rows(90, 1, 2.0), mode="append")


def test_a_copy_from_before_an_upgrade_does_not_let_old_writers_in(tmp_path: Path) -> None:
    root = tmp_path / "lake"
    with_garbage(root).gc()
    shutil.copytree(root, tmp_path / "copy")
    described = json.loads((root / "catalog.json").read_bytes())
    old = {"format_version": 1} | {k: described[k] for k in ("catalog_id", "created_at")}
    (tmp_path / "copy/catalog.json").write_bytes(with_digest(old))
    (root / "catalog.json").unlink()
    assert not catalog.fsck(root, repair=True, source=str(tmp_path / "copy")).is_whole
    shutil.rmtree(root / "gc")
    assert catalog.fsck(root, repair=True, source=str(tmp_path / "copy")).is_whole


def test_what_is_no_catalog_or_a_newer_one_is_refused(tmp_path: Path, root: Path) -> None:
    with pytest.raises(NotFound, match="no catalog"):
        catalog.fsck(tmp_path)
    described = json.loads((root / "catalog.json").read_bytes())
    described.pop("digest")
    newer = with_digest({**described, "format_version": 3})
    (root / "catalog.json").write_bytes(newer)
    with pytest.raises(Unsupported, match="format 3"):
        catalog.fsck(root, repair=True)
    assert (root / "catalog.json").read_bytes() == newer


def test_the_command_verifies_a_catalog_that_cannot_be_opened(
    tmp_path: Path, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(root, tmp_path / "copy")
    (root / "catalog.json").unlink()
    assert run(["-C", str(root), "fsck"]) == 1
    assert "description-missing catalog.json" in capsys.readouterr().out
    assert run(["-C", str(root), "fsck", "--repair", "--from", str(tmp_path / "copy")]) == 0
    assert "damage, repaired: description-missing" in capsys.readouterr().out
    assert run(["-C", str(root), "fsck"]) == 0
