"""Parquet files that the engine writes."""

from collections.abc import Iterable, Mapping
from typing import TypeAlias

import pyarrow as pa

from catalog.engine.connection import borrowed, single_row
from catalog.engine.quoting import literal
from catalog.model.types import DataType, Scalar

FieldIds: TypeAlias = "tuple[int, tuple[tuple[str, FieldIds], ...]]"
"""The field id of a column, and those of the fields inside it by their names."""


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


def field_ids_option(columns: "Mapping[str, FieldIds]") -> str:
    """Returns the option of COPY by which columns get field ids, after a comma."""
    return f", FIELD_IDS {_struct(columns.items())}"


def _struct(fields: "Iterable[tuple[str, FieldIds]]") -> str:
    """Returns ids as DuckDB takes them.

    For example: ``{'a': 1, 's': {'__duckdb_field_id': 2, 'x': 3}}``.
    """
    parts = [f"{literal(name)}: {_field_id(ids)}" for name, ids in fields]
    return "{" + ", ".join(parts) + "}"


def _field_id(ids: "FieldIds") -> str:
    own, inner = ids
    if not inner:
        return str(own)
    return _struct([("__duckdb_field_id", (own, ())), *inner])


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
