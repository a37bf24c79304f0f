"""What the parts of the analysis share: the question, and what was found so far."""

from collections.abc import Callable, Mapping

from sqlglot import exp

from catalog.dataclasses import dataclass, field
from catalog.flow.functions import ALL_AGGREGATES
from catalog.flow.partitionwise.carry import Carry, determines
from catalog.flow.partitionwise.relation import Relation
from catalog.flow.partitionwise.scope import Scope
from catalog.flow.partitionwise.verdict import Choice, InputTable

_NAMELESS: Mapping[type[exp.Expr], str] = {
    exp.ArgMax: "arg_max",
    exp.ArgMin: "arg_min",
    exp.GroupConcat: "string_agg",
    exp.Max: "max",
    exp.Min: "min",
    exp.PercentileCont: "quantile_cont",
    exp.PercentileDisc: "quantile_disc",
    exp.Quantile: "quantile",
}
"""Aggregates for which the parser keeps no position."""


@dataclass(slots=True)
class Prover:
    """One attempt to show that a query is partition-wise.

    Attributes:
        tables: The tables of the catalog by folded name.
        choice: Which of them are taken as facts.
        goal: The expression by which the result shall be split; None to find out which could be.
        calls: The folded names of the functions that the text calls, by offset of the name.
        query: Returns the relation of a query at a place.
        seen: Ids of the nodes that were reached.
        aggregates: Ids of the nodes of aggregates that were reached.
        read: Folded names of the tables that were read.
        ties: Functions whose result is the engine's choice among equals.
    """

    tables: Mapping[str, InputTable]
    choice: Choice
    goal: Carry | None
    calls: Mapping[int, str]
    query: "Callable[[exp.Expr, Place], Relation]"
    seen: set[int] = field(default_factory=set)
    aggregates: set[int] = field(default_factory=set)
    read: set[str] = field(default_factory=set)
    ties: list[str] = field(default_factory=list)

    def fixes(self, carry: Carry | None) -> bool:
        """Returns whether equal values of an expression mean the same part of the result."""
        return carry is not None and (self.goal is None or determines(carry, self.goal))

    def relation(self, node: exp.Expr, place: "Place") -> Relation:
        """Returns what is known of a query.

        Raises:
            Refused: It mixes partitions, or has a construct without a rule.
        """
        return self.query(node, place)

    def called(self, node: exp.Expr) -> str:
        """Returns the folded name of the function that a node calls, empty for other nodes."""
        if isinstance(node, exp.Identifier):
            return ""
        start = node.meta.get("start")
        if start is None and isinstance(node.parent, exp.IgnoreNulls):
            start = node.parent.meta.get("start")
        name = (
            self.calls.get(start, "") if isinstance(start, int) else _NAMELESS.get(type(node), "")
        )
        if name in ALL_AGGREGATES:
            self.aggregates.add(id(node))
        return name

    def tie(self, text: str) -> None:
        """Notes that the engine may choose among equals."""
        if text not in self.ties:
            self.ties.append(text)


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a query an expression or a subquery stands.

    Attributes:
        prover: The attempt.
        scope: The names that it may use.
        ctes: The CTEs that it may read, by folded name.
        windows: The named windows of its SELECT, by folded name.
    """

    prover: Prover
    scope: Scope
    ctes: Mapping[str, Relation] = field(default_factory=dict)
    windows: Mapping[str, exp.Window] = field(default_factory=dict)
