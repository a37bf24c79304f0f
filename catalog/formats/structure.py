"""How Parquet files store their columns, as far as it decides how the engine reads them.

Files of equal structures are read as columns of equal types, so that the engine is asked once.
"""

import json

from catalog.dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Structure:
    """What of a footer decides the types of the columns.

    Attributes:
        elements: The schema as it is stored.
        geo: What the key ``geo`` says of columns, but for how far their values extend; empty if
            it is missing.
    """

    elements: bytes
    geo: str = ""


def structure_of(schema: bytes, geo: bytes | None) -> Structure:
    """Returns the structure that a footer's schema, and the value of its key ``geo``, describe."""
    return Structure(schema, "" if geo is None else _shared(geo))


def _shared(geo: bytes) -> str:
    """Returns what files of one structure share of ``geo``: all but the extents of the values."""
    try:
        found = json.loads(geo)
        for column in found["columns"].values():
            if isinstance(column.get("bbox"), list):
                column["bbox"] = len(column["bbox"])
        return json.dumps(found, sort_keys=True)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return repr(geo)
