"""The least and greatest text of a column that is held as places in a dictionary."""

import numpy as np
import pyarrow as pa

from catalog.arrow_functions import call, take
from catalog.engine.arrow_arrays import from_numpy, to_numpy
from catalog.model.fingerprint import ColumnSummary


def entry_bounds(column: pa.Array | pa.ChunkedArray) -> ColumnSummary | None:
    """Returns the bounds of text, of which only the entries in use are looked at.

    Returns:
        None if the column is not held in dictionaries, or an entry is NULL.
    """
    chunks = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
    nulls, lows, highs = 0, [], []
    for chunk in chunks:
        if not isinstance(chunk, pa.DictionaryArray):
            return None
        places = call("drop_null", chunk.indices) if chunk.indices.null_count else chunk.indices
        used = np.zeros(len(chunk.dictionary), bool)
        used[to_numpy(places)] = True
        entries = take(chunk.dictionary, from_numpy(np.flatnonzero(used)))
        if entries.null_count:
            return None
        nulls += len(chunk) - len(places)
        if len(entries):
            edges = call("min_max", entries).as_py()
            lows.append(edges["min"].encode())
            highs.append(edges["max"].encode())
    return ColumnSummary(nulls, low=min(lows, default=None), high=max(highs, default=None))
