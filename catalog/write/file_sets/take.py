"""Snapshots of file sets: a directory of anything, as the catalog is going to keep it."""

import os
from collections.abc import Mapping, Sequence
from functools import partial

import pyarrow as pa
import pyarrow.compute as pc

from catalog.dataclasses import dataclass, replace
from catalog.errors import ErrorKind, InvalidInput, Unsupported
from catalog.formats.file_sets.listing import FileListing
from catalog.formats.file_sets.pictures import looks
from catalog.formats.file_sets.source import list_source
from catalog.hints import Option, hint
from catalog.model.file_sets import SCHEMA, check_file_set, new_file_set
from catalog.model.lineage import LineageEntry
from catalog.model.table import TableSnapshot
from catalog.repository.blobs import Blob
from catalog.repository.columnar import strings
from catalog.repository.commit_writer import TableUpdate
from catalog.repository.file_records import read_file_records, write_file_records
from catalog.storage.external_files import is_remote
from catalog.write.context import WriteContext
from catalog.write.file_sets.bring import Bringing, Contents
from catalog.write.file_sets.contents import ContentReader, Facts
from catalog.write.file_sets.fresh import fresh_rows, look_again, unseen_images
from catalog.write.file_sets.known import KnownRows
from catalog.write.file_sets.plan import (
    FinalRows,
    RowPlan,
    check_together,
    cut_rows,
    final_rows,
    plan_rows,
)
from catalog.write.file_sets.recorded import new_records, recorded_hashes
from catalog.write.files.rewrite import FileEdit
from catalog.write.files.writer import DataWriter, paths_of, with_own_schema
from catalog.write.snapshot import ingest
from catalog.write.snapshot.ingest import Mode
from catalog.write.snapshot.outcome import SnapshotReport, TakenSnapshot, violations
from catalog.write.snapshot.placement import Placement
from catalog.write.snapshot.table_plan import SnapshotJudge, SnapshotRequest
from catalog.write.working_table import WorkingTable


@dataclass(frozen=True, slots=True)
class FileSetTask:
    """A snapshot of a file set that is to be taken.

    Attributes:
        table: The table as the branch has it.
        dry_run: Whether nothing may be written.
        judge: Judges it before its files come in; None if it may do anything.
    """

    context: WriteContext
    table: WorkingTable
    source: str
    request: SnapshotRequest
    dry_run: bool
    judge: SnapshotJudge | None = None

    @property
    def mode(self) -> Mode:
        """How contents get into the catalog."""
        return Mode(self.request.mode)


@dataclass(frozen=True, slots=True)
class _State:
    """What is known of a file set, of its source, and of what is between them.

    Attributes:
        contents: The contents of both.
        facts: What is known of those that were read, by position in the listing.
        bringing: Those that come into the catalog.
    """

    task: FileSetTask
    known: KnownRows
    listing: FileListing
    reader: ContentReader
    contents: Contents
    facts: Mapping[int, Facts]
    plan: RowPlan
    bringing: Bringing


def take_file_set(task: FileSetTask) -> TakenSnapshot:
    """Takes a directory as a file set; the catalog's refs do not move.

    All that can be wrong with the source is found before anything is written.

    Raises:
        InvalidInput: The source or the request is not valid.
        CorruptData: A file changed while it was read, or the set before is damaged.
        NotFound: The source is missing.
        StorageFailure: A file cannot be read, or the store cannot take it.
    """
    _check_request(task)
    context, name = task.context, task.table.name
    listing = list_source(task.source, context.store, missing_ok=task.request.allow_empty)
    _check_listing(task, listing)
    known = KnownRows.read(context, task.table)
    records = read_file_records(context.store, name, listing.root)
    state = _read(task, known, listing, recorded_hashes(listing, records))
    read = [content.taken for content in state.contents.read.values()]
    try:
        return _taken(state, outdated=len(records) != len(listing))
    except BaseException:
        ingest.discard(read)
        raise


def _read(
    task: FileSetTask, known: KnownRows, listing: FileListing, hashes: pa.StringArray
) -> _State:
    """Reads the files of a source whose contents are not known, and compares all with the set."""
    context, request = task.context, task.request
    unknown = pc.indices_nonzero(pc.is_null(hashes)).to_pylist()
    sizes, sums = (
        set(pc.unique(known.column(name)).to_pylist()) if unknown else set()
        for name in ("size", "sha256")
    )
    reader = ContentReader(
        context.store,
        listing,
        task.mode,
        sizes,
        sums,
        pictures=looks(request.images),
        dry_run=task.dry_run,
    )
    read = {one.position: one for one in reader.read(unknown)}
    try:
        if read:
            found = hashes.to_pylist()
            for position, content in read.items():
                found[position] = content.sha256
            hashes = strings(found)
            if not listing.same(list_source(task.source, context.store)):
                raise ingest.changed(listing.root)
        again = look_again(reader, known, hashes) if request.images == "always" else {}
        append = request.scope == "append"
        plan = plan_rows(known, listing, hashes, append=append, restated=again)
        places = known.elsewhere(context.store)
        contents = Contents(listing, hashes, read, known, places)
        bringing = contents.to_bring(task.mode, plan.fresh)
        seen = {n: content.facts for n, content in read.items() if content.facts is not None}
        facts = {**seen, **again}
        return _State(task, known, listing, reader, contents, facts, plan, bringing)
    except BaseException:
        ingest.discard([content.taken for content in read.values()])
        raise


def _taken(state: _State, *, outdated: bool) -> TakenSnapshot:
    """Returns a snapshot with what it changes; its data files are written, if anything does."""
    task, known, plan = state.task, state.known, state.plan
    base = task.table.snapshot
    brings = state.bringing.contents
    moves = bool(brings) or (task.mode is Mode.REFERENCE and bool(known.files))
    final = None
    unseen: list[str] = []
    if plan.is_change or moves or base is None:
        hashes = state.contents.hashes
        fresh = fresh_rows(state.reader, plan.fresh, hashes, known=known, read=state.facts)
        final = final_rows(known, plan, fresh)
        if task.request.images == "auto" and not state.reader.pictures:
            unseen = unseen_images(fresh)
        if task.request.scope == "append" and plan.fresh:
            check_together(state.listing.root, final.rows["path"].to_pylist())
    shape = with_own_schema(base or new_file_set())
    change = FileEdit()
    rows = len(known.rows if final is None else final.rows)
    refused = violations(task.judge, task.table.name, before=base, after=replace(shape, rows=rows))
    writes = not (task.dry_run or refused)
    if final is not None and writes:
        change = _written(state, final, shape_of=shape)
    changed = base is None or plan.is_change or bool(brings or change.removed or change.added)
    facts = {
        "source": state.listing.root,
        "mode": task.request.mode,
        "scope": task.request.scope,
        "format": "files",
    }
    report = replace(_report(state, final, changed=changed, warnings=unseen), violations=refused)
    lineage = LineageEntry("snapshot", facts=facts)
    unused = {id(one) for one, _ in brings}
    ingest.discard(
        [one.taken for one in state.contents.read.values() if id(one.taken) not in unused]
    )
    remember = partial(_remember, state)
    if not changed or not writes:
        ingest.discard([one for one, _ in brings])
        if writes and (state.contents.read or outdated):
            remember()
        return TakenSnapshot(None, report, lineage)
    update = TableUpdate(task.table.name, task.table.base, shape, change.removed, change.added)
    for _, path in brings:
        task.context.repository.condemned.note(path)
    placement = Placement(task.context.store, brings, task.mode, remember=remember)
    return TakenSnapshot(update, report, lineage, placement)


def _written(state: _State, final: FinalRows, *, shape_of: TableSnapshot) -> FileEdit:
    """Writes the data files of rows that are in none yet, and lists of contents."""
    context, known, name = state.task.context, state.known, state.task.table.name
    kept: set[int] = set()
    added, removed = [], []
    with DataWriter(context, name, shape_of, taken=paths_of(known.files)) as writer:
        for cut in cut_rows(final, known):
            old = None if cut.same_as is None else known.files[cut.same_as]
            blobs = partial(_blobs, state, final, cut.start, cut.end)
            if old is None:
                rows = final.rows.slice(cut.start, cut.end - cut.start)
                outside = {blob.sha256: blob.place for blob in blobs() if blob.place}
                added.append(writer.file_set_rows(rows, outside))
                continue
            kept.add(cut.same_as if cut.same_as is not None else -1)
            if state.task.mode is Mode.REFERENCE or (old.blobs is not None and old.blobs.elsewhere):
                relisted = writer.relisted(old, blobs())
                if relisted != old:
                    added.append(relisted)
                    removed.append(old)
    removed += [file for n, file in enumerate(known.files) if n not in kept]
    return FileEdit(tuple(removed), tuple(added))


def _blobs(state: _State, final: FinalRows, start: int, end: int) -> list[Blob]:
    """Returns the contents that some of the final rows name, with where they are going to lie."""
    refers = state.task.mode is Mode.REFERENCE
    rows = final.rows.select(["path", "size", "sha256"]).slice(start, end - start).to_pydict()
    places, links = state.contents.places, state.bringing.links
    found: dict[str, Blob] = {}
    for n, (path, size, sha256) in enumerate(zip(*rows.values(), strict=True), start):
        if not final.listed[n]:
            before = places[final.owner[n]].get(sha256)
            place = "" if before is None else before.place
        else:
            place = state.listing.location(path) if refers else links.get(sha256, "")
        if sha256 not in found or not place:
            found[sha256] = Blob(sha256, size, place)
    return list(found.values())


def _report(
    state: _State,
    final: FinalRows | None,
    *,
    changed: bool,
    warnings: Sequence[str],
) -> SnapshotReport:
    task, known, plan = state.task, state.known, state.plan
    kept = pc.sum(plan.kept).as_py() or 0
    rows = known.rows if final is None else final.rows
    return SnapshotReport(
        table=task.table.name,
        changed=changed,
        files_added=len(plan.fresh),
        files_removed=len(known.rows) - kept,
        files_kept=kept,
        rows=len(rows),
        size_bytes=pc.sum(rows["size"]).as_py() or 0,
        bytes_copied=state.bringing.size_bytes if task.mode is Mode.COPY else 0,
        warnings=(*state.listing.warnings, *warnings),
        rows_before=None if task.table.snapshot is None else len(known.rows),
        key=SCHEMA.names[:1],
        null_keys=0,  # a directory has a path once
        repeated_keys=0,
    )


def _remember(state: _State) -> None:
    """Keeps the stat records of the source."""
    ctimes: dict[int, int] = {}
    if state.task.mode is Mode.LINK:  # a new link is a change to the file
        places = {path: n for n, path in enumerate(state.listing.paths.to_pylist())}
        for one, _ in state.bringing.contents:
            try:
                ctimes[places[one.source.relative]] = os.stat(one.source.path).st_ctime_ns
            except FileNotFoundError:
                continue
    read_at = {position: content.read_at for position, content in state.contents.read.items()}
    records = new_records(state.listing, state.contents.hashes, read_at=read_at, ctimes=ctimes)
    write_file_records(state.task.context.store, state.task.table.name, state.listing.root, records)


def _check_request(task: FileSetTask) -> None:
    """Checks that a request makes sense for a file set.

    Raises:
        InvalidInput: It does not, or the table is an ordinary one.
    """
    request, snapshot = task.request, task.table.snapshot
    path = SCHEMA.names[0]
    if request.key is not None and request.key != (path,):
        raise InvalidInput(
            f"the key of a file set is {path}", kind=ErrorKind.BAD_KEY, hint="leave the key out"
        )
    if request.partition_by or request.scope == "partitions":
        raise InvalidInput(
            "a file set has no partitions",
            kind=ErrorKind.PARTITIONING_MISMATCH,
            hint=hint("{} adds and replaces files, and removes none", Option("scope", "append")),
        )
    if snapshot is not None:
        check_file_set(task.table.name, snapshot)


def _check_listing(task: FileSetTask, listing: FileListing) -> None:
    """Checks that there are files, of which the catalog can say where they are.

    Raises:
        InvalidInput: There are none, or the source cannot be referred to.
        Unsupported: Links lead to files of a machine, and from there.
    """
    if not len(listing) and not task.request.allow_empty:
        raise InvalidInput(
            f"{task.source} has no files",
            kind=ErrorKind.EMPTY_SOURCE,
            hint=hint("{} takes it as a set without files", Option("allow_empty")),
        )
    if task.mode is Mode.LINK and is_remote(listing.root):
        raise Unsupported(
            f"{listing.root} cannot be linked to",
            hint=hint("use {}, or {}", Option("mode", "copy"), Option("mode", "reference")),
        )
    if task.mode is Mode.REFERENCE:
        try:
            listing.root.encode()
        except UnicodeEncodeError as error:
            raise InvalidInput(
                f"the name {os.fsencode(listing.root).decode(errors='backslashreplace')} is not "
                "valid UTF-8",
                kind=ErrorKind.NOT_UNICODE,
                hint="rename the directory, or use a copy",
            ) from error
