"""The reading half of the facade: history, tables, queries, diffs; nothing here moves a branch."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from catalog.errors import CatalogError, CorruptData
from catalog.model.listings import (
    ColumnInfo,
    CommitInfo,
    FileInfo,
    PartitionInfo,
    TableInfo,
    column_infos,
)
from catalog.model.refs import Move
from catalog.operations import history
from catalog.operations.context import OperationContext, default_author
from catalog.operations.refs import BranchList, TagList
from catalog.repository.clock import Clock, utc_now
from catalog.repository.repository import DEFAULT_BRANCH, CatalogInfo, Repository
from catalog.repository.resolve import ResolvedRef
from catalog.storage.failures import tells_machine_errors

if TYPE_CHECKING:
    import pyarrow as pa

    from catalog.engine.frames import Relation
    from catalog.model.commit_filter import When
    from catalog.model.lineage_tree import TableLineage
    from catalog.model.row_history import Blame, RowHistory
    from catalog.model.table import TableSnapshot
    from catalog.operations.flow.explain import RefreshExplanation
    from catalog.operations.flow.reproduce import Reproduction
    from catalog.operations.flow.stale import StaleTable
    from catalog.operations.merge.open_merges import OpenMerge
    from catalog.query.session import Session


@tells_machine_errors
class CatalogReader:
    """Answers questions about a catalog; see ``Catalog``, which can change it too.

    Attributes:
        uri: Where the catalog is.
        context: What its operations are given.
        branches: Its branches.
        tags: Its tags.
    """

    def __init__(
        self,
        uri: str,
        repository: Repository,
        *,
        author: str | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.uri = uri
        self.context = OperationContext(repository, author or default_author(), clock or utc_now)
        self.branches = BranchList(self.context)
        self.tags = TagList(self.context)

    @property
    def repository(self) -> Repository:
        """Returns the stored objects."""
        return self.context.repository

    def _explained(self, error: CorruptData) -> CatalogError:
        return self.repository.expiry.explained(error)

    @property
    def info(self) -> CatalogInfo:
        """Returns the catalog's id, format and time of creation."""
        return self.repository.info

    def resolve(self, ref: str) -> ResolvedRef:
        """Returns the commit a ref expression means now.

        Raises:
            InvalidInput: The text is not a ref expression.
            NotFound: There is no such ref.
        """
        return self.context.resolve(ref)

    def merge_base(self, left: str, right: str) -> str:
        """Returns the id of the best common ancestor of two refs.

        Raises:
            NotFound: They have none.
        """
        return self.context.merge_base(left, right)

    def log(
        self,
        ref: str = DEFAULT_BRANCH,
        *,
        limit: int | None = None,
        tables: Sequence[str] | None = None,
        since: "When | None" = None,
        until: "When | None" = None,
        author: str | None = None,
        grep: str | None = None,
    ) -> list[CommitInfo]:
        """Returns a commit and its ancestors, newest first.

        Args:
            ref: Where to start.
            limit: How many at most; None means all.
            tables: Only commits that changed one of these tables, against their first parent.
            since: Only commits of this time or later: a time, or a text such as ``2024-05-01``,
                ``yesterday`` or ``2 days ago``. Times are UTC unless they have an offset.
            until: Only commits of this time or earlier; a day counts to its end.
            author: Only commits whose author has a match of this regular expression, whatever the
                case of letters.
            grep: Only commits whose message has a match of this one.

        Raises:
            NotFound: The ref does not exist, or no commit ever changed such a table.
            InvalidInput: An argument is not valid.
        """
        from catalog.model.commit_filter import commit_filter

        wanted = commit_filter(
            self.context.clock(),
            tables=tables,
            since=since,
            until=until,
            author=author,
            grep=grep,
        )
        return history.log(self.context, ref, limit, wanted=wanted)

    def show(self, ref: str) -> CommitInfo:
        """Returns the commit of a ref."""
        return history.describe_commit(self.context, self.resolve(ref).commit_id)

    def reflog(self, branch: str = DEFAULT_BRANCH) -> list[Move]:
        """Returns the moves of a branch, newest first."""
        return self.branches.reflog(branch)

    def tables(self, ref: str = DEFAULT_BRANCH) -> list[TableInfo]:
        """Returns the tables at a ref by name."""
        from catalog.operations import tables

        return tables.tables(self.context, ref)

    def stale(self, ref: str = DEFAULT_BRANCH) -> "list[StaleTable]":
        """Returns the derived tables at a ref, and which inputs they are behind.

        No data file is opened.
        """
        from catalog.operations.flow.stale import stale_tables

        return stale_tables(self.context, ref)

    def reproduce(
        self,
        table: str,
        ref: str = DEFAULT_BRANCH,
        *,
        allow_statements: bool = False,
        allow_commands: bool = False,
    ) -> "Reproduction":
        """Computes a table again from what is recorded of it, and compares the rows.

        A derived table is computed from its inputs as they were; one that SQL wrote by running
        the statements of the commit that wrote it. Nothing of it stays in the catalog.

        Args:
            table: The table.
            ref: The state that is reproduced.
            allow_statements: Whether recorded statements may run that can do more than compute
                rows, since somebody else may have recorded them. Definitions, and what fills a
                table by a SELECT of known functions, may run in any case.
            allow_commands: Whether the command of a derived table may run. It reads its inputs as
                they were, and is told to leave its output in a temporary directory.

        Raises:
            NotFound: There is no such table, or an input is no longer in the catalog as it was.
            InvalidInput: What is recorded does not say how the table was computed, or statements
                may not run.
        """
        from catalog.flow.refresh.external import NO_COMMANDS, any_commands
        from catalog.operations.flow.reproduce import reproduce

        return reproduce(
            self.context,
            table,
            ref,
            allow_statements=allow_statements,
            runs=any_commands() if allow_commands else NO_COMMANDS,
        )

    def explain_refresh(
        self,
        *tables: str,
        branch: str = DEFAULT_BRANCH,
        downstream_of: Sequence[str] = (),
        full: bool = False,
    ) -> "list[RefreshExplanation]":
        """Returns how derived tables would be refreshed, each after its inputs, and why so.

        No data file is opened.

        Args:
            tables: Derived tables; those that they are computed from are explained as well. None
                means all.
            branch: The branch.
            downstream_of: Tables whose dependents are explained.
            full: Whether they are to be computed in full.

        Raises:
            NotFound: A table does not exist.
            InvalidInput: A table is not derived, or an input is gone.
        """
        from catalog.operations.flow.explain import explain_refresh

        return explain_refresh(
            self.context, branch, tables=tables or None, downstream_of=downstream_of, full=full
        )

    def table(self, name: str, ref: str = DEFAULT_BRANCH) -> "TableSnapshot":
        """Returns the snapshot of a table at a ref.

        Raises:
            NotFound: There is no such table; the hint names the nearest.
        """
        from catalog.operations import tables

        return tables.stored_table(self.repository, name, self.resolve(ref)).snapshot

    def schema(self, table: str, ref: str = DEFAULT_BRANCH) -> list[ColumnInfo]:
        """Returns the columns of a table at a ref in order."""
        return column_infos(self.table(table, ref))

    def partitions(self, table: str, ref: str = DEFAULT_BRANCH) -> list[PartitionInfo]:
        """Returns the partitions of a table at a ref, in order."""
        from catalog.operations import tables

        return tables.partitions(self.context, table, ref)

    def files(self, table: str, ref: str = DEFAULT_BRANCH) -> list[FileInfo]:
        """Returns the data files of a table at a ref, by partition and path."""
        from catalog.operations import tables

        return tables.files(self.context, table, ref)

    def connect(self, ref: str = DEFAULT_BRANCH) -> "Session":
        """Opens a DuckDB session that understands ``table@ref``.

        Args:
            ref: What a table without ``@ref`` means; a branch is followed as it moves.
        """
        from catalog.operations.sessions import open_session
        from catalog.operations.table_functions import table_functions

        return open_session(self.context, ref, table_functions(self.context))

    def sql(
        self,
        query: str,
        *,
        ref: str = DEFAULT_BRANCH,
        params: Sequence[object] | Mapping[str, object] | None = None,
    ) -> "Relation":
        """Runs a query over ``table@ref``; the relation is DuckDB's, and ``to_pandas`` works too.

        Args:
            query: DuckDB SQL, in which tables may carry ``@ref``.
            ref: What a table without ``@ref`` means.
            params: Values of the query's parameters.

        Raises:
            InvalidInput: The query is not valid.
            NotFound: A table or ref does not exist.
            Unsupported: It writes to a table of the catalog, or makes one that nobody could read.
        """
        from catalog.query.unkept import refuse_unkept

        session = self.connect(ref)
        found = session.sql(query, params)
        refuse_unkept(session, query)
        return found

    def lineage(
        self,
        table: str,
        ref: str = DEFAULT_BRANCH,
        *,
        column: str | None = None,
        direction: Literal["upstream", "downstream"] = "upstream",
    ) -> "TableLineage":
        """Returns what a table was made from, or what was made from it, as commits recorded it.

        No data file is opened.

        Args:
            table: The table.
            ref: Its state. Downstream, it is also the state of the tables made from it.
            column: The column that is asked about; None means all.
            direction: ``upstream`` goes to what the table was made from, at the commits at which
                that was read; ``downstream`` to the tables at the ref that were made from it.

        Raises:
            NotFound: The ref, the table or the column does not exist.
            CorruptData: What a commit recorded is damaged.
        """
        from catalog.operations.lineage.trees import lineage

        return lineage(self.context, table, ref, column=column, direction=direction)

    def blame(
        self,
        table: str,
        ref: str = DEFAULT_BRANCH,
        *,
        key: Mapping[str, object],
        columns: Sequence[str] | None = None,
    ) -> "Blame":
        """Returns which commits last changed a row, and each of its cells.

        A merge that takes a row, or a cell, as a side has it did not change it: the commit on that
        side did. Only data files that may hold the key are opened.

        Args:
            table: The table.
            ref: The state of the row that is asked about.
            key: Values by column: those of the table's key, or others that one row alone has.
                Texts are read as values of the column's type; None is NULL.
            columns: The cells asked about; None means all.

        Raises:
            InvalidInput: A value is not one of its column's type, or several rows have the values.
            NotFound: The ref, the table, a column or the row does not exist; where it was deleted
                is said if that is found quickly.
            CorruptData: A linked or referenced data file was changed since it was committed.
        """
        from catalog.operations.rows.request import blame

        return blame(self.context, table, key, ref=ref, columns=columns)

    def history(
        self,
        table: str,
        ref: str = DEFAULT_BRANCH,
        *,
        key: Mapping[str, object],
        limit: int | None = None,
    ) -> "RowHistory":
        """Returns every state of a row, newest first, with the commits that made it so.

        It follows merges to the side that brought a change, and goes on below where the table was
        dropped, made again or renamed. Only data files that may hold the key are opened.

        Args:
            table: The table; it may be gone at the ref.
            ref: Where the history ends.
            key: Values by column, as for ``blame``.
            limit: How many states at most; None means all.

        Raises:
            InvalidInput: A value is not one of its column's type, or several rows have the values.
            NotFound: The ref or a column does not exist, or there never was such a table.
            CorruptData: A linked or referenced data file was changed since it was committed.
        """
        from catalog.operations.rows.request import row_history

        return row_history(self.context, table, key, ref=ref, limit=limit)

    def conflicts(self, source: str | None = None, *, into: str | None = None) -> "pa.Table":
        """Returns the conflicts of a merge that are not settled yet; see ``MergeConflict``.

        Raises:
            NotFound: No such merge is in conflict.
        """
        from catalog.operations.merge.open_merges import find_one
        from catalog.operations.merge.settlement import unsettled

        return unsettled(self.context, find_one(self.context, source, into))

    def open_merges(self) -> "list[OpenMerge]":
        """Returns the merges in conflict that wait to be completed or dropped, by branch."""
        from catalog.operations.merge.open_merges import open_merges

        return open_merges(self.context)
