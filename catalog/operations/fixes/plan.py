"""The steps of a fix: what it is repeated for, found once, at the commit that it begins from."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise, product
from math import prod

from catalog.dataclasses import dataclass, field
from catalog.engine.data_types import data_type
from catalog.errors import ErrorKind, InvalidInput
from catalog.formats.hive_path import escape
from catalog.model.backfill import WHOLE, BackfillStep
from catalog.model.fix import Fix
from catalog.model.for_each import MAX_VALUES, ForEach, checked_values, inferred_kind, too_many
from catalog.model.schema import Field
from catalog.model.table import TableSnapshot
from catalog.model.types import Scalar
from catalog.model.values import has_order
from catalog.operations.context import OperationContext
from catalog.operations.fixes.commands import check_places
from catalog.operations.fixes.statements import fix_statements, tables_named, typed_literal
from catalog.operations.sessions import open_session
from catalog.operations.tables import find_table
from catalog.query.failures import translated
from catalog.query.parse.keywords import fold
from catalog.query.parse.lexer import DEPTH, tokenize
from catalog.repository.resolve import ResolvedRef

LONGEST_NAME = 200
"""Characters of a step's name; that of one with longer values is cut, and numbered."""


@dataclass(frozen=True, slots=True)
class FixPlan:
    """The steps of a fix.

    Attributes:
        steps: The steps in order, at least one.
        kinds: The types of its variables, by name; none for a command.
    """

    steps: tuple[BackfillStep, ...] = (WHOLE,)
    kinds: Mapping[str, str] = field(default_factory=dict)


def planned_steps(context: OperationContext, fix: Fix, commit_id: str) -> FixPlan:
    """Returns the steps of a fix, for the values that it finds at a commit.

    The SQL is looked at as well, so that what can be known to be wrong is known before anything
    begins.

    Raises:
        InvalidInput: What it is to be repeated for names no value, or too many; a value is not of
            the type that the column of its name has; or the SQL has parameters without a value.
    """
    names = [one.name for one in fix.variables]
    statements = fix_statements(fix.sql, names) if fix.sql else ()
    asked = [_asked(context, one, commit_id) if one.query else None for one in fix.variables]
    values = [
        one.values if found is None else found[0]
        for one, found in zip(fix.variables, asked, strict=True)
    ]
    if prod(map(len, values)) > MAX_VALUES:
        raise too_many(" times ".join(map(str, fix.variables)))
    kinds: dict[str, str] = {}
    if fix.sql and fix.variables:
        tables = [list(_tables_at(context, names, commit_id)) for names in tables_named(statements)]
        for one, found, texts in zip(fix.variables, asked, values, strict=True):
            kind = found[1] if found is not None else _kind(one.name, texts, tables)
            kinds[one.name] = kind.name
            _check_distinct(one, texts, kind)
    steps = _steps(names, values)
    check_places(fix, steps)
    return FixPlan(steps, kinds)


def _steps(names: Sequence[str], values: Sequence[Sequence[str]]) -> tuple[BackfillStep, ...]:
    if not names:
        return (WHOLE,)
    combined = [dict(zip(names, texts, strict=True)) for texts in product(*values)]
    return tuple(BackfillStep(_name(one, n), one) for n, one in enumerate(combined, 1))


def _name(values: Mapping[str, str], number: int) -> str:
    """Returns the name of a step, in which only characters of paths of partitions stand."""
    text = "/".join(f"{name}={escape(value)}" for name, value in values.items())
    return text if len(text) <= LONGEST_NAME else f"{text[:LONGEST_NAME]}…{number}"


def _asked(
    context: OperationContext, variable: ForEach, commit_id: str
) -> tuple[tuple[str, ...], Scalar]:
    """Returns what a query finds at a commit, and its type; in order, unless it says which.

    Raises:
        InvalidInput: It is not a query, or finds no values of one type that can be written.
    """
    with open_session(context, commit_id) as session:
        try:
            with translated(variable.query):
                relation = session.sql(variable.query)
                kinds = [data_type(kind) for kind in relation.types]
                rows = relation.project("CAST(#1 AS VARCHAR)").limit(MAX_VALUES + 1).fetchall()
        except InvalidInput as error:
            raise _no_query(variable, error.message) from error
    if len(kinds) != 1:
        raise _no_query(variable, f"it gives {len(kinds)} columns", hint="select one column")
    kind = Scalar("VARCHAR") if "ENUM" in str(kinds[0]) else kinds[0]
    if not isinstance(kind, Scalar) or not has_order(kind):
        raise _no_query(variable, f"its values are of type {kind}", hint="cast it to VARCHAR")
    texts = [row[0] for row in rows]
    if None in texts:
        raise _no_query(
            variable, "it gives NULL, which no condition finds", hint="add WHERE … IS NOT NULL"
        )
    if not texts:
        raise _no_query(variable, "it finds nothing", hint="nothing would be done")
    if len(set(texts)) < len(texts):
        raise _no_query(variable, "it gives a value twice", hint="SELECT DISTINCT … FROM …")
    if not _is_ordered(variable.query):
        literals = {text: typed_literal(text, kind) for text in texts}
        texts.sort(key=lambda text: _sort_key(literals[text], text))
    return checked_values(variable.name, texts), kind


def _sort_key(sql: str, text: str) -> tuple[int, str]:
    """Returns by what values are sorted: numbers as such, all else by its text."""
    number = sql.removeprefix("-").isdecimal()
    return (int(sql), "") if number else (0, text)


def _is_ordered(query: str) -> bool:
    depth = 0
    words = []
    for token in tokenize(query):
        depth += DEPTH.get(token.text, 0)
        words += [token.word] if depth == 0 else []
    return ("order", "by") in pairwise(words)


def _no_query(variable: ForEach, why: str, *, hint: str = "") -> InvalidInput:
    return InvalidInput(
        f"the query for {variable.name} does not say what to repeat the fix for: {why}",
        kind=ErrorKind.SQL_ERROR,
        hint=hint,
    )


def _tables_at(
    context: OperationContext, names: Iterable[str], commit_id: str
) -> Iterable[tuple[str, TableSnapshot]]:
    for name in sorted(names):
        found = find_table(context.repository, name, ResolvedRef(commit_id, commit_id))
        if found is not None:
            yield found.name, found.snapshot


def _kind(
    name: str, values: Sequence[str], tables: Sequence[Sequence[tuple[str, TableSnapshot]]]
) -> Scalar:
    """Returns the type of a variable: that of the columns of its name, else as it is written.

    The first tables that have such columns decide, and columns that they are partitioned by come
    before others.

    Raises:
        InvalidInput: A value is not of that type, or it is another one in each table.
    """
    wanted: Sequence[tuple[str, Field, bool]] = []
    for group in tables:
        columns = [
            (table, column, column.id in snapshot.partition_by)
            for table, snapshot in group
            for column in snapshot.schema.fields
            if fold(column.name) == fold(name)
        ]
        wanted = wanted or [one for one in columns if one[2]] or columns
    found: dict[tuple[str, ...], tuple[str, Scalar]] = {}
    for table, column, _ in wanted:
        kind = column.type
        if isinstance(kind, Scalar) and has_order(kind):
            found.setdefault(_literals(name, values, kind, of=table), (table, kind))
    if not found:
        return inferred_kind(values)
    if len(found) > 1:
        said = ", ".join(f"{kind} in {table}" for table, kind in found.values())
        raise InvalidInput(
            f"column {name} is {said}: it is not certain what ${name} is to be",
            kind=ErrorKind.SQL_ERROR,
            hint=f"give the variable another name than that of a column, and cast it: "
            f"CAST($value AS {next(iter(found.values()))[1]})",
        )
    return next(iter(found.values()))[1]


def _literals(name: str, values: Sequence[str], kind: Scalar, *, of: str) -> tuple[str, ...]:
    try:
        return tuple(typed_literal(value, kind) for value in values)
    except InvalidInput as error:
        raise InvalidInput(
            f"{error.message}, which column {name} of table {of} is",
            kind=ErrorKind.PARTITION_VALUE,
            hint=f"list the values as the column has them, or give a query: {name}=SELECT DISTINCT "
            f"{name} FROM {of}",
        ) from error


def _check_distinct(variable: ForEach, values: Sequence[str], kind: Scalar) -> None:
    seen: dict[str, str] = {}
    for value in values:
        other = seen.setdefault(typed_literal(value, kind), value)
        if other != value:
            raise InvalidInput(
                f"{variable.name}={value} is the same {kind} as {variable.name}={other}",
                hint="name each value once",
            )
