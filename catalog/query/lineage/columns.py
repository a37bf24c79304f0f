"""The lineage of columns: of queries, and of statements that write a table."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from sqlglot import exp
from sqlglot.errors import SqlglotError

from catalog.dataclasses import dataclass
from catalog.model.lineage import ColumnLineage, OutputColumn
from catalog.query.lineage.parts import (
    UNKNOWN,
    Parts,
    column_inputs,
    united,
)
from catalog.query.lineage.queries import Names, QueryReader
from catalog.query.lineage.relations import Item, Relation, Scope, input_relation
from catalog.query.lineage.statements import Found, Inserted, Target, read_statement
from catalog.query.parse.dialect import NotUnderstoodError, parse
from catalog.query.parse.keywords import fold

LONGEST_SQL = 50_000
"""Characters of SQL that are looked into: parsing takes a second for ten times as many."""

MOST_INPUTS = 20_000
"""Inputs of columns that are told apart: beyond, every column may depend on every other."""

_NOT_FOLLOWED = (
    *(NotUnderstoodError, SqlglotError, RecursionError),
    *(AttributeError, LookupError, TypeError, ValueError),
)
"""What a tree of a shape that nobody foresaw may raise. Lineage is beside the statement, which must
not fail for it: it is then said to be approximate."""


@dataclass(frozen=True, slots=True)
class Sources:
    """What SQL reads.

    Attributes:
        columns: The columns of each input.
        names: Position of an input by the name that the SQL has for it.
        complete: Whether it reads the inputs by these names alone. Otherwise it does so through
            views, macros or functions that are not looked into: no column can be followed.
    """

    columns: Sequence[Sequence[str]]
    names: Mapping[str, int]
    complete: bool = True

    @property
    def everything(self) -> tuple[tuple[int, str], ...]:
        """Returns all columns of all inputs."""
        return tuple((at, name) for at, names in enumerate(self.columns) for name in names)


def query_lineage(
    sql: str, *, tables: Mapping[str, Sequence[str]], outputs: Sequence[str]
) -> ColumnLineage:
    """Returns which columns of tables go into the columns of a query's result.

    Args:
        sql: One query, without refs.
        tables: The columns of each table that it reads, by the name it has for it; the lineage
            counts inputs in this order.
        outputs: The columns of the result, as the engine names them.
    """
    names = {name: at for at, name in enumerate(tables)}
    sources = Sources(list(tables.values()), names)
    return _lineage(sql, sources, outputs, _query)


def statement_lineage(sql: str, sources: Sources, target: Target) -> ColumnLineage:
    """Returns which columns go into those that a statement writes.

    Columns of the target that it leaves as they are are not among them.

    Args:
        sql: The statement, in which every input has a name of its own.
        sources: What it reads.
        target: What it writes; for CREATE TABLE, the columns that came of it.
    """
    return _lineage(sql, sources, target.columns, partial(read_statement, target=target))


_Read = Callable[[exp.Expr, QueryReader, Names], Found | Inserted | Relation]


def _lineage(sql: str, sources: Sources, outputs: Sequence[str], read: _Read) -> ColumnLineage:
    if not any(sources.columns):
        return ColumnLineage(tuple(OutputColumn(name) for name in outputs))
    if len(sql) > LONGEST_SQL or not sources.complete:
        return _approximate(sources, outputs)
    try:
        tree = parse(sql)
        relations = [
            input_relation(at, names, map(fold, names)) for at, names in enumerate(sources.columns)
        ]
        known = {fold(name): relations[at] for name, at in sources.names.items()}
        reader = QueryReader()
        found = read(tree, reader, known)
        missed = not _all_seen(tree, reader, known)
    except _NOT_FOLLOWED:
        return _approximate(sources, outputs)
    complete = _complete(found, outputs)
    if complete is None or missed or UNKNOWN in complete.rows:
        return _approximate(sources, outputs)
    return _recorded(complete, sources)


def _complete(found: Found | Inserted | Relation, outputs: Sequence[str]) -> Found | None:
    """Returns what was found, by column; None if that is not certain."""
    if isinstance(found, Found):
        return found
    if isinstance(found, Inserted):
        outputs, found = found.columns, found.unnamed
    columns = _aligned(found.items, outputs)
    return None if columns is None else Found(columns, found.rows)


def _recorded(found: Found, sources: Sources) -> ColumnLineage:
    """Returns what was found as it is recorded."""
    columns = tuple(
        OutputColumn(
            name,
            column_inputs(parts),
            approximate=UNKNOWN in parts or not (parts or found.rows),
        )
        for name, parts in found.columns
    )
    vague = any(one.approximate for one in columns)
    lineage = ColumnLineage(columns, column_inputs(found.rows), sources.everything if vague else ())
    if lineage.size > MOST_INPUTS:
        return _approximate(sources, [name for name, _ in found.columns])
    return lineage


def _approximate(sources: Sources, outputs: Sequence[str]) -> ColumnLineage:
    columns = tuple(OutputColumn(name, approximate=True) for name in outputs)
    return ColumnLineage(columns, everything=sources.everything)


def _all_seen(tree: exp.Expr, reader: QueryReader, known: Names) -> bool:
    """Returns whether all columns and inputs in a tree were taken into account."""
    seen = reader.expressions.seen
    columns = (node for node in tree.find_all(exp.Column) if id(node) not in seen)
    tables = (
        node
        for node in tree.find_all(exp.Table)
        if id(node) not in reader.seen
        and not isinstance(node.this, exp.Func)
        and fold(node.name) in known
    )
    return next(columns, None) is None and next(tables, None) is None


def _aligned(items: Sequence[Item], outputs: Sequence[str]) -> list[tuple[str, Parts]] | None:
    """Returns the parts of each column of a result; None if they do not fit the names.

    One item may stand for any number of columns: what is before and after it still has its place.
    """
    vague = [n for n, item in enumerate(items) if item.many]
    if vague:
        first, after = vague[0], len(items) - vague[-1] - 1
        rest = len(outputs) - first - after
        if rest < 0:
            return None
        end = len(items) - after
        middle = Item("", united(item.parts for item in items[first:end]))
        items = [*items[:first], *[middle] * rest, *items[end:]]
    if len(items) != len(outputs):
        return None
    return [
        (name, item.parts if fold(name).startswith(item.name) else {**item.parts, UNKNOWN: 1})
        for name, item in zip(outputs, items, strict=True)
    ]


def _query(tree: exp.Expr, reader: QueryReader, known: Names) -> Relation:
    return reader.query(tree, Scope(), known)
