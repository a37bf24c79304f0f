"""What a merge has to keep beside the rules of its target: contracts of the backfills it brings."""

from dataclasses import replace

from catalog.operations.context import OperationContext
from catalog.operations.gate.options import GateOptions
from catalog.operations.refs import LiveBranch
from catalog.repository.backfills import contracts_brought


def with_brought(
    context: OperationContext, options: GateOptions, *, source: str, theirs: str, into: LiveBranch
) -> GateOptions:
    """Returns options of a gate with the contracts of backfills that a merge, or a pick, brings.

    Args:
        context: The catalog.
        options: What whoever merges says about the gate.
        source: What is merged, as it was named.
        theirs: The commit that this stands for.
        into: The branch that it is merged into.

    Raises:
        Conflict: The branch of a backfill was moved, so that nobody can say what its contract is.
        CorruptData: What describes a backfill cannot be read.
    """
    brought = contracts_brought(
        context.repository, source, theirs, into=into.name, target=into.head
    )
    given = {(one.name, one.digest) for one in options.contracts}
    more = tuple(one for one in brought if (one.name, one.digest) not in given)
    return replace(options, contracts=(*options.contracts, *more)) if more else options
