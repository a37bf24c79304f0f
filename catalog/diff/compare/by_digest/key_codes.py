"""Rows of two sides matched by their keys, each as one integer.

A key of one column of integers, dates or timestamps is its own code, so that equal codes are
equal keys. Of other keys, the code is a hash: rows of equal codes are candidates, whose keys are
compared.
"""

from collections.abc import Callable, Collection, Sequence

import numpy as np
import pyarrow as pa

from catalog.arrow_functions import cast, take
from catalog.dataclasses import dataclass
from catalog.diff.compare.align import Numbers
from catalog.diff.compare.arrays import Unreadable
from catalog.diff.compare.by_digest.code_tables import partners
from catalog.diff.compare.by_digest.stored_columns import StoredColumns, within_arrays
from catalog.diff.compare.differing import differing
from catalog.diff.fingerprints.canonical import fixed, unwrapped
from catalog.diff.fingerprints.column_reader import in_one
from catalog.diff.fingerprints.row_digest import cell_hashes, hash_kind
from catalog.diff.plan import SIDES, ColumnPair, SideName
from catalog.engine.arrow_arrays import from_numpy
from catalog.model.datafile import DataFile
from catalog.model.types import Scalar, TypeClass

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
        """Returns the keys of some of the rows.

        Raises:
            Unreadable: They are too large for an array.
        """
        missing = None if self.missing is None else self.missing[which]
        taken = from_numpy(which)
        with within_arrays():
            columns = tuple(unwrapped(take(column, taken)) for column in self.columns)
        return Keys(self.codes[which], missing, columns, self.exact)


@dataclass(frozen=True, slots=True)
class FileCodes:
    """What is remembered of the keys of a file: a code for each, and whether any has NULL."""

    codes: Numbers
    has_null: bool


class KeyReader:
    """Reads the keys of files; those of both sides must be of the same kinds of values.

    Attributes:
        pairs: The columns of the key that files hold.
        exact: Whether codes are values.
    """

    def __init__(
        self,
        pairs: Sequence[ColumnPair],
        *,
        remember: Collection[SideName] = (),
        remember_bytes: int = 0,
    ) -> None:
        self.pairs = tuple(pairs)
        kinds = {p.on(side).type for p in pairs for side in SIDES}
        self.exact = len(pairs) == 1 and all(
            isinstance(kind, Scalar) and kind.type_class in _OWN_CODES for kind in kinds
        )
        self._kinds: dict[int, str] = {}
        self._remember = frozenset(remember)
        self._room = remember_bytes
        self._known: dict[tuple[SideName, str, str], FileCodes] = {}
        self._unpaired: dict[tuple[SideName, str, str], Numbers] = {}

    def read(self, stored: StoredColumns, files: Sequence[DataFile]) -> Keys:
        """Returns the keys of all rows of some files, one file after another.

        Raises:
            CorruptData: A file cannot be read.
            Unreadable: The engine must read them.
        """
        return self.together([self._of_file(stored, file) for file in files])

    def codes(self, stored: StoredColumns, file: DataFile) -> FileCodes:
        """Returns the codes of a file, which is only read if they are not remembered.

        Raises:
            CorruptData: The file cannot be read.
            Unreadable: The engine must read its keys.
        """
        known = self._known.get(_name(stored, file))
        return known or _file_codes(self._of_file(stored, file))

    def note_unpaired(
        self, stored: StoredColumns, files: Sequence[DataFile], codes: Numbers
    ) -> None:
        """Notes the codes of those rows of files that have no partner on the other side."""
        if stored.side in self._remember:
            names = [_name(stored, file) for file in files]
            self._unpaired |= dict.fromkeys(names, codes[:0])
            self._unpaired |= dict.fromkeys(names[:1], codes)

    def unpaired(self, stored: StoredColumns, file: DataFile) -> Numbers | None:
        """Returns the codes of rows without a partner that were noted with a file.

        Those of several files may be with the first of them. None: it is not known which those are.
        """
        return self._unpaired.get(_name(stored, file))

    def forget(self) -> None:
        """Forgets the codes of files, and remembers no others."""
        self._known, self._unpaired, self._room = {}, {}, 0

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
                whole = in_one(cast(column, _LARGE[column.type]))
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
        known = self._known.get(_name(stored, file))
        if self.exact:
            found = _exact(columns[0], self.pairs[0].name)
        elif known is not None:
            found = Keys(known.codes, None, columns, False)
        else:
            codes = np.zeros(file.rows, np.uint64)
            for n, column in enumerate(columns):
                own = cell_hashes(column, f"key {n}")
                if own is None:
                    raise Unreadable(self.pairs[n].name)
                codes += own
            found = Keys(codes.view(np.int64), None, columns, False)
        if stored.side in self._remember and known is None and found.codes.nbytes <= self._room:
            self._room -= found.codes.nbytes
            self._known[_name(stored, file)] = _file_codes(found)
        return found


def _name(stored: StoredColumns, file: DataFile) -> tuple[SideName, str, str]:
    return stored.side, file.path, file.file_schema


def _file_codes(keys: Keys) -> FileCodes:
    return FileCodes(keys.codes, any(column.null_count for column in keys.columns))


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
        return [cast(column, kind) for column in plain]
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
    found = partners(before.codes, after.codes)
    odd = [_missing(keys) for keys in (before, after)]
    if len(found.repeated):
        odd = [
            mask | np.isin(keys.codes, found.repeated)
            for mask, keys in zip(odd, (before, after), strict=True)
        ]
    here = (found.places >= 0) & ~odd[0]
    mine = np.flatnonzero(here)
    theirs = found.places[mine]
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
    left = [~(odd[0] | here), ~odd[1]]  # what is here, and not odd, has a partner
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
    for one, other in zip(before.columns, after.columns, strict=True):
        some = _taken(one, mine[doubtful]), _taken(other, theirs[doubtful])
        differ |= differing(*some, None)
    found = np.zeros(len(mine), bool)
    found[doubtful[differ]] = True
    return found if differ.any() else None


def _taken(column: pa.Array, which: Numbers) -> pa.Array:
    """Returns some values of a column; few of a large dictionary without it."""
    found = take(column, from_numpy(which))
    large = pa.types.is_dictionary(found.type) and len(found.dictionary) > len(found)
    return unwrapped(found) if large else found
