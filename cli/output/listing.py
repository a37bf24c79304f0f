"""Listings: rows of named columns, printed as text, JSON, CSV or Markdown."""

import datetime
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import TypeAlias

from catalog.dataclasses import dataclass, field
from catalog.report.figures import exact_moment, grouped, moment, plain, short, size
from catalog.report.layout import aligned, markdown_table
from cli.output import stdout

FORMAT_VERSION = 1
"""Version of all JSON that the commands print; it grows when a key changes its meaning."""

COMMIT_COLUMNS = ("commit", "before", "after")
"""Columns of commit ids, which text abbreviates."""

Cell: TypeAlias = (
    "str | int | float | bool | datetime.datetime | Sequence[Cell] | Mapping[str, Cell] | None"
)


class ListFormat(StrEnum):
    """How a listing is printed."""

    TEXT = "text"
    JSON = "json"
    CSV = "csv"
    MARKDOWN = "markdown"


@dataclass(frozen=True, slots=True)
class Listing:
    """What a command lists.

    Attributes:
        name: What the rows are, which is their JSON key.
        columns: Names of the columns, which are the JSON keys of a row.
        about: Further JSON keys beside the rows.
        empty: What to say in text if there are no rows.
    """

    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    about: Mapping[str, Cell] = field(default_factory=dict)
    empty: str = ""


def show(listing: Listing, how: ListFormat) -> None:
    """Prints a listing on stdout."""
    from cli.output.values import csv_line

    match how:
        case ListFormat.JSON:
            rows = [{name: _json(c) for name, c in _named(listing, row)} for row in listing.rows]
            show_json({**listing.about, listing.name: rows})
        case ListFormat.CSV:
            stdout.data(csv_line(listing.columns))
            for row in listing.rows:
                stdout.data(csv_line([_flat(cell) for cell in row]))
        case ListFormat.MARKDOWN:
            cells = [[_text(name, c) for name, c in _named(listing, row)] for row in listing.rows]
            stdout.lines(markdown_table(listing.columns, cells, right=_numeric(listing)))
        case ListFormat.TEXT:
            _show_text(listing)


def show_json(value: Mapping[str, object]) -> None:
    """Prints one JSON object with its format version."""
    from cli.output.values import dumped

    whole = {"format_version": FORMAT_VERSION, **value}
    stdout.line(dumped(whole, indent=2))


def show_outcome(value: Mapping[str, object], *lines: str, json: bool) -> None:
    """Prints what a command did: one JSON object, or lines of text."""
    if json:
        show_json(value)
    else:
        stdout.lines(lines)


def picked(value: object, *names: str) -> dict[str, object]:
    """Returns the JSON form of a value: the attributes that are named, in their order."""
    return {name: getattr(value, name) for name in names}


def _show_text(listing: Listing) -> None:
    if not listing.rows:
        if listing.empty:
            stdout.line(listing.empty)
        return
    cells = [[_short_text(name, c) for name, c in _named(listing, row)] for row in listing.rows]
    header = [name.removesuffix("_bytes").replace("_", " ") for name in listing.columns]
    room = stdout.room()
    stdout.lines(aligned([header, *cells], right=_numeric(listing), width=room))


def _named(listing: Listing, row: tuple[Cell, ...]) -> list[tuple[str, Cell]]:
    return list(zip(listing.columns, row, strict=True))


def _numeric(listing: Listing) -> list[bool]:
    return [
        bool(listing.rows)
        and all(isinstance(row[i], int) and not isinstance(row[i], bool) for row in listing.rows)
        for i in range(len(listing.columns))
    ]


def _short_text(name: str, cell: Cell) -> str:
    """Returns a cell for a terminal: commit ids abbreviated, times to the second."""
    match cell:
        case str() if name in COMMIT_COLUMNS:
            return short(cell)
        case datetime.datetime():
            return moment(cell)
    return _text(name, cell)


def _text(name: str, cell: Cell) -> str:
    """Returns a cell for people: sizes in units, thousands apart."""
    match cell:
        case True:
            return "yes"
        case False:
            return ""
        case int() if name.endswith("_bytes"):
            return size(cell)
        case int():
            return grouped(str(cell))
    return plain(_flat(cell) or ("NULL" if cell is None else ""))


def _json(cell: Cell) -> Cell:
    return exact_moment(cell) if isinstance(cell, datetime.datetime) else cell


def _flat(cell: Cell) -> str | None:
    """Returns a cell as one text; nested ones as ``a=1/b=2`` or ``a, b``."""
    match cell:
        case None:
            return None
        case bool():
            return "true" if cell else "false"
        case str():
            return cell
        case datetime.datetime():
            return exact_moment(cell)
        case int() | float():
            return str(cell)
        case Mapping():
            return "/".join(f"{k}={'NULL' if v is None else _flat(v)}" for k, v in cell.items())
    return ", ".join(_flat(one) or "NULL" for one in cell)
