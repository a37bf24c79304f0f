"""Tables and views that a session made for itself, of which nothing is left once it ends."""

from typing import TYPE_CHECKING

from catalog.errors import ErrorKind, Unsupported
from catalog.hints import Blank, Call, hint
from catalog.query import connection_state
from catalog.query.parse.analyse import analyse
from catalog.query.pending_write import WRITING

if TYPE_CHECKING:
    from catalog.query.session import Session

_IN_MEMORY = "memory"
"""What DuckDB calls the database of a connection to no file."""


def unkept(session: "Session", text: str) -> str | None:
    """Returns what the last of some statements made or changed in the session alone.

    What was made as temporary is not meant, and neither is what is in an attached database.

    Args:
        session: A session without a writer, which has run the statements.
        text: The statements.
    """
    words = text.lower()
    if not any(kind.value in words for kind in WRITING):
        return None  # a long text is not analysed once more
    last = analyse(text)[-1]
    if last.kind not in WRITING or last.target is None or last.temporary:
        return None
    (name, *more) = last.target.name
    is_own = not more and connection_state.database(session.connection) == _IN_MEMORY
    return name if is_own else None


def refuse_unkept(session: "Session", text: str) -> None:
    """Refuses a query that made or changed what ends with it, which nobody could read.

    Raises:
        Unsupported: The last statement did.
    """
    name = unkept(session, text)
    if name is not None:
        raise Unsupported(
            f"{name!r} was of this query alone: nothing is left of it",
            kind=ErrorKind.READ_ONLY,
            hint=hint("to commit it: {}", Call("transaction", (Blank("BRANCH"),))),
        )
