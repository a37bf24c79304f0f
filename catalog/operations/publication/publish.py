"""Publishing a branch: its tables at a target, one version for each commit that changed them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, TypeAlias, get_args

from catalog.dataclasses import dataclass
from catalog.errors import CatalogError, ErrorKind, InvalidInput, NotFound, StorageFailure
from catalog.formats.published import Origin
from catalog.model.names import canonical_name
from catalog.model.texts import check_text, listed
from catalog.operations.context import OperationContext
from catalog.operations.publication.line import Line
from catalog.operations.publication.table import PublishedMeanwhile, TablePublication, Written
from catalog.operations.publication.target import Target, open_target, table_folder
from catalog.operations.tables import unknown_table

PublicationFormat: TypeAlias = Literal["delta"]
"""Formats in which branches are published."""

PUBLICATION_FORMATS: tuple[PublicationFormat, ...] = get_args(PublicationFormat)
"""All of them."""

MAX_RACES = 50
"""Races that a publication may lose: each is a version that somebody else wrote meanwhile."""

Opener: TypeAlias = Callable[[OperationContext, Target, Origin], TablePublication]
"""Opens a table of a format in a target."""


@dataclass(frozen=True, slots=True)
class PublishedTable:
    """What was done for a table.

    Attributes:
        table: Its name.
        location: Where readers find it.
        versions: Versions that were written.
        version: The number of the newest.
        commit: The commit that it shows.
        rows: Rows that it has.
        files_shared: Files that were linked, or copied as they are.
        files_rewritten: Files that were written anew, since readers would not read them rightly.
    """

    table: str
    location: str
    versions: int
    version: int
    commit: str
    rows: int
    files_shared: int
    files_rewritten: int


@dataclass(frozen=True, slots=True)
class PublishReport:
    """What a publication did.

    Attributes:
        branch: The branch.
        commit: Where it was; tables may show later ones, if it was moved meanwhile.
        format: The format.
        target: Where it was published.
        tables: What was done for each table, by name.
    """

    branch: str
    commit: str
    format: str
    target: str
    tables: tuple[PublishedTable, ...]


def publish_branch(
    context: OperationContext,
    branch: str,
    target: str,
    *,
    format: PublicationFormat,
    tables: Sequence[str] | None = None,
    again: bool = False,
) -> PublishReport:
    """Brings the publication of a branch up to date; see ``Catalog.publish``."""
    if format not in PUBLICATION_FORMATS:
        choices = ", ".join(PUBLICATION_FORMATS)
        raise InvalidInput(f"unknown format of a publication: {format!r}", hint=f"use {choices}")
    check_text(branch, "branch")
    branch = canonical_name(branch)
    opened = open_target(context.repository.store, target)
    head = _head(context, branch)
    wanted = None if tables is None else _selected(context, listed(tables, "tables"), head)
    opened.claim(context.repository.info.catalog_id, branch, format)
    run = _Run(context, opened, branch, opener=openers()[format], again=again)
    known = sorted(opened.tables())
    names = known if wanted is None else wanted
    if wanted is None:
        entries = context.repository.commits.entries(head)
        folded = {name.casefold() for name in known}
        names = sorted([*known, *(name for name in entries if name.casefold() not in folded)])
    done = [run.table(name) for name in names]
    if wanted is None:
        opened.note_published(head)
    refs = {tag.name: tag.commit_id for tag in context.repository.tags.list()}
    for publication in run.opened:
        publication.close(refs, head)
    return PublishReport(
        branch, head, format, opened.store.location, tuple(one for one in done if one)
    )


def openers() -> Mapping[str, Opener]:
    """Returns what opens a table of each format."""

    def delta(context: OperationContext, target: Target, origin: Origin) -> TablePublication:
        from catalog.operations.publication.delta import DeltaPublication

        return DeltaPublication(context, target.store, table_folder(origin.table), origin)

    return {"delta": delta}


def _head(context: OperationContext, branch: str) -> str:
    """Returns where a branch is now.

    Raises:
        NotFound: There is no such branch.
    """
    found = context.repository.branches.find(branch)
    if found is None or found.commit_id is None:
        raise NotFound(f"no branch {branch!r}", kind=ErrorKind.REF_NOT_FOUND)
    return found.commit_id


def _selected(context: OperationContext, names: Sequence[str], head: str) -> list[str]:
    """Returns the names of tables as the commit has them.

    Raises:
        NotFound: It has no such table.
    """
    commits = context.repository.commits
    found = []
    for name in names:
        entry = commits.entry(head, canonical_name(name))
        if entry is None:
            raise unknown_table(name, head[:8], commits.entries(head))
        found.append(entry.name)
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
        self.head = _head(context, branch)
        self.opened: list[TablePublication] = []

    def table(self, name: str) -> PublishedTable | None:
        """Brings a table up to date; returns None if the branch never had it.

        Raises:
            CatalogError: It cannot be; the message names the table.
        """
        origin = Origin(self._context.repository.info.catalog_id, self._branch, name)
        publication = self._opener(self._context, self._target, origin)
        try:
            if not self._again:
                return self._brought(name, publication)
            for step in self._line(name).steps(None):
                publication.check(step)
            self._target.note_table(name)
            with publication.anew() as fresh:
                return self._brought(name, fresh)
        except CatalogError as error:
            raise type(error)(
                f"table {name!r} was not published: {error.message}",
                kind=error.kind,
                hint=error.advice,
            ) from error

    def _line(self, name: str) -> Line:
        return Line(self._context.repository.commits, name, self.head)

    def _brought(self, name: str, publication: TablePublication) -> PublishedTable | None:
        written: list[Written] = []
        for _ in range(MAX_RACES):
            shown = publication.shown()
            # what is shown was read first: so the branch cannot be older than that
            self.head = _head(self._context, self._branch)
            steps = self._line(name).steps(shown, up_to=self._up_to)
            try:
                for step in steps:
                    publication.check(step)
                if steps:
                    self._target.note_table(name)
                for step in steps:
                    written.append(publication.write(shown, step))
                    shown = written[-1].shown
            except PublishedMeanwhile:
                continue
            if shown is None:
                return None
            self.opened.append(publication)
            return self._report(name, shown.version, shown.commit_id, written)
        raise StorageFailure(
            f"gave up after {MAX_RACES} attempts: others kept publishing table {name!r}",
            kind=ErrorKind.TOO_MANY_RACES,
            hint="run it again",
        )

    def _report(
        self, name: str, version: int, commit_id: str, written: Sequence[Written]
    ) -> PublishedTable:
        entry = self._context.repository.commits.entry(self.head, name)
        return PublishedTable(
            name,
            self._target.store.uri(table_folder(name)),
            len(written),
            version,
            commit_id,
            0 if entry is None else entry.entry.rows,
            sum(one.files_shared for one in written),
            sum(one.files_rewritten for one in written),
        )
