"""Inputs that a caller names, since nobody can see them: ``inputs=["orders@main"]``."""

from collections.abc import Sequence

from catalog.errors import InvalidInput
from catalog.model.lineage import Input
from catalog.model.texts import listed
from catalog.operations.context import OperationContext
from catalog.operations.tables import stored_table
from catalog.repository.resolve import ResolvedRef
from catalog.write.staged_tables import StagedTables


def declared_inputs(
    context: OperationContext, names: Sequence[str], tables: StagedTables
) -> tuple[Input, ...]:
    """Returns the inputs that ``TABLE@REF`` name now.

    A table without a ref is that of the transaction, as it has it so far.

    Raises:
        InvalidInput: A name is not text, has an empty side, or its ref is not valid.
        NotFound: There is no such table or ref.
    """
    found = (_input(context, name, tables) for name in listed(names, "inputs"))
    return tuple(dict.fromkeys(found))


def _input(context: OperationContext, name: str, tables: StagedTables) -> Input:
    table, at, ref = name.partition("@")
    if not table or (at and not ref):
        raise InvalidInput(f"{name!r} is not of the form TABLE@REF", hint="e.g. orders@main")
    if not at:
        working = tables.working(tables.spelled(table))
        if working.is_changed and working.snapshot is not None:
            return Input(working.name)
    resolved = context.resolve(ref) if at else ResolvedRef("the branch", tables.base_id)
    found = stored_table(context.repository, table, resolved)
    return Input(found.name, resolved.commit_id, found.id)
