"""What must hold of data, and of changes: the part of the facade that checks and judges."""

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from catalog.reader import CatalogReader
from catalog.repository.repository import DEFAULT_BRANCH
from catalog.storage.failures import tells_machine_errors

if TYPE_CHECKING:
    from catalog.operations.checks.sync import SyncReport


@tells_machine_errors
class CatalogChecker(CatalogReader):
    """Checks tables and judges changes by contracts; ``CatalogMerger`` inherits it."""

    def sync_checks(
        self,
        *files: "str | os.PathLike[str]",
        branch: str = DEFAULT_BRANCH,
        root: "str | os.PathLike[str] | None" = None,
        tables: Mapping[str, str] | None = None,
        replace: bool = False,
        prune: bool = False,
        allow_partial: bool = False,
        dry_run: bool = False,
        message: str | None = None,
    ) -> "SyncReport":
        """Takes over, in one commit, the checks that files state.

        Each check keeps of which file it is. So the next time, checks that the file does not
        state any more are dropped, and all others stay.

        Args:
            files: A ``parquetry.toml``, ``schema.yml`` of dbt or data contracts of ODCS.
            branch: The branch.
            root: The directory of the project: files are known by their paths from there. None
                is the working directory.
            tables: Tables by the names that the files give them instead.
            replace: Whether checks of the same names may be replaced that are not of these files.
            prune: Whether checks of all other files are dropped.
            allow_partial: Whether the rest is taken over if some rules cannot be: no check means
                the same, or the branch does not have the table.
            dry_run: Whether only to say what would change.
            message: The commit's message; None makes one up.

        Returns:
            What changed; the commit is None if nothing did.

        Raises:
            NotFound: A file, or a table or column that one names, does not exist.
            InvalidInput: A rule cannot be held by a check, or is not valid; the message lists all
                that are wrong.
            AlreadyExists: A check that is not of these files has the name of one of them.
            Unsupported: The library that a file needs is not installed.
        """
        from catalog.flow.check_sources.reading import read_sources
        from catalog.operations.checks.sync import SyncOptions, sync_checks
        from catalog.operations.gate.gate import Gate

        options = SyncOptions(
            tables=tables or {},
            replace=replace,
            prune=prune,
            allow_partial=allow_partial,
            dry_run=dry_run,
            message=message,
        )
        judge = Gate(self.context, "this change of checks", direct=True).judge
        sources = read_sources(files, root=root)
        return sync_checks(self.context, branch, sources, options, judge=judge)
