"""Fixes as a catalog stores them: anybody may have written one, so it runs only if a user says so.

A fix that somebody gives is their own, also when it goes on with a backfill that was begun
elsewhere. One that comes from the catalog alone is a stranger's.
"""

from catalog.errors import CorruptData, ErrorKind, InvalidInput
from catalog.flow.permission import command_text
from catalog.hints import Option, hint
from catalog.model.backfill import Backfill
from catalog.model.fix import Fix, fix_from_json
from catalog.model.ids import excerpt
from catalog.operations.fixes.statements import fix_statements
from catalog.operations.flow.rerun import only_selects


def stored_fix(backfill: Backfill, *, allow_statements: bool, allow_commands: bool) -> Fix:
    """Returns the fix that a backfill was begun with, if it may run here.

    Args:
        backfill: The backfill.
        allow_statements: Whether any SQL may run; else only what fills tables by SELECTs may.
        allow_commands: Whether its command may run.

    Raises:
        InvalidInput: It may not, or it is too long to be stored.
        CorruptData: What is stored is not the fix that the backfill names.
    """
    name = backfill.name
    if not backfill.fix_source:
        raise InvalidInput(
            f"backfill {name!r} is not done, and the catalog does not keep its fix: it is too "
            "long, or holds a secret",
            kind=ErrorKind.BACKFILL_FAILED,
            hint="give its fix again: what is done is not done again",
        )
    fix = fix_from_json(backfill.fix_source)
    if fix.identity != backfill.fix or fix.for_each != backfill.for_each:
        raise CorruptData(f"what backfill {excerpt(name)} stores is not its fix")
    if fix.command and not allow_commands:
        raise InvalidInput(
            f"backfill {name!r} is not done, and would go on with a command that the catalog "
            f"names: {command_text(fix.command)}",
            kind=ErrorKind.COMMAND_REFUSED,
            hint=hint(
                "look at what it does; then give it again yourself, or allow it for once: {}",
                Option("allow_commands"),
            ),
        )
    statements = fix_statements(fix.sql, [one.name for one in fix.variables]) if fix.sql else ()
    if not allow_statements and not all(only_selects(one.trial) for one in statements):
        raise InvalidInput(
            f"backfill {name!r} is not done, and would go on with SQL that the catalog stores, "
            "which may do more than compute rows",
            kind=ErrorKind.COMMAND_REFUSED,
            hint=hint(
                "look at it: it is part of what is shown of the backfill; then give it again "
                "yourself, or allow it for once: {}",
                Option("allow_statements"),
            ),
        )
    return fix
