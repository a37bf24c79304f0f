"""The graph of derived tables: which reads which, and an order in which to compute them."""

from collections.abc import Collection, Iterable, Mapping
from graphlib import CycleError, TopologicalSorter

from catalog.dataclasses import dataclass
from catalog.errors import ErrorKind, InvalidInput
from catalog.flow.candidate import Candidate
from catalog.flow.derivation.definitions import input_names
from catalog.model.derived import Definition, definition_of


@dataclass(frozen=True, slots=True)
class Circle:
    """Derived tables that depend on each other.

    Attributes:
        tables: Each reads the next; the last is the first again.
    """

    tables: tuple[str, ...]


class Graph:
    """The derived tables of a commit to come, and what each of them reads.

    Attributes:
        definitions: The definitions, by table.
        inputs: By derived table, the names of the tables that it reads as they are spelled
            here; as its definition spells them if there is no such table.
    """

    def __init__(self, candidate: Candidate, also: Mapping[str, Definition] | None = None) -> None:
        """Reads the definitions; no table's files are opened.

        Args:
            candidate: The tables.
            also: Definitions that are to come, or to take the place of others.

        Raises:
            CorruptData: A stored definition is not of its form.
        """
        self.definitions: dict[str, Definition] = {}
        self.inputs: dict[str, tuple[str, ...]] = {}
        to_come = also or {}
        derived = dict.fromkeys((*candidate.derived(), *to_come))
        if not derived:
            return
        spelled = {name.casefold(): name for name in (*candidate.names(), *to_come)}
        for name in derived:
            definition = to_come.get(name) or _defined(candidate, name)
            if definition is None:
                continue
            self.definitions[name] = definition
            read = input_names(definition, table=name)
            self.inputs[name] = tuple(spelled.get(one.casefold(), one) for one in read)

    def order(self, wanted: Collection[str] | None = None) -> list[str]:
        """Returns derived tables, each after those that it reads.

        Args:
            wanted: Only these; None means all.

        Raises:
            InvalidInput: Some of all derived tables depend on each other in a circle.
        """
        found = self._sorted()
        if isinstance(found, Circle):
            raise InvalidInput(
                f"derived tables depend on each other in a circle: {' ← '.join(found.tables)}",
                kind=ErrorKind.DERIVATION_CYCLE,
                hint="change one of the definitions so that it does not read the others",
            )
        return [name for name in found if wanted is None or name in wanted]

    def circle(self) -> Circle | None:
        """Returns a circle of derived tables that depend on each other; None if there is none."""
        found = self._sorted()
        return found if isinstance(found, Circle) else None

    def _sorted(self) -> list[str] | Circle:
        sorter = TopologicalSorter(
            {name: [i for i in read if i in self.definitions] for name, read in self.inputs.items()}
        )
        try:
            return list(sorter.static_order())
        except CycleError as error:
            return Circle(tuple(str(name) for name in error.args[1])[::-1])

    def levels(self, wanted: Collection[str]) -> Iterable[list[str]]:
        """Yields derived tables in groups: those of a group do not depend on each other."""
        depth: dict[str, int] = {}
        for name in self.order():
            before = [depth[i] for i in self.inputs[name] if i in depth]
            depth[name] = 1 + max(before, default=0)
        groups: dict[int, list[str]] = {}
        for name in sorted(wanted, key=lambda one: (depth[one], one)):
            groups.setdefault(depth[name], []).append(name)
        return groups.values()

    def downstream(self, names: Iterable[str]) -> set[str]:
        """Returns the derived tables that read any of some tables, directly or by others."""
        readers: dict[str, list[str]] = {}
        for table, read in self.inputs.items():
            for name in read:
                readers.setdefault(name, []).append(table)
        return _reached(names, readers)

    def upstream(self, names: Iterable[str]) -> set[str]:
        """Returns the derived tables that any of some tables are computed from."""
        return _reached(names, self.inputs) & self.definitions.keys()


def _defined(candidate: Candidate, name: str) -> Definition | None:
    table = candidate.table(name)
    return None if table is None else definition_of(table.snapshot.properties)


def _reached(names: Iterable[str], edges: Mapping[str, Collection[str]]) -> set[str]:
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        for name in edges.get(waiting.pop(), ()):
            if name not in found:
                found.add(name)
                waiting.append(name)
    return found
