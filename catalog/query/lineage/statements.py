"""Statements that write a table: which columns they write, and what these are made from."""

from collections.abc import Iterable, Iterator, Sequence

from sqlglot import exp

from catalog.dataclasses import dataclass, field, replace
from catalog.model.lineage import Influence
from catalog.query.lineage.parts import NOTHING, Parts, column, through, united
from catalog.query.lineage.queries import Names, QueryReader
from catalog.query.lineage.relations import Item, Relation, Scope, input_relation
from catalog.query.parse.dialect import NotUnderstoodError
from catalog.query.parse.keywords import fold


@dataclass(frozen=True, slots=True)
class Target:
    """The table that a statement writes.

    Attributes:
        names: The names that its columns may be qualified with: its own, or its alias.
        columns: Its columns.
        at: Its position among the inputs; None if the statement does not read it.
    """

    names: Sequence[str]
    columns: Sequence[str]
    at: int | None = None


@dataclass(slots=True)
class Found:
    """What is known of a result.

    Attributes:
        columns: The columns, and what each is made from.
        rows: What decides which rows there are.
    """

    columns: list[tuple[str, Parts]] = field(default_factory=list)
    rows: Parts = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Inserted:
    """Rows that are inserted by position.

    Attributes:
        columns: Where they go.
        rows: What is inserted.
    """

    columns: Sequence[str]
    rows: Relation

    @property
    def unnamed(self) -> Relation:
        """Returns what is inserted, without its own names, which do not matter."""
        return replace(self.rows, items=tuple(replace(i, name="") for i in self.rows.items))


def read_statement(
    tree: exp.Expr, reader: QueryReader, known: Names, *, target: Target
) -> Found | Inserted | Relation:
    """Returns what a statement that writes a table writes, and what it reads for it.

    Raises:
        NotUnderstoodError: It is of a form that is not known.
    """
    known = reader.names = reader.with_ctes(tree, Scope(), known)
    match tree:
        case exp.Create():
            return reader.query(tree.expression, Scope(), known)
        case exp.Insert():
            return _insert(tree, reader, known, target=target)
        case exp.Update():
            return _update(tree, reader, known, target=target)
        case exp.Delete():
            return _delete(tree, reader, known, target=target)
        case exp.Merge():
            return _merge(tree, reader, known, target=target)
    raise NotUnderstoodError("another statement")


def _delete(tree: exp.Delete, reader: QueryReader, known: Names, *, target: Target) -> Found:
    """It writes no column, but decides which rows there are of all."""
    scope = _scope(tree, reader, target=target)
    rows = [_from(tree, reader, scope, known), _where(tree, reader, scope)]
    return Found(rows=united(rows))


def _insert(
    tree: exp.Insert, reader: QueryReader, known: Names, *, target: Target
) -> Found | Inserted:
    query = tree.expression
    if not isinstance(query, exp.Expr):
        return Found()
    relation = reader.query(query, Scope(), known)
    named = tree.this.expressions if isinstance(tree.this, exp.Schema) else []
    if not tree.args.get("by_name"):
        return Inserted([one.name for one in named] or target.columns, relation)
    if not all(item.name and not item.many for item in relation.items):
        raise NotUnderstoodError("columns of unknown names")
    spelled = {fold(name): name for name in target.columns}
    columns = [(spelled[item.name], item.parts) for item in relation.items]
    return Found(columns, relation.rows)


def _scope(tree: exp.Expr, reader: QueryReader, *, target: Target) -> Scope:
    """Returns what names mean in a statement that changes a table."""
    scope = Scope()
    own = _own(target)
    scope.sources += [(fold(name), own) for name in target.names]
    reader.seen.add(id(tree.this))
    return scope


def _own(target: Target) -> Relation:
    folded = list(map(fold, target.columns))
    if target.at is None:
        return Relation(tuple(Item(name, NOTHING) for name in folded))
    return input_relation(target.at, target.columns, folded)


def _where(tree: exp.Expr, reader: QueryReader, scope: Scope) -> Parts:
    where = tree.args.get("where")
    parts = reader.expressions.parts(where.this if isinstance(where, exp.Where) else None, scope)
    return through(parts, Influence.FILTER)


def _update(tree: exp.Update, reader: QueryReader, known: Names, *, target: Target) -> Found:
    """The columns that are set; which rows they are set in is decided by WHERE and FROM."""
    scope = _scope(tree, reader, target=target)
    rows = [_from(tree, reader, scope, known), _where(tree, reader, scope)]
    columns = [
        (name, united([_before(target, name), parts, *rows]))
        for name, parts in _set(tree.expressions, reader, scope, target=target)
    ]
    return Found(_by_name(columns))


def _before(target: Target, name: str) -> Parts:
    """Returns what a column was, for the rows in which it stays."""
    return NOTHING if target.at is None else column(target.at, name)


def _from(tree: exp.Expr, reader: QueryReader, scope: Scope, known: Names) -> Parts:
    """Adds what UPDATE … FROM and DELETE … USING read to a scope."""
    using, from_ = tree.args.get("using"), tree.args.get("from_")
    nodes = using if isinstance(using, list) else []
    nodes = [*nodes, from_.this] if isinstance(from_, exp.From) else nodes
    return united(reader.joined(one, scope, known) for one in nodes)


def _set(
    assignments: Iterable[exp.Expr], reader: QueryReader, scope: Scope, *, target: Target
) -> Iterator[tuple[str, Parts]]:
    """Yields columns that are set, and what they are set to."""
    spelled = {fold(name): name for name in target.columns}
    read = reader.expressions
    for one in assignments:
        if not isinstance(one, exp.EQ):
            raise NotUnderstoodError("an assignment of an unknown form")
        places = one.this.expressions if isinstance(one.this, exp.Tuple) else [one.this]
        values = one.expression.expressions if isinstance(one.expression, exp.Tuple) else []
        parts = read.parts(one.expression, scope)
        for n, place in enumerate(places):
            read.understand(place)
            names = [fold(part.name) for part in place.find_all(exp.Identifier)]
            found = next((spelled[name] for name in names if name in spelled), "")
            if not found:
                raise NotUnderstoodError("an assignment to an unknown column")
            paired = len(values) == len(places) > 1
            yield found, read.parts(values[n], scope) if paired else parts


def _by_name(columns: Iterable[tuple[str, Parts]]) -> list[tuple[str, Parts]]:
    found: dict[str, Parts] = {}
    for name, parts in columns:
        found[name] = united([found.get(name, NOTHING), parts])
    return list(found.items())


def _merge(tree: exp.Merge, reader: QueryReader, known: Names, *, target: Target) -> Found:
    """What any of its actions writes; which action a row gets is decided by ON and WHEN."""
    scope = _scope(tree, reader, target=target)
    read = reader.expressions
    rows = [reader.joined(tree.args["using"], scope, known)]
    source = scope.sources[-1][1]
    on = tree.args.get("on")
    if isinstance(on, exp.Expr):
        rows.append(through(read.parts(on, scope), Influence.JOIN))
    using = tree.args.get("using_cond")
    names = [fold(one.name) for one in using] if isinstance(using, list) else []
    rows += [through(scope.meaning([name]), Influence.JOIN) for name in names]
    columns: list[tuple[str, Parts]] = []
    for when in tree.args["whens"].expressions:
        condition = when.args.get("condition")
        if isinstance(condition, exp.Expr):
            rows.append(through(read.parts(condition, scope), Influence.FILTER))
        columns += _action(when.args.get("then"), reader, scope, target=target, source=source)
    columns = [(name, united([_before(target, name), parts])) for name, parts in columns]
    return Found(_by_name(columns), united(rows))


def _action(
    then: object, reader: QueryReader, scope: Scope, *, target: Target, source: Relation
) -> list[tuple[str, Parts]]:
    """Returns what one action of a MERGE writes."""
    read = reader.expressions
    if isinstance(then, exp.Update) and then.expressions:
        if not isinstance(then.expressions[0], exp.Star):
            return list(_set(then.expressions, reader, scope, target=target))
    elif isinstance(then, exp.Insert) and isinstance(then.expression, exp.Expr):
        values = then.expression.expressions
        named = then.this.expressions if isinstance(then.this, exp.Expr) else []
        if isinstance(then.this, exp.Expr):
            read.understand(then.this)
        spelled = {fold(name): name for name in target.columns}
        names = [spelled[fold(one.name)] for one in named] or list(target.columns)
        if len(names) < len(values):
            raise NotUnderstoodError("more values than columns")
        return [(n, read.parts(v, scope)) for n, v in zip(names, values, strict=False)]
    elif not isinstance(then, exp.Update | exp.Insert):
        return []
    vague = source.unnamed
    return [
        (name, united(p for p in (source.named(fold(name)), vague) if p is not None))
        for name in target.columns
    ]
