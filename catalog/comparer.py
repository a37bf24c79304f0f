"""The comparing part of the facade: two refs, and what a query returns at both."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from catalog.reader import CatalogReader
from catalog.repository.repository import DEFAULT_BRANCH
from catalog.storage.failures import tells_machine_errors

if TYPE_CHECKING:
    from catalog.diff.explain import Step
    from catalog.diff.options import TableDefaults
    from catalog.diff.result import Diff


@tells_machine_errors
class CatalogComparer(CatalogReader):
    """Compares states of a catalog; see ``Catalog``, which can change it too."""

    # long: a paragraph for each argument
    def diff(
        self,
        from_ref: str,
        to_ref: str = DEFAULT_BRANCH,
        *,
        tables: Sequence[str] | None = None,
        key: Sequence[str] | None = None,
        columns: Sequence[str] | None = None,
        tolerance: Mapping[str, str] | None = None,
        ignore: Sequence[str] | None = None,
        defaults: "Mapping[str, TableDefaults] | None" = None,
        where: str | None = None,
        metrics: Mapping[str, str] | None = None,
        level: Literal["stat", "cells", "rows"] = "cells",
        method: Literal["auto", "join"] = "auto",
        check_keys: bool = False,
        full_stats: bool = False,
        explain: bool = True,
        distributions: bool = False,
        threads: int | None = None,
        memory_limit_bytes: int | None = None,
        progress: Callable[[int, int, int], None] | None = None,
    ) -> "Diff":
        """Compares two refs, row by row and cell by cell.

        Args:
            from_ref: The older state, or a range: ``A..B``, ``A...B``, or ``REF^!``, which is what
                a commit itself changed.
            to_ref: The newer state.
            tables: The tables; None means all that changed.
            key: Key columns to match rows by; None means the tables' own. Like all columns that
                are named, they count in every table that has them; ``orders.amount`` is of one.
            columns: Columns to compare; None means all.
            tolerance: By column, ``"0.5"`` or ``"1%"``.
            ignore: Columns not to compare.
            defaults: By table, what to ignore and to tolerate unless the above say otherwise.
            where: A condition that will be asked of changed rows (see ``TableDiff.changes``): it is
                checked before anything is compared, and tables without its columns are left out.
            metrics: Queries by name, which are run at both ends, such as
                ``{"revenue": "SELECT region, sum(amount) FROM orders GROUP BY region"}``.
            level: ``stat`` reads metadata only, ``cells`` counts rows and cells, ``rows``
                also keeps the changed rows for ``changes()``.
            method: ``auto`` takes the fastest path that fingerprints allow, ``join`` trusts no
                fingerprint and reads all files that differ; both give the same answer.
            check_keys: Whether to look for NULL and duplicate keys in all rows.
            full_stats: Whether statistics cover all rows.
            explain: Whether to look for what explains the changes: by how much values changed, what
                changed rows have in common, which columns look renamed.
            distributions: Whether to count the values of changed columns before and after, to draw
                them; reads these columns once more.
            threads: Threads to use; None means all.
            memory_limit_bytes: Memory to use; None means a quarter of the machine's.
            progress: Receives the tasks done, the tasks in all, and the rows compared so far.

        Raises:
            NotFound: A ref, table or column does not exist.
            InvalidInput: An argument is not valid.
        """
        from catalog.operations.diff import compare_refs
        from catalog.operations.diff_request import DiffRequest

        request = DiffRequest(
            from_ref=from_ref,
            to_ref=to_ref,
            tables=tables,
            key=key,
            columns=columns,
            tolerance=tolerance,
            ignore=ignore,
            defaults=defaults,
            where=where,
            metrics=metrics,
            level=level,
            method=method,
            check_keys=check_keys,
            full_stats=full_stats,
            explain=explain,
            distributions=distributions,
            threads=threads,
            memory_limit_bytes=memory_limit_bytes,
            progress=progress,
        )
        return compare_refs(self.context, request)

    def explain_diff(
        self,
        from_ref: str,
        to_ref: str = DEFAULT_BRANCH,
        *,
        tables: Sequence[str] | None = None,
        key: Sequence[str] | None = None,
        columns: Sequence[str] | None = None,
        ignore: Sequence[str] | None = None,
        defaults: "Mapping[str, TableDefaults] | None" = None,
    ) -> "dict[str, list[Step]]":
        """Shows what a diff would read and how, without reading it.

        Args:
            from_ref: The older state, or a range: ``A..B``, ``A...B``, or ``REF^!``, which is what
                a commit itself changed.
            to_ref: The newer state.
            tables: The tables; None means all that changed.
            key: Key columns to match rows by; None means the tables' own.
            columns: Columns to compare; None means all.
            ignore: Columns not to compare.
            defaults: By table, what to ignore unless the above say otherwise.

        Returns:
            The steps by table. Only metadata and footers are read.

        Raises:
            NotFound: A ref, table or column does not exist.
        """
        from catalog.operations.diff import explain_refs
        from catalog.operations.diff_request import DiffRequest

        request = DiffRequest(
            from_ref=from_ref,
            to_ref=to_ref,
            tables=tables,
            key=key,
            columns=columns,
            ignore=ignore,
            defaults=defaults,
        )
        return explain_refs(self.context, request)

    # long: a paragraph for each argument
    def diff_query(
        self,
        query: str,
        from_ref: str,
        to_ref: str = DEFAULT_BRANCH,
        *,
        key: Sequence[str] | None = None,
        columns: Sequence[str] | None = None,
        tolerance: Mapping[str, str] | None = None,
        ignore: Sequence[str] | None = None,
        where: str | None = None,
        check_keys: bool = False,
        full_stats: bool = False,
        explain: bool = True,
        distributions: bool = False,
        threads: int | None = None,
        memory_limit_bytes: int | None = None,
    ) -> "Diff":
        """Compares the result of a query at two refs.

        Args:
            query: A query in which tables carry no ``@ref``.
            from_ref: The older state, or a range: ``A..B``, ``A...B``, or ``REF^!``, which is what
                a commit itself changed.
            to_ref: The newer state.
            key: Columns of the result to match rows by; None compares whole rows.
            columns: Columns of the result to compare; None means all.
            tolerance: By column of the result, ``"0.5"`` or ``"1%"``.
            ignore: Columns of the result not to compare.
            where: A condition that changed rows will be asked for; see ``diff``.
            check_keys: Whether to look for NULL and duplicate keys in all rows.
            full_stats: Whether statistics cover all rows.
            explain: Whether to look for what explains the changes: by how much values changed, what
                changed rows have in common, which columns look renamed.
            distributions: Whether to count the values of changed columns before and after, to draw
                them; reads these columns once more.
            threads: Threads to use; None means all.
            memory_limit_bytes: Memory to use; None means a quarter of the machine's.

        Raises:
            NotFound: A ref or a table does not exist.
            InvalidInput: The query fails, or an argument is not valid.
        """
        from catalog.operations.diff_query import compare_query
        from catalog.operations.diff_request import DiffRequest

        request = DiffRequest(
            from_ref=from_ref,
            to_ref=to_ref,
            key=key,
            columns=columns,
            tolerance=tolerance,
            ignore=ignore,
            where=where,
            level="rows",
            check_keys=check_keys,
            full_stats=full_stats,
            explain=explain,
            distributions=distributions,
            threads=threads,
            memory_limit_bytes=memory_limit_bytes,
        )
        return compare_query(self.context, query, request)
