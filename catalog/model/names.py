"""Names of refs and tables: which are allowed, and how they are stored as path segments."""

import re
import unicodedata

from catalog.errors import ErrorKind, InvalidInput
from catalog.model.ids import ID_PREFIX
from catalog.model.texts import check_text

_FORBIDDEN = re.compile(r"[\s\x00-\x1f\x7f-\x9f~^:@{}\\]|\.\.")
_PLAIN = re.compile(r"[a-z0-9._-]")
MAX_REF_BYTES = 200
"""Longest ref name: percent-encoded three times as long, it still fits a path segment on
object stores; on file systems with 255-byte segments longer encodings are refused."""

MAX_SEGMENT_BYTES = 255
"""Longest path segment that common file systems take."""

RESERVED_NAMESPACE = "parquetry"
"""The namespace of tables that only the catalog creates."""

MAX_TABLE_PARTS = 3
"""Most dot-separated parts of a table name: namespaces and the table."""


def canonical_name(name: str) -> str:
    """Returns a name in the one Unicode form in which names are stored, NFC.

    Raises:
        InvalidInput: It is not text.
    """
    check_text(name, "a name")
    return unicodedata.normalize("NFC", name)


def check_ref_name(name: str) -> str:
    """Returns a ref name that may be given to a branch or tag, in NFC.

    Raises:
        InvalidInput: The name breaks a rule, which the message names.
    """
    name = canonical_name(name)
    problem = None
    if not name:
        problem = "it is empty"
    elif len(name.encode(errors="surrogatepass")) > MAX_REF_BYTES:
        problem = f"it is longer than {MAX_REF_BYTES} bytes"
    elif found := _FORBIDDEN.search(name):
        problem = f"it contains {found[0]!r}"
    elif ID_PREFIX.fullmatch(name):
        problem = "it reads like a commit id (4 to 64 hex digits)"
    elif name.startswith(("-", "/")) or name.endswith("/") or "//" in name:
        problem = "it starts with '-' or has an empty part between slashes"
    elif _is_invisible(name):
        problem = "it contains an invisible character"
    elif len(encode_segment(name)) + len(".deleted.json") > MAX_SEGMENT_BYTES:
        problem = "it is too long once its special characters are encoded"
    what, advice = "branch or tag", "use letters, digits and any of - _ . /, e.g. backfill/2024-03"
    return _allowed(name, problem, what=what, advice=advice)


def check_table_name(name: str) -> str:
    """Returns a table name that may be given to a table, in NFC.

    Raises:
        InvalidInput: The name breaks a rule, which the message names.
    """
    name = canonical_name(name)
    parts = name.split(".")
    problem = None
    if len(parts) > MAX_TABLE_PARTS:
        problem = f"it has more than {MAX_TABLE_PARTS} parts"
    elif not all(part.strip() == part and part for part in parts):
        problem = "a part is empty, or starts or ends with a blank"
    elif "@" in name:
        problem = "it contains '@', which divides a table from a ref"
    elif _is_invisible(name):
        problem = "it contains a control or invisible character"
    elif len(encode_segment(name)) > MAX_SEGMENT_BYTES:
        problem = "it is too long"
    return _allowed(name, problem, what="table", advice="use names like orders or sales.orders")


def _is_invisible(name: str) -> bool:
    return any(unicodedata.category(c) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp") for c in name)


def _allowed(name: str, problem: str | None, *, what: str, advice: str) -> str:
    if problem is None:
        return name
    raise InvalidInput(
        f"{name!r} cannot be a {what} name: {problem}", kind=ErrorKind.INVALID_NAME, hint=advice
    )


def check_not_reserved(name: str) -> None:
    """Checks that the name of a new table is not reserved for the catalog's own tables.

    Raises:
        InvalidInput: It is.
    """
    namespace, _, rest = name.partition(".")
    if rest and namespace.casefold() == RESERVED_NAMESPACE:
        raise InvalidInput(
            f"{name!r} cannot be the name of a new table: {RESERVED_NAMESPACE}.… is reserved for "
            "the catalog's own tables, such as the conflicts of a merge",
            kind=ErrorKind.RESERVED_NAME,
            hint=f"use another namespace, or none, e.g. {rest}",
        )


def encode_segment(name: str) -> str:
    """Returns a name as one path segment: bytes outside ``[a-z0-9._-]`` percent-encoded.

    A name of dots only gets its first dot encoded, so that no segment is ``.`` or ``..``.
    """
    encoded = "".join(
        chr(byte) if _PLAIN.match(chr(byte)) else f"%{byte:02X}"
        for byte in name.encode(errors="surrogatepass")
    )
    return "%2E" + encoded[1:] if encoded.startswith(".") else encoded


def decode_segment(segment: str) -> str:
    """Returns the name that a path segment encodes; empty if none does."""
    encoded = re.sub(r"%([0-9A-F]{2})", lambda m: chr(int(m[1], 16)), segment)
    try:
        return encoded.encode("latin-1").decode(errors="surrogatepass")
    except UnicodeError:
        return ""
