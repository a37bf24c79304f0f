"""Errors about branches that other writers changed first, or that may not change this way."""

from catalog.errors import AlreadyExists, Conflict, CorruptData, ErrorKind
from catalog.hints import Blank, Call, hint
from catalog.model.refs import Branch


def protected_error(name: str) -> Conflict:
    """Returns the error for a change, other than a merge, to a protected branch."""
    return Conflict(
        f"branch {name!r} is protected: it changes only by merge",
        kind=ErrorKind.BRANCH_PROTECTED,
        hint=hint(
            "work on another branch and merge it, or first: {}",
            Call("branches.unprotect", (name,)),
        ),
    )


def gated_error(name: str, *, doing: str) -> Conflict:
    """Returns the error for what would move a branch past its rules, e.g. ``resetting it``."""
    return Conflict(
        f"branch {name!r} has rules, and {doing} would pass them by",
        kind=ErrorKind.BRANCH_GATED,
        hint=hint(
            "take changes back with a revert, which is judged; or drop its rules first: {}",
            Call("branches.protect", (name,), rules=False),
        ),
    )


def deleted_error(name: str) -> Conflict:
    """Returns the error for a branch that was deleted while it was to be moved."""
    return Conflict(
        f"branch {name!r} was deleted in the meantime",
        kind=ErrorKind.BRANCH_DELETED,
        hint=hint("see where it was: {}", Call("reflog", (name,))),
    )


def moved_error(name: str, *, during: str, now: Branch | None = None) -> Conflict:
    """Returns the error for a branch that another writer moved, or deleted, first.

    It happened during, e.g., ``the rebase``; ``now`` is the branch if it was read again.
    """
    by = "another writer"
    if now is not None:
        if now.commit_id is None:
            return deleted_error(name)
        last = now.reflog[0]
        by = f"{last.who} to {now.commit_id[:8]} ({last.why})"
    return Conflict(
        f"branch {name!r} was moved by {by} during {during}",
        kind=ErrorKind.WRITE_CONFLICT,
        hint=hint("look at it, then try again: {}", Call("log", (name,))),
    )


def contested_error(name: str, attempts: int) -> Conflict:
    """Returns the error for a branch that other writers moved before each of our attempts."""
    return Conflict(
        f"gave up after {attempts} attempts: other writers kept moving branch {name!r}",
        kind=ErrorKind.TOO_MANY_RACES,
        hint="run it again",
    )


def exists_error(name: str) -> AlreadyExists:
    """Returns the error for a name that a branch has."""
    return AlreadyExists(
        f"branch {name!r} already exists",
        kind=ErrorKind.REF_EXISTS,
        hint=hint("choose another name, or see: {}", Call("branches.list")),
    )


def given_to_tag_error(name: str) -> AlreadyExists:
    """Returns the error for a branch whose name was given to a tag."""
    return AlreadyExists(
        f"tag {name!r} exists or is being created: branches and tags share their names",
        kind=ErrorKind.REF_EXISTS,
        hint=hint("choose another name, or see: {}", Call("tags.list")),
    )


def damaged_branch_error(name: str, path: str, error: CorruptData) -> CorruptData:
    """Returns the error for a branch whose object, at ``path``, cannot be read or trusted."""
    return CorruptData(
        error.message,
        kind=error.kind,
        hint=hint(
            f"restore {path} from a backup, or remove it if it is not the catalog's; or point the "
            "branch at a commit again: {}. Files in objects/ are named by their commits, of which "
            "the newest is likely to be the last; {} shows it",
            Call("reset", (name,), to=Blank("COMMIT")),
            Call("log", (Blank("COMMIT"),)),
        ),
    )


def damaged_tag_error(name: str, path: str, error: CorruptData) -> CorruptData:
    """Returns the error for a tag whose object, at ``path``, cannot be read or trusted."""
    return CorruptData(
        error.message,
        kind=error.kind,
        hint=f"restore {path} from a backup: a tag is written once, and never changed; or remove "
        "it, and make the tag again",
    )
