"""Snapshots of tables of other formats: exactly the live rows of one of their versions."""

from collections.abc import Mapping, Sequence
from functools import partial

from catalog.collecting import rarely_collected
from catalog.dataclasses import replace
from catalog.engine.file_types import as_read, check_values
from catalog.errors import ErrorKind, InvalidInput
from catalog.formats.parquet import ParquetFooter
from catalog.formats.partition_types import declared_type
from catalog.formats.source import Discovery, Layout, SourceFile
from catalog.formats.table_state import LiveFile, SourceTable, TableState
from catalog.formats.unify import Unified
from catalog.model.datafile import DataFile
from catalog.model.lineage import LineageEntry
from catalog.model.partition import Partition
from catalog.model.schema import FileSchema
from catalog.model.source_record import SourceRecord
from catalog.model.table import TableSnapshot
from catalog.repository.stat_records import StatRecord, read_stat_records
from catalog.storage.store import RemoteFile
from catalog.write.files.writer import with_own_schema
from catalog.write.snapshot import ingest
from catalog.write.snapshot.file_plan import KnownFiles, SourceFiles, expected_file, plan_files
from catalog.write.snapshot.ingest import TakenFile
from catalog.write.snapshot.other_columns import (
    Identities,
    file_schema,
    is_same_table,
    partitioning,
    shape_digest,
    table_schema,
    unlike,
)
from catalog.write.snapshot.other_files import source_files
from catalog.write.snapshot.other_steps import steps_since
from catalog.write.snapshot.outcome import (
    SnapshotReport,
    TakenSnapshot,
    check_apart,
    fingerprinted,
    outcome,
    with_guards,
)
from catalog.write.snapshot.placement import Placement
from catalog.write.snapshot.records import record_of, remember
from catalog.write.snapshot.rewritten_files import Rewriting, Rewritten
from catalog.write.snapshot.table_plan import SnapshotTask, table_snapshot


def take_table(task: SnapshotTask, table: SourceTable) -> TakenSnapshot:
    """Takes a table's state from a version of a table of another format.

    Raises:
        InvalidInput: The request is not valid for it.
        CorruptData: Its log or a file is damaged, missing, or changed while it was read.
        NotFound: It has no such version.
        Unsupported: It has a feature that is not known; the message names it.
    """
    _check_request(task, table)
    state = table.state(task.request.at)
    _check_partitioning(task, state)
    if _has_version(task, table, state):
        return _unchanged(task)
    return _Taking(task, table, state).run()


def _check_request(task: SnapshotTask, table: SourceTable) -> None:
    if task.request.scope != "full":
        raise InvalidInput(
            f"{table.root} is a table of {table.format}, which is taken whole: its log says which "
            "rows it has",
            hint="take all of it: only what is new is read anyway",
        )


def _check_partitioning(task: SnapshotTask, state: TableState) -> None:
    wanted = task.request.partition_by
    if wanted is None:
        return
    advice = "a table of another format has the partitioning that its log says"
    if tuple(name for name, _ in wanted) != state.partition_by:
        raise InvalidInput(
            f"partition columns {', '.join(name for name, _ in wanted) or 'none'} were declared, "
            f"but {state.root} is partitioned by {', '.join(state.partition_by) or 'nothing'}",
            kind=ErrorKind.PARTITIONING_MISMATCH,
            hint=advice,
        )
    types = {column.name: column.type for column in state.columns}
    for name, text in wanted:
        if text is not None and declared_type(text) != types[name]:
            raise InvalidInput(
                f"partition column {name!r} of {state.root} is {types[name]}, not {text}",
                kind=ErrorKind.PARTITIONING_MISMATCH,
                hint=advice,
            )


def _has_version(task: SnapshotTask, table: SourceTable, state: TableState) -> bool:
    """Returns whether the table has just the rows of a version, taken in the way asked for."""
    before = None if task.base is None else task.base.snapshot
    record = None if before is None else before.source
    return (
        before is not None
        and record is not None
        and before.schema == table_schema(state, Identities.of(state, before))
        and is_same_table(record, state)
        and record.root == state.root
        and record.version == state.version.number
        and record.mode == task.request.mode
        and record.shape == shape_digest(state)
        and record.reading == state.reading
        and task.request.key is None
        and bool(record.mark)
        and record.mark == table.mark(state.version.number)
    )


def _unchanged(task: SnapshotTask) -> TakenSnapshot:
    assert task.base is not None, "the table has a version"
    now = task.base.snapshot
    report = SnapshotReport(
        task.name,
        False,
        files_added=0,
        files_removed=0,
        files_kept=now.files,
        rows=now.rows,
        size_bytes=now.size_bytes,
        bytes_copied=0,
        rows_before=now.rows,
        key=now.key_names,
    )
    return TakenSnapshot(None, report, LineageEntry("snapshot"))


class _Taking:
    """A version that is being taken."""

    def __init__(self, task: SnapshotTask, table: SourceTable, state: TableState) -> None:
        self.task = task
        self.table = table
        self.state = state
        self.listing = Discovery(state.root, (), state.partition_by, warnings=state.warnings)
        check_apart(self.listing, task.store)
        before = None if task.base is None else task.base.snapshot
        self.before = before
        self.identities = Identities.of(state, before)
        self.schema = table_schema(state, self.identities)
        self.records = read_stat_records(task.store, task.name, state.root)
        self.steps = steps_since(task, table, state, self.records)
        self.files = state.files if self.steps is None else self.steps.files
        self.sources = source_files(state, self.files, task.store)
        self.spec = partitioning(state, self.files)
        self.known = (
            KnownFiles.load(task.repository.commits, task.base, self.spec, scope="full")
            if self.steps is None
            else self.steps.known
        )
        self.schemas: dict[str, FileSchema] = {}
        self.again: list[LiveFile] = []
        self._layouts: dict[object, tuple[FileSchema, str]] = {}

    def run(self) -> TakenSnapshot:
        """Takes it."""
        task = self.task
        with rarely_collected():
            source, seen = self._read()
            staying, again = self._rewritten_before()
        unified = Unified(self.schema, self.identities.last, {}, self.schemas)
        snapshot = self._snapshot(unified, rewrites=bool(again))
        rewriting = Rewriting(self.table, self.state, again, snapshot, self.known)
        taken: list[TakenFile] = []
        try:
            self._take(source, seen, taken)
            rewritten = self._rewritten(rewriting)
            with rarely_collected():
                plan = plan_files(
                    task,
                    source,
                    taken=taken,
                    unified=unified,
                    staying=(*staying, *rewritten.staying),
                    written=rewritten.added,
                )
            facts: dict[str, str | int] = {
                "format": str(self.state.format),
                "version": self.state.version.number,
            }
            found = outcome(
                task, snapshot, plan, listing=self.listing, known=self.known, facts=facts
            )
            if task.dry_run or found.report.violations:
                ingest.discard(taken)
                return found
            found = fingerprinted(task, found, plan, rewritten.prints)
            placed = set(map(id, plan.sources))
            ingest.discard([one for one in taken if id(one) not in placed])
            pairs = [(one, file.path) for one, file in zip(plan.sources, plan.added, strict=True)]
            kept = self._kept_records(rewritten)
            keep = partial(remember, task, self.state.root, taken, kept)
            return with_guards(
                found, Placement(task.store, pairs, task.mode, remember=keep), task.mode
            )
        except BaseException:
            ingest.discard(taken)
            raise

    def _rewritten(self, rewriting: Rewriting) -> Rewritten:
        """Writes the files again that must be."""
        task = self.task
        if not rewriting.files:
            return Rewritten((), (), {}, {})
        if task.dry_run:
            return Rewritten(tuple(rewriting.rows()), (), {}, {})
        if task.aside is not None:
            return rewriting.run_aside(task, task.aside())
        return rewriting.run(task)

    def _read(self) -> tuple[SourceFiles, dict[str, RemoteFile]]:
        """Finds how each file is read: from its footer, unless the table has it already."""
        expected: dict[str, DataFile | None] = {}
        needed: list[LiveFile] = []
        for file in self.files:
            if file.rewritten:
                self.again.append(file)
                continue
            same = expected[file.path] = self._expected(file)
            if same is None:
                needed.append(file)
        footers, seen = self._footers(needed)
        again = {file.path for file in self.again}
        listed = tuple(one for path, one in self.sources.items() if path not in again)
        self.listing = replace(self.listing, files=listed)
        return SourceFiles(self.listing, self.spec, self.known, expected, footers), seen

    def _expected(self, file: LiveFile) -> DataFile | None:
        """Returns the table's file that a live one surely is, if it is still read alike."""
        record = None if self.before is None else self.before.source
        if not self.identities.known or record is None or record.reading != self.state.reading:
            return None
        source = self.sources[file.path]
        same = expected_file(
            source,
            self.known,
            partition=self.spec.values[file.path],
            mode=self.task.mode,
            token=ingest.recorded_token(self.records, source),
        )
        return same if self._is_usable(file, same) else None

    def _is_usable(self, file: LiveFile, same: DataFile | None) -> bool:
        """Returns whether a file of the table still serves for a live one; notes how it is read."""
        if same is None or self.before is None:
            return False
        schema = self.before.file_schemas[same.file_schema]
        if unlike(schema, self.schema):
            return False
        self.schemas[file.path] = schema
        return True

    def _footers(
        self, needed: Sequence[LiveFile]
    ) -> tuple[dict[str, ParquetFooter], dict[str, RemoteFile]]:
        task = self.task
        footers: dict[str, ParquetFooter] = {}
        seen: dict[str, RemoteFile] = {}
        read = ingest.footers(task.store, [self.sources[file.path] for file in needed])
        for file, (stored, remote) in zip(needed, read, strict=True):
            footer = as_read(stored, file.path, task.engine)
            file = self.table.settled(self.state, file, footer=stored, columns=footer.columns)
            if not file.rewritten:
                schema, reason = self._layout(footer.columns, file)
                if not reason:
                    self.schemas[file.path] = schema
                else:
                    file = replace(file, rewritten=reason, revision="types")
            if file.rewritten:
                self.again.append(file)
                continue
            footers[file.path] = footer
            if task.request.fingerprints_now:
                check_values(footer, file.path, task.engine)
            if remote is not None:
                seen[file.path] = remote
        return footers, seen

    def _layout(self, columns: Layout, file: LiveFile) -> tuple[FileSchema, str]:
        """Returns how files with some columns are read, and why they cannot be read as they are."""
        key = columns, None if file.columns is None else tuple(sorted(file.columns.items()))
        found = self._layouts.get(key)
        if found is None:
            schema = file_schema(columns, file, self.identities)
            found = self._layouts[key] = schema, unlike(schema, self.schema)
        return found

    def _rewritten_before(self) -> tuple[list[str], list[tuple[LiveFile, Partition]]]:
        """Splits the files to be rewritten: what the table has of them already, and the others."""
        staying: list[str] = []
        again: list[tuple[LiveFile, Partition]] = []
        for file in self.again:
            source, partition = (
                _of_revision(self.sources[file.path], file),
                self.spec.values[file.path],
            )
            token = ingest.recorded_token(self.records, source) if self.identities.known else None
            same = None if token is None else self.known.with_content(token, partition, "")
            usable = self._is_usable(file, same) and self._has_all_columns(same)
            if token is not None and usable:
                taken = self.known.take(token, partition, "", own=True)
                if taken is not None:
                    staying.append(taken.path)
                    continue
            again.append((file, partition))
        return staying, again

    def _has_all_columns(self, same: DataFile | None) -> bool:
        """Returns whether a file that was rewritten has all columns of the version.

        It has those of the version that it was rewritten for: one that was dropped then, and is
        there in this version, would be lost.
        """
        if same is None or self.before is None:
            return False
        held = {column.field_id for column in self.before.file_schemas[same.file_schema].columns}
        apart = set(self.spec.names)
        return all(field.id in held for field in self.schema.fields if field.name not in apart)

    def _snapshot(self, unified: Unified, *, rewrites: bool) -> TableSnapshot:
        """Returns the table to come, which says what it was taken from."""
        task, state = self.task, self.state
        record = None if self.before is None else self.before.source
        own_key = (
            self.before is None
            or not self.before.key
            or (record is not None and record.key == self.before.key)
        )
        if task.request.key is None and own_key and (state.key or (record and record.key)):
            task = replace(task, request=replace(task.request, key=state.key))
            from_source = True
        else:
            from_source = False
        snapshot = table_snapshot(unified, self.spec, task)
        snapshot = with_own_schema(snapshot) if rewrites else snapshot
        if self.steps is not None and self.before is not None:
            schemas = {**self.before.file_schemas, **snapshot.file_schemas}
            snapshot = replace(snapshot, file_schemas=schemas)
        source = SourceRecord(
            str(state.format),
            state.root,
            state.table_id,
            self.identities.ids,
            snapshot.key if from_source else (),
            state.version.number,
            mode=task.request.mode,
            shape=shape_digest(state),
            reading=state.reading,
            mark=self.table.mark(state.version.number),
        )
        return replace(snapshot, source=source)

    def _take(
        self, source: SourceFiles, seen: Mapping[str, RemoteFile], taken: list[TakenFile]
    ) -> None:
        """Takes the files in that are taken as they are."""
        task, files, mode = self.task, source.listing.files, self.task.mode
        known = {file.path: ingest.recorded_token(self.records, file) for file in files}
        unknown = [f for f in files if source.expected[f.path] is None and known[f.path] is None]
        remote = ingest.copied_remotely(task.store, files, mode, seen=seen, unknown=unknown)
        for file in files:
            taken.append(
                ingest.take(
                    task.store,
                    file,
                    mode,
                    known=known[file.path],
                    remote=remote.get(file.path),
                    dry_run=task.dry_run,
                )
            )

    def _kept_records(self, rewritten: Rewritten) -> dict[str, StatRecord]:
        """Returns what is kept of the files that were rewritten, and of those that stay."""
        kept: dict[str, StatRecord] = {}
        if self.steps is not None:
            gone = {*self.steps.gone}
            kept.update((name, one) for name, one in self.records.items() if name not in gone)
        for file in self.again:
            source = _of_revision(self.sources[file.path], file)
            token = rewritten.tokens.get(file.path) or ingest.recorded_token(self.records, source)
            if token is not None:
                kept[source.relative] = record_of(source, token)
        return kept


def _of_revision(source: SourceFile, file: LiveFile) -> SourceFile:
    """Returns a file as the records call what its rows were written to."""
    return replace(source, relative=f"{source.relative}\n{file.revision}")
