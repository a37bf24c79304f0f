"""The reading half of the facade: history, tables, queries, diffs; nothing here moves a branch."""

import datetime
import getpass
import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from catalog.model import listings
from catalog.model.listings import ColumnInfo, CommitInfo, FileInfo, PartitionInfo, TableInfo
from catalog.model.refs import Move
from catalog.model.table import TableSnapshot
from catalog.operations.refs import BranchList, TagList
from catalog.repository.history import merge_base, walk
from catalog.repository.repository import DEFAULT_BRANCH, CatalogInfo, Repository
from catalog.repository.resolve import ResolvedRef

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

    from catalog.diff.explain import Step
    from catalog.diff.result import Diff
    from catalog.operations.merge.open_merges import OpenMerge
    from catalog.query.session import Session


class CatalogReader:
    """Answers questions about a catalog; see ``Catalog``, which is one and can change it too."""

    def __init__(
        self,
        uri: str,
        repository: Repository,
        *,
        author: str | None = None,
        clock: Callable[[], datetime.datetime] | None = None,
    ) -> None:
        self.uri = uri
        self.repository = repository
        self.author = author or default_author()
        self.clock = clock or utc_now
        self.branches = BranchList(repository, self.author, self.clock)
        self.tags = TagList(repository, self.author, self.clock)

    @property
    def info(self) -> CatalogInfo:
        """Returns the catalog's id, format and time of creation."""
        return self.repository.info

    def resolve(self, ref: str) -> ResolvedRef:
        """Returns the commit a ref expression stands for now.

        Raises:
            InvalidInput: It is no ref expression.
            NotFound: It stands for nothing.
        """
        return self.repository.refs.resolve(ref)

    def merge_base(self, left: str, right: str) -> str:
        """Returns the id of the best common ancestor of two refs.

        Raises:
            NotFound: There is none.
        """
        ends = self.resolve(left).commit_id, self.resolve(right).commit_id
        return merge_base(self.repository.commits.read, *ends)

    def log(self, ref: str = DEFAULT_BRANCH, *, limit: int | None = None) -> list[CommitInfo]:
        """Returns a commit and its ancestors, newest first.

        Args:
            ref: Where to start.
            limit: How many at most; None means all.
        """
        start = self.resolve(ref).commit_id
        found: list[CommitInfo] = []
        for logged in walk(self.repository.commits.read, start):
            if limit is not None and len(found) >= limit:
                break
            found.append(listings.commit_info(logged.id, logged.commit))
        return found

    def show(self, ref: str) -> CommitInfo:
        """Returns the commit of a ref."""
        commit_id = self.resolve(ref).commit_id
        return listings.commit_info(commit_id, self.repository.commits.read(commit_id))

    def reflog(self, branch: str = DEFAULT_BRANCH) -> list[Move]:
        """Returns the moves of a branch, newest first."""
        return self.branches.reflog(branch)

    def tables(self, ref: str = DEFAULT_BRANCH) -> list[TableInfo]:
        """Returns the tables at a ref by name."""
        entries = self.repository.commits.entries(self.resolve(ref).commit_id)
        return [
            TableInfo(name, e.entry.rows, e.entry.size_bytes, e.entry.files)
            for name, e in sorted(entries.items())
        ]

    def table(self, name: str, ref: str = DEFAULT_BRANCH) -> TableSnapshot:
        """Returns the snapshot of a table at a ref.

        Raises:
            NotFound: There is no such table; the hint names the nearest.
        """
        from catalog.operations import tables as tablelookup

        return tablelookup.stored_table(self.repository, name, self.resolve(ref)).snapshot

    def schema(self, table: str, ref: str = DEFAULT_BRANCH) -> list[ColumnInfo]:
        """Returns the columns of a table at a ref in order."""
        return listings.column_infos(self.table(table, ref))

    def partitions(self, table: str, ref: str = DEFAULT_BRANCH) -> list[PartitionInfo]:
        """Returns the partitions of a table at a ref, in order."""
        from catalog.operations import tables as tablelookup

        return tablelookup.partitions(self.repository, table, self.resolve(ref))

    def files(self, table: str, ref: str = DEFAULT_BRANCH) -> list[FileInfo]:
        """Returns the data files of a table at a ref, by partition and path."""
        from catalog.operations import tables as tablelookup

        return tablelookup.files(self.repository, table, self.resolve(ref))

    def connect(self, ref: str = DEFAULT_BRANCH) -> "Session":
        """Opens a DuckDB session that understands ``table@ref``.

        Args:
            ref: What a table without ``@ref`` means; a branch is followed as it moves.
        """
        from catalog.operations.sessions import open_session

        return open_session(self, ref)

    def sql(
        self,
        query: str,
        *,
        ref: str = DEFAULT_BRANCH,
        params: Sequence[object] | Mapping[str, object] | None = None,
    ) -> "duckdb.DuckDBPyRelation":
        """Runs a query over ``table@ref`` and returns DuckDB's relation.

        Args:
            query: DuckDB SQL, in which tables may carry ``@ref``.
            ref: What a table without ``@ref`` means.
            params: Values of the query's parameters.

        Raises:
            InvalidInput: The query is not right.
            NotFound: A table or ref does not exist.
        """
        return self.connect(ref).sql(query, params)

    def diff(
        self,
        from_ref: str,
        to_ref: str = DEFAULT_BRANCH,
        *,
        tables: Sequence[str] | None = None,
        key: Sequence[str] | None = None,
        columns: Sequence[str] | None = None,
        tolerance: Mapping[str, str] | None = None,
        level: Literal["stat", "cells", "rows"] = "cells",
        method: Literal["auto", "join"] = "auto",
        check_keys: bool = False,
        full_stats: bool = False,
        threads: int | None = None,
        memory_limit_bytes: int | None = None,
        progress: Callable[[int, int, int], None] | None = None,
    ) -> "Diff":
        """Tells what changed between two refs, row by row and cell by cell.

        Args:
            from_ref: The older state, or a range ``A..B`` or ``A...B``.
            to_ref: The newer state.
            tables: The tables; None means all that changed.
            key: Key columns to match rows by; None means the tables' own.
            columns: Columns to compare; None means all.
            tolerance: By column, ``"0.5"`` or ``"1%"``.
            level: ``stat`` reads metadata only, ``cells`` counts rows and cells, ``rows``
                also keeps the changed rows for ``changes()``.
            method: ``auto`` takes the fastest path that fingerprints allow, ``join`` trusts
                none and reads all files that differ; both give the same answer.
            check_keys: Whether to look for NULL and duplicate keys in all rows.
            full_stats: Whether statistics cover all rows.
            threads: Threads to use; None means all.
            memory_limit_bytes: Memory to use; None means a quarter of the machine's.
            progress: Told tasks done, tasks in all, rows compared.

        Raises:
            NotFound: A ref, table or column does not exist.
            InvalidInput: The options make no sense.
        """
        from catalog.operations.diff import compare_refs

        return compare_refs(
            self,
            from_ref,
            to_ref,
            tables=tables,
            key=key,
            columns=columns,
            tolerance=tolerance,
            level=level,
            method=method,
            check_keys=check_keys,
            full_stats=full_stats,
            threads=threads,
            memory_limit_bytes=memory_limit_bytes,
            progress=progress,
        )

    def explain_diff(
        self,
        from_ref: str,
        to_ref: str = DEFAULT_BRANCH,
        *,
        tables: Sequence[str] | None = None,
        key: Sequence[str] | None = None,
        columns: Sequence[str] | None = None,
    ) -> "dict[str, list[Step]]":
        """Tells how a diff would go: by which path, reading how much of which files.

        Args:
            from_ref: The older state, or a range ``A..B`` or ``A...B``.
            to_ref: The newer state.
            tables: The tables; None means all that changed.
            key: Key columns to match rows by; None means the tables' own.
            columns: Columns to compare; None means all.

        Returns:
            The steps by table. Nothing is read but metadata and footers.

        Raises:
            NotFound: A ref, table or column does not exist.
        """
        from catalog.operations.diff import explain_refs

        return explain_refs(self, from_ref, to_ref, tables=tables, key=key, columns=columns)

    def diff_query(
        self,
        query: str,
        from_ref: str,
        to_ref: str = DEFAULT_BRANCH,
        *,
        key: Sequence[str] | None = None,
    ) -> "Diff":
        """Tells how the result of a query differs between two refs.

        Args:
            query: A query in which tables carry no ``@ref``.
            from_ref: The older state.
            to_ref: The newer state.
            key: Columns of the result to match rows by; None compares whole rows.
        """
        from catalog.operations.diff_query import compare_query

        return compare_query(self, query, from_ref, to_ref, key=key)

    def conflicts(self, source: str | None = None, *, into: str | None = None) -> "pa.Table":
        """Returns what is not settled yet of a merge in conflict; see ``MergeConflict``.

        Raises:
            NotFound: No such merge is under way.
        """
        from catalog.operations.merge.open_merges import the_merge
        from catalog.operations.merge.settlement import unsettled

        return unsettled(self, the_merge(self, source, into))

    def open_merges(self) -> "list[OpenMerge]":
        """Returns the merges in conflict that wait to be continued or aborted, by branch."""
        from catalog.operations.merge.open_merges import open_merges

        return open_merges(self)

    def export(
        self,
        table: str,
        destination: str,
        *,
        ref: str = DEFAULT_BRANCH,
        format: Literal["parquet", "csv"] = "parquet",
    ) -> int:
        """Writes a table at a ref as plain files.

        Args:
            table: The table.
            destination: A directory that does not exist or is empty (Parquet), or a file
                that does not exist (CSV).
            ref: The state.
            format: ``parquet`` keeps files and partitions, ``csv`` writes one file.

        Returns:
            The rows written.

        Raises:
            AlreadyExists: Something is there.
        """
        from catalog.operations.export import export_table

        return export_table(self, table, destination, ref=ref, format=format)

    def write_views(
        self, path: str, *, ref: str = DEFAULT_BRANCH, replace: bool = False
    ) -> list[str]:
        """Writes a DuckDB database of views that any DuckDB client opens by itself.

        Args:
            path: The database file.
            ref: The state that the views show, for good.
            replace: Whether to replace a file that is there.

        Returns:
            The tables, by name.
        """
        from catalog.operations.export import write_views

        return write_views(self, path, ref=ref, replace=replace)


def default_author() -> str:
    """Returns the name of the user who runs this process."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid-{os.getuid()}"


def utc_now() -> datetime.datetime:
    """Returns the time, aware UTC."""
    return datetime.datetime.now(datetime.UTC)
