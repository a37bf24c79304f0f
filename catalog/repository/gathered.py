"""Fingerprints of many small files in one object: one request, decoded in columns.

A snapshot keeps a fingerprint for each file, which is found by what the file is. Of the small
files that come together it also keeps all in one object, with how they store their columns. The
fingerprint of each names that object, so that one of them leads to the others. An object is the
hex SHA-256 of what follows, a line feed, and a columnar node; see ``docs/reference/format.md``. One
that is damaged, or about other files, is as good as none.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, KeysView, Mapping, Sequence
from contextlib import suppress
from fractions import Fraction
from functools import partial
from itertools import chain
from typing import Any, TypeVar

import pyarrow as pa

from catalog.errors import CatalogError, CorruptData
from catalog.model.datafile import DataFile, Identity
from catalog.model.fingerprint import (
    ALGORITHM,
    BLOCK_ROWS,
    ColumnSummary,
    Fingerprint,
    KeyRecord,
    StoredChunk,
    Verdict,
)
from catalog.model.ids import canonical_json, excerpt
from catalog.repository.columnar import (
    MAX_ROWS,
    Columns,
    byte_strings,
    counts,
    decode,
    encode,
    integers,
    texts,
)
from catalog.storage.store import ObjectStore

PREFIX = "cache/gathered/"

FEWEST_FILES = 16
"""Files from which on their fingerprints are gathered: for fewer, an object more gains little."""

MOST_COLUMNS = 200
"""Columns of tables whose fingerprints are gathered: every fact of each is a column."""

SMALL_BYTES = 16 << 20
"""Size of the largest file whose fingerprint is gathered: of others, values take far longer."""

_FRACTIONS = re.compile(rb"(?:-?[0-9]{1,2000}(?:/[1-9][0-9]{0,1999})?\n)*+")

Fact = TypeVar("Fact")


def is_gathered(file: DataFile) -> bool:
    """Returns whether the fingerprint of a file may be gathered with those of others."""
    return 0 < file.rows <= BLOCK_ROWS and file.size_bytes <= SMALL_BYTES


def gatherings(files: Sequence[DataFile]) -> Iterator[Sequence[DataFile]]:
    """Yields the files that come together and are gathered, as many of them as an object holds."""
    small = list({file.identity: file for file in files if is_gathered(file)}.values())
    for start in range(0, len(small), MAX_ROWS):
        part = small[start : start + MAX_ROWS]
        if len(part) >= FEWEST_FILES:
            yield part


def gathered_name(identities: Iterable[Identity], key: Sequence[int]) -> str:
    """Returns the name of the object that has the fingerprints of some files for a key."""
    about = [
        [
            one.token,
            [value if value is None else value.hex() for value in one.partition],
            one.file_schema,
        ]
        for one in identities
    ]
    return hashlib.sha256(canonical_json([ALGORITHM, list(key), about])).hexdigest()


class Gathered:
    """Reads and keeps objects of many fingerprints."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def keep(self, prints: Mapping[Identity, Fingerprint], key: Sequence[int]) -> None:
        """Keeps fingerprints of files of a block at most; where nothing can be written, nothing."""
        with suppress(CatalogError):
            packed = encode(_columns(prints))
            checksum = hashlib.sha256(packed).hexdigest().encode()
            self._store.put(gathered_path(gathered_name(prints, key)), checksum + b"\n" + packed)

    def read(self, name: str, key: Sequence[int]) -> dict[Identity, Fingerprint]:
        """Returns the fingerprints of an object for a key; none if it cannot be trusted."""
        try:
            checksum, _, packed = self._store.read(gathered_path(name)).data.partition(b"\n")
            if hashlib.sha256(packed).hexdigest().encode() != checksum:
                return {}
            found = _fingerprints(decode(packed, "an object of fingerprints"))
        except (CatalogError, ValueError, TypeError):
            return {}
        return found if gathered_name(found, key) == name else {}


def gathered_path(name: str) -> str:
    """Returns where the object of a name is."""
    return f"{PREFIX}{name[:2]}/{name}"


def _columns(prints: Mapping[Identity, Fingerprint]) -> Columns:
    """Returns fingerprints as columns of a node, one row each."""
    found, known = list(prints), list(prints.values())
    width = len(found[0].partition)
    records = [one.key for one in known]
    columns = {
        "token": byte_strings([one.token.encode() for one in found]),
        "schema": byte_strings([one.file_schema.encode() for one in found]),
        **{f"part.{n}": byte_strings([one.partition[n] for one in found]) for n in range(width)},
        "rows": integers([one.rows for one in known]),
        "writer": byte_strings([one.writer.encode() for one in known]),
        "sum": byte_strings([_wide(one.row_sum) for one in known]),
        "key.nulls": integers([None if r is None else r.nulls for r in records]),
        "key.duplicates": integers([None if r is None else r.duplicates for r in records]),
        "key.low": byte_strings([None if r is None else r.low for r in records]),
        "key.high": byte_strings([None if r is None else r.high for r in records]),
        "key.ordered": integers([None if r is None else int(r.ordered) for r in records]),
    }
    for i, facts in _by_id([one.columns for one in known]):
        columns[f"digest.{i}"] = byte_strings([None if f is None else b"".join(f) for f in facts])
    for i, digests in _by_id([one.stored for one in known]):
        columns[f"stored.{i}"] = byte_strings(digests)
    for i, digests in _by_id([one.encoded for one in known]):
        columns[f"encoded.{i}"] = byte_strings(digests)
    for i, summaries in _by_id([one.summaries for one in known]):
        columns[f"nulls.{i}"] = integers([None if s is None else s.nulls for s in summaries])
        columns[f"nans.{i}"] = integers([None if s is None else s.nans for s in summaries])
        columns[f"low.{i}"] = byte_strings([None if s is None else s.low for s in summaries])
        columns[f"high.{i}"] = byte_strings([None if s is None else s.high for s in summaries])
        columns[f"total.{i}"] = byte_strings(
            [_text(None if s is None else s.total) for s in summaries]
        )
        columns[f"slack.{i}"] = byte_strings(
            [_text(None if s is None else s.slack) for s in summaries]
        )
        columns[f"zeros.{i}"] = integers(
            [None if s is None else s.negative_zeros for s in summaries]
        )
    for i, verdicts in _by_id([one.verdicts for one in known]):
        columns[f"claims.{i}"] = byte_strings([None if v is None else v.claims for v in verdicts])
        columns[f"wrong.{i}"] = byte_strings(
            [None if v is None else v.contradiction.encode() for v in verdicts]
        )
    for i, chunks in _by_id([one.chunks for one in known]):
        columns[f"element.{i}"] = byte_strings([None if c is None else c.element for c in chunks])
        columns[f"place.{i}"] = byte_strings([None if c is None else c.place for c in chunks])
    return columns


def _by_id(facts: Sequence[Mapping[int, Fact]]) -> Iterator[tuple[int, list[Fact | None]]]:
    """Yields facts by field id, one for each file; None where it has none."""
    for field_id in dict.fromkeys(chain.from_iterable(facts)):
        yield field_id, [one.get(field_id) for one in facts]


def _wide(value: int | None) -> bytes | None:
    return None if value is None else value.to_bytes(16, "little")


def _text(value: Fraction | None) -> bytes | None:
    return None if value is None else str(value).encode()


def _fingerprints(columns: Columns) -> dict[Identity, Fingerprint]:
    """Returns the fingerprints that columns hold.

    Raises:
        CatalogError: They are none that ``keep`` wrote.
        ValueError: The same.
    """
    node = _Node(columns)
    widths = range(sum(name.startswith("part.") for name in columns))
    partitions = zip(*(node.values(f"part.{n}") for n in widths), strict=True)
    identities = map(
        Identity,
        texts(columns, "token"),
        partitions if widths else [()] * node.count,
        texts(columns, "schema"),
    )
    digests = {i: node.values(f"digest.{i}") for i in node.ids("digest")}
    whole = all(None not in one for one in digests.values())
    by_row = zip(*digests.values(), strict=True) if digests else [()] * node.count
    stored, encoded = node.digests("stored"), node.digests("encoded")
    summaries, verdicts = node.facts("nulls", node.summaries), node.facts("claims", node.verdicts)
    chunks = node.facts("element", node.chunks)
    rows, writers = counts(columns, "rows"), texts(columns, "writer")
    records, sums = node.records(), node.values("sum")
    found = {}
    for row, (identity, own) in enumerate(zip(identities, by_row, strict=True)):
        known = {i: (one,) for i, one in zip(digests, own, strict=True) if whole or one is not None}
        total = sums[row]
        found[identity] = Fingerprint(
            rows[row],
            known,
            records[row],
            _Row(summaries, row),
            None if total is None else int.from_bytes(total, "little"),
            _Row(stored, row),
            _Row(encoded, row),
            writers[row],
            _Row(verdicts, row),
            _Row(chunks, row),
        )
    return found


_TYPES = {
    **dict.fromkeys(("rows", "nulls", "nans", "zeros"), pa.int64().id),
    **dict.fromkeys(("key.nulls", "key.duplicates", "key.ordered"), pa.int64().id),
    **dict.fromkeys(("token", "part", "schema", "writer", "sum"), pa.binary().id),
    **dict.fromkeys(("key.low", "key.high", "low", "high", "total", "slack"), pa.binary().id),
    **dict.fromkeys(("digest", "stored", "encoded", "claims", "wrong"), pa.binary().id),
    **dict.fromkeys(("element", "place"), pa.binary().id),
}
"""Arrow's types of columns, by their names or the words these begin with."""

_TOGETHER = ("nulls", "nans", "slack"), ("claims", "wrong"), ("element", "place")
"""Words of columns that say something of the same files."""

_NO_SLACK = Fraction(0)


class _Facts(dict[int, Callable[[], list[Any]]]):
    """Facts of all files by field id, each column of them decoded when it is first asked for.

    Attributes:
        whole: Whether every file has all of them.
    """

    __slots__ = ("_found", "whole")

    def __init__(self, columns: Mapping[int, Callable[[], list[Any]]], *, whole: bool) -> None:
        super().__init__(columns)
        self.whole = whole
        self._found: dict[int, list[Any]] = {}

    def of(self, field_id: int) -> list[Any]:
        """Returns the facts about a column, None where a file has none."""
        found = self._found.get(field_id)
        if found is None:
            found = self._found[field_id] = self[field_id]()
        return found


class _Row(Mapping[int, Any]):
    """The facts about the columns of one file, by field id."""

    __slots__ = ("_facts", "_number")

    def __init__(self, facts: _Facts, number: int) -> None:
        self._facts = facts
        self._number = number

    def __getitem__(self, field_id: int) -> Any:
        found = self._facts.of(field_id)[self._number]
        if found is None:
            raise KeyError(field_id)
        return found

    def get(self, field_id: int, default: Any = None) -> Any:
        """Returns the fact about a column, or else the default."""
        if field_id not in self._facts:
            return default
        found = self._facts.of(field_id)[self._number]
        return default if found is None else found

    def __contains__(self, field_id: object) -> bool:
        return field_id in self.keys()

    def keys(self) -> KeysView[int]:
        """Returns the field ids, as those of a dictionary, which sets are quick with."""
        if self._facts.whole:
            return self._facts.keys()
        present = (i for i in self._facts if self._facts.of(i)[self._number] is not None)
        return dict.fromkeys(present).keys()

    def __iter__(self) -> Iterator[int]:
        return iter(self.keys())

    def __len__(self) -> int:
        return len(self.keys())

    def __repr__(self) -> str:
        return repr(dict(self))

    def __reduce__(self) -> tuple[object, ...]:
        return dict, (dict(self),)


class _Node:
    """The columns of an object, checked, and what they mean.

    Raises:
        CorruptData: A column has a name or type that ``keep`` does not write.
        ValueError: The same, or a sum is not written as one.
    """

    def __init__(self, columns: Columns) -> None:
        self._columns = columns
        self.count = len(next(iter(columns.values()))) if columns else 0
        self._ids: dict[str, list[int]] = {}
        for name, column in columns.items():
            if name not in _TYPES:
                word, _, field_id = name.partition(".")
                self._ids.setdefault(word, []).append(int(field_id))
            if column.type.id != _TYPES.get(name, _TYPES.get(name.partition(".")[0])):
                raise CorruptData(f"fingerprints have a column {excerpt(name)} of {column.type}")
        for first, *others in _TOGETHER:
            for i in self.ids(first):
                missing = {self._missing(f"{word}.{i}") for word in (first, *others)}
                if len(missing) > 1:
                    raise CorruptData(f"fingerprints tell of column {i} in part")
        for word in ("total", "slack"):
            for i in self.ids(word):
                known = {*self.values(f"{word}.{i}")} - {None, b"0"}
                if known and not _FRACTIONS.fullmatch(b"\n".join((*known, b""))):
                    raise CorruptData(f"a sum of column {i} is not one")

    def ids(self, word: str) -> list[int]:
        """Returns the field ids about which there is a fact, named by the first word."""
        return self._ids.get(word, [])

    def values(self, name: str) -> list[Any]:
        """Returns a column, None where a value is missing."""
        column = self._columns.get(name)
        return [None] * self.count if column is None else column.to_pylist()

    def _missing(self, name: str) -> int:
        column = self._columns.get(name)
        return self.count if column is None else column.null_count

    def facts(self, word: str, decoded: Callable[[int], list[Any]]) -> _Facts:
        """Returns the facts of a kind, of which those about a column are decoded by its id."""
        ids = self.ids(word)
        whole = not any(self._missing(f"{word}.{i}") for i in ids)
        return _Facts({i: partial(decoded, i) for i in ids}, whole=whole)

    def digests(self, word: str) -> _Facts:
        """Returns facts that are bytes."""
        return self.facts(word, lambda i: self.values(f"{word}.{i}"))

    def records(self) -> list[KeyRecord | None]:
        """Returns the facts about keys."""
        words = ("nulls", "duplicates", "low", "high", "ordered")
        columns = [self.values(f"key.{word}") for word in words]
        return [
            None
            if None in (nulls, duplicates, ordered)
            else KeyRecord(nulls, duplicates, low, high, bool(ordered))
            for nulls, duplicates, low, high, ordered in zip(*columns, strict=True)
        ]

    def summaries(self, field_id: int) -> list[ColumnSummary | None]:
        """Returns the summaries of a column."""
        words = ("nulls", "nans", "low", "high", "total", "slack", "zeros")
        columns = [self.values(f"{word}.{field_id}") for word in words]
        return [
            None
            if None in (nulls, nans, slack)
            else ColumnSummary(
                nulls,
                nans,
                low,
                high,
                None if total is None else Fraction(total.decode()),
                _NO_SLACK if slack == b"0" else Fraction(slack.decode()),
                None if zeros is None else bool(zeros),
            )
            for nulls, nans, low, high, total, slack, zeros in zip(*columns, strict=True)
        ]

    def verdicts(self, field_id: int) -> list[Verdict | None]:
        """Returns the verdicts on a column."""
        pairs = zip(*(self.values(f"{w}.{field_id}") for w in ("claims", "wrong")), strict=True)
        return [
            None if None in (claims, wrong) else Verdict(claims, wrong.decode(errors="replace"))
            for claims, wrong in pairs
        ]

    def chunks(self, field_id: int) -> list[StoredChunk | None]:
        """Returns how files store a column."""
        pairs = zip(*(self.values(f"{w}.{field_id}") for w in ("element", "place")), strict=True)
        return [None if None in pair else StoredChunk(*pair) for pair in pairs]
