"""Judging the rows of a table that changed: how many, where, and which cells."""

from collections.abc import Iterator
from fractions import Fraction

from catalog.diff.counts import RowCounts
from catalog.diff.held_rows import Condition
from catalog.diff.plan import SIDES
from catalog.errors import InvalidInput
from catalog.flow.contracts.change import Compared, TableChange
from catalog.flow.contracts.column_names import ColumnNames, Resolved
from catalog.flow.contracts.columns import judge_column
from catalog.flow.contracts.partition_rules import partition_rules
from catalog.flow.contracts.rules import EXAMPLES, TableRules, allowance, listed
from catalog.flow.contracts.structure import schema_rule
from catalog.model.contracts import COUNTED_ROWS, Most, partition_rule_text
from catalog.model.judgement import Violation
from catalog.model.schema import Field
from catalog.report.figures import counted

NOTHING = Most(Fraction(0))
"""What may come and go where only cells of some columns may change."""


def judge_forbidden(
    rules: TableRules, change: TableChange, *, rule: str, reason: str = ""
) -> Iterator[Violation]:
    """Yields a violation if rows or columns changed of a table that may not change.

    Args:
        rules: The rules of the table.
        change: What changed.
        rule: The place in the contract that forbids it.
        reason: Why it may not change, if that is not obvious.
    """
    why = f" ({reason})" if reason else ""
    named = rules.contract.tables
    allowed = "no change" if named is None else f"only {listed(named)}" if named else "no table"
    for one in change.plan.schema_changes:
        if one.change.startswith(("column_", "type_")) and rule != "unchanged":
            yield rules.violation(
                rule,
                f"the columns of table {rules.table} changed, and it may not change{why}",
                column=one.column or "",
                allowed=allowed,
            )
            break
    if not change.plan.tasks:
        return
    compared = change.compared({})
    rows = compared.counts.rows
    changed = (rows.inserted or 0) + (rows.deleted or 0) + (rows.updated or 0)
    if changed:
        held = compared.held
        yield rules.violation(
            rule,
            f"{_rows_said(rows)} in table {rules.table}, which may not change{why}",
            count=changed,
            allowed=allowed,
            partitions=held.by_partition(held.any_row),
            examples=held.examples(held.any_row, limit=EXAMPLES),
        )


def _rows_said(rows: RowCounts) -> str:
    kinds = (("inserted", rows.inserted), ("deleted", rows.deleted), ("updated", rows.updated))
    first, *rest = [(word, number) for word, number in kinds if number]
    said = [f"{counted(first[1] or 0, 'row')} {first[0]}"]
    return listed([*said, *(f"{number:,} {word}" for word, number in rest)])


def judge_rows(rules: TableRules, change: TableChange) -> Iterator[Violation]:
    """Yields what a contract's limits of a table do not allow."""
    limits = rules.limits
    if not limits.about_rows:
        return
    names = ColumnNames(change.plan)
    known = dict(_known_columns(rules, names))
    for column in known:
        if known[column] is None:
            yield _missing(rules, names, column)
    yield from _unlisted_columns(rules, change, names)
    tolerance = {
        one.pair.name: limit.tolerance
        for column, limit in limits.column.items()
        if limit.tolerance and (one := known[column]) is not None and one.pair is not None
    }
    judged = [(n, limit) for n, limit in limits.column.items() if known[n] is not None]
    if not change.plan.tasks:
        for name, limit in judged:
            yield from judge_column(rules, name, limit, column=_found(known, name))
        return
    try:
        compared = change.compared(tolerance)
    except InvalidInput as error:
        yield _not_judged(rules, "column", error)
        return
    yield from _counts(rules, compared)
    yield from _partitions(rules, compared)
    yield from _columns(rules, compared, names)
    for name, limit in judged:
        try:
            yield from judge_column(
                rules, name, limit, column=_found(known, name), change=change, compared=compared
            )
        except InvalidInput as error:
            yield _not_judged(rules, "column", error, column=name)
    yield from _keys(rules, change, compared)
    yield from _where(rules, change, compared)


def _found(known: dict[str, Resolved | None], name: str) -> Resolved:
    found = known[name]
    assert found is not None, "only known columns are judged"
    return found


def _known_columns(rules: TableRules, names: ColumnNames) -> Iterator[tuple[str, Resolved | None]]:
    for name in (*(rules.limits.columns or ()), *rules.limits.column):
        yield name, names.find(name)


def _missing(rules: TableRules, names: ColumnNames, name: str) -> Violation:
    rule = rules.path("column", name) if name in rules.limits.column else rules.path("columns")
    return rules.violation(
        rule,
        f"table {rules.table} has no column {name}, which the contract names: {names.advice(name)}",
        column=name,
        allowed="columns of the table",
    )


def _not_judged(rules: TableRules, key: str, error: InvalidInput, *, column: str = "") -> Violation:
    rule = rules.path(key, column) if column else rules.path(key)
    return rules.violation(
        rule,
        f"table {rules.table} cannot be judged: {error.message}",
        column=column,
    )


def _unlisted_columns(
    rules: TableRules, change: TableChange, names: ColumnNames
) -> Iterator[Violation]:
    """Yields columns that came, went or became another type, beside those that may change."""
    allowed = _allowed(rules, names)
    if allowed is None or change.before is None:
        return
    permitted = rules.contract.permitted_schema_changes(rules.table)
    for one in names.columns:
        if one.pair is not None or id(one) in allowed:
            continue
        kind, what = "type_changed", "has a type that does not compare"
        if one.before is None:
            kind, what = "column_added", "is new"
        elif one.after is None:
            kind, what = "column_removed", "is gone"
        field = one.before or one.after
        if kind in permitted and field is not None:  # else it is told of as a change of the schema
            yield rules.violation(
                rules.path("columns"),
                f"column {field.name} of table {rules.table} {what}, and it may not change",
                column=field.name,
                allowed=f"only {listed(rules.limits.columns or ())} ({schema_rule(rules)} allows "
                "changes of these)",
            )


def _allowed(rules: TableRules, names: ColumnNames) -> set[int] | None:
    """Returns which columns may change, by the identity of what they are found as."""
    if rules.limits.columns is None:
        return None
    found = (names.find(name) for name in rules.limits.columns)
    return {id(one) for one in found if one is not None}


def _only_columns(rules: TableRules) -> str:
    columns = rules.limits.columns
    return f"only {listed(columns)}" if columns else "no column"


def _counts(rules: TableRules, compared: Compared) -> Iterator[Violation]:
    """Yields limits of rows that are exceeded."""
    rows, held = compared.counts.rows, compared.held
    conditions: dict[str, Condition] = {
        "inserted": held.inserted,
        "deleted": held.deleted,
        "updated": held.updated,
        "moved": held.moved,
    }
    for name in COUNTED_ROWS:
        most, rule = rules.limits.most(name), rules.path(name)
        if most is None and rules.limits.columns is not None and name in ("inserted", "deleted"):
            most, rule = NOTHING, rules.path("columns")
        number = getattr(rows, name) or 0
        if most is None or most.allows(number, of=rows.before):
            continue
        condition = conditions[name]
        what = f"{counted(number, 'row')} {name} in table {rules.table}"
        if not compared.plan.key and name in ("inserted", "deleted"):
            what += " (it has no key, so that a changed row is a deleted and an inserted one)"
        yield rules.violation(
            rule,
            what,
            count=number,
            allowed=allowance(most, rows.before),
            partitions=held.by_partition(condition),
            examples=held.examples(condition, limit=EXAMPLES),
        )


def _partitions(rules: TableRules, compared: Compared) -> Iterator[Violation]:
    """Yields rows that changed in other partitions than those that may."""
    stated = rules.limits.partitions
    if stated is None:
        return
    plan, held = compared.plan, compared.held
    try:
        sides = {side: partition_rules(stated, plan.side(side)) for side in SIDES}
    except InvalidInput as error:
        yield _not_judged(rules, "partitions", error)
        return
    if all(sides[side].hold(f.partition) for side in SIDES for f in plan.files(side)):
        return
    before = held.in_rows("f", f"NOT {sides['f'].sql('f')}")
    after = held.in_rows("t", f"NOT {sides['t'].sql('t')}")
    found = held.by_partition(after)
    for label, number in held.by_partition(held.leaving(before), "f").items():
        found[label] = found.get(label, 0) + number
    number = held.number(held.either(before, after))
    if number:
        allowed = ", ".join(map(partition_rule_text, stated))
        yield rules.violation(
            rules.path("partitions"),
            f"{counted(number, 'row')} changed in other partitions of table {rules.table}",
            count=number,
            allowed=f"only {allowed}" if allowed else "no partition",
            partitions=found,
            examples=held.examples(held.either(before, after), limit=EXAMPLES),
        )


def _columns(rules: TableRules, compared: Compared, names: ColumnNames) -> Iterator[Violation]:
    """Yields cells that changed in other columns than those that may."""
    allowed = _allowed(rules, names)
    if allowed is None:
        return
    by_number = {p.number: p for p in compared.plan.pairs}
    for one in names.columns:
        if one.pair is None or id(one) in allowed:
            continue
        pair = by_number[one.pair.number]
        counts = compared.counts.columns.get(pair.name)
        if counts is None or not counts.changed:
            continue
        cells = compared.held.cells(pair, "changed")
        yield rules.violation(
            rules.path("columns"),
            f"{counted(counts.changed, 'cell')} of column {pair.before.name} changed in table "
            f"{rules.table}, which may not",
            column=pair.before.name,
            count=counts.changed,
            allowed=_only_columns(rules),
            partitions=compared.held.by_partition(cells),
            examples=compared.held.examples(cells, column=pair, limit=EXAMPLES),
        )


def _keys(rules: TableRules, change: TableChange, compared: Compared) -> Iterator[Violation]:
    """Yields rows that came with a key that is NULL, or another row's."""
    unique, after = rules.limits.unique_key, change.after
    if not unique or after is None:
        return
    rule = rules.path("unique_key")
    fields: list[Field] = []
    if isinstance(unique, tuple):
        names = ColumnNames(change.plan)
        for name in unique:
            found = names.find(name)
            if found is None or found.after is None:
                yield _missing_key(rules, name)
                return
            fields.append(found.after)
    else:
        fields += after.fields(after.key)
    if not fields:
        yield rules.violation(
            rule,
            f"table {rules.table} has no key, so that nothing says which rows must differ",
            allowed="a key, or columns named here",
        )
        return
    key = listed(field.name for field in fields)
    nulls, repeated = change.bad_keys(compared, fields)
    for bad, what in ((nulls, "with NULL in"), (repeated, "that share with others their")):
        if bad.count:
            yield rules.violation(
                rule,
                f"{counted(bad.count, 'row')} of table {rules.table} {what} {key}",
                count=bad.count,
                allowed="unique keys, never NULL",
                examples=bad.rows,
            )


def _missing_key(rules: TableRules, name: str) -> Violation:
    return rules.violation(
        rules.path("unique_key"),
        f"table {rules.table} has no column {name}, which the contract names",
        column=name,
        allowed="columns of the table",
    )


def _where(rules: TableRules, change: TableChange, compared: Compared) -> Iterator[Violation]:
    """Yields changed rows that a condition does not hold for, before or after."""
    where = rules.limits.where
    if not where:
        return
    try:
        found = change.unmet(compared, where)
    except InvalidInput as error:
        yield _not_judged(rules, "where", error)
        return
    if found.count:
        yield rules.violation(
            rules.path("where"),
            f"{counted(found.count, 'row')} changed in table {rules.table} that the condition does "
            "not hold for",
            count=found.count,
            allowed=f"only rows where {where}",
            examples=found.rows,
        )
