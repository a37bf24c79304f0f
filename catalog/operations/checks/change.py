"""Adding checks to tables of a branch, and dropping them: each in one commit."""

from collections.abc import Sequence

from catalog.model.checks import TableCheck
from catalog.model.listings import CommitInfo
from catalog.operations.context import OperationContext


def change_checks(
    context: OperationContext,
    branch: str,
    *,
    add: Sequence[TableCheck] = (),
    drop: Sequence[tuple[str, str]] = (),
    replace: bool = False,
    message: str | None = None,
) -> CommitInfo | None:
    """Adds and drops checks of any tables of a branch, in one commit.

    Args:
        context: The open catalog.
        branch: The branch.
        add: Checks to add; those that are there already as they are change nothing.
        drop: Table and name of checks to drop.
        replace: Whether a check of the same name that means something else may be replaced.
        message: The commit's message; None makes one up.

    Returns:
        The commit; None if all was so already.

    Raises:
        NotFound: There is no such table, column or check.
        AlreadyExists: A check has that name.
        InvalidInput: A check is not valid for its table.
    """
    raise NotImplementedError
