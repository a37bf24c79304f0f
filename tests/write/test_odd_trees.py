"""Random hive trees with odd names and values: what they say is what the table has."""

import os
import random
from pathlib import Path
from urllib.parse import quote

import pytest

from catalog.catalog import Catalog
from tests.effort import effort

from .conftest import rows, snap, write

PIECES = [
    *"aB01-+_., '\"`#%&{}()<>|;:=~!@$^\n\t\r\x01\x7f/\\", "%25", "%4", "%zz", "\u2028", "é",
    "e\u0301", "京", "😀", "\u202e", "ß", "NULL", "nan", "true", "01", "__HIVE_DEFAULT_PARTITION__",
    "''", "--", "\\x41", "\\N",
]  # fmt: skip
NAMES = [
    "p", "day", "Q_x", "col umn", "größe", "a=b", "select", "_u", "filename", "file_index", "x.y",
    "'q'", '"d"', "a%b", "null", "q0", "#", "n\u0303", "\\",
]  # fmt: skip
FILES = ["x", "a b", "=", "é", "%41", "'", '"', "\n", ";"]


def drawn(draw: random.Random) -> str | None:
    chance = draw.random()
    if chance < 0.25:
        return [None, "", str(draw.randrange(-5, 200))][draw.randrange(3)]
    return "".join(draw.choices(PIECES, k=draw.randrange(1, 5)))


def escaped(text: str, draw: random.Random) -> str:
    """Returns a text as one of the writers has it: all have to escape these, some escape more."""
    more = draw.random() < 0.3
    return "".join(quote(c, safe="") if c in "/%=" or (more and c != "_") else c for c in text)


def segment(name: str, value: str | None, draw: random.Random) -> str:
    text = "__HIVE_DEFAULT_PARTITION__" if value is None else escaped(value, draw)
    if value == "__HIVE_DEFAULT_PARTITION__":
        text = f"%5F{text[1:]}"
    return f"{escaped(name, draw)}={text}"


def plant(source: Path, names: list[str], draw: random.Random) -> list[tuple[object, ...]]:
    """Writes some files, and returns their rows: a number, and the partition values."""
    known = [[drawn(draw) for _ in range(draw.randrange(1, 4))] for _ in names]
    planted: list[tuple[object, ...]] = []
    for n in range(draw.randrange(2, 6)):
        values = [draw.choice(some) for some in known]
        folders = [segment(*pair, draw) for pair in zip(names, values, strict=True)]
        write(source.joinpath(*folders, f"{draw.choice(FILES)}{n}.parquet"), {"id": [n]})
        planted.append((n, *values))
    return planted


@pytest.mark.parametrize("seed", range(effort(6, 200)))
def test_what_a_tree_says_is_what_the_table_has(
    cat: Catalog, source: Path, tmp_path: Path, seed: int
) -> None:
    draw = random.Random(seed)
    names = draw.sample(NAMES, draw.randrange(1, 4))
    planted = plant(source, names, draw)
    shown = ", ".join(f'CAST("{name.replace(chr(34), chr(34) * 2)}" AS VARCHAR)' for name in names)
    mode = draw.choice(["copy", "link", "reference"])
    pattern = draw.choice(["", "/**", "/**/*.parquet"])
    snap(cat, "t", f"{source}{pattern}", mode=mode)
    assert rows(cat, f"SELECT id, {shown} FROM t ORDER BY id") == planted
    assert not snap(cat, "t", source, mode=mode).changed
    cat.export("t", str(tmp_path / "out"))
    snap(cat, "u", tmp_path / "out")
    assert rows(cat, f"SELECT id, {shown} FROM u ORDER BY id") == planted
    with cat.transaction("main") as tx:
        tx.sql("UPDATE t SET id = -id WHERE id > 0")
    negated = sorted((-n, *values) for n, *values in planted)
    assert rows(cat, f"SELECT id, {shown} FROM t ORDER BY id") == negated
    assert os.listdir(source)
