"""Reads contracts: from what TOML says, and from their stored form, which is the same."""

import datetime
import difflib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import TypeVar
from urllib.parse import unquote

from catalog.errors import CatalogError, CorruptData, ErrorKind, InvalidInput
from catalog.model.contracts import (
    ANY,
    CONTRACT_VERSION,
    COUNTED_CELLS,
    COUNTED_ROWS,
    EVERY,
    MAX_CONTRACT,
    NULLS,
    PERMISSIONS,
    SCHEMA_CHANGES,
    STRUCTURE,
    ColumnLimits,
    Comparison,
    Contract,
    Most,
    Nulls,
    PartitionRange,
    PartitionRule,
    TableLimits,
)
from catalog.model.ids import canonical_json, excerpt
from catalog.model.names import check_table_name

T = TypeVar("T")

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,199}")

_AMOUNT = re.compile(r"([0-9]{1,38}(?:\.[0-9]{1,38})?)\s*(%?)")

CONTRACT_KEYS = (
    *("description", "tables", "unchanged", "schema_changes"),
    *PERMISSIONS,
    *("compare", "table"),
)
TABLE_KEYS = (
    *("partitions", "columns", "where", *COUNTED_ROWS),
    *("max_loss", "unique_key", "schema_changes", "column"),
)
COLUMN_KEYS = ("nulls", *COUNTED_CELLS, "sum", "min", "max", "tolerance")

MAX_TEXT = 10_000
"""Most characters of one text of a contract."""


def read_contracts(
    stored: Mapping[str, object], *, source: str, alone: bool = True
) -> tuple[Contract, ...]:
    """Reads the contracts of a document, which has a section ``contract.NAME`` for each.

    Args:
        stored: The document as TOML is parsed: texts, numbers, lists and mappings.
        source: What it is, for messages: the name of a file.
        alone: Whether it may say nothing else.

    Raises:
        InvalidInput: It has no contracts, a key or a value is not valid, or two contradict.
    """
    root = _Place(source, "", stored)
    sections = root.section(("contract",)) if alone else dict(root.items())
    if "contract" not in sections:
        raise InvalidInput(
            f"{source} has no contract",
            kind=ErrorKind.BAD_CONTRACT,
            hint="write a section [contract.NAME]",
        )
    named = sections["contract"].items()
    _check_distinct(sections["contract"], [name for name, _ in named], "contracts")
    return tuple(_contract(name, place) for name, place in named)


def stated_most(value: object, *, name: str) -> Most:
    """Reads a limit of rows from what somebody stated under a name.

    Raises:
        InvalidInput: It is not a number, a share or ``any``.
    """
    return _Place("", name, value).most()


def contract_from_json(name: str, stored: object) -> Contract:
    """Reads the stored form of a contract.

    Raises:
        CorruptData: It is not readable, or of a newer release: nobody can say then what it allows.
    """
    match stored:
        case {"version": int(version)} if version > CONTRACT_VERSION:
            raise CorruptData(f"contract {excerpt(name)} was stored by a newer release")
        case {"version": int(version), **rest} if version == CONTRACT_VERSION:
            try:
                return _contract(name, _Place("the stored rules", f"contract.{name}", rest))
            except CatalogError as error:
                reason = f"contract {excerpt(name)} is not readable: {error.message}"
                raise CorruptData(reason) from error
    raise CorruptData(f"contract {excerpt(name)} is not readable: {excerpt(stored)}")


class _Place:
    """A value of a document, with its place for messages."""

    def __init__(self, source: str, path: str, value: object) -> None:
        self.source = source
        self.path = path
        self.value = value

    def inner(self, key: str, value: object) -> "_Place":
        quoted = key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else f'"{key}"'
        return _Place(self.source, f"{self.path}.{quoted}" if self.path else quoted, value)

    def refused(self, reason: str, hint: str = "") -> InvalidInput:
        """Returns the error about the value; the reason follows its place."""
        source = f"{self.source}: " if self.source else ""
        return InvalidInput(f"{source}{self.path} {reason}", kind=ErrorKind.BAD_CONTRACT, hint=hint)

    def items(self) -> list[tuple[str, "_Place"]]:
        """Returns the entries of a section by name."""
        if not isinstance(self.value, Mapping):
            raise self.refused(f"must be a section like [{self.path}], not {excerpt(self.value)}")
        for key in self.value:
            if not isinstance(key, str):
                raise self.refused(f"has a key that is not text: {excerpt(key)}")
        return [(key, self.inner(key, value)) for key, value in self.value.items()]

    def section(self, known: Sequence[str], hint: str = "") -> dict[str, "_Place"]:
        """Returns the entries of a section, all of whose keys are known."""
        entries = dict(self.items())
        for key, place in entries.items():
            if key not in known:
                raise InvalidInput(
                    f"{self.source}: unknown key {place.path}",
                    kind=ErrorKind.BAD_CONTRACT,
                    hint=(isinstance(place.value, Mapping) and hint) or _near(key, known),
                )
        return entries

    def text(self) -> str:
        """Returns a text that is not empty."""
        text = self.value
        if not isinstance(text, str) or not text.strip() or len(text) > MAX_TEXT:
            raise self.refused(f"must be a text, not {excerpt(text)}")
        return text

    def names(self, what: str) -> tuple[str, ...]:
        """Returns a list of different names."""
        listed = self.value
        if not isinstance(listed, list) or not all(isinstance(n, str) and n for n in listed):
            raise self.refused(f"must be a list of {what}, not {excerpt(listed)}")
        _check_distinct(self, listed, what)
        return tuple(listed)

    def tables(self, *, every: bool = True) -> tuple[str, ...]:
        """Returns a list of tables; of ``*`` alone where it may stand for all."""
        names = self.names("tables")
        if EVERY in names and (len(names) > 1 or not every):
            raise self.refused(f'has "{EVERY}", every table, beside others')
        return tuple(name if name == EVERY else _table_name(self, name) for name in names)

    def number(self) -> str:
        """Returns a value to compare with: a number, a text, a date or a time, as text."""
        match _exact(self.value):
            case bool():
                pass
            case int() as number:
                return str(number)
            case Decimal() as number if number.is_finite() and abs(number.adjusted()) < 400:
                return format(number, "f")
            case datetime.datetime() as moment:
                return moment.isoformat(sep=" ")
            case datetime.date() | datetime.time() as moment:
                return moment.isoformat()
            case str() as text if text.strip() and len(text) <= MAX_TEXT:
                return text
        raise self.refused(f"must be a number, a date or a text, not {excerpt(self.value)}")

    def most(self, *, whole: bool = True, over_all: bool = False) -> Most:
        """Returns a limit: a number, a share like ``"5%"``, or ``"any"``.

        Args:
            whole: Whether a number must be an integer.
            over_all: Whether a share may be more than all.
        """
        value = _exact(self.value)
        if value == ANY:
            return Most(None)
        stated = ""
        if isinstance(value, (int, Decimal)) and not isinstance(value, bool):
            stated = format(Decimal(value), "f") if abs(Decimal(value)) < 10**38 else ""
        elif isinstance(value, str):
            stated = value.strip()
        found = _AMOUNT.fullmatch(stated)
        if found is None:
            wanted = "a number" if whole else "an amount"
            raise self.refused(f'must be {wanted}, a share like "5%", or "any", not {_said(value)}')
        amount, share = Fraction(found[1]), bool(found[2])
        if share and amount > 100 and not over_all:
            raise self.refused(f"must be 100% at most, not {found[0]}")
        if whole and not share and amount.denominator != 1:
            raise self.refused(f"must be a number of whole rows or cells, not {found[0]}")
        return Most(amount / 100 if share else amount, share)


def _exact(value: object) -> object:
    """Returns a number of Python's as it was written."""
    return Decimal(repr(value)) if isinstance(value, float) else value


def _said(value: object) -> str:
    return str(value) if isinstance(value, Decimal) else excerpt(value)


def _near(name: str, known: Iterable[str]) -> str:
    names = list(known)
    found = difflib.get_close_matches(name.casefold(), names, n=2, cutoff=0.55)
    return f"did you mean {' or '.join(found)}?" if found else f"there are: {', '.join(names)}"


def _check_distinct(place: _Place, names: Sequence[str], what: str) -> None:
    folded: dict[str, str] = {}
    for name in names:
        other = folded.setdefault(name.casefold(), name)
        if other is not name:
            twice = f"{name} twice" if other == name else f"{other} and {name}"
            raise place.refused(f"names {twice}; capitals do not tell {what} apart")


def _table_name(place: _Place, name: str) -> str:
    try:
        return check_table_name(name)
    except InvalidInput as error:
        raise place.refused(f"names a table that cannot be: {error.message}") from error


def _contract(name: str, place: _Place) -> Contract:
    if not _NAME.fullmatch(name):
        raise place.refused(
            "cannot be the name of a contract", "use letters, digits and any of _ . -, at most 200"
        )
    keys = place.section(CONTRACT_KEYS)
    contract = Contract(
        name,
        _of(keys, "description", _Place.text) or "",
        _tables(keys.get("tables")),
        _of(keys, "unchanged", lambda p: p.tables(every=False)) or (),
        _of(keys, "schema_changes", _structure) or (),
        {name: keys[name].tables() for name in PERMISSIONS if name in keys},
        _sections(keys.get("table")),
        _of(keys, "compare", _comparison) or "digests",
    )
    _check_tables(place, contract)
    if len(canonical_json(contract.to_json())) > MAX_CONTRACT:
        raise place.refused(f"is longer than {MAX_CONTRACT:,} bytes")
    return contract


def _comparison(place: _Place) -> Comparison:
    match place.value:
        case "digests" | "values" as known:
            return known
    raise place.refused(f'must be "digests" or "values", not {excerpt(place.value)}')


def _of(keys: Mapping[str, _Place], name: str, read: Callable[[_Place], T]) -> T | None:
    """Reads the value of a key; None if there is none."""
    return read(keys[name]) if name in keys else None


def _tables(place: _Place | None) -> tuple[str, ...] | None:
    tables = None if place is None else place.tables()
    return None if tables == (EVERY,) else tables


def _structure(place: _Place) -> tuple[str, ...]:
    if isinstance(place.value, bool):
        return STRUCTURE if place.value else ()
    if not isinstance(place.value, list):
        raise place.refused(f"must be true, false or a list of changes, not {excerpt(place.value)}")
    kinds = place.names("changes")
    for kind in kinds:
        if kind not in SCHEMA_CHANGES:
            near = _near(kind, SCHEMA_CHANGES)
            raise place.refused(f"has the unknown change {excerpt(kind)}", near)
    return kinds


def _sections(place: _Place | None) -> dict[str, TableLimits]:
    if place is None:
        return {}
    entries = place.items()
    _check_distinct(place, [name for name, _ in entries], "tables")
    found = {}
    for name, entry in entries:
        known = name if name == EVERY else _table_name(entry, name)
        found[known] = _table(entry)
    return found


def _table(place: _Place) -> TableLimits:
    dotted = f'quote a name with dots: [{place.path.rpartition(".")[0]}."sales.orders"]'
    keys = place.section(TABLE_KEYS, dotted)
    columns = keys["column"].items() if "column" in keys else []
    limits = TableLimits(
        _of(keys, "partitions", _partitions),
        _of(keys, "columns", _columns),
        _of(keys, "where", _Place.text) or "",
        **{
            name: keys[name].most(over_all=name == "inserted")
            for name in COUNTED_ROWS
            if name in keys
        },
        max_loss=_of(keys, "max_loss", _Place.most),
        unique_key=_of(keys, "unique_key", _unique_key),
        schema_changes=_of(keys, "schema_changes", _structure),
        column={name: _column(entry) for name, entry in columns},
    )
    _check_table(place, limits, dict(columns))
    return limits


def _columns(place: _Place) -> tuple[str, ...]:
    listed = place.value
    if not isinstance(listed, list) or not all(isinstance(n, str) and n for n in listed):
        raise place.refused(f"must be a list of columns, not {excerpt(listed)}")
    if len(set(listed)) < len(listed):
        raise place.refused("names a column twice")
    return tuple(listed)


def _unique_key(place: _Place) -> bool | tuple[str, ...]:
    if isinstance(place.value, bool):
        return place.value
    if not isinstance(place.value, list) or not place.value:
        raise place.refused(f"must be true, false or a list of columns, not {excerpt(place.value)}")
    return _columns(place)


def _partitions(place: _Place) -> tuple[PartitionRule, ...]:
    listed = [place.value] if isinstance(place.value, str) else place.value
    if not isinstance(listed, list) or not all(isinstance(one, str) for one in listed):
        raise place.refused(f'must be a list like ["month=2024-03"], not {excerpt(place.value)}')
    return tuple(_partition(place, one) for one in listed)


def _partition(place: _Place, stated: str) -> PartitionRule:
    ranges = []
    for part in stated.split("/"):
        column, equals, values = part.partition("=")
        column = unquote(column.strip())
        if not equals or not column or not values or len(stated) > MAX_TEXT:
            raise place.refused(
                f"has {excerpt(stated)}, which is no partition",
                'write "month=2024-03", "month=2024-01..2024-06" or "month=2024-03/region=EU"',
            )
        low, dots, high = values.partition("..")
        if values == "NULL":
            ranges.append(PartitionRange(column, null=True))
        elif not dots:
            ranges.append(PartitionRange(column, unquote(values), unquote(values)))
        elif low or high:
            ranges.append(PartitionRange(column, unquote(low) or None, unquote(high) or None))
        else:
            raise place.refused(f"has {excerpt(stated)}, a range without a beginning or an end")
    columns = [one.column for one in ranges]
    if len({*columns}) < len(columns):
        raise place.refused(f"has {excerpt(stated)}, which names a column twice")
    return tuple(ranges)


def _column(place: _Place) -> ColumnLimits:
    keys = place.section(COLUMN_KEYS)
    limits = ColumnLimits(
        nulls=_of(keys, "nulls", _nulls),
        **{name: keys[name].most() for name in COUNTED_CELLS if name in keys},
        sum=_of(keys, "sum", lambda p: p.most(whole=False, over_all=True)),
        min=_of(keys, "min", _Place.number),
        max=_of(keys, "max", _Place.number),
        tolerance=_of(keys, "tolerance", _tolerance) or "",
    )
    low, high = _as_number(limits.min), _as_number(limits.max)
    if low is not None and high is not None and low > high:
        raise place.refused(f"allows no value: min {limits.min} is greater than max {limits.max}")
    forbidding = {"may-fall": ("cleared",), "may-rise": ("filled",)}
    for name in forbidding.get(limits.nulls or "", ()) or (
        ("filled", "cleared") if limits.nulls == "unchanged" else ()
    ):
        if _some(getattr(limits, name)):
            raise place.refused(
                f"contradicts itself: nulls = {limits.nulls!r} allows no cell to be {name}, "
                f"and {name} = {str(getattr(limits, name))!r} does"
            )
    return limits


def _nulls(place: _Place) -> Nulls:
    for known in NULLS:
        if place.value == known:
            return known
    near = _near(place.value, NULLS) if isinstance(place.value, str) else ""
    raise place.refused(f"must be one of {', '.join(NULLS)}, not {excerpt(place.value)}", near)


def _tolerance(place: _Place) -> str:
    most = place.most(whole=False, over_all=True)
    if not most.limited:
        raise place.refused('must be a difference: a number, or a share like "0.1%"')
    return "" if most.nothing else str(most)


def _as_number(text: str | None) -> Fraction | None:
    try:
        return None if text is None else Fraction(text)
    except (ValueError, ZeroDivisionError):
        return None


def _some(most: Most | None) -> bool:
    """Returns whether a stated limit allows something."""
    return most is not None and not most.nothing


def _check_table(place: _Place, limits: TableLimits, columns: Mapping[str, _Place]) -> None:
    """Refuses limits of a table that contradict each other."""
    if limits.updated is not None and limits.updated.nothing and _some(limits.moved):
        raise place.refused("contradicts itself: moved rows are updated ones, and updated = 0")
    for name, own in limits.column.items():
        for kind in COUNTED_CELLS:
            most = getattr(own, kind)
            if most is None or most.nothing:
                continue
            at = columns[name].inner(kind, None)
            if limits.updated is not None and limits.updated.nothing:
                raise at.refused(
                    f"contradicts {place.path}.updated = 0: no cell can be {kind} then"
                )
            if limits.columns is not None and name.casefold() not in {
                one.casefold() for one in limits.columns
            }:
                raise at.refused(f"contradicts {place.path}.columns, which does not name {name}")


def _check_tables(place: _Place, contract: Contract) -> None:
    """Refuses what a contract says of a table in two places that contradict each other."""
    for name in contract.unchanged:
        stated = [*(contract.tables or ()), *contract.table]
        for permission in PERMISSIONS:
            stated += contract.allowed(permission)
        if any(one.casefold() == name.casefold() for one in stated):
            raise place.inner("unchanged", None).refused(
                f"names {name}, of which the contract says elsewhere what may change"
            )
    for name, limits in contract.table.items():
        section = place.inner("table", None).inner(name, None)
        made = contract.permits("may_create", name) or contract.permits("may_replace", name)
        if name != EVERY and not contract.may_change(name) and not made:
            raise section.refused(
                f"limits a table that {place.path}.tables does not name",
                f"add {name!r} to tables, or leave the section out",
            )
        if limits.schema_changes and name != EVERY and limits.columns is not None:
            _check_columns(section, limits)
        dropped = name.casefold() in map(str.casefold, contract.allowed("may_drop"))
        if name != EVERY and dropped and limits.deleted is not None and limits.deleted.nothing:
            raise section.refused(
                f"contradicts {place.path}.may_drop, which names it: deleted = 0 forbids that"
            )


def _check_columns(section: _Place, limits: TableLimits) -> None:
    """Refuses changes of a schema where no column may change."""
    if not limits.columns:
        raise section.refused("contradicts itself: schema_changes are allowed, but columns = []")
