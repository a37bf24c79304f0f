"""Which rows of a key are the same in two snapshots of a table, and which of their cells."""

from collections.abc import Mapping, Sequence

from catalog.dataclasses import dataclass
from catalog.diff.column_matching import ColumnMatch
from catalog.diff.forms import common_forms
from catalog.model.types import NULL_TYPE
from catalog.operations.rows.found import FoundRow, FoundRows


@dataclass(frozen=True, slots=True)
class Pairing:
    """The rows of a key in a commit, and those in a parent.

    Attributes:
        partners: For each row the one in the parent that it was; None if it came.
        differing: For each row with a partner, the columns, by field id, whose values differ. A
            column that the parent does not have is one of them if it has a value.
        left: Rows of the parent that went.
        columns: The field ids of the parent's columns by those of the same columns here; None:
            all are the same.
    """

    partners: tuple[int | None, ...]
    differing: tuple[frozenset[int], ...]
    left: tuple[int, ...] = ()
    columns: Mapping[int, int] | None = None

    @property
    def same(self) -> bool:
        """Returns whether the rows are the same in both."""
        return not self.left and all(map(self.is_same, range(len(self.partners))))

    def is_same(self, row: int) -> bool:
        """Returns whether a row is as it was in the parent."""
        return self.partners[row] is not None and not self.differing[row]

    def column(self, field_id: int) -> int | None:
        """Returns the field id of a column in the parent; None if it has no such column."""
        return field_id if self.columns is None else self.columns.get(field_id)


def unchanged(rows: int) -> Pairing:
    """Returns the pairing of rows that are the same in both."""
    return Pairing(tuple(range(rows)), (frozenset(),) * rows)


def all_new(rows: int, left: int) -> Pairing:
    """Returns the pairing of rows of which none has a partner."""
    return Pairing((None,) * rows, (frozenset(),) * rows, tuple(range(left)), {})


def compared(
    found: FoundRows, match: ColumnMatch, before: Sequence[FoundRow], after: Sequence[FoundRow]
) -> Pairing:
    """Pairs the rows of a key as a diff does: equal ones first, then one left on each side."""
    partners: dict[int, int] = {}
    if _read_alike(match):
        places = {(row.file.identity, row.relation, row.number): n for n, row in enumerate(before)}
        for n, row in enumerate(after):
            place = row.file.identity, row.relation, row.number
            if place in places:
                partners[n] = places.pop(place)
    left = [n for n in range(len(before)) if n not in partners.values()]
    right = [n for n in range(len(after)) if n not in partners]
    differing = dict.fromkeys(partners, frozenset[int]())
    if left and right:
        cells = _differences(found, match, [before[n] for n in left], [after[n] for n in right])
        for m, n in sorted(cells):
            old, new = left[m], right[n]
            if not cells[m, n] and new not in partners and old not in partners.values():
                partners[new], differing[new] = old, frozenset()
        lonely = (
            [n for n in left if n not in partners.values()],
            [n for n in right if n not in partners],
        )
        if len(lonely[0]) == len(lonely[1]) == 1:
            (old,), (new,) = lonely
            partners[new] = old
            differing[new] = cells[left.index(old), right.index(new)]
    return Pairing(
        tuple(partners.get(n) for n in range(len(after))),
        tuple(differing.get(n, frozenset()) for n in range(len(after))),
        tuple(n for n in range(len(before)) if n not in partners.values()),
        {b.id: a.id for a, b in match.pairs},
    )


def _read_alike(match: ColumnMatch) -> bool:
    """Returns whether a row of a file has the same cells in both snapshots."""
    before, after = ([(f.id, f.type) for f in t.schema.fields] for t in (match.old, match.new))
    return before == after and match.shared_files_agree


def _differences(
    found: FoundRows, match: ColumnMatch, before: Sequence[FoundRow], after: Sequence[FoundRow]
) -> dict[tuple[int, int], frozenset[int]]:
    """Returns, for rows of both sides by their places, the newer side's columns that differ."""
    plain = _plain_differences(found, match, before, after)
    if plain is not None:
        return plain
    conditions: dict[int, str] = {}
    for a, b in match.pairs:
        forms = common_forms(a.type, b.type)
        mine, theirs = f"f.c{a.id}", f"t.c{b.id}"
        if forms is None:  # of unlike types no two values are equal
            conditions[b.id] = f"{mine} IS NULL AND {theirs} IS NULL"
        else:
            conditions[b.id] = f"{forms.before(mine)} IS NOT DISTINCT FROM {forms.after(theirs)}"
    conditions |= {f.id: f"t.c{f.id} IS NULL" for f in match.added}
    equal = ", ".join(f"({one})" for one in conditions.values())
    sides = found.select(match.old, before), found.select(match.new, after)
    rows = found.query(f"SELECT f.i, t.i, [{equal}] FROM {sides[0]} f CROSS JOIN {sides[1]} t")
    ids = list(conditions)
    result = {}
    for m, n, flags in rows:
        assert isinstance(m, int) and isinstance(n, int) and isinstance(flags, list)
        pairs = zip(ids, flags, strict=True)
        result[m, n] = frozenset(i for i, flag in pairs if not flag)
    return result


def _plain_differences(
    found: FoundRows, match: ColumnMatch, before: Sequence[FoundRow], after: Sequence[FoundRow]
) -> dict[tuple[int, int], frozenset[int]] | None:
    """Returns the same without the engine, None where Python does not tell it exactly."""
    if any(NULL_TYPE not in (a.type, b.type) and a.type != b.type for a, b in match.pairs):
        return None
    mine = [found.cells(match.old, row) for row in before]
    theirs = [found.cells(match.new, row) for row in after]
    result = {}
    for m, old in enumerate(mine):
        for n, new in enumerate(theirs):
            if old is None or new is None:
                return None
            pairs = [(b.id, old[a.id], new[b.id]) for a, b in match.pairs]
            if any(None not in (x, y) and type(x) is not type(y) for _, x, y in pairs):
                return None
            differing = {i for i, x, y in pairs if x != y and not (x != x and y != y)}
            differing |= {f.id for f in match.added if new[f.id] is not None}
            result[m, n] = frozenset(differing)
    return result
