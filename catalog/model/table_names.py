"""Names of tables as they are stored: a stranger may have written them."""

from functools import lru_cache

from catalog.errors import CorruptData, InvalidInput
from catalog.model.ids import excerpt
from catalog.model.names import check_table_name

KNOWN_NAMES = 1 << 16
"""Table names that a process keeps as checked: every commit has those of its parent."""


@lru_cache(KNOWN_NAMES)
def checked_table_name(name: str) -> str:
    """Returns a stored name of a table.

    Raises:
        CorruptData: No table can have that name.
    """
    try:
        if check_table_name(name) == name:
            return name
    except InvalidInput as error:
        raise CorruptData(f"a table in a commit has a name that none can have: {error}") from error
    raise CorruptData(f"the name {excerpt(name)} of a table in a commit is not in form NFC")
