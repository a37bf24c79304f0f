"""What a table of Delta may need of its reader: only what is named here is read."""

from collections.abc import Mapping, Sequence

from catalog.errors import ErrorKind, Unsupported

READER_FEATURES = frozenset({"deletionVectors", "columnMapping", "timestampNtz", "v2Checkpoint"})
"""The features that are read."""

_BY_TYPE = frozenset({"variantType", "variantType-preview"})
"""Features that allow a type, which the library declares for tables that have no such column: what
counts is whether one has."""

NEWEST_READER = 3
"""The newest reader version that is read."""

MAPPING = "delta.columnMapping.mode"
"""The setting that says how columns of files are found."""

MAPPING_MODES = ("none", "name", "id")


def check_readable(
    root: str, version: int, features: Sequence[str] | None, settings: Mapping[str, str]
) -> None:
    """Checks that a table needs nothing of its reader that is not known here.

    The library lists the files of some tables whose rows it refuses to read, and new releases of
    it read what was never tried here: so the list is our own.

    Args:
        root: The table, for messages.
        version: The reader version of its protocol.
        features: The reader features of its protocol; None below version 3.
        settings: Its settings.

    Raises:
        Unsupported: It needs something else; the message names it.
    """
    if version > NEWEST_READER:
        raise unsupported(root, f"reader version {version}")
    for name in sorted(features or ()):
        if name not in READER_FEATURES | _BY_TYPE:
            raise unsupported(root, f"the feature {name}")
    mode = settings.get(MAPPING, "none")
    if mode not in MAPPING_MODES:
        raise unsupported(root, f"{MAPPING} = {mode}")
    if mode != "none" and not (version == 2 or "columnMapping" in (features or ())):
        raise unsupported(root, f"{MAPPING} = {mode}, and a protocol without columnMapping")


def unsupported(root: str, what: str) -> Unsupported:
    """Returns the error for a table with something that is not known here."""
    return Unsupported(
        f"{root} is a table of Delta with {what}, which is not supported: its rows could be read "
        "wrongly",
        kind=ErrorKind.UNSUPPORTED_FEATURE,
        hint="write its current rows to plain Parquet with a reader that knows it, or drop the "
        f"feature; supported are {', '.join(sorted(READER_FEATURES))}",
    )
