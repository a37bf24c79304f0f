"""Rows that fail a check: some of them with what is wrong, or all."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from catalog.engine.quoting import literal
from catalog.engine.restricted import Result, SelectEngine
from catalog.flow.checks.binding import BoundCheck
from catalog.flow.checks.files import FileChoice
from catalog.flow.checks.measure import Pass, looked_at, parent_rows, select_sql
from catalog.flow.checks.reading import CheckEngine
from catalog.model.checks import CheckKind
from catalog.model.datafile import DataFile
from catalog.model.judgement import Example
from catalog.model.schema import Field
from catalog.model.values import has_order

TOTALS = frozenset({CheckKind.ROW_COUNT, CheckKind.FRESHNESS})
"""Kinds of which no single row is wrong."""

LONGEST = 1000
"""Characters of a value that an example shows."""


def examples(
    engine: CheckEngine,
    check: BoundCheck,
    files: Sequence[DataFile],
    *,
    choice: FileChoice,
    most: int,
) -> tuple[Example, ...]:
    """Returns some rows that fail a check, in the order of the table's key; of unique, values."""
    if check.kind in TOTALS or most <= 0:
        return ()
    with engine.engine(bounded=check.is_bounded) as select:
        if check.kind is CheckKind.SQL:
            return _of_select(engine, select, check, choice=choice, most=most)
        if check.kind is CheckKind.UNIQUE:
            return _of_values(engine, select, check, files=files, most=most)
        key = _key(check)
        named = [field.name for field in key]
        values = [_text(f"c{field.id}") for field in key]
        shown = ", ".join([*values, _wrong_column(check), _wrong_value(check)])
        sql = _failing(engine, select, check, files=files, shown=shown, fields=key, choice=choice)
        found = engine.fetch(select, f"{sql} LIMIT {most}")
    return tuple(
        Example(
            dict(zip(named, map(_shown, row), strict=False)),
            column=str(row[-2]),
            after=_shown(row[-1]),
        )
        for row in found
    )


@contextmanager
def failing_rows(
    engine: CheckEngine,
    check: BoundCheck,
    files: Sequence[DataFile],
    *,
    choice: FileChoice,
    limit: int | None,
) -> Iterator[Result]:
    """Yields the rows that fail a check, as a table within the connection of the engine.

    They have the key of the table and the columns of the check; all columns if there is no key, or
    if all columns of the key are in a ``unique`` check.
    """
    con = engine.context.con
    with engine.engine(bounded=check.is_bounded) as select:
        if check.kind is CheckKind.SQL:
            sql = select_sql(engine, select, check, choice=choice)
        else:
            fields = _listed(check)
            names = [field.name for field in fields]
            values = [f"c{field.id}" for field in fields]
            for column in check.columns:
                if column.path:
                    names.append(column.text)
                    values.append(column.sql)
            shown = ", ".join(values)
            sql = _failing(
                engine, select, check, files=files, shown=shown, fields=fields, choice=choice
            )
        with select.result(sql, within=con, limit=limit) as result:
            is_select = check.kind is CheckKind.SQL
            yield result if is_select else Result(result.table, tuple(names))


def _failing(
    engine: CheckEngine,
    select: SelectEngine,
    check: BoundCheck,
    *,
    files: Sequence[DataFile],
    shown: str,
    fields: Sequence[Field],
    choice: FileChoice,
) -> str:
    """Returns the SELECT of expressions of the rows that fail a check, in the key's order."""
    wanted = {field.id for field in (*fields, *check.fields)}
    read = [field for field in check.snapshot.schema.fields if field.id in wanted]
    conditions = [] if check.condition is None else [check.condition]
    rows = engine.rows(select, check.table, read, files=files, conditions=conditions)
    holds = "w0" if conditions else ""
    where = check.failing
    if check.kind is CheckKind.UNIQUE:
        where = _is_repeated(check, rows, holds)
    elif check.parent is not None:
        # names of their own: a column of the other table may have the same number
        names = [f"m{n}" for n in range(len(check.columns))]
        keys = zip(check.parent.child_keys, names, strict=True)
        rows = f"(SELECT *, {', '.join(f'{key} AS {name}' for key, name in keys)} FROM {rows})"
        there = " AND ".join(f"{name} IS NOT NULL" for name in names)
        parent = parent_rows(engine, select, check, names=names, choice=choice)
        where = f"{there} AND NOT EXISTS ({parent})"
    condition = " AND ".join(filter(None, (holds, f"({where})")))
    if check.kind in TOTALS:
        condition = "false"
    order = [column.sql for column in check.columns] if check.kind is CheckKind.UNIQUE else []
    order += [f"c{field.id}" for field in fields if has_order(field.type)]
    by = f" ORDER BY {', '.join(dict.fromkeys(order))}" if order else ""
    return f"SELECT {shown} FROM {rows} WHERE {condition}{by}"


def _is_repeated(check: BoundCheck, rows: str, holds: str) -> str:
    """Returns the condition that the values of a row occur more than once."""
    columns = [column.sql for column in check.columns]
    there = " AND ".join([*filter(None, [holds]), *(f"{one} IS NOT NULL" for one in columns)])
    names = [f"d{n}" for n in range(len(columns))]
    listed = ", ".join(f"{one} AS {name}" for one, name in zip(columns, names, strict=True))
    grouped = f"SELECT {listed} FROM {rows} WHERE {there} GROUP BY ALL HAVING count(*) > 1"
    matches = (f"{name} = {one}" for one, name in zip(columns, names, strict=True))
    return f"{there} AND EXISTS (SELECT 1 FROM ({grouped}) WHERE {' AND '.join(matches)})"


def _of_values(
    engine: CheckEngine,
    select: SelectEngine,
    check: BoundCheck,
    *,
    files: Sequence[DataFile],
    most: int,
) -> tuple[Example, ...]:
    """Returns values that occur more than once."""
    one = Pass((check,), files)
    rows = engine.rows(select, check.table, check.fields, files=files, conditions=one.conditions)
    columns = [column.sql for column in check.columns]
    holds = looked_at(check, one.holds(check)) or f"{columns[0]} IS NOT NULL"
    also = f" AND {columns[0]} IS NOT NULL"
    grouped = ", ".join(columns)
    found = engine.fetch(
        select,
        f"SELECT {', '.join(map(_text, columns))} FROM {rows} WHERE {holds}{also} "
        f"GROUP BY {grouped} HAVING count(*) > 1 ORDER BY {grouped} LIMIT {most}",
    )
    named = [column.text for column in check.columns]
    return tuple(
        Example(
            dict(zip(named, map(_shown, row), strict=True)),
            column=named[0] if len(named) == 1 else "",
            after=_shown(row[0]) if len(named) == 1 else None,
        )
        for row in found
    )


def _of_select(
    engine: CheckEngine,
    select: SelectEngine,
    check: BoundCheck,
    *,
    choice: FileChoice,
    most: int,
) -> tuple[Example, ...]:
    sql = select_sql(engine, select, check, choice=choice)
    con = engine.context.con
    with select.result(sql, within=con, limit=most) as result:
        texts = ", ".join(_text(f"s{n}") for n in range(len(result.names)))
        found = con.execute(f"SELECT {texts} FROM {result.table}").fetchall()
    return tuple(Example(dict(zip(result.names, map(_shown, row), strict=True))) for row in found)


def _key(check: BoundCheck) -> tuple[Field, ...]:
    snapshot = check.snapshot
    return snapshot.fields(snapshot.key) or snapshot.schema.fields


def _listed(check: BoundCheck) -> tuple[Field, ...]:
    """Returns the columns that are listed of rows that fail."""
    snapshot = check.snapshot
    key = {field.id for field in snapshot.fields(snapshot.key)}
    named = {column.field.id for column in check.columns}
    if not key or (check.kind is CheckKind.UNIQUE and key <= named):
        return snapshot.schema.fields
    return tuple(field for field in snapshot.schema.fields if field.id in key | named)


def _wrong_column(check: BoundCheck) -> str:
    """Returns the name of the column that is wrong in a row, as SQL."""
    if check.kind is CheckKind.NOT_NULL and len(check.columns) > 1:
        cases = (f"WHEN {c.sql} IS NULL THEN {literal(c.text)}" for c in check.columns)
        return f"CASE {' '.join(cases)} END"
    return literal(", ".join(column.text for column in check.columns))


def _wrong_value(check: BoundCheck) -> str:
    if len(check.columns) > 1:
        return "NULL"
    return _text(check.columns[0].sql)


def _text(value: str) -> str:
    return f"left(CAST({value} AS VARCHAR), {LONGEST})"


def _shown(value: object) -> str | None:
    return None if value is None else str(value)
