"""By how much values of a column changed, in words: sums, means, ratios, kinds of text."""

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation, localcontext

from catalog.diff.counts import SideStats
from catalog.diff.findings import NumberDelta, TextDelta, TextKind
from catalog.diff.view import ColumnView
from catalog.report.figures import clipped, count, grouped, plain, share
from catalog.report.words import statistic_pair

TIMES = "\N{MULTIPLICATION SIGN}"

PRECISION = 100
"""Digits with which sums are subtracted: those of the widest decimals have fewer than 60."""

READABLE = Decimal("1e-12"), Decimal("1e50")
"""Between which differences are written without an exponent: further out are only doubles."""

RATIO_DIGITS = 4
"""Significant digits of a ratio that is not common to most cells."""

_KINDS: dict[TextKind, str] = {
    "case": "only upper and lower case",
    "blanks": "only white space",
    "prefix_added": "text put before it",
    "prefix_removed": "its beginning removed",
    "suffix_added": "text put behind it",
    "suffix_removed": "its end removed",
    "other": "otherwise",
}

_AFFIX: dict[TextKind, str] = {
    "prefix_added": "{} put before it",
    "prefix_removed": "{} removed from its beginning",
    "suffix_added": "{} put behind it",
    "suffix_removed": "{} removed from its end",
}


def delta_parts(column: ColumnView, most: int | None) -> list[str]:
    """Returns by how much, or in which way, the values of a column changed.

    ``most`` is how many columns of text a text may take; None means any number.
    """
    match column.delta:
        case NumberDelta() as delta:
            return _numbers(delta, column.counts.corrected)
        case TextDelta() as delta:
            return _texts(delta, column.counts.corrected, most)
    return []


def statistic_parts(column: ColumnView, shown: Sequence[str]) -> list[str]:
    """Returns statistics before and after, and the change; of a ``shown`` sum only this."""
    before, after = column.counts.before, column.counts.after
    if before is None or after is None:
        return []
    parts = []
    for name in ("sum", "mean", "NULLs"):
        pair = statistic_pair(name, before, after)
        change = _change(name, before, after)
        if not pair or pair == "0" or (name in shown and (name != "sum" or not change)):
            continue
        notes = [note for note in change if note]
        if name in shown:  # the line above has the sum itself
            parts.append(" ".join([name, notes[0], *(f"({note})" for note in notes[1:])]))
        else:
            parts.append(f"{name} {pair}" + (f" ({', '.join(notes)})" if notes else ""))
    return [*parts, *_by_partition(column)]


def _by_partition(column: ColumnView) -> list[str]:
    """Returns how the sum changed by partition: ``+4.6 to +4.8 % in each of 3 partitions``."""
    sums = column.partition_sums
    if sums is None:
        return []
    low, high = (percent(Decimal(one), Decimal(100)) for one in (sums.low, sums.high))
    change = low if low == high else f"{low.removesuffix(' %')} to {high}"
    every = sums.partitions == sums.out_of
    where = (
        f"each of {count(sums.out_of)}"
        if every
        else (f"{count(sums.partitions)} of {count(sums.out_of)}")
    )
    return [f"{change} in {where} {'partition' if sums.out_of == 1 else 'partitions'}"]


def _change(name: str, before: SideStats, after: SideStats) -> tuple[str, ...]:
    """Returns the change of a sum and what share of it that is; of a mean the share alone."""
    left, right = _number(name, before), _number(name, after)
    if left is None or right is None or left == right:
        return ()
    with localcontext(prec=PRECISION):
        difference = right - left
        changed = percent(difference, left)
        readable = READABLE[0] <= abs(difference) < READABLE[1]
        text = format(difference, "f" if readable else ".12g")
    return (changed,) if name != "sum" else (signed(text), changed)


def _number(name: str, side: SideStats) -> Decimal | None:
    """Returns a sum or mean; None if there is none, or it is not finite."""
    value = {"sum": side.total, "mean": side.mean}.get(name)
    if value is None:
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def percent(change: Decimal, before: Decimal) -> str:
    """Returns a change in percent of what was before: ``+4.7 %``; empty if that was 0.

    It is 0 % or 100 % only if it is so exactly.
    """
    if not before:
        return ""
    value = 100 * change / abs(before)
    if abs(value) < Decimal("0.1"):
        return f"{float(value):+.1g} %" if value else "0 %"
    if Decimal(-100) < value < Decimal("-99.9") or Decimal("99.9") < value < Decimal(100):
        return f"{'+' if value > 0 else '-'}>99.9 %"
    if abs(value) >= 1_000_000:
        return f"{value:+.2e} %"
    return f"{value:+,.1f} %"


def signed(number: str) -> str:
    """Returns the text of a number with its sign and thousands separators; others as they are."""
    shown = grouped(number)
    if "." in shown and "e" not in shown.lower():
        shown = shown.rstrip("0").rstrip(".") if shown.split(".")[1].strip("0") == "" else shown
    return shown if not shown[:1].isdigit() or not number.strip("0.,") else f"+{shown}"


def _numbers(delta: NumberDelta, corrected: int) -> list[str]:
    are_times = ":" in delta.low or "day" in delta.low  # a median or bound of 0 is 00:00:00
    up, down = ("later", "earlier") if are_times else ("up", "down")
    looked_at = corrected if delta.looked_at is None else delta.looked_at
    parts = [_directions((delta.up, up), (delta.down, down), delta.cells)]
    if delta.cells != looked_at:
        parts[0] += f" of {count(delta.cells)} finite {'times' if are_times else 'numbers'}"
    parts[0] = _of_the_first(looked_at, corrected) + parts[0]
    ratio, difference = delta.common_ratio, delta.common_difference
    if ratio is not None:
        parts.append(f"{TIMES}{plain(ratio.value)} for {share(ratio.cells, delta.cells)}")
    elif delta.ratios is not None and delta.ratios[0] != delta.ratios[2]:
        low, median, high = (f"{TIMES}{_short(one)}" for one in delta.ratios)
        parts.append(f"{low} … {high}, median {median}")
    if difference is not None:
        parts.append(
            f"{signed(plain(difference.value))} for {share(difference.cells, delta.cells)}"
        )
    if delta.low != delta.high:
        low, median, high = (signed(plain(one)) for one in (delta.low, delta.median, delta.high))
        parts.append(f"by {low} … {high}, median {median}")
    return [part for part in parts if part]


def _of_the_first(looked_at: int, corrected: int) -> str:
    """Returns which cells a delta is about; nothing if these are all."""
    if looked_at >= corrected:
        return ""
    return f"of the first {count(looked_at)} of {count(corrected)} cells: "


def _directions(first: tuple[int, str], second: tuple[int, str], cells: int) -> str:
    for number, word in (first, second):
        if number == cells:
            return f"all {word}"
    return ", ".join(f"{count(number)} {word}" for number, word in (first, second) if number)


def _short(ratio: float) -> str:
    if ratio and not 1e-4 <= abs(ratio) < 1e6:
        return f"{ratio:.{RATIO_DIGITS}g}"
    return f"{float(f'{ratio:.{RATIO_DIGITS}g}'):,.10g}"


def _texts(delta: TextDelta, corrected: int, most: int | None) -> list[str]:
    """Returns in which ways texts changed, the commonest first; nothing if in no such way."""
    if not set(delta.kinds) - {"other"}:
        return []
    looked_at = corrected if delta.looked_at is None else delta.looked_at
    named = [kind for kind in delta.kinds if kind in _AFFIX]
    commonest = max(named, key=lambda kind: delta.kinds[kind], default=None)
    parts = []
    for kind, cells in sorted(delta.kinds.items(), key=lambda one: (one[0] == "other", -one[1])):
        what = _KINDS[kind]
        if kind == commonest and delta.affix is not None:
            affix = plain(delta.affix)
            affix = affix if most is None else clipped(affix, most)
            what = _AFFIX[kind].format(f"'{affix}'")
        parts.append(f"{what}: {'all' if cells == looked_at else count(cells)}")
    parts[0] = _of_the_first(looked_at, corrected) + parts[0]
    return parts
