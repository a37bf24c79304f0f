"""Which partitions of a table are meant: by their values, or by a condition on them."""

from collections.abc import Sequence

import duckdb

from catalog.engine.connection import borrowed
from catalog.engine.failures import engine_errors
from catalog.engine.quoting import identifier
from catalog.errors import ErrorKind, InvalidInput
from catalog.model.partition import Partition, partition_text
from catalog.model.table import TableSnapshot
from catalog.model.values import encoded_text
from catalog.operations.context import OperationContext
from catalog.repository.commits import StoredTable
from catalog.repository.tables import data_files
from catalog.write.compact.plan import Wanted
from catalog.write.conditions import constant


def wanted_partitions(
    context: OperationContext, name: str, table: StoredTable, asked: Sequence[str]
) -> Wanted:
    """Returns which partitions of a table are meant; all, if nothing is asked.

    Args:
        context: The catalog.
        name: The table's name.
        table: The table.
        asked: Partitions as they are listed, ``day=2024-01-01/region=north``; or conditions on
            the columns of the partitioning, ``day >= '2024-01-01'``.

    Raises:
        InvalidInput: The table has no partitions, or there is no such one, or a condition is not
            valid.
    """
    if not asked:
        return lambda partition: True
    snapshot = table.snapshot
    if not snapshot.partition_by:
        raise InvalidInput(
            f"table {name} is not partitioned: {asked[0]!r} says nothing of it",
            kind=ErrorKind.BAD_WHERE,
            hint="leave the partitions out, or name other tables",
        )
    files = data_files(context.repository.commits, table, fields=())
    every = list(dict.fromkeys(file.partition for file in files))
    shown: dict[str, list[Partition]] = {}  # NULL, and the text, are shown alike
    for partition in every:
        shown.setdefault(_text(snapshot, partition), []).append(partition)
    chosen: set[Partition] = set()
    meeting: list[str] = []
    for one in asked:
        if one in shown:
            chosen.update(shown[one])
        else:
            meeting.append(one)
    for where in meeting:
        chosen.update(_meeting(name, snapshot, every, where))
    return chosen.__contains__


def _text(table: TableSnapshot, partition: Partition) -> str:
    pairs = zip(table.partition_fields, partition, strict=True)
    return partition_text({name: encoded_text(value, kind) for (name, kind), value in pairs})


def _meeting(
    name: str, table: TableSnapshot, partitions: Sequence[Partition], where: str
) -> list[Partition]:
    """Returns those of some partitions that meet a condition."""
    from catalog.query.stored.condition import check_stored_condition

    alias = name.rpartition(".")[2]
    condition = check_stored_condition(where, table=alias, what=f"the condition {where!r}")
    kinds = [kind for _, kind in table.partition_fields]
    columns = ", ".join(identifier(column) for column, _ in table.partition_fields)
    rows = ", ".join(
        f"({n}, {', '.join(map(constant, partition, kinds))})"
        for n, partition in enumerate(partitions)
    )
    if not rows:
        return []
    with borrowed() as con, engine_errors():
        names = {column.lower() for column, _ in table.partition_fields}
        place = next(f"place{n}" for n in range(len(names) + 1) if f"place{n}" not in names)
        try:
            found = con.sql(
                f"SELECT {place} FROM (VALUES {rows}) AS {identifier(alias)}({place}, {columns}) "
                f"WHERE {condition.sql} ORDER BY {place}"
            ).fetchall()
        except duckdb.Error as error:
            known = ", ".join(column for column, _ in table.partition_fields)
            raise InvalidInput(
                f"{where!r} is no partition of table {name}, and no condition on its partitions: "
                f"{str(error).partition(chr(10))[0]}",
                kind=ErrorKind.BAD_WHERE,
                hint=f"its partition columns are {known}",
            ) from error
    return [partitions[n] for (n,) in found]
