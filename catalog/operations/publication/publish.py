"""Publishing a branch: its tables at a target, one version for each commit that changed them."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

from catalog.dataclasses import replace
from catalog.errors import (
    CatalogError,
    CorruptData,
    ErrorKind,
    InvalidInput,
    StorageFailure,
    Unsupported,
)
from catalog.model.names import canonical_name
from catalog.model.published import PUBLICATION_FORMATS, Origin, PublicationFormat, Shown
from catalog.model.texts import check_text, listed
from catalog.operations.context import OperationContext
from catalog.operations.publication.line import Line, branch_head
from catalog.operations.publication.report import PublishedTable, PublishReport
from catalog.operations.publication.table import PublishedMeanwhile, Step, TablePublication, Written
from catalog.operations.publication.target import Target, open_target, table_folder
from catalog.operations.tables import unknown_table

MAX_RACES = 50
"""Races that a publication may lose: each is a version that somebody else wrote meanwhile."""

Progress: TypeAlias = Callable[[int, int, str], None]
"""Is called before each table: how many are done, how many there are, and its name."""

PASSED_OVER = (ErrorKind.FILE_CHANGED, ErrorKind.DAMAGED_PARQUET, ErrorKind.FORMAT_LIMIT)
"""Why a commit may have no version, if the newest one can be had."""

Opener: TypeAlias = Callable[[OperationContext, Target, Origin], TablePublication]
"""Opens a table of a format in a target."""


def publish_branch(
    context: OperationContext,
    branch: str,
    target: str,
    *,
    format: PublicationFormat,
    tables: Sequence[str] | None = None,
    again: bool = False,
    progress: Progress | None = None,
) -> PublishReport:
    """Brings the publication of a branch up to date; see ``Catalog.publish``."""
    if format not in PUBLICATION_FORMATS:
        choices = ", ".join(PUBLICATION_FORMATS)
        raise InvalidInput(f"unknown format of a publication: {format!r}", hint=f"use {choices}")
    check_text(branch, "branch")
    branch = canonical_name(branch)
    head = branch_head(context, branch)
    given = None if tables is None else listed(tables, "tables")
    if format == "duckdb":
        from catalog.operations.publication.database import publish_views

        names = None if given is None else _selected(context, given, head)
        return publish_views(context, branch, target, tables=names, again=again)
    opened = open_target(context.repository.store, target)
    known = sorted(opened.tables())
    wanted = None if given is None else _selected(context, given, head, known=known)
    opened.claim(context.repository.info.catalog_id, branch, format)
    run = _Run(context, opened, branch, opener=openers()[format], again=again)
    names = wanted or _united(known, context.repository.commits.entries(head))
    done = run.tables(names, progress)
    if wanted is None:
        opened.note_published(head)
    refs = {tag.name: tag.commit_id for tag in context.repository.tags.list()}
    for publication in run.opened:
        publication.close(refs, head)
    return PublishReport(branch, head, format, opened.store.location, done)


def _united(known: Sequence[str], names: Iterable[str]) -> list[str]:
    """Returns the names of tables that were published, and those of a commit, in order."""
    folded = {name.casefold() for name in known}
    return sorted([*known, *(name for name in names if name.casefold() not in folded)])


def openers() -> Mapping[str, Opener]:
    """Returns what opens a table of each format."""

    def delta(context: OperationContext, target: Target, origin: Origin) -> TablePublication:
        from catalog.operations.publication.delta import DeltaPublication

        return DeltaPublication(context, target.store, table_folder(origin.table), origin)

    def iceberg(context: OperationContext, target: Target, origin: Origin) -> TablePublication:
        from catalog.operations.publication.iceberg import IcebergPublication

        folder = table_folder(origin.table)
        return IcebergPublication(context, target.store, folder, origin=origin)

    return {"delta": delta, "iceberg": iceberg}


def _selected(
    context: OperationContext, names: Sequence[str], head: str, *, known: Sequence[str] = ()
) -> list[str]:
    """Returns the names of tables as they were published before, or as the commit has them.

    Raises:
        NotFound: There is no such table.
    """
    commits = context.repository.commits
    folded = {name.casefold(): name for name in known}
    found = []
    for name in map(canonical_name, names):
        entry = commits.entry(head, name)
        published = folded.get(name.casefold())
        if entry is None and published is None:
            raise unknown_table(name, head[:8], commits.entries(head))
        found.append(published or (entry.name if entry is not None else name))
    return list(dict.fromkeys(found))


class _Run:
    """One publication under way.

    Attributes:
        head: Where the branch was when a table was last looked at.
        opened: The tables that were published.
    """

    def __init__(
        self,
        context: OperationContext,
        target: Target,
        branch: str,
        *,
        opener: Opener,
        again: bool,
    ) -> None:
        self._context = context
        self._target = target
        self._branch = branch
        self._opener = opener
        self._again = again
        self._up_to = None if again else target.published_up_to()
        self.head = branch_head(context, branch)
        self.opened: list[TablePublication] = []

    def tables(self, names: Sequence[str], progress: Progress | None) -> tuple[PublishedTable, ...]:
        """Brings tables up to date, also those after one that cannot be.

        Raises:
            CatalogError: One or more cannot be; the message names them.
        """
        done: list[PublishedTable] = []
        failed: dict[str, CatalogError] = {}
        for number, name in enumerate(names):
            if progress is not None:
                progress(number, len(names), name)
            try:
                published = self._published(name)
            except CatalogError as error:
                failed[name] = error
                continue
            if published is not None:
                done.append(published)
        if failed:
            (first, why), *others = failed.items()
            also = f"; nor were {', '.join(repr(other) for other, _ in others)}" if others else ""
            raise type(why)(
                f"table {first!r} was not published: {why.message}{also}",
                kind=why.kind,
                hint=why.advice,
            ) from why
        return tuple(done)

    def _published(self, name: str) -> PublishedTable | None:
        """Brings a table up to date; returns None if the branch never had it."""
        origin = Origin(self._context.repository.info.catalog_id, self._branch, name)
        publication = self._opener(self._context, self._target, origin)
        if not self._again:
            return self._brought(name, publication)
        for step in self._line(name).steps(None)[-1:]:
            publication.check(step)
        self._target.note_table(name)
        with publication.anew() as fresh:
            return self._brought(name, fresh)

    def _dated(self, step: Step) -> Step:
        """Returns a step with the time at which the branch was moved back to its commit."""
        if step.continues or step.commit_id != self.head:
            return step
        branch = self._context.repository.branches.find(self._branch)
        move = None if branch is None else next(iter(branch.reflog), None)
        return step if move is None else replace(step, moved_at=move.time)

    def _line(self, name: str) -> Line:
        return Line(self._context.repository.commits, name, self.head)

    def _brought(self, name: str, publication: TablePublication) -> PublishedTable | None:
        written: list[Written] = []
        for _ in range(MAX_RACES):
            shown = publication.shown()
            # what is shown was read first: so the branch cannot be older than that
            self.head = branch_head(self._context, self._branch)
            steps = self._line(name).steps(shown, up_to=self._up_to)
            steps = [self._dated(step) for step in steps]
            if steps:
                publication.check(steps[-1])
                self._target.note_table(name)
            passed: dict[str, str] = {}
            explained = self._context.repository.expiry.explained
            try:
                for written_one in _written(
                    publication, shown, steps, passed=passed, explained=explained
                ):
                    written.append(written_one)
                    shown = written_one.shown
                publication.flush()
            except PublishedMeanwhile:
                continue
            if shown is None:
                return None
            self.opened.append(publication)
            return self._report(name, shown, written, passed)
        raise StorageFailure(
            f"gave up after {MAX_RACES} attempts: others kept publishing table {name!r}",
            kind=ErrorKind.TOO_MANY_RACES,
            hint="run it again",
        )

    def _report(
        self, name: str, shown: Shown, written: Sequence[Written], passed: Mapping[str, str]
    ) -> PublishedTable:
        entry = self._context.repository.commits.entry(self.head, name)
        return PublishedTable(
            name,
            self._target.store.uri(table_folder(name)),
            len(written),
            shown.version,
            shown.commit_id,
            0 if entry is None else entry.entry.rows,
            sum(one.files_shared for one in written),
            sum(one.files_rewritten for one in written),
            passed,
        )


def _written(
    publication: TablePublication,
    shown: Shown | None,
    steps: Sequence[Step],
    *,
    passed: dict[str, str],
    explained: Callable[[CatalogError], CatalogError],
) -> Iterator[Written]:
    """Writes the versions of steps, and yields what each took.

    A commit of the past that cannot be had any more gets no version: what its data files were is
    gone, or the format has no word for it. The next version is compared with what is shown then.

    Args:
        publication: The table.
        shown: The newest version.
        steps: The steps; the last one must succeed.
        passed: Gets the commits without a version, and why.
        explained: Returns the error for data that was expired, if that is what an error is about.
    """
    for number, step in enumerate(steps):
        given = (
            replace(step, before=None) if passed and steps[number - 1].commit_id in passed else step
        )
        try:
            written = publication.write(shown, given)
        except (CorruptData, Unsupported) as error:
            if number == len(steps) - 1 or error.kind not in PASSED_OVER:
                raise
            passed[step.commit_id] = explained(error).message
            continue
        yield written
        shown = written.shown
