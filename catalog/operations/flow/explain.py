"""How derived tables of a branch are refreshed, and why so: ``cat.explain_refresh(…)``."""

from collections.abc import Sequence

from catalog.dataclasses import dataclass
from catalog.flow.candidate import Candidate
from catalog.flow.derivation.definitions import changing_functions
from catalog.flow.derivation.graph import Graph
from catalog.flow.partitionwise import NotPartitionWise
from catalog.flow.refresh.outcome import TableRefresh, described_plan
from catalog.flow.refresh.plan import definition_verdict
from catalog.flow.refresh.step import missing_input
from catalog.model.derived import Definition
from catalog.model.names import canonical_name
from catalog.operations.context import OperationContext
from catalog.operations.flow.refresh import planned_steps, wanted_tables
from catalog.operations.refs import live_branch


@dataclass(frozen=True, slots=True)
class RefreshExplanation:
    """How a derived table is refreshed.

    Attributes:
        table: The table.
        definition: What it is computed by.
        refresh: What a refresh would do now; None if the table is up to date.
        by: The column by whose values it may be computed in parts; None if it may not.
        parts_of: For each input that needs to be read only in parts: the expression over one of
            its partition columns that tells which part a row belongs to.
        whole: The inputs of which each part may need all rows: if one changes, all is computed.
        forbidden: The construct of the definition that forbids parts; None if nothing does.
        changing: Functions that it calls whose result may differ from one run to the next.
        ties: Functions that it calls which choose among rows of equal order.
    """

    table: str
    definition: Definition
    refresh: TableRefresh | None
    by: str | None
    parts_of: tuple[tuple[str, str], ...]
    whole: tuple[str, ...]
    forbidden: NotPartitionWise | None
    changing: tuple[str, ...]
    ties: tuple[str, ...]


def explain_refresh(
    context: OperationContext,
    branch: str,
    *,
    tables: Sequence[str] | None,
    downstream_of: Sequence[str],
    full: bool,
) -> list[RefreshExplanation]:
    """Returns how derived tables are refreshed; see ``Catalog.explain_refresh``."""
    branch = canonical_name(branch)
    candidate = Candidate(context.repository, live_branch(context.repository, branch).head)
    wanted = wanted_tables(candidate, branch, tables, downstream_of)
    planned = {
        plan.table: described_plan(plan)
        for plan in planned_steps(context, candidate, wanted, full=full)
    }
    graph = Graph(candidate)
    return [_explained(candidate, graph, name, planned.get(name)) for name in graph.order(wanted)]


def _explained(
    candidate: Candidate, graph: Graph, name: str, refresh: TableRefresh | None
) -> RefreshExplanation:
    definition = graph.definitions[name]
    for one in graph.inputs[name]:
        if candidate.table(one) is None:
            raise missing_input(name, one)
    changing = changing_functions(definition)
    verdict = definition_verdict(candidate, graph, name)
    if isinstance(verdict, NotPartitionWise):
        return RefreshExplanation(
            name, definition, refresh, None, (), graph.inputs[name], verdict, changing, ()
        )
    parts_of = tuple((one, carrier.expression) for one, carrier in verdict.facts.items())
    whole = tuple(one for one in graph.inputs[name] if one not in verdict.facts)
    return RefreshExplanation(
        name, definition, refresh, verdict.output, parts_of, whole, None, changing, verdict.ties
    )
