"""Definitions of derived tables, as lines and as JSON."""

from catalog.model.derived import Definition
from catalog.report.figures import plain
from cli.output.listing import Cell


def definition_json(definition: Definition | None) -> Cell:
    """Returns the JSON form of what a table is computed by; None if it is not derived."""
    if definition is None:
        return None
    if definition.sql:
        return {"sql": definition.sql}
    return {
        "command": list(definition.command),
        "inputs": list(definition.inputs),
        "output": definition.output,
    }


def definition_lines(definition: str | None, subject: str) -> list[str]:
    """Returns what a table is computed by, each line of its SQL on its own.

    Args:
        definition: The definition as text; None if there is none.
        subject: What it is said of: ``derived table``.
    """
    if definition is None:
        return [f"  {subject} no longer derived"]
    body = [f"    {plain(line)}".rstrip() for line in definition.strip().splitlines()]
    return [f"  {subject.removesuffix(' is')} is computed by", *body]
