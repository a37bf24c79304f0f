"""Parquet files that the engine writes."""

from collections.abc import Iterable

import pyarrow as pa

from catalog.engine.connection import borrowed, single_row
from catalog.engine.quoting import literal
from catalog.model.types import DataType, Scalar


def copy_sql(query: str, path: str, kinds: Iterable[DataType], *, options: str = "") -> str:
    """Returns SQL that writes the rows of a query to a Parquet file.

    Geometries are written in Parquet's own type, which keeps their coordinate system or that they
    have none. Where all have one, the file is GeoParquet, too, for readers that go by its key
    ``geo``: there, none would stand for longitude and latitude.

    Args:
        query: What yields the rows.
        path: A local path.
        kinds: The types of its columns.
        options: Further options of COPY, each after a comma.
    """
    geometries = [kind.name for kind in kinds if isinstance(kind, Scalar) and is_geometry(kind)]
    version = "BOTH" if geometries and "GEOMETRY" not in geometries else "NONE"
    return (
        f"COPY ({query}) TO {literal(path)} "
        f"(FORMAT parquet, GEOPARQUET_VERSION '{version}'{options})"
    )


def copy_rows(rows: pa.RecordBatchReader, path: str) -> int:
    """Writes rows to a local Parquet file, also of types that Arrow does not write: intervals.

    Returns:
        How many rows there were.
    """
    with borrowed() as con:
        con.register("rows", rows)
        copied = copy_sql("FROM rows", path, (), options=", COMPRESSION zstd")
        return int(single_row(con, copied)[0])


def is_geometry(kind: DataType) -> bool:
    """Returns whether a type is that of geometries, in whatever coordinate system."""
    return isinstance(kind, Scalar) and kind.name.startswith("GEOMETRY")
