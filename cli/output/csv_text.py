"""CSV by RFC 4180, with NULL apart from every text."""

from collections.abc import Sequence


def csv_line(cells: Sequence[str | None]) -> str:
    """Returns one line of CSV.

    A NULL is ``NULL`` without quotes; the text ``NULL`` and the empty text stand in quotes.
    """
    return ",".join(_cell(cell) for cell in cells) + "\n"


def _cell(cell: str | None) -> str:
    if cell is None:
        return "NULL"
    if not cell or cell == "NULL" or cell != cell.strip() or any(c in cell for c in ',"\r\n'):
        return '"' + cell.replace('"', '""') + '"'
    return cell
