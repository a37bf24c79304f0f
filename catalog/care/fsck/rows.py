"""Verification of rows: what entries and derived objects say of a data file, against its rows."""

from collections.abc import Iterator, Mapping

import pyarrow as pa
import pyarrow.compute as pc

from catalog.dataclasses import dataclass
from catalog.diff.fingerprints.compute import compute
from catalog.diff.fingerprints.keyed_file import KeyedFile
from catalog.diff.fingerprints.row_digester import RowWords
from catalog.errors import CatalogError, CorruptData
from catalog.model.datafile import ColumnStats, DataFile, Identity
from catalog.model.fingerprint import ColumnSummary, Fingerprint
from catalog.model.types import Scalar
from catalog.repository.commits import StoredTable
from catalog.repository.datafiles import readable
from catalog.repository.fingerprints import Fingerprints, fingerprint_path
from catalog.repository.gathered import Gathered, gathered_path
from catalog.repository.kept import Kept
from catalog.repository.row_digests import RowDigests, digests_path
from catalog.storage.store import ObjectStore

GATHERED_FILES = 16_384
"""Files up to which what was gathered of them is kept: some 30 MB. A leaf of a manifest may have
files of each object."""


@dataclass(frozen=True, slots=True)
class Told:
    """Something wrong at an object, as ``Findings`` takes it.

    Attributes:
        is_derived: Whether the object can be made again, and nothing needs it.
    """

    kind: str
    path: str
    message: str
    is_derived: bool = False


class RowsCheck:
    """Reads data files, and compares with what is known of them without reading.

    It may be used from several threads.
    """

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._gathered: Kept[Mapping[Identity, Fingerprint]] = Kept(GATHERED_FILES)

    def look(self, table: StoredTable, file: DataFile) -> Iterator[Told]:
        """Reads a data file, and yields what is wrong with it, or said of it."""
        rows: list[RowWords] = []
        keyed = KeyedFile(table.snapshot, file, table.snapshot.key)
        texts = _TextBounds(keyed)
        try:
            source = readable(self._store, file)
            made = compute(source, keyed, digests="kept", take_rows=rows.append, watch=texts.add)
        except CorruptData as error:
            yield Told("data-unreadable", file.path, error.message)
            return
        except CatalogError as error:
            yield Told("unreadable", file.path, error.message)
            return
        for field_id, stats in file.stats.items():
            wrong = _contradiction(stats, made.summaries.get(field_id), texts.found.get(field_id))
            if wrong:
                yield Told(
                    "statistics-wrong",
                    file.path,
                    f"the entry of {file.path} says of column {field_id} what its values "
                    f"contradict: {wrong}",
                )
        yield from self._derived(table, file, made=made, rows=rows)

    def _derived(
        self, table: StoredTable, file: DataFile, *, made: Fingerprint, rows: list[RowWords]
    ) -> Iterator[Told]:
        snapshot = table.snapshot
        kept, gathered = Fingerprints(self._store).read_gathered(file, snapshot.key)
        if gathered:
            yield from self._among(table, file, made=made, name=gathered)
        if kept is not None and (what := differs(kept, made)):
            path = fingerprint_path(file, snapshot.key)
            message = f"the fingerprint of {file.path} has another {what}"
            yield Told("cache-wrong", path, message, is_derived=True)
        digests = RowDigests(self._store).read(snapshot, file)
        if digests is None or not rows or digests.held != rows[0].held:
            return
        words = digests.words()
        if words is not None and words != rows[0].words.astype("<u8").tobytes():
            message = f"the digests of the rows of {file.path} are not theirs"
            yield Told("cache-wrong", digests_path(snapshot, file), message, is_derived=True)

    def _among(
        self, table: StoredTable, file: DataFile, *, made: Fingerprint, name: str
    ) -> Iterator[Told]:
        """Compares what an object of many fingerprints says of a file."""
        path = gathered_path(name)
        prints = self._gathered.get(name)
        if prints is None:
            prints = Gathered(self._store).read(name, table.snapshot.key)
            self._gathered.keep(name, prints, 1 + len(prints))
        if not prints and self._store.info(path) is not None:
            yield Told("cache-damaged", path, f"{path} is damaged", is_derived=True)
        kept = prints.get(file.identity)
        if kept is not None and (what := differs(kept, made)):
            message = f"the fingerprint of {file.path} in it has another {what}"
            yield Told("cache-wrong", path, message, is_derived=True)


def differs(kept: Fingerprint, made: Fingerprint) -> str:
    """Returns in what a kept fingerprint contradicts one that was made anew; empty if nowhere."""
    if kept.rows != made.rows:
        return "number of rows"
    if _differ(kept.columns, made.columns):
        return "digest of a column"
    if _differ(kept.stored, made.stored) or _differ(kept.encoded, made.encoded):
        return "digest of a stored column"
    if None not in (kept.row_sum, made.row_sum) and kept.row_sum != made.row_sum:
        return "sum over rows"
    one, other = kept.key, made.key
    if (
        one is not None
        and other is not None
        and (
            (one.nulls, one.duplicates, one.ordered)
            != (other.nulls, other.duplicates, other.ordered)
        )
    ):
        return "record of its key"
    if any(
        _is_other(one, made.summaries[field_id])
        for field_id, one in kept.summaries.items()
        if field_id in made.summaries
    ):
        return "summary of a column"
    return ""


def _differ(kept: Mapping[int, object], made: Mapping[int, object]) -> bool:
    return any(one != made[i] for i, one in kept.items() if i in made)


def _is_other(one: ColumnSummary, made: ColumnSummary) -> bool:
    if (one.nulls, one.nans) != (made.nulls, made.nans):
        return True
    for kept, now in ((one.low, made.low), (one.high, made.high)):
        if kept is not None and now is not None and kept != now:
            return True
    if one.total is not None and made.total is not None:
        return abs(one.total - made.total) > one.slack + made.slack
    return False


def _contradiction(
    stats: ColumnStats, made: ColumnSummary | None, text: tuple[bytes, bytes] | None
) -> str:
    """Returns what of statistics is wrong; empty if nothing is, or nobody can say."""
    if made is None:
        return ""
    if stats.nulls is not None and stats.nulls != made.nulls:
        return f"{stats.nulls} values are NULL, not {made.nulls}"
    if stats.nans is not None and stats.nans != made.nans:
        return f"{stats.nans} values are NaN, not {made.nans}"
    low, high = (made.low, made.high) if text is None else text
    if made.nans and text is None:
        high = None  # NaN is above all in a summary, and in no statistics
    if _is_beyond(stats.low, low, exact=stats.exact, sign=1):
        return "its least value"
    if _is_beyond(stats.high, high, exact=stats.exact, sign=-1):
        return "its greatest value"
    return ""


def _is_beyond(bound: bytes | None, value: bytes | None, *, exact: bool, sign: int) -> bool:
    """Returns whether a value lies outside of a bound, or is not the bound where it must be."""
    if bound is None or value is None or bound == value:
        return False
    return exact or (bound > value) == (sign > 0)


class _TextBounds:
    """The least and the greatest value of columns of text and bytes that have bounds, as bytes.

    Attributes:
        found: Both, by field id.
    """

    def __init__(self, keyed: KeyedFile) -> None:
        stats = keyed.file.stats
        self._ids = {
            place: column.field_id
            for place, column in enumerate(keyed.columns)
            if isinstance(column.type, Scalar)
            and column.type.name in ("VARCHAR", "BLOB")
            and column.field_id in stats
            and stats[column.field_id].low is not None
        }
        self.found: dict[int, tuple[bytes, bytes]] = {}

    def add(self, rows: pa.Table) -> None:
        """Takes rows, with all columns in their order."""
        for place, field_id in self._ids.items():
            for part in rows.column(place).chunks:
                ends = _ends(part)
                if ends is not None:
                    known = self.found.get(field_id, ends)
                    self.found[field_id] = min(known[0], ends[0]), max(known[1], ends[1])


def _ends(column: pa.Array) -> tuple[bytes, bytes] | None:
    if isinstance(column, pa.DictionaryArray):
        column = column.dictionary.take(column.indices.unique())
    if not (
        pa.types.is_string(column.type)
        or pa.types.is_binary(column.type)
        or pa.types.is_large_string(column.type)
        or pa.types.is_large_binary(column.type)
    ):
        return None
    least = pc.min_max(column).as_py()
    low, high = least["min"], least["max"]
    if low is None or high is None:
        return None
    return _bytes(low), _bytes(high)


def _bytes(value: str | bytes) -> bytes:
    return value.encode() if isinstance(value, str) else value
