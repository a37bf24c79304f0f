"""Merges under way: the branches that hold them, and which of them is meant."""

import hashlib
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from catalog.errors import ErrorKind, InvalidInput, MergeConflict, NotFound
from catalog.model.commit import Commit
from catalog.model.names import canonical_name, check_ref_name
from catalog.operations.merge.steps import in_order
from catalog.repository.history import first_parents
from catalog.write.merge.ends import Ends

if TYPE_CHECKING:
    from catalog.reader import CatalogReader

PREFIX = "merge/"
CONFLICT_TABLE = "parquetry.conflicts"
"""The table that holds the conflicts of a merge, on its branch only."""

ABOUT = "merge."
"""Begins what the metadata of a merge in conflict says of it."""

_OUTSIDE = re.compile(r"[^\w./-]+")


@dataclass(frozen=True, slots=True)
class OpenMerge:
    """Describes a merge in conflict.

    Attributes:
        branch: The branch that holds it.
        head: The commit that branch is at.
        start: Its first commit.
        into: The branch to be merged into.
        source: What is merged, as it was named.
        ends: The three commits it was made from.
        squash: Whether the merge is to have one parent only.
        message: The message of the merge to come.
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

    A source that is no plain name (``main~1``) gets a digest, so that no two have one branch;
    names that would be too long are a digest alone.
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


def check_no_start(commit_id: str, commit: Commit) -> None:
    """Checks that a commit may be made again elsewhere.

    Raises:
        InvalidInput: It is a merge in conflict: what is not settled in it would be lost.
    """
    if f"{ABOUT}ours" in commit.metadata:
        source, into = commit.metadata[f"{ABOUT}source"], commit.metadata[f"{ABOUT}into"]
        raise InvalidInput(
            f"commit {commit_id[:8]} is a merge in conflict: it cannot be made again elsewhere",
            kind=ErrorKind.CONFLICT_TABLE,
            hint=f"settle it and complete it: {merge_command(source, into)} --continue",
        )


def foreign_conflicts(owner: "CatalogReader", ends: Ends) -> list[str]:
    """Returns the table of conflicts if it is not that of ours, so that it stays where it is."""
    commits = owner.repository.commits
    found: dict[str, set[str | None]] = {}
    for commit_id in (ends.base, ends.ours, ends.theirs):
        for name, placed in commits.entries(commit_id).items():
            if name.casefold() == CONFLICT_TABLE:
                table_id = commits.table(placed).snapshot.table_id
                found.setdefault(name, set()).add(table_id)
    here = commits.entries(ends.ours)
    return [name for name, ids in found.items() if name not in here or len(ids) > 1]


def open_merges(owner: "CatalogReader") -> list[OpenMerge]:
    """Returns the merges in conflict, by branch."""
    found = (
        find_merge(owner, branch.name)
        for branch in owner.repository.branches.list()
        if branch.name.startswith(PREFIX)
    )
    return [one for one in found if one is not None]


def find_merge(owner: "CatalogReader", branch: str) -> OpenMerge | None:
    """Returns the merge that a branch holds, None if it holds none."""
    held = owner.repository.branches.find(canonical_name(branch))
    if held is None or held.commit_id is None:
        return None
    for logged in first_parents(owner.repository.commits.read, held.commit_id):
        about = logged.commit.metadata
        if "merge.ours" in about:
            ends = Ends(about["merge.base"], about["merge.ours"], about["merge.theirs"])
            return OpenMerge(
                held.name,
                held.commit_id,
                logged.id,
                about["merge.into"],
                about["merge.source"],
                ends,
                about["merge.squash"] == "yes",
                about["merge.message"],
            )
    return None


def the_merge(owner: "CatalogReader", source: str | None, into: str | None) -> OpenMerge:
    """Returns the merge in conflict that is meant.

    Args:
        owner: The catalog.
        source: What is merged, or the branch that holds the merge; None if there is but one.
        into: The branch merged into; None means any.

    Raises:
        NotFound: There is none.
        InvalidInput: There are several.
    """
    every = open_merges(owner)
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


def conflict_error(source: str, into: str, conflicts: pa.Table, branch: str) -> MergeConflict:
    """Returns the error that tells of conflicts."""
    tables = sorted(set(conflicts["table_name"].to_pylist()))
    listed = ", ".join(tables[:5]) + (" …" if len(tables) > 5 else "")
    return MergeConflict(
        f"merging {source} into {into}: {counted(conflicts)} in {listed}; {into} was not moved",
        conflicts=in_order(conflicts),
        branch=branch,
        hint=f"look at them: parquetry conflicts {shlex.quote(branch)}; change rows there with "
        f"parquetry sql --branch {shlex.quote(branch)}, or take a side with --resolve "
        "ours|theirs; then "
        f"{merge_command(source, into)} --continue (or --abort)",
    )


def counted(conflicts: pa.Table) -> str:
    """Returns how many conflicts there are, in words."""
    count = conflicts.num_rows
    return f"{count} conflict{'s' if count != 1 else ''}"


def merge_command(source: str, into: str) -> str:
    """Returns the command line that merges."""
    return f"parquetry merge {shlex.quote(source)} --into {shlex.quote(into)}"
