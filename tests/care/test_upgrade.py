"""Catalogs of an earlier format: read as ever, and upgraded by who asks for it."""

import shutil
from pathlib import Path

import pytest

from catalog import Catalog
from catalog.errors import ErrorKind, Unsupported

from .lakes import contents

SAMPLE = Path(__file__).parents[1] / "samples" / "format-1"


@pytest.fixture
def old(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SAMPLE, tmp_path / "lake"))


def test_garbage_is_not_removed_where_earlier_releases_may_write(old: Path) -> None:
    before = sorted(old.rglob("*"))
    with pytest.raises(Unsupported) as caught:
        Catalog.open(str(old)).gc()
    assert caught.value.kind == ErrorKind.OLDER_FORMAT
    assert sorted(old.rglob("*")) == before
    assert Catalog.open(str(old)).gc(dry_run=True).dry_run


@pytest.mark.invariant("An upgrade changes nothing but the description of a catalog")
def test_an_upgrade_changes_the_description_alone(old: Path) -> None:
    before, held = contents(old), {p: p.read_bytes() for p in old.rglob("*") if p.is_file()}
    catalog = Catalog.open(str(old))
    told = catalog.upgrade(dry_run=True)
    assert (told.before, told.after, told.is_changed) == (1, 2, True)
    assert catalog.info.format_version == 1
    done = catalog.upgrade()
    assert (done.before, done.after) == (1, 2)
    again = catalog.upgrade()
    assert not again.is_changed
    now = {p: p.read_bytes() for p in old.rglob("*") if p.is_file() and "locks" not in p.parts}
    assert {p for p in now if now[p] != held.get(p)} == {old / "catalog.json"}
    assert contents(old) == before
    opened = Catalog.open(str(old))
    assert opened.info.format_version == 2
    assert opened.info.catalog_id == catalog.info.catalog_id
    assert opened.gc().removed.total == 0


@pytest.mark.parametrize(
    ("release", "said"),
    [('"9.1"', "install parquetry 9.1, or"), ('"rm -rf /"', "a newer"), ("7", "a newer")],
)
def test_a_newer_format_says_what_it_takes(old: Path, release: str, said: str) -> None:
    path = old / "catalog.json"
    text = path.read_text().replace('"format_version":1', f'"format_version":9,"release":{release}')
    path.write_text(text)
    with pytest.raises(Unsupported) as caught:
        Catalog.open(str(old))
    assert caught.value.kind == ErrorKind.NEWER_FORMAT
    assert said in str(caught.value.hint)


def test_a_copy_keeps_its_format_and_follows_an_upgraded_source(old: Path, tmp_path: Path) -> None:
    source, place = Catalog.open(str(old)), tmp_path / "copy"
    source.clone_to(place, verify="hash")
    source.upgrade()
    source.tags.create("upgraded")
    copy = Catalog.open(str(place))
    assert copy.fetch(old, mirror=True, verify="hash").moved
    copy = Catalog.open(str(place))
    assert copy.info.format_version == 1
    with pytest.raises(Unsupported):
        copy.gc()
    assert contents(place) == contents(old)
    copy.upgrade()
    assert not copy.gc(alone=True).removed.total
    assert contents(place) == contents(old)
