"""Commands of fixes: run for one step, and their outputs taken in."""

import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from functools import cache

from catalog.dataclasses import dataclass, field
from catalog.errors import ErrorKind, InvalidInput
from catalog.flow.command import run_command
from catalog.flow.permission import command_text
from catalog.flow.written import check_written, files_before
from catalog.formats.hive_path import segments
from catalog.model.backfill import Backfill, BackfillStep
from catalog.model.fix import Fix, Output
from catalog.model.names import check_table_name
from catalog.model.texts import path_text
from catalog.operations.context import OperationContext
from catalog.operations.fixes.words import filled_place, filled_words
from catalog.operations.tables import find_table
from catalog.operations.transaction import CatalogTransaction
from catalog.repository.resolve import ResolvedRef
from catalog.repository.tables import data_files
from catalog.storage.external_files import check_no_secrets, is_remote


@dataclass(frozen=True, slots=True)
class CommandPlace:
    """Where commands of fixes run.

    Attributes:
        folder: Their working directory; empty is that of this process.
        environment: Their environment, to which the catalog, the branch and values are added.
        timeout_s: After how many seconds each is stopped; None means never.
    """

    folder: str = ""
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ)
    timeout_s: float | None = None

    def path(self, place: str) -> str:
        """Returns where an output is: a URI, or an absolute path."""
        place = path_text(place, "the output")
        return place if is_remote(place) else os.path.abspath(os.path.join(self.folder, place))


def check_places(fix: Fix, steps: Sequence[BackfillStep]) -> None:
    """Checks that the places of all outputs can be named.

    Raises:
        InvalidInput: One has a variable that is not given, or whose value leads elsewhere.
    """
    for output in fix.outputs:
        check_table_name(output.table)
        check_no_secrets(path_text(output.place, f"the output of table {output.table!r}"))
        for step in steps:
            filled_place(output.place, step.values)


def check_apart(fix: Fix, steps: Sequence[BackfillStep]) -> None:
    """Checks that steps that run side by side do not write to the same place.

    Raises:
        InvalidInput: Two of them would.
    """
    seen: dict[str, BackfillStep] = {}
    for step in steps:
        for output in fix.outputs:
            path = os.path.normpath(filled_place(output.place, step.values))
            other = seen.setdefault(path, step)
            if other is not step:
                raise InvalidInput(
                    f"steps {other.name} and {step.name} would both write to {output.place}, side "
                    "by side",
                    hint="let one run at a time, or name the place by the step: "
                    f"{output.table}={output.place.rstrip('/')}/${next(iter(step.values))}",
                )


def run_step_command(
    context: OperationContext,
    fix: Fix,
    backfill: Backfill,
    step: BackfillStep,
    *,
    place: CommandPlace,
    is_cancelled: Callable[[], bool],
) -> None:
    """Runs the command of a fix for a step; its outputs are its own when this returns.

    Raises:
        InvalidInput: It cannot be started, fails, is stopped, does not end in time, or did not
            write an output.
    """
    store = context.repository.store
    paths = {one.table: place.path(filled_place(one.place, step.values)) for one in fix.outputs}
    before = {path: files_before(path, store) for path in paths.values()}
    run_command(
        filled_words(fix.command, step.values),
        env=_environment(context, backfill, step, place=place, paths=paths),
        cwd=os.path.abspath(place.folder or os.curdir),
        timeout_s=place.timeout_s,
        is_cancelled=is_cancelled,
    )
    advice = f"it has to write Parquet there, or {command_text(fix.command)} has another output"
    for table, path in paths.items():
        is_known = _known_files(context, table, backfill.branch)
        check_written(path, store, before[path], advice=advice, is_known=is_known)


def _known_files(context: OperationContext, table: str, branch: str) -> Callable[[str], bool]:
    """Returns a test whether a local file is one of a table's, byte for byte.

    So a command may write a part of what its output holds: what it left alone changes nothing.
    """

    @cache
    def tokens() -> frozenset[str]:
        found = find_table(context.repository, table, context.resolve(branch))
        if found is None:
            return frozenset()
        files = data_files(context.repository.commits, found, fields=())
        return frozenset(file.token for file in files)

    def is_known(path: str) -> bool:
        if is_remote(path) or not tokens():
            return False
        with open(path, "rb") as file:
            return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}" in tokens()

    return is_known


def _environment(
    context: OperationContext,
    backfill: Backfill,
    step: BackfillStep,
    *,
    place: CommandPlace,
    paths: Mapping[str, str],
) -> dict[str, str]:
    for name in step.values:
        if name in place.environment and name == name.upper():
            raise InvalidInput(
                f"variable {name} is one of the environment, which the command may depend on",
                kind=ErrorKind.INVALID_NAME,
                hint="give it another name, in small letters",
            )
    location = context.repository.store.location
    key = backfill.key(step)
    return {
        **place.environment,
        **step.values,
        "PARQUETRY_CATALOG": location if is_remote(location) else os.path.abspath(location),
        "PARQUETRY_BRANCH": backfill.branch,
        "PARQUETRY_BACKFILL": backfill.name,
        "PARQUETRY_STEP": step.name,
        "PARQUETRY_IDEMPOTENCY_KEY": f"{key}/command",
        "PARQUETRY_OUTPUT": next(iter(paths.values())) if len(paths) == 1 else "",
    }


def take_outputs(
    tx: CatalogTransaction,
    context: OperationContext,
    fix: Fix,
    step: BackfillStep,
    *,
    place: CommandPlace,
) -> None:
    """Stages what the command of a step left.

    Of a table with partitions, those that the output has are replaced, and the others stay. One
    without is replaced as a whole.

    Raises:
        InvalidInput: An output is not valid, or would replace what other steps left.
        CorruptData: A file is damaged, or changed while it was read.
        NotFound: An output is missing.
    """
    head = context.resolve(tx.branch)
    for output in fix.outputs:
        source = place.path(filled_place(output.place, step.values))
        columns = _partition_columns(context, output, head)
        if columns is None:
            template = [name for name, _ in segments(output.place.rstrip("/") + os.sep)]
            tx.snapshot(output.table, source, partition_by=template or None)
        elif columns:
            _take_partitions(tx, output, source, columns)
        elif step.values:
            raise InvalidInput(
                f"table {output.table!r} has no partitions: each step would replace all of it",
                kind=ErrorKind.PARTITIONING_MISMATCH,
                hint="let the command write rows itself, or one step make the whole table",
            )
        else:
            tx.snapshot(output.table, source)


def _take_partitions(
    tx: CatalogTransaction, output: Output, source: str, columns: Sequence[str]
) -> None:
    try:
        tx.snapshot(output.table, source, scope="partitions")
    except InvalidInput as error:
        if error.kind != ErrorKind.PARTITIONING_MISMATCH:
            raise
        folders = "/".join(f"{column}=…" for column in columns)
        raise InvalidInput(
            error.message,
            kind=error.kind,
            hint=f"have the command write into directories {folders}, which may be part of the "
            f"place: {output.table}={output.place.rstrip('/')}/{folders}",
        ) from error


def _partition_columns(
    context: OperationContext, output: Output, head: ResolvedRef
) -> tuple[str, ...] | None:
    """Returns the partition columns of a table; None if it does not exist."""
    found = find_table(context.repository, output.table, head)
    if found is None:
        return None
    return tuple(name for name, _ in found.snapshot.partition_fields)
