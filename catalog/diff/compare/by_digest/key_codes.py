"""Rows of two sides matched by their keys, each as one integer.

A key of one column of integers, dates or timestamps is its own code, so that equal codes are
equal keys. Of other keys, the code is a hash: rows of equal codes are candidates, whose keys are
compared.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence

import numpy as np
import pyarrow as pa

from catalog.dataclasses import dataclass, replace
from catalog.diff.compare.align import Numbers, differing, increases
from catalog.diff.compare.arrays import Unreadable
from catalog.diff.compare.by_digest.stored_columns import StoredColumns, within_arrays
from catalog.diff.compare.table_reader import TableReader
from catalog.diff.fingerprints.canonical import fixed, unwrapped
from catalog.diff.fingerprints.column_reader import in_one
from catalog.diff.fingerprints.row_digest import cell_hashes, hash_kind
from catalog.diff.plan import SIDES, ColumnPair, SideName
from catalog.engine.arrow_arrays import from_numpy
from catalog.model.datafile import DataFile
from catalog.model.types import Scalar, TypeClass, is_float

DENSE = 4
"""Integers from one to the next over their number, up to which they are looked up in an array."""

SAMPLE = 4096
"""Codes that are looked at to see whether most of them are dense."""

_OWN_CODES = (TypeClass.INTEGER, TypeClass.DATE, TypeClass.TIMESTAMP)


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of some rows of a side.

    Attributes:
        codes: An int64 for each row.
        missing: Which rows have NULL where codes are values; None: none.
        columns: The key columns as files store them.
        exact: Whether codes are values, so that equal ones are equal keys.
        sorting: The codes in order, if they were sorted before.
    """

    codes: Numbers
    missing: Numbers | None
    columns: tuple[pa.Array, ...]
    exact: bool
    sorting: "_Sorting | None" = None

    def __len__(self) -> int:
        return len(self.codes)

    def at(self, which: Numbers) -> "Keys":
        """Returns the keys of some of the rows.

        Raises:
            Unreadable: They are too large for an array.
        """
        missing = None if self.missing is None else self.missing[which]
        taken = from_numpy(which)
        with within_arrays():
            columns = tuple(unwrapped(column.take(taken)) for column in self.columns)
        return Keys(self.codes[which], missing, columns, self.exact)


@dataclass(frozen=True, slots=True)
class _Sorting:
    """Codes in their order.

    Attributes:
        order: Their places; None if they increase as they are.
    """

    codes: Numbers
    order: Numbers | None

    def places(self, which: Numbers) -> Numbers:
        """Returns where codes lie that have some numbers in their order."""
        return which if self.order is None else np.asarray(self.order[which])

    def repeated(self) -> Numbers:
        """Returns the codes that occur several times."""
        return np.unique(self.codes[1:][self.codes[1:] == self.codes[:-1]])


def _sorting(codes: Numbers) -> _Sorting:
    if increases(codes):
        return _Sorting(codes, None)
    order = np.argsort(codes)
    return _Sorting(codes[order], order.astype(np.int32) if len(order) < 1 << 31 else order)


class KeyReader:
    """Reads the keys of files; those of both sides must be of the same kinds of values.

    Attributes:
        pairs: The columns of the key that files hold.
        exact: Whether codes are values.
    """

    def __init__(self, pairs: Sequence[ColumnPair], *, keep_bytes: int = 0) -> None:
        self.pairs = tuple(pairs)
        self._keep_bytes = keep_bytes
        self._kept: dict[tuple[SideName, str, str], Keys] = {}
        kinds = {p.on(side).type for p in pairs for side in SIDES}
        self.exact = len(pairs) == 1 and all(
            isinstance(kind, Scalar) and kind.type_class in _OWN_CODES for kind in kinds
        )
        self._kinds: dict[int, str] = {}

    def read(self, stored: StoredColumns, files: Sequence[DataFile]) -> Keys:
        """Returns the keys of all rows of some files, one file after another.

        Raises:
            CorruptData: A file cannot be read.
            Unreadable: The engine must read them.
        """
        return self.together([self._once(stored, file) for file in files])

    def look(self, stored: StoredColumns, file: DataFile) -> Keys:
        """Returns the keys of a file, which may be kept until they are read once more.

        Raises:
            CorruptData: The file cannot be read.
            Unreadable: The engine must read them.
        """
        found = kept = self._once(stored, file)
        size = found.codes.nbytes + sum(column.nbytes for column in found.columns)
        if _dense_window(found.codes) is None:
            found = replace(found, sorting=_sorting(found.codes))
            kept = replace(found, codes=found.codes[:0], columns=())  # soon read or made again
            size = 2 * found.codes.nbytes
        if size <= self._keep_bytes:
            self._keep_bytes -= size
            self._kept[stored.side, file.path, file.file_schema] = kept
        return found

    def _once(self, stored: StoredColumns, file: DataFile) -> Keys:
        kept = self._kept.pop((stored.side, file.path, file.file_schema), None)
        if kept is None:
            return self._of_file(stored, file)
        if kept.columns or kept.sorting is None:
            return kept
        codes = kept.sorting.codes
        if kept.sorting.order is not None:
            codes = np.empty_like(codes)
            codes[kept.sorting.order] = kept.sorting.codes
        return replace(kept, codes=codes, columns=self._columns(stored, file))

    def together(self, parts: Sequence[Keys]) -> Keys:
        """Returns the keys of all parts, one after another.

        Raises:
            Unreadable: They are too large for an array.
        """
        parts = [part for part in parts if len(part)]
        if len(parts) == 1:
            return parts[0]
        codes = np.concatenate([np.zeros(0, np.int64), *(part.codes for part in parts)])
        missing = None
        if any(part.missing is not None for part in parts):
            missing = np.concatenate([_missing(part) for part in parts])
        columns = []
        for n in range(len(self.pairs) if parts else 0):
            column = pa.chunked_array(_alike([part.columns[n] for part in parts]))
            whole = in_one(column)
            if whole is None and column.type in _LARGE:
                whole = in_one(column.cast(_LARGE[column.type]))
            if whole is None:
                raise Unreadable("keys too large for an array")
            columns.append(whole)
        return Keys(codes, missing, tuple(columns), self.exact)

    def _columns(self, stored: StoredColumns, file: DataFile) -> tuple[pa.Array, ...]:
        """Returns the key columns of a file."""
        ids = [pair.on(stored.side).id for pair in self.pairs]
        found = stored.whole(file, ids)
        columns = []
        for pair, field_id in zip(self.pairs, ids, strict=True):
            column = found.get(field_id)
            if column is None:
                raise Unreadable(pair.name)  # the file does not hold it: its keys are all NULL
            column = column if pa.types.is_dictionary(column.type) else unwrapped(column)
            kind = hash_kind(column.type)
            if kind is None or self._kinds.setdefault(pair.number, kind) != kind:
                raise Unreadable(pair.name)
            columns.append(column)
        return tuple(columns)

    def _of_file(self, stored: StoredColumns, file: DataFile) -> Keys:
        columns = self._columns(stored, file)
        if self.exact:
            return _exact(columns[0], self.pairs[0].name)
        codes = np.zeros(file.rows, np.uint64)
        for n, column in enumerate(columns):
            own = cell_hashes(column, f"key {n}")
            if own is None:
                raise Unreadable(self.pairs[n].name)
            codes += own
        return Keys(codes.view(np.int64), None, columns, False)


def _exact(column: pa.Array, name: str) -> Keys:
    canonical = fixed(column)
    if canonical is None or canonical.values.ndim != 1:
        raise Unreadable(name)
    values = canonical.values
    codes = values.view(np.int64) if values.dtype == np.uint64 else values.astype(np.int64)
    missing = None if canonical.valid is None else ~canonical.valid
    return Keys(codes, missing, (column,), True)


def _missing(keys: Keys) -> Numbers:
    return np.zeros(len(keys), bool) if keys.missing is None else keys.missing


_LARGE = {pa.string(): pa.large_string(), pa.binary(): pa.large_binary()}
"""Types of which an array can hold more bytes."""


def _alike(columns: Sequence[pa.Array]) -> list[pa.Array]:
    """Returns arrays of one type: all as they are, all unwrapped, or all of the widest type."""
    if len({column.type for column in columns}) == 1:
        return list(columns)
    plain = [unwrapped(column) for column in columns]
    kinds = {column.type for column in plain}
    if len(kinds) == 1:
        return plain
    listed = [pa.schema([("key", kind)]) for kind in kinds]
    try:
        kind = pa.unify_schemas(listed, promote_options="permissive").field(0).type
        return [column.cast(kind) for column in plain]
    except (pa.ArrowTypeError, pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        # no type holds them all, or a value does not fit it: the engine compares them
        raise Unreadable("keys of several types") from error


@dataclass(frozen=True, slots=True)
class Matches:
    """The rows of two sides, by their numbers.

    Attributes:
        before: Older rows whose key one newer row has.
        after: Those newer rows, in the same order.
        deleted: Older rows whose key no newer row has.
        inserted: Newer rows whose key no older row has.
        odd_before: Older rows that only their values can match: of keys that several rows of a
            side have, or that are NULL, or whose hash another key has, too.
        odd_after: The newer ones.
    """

    before: Numbers
    after: Numbers
    deleted: Numbers
    inserted: Numbers
    odd_before: Numbers
    odd_after: Numbers


def matches(
    before: Keys, after: Keys, *, certain: Callable[[Numbers, Numbers], Numbers] | None = None
) -> Matches:
    """Matches the rows of two sides by their keys.

    ``certain`` returns of which pairs of rows it is known that keys of one hash are equal.
    """
    partner, repeated = _partners(before, after)
    odd = [_missing(keys) for keys in (before, after)]
    if len(repeated):
        both = np.isin(repeated, before.codes) & np.isin(repeated, after.codes)
        odd = [
            mask | np.isin(keys.codes, repeated[both])
            for mask, keys in zip(odd, (before, after), strict=True)
        ]
    here = (partner >= 0) & ~odd[0]
    mine = np.flatnonzero(here)
    theirs = partner[mine]
    if odd[1].any():
        apart = odd[1][theirs]
        odd[0] = odd[0].copy()
        odd[0][mine[apart]] = True
        mine, theirs = mine[~apart], theirs[~apart]
    unlike = None if before.exact else _unlike(before, after, (mine, theirs), certain)
    if unlike is not None:
        odd = [odd[0].copy(), odd[1].copy()]
        odd[0][mine[unlike]] = odd[1][theirs[unlike]] = True
        mine, theirs = mine[~unlike], theirs[~unlike]
    left = [~mask for mask in odd]
    left[0][mine] = False
    left[1][theirs] = False
    lone = [np.flatnonzero(mask) for mask in left]
    return Matches(mine, theirs, lone[0], lone[1], np.flatnonzero(odd[0]), np.flatnonzero(odd[1]))


def _unlike(
    before: Keys,
    after: Keys,
    pairs: tuple[Numbers, Numbers],
    certain: Callable[[Numbers, Numbers], Numbers] | None,
) -> Numbers | None:
    """Returns which pairs of rows of one hash have unlike keys; None if none has."""
    mine, theirs = pairs
    doubtful = np.arange(len(mine)) if certain is None else np.flatnonzero(~certain(mine, theirs))
    if not len(doubtful):
        return None
    differ = np.zeros(len(doubtful), bool)
    taken = from_numpy(mine[doubtful])
    for one, other in zip(before.columns, after.columns, strict=True):
        differ |= differing(one.take(taken), other, theirs[doubtful])
    found = np.zeros(len(mine), bool)
    found[doubtful[differ]] = True
    return found if differ.any() else None


def _partners(before: Keys, after: Keys) -> tuple[Numbers, Numbers]:
    """Matches codes.

    Returns:
        For each code of one side the place of an equal one of the other, -1 for none; and the codes
        that occur several times on a side.
    """
    mine, theirs = before.codes, after.codes
    window = _dense_window(theirs)
    if window is None:
        sortings = [keys.sorting or _sorting(keys.codes) for keys in (before, after)]
        repeated = np.concatenate([one.repeated() for one in sortings])
        return _sorted_partners(*sortings), np.unique(repeated)
    repeated = np.unique(np.concatenate([_repeated(mine), _repeated(theirs)]))
    low, high = window
    table = np.full(high - low + 1, -1, np.int64)
    inside = (theirs >= low) & (theirs <= high)
    table[theirs[inside] - low] = np.flatnonzero(inside)
    here = (mine >= low) & (mine <= high)
    if here.all():
        return np.asarray(table[mine - low]), repeated
    found = np.where(here, table[np.where(here, mine - low, 0)], -1)
    apart, others = np.flatnonzero(~here), np.flatnonzero(~inside)
    if len(others):
        places = _sorted_partners(_sorting(mine[apart]), _sorting(theirs[others]))
        found[apart] = np.where(places < 0, -1, others[places])
    return found, repeated


def _sorted_partners(mine: _Sorting, theirs: _Sorting) -> Numbers:
    found = np.full(len(mine.codes), -1, np.int64)
    if not len(found) or not len(theirs.codes):
        return found
    places = np.searchsorted(theirs.codes, mine.codes)
    places[places == len(theirs.codes)] = 0
    hit = np.flatnonzero(theirs.codes[places] == mine.codes)
    found[mine.places(hit)] = theirs.places(places[hit])
    return found


def _dense_window(codes: Numbers) -> tuple[int, int] | None:
    """Returns the ends of a range in which an array can look up most of the codes.

    Codes that were given apart from the others, as new rows may be, can lie outside.
    """
    if not len(codes):
        return None
    low, high = int(codes.min()), int(codes.max())
    if high - low < DENSE * len(codes):
        return low, high
    sample = np.sort(codes[:: max(1, len(codes) // SAMPLE)])
    cut = len(sample) // 16
    inner = int(sample[cut]), int(sample[-1 - cut])
    margin = (inner[1] - inner[0]) // 7 + 1
    low, high = max(low, inner[0] - margin), min(high, inner[1] + margin)
    return (low, high) if high - low < DENSE * len(codes) else None


def _repeated(codes: Numbers) -> Numbers:
    """Returns the codes that occur several times."""
    if len(codes) < 2 or increases(codes):
        return codes[:0]
    window = _dense_window(codes)
    if window is not None:
        low, high = window
        inside = (codes >= low) & (codes <= high)
        dense = codes if inside.all() else codes[inside]
        seen = np.zeros(high - low + 1, bool)
        seen[dense - low] = True
        if int(seen.sum()) == len(dense):
            codes = codes[~inside]
    ordered = np.sort(codes)
    return np.unique(ordered[1:][ordered[1:] == ordered[:-1]])


def repeated_keys(
    keys: KeyReader, reader: TableReader, side: SideName, files: Sequence[DataFile]
) -> int | None:
    """Counts the rows of a side that share their key with others.

    Returns:
        The count; None if the engine must count, or a key has NULL.

    Raises:
        CorruptData: A file cannot be read.
    """
    plan = reader.plan
    by_partition = plan.side(side).partition_by
    outer = [pair.on(side).id for pair in plan.key_pairs if pair not in keys.pairs]
    if not keys.pairs or any(is_float(pair.on(side).type) for pair in keys.pairs):
        return None
    if any(pair.on(side).id in by_partition for pair in keys.pairs):
        return None
    stored = StoredColumns(reader, side, files)
    groups: defaultdict[tuple[bytes | None, ...], list[Keys]] = defaultdict(list)
    for file in files:
        values = tuple(file.partition[by_partition.index(i)] for i in outer)
        try:
            one = keys.look(stored, file)
        except Unreadable:
            return None
        if any(column.null_count for column in one.columns) or None in values:
            return None
        groups[values].append(one)
    total = 0
    for parts in groups.values():
        repeated = _repeated_in(parts)
        if len(repeated) and not keys.exact:
            return None
        total += sum(int(np.isin(part.codes, repeated).sum()) for part in parts)
    return total


def _repeated_in(parts: Sequence[Keys]) -> Numbers:
    """Returns the codes that occur several times among the keys of some files."""
    if len(parts) == 1 and parts[0].sorting is not None:
        return parts[0].sorting.repeated()
    if any(part.sorting is None for part in parts):
        return _repeated(np.concatenate([part.codes for part in parts]))
    runs = [part.sorting.codes for part in parts if part.sorting is not None]
    whole = np.sort(np.concatenate(runs), kind="stable")  # merges what is in order
    return _Sorting(whole, None).repeated()
