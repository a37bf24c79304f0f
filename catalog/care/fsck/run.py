"""One verification of a catalog."""

import datetime
from collections.abc import Callable, Mapping, Sequence

from catalog.care.fsck.commits import CommitsCheck
from catalog.care.fsck.derived import check_cache, check_expiry, check_gc, check_spares
from catalog.care.fsck.files import Damaged, Files
from catalog.care.fsck.findings import Finding, Findings
from catalog.care.fsck.present import LeftOver, Present
from catalog.care.fsck.refs import Refs, check_refs
from catalog.dataclasses import dataclass, field
from catalog.errors import CatalogError
from catalog.repository.expired import Expired
from catalog.repository.pack import Place
from catalog.repository.repository import Repository
from catalog.repository.roots import Root, Roots, find_roots, unkept

Progress = Callable[[str, int], None]
"""Takes what is being done, and how many of it."""


@dataclass(slots=True, kw_only=True)
class FsckReport:
    """What a verification found.

    Attributes:
        deep: Whether all bytes and rows were read.
        dry_run: Whether repairs were only looked for.
        findings: What is not as it must be, damage first.
        untold: How many findings are not among these.
        refs: Branches and tags that were verified.
        commits: Commits that were verified.
        files: Data files, and contents of file sets.
        bytes: Bytes of these that were hashed.
        derived: Derived objects that were verified.
        unproved: Data files of which no hash is known, so that only size and rows were verified.
        left_over: What nothing needs, by kind: garbage collection's business.
        unknown: Objects that are none of the catalog's.
    """

    deep: bool = False
    dry_run: bool = False
    findings: Sequence[Finding] = ()
    untold: int = 0
    refs: int = 0
    commits: int = 0
    files: int = 0
    bytes: int = 0
    derived: int = 0
    unproved: int = 0
    left_over: Mapping[str, LeftOver] = field(default_factory=dict)
    unknown: int = 0

    @property
    def is_whole(self) -> bool:
        """Returns whether nothing is damaged, but for what was repaired and what is left over."""
        told = all(one.repaired or one.severity == "left over" for one in self.findings)
        return told and not self.untold


@dataclass(slots=True, kw_only=True)
class Verified:
    """A report, and what a repair needs beside it.

    Attributes:
        report: The report.
        damaged: Objects that are gone or damaged and have a hash, by path.
        failed: Nodes that could not be read, by the id of the commit in whose pack they are.
        places: Where nodes are that are not where a pack says; None if that is not known.
        refs: The paths of branches, tags, and marks of deleted tags, that can be read.
    """

    report: FsckReport
    damaged: Mapping[str, Damaged]
    failed: Mapping[str, set[tuple[str, Place]]]
    places: Mapping[tuple[str, Place], Place | None]
    refs: Sequence[str] = ()


def verify(
    repository: Repository,
    *,
    deep: bool,
    now: datetime.datetime,
    progress: Progress = lambda what, count: None,
) -> Verified:
    """Verifies a catalog; nothing that is wrong ends it.

    Args:
        repository: The stored objects.
        deep: Whether to read all bytes and rows.
        now: The time, aware UTC.
        progress: Takes what is done.

    Raises:
        StorageFailure: The objects cannot be listed.
    """
    store, findings = repository.store, Findings()
    present = Present(store)
    progress("objects listed", sum(present.listed.values()))
    refs = check_refs(repository, present, findings, now=now)
    progress("refs verified", refs.count)
    expired = _expired(repository, refs, check_expiry(store, findings))
    check_gc(store, findings)
    files = Files(store, present, findings, deep=deep)
    commits = CommitsCheck(store, present, findings, files=files, expired=expired, deep=deep)
    for starts, loose in ((refs.needed, False), (refs.loose, True)):
        commits.walk(
            dict.fromkeys(starts),
            refs.names,
            loose=loose,
            progress=lambda count: progress("commits verified", count),
        )
    commits.rest()
    derived = check_cache(store, findings) if deep else 0
    if deep:
        check_spares(store, findings)
    order = {"damage": 0, "derived": 1, "left over": 2}
    report = FsckReport(
        deep=deep,
        findings=sorted(findings.found, key=lambda one: (order[one.severity], one.path)),
        untold=findings.untold,
        refs=refs.count,
        commits=commits.count,
        files=files.count,
        bytes=files.bytes,
        derived=derived,
        unproved=files.unproved,
        left_over=present.left_over(),
        unknown=present.unknown,
    )
    return Verified(
        report=report,
        damaged=files.damaged,
        failed=commits.nodes.failed,
        places={node: wrong.place for node, wrong in commits.nodes.misplaced.items()},
        refs=refs.whole,
    )


def _expired(repository: Repository, refs: Refs, said: Expired) -> Expired:
    """Returns what was expired, without what references keep whatever records say."""
    if not said.commits:
        return said
    try:
        roots = find_roots(repository, since=datetime.datetime.max.replace(tzinfo=datetime.UTC))
    except CatalogError:
        names = refs.names.items()
        roots = Roots(tuple(Root(n, c, "tag") for c, all_ in names for n in all_), (), ())
    return unkept(said, roots)
