"""Which commands list so much that a pager shows it, and in which formats."""

from collections.abc import Mapping, Sequence

PAGED = frozenset(
    {
        *("status", "lineage", "diff", "compare", "sql", "log", "show", "tables", "schema"),
        *("partitions", "files", "blame", "history", "conflicts", "reflog", "merge"),
        *("branch list", "branch rules", "tag list", "check list", "contract list"),
        *("contract show", "backfill list", "backfill show"),
    }
)
"""They print once they know everything; what shows its steps as they come does not wait."""

FOR_PEOPLE = ("text", "table", "markdown")
"""Formats for people; the others are for programs, also on a terminal."""


def is_paged(words: Sequence[str], parameters: Mapping[str, object]) -> bool:
    """Returns whether what a command prints goes through a pager if it is long.

    Args:
        words: The words of the command.
        parameters: Its arguments and options by the names that the code gives them.
    """
    how = parameters.get("how")
    is_data = bool(parameters.get("json")) or (how is not None and str(how) not in FOR_PEOPLE)
    return " ".join(words) in PAGED and not is_data
