"""Columns traced through what was done to a table: backwards, and forwards."""

from catalog.dataclasses import dataclass, field
from catalog.model.lineage import Input, LineageEntry
from catalog.model.lineage_tree import replaces
from catalog.operations.lineage.writers import Written

Columns = frozenset[str] | None
"""Names of columns; None if all take part, or that is not known."""


@dataclass(slots=True)
class Traced:
    """Which columns take part in some columns of a table, by one commit.

    Attributes:
        inputs: By input, its columns; inputs that do not take part are not among them.
        former: The columns of the table as it was before.
        takes_part: Whether the commit had to do with the columns at all.
    """

    former: Columns
    inputs: dict[Input, Columns] = field(default_factory=dict)
    takes_part: bool = True


def traced(write: Written, wanted: Columns) -> Traced:
    """Returns which columns of what a commit read went into columns of the table."""
    entry = write.entry
    every: dict[Input, Columns] = dict.fromkeys(write.inputs.values())
    if wanted is None or entry is None:
        return Traced(wanted, every)
    if not entry.steps:
        return _step(entry, wanted, set(write.inputs.values()))
    found = Traced(wanted, takes_part=False)
    for step in reversed(entry.steps):
        if found.former is None:
            break
        one = _step(step, found.former, set(write.inputs.values()))
        for table, columns in one.inputs.items():
            known = found.inputs.get(table, frozenset())
            both = None if known is None or columns is None else known | columns
            found.inputs[table] = both
        found.former = one.former
        found.takes_part |= one.takes_part
        if replaces(step):
            break
    if entry.steps_left_out:
        return Traced(None, every)
    return found


def _step(entry: LineageEntry, wanted: frozenset[str], others: set[Input]) -> Traced:
    lineage = entry.columns
    if lineage is None:
        inputs: dict[Input, Columns] = {one: None for one in entry.inputs if one in others}
        return Traced(wanted, inputs)
    found: dict[Input, set[str]] = {}
    former: set[str] = set() if replaces(entry) else set(wanted)
    written = {column.name.casefold() for column in lineage.columns}
    if entry.facts.get("kind") == "alter":  # it has the columns that it names under other names
        former = {name for name in wanted if name.casefold() not in written}
    for name in wanted:
        for one in lineage.inputs_of(name):
            if one.input >= len(entry.inputs):
                continue
            table = entry.inputs[one.input]
            if table in others:
                found.setdefault(table, set()).add(one.column)
            else:
                former.add(one.column)
    touched = any(name.casefold() in written for name in wanted) or bool(found)
    return Traced(
        frozenset(former),
        {table: frozenset(columns) for table, columns in found.items()},
        takes_part=touched or bool(lineage.rows) or replaces(entry),
    )


def affected(entry: LineageEntry, table: str, changed: Columns) -> Columns:
    """Returns the columns that depend on columns of an input, by what one commit recorded."""
    found: set[str] = set()
    for step in entry.steps or (entry,):
        at = {n for n, one in enumerate(step.inputs) if one.table.casefold() == table.casefold()}
        if not at:
            continue
        lineage = step.columns
        if lineage is None or entry.steps_left_out:
            return None
        folded = None if changed is None else {name.casefold() for name in changed}

        def counts(one: int, column: str, at: set[int] = at, folded: object = folded) -> bool:
            return one in at and (not isinstance(folded, set) or column.casefold() in folded)

        if any(counts(one.input, one.column) for one in lineage.rows):
            return None
        vague = any(counts(one, column) for one, column in lineage.everything)
        found |= {
            output.name
            for output in lineage.columns
            if (output.approximate and vague)
            or any(counts(one.input, one.column) for one in output.inputs)
        }
    return frozenset(found)
