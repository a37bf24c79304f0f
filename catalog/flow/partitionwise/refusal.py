"""The way out of the analysis: a construct that forbids a query to be partition-wise."""

from sqlglot import exp
from sqlglot.errors import SqlglotError

SHOWN = 80
"""Most characters of a construct that are shown."""


class Refused(Exception):
    """A construct for which the analysis has no rule, or of which it knows that it mixes.

    Attributes:
        reason: Why, in plain English.
        node: The construct; None for the whole query.
    """

    def __init__(self, reason: str, node: exp.Expr | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.node = node


def shown(node: exp.Expr | None) -> str:
    """Returns the SQL of a construct, shortened to one line."""
    if node is None:
        return ""
    try:
        text = " ".join(node.sql(dialect="duckdb").split())
    except (SqlglotError, ValueError, TypeError, AttributeError):
        return ""
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"


def offset(node: exp.Expr | None) -> int | None:
    """Returns where in the text a construct begins, as far as the parser has kept it."""
    if node is None:
        return None
    starts = (part.meta.get("start") for part in node.walk())
    return min((start for start in starts if isinstance(start, int)), default=None)


def refuse_others(node: exp.Expr, known: frozenset[str], what: str) -> None:
    """Refuses a construct that has a part for which the analysis has no rule.

    Raises:
        Refused: It has.
    """
    for key, value in node.args.items():
        if key not in known and value not in (None, False, [], "", ()):
            name = key.rstrip("_").replace("_", " ").upper()
            raise Refused(f"{name} of {what} has no rule that keeps partitions apart", node)
