"""Counting the failures of the checks of a table, in as few scans of it as possible.

Kinds that look at single rows, and those that look at totals, are one aggregation: a scan.
Kinds that compare rows with each other or with another table (``unique``, ``relationships``) are
one more: their columns are read once, and grouped or matched from there.
"""

import datetime
from collections.abc import Sequence

from catalog.dataclasses import dataclass
from catalog.engine.restricted import SelectEngine
from catalog.errors import ErrorKind, InvalidInput, StorageFailure
from catalog.flow.checks.binding import BoundCheck
from catalog.flow.checks.files import FileChoice
from catalog.flow.checks.reading import CheckEngine
from catalog.model.check_rules import max_age
from catalog.model.checks import CheckKind
from catalog.model.datafile import DataFile
from catalog.model.schema import Field
from catalog.query.splice import Replacement, replacements, splice
from catalog.query.stored.condition import StoredCondition
from catalog.repository.commits import StoredTable

MATCHING = frozenset({CheckKind.UNIQUE, CheckKind.RELATIONSHIPS})
"""Kinds that compare rows with other rows."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What was counted for a check.

    Attributes:
        failures: How many rows or values are wrong; of ``row_count`` and ``freshness`` 1 or 0.
        rows: How many rows were looked at; of ``row_count`` those that count. None if nobody knows.
        wrong_rows: How many rows are wrong; of ``unique`` all that share a value.
        newest: The newest moment, for ``freshness``; None if there is none.
    """

    failures: int
    rows: int | None
    wrong_rows: int
    newest: str | None = None


@dataclass(frozen=True, slots=True)
class Pass:
    """Checks of one table that are counted together.

    Attributes:
        checks: The checks.
        files: The files that are read for them.
    """

    checks: tuple[BoundCheck, ...]
    files: Sequence[DataFile]

    @property
    def table(self) -> StoredTable:
        """Returns the table."""
        return self.checks[0].table

    @property
    def fields(self) -> list[Field]:
        """Returns the columns that are read."""
        named = {field.id for check in self.checks for field in check.fields}
        return [field for field in self.table.snapshot.schema.fields if field.id in named]

    @property
    def conditions(self) -> list[StoredCondition]:
        """Returns the conditions of the checks, each once."""
        return list(dict.fromkeys(c.condition for c in self.checks if c.condition is not None))

    def holds(self, check: BoundCheck) -> str:
        """Returns the name of the column that tells which rows a check looks at; empty for all."""
        return "" if check.condition is None else f"w{self.conditions.index(check.condition)}"


def counted_by_metadata(check: BoundCheck) -> Measured | None:
    """Returns what the table's own totals tell of a check; None if rows must be read."""
    if check.kind is not CheckKind.ROW_COUNT or check.condition is not None:
        return None
    rows = check.snapshot.rows
    return Measured(int(_is_outside(check, rows)), rows, 0)


def check_runs(engine: CheckEngine, check: BoundCheck) -> None:
    """Runs a check on rows of NULLs, on an engine that has no others.

    Raises:
        InvalidInput: Its condition or its SQL is not valid for the columns of the tables, or does
            not end.
    """
    choice = FileChoice(engine.repository.commits, empty=True)
    now = datetime.datetime.now(datetime.UTC)  # which no row is compared with
    try:
        measure(engine, Pass((check,), ()), choice=choice, now=now)
    except StorageFailure as error:
        if error.kind != ErrorKind.TIME_LIMIT:
            raise
        raise InvalidInput(
            f"check {check.one.name} does not end, on one row: {error.message}",
            kind=ErrorKind.BAD_CHECK,
            hint="a gate would wait for it: let it compute less",
        ) from error


def measure(
    engine: CheckEngine, one: Pass, *, choice: FileChoice, now: datetime.datetime
) -> list[Measured]:
    """Counts the failures of checks that can be counted together.

    Raises:
        CatalogError: A condition fails, a file is damaged, or the machine fails.
    """
    bounded = all(check.is_bounded for check in one.checks)
    with engine.engine(bounded=bounded) as select:
        if one.checks[0].kind is CheckKind.SQL:
            return [_of_select(engine, select, check, choice=choice) for check in one.checks]
        if one.checks[0].kind in MATCHING:
            return _of_matches(engine, select, one, choice=choice)
        return _of_totals(engine, select, one, now=now)


# One column and two of each check, here of not_null and of accepted_values with a where:
#
#   SELECT count(*), count(*) FILTER (WHERE (c1 IS NULL)), …,
#          count(*) FILTER (WHERE w0), count(DISTINCT c2) FILTER (WHERE w0 AND (c2 NOT IN ('a'))), …
#   FROM (SELECT *, (amount > 0) FROM (SELECT …) AS "orders") AS q(c1, c2, w0)
def _of_totals(
    engine: CheckEngine, select: SelectEngine, one: Pass, *, now: datetime.datetime
) -> list[Measured]:
    """Counts what one aggregation over a table tells."""
    figures = [figure for check in one.checks for figure in _figures(check, one.holds(check), now)]
    rows = engine.rows(select, one.table, one.fields, files=one.files, conditions=one.conditions)
    (found,) = engine.fetch(select, f"SELECT {', '.join(figures)} FROM {rows}")
    measured = []
    for at, check in enumerate(one.checks):
        total, failures, wrong, newest = found[4 * at : 4 * at + 4]
        # files that were left out hold no row that fails, and none that is newer
        seen = _number(total) if check.condition is not None else check.snapshot.rows
        if check.kind is CheckKind.ROW_COUNT:
            measured.append(Measured(int(_is_outside(check, seen)), seen, 0))
        else:
            text = None if newest is None else str(newest)
            measured.append(Measured(_number(failures), seen, _number(wrong), text))
    return measured


def _figures(check: BoundCheck, holds: str, now: datetime.datetime) -> list[str]:
    """Returns four aggregates: rows looked at, failures, rows that are wrong, the newest moment."""
    total = f"count(*) FILTER (WHERE {holds})" if holds else "count(*)"
    if check.kind is CheckKind.ROW_COUNT:
        return [total, "0", "0", "NULL"]
    if check.kind is CheckKind.FRESHNESS:
        assert check.values is not None, "it was bound"
        value = check.values.sql
        condition = " AND ".join(filter(None, (holds, f"isfinite({value})")))
        newest = f"max({value}) FILTER (WHERE {condition})"
        oldest = now.astimezone(datetime.UTC) - max_age(check.check.parameters["max_age"])
        limit = f"TIMESTAMP '{oldest.replace(tzinfo=None).isoformat(sep=' ')}'"
        is_old = f"CAST(coalesce({newest} < {limit}, true) AS INTEGER)"
        return [total, is_old, "0", f"CAST({newest} AS VARCHAR)"]
    condition = " AND ".join(filter(None, (holds, f"({check.failing})")))
    wrong = f"count(*) FILTER (WHERE {condition})"
    if check.kind is CheckKind.ACCEPTED_VALUES:
        (column,) = check.columns
        return [total, f"count(DISTINCT {column.sql}) FILTER (WHERE {condition})", wrong, "NULL"]
    return [total, wrong, wrong, "NULL"]


# The keys of a check are NULL in rows that it does not look at: where its condition does not
# hold, or a value is NULL. Here of a unique check and a relationship:
#
#   WITH k AS MATERIALIZED (SELECT c1 AS k0_0, CASE WHEN w0 THEN c2 END AS k1_0 FROM …)
#   SELECT 0, count(*) FILTER (WHERE n > 1), sum(n) FILTER (WHERE n > 1), sum(n)
#   FROM (SELECT count(*) AS n FROM k WHERE k0_0 IS NOT NULL GROUP BY k0_0)
#   UNION ALL
#   SELECT 1, count(*) FILTER (WHERE NOT there), count(*) FILTER (WHERE NOT there), count(*)
#   FROM (SELECT EXISTS (SELECT 1 FROM … WHERE c5 = k1_0) AS there FROM k WHERE k1_0 IS NOT NULL)
def _of_matches(
    engine: CheckEngine, select: SelectEngine, one: Pass, *, choice: FileChoice
) -> list[Measured]:
    """Counts what comparing rows with each other, or with another table, tells."""
    keys = [key for at, check in enumerate(one.checks) for key in _keys(check, at, one)]
    rows = engine.rows(select, one.table, one.fields, files=one.files, conditions=one.conditions)
    parts = []
    for at, check in enumerate(one.checks):
        names = [f"k{at}_{n}" for n in range(len(check.columns))]
        if check.parent is None:
            parts.append(
                f"SELECT {at}, count(*) FILTER (WHERE n > 1), "
                "coalesce(sum(n) FILTER (WHERE n > 1), 0), coalesce(sum(n), 0) "
                f"FROM (SELECT count(*) AS n FROM k WHERE {names[0]} IS NOT NULL "
                f"GROUP BY {', '.join(names)})"
            )
        else:
            parent = parent_rows(engine, select, check, names=names, choice=choice)
            missing = "count(*) FILTER (WHERE NOT there)"
            parts.append(
                f"SELECT {at}, {missing}, {missing}, count(*) FROM (SELECT EXISTS ({parent}) "
                f"AS there FROM k WHERE {names[0]} IS NOT NULL)"
            )
    materialized = "MATERIALIZED " if len(parts) > 1 else ""
    sql = (
        f"WITH k AS {materialized}(SELECT {', '.join(keys)} FROM {rows}) "
        f"{' UNION ALL '.join(parts)}"
    )
    found = {_number(row[0]): row for row in engine.fetch(select, sql)}
    return [
        Measured(_number(failures), _number(total), _number(wrong))
        for _, failures, wrong, total in (found[at] for at in range(len(one.checks)))
    ]


def _keys(check: BoundCheck, at: int, one: Pass) -> list[str]:
    """Returns the values that a check compares, NULL where it does not look at a row."""
    values = check.parent.child_keys if check.parent is not None else None
    values = values or tuple(column.sql for column in check.columns)
    holds = looked_at(check, one.holds(check))
    if not holds:
        return [f"{values[0]} AS k{at}_0"]
    return [f"CASE WHEN {holds} THEN {value} END AS k{at}_{n}" for n, value in enumerate(values)]


def looked_at(check: BoundCheck, holds: str) -> str:
    """Returns the condition of rows whose keys are compared, beyond that the only one is there."""
    several = len(check.columns) > 1
    there = [f"{column.sql} IS NOT NULL" for column in check.columns] if several else []
    return " AND ".join(filter(None, (holds, *there)))


def parent_rows(
    engine: CheckEngine,
    select: SelectEngine,
    check: BoundCheck,
    *,
    names: Sequence[str],
    choice: FileChoice,
) -> str:
    """Returns the SELECT of the rows of the table that a relationship leads to."""
    parent = check.parent
    assert parent is not None, "it is a relationship"
    fields = list({column.field.id: column.field for column in parent.columns}.values())
    rows = engine.rows(select, parent.table, fields, files=choice.pruned(parent.table))
    matches = (f"{key} = {name}" for key, name in zip(parent.parent_keys, names, strict=True))
    return f"SELECT 1 FROM {rows} WHERE {' AND '.join(matches)}"


def _of_select(
    engine: CheckEngine, select: SelectEngine, check: BoundCheck, *, choice: FileChoice
) -> Measured:
    """Counts the rows of the SELECT of a check."""
    sql = select_sql(engine, select, check, choice=choice)
    ((failures,),) = engine.fetch(select, f"SELECT count(*) FROM ({sql}\n)")
    return Measured(_number(failures), None, _number(failures))


def select_sql(
    engine: CheckEngine,
    select: SelectEngine,
    check: BoundCheck,
    *,
    choice: FileChoice,
) -> str:
    """Returns the SELECT of a check with its tables in place."""
    assert check.select is not None, "it is an sql check"
    changes: list[Replacement] = []
    for reference, table in zip(check.select.references, check.inputs, strict=True):
        files = choice.pruned(table, reference.predicates)
        relation = engine.relation(select, table, None, files=files)
        changes += replacements(reference, relation)
    return splice(check.select.text, changes)


def _is_outside(check: BoundCheck, rows: int) -> bool:
    low, high = (check.check.parameters.get(name) for name in ("min", "max"))
    too_few = isinstance(low, int) and rows < low
    return too_few or (isinstance(high, int) and rows > high)


def _number(value: object) -> int:
    assert isinstance(value, int), f"a count, and not {value!r}"
    return value
