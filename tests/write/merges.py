"""Tables of few rows on branches, for tests of merges."""

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

import catalog
from catalog.catalog import Catalog
from catalog.model.listings import CommitInfo
from catalog.operations.merge.steps import merging
from catalog.repository.commit_writer import Description
from catalog.repository.tables import data_files
from catalog.write.publish import Proposal, publish
from catalog.write.rows.landing import land
from catalog.write.rows.target_schema import WriteMode, WriteRequest
from catalog.write.rows.write import write_rows
from catalog.write.working_table import WorkingTable


def put(
    cat: Catalog,
    branch: str,
    data: pa.Table | Sequence[Mapping[str, object]] | Mapping[int, object],
    *,
    table: str = "t",
    mode: WriteMode = "overwrite",
    message: str | None = None,
    key: Sequence[str] | None = None,
    partition_by: Sequence[str] | None = None,
) -> CommitInfo:
    """Commits rows to a table; a mapping gives ``k`` and ``v``, and makes ``k`` the key."""
    if isinstance(data, Mapping):
        data, key = [{"k": k, "v": v} for k, v in data.items()], key or ["k"]
    rows = data if isinstance(data, pa.Table) else pa.Table.from_pylist([dict(r) for r in data])
    with cat.transaction(branch, message=message) as tx:
        tx.write(table, rows, mode=mode, key=key, partition_by=partition_by)
    assert tx.commit is not None
    return tx.commit


def put_as_before(cat: Catalog, branch: str, data: Mapping[int, object], *, table: str) -> None:
    """Commits a new table as ``put`` does, under a name that was allowed once."""
    rows = pa.table({"k": list(data), "v": list(data.values())})
    with merging(cat.context) as merger:
        write = merger.work.write
        landed = land(write.work, rows)
        request = WriteRequest("append", key=("k",))
        new = WorkingTable(table, None, None)
        update = write_rows(write, new, landed, request=request).update()
        about = Description(author="tester", time=cat.context.clock(), message=table)
        publish(cat.repository, branch, lambda held, head: Proposal([head], [update], about, table))


def values(cat: Catalog, ref: str = "main", table: str = "t") -> dict[Any, Any]:
    """Returns ``v`` by ``k``."""
    return dict(cat.sql(f"SELECT k, v FROM {table}", ref=ref).fetchall())


def conflict(cat: Catalog, source: str, **options: Any) -> catalog.MergeConflict:
    """Returns the error of a merge that must clash."""
    try:
        cat.merge(source, **options)
    except catalog.MergeConflict as error:
        return error
    raise AssertionError("the merge clashes")


def conflict_rows(error: catalog.MergeConflict) -> set[tuple[object, ...]]:
    """Returns kind, key and column of conflicts."""
    rows = error.conflicts.to_pylist()
    return {(row["kind"], row["key"], row["column_name"]) for row in rows}


def check_totals(cat: Catalog, ref: str) -> None:
    """Checks what a commit says of its tables against their files."""
    entries = cat.repository.commits.entries(cat.resolve(ref).commit_id)
    listed = {info.name: (info.rows, info.size_bytes, info.files) for info in cat.tables(ref)}
    for name, entry in entries.items():
        stored = cat.repository.commits.table(entry)
        files = list(data_files(cat.repository.commits, stored))
        totals = sum(f.rows for f in files), sum(f.size_bytes for f in files), len(files)
        snapshot = stored.snapshot
        assert (snapshot.rows, snapshot.size_bytes, snapshot.files) == totals
        assert listed[name] == totals
        assert snapshot.partitions == len({f.partition for f in files})
        assert len({f.path for f in files}) == len(files)
        assert {f.file_schema for f in files} <= snapshot.file_schemas.keys()
