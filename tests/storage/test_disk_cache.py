"""The local cache: bounded, shared, and never believed blindly."""

import os
import threading
from pathlib import Path

import pytest

from catalog.storage.disk_cache import DiskCache


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def kept(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_what_is_put_is_there_for_another_process(folder: Path) -> None:
    DiskCache(str(folder)).put("name", b"bytes")
    assert DiskCache(str(folder)).get("name") == b"bytes"
    assert DiskCache(str(folder)).get("other") is None


def test_damage_is_as_good_as_nothing(folder: Path) -> None:
    cache = DiskCache(str(folder))
    cache.put("name", b"bytes")
    (path,) = kept(folder)
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    assert cache.get("name") is None
    assert kept(folder) == []


def test_the_least_used_goes_when_it_is_full(folder: Path) -> None:
    cache = DiskCache(str(folder), max_bytes=2_000, draw=lambda: 1.0)
    for n in range(20):
        cache.put(f"{n}", bytes(100))
    for path in kept(folder):
        os.utime(path, (1, 1))
    assert cache.get("3") is not None
    cache.trim()
    assert sum(path.stat().st_size for path in kept(folder)) <= 2_000
    assert cache.get("3") is not None


def test_it_stays_bounded_without_being_told(folder: Path) -> None:
    cache = DiskCache(str(folder), max_bytes=10_000, draw=lambda: 0.0)
    for n in range(50):
        cache.put(f"{n}", bytes(1000))
        assert sum(path.stat().st_size for path in kept(folder)) <= 10_000
    assert cache.get("49") is not None


def test_where_nothing_can_be_written_nothing_is_kept(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    cache = DiskCache(str(tmp_path / "file" / "cache"))
    cache.put("name", b"bytes")
    assert cache.get("name") is None


def test_many_share_it(folder: Path) -> None:
    wrong: list[bytes] = []

    def use(number: int) -> None:
        cache = DiskCache(str(folder), max_bytes=20_000, draw=lambda: 0.0)
        for n in range(100):
            cache.put(f"{n}", b"%d" % n * 100)
            found = cache.get(f"{(n * 7 + number) % 100}")
            if found is not None and found != b"%d" % ((n * 7 + number) % 100) * 100:
                wrong.append(found)

    threads = [threading.Thread(target=use, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
