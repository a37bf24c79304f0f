"""Digests inside objects that are not named by their content: branches, tags, ``catalog.json``.

A digest is the SHA-256 of the canonical JSON of the object without its field ``digest``. Objects of
older writers have none; they have no fields that are unknown either, so that a changed byte in the
name of the field is noticed too.
"""

from collections.abc import Collection, Mapping

from catalog.errors import CorruptData
from catalog.model.ids import canonical_json, content_id

FIELD = "digest"


def digest_of(fields: Mapping[str, object]) -> str:
    """Returns the digest of an object's fields."""
    return content_id(canonical_json({k: v for k, v in fields.items() if k != FIELD}))


def with_digest(fields: Mapping[str, object]) -> bytes:
    """Returns the stored form of an object that is written once."""
    return canonical_json({**fields, FIELD: digest_of(fields)})


def check_digest(stored: Mapping[str, object], *, known: Collection[str], what: str) -> None:
    """Checks an object, which is ``what`` in messages, by its digest.

    One without a digest may only have the ``known`` fields of the oldest writers.

    Raises:
        CorruptData: It is not as it was written.
    """
    if FIELD not in stored:
        unknown = sorted(stored.keys() - set(known))
        if unknown:
            raise CorruptData(f"{what} is damaged: the field {unknown[0]!r} is unknown")
    elif stored[FIELD] != digest_of(stored):
        raise CorruptData(f"{what} is damaged: its bytes do not match its digest")
