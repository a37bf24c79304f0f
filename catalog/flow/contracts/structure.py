"""Judging what changed of a table beside its rows: from metadata alone."""

from collections.abc import Iterator, Mapping

from catalog.diff.plan import SchemaChange
from catalog.flow.contracts.change import ShapeChange
from catalog.flow.contracts.rules import TableRules, allowance
from catalog.model.checks import PREFIX
from catalog.model.contracts import STRUCTURE, TYPE_WIDENED
from catalog.model.judgement import Violation
from catalog.model.types import holds_values
from catalog.report.figures import counted, share

_PERMISSIONS = {
    "key_changed": ("may_change_keys", "the key"),
    "partitioning_changed": ("may_change_partitioning", "the partition columns"),
    "definition_changed": ("may_change_definitions", "the definition"),
}
"""By the change of a schema: what allows it, and what it is."""

_WHAT = {
    "column_added": "was added",
    "column_removed": "was removed",
    "column_renamed": "was renamed",
    "type_changed": "has another type",
}


def judge_structure(rules: TableRules, change: ShapeChange) -> Iterator[Violation]:
    """Yields what a contract does not allow of a table's structure."""
    contract, table = rules.contract, rules.table
    before, after = change.before, change.after
    if contract.must_not_change(table):
        yield from _unchanged(rules, change)
        return
    if after is None:
        if not contract.permits("may_drop", table):
            yield rules.violation("may_drop", f"table {table} was dropped", allowed="no drop")
        return
    if before is None:
        allowed = contract.permits("may_create", table) or contract.may_change(table)
        if not allowed:
            yield rules.violation("may_create", f"table {table} was created", allowed="no creation")
        return
    if before.table_id != after.table_id and not contract.permits("may_replace", table):
        yield rules.violation(
            "may_replace",
            f"table {table} was dropped and made anew under its name",
            allowed="no replacement",
        )
    yield from _schema(rules, change)
    yield from _added_anew(rules, change)
    if not contract.permits("may_change_checks", table):
        for name, what in sorted(_checks(before.properties, after.properties).items()):
            yield rules.violation(
                "may_change_checks",
                f"check {name} of table {table} was {what}",
                allowed="no change of checks",
            )


def judge_loss(rules: TableRules, change: ShapeChange) -> Iterator[Violation]:
    """Yields a violation if a table has fewer rows than a contract lets it have."""
    most, before, after = rules.limits.max_loss, change.before, change.after
    if most is None or before is None or after is None or after.rows >= before.rows:
        return
    lost = before.rows - after.rows
    if not most.allows(lost, of=before.rows):
        yield rules.violation(
            rules.path("max_loss"),
            f"table {rules.table} loses {lost:,} of {counted(before.rows, 'row')} "
            f"({share(lost, before.rows)})",
            count=lost,
            allowed=allowance(most, before.rows),
        )


def _is_widened(change: ShapeChange, one: SchemaChange) -> bool:
    """Returns whether a type became one that holds all values of the type before."""
    before, after = change.before, change.after
    if one.change != "type_changed" or before is None or after is None:
        return False
    column = after.schema.find(one.column or "")
    if column is None:
        return False
    wide = after.held_type(column)
    narrow = (before.held_type(field) for field in before.schema.fields)
    return any(str(kind) == one.before and holds_values(wide, kind) for kind in narrow)


def is_replaced(change: ShapeChange) -> bool:
    """Returns whether a table was made anew under its name."""
    before, after = change.before, change.after
    return before is not None and after is not None and before.table_id != after.table_id


def _unchanged(rules: TableRules, change: ShapeChange) -> Iterator[Violation]:
    what = ""
    if change.before is None or change.after is None:
        what = "created" if change.before is None else "dropped"
    elif is_replaced(change):
        what = "dropped and made anew under its name"
    elif not is_replaced(change) and any(p.before.id != p.after.id for p in change.plan.pairs):
        what = "changed: a column was removed, and added anew"
    elif changes := [one for one in change.plan.schema_changes if not _only_names(change, one)]:
        what = f"changed: {_said(changes[0])}"
    elif checks := _checks(change.before.properties, change.after.properties):
        name, how = sorted(checks.items())[0]
        what = f"changed: check {name} was {how}"
    if what:
        yield rules.violation(
            "unchanged", f"table {rules.table} was {what}", allowed="no change at all"
        )


def _schema(rules: TableRules, change: ShapeChange) -> Iterator[Violation]:
    contract, table = rules.contract, rules.table
    permitted = contract.permitted_schema_changes(table)
    for one in change.plan.schema_changes:
        if _only_names(change, one):
            continue
        if one.change in STRUCTURE:
            if one.change not in permitted and not (
                TYPE_WIDENED in permitted and _is_widened(change, one)
            ):
                yield rules.violation(
                    schema_rule(rules),
                    f"{_said(one)} in table {table}",
                    column=_column(one),
                    allowed=f"only {', '.join(permitted)}" if permitted else "no schema change",
                )
            continue
        permission, what = _PERMISSIONS[one.change]
        if not contract.permits(permission, table):
            yield rules.violation(
                permission,
                f"{what} of table {table} changed{_ends(one)}",
                allowed="no change of it",
            )


def _added_anew(rules: TableRules, change: ShapeChange) -> Iterator[Violation]:
    """Yields columns that were removed, and another added under the name: a diff pairs those."""
    permitted = rules.contract.permitted_schema_changes(rules.table)
    if is_replaced(change) or {"column_added", "column_removed"} <= {*permitted}:
        return
    for pair in change.plan.pairs:
        if pair.before.id != pair.after.id:
            yield rules.violation(
                schema_rule(rules),
                f"column {pair.before.name} of table {rules.table} was removed, and added anew",
                column=pair.before.name,
                allowed=f"only {', '.join(permitted)}" if permitted else "no schema change",
            )


def schema_rule(rules: TableRules) -> str:
    """Returns the place in the contract that says which changes of the schema are allowed."""
    return "schema_changes" if rules.limits.schema_changes is None else rules.path("schema_changes")


def _only_names(change: ShapeChange, one: SchemaChange) -> bool:
    """Returns whether a key differs because one of its columns was renamed, which is told apart."""
    before, after = change.before, change.after
    if one.change != "key_changed" or before is None or after is None:
        return False
    return before.table_id == after.table_id and before.key == after.key


def _column(change: SchemaChange) -> str:
    renamed = change.before if change.change == "column_renamed" else None
    return renamed or change.column or ""


def _said(change: SchemaChange) -> str:
    if change.change not in _WHAT:
        return f"{_PERMISSIONS[change.change][1]} changed{_ends(change)}"
    shown = ""
    if change.change == "column_renamed":
        shown = f" to {change.after}"
    elif change.change == "type_changed":
        shown = f": {change.before} became {change.after}"
    return f"column {_column(change)} {_WHAT[change.change]}{shown}"


def _ends(change: SchemaChange) -> str:
    if change.change == "definition_changed":
        return " (dropped)" if change.after is None else " (new)" if change.before is None else ""
    return f" from {change.before or 'none'} to {change.after or 'none'}"


def _checks(before: Mapping[str, str], after: Mapping[str, str]) -> dict[str, str]:
    """Returns what happened to checks, by name."""
    found = {}
    for key in before.keys() | after.keys():
        if key.startswith(PREFIX) and before.get(key) != after.get(key):
            name = key.removeprefix(PREFIX)
            found[name] = (
                "added" if key not in before else "dropped" if key not in after else "changed"
            )
    return found
