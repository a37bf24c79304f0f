"""Contracts of a backfill as its description keeps them."""

from catalog.model.backfill import contract_text
from catalog.operations.contracts.given import GivenContracts, given_contracts


def stored_contracts(given: GivenContracts | None) -> str | None:
    """Returns contracts as the description of a backfill keeps them; None if none are given.

    Raises:
        InvalidInput: They are not valid.
        NotFound: There is no such file.
    """
    return None if given is None else contract_text(list(given_contracts(given)))
