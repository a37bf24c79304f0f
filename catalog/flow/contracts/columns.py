"""Judging one column of a table: its cells, its NULLs, its sum and the values it was given."""

from collections.abc import Iterator
from fractions import Fraction

from catalog.diff.counts import ColumnCounts
from catalog.diff.forms import NUMBERS
from catalog.diff.plan import ColumnPair
from catalog.errors import InvalidInput
from catalog.flow.contracts.bounds import outside
from catalog.flow.contracts.change import Compared, TableChange
from catalog.flow.contracts.column_names import Resolved
from catalog.flow.contracts.rules import EXAMPLES, TableRules, allowance
from catalog.model.contracts import COUNTED_CELLS, ColumnLimits, Most
from catalog.model.judgement import Violation
from catalog.model.types import NULL_TYPE, Scalar, is_float
from catalog.report.figures import counted

SHOWN_DIGITS = 12
"""Significant digits of a sum of doubles in messages."""


def judge_column(
    rules: TableRules,
    name: str,
    limits: ColumnLimits,
    *,
    column: Resolved,
    change: TableChange | None = None,
    compared: Compared | None = None,
) -> Iterator[Violation]:
    """Yields what the limits of a column do not allow.

    Args:
        rules: The rules of its table.
        name: The column as the contract names it.
        limits: Its limits.
        column: The column.
        change: What changed in the table.
        compared: Its rows; None if no row can have changed.

    Raises:
        InvalidInput: A limit does not fit the column.
    """
    if column.pair is None:
        what = "has a type that does not compare"
        if column.before is None or column.after is None:
            what = "is new" if column.before is None else "is gone"
        yield rules.violation(
            rules.path("column", name),
            f"column {name} of table {rules.table} {what}, so that nobody can say whether the "
            "rules of the column are kept",
            column=name,
            allowed="a column that is there before and after",
        )
        return
    if compared is None or change is None:
        return
    one = _Column(rules, name, limits=limits, compared=compared, pair=column.pair)
    yield from one.cells()
    yield from one.nulls()
    yield from one.bounds()
    yield from one.sums(change)


class _Column:
    """A column that is judged."""

    def __init__(
        self,
        rules: TableRules,
        name: str,
        *,
        limits: ColumnLimits,
        compared: Compared,
        pair: ColumnPair,
    ) -> None:
        self._rules = rules
        self._name = name
        self._limits = limits
        self._compared = compared
        self._held = compared.held
        self._pair = next(p for p in compared.plan.pairs if p.number == pair.number)
        counts = compared.counts.columns.get(self._pair.name)
        self._counts = ColumnCounts() if counts is None else counts

    def cells(self) -> Iterator[Violation]:
        """Yields limits of cells that are exceeded."""
        rows = self._compared.counts.rows.before
        for kind in COUNTED_CELLS:
            most, number = getattr(self._limits, kind), getattr(self._counts, kind)
            if most is not None and not most.allows(number, of=rows):
                yield self._of_cells(kind, kind, allowance(most, rows))

    def _of_cells(self, key: str, kind: str, allowed: str) -> Violation:
        number = getattr(self._counts, kind)
        cells = self._held.cells(self._pair, kind)
        return self._rules.violation(
            self._rules.path("column", self._name, key),
            f"{counted(number, 'cell')} of column {self._name} {kind} in table {self._rules.table}",
            column=self._name,
            count=number,
            allowed=allowed,
            partitions=self._held.by_partition(cells),
            examples=self._held.examples(cells, column=self._pair, limit=EXAMPLES),
        )

    def nulls(self) -> Iterator[Violation]:
        """Yields NULLs that rose where they may not, or fell."""
        rule = self._limits.nulls
        if rule is None or rule == "any":
            return
        said = {
            "may-fall": "NULLs may fall, never rise",
            "may-rise": "NULLs may rise, never fall",
            "unchanged": "NULLs stay as they are",
        }[rule]
        if rule != "may-rise" and self._counts.cleared:
            yield self._of_cells("nulls", "cleared", said)
        if rule != "may-fall" and self._counts.filled:
            yield self._of_cells("nulls", "filled", said)
        moves = self._held.null_moves([self._pair])
        rises = {label: n for label, (n,) in moves.items() if n > 0 and rule != "may-rise"}
        falls = {label: -n for label, (n,) in moves.items() if n < 0 and rule != "may-fall"}
        ends = ("t", "rose", rises, self._counts.cleared), ("f", "fell", falls, self._counts.filled)
        for side, how, found, told in ends:
            number = sum(found.values())
            if not found or (told and told >= number):
                continue
            missing = self._held.columns.missing("t" if side == "t" else "f", self._pair)
            came = self._held.inserted if side == "t" else self._held.deleted
            condition = self._held.among(came, missing)
            yield self._rules.violation(
                self._rules.path("column", self._name, "nulls"),
                f"NULLs of column {self._name} {how} by {number:,} in table {self._rules.table}",
                column=self._name,
                count=number,
                allowed=said,
                partitions=found,
                examples=self._held.examples(condition, column=self._pair, limit=EXAMPLES),
            )

    def bounds(self) -> Iterator[Violation]:
        """Yields values that cells were given outside of what is allowed."""
        low, high = self._limits.min, self._limits.max
        for key, ends in (("min", (low, None)), ("max", (None, high))):
            if ends != (None, None):
                yield from self._outside(key, ends)

    def _outside(self, key: str, ends: tuple[str | None, str | None]) -> Iterator[Violation]:
        given = self._held.given(self._pair, outside(self._pair, *ends))
        found = self._held.by_partition(given)
        number = sum(found.values())
        if number:
            where = f"{'below' if key == 'min' else 'above'} what it may be"
            where += ", or NaN," if is_float(self._pair.after.type) else ""
            yield self._rules.violation(
                self._rules.path("column", self._name, key),
                f"{counted(number, 'cell')} of column {self._name} given a value {where} "
                f"in table {self._rules.table}",
                column=self._name,
                count=number,
                allowed=f"at {'least' if key == 'min' else 'most'} {ends[0] or ends[1]}",
                partitions=found,
                examples=self._held.examples(given, column=self._pair, limit=EXAMPLES),
            )

    def sums(self, change: TableChange) -> Iterator[Violation]:
        """Yields a sum that moved further than it may."""
        most = self._limits.sum
        if most is None or not most.limited:
            return
        for field in (self._pair.before, self._pair.after):
            kind = field.type
            number = isinstance(kind, Scalar) and kind.type_class in NUMBERS
            if not number and kind != NULL_TYPE:
                raise InvalidInput(f"column {self._name} of type {kind} has no sum")
        rule = self._rules.path("column", self._name, "sum")
        moves = self._held.sum_moves(self._pair)
        for what, more in moves.endless.items():
            if more > 0:
                yield self._rules.violation(
                    rule,
                    f"{counted(more, 'cell')} more of column {self._name} {what} in table "
                    f"{self._rules.table}, which has no sum then",
                    column=self._name,
                    count=more,
                    allowed=f"a sum that moves by {most} at most",
                    examples=self._held.examples(
                        self._held.given(self._pair, self._is(what)),
                        column=self._pair,
                        limit=EXAMPLES,
                    ),
                )
        if not moves.total:
            return
        if not most.share:
            if not most.allows(abs(moves.total), of=0):
                yield self._moved(rule, moves.total, None, most=most)
            return
        before = change.sum_before(self._pair)
        if not most.allows(abs(moves.total), of=before):
            yield self._moved(rule, moves.total, before, most=most)

    def _is(self, what: str) -> str:
        value = f"t_{self._held.columns.original('t', self._pair)}"
        return f"CAST({value} AS DOUBLE) = CAST('{what}' AS DOUBLE)"

    def _moved(self, rule: str, by: Fraction, before: Fraction | None, *, most: Most) -> Violation:
        ends = ""
        if before is not None:
            ends = f", from {self._shown(before)} to {self._shown(before + by)}"
        any_change = self._held.any_value(self._pair)
        return self._rules.violation(
            rule,
            f"the sum of column {self._name} moved by {self._shown(by)}{ends} in table "
            f"{self._rules.table}",
            column=self._name,
            allowed=f"{most} at most",
            examples=self._held.examples(any_change, column=self._pair, limit=EXAMPLES),
        )

    def _shown(self, amount: Fraction) -> str:
        if is_float(self._pair.before.type) or is_float(self._pair.after.type):
            return f"{float(amount):.{SHOWN_DIGITS}g}"
        kinds = (self._pair.before.type, self._pair.after.type)
        scale = max(k.decimal[1] if isinstance(k, Scalar) and k.decimal else 0 for k in kinds)
        digits = str(abs(int(amount * 10**scale))).rjust(scale + 1, "0")
        sign = "-" if amount < 0 else ""
        return sign + (f"{digits[:-scale]}.{digits[-scale:]}" if scale else digits)
