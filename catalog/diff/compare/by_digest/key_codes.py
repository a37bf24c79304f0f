"""Rows of two sides matched by their keys, each as one integer.

A key of one column of integers, dates or timestamps is its own code, so that equal codes are
equal keys. Of other keys, the code is a hash: rows of equal codes are candidates, whose keys are
compared.
"""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import xxhash

from catalog.dataclasses import dataclass
from catalog.diff.compare.align import Numbers, differing, increases
from catalog.diff.compare.arrays import Unreadable
from catalog.diff.compare.by_digest.stored_columns import StoredColumns
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

_ODD = np.uint64(0x9E3779B97F4A7C15)

_OWN_CODES = (TypeClass.INTEGER, TypeClass.DATE, TypeClass.TIMESTAMP)


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of some rows of a side.

    Attributes:
        codes: An int64 for each row.
        missing: Which rows have NULL where codes are values; None: none.
        columns: The key columns as files store them.
        exact: Whether codes are values, so that equal ones are equal keys.
    """

    codes: Numbers
    missing: Numbers | None
    columns: tuple[pa.Array, ...]
    exact: bool

    def __len__(self) -> int:
        return len(self.codes)

    def at(self, which: Numbers) -> "Keys":
        """Returns the keys of some of the rows."""
        missing = None if self.missing is None else self.missing[which]
        taken = from_numpy(which)
        columns = tuple(unwrapped(column.take(taken)) for column in self.columns)
        return Keys(self.codes[which], missing, columns, self.exact)


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
        found = self._once(stored, file)
        size = found.codes.nbytes + sum(column.nbytes for column in found.columns)
        if size <= self._keep_bytes:
            self._keep_bytes -= size
            self._kept[stored.side, file.path, file.file_schema] = found
        return found

    def _once(self, stored: StoredColumns, file: DataFile) -> Keys:
        kept = self._kept.pop((stored.side, file.path, file.file_schema), None)
        return self._of_file(stored, file) if kept is None else kept

    def together(self, parts: Sequence[Keys]) -> Keys:
        """Returns the keys of all parts, one after another.

        Raises:
            Unreadable: They are too large for an array.
        """
        parts = [part for part in parts if len(part)]
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

    def _of_file(self, stored: StoredColumns, file: DataFile) -> Keys:
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
        if self.exact:
            return _exact(columns[0], self.pairs[0].name)
        codes = np.zeros(file.rows, np.uint64)
        for n, column in enumerate(columns):
            own = cell_hashes(column, f"key {n}")
            if own is None:
                raise Unreadable(self.pairs[n].name)
            codes += own
        return Keys(codes.view(np.int64), None, tuple(columns), False)


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


def matches(before: Keys, after: Keys) -> Matches:
    """Matches the rows of two sides by their keys."""
    partner = _partners(before.codes, after.codes)
    odd = [_missing(keys) for keys in (before, after)]
    repeated = _repeated(before.codes), _repeated(after.codes)
    if len(repeated[0]) or len(repeated[1]):
        codes = np.unique(np.concatenate(repeated))
        both = np.isin(codes, before.codes) & np.isin(codes, after.codes)
        odd = [
            mask | np.isin(keys.codes, codes[both])
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
    unlike = _unlike(before, after, mine, theirs)
    if unlike is not None:
        odd = [odd[0].copy(), odd[1].copy()]
        odd[0][mine[unlike]] = odd[1][theirs[unlike]] = True
        mine, theirs = mine[~unlike], theirs[~unlike]
    left = [~mask for mask in odd]
    left[0][mine] = False
    left[1][theirs] = False
    lone = [np.flatnonzero(mask) for mask in left]
    return Matches(mine, theirs, lone[0], lone[1], np.flatnonzero(odd[0]), np.flatnonzero(odd[1]))


def _unlike(before: Keys, after: Keys, mine: Numbers, theirs: Numbers) -> Numbers | None:
    """Returns which pairs of rows of one hash have unlike keys; None if none has."""
    if before.exact or not len(mine):
        return None
    found = np.zeros(len(mine), bool)
    whole = len(mine) == len(before) and bool((mine == np.arange(len(mine))).all())
    for one, other in zip(before.columns, after.columns, strict=True):
        some = one if whole else one.take(from_numpy(mine))
        found |= differing(some, other, theirs)
    return found if found.any() else None


def _partners(mine: Numbers, theirs: Numbers) -> Numbers:
    """Returns for each code of one side the place of an equal one of the other, -1 for none."""
    window = _dense_window(theirs)
    if window is None:
        return _sorted_partners(mine, theirs)
    low, high = window
    table = np.full(high - low + 1, -1, np.int64)
    inside = (theirs >= low) & (theirs <= high)
    table[theirs[inside] - low] = np.flatnonzero(inside)
    here = (mine >= low) & (mine <= high)
    if here.all():
        return np.asarray(table[mine - low])
    found = np.where(here, table[np.where(here, mine - low, 0)], -1)
    apart, others = np.flatnonzero(~here), np.flatnonzero(~inside)
    if len(others):
        places = _sorted_partners(mine[apart], theirs[others])
        found[apart] = np.where(places < 0, -1, others[places])
    return found


def _sorted_partners(mine: Numbers, theirs: Numbers) -> Numbers:
    if not len(mine) or not len(theirs):
        return np.full(len(mine), -1, np.int64)
    order = None if increases(theirs) else np.argsort(theirs)
    known = theirs if order is None else theirs[order]
    own = None if increases(mine) else np.argsort(mine)
    wanted = mine if own is None else mine[own]
    places = np.searchsorted(known, wanted)
    places[places == len(known)] = 0
    hit = known[places] == wanted
    found = np.where(hit, places if order is None else order[places], -1)
    if own is None:
        return found
    back = np.empty(len(mine), np.int64)
    back[own] = found
    return back


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
    parts = [np.zeros(0, np.int64)]
    for file in files:
        values = [file.partition[by_partition.index(i)] for i in outer]
        try:
            one = keys.look(stored, file)
        except Unreadable:
            return None
        if any(column.null_count for column in one.columns) or None in values:
            return None
        parts.append(one.codes)
        if outer:
            salt = xxhash.xxh3_64_intdigest(repr(values).encode())
            parts[-1] = (one.codes.view(np.uint64) * _ODD + np.uint64(salt)).view(np.int64)
    codes = np.concatenate(parts)
    repeated = _repeated(codes)
    if not len(repeated):
        return 0
    return int(np.isin(codes, repeated).sum()) if keys.exact and not outer else None
