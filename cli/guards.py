"""What ``snapshot`` may do to tables: the guards of options over those of the configuration."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, TypeVar

from catalog.errors import InvalidInput
from cli.location import find_config
from cli.specs import TableSpec
from cli.usage import UsageError, nearest

if TYPE_CHECKING:
    from catalog.model.guards import Guard

T = TypeVar("T", covariant=True)


def guards_of(
    specs: Sequence[TableSpec],
    *,
    schema: Sequence[str] | None = None,
    max_loss: Sequence[str] | None = None,
) -> "Mapping[str, Guard]":
    """Returns the guard of each table that is taken.

    What options say counts before what the configuration says of a table, and that before what it
    says of all. Options are a value for all tables, or ``TABLE=VALUE`` each.

    Raises:
        UsageError: An option has another form, or names a table that is not taken.
    """
    from catalog.model.guards import Guard, most_lost, schema_guard

    config = find_config()
    every = None if config is None else config.guard
    stated = {} if config is None else {n.casefold(): one for n, one in config.guards.items()}
    tables = [spec.table for spec in specs]
    schemas = _by_table("--schema", schema, tables, read=schema_guard)
    losses = _by_table("--max-loss", max_loss, tables, read=most_lost)
    nothing = Guard()
    return {
        table: Guard(schemas.get(table), losses.get(table))
        .over(stated.get(table.casefold(), nothing))
        .over(every or nothing)
        for table in tables
    }


class _Reader(Protocol[T]):
    def __call__(self, stated: object, *, name: str) -> T: ...


def _by_table(
    option: str, texts: Sequence[str] | None, tables: Sequence[str], *, read: _Reader[T]
) -> Mapping[str, T]:
    """Returns the values of an option by table: one that names no table is for all others."""
    named: dict[str, T] = {}
    others: dict[str, T] = {}
    for text in texts or ():
        table, equals, stated = text.rpartition("=")
        if equals and table not in tables:
            raise UsageError(
                f"{option} names table {table!r}, which is not taken", hint=nearest(table, tables)
            )
        try:
            (named if equals else others)[table or stated] = read(stated, name=option)
        except InvalidInput as error:
            raise UsageError(error.message, hint=error.advice) from error
    if len(others) > 1:
        raise UsageError(f"{option} {f' and {option} '.join(others)} exclude each other")
    return {**{table: one for one in others.values() for table in tables}, **named}
