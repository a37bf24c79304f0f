"""Data of the diff benchmark: a table in hive partitions, and newer states of it.

DuckDB derives every value from a hash of the row's number, so that any machine makes the same
data. A state is a directory ``p=0/…``; files that a change leaves alone are hard links.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PARTITIONS = 16

FIRST_DAY = "2024-01-01"

BASE = "part-0.parquet"

NEWER = "part-1.parquet"


@dataclass(frozen=True, slots=True)
class Shape:
    """Says what a table looks like.

    Attributes:
        columns: SQL of every column in the files by name, over the row's number ``i``.
        key: The key columns.
        partition: The partition column, which only the paths have.
        partition_type: Its type.
        rewritten: Whether the first state too was read from Parquet and written again, as a
            backfill does: DuckDB then writes columns without NULL as required ones.
    """

    columns: dict[str, str]
    key: tuple[str, ...]
    partition: str = "p"
    partition_type: str = "INTEGER"
    rewritten: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """Returns the names of all columns."""
        return (*self.columns, self.partition)

    def folder(self, root: Path, number: int) -> Path:
        """Returns the directory of a partition."""
        if self.partition_type == "DATE":
            return root / f"{self.partition}=2024-01-{number + 1:02d}"
        return root / f"{self.partition}={number}"


def noise(salt: int) -> str:
    """Returns SQL of a number that looks random, another one for every salt."""
    return f"hash(i, {salt})"


def share(salt: int) -> str:
    """Returns SQL of a DOUBLE between 0 and 1 that looks random."""
    return f"({noise(salt)} / 18446744073709551616.0::DOUBLE)"


VALUES = {
    "customer": f"({noise(1)} % 1000000)::INTEGER",
    "store": f"({noise(2)} % 500)::SMALLINT",
    "quantity": f"({noise(3)} % 100)::INTEGER",
    "account": f"({noise(4)} % 1000000000000)::BIGINT",
    "amount": f"CASE WHEN {noise(5)} % 100 > 0 THEN ({noise(5)} % 100000000) / 100.0::DOUBLE END",
    "price": share(6),
    "discount": share(7),
    "tax": share(8),
    "score": share(9),
    "status": f"['new', 'paid', 'sent', 'back', 'lost'][({noise(10)} % 5)::INTEGER + 1]",
    "city": f"'city ' || ({noise(11)} % 1000)",
    "name": f"'customer ' || ({noise(12)} % 100000)",
    "note": f"CASE WHEN {noise(13)} % 10 > 0 THEN 'note ' || ({noise(13)} % 10000000) END",
    "token": "md5(i::VARCHAR)",
    "born": f"DATE '1960-01-01' + ({noise(14)} % 15000)::INTEGER",
    "seen": f"TIMESTAMP '2020-01-01' + to_seconds(({noise(15)} % 100000000)::BIGINT)",
    "active": f"{noise(16)} % 3 = 0",
    "total": f"(({noise(17)} % 1000000000)::BIGINT / 100.0)::DECIMAL(12, 2)",
}
"""Columns of all kinds; one in a hundred amounts is NULL."""

ORDERS = Shape({"id": "i::BIGINT", **VALUES}, key=("id",))
"""20 columns with the partition's."""

PLAIN = Shape(ORDERS.columns, key=())

WIDE = Shape(
    {
        "id": "i::BIGINT",
        "amount": VALUES["amount"],
        **{f"d{n}": share(n) for n in range(33)},
        **{f"n{n}": f"({noise(n)} % {10 ** (n % 9 + 1)})::INTEGER" for n in range(32)},
        **{f"t{n}": f"'text ' || ({noise(n)} % {10 ** (n % 5 + 1)})" for n in range(32)},
    },
    key=("id",),
)
"""100 columns with the partition's."""

DAILY = Shape(
    {"account_id": "printf('account-%09d', i)", **VALUES},
    key=("account_id", "day"),
    partition="day",
    partition_type="DATE",
)
"""One row of every account a day; the day is the partition."""

Rows = Callable[[Shape, Path, int], str]
"""Returns SQL of the rows of a newer partition."""


def replacing(column: str, value: str) -> Rows:
    """Returns what keeps all rows and recalculates a column."""

    def rows(shape: Shape, base: Path, number: int) -> str:
        return f"SELECT * REPLACE ({value} AS {column}) FROM {_file(shape, base, number)}"

    return rows


def unchanged(shape: Shape, base: Path, number: int) -> str:
    """Keeps all rows as they are."""
    return f"FROM {_file(shape, base, number)}"


def shuffled_amounts(shape: Shape, base: Path, number: int) -> str:
    """Corrects one amount in a hundred, and shuffles."""
    return f"FROM ({CORRECTED(shape, base, number)}) ORDER BY hash(token, 'order')"


def mixed(shape: Shape, base: Path, number: int) -> str:
    """Updates, deletes and inserts 1 % of the rows each, moves 0.1 %, and shuffles.

    Rows that move go to the next partition; they keep their values.
    """
    own = _file(shape, base, number)
    before = _file(shape, base, (number - 1) % PARTITIONS)
    draw, moves = "hash(id, 'draw') % 100", "hash(id, 'move') % 1000 = 0"
    updates = (
        f"CASE WHEN {draw} = 1 THEN price + 1 ELSE price END AS price, "
        f"CASE WHEN {draw} = 1 THEN 'elsewhere' ELSE city END AS city"
    )
    return (
        f"FROM (SELECT * REPLACE ({updates}) FROM {own} WHERE {draw} <> 0 AND NOT ({moves}) "
        f"UNION ALL FROM {before} WHERE {draw} > 1 AND {moves} "
        f"UNION ALL SELECT * REPLACE (id + 1000000000 AS id) FROM {own} WHERE {draw} = 2) "
        "ORDER BY hash(id, 'order')"
    )


CORRECTED = replacing(
    "amount", "CASE WHEN hash(token, 'draw') % 100 = 0 THEN coalesce(amount, 0) + 1 ELSE amount END"
)
"""One amount in a hundred becomes another."""

FEW_CORRECTED = replacing(
    "amount",
    "CASE WHEN hash(token, 'draw') % 1000 = 0 THEN coalesce(amount, 0) + 1 ELSE amount END",
)

WIDE_CORRECTED = replacing(
    "amount", "CASE WHEN hash(id, 'draw') % 100 = 0 THEN coalesce(amount, 0) + 1 ELSE amount END"
)

FILLED = replacing("amount", "coalesce(amount, price * 100)")

RECALCULATED = replacing("score", "score * 0.5 + 1")


@dataclass(frozen=True, slots=True)
class Rewrite:
    """Says how a newer state comes from the base.

    Attributes:
        rows: The rows of a partition.
        partitions: How many partitions are rewritten; the others stay as they are.
        codec: The codec they are written with.
        pyarrow: Whether pyarrow writes them, in row groups of its own.
    """

    rows: Rows
    partitions: int = PARTITIONS
    codec: str = "zstd"
    pyarrow: bool = False


ROW_GROUP = 50_000
"""Rows of a row group of files that pyarrow writes; DuckDB's have 122,880."""


def write_base(con: Any, shape: Shape, root: Path, rows: int) -> None:
    """Writes the first state of a table."""
    for number in range(PARTITIONS):
        low, high = (rows * n // PARTITIONS for n in (number, number + 1))
        first, last = (0, high - low) if shape.partition_type == "DATE" else (low, high)
        listed = ", ".join(f"{sql} AS {name}" for name, sql in _salted(shape, number))
        path = shape.folder(root, number) / BASE
        _copy(con, f"SELECT {listed} FROM range({first}, {last}) r(i)", path)
        if shape.rewritten:
            made = path.rename(path.with_suffix(".made"))
            _copy(con, f"FROM read_parquet('{made}', hive_partitioning = false)", path)
            made.unlink()


def _salted(shape: Shape, number: int) -> Iterator[tuple[str, str]]:
    """Yields columns; where row numbers start again in a partition, other values for each."""
    for name, sql in shape.columns.items():
        daily = shape.partition_type == "DATE" and name not in shape.key
        yield name, sql.replace("(i, ", f"(i + {number}000000000, ") if daily else sql


def write_newer(con: Any, shape: Shape, base: Path, root: Path, rewrite: Rewrite) -> None:
    """Writes another state of a table; partitions that stay are links to the base's files."""
    middle = (PARTITIONS - rewrite.partitions) // 2
    for number in range(PARTITIONS):
        folder = shape.folder(root, number)
        if not middle <= number < middle + rewrite.partitions:
            folder.mkdir(parents=True, exist_ok=True)
            os.link(shape.folder(base, number) / BASE, folder / BASE)
            continue
        query = rewrite.rows(shape, base, number)
        if rewrite.pyarrow:
            _write_with_pyarrow(con, query, folder / NEWER, rewrite.codec)
        else:
            _copy(con, query, folder / NEWER, rewrite.codec)


def write_tiny(root: Path, newer: Path, *, files: int, changed: int) -> None:
    """Writes many files of ten rows, ten a partition, and again the partitions that change.

    In each of those one file is another; the rest are links to the same files.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    def write(path: Path, number: int, add: float) -> None:
        first = number * 10
        table = pa.table(
            {
                "id": list(range(first, first + 10)),
                "value": [n / 7 + add for n in range(first, first + 10)],
                "text": [f"text {n}" for n in range(first, first + 10)],
            }
        )
        pq.write_table(table, path, store_schema=False)

    for number in range(files):
        folder = root / f"p={number // 10}"
        if number % 10 == 0:
            folder.mkdir(parents=True)
        write(folder / f"{number % 10}.parquet", number, 0.0)
    step = files // 10 // changed
    for partition in range(0, step * changed, step):
        folder = newer / f"p={partition}"
        folder.mkdir(parents=True)
        for number in range(9):
            os.link(root / folder.name / f"{number}.parquet", folder / f"{number}.parquet")
        write(folder / "other.parquet", partition * 10 + 9, 1.0)


def _file(shape: Shape, base: Path, number: int) -> str:
    path = str(shape.folder(base, number) / BASE).replace("'", "''")
    return f"read_parquet('{path}', hive_partitioning = false)"


def _copy(con: Any, query: str, path: Path, codec: str = "zstd") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    target = str(path).replace("'", "''")
    con.execute(f"COPY ({query}) TO '{target}' (FORMAT parquet, COMPRESSION {codec})")


def _write_with_pyarrow(con: Any, query: str, path: Path, codec: str) -> None:
    import pyarrow.parquet as pq

    path.parent.mkdir(parents=True, exist_ok=True)
    table = con.sql(query).to_arrow_table()
    pq.write_table(table, path, compression=codec, row_group_size=ROW_GROUP)
