"""Where definitions that lie outside differ from those that a branch has."""

from collections.abc import Sequence
from typing import Literal

from catalog.dataclasses import dataclass
from catalog.flow.candidate import Candidate
from catalog.model.derived import definition_of
from catalog.operations.context import OperationContext
from catalog.operations.flow.definition import Derivation, names_without, trimmed

DefinitionState = Literal["new", "changed", "unchanged", "taken", "without a file"]


@dataclass(frozen=True, slots=True)
class DefinitionStatus:
    """How a definition that lies outside compares with what a branch has.

    Attributes:
        table: The table.
        origin: Where the definition lies; empty if only the branch has it.
        state: ``new`` if the branch has no such table, ``taken`` if it has one that is not
            derived, ``without a file`` if only the branch has a definition.
    """

    table: str
    origin: str
    state: DefinitionState


def definition_status(
    context: OperationContext, ref: str, derivations: Sequence[Derivation]
) -> list[DefinitionStatus]:
    """Compares definitions with those at a ref; a table without one there comes last."""
    candidate = Candidate(context.repository, context.resolve(ref).commit_id)
    found = [
        DefinitionStatus(one.table, one.origin, _state(candidate, trimmed(one)))
        for one in derivations
    ]
    rest = names_without(candidate, [one.table for one in derivations])
    return found + [DefinitionStatus(name, "", "without a file") for name in rest]


def _state(candidate: Candidate, one: Derivation) -> DefinitionState:
    spelled = candidate.spelled(one.table)
    table = None if spelled is None else candidate.table(spelled)
    if table is None:
        return "new"
    before = table.snapshot
    if (definition := definition_of(before.properties)) is None:
        return "taken"
    key = one.key is None or one.key == before.key_names
    by = one.partition_by
    names = tuple(name for name, _ in before.partition_fields)
    partitioned = by is None or tuple(name for name, _ in by) == names
    return "unchanged" if definition == one.definition and key and partitioned else "changed"
