"""Partition columns that are in the files too: they must agree with the path."""

from collections.abc import Callable

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from catalog.errors import CorruptData, ErrorKind, InvalidInput
from catalog.formats.parquet import ParquetFooter, ParquetSource
from catalog.model.types import Scalar
from catalog.model.values import decode, encode, text


def check_partition_column(
    path: str,
    footer: ParquetFooter,
    *,
    name: str,
    kind: Scalar,
    value: bytes | None,
    opened: Callable[[], ParquetSource],
) -> None:
    """Checks that a column of a file holds nothing but the partition's value.

    The path is for messages; ``opened`` is called only if the footer is not enough.

    Raises:
        CorruptData: The file cannot be read, or was changed.
        InvalidInput: A row holds another value; the message names both.
    """
    if footer.rows == 0:
        return
    physical = dict(footer.columns)[name]
    stats = footer.stats.get(name)
    exact = stats is not None and physical == kind and stats.exact and stats.nulls == 0
    if exact and stats is not None and stats.low == stats.high == value:
        return
    said = "NULL" if value is None else text(decode(value, kind), kind)
    for found in _distinct(path, opened(), name):
        if not _same(found, kind, value):
            raise InvalidInput(
                f"{path}: column {name!r} holds {'NULL' if found is None else found!r}, but its "
                f"path says {said}",
                kind=ErrorKind.PARTITION_COLUMN_MISMATCH,
                hint="a partition column that is also in the file must agree with the path",
            )


def _distinct(path: str, source: ParquetSource, name: str) -> list[object]:
    try:
        column = pq.read_table(source, columns=[name], partitioning=None).column(name)
        return list(pc.unique(column).to_pylist())
    except pa.ArrowNotImplementedError as error:
        raise InvalidInput(
            f"{path}: column {name!r} cannot be a partition column: its values are nested",
            kind=ErrorKind.PARTITION_COLUMN_MISMATCH,
        ) from error
    except (pa.ArrowException, OSError, KeyError) as error:
        reason = str(error).partition("\n")[0]
        raise CorruptData(
            f"{path}: column {name!r} is not readable: {reason}",
            kind=ErrorKind.DAMAGED_PARQUET,
            hint="write the file again, or remove it from the source",
        ) from error


def _same(found: object, kind: Scalar, value: bytes | None) -> bool:
    if found is None or value is None:
        return found is None and value is None
    try:
        return encode(found, kind) == value  # type: ignore[arg-type]
    except InvalidInput:
        return str(found) == text(decode(value, kind), kind)
