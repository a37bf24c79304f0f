"""Conditions on changed rows, as a user writes them: SQL over the row form.

``_from.amount`` and ``_to.amount`` are values of a side; ``amount`` alone is the newer value, or
where there is none, the older: of rows that were deleted too, and of partition columns.
"""

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence

import duckdb
import pyarrow as pa

from catalog.arrow_functions import call
from catalog.dataclasses import dataclass, field
from catalog.diff.plan import TablePlan, near
from catalog.engine.connection import borrowed, cursor
from catalog.engine.quoting import identifier, type_sql
from catalog.engine.readable import readable_type
from catalog.errors import ErrorKind, InvalidInput
from catalog.model.types import DataType, Scalar, common_type

CHANGE, CHANGED, FROM, TO = "_change", "_changed_columns", "_from", "_to"
"""The columns of the row form beside the key."""

ROWS_TRIED = 2
"""Rows without values on which a condition is tried: one that needs groups of rows gives one."""

_MISSING = (
    r'Referenced column "(?P<name>[^"]*)" (?:was )?not found',
    r'Could not find key "(?P<name>[^"]*)" in struct',
    r'does not have a column named "(?P<name>[^"]*)"',
    r'Referenced table "(?P<name>[^"]*)" not found',
)
_SYNTAX = re.compile(r"syntax error at or near \"(?P<near>.*)\"", re.DOTALL)
_KIND = re.compile(r"^\w+ Error: ")


@dataclass(frozen=True, slots=True)
class RowCondition:
    """A condition on the changed rows of a table.

    Attributes:
        text: SQL.
        older: By a column's newer name, the older one, where it was renamed.
    """

    text: str
    older: Mapping[str, str] = field(default_factory=dict)

    def kept(self, con: duckdb.DuckDBPyConnection, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Filters rows of the row form.

        Raises:
            InvalidInput: It is not a condition on such rows.
        """
        with cursor(con) as own:
            own.register("changes", pa.Table.from_batches([batch]))
            try:
                kept = own.sql(self._query(batch.schema)).to_arrow_table()
            except duckdb.Error as error:
                raise self._invalid(own, batch.schema, error) from error
            finally:
                own.unregister("changes")
        if kept.num_rows != batch.num_rows:
            raise InvalidInput(
                f"the condition {self.text!r} is not valid on single rows",
                kind=ErrorKind.BAD_WHERE,
            )
        return call("filter", batch, kept.column(0).combine_chunks())

    def check_syntax(self, con: duckdb.DuckDBPyConnection) -> None:
        """Checks that it is one expression, whatever it stands between.

        Raises:
            InvalidInput: It is not.
        """
        fault = self._syntax(con)
        if fault:
            raise self._not_sql(fault)

    def mentions(self, names: Collection[str]) -> set[str] | None:
        """Returns which columns it can be about; None if it may be about any.

        A name that is meant stands in the text, in whatever case, unless something else stands for
        several columns.
        """
        text = self.text.casefold()
        whole = re.search(rf"\b(?:{FROM}|{TO})\b(?!\"?\s*[.\[])", text)
        if whole or "columns" in text or "*" in text or "\\" in text:
            return None
        return {name for name in names if _written(name).casefold() in text}

    def _query(self, schema: pa.Schema) -> str:
        bare = self._bare(schema)
        named = "".join(f", {sql} AS {identifier(name)}" for name, sql in bare.items())
        rows = f"(SELECT *{named} FROM changes) AS changes" if bare else "changes"
        return f"SELECT coalesce(CAST(({self.text}\n) AS BOOLEAN), false) AS kept FROM {rows}"

    def _bare(self, schema: pa.Schema) -> dict[str, str]:
        """Returns SQL of the columns that may be named without a side, by name."""
        sides = {side: _fields(schema, side) for side in (FROM, TO)}
        names = dict.fromkeys((*sides[TO], *sides[FROM]))
        times = Counter(name.casefold() for name in (*schema.names, *names))
        found = {}
        for name in names:
            if times[name.casefold()] > 1 or _written(name).casefold() not in self.text.casefold():
                continue
            old = self.older.get(name, name)
            values = [
                (f"{side}.{identifier(column)}", sides[side][column])
                for side, column in ((TO, name), (FROM, old))
                if column in sides[side]
            ]
            found[name] = _first_value(values)
        return found

    def _invalid(
        self, con: duckdb.DuckDBPyConnection, schema: pa.Schema, error: duckdb.Error
    ) -> InvalidInput:
        """Returns the error for a condition that the engine refuses."""
        if isinstance(error, duckdb.ParserException):
            return self._not_sql(self._syntax(con) or _first_line(error))
        name = _missing(error)
        if name is not None:
            return no_column(self.text, name, _column_names(schema))
        return InvalidInput(
            f"the condition {self.text!r} is not valid on changed rows: {_first_line(error)}",
            kind=ErrorKind.BAD_WHERE,
            hint=_NAMING,
        )

    def _not_sql(self, fault: str) -> InvalidInput:
        return InvalidInput(
            f"the condition {self.text!r} is not valid SQL: {fault}",
            kind=ErrorKind.BAD_WHERE,
            hint="write one condition, e.g. amount > 100 AND _from.status = 'paid'",
        )

    def _syntax(self, con: duckdb.DuckDBPyConnection) -> str:
        """Returns what is wrong in the user's own text; empty if nothing is."""
        try:
            statements = con.extract_statements(f"SELECT 1 WHERE {self.text}")
        except duckdb.ParserException as error:
            match = _SYNTAX.search(_first_line(error))
            if match is None:
                return _first_line(error)
            at_end = self.text.rstrip().endswith(match["near"])
            return f"{match[0]}, at its end" if at_end else match[0]
        return "" if len(statements) == 1 else "it is more than one condition"


_NAMING = "name columns as they are, or one side's as _from.COL, _to.COL"


def condition(text: str, plan: TablePlan) -> RowCondition:
    """Returns a condition on the changed rows of a table."""
    older = {p.name: p.before.name for p in plan.pairs if p.before.name != p.name}
    return RowCondition(text, older)


def unknown_column(text: str, plan: TablePlan) -> str | None:
    """Returns a column that a condition names and a table has not; None if it can be asked of it.

    No data file is read for that.

    Raises:
        InvalidInput: It is not a condition on changed rows for another reason.
    """
    about = condition(text, plan)
    with borrowed() as con:
        about.check_syntax(con)
        for batch in _without_values(con, plan).combine_chunks().to_batches():
            try:
                about.kept(con, batch)
            except InvalidInput as error:
                cause = error.__cause__
                name = _missing(cause) if isinstance(cause, duckdb.Error) else None
                if name is None:
                    raise
                return name
    return None


def check_condition(text: str, plan: TablePlan) -> None:
    """Checks that a condition can be asked of the changed rows of a table, before there are any.

    Raises:
        InvalidInput: It cannot.
    """
    name = unknown_column(text, plan)
    if name is not None:
        raise no_column(text, name, known_columns(plan))


def known_columns(plan: TablePlan) -> list[str]:
    """Returns the columns that a condition on the changed rows of a table can name."""
    sides = (plan.side("t"), plan.side("f"))
    return list(dict.fromkeys(f.name for side in sides for f in side.schema.fields))


def no_column(text: str, name: str, known: Collection[str]) -> InvalidInput:
    """Returns the error for a column that is not there, with the nearest of those that are."""
    if name in known:
        advice = f"one side alone may have it, or its name in another case: {_NAMING}"
    else:
        nearest = near(name, sorted(known))
        advice = nearest if nearest.endswith("?") else f"{nearest}; {_NAMING}"
    return InvalidInput(
        f"the condition {text!r} is not valid on changed rows: there is no column {name!r}",
        kind=ErrorKind.BAD_WHERE,
        hint=advice,
    )


def _missing(error: BaseException) -> str | None:
    """Returns the column that the engine did not find; None if something else is wrong."""
    matches = (re.search(pattern, str(error)) for pattern in _MISSING)
    return next((match["name"] for match in matches if match), None)


def _column_names(schema: pa.Schema) -> list[str]:
    own = [name for name in schema.names if name not in (CHANGE, CHANGED, FROM, TO)]
    return list(dict.fromkeys((*own, *_fields(schema, TO), *_fields(schema, FROM))))


def empty_rows(plan: TablePlan) -> pa.Table:
    """Returns the row form of the changed rows of a table, without rows."""
    with borrowed() as con:
        return _without_values(con, plan).slice(0, 0)


def key_names(plan: TablePlan) -> list[str]:
    """Returns what key columns are called in the row form."""
    own = (CHANGE, CHANGED, FROM, TO)
    return [f"key.{p.name}" if p.name in own else p.name for p in plan.key_pairs]


def _without_values(con: duckdb.DuckDBPyConnection, plan: TablePlan) -> pa.Table:
    """Returns a few rows of the row form of a table in which everything is NULL."""
    keys = zip(key_names(plan), plan.key_pairs, strict=True)
    parts = [
        f"CAST(NULL AS {_sql(common_type((p.before.type, p.after.type)) or Scalar('VARCHAR'))}) "
        f"AS {identifier(name)}"
        for name, p in keys
    ]
    parts += [f"CAST(NULL AS VARCHAR) AS {CHANGE}", f"CAST([] AS VARCHAR[]) AS {CHANGED}"]
    for side, shape in ((FROM, plan.side("f")), (TO, plan.side("t"))):
        held = {p.before.id: p.before for p in plan.pairs}
        held |= {p.after.id: p.after for p in plan.pairs}
        cells = ", ".join(
            f"{identifier(f.name)} := CAST(NULL AS {_sql(held.get(f.id, f).type)})"
            for f in shape.schema.fields
        )
        parts.append(f"struct_pack({cells}) AS {side}")
    return con.sql(f"SELECT {', '.join(parts)} FROM range({ROWS_TRIED})").to_arrow_table()


def _sql(kind: DataType) -> str:
    return type_sql(readable_type(kind))


def _written(name: str) -> str:
    return name.replace('"', '""')


def _fields(schema: pa.Schema, side: str) -> dict[str, pa.DataType]:
    kind = schema.field(side).type
    return {kind.field(n).name: kind.field(n).type for n in range(kind.num_fields)}


def _first_value(values: Sequence[tuple[str, pa.DataType]]) -> str:
    """Returns SQL of the first value that is not NULL, of types that may differ."""
    kinds = [kind for _, kind in values]
    alike = len({*kinds}) == 1 or all(_is_number(kind) for kind in kinds)
    columns = [sql if alike else f"CAST({sql} AS VARCHAR)" for sql, _ in values]
    return f"coalesce({', '.join(columns)})"


def _is_number(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    )


def _first_line(error: duckdb.Error) -> str:
    return _KIND.sub("", str(error).splitlines()[0])
