"""The options of a diff of many tables, brought to each: where a column that they name exists.

A name is a column, in whichever table has one, or a table and its column: ``amount``,
``orders.amount``. Names may hold dots themselves; the longest name of a table that exists is
taken. Quotes, as SQL has them, leave no doubt: ``"sales.orders"."unit.price"``.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property

from catalog.dataclasses import dataclass, replace
from catalog.diff.column_matching import match_columns
from catalog.diff.options import DiffOptions, TableDefaults
from catalog.diff.plan import PairedColumns, near
from catalog.errors import ErrorKind, InvalidInput
from catalog.hints import Hint, Option, hint
from catalog.model.table import TableSnapshot

_PART = re.compile(r'"((?:[^"]|"")+)"|([^".]+)')
_NAME = re.compile(rf"(?:{_PART.pattern})(?:\.(?:{_PART.pattern}))*")


@dataclass(frozen=True, slots=True)
class TableColumns:
    """What options can name of a table.

    Attributes:
        table: Its name.
        comparable: Columns on both sides, of types that compare, by their newer names.
        every: All columns of both sides.
        numbers: Comparable columns of numbers.
        own_key: The key by which rows are matched unless another is given.
    """

    table: str
    comparable: frozenset[str]
    every: frozenset[str]
    numbers: frozenset[str]
    own_key: tuple[str, ...] = ()

    def is_called(self, name: str) -> bool:
        """Returns whether it has a name; case does not count."""
        return self.table.casefold() == name.casefold()


@dataclass(frozen=True, slots=True)
class _Name:
    """A column of one table, or if that is None, of any."""

    table: str | None
    column: str

    def is_in(self, table: TableColumns, columns: frozenset[str]) -> bool:
        """Returns whether it names one of some columns of a table."""
        return (self.table is None or table.is_called(self.table)) and self.column in columns


class ScopedOptions:
    """Options of a diff, to be brought to each of its tables."""

    def __init__(
        self,
        options: DiffOptions,
        tables: Sequence[TableColumns],
        others: Callable[[], Sequence[TableColumns]] = tuple,
    ) -> None:
        """Checks that every column is somewhere.

        Args:
            options: As they were given.
            tables: The tables that are compared.
            others: Returns further tables that may be meant: those that have not changed.

        Raises:
            InvalidInput: One is nowhere. If one table alone is compared, ``plan_table`` says so.
        """
        self._options = options
        self._tables = tables
        self._find_others = others
        self._names: dict[str, _Name] = {}
        self._nowhere: set[str] = set()
        for name in (*(options.key or ()), *(options.columns or ()), *options.tolerance):
            self._check(name, "comparable", is_key=name in (options.key or ()))
        for name in options.ignore:
            self._check(name, "every")
        self._check_key()
        self._refused = self._refused_tolerances()

    @cached_property
    def _others(self) -> Sequence[TableColumns]:
        return self._find_others()

    def of(self, table: TableColumns) -> DiffOptions:
        """Returns the options of a table, with names of its columns alone.

        One that is not among those compared has what is meant for it, too.
        """
        options, strict = self._options, table in self._tables

        def named(names: Iterable[str], columns: frozenset[str]) -> tuple[str, ...]:
            found = [self._names[n].column for n in names if self._names[n].is_in(table, columns)]
            missing = [name for name in names if strict and name in self._nowhere]
            return tuple(dict.fromkeys((*found, *missing)))

        key = self._key_of(table)
        tolerance = {
            written if written in self._nowhere else self._names[written].column: stated
            for written, stated in sorted(options.tolerance.items(), key=self._specific_last)
            if self._takes_tolerance(table, self._names[written])
            or self._refused.get(written) == table.table
            or (strict and written in self._nowhere)
        }
        found = replace(
            options,
            key=key,
            columns=None if options.columns is None else named(options.columns, table.comparable),
            tolerance=tolerance,
            ignore=named(options.ignore, table.every),
            defaults={},
        )
        defaults = next((d for n, d in options.defaults.items() if table.is_called(n)), None)
        if defaults is None:
            return found
        return _with_defaults(found, table, defaults, table.own_key if key is None else key)

    def _specific_last(self, one: tuple[str, str]) -> bool:
        return self._names[one[0]].table is not None

    def is_left_out(self, table: TableColumns) -> bool:
        """Returns whether a table has none of the columns that alone are to be compared."""
        return bool(self._options.columns) and not self.of(table).columns

    def _key_of(self, table: TableColumns) -> tuple[str, ...] | None:
        """Returns the key given for a table: for it alone, or for any that has all columns."""
        if not self._options.key:
            return None if self._options.key is None else ()
        names = [self._names[name] for name in self._options.key]
        own = [one.column for one in names if one.table and one.is_in(table, table.comparable)]
        if own:
            return tuple(own)
        shared = [one for one in names if one.table is None]
        if shared and all(one.is_in(table, table.comparable) for one in shared):
            return tuple(one.column for one in shared)
        strict = table in self._tables and not self._nowhere.isdisjoint(self._options.key)
        return tuple(self._options.key) if strict else None

    def _refused_tolerances(self) -> dict[str, str]:
        """Returns tolerances of columns without numbers anywhere, with the table to refuse each."""
        found = {}
        for written in self._options.tolerance:
            name = self._names[written]
            holders = [one for one in self._tables if name.is_in(one, one.comparable)]
            usable = any(self._takes_tolerance(one, name) for one in holders)
            if not holders or usable:
                continue
            if not any(self._takes_tolerance(one, name) for one in self._others):
                found[written] = holders[0].table
        return found

    def _takes_tolerance(self, table: TableColumns, name: _Name) -> bool:
        key = self._key_of(table)
        key = table.own_key if key is None else key
        return name.is_in(table, table.numbers) and name.column not in key

    def _check(self, written: str, of: str, *, is_key: bool = False) -> None:
        """Finds out what a name means."""

        def holds(name: _Name, tables: Iterable[TableColumns]) -> bool:
            return any(name.is_in(one, getattr(one, of)) for one in tables)

        candidates = _readings(written)
        for name in candidates:
            if holds(name, self._tables) or holds(name, self._others):
                self._names[written] = name
                return
        self._names[written] = _Name(None, written)
        self._nowhere.add(written)
        if len(self._tables) == 1:
            return  # its plan refuses it
        tables = [*self._tables, *self._others]
        if not tables:
            return
        what = "can be a key" if is_key else "can be compared"
        raise InvalidInput(
            f"no table has a column {written!r} that {what}",
            kind=ErrorKind.BAD_KEY if is_key else ErrorKind.COLUMN_NOT_FOUND,
            hint=_nearest(candidates[-1].column, tables),
        )

    def _check_key(self) -> None:
        key = self._options.key
        if not key or not self._tables or any(self._key_of(t) is not None for t in self._tables):
            return
        if any(self._key_of(one) is not None for one in self._others):
            return
        if len(self._tables) == 1:
            self._nowhere.update(key)
            return
        raise InvalidInput(
            f"no table has all of the key columns {', '.join(key)}",
            kind=ErrorKind.BAD_KEY,
            hint="name the table of each column, as in orders.order_id, or compare one table alone",
        )


def table_columns(
    table: str, before: TableSnapshot | None, after: TableSnapshot | None, shared_ids: int | None
) -> TableColumns:
    """Returns what options can name of a table, of which a side may be None, but not both."""
    old, new = before or after, after or before
    assert old is not None and new is not None
    columns = PairedColumns(table, match_columns(old, new, shared_ids))
    return TableColumns(
        table,
        frozenset(later.name for _, later in columns.usable),
        frozenset(f.name for side in (old, new) for f in side.schema.fields),
        columns.numbers(),
        columns.own_key() or (),
    )


def _readings(written: str) -> list[_Name]:
    """Returns what a name may mean, the likeliest first, without its table last.

    >>> _readings("sales.orders.id")[0]
    _Name(table='sales.orders', column='id')
    """
    plain = _Name(None, written)
    if '"' in written and _NAME.fullmatch(written):
        parts = [(quoted or bare).replace('""', '"') for quoted, bare in _PART.findall(written)]
        *table, column = parts
        return [plain, _Name(".".join(table) or None, column)]
    dots = [n for n, letter in enumerate(written) if letter == "."]
    return [*(_Name(written[:n], written[n + 1 :]) for n in reversed(dots)), plain]


def _nearest(column: str, tables: Sequence[TableColumns]) -> Hint:
    """Returns a hint with the columns of nearest names, and the table of the first."""
    own = column.rpartition(".")[2]
    nearest = near(own, sorted({name for table in tables for name in table.comparable}))
    meant = re.match("did you mean (.+?)(?: or .*)?\\?$", nearest)
    holder = next((t for t in tables if meant and meant[1] in t.comparable), tables[0])
    joint = " One" if nearest.endswith("?") else "; one"
    return hint(f"{nearest}{joint} table alone: {{}}", Option("tables", (holder.table,)))


def _with_defaults(
    options: DiffOptions, table: TableColumns, defaults: TableDefaults, key: Sequence[str]
) -> DiffOptions:
    """Adds what holds for a table unless options say otherwise; what cannot be is noted."""
    notes, ignore, tolerance = [], list(options.ignore), dict(options.tolerance)
    asked = set(options.columns or ())
    for name in defaults.ignore:
        if name not in table.every:
            notes.append(f"column {name!r} is to be ignored, but {table.table} has none")
        elif name in key:
            notes.append(f"column {name!r} is to be ignored, but is part of the key: it counts")
        elif name not in asked:
            ignore.append(name)
    for name, stated in defaults.tolerance.items():
        if name not in table.every:
            notes.append(f"column {name!r} is to have a tolerance, but {table.table} has none")
        elif name in key or name not in table.numbers:
            notes.append(
                f"column {name!r} is to have a tolerance, but is compared exactly: only numbers "
                "that are not part of the key can have one"
            )
        else:
            tolerance.setdefault(name, stated)
    return replace(
        options, ignore=tuple(dict.fromkeys(ignore)), tolerance=tolerance, notes=tuple(notes)
    )
