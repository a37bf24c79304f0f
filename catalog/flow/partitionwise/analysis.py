"""Decides whether a derived table may be recomputed partition by partition, from its SQL alone."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations, islice, product

from sqlglot import exp

from catalog.dataclasses import dataclass
from catalog.flow.partitionwise.carry import Carry, is_exact
from catalog.flow.partitionwise.prover import Place, Prover
from catalog.flow.partitionwise.queries import query_relation
from catalog.flow.partitionwise.reading import Reading, check_query, read
from catalog.flow.partitionwise.refusal import Refused, offset, shown
from catalog.flow.partitionwise.relation import Relation, Rows
from catalog.flow.partitionwise.scope import Scope
from catalog.flow.partitionwise.verdict import (
    Carrier,
    Choice,
    InputTable,
    NotPartitionWise,
    PartitionWise,
)
from catalog.query.parse.keywords import fold
from catalog.query.parse.lexer import tokenize
from catalog.query.parse.nesting import depth, with_stack

MAX_CHOICES = 64
"""Most ways that are tried to take tables as facts or dimensions; one takes milliseconds."""


MAX_WORK = 20_000
"""Most nodes that are looked at with all these choices together, each several times."""

MAX_COMBINATIONS = 256
"""Most combinations of tables, and of their columns, that are looked at for a number of facts."""

MAX_GOALS = 8
"""Most expressions over the partition value that are tried as what the result is split by."""


def analyse(
    sql: str, tables: Mapping[str, InputTable], *, prefer: Sequence[str] = ()
) -> PartitionWise | NotPartitionWise:
    """Decides whether a query can be recomputed for some partitions from these alone.

    A yes is proved, see ``PartitionWise``. A no means that there is no proof: rules that
    the analysis lacks count as no.

    Args:
        sql: One SELECT in DuckDB's dialect, over tables of the catalog, without refs.
        tables: What the tables are that it may read, by name.
        prefer: Output columns that should hold the partition value if there is a choice.

    Example:
        >>> flights = InputTable((("day", "DATE"), ("delay", "INTEGER")), ("day",))
        >>> analyse("SELECT day, max(delay) AS worst FROM flights GROUP BY day",
        ...         {"flights": flights}).facts["flights"].expression
        '"day"'
    """
    try:
        check_query(sql)
        levels = depth(tokenize(sql))
        return with_stack(levels, lambda: _analysed(sql, tables, [fold(one) for one in prefer]))
    except Refused as refusal:
        return _no(sql, refusal)
    except RecursionError:
        return NotPartitionWise("the SQL is nested too deeply")


def _analysed(
    sql: str, tables: Mapping[str, InputTable], prefer: Sequence[str]
) -> PartitionWise | NotPartitionWise:
    question = _Question(read(sql), {fold(name): table for name, table in tables.items()})
    names = {fold(name): name for name in tables}
    whole = _attempt(question, Choice(), None)
    first: Refused | None = None
    best: PartitionWise | None = None
    most = min(MAX_CHOICES, max(2, MAX_WORK // sum(1 for _ in question.reading.tree.walk())))
    for choice in islice(_choices(whole.read, question.tables), most):
        if best is not None and len(choice.facts) < len(best.facts):
            break
        try:
            for proof in _proofs(question, choice):
                yes = _yes(proof, choice, names, rest=_no(sql, first) if first else None)
                if proof.output in prefer:
                    return yes
                best = best or yes
        except Refused as refusal:
            first = first or refusal
    if best is not None:
        return best
    if first is not None:
        return _no(sql, first)
    return NotPartitionWise("none of the tables that it reads is partitioned by an exact type")


@dataclass(frozen=True, slots=True)
class _Question:
    reading: Reading
    tables: Mapping[str, InputTable]


@dataclass(frozen=True, slots=True)
class _Attempt:
    """How an attempt ended.

    Attributes:
        relation: The result of the query.
        read: The folded names of the tables that it reads.
        ties: Functions whose result is the engine's choice among equals.
    """

    relation: Relation
    read: frozenset[str]
    ties: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Proof:
    """An output column by which the query is split.

    Attributes:
        goal: The expression over the partition value that the column holds.
        name: The name of the column.
        output: That name, folded.
        attempt: The attempt that showed it.
    """

    goal: Carry
    name: str
    output: str
    attempt: _Attempt


def _attempt(question: _Question, choice: Choice, goal: Carry | None) -> _Attempt:
    """Looks at a query with some tables as facts, split by an expression or by any.

    Raises:
        Refused: The query mixes partitions, or has a construct without a rule.
    """
    tree = question.reading.tree
    prover = Prover(question.tables, choice, goal, question.reading.calls, query_relation)
    relation = prover.relation(tree, Place(prover, Scope(Rows(split=False))))
    for node in tree.find_all(exp.Table, exp.Select):
        if id(node) not in prover.seen:
            raise Refused(f"{shown(node)} stands where no rule looks for it", node)
    if len(prover.aggregates) < question.reading.aggregates:
        raise Refused("an aggregate stands where no rule looks for it")
    return _Attempt(relation, frozenset(prover.read), tuple(prover.ties))


def _proofs(question: _Question, choice: Choice) -> Iterator[_Proof]:
    """Yields the output columns by which a query is split, at least one.

    Raises:
        Refused: There is none.
    """
    open_end = _attempt(question, choice, None).relation
    if not open_end.split:
        raise Refused(
            "the rows of the result do not come from a partitioned table", question.reading.tree
        )
    carried = [
        (column, column.carry) for column in open_end.columns if column.name and column.carry
    ]
    if not carried:
        raise Refused(
            "no column of the result holds a partition value, or a function of it",
            question.reading.tree,
        )
    refusals: list[Refused] = []
    shows = False
    for text in list(dict.fromkeys(carry.text for _, carry in carried))[:MAX_GOALS]:
        goal = next(carry for _, carry in carried if carry.text == text)
        try:
            attempt = _attempt(question, choice, goal)
        except Refused as refusal:
            refusals.append(refusal)
            continue
        keys = [column.key for column in attempt.relation.columns]
        for n, column in enumerate(attempt.relation.columns):
            carry, name = column.carry, column.name
            if carry and carry.text == text and name and keys.index(column.key) == n:
                shows = True
                yield _Proof(goal, name, fold(name), attempt)
    if not shows:
        raise refusals[0] if refusals else Refused("the columns of the result are not known")


def _choices(read_tables: frozenset[str], tables: Mapping[str, InputTable]) -> Iterator[Choice]:
    """Yields ways to take tables as facts, those with the most facts first."""
    eligible = {name: _partition_columns(tables[name]) for name in sorted(read_tables)}
    names = [name for name, columns in eligible.items() if columns]
    for count in range(len(names), 0, -1):
        for facts in islice(combinations(names, count), MAX_COMBINATIONS):
            options = [eligible[name] for name in facts]
            for columns in islice(product(*options), MAX_COMBINATIONS):
                kinds = {kind for _, kind in columns}
                if len(kinds) == 1:
                    chosen = {n: column for n, (column, _) in zip(facts, columns, strict=True)}
                    yield Choice(chosen)


def _partition_columns(table: InputTable) -> list[tuple[str, str]]:
    """Returns the partition columns of a table that can carry a value, with their types."""
    wanted = [fold(name) for name in table.partition_by]
    found = [(name, kind) for name, kind in table.columns if fold(name) in wanted]
    found.sort(key=lambda column: wanted.index(fold(column[0])))
    return [(name, kind) for name, kind in found if is_exact(kind)]


def _yes(
    proof: _Proof, choice: Choice, names: Mapping[str, str], *, rest: NotPartitionWise | None
) -> PartitionWise:
    facts = {
        names[name]: Carrier(column, proof.goal.sql(column))
        for name, column in choice.facts.items()
    }
    dimensions = frozenset(names[name] for name in proof.attempt.read if name not in choice.facts)
    return PartitionWise(proof.name, facts, dimensions, proof.attempt.ties, rest)


def _no(sql: str, refusal: Refused) -> NotPartitionWise:
    at = offset(refusal.node)
    if at is None:
        return NotPartitionWise(refusal.reason, shown(refusal.node))
    line = sql.count("\n", 0, at) + 1
    column = at - (sql.rfind("\n", 0, at) + 1) + 1
    return NotPartitionWise(refusal.reason, shown(refusal.node), line, column)
