"""Relations as lineage sees them: what their columns are made from, and what a name means."""

from collections.abc import Iterable, Sequence

from catalog.dataclasses import dataclass, field, replace
from catalog.model.lineage import Influence
from catalog.query.lineage.parts import UNKNOWN, Parts, column, through, united


@dataclass(frozen=True, slots=True)
class Item:
    """A column of a relation, or several.

    Attributes:
        name: Its folded name; empty if the engine makes it up.
        parts: What it is made from.
        many: Whether it stands for any number of columns, none included, of unknown names.
    """

    name: str
    parts: Parts
    many: bool = False


@dataclass(frozen=True, slots=True)
class Relation:
    """A table, a subquery, or anything else in a FROM clause.

    Attributes:
        items: Its columns in order.
        rows: What decides which rows it has, and in which order.
    """

    items: tuple[Item, ...] = ()
    rows: Parts = field(default_factory=dict)

    @property
    def is_certain(self) -> bool:
        """Returns whether it is known how many columns it has."""
        return not any(item.many for item in self.items)

    @property
    def everything(self) -> Parts:
        """Returns what any of its columns is made from."""
        return united(item.parts for item in self.items)

    def named(self, name: str) -> Parts | None:
        """Returns what its columns of a name are made from, None if it has none for certain."""
        found = [item.parts for item in self.items if item.name == name and not item.many]
        return united(found) if found else None

    @property
    def unnamed(self) -> Parts | None:
        """Returns what its columns of unknown names are made from, None without such."""
        found = [item.parts for item in self.items if item.many or not item.name]
        return united(found) if found else None

    def renamed(self, names: Sequence[str]) -> "Relation":
        """Returns the relation with other names for its first columns."""
        if not names:
            return self
        items: list[Item] = []
        for n, item in enumerate(self.items):
            if item.many:
                rest = self.items[n:]
                parts = united(one.parts for one in rest)
                items += [Item(name, parts) for name in names[n:]]
                return replace(self, items=(*items, Item("", parts, many=True)))
            items.append(replace(item, name=names[n]) if n < len(names) else item)
        return replace(self, items=tuple(items))


def input_relation(at: int, names: Iterable[str], folded: Iterable[str]) -> Relation:
    """Returns the relation that an input is."""
    pairs = zip(names, folded, strict=True)
    return Relation(tuple(Item(name, column(at, spelled)) for spelled, name in pairs))


def collapsed(*relations: Relation) -> Relation:
    """Returns relations whose columns can no longer be told apart."""
    parts = united(one.everything for one in relations)
    rows = united(one.rows for one in relations)
    return Relation((Item("", parts, many=True),), rows)


@dataclass(slots=True)
class Scope:
    """What names mean within one SELECT.

    Attributes:
        sources: The relations of its FROM clause, by folded alias; empty if it has none.
        outer: The scope around it, for what is correlated.
        aliases: The columns of its own result so far, which its expressions may name.
        parameters: Names of parameters of lambdas around an expression.
        expanded: What ``COLUMNS(…)`` stands for at the moment; None for all columns.
    """

    sources: list[tuple[str, Relation]] = field(default_factory=list)
    outer: "Scope | None" = None
    aliases: list[Item] = field(default_factory=list)
    parameters: list[str] = field(default_factory=list)
    expanded: Parts | None = None

    @property
    def everything(self) -> Parts:
        """Returns what any column that can be named here is made from."""
        return united(relation.everything for _, relation in self.sources)

    def meaning(self, name: Sequence[str], *, both: bool = False) -> Parts:
        """Returns what a name of one or more folded parts is made from.

        Where it is not certain which of several things it means, all of them count.

        Args:
            name: Its parts: ``o.amount``, or a column and the fields below it.
            both: Whether a name of the own result counts as much as one of a column.
        """
        exact = self._exact(name)
        if exact and not both:
            return united(exact)
        alias = [item.parts for item in self.aliases if item.name == name[0] and not item.many]
        if exact:
            return united([*exact, *alias])
        vague = [parts for _, one in self.sources if (parts := one.unnamed) is not None]
        around = {UNKNOWN: 1} if self.outer is None else self.outer.meaning(name)
        known = alias or vague or name[0] in self.parameters
        return united([*alias, *vague, *([] if known and UNKNOWN in around else [around])])

    def _exact(self, name: Sequence[str]) -> list[Parts]:
        """Returns the columns that certainly have a name: with the table's, or below a column."""
        found: list[Parts] = []
        for alias, relation in self.sources:
            direct = relation.named(name[0])
            if direct is not None:
                changed = len(name) > 1
                found.append(through(direct, Influence.TRANSFORMATION) if changed else direct)
            for n, part in enumerate(name[:-1]):
                if not alias or part != alias:
                    continue
                below = relation.named(name[n + 1])
                if below is None:
                    below = relation.unnamed
                if below is not None:
                    deeper = n + 2 < len(name)
                    found.append(through(below, Influence.TRANSFORMATION) if deeper else below)
        if not found and len(name) == 1:  # a row as a whole
            whole = [relation for alias, relation in self.sources if alias and alias == name[0]]
            found += [through(one.everything, Influence.TRANSFORMATION) for one in whole]
        return found
