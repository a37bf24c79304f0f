"""The scenarios of the diff benchmark: what changed in which table, and what is aimed at."""

from dataclasses import dataclass, replace

from diff_changes import (
    CORRECTED,
    FEW_CORRECTED,
    FILLED,
    OF_ONE_STATUS,
    OF_SOME_CITIES,
    RAISED,
    RECALCULATED,
    UNEVENLY,
    WIDE_CORRECTED,
    Rewrite,
    come_and_gone,
    half_new,
    kept,
    late,
    mixed,
    mixed_by_text,
    moved,
    retyped,
    scattered,
    shuffled,
    shuffled_amounts,
    unchanged,
)
from diff_data import (
    BROAD,
    DAILY,
    LEDGER,
    LISTED,
    MANY,
    ORDERS,
    PLAIN,
    SLIM,
    SPACED,
    SPACED_INTEGERS,
    WIDE,
    Shape,
)


@dataclass(frozen=True, slots=True)
class Target:
    """Says what is aimed at.

    Attributes:
        times: CPU seconds by hand over ours are to be this.
        least: And must be at least this, for counts and narrow rows; 0 means no such bound.
        narrow: What ``times`` and ``least`` are where both sides write the same columns.
        first: And for the first diff, which finds no fingerprints.
        memory_share: Our memory over that by hand is to be at most this; 0 means any.
        snapshot_scans: Full scans that fingerprints may cost a snapshot.
        opens_nothing: Whether no data file may be opened.
    """

    times: float = 0.0
    least: float = 0.0
    narrow: tuple[float, float] = (0.0, 0.0)
    first: float = 1.5
    memory_share: float = 0.0
    snapshot_scans: float = 2.2
    opens_nothing: bool = False


@dataclass(frozen=True, slots=True)
class Tolerance:
    """Is what the same diff is also measured with.

    Attributes:
        column: The column.
        nothing: A tolerance that no change is within.
        most: One that most changes are within, but not a few; empty if there is none.
        all: One that every change is within; empty if there is none.
    """

    column: str
    nothing: str
    most: str = ""
    all: str = ""


@dataclass(frozen=True, slots=True)
class Scenario:
    """Is one change of a table.

    Attributes:
        name: Its short name.
        what: What changed.
        shape: The table.
        rewrite: How the newer state comes from the base.
        read: The columns that must be read to see the change: keys, and those that changed.
        target: What is aimed at.
        rows: Rows for every row asked for on the command line.
        extra: Further measurements: ``part`` by hand over the changed partitions alone,
            ``narrow`` writing key and changed columns alone, ``charged``, ``first``,
            ``snapshot``, ``process``.
        tolerance: A tolerance to measure the diff with, too.
        memory_bytes: Memory allowed; 0 means what each side takes of itself.
    """

    name: str
    what: str
    shape: Shape
    rewrite: Rewrite
    read: tuple[str, ...]
    target: Target
    rows: float = 1.0
    extra: tuple[str, ...] = ()
    tolerance: Tolerance | None = None
    memory_bytes: int = 0


ALLOWED_BYTES = 2_000_000_000
"""Memory of the scenario in which it is short."""

SCENARIOS = (
    Scenario(
        "S1",
        "one of 16 partitions rewritten, 1 % NULLs filled",
        ORDERS,
        Rewrite(FILLED, partitions=1),
        ("id", "amount"),
        Target(50),
        extra=("part", "process"),
    ),
    Scenario(
        "S2",
        "all partitions rewritten, 1 % NULLs filled",
        ORDERS,
        Rewrite(FILLED),
        ("id", "amount"),
        Target(10),
        extra=("charged", "first", "snapshot", "process"),
        tolerance=Tolerance("amount", nothing="1%"),
    ),
    Scenario(
        "S3",
        "one DOUBLE recalculated in every row",
        ORDERS,
        Rewrite(RECALCULATED),
        ("id", "score"),
        Target(7, narrow=(10, 6)),
        extra=("narrow", "charged"),
        tolerance=Tolerance("score", nothing="0.1", all="2"),
    ),
    Scenario(
        "S4",
        "shuffled; 1 % updated, inserted, deleted each; 0.1 % moved",
        ORDERS,
        Rewrite(mixed),
        ORDERS.names,
        Target(6, least=4, memory_share=0.25, snapshot_scans=3),
        extra=("charged", "first", "snapshot"),
    ),
    Scenario(
        "S5",
        "rewritten by pyarrow, other codec and row groups, 0.1 % changed",
        ORDERS,
        Rewrite(FEW_CORRECTED, codec="snappy", pyarrow=True),
        ("id", "amount"),
        Target(6, first=1.2),
        extra=("charged", "first"),
    ),
    Scenario(
        "S6",
        "rewritten with another codec, nothing changed",
        ORDERS,
        Rewrite(unchanged, codec="snappy"),
        ("id",),
        Target(opens_nothing=True),
        extra=("charged", "first"),
    ),
    Scenario(
        "S7",
        "100 columns, 1 % of one changed",
        WIDE,
        Rewrite(WIDE_CORRECTED),
        ("id", "amount"),
        Target(20),
        rows=0.2,
        extra=("charged", "first"),
    ),
    Scenario(
        "S7r",
        "as S7, of a table that a backfill wrote before",
        replace(WIDE, rewritten=True),
        Rewrite(WIDE_CORRECTED),
        ("id", "amount"),
        Target(20),
        rows=0.2,
        extra=("charged", "first"),
    ),
    Scenario(
        "S8",
        "key of text and the partition's date, 1 % of one column changed",
        DAILY,
        Rewrite(CORRECTED),
        ("account_id", "day", "amount"),
        Target(6),
    ),
    Scenario(
        "S9",
        "no key, 1 % of the rows changed",
        PLAIN,
        Rewrite(CORRECTED),
        PLAIN.names,
        Target(3),
    ),
    Scenario(
        "S9b",
        "the same, shuffled",
        PLAIN,
        Rewrite(shuffled_amounts),
        PLAIN.names,
        Target(3),
    ),
    Scenario(
        "S2r",
        "as S2, of a table that a backfill wrote before",
        replace(ORDERS, rewritten=True),
        Rewrite(FILLED),
        ("id", "amount"),
        Target(10),
        extra=("charged", "first", "snapshot"),
    ),
    Scenario(
        "P1",
        "shuffled within partitions, 1 % of one column corrected",
        ORDERS,
        Rewrite(shuffled_amounts),
        ("id", "amount"),
        Target(6, snapshot_scans=3),
        extra=("charged", "first", "snapshot"),
    ),
    Scenario(
        "S2t",
        "as S2, but 1 % of the amounts grow by one",
        ORDERS,
        Rewrite(RAISED),
        ("id", "amount"),
        Target(10),
        tolerance=Tolerance("amount", nothing="0.5", all="1.5"),
    ),
    Scenario(
        "S7b",
        "as S7, of 0.8 million rows",
        WIDE,
        Rewrite(WIDE_CORRECTED),
        ("id", "amount"),
        Target(30, least=20),
        rows=0.08,
    ),
    Scenario(
        "S12",
        "in key order; 1 % of one column updated, 0.5 % inserted, 0.2 % deleted",
        SPACED,
        Rewrite(come_and_gone),
        ("id", "amount"),
        Target(8, least=5),
        extra=("charged", "first", "snapshot", "process"),
    ),
    Scenario(
        "S13",
        "the same, new rows in files of their own",
        SPACED,
        Rewrite(kept, late=late),
        ("id", "amount"),
        Target(8, least=5),
        extra=("charged", "first"),
    ),
    Scenario(
        "S14",
        "key of two texts, shuffled; 1 % updated, inserted, deleted each",
        LEDGER,
        Rewrite(mixed_by_text),
        ("ledger", "document", "price", "city"),
        Target(5, least=3, snapshot_scans=3),
        extra=("charged", "first", "snapshot"),
    ),
    Scenario(
        "S15",
        "partitions of 5,000 rows, all rewritten, 1 % of one column changed",
        MANY,
        Rewrite(CORRECTED),
        ("id", "amount"),
        Target(12, least=6),
        rows=0.5,
        extra=("charged", "first"),
    ),
)

HARD = (
    Scenario(
        "S3t",
        "as S3, but the scores grow by a quarter, one in 200 by one and a half",
        ORDERS,
        Rewrite(UNEVENLY),
        ("id", "score"),
        Target(1),
        tolerance=Tolerance("score", nothing="0.1", most="0.5", all="2"),
    ),
    Scenario(
        "H1",
        "one column recalculated in every row, and shuffled",
        SPACED,
        Rewrite(shuffled(RECALCULATED)),
        ("id", "score"),
        Target(1),
        rows=0.2,
        extra=("narrow",),
    ),
    Scenario(
        "H2",
        "in key order; half of the keys new",
        SPACED,
        Rewrite(half_new),
        SPACED.names,
        Target(1),
        rows=0.2,
    ),
    Scenario(
        "H3",
        "all rows moved to the next partition",
        SPACED,
        Rewrite(moved),
        SPACED.names,
        Target(1),
        rows=0.2,
    ),
    Scenario(
        "H4",
        "0.9 % of the rows updated, in 18 columns, one column in each row",
        SPACED,
        Rewrite(scattered),
        SPACED.names,
        Target(1),
        rows=0.2,
    ),
    Scenario(
        "H5",
        "as S12, and the key is DECIMAL(20, 0) instead of BIGINT",
        SPACED,
        Rewrite(retyped("DECIMAL(20, 0)")),
        ("id", "amount"),
        Target(1),
        rows=0.2,
    ),
    Scenario(
        "H5b",
        "as S12, and the key is BIGINT instead of INTEGER",
        SPACED_INTEGERS,
        Rewrite(retyped("BIGINT")),
        ("id", "amount"),
        Target(1),
        rows=0.2,
    ),
    Scenario(
        "H6",
        "as S12, of a table with a list among its columns",
        LISTED,
        Rewrite(come_and_gone),
        ("id", "amount"),
        Target(1),
        rows=0.2,
    ),
    Scenario(
        "H7",
        "as S12, of a table with three columns of long text",
        BROAD,
        Rewrite(come_and_gone),
        ("id", "amount"),
        Target(1),
        rows=0.05,
    ),
    Scenario(
        "H8",
        "as S12, of a table of four columns",
        SLIM,
        Rewrite(come_and_gone),
        ("id", "amount"),
        Target(1),
    ),
)
"""Changes at which a diff that knows rows by their digests may be slow or wrong."""

EXPLAINED = (
    Scenario(
        "E1",
        "a fifth of the amounts, those of one status",
        ORDERS,
        Rewrite(OF_ONE_STATUS),
        ("id", "amount"),
        Target(),
    ),
    Scenario(
        "E2",
        "the same, shuffled",
        ORDERS,
        Rewrite(shuffled(OF_ONE_STATUS)),
        ("id", "amount"),
        Target(),
    ),
    Scenario(
        "E3",
        "1 % of the amounts, those of one city in ten of one status",
        ORDERS,
        Rewrite(OF_SOME_CITIES),
        ("id", "amount"),
        Target(),
    ),
)
"""Changes of rows that have something in common."""

LARGE = (
    Scenario(
        "S10",
        "five times the rows of S2, 2 GB of memory allowed",
        ORDERS,
        Rewrite(FILLED),
        ("id", "amount"),
        Target(1),
        rows=5.0,
        memory_bytes=ALLOWED_BYTES,
    ),
    Scenario(
        "S10b",
        "five times the rows of S4, 2 GB of memory allowed",
        ORDERS,
        Rewrite(mixed),
        ORDERS.names,
        Target(1),
        rows=5.0,
        memory_bytes=ALLOWED_BYTES,
    ),
)

TINY = Scenario(
    "S11",
    "tiny files by reference, 10 changed",
    Shape({"id": "", "value": "", "text": ""}, key=("id",)),
    Rewrite(unchanged),
    ("id", "value"),
    Target(),
)


def scenario(name: str) -> Scenario:
    """Returns the scenario of a name."""
    return next(one for one in (*SCENARIOS, *HARD, *EXPLAINED, *LARGE, TINY) if one.name == name)
