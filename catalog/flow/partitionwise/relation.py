"""What is known of the rows of a part of a query, and what a name in it means.

A relation is *fixed* if it does not depend on the facts at all, or, below a row of an outer query,
on those rows of the facts alone that have the outer row's partition value. It is *split* if each
of its rows belongs to one partition value, and restricting the facts to some values leaves
exactly the rows of these. Any other relation is refused where it arises.
"""

import re
from collections.abc import Callable, Iterator
from itertools import count

from catalog.dataclasses import dataclass, replace
from catalog.flow.partitionwise.carry import Carry
from catalog.query.parse.keywords import fold

_PLAIN_NAME = re.compile(r"[a-z_][a-z0-9_$]*")

_ids = count()


@dataclass(frozen=True, slots=True)
class Half:
    """What a column of one side of a FULL JOIN carries in the rows that have that side."""

    join: int
    right: bool
    carry: Carry


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a relation.

    Attributes:
        name: Its name, None if only DuckDB knows it.
        carry: What it holds of the partition value, None if that is not known.
        type_name: Its DuckDB type, if it is that of a column of a table.
        half: What it carries unless its side of a FULL JOIN is missing.
    """

    name: str | None
    carry: Carry | None = None
    type_name: str = ""
    half: Half | None = None

    @property
    def key(self) -> str | None:
        """The name as DuckDB compares it."""
        return None if self.name is None else fold(self.name)


@dataclass(frozen=True, slots=True)
class Relation:
    """The rows of a query or a table.

    Attributes:
        split: Whether it is split; else it is fixed.
        columns: Its columns in order.
        wild: Whether more columns may follow, of any name.
    """

    split: bool
    columns: tuple[Column, ...]
    wild: bool = False

    def without_carriers(self) -> "Relation":
        """Returns it with nothing known about its columns."""
        columns = tuple(replace(c, carry=None, half=None) for c in self.columns)
        return replace(self, columns=columns)


ColumnId = tuple[int, int]
"""A column of a source, by the source's id and the column's place in it."""


@dataclass(frozen=True, slots=True)
class Source:
    """A table, CTE or subquery in a FROM clause.

    Attributes:
        id: Tells it from every other.
        alias: The name that columns are qualified by, folded; empty without one.
        schema: The schema that the table was named with, folded, if it has no alias.
        columns: Its columns; those that DuckDB renames are nameless.
        wild: See ``Relation``.
        doubled: Names that more than one column has: DuckDB appends ``_1`` and so on.
    """

    id: int
    alias: str
    schema: str
    columns: tuple[Column, ...]
    wild: bool = False
    doubled: frozenset[str] = frozenset()

    def places(self, key: str) -> list[int]:
        """Returns the places of the columns of a name; DuckDB takes the first."""
        return [n for n, column in enumerate(self.columns) if column.key == key][:1]

    def hides(self, key: str) -> bool:
        """Returns whether a column of a name may be among those that only DuckDB knows."""
        if self.wild or any(key.startswith(f"{name}_") for name in self.doubled):
            return True
        odd = not _PLAIN_NAME.fullmatch(key) or key in ("null", "true", "false")
        return odd and any(column.name is None for column in self.columns)


@dataclass(frozen=True, slots=True)
class Merged:
    """A column that USING or NATURAL made of one of each side.

    Attributes:
        key: Its name, folded.
        column: What is known of it.
        members: The columns that it was made of.
        first: The member that it means; for a FULL JOIN, an id of its own.
    """

    key: str
    column: Column
    members: frozenset[ColumnId]
    first: ColumnId

    @property
    def is_either(self) -> bool:
        """Whether it holds the value of whichever side is there."""
        return self.first not in self.members


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a FROM clause, as far as it is joined.

    Attributes:
        split: See ``Relation``.
        sources: What is joined, in order.
        merged: The columns of USING.
    """

    split: bool
    sources: tuple[Source, ...] = ()
    merged: tuple[Merged, ...] = ()

    def mapped(self, change: Callable[[ColumnId, Column], Column]) -> "Rows":
        """Returns it with every column of its sources changed, and those of USING by ``first``."""
        sources = tuple(
            replace(s, columns=tuple(change((s.id, n), c) for n, c in enumerate(s.columns)))
            for s in self.sources
        )
        merged = tuple(replace(m, column=change(m.first, m.column)) for m in self.merged)
        return replace(self, sources=sources, merged=merged)

    def without_carriers(self) -> "Rows":
        """Returns it with nothing known about its columns."""
        return self.mapped(lambda _, column: replace(column, carry=None, half=None))

    def ids(self) -> frozenset[ColumnId]:
        """Returns the ids of all columns."""
        own = {(s.id, n) for s in self.sources for n in range(len(s.columns))}
        return frozenset(own | {m.first for m in self.merged})

    def star(self) -> Iterator[tuple[ColumnId, Column]]:
        """Yields the columns that ``*`` stands for."""
        given: set[str] = set()
        for source in self.sources:
            for n, column in enumerate(source.columns):
                at = (source.id, n)
                merged = next((m for m in self.merged if at in m.members), None)
                if merged is None:
                    yield at, column
                elif merged.key not in given:
                    given.add(merged.key)
                    yield merged.first, merged.column


def new_id() -> int:
    """Returns a number that no other source or join has."""
    return next(_ids)
