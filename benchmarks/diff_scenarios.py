"""The scenarios of the diff benchmark: what changed in which table, and what is aimed at."""

from dataclasses import dataclass, replace

from diff_data import (
    CORRECTED,
    DAILY,
    FEW_CORRECTED,
    FILLED,
    ORDERS,
    PARTITIONS,
    PLAIN,
    RECALCULATED,
    WIDE,
    WIDE_CORRECTED,
    Rewrite,
    Shape,
    mixed,
    shuffled_amounts,
    unchanged,
)


@dataclass(frozen=True, slots=True)
class Target:
    """Says what is aimed at.

    Attributes:
        times: CPU seconds by hand over ours are to be at least this.
        memory_share: Our memory over that by hand is to be at most this; 0 means any.
        opens_nothing: Whether no data file may be opened.
    """

    times: float = 0.0
    memory_share: float = 0.0
    opens_nothing: bool = False


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
    memory_bytes: int = 0

    @property
    def changed_partitions(self) -> range:
        """Returns the numbers of the partitions that are rewritten."""
        first = (PARTITIONS - self.rewrite.partitions) // 2
        return range(first, first + self.rewrite.partitions)


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
    ),
    Scenario(
        "S3",
        "one DOUBLE recalculated in every row",
        ORDERS,
        Rewrite(RECALCULATED),
        ("id", "score"),
        Target(7),
        extra=("narrow", "charged"),
    ),
    Scenario(
        "S4",
        "shuffled; 1 % updated, inserted, deleted each; 0.1 % moved",
        ORDERS,
        Rewrite(mixed),
        ORDERS.names,
        Target(1, memory_share=0.25),
    ),
    Scenario(
        "S5",
        "rewritten by pyarrow, other codec and row groups, 0.1 % changed",
        ORDERS,
        Rewrite(FEW_CORRECTED, codec="snappy", pyarrow=True),
        ("id", "amount"),
        Target(6),
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
        Target(6),
        extra=("charged", "first", "snapshot"),
    ),
)

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
    return next(one for one in (*SCENARIOS, *LARGE, TINY) if one.name == name)
