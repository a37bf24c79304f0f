"""Workbooks for Excel: typed cells, faithful where Excel can be, and text where it cannot."""

import contextlib
import datetime
import math
import tempfile
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, BinaryIO

from catalog.errors import ErrorKind, Unsupported
from catalog.report.figures import counted
from catalog.report.values import text
from cli.usage import UsageError

if TYPE_CHECKING:
    from xlsxwriter import Workbook
    from xlsxwriter.format import Format
    from xlsxwriter.worksheet import Worksheet

MOST_ROWS = 1_048_576
"""Rows of a sheet, the header among them."""

MOST_COLUMNS = 16_384
MOST_UNITS = 32_767
"""Units of UTF-16 that a cell holds."""

DIGITS = 15
"""Decimal digits that Excel keeps of a number."""

FIRST_DAY = datetime.date(1900, 3, 1)
"""The first day on which Excel's count of days is right: it has a 29 February 1900."""

NAME_UNITS = 31
"""Characters of a sheet's name."""

WIDEST = 48
"""Characters that a column is wide at most."""

STYLES: dict[str, dict[str, object]] = {
    "plain": {},
    "head": {"bold": True, "bottom": 1, "text_wrap": False},
    "changed": {"bg_color": "#FFF2CC", "bold": True},
    "inserted": {"bg_color": "#E2EFDA"},
    "deleted": {"bg_color": "#F8CBAD", "font_strikeout": True},
}
"""How cells look, by what they say; none by colour alone."""


class Sheet:
    """A sheet with a header that stays in sight, filled row by row."""

    def __init__(self, book: "Book", sheet: "Worksheet", columns: Sequence[str]) -> None:
        self._book, self._sheet, self._columns = book, sheet, len(columns)
        self._widths = [len(name) for name in columns]
        self._row = 0
        self.write(columns, ["head"] * len(columns))
        sheet.freeze_panes(1, 0)

    @property
    def rows(self) -> int:
        """Returns how many rows there are below the header."""
        return self._row - 1

    def write(self, values: Sequence[object], styles: Sequence[str] = ()) -> None:
        """Writes a row; ``styles`` names how each cell looks.

        Raises:
            UsageError: The sheet is full.
        """
        if self._row >= MOST_ROWS:
            raise UsageError(
                f"a sheet of Excel holds {MOST_ROWS - 1:,} rows, and there are more",
                hint="--limit or --where takes fewer, --format csv or parquet all",
            )
        for n, value in enumerate(values):
            style = styles[n] if styles else "plain"
            width = self._cell(n, value, style)
            if self._row <= 200:
                self._widths[n] = max(self._widths[n], width)
        self._row += 1

    def _cell(self, column: int, value: object, style: str) -> int:
        """Writes a cell, and returns about how many characters wide it is."""
        number, form = excel_value(value)
        if number is None:
            if style != "plain":
                self._sheet.write_blank(self._row, column, None, self._book.format(style))
            return 0
        if isinstance(number, bool):
            self._sheet.write_boolean(self._row, column, number, self._book.format(style))
            return 5
        if isinstance(number, str):
            self._sheet.write_string(self._row, column, number, self._book.format(style))
            return min(len(number.partition("\n")[0]), WIDEST)
        if isinstance(number, datetime.date | datetime.time):
            self._sheet.write_datetime(self._row, column, number, self._book.format(style, form))
            return len(form)
        self._sheet.write_number(self._row, column, number, self._book.format(style, form))
        return len(f"{number}")

    def finish(self) -> None:
        """Gives the columns their widths, and the header its filter."""
        for n, width in enumerate(self._widths):
            self._sheet.set_column(n, n, min(max(width + 2, 8), WIDEST))
        if self.rows:
            self._sheet.autofilter(0, 0, self._row - 1, self._columns - 1)


class Book:
    """A workbook."""

    def __init__(self, book: "Workbook") -> None:
        self._book = book
        self._names: set[str] = {"history"}  # Excel keeps it for itself
        self._formats: dict[tuple[str, str], Format] = {}

    def sheet(self, name: str, columns: Sequence[str]) -> Sheet:
        """Adds a sheet, its name made one that Excel takes.

        Raises:
            UsageError: There are more columns than a sheet has.
        """
        if len(columns) > MOST_COLUMNS:
            raise UsageError(
                f"a sheet of Excel holds {MOST_COLUMNS:,} columns, and here are {len(columns):,}",
                hint="--column takes some, --format csv or parquet all",
            )
        return Sheet(self, self._book.add_worksheet(self._free(name)), columns)

    def _free(self, name: str) -> str:
        known = "".join("_" if c in "[]:*?/\\" or not c.isprintable() else c for c in name)
        known = _cut(known.strip("'"), NAME_UNITS) or "table"
        free, n = known, 1
        while free.casefold() in self._names:
            n += 1
            ending = f" ({n})"
            free = _cut(known, NAME_UNITS - len(ending)) + ending
        self._names.add(free.casefold())
        return free

    def format(self, style: str, number: str = "") -> "Format":
        """Returns how a cell looks."""
        key = style, number
        if key not in self._formats:
            told = {**STYLES[style], **({"num_format": number} if number else {})}
            self._formats[key] = self._book.add_format(told)
        return self._formats[key]


@contextlib.contextmanager
def workbook(stream: BinaryIO) -> Iterator[Book]:
    """Lends a workbook that is written to a stream at the end.

    Raises:
        Unsupported: The library is not installed.
    """
    try:
        import xlsxwriter
    except ImportError as error:
        raise Unsupported(
            "writing a workbook needs the library XlsxWriter, which is not installed",
            kind=ErrorKind.EXTRA_NOT_INSTALLED,
            hint="pip install 'parquetry[xlsx]'",
        ) from error
    as_text = dict.fromkeys(("strings_to_formulas", "strings_to_numbers", "strings_to_urls"), False)
    with tempfile.TemporaryDirectory() as folder:
        options: dict[str, Any] = {"constant_memory": True, "tmpdir": folder, **as_text}
        book = xlsxwriter.Workbook(stream, options)
        try:
            yield Book(book)
        except BaseException:
            book.fileclosed = 1  # else it would be written once nothing refers to it
            for sheet in book.worksheets():
                sheet.row_data_fh.close()
            raise
        book.close()


def excel_value(
    value: object,
) -> tuple[str | bool | int | float | datetime.date | datetime.time | None, str]:
    """Returns a value as a cell holds it, and the format of numbers and moments.

    Whatever Excel would change, such as a number of more than 15 digits, a day before March 1900 or
    NaN, is text. Times with a zone are in UTC, and say so.
    """
    match value:
        case None | bool():
            return value, ""
        case int():
            return (value, "") if abs(value) < 10**DIGITS else (str(value), "")
        case float():
            return (value, "") if math.isfinite(value) else (_told(value), "")
        case Decimal():
            return _decimal(value)
        case datetime.datetime():
            return _moment(value)
        case datetime.date():
            return (value, "yyyy-mm-dd") if value >= FIRST_DAY else (_told(value), "")
        case datetime.time() if value.tzinfo is None and not value.microsecond % 1000:
            return value, "hh:mm:ss.000" if value.microsecond else "hh:mm:ss"
    return _fitted(_told(value)), ""


def _told(value: object) -> str:
    return text(value) or ""


def _decimal(value: Decimal) -> tuple[str | float, str]:
    digits = value.as_tuple()
    if not isinstance(digits.exponent, int) or len(digits.digits) > DIGITS:
        return _told(value), ""
    scale = max(-digits.exponent, 0)
    if scale > DIGITS or digits.exponent > 0:
        return _told(value), ""
    return float(value), f"0.{'0' * scale}" if scale else "0"


def _moment(value: datetime.datetime) -> tuple[str | datetime.datetime, str]:
    is_fine = value.microsecond % 1000
    if value.date() < FIRST_DAY or is_fine:
        return _told(value), ""
    form = "yyyy-mm-dd hh:mm:ss.000" if value.microsecond else "yyyy-mm-dd hh:mm:ss"
    if value.tzinfo is None:
        return value, form
    utc = value.astimezone(datetime.UTC).replace(tzinfo=None)
    return (utc, f'{form}" UTC"') if utc.date() >= FIRST_DAY else (_told(value), "")


def _fitted(found: str) -> str:
    """Returns a text that fits a cell; one that does not says how long it is."""
    units = len(found.encode("utf-16-le", "replace")) // 2
    if units <= MOST_UNITS:
        return found
    note = f"… ({counted(len(found), 'character')})"
    return _cut(found, MOST_UNITS - len(note)) + note


def _cut(found: str, units: int) -> str:
    """Returns the start of a text, in so many units of UTF-16."""
    return found.encode("utf-16-le", "replace")[: 2 * units].decode("utf-16-le", "ignore")
