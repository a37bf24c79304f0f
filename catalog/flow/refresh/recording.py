"""What a commit records about a table that a step computed."""

from collections.abc import Mapping

from catalog.engine.quoting import identifier
from catalog.flow.derivation.definitions import select_of
from catalog.flow.permission import command_text
from catalog.flow.refresh.edit import Edit
from catalog.flow.refresh.plan import StepPlan
from catalog.model.derived import Computed, Definition
from catalog.model.lineage import ColumnLineage, Input, LineageEntry, OutputColumn
from catalog.model.table import TableSnapshot
from catalog.query.lineage.columns import query_lineage
from catalog.query.splice import Replacement, replacements, splice


def step_lineage(
    definition: Definition,
    plan: StepPlan,
    edit: Edit,
    *,
    computed: Computed,
    inputs: Mapping[str, TableSnapshot],
) -> LineageEntry:
    """Returns where the rows of a derived table come from.

    Args:
        definition: What it was computed by.
        plan: How it was computed.
        edit: What came of it.
        computed: What it was computed from.
        inputs: The inputs, in the order of ``computed``.
    """
    command = definition.command
    return LineageEntry(
        "refresh",
        tuple(Input(name, one.commit, one.snapshot) for name, one in computed.inputs.items()),
        facts={"how": plan.how, "rows": edit.rows},
        code={"command": command_text(command)} if command else {},
        engine=computed.engine,
        statement=definition.sql or None,
        columns=_unknown_columns(inputs, edit.shape)
        if command
        else column_lineage(definition.sql, inputs, edit.shape),
    )


def _unknown_columns(
    inputs: Mapping[str, TableSnapshot], shape: TableSnapshot
) -> ColumnLineage | None:
    """Returns that any column of the inputs may have gone into any column of a table."""
    if not inputs:
        return None
    return ColumnLineage(
        tuple(OutputColumn(name, approximate=True) for name in shape.schema.names),
        everything=tuple(
            (at, name) for at, one in enumerate(inputs.values()) for name in one.schema.names
        ),
    )


def column_lineage(
    sql: str, inputs: Mapping[str, TableSnapshot], shape: TableSnapshot
) -> ColumnLineage | None:
    """Returns which columns of its inputs go into the columns of a derived table.

    None if it reads no table.
    """
    if not inputs:
        return None
    own = {name.casefold(): f"input_{at}" for at, name in enumerate(inputs)}
    select, changes = select_of(sql), list[Replacement]()
    if not select.growth.is_analysable:
        return _unknown_columns(inputs, shape)
    for reference in select.references:
        name = own[".".join(reference.name).casefold()]
        changes += replacements(reference, identifier(name))
    tables = zip(own.values(), inputs.values(), strict=True)
    return query_lineage(
        splice(select.text, changes),
        tables={name: snapshot.schema.names for name, snapshot in tables},
        outputs=shape.schema.names,
    )
