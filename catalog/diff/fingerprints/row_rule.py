"""Which files have digests of their rows: those that it pays for."""

from typing import Literal, TypeAlias

from catalog.model.datafile import DataFile
from catalog.model.table import TableSnapshot

Prints: TypeAlias = Literal["now", "rows", "columns", "later"]
"""What is recorded of new files: digests of rows where they pay, everywhere, or nowhere, beside
what is known of columns; or nothing until a diff needs it."""

ROW_BYTES = 40
"""Bytes a row from which digests pay: they take eight, and are read in place of the columns."""

FILE_BYTES = 1 << 16
"""Bytes from which they pay: reading a smaller file takes no longer than reading its digests."""

MOST_ROWS = 1 << 25
"""Rows up to which a file has digests: those of all rows are held in memory, a quarter of a
gigabyte of them."""


def has_row_digests(table: TableSnapshot, file: DataFile, prints: Prints = "now") -> bool:
    """Returns whether digests of a file's rows are kept.

    By default they are where the table has a key, and rows are wide and many enough.
    """
    if prints in ("columns", "later") or file.rows > MOST_ROWS:
        return False
    if prints == "rows":
        return True
    wide = file.size_bytes >= max(FILE_BYTES, ROW_BYTES * file.rows)
    return bool(table.key) and wide
