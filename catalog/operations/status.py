"""Sources of tables, and what a snapshot of them would change."""

import os
from collections.abc import Sequence
from typing import Literal

from catalog.dataclasses import dataclass
from catalog.model.file_sets import is_file_set
from catalog.model.texts import path_text
from catalog.operations.context import OperationContext
from catalog.operations.tables import find_table, tables
from catalog.operations.transaction import CatalogTransaction
from catalog.storage.external_files import is_remote
from catalog.write.transaction import Authorship


@dataclass(frozen=True, slots=True)
class Source:
    """Where a table comes from, and how a snapshot takes it.

    Attributes:
        table: The table.
        source: A directory, file or glob of Parquet, or a table of Delta or Iceberg.
        key: Key columns; None keeps the table's.
        partition_by: Names and types of the partition columns, a type of None being inferred;
            None takes them from the paths.
        mode: How the bytes get in.
        scope: What the source replaces.
        format: What the source is; ``auto`` is a directory of anything where the branch has the
            table as a file set.
        at: Which version of a table of Delta or Iceberg is meant; None is the newest.
    """

    table: str
    source: str
    key: tuple[str, ...] | None = None
    partition_by: tuple[tuple[str, str | None], ...] | None = None
    mode: Literal["copy", "link", "reference"] = "copy"
    scope: Literal["full", "partitions", "append"] = "full"
    format: Literal["auto", "parquet", "delta", "iceberg", "files"] = "auto"
    at: str | None = None


@dataclass(frozen=True, slots=True)
class TableStatus:
    """What a snapshot of a source would change."""

    table: str
    source: str
    state: Literal["new", "changed", "unchanged", "missing"]
    files_added: int
    files_removed: int
    files_kept: int


def status(context: OperationContext, sources: Sequence[Source], branch: str) -> list[TableStatus]:
    """Returns what a snapshot of some sources would change, without writing anything.

    Raises:
        CatalogError: A source could not be taken, as a snapshot would say.
    """
    known = {info.name.casefold() for info in tables(context, branch)}
    found = []
    for one in sources:
        source = path_text(one.source, "the source")
        here = is_remote(source) or os.path.exists(source)
        if (
            not here
            and not set("*?[") & set(source)
            and not source.startswith(("delta:", "iceberg:"))
        ):
            found.append(TableStatus(one.table, one.source, "missing", 0, 0, 0))
            continue
        form = one.format
        if form == "auto" and one.table.casefold() in known and _is_file_set(context, one, branch):
            form = "files"
        with CatalogTransaction(context, Authorship(branch, context.author), dry_run=True) as tx:
            report = tx.snapshot(
                one.table,
                source,
                key=one.key,
                partition_by=None if one.partition_by is None else dict(one.partition_by),
                mode=one.mode,
                scope=one.scope,
                format=form,
                at=one.at,
                allow_empty=True,
            )
        state: Literal["new", "changed", "unchanged"] = "changed"
        if one.table.casefold() not in known:
            state = "new"
        elif not report.changed:
            state = "unchanged"
        counts = report.files_added, report.files_removed, report.files_kept
        found.append(TableStatus(one.table, one.source, state, *counts))
    return found


def _is_file_set(context: OperationContext, one: Source, branch: str) -> bool:
    table = find_table(context.repository, one.table, context.resolve(branch))
    return table is not None and is_file_set(table.snapshot.properties)
