"""What leaves a catalog: tables as plain files, views for other tools, contents of file sets."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from catalog.comparer import CatalogComparer
from catalog.repository.repository import DEFAULT_BRANCH
from catalog.storage.failures import tells_machine_errors

if TYPE_CHECKING:
    from typing import BinaryIO

    from catalog.model.published import PublicationFormat
    from catalog.operations.publication.publish import Progress
    from catalog.operations.publication.report import PublishReport


@tells_machine_errors
class CatalogExporter(CatalogComparer):
    """Writes states of tables out; see ``Catalog``."""

    def export(
        self,
        table: str,
        destination: str,
        *,
        ref: str = DEFAULT_BRANCH,
        format: Literal["parquet", "csv", "files", "delta", "iceberg"] = "parquet",
    ) -> int:
        """Writes a table at a ref as files for other tools.

        Args:
            table: The table.
            destination: A directory that does not exist or is empty, or a file that does not exist
                (CSV). For ``delta`` and ``iceberg`` also a prefix of a bucket.
            ref: The state.
            format: ``parquet`` keeps files and partitions, ``csv`` writes one file, ``files``
                restores the files of a file set, with their times, ``delta`` and ``iceberg`` make
                a table of that format that shares the files where it can, by hard links.

        Returns:
            The rows written, one a file of a file set.

        Raises:
            AlreadyExists: Something is there.
            CorruptData: The content of a file is not what was committed.
            Unsupported: The format cannot say what the table holds.
        """
        from catalog.operations.export import export_table

        return export_table(self.context, table, destination, ref=ref, format=format)

    def publish(
        self,
        branch: str,
        target: str,
        *,
        format: "PublicationFormat" = "delta",
        tables: Sequence[str] | None = None,
        again: bool = False,
        progress: "Progress | None" = None,
    ) -> "PublishReport":
        """Brings a copy of a branch in another format up to date, with its history.

        Each table is a directory below the target, and each commit that changed it a version, with
        the commit's time and id. If the branch was moved back or to another line, one version
        of Delta takes back what is no longer there; the snapshots of Iceberg are then those of the
        new line, and its refs are the branches and tags. Nobody else may write to the copy. As
        ``duckdb``, it is a database of views of the newest commit, which is replaced whole.

        Args:
            branch: The branch.
            target: A directory, or a prefix of a bucket: new, empty, or from an earlier call. A
                file for ``duckdb``.
            format: The format of the copy.
            tables: The tables; None means all of the branch, and those that were published before.
            again: Whether to make the tables anew from the commits, in the place of what is there.
            progress: Called before each table with how many are done, how many there are, and its
                name.

        Returns:
            What was done.

        Raises:
            NotFound: There is no such branch or table.
            AlreadyExists: What is at the target is not a publication of this branch in this format.
            CorruptData: A data file is gone, or not what was committed.
            Unsupported: The format cannot say what a table holds; the message names the column.
        """
        from catalog.operations.publication.publish import publish_branch

        return publish_branch(
            self.context,
            branch,
            target,
            format=format,
            tables=tables,
            again=again,
            progress=progress,
        )

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
        from catalog.operations.views import write_views

        return write_views(self.context, path, ref=ref, replace=replace)

    def open_file(self, table_at: str, path: str) -> "BinaryIO":
        """Opens a file of a file set for reading, after its content was compared with its hash.

        Args:
            table_at: The file set with a ref, e.g. ``images@v1``; without one it is that of main.
            path: The file, as the column ``path`` has it.

        Returns:
            A binary file, to be closed.

        Raises:
            NotFound: There is no such table, ref or file.
            InvalidInput: The table is no file set.
            CorruptData: The content is gone, or not what was committed.
        """
        from catalog.operations.file_sets import open_file

        return open_file(self.context, table_at, path)
