"""Steps that are commands: they are run with their inputs, and their output is taken in."""

import os
from collections.abc import Callable, Collection, Mapping

from catalog.dataclasses import dataclass, field
from catalog.engine.connection import connection_on_demand
from catalog.errors import ErrorKind, InvalidInput
from catalog.flow.candidate import Candidate
from catalog.flow.command import run_command
from catalog.flow.permission import Permission, check_permitted
from catalog.flow.written import check_written, files_before
from catalog.hints import Option, hint
from catalog.model.derived import Definition
from catalog.repository.commit_writer import Description
from catalog.repository.repository import Repository
from catalog.write.context import WriteContext
from catalog.write.rows.landing import Landed, data_errors, land_query
from catalog.write.snapshot.table_plan import SnapshotRequest, SnapshotTask
from catalog.write.snapshot.take import take_snapshot


@dataclass(frozen=True, slots=True)
class CommandRuns:
    """How commands of derived tables run, and which may.

    Attributes:
        everything: Whether any command may run.
        commands: The commands that may run, as their words, by the folded name of their table.
        timeouts_s: After how many seconds each is stopped, by the folded name of its table.
        reservation: Why commands of a configuration do not count, for messages; may be empty.
        folder: Where they run.
        environment: Their environment, to which catalog, inputs and output are added.
    """

    everything: bool = False
    commands: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    timeouts_s: Mapping[str, float] = field(default_factory=dict)
    reservation: str = ""
    folder: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)

    def check(self, table: str, definition: Definition) -> None:
        """Checks that the command of a table may run.

        Raises:
            InvalidInput: It may not.
        """
        named = self.commands.get(table.casefold())
        commands = frozenset() if named is None else frozenset({named})
        permission = Permission(self.everything, commands, self.reservation)
        check_permitted(definition.command, permission, what=f"derived table {table!r}")

    def output(self, table: str, definition: Definition) -> str:
        """Returns where the command of a table leaves its output, as an absolute path.

        A configuration names a command, not where it writes: that may be a stranger's word, and
        commands clear what they write to.

        Raises:
            InvalidInput: It is not below the directory where the command runs, and not every
                command may run.
        """
        folder = os.path.abspath(self.folder or os.curdir)
        path = os.path.normpath(os.path.join(folder, definition.output))
        inside = os.path.commonpath([folder, path]) == folder != path
        if not inside and not self.everything:
            raise InvalidInput(
                f"the command of derived table {table!r} would write to {path}, which is not "
                f"below {folder}",
                kind=ErrorKind.PATH_OUTSIDE,
                hint=hint("if it may: {}", Option("allow_commands")),
            )
        return path


NO_COMMANDS = CommandRuns()
"""Lets no command run."""


def any_commands() -> CommandRuns:
    """Lets every command run, in the working directory and with the environment of this process."""
    return CommandRuns(everything=True, environment=os.environ)


def commit_of_inputs(
    repository: Repository,
    candidate: Candidate,
    inputs: Collection[str],
    *,
    describe: Callable[[], Description],
) -> str:
    """Returns a commit in which inputs are as in a candidate; no branch leads to one that is new.

    So a command reads what the refresh has computed so far, and a kill leaves no more than an
    object that nothing refers to.
    """
    updates = [update for update in candidate.updates() if update.name in inputs]
    if not updates:
        return candidate.base_id
    return repository.writer().write([candidate.base_id], updates, describe())


def command_rows(
    context: WriteContext,
    table: str,
    definition: Definition,
    *,
    inputs_at: str,
    runs: CommandRuns,
    is_cancelled: Callable[[], bool] = lambda: False,
) -> Landed:
    """Runs the command of a derived table, and takes in the rows that it leaves.

    Args:
        context: The engine that takes the rows in.
        table: The table.
        definition: The command, its inputs, and where it leaves its output.
        inputs_at: The commit with its inputs.
        runs: How commands run, and which may.
        is_cancelled: Returns whether to stop it.

    Raises:
        InvalidInput: It may not run, fails, or leaves nothing that can be taken.
        NotFound: It leaves nothing.
        CorruptData: What it leaves is damaged.
    """
    runs.check(table, definition)
    folder = os.path.abspath(runs.folder or os.curdir)
    output = runs.output(table, definition)
    before = files_before(output, context.store)
    location = context.store.location
    environment = {
        **runs.environment,
        "PARQUETRY_CATALOG": location if "://" in location else os.path.abspath(location),
        "PARQUETRY_REF": inputs_at,
        "PARQUETRY_BRANCH": inputs_at,
        "PARQUETRY_TABLE": table,
        "PARQUETRY_INPUTS": "\n".join(definition.inputs),
        "PARQUETRY_OUTPUT": output,
    }
    run_command(
        definition.command,
        env=environment,
        cwd=folder,
        timeout_s=runs.timeouts_s.get(table.casefold()),
        is_cancelled=is_cancelled,
    )
    advice = "it has to write Parquet there, where PARQUETRY_OUTPUT says"
    check_written(output, context.store, before, advice=advice)
    return _landed(context, table, output)


def _landed(context: WriteContext, table: str, output: str) -> Landed:
    """Takes an output in as a snapshot would, files where they are, and returns its rows."""
    request = SnapshotRequest(mode="reference", fingerprints="later")
    with connection_on_demand(context.store) as engine:
        task = SnapshotTask(
            context.repository, table, None, output, request, dry_run=False, engine=engine
        )
        update = take_snapshot(task).update
    assert update is not None and update.snapshot is not None, "a new table has been taken"
    files = context.verified(table, update.added)
    relation = context.relation(update.snapshot, files)
    fields = update.snapshot.schema.fields
    columns = ", ".join(f"c{one.id}" for one in fields)
    with data_errors():
        query = f"SELECT {columns} FROM {relation}"
        return land_query(context.work, query, [one.name for one in fields])
