"""Verification of an open catalog, and repairs."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from catalog.errors import InvalidInput
from catalog.hints import Option, hint
from catalog.operations.context import OperationContext
from catalog.repository.repository import Repository
from catalog.storage.opening import open_store
from catalog.storage.store import CachesObjects, ObjectStore

if TYPE_CHECKING:
    from catalog.care.fsck.findings import Finding
    from catalog.care.fsck.run import FsckReport

HIDES = ("pack-", "branch-", "tag-", "reflog-", "place-", "expiry-", "description-", "list-")
"""Begin the kinds of findings that stand for more: what they lead to could not be verified."""


def fsck(
    context: OperationContext,
    *,
    deep: bool,
    repair: bool,
    source: ObjectStore | None,
    dry_run: bool,
    progress: Callable[[str, int], None] | None = None,
) -> "FsckReport":
    """Verifies the catalog; see ``Catalog.fsck``."""
    if not repair and (dry_run or source is not None):
        raise InvalidInput(
            "there is nothing to be done by halves or from elsewhere without a repair",
            hint=hint("ask for {}", Option("repair")),
        )
    from catalog.care.fsck.repair import Repair
    from catalog.care.fsck.run import verify

    told = progress or (lambda what, count: None)
    store = context.repository.store
    repository = context.repository
    if isinstance(store, CachesObjects):  # what is verified is what the bucket has
        repository = Repository(store.uncached(), repository.info)
    found = verify(repository, deep=deep, now=context.clock(), progress=told)
    repaired: dict[tuple[str, str], Finding] = {}
    while repair:
        stamp = context.stamp("fsck: repaired")
        Repair(repository, found, source=source, stamp=stamp, dry_run=dry_run).run()
        new = {(one.kind, one.path): one for one in found.report.findings if one.repaired}
        if not any(kind.startswith(HIDES) for kind, _ in new.keys() - repaired.keys()):
            break
        repaired |= new  # what could not be read may have hidden more
        repository = Repository(repository.store, repository.info)
        found = verify(repository, deep=deep, now=context.clock(), progress=told)
    last = {(one.kind, one.path) for one in found.report.findings}
    before = [one for name, one in repaired.items() if name not in last]
    found.report.findings = [*before, *found.report.findings]
    found.report.dry_run = repair and dry_run
    return found.report


def source_store(source: ObjectStore | str | None) -> ObjectStore | None:
    """Returns the objects of another catalog, given as they are or by where they are."""
    return open_store(source, cache="") if isinstance(source, str) else source
