"""What is asked of the analysis, and its answer."""

from collections.abc import Mapping

from catalog.dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class InputTable:
    """One table of the catalog that a definition may read.

    Attributes:
        columns: Names and DuckDB types of its columns, in order.
        partition_by: Its partition columns, possibly none.
    """

    columns: tuple[tuple[str, str], ...]
    partition_by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Carrier:
    """How the partition value of an input becomes the output's value.

    Attributes:
        column: A partition column of the input.
        expression: DuckDB SQL over that column alone, such as ``"day"`` or
            ``DATE_TRUNC('MONTH', "day")``. It reads nothing else and always gives the same.
    """

    column: str
    expression: str


@dataclass(frozen=True, slots=True)
class NotPartitionWise:
    """A query for which this cannot be shown.

    Attributes:
        reason: The first construct that forbids it and why, in plain English.
        construct: SQL of that construct, shortened; possibly empty.
        line: Line of the construct in the SQL, from 1, if known.
        column: Column of the construct in its line, from 1, if known.
    """

    reason: str
    construct: str = ""
    line: int | None = None
    column: int | None = None


@dataclass(frozen=True, slots=True)
class PartitionWise:
    """A query whose result can be computed for some partitions from these alone.

    For every set of values, NULL among them or not: the rows of the whole result whose ``output``
    is in the set are those that the query gives if each table of ``facts`` has only its
    rows whose carrier expression is in the set, and all other tables are whole.

    Attributes:
        output: The output column that holds the value.
        facts: By table, as named to the analysis: how its partition column becomes the value.
        dimensions: The other tables that the query reads: if one changes, all may change.
        ties: The functions whose result the engine may choose among rows of equal order, e.g.
            ``row_number() OVER (PARTITION BY day ORDER BY delay)``. The query itself leaves open
            which of its results is meant; the choice may differ between two runs.
        rest: Why not all partitioned tables are facts; None if they are.
    """

    output: str
    facts: Mapping[str, Carrier]
    dimensions: frozenset[str] = frozenset()
    ties: tuple[str, ...] = ()
    rest: NotPartitionWise | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """What is tried: the tables taken as facts, each with one of its partition columns.

    Attributes:
        facts: The chosen column of each fact, by the table's folded name.
    """

    facts: Mapping[str, str] = field(default_factory=dict)
