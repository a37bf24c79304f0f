"""In which way texts of a column changed: as SQL, and in Python."""

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Final, NamedTuple, get_args

from catalog.diff.findings import TextDelta, TextKind

KINDS: Final[tuple[TextKind, ...]] = get_args(TextKind)
"""The kinds; SQL gives their places."""

AFFIX_LENGTH = 200
"""Characters of what was added or removed up to which it is told."""

REPLACED = 4_096
"""Bytes of a text up to which the engine's ``replace`` is used: its time grows with the square."""

_BLANKS = r"[\t\n\r\x{85}\p{Z}]"
"""What counts as white space, as a class of DuckDB's: Unicode's spaces and ends of lines."""

_BLANK = re.compile("[\t\n\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+")
"""The same for Python."""

_AFFIXES: Final[tuple[TextKind, ...]] = (
    "prefix_added",
    "prefix_removed",
    "suffix_added",
    "suffix_removed",
)


class TextChange(NamedTuple):
    """How a text became another, and what was added or removed at an end of it."""

    kind: TextKind
    affix: str | None = None


def text_change(before: str, after: str) -> TextChange:
    """Returns how a text became another that differs from it."""
    affix = _affix(before, after)
    if affix is not None:
        return affix if _without_blanks(affix.affix or "") else TextChange("blanks")
    if len(before) == len(after) and _lower(before) == _lower(after):
        return TextChange("case")
    alike = _without_blanks(before) == _without_blanks(after)
    return TextChange("blanks" if alike else "other")


def _without_blanks(text: str) -> str:
    return _BLANK.sub("", text)


def _affix(before: str, after: str) -> TextChange | None:
    shorter, longer = sorted((before, after), key=len)
    if not shorter:
        return None
    way = "added" if longer is after else "removed"
    if longer.endswith(shorter):
        kind: TextKind = "prefix_added" if way == "added" else "prefix_removed"
        return TextChange(kind, longer[: len(longer) - len(shorter)])
    if longer.startswith(shorter):
        kind = "suffix_added" if way == "added" else "suffix_removed"
        return TextChange(kind, longer[len(shorter) :])
    return None


def _lower(text: str) -> str:
    """Returns a text in lower case, character by character, as the engine does."""
    return text.lower() if text.isascii() else "".join(map(_lower_character, text))


def _lower_character(character: str) -> str:
    lower = character.lower()
    return lower if len(lower) == 1 else lower[0]


def kind_sql(before: str, after: str) -> str:
    """Returns SQL of the place among ``KINDS`` of the way a text became another, NULL for NULL."""
    cases = [
        f"WHEN {condition} THEN CASE WHEN {_is_blank(affix)} "
        f"THEN {KINDS.index('blanks')} ELSE {KINDS.index(kind)} END"
        for kind, condition, affix in _ends(before, after)
    ]
    same_letters = f"length({before}) = length({after}) AND lower({before}) = lower({after})"
    cases += [
        f"WHEN {same_letters} THEN {KINDS.index('case')}",
        f"WHEN {_same_but_blanks(before, after)} THEN {KINDS.index('blanks')}",
    ]
    return (
        f"CAST(CASE WHEN {before} IS NULL OR {after} IS NULL THEN NULL {' '.join(cases)} "
        f"ELSE {KINDS.index('other')} END AS UTINYINT)"
    )


def affix_sql(before: str, after: str) -> str:
    """Returns SQL of what was added or removed at an end of a text; NULL if nothing was.

    It is cut to one character more than is told.
    """
    cases = (
        f"WHEN {condition} THEN left({affix}, {AFFIX_LENGTH + 1})"
        for _, condition, affix in _ends(before, after)
    )
    return f"CASE {' '.join(cases)} END"


def _ends(before: str, after: str) -> list[tuple[TextKind, str, str]]:
    """Returns the kinds of affix with their condition, and the affix."""

    def condition(shorter: str, longer: str, function: str) -> str:
        return (
            f"{shorter} <> '' AND strlen({longer}) > strlen({shorter}) "
            f"AND {function}({longer}, {shorter})"
        )

    def affix(shorter: str, longer: str, side: str) -> str:
        return f"{side}({longer}, length({longer}) - length({shorter}))"

    return [
        ("prefix_added", condition(before, after, "suffix"), affix(before, after, "left")),
        ("prefix_removed", condition(after, before, "suffix"), affix(after, before, "left")),
        ("suffix_added", condition(before, after, "prefix"), affix(before, after, "right")),
        ("suffix_removed", condition(after, before, "prefix"), affix(after, before, "right")),
    ]


def _is_blank(text: str) -> str:
    """Returns the condition that a text is white space; most are not from their first letter on."""
    first = f"left({text}, 1)"
    letter = f"{first} > ' ' AND {first} < chr(128)"
    return f"CASE WHEN {letter} THEN false ELSE {_replaced(text)} = '' END"


def _same_but_blanks(before: str, after: str) -> str:
    """Returns the condition that two texts differ in white space alone.

    A regular expression takes longer than all else here, so ordinary texts are spared it: those of
    ASCII characters with no other white space than blanks.
    """
    ordinary = " AND ".join(
        f"strlen({text}) < {REPLACED} AND strlen({text}) = length({text}) "
        f"AND NOT contains({text}, chr(9)) AND NOT contains({text}, chr(10)) "
        f"AND NOT contains({text}, chr(13))"
        for text in (before, after)
    )
    ends = " AND ".join(_same_end(side, before, after) for side in ("left", "right"))
    return (
        f"CASE WHEN {ordinary} THEN replace({before}, ' ', '') = replace({after}, ' ', '') "
        f"ELSE {ends} AND {_replaced(before)} = {_replaced(after)} END"
    )


def _same_end(side: str, before: str, after: str) -> str:
    """Returns the condition that two texts have one end in common, or one has white space there."""
    ends = [f"{side}({text}, 1)" for text in (before, after)]
    blank = " OR ".join(f"{end} <= ' ' OR {end} >= chr(128)" for end in ends)
    return f"({ends[0]} = {ends[1]} OR {blank})"


def _replaced(text: str) -> str:
    return f"regexp_replace({text}, '{_BLANKS}', '', 'g')"


def text_delta(
    kinds: Mapping[TextKind, int], affixes: Callable[[TextKind], Collection[str | None]]
) -> TextDelta | None:
    """Returns the delta of texts; None if none is a change of one text to another.

    Args:
        kinds: How many cells changed in which way.
        affixes: Returns the different affixes of the cells of a kind, each in full or cut to one
            character more than is told.
    """
    cells = sum(kinds.values())
    if not cells:
        return None
    commonest = max(_AFFIXES, key=lambda kind: kinds.get(kind, 0))
    own = affixes(commonest) if kinds.get(commonest) else ()
    affix = next(iter(own)) if len(own) == 1 else None
    if affix is not None and len(affix) > AFFIX_LENGTH:
        affix = None
    ordered = {kind: kinds[kind] for kind in KINDS if kinds.get(kind)}
    return TextDelta(cells, ordered, affix, looked_at=cells)


def delta_of_texts(
    changes: Iterable[tuple[str | None, str | None, int]],
) -> TextDelta | None:
    """Returns the delta of texts before and after, each with the number of its cells."""
    kinds: Counter[TextKind] = Counter()
    affixes: dict[TextKind, set[str | None]] = {}
    for before, after, cells in changes:
        if before is None or after is None:
            continue
        change = text_change(before, after)
        kinds[change.kind] += cells
        affixes.setdefault(change.kind, set()).add(change.affix)
    return text_delta(kinds, lambda kind: affixes[kind])
