"""What leaves a catalog: tables as plain files, views for other tools, contents of file sets."""

from typing import TYPE_CHECKING, Literal

from catalog.reader import CatalogReader
from catalog.repository.repository import DEFAULT_BRANCH
from catalog.storage.failures import tells_machine_errors

if TYPE_CHECKING:
    from typing import BinaryIO


@tells_machine_errors
class CatalogExporter(CatalogReader):
    """Writes states of tables out; see ``Catalog``."""

    def export(
        self,
        table: str,
        destination: str,
        *,
        ref: str = DEFAULT_BRANCH,
        format: Literal["parquet", "csv", "files"] = "parquet",
    ) -> int:
        """Writes a table at a ref as plain files.

        Args:
            table: The table.
            destination: A directory that does not exist or is empty, or a file that does not exist
                (CSV).
            ref: The state.
            format: ``parquet`` keeps files and partitions, ``csv`` writes one file, ``files``
                restores the files of a file set, with their times.

        Returns:
            The rows written, one a file of a file set.

        Raises:
            AlreadyExists: Something is there.
            CorruptData: The content of a file is not what was committed.
        """
        from catalog.operations.export import export_table

        return export_table(self.context, table, destination, ref=ref, format=format)

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
