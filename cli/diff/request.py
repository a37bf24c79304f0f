"""What ``diff`` is asked for."""

import re
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from catalog.dataclasses import dataclass, field
from cli.output.csv_style import PLAIN, CsvStyle
from cli.usage import UsageError

if TYPE_CHECKING:
    from catalog import TableDefaults

UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}
BINARY_UNITS = {"k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}

_COMMA = re.compile(r',(?=(?:[^"]*"[^"]*")*[^"]*$)')
"""A comma outside of quotes."""

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)(i?)b?", re.IGNORECASE)


class DiffFormat(StrEnum):
    """How a diff is written; ``table``, as other commands call text, stands for ``text``."""

    TEXT = "text"
    JSON = "json"
    CSV = "csv"
    PARQUET = "parquet"
    MARKDOWN = "markdown"
    XLSX = "xlsx"
    HTML = "html"
    TABLE = "table"

    @property
    def holds_rows(self) -> bool:
        """Returns whether it holds changed rows whatever else is asked for."""
        return self in (DiffFormat.CSV, DiffFormat.PARQUET, DiffFormat.XLSX)


Method: TypeAlias = Literal["auto", "join"]
"""How files are compared; ``join`` is for checking the faster paths."""

Change: TypeAlias = Literal["inserted", "deleted", "updated"]
"""What can happen to a row."""


class Form(StrEnum):
    """Which part of a diff is shown: counts to the cell, or what an option of its name asks for."""

    CELLS = "cells"
    STAT = "stat"
    ROWS = "rows"
    SCHEMA = "schema"
    FILES = "files"
    EXPLAIN = "explain"
    PARTITIONS = "partitions"

    @property
    def level(self) -> Literal["rows", "cells", "stat"]:
        """Returns how closely the files must be looked at for it."""
        if self is Form.ROWS:
            return "rows"
        return "cells" if self in (Form.CELLS, Form.PARTITIONS) else "stat"


@dataclass(frozen=True, slots=True)
class Request:
    """What a diff is asked for.

    Attributes:
        target: The file; None is stdout.
        each_table: Whether the target is a directory, in which each table gets a file.
        query: The query whose results are compared; None compares tables.
        tables: The tables; none means all that changed.
        key: Columns to match rows by; None means the tables' own.
        columns: Columns to compare; none means all.
        tolerance: By column, an absolute number or one in percent.
        ignore: Columns not to compare.
        no_metrics: Whether not to run the metrics of the configuration.
        defaults: What the configuration ignores and tolerates, by table.
        metrics: The metrics of the configuration.
        exact: Whether what the configuration ignores and tolerates is compared exactly.
        change: Which rows to list; None means all kinds.
        where: SQL that rows to list must meet.
        limit: How many rows to list; -1 means all, None what the format usually takes.
        style: How CSV is written.
        everything: Whether the picture shows all there is, however much that is.
        narrow: Whether rows show their key and the columns that changed, not all.
        context: Columns that rows show beside those that changed.
        shown: Columns that rows show beside their key; None means by the above.
        flat: Whether Parquet has a column for each column of both sides, not structs.
        vertical: Whether text has a line for each column of a row.
        threads: None means all.
        memory_limit_bytes: None means what the catalog takes.
        no_explain: Whether not to look for what explains the changes.
        illustrate: Whether JSON has distributions and changed rows, as a page of HTML has.
        format_version: The version of the JSON form.

    Raises:
        UsageError: Parts of it exclude each other.
    """

    form: Form = Form.CELLS
    how: DiffFormat = DiffFormat.TEXT
    target: Path | None = None
    each_table: bool = False
    query: str | None = None
    tables: tuple[str, ...] = ()
    key: tuple[str, ...] | None = None
    columns: tuple[str, ...] = ()
    tolerance: Mapping[str, str] = field(default_factory=dict)
    ignore: tuple[str, ...] = ()
    exact: bool = False
    no_metrics: bool = False
    defaults: Mapping[str, "TableDefaults"] = field(default_factory=dict)
    metrics: Mapping[str, str] = field(default_factory=dict)
    change: Change | None = None
    where: str | None = None
    limit: int | None = None
    narrow: bool = False
    context: tuple[str, ...] = ()
    shown: tuple[str, ...] | None = None
    flat: bool = False
    vertical: bool = False
    style: CsvStyle = PLAIN
    everything: bool = False
    check_keys: bool = False
    full_stats: bool = False
    no_explain: bool = False
    illustrate: bool = False
    format_version: int = 2
    method: Method = "auto"
    threads: int | None = None
    memory_limit_bytes: int | None = None

    def __post_init__(self) -> None:
        given = {
            "--change": self.change,
            "--where": self.where is not None,
            "--limit": self.limit is not None,
            "--narrow": self.narrow,
            "--context": self.context,
            "--columns": self.shown is not None,
            "--flat": self.flat,
            "--vertical": self.vertical,
        }
        selecting = [name for name, is_given in given.items() if is_given]
        if selecting and self.form is not Form.ROWS:
            raise UsageError(
                f"{' and '.join(selecting)} {'is' if len(selecting) == 1 else 'are'} about rows "
                "that are listed",
                hint="add --rows",
            )
        if self.shown is not None and (self.narrow or self.context):
            raise UsageError("--columns names all columns to show: it excludes --narrow, --context")
        if self.flat and self.how is not DiffFormat.PARQUET:
            raise UsageError("--flat is about --format parquet; CSV is flat in any case")
        if self.vertical and self.how is not DiffFormat.TEXT:
            raise UsageError(f"--vertical is about text, not --format {self.how}")
        if self.each_table and self.how not in (DiffFormat.CSV, DiffFormat.PARQUET):
            raise UsageError(
                f"{self.target} is a directory, and --format {self.how} is one file",
                hint=f"name the file: -o {self.target}/changes.{self.how}",
            )
        self.style.check_format(is_csv=self.how is DiffFormat.CSV)
        if self.query is not None and (self.tables or self.form not in (Form.CELLS, Form.ROWS)):
            raise UsageError(
                "--query excludes -t, --stat, --schema, --files, --partitions and --explain: it "
                "compares rows"
            )

    @property
    def explained(self) -> bool:
        """Returns whether to look for what explains the changes: rows alone do not show it."""
        return (self.form is Form.CELLS or self.shows_sample) and not self.no_explain

    @property
    def shows_sample(self) -> bool:
        """Returns whether a page shows some changed rows beside its counts."""
        pages = (DiffFormat.MARKDOWN, DiffFormat.HTML)
        return self.form is Form.ROWS and self.how in pages

    @property
    def illustrated(self) -> bool:
        """Returns whether it is to be drawn with distributions and changed rows."""
        drawn = self.how is DiffFormat.HTML or (self.illustrate and self.as_json)
        return (drawn and self.form is Form.CELLS) or (self.as_page and self.shows_sample)

    @property
    def as_page(self) -> bool:
        """Returns whether the diff is written as a page of HTML."""
        return self.how is DiffFormat.HTML

    @property
    def level(self) -> Literal["rows", "cells", "stat"]:
        """Returns how closely the files must be looked at."""
        return "rows" if self.illustrated else self.form.level

    @property
    def as_json(self) -> bool:
        """Returns whether the diff is written as JSON."""
        return self.how is DiffFormat.JSON


def chosen_form(asked: Mapping[Form, bool], how: DiffFormat) -> Form:
    """Returns which part of a diff was asked for.

    Raises:
        UsageError: Several were, or one that the format cannot hold.
    """
    forms = [form for form, is_asked in asked.items() if is_asked]
    if len(forms) > 1:
        raise UsageError(f"{' and '.join(f'--{form}' for form in forms)} exclude each other")
    if how is DiffFormat.CSV and forms == [Form.PARTITIONS]:
        return Form.PARTITIONS
    only_rows = how.holds_rows
    if only_rows and forms not in ([], [Form.ROWS]):
        raise UsageError(f"--format {how} holds rows, not --{forms[0]}", hint="--format json")
    pages = (DiffFormat.MARKDOWN, DiffFormat.HTML)
    if how in pages and forms not in ([], [Form.STAT], [Form.ROWS]):
        raise UsageError(f"--format {how} does not hold --{forms[0]}", hint="--format json")
    return Form.ROWS if only_rows else forms[0] if forms else Form.CELLS


def tolerances(texts: Sequence[str]) -> dict[str, str]:
    """Reads ``COL=X`` options; a name may hold ``=`` itself.

    Raises:
        UsageError: One has another form.
    """
    found = {}
    for text in texts:
        name, equals, stated = text.rpartition("=")
        if not (name and equals and stated):
            raise UsageError(
                f"{text!r} is not of the form --tolerance COL=X",
                hint="for example: --tolerance amount=0.01 or orders.amount=1%",
            )
        found[name] = stated
    return found


def key_columns(text: str) -> tuple[str, ...]:
    """Reads ``COL,COL``; in quotes, a name may hold commas.

    >>> key_columns('day, "a,b"."c"')
    ('day', '"a,b"."c"')
    """
    return tuple(part.strip() for part in _COMMA.split(text))


def column_names(text: str) -> tuple[str, ...]:
    """Reads ``COL,COL``; a name in quotes may hold commas.

    >>> column_names('channel, "a,b"')
    ('channel', 'a,b')
    """
    quoted = (len(part) > 1 and part[0] == part[-1] == '"' for part in key_columns(text))
    return tuple(
        part[1:-1].replace('""', '"') if is_quoted else part
        for part, is_quoted in zip(key_columns(text), quoted, strict=True)
    )


def memory_bytes(written: str, *, option: str = "--memory-limit", example: str = "2GB") -> int:
    """Reads a size such as ``2GB`` or ``512MiB``; hints name its option with an example.

    Raises:
        UsageError: It is not a size.
    """
    match = _SIZE.fullmatch(written.strip())
    if match is None:
        raise UsageError(f"{written!r} is not a size", hint=f"e.g. {option} {example}")
    units = BINARY_UNITS if match[3] else UNITS
    return int(float(match[1]) * units.get(match[2].lower(), 1))
