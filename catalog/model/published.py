"""Tables that are published in another format: what they say of themselves, to be continued."""

from typing import Literal, TypeAlias, get_args

from catalog.dataclasses import dataclass

PublicationFormat: TypeAlias = Literal["delta", "iceberg", "duckdb"]
"""Formats in which branches are published."""

PUBLICATION_FORMATS: tuple[PublicationFormat, ...] = get_args(PublicationFormat)
"""All of them."""


@dataclass(frozen=True, slots=True)
class Origin:
    """What a published table is of.

    Attributes:
        catalog_id: The catalog.
        branch: The branch that it follows; empty for a state that was written out once.
        table: The name of the table.
    """

    catalog_id: str
    branch: str
    table: str


@dataclass(frozen=True, slots=True)
class Shown:
    """What a version of a published table shows.

    Attributes:
        version: Its number, from 0.
        origin: What the table is of.
        commit_id: The commit.
        snapshot: The id of the table's snapshot there; empty if the commit has no such table.
        time_ms: When the version was made, as readers see it: milliseconds since 1970, later than
            that of the version before.
    """

    version: int
    origin: Origin
    commit_id: str
    snapshot: str
    time_ms: int
