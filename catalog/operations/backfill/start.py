"""Beginning a backfill, or going on with the one of its name."""

from collections.abc import Mapping

from catalog.dataclasses import dataclass, replace
from catalog.errors import AlreadyExists, Conflict, ErrorKind, InvalidInput, NotFound
from catalog.hints import Call, Option, hint
from catalog.messages import masked
from catalog.model.backfill import PREFIX, Backfill, branch_of, checked_name, means_same
from catalog.model.fix import Fix
from catalog.model.ids import random_id
from catalog.model.names import canonical_name
from catalog.model.texts import check_integer, check_text
from catalog.operations.backfill.merges import drop_open_merge, find_merge
from catalog.operations.branch_rules import check_movable
from catalog.operations.context import OperationContext
from catalog.operations.fixes.plan import planned_steps
from catalog.operations.gate.options import NO_OPTIONS, GateOptions
from catalog.operations.merge.steps import Resolutions
from catalog.operations.refs import live_branch, unprotected_branch
from catalog.repository.backfills import START, FoundBackfill, find_backfill
from catalog.repository.branch_errors import moved_error
from catalog.repository.branches import Stamp
from catalog.repository.history import is_ancestor
from catalog.storage.store import SwapLost


@dataclass(frozen=True, slots=True, kw_only=True)
class BackfillRequest:
    """The arguments of ``Catalog.backfill``, which describes them.

    Attributes:
        fix: The fix; None goes on with a backfill, with the fix that is stored if it is needed.
        allow_statements: Whether a stored fix may be run that is any SQL.
        contract: Canonical JSON of the contracts; empty without one, None if the backfill's own
            are meant.
        gate: What whoever asks for it says about the gate of the target.
    """

    name: str
    fix: Fix | None = None
    from_ref: str | None = None
    into: str | None = None
    contract: str | None = None
    refresh: bool = True
    merge: bool = False
    restart: bool = False
    allow_empty: bool = False
    allow_statements: bool = False
    jobs: int = 1
    resolve: Resolutions = None
    message: str | None = None
    gate: GateOptions = NO_OPTIONS


def start(context: OperationContext, request: BackfillRequest, *, into: str) -> FoundBackfill:
    """Begins a backfill, or finds the one to go on with; ``into`` is where it goes by default.

    To begin one writes a commit that describes it, and the branch at that commit: one object.

    Raises:
        InvalidInput: The request is not valid, or does not say what the fix is.
        NotFound: A ref does not exist.
        AlreadyExists: The name is in use: for another backfill, one that was merged or abandoned,
            or a branch that is no backfill's.
        Conflict: The branch no longer holds the backfill's work.
    """
    name = checked_name(request.name)
    check_integer(request.jobs, "jobs", least=1)
    if request.message is not None:
        check_text(request.message, "the message")
    found = find_backfill(context.repository, name)
    if (found is None or found.is_replaced) and not _is_free(context, name):
        found = find_backfill(context.repository, name)  # another process may just have begun it
        if found is None or found.is_replaced:
            raise _not_free(name)
    if found is None:
        pass
    elif not request.restart:
        _check_same(context, found, request, into=into)
        return found
    elif request.fix is None:
        raise NotFound(
            f"no fix to begin backfill {name!r} again with",
            kind=ErrorKind.BACKFILL_NOT_FOUND,
            hint="give a fix, the same or another: SQL or a command",
        )
    if found is not None and request.contract is None:  # what it may do outlives a first try
        request = replace(request, contract=found.backfill.contract)
    backfill = _described(context, request, name, into=canonical_name(request.into or into))
    return _begin(context, backfill, found)


def _described(
    context: OperationContext, request: BackfillRequest, name: str, *, into: str
) -> Backfill:
    if request.fix is None:
        raise _no_fix(name)
    target = live_branch(context.repository, into)
    base = context.resolve(request.from_ref).commit_id if request.from_ref else target.head
    context.repository.expiry.check_kept(base)
    if not is_ancestor(context.repository.commits.read, base, target.head):
        raise InvalidInput(
            f"{request.from_ref} ({base[:8]}) is not in the history of {into}: the backfill would "
            "bring other changes along",
            hint=f"name a commit of {into}, or another target",
        )
    fix = request.fix
    plan, source = planned_steps(context, fix, base), fix.to_json()
    return Backfill(
        name=name,
        id=random_id(),
        into=target.name,
        base=base,
        fix=fix.identity,
        steps=plan.steps,
        kinds=plan.kinds,
        from_ref=request.from_ref or "",
        fix_text=masked(fix.text),
        fix_source=source if masked(source) == source else "",
        for_each=fix.for_each,
        contract=request.contract or "",
        refresh=request.refresh,
        message=request.message or "",
    )


def _begin(
    context: OperationContext, backfill: Backfill, old: FoundBackfill | None
) -> FoundBackfill:
    """Creates the branch of a backfill, or moves that of an earlier one to the new beginning."""
    repository = context.repository
    title = f"backfill {backfill.name} of {backfill.into}"
    about = context.describe(title, metadata=backfill.metadata())
    commit_id = repository.writer().write([backfill.base], [], about)
    key = f"{PREFIX}{backfill.name}{START}{backfill.id}"
    why = f"backfill: {'begun' if old is None else 'begun again'} from {backfill.base[:8]}"
    stamp = Stamp(context.author, context.clock(), why, key)
    try:
        if old is None or old.is_deleted:
            repository.branches.create(backfill.branch, commit_id, stamp)
        else:
            held = unprotected_branch(repository, backfill.branch).held
            check_movable(held.branch, doing="beginning the backfill again")
            drop_open_merge(context, old.backfill)  # it is of what is dropped here
            repository.branches.move(old.held, commit_id, stamp)
    except AlreadyExists:  # another process has just begun it
        found = find_backfill(context.repository, backfill.name)
        if found is None or found.is_deleted:
            raise
        _check_differences(found.backfill, backfill.differences(found.backfill))
        return found
    except SwapLost as error:
        raise moved_error(backfill.branch, during="the restart") from error
    found = find_backfill(context.repository, backfill.name)
    assert found is not None, "it was begun"
    return found


def _check_same(
    context: OperationContext, found: FoundBackfill, request: BackfillRequest, *, into: str
) -> None:
    """Checks that a request is for the backfill that was found, and that this can go on."""
    backfill = found.backfill
    differ = _differences(context, backfill, request)
    merged = find_merge(context, backfill)
    if merged is not None and (differ or merged.undo is not None):
        undone = "" if merged.undo is None else f", and taken back by {merged.undo.id[:8]}"
        raise AlreadyExists(
            f"backfill {backfill.name!r} was merged into {backfill.into} as "
            f"{merged.commit.id[:8]}{undone}",
            kind=ErrorKind.BACKFILL_EXISTS,
            hint=hint(
                "give the new one another name, or begin again under this one: {}",
                Option("restart"),
            ),
        )
    _check_differences(backfill, differ)
    if merged is None and found.is_deleted:
        raise Conflict(
            f"backfill {backfill.name!r} was abandoned: its branch {backfill.branch!r} was deleted "
            f"by {found.held.branch.reflog[0].who}",
            kind=ErrorKind.BACKFILL_BROKEN,
            hint=hint(
                "begin it again: {}; or go on from where it was, after: {}",
                Option("restart"),
                Call("branches.create", (backfill.branch,), at=found.head[:8]),
            ),
        )


def _differences(
    context: OperationContext, backfill: Backfill, request: BackfillRequest
) -> list[str]:
    """Returns in what a request differs from a backfill, as far as it says anything."""
    fix = request.fix
    asked: Mapping[str, tuple[str | None, str]] = {
        "fix": (None if fix is None else fix.identity, backfill.fix),
        "list of values": (None if fix is None else fix.for_each, backfill.for_each),
        "target": (request.into, backfill.into),
    }
    differ = [what for what, (wanted, known) in asked.items() if wanted not in (None, known)]
    start = request.from_ref
    if start not in (None, backfill.from_ref) and (
        not backfill.from_ref or context.resolve(start or "").commit_id != backfill.base
    ):
        differ.append("starting point")
    if request.contract is not None and not means_same(request.contract, backfill.contract):
        differ.append("contract")
    return differ


def _check_differences(backfill: Backfill, differ: "list[str] | tuple[str, ...]") -> None:
    if not differ:
        return
    raise AlreadyExists(
        f"backfill {backfill.name!r} was begun with another {' and another '.join(differ)}",
        kind=ErrorKind.BACKFILL_EXISTS,
        hint=hint(
            "choose another name; or drop what is on its branch, and begin again: {}",
            Option("restart"),
        ),
    )


def _is_free(context: OperationContext, name: str) -> bool:
    return context.repository.branches.find(branch_of(name)) is None


def _not_free(name: str) -> AlreadyExists:
    """Returns the error for a new backfill whose branch somebody made for something else."""
    branch = branch_of(name)
    return AlreadyExists(
        f"branch {branch!r} exists, and was not made by a backfill",
        kind=ErrorKind.REF_EXISTS,
        hint=hint(
            "choose another name, or delete it if it is not needed: {}",
            Call("branches.delete", (branch,)),
        ),
    )


def _no_fix(name: str) -> NotFound:
    return NotFound(
        f"no backfill {name!r} to go on with, and no fix to begin one with",
        kind=ErrorKind.BACKFILL_NOT_FOUND,
        hint=hint("give a fix: SQL or a command; or see: {}", Call("backfills")),
    )
