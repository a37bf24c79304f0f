"""Encodings of the files that the catalog writes: dictionaries where values repeat.

Arrow tries a dictionary on every column, and notices late that one does not pay: for columns
whose values hardly repeat, that takes longer than all the rest, and makes larger files. Rows that
a query or a diff returned have differences where numbers ascend, too.
"""

from collections.abc import Iterator

import pyarrow as pa

from catalog.arrow_functions import call, take
from catalog.dataclasses import dataclass
from catalog.repository.columnar import integers

SAMPLES, SAMPLE_ROWS = 64, 128
"""Stretches of rows that are looked at, spread evenly over the first row group of a file."""

DISTINCT_SHARE = 0.5
"""Share of the sampled values that may be distinct where a dictionary is tried."""


@dataclass(frozen=True, slots=True)
class Encodings:
    """How the columns of rows are encoded, by their paths in the file.

    Attributes:
        dictionary: Columns that have dictionaries.
        other: What else others have than plain values.
    """

    dictionary: list[str]
    other: dict[str, str]


def dictionary_paths(group: pa.Table) -> list[str]:
    """Returns the paths of the Parquet columns whose values repeat.

    Args:
        group: The first row group of a file, by the names that the columns have there: the same
            rows give the same paths. Of nested columns all are taken.
    """
    return _repeating(group, _sampled(group))


def row_encodings(rows: pa.RecordBatch) -> Encodings:
    """Returns how rows that a query or a diff returned are encoded, by the first of them.

    The members of structs are looked at one by one, as changed rows have whole rows in structs.
    Keys often ascend, and changed rows hold them three times: differences take a fraction of the
    room, and less time, since there is less to compress.
    """
    table = pa.Table.from_batches([rows])
    members = [one for name in table.column_names for one in _members(name, table[name])]
    group = pa.table([values for _, values in members], names=[path for path, _ in members])
    places = _sampled(group)
    dictionary = _repeating(group, places)
    ascending = (
        path
        for path, values in members
        if path not in dictionary and _is_number(values.type) and _ascends(values, places)
    )
    return Encodings(dictionary, dict.fromkeys(ascending, "DELTA_BINARY_PACKED"))


def _sampled(group: pa.Table) -> pa.Array | None:
    """Returns the places of the rows that are looked at; None means all."""
    if group.num_rows <= SAMPLES * SAMPLE_ROWS:
        return None
    step = group.num_rows // SAMPLES
    ends = (
        (start, min(start + SAMPLE_ROWS, group.num_rows))
        for start in range(0, group.num_rows, step)
    )
    return integers([n for start, end in ends for n in range(start, end)])


def _repeating(group: pa.Table, places: pa.Array | None) -> list[str]:
    return [
        path
        for name, column in zip(group.column_names, group.columns, strict=True)
        if _repeats(column, places)
        for path in _leaves(name, column.type)
    ]


def _members(path: str, column: pa.ChunkedArray) -> Iterator[tuple[str, pa.ChunkedArray]]:
    """Yields a column, or what its structs are made of, with their paths."""
    if not pa.types.is_struct(column.type):
        yield path, column
        return
    for member, values in zip(column.type, column.flatten(), strict=True):
        yield from _members(f"{path}.{member.name}", values)


def _repeats(column: pa.ChunkedArray, places: pa.Array | None) -> bool:
    """Returns whether values repeat at some places, or at all."""
    if pa.types.is_nested(column.type):
        return True
    try:
        values = column if places is None else take(column, places)
        distinct = call("count_distinct", values).as_py()  # NULL is not among them
    except pa.ArrowException:
        return True
    return bool(distinct <= DISTINCT_SHARE * (len(values) - values.null_count))


def _is_number(kind: pa.DataType) -> bool:
    """Returns whether Parquet stores values as whole numbers."""
    return bool(pa.types.is_integer(kind) or pa.types.is_temporal(kind))


def _ascends(column: pa.ChunkedArray, places: pa.Array | None) -> bool:
    """Returns whether values at some places, or all, come in their order."""
    values = column if places is None else take(column, places)
    values = call("drop_null", values).combine_chunks()
    return bool(call("all", call("less_equal", values[:-1], values[1:])).as_py())


def _leaves(path: str, kind: pa.DataType) -> Iterator[str]:
    """Yields the paths of the plain columns that Arrow stores a column as."""
    if pa.types.is_struct(kind):
        for child in kind:
            yield from _leaves(f"{path}.{child.name}", child.type)
    elif pa.types.is_map(kind):
        yield from _leaves(f"{path}.key_value.key", kind.key_type)
        yield from _leaves(f"{path}.key_value.value", kind.item_type)
    elif pa.types.is_nested(kind):
        yield from _leaves(f"{path}.list.element", kind.value_type)
    else:
        yield path
