"""Changed rows that do not meet a condition, which a contract states in SQL."""

from catalog.errors import InvalidInput
from catalog.flow.contracts.change import Compared, Offenders
from catalog.storage.store import ObjectStore


def unmet(compared: Compared, where: str, *, table: str, store: ObjectStore) -> Offenders:
    """Returns changed rows that do not meet a condition, before or after."""
    raise InvalidInput(f"the condition {where!r} on rows of {table} cannot be judged here")
