"""What is taken from a writer's metadata is what reading the file's footer again would give."""

import datetime
import decimal
import math
import random
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import catalog
from catalog.dataclasses import replace
from catalog.diff.fingerprints.stored_bytes import stored_digests
from catalog.engine.data_types import data_type
from catalog.formats.parquet import read_footer
from catalog.model.schema import PhysicalColumn
from catalog.model.types import Scalar
from catalog.operations.tables import stored_table
from catalog.repository.tables import data_files
from catalog.write.files import own_footers
from catalog.write.files.own_footers import OwnFooters, Written

NAMES = ("a", "A b", "ä.ö", 'q"u', "list.element", "x" * 300, " ", "sélect")
TEXTS = ("", "a", "ä" * 40, "z" * 64, "z" * 65, "\0", "\x7f\U0010ffff", "y" * 4096, "y" * 5000)
COLUMNS: dict[str, tuple[pa.DataType, tuple[object, ...]]] = {
    "BOOLEAN": (pa.bool_(), (True, False)),
    "TINYINT": (pa.int8(), (-128, 0, 127)),
    "USMALLINT": (pa.uint16(), (0, 40_000, 65_535)),
    "INTEGER": (pa.int32(), (-(2**31), -1, 0, 2**31 - 1)),
    "UINTEGER": (pa.uint32(), (0, 1, 2**31, 2**32 - 1)),
    "BIGINT": (pa.int64(), (-(2**63), -1, 0, 2**63 - 1)),
    "UBIGINT": (pa.uint64(), (0, 2**63 - 1, 2**63, 2**64 - 1)),
    "FLOAT": (pa.float32(), (math.nan, -0.0, 0.0, math.inf, -math.inf, 1.5)),
    "DOUBLE": (pa.float64(), (math.nan, -0.0, 0.0, math.inf, -math.inf, 1e-310)),
    "DECIMAL(4,2)": (pa.decimal128(4, 2), (decimal.Decimal("-99.99"), decimal.Decimal("0.01"))),
    "DECIMAL(38,0)": (
        pa.decimal128(38, 0),
        (decimal.Decimal(10**38 - 1), decimal.Decimal(1 - 10**38), decimal.Decimal(0)),
    ),
    "DATE": (pa.date32(), (datetime.date(1, 1, 1), datetime.date(1970, 1, 1))),
    "TIME": (pa.time64("us"), (datetime.time(0), datetime.time(23, 59, 59, 999_999))),
    "TIMESTAMP": (pa.timestamp("us"), (datetime.datetime(1, 1, 1), datetime.datetime(9999, 1, 1))),
    "TIMESTAMP_NS": (pa.timestamp("ns"), (0, -(2**62), 2**62)),
    "TIMESTAMP WITH TIME ZONE": (pa.timestamp("us", "UTC"), (0, -1, 2**40)),
    "VARCHAR": (pa.string(), TEXTS),
    "BLOB": (pa.binary(), (b"", b"\xff", b"\x80" * 5000, b"a\0")),
    "INTEGER[]": (pa.list_(pa.int32()), ([], [1, None], [5])),
    "STRUCT(a INTEGER, b VARCHAR)": (
        pa.struct([("a", pa.int32()), ("b", pa.string())]),
        ({"a": 1, "b": None}, {"a": None, "b": "z" * 5000}),
    ),
    "MAP(VARCHAR, INTEGER)": (pa.map_(pa.string(), pa.int32()), ([("k", 1)], [])),
}


def written(path: Path, rows: pa.Table, *, group_rows: int) -> Written:
    """Writes a file as ``DataWriter`` does."""
    collected: list[pq.FileMetaData] = []
    with pq.ParquetWriter(
        path, rows.schema, compression="zstd", store_schema=False, metadata_collector=collected
    ) as writer:
        writer.write_table(rows, row_group_size=group_rows)
    return Written(rows.schema, collected[0], {})


def some_rows(rng: random.Random, kinds: list[str], names: list[str]) -> pa.Table:
    """Returns rows of values at the edges, of few of them at a time, and NULLs."""
    count = rng.choice((0, 1, 2, 5, 40))
    columns = []
    for kind in kinds:
        arrow, values = COLUMNS[kind]
        some = rng.sample(values, rng.randint(1, len(values)))
        missing = rng.choice((0.0, 0.0, 0.3, 1.0))
        cells = [None if rng.random() < missing else rng.choice(some) for _ in range(count)]
        columns.append(pa.array(cells, arrow))
    return pa.table(columns, names)


@pytest.mark.parametrize("seed", range(20))
def test_metadata_of_the_writer_say_what_the_footer_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    rng = random.Random(seed)
    kinds = rng.sample(list(COLUMNS), rng.randint(1, len(NAMES)))
    names = rng.sample(NAMES, len(kinds))
    columns = [
        PhysicalColumn(name, data_type(duckdb.type(kind)), n)
        for n, (name, kind) in enumerate(zip(names, kinds, strict=True))
    ]
    reads: list[str] = []
    monkeypatch.setattr(
        own_footers, "read_footer", lambda path, **more: reads.append(path) or read_footer(path)
    )
    with duckdb.connect() as con:
        fast = OwnFooters("t", columns, engine=lambda: con)
        for number in range(6):
            path = tmp_path / f"{number}.parquet"
            rows = some_rows(rng, kinds, names)
            metadata = written(path, rows, group_rows=rng.choice((1, 3, 100)))
            found = fast.facts(str(path), metadata)
            assert len(reads) == number + 1, "of these only the first file is read"
            expected = OwnFooters("t", columns, engine=lambda: con).facts(str(path), None)
            assert found == expected
            assert found.rows == rows.num_rows
            in_file = pq.read_metadata(path)
            assert metadata.metadata.equals(in_file)
            assert stored_digests(str(path), columns, metadata.metadata) == stored_digests(
                str(path), columns, in_file
            )


def test_another_schema_is_read_again(tmp_path: Path) -> None:
    with duckdb.connect() as con:
        facts = OwnFooters("t", [PhysicalColumn("a", Scalar("BIGINT"), 1)], engine=lambda: con)
        first = pa.table({"a": pa.array([1, 2])})
        one, two = tmp_path / "1.parquet", tmp_path / "2.parquet"
        facts.facts(str(one), written(one, first, group_rows=10))
        other = pa.table({"a": pa.array([1], pa.int32())})
        with pytest.raises(catalog.Unsupported, match="which Parquet would give back as INTEGER"):
            facts.facts(str(two), written(two, other, group_rows=10))


def test_entries_of_many_files_say_what_their_footers_say(tmp_path: Path) -> None:
    cat = catalog.create(str(tmp_path / "lake"))
    rows = pa.table(
        {
            "p": pa.array([1, 1, 2, 2, 3]),
            "f": pa.array([math.nan, -0.0, math.nan, math.nan, None], pa.float64()),
            "s": pa.array(["z" * 5000, "a", "", None, None]),
        }
    )
    with cat.transaction("main") as tx:
        tx.write("t", rows, mode="append", partition_by=["p"])
    table = stored_table(cat.repository, "t", cat.resolve("main"))
    files = sorted(data_files(cat.repository.commits, table), key=lambda file: file.partition)
    for file, nans in zip(files, (1, 2, 0), strict=True):
        footer = read_footer(str(tmp_path / "lake" / file.path)).stats
        stats = list(file.stats.values())
        assert stats == [replace(footer["f"], nans=nans), footer["s"]]
