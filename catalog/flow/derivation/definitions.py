"""Definitions of derived tables: what they may be, and which tables they read."""

from functools import lru_cache

from catalog.errors import CatalogError, ErrorKind, InvalidInput
from catalog.model.derived import Definition
from catalog.query.stored.check import StoredSelect, check_stored_select
from catalog.query.stored.functions import CHANGING


@lru_cache(4096)
def select_of(sql: str) -> StoredSelect:
    """Returns the SELECT of a definition, checked to be one that may be stored and run.

    Raises:
        InvalidInput: It is not one SELECT over tables of the catalog, by known functions.
    """
    return check_stored_select(sql, what="it")


def input_names(definition: Definition, *, table: str) -> tuple[str, ...]:
    """Returns the tables that a definition reads, as it spells them, each once.

    Raises:
        InvalidInput: The definition is not valid; the message names the derived table.
    """
    if definition.command:
        return tuple(dict.fromkeys(definition.inputs))
    try:
        names = select_of(definition.sql).references
    except CatalogError as error:
        raise bad_definition(table, error) from error
    return tuple(dict.fromkeys(".".join(one.name) for one in names))


def changing_functions(definition: Definition) -> tuple[str, ...]:
    """Returns the functions of a definition that may give another result each time.

    Raises:
        InvalidInput: The definition is not valid.
    """
    return tuple(sorted(select_of(definition.sql).functions & CHANGING)) if definition.sql else ()


def bad_definition(table: str, error: CatalogError) -> InvalidInput:
    """Returns the error for a definition that is not valid, which says which table's it is."""
    return InvalidInput(
        f"the definition of derived table {table!r} is not valid: {error.message}",
        kind=ErrorKind.BAD_DEFINITION,
        hint=error.advice,
    )
