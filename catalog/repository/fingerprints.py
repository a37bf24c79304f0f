"""Fingerprints as stored: derived objects under ``cache/``, one per data file and key.

An object is the hex SHA-256 of what follows, a line feed, and zlib of canonical JSON; see
``docs/reference/format.md`` for its fields. An object that is damaged, or about something else,
is as good as none.
"""

import base64
import binascii
import hashlib
import json
import re
import zlib
from collections.abc import Callable, Iterator, KeysView, Mapping, Sequence
from fractions import Fraction
from functools import cache
from typing import Any, TypeVar

from catalog.errors import CatalogError
from catalog.model.datafile import DataFile
from catalog.model.fingerprint import (
    ALGORITHM,
    BLOCK_ROWS,
    ColumnSummary,
    Fingerprint,
    KeyRecord,
    Verdict,
)
from catalog.model.ids import canonical_json, parse_json
from catalog.repository.inflating import inflated
from catalog.storage.store import ObjectStore

DIGEST_BYTES = 16
PREFIX = "cache/fingerprints/"


class Fingerprints:
    """Reads and keeps the fingerprints of a catalog's data files."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def read(self, file: DataFile, key: Sequence[int]) -> Fingerprint | None:
        """Returns what is kept of a file for a key of field ids, None if nothing can be trusted."""
        return self.read_gathered(file, key)[0]

    def read_gathered(self, file: DataFile, key: Sequence[int]) -> tuple[Fingerprint | None, str]:
        """Returns the same, and the name of the object that has those of other files, too.

        The name is empty if there is none.
        """
        try:
            stored = self._store.read(fingerprint_path(file, key)).data
            checksum, _, packed = stored.partition(b"\n")
            if hashlib.sha256(packed).hexdigest().encode() != checksum:
                return None, ""
            return _decoded(inflated(packed, "a fingerprint"), file, key)
        except (CatalogError, ValueError, TypeError, AttributeError, ArithmeticError):
            return None, ""

    def keep(
        self,
        file: DataFile,
        key: Sequence[int],
        fingerprint: Fingerprint,
        *,
        gathered: str = "",
    ) -> None:
        """Keeps the fingerprint of a file; where nothing can be written, nothing is kept.

        ``gathered`` is the name of the object that has those of other files, too.
        """
        about = _encoded(file, key, fingerprint)
        if gathered:
            about["gathered"] = gathered
        packed = zlib.compress(canonical_json(about), 1)
        checksum = hashlib.sha256(packed).hexdigest().encode()
        try:
            self._store.put(fingerprint_path(file, key), checksum + b"\n" + packed)
        except CatalogError:
            return


def _about(file: DataFile, key: Sequence[int]) -> list[object]:
    partition = [None if value is None else value.hex() for value in file.partition]
    return [file.token, partition, file.file_schema, list(key)]


def fingerprint_path(file: DataFile, key: Sequence[int]) -> str:
    """Returns where the fingerprint of a data file is, for a key of field ids."""
    name = hashlib.sha256(canonical_json([ALGORITHM, _about(file, key)])).hexdigest()
    return f"{PREFIX}{name[:2]}/{name}"


def _encoded(file: DataFile, key: Sequence[int], fingerprint: Fingerprint) -> dict[str, object]:
    record = fingerprint.key
    return {
        "algorithm": ALGORITHM,
        "about": _about(file, key),
        "rows": fingerprint.rows,
        "columns": _blocks(fingerprint.columns),
        "key": None
        if record is None
        else [
            record.nulls,
            record.duplicates,
            _hex(record.low),
            _hex(record.high),
            record.ordered,
        ],
        "summaries": {
            str(field_id): [
                one.nulls,
                one.nans,
                _hex(one.low),
                _hex(one.high),
                None if one.total is None else str(one.total),
                str(one.slack),
                one.negative_zeros,
            ]
            for field_id, one in fingerprint.summaries.items()
        },
        "row_sum": None if fingerprint.row_sum is None else f"{fingerprint.row_sum:032x}",
        "stored": {str(i): _base64(digest) for i, digest in fingerprint.stored.items()},
        "encoded": {str(i): _base64(digest) for i, digest in fingerprint.encoded.items()},
        "writer": fingerprint.writer,
        "verdicts": {
            str(i): [one.claims.hex(), one.contradiction] for i, one in fingerprint.verdicts.items()
        },
    }


def _blocks(columns: Mapping[int, tuple[bytes, ...]]) -> dict[str, str]:
    return {str(field_id): _base64(b"".join(digests)) for field_id, digests in columns.items()}


Fact = TypeVar("Fact")


_JSON = json.JSONDecoder()

FEW_FACTS = 8
"""Facts up to which each is looked for by its name."""


class _Later(Mapping[int, Fact]):
    """Facts by field id, each decoded when it is asked for: most never are.

    They are the JSON object of a fingerprint that was recognised as a whole, so that every one can
    be decoded.
    """

    __slots__ = ("_asked", "_decode", "_found", "_known", "_text")

    def __init__(self, text: bytes, decode: Callable[[Any], Fact]) -> None:
        self._text = text.decode()
        self._decode = decode
        self._known: dict[int, int] | None = None
        self._asked = 0
        self._found: dict[int, Fact] = {}

    def __getitem__(self, field_id: int) -> Fact:
        found = self._found.get(field_id)
        if found is None:
            stored, _ = _JSON.raw_decode(self._text, self._place(field_id))
            found = self._found[field_id] = self._decode(stored)
        return found

    def _place(self, field_id: int) -> int:
        """Returns where a fact begins in the text, and looks for the places of all only for many.

        Raises:
            KeyError: There is none.
        """
        self._asked += 1
        if self._known is not None or self._asked > FEW_FACTS:
            return self._places()[field_id]
        name = f'"{field_id}":'
        at = self._text.rfind(name)
        if at < 0:
            raise KeyError(field_id)
        return at + len(name)

    def _places(self) -> dict[int, int]:
        """Returns where each fact begins in the text: none holds what looks like a name."""
        if self._known is None:
            names = _FIELD_ID.finditer(self._text)
            self._known = {int(name[1]): name.end() for name in names}
        return self._known

    def __reduce__(self) -> tuple[object, ...]:
        return dict, (dict(self),)

    def __contains__(self, field_id: object) -> bool:
        return field_id in self._places()

    def __iter__(self) -> Iterator[int]:
        return iter(self._places())

    def keys(self) -> KeysView[int]:
        """Returns the field ids, as those of a dictionary, which sets are quick with."""
        if self._known is not None:
            return self._known.keys()
        return dict.fromkeys(map(int, _FIELD_ID.findall(self._text))).keys()

    def __len__(self) -> int:
        return len(self._places())

    def __repr__(self) -> str:
        return repr(dict(self))


@cache
def _form() -> re.Pattern[bytes]:
    """Returns the form of the fingerprint of a file of one block, as ``keep`` writes it.

    Texts are ASCII without escapes, and numbers have up to 18 digits. Others have no such form.
    """
    text, number, digest = r'"[ !#-\[\]-~]*+"', r"[0-9]{1,18}", r'"[A-Za-z0-9+/]{22}=="'
    octets, fraction = r'(?:null|"(?:[0-9a-f]{2})*+")', rf'"{_FRACTION.pattern}"'
    summary = (
        rf"\[{number},{number},{octets},{octets},(?:null|{fraction}),{fraction}"
        r"(?:,(?:null|true|false))?\]"
    )
    record = rf"\[{number},{number},{octets},{octets},(?:true|false)\]"

    def by_id(fact: str) -> str:
        entry = rf'"(?:0|[1-9][0-9]{{0,17}})":{fact}'
        return rf"\{{(?:{entry}(?:,{entry})*+)?\}}"

    fields = {
        "about": r"\[.*?\]",
        "algorithm": text,
        "columns": by_id(digest),
        "encoded": by_id(digest),
        "key": f"null|{record}",
        "row_sum": r'null|"[0-9a-f]{32}"',
        "rows": number,
        "stored": by_id(digest),
        "summaries": by_id(summary),
        "verdicts": by_id(rf'\["(?:[0-9a-f]{{2}})*+",{text}\]'),
        "writer": text,
    }
    listed = ",".join(f'"{name}":(?P<{name}>{form})' for name, form in fields.items())
    listed = listed.replace(',"key":', r'(?:,"gathered":"(?P<gathered>[0-9a-f]{64})")?,"key":')
    return re.compile(rf"\{{{listed}\}}".encode())


def _decoded(content: bytes, file: DataFile, key: Sequence[int]) -> tuple[Fingerprint | None, str]:
    form = _form().fullmatch(content) if 0 < file.rows <= BLOCK_ROWS else None
    if form is None:
        return _decoded_at_once(content, file, key)
    stated = form["algorithm"], form["rows"], form["about"]
    expected = ALGORITHM, file.rows, _about(file, key)
    if stated != tuple(map(canonical_json, expected)):
        return None, ""
    found = Fingerprint(
        file.rows,
        _sound_blocks(form["columns"]),
        _record(json.loads(form["key"].decode())),
        _Later(form["summaries"], _sound_summary),
        None if form["row_sum"] == b"null" else int(form["row_sum"][1:-1], 16),
        _Later(form["stored"], binascii.a2b_base64),
        _Later(form["encoded"], binascii.a2b_base64),
        form["writer"][1:-1].decode(),
        _Later(form["verdicts"], lambda one: Verdict(bytes.fromhex(one[0]), one[1])),
    )
    return found, (form["gathered"] or b"").decode()


_OPTIONAL = {"encoded": {}, "writer": "", "verdicts": {}, "gathered": ""}
"""Fields that may be absent, and what they are then."""


def _decoded_at_once(
    content: bytes, file: DataFile, key: Sequence[int]
) -> tuple[Fingerprint | None, str]:
    match {**_OPTIONAL, **parse_json(content, "a fingerprint")}:
        case {
            "algorithm": str(algorithm),
            "about": [*about],
            "rows": int(rows),
            "columns": dict(columns),
            "key": record,
            "summaries": dict(summaries),
            "row_sum": (str() | None) as row_sum,
            "stored": dict(stored),
            "encoded": dict(encoded),
            "writer": str(writer),
            "verdicts": dict(verdicts),
            "gathered": str(gathered),
            **others,
        } if (algorithm, about, rows, others) == (ALGORITHM, _about(file, key), file.rows, {}):
            known = {int(field_id): _summary(stored) for field_id, stored in summaries.items()}
            made = Fingerprint(
                rows,
                _digests_by_column(columns, rows),
                _record(record),
                {field_id: one for field_id, one in known.items() if one is not None},
                None if row_sum is None else int(row_sum, 16),
                _digest_by_column(stored),
                _digest_by_column(encoded),
                writer,
                _verdicts(verdicts),
            )
            return made, gathered if _NAME.fullmatch(gathered) else ""
    return None, ""


def _verdicts(stored: Mapping[str, object]) -> dict[int, Verdict]:
    found = {}
    for field_id, one in stored.items():
        match one:
            case [str(claims), str(contradiction)]:
                found[int(field_id)] = Verdict(bytes.fromhex(claims), contradiction)
    return found


def _summary(stored: object) -> ColumnSummary | None:
    match stored:
        case [
            int(nulls),
            int(nans),
            (str() | None) as low,
            (str() | None) as high,
            (str() | None) as total,
            str(slack),
            *more,
        ]:
            exact = None if total is None else _fraction(total)
            zeros = more[0] if more and isinstance(more[0], bool) else None
            return ColumnSummary(
                nulls, nans, _bytes(low), _bytes(high), exact, _fraction(slack), zeros
            )
    return None


_NAME = re.compile(r"(?:[0-9a-f]{64})?")

_FIELD_ID = re.compile(r'"([0-9]+)":')

_DIGEST_BY_ID = re.compile(rb'"([0-9]+)":"([^"]+)"')


def _sound_blocks(text: bytes) -> dict[int, tuple[bytes, ...]]:
    """Returns the digests of the only block by field id, of a JSON object that was recognised."""
    return {int(i): (binascii.a2b_base64(digest),) for i, digest in _DIGEST_BY_ID.findall(text)}


def _sound_summary(stored: object) -> ColumnSummary:
    found = _summary(stored)
    assert found is not None, "a form of summaries was recognised"
    return found


_FRACTION = re.compile(r"-?[0-9]{1,4000}(?:/[1-9][0-9]{0,3999})?")
"""Fractions as they are stored: ``Fraction`` itself would also take ``1e999999999``."""


def _fraction(text: str) -> Fraction:
    if not _FRACTION.fullmatch(text):
        raise ValueError(f"{text[:20]} is not a stored fraction")
    return Fraction(text)


def _record(stored: object) -> KeyRecord | None:
    match stored:
        case [
            int(nulls),
            int(duplicates),
            (str() | None) as low,
            (str() | None) as high,
            bool(ordered),
        ]:
            return KeyRecord(nulls, duplicates, _bytes(low), _bytes(high), ordered)
    return None


def _digest_by_column(stored: Mapping[str, str]) -> dict[int, bytes]:
    return {int(field_id): _digest_bytes(text, 1) for field_id, text in stored.items()}


def _digests_by_column(stored: Mapping[str, str], rows: int) -> dict[int, tuple[bytes, ...]]:
    blocks = -(-rows // BLOCK_ROWS)
    return {int(field_id): _digests(text, blocks) for field_id, text in stored.items()}


def _digest_bytes(text: str, count: int) -> bytes:
    whole = base64.b64decode(text, validate=True)
    if len(whole) != count * DIGEST_BYTES:
        raise ValueError(f"{len(whole)} bytes are not {count} digests")
    return whole


def _digests(text: str, count: int) -> tuple[bytes, ...]:
    whole = _digest_bytes(text, count)
    return tuple(whole[n : n + DIGEST_BYTES] for n in range(0, len(whole), DIGEST_BYTES))


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()


def _hex(value: bytes | None) -> str | None:
    return None if value is None else value.hex()


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else bytes.fromhex(text)
