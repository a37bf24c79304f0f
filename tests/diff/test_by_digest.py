"""Rows matched by key and digest: what is read, what is proved, and what if a digest lies."""

import mmap
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import catalog
from catalog.diff.compare.arrays import Unreadable
from catalog.diff.compare.by_digest import key_codes, verification
from catalog.diff.compare.by_digest.comparison import ByDigest
from catalog.diff.compare.by_digest.key_codes import Keys
from catalog.diff.compare.by_digest.row_sets import Lone, common_columns
from catalog.diff.compare.by_digest.stored_columns import Piece, Places, values
from catalog.diff.compare.table_reader import TableReader
from catalog.diff.plan import DiffTask
from catalog.model.schema import Field
from catalog.model.types import Scalar
from catalog.operations import diff_tables
from catalog.repository.row_digests import KeptDigests

ROWS = 3_000
COLUMNS = ("a", "b", "c", "d", "e")
Rows = dict[int, dict[str, Any]]


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Returns, for each task that was compared, whether digests served."""
    found: list[bool] = []
    run = ByDigest.run

    def noting(self: ByDigest, task: DiffTask) -> Any:
        odd = run(self, task)
        found.append(odd is not None)
        return odd

    monkeypatch.setattr(ByDigest, "run", noting)
    return found


def some_rows(rnd: random.Random, keys: Sequence[int]) -> Rows:
    return {
        key: {
            "a": rnd.randrange(10),
            "b": rnd.random(),
            "c": rnd.choice(["x", "y", None, "a longer text than eight bytes"]),
            "d": rnd.choice([True, None]),
            "e": rnd.randrange(1 << 40),
        }
        for key in keys
    }


def write(path: Path, rows: Rows, order: Sequence[int], *, text_key: bool = False) -> None:
    key = pa.array([f"key {k}" for k in order]) if text_key else pa.array(order, pa.int64())
    columns = {name: [rows[k][name] for k in order] for name in COLUMNS}
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({"id": key, **columns}), path, row_group_size=500)


def lake_of(folder: Path, *versions: Path, key: Sequence[str] = ("id",)) -> Any:
    lake = catalog.create(str(folder / "lake"))
    for version in versions:
        with lake.transaction("main", message=version.name) as tx:
            tx.snapshot("t", str(version), key=list(key), fingerprints="rows")
    return lake


def changed(rnd: random.Random, rows: Rows, columns: Sequence[str]) -> Rows:
    """Returns the rows with some that go and come, and some changed in one of some columns."""
    after = {key: dict(row) for key, row in rows.items()}
    for key in rnd.sample(sorted(rows), 60):
        del after[key]
    after |= some_rows(rnd, range(1_000_000, 1_000_040))
    for key in rnd.sample(sorted(set(after) & set(rows)), 80):
        name = rnd.choice(columns)
        old = after[key][name]
        while after[key][name] == old:
            after[key][name] = some_rows(rnd, [key])[key][name]
    return after


def by_hand(before: Path, after: Path) -> tuple[int, int, int]:
    """Counts inserted, deleted and updated rows with the engine alone."""
    differ = " OR ".join(f"f.{name} IS DISTINCT FROM t.{name}" for name in COLUMNS)
    with duckdb.connect() as con:
        row = con.execute(
            f"SELECT count(*) FILTER (f.id IS NULL), count(*) FILTER (t.id IS NULL), "
            f"count(*) FILTER (f.id IS NOT NULL AND t.id IS NOT NULL AND ({differ})) "
            f"FROM '{before}/**/*.parquet' f FULL OUTER JOIN '{after}/**/*.parquet' t USING (id)"
        ).fetchone()
    assert row is not None
    return row


def counts(lake: Any, **options: Any) -> tuple[int, int, int]:
    rows = lake.diff("main~1", "main", **options)["t"].rows
    return rows.inserted, rows.deleted, rows.updated


def two_versions(
    folder: Path, seed: int, *, columns: Sequence[str] = ("b",), text_key: bool = False
) -> tuple[Path, Path]:
    rnd = random.Random(seed)
    rows = some_rows(rnd, range(ROWS))
    after = changed(rnd, rows, columns)
    order = sorted(after)
    rnd.shuffle(order)
    write(folder / "v1/a.parquet", rows, sorted(rows), text_key=text_key)
    write(folder / "v2/a.parquet", after, order[:1000], text_key=text_key)
    write(folder / "v2/b.parquet", after, order[1000:], text_key=text_key)
    return folder / "v1", folder / "v2"


@pytest.mark.parametrize("text_key", [False, True])
@pytest.mark.parametrize("columns", [("b",), COLUMNS])
@pytest.mark.parametrize("sample", [1, 2_000])
def test_rows_are_those_found_by_hand_whatever_is_guessed(
    tmp_path: Path,
    compared: list[bool],
    monkeypatch: pytest.MonkeyPatch,
    text_key: bool,
    columns: tuple[str, ...],
    sample: int,
) -> None:
    monkeypatch.setattr(verification, "SAMPLE_ROWS", sample)
    before, after = two_versions(tmp_path, 7, columns=columns, text_key=text_key)
    lake = lake_of(tmp_path, before, after)
    assert counts(lake) == by_hand(before, after)
    assert compared == [True]
    changes = [
        lake.diff("main~1", "main", level="rows", method=method)["t"].changes().read_all()
        for method in ("auto", "join")
    ]
    assert changes[0].sort_by("id").equals(changes[1].sort_by("id"))


@pytest.mark.invariant("What digests of rows say is verified with the values that were read")
def test_a_weak_hash_of_keys_only_finds_candidates(
    tmp_path: Path, compared: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = key_codes.cell_hashes

    def weak(column: Any, name: str) -> Any:
        found = real(column, name)
        return None if found is None else found % np.uint64(ROWS * 200)

    monkeypatch.setattr(key_codes, "cell_hashes", weak)
    before, after = two_versions(tmp_path, 8, text_key=True)
    lake = lake_of(tmp_path, before, after)
    assert counts(lake) == by_hand(before, after)
    assert compared == [True]


@pytest.mark.parametrize("weak", [False, True])
@pytest.mark.parametrize(
    ("repeated", "moved"), [(None, False), ("before", False), ("after", False), ("after", True)]
)
def test_keys_that_repeat_are_counted_across_partitions(
    tmp_path: Path,
    compared: list[bool],
    monkeypatch: pytest.MonkeyPatch,
    weak: bool,
    repeated: str | None,
    moved: bool,
) -> None:
    """One key is in two partitions of a side; where keys are text, hashes find it."""
    real = key_codes.cell_hashes
    if weak:
        monkeypatch.setattr(key_codes, "cell_hashes", lambda *one: real(*one) % np.uint64(99))
    versions = []
    for side in ("before", "after"):
        versions.append(tmp_path / side)
        late = [3 if side == repeated else 30 if side == "before" else 31]
        keys = {"1": [*range(10)], "2": [*range(10, 20), *late]}
        if moved and side == "after":
            keys["2"].append(keys["1"].pop(5))
        for value, own in keys.items():
            path = versions[-1] / f"p={value}/a.parquet"
            path.parent.mkdir(parents=True)
            random.Random(side + value).shuffle(own)
            ids = [f"key {key}" for key in own]
            pq.write_table(pa.table({"id": ids, "a": [side] * len(ids)}), path)
    lake = lake_of(tmp_path, *versions)
    found = lake.diff("main~1", "main")["t"]
    joined = lake.diff("main~1", "main", method="join")["t"]
    assert found.key_problems == joined.key_problems
    assert found.key_problems.duplicate == tuple(
        2 * (repeated == side) for side in ("before", "after")
    )
    assert found.rows == joined.rows
    assert weak or compared[:2] == [True, True]


def test_digests_that_lie_are_dropped_with_a_warning(
    tmp_path: Path, compared: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    before, after = two_versions(tmp_path, 9)
    lake = lake_of(tmp_path, before, after)
    kept = sorted((tmp_path / "lake/cache/rows").rglob("*"))
    words = KeptDigests.words

    def lying(self: KeptDigests, start: int = 0, stop: int | None = None) -> Any:
        found = words(self, start, stop)
        return found if found is None else bytes(found)[:-8] + b"\1" * 8

    monkeypatch.setattr(KeptDigests, "words", lying)
    found = lake.diff("main~1", "main")["t"]
    rows = found.rows
    assert (rows.inserted, rows.deleted, rows.updated) == by_hand(before, after)
    assert compared == [False]
    assert any("digests of the rows" in text for text in found.warnings)
    assert sum(path.is_file() for path in kept if path.exists()) == 0


def test_damaged_digests_are_as_good_as_none(tmp_path: Path) -> None:
    before, after = two_versions(tmp_path, 10)
    lake = lake_of(tmp_path, before, after)
    for path in (tmp_path / "lake/cache/rows").rglob("*"):
        if path.is_file():
            content = bytearray(path.read_bytes())
            content[-20] ^= 1
            path.chmod(0o644)
            path.write_bytes(content)
    assert counts(lake) == by_hand(before, after)


def test_removed_digests_alter_nothing(tmp_path: Path) -> None:
    before, after = two_versions(tmp_path, 11)
    lake = lake_of(tmp_path, before, after)
    for path in (tmp_path / "lake/cache/rows").rglob("*"):
        if path.is_file():
            path.unlink()
    assert counts(lake) == by_hand(before, after)


def test_changed_rows_that_do_not_fit_in_memory_are_joined(
    tmp_path: Path, compared: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("catalog.diff.compare.by_digest.comparison.INFLATION", 1e12)
    before, after = two_versions(tmp_path, 14)
    lake = lake_of(tmp_path, before, after)
    assert counts(lake) == by_hand(before, after)
    assert compared == [False]


@pytest.mark.parametrize("side", ["before", "after"])
def test_digests_of_one_side_are_computed_again(
    tmp_path: Path, compared: list[bool], monkeypatch: pytest.MonkeyPatch, side: str
) -> None:
    for bound in ("FILE_BYTES", "ROW_BYTES"):
        monkeypatch.setattr(f"catalog.diff.fingerprints.row_rule.{bound}", 0)
    before, after = two_versions(tmp_path, 13)
    lake = lake_of(tmp_path, before, after)
    kept = [path for path in (tmp_path / "lake/cache/rows").rglob("*") if path.is_file()]
    kept.sort(key=lambda path: path.stat().st_size)
    content = {path: path.read_bytes() for path in kept}
    for path in kept[:-1] if side == "after" else kept[-1:]:  # one file before, two after
        path.unlink()
    assert counts(lake) == by_hand(before, after)
    assert compared == [True]
    assert {path: path.read_bytes() for path in kept} == content


def test_names_that_were_exchanged_are_not_taken_for_equal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The older file calls one column what the newer one calls another: their hashes cancel."""
    for bound in ("FILE_BYTES", "ROW_BYTES"):
        monkeypatch.setattr(f"catalog.diff.fingerprints.row_rule.{bound}", 0)
    table = pa.table({"id": [1, 2, 3], "x": [1, 2, 3], "y": [7, 8, 9]})
    (tmp_path / "v1").mkdir()
    pq.write_table(table, tmp_path / "v1/a.parquet")
    lake = lake_of(tmp_path, tmp_path / "v1")
    with lake.transaction("main", message="exchanged") as tx:
        for old, new in (("x", "z"), ("y", "x"), ("z", "y")):
            tx.sql(f"ALTER TABLE t RENAME COLUMN {old} TO {new}")
        tx.sql("UPDATE t SET x = y, y = x WHERE id > 1")
        tx.sql("DELETE FROM t WHERE id = 1")
    assert counts(lake) == counts(lake, method="join") == (0, 1, 2)
    (step,) = lake.explain_diff("main~1", "main")["t"]
    assert "a name in the files means one column before" in step.why


def test_a_path_by_digest_is_explained(tmp_path: Path) -> None:
    before, after = two_versions(tmp_path, 12)
    lake = lake_of(tmp_path, before, after)
    (step,) = lake.explain_diff("main~1", "main")["t"]
    assert (step.path, step.columns, step.why) == ("by-digest", ("id",), "")
    assert 0 < step.bytes_to_read < step.bytes_total


def write_partitions(folder: Path, rows: Mapping[str, Sequence[int]], *, corrected: int) -> Path:
    """Writes a file of rows by their keys into each partition, one of which is corrected."""
    for value, keys in rows.items():
        (folder / f"p={value}").mkdir(parents=True)
        a = [-1 if key == corrected else key for key in keys]
        pq.write_table(pa.table({"id": keys, "a": a, "b": a}), folder / f"p={value}/a.parquet")
    return folder


def with_a_wrong_word(words: Any) -> Any:
    """Returns what reads digests, of which the first in each file is wrong."""

    def lying(self: KeptDigests, start: int = 0, stop: int | None = None) -> Any:
        found = words(self, start, stop)
        return self._path[-8:].encode() + bytes(found)[8:] if found else found

    return lying


def test_wrong_digests_of_rows_that_moved_are_dropped_with_a_warning(
    tmp_path: Path, compared: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = write_partitions(tmp_path / "v1", {"1": [7, 1, 2], "2": [3, 4, 5]}, corrected=1)
    after = write_partitions(tmp_path / "v2", {"1": [9, 1, 2], "2": [7, 4, 5]}, corrected=4)
    lake = lake_of(tmp_path, before, after)
    monkeypatch.setattr(KeptDigests, "words", with_a_wrong_word(KeptDigests.words))
    found = lake.diff("main~1", "main")["t"]
    joined = lake.diff("main~1", "main", method="join")["t"]
    assert found.rows == joined.rows
    assert compared[:2] == [True, True]
    assert any("digests of the rows" in text for text in found.warnings)


def test_wrong_digests_are_said_though_the_table_is_joined_in_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Key 7 is in both partitions: in a file compared by position, and in one without partner."""
    same = [*range(40)]
    before = write_partitions(tmp_path / "v1", {"1": same, "2": [7, 101, 102, 103]}, corrected=-1)
    after = write_partitions(tmp_path / "v2", {"1": same, "2": [101, 7, 104, 103]}, corrected=7)
    lake = lake_of(tmp_path, before, after)
    paths = {step.path for step in lake.explain_diff("main~1", "main")["t"]}
    assert paths == {"positional", "by-digest"}
    left: list[tuple[Any, ...]] = []
    compare = diff_tables.compare_table

    def noting(reader: TableReader, options: Any, **named: Any) -> Any:
        found = compare(reader, options, **named)
        left.extend(reader.con.sql("SELECT table_name FROM duckdb_tables()").fetchall())
        return found

    monkeypatch.setattr(diff_tables, "compare_table", noting)
    monkeypatch.setattr(KeptDigests, "words", with_a_wrong_word(KeptDigests.words))
    found = lake.diff("main~1", "main")["t"]
    assert found.rows == lake.diff("main~1", "main", method="join")["t"].rows
    assert any("digests of the rows" in text for text in found.warnings)
    assert left == []


@pytest.mark.parametrize("back", [False, True])
def test_rows_whose_partition_became_a_column_may_have_moved(tmp_path: Path, back: bool) -> None:
    rows = {"1": [1, 2, 3], "2": [4, 5, 6]}
    before = write_partitions(tmp_path / "v1", rows, corrected=1)
    after = tmp_path / "v2"
    after.mkdir()
    table = pa.table({"id": range(1, 7), "a": range(1, 7), "b": range(1, 7)})
    pq.write_table(table.append_column("p", pa.array([1, 1, 2, 2, 2, 2])), after / "a.parquet")
    lake = lake_of(tmp_path, *((after, before) if back else (before, after)))
    found = lake.diff("main~1", "main")["t"].rows
    assert (found.updated, found.moved) == (2, 1)
    assert found == lake.diff("main~1", "main", method="join")["t"].rows


@pytest.mark.parametrize("text_key", [False, True])
def test_a_file_with_other_rows_than_were_committed_is_damaged(
    tmp_path: Path, text_key: bool
) -> None:
    before, after = two_versions(tmp_path, 14, text_key=text_key)
    lake = lake_of(tmp_path, before, after)
    path = max((tmp_path / "lake/data").rglob("*.parquet"), key=lambda one: one.stat().st_size)
    size = path.stat().st_size
    some = pq.read_table(path).slice(5)
    path.chmod(0o644)
    pq.write_table(some, path, row_group_size=500)
    content = path.read_bytes()
    end = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
    path.write_bytes(content[:end] + bytes(size - len(content)) + content[end:])
    with pytest.raises(catalog.CorruptData, match="were committed"):
        lake.diff("main~1", "main")


def test_text_of_more_bytes_than_an_array_holds_is_left_to_the_engine() -> None:
    size = 1_200_000_000  # of memory that is never touched, and so takes none
    ends = pa.py_buffer(np.array([0, size], np.int32))
    text = pa.StringArray.from_buffers(1, ends, pa.py_buffer(mmap.mmap(-1, size)))
    pieces = [Piece(np.array([place]), text, None) for place in (0, 1)]
    with pytest.raises(Unreadable, match="too large"):
        values(pieces, 2, Field(1, "a", Scalar("VARCHAR")))
    nowhere = Places(np.array([0]), np.array([0]))
    keys = Keys(np.array([0]), None, (), exact=True)
    assert common_columns([Lone(nowhere, keys, {"t_c1": text})] * 2) == {}
