"""Changed rows flat: a column for each column of both sides, as tables of other tools have them."""

from collections.abc import Iterator

import pyarrow as pa

from catalog.diff.row_condition import FROM, TO

SIDE_NAMES = {FROM: "from", TO: "to"}
"""What the columns of a side begin with: ``from.amount``."""


def flat_rows(reader: pa.RecordBatchReader) -> pa.RecordBatchReader:
    """Returns rows of the row form with a column for each of both sides.

    The row form ``id, _change, _changed_columns, _from, _to`` becomes ``id, _change,
    _changed_columns, from.id, from.amount, to.id, to.amount``. A key column with such a name is
    called ``key.from.amount``.
    """
    schema = flat_schema(reader.schema)

    def batches() -> Iterator[pa.RecordBatch]:
        for batch in reader:
            *own, before, after = batch.columns
            columns = [*own, *before.flatten(), *after.flatten()]
            yield pa.RecordBatch.from_arrays(columns, schema=schema)

    return pa.RecordBatchReader.from_batches(schema, batches())


def flat_schema(schema: pa.Schema) -> pa.Schema:
    """Returns the columns of flat rows."""
    cells = [
        pa.field(f"{name}.{inner.name}", inner.type)
        for side, name in SIDE_NAMES.items()
        for kind in [schema.field(side).type]
        for inner in [kind.field(n) for n in range(kind.num_fields)]
    ]
    taken = {cell.name.casefold() for cell in cells}
    own = [
        field.with_name(f"key.{field.name}") if field.name.casefold() in taken else field
        for field in schema
        if field.name not in (FROM, TO)
    ]
    return pa.schema([*own, *cells])
