"""Files that another writer made anew: read together, each digested as if it were alone."""

import random
import struct
import tempfile
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import catalog
from catalog.diff.fingerprints import column_facts
from catalog.diff.fingerprints.canonical import CHUNK_ROWS
from catalog.diff.fingerprints.compute import compute
from catalog.diff.fingerprints.keyed_file import KeyedFile
from catalog.diff.fingerprints.reuse import looked_at
from catalog.diff.fingerprints.same_values import same_values
from catalog.diff.fingerprints.side_by_side import LocalFile, compute_begun, compute_both
from catalog.model.fingerprint import Fingerprint
from tests.diff.cases_check import TABLE
from tests.diff.test_fingerprint import described
from tests.effort import effort

ROWS = 60
NAN, OTHER_NAN = (
    struct.unpack("<d", struct.pack("<Q", bits))[0] for bits in (0x7FF8 << 48, 0x7FF9 << 48)
)
KINDS = {
    "x": (pa.float64(), [0.0, -0.0, NAN, OTHER_NAN, 1.5, -1e308, None]),
    "y": (pa.float32(), [0.0, -0.0, NAN, 0.1, None]),
    "n": (pa.int32(), [0, -5, 7, None]),
    "u": (pa.uint64(), [0, 2**64 - 1, None]),
    "s": (pa.string(), ["", "a", "é", "much longer than twelve bytes", None]),
    "b": (pa.binary(), [b"", b"\0", b"\xff" * 20, None]),
    "d": (pa.decimal128(30, 2), [Decimal("0.00"), Decimal("-12345678901234567890.12"), None]),
    "t": (pa.timestamp("us"), [0, -1, 10**15, None]),
    "z": (pa.timestamp("us", "UTC"), [0, 10**15, None]),
    "day": (pa.date32(), [0, 20_000, None]),
    "f": (pa.bool_(), [True, False, None]),
    "l": (pa.list_(pa.float64()), [[], [0.0], [-0.0], [NAN, 1.0], None]),
    "r": (pa.struct([("a", pa.int64()), ("b", pa.string())]), [{"a": 1, "b": None}, None]),
    "m": (pa.map_(pa.string(), pa.int64()), [[("k", 1)], [], None]),
    "empty": (pa.int64(), [None]),
}


Columns = dict[str, pa.Array]


def local(path: Path, key: Sequence[str]) -> LocalFile:
    table, file = described(path)
    ids = {field.name: field.id for field in table.schema.fields}
    keyed = KeyedFile(table, file, tuple(ids[name] for name in key))
    return LocalFile(str(path), keyed, looked_at(str(path), keyed))


def alone(one: LocalFile) -> Fingerprint:
    return compute(one.path, one.keyed, known=one.known)


def both(before: LocalFile, after: LocalFile) -> tuple[Fingerprint, Fingerprint] | None:
    older = {column.name: column.field_id for column in before.keyed.columns}
    newer = {column.name: column.field_id for column in after.keyed.columns}
    return compute_both(before, after, {newer[n]: older[n] for n in newer if n in older})


def by_duckdb(columns: Columns, path: Path) -> Path:
    with duckdb.connect() as con:
        con.register("given", pa.table(columns))
        con.execute(f"COPY (FROM given) TO '{path}' (FORMAT parquet, COMPRESSION zstd)")
    return path


def by_arrow(columns: Columns, path: Path, **options: Any) -> Path:
    pq.write_table(pa.table(columns), path, **options)
    return path


def some_columns(rnd: random.Random) -> Columns:
    """Makes up columns whose key ``k``, ``id`` is in order."""
    texts = sorted(rnd.choice(["a", "b", "é"]) for _ in range(ROWS))
    columns = {"k": pa.array(texts), "id": pa.array(range(ROWS), pa.int64())}
    for name in rnd.sample(list(KINDS), rnd.randint(1, 6)):
        kind, values = KINDS[name]
        columns[name] = pa.array([rnd.choice(values) for _ in range(ROWS)], kind)
    return columns


def changed(rnd: random.Random, columns: Columns) -> Columns:
    """Changes some cells of some columns, and at times a key."""
    found = dict(columns)
    for name, column in columns.items():
        if name in KINDS and rnd.random() < 0.4:
            kind, values = KINDS[name]
            cells = column.to_pylist()
            for _ in range(rnd.randint(1, 3)):
                cells[rnd.randrange(ROWS)] = rnd.choice(values)
            found[name] = pa.array(cells, kind)
    if rnd.random() < 0.2:
        ids = columns["id"].to_pylist()
        ids[rnd.randrange(1, ROWS)] = rnd.choice([-1, 7, None])
        found["id"] = pa.array(ids, pa.int64())
    if rnd.random() < 0.2:
        found.pop(rnd.choice([name for name in found if name in KINDS]))
    if rnd.random() < 0.1:
        found["n"] = pa.array(range(ROWS), pa.int16())
    return found


@pytest.mark.invariant(
    "A fingerprint is the same whether its rows were read, written, or stored as before"
)
@settings(max_examples=effort(40, 1500))
@given(st.integers(0, 2**63).map(random.Random))
def test_files_read_together_are_described_as_if_alone(tmp_path: Path, rnd: random.Random) -> None:
    older = some_columns(rnd)
    newer = changed(rnd, older)
    before = by_duckdb(older, tmp_path / "before.parquet")
    after = by_arrow(
        newer,
        tmp_path / "after.parquet",
        row_group_size=rnd.choice([5, 17, 100]),
        compression=rnd.choice(["none", "snappy"]),
        use_dictionary=rnd.choice([True, False, ["k"]]),
        data_page_version=rnd.choice(["1.0", "2.0"]),
    )
    key = rnd.choice([["id"], ["k", "id"]])
    files = [local(path, key) for path in rnd.sample([before, after], 2)]
    with pytest.MonkeyPatch.context() as patch:
        block = rnd.choice([7, 16, 65_536])
        for module in ("compute", "side_by_side"):
            patch.setattr(f"catalog.diff.fingerprints.{module}.BLOCK_ROWS", block)
        found = both(*files)
        known = [alone(one) for one in files]
        if found is not None:
            assert list(found) == known
        begun = {frozenset((i, known[0].columns[i][0]) for i in files[0].keyed.key)}
        own = compute_begun(files[0], begun)
        assert own == known[0] or (own is None and not is_in_order(files[0]))
        assert compute_begun(files[1], begun) in (None, known[1])
        first = min(block, ROWS, 5)
        same = all(older[name].slice(0, first).equals(newer[name].slice(0, first)) for name in key)
        assert found is not None or not same or older["id"] != newer["id"]


def is_in_order(one: LocalFile) -> bool:
    ids = pq.read_table(one.path)["id"].to_pylist()
    return None not in ids and ids == sorted(set(ids))


def test_blocks_that_are_equal_are_digested_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rnd = random.Random(1)
    columns = {"id": pa.array(range(ROWS)), "s": pa.array(["a", "b"] * (ROWS // 2))}
    columns |= {"x": pa.array([rnd.random() for _ in range(ROWS)])}
    cells = columns["x"].to_pylist()
    cells[-1] = -1.0
    before = local(by_duckdb(columns, tmp_path / "a.parquet"), ["id"])
    after = local(by_arrow(columns | {"x": pa.array(cells)}, tmp_path / "b.parquet"), ["id"])
    digested = []
    plain = column_facts.canonical_block

    def canonical_block(column: pa.Array) -> Any:
        digested.append(len(column))
        return plain(column)

    monkeypatch.setattr(column_facts, "canonical_block", canonical_block)
    monkeypatch.setattr("catalog.diff.fingerprints.side_by_side.BLOCK_ROWS", 20)
    assert both(before, after) is not None
    assert digested == [20] * (9 + 1)


@pytest.mark.parametrize("damage", ["order", "rows", "other"])
def test_files_that_do_not_begin_alike_are_left_to_others(tmp_path: Path, damage: str) -> None:
    ids = list(range(ROWS))
    other = {"order": ids[::-1], "rows": ids[1:], "other": [n + 1 for n in ids]}[damage]
    before = local(by_duckdb({"id": pa.array(ids)}, tmp_path / "a.parquet"), ["id"])
    after = local(by_arrow({"id": pa.array(other)}, tmp_path / "b.parquet"), ["id"])
    assert both(before, after) is None


def test_a_damaged_file_is_left_to_others(tmp_path: Path) -> None:
    columns = {"id": pa.array(range(ROWS)), "s": pa.array([f"text {n}" for n in range(ROWS)])}
    before = local(by_duckdb(columns, tmp_path / "a.parquet"), ["id"])
    after = local(by_arrow(columns, tmp_path / "b.parquet", compression="none"), ["id"])
    content = bytearray(Path(after.path).read_bytes())
    content[content.index(b"text 30") + 3] = 0xFF
    Path(after.path).write_bytes(content)
    assert both(before, after) is None


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (pa.array([0.0, NAN]), pa.array([0.0, NAN]), True),
        (pa.array([0.0]), pa.array([-0.0]), False),
        (pa.array([NAN]), pa.array([OTHER_NAN]), False),
        (pa.array([1.0, None]), pa.array([1.0, 0.0]), False),
        (pa.array([1], pa.int32()), pa.array([1], pa.int64()), False),
        (pa.array(["a", None, "b"]).dictionary_encode(), pa.array(["a", None, "b"]), True),
        (
            pa.array(["a", None]).dictionary_encode(),
            pa.array(["b", None]).dictionary_encode(),
            False,
        ),
        (pa.array([-0.0]).dictionary_encode(), pa.array([0.0]).dictionary_encode(), False),
        (
            pa.nulls(2, pa.string()).dictionary_encode(),
            pa.nulls(2, pa.string()).dictionary_encode(),
            True,
        ),
    ],
)
def test_values_are_the_same_bit_for_bit(one: pa.Array, other: pa.Array, same: bool) -> None:
    padded = pa.concat_arrays([other.slice(0, 1), other]).slice(1)
    assert [same_values(one, other), same_values(padded, one)] == [same, same]


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.string_view()])
@pytest.mark.parametrize("other", [pa.string(), pa.large_string()])
def test_text_is_compared_in_any_layout(kind: pa.DataType, other: pa.DataType) -> None:
    many = ["", "a", None, "much longer than twelve bytes"] * CHUNK_ROWS
    one, same = pa.array(many, kind), pa.array(["x", *many], other).slice(1)
    assert same_values(one, same)
    for place, text in ((0, None), (1, "b"), (2, ""), (len(many) - 1, "")):
        changed = pa.array([*many[:place], text, *many[place + 1 :]], other)
        assert not same_values(one, changed)
    moved = pa.array([*many[:-8], "b", "c", *many[-6:]], other)
    assert not same_values(pa.array([*many[:-8], "bc", "", *many[-6:]], kind), moved)


def test_text_that_is_not_utf8_is_found_in_the_older_file_alone(tmp_path: Path) -> None:
    columns = {"id": pa.array(range(ROWS)), "s": pa.array(["é"] * ROWS)}
    older = by_arrow(columns, tmp_path / "a.parquet", use_dictionary=False, compression="none")
    after = local(by_duckdb(columns, tmp_path / "b.parquet"), ["id"])
    assert both(local(older, ["id"]), after) is not None
    older.write_bytes(older.read_bytes().replace("é".encode(), b"\xc3\xc3"))
    assert both(local(older, ["id"]), after) is None


def test_entries_of_other_dictionaries_are_compared_by_value() -> None:
    one = pa.DictionaryArray.from_arrays(pa.array([0, 1, None, 1]), pa.array(["a", "b"]))
    other = pa.DictionaryArray.from_arrays(pa.array([2, 0, None, 0]), pa.array(["b", "c", "a"]))
    assert same_values(one, other)
    assert not same_values(one, other.take(pa.array([1, 0, 2, 3])))


def digests_of_rows(path: Path) -> int:
    return len([one for one in (path / "cache" / "rows").rglob("*") if one.is_file()])


@pytest.mark.parametrize("begins_alike", [True, False])
def test_rows_need_no_digests_where_keys_begin_as_on_the_other_side(
    tmp_path: Path, begins_alike: bool
) -> None:
    source, rows = tmp_path / "source", 40_000
    source.mkdir()
    cat = catalog.create(tmp_path / "lake")
    ids = list(range(0, 2 * rows, 2))
    texts = [f"{n * 7919 % 10**9:032}" for n in ids]
    by_duckdb({"id": pa.array(ids), "s": pa.array(texts)}, source / "a.parquet")
    with cat.transaction("main", message="older") as tx:
        tx.snapshot("t", str(source), key=["id"], fingerprints="columns")
    if not begins_alike:
        ids[0] = 1
    texts[-1] = "other"
    by_arrow(
        {"id": pa.array(ids), "s": pa.array(texts)},
        source / "a.parquet",
        use_dictionary=False,
        compression="none",
    )
    with cat.transaction("main", message="newer") as tx:
        tx.snapshot("t", str(source), fingerprints="later")
    with cat.diff("main~1", "main", tables=["t"], level="rows") as diff:
        counted = diff["t"].rows
        assert diff["t"].columns["s"].changed == 1
    assert (counted.inserted, counted.deleted, counted.updated) == (
        (0, 0, 1) if begins_alike else (1, 1, 1)
    )
    assert (digests_of_rows(tmp_path / "lake") == 0) is begins_alike


@pytest.mark.invariant("Every path of a diff gives the answer of the join")
@settings(max_examples=effort(10, 400))
@given(st.integers(0, 2**63).map(random.Random))
def test_a_first_diff_gives_the_answer_of_the_join(tmp_path: Path, rnd: random.Random) -> None:
    older = some_columns(rnd)
    newer = changed(rnd, older)
    with tempfile.TemporaryDirectory(dir=tmp_path) as name, pytest.MonkeyPatch.context() as patch:
        for module in ("fingerprints.compute", "fingerprints.side_by_side", "route"):
            patch.setattr(f"catalog.diff.{module}.BLOCK_ROWS", 16)
        folder = Path(name)
        cat = catalog.create(folder / "lake")
        source = folder / "source"
        source.mkdir()
        for columns, write in ((older, by_duckdb), (newer, by_arrow)):
            write(columns, source / "a.parquet")
            with cat.transaction("main") as tx:
                tx.snapshot(TABLE, str(source), key=["id"], fingerprints="later")
        answers = []
        for method in ("auto", "join", "auto"):
            with cat.diff("main~1", "main", tables=[TABLE], level="rows", method=method) as diff:
                found = diff[TABLE].to_dict()
                del found["files"]["bytes_read"]
                answers.append((found, repr(diff[TABLE].changes().read_all().to_pylist())))
        assert answers[0] == answers[1] == answers[2]
