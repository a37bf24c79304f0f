"""What conflicts have in common: one line for all of one column, not one for each cell."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from decimal import Context, Decimal, InvalidOperation

from catalog.dataclasses import dataclass
from catalog.report.drift import MINUS
from catalog.report.figures import clipped, count, counted, grouped, plain

VALUE_WIDTH = 30
"""Columns of text that a value takes in a line."""

FEW = 2
"""Conflicts in which everybody sees what they have in common."""

LONGEST_NUMBER = 60
"""Characters of a text that is read as a number."""
_EXACT = Context(prec=3 * LONGEST_NUMBER)
"""Digits for differences of all numbers that are read."""


@dataclass(frozen=True, slots=True)
class ConflictPattern:
    """The conflicts of one kind in one column of a table.

    Attributes:
        table: The table.
        kind: The kind of the conflicts.
        column: The column; None if they are not about one.
        conflicts: How many there are.
        difference: What theirs is more than ours, most often; None unless numbers differ so.
        with_difference: In how many of them it is.
        values: Ours and theirs, if they are the same in all; None else.
    """

    table: str
    kind: str
    column: str | None
    conflicts: int
    difference: str | None = None
    with_difference: int = 0
    values: tuple[str | None, str | None] | None = None

    def to_json(self) -> dict[str, object]:
        """Returns the JSON form."""
        ours, theirs = self.values or (None, None)
        return {
            "table": self.table,
            "kind": self.kind,
            "column": self.column,
            "conflicts": self.conflicts,
            "difference": self.difference,
            "with_difference": self.with_difference,
            "values": None if self.values is None else {"ours": ours, "theirs": theirs},
        }

    def line(self) -> str:
        """Returns the pattern as text: ``orders.amount: 21 cells, …``."""
        where = plain(self.table) + ("" if self.column is None else f".{plain(self.column)}")
        noun = "cell" if self.column is not None else "conflict"
        what = counted(self.conflicts, noun) + ("" if self.kind == "cell" else f" {self.kind}")
        parts = [f"{where}: {what}"]
        if self.difference is not None:
            every = self.with_difference == self.conflicts
            share = "" if every else f" in {count(self.with_difference)}"
            parts.append(f"theirs {MINUS} ours = {_signed(self.difference)}{share}")
        elif self.values is not None:
            ours, theirs = map(_value, self.values)
            parts.append(f"ours {ours}, theirs {theirs}{' in all' * (self.conflicts > 1)}")
        return ", ".join(parts)


def conflict_patterns(conflicts: Iterable[Mapping[str, str | None]]) -> list[ConflictPattern]:
    """Returns the patterns of conflicts, in the order in which they begin.

    Args:
        conflicts: Rows with ``table_name``, ``kind``, ``column_name``, ``ours`` and ``theirs``.
    """
    groups: dict[tuple[str, str, str | None], list[tuple[str | None, str | None]]] = {}
    for row in conflicts:
        key = (row["table_name"] or "", row["kind"] or "", row["column_name"])
        groups.setdefault(key, []).append((row["ours"], row["theirs"]))
    return [_pattern(*key, pairs) for key, pairs in groups.items()]


def pattern_lines(patterns: Sequence[ConflictPattern]) -> list[str]:
    """Returns a line for each pattern; none where the conflicts are few, and say it themselves."""
    if all(one.conflicts <= FEW for one in patterns):
        return []
    return [one.line() for one in patterns]


def _pattern(
    table: str, kind: str, column: str | None, pairs: Sequence[tuple[str | None, str | None]]
) -> ConflictPattern:
    distinct = set(pairs)
    values = next(iter(distinct)) if len(distinct) == 1 and column is not None else None
    found = Counter(map(_difference, pairs))
    del found[None]
    difference, often = found.most_common(1)[0] if found else (None, 0)
    if 2 * often <= len(pairs) or column is None:
        difference, often = None, 0
    shown = None if difference is None else f"{difference:f}"
    return ConflictPattern(table, kind, column, len(pairs), shown, often, values)


def _difference(pair: tuple[str | None, str | None]) -> Decimal | None:
    ours, theirs = map(_number, pair)
    if ours is None or theirs is None:
        return None
    return _EXACT.subtract(theirs, ours) or None


def _number(text: str | None) -> Decimal | None:
    if text is None or len(text) > LONGEST_NUMBER:
        return None
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() and abs(number.adjusted()) < LONGEST_NUMBER else None


def _signed(number: str) -> str:
    return f"{MINUS}{grouped(number[1:])}" if number.startswith("-") else f"+{grouped(number)}"


def _value(text: str | None) -> str:
    return "NULL" if text is None else f"'{clipped(plain(text), VALUE_WIDTH)}'"
