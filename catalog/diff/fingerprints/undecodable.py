"""Files with lists that Arrow cannot decode although the engine reads them.

DuckDB writes arrays of a fixed size, where one is NULL, in such a way.
"""

import duckdb
import pyarrow as pa

from catalog.diff.fingerprints.keyed_file import KeyedFile
from catalog.engine.connection import borrowed, single_row
from catalog.engine.relation import prepare, relation_sql
from catalog.errors import CorruptData
from catalog.formats.footer import ParquetSource
from catalog.model.fingerprint import Fingerprint
from catalog.model.scan_plan import scan_plan
from catalog.model.types import Scalar


def opaque(source: ParquetSource, keyed: KeyedFile, error: CorruptData) -> Fingerprint | None:
    """Returns the fingerprint of a file that Arrow failed to read, if the engine reads it.

    Nothing is known of its values, so that the engine compares them all.

    Returns:
        The fingerprint; None if the file is damaged.
    """
    nested = any(not isinstance(column.type, Scalar) for column in keyed.columns)
    if not nested or not isinstance(error.__cause__, pa.ArrowInvalid):
        return None
    uri = source if isinstance(source, str) else source.found.uri
    plan = scan_plan(keyed.table, [keyed.file], locate=lambda _: uri, naming="id")
    hashes = ", ".join(f"max(hash({column.name}))" for column in plan.columns)
    with borrowed() as con:
        try:
            rows = single_row(
                con, f"SELECT count(*), {hashes} FROM {prepare(con, relation_sql(plan))}"
            )[0]
        except duckdb.Error:
            return None
    return Fingerprint(int(rows), {})
