"""How much of a diff a page of Markdown shows, from most to least."""

from catalog.dataclasses import dataclass

MOST_CHARACTERS = 60_000
"""Characters of a page: what a comment on GitHub or GitLab takes, and some to spare."""

NAME = 80
"""Columns of text that a name takes at most."""

SENTENCE = 400
"""Columns of text that a schema change, or a warning, takes at most."""


@dataclass(frozen=True, slots=True)
class Detail:
    """How much of a diff a page shows.

    Attributes:
        overview: Tables that are listed.
        tables: Tables that have a section.
        columns: Changed columns, and schema changes, of a table.
        partitions: Partitions of a table.
        rows: Changed rows of a table.
        value: Columns of text that a value takes.
    """

    overview: int
    tables: int
    columns: int
    partitions: int
    rows: int
    value: int


DETAILS = (
    Detail(200, 50, 50, 100, 500, 120),
    Detail(200, 50, 50, 100, 100, 80),
    Detail(200, 50, 50, 50, 50, 60),
    Detail(200, 50, 30, 30, 20, 40),
    Detail(200, 30, 20, 20, 10, 40),
    Detail(100, 20, 12, 10, 5, 28),
    Detail(100, 20, 12, 10, 0, 28),
    Detail(50, 8, 12, 10, 0, 28),
    Detail(50, 4, 6, 0, 0, 28),
    Detail(20, 0, 0, 0, 0, 28),
)
"""From most to least: rows go first, then tables, then columns. The last fits whatever the diff."""
