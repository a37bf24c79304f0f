"""Data of the diff benchmark: a table in hive partitions, and newer states of it.

DuckDB derives every value from a hash of the row's number, so that any machine makes the same
data. A state is a directory ``p=0/…``; files that a change leaves alone are hard links.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PARTITIONS = 16
"""Partitions of a table that does not say how many rows each has."""

FEWEST = 4
"""Partitions of a table that does, at least."""

BASE = "part-0.parquet"

NEWER = "part-1.parquet"

LATE = "part-2.parquet"


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
        partition_rows: Rows of a partition; 0 means as many as there are for 16 of them.
    """

    columns: dict[str, str]
    key: tuple[str, ...]
    partition: str = "p"
    partition_type: str = "INTEGER"
    rewritten: bool = False
    partition_rows: int = 0

    def partitions(self, root: Path) -> int:
        """Returns how many partitions a state has."""
        return len(os.listdir(root)) if self.partition_rows else PARTITIONS

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

SPACED = Shape({"id": "i * 2", **VALUES}, key=("id",))
"""As ``ORDERS``, with room for late rows between the keys."""

SPACED_INTEGERS = Shape({"id": "(i * 2)::INTEGER", **VALUES}, key=("id",))

LISTED = Shape(
    {
        "id": "i * 2",
        **{name: sql for name, sql in VALUES.items() if name != "customer"},
        "tags": f"['tag ' || (x + {noise(21)} % 50) for x in range(({noise(20)} % 4)::BIGINT)]",
    },
    key=("id",),
)
"""20 columns, of which one is nested."""

SLIM = Shape({"id": "i * 2", "amount": VALUES["amount"], "status": VALUES["status"]}, key=("id",))

PIECES = "[md5((i * 30 + x)::VARCHAR) for x in range({0}, {0} + 10)]"

BROAD = Shape(
    {
        "id": "i * 2",
        "amount": VALUES["amount"],
        "city": VALUES["city"],
        **{f"text{n}": f"array_to_string({PIECES.format(n * 10)}, ' ')" for n in range(3)},
    },
    key=("id",),
)
"""Three columns of 329 characters each, all of them different."""

LEDGER = Shape(
    {
        "ledger": "printf('AC%07d', (hash(i // 8, 22) % 10000000)::BIGINT)",
        "document": "printf('2024-%09d', i)",
        **{name: sql for name, sql in VALUES.items() if name != "customer"},
    },
    key=("ledger", "document"),
)
"""20 columns with the partition's; the key is of two texts, in no order."""

MANY = Shape(ORDERS.columns, key=("id",), partition_rows=5_000)
"""As ``ORDERS``, in small partitions."""

DAILY = Shape(
    {"account_id": "printf('account-%09d', i)", **VALUES},
    key=("account_id", "day"),
    partition="day",
    partition_type="DATE",
)
"""One row of every account a day; the day is the partition."""

ROW_GROUP = 50_000
"""Rows of a row group of files that pyarrow writes; DuckDB's have 122,880."""


def write_base(con: Any, shape: Shape, root: Path, rows: int) -> None:
    """Writes the first state of a table."""
    count = max(rows // shape.partition_rows, FEWEST) if shape.partition_rows else PARTITIONS
    for number in range(count):
        low, high = (rows * n // count for n in (number, number + 1))
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


def link_base(shape: Shape, base: Path, root: Path, number: int) -> None:
    """Links the file of a partition into another state."""
    folder = shape.folder(root, number)
    folder.mkdir(parents=True, exist_ok=True)
    os.link(shape.folder(base, number) / BASE, folder / BASE)


def write_file(con: Any, query: str, path: Path, *, codec: str, pyarrow: bool) -> None:
    """Writes the rows of a query, with pyarrow or with DuckDB."""
    (_write_with_pyarrow if pyarrow else _copy)(con, query, path, codec)


def rewritten_partitions(root: Path) -> list[str]:
    """Returns the names of the partitions that a newer state has its own files for."""
    return sorted(path.name for path in root.iterdir() if (path / NEWER).exists())


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


def rows_of_partition(shape: Shape, base: Path, number: int) -> str:
    """Returns SQL of the rows of a partition."""
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
