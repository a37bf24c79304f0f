"""The files of a group, written again as few; what is written is checked against what was read."""

from collections.abc import Callable, Sequence

from catalog.dataclasses import replace
from catalog.diff.fingerprints.row_rule import FILE_BYTES
from catalog.errors import CorruptData
from catalog.model.datafile import ColumnStats, DataFile
from catalog.model.partition import partition_text, partition_values
from catalog.model.same_rows import rows_of
from catalog.model.table import TableSnapshot
from catalog.repository.datafiles import check_content, place
from catalog.repository.fingerprints import Fingerprints
from catalog.write.compact.plan import Group
from catalog.write.files.sized_writer import SizedWriter
from catalog.write.files.writer import own_file_schema, stored_fields


def put_together(
    writer: SizedWriter, group: Group, *, name: str, target_bytes: int
) -> list[DataFile]:
    """Writes the rows of a group into files of about a size, sorted by the table's key.

    The bytes of files whose hash is known are compared with it first: damage would become part of
    a file whose own hash is right. What is written must have the rows, NULLs and bounds that the
    entries of the files say, and if fingerprints know sums over rows, their sum.

    Raises:
        CorruptData: A file is not what was committed.
    """
    context, table = writer.context, writer.table
    files = context.verified(name, group.files)
    for file in files:
        check_content(place(context.store, file), file)
    expected = _known_sum(writer, files)
    writer.sums, writer.total = expected is not None, 0
    ids = [field.id for field in stored_fields(table)]
    order = [f"c{i} NULLS LAST" for i in table.key if i in ids and i not in table.partition_by]
    query = f"SELECT * FROM {context.relation(table, files, columns=ids)}"
    if order:
        query += f" ORDER BY {', '.join(order)}"
    made = writer.sized(
        query,
        group.partition,
        target_bytes=target_bytes,
        row_bytes=group.size_bytes / max(1, group.rows),
    )
    _check(table, files, made, name=name)
    if expected is not None and writer.total is not None and writer.total != expected:
        raise _wrong(table, files[0], name, "its rows are not those that fingerprints tell of")
    return _with_shares(made, files) if made else []


def _with_shares(made: Sequence[DataFile], files: Sequence[DataFile]) -> list[DataFile]:
    """Returns new files so that all of them together stand for the files they were made of.

    No single one does, so all but the last stand for themselves, and that for what is missing.
    """
    last = rows_of(files, without=made[:-1])
    own = [replace(file, rows_of=rows_of([file])) for file in made[:-1]]
    return [*own, replace(made[-1], rows_of=last)]


def _known_sum(writer: SizedWriter, files: Sequence[DataFile]) -> int | None:
    """Returns the sum over the rows of files, if fingerprints know it of all of them.

    Those of small files are not read: to check their bytes takes less. Sums go by the names and
    types of columns, which must be those of the files to come.
    """
    table, total = writer.table, 0
    own = _columns(table, own_file_schema(table).id)
    alike: dict[str, bool] = {}
    if any(file.size_bytes < FILE_BYTES for file in files):
        return None
    prints = Fingerprints(writer.context.store)
    for file in files:
        same = alike.setdefault(file.file_schema, _columns(table, file.file_schema) == own)
        known = prints.read(file, table.key) if same else None
        if known is None or known.row_sum is None:
            return None
        total += known.row_sum
    return total % (1 << 128)


def _columns(table: TableSnapshot, schema: str) -> frozenset[object]:
    columns = table.file_schemas[schema].columns
    return frozenset((c.name, c.type, c.field_id) for c in columns)


def _check(
    table: TableSnapshot, files: Sequence[DataFile], made: Sequence[DataFile], *, name: str
) -> None:
    """Checks what is known of new files against what entries say of those they were made of.

    Raises:
        CorruptData: They differ.
    """
    before, after = (sum(file.rows for file in side) for side in (files, made))
    if before != after:
        raise _wrong(table, files[0], name, f"{before:,} rows were committed, {after:,} are there")
    own = own_file_schema(table)
    for column in own.columns:
        counts: list[Callable[[ColumnStats], int | None]] = [lambda s: s.nulls, lambda s: s.nans]
        for count in counts:
            totals = [_total(table, side, column.field_id, count) for side in (files, made)]
            if None not in totals and totals[0] != totals[1]:
                why = f"column {column.name!r} has other values than were committed"
                raise _wrong(table, files[0], name, why)


def _total(
    table: TableSnapshot,
    files: Sequence[DataFile],
    field_id: int,
    count: Callable[[ColumnStats], int | None],
) -> int | None:
    """Returns how many values of a column are counted in files; None if that is not known.

    A file that does not hold the column has NULL in all rows.
    """
    total = 0
    for file in files:
        stats = file.stats.get(field_id)
        known = None if stats is None else count(stats)
        if known is None:
            return None
        total += known
    return total


def _wrong(table: TableSnapshot, file: DataFile, name: str, why: str) -> CorruptData:
    where = partition_text(partition_values(table, file))
    place = f"partition {where} of table {name}" if where else f"table {name}"
    return CorruptData(
        f"files of {place} cannot be put together: {why}",
        hint="restore the files from a backup, or snapshot the table again",
    )
