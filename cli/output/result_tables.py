"""Rows as tables that people read: beside each other, or each row as a list of its values."""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from catalog.dataclasses import dataclass
from catalog.report.figures import clipped, counted, plain
from catalog.report.layout import GAP, aligned, markdown_table, widths_of

if TYPE_CHECKING:
    import pyarrow as pa

TABLE_ROWS = 1000
"""A table shows so many rows: its columns are as wide as its widest cell, so it is held in
memory, and nobody reads on. The last line says how many there are; other formats stream."""

SIDES = ("_from", "_to")
"""Structs of changed rows, as `diff()` in SQL has them."""

CELL_WIDTH = 60
"""Columns a cell of a table takes at most where people look, when all rows are not narrower."""


@dataclass(frozen=True, slots=True)
class Look:
    """How a table of rows looks.

    Attributes:
        limit: Most rows; -1 is all, None what the place usually takes.
        vertical: Whether each value has a line.
        to_screen: Whether it is for a screen or a pipe; a file holds everything in full.
        room: Columns of text that fit; None is no limit.
    """

    limit: int | None = None
    vertical: bool = False
    to_screen: bool = True
    room: int | None = None

    @property
    def most(self) -> int | None:
        """Returns the most rows that are shown; None means all."""
        if self.limit is not None:
            return None if self.limit < 0 else self.limit
        return TABLE_ROWS if self.to_screen else None


def write_markdown(
    reader: "pa.RecordBatchReader", write: Callable[[str], object], look: Look
) -> int:
    """Writes rows as a table of Markdown; returns how many there were."""
    shown, right, count = _held(reader, look.most)
    for one in markdown_table(reader.schema.names, shown, right=right):
        write(one + "\n")
    if count > len(shown):
        write(f"\n{len(shown):,} of {count:,} rows\n")
    return count


def write_table(reader: "pa.RecordBatchReader", write: Callable[[str], object], look: Look) -> int:
    """Writes rows as a table of text; returns how many there were."""
    shown, right, count = _held(reader, look.most, spread=look.vertical)
    header = [plain(name) for name in _names(reader.schema, spread=look.vertical)]
    cells = [[plain(cell) for cell in row] for row in shown]
    if not header:
        return count
    if look.vertical:
        lines = _vertical(header, cells, look.room)
    else:
        lines = _beside(header, cells, right, _cell_widths(reader.schema, look), look.room)
    for line in lines:
        write(line + "\n")
    tail = f"{len(shown):,} of {count:,} rows" if count > len(shown) else counted(count, "row")
    write(f"({tail})\n")
    return count


def _cell_widths(schema: "pa.Schema", look: Look) -> list[int | None]:
    """Returns how wide cells are at most; changed rows are as wide as the screen lets them be."""
    most = CELL_WIDTH if look.to_screen else None
    return [None if field.name in SIDES else most for field in schema]


def _beside(
    header: Sequence[str],
    cells: Sequence[Sequence[str]],
    right: Sequence[bool],
    most: Sequence[int | None],
    room: int | None,
) -> Iterator[str]:
    clip = [
        [
            cell if wide is None else clipped(cell, wide)
            for cell, wide in zip(row, most, strict=True)
        ]
        for row in (header, *cells)
    ]
    lines = aligned(clip, right=right, width=room)
    yield lines[0]
    yield GAP.join("─" * wide for wide in widths_of(clip, columns=len(right), width=room))
    yield from lines[1:]


def _vertical(
    header: Sequence[str], cells: Sequence[Sequence[str]], room: int | None
) -> Iterator[str]:
    for number, row in enumerate(cells, 1):
        yield f"── row {number:,} ──"
        pairs = list(zip(header, row, strict=True))
        yield from aligned(pairs, right=(False, False), indent=2, width=room)


def _names(schema: "pa.Schema", *, spread: bool) -> list[str]:
    """Returns the names of the columns; those of structs by their fields, if these are spread."""
    import pyarrow as pa

    names: list[str] = []
    for field in schema:
        inner = list(field.type) if spread and pa.types.is_struct(field.type) else []
        names += [f"{field.name}.{one.name}" for one in inner] or [field.name]
    return names


def _held(
    reader: "pa.RecordBatchReader", most: int | None, *, spread: bool = False
) -> tuple[list[list[str]], list[bool], int]:
    """Reads all batches, and keeps the text of as many rows as are shown."""
    import pyarrow as pa

    shown: list[list[str]] = []
    count = 0
    for batch in reader:
        count += batch.num_rows
        few = batch if most is None else batch.slice(0, max(most - len(shown), 0))
        if few.num_rows:
            cells = [
                own
                for name, column in zip(few.schema.names, few.columns, strict=True)
                for own in _texts(name, column, spread=spread)
            ]
            shown.extend(map(list, zip(*cells, strict=True)))
    types = pa.types
    right = [
        types.is_integer(f.type) or types.is_floating(f.type) or types.is_decimal(f.type)
        for f in reader.schema
    ]
    return shown, right, count


def _texts(name: str, column: "pa.Array", *, spread: bool) -> list[list[str]]:
    """Returns the values of a column as text: one column, or one for each field of a struct.

    A side of a changed row reads ``order_id 110, customer_id 5``, other structs as always.
    """
    import pyarrow as pa

    from catalog.report.column_text import texts

    is_struct = pa.types.is_struct(column.type) and column.type.num_fields
    if not is_struct or not (spread or name in SIDES):
        return [texts(column).fill_null("NULL").to_pylist()]
    fields = [texts(one).fill_null("NULL").to_pylist() for one in column.flatten()]
    if spread:
        return fields
    names = [field.name for field in column.type]
    there = column.is_valid().to_pylist()
    return [
        [
            ", ".join(f"{n} {v}" for n, v in zip(names, row, strict=True)) if is_there else "NULL"
            for row, is_there in zip(zip(*fields, strict=True), there, strict=True)
        ]
    ]


def limited(reader: "pa.RecordBatchReader", limit: int | None) -> "pa.RecordBatchReader":
    """Returns the first rows of a reader; all of them if there is no limit."""
    import pyarrow as pa

    if limit is None or limit < 0:
        return reader

    def batches() -> "Iterator[pa.RecordBatch]":
        left = limit
        for batch in reader:
            if left <= 0:
                return
            yield batch.slice(0, left)
            left -= batch.num_rows

    return pa.RecordBatchReader.from_batches(reader.schema, batches())
