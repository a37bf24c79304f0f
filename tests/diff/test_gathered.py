"""Diffs of many small files, whose fingerprints are in one object, and which are read together."""

import random
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import catalog
from catalog.catalog import Catalog
from catalog.diff.compare.small_file import SmallFile
from catalog.diff.compare.small_pairs import SmallPairs
from catalog.errors import CorruptData
from catalog.storage.local import LocalStore
from tests.diff.test_small_files import VALUES

PARTS = 16

PLAIN = [name for name in VALUES if name not in ("list", "struct")]


def write(root: Path) -> None:
    """Writes two states of a table: in each partition, one column or all may have changed."""
    draw = random.Random(17)
    for part in range(PARTS):
        count = draw.randrange(1, 40)
        before: dict[str, list[Any]] = {n: draw.choices(VALUES[n][1], k=count) for n in PLAIN}
        changed = PLAIN if part % 3 == 0 else [PLAIN[part % len(PLAIN)]]
        after = dict(before)
        for name in changed:
            after[name] = [
                draw.choice(VALUES[name][2]) if draw.random() < 0.3 else value
                for value in before[name]
            ]
        for side, values in (("before", before), ("after", after)):
            arrays = {name: pa.array(v, VALUES[name][0]) for name, v in values.items()}
            if part == 4:  # stored as values that are never NULL
                arrays["small"] = arrays["small"].fill_null(5)
            fields = [
                pa.field(n, a.type, not (part == 4 and n == "small")) for n, a in arrays.items()
            ]
            table = pa.table({"id": range(part * 100, part * 100 + count)})
            for field in fields:
                table = table.append_column(field, arrays[field.name])
            path = root / side / f"part={part}" / "rows.parquet"
            path.parent.mkdir(parents=True)
            codec = "zstd" if part % 2 else "snappy"
            pq.write_table(table, path, compression=codec, use_dictionary=part % 4 < 2)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("gathered")
    write(root)
    cat = catalog.create(root / "lake")
    for side in ("before", "after"):
        with cat.transaction("main") as tx:
            tx.snapshot("t", str(root / side), key=["id"])
    return root


def answer(cat: Catalog, method: Any = "auto") -> list[Any]:
    """Returns all that a diff says, rows in any order."""
    found: list[Any] = []
    with cat.diff("main~1", "main", level="rows", method=method) as diff:
        table = diff["t"]
        for columns in ("changed", "all"):
            found.append(Counter(map(repr, table.changes(columns=columns).read_all().to_pylist())))
        found.append({k: v for k, v in table.to_dict().items() if k != "files"})
    with cat.diff("main~1", "main", method=method) as diff:
        found.append({k: v for k, v in diff["t"].to_dict().items() if k != "files"})
    return found


@pytest.fixture(scope="module")
def joined(made: Path) -> list[Any]:
    """Returns what a join finds."""
    return answer(catalog.open(made / "lake"), "join")


@pytest.fixture
def paths(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Lists the derived objects that are read."""
    found: list[str] = []
    read = LocalStore.read

    def noted(self: LocalStore, path: str) -> Any:
        if path.startswith("cache/"):
            found.append(path.split("/")[1])
        return read(self, path)

    monkeypatch.setattr(LocalStore, "read", noted)
    yield found


def test_files_read_together_give_what_a_join_gives(
    made: Path, joined: list[Any], paths: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = []
    start = SmallFile.__init__
    monkeypatch.setattr(
        SmallFile, "__init__", lambda self, *a, **k: (opened.append(a), start(self, *a, **k))[1]
    )
    with catalog.open(made / "lake").diff("main~1", "main", level="rows") as diff:
        assert diff["t"].rows.updated == joined[2]["rows"]["updated"]
    assert Counter(paths) == {"fingerprints": 2, "gathered": 2}
    assert opened == []
    monkeypatch.undo()
    assert answer(catalog.open(made / "lake")) == joined


def test_few_rows_at_a_time_give_the_same(
    made: Path, joined: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from catalog.diff.compare import small_rows

    monkeypatch.setattr(small_rows, "MOST_CELLS", 50)
    monkeypatch.setattr(small_rows, "BLOCK_ROWS", 30)
    with catalog.open(made / "lake").diff("main~1", "main", level="rows") as diff:
        found = diff["t"].changes(columns="changed").read_all().to_pylist()
    assert Counter(map(repr, found)) == joined[0]


@pytest.mark.parametrize("what", ["gone", "damaged", "foreign"])
def test_without_the_object_each_fingerprint_is_read(
    what: str, made: Path, joined: list[Any], paths: list[str]
) -> None:
    objects = sorted((made / "lake/cache/gathered").rglob("*/*"))
    contents = [one.read_bytes() for one in objects]
    assert len(objects) == 2
    try:
        for one, content, other in zip(objects, contents, reversed(contents), strict=True):
            if what == "gone":
                one.unlink()
            else:
                one.write_bytes(content[:-9] if what == "damaged" else other)
        cat = catalog.open(made / "lake")
        with cat.diff("main~1", "main") as diff:
            counts = {k: v for k, v in diff["t"].to_dict().items() if k != "files"}
    finally:
        for one, content in zip(objects, contents, strict=True):
            one.write_bytes(content)
    assert Counter(paths) == {"fingerprints": 2 * PARTS, "gathered": 2}
    assert counts == joined[-1]


def test_what_cannot_be_read_together_is_read_one_by_one(
    made: Path, joined: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    def refuse(self: SmallPairs, *given: Any) -> None:
        calls.append(given)

    monkeypatch.setattr(SmallPairs, "read_together", refuse)
    with catalog.open(made / "lake").diff("main~1", "main", level="rows") as diff:
        found = diff["t"].changes(columns="changed").read_all().to_pylist()
    assert Counter(map(repr, found)) == joined[0]
    assert calls


def test_a_damaged_file_among_many_is_named(made: Path, tmp_path: Path) -> None:
    shutil.copytree(made / "lake", tmp_path / "lake")
    cat = catalog.open(tmp_path / "lake")
    files = {one.name: one for one in (tmp_path / "lake/data").rglob("*.parquet")}
    victim = next(one for one in files.values() if "part=3" in str(one))
    content = victim.read_bytes()
    victim.write_bytes(b"PAR1" + bytes(len(content) - 8) + b"PAR1")
    with pytest.raises(CorruptData, match="part=3"), cat.diff("main~1", "main") as diff:
        diff["t"].to_dict()
