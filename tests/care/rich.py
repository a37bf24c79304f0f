"""A catalog with objects of every kind, for those who damage them."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from catalog import Catalog
from catalog.serving.requests import Request
from catalog.serving.service import CatalogService
from catalog.serving.tables import TableCache

MOVES = 205
"""Moves of a branch: its older ones are on a page."""

TABLES = 260
"""More than a commit lists: they are in a tree."""


def orders(first: int, count: int, value: float) -> pa.Table:
    """Returns rows with NULL, NaN, and texts that share their beginnings."""
    ids = list(range(first, first + count))
    return pa.table(
        {
            "id": ids,
            "day": [f"2024-01-0{1 + n % 3}" for n in ids],
            "v": [None if n % 7 == 0 else float("nan") if n % 11 == 0 else value + n for n in ids],
            "name": [None if n % 5 == 0 else f"a name that begins like others {n:06}" for n in ids],
        }
    )


def rich(root: Path, *, moves: int = MOVES) -> Catalog:
    """Makes a catalog in ``root/lake`` whose sources are beside it."""
    lake, sources = root / "lake", root / "sources"
    catalog = Catalog.create(str(lake))
    for name, count in (("many", 20), ("linked", 2), ("outside", 2)):
        folder = sources / name
        folder.mkdir(parents=True)
        for n in range(count):
            pq.write_table(orders(100 * n, 30, float(n)), folder / f"part-{n:02}.parquet")
    pictures = sources / "pictures"
    pictures.mkdir()
    for n in range(6):
        (pictures / f"{n}.bin").write_bytes(bytes([n]) * (2000 + n))
    with catalog.transaction(message="first") as tx:
        tx.write("orders", orders(0, 60, 1.0), mode="overwrite", key=["id"], partition_by=["day"])
        tx.write("people", pa.table({"id": [1], "name": ["Ada"]}), mode="overwrite", key=["id"])
    with catalog.transaction(message="sources") as tx:
        tx.snapshot("many", str(sources / "many"), key=["id"])
        tx.snapshot("linked", str(sources / "linked"), mode="link")
        tx.snapshot("outside", str(sources / "outside"), mode="reference")
        tx.snapshot("files", str(pictures), format="files")
    _history(catalog)
    old = sources / "old"
    old.mkdir()
    (old / "x.bin").write_bytes(b"x" * 3000)
    with catalog.transaction(message="references") as tx:
        tx.snapshot("kept", str(old), format="files", mode="reference")
    catalog.branches.create("busy")
    for n in range(moves):
        (catalog.branches.unprotect if n % 2 else catalog.branches.protect)("busy")
    _served(catalog)
    return Catalog.open(str(lake))


def _served(catalog: Catalog) -> None:
    """Makes what clients of Iceberg read, with files that are written again for them."""
    with catalog.transaction(message="a column") as tx:
        tx.sql("CREATE TABLE again AS SELECT 1 AS x, 'old' AS s")
    for text in ("ALTER TABLE again DROP COLUMN s", "ALTER TABLE again ADD COLUMN s VARCHAR"):
        with catalog.transaction(message=text) as tx:
            tx.sql(text)
    with catalog.transaction(message="a row") as tx:
        tx.sql("INSERT INTO again VALUES (2, 'new')")
    service = CatalogService(catalog.context, TableCache(catalog.repository))
    for table in ("again", "orders"):
        answer = service.answer(Request("GET", f"/v1/namespaces/main/tables/{table}", {}))
        assert answer.status == 200, answer.body


def _history(catalog: Catalog) -> None:
    """Makes merges, a squashed one, tags, a derived table, fingerprints and digests of rows."""
    catalog.tags.create("v1")
    catalog.tags.create("spent")
    catalog.tags.delete("spent")
    catalog.branches.create("side")
    with catalog.transaction(branch="side", message="side") as tx:
        tx.write("orders", orders(1000, 20, 5.0), mode="append")
    with catalog.transaction(message="meanwhile") as tx:
        tx.sql("UPDATE people SET name = 'Grace, whose name is longer' WHERE id = 1")
    catalog.merge("side")
    catalog.branches.create("squashed")
    with catalog.transaction(branch="squashed", message="squashed") as tx:
        tx.write("orders", orders(2000, 20, 6.0), mode="append")
    catalog.merge("squashed", squash=True)
    catalog.branches.delete("squashed")
    catalog.derive("by_day", "SELECT day, count(*) AS n FROM orders GROUP BY day")
    catalog.diff("v1", "main").to_dict()


def wide(root: Path) -> Catalog:
    """Makes a catalog whose tables are in a tree."""
    catalog = Catalog.create(str(root))
    with catalog.transaction(message="many tables") as tx:
        for n in range(TABLES):
            tx.write(f"t{n:04}", pa.table({"id": [n]}), mode="overwrite", key=["id"])
    with catalog.transaction(message="one more") as tx:
        tx.write("t0007", pa.table({"id": [-1]}), mode="append")
    return Catalog.open(str(root))
