"""Definitions of derived tables: what they may be, and which tables they read."""

from functools import lru_cache

from catalog.errors import CatalogError, ErrorKind, InvalidInput
from catalog.model.derived import Definition
from catalog.query.parse.analyse import analyse
from catalog.query.parse.statements import Statement


@lru_cache(4096)
def select_of(sql: str) -> Statement:
    """Returns the only statement of a definition's SQL, checked to be one that may run.

    Raises:
        InvalidInput: It is not one SELECT over tables of the catalog.
    """
    (statement,) = analyse(sql)
    return statement


def input_names(definition: Definition, *, table: str) -> tuple[str, ...]:
    """Returns the tables that a definition reads, as it spells them, each once.

    Raises:
        InvalidInput: The definition is not valid; the message names the derived table.
    """
    if definition.command:
        return tuple(dict.fromkeys(definition.inputs))
    try:
        references = select_of(definition.sql).references
    except CatalogError as error:
        raise bad_definition(table, error) from error
    return tuple(dict.fromkeys(".".join(one.name) for one in references))


def bad_definition(table: str, error: CatalogError) -> InvalidInput:
    """Returns the error for a definition that is not valid, which says which table's it is."""
    return InvalidInput(
        f"the definition of derived table {table!r} is not valid: {error.message}",
        kind=ErrorKind.BAD_DEFINITION,
        hint=error.advice,
    )
