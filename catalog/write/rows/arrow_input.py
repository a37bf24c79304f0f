"""Data handed over in memory, whatever library holds it, as a stream of Arrow batches."""

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from catalog.engine.quoting import identifier
from catalog.errors import ErrorKind, InvalidInput, Unsupported
from catalog.model.types import is_column_name, unusable_name
from catalog.write.rows.arrow_types import adapted


def arrow_reader(data: Any) -> pa.RecordBatchReader:
    """Returns rows as a stream of batches of types that the engine takes.

    Args:
        data: A pyarrow table, record batch, reader or dataset; a Polars or pandas frame; a
            list of dictionaries; or anything else that speaks Arrow's C stream interface.

    Raises:
        InvalidInput: It is none of these, or its columns are missing, repeated or not named.
        Unsupported: A column has a type that Parquet does not have.
    """
    try:
        reader = _reader(data)
    except (pa.ArrowException, OverflowError, TypeError, ValueError) as error:
        reason = str(error).partition("\n")[0]
        raise InvalidInput(
            f"the data cannot be read as a table: {reason}",
            kind=ErrorKind.BAD_DATA,
            hint="give each column values of one type",
        ) from error
    if reader is None:
        raise InvalidInput(
            f"cannot take {_with_article(type(data).__name__)} as rows",
            kind=ErrorKind.BAD_DATA,
            hint="pass a pyarrow table or reader, a Polars or pandas frame, a DuckDB relation, "
            "or a list of dictionaries",
        )
    check_names(reader.schema.names)
    for column in reader.schema:
        _check_fields(column.name, column.type)
    return adapted(reader)


def _with_article(noun: str) -> str:
    return f"{'an' if noun[:1].lower() in 'aeiou' else 'a'} {noun}"


def check_names(names: Sequence[str]) -> None:
    """Checks that columns can be told apart.

    Raises:
        InvalidInput: There is none, one has no name or one that SQL cannot write, or two have
            the same.
    """
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated or "" in names or not names:
        problem = f"several columns {repeated[0]!r}" if repeated else "a column without a name"
        raise InvalidInput(
            f"the data has {problem if names else 'no columns'}",
            kind=ErrorKind.BAD_COLUMNS,
            hint="give each column a name of its own" if names else "",
        )
    for name in names:
        identifier(name)


def _check_fields(column: str, kind: pa.DataType) -> None:
    """Checks the names of fields in a column: the engine would make up others, or cut them."""
    if isinstance(kind, pa.BaseExtensionType):
        kind = kind.storage_type
    for n in range(kind.num_fields):
        field = kind.field(n)
        if pa.types.is_struct(kind) and not is_column_name(field.name):
            raise InvalidInput(
                f"column {column!r} has {unusable_name('field', field.name)}",
                kind=ErrorKind.BAD_COLUMNS,
                hint="name the fields of structs",
            )
        _check_fields(column, field.type)


def _reader(data: Any) -> pa.RecordBatchReader | None:
    match data:
        case pa.RecordBatchReader():
            return data
        case pa.Table():
            return data.to_reader()
        case pa.RecordBatch():
            return pa.Table.from_batches([data]).to_reader()
        case list() | tuple() if all(isinstance(row, Mapping) for row in data):
            return _from_mappings(data)
    module = type(data).__module__.partition(".")[0]
    if module == "pandas":
        return _from_pandas(data)
    if module == "polars" and hasattr(data, "collect"):
        data = data.collect()
    if module == "polars" and hasattr(data, "dtypes"):
        data = _from_polars(data)
    if hasattr(data, "scanner"):
        reader: pa.RecordBatchReader = data.scanner().to_reader()
        return reader
    if hasattr(data, "__arrow_c_stream__"):
        return pa.RecordBatchReader.from_stream(data)
    return None


def _from_mappings(rows: Sequence[Mapping[str, object]]) -> pa.RecordBatchReader:
    """Takes the columns of all rows: pyarrow itself looks at those of the first only."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    if not all(isinstance(name, str) for name in names):
        raise InvalidInput(
            "the data has columns whose names are not text", kind=ErrorKind.BAD_COLUMNS
        )
    if not names:
        raise InvalidInput(
            "the data has no columns",
            kind=ErrorKind.BAD_COLUMNS,
            hint="if there are no rows, pass an empty pyarrow table, which has columns",
        )
    columns = [pa.array([row.get(name) for row in rows]) for name in names]
    return pa.Table.from_arrays(columns, names=names).to_reader()


def _from_polars(data: Any) -> Any:
    """Returns a frame without types of its own: integers of 128 bits become decimals."""
    kinds = {column: str(kind) for column, kind in zip(data.columns, data.dtypes, strict=True)}
    if "Object" in kinds.values():
        raise InvalidInput(
            "a column of the data holds Python objects",
            kind=ErrorKind.BAD_DATA,
            hint="cast it, e.g. to text, or leave it out",
        )
    wide = [column for column, kind in kinds.items() if kind in ("Int128", "UInt128")]
    if not wide:
        return data
    import polars

    try:
        return data.cast(dict.fromkeys(wide, polars.Decimal(38, 0)))
    except polars.exceptions.PolarsError as error:
        raise Unsupported(
            f"column {wide[0]!r} has integers of more than 38 digits, which tables cannot keep"
            if len(wide) == 1
            else f"a column among {', '.join(wide)} has integers of more than 38 digits",
            kind=ErrorKind.UNWRITABLE_VALUE,
            hint="cast the column, e.g. to text",
        ) from error


def _from_pandas(data: Any) -> pa.RecordBatchReader | None:
    """Takes a frame's columns; its index too where it has names, since it then is data."""
    if not hasattr(data, "columns"):
        return None
    named = [name for name in data.index.names if name is not None]
    if named:
        data = data.reset_index(level=named)
    check_names([str(name) for name in data.columns])
    return pa.Table.from_pandas(data, preserve_index=False).to_reader()
