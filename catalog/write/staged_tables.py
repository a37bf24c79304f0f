"""The tables of a branch as a transaction has changed them so far."""

from dataclasses import replace

from catalog.errors import ErrorKind, InvalidInput, NotFound
from catalog.hints import Call, Option, hint
from catalog.model.derived import is_derived
from catalog.model.file_sets import is_file_set
from catalog.model.lineage import LineageEntry
from catalog.model.names import check_not_reserved, check_table_name
from catalog.query.pruning import Pruner
from catalog.write.context import WriteContext
from catalog.write.files.rewrite import FileEdit
from catalog.write.scope import Scope
from catalog.write.working_table import WorkingTable


class StagedTables:
    """The tables of a branch as a transaction has changed them so far.

    Attributes:
        base_id: The commit that the transaction started from.
        reads: What was read of tables as the branch had them: by name, whose rows may matter.
        reads_branch: Whether something was read by naming the branch itself.
    """

    def __init__(self, context: WriteContext, base_id: str) -> None:
        self.context = context
        self.base_id = base_id
        self.reads: dict[str, list[Pruner]] = {}
        self.reads_branch = False
        self._staged: dict[str, WorkingTable] = {}
        self._spellings: dict[str, str] = {}

    def note_read(self, name: str, pruner: Pruner) -> None:
        """Notes that the rows of a table were read that a pruner wants."""
        self.reads.setdefault(name, []).append(pruner)

    def names(self) -> list[str]:
        """Returns the names of the tables that exist now, in order."""
        known = set(self.context.commits.entries(self.base_id))
        for name, table in self._staged.items():
            (known.discard if table.snapshot is None else known.add)(name)
        return sorted(known)

    def staged_names(self) -> set[str]:
        """Returns the names of the tables that operations have touched."""
        return set(self._staged)

    def spelled(self, table: str) -> str:
        """Returns a table's name as it is spelled on the branch already, if it is there."""
        name = check_table_name(table)
        known = self.context.commits.entry(self.base_id, name)
        return self._spellings.get(name.casefold(), name) if known is None else known.name

    def spelled_to_fill(self, table: str, *, files: bool = False) -> str:
        """Returns the name of a table that is made if it is not there.

        Args:
            table: The table.
            files: Whether it is filled as a file set.

        Raises:
            InvalidInput: It is not there, and its name is reserved; or it is derived, or a file
                set if it must not be, or an ordinary table if it must be one.
        """
        name = self.spelled(table)
        self.check_not_derived(name)
        if files:
            self._check_file_set(name)
        else:
            self.check_not_file_set(name)
        if self.working(name).snapshot is None:
            check_not_reserved(name)
        return name

    def working(self, name: str) -> WorkingTable:
        """Returns a table as it is now; without a snapshot if it does not exist."""
        staged = self._staged.get(name)
        if staged is not None:
            return staged
        entry = self.context.commits.entries(self.base_id).get(name)
        base = None if entry is None else self.context.commits.table(entry)
        return WorkingTable(name, base, None if base is None else base.snapshot)

    def check_not_derived(self, name: str) -> None:
        """Checks that a table may be written by hand.

        Raises:
            InvalidInput: It is derived: the next refresh would undo what was written.
        """
        snapshot = self.working(name).snapshot
        if snapshot is not None and is_derived(snapshot.properties):
            raise InvalidInput(
                f"table {name!r} is derived: its rows come from its definition, and the next "
                "refresh would undo what is written by hand",
                kind=ErrorKind.DERIVED_TABLE,
                hint=hint(
                    "change the tables it reads, then refresh it: {}; or keep its rows and drop "
                    "the definition: {}",
                    Call("refresh", (name,)),
                    Call("drop_definition", (name,)),
                ),
            )

    def _check_file_set(self, name: str) -> None:
        snapshot = self.working(name).snapshot
        if snapshot is not None and not is_file_set(snapshot.properties):
            raise InvalidInput(
                f"table {name!r} is no file set, and cannot become one",
                kind=ErrorKind.FILE_SET,
                hint="choose another name, or drop the table first: DROP TABLE",
            )

    def check_not_file_set(self, name: str) -> None:
        """Checks that a table takes rows of any origin, and any shape.

        Raises:
            InvalidInput: It is a file set.
        """
        snapshot = self.working(name).snapshot
        if snapshot is not None and is_file_set(snapshot.properties):
            raise InvalidInput(
                f"table {name!r} is a file set: its rows stand for files whose contents are kept, "
                "and nothing else may write them",
                kind=ErrorKind.FILE_SET,
                hint=hint(
                    "change the files and take a snapshot of their directory with {}, or delete "
                    "rows with DELETE",
                    Option("format", "files"),
                ),
            )

    def stage(self, table: WorkingTable) -> None:
        """Takes over the state of a table that an operation led to."""
        self._staged[table.name] = table
        self._spellings.setdefault(table.name.casefold(), table.name)

    def drop(self, table: str, lineage: LineageEntry | None = None) -> None:
        """Stages that a table goes.

        Raises:
            NotFound: There is no such table.
        """
        working = self.working(self.spelled(table))
        if working.snapshot is None:
            raise NotFound(f"no table {table!r} to drop", kind=ErrorKind.TABLE_NOT_FOUND)
        gone = replace(working, removed={}, added={}, snapshot=None, moved=None)
        lineage = lineage or LineageEntry("drop")
        self.stage(gone.then(None, FileEdit(), Scope(whole=True), lineage=lineage))

    def changed(self) -> list[WorkingTable]:
        """Returns the tables that differ from what was committed."""
        return [table for table in self._staged.values() if table.is_changed]
