"""What a contract does not allow of two states of a table, recounted in plain Python."""

from collections import Counter
from collections.abc import Mapping, Sequence
from fractions import Fraction

Row = tuple[object, ...]
"""Its values in the order of ``COLUMNS``."""

COLUMNS = ("id", "part", "a", "b", "c")
KEY, PART = 0, 1
VALUES = {"a": 2, "b": 3, "c": 4}


def same(x: object, y: object) -> bool:
    return x == y or (x != x and y != y)


class Recount:
    """Two states of a table, and how their rows differ."""

    def __init__(self, before: Sequence[Row], after: Sequence[Row], *, keyed: bool) -> None:
        self.before, self.after = before, after
        old, new = Counter(map(named, before)), Counter(map(named, after))
        gone = [row for row in before if take(old, new, row)]
        old, new = Counter(map(named, before)), Counter(map(named, after))
        come = [row for row in after if take(new, old, row)]
        self.updated: list[tuple[Row, Row]] = []
        if keyed:
            for row in list(gone):
                mates = [other for other in come if other[KEY] == row[KEY]]
                alike = [other for other in gone if other[KEY] == row[KEY]]
                if len(mates) == len(alike) == 1:
                    gone.remove(row)
                    come.remove(mates[0])
                    self.updated.append((row, mates[0]))
        self.inserted, self.deleted = come, gone

    def most(self, stated: object) -> tuple[Fraction, bool]:
        text = str(stated)
        share = text.endswith("%")
        return Fraction(text.rstrip("%")) / (100 if share else 1), share

    def exceeds(self, stated: object, number: Fraction | int, of: Fraction | int) -> bool:
        amount, share = self.most(stated)
        return number > (amount * abs(of) if share else amount)

    def rows(self) -> dict[str, int]:
        moved = [1 for x, y in self.updated if not same(x[PART], y[PART])]
        counts = (self.inserted, self.deleted, self.updated, moved)
        names = ("inserted", "deleted", "updated", "moved")
        return {name: len(found) for name, found in zip(names, counts, strict=True)}

    def cells(self, name: str) -> dict[str, int]:
        place = VALUES[name]
        pairs = [(x[place], y[place]) for x, y in self.updated if not same(x[place], y[place])]
        filled = sum(x is None for x, _ in pairs)
        cleared = sum(y is None for _, y in pairs)
        return {"filled": filled, "cleared": cleared, "corrected": len(pairs) - filled - cleared}

    def null_moves(self, name: str) -> dict[object, int]:
        found: Counter[object] = Counter()
        for sign, rows in ((-1, self.before), (1, self.after)):
            for row in rows:
                found[row[PART]] += sign * (row[VALUES[name]] is None)
        return dict(found)

    def total(self, rows: Sequence[Row], name: str) -> tuple[Fraction, Counter[str]]:
        values = [row[VALUES[name]] for row in rows if row[VALUES[name]] is not None]
        endless = Counter(repr(v) for v in values if repr(v) in ("nan", "inf", "-inf"))
        finite = [v for v in values if repr(v) not in endless]
        return sum(map(Fraction, finite), Fraction(0)), endless  # type: ignore[arg-type]


def named(row: Row) -> tuple[object, ...]:
    return tuple("nan" if value != value else value for value in row)


def take(mine: Counter[object], theirs: Counter[object], row: Row) -> bool:
    """Returns whether a copy of a row is left when those of both sides have cancelled."""
    name = named(row)
    if theirs[name] > 0:
        theirs[name] -= 1
        return False
    return True


def broken(recount: Recount, rules: Mapping[str, object]) -> set[str]:
    """Returns the rules that do not hold, as a contract's section of the table has them."""
    found: set[str] = set()
    rows, size = recount.rows(), len(recount.before)
    columns = rules.get("columns")
    for name, number in rows.items():
        stated = rules.get(name)
        if stated is None and columns is not None and name in ("inserted", "deleted"):
            found |= {"columns"} if number else set()
        elif stated is not None and recount.exceeds(stated, number, size):
            found.add(name)
    allowed = rules.get("partitions")
    if isinstance(allowed, list):
        parts = [r[PART] for r in (*recount.inserted, *recount.deleted)]
        parts += [row[PART] for pair in recount.updated for row in pair]
        if any(f"part={'NULL' if part is None else part}" not in allowed for part in parts):
            found.add("partitions")
    if isinstance(columns, list):
        for place, name in enumerate(COLUMNS):
            differ = any(not same(x[place], y[place]) for x, y in recount.updated)
            if name not in columns and differ:
                found.add("columns")
    stated = rules.get("column")
    for name, own in stated.items() if isinstance(stated, dict) else ():
        found |= {f"column.{name}.{rule}" for rule in broken_cells(recount, name, own)}
    if rules.get("unique_key") and breaks_key(recount):
        found.add("unique_key")
    return found


def broken_cells(recount: Recount, name: str, rules: Mapping[str, object]) -> set[str]:
    found = set()
    cells, place = recount.cells(name), VALUES[name]
    for kind, number in cells.items():
        if kind in rules and recount.exceeds(rules[kind], number, len(recount.before)):
            found.add(kind)
    moves = recount.null_moves(name)
    rise, fall = any(n > 0 for n in moves.values()), any(n < 0 for n in moves.values())
    nulls = rules.get("nulls")
    rises = nulls in ("may-fall", "unchanged") and (rise or cells["cleared"])
    falls = nulls in ("may-rise", "unchanged") and (fall or cells["filled"])
    if rises or falls:
        found.add("nulls")
    given = [row[place] for row in recount.inserted]
    given += [y[place] for x, y in recount.updated if not same(x[place], y[place])]
    low, high = rules.get("min"), rules.get("max")
    values = [value for value in given if value is not None]
    if low is not None and any(is_outside(value, low, None) for value in values):
        found.add("min")
    if high is not None and any(is_outside(value, None, high) for value in values):
        found.add("max")
    if "sum" in rules:
        before, strange = recount.total(recount.before, name)
        after, stranger = recount.total(recount.after, name)
        more = any(stranger[one] > strange[one] for one in stranger)
        if more or recount.exceeds(rules["sum"], abs(after - before), before):
            found.add("sum")
    return found


def is_outside(value: object, low: object, high: object) -> bool:
    if repr(value) in ("nan", "inf", "-inf"):
        return {"nan": True, "inf": high is not None, "-inf": low is not None}[repr(value)]
    number = Fraction(value)  # type: ignore[arg-type]
    under = low is not None and number < Fraction(str(low))
    return under or (high is not None and number > Fraction(str(high)))


def breaks_key(recount: Recount) -> bool:
    counts = Counter(row[KEY] for row in recount.after)
    return any(row[KEY] is None or counts[row[KEY]] > 1 for row in recount.inserted)
