"""What a bucket is asked for by size: bytes by the columns read, requests by levels of the tree.

With ``--thorough`` the table of which one column is read has 1 GB, and the one whose requests are
counted a million files. With ``-s`` the figures are printed.
"""

import itertools
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

import catalog
from catalog.catalog import Catalog
from catalog.repository.repository import open_existing
from catalog.repository.table_entries import PlacedEntry
from catalog.repository.tables import files_in_partition
from catalog.storage.bucket.store import BucketStore
from catalog.storage.options import S3Options
from catalog.storage.s3.service import S3Service
from tests.effort import effort
from tests.repository.test_cost import entry
from tests.write.conftest import snap, write

from .conftest import new_place
from .proxy import Asked, proxied
from .servers import Server
from .test_requests import large

MB = effort(16, 1100)
FILES = effort(20_000, 1_000_000)

DIFF_ROWS = effort(80_000, 1_000_000)

DIFF_SHARE = effort(0.7, 0.55)
"""Of the files' bytes, what a diff of rows that came and went may move."""

COLUMNS = 10
PARTS = 4
GROUP_ROWS = 125_000
END_BYTES = 1 << 16

BLOCK_BYTES = 4096
"""DuckDB widens what it reads to blocks of this size, by two of them at either end at most."""

NUMBERS = itertools.count()


def test_a_query_of_one_column_moves_its_bytes_and_footers(seaweed: Server, source: Path) -> None:
    place = new_place(S3Service(S3Options(endpoint_url=seaweed.endpoint)))
    rows = MB * 1_000_000 // (8 * COLUMNS * PARTS)
    random = np.random.default_rng(1)
    column = 0
    total = 0
    for part in range(PARTS):
        path = source / f"{part}.parquet"
        table = pa.table({f"c{n}": random.integers(0, 1 << 40, rows) for n in range(COLUMNS)})
        pq.write_table(table, path, row_group_size=GROUP_ROWS, use_dictionary=False)
        total += int(table["c3"].to_numpy().sum())
        footer = pq.read_metadata(path)
        for group in range(footer.num_row_groups):
            column += footer.row_group(group).column(3).total_compressed_size
        size = sum(file.stat().st_size for file in source.iterdir())
    cat = catalog.create(f"{place}/lake", s3=S3Options(endpoint_url=seaweed.endpoint))
    snap(cat, "t", source, fingerprints="later")
    with proxied(seaweed.endpoint) as proxy:
        far = catalog.open(f"{place}/lake", s3=S3Options(endpoint_url=proxy.endpoint), cache="")
        proxy.clear()
        start = time.monotonic()
        assert far.sql("SELECT sum(c3) FROM t").fetchall() == [(total,)]
        elapsed = time.monotonic() - start
        asked = [a for a in proxy.asked if "/data/" in a.path]
    moved = sum(a.answered for a in asked)
    print(
        f"\n{size / 1e6:,.1f} MB in {PARTS} files; the column {column / 1e6:,.2f} MB; moved "
        f"{moved / 1e6:,.2f} MB in {len(asked)} requests, {elapsed:.1f} s"
    )
    edges = (len(asked) - PARTS) * 4 * BLOCK_BYTES
    assert column <= moved <= column + PARTS * END_BYTES + edges
    assert moved < size / 2


def test_requests_follow_the_levels_of_the_tree(moto: Server, tmp_path: Path) -> None:
    access = S3Service(S3Options(endpoint_url=moto.endpoint))
    there = BucketStore(f"{new_place(access)}/lake", access)
    here = large(FILES, 1)
    for info in here.list(""):
        there.create(info.path, here.read(info.path).data)
    with proxied(moto.endpoint) as proxy:
        options = S3Options(endpoint_url=proxy.endpoint)

        def opened(cache: str) -> Catalog:
            return catalog.open(there.location, s3=options, cache=cache)

        def asked(act: Callable[[Catalog], object], cache: str) -> list[Asked]:
            cat = opened(cache)
            proxy.clear()
            act(cat)
            store: Any = cat.repository.store
            getattr(store, "inner", store)._pending.settle()
            return list(proxy.asked)

        levels = opened("").repository.commits.table(head_entry(opened(""))).snapshot.levels
        bounds: dict[str, tuple[Callable[[Catalog], object], int, int]] = {
            "open": (lambda cat: open_existing(cat.repository.store), 0, 1),
            "plan a query of one partition": (plan, 1, levels + 3),
            "diff --stat of neighbours": (stat, 4, 4),
            "commit of one file": (partial(commit, tmp_path), 7, 12 + levels),
            # one of them keeps the spare copy, in the background
            "create a branch": (lambda cat: cat.branches.create(f"b{next(NUMBERS)}"), 4, 4),
        }
        print(f"\n{FILES:,} files, {levels} levels")
        for name, (act, warm_bound, cold_bound) in bounds.items():
            cold = asked(act, "")
            asked(act, str(tmp_path / "cache"))
            warm = asked(act, str(tmp_path / "cache"))
            print(f"{name}: {len(warm)} warm, {len(cold)} cold; {kb(warm)} and {kb(cold)} kB")
            assert len(warm) <= warm_bound, (name, warm)
            assert len(cold) <= cold_bound, (name, cold)


def head_entry(cat: Catalog) -> PlacedEntry:
    return cat.repository.commits.entries(cat.resolve("main").commit_id)["t"]


def plan(cat: Catalog) -> None:
    table = cat.repository.commits.table(head_entry(cat))
    assert list(files_in_partition(cat.repository.commits, table, entry(FILES // 2).partition))


def stat(cat: Catalog) -> None:
    found = cat.diff("main~1", "main", level="stat")["t"]
    assert found.to_dict()["files"]["added"] == 1


def commit(folder: Path, cat: Catalog) -> None:
    number = next(NUMBERS)
    source = folder / str(number)
    write(source / f"p={FILES // 20}" / "x.parquet", {"id": [number]})
    assert snap(cat, "t", source, scope="append").files_added == 1


def kb(asked: Sequence[Asked]) -> int:
    return sum(one.sent + one.answered for one in asked) // 1000


def test_a_diff_of_rows_that_came_and_went_moves_keys_digests_and_what_changed(
    seaweed: Server, source: Path
) -> None:
    place = new_place(S3Service(S3Options(endpoint_url=seaweed.endpoint)))
    rows = DIFF_ROWS // PARTS
    random = np.random.default_rng(2)
    newer = source.with_name("newer")
    newer.mkdir()
    for part in range(PARTS):
        ids = np.arange(rows) * 2 + part * rows * 2
        columns = {f"c{n}": random.integers(0, 1 << 40, rows) for n in range(COLUMNS - 1)}
        table = pa.table({"id": ids, **columns})
        pq.write_table(table, source / f"{part}.parquet", row_group_size=GROUP_ROWS)
        columns["c3"] = columns["c3"] + (ids % 200 == 0)
        late = pa.table({"id": ids + 1, **columns}).filter(ids % 400 == 2)
        table = pa.table({"id": ids, **columns}).filter(ids % 1000 != 4)
        table = pa.concat_tables([table, late]).sort_by("id")
        pq.write_table(table, newer / f"{part}.parquet", row_group_size=GROUP_ROWS)
    size = sum(file.stat().st_size for folder in (source, newer) for file in folder.iterdir())
    options = S3Options(endpoint_url=seaweed.endpoint)
    cat = catalog.create(f"{place}/lake", s3=options)
    snap(cat, "t", source, key=["id"])
    snap(cat, "t", newer)
    with proxied(seaweed.endpoint) as proxy:
        far = catalog.open(f"{place}/lake", s3=S3Options(endpoint_url=proxy.endpoint), cache="")
        proxy.clear()
        start = time.monotonic()
        with far.diff("main~1", "main", level="rows") as diff:
            found = diff["t"]
            written = found.changes(columns="changed").read_all().num_rows
        elapsed = time.monotonic() - start
        asked = list(proxy.asked)
    parts = {
        name: [one for one in asked if f"/{name}/" in one.path]
        for name in ("data", "cache/rows", "cache/fingerprints")
    }
    print(f"\n{size / 1e6:,.1f} MB in {2 * PARTS} files, {written:,} rows changed, {elapsed:.1f} s")
    for name, some in parts.items():
        print(f"{name}: {len(some)} requests, {sum(one.answered for one in some) / 1e6:,.2f} MB")
    assert sum(one.answered for one in asked) < size * DIFF_SHARE
    counts = found.rows
    assert (counts.inserted, counts.deleted, counts.updated) == tuple(
        PARTS * rows // share for share in (200, 500, 100)
    )
