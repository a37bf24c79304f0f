"""The rows of a file set as its data files hold them."""

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from catalog.errors import CorruptData
from catalog.formats.footer import (
    ParquetSource,
    checked_metadata,
    committed_label,
    damaged,
    parquet_errors,
)
from catalog.model.ids import excerpt
from catalog.repository.columnar import integers, strings

ROWS = pa.schema(
    [
        ("path", pa.string()),
        ("size", pa.int64()),
        ("media_type", pa.string()),
        ("sha256", pa.string()),
        ("modified", pa.timestamp("us", tz="UTC")),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("perceptual_hash", pa.uint64()),
    ]
)
"""The columns of a file set in Arrow's types."""

REQUIRED = ("path", "size", "sha256", "modified")
"""Columns that have a value in every row."""

_HEX = r"^[0-9a-f]{64}$"


def no_rows() -> pa.Table:
    """Returns the rows of a set without files."""
    text, number = strings(()), integers(())
    columns = [text if kind == pa.string() else number.cast(kind) for kind in ROWS.types]
    return pa.Table.from_arrays(columns, schema=ROWS)


def read_rows(source: ParquetSource, name: str) -> pa.Table:
    """Returns the rows that a data file of a file set holds.

    Args:
        source: The data file.
        name: What messages call it.

    Raises:
        CorruptData: It is damaged, or holds what no file set has.
    """
    label = committed_label(name)
    metadata = checked_metadata(source, label)
    with parquet_errors(label):
        rows = pq.ParquetFile(source, metadata=metadata).read(use_threads=False)
        if rows.schema.names != ROWS.names:
            raise damaged(label, "it has not the columns of a file set")
        rows = rows.cast(ROWS)
        rows.validate(full=True)
    for column in REQUIRED:
        if rows[column].null_count:
            raise damaged(label, f"a file of the set has no {column}")
    valid = pc.match_substring_regex(rows["sha256"], _HEX)
    if pc.all(valid).as_py() is False:
        wrong = rows["sha256"].filter(pc.invert(valid))[0].as_py()
        raise CorruptData(f"{name} names a content by {excerpt(wrong)}, which is not a SHA-256")
    if len(rows) and pc.min(rows["size"]).as_py() < 0:
        raise damaged(label, "a file of the set has a size below zero")
    return rows
