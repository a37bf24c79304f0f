"""Changes of the diff benchmark: how the rows of a newer state come from those of the base."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from diff_data import LATE, NEWER, Shape, link_base, rows_of_partition, write_file

Rows = Callable[[Shape, Path, int], str]
"""Returns SQL of the rows of a newer partition."""


@dataclass(frozen=True, slots=True)
class Rewrite:
    """Says how a newer state comes from the base.

    Attributes:
        rows: The rows of a partition.
        late: Rows in a second file of each partition.
        partitions: How many partitions are rewritten, the others stay as they are; 0 means all.
        codec: The codec they are written with.
        pyarrow: Whether pyarrow writes them, in row groups of its own.
    """

    rows: Rows
    late: Rows | None = None
    partitions: int = 0
    codec: str = "zstd"
    pyarrow: bool = False


def write_newer(con: Any, shape: Shape, base: Path, root: Path, rewrite: Rewrite) -> None:
    """Writes another state of a table; partitions that stay are links to the base's files."""
    every = shape.partitions(base)
    rewritten = rewrite.partitions or every
    middle = (every - rewritten) // 2
    for number in range(every):
        if not middle <= number < middle + rewritten:
            link_base(shape, base, root, number)
            continue
        for rows, name in ((rewrite.rows, NEWER), (rewrite.late, LATE)):
            if rows:
                write_file(
                    con,
                    rows(shape, base, number),
                    shape.folder(root, number) / name,
                    codec=rewrite.codec,
                    pyarrow=rewrite.pyarrow,
                )


def replacing(column: str, value: str) -> Rows:
    """Returns what keeps all rows and recalculates a column."""

    def rows(shape: Shape, base: Path, number: int) -> str:
        return (
            f"SELECT * REPLACE ({value} AS {column}) FROM {rows_of_partition(shape, base, number)}"
        )

    return rows


def unchanged(shape: Shape, base: Path, number: int) -> str:
    """Keeps all rows as they are."""
    return f"FROM {rows_of_partition(shape, base, number)}"


def moved(shape: Shape, base: Path, number: int) -> str:
    """Takes the rows of the partition before."""
    return unchanged(shape, base, (number - 1) % shape.partitions(base))


def shuffled(rows: Rows) -> Rows:
    """Returns what brings rows into another order."""

    def ordered(shape: Shape, base: Path, number: int) -> str:
        return f"FROM ({rows(shape, base, number)}) ORDER BY hash({shape.key[-1]}, 'order')"

    return ordered


def shuffled_amounts(shape: Shape, base: Path, number: int) -> str:
    """Corrects one amount in a hundred, and shuffles."""
    return f"FROM ({CORRECTED(shape, base, number)}) ORDER BY hash(token, 'order')"


def mixed(shape: Shape, base: Path, number: int) -> str:
    """Updates, deletes and inserts 1 % of the rows each, moves 0.1 %, and shuffles.

    Rows that move go to the next partition; they keep their values.
    """
    own = rows_of_partition(shape, base, number)
    before = rows_of_partition(shape, base, (number - 1) % shape.partitions(base))
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


def mixed_by_text(shape: Shape, base: Path, number: int) -> str:
    """Updates, deletes and inserts 1 % of the rows each, and shuffles; the key ends in text."""
    own, last = rows_of_partition(shape, base, number), shape.key[-1]
    draw = f"hash({last}, 'draw') % 100"
    updates = (
        f"CASE WHEN {draw} = 1 THEN price + 1 ELSE price END AS price, "
        f"CASE WHEN {draw} = 1 THEN 'elsewhere' ELSE city END AS city"
    )
    return (
        f"FROM (SELECT * REPLACE ({updates}) FROM {own} WHERE {draw} <> 0 "
        f"UNION ALL SELECT * REPLACE ({last} || '-b' AS {last}) FROM {own} WHERE {draw} = 2) "
        f"ORDER BY hash({last}, 'order')"
    )


DRAW = "hash(id, 'draw') % 1000"


def kept(shape: Shape, base: Path, number: int) -> str:
    """Deletes 0.2 % of the rows and corrects 1 % of the amounts; ids are even numbers."""
    amount = f"CASE WHEN {DRAW} < 12 THEN coalesce(amount, 0) + 1 ELSE amount END AS amount"
    own = rows_of_partition(shape, base, number)
    return f"SELECT * REPLACE ({amount}) FROM {own} WHERE {DRAW} >= 2"


def late(shape: Shape, base: Path, number: int) -> str:
    """Returns 0.5 % of the rows under new keys, which lie between the others."""
    own = rows_of_partition(shape, base, number)
    return f"SELECT * REPLACE (id + 1 AS id) FROM {own} WHERE {DRAW} >= 995"


def come_and_gone(shape: Shape, base: Path, number: int) -> str:
    """Corrects, deletes and inserts as ``kept`` and ``late`` do, in the order of the keys."""
    parts = f"{kept(shape, base, number)} UNION ALL {late(shape, base, number)}"
    return f"FROM ({parts}) ORDER BY id"


def half_new(shape: Shape, base: Path, number: int) -> str:
    """Gives every second row a new key, in the order of the keys."""
    own = rows_of_partition(shape, base, number)
    return f"SELECT * REPLACE (id + ({DRAW} % 2)::BIGINT AS id) FROM {own} ORDER BY id"


def retyped(kind: str) -> Rows:
    """Returns what ``come_and_gone`` does, with a key of another type."""

    def rows(shape: Shape, base: Path, number: int) -> str:
        return (
            f"SELECT * REPLACE (id::{kind} AS id) FROM ({come_and_gone(shape, base, number)}) "
            "ORDER BY id"
        )

    return rows


OTHER_VALUES = {
    "customer": "customer + 1",
    "store": "(store + 1)::SMALLINT",
    "quantity": "quantity + 1",
    "account": "account + 1",
    "amount": "coalesce(amount, 0) + 1",
    "price": "price + 1",
    "discount": "-discount",
    "tax": "tax * 2 + 1",
    "score": "NULL",
    "status": "status || '!'",
    "city": "upper(city)",
    "name": "name || ' junior'",
    "note": "coalesce(note, '') || '.'",
    "token": "reverse(token) || token",
    "born": "(born + 1)::DATE",
    "seen": "seen + INTERVAL 1 SECOND",
    "active": "NOT active",
    "total": "(total + 0.01)::DECIMAL(12, 2)",
}
"""Another value for each column of ``ORDERS`` but its key."""


def scattered(shape: Shape, base: Path, number: int) -> str:
    """Changes one column of one row in 2,000, another column in other rows, and so on."""
    changed = ", ".join(
        f"CASE WHEN hash(id, 'draw') % 2000 = {n} THEN {value} ELSE {name} END AS {name}"
        for n, (name, value) in enumerate(OTHER_VALUES.items())
    )
    return f"SELECT * REPLACE ({changed}) FROM {rows_of_partition(shape, base, number)}"


CORRECTED = replacing(
    "amount", "CASE WHEN hash(token, 'draw') % 100 = 0 THEN coalesce(amount, 0) + 1 ELSE amount END"
)
"""One amount in a hundred becomes another."""

OF_ONE_STATUS = replacing("amount", "CASE WHEN status = 'back' THEN amount + 1 ELSE amount END")

OF_SOME_CITIES = replacing(
    "amount",
    "CASE WHEN status = 'back' AND city LIKE '%7' AND quantity < 50 "
    "THEN amount + 1 ELSE amount END",
)

RAISED = replacing(
    "amount", "CASE WHEN hash(token, 'draw') % 100 = 0 THEN amount + 1 ELSE amount END"
)
"""One amount in a hundred grows by one; NULL stays NULL."""

FEW_CORRECTED = replacing(
    "amount",
    "CASE WHEN hash(token, 'draw') % 1000 = 0 THEN coalesce(amount, 0) + 1 ELSE amount END",
)

WIDE_CORRECTED = replacing(
    "amount", "CASE WHEN hash(id, 'draw') % 100 = 0 THEN coalesce(amount, 0) + 1 ELSE amount END"
)

FILLED = replacing("amount", "coalesce(amount, price * 100)")

RECALCULATED = replacing("score", "score * 0.5 + 1")

UNEVENLY = replacing(
    "score", "score + CASE WHEN hash(token, 'draw') % 200 = 0 THEN 1.5 ELSE 0.25 END"
)
