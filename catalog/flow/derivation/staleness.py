"""Staleness: whether a derived table is what its definition makes of its inputs now.

It is never stored. It follows from what a table says it was computed from, and opens no data file.
"""

from collections.abc import Mapping

from catalog.dataclasses import dataclass
from catalog.flow.candidate import Candidate
from catalog.flow.derivation.graph import Graph
from catalog.model.derived import ComputedInput


@dataclass(frozen=True, slots=True)
class Staleness:
    """Why a derived table is stale.

    Attributes:
        never_computed: Whether no refresh left it as it is.
        redefined: Whether its definition has changed since.
        changed: Inputs whose columns or rows have changed since, with what they were.
        gone: Inputs that are no longer there.
        behind: Inputs that are derived themselves, and stale.
    """

    never_computed: bool = False
    redefined: bool = False
    changed: Mapping[str, ComputedInput | None] | None = None
    gone: tuple[str, ...] = ()
    behind: tuple[str, ...] = ()

    @property
    def is_own(self) -> bool:
        """Whether it is stale with regard to the inputs as they are, not only behind others."""
        return bool(self.never_computed or self.redefined or self.changed or self.gone)

    @property
    def is_stale(self) -> bool:
        """Whether it is not what its definition makes of inputs that are up to date."""
        return self.is_own or bool(self.behind)


def staleness(candidate: Candidate, graph: Graph) -> dict[str, Staleness]:
    """Returns for each derived table whether and why it is stale, in topological order.

    Raises:
        InvalidInput: The tables depend on each other in a circle.
    """
    found: dict[str, Staleness] = {}
    for name in graph.order():
        own = own_staleness(candidate, graph, name)
        behind = tuple(i for i in graph.inputs[name] if i in found and found[i].is_stale)
        found[name] = Staleness(own.never_computed, own.redefined, own.changed, own.gone, behind)
    return found


def own_staleness(candidate: Candidate, graph: Graph, name: str) -> Staleness:
    """Returns why a derived table is not what its definition makes of its inputs as they are."""
    table = candidate.table(name)
    assert table is not None, "a derived table of the graph is there"
    computed = table.snapshot.computed
    read = graph.inputs[name]
    gone = tuple(one for one in read if candidate.table(one) is None)
    if computed is None:
        return Staleness(never_computed=True, gone=gone)
    redefined = computed.definition != graph.definitions[name].digest
    known = {one.casefold(): before for one, before in computed.inputs.items()}
    changed: dict[str, ComputedInput | None] = {}
    for one in read:
        now, before = candidate.table(one), known.get(one.casefold())
        if now is None or (before is not None and before.snapshot == now.id):
            continue
        if before is None or not now.snapshot.has_rows_of(before.content):
            changed[one] = before
    return Staleness(redefined=redefined, changed=changed, gone=gone)
