"""Rows written to tables, and read back by pyarrow alone, as anybody would read the files."""

import os
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.parquet as pq

from catalog.catalog import Catalog
from catalog.storage.local import LocalStore

Row = Mapping[str, Any]


def put(
    cat: Catalog,
    table: str,
    data: object,
    mode: Any = "append",
    branch: str = "main",
    **options: Any,
) -> Any:
    """Commits rows and returns the report of the write."""
    with cat.transaction(branch) as tx:
        return tx.write(table, data, mode=mode, **options)


def paths(cat: Catalog, table: str, ref: str = "main") -> list[str]:
    store = cat.repository.store
    root = store.location if isinstance(store, LocalStore) else ""
    return [os.path.join(root, file.path) for file in cat.files(table, ref)]


def only_file(cat: Catalog, table: str) -> Path:
    (path,) = paths(cat, table)
    return Path(path)


def plain(cat: Catalog, table: str, ref: str = "main") -> list[dict[str, Any]]:
    """Returns the rows of a table, file by file; values in paths are text, as they stand there.

    Columns that a file does not have are NULL.
    """
    found: list[dict[str, Any]] = []
    columns = [column.name for column in cat.schema(table, ref)]
    for path in paths(cat, table, ref):
        values: dict[str, Any] = {}
        for segment in os.path.dirname(path).split("/"):
            name, equals, value = segment.partition("=")
            if equals:
                null = value == "__HIVE_DEFAULT_PARTITION__"
                values[unquote(name)] = None if null else unquote(value)
        for row in pq.ParquetFile(path).read().to_pylist():
            found.append({name: row.get(name, values.get(name)) for name in columns})
    return found


def multiset(rows: Sequence[Row], columns: Sequence[str] | None = None) -> Counter[Hashable]:
    """Returns how often each row is there; NaN is NaN, and -0.0 differs from 0.0."""
    return Counter(
        tuple((name, _form(row.get(name))) for name in columns or sorted(row)) for row in rows
    )


def _form(value: Any) -> Hashable:
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, list):
        return tuple(_form(one) for one in value)
    if isinstance(value, dict):
        return tuple((name, _form(one)) for name, one in value.items())
    return value if isinstance(value, Hashable) else repr(value)


def check_totals(cat: Catalog, table: str, ref: str = "main") -> None:
    """Checks that what is recorded about a table's files is true."""
    files = paths(cat, table, ref)
    rows = {path: pq.read_metadata(path).num_rows for path in files}
    listed = cat.files(table, ref)
    assert len(set(files)) == len(files)
    assert [file.rows for file in listed] == [rows[path] for path in files]
    (info,) = (one for one in cat.tables(ref) if one.name == table)
    size = sum(os.path.getsize(path) for path in files)
    assert (info.rows, info.size_bytes, info.files) == (sum(rows.values()), size, len(files))
    partitions = cat.partitions(table, ref)
    assert sum(one.rows for one in partitions) == info.rows
    assert sum(one.files for one in partitions) == info.files
    assert cat.table(table, ref).partitions == len(partitions)
    assert len({os.path.dirname(path) for path in files}) == len(partitions)


def ids(rows: int) -> pa.Array:
    return pa.array(range(rows), pa.int64())
