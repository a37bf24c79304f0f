"""Verification of rows: what entries and derived objects say of a data file, against its rows."""

from collections.abc import Mapping
from contextlib import suppress

import pyarrow as pa
import pyarrow.compute as pc

from catalog.care.fsck.findings import Findings
from catalog.care.fsck.trees import NOTHING
from catalog.diff.fingerprints.column_reader import opened
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
from catalog.repository.row_digests import RowDigests, digests_path
from catalog.storage.store import ObjectStore

BATCH = 65_536
"""Rows of which texts are compared at a time."""


class RowsCheck:
    """Reads data files, and compares with what is known of them without reading."""

    def __init__(self, store: ObjectStore, findings: Findings) -> None:
        self._store = store
        self._findings = findings
        self._last: tuple[str, dict[Identity, Fingerprint]] = ("", {})

    def check(self, table: StoredTable, file: DataFile) -> frozenset[int]:
        """Reads a data file; returns the findings at it."""
        rows: list[RowWords] = []
        keyed = KeyedFile(table.snapshot, file, table.snapshot.key)
        try:
            source = readable(self._store, file)
            made = compute(source, keyed, digests="kept", take_rows=rows.append)
        except CorruptData as error:
            return self._findings.add("data-unreadable", file.path, error.message)
        except CatalogError as error:
            return self._findings.add("unreadable", file.path, error.message)
        texts: Mapping[int, tuple[bytes, bytes]] = {}
        with suppress(CorruptData):  # what Arrow cannot decode was not compared
            texts = _text_bounds(source, keyed)
        found = NOTHING
        for field_id, stats in file.stats.items():
            wrong = _contradiction(stats, made.summaries.get(field_id), texts.get(field_id))
            if wrong:
                found |= self._findings.add(
                    "statistics-wrong",
                    file.path,
                    f"the entry of {file.path} says of column {field_id} what its values "
                    f"contradict: {wrong}",
                )
        self._derived(table, file, made=made, rows=rows)
        return found

    def _derived(
        self, table: StoredTable, file: DataFile, *, made: Fingerprint, rows: list[RowWords]
    ) -> None:
        snapshot = table.snapshot
        kept, gathered = Fingerprints(self._store).read_gathered(file, snapshot.key)
        if gathered:
            self._gathered(table, file, made=made, name=gathered)
        if kept is not None and (what := differs(kept, made)):
            path = fingerprint_path(file, snapshot.key)
            found = self._findings.add(
                "cache-wrong", path, f"the fingerprint of {file.path} has another {what}"
            )
            self._findings.table(found, table.name)
        digests = RowDigests(self._store).read(snapshot, file)
        if digests is None or not rows or digests.held != rows[0].held:
            return
        words = digests.words()
        if words is not None and words != rows[0].words.astype("<u8").tobytes():
            path = digests_path(snapshot, file)
            found = self._findings.add(
                "cache-wrong", path, f"the digests of the rows of {file.path} are not theirs"
            )
            self._findings.table(found, table.name)

    def _gathered(
        self, table: StoredTable, file: DataFile, *, made: Fingerprint, name: str
    ) -> None:
        """Compares what an object of many fingerprints says of a file."""
        path = gathered_path(name)
        if name != self._last[0]:
            self._last = name, Gathered(self._store).read(name, table.snapshot.key)
            if not self._last[1] and self._store.info(path) is not None:
                found = self._findings.add("cache-damaged", path, f"{path} is damaged")
                self._findings.table(found, table.name)
        kept = self._last[1].get(file.identity)
        if kept is not None and (what := differs(kept, made)):
            found = self._findings.add(
                "cache-wrong", path, f"the fingerprint of {file.path} in it has another {what}"
            )
            self._findings.table(found, table.name)


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


def _text_places(keyed: KeyedFile) -> dict[int, int]:
    """Returns the columns of text and bytes that have bounds, by their places in the file."""
    stats = keyed.file.stats
    return {
        place: column.field_id
        for place, column in enumerate(keyed.columns)
        if isinstance(column.type, Scalar)
        and column.type.name in ("VARCHAR", "BLOB")
        and column.field_id in stats
        and stats[column.field_id].low is not None
    }


def _text_bounds(source: object, keyed: KeyedFile) -> dict[int, tuple[bytes, bytes]]:
    """Returns the least and the greatest value of columns of text, as bytes."""
    places = _text_places(keyed)
    found: dict[int, tuple[bytes, bytes]] = {}
    if not places:
        return found
    with opened(source, keyed, plain=list(places)) as file:  # type: ignore[arg-type]
        for batch in file.batches(list(places), rows=BATCH):
            for field_id, column in zip(places.values(), batch.columns, strict=True):
                ends = _ends(column)
                if ends is not None:
                    known = found.get(field_id, ends)
                    found[field_id] = min(known[0], ends[0]), max(known[1], ends[1])
    return found


def _ends(column: "pa.ChunkedArray") -> tuple[bytes, bytes] | None:
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
