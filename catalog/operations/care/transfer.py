"""Copies of a catalog elsewhere, and commits fetched from such a copy."""

from collections.abc import Sequence

from catalog.care.transfer.history import ReadCommit, is_ancestor
from catalog.care.transfer.report import IncompleteTransfer, MovedRef, TransferReport
from catalog.care.transfer.run import (
    Transfer,
    TransferOptions,
    check_same_catalog,
    checked,
    clone,
    mirror,
)
from catalog.care.transfer.source_refs import read_refs
from catalog.dataclasses import dataclass
from catalog.errors import AlreadyExists, Conflict, CorruptData, ErrorKind, InvalidInput, NotFound
from catalog.hints import Blank, Call, Hint, Option, hint
from catalog.messages import shown
from catalog.model.commit import Commit
from catalog.model.names import check_ref_name
from catalog.model.refs import Tag
from catalog.operations.context import OperationContext
from catalog.operations.refs import movable_branch
from catalog.repository import repository as stored
from catalog.repository.branch_errors import moved_error
from catalog.repository.repository import Repository
from catalog.storage.opening import is_around, outer_stores
from catalog.storage.store import ObjectStore, SwapLost


def clone_to(
    context: OperationContext, store: ObjectStore, options: TransferOptions
) -> TransferReport:
    """Copies a catalog into a store; see ``Catalog.clone_to``."""
    source = context.repository.store
    for outer in outer_stores(store):
        if stored.is_catalog(outer):
            raise AlreadyExists(
                f"{store.location} is inside the catalog {outer.location}, whose files those of "
                "another catalog would be mixed with",
                kind=ErrorKind.CATALOG_EXISTS,
                hint="choose a place outside of it",
            )
    if is_around(store, source):
        raise InvalidInput(
            f"{source.location} is inside {store.location}, and cannot be copied there",
            hint="choose a place outside of it",
        )
    return clone(context.repository, store, options)


def opened_source(store: ObjectStore) -> Repository:
    """Opens the catalog that is fetched from.

    Raises:
        NotFound: There is none.
    """
    try:
        return stored.open_existing(store)
    except NotFound as error:
        if error.kind != ErrorKind.CATALOG_NOT_FOUND:
            raise
        raise NotFound(f"no catalog in {store.location}", kind=error.kind) from error


def what_to_fetch() -> Hint:
    """Returns what helps if nothing says what is to be fetched."""
    return hint(
        "a branch: {}; everything: {}",
        Call("fetch", (Blank("SOURCE"), Blank("BRANCH"))),
        Call("fetch", (Blank("SOURCE"),), mirror=True),
    )


def fetch_all(
    context: OperationContext, source: Repository, options: TransferOptions
) -> TransferReport:
    """Brings a copy up to date; see ``Catalog.fetch``."""
    return mirror(source, context.repository, options)


@dataclass(frozen=True, slots=True)
class _FetchedRef:
    """A ref of the source, and what becomes of it here.

    Attributes:
        name: The branch or tag here.
        tag: The tag of the source; None if it becomes a branch.
    """

    asked: str
    name: str
    commit_id: str
    tag: Tag | None = None


def fetch_refs(
    context: OperationContext,
    source: Repository,
    refs: Sequence[str],
    *,
    branch: str | None,
    options: TransferOptions,
) -> TransferReport:
    """Brings branches and tags, or the commit of any ref expression; see ``Catalog.fetch``."""
    target = context.repository
    check_same_catalog(source, target)
    if branch is not None and len(refs) != 1:
        raise InvalidInput(
            f"one ref becomes the branch {branch!r}, and {len(refs)} are named",
            hint="name one",
        )
    wanted = [_asked(context, source, ref, branch) for ref in refs]
    for one in wanted:  # before anything is copied
        _check_movable(context, one)
        if one.tag is None:
            source.expiry.check_kept(one.commit_id)
    transfer = Transfer(source, target, options)
    known = () if options.full else tuple(read_refs(target.store).heads())
    transfer.carry([one.commit_id for one in wanted], known)
    incomplete = [one.name for one in wanted if one.commit_id in transfer.broken]
    moved: list[MovedRef] = []
    if not incomplete:
        if not options.dry_run:
            transfer.save_expiry()
        for one in wanted:
            moved += _placed(context, source, one, dry_run=options.dry_run)
    report = transfer.report(
        moved=moved, unchanged=len(wanted) - len(moved) - len(incomplete), incomplete=incomplete
    )
    if incomplete:
        raise IncompleteTransfer(report)
    return checked(report)


def _asked(
    context: OperationContext, source: Repository, ref: str, branch: str | None
) -> _FetchedRef:
    """Returns what a ref of the source is, and its name here."""
    found = source.branches.find(ref)
    tag = None if found is not None else source.tags.find(ref)
    if found is not None and found.commit_id is not None:
        return _FetchedRef(ref, check_ref_name(branch or ref), found.commit_id)
    if tag is not None and branch is None:
        return _FetchedRef(ref, check_ref_name(ref), tag.commit_id, tag)
    try:
        commit_id = source.refs.resolve(ref, clock=context.clock).commit_id
    except NotFound as error:
        raise NotFound(
            f"{error.message}, in {source.store.location}",
            kind=error.kind,
            hint="name a branch or tag of that catalog",
        ) from error
    if branch is None:
        raise InvalidInput(
            f"{ref!r} is neither a branch nor a tag of {source.store.location}",
            hint=hint("give it a branch: {}", Option("branch", Blank("NAME"))),
        )
    return _FetchedRef(ref, check_ref_name(branch), commit_id)


def _check_movable(context: OperationContext, wanted: _FetchedRef) -> None:
    """Checks that a branch here may be moved by a fetch.

    Raises:
        Conflict: It is protected, or has rules.
        AlreadyExists: It is a tag.
    """
    target = context.repository
    if wanted.tag is not None:
        return
    held = target.branches.held(wanted.name)
    if held is None or held.branch.commit_id in (None, wanted.commit_id):
        return
    try:
        movable_branch(target, wanted.name, doing="moving it by a fetch")
    except Conflict as error:
        raise Conflict(
            error.message,
            kind=error.kind,
            hint=hint(
                "fetch it under another name, {}, and merge that: {}",
                Option("branch", Blank("NAME")),
                Call("merge", (Blank("NAME"),), into=wanted.name),
            ),
        ) from error


def _placed(
    context: OperationContext, source: Repository, wanted: _FetchedRef, *, dry_run: bool
) -> list[MovedRef]:
    """Creates or moves what a ref becomes here; empty if it is so already.

    Raises:
        Conflict: A branch here has commits that the one of the source has not.
        AlreadyExists: A tag of the name is another one; tags never move.
    """
    if wanted.tag is not None:
        return _tagged(context, source, wanted.tag, dry_run=dry_run)
    target, name, commit_id = context.repository, wanted.name, wanted.commit_id
    stamp = context.stamp(f"fetch: {wanted.asked} of {shown(source.store.location)}")
    held = target.branches.held(name)
    before = None if held is None else held.branch.commit_id
    if before == commit_id:
        return []
    if held is None or before is None:
        if not dry_run:
            target.branches.create(name, commit_id, stamp)
        return [MovedRef(name, "branch", None, commit_id)]
    read = _either(source, target)
    if is_ancestor(read, commit_id, before):
        return []
    if not is_ancestor(read, before, commit_id):
        raise Conflict(
            f"branch {name!r} is at {before[:8]}, which {wanted.asked!r} of "
            f"{source.store.location}, at {commit_id[:8]}, does not have",
            kind=ErrorKind.REFS_PARTED,
            hint=hint(
                "fetch it under another name, {}, and merge that: {}",
                Option("branch", Blank("NAME")),
                Call("merge", (Blank("NAME"),), into=name),
            ),
        )
    _check_movable(context, wanted)
    if not dry_run:
        try:
            target.branches.move(held, commit_id, stamp)
        except SwapLost as error:
            raise moved_error(name, during="the fetch") from error
    return [MovedRef(name, "branch", before, commit_id)]


def _either(source: Repository, target: Repository) -> ReadCommit:
    """Returns what reads a commit that one of two catalogs has; the target may lack it as yet."""

    def read(commit_id: str) -> Commit:
        try:
            return target.commits.read(commit_id)
        except CorruptData:
            return source.commits.read(commit_id)

    return read


def _tagged(
    context: OperationContext, source: Repository, tag: Tag, *, dry_run: bool
) -> list[MovedRef]:
    target = context.repository
    there = target.tags.find(tag.name)
    if there is not None and there.commit_id != tag.commit_id:
        raise AlreadyExists(
            f"tag {tag.name!r} is {tag.commit_id[:8]} in {source.store.location}, and "
            f"{there.commit_id[:8]} here: tags never move",
            kind=ErrorKind.REF_EXISTS,
            hint=hint("take it in as a branch: {}", Option("branch", Blank("NAME"))),
        )
    if there is not None:
        return []
    if not dry_run:
        target.branches.give_to_tag(tag.name, context.stamp("tag: fetched"))
        target.tags.create(tag)
    return [MovedRef(tag.name, "tag", None, tag.commit_id)]
