"""The facade: one object per open catalog, whose short methods delegate downwards."""

import datetime
import getpass
import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from catalog import listings
from catalog.errors import InvalidInput, NotFound, Unsupported
from catalog.listings import ColumnInfo, CommitInfo, FileInfo, PartitionInfo, TableInfo
from catalog.model.refs import Move
from catalog.model.table import TableSnapshot
from catalog.refs import BranchList, TagList
from catalog.repository import repository as stored
from catalog.repository.history import merge_base, walk
from catalog.repository.repository import DEFAULT_BRANCH, CatalogInfo, Repository
from catalog.repository.resolve import ResolvedRef
from catalog.storage.local import LocalStore

if TYPE_CHECKING:
    import duckdb

    from catalog.diff.explain import Step
    from catalog.diff.result import Diff
    from catalog.query.session import Session
    from catalog.reset import Reset
    from catalog.sources import Source, TableStatus
    from catalog.transactions import CatalogTransaction


class Catalog:
    """Versions many tables as one; see ``catalog.create`` and ``catalog.open``."""

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

    @staticmethod
    def create(uri: str, *, author: str | None = None) -> "Catalog":
        """Creates an empty catalog and opens it; see ``catalog.create``."""
        root = local_root(uri)
        repository = stored.create(
            LocalStore(root), author=author or default_author(), now=utc_now()
        )
        return Catalog(root, repository, author=author)

    @staticmethod
    def open(uri: str, *, author: str | None = None) -> "Catalog":
        """Opens a catalog; see ``catalog.open``."""
        root = local_root(uri)
        try:
            repository = stored.open_existing(LocalStore(root))
        except NotFound as error:
            raise NotFound(f"no catalog in {uri}", kind=error.kind, hint=error.hint) from error
        return Catalog(root, repository, author=author)

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
        from catalog import tablelookup

        return tablelookup.stored_table(self.repository, name, self.resolve(ref)).snapshot

    def schema(self, table: str, ref: str = DEFAULT_BRANCH) -> list[ColumnInfo]:
        """Returns the columns of a table at a ref in order."""
        return listings.column_infos(self.table(table, ref))

    def partitions(self, table: str, ref: str = DEFAULT_BRANCH) -> list[PartitionInfo]:
        """Returns the partitions of a table at a ref, in order."""
        from catalog import tablelookup

        return tablelookup.partitions(self.repository, table, self.resolve(ref))

    def files(self, table: str, ref: str = DEFAULT_BRANCH) -> list[FileInfo]:
        """Returns the data files of a table at a ref, by partition and path."""
        from catalog import tablelookup

        return tablelookup.files(self.repository, table, self.resolve(ref))

    def transaction(
        self,
        branch: str = DEFAULT_BRANCH,
        *,
        message: str | None = None,
        metadata: Mapping[str, str] | None = None,
        author: str | None = None,
        dry_run: bool = False,
    ) -> "CatalogTransaction":
        """Starts a transaction over any number of tables.

        Args:
            branch: The branch it commits to.
            message: What the commit is about; None makes one up.
            metadata: Free text by key, kept in the commit.
            author: Who commits; None is the catalog's author.
            dry_run: Whether to find out what would change and write nothing.

        Returns:
            A context manager: leaving it commits, an exception inside drops it.

        Raises:
            NotFound: There is no such branch.
        """
        from catalog.transactions import CatalogTransaction

        return CatalogTransaction(
            self,
            branch,
            message=message,
            metadata=metadata or {},
            author=author or self.author,
            dry_run=dry_run,
        )

    def reset(self, branch: str, *, to: str, dry_run: bool = False) -> "Reset":
        """Moves a branch to any commit; its reflog keeps where it was, so nothing is lost.

        Args:
            branch: The branch.
            to: The ref expression of the commit; ``@{N}`` alone is of this branch.
            dry_run: Whether to find out what would happen and move nothing.

        Returns:
            Where it stood and stands, and how many commits it lost and won. A branch that
            stands there already makes no move.

        Raises:
            NotFound: There is no such branch, or ``to`` stands for nothing.
            InvalidInput: ``to`` is no ref expression.
            Conflict: The branch is protected, or somebody else moved it meanwhile.
        """
        from catalog.reset import reset_branch

        return reset_branch(self, branch, to=to, dry_run=dry_run)

    def status(
        self, sources: "Sequence[Source]", *, branch: str = DEFAULT_BRANCH
    ) -> "list[TableStatus]":
        """Tells what a snapshot of some sources would change; writes nothing."""
        from catalog.sources import status

        return status(self, sources, branch)

    def connect(self, ref: str = DEFAULT_BRANCH) -> "Session":
        """Opens a DuckDB session that understands ``table@ref``.

        Args:
            ref: What a table without ``@ref`` means; a branch is followed as it moves.
        """
        from catalog.sessions import open_session

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
        from catalog.comparisons import compare_refs

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
        from catalog.comparisons import explain_refs

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
        from catalog.querycomparison import compare_query

        return compare_query(self, query, from_ref, to_ref, key=key)

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
        from catalog.exports import export_table

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
        from catalog.exports import write_views

        return write_views(self, path, ref=ref, replace=replace)


def local_root(uri: str) -> str:
    """Returns the directory a catalog's URI names.

    Raises:
        InvalidInput: The URI is empty.
        Unsupported: It is of a kind that this version does not know.
    """
    if not uri:
        raise InvalidInput("the catalog's directory is empty")
    if uri.startswith("file://"):
        return os.path.abspath(uri.removeprefix("file://"))
    if "://" in uri:
        raise Unsupported(
            f"catalogs in {uri.partition('://')[0]} are not supported by this version",
            hint="use a local directory",
        )
    return os.path.abspath(uri)


def default_author() -> str:
    """Returns the name of the user who runs this process."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid-{os.getuid()}"


def utc_now() -> datetime.datetime:
    """Returns the time, aware UTC."""
    return datetime.datetime.now(datetime.UTC)
