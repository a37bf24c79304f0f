"""File sets with images at the command line: with Pillow, without it, and image bombs."""

import json
import shutil
import struct
import sys
import zlib
from pathlib import Path

import pytest

from tests.cli.conftest import REPOSITORY, Runner

SAMPLE = REPOSITORY / "sample_data"


@pytest.fixture(autouse=True)
def lake(tmp_path: Path, parquetry: Runner) -> None:
    (tmp_path / "parquetry.toml").write_text('catalog = "lake"\n')
    assert parquetry("init", "lake").code == 0


def taken(parquetry: Runner, stage: str, *options: str) -> str:
    outcome = parquetry("snapshot", f"tails={SAMPLE / stage}", "--format", "files", *options)
    assert outcome.code == 0, outcome.err
    return outcome.err


def told(parquetry: Runner, *options: str) -> str:
    outcome = parquetry("diff", "main~1", *options)
    assert (outcome.code, outcome.err) == (0, "")
    return outcome.out


def test_a_delivery_of_pictures_is_told(tmp_path: Path, parquetry: Runner) -> None:
    assert taken(parquetry, "6-pictures") == ""
    assert taken(parquetry, "7-better-pictures") == ""
    text = told(parquetry)
    assert "  files       6 replaced, 1 moved, 1 added, 1 removed\n" in text
    (first, *others) = [line for line in text.splitlines() if line.startswith("  replaced")]
    assert first.split()[1] == "HA.jpg" and first.endswith(" alike")
    assert int(first.split()[-3]) < 60 and all(int(one.split()[-3]) > 90 for one in others)
    found = json.loads(told(parquetry, "--json"))["tables"][0]
    assert (found["rows"]["updated"], found["file_set"]["replaced"]) == (6, 6)
    assert found["file_set"]["listed"]["moved"][0]["from"]["path"] == "US-old.jpg"
    rows = told(parquetry, "--rows", "--limit", "2").splitlines()
    assert rows[-1] == "  (of 9 files that changed, the first 2; --limit -1 lists all)"
    assert told(parquetry, "--rows", "--limit", "-1").endswith("  (9 files changed)\n")
    assert "  updated   path AS.jpg" in told(parquetry, "--rows", "--change", "updated")
    assert "\n| moved | US-old.jpg → US.jpg |" in told(parquetry, "--format", "markdown")


def test_without_pillow_all_else_works_and_it_is_said(
    tmp_path: Path, parquetry: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "PIL", None)
    said = taken(parquetry, "6-pictures")
    assert said.count("12 images were not looked at") == 1 and "parquetry[images]" in said
    assert taken(parquetry, "6-pictures") == ""  # nothing is new
    assert taken(parquetry, "7-better-pictures", "--images", "never") == ""
    text = told(parquetry)
    assert "  files       6 replaced, 1 moved, 1 added, 1 removed\n" in text
    assert "  replaced  AS.jpg  1.0 kB → 3.9 kB\n" in text and "alike" not in text
    query = "SELECT count(*) n FROM tails WHERE width IS NULL AND media_type = 'image/jpeg'"
    assert json.loads(parquetry("sql", query, "--json").out)["rows"] == [{"n": 12}]
    refused = parquetry("snapshot", f"t={SAMPLE / '6-pictures'}", *IMAGES, "always")
    assert refused.code == 3 and "pip install 'parquetry[images]'" in refused.err


def test_images_can_be_looked_at_later(tmp_path: Path, parquetry: Runner) -> None:
    folder = tmp_path / "in"
    shutil.copytree(SAMPLE / "6-pictures", folder)
    (folder / "broken.jpg").write_bytes((folder / "AA.jpg").read_bytes()[:500])
    parquetry("snapshot", "tails=in", *IMAGES, "never")
    assert "nothing changed" in parquetry("snapshot", "tails=in", "--format", "files").out
    (folder / "AA.jpg").rename(folder / "renamed.jpg")
    assert "; 0 B copied" in parquetry("snapshot", "tails=in", *IMAGES, "always").out
    text = told(parquetry)
    assert "  files       1 moved, 11 with the same content and other facts\n" in text
    assert "  same      AS.jpg      1.0 kB  none → 64×48\n" in text  # noqa: RUF001
    assert "nothing changed" in parquetry("snapshot", "tails=in", *IMAGES, "always").out
    unseen = "SELECT path FROM tails WHERE perceptual_hash IS NULL"
    rows = json.loads(parquetry("sql", unseen, "--json").out)["rows"]
    assert rows == [{"path": "broken.jpg"}]


IMAGES = ("--format", "files", "--images")


def test_an_image_bomb_is_an_error_and_no_commit(tmp_path: Path, parquetry: Runner) -> None:
    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 99_000, 99_000, 1, 0, 0, 0, 0))
    bomb = b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "fine.txt").write_text("fine")
    (folder / "bomb.png").write_bytes(bomb)
    refused = parquetry("snapshot", "t=in", "--format", "files")
    assert refused.code == 3
    assert "bomb.png" in refused.err and "--images never" in refused.err
    assert "9,801,000,000 pixels" in refused.err
    assert len(json.loads(parquetry("log", "--json").out)["commits"]) == 1
    left = [path for path in (tmp_path / "lake").rglob("*") if path.is_file()]
    assert not [path for path in left if path.read_bytes() in (b"fine", bomb)]
    assert parquetry("snapshot", "t=in", *IMAGES, "never").code == 0
