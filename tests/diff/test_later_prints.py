"""Fingerprints that a diff makes itself: it reads of files only what they do not store alike."""

import math
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import catalog
from catalog.catalog import Catalog
from catalog.diff.fingerprints.column_reader import FileColumns
from catalog.model.datafile import DataFile
from catalog.operations.tables import stored_table
from catalog.repository.fingerprints import Fingerprints
from catalog.repository.tables import data_files
from tests.effort import effort

ROWS = 3_000
KINDS = {
    "id": pa.int64(),
    "n": pa.int32(),
    "x": pa.float64(),
    "s": pa.string(),
    "t": pa.string(),
    "m": pa.map_(pa.string(), pa.int64()),
    "l": pa.list_(pa.float64()),
}
Row = dict[str, Any]


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """Collects the names of columns that fingerprints read."""
    found: list[tuple[str, ...]] = []
    plain, one_by_one = FileColumns.batches, FileColumns.blocks

    def batches(self: FileColumns, places: Sequence[int], *, rows: int) -> Any:
        found.append(tuple(list(KINDS)[place] for place in places))
        return plain(self, places, rows=rows)

    def blocks(self: FileColumns, place: int, **options: Any) -> Any:
        found.append((list(KINDS)[place],))
        return one_by_one(self, place, **options)

    monkeypatch.setattr(FileColumns, "batches", batches)
    monkeypatch.setattr(FileColumns, "blocks", blocks)
    return found


def table(rows: Sequence[Row]) -> pa.Table:
    return pa.table(
        {name: pa.array([row[name] for row in rows], kind) for name, kind in KINDS.items()}
    )


def some_rows() -> list[Row]:
    return [
        {
            "id": n,
            "n": n % 9,
            "x": n / 3,
            "s": f"text {n % 5}",
            "t": f"note {n}",
            "m": None,
            "l": [n],
        }
        for n in range(ROWS)
    ]


def put(cat: Catalog, folder: Path, write: Any) -> None:
    folder.mkdir(exist_ok=True)
    write(folder / "a.parquet")
    with cat.transaction("main") as tx:
        tx.snapshot("t", str(folder), key=["id"], fingerprints="later")


def by_arrow(rows: Sequence[Row], **options: Any) -> Any:
    return lambda path: pq.write_table(table(rows), path, **options)


def files_of(cat: Catalog, ref: str) -> list[DataFile]:
    found = stored_table(cat.repository, "t", cat.resolve(ref))
    return list(data_files(cat.repository.commits, found))


def counts(cat: Catalog, before: str, after: str) -> tuple[Any, dict[str, int]]:
    with cat.diff(before, after, tables=["t"], level="cells") as diff:
        found = diff["t"]
        changed = {name: one.changed for name, one in found.columns.items() if one.changed}
        return (found.rows.inserted, found.rows.deleted, found.rows.updated), changed


@pytest.mark.invariant(
    "A first diff does not read what two files store alike; it is read once it is needed"
)
def test_a_first_diff_reads_what_is_stored_otherwise(
    tmp_path: Path, decoded: list[tuple[str, ...]]
) -> None:
    cat = catalog.create(tmp_path / "lake")
    rows = some_rows()
    put(cat, tmp_path / "source", by_arrow(rows))
    rows[7]["x"] = -1.0
    put(cat, tmp_path / "source", by_arrow(rows))
    assert counts(cat, "main~1", "main") == ((0, 0, 1), {"x": 1})
    assert decoded == [("id", "x"), ("x",)]


def test_columns_that_became_required_are_not_read(
    tmp_path: Path, decoded: list[tuple[str, ...]]
) -> None:
    """As DuckDB writes them: its own as nullable, copied ones as required."""
    cat = catalog.create(tmp_path / "lake")
    con = duckdb.connect()
    con.register("given", table(some_rows()))
    old = tmp_path / "old.parquet"
    con.execute(f"COPY (SELECT * FROM given) TO '{old}' (FORMAT parquet)")
    put(cat, tmp_path / "source", lambda path: path.write_bytes(old.read_bytes()))
    copied = f"SELECT * REPLACE (CASE WHEN id = 7 THEN -1 ELSE n END AS n) FROM '{old}'"
    write = f"COPY ({copied}) TO '{{}}' (FORMAT parquet)"
    put(cat, tmp_path / "source", lambda path: con.execute(write.format(path)))
    levels = [
        pq.ParquetFile(path).schema.column(0).max_definition_level
        for path in (old, tmp_path / "source" / "a.parquet")
    ]
    assert levels == [1, 0]
    assert counts(cat, "main~1", "main") == ((0, 0, 1), {"n": 1})
    assert decoded == [("id", "n"), ("n",)]


@pytest.mark.invariant(
    "A first diff does not read what two files store alike; it is read once it is needed"
)
def test_what_was_not_read_is_read_once_it_is_needed(
    tmp_path: Path, decoded: list[tuple[str, ...]]
) -> None:
    cat = catalog.create(tmp_path / "lake")
    rows = some_rows()
    for column, value in (("x", -1.0), ("s", "other"), ("x", -2.0)):
        put(cat, tmp_path / "source", by_arrow(rows))
        rows[7][column] = value
    put(cat, tmp_path / "source", by_arrow(rows, compression="zstd", use_dictionary=False))
    assert counts(cat, "main~3", "main~2") == ((0, 0, 1), {"x": 1})
    assert decoded == [("id", "x"), ("x",)]
    decoded.clear()
    assert counts(cat, "main~2", "main~1") == ((0, 0, 1), {"s": 1})
    assert decoded == [("s",), ("s",)]
    decoded.clear()
    assert counts(cat, "main~1", "main") == ((0, 0, 1), {"x": 1})
    newer = [("id",), *((name,) for name in KINDS)]  # the first keys, then column after column
    assert sorted(decoded) == sorted([*newer, ("n", "t", "m", "l")])
    decoded.clear()
    for pair in (("main~3", "main~2"), ("main~2", "main~1"), ("main~1", "main")):
        counts(cat, *pair)
    assert decoded == []


def test_a_snapshot_reads_the_rest(tmp_path: Path) -> None:
    cat = catalog.create(tmp_path / "lake")
    rows = some_rows()
    put(cat, tmp_path / "source", by_arrow(rows))
    rows[7]["x"] = -1.0
    put(cat, tmp_path / "source", by_arrow(rows))
    counts(cat, "main~1", "main")
    (before,) = files_of(cat, "main~1")
    kept = Fingerprints(cat.repository.store)
    prints = kept.read(before, (1,))
    assert prints is not None and prints.unread == {2, 4, 5, 6, 7}
    rows[7]["x"] = 7 / 3
    by_arrow(rows)(tmp_path / "source" / "a.parquet")
    with cat.transaction("main") as tx:
        tx.snapshot("t", str(tmp_path / "source"), key=["id"], fingerprints="now")
    assert [file.token for file in files_of(cat, "main")] == [before.token]
    prints = kept.read(before, (1,))
    assert prints is not None and not prints.unread


@pytest.mark.parametrize("key", [["id"], None])
@pytest.mark.parametrize("when", ["later", "now"])
def test_files_of_the_same_bytes_count_each(
    tmp_path: Path, key: list[str] | None, when: Literal["later", "now"]
) -> None:
    """Two files hold the same rows, then four of the eight rows are others."""
    cat = catalog.create(tmp_path / "lake")
    source = tmp_path / "source"
    source.mkdir()
    rows = some_rows()[:4]
    for version in (rows, [{**row, "n": 100} if row["id"] % 2 else row for row in rows]):
        for name in "ab":
            by_arrow(version)(source / f"{name}.parquet")
        with cat.transaction("main") as tx:
            tx.snapshot("t", str(source), key=key, fingerprints=when)
    found = {}
    for method in ("auto", "join"):
        with cat.diff("main~1", "main", tables=["t"], level="rows", method=method) as diff:
            one = diff["t"].rows
            listed = diff["t"].changes().read_all().num_rows
            found[method] = (one.inserted, one.deleted, one.updated, listed)
    assert found["auto"] == found["join"]
    assert found["auto"] == (4, 4, 0, 8)


def plain(value: Any) -> Any:
    if isinstance(value, float):
        return "nan" if math.isnan(value) else value + 0.0
    if isinstance(value, list):
        parts = [plain(part) for part in value]
        return sorted(parts) if parts and isinstance(parts[0], tuple) else parts
    return value


def expected(before: Sequence[Row], after: Sequence[Row]) -> tuple[Any, dict[str, int]]:
    """Compares rows by their ids, in plain Python."""
    old, new = ({row["id"]: row for row in rows} for rows in (before, after))
    changed: dict[str, int] = {}
    updated = 0
    for key in old.keys() & new.keys():
        unlike = [name for name in KINDS if plain(old[key][name]) != plain(new[key][name])]
        updated += bool(unlike)
        for name in unlike:
            changed[name] = changed.get(name, 0) + 1
    return (len(new.keys() - old.keys()), len(old.keys() - new.keys()), updated), changed


def listed(cat: Catalog, before: str, after: str) -> dict[int, Any]:
    """Returns what a diff hands out of rows, by their ids."""
    with cat.diff(before, after, tables=["t"], level="rows") as diff:
        rows = diff["t"].changes().read_all().to_pylist()
    assert len({row["id"] for row in rows}) == len(rows)
    return {
        row["id"]: (sorted(row["_changed_columns"] or ()), seen(row["_from"]), seen(row["_to"]))
        for row in rows
    }


def seen(row: Row | None) -> Any:
    return None if row is None else {name: plain(value) for name, value in row.items()}


def expected_rows(before: Sequence[Row], after: Sequence[Row]) -> dict[int, Any]:
    old, new = ({row["id"]: seen(row) for row in rows} for rows in (before, after))
    found = {}
    for key in old.keys() | new.keys():
        one, other = old.get(key), new.get(key)
        if one != other:
            both = one is not None and other is not None
            unlike = sorted(n for n in KINDS if one[n] != other[n]) if both else []
            found[key] = (unlike, one, other)
    return found


VALUES: dict[str, list[Any]] = {
    "n": [0, 1, 7, None],
    "x": [0.0, -0.0, 1.5, math.nan, None],
    "s": ["", "a", "é", None],
    "t": ["", "long " * 9, "b"],
    "m": [None, [], [("a", 1), ("b", 2)], [("b", 2), ("a", 1)], [("a", 1)]],
    "l": [None, [], [0.0], [-0.0], [math.nan], [1.0, 0.5]],
}


def changed_rows(rnd: random.Random, rows: list[Row]) -> list[Row]:
    """Returns another version of rows."""
    rows = [dict(row) for row in rows]
    for name in rnd.sample(sorted(VALUES), rnd.choice([0, 1, 1, 2])):
        for row in rows:
            if rnd.random() < rnd.choice([0.05, 0.9]):
                row[name] = rnd.choice(VALUES[name])
    if rnd.random() < 0.2:
        rnd.shuffle(rows)
    if rnd.random() < 0.2:
        del rows[: rnd.randint(1, 3)]
    if rnd.random() < 0.2:
        top = max((row["id"] for row in rows), default=0)
        rows.append({**{n: rnd.choice(v) for n, v in VALUES.items()}, "id": top + 1})
    return rows


def write_somehow(rnd: random.Random, rows: list[Row], folder: Path) -> None:
    """Writes rows to one file, or to two of as many rows each, by some writer."""
    for path in folder.glob("*"):
        path.unlink()
    half = len(rows) // 2 if rnd.random() < 0.3 and rows and len(rows) % 2 == 0 else len(rows)
    for name, part in (("a", rows[:half]), ("b", rows[half:])):
        if name == "b" and not part:
            continue
        found = table(part)
        path = folder / f"{name}.parquet"
        if rnd.random() < 0.5:
            con = duckdb.connect()
            con.register("given", found)
            source = "given"
            if rnd.random() < 0.5:
                pq.write_table(found, folder / "given")
                source = f"read_parquet('{folder / 'given'}')"
            codec = rnd.choice(["zstd", "snappy"])
            con.execute(f"COPY (FROM {source}) TO '{path}' (FORMAT parquet, COMPRESSION {codec})")
            (folder / "given").unlink(missing_ok=True)
            continue
        full = [pa.field(f.name, f.type, found[f.name].null_count > 0) for f in found.schema]
        schema = pa.schema(full) if rnd.random() < 0.5 else found.schema
        pq.write_table(
            found.cast(schema),
            path,
            compression=rnd.choice(["zstd", "snappy", "none"]),
            use_dictionary=rnd.random() < 0.7,
            row_group_size=rnd.choice([7, 1000]),
            data_page_version=rnd.choice(["1.0", "2.0"]),
        )


@pytest.mark.invariant(
    "A first diff does not read what two files store alike; it is read once it is needed"
)
@settings(max_examples=effort(27, 600))
@given(st.integers(0, 2**63).map(random.Random))
def test_diffs_in_any_order_count_what_differs(
    tmp_path_factory: pytest.TempPathFactory, rnd: random.Random
) -> None:
    root = tmp_path_factory.mktemp("later")
    source = root / "source"
    source.mkdir()
    cat = catalog.create(root / "lake")
    count = rnd.choice([1, 2, 8, 60])
    first = [{**{n: rnd.choice(v) for n, v in VALUES.items()}, "id": n} for n in range(count)]
    if rnd.random() < 0.3:
        rnd.shuffle(first)
    versions = [first]
    for _ in range(3):
        versions.append(changed_rows(rnd, rnd.choice(versions)))
    refs = []
    for rows in versions:
        write_somehow(rnd, rows, source)
        when = "now" if rnd.random() < 0.2 else "later"
        with cat.transaction("main") as tx:
            tx.snapshot("t", str(source), key=["id"], fingerprints=when, allow_empty=True)
        refs.append(cat.resolve("main").commit_id)  # what is there already makes no commit
    for _ in range(5):
        one, other = rnd.randrange(len(versions)), rnd.randrange(len(versions))
        pair = versions[one], versions[other]
        if rnd.random() < 0.5:
            assert counts(cat, refs[one], refs[other]) == expected(*pair)
        else:
            assert listed(cat, refs[one], refs[other]) == expected_rows(*pair)
