"""What a name in a query means: DuckDB's rules, and a refusal where they are not certain.

Measured (2.0): a bare name means a column of the FROM clause before an alias of the select list,
and that before a column of an outer query, in SELECT, WHERE, GROUP BY, HAVING, QUALIFY and in
windows; only DISTINCT ON and ORDER BY take the alias first. Of two columns of one name in a
subquery, the name means the first.
"""

from collections.abc import Mapping

from sqlglot import exp

from catalog.dataclasses import dataclass, field
from catalog.flow.partitionwise.refusal import Refused
from catalog.flow.partitionwise.relation import Column, ColumnId, Rows, Source
from catalog.query.parse.keywords import fold

UNKNOWN = Column(None)
"""A column, or something else that has a value in each row, of which nothing is known."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a name means.

    Attributes:
        column: What is known of the column; nothing for a field of one, or a whole row.
        id: Which column of the FROM clause it is; None for anything else.
        level: How many queries further out it lies.
        alias: The expression of the select list that the name is an alias of.
    """

    column: Column
    id: ColumnId | None = None
    level: int = 0
    alias: exp.Expr | None = None


@dataclass(frozen=True, slots=True)
class Scope:
    """Where names are looked up: the rows of a query, then those of the queries around it.

    Attributes:
        rows: What the FROM clause gives.
        parent: The scope of the query around this one.
        aliases: The expressions of the select list by folded alias.
        parameters: Names that lambdas and list comprehensions bind, folded.
    """

    rows: Rows
    parent: "Scope | None" = None
    aliases: Mapping[str, exp.Expr] = field(default_factory=dict)
    parameters: frozenset[str] = frozenset()

    def meaning(self, node: exp.Column) -> Meaning:
        """Returns what a column in an expression means.

        Raises:
            Refused: No such column is known, or more than one.
        """
        parts = [fold(part.name) for part in node.parts]
        level = 0
        scope: Scope | None = self
        while scope is not None:
            found = scope._here(parts, node)
            if found is not None:
                return Meaning(found.column, found.id, level, found.alias)
            scope, level = scope.parent, level + 1
        raise Refused(f"{node.sql()} is not a column of the tables that are read", node)

    def _here(self, parts: list[str], node: exp.Column) -> Meaning | None:
        if parts[0] in self.parameters:
            return Meaning(UNKNOWN)
        if len(parts) == 1:
            return self._bare(parts[0], node)
        return self._qualified(parts, node)

    def _bare(self, key: str, node: exp.Column) -> Meaning | None:
        merged = [m for m in self.rows.merged if m.key == key]
        members = {at for m in merged for at in m.members}
        found = [Meaning(m.column, m.first) for m in merged]
        for source in self.rows.sources:
            for place in source.places(key):
                at = (source.id, place)
                if at not in members:
                    found.append(Meaning(source.columns[place], at))
        hidden = any(s.hides(key) for s in self.rows.sources if not s.places(key))
        if len(found) > 1 or (found and hidden):
            raise Refused(f"the name {node.name} may mean more than one column", node)
        if found:
            return found[0]
        if hidden:
            return Meaning(UNKNOWN)
        if key in self.aliases:
            self._refuse_outer(key, node)
            return Meaning(UNKNOWN, alias=self.aliases[key])
        named = [source for source in self.rows.sources if source.alias == key]
        return Meaning(UNKNOWN) if named else None

    def _refuse_outer(self, key: str, node: exp.Column) -> None:
        """Refuses an alias that is a column of an outer query, too."""
        scope = self.parent
        while scope is not None:
            if any(source.places(key) or source.hides(key) for source in scope.rows.sources):
                raise Refused(f"the name {node.name} may mean more than one column", node)
            scope = scope.parent

    def _qualified(self, parts: list[str], node: exp.Column) -> Meaning | None:
        """Finds ``alias.column``, ``schema.table.column``, or a field of a column."""
        name, key = parts[0], parts[-1]
        sources = self.rows.sources
        full = [s for s in sources if len(parts) == 3 and (s.schema, s.alias) == (name, parts[1])]
        named = [source for source in sources if source.alias == name]
        is_column = any(s.places(name) or s.hides(name) for s in sources)
        if full and (named or is_column or len(full) > 1 or not full[0].places(key)):
            raise Refused(f"the name {node.sql()} may mean more than one column", node)
        if full:
            return _of(full[0], key)
        if len(named) > 1:
            raise Refused(f"the name {name} may mean more than one table", node)
        if named:
            source = named[0]
            if source.places(parts[1]):
                return _of(source, key) if len(parts) == 2 else Meaning(UNKNOWN)
            if source.wild or source.hides(parts[1]):
                return Meaning(UNKNOWN)
            if not is_column:
                raise Refused(f"{node.sql()} is not a column of the tables that are read", node)
        return Meaning(UNKNOWN) if is_column or name in self.aliases else None


def _of(source: Source, key: str) -> Meaning:
    place = source.places(key)[0]
    return Meaning(source.columns[place], (source.id, place))
