"""Merges in conflict: the branches that hold them until they are settled.

Such a branch is called ``merge/<source>-into-<target>``. Its first commit has both heads as
parents: everything that could be merged, what ours has where it could not, and the table
``parquetry.conflicts``. When a conflict counts as settled, ``settlement`` decides.
"""

import hashlib
import re
from collections.abc import Mapping

import pyarrow as pa

from catalog.dataclasses import dataclass
from catalog.errors import ErrorKind, InvalidInput, MergeConflict, NotFound
from catalog.hints import Blank, Call, Option, Part, hint
from catalog.model.commit import Commit
from catalog.model.ids import are_ids
from catalog.model.names import canonical_name, check_ref_name
from catalog.operations.context import OperationContext
from catalog.repository.history import first_parents
from catalog.write.merge.conflicts import (
    CONFLICT_TABLE,
    are_about_files,
    conflicting_tables,
    counted,
    in_order,
)
from catalog.write.merge.ends import Ends

PREFIX = "merge/"
ABOUT = "merge."
"""Prefix of the metadata that make a commit the start of a merge in conflict."""

_OUTSIDE = re.compile(r"[^\w./-]+")


@dataclass(frozen=True, slots=True)
class OpenMerge:
    """A merge in conflict.

    Attributes:
        branch: The branch that holds it.
        head: The commit which that branch points at.
        start: The first commit on that branch.
        into: The branch to merge into.
        source: What is merged, as the user named it.
        ends: The three commits it was made from.
        squash: Whether the merge gets only one parent.
        message: The message of the merge, once it is completed.
    """

    branch: str
    head: str
    start: str
    into: str
    source: str
    ends: Ends
    squash: bool
    message: str


def branch_name(source: str, into: str) -> str:
    """Returns the branch that a merge in conflict leaves.

    A source that is not a plain name (``main~1``) gets a digest, so that no two sources share a
    branch; where the name would be too long, it is only a digest.
    """
    source, into = canonical_name(source), canonical_name(into)
    digest = hashlib.sha256(f"{source}\0{into}".encode(errors="surrogatepass")).hexdigest()
    plain = _OUTSIDE.sub("-", source).strip("-./")
    name = f"{PREFIX}{plain if plain == source else f'{plain}-{digest[:6]}'}-into-{into}"
    try:
        return check_ref_name(name)
    except InvalidInput:
        return f"{PREFIX}{digest[:16]}"


def without_merge(metadata: Mapping[str, str]) -> dict[str, str]:
    """Returns the metadata of a commit without what makes it the start of a merge in conflict."""
    return {name: value for name, value in metadata.items() if not name.startswith(ABOUT)}


def check_not_conflicted(commit_id: str, commit: Commit) -> None:
    """Checks that a commit can be replayed elsewhere.

    Raises:
        InvalidInput: It is a merge in conflict: what is not settled in it would be lost.
    """
    if f"{ABOUT}ours" in commit.metadata:
        source, into = (commit.metadata.get(f"{ABOUT}{end}", "") for end in ("source", "into"))
        raise InvalidInput(
            f"commit {commit_id[:8]} is a merge in conflict: it cannot be replayed elsewhere",
            kind=ErrorKind.CONFLICT_TABLE,
            hint=hint(
                "settle it and complete it: {}", Call("continue_merge", (source,), into=into)
            ),
        )


def foreign_conflicts(context: OperationContext, ends: Ends) -> list[str]:
    """Returns the table of conflicts if it belongs to another merge, so that it is left alone."""
    commits = context.repository.commits
    found: dict[str, set[str | None]] = {}
    for commit_id in (ends.base, ends.ours, ends.theirs):
        placed = commits.entry(commit_id, CONFLICT_TABLE)
        if placed is not None:
            table_id = commits.table(placed).snapshot.table_id
            found.setdefault(placed.name, set()).add(table_id)
    here = commits.entries(ends.ours)
    return [name for name, ids in found.items() if name not in here or len(ids) > 1]


def open_merges(context: OperationContext) -> list[OpenMerge]:
    """Returns the merges in conflict, by branch."""
    found = (
        find_merge(context, branch.name) for branch in context.repository.branches.heads(PREFIX)
    )
    return [one for one in found if one is not None]


def find_merge(context: OperationContext, branch: str) -> OpenMerge | None:
    """Returns the merge that a branch holds, None if it holds none."""
    held = context.repository.branches.find(canonical_name(branch))
    if held is None or held.commit_id is None:
        return None
    for logged in first_parents(context.repository.commits.read, held.commit_id):
        match logged.commit.metadata:
            case {
                "merge.base": base,
                "merge.ours": ours,
                "merge.theirs": theirs,
                "merge.into": into,
                "merge.source": source,
                "merge.squash": squash,
                "merge.message": message,
            } if are_ids([base, ours, theirs]):  # metadata are anybody's: others say nothing
                return OpenMerge(
                    held.name,
                    held.commit_id,
                    logged.id,
                    into,
                    source,
                    Ends(base, ours, theirs),
                    squash == "yes",
                    message,
                )
    return None


def find_one(context: OperationContext, source: str | None, into: str | None) -> OpenMerge:
    """Returns the one merge in conflict that fits; None fits all.

    Raises:
        NotFound: None fits.
        InvalidInput: Several do.
    """
    every = open_merges(context)
    fitting = [
        one
        for one in every
        if (source is None or source in (one.source, one.branch))
        and (into is None or into in (one.into, one.branch))
    ]
    if len(fitting) == 1:
        return fitting[0]
    names = ", ".join(one.branch for one in every)
    if not fitting:
        raise NotFound(
            f"no merge in conflict{f' of {source}' if source else ''}",
            kind=ErrorKind.MERGE_NOT_FOUND,
            hint=f"there are: {names}" if names else "there is none to continue or abort",
        )
    raise InvalidInput("several merges are in conflict", hint=f"name one: {names}")


def conflict_error(
    source: str, into: str, conflicts: pa.Table, *, branch: str, moved: bool = False
) -> MergeConflict:
    """Returns the error for a merge in conflict; ``moved`` if it is new, since ``into`` moved."""
    complete = Call("continue_merge", (source,), into=into)
    abort = Call("abort_merge", (source,), into=into)
    message = (
        f"merging {source} into {into}: {counted(conflicts)} in "
        f"{conflicting_tables(conflicts)}; {into} was not moved"
    )
    change = "change rows there with {}"
    by_hand: list[Part] = [Call("transaction", (branch,))]
    if are_about_files(conflicts):
        change += ", and files by a snapshot with {}"
        by_hand.append(Option("scope", "append"))
    advice = hint(
        f"look at them: {{}}; {change}, or choose a side with {{}}; then complete the merge: {{}}; "
        "or drop it: {}",
        Call("conflicts", (branch,)),
        *by_hand,
        Option("resolve", Blank("ours|theirs")),
        complete,
        abort,
    )
    if moved:
        message = f"{into} has moved since, and now conflicts again: {message}"
        advice = hint(
            "choose a side: {}; or drop it, and merge again: {}",
            Call("continue_merge", (source,), into=into, resolve=Blank("ours|theirs")),
            abort,
        )
    return MergeConflict(message, conflicts=in_order(conflicts), branch=branch, hint=advice)
