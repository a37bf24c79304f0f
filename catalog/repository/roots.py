"""Roots: the commits from which everything that must stay is reached.

Unlike listings for people, nothing is passed over here: a ref that cannot be read may be the only
one that reaches some data.
"""

import datetime
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Literal, TypeAlias

from catalog.dataclasses import dataclass
from catalog.errors import CorruptData
from catalog.model.commit import EMPTY_ID
from catalog.model.names import decode_segment, encode_segment
from catalog.model.refs import Branch, Move
from catalog.repository import branches, tags
from catalog.repository.expired import Expired
from catalog.repository.history import missing_commits
from catalog.repository.ref_listing import SUFFIX, each
from catalog.repository.repository import DEFAULT_BRANCH, Repository
from catalog.repository.spares import spare_path, spared

RootReason: TypeAlias = Literal["branch", "tag", "reflog", "merge"]
"""Why a commit is a root."""

OLD_MOVES = 200
"""Moves in a row that are too old, after which a reflog is read no further: a clock that was set
back for a while put single moves out of order."""

UNDER_WAY = ("merge/", "backfill/")
"""How branches begin that hold a merge in conflict, or a backfill."""

NAMING = ("merge.", "backfill.")
"""How metadata begins that names the commits which those need."""

_ID = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Root:
    """A commit that must stay, with all that it needs.

    Attributes:
        ref: The branch or the tag.
        commit_id: The commit.
        why: Whether the ref points at it, did so lately, or holds what is under way with it.
    """

    ref: str
    commit_id: str
    why: RootReason


@dataclass(frozen=True, slots=True)
class Roots:
    """All roots, and the objects that refs themselves need.

    Attributes:
        commits: The roots, those of branches first; a commit may be one for several reasons.
        pages: Paths of the pages of reflogs.
        unknown: Paths below ``refs/`` that are not the catalog's; they are left alone.
    """

    commits: tuple[Root, ...]
    pages: tuple[str, ...]
    unknown: tuple[str, ...]


def find_roots(repository: Repository, *, since: datetime.datetime) -> Roots:
    """Returns the commits that branches, tags and what is under way need.

    Args:
        repository: The stored objects.
        since: The time from which on commits count that a branch was moved from, or to.

    Raises:
        CorruptData: A ref, or a reflog, cannot be read.
    """
    unknown: list[str] = []
    pages: list[str] = []
    held = list(_branches(repository, unknown.append))
    found = [
        Root(name, branch.commit_id, "branch")
        for name, branch in held
        if branch.commit_id is not None
    ]
    found += [Root(name, commit_id, "tag") for name, commit_id in _tags(repository, unknown.append)]
    for name, branch in held:
        pages += [branches.page_path(page) for page in repository.branches.pages(branch)]
        for move in _recent(repository.branches.reflog(branch), since):
            ends = (move.before, move.after)
            found += [Root(name, end, "reflog") for end in ends if end is not None]
        if branch.commit_id is not None and name.startswith(UNDER_WAY):
            named = _named(repository, branch.commit_id)
            found += [Root(name, commit_id, "merge") for commit_id in named]
    found = [root for root in dict.fromkeys(found) if root.commit_id != EMPTY_ID]
    return Roots(tuple(found), tuple(dict.fromkeys(pages)), tuple(unknown))


def unkept(expired: Expired, roots: Roots) -> Expired:
    """Returns what was expired, without the commits that roots keep whatever records say.

    A ref may have been made while its commit was expired. Only old moves of branches, and tags
    that a record names, keep nothing.
    """
    kept = {
        root.commit_id
        for root in roots.commits
        if root.why != "reflog" and not (root.why == "tag" and root.ref in expired.tags)
    }
    left = {one: tables for one, tables in expired.commits.items() if one not in kept}
    return Expired(left, expired.tags)


def _branches(
    repository: Repository, report: Callable[[str], None]
) -> Iterator[tuple[str, Branch]]:
    names = _names(_objects(repository, branches.PREFIX), branches.PREFIX, report)
    found = each(repository.store, repository.branches.held, names)
    for name, held in zip(names, found, strict=True):
        if held is None:
            raise CorruptData(f"{branches.branch_path(name)} is gone: nobody removes branches")
        yield name, held.branch


def _tags(repository: Repository, report: Callable[[str], None]) -> Iterator[tuple[str, str]]:
    paths = set(_objects(repository, tags.PREFIX))
    spent = {path.removesuffix(tags.DELETED) for path in paths if path.endswith(tags.DELETED)}
    live = (path for path in paths if path not in spent and not path.endswith(tags.DELETED))
    names = _names(sorted(live), tags.PREFIX, report)
    for name, tag in zip(names, each(repository.store, repository.tags.stored, names), strict=True):
        if tag is None:
            raise CorruptData(f"the object of tag {name} is gone: nobody removes it")
        yield name, tag.commit_id


def _names(paths: Sequence[str], prefix: str, report: Callable[[str], None]) -> list[str]:
    """Returns the names of refs that paths stand for; tells the others.

    Raises:
        CorruptData: One of those may be a ref that lost its name.
    """
    named = {path: _name(path, prefix) for path in paths}
    for path, name in named.items():
        if name is None:
            _check_foreign(path)
            report(path)
    return [name for name in named.values() if name is not None]


def _objects(repository: Repository, prefix: str) -> Sequence[str]:
    """Returns the paths of all references below a prefix.

    Raises:
        CorruptData: One is gone of which there is a spare copy.
    """
    known = spared(repository.store, prefix)
    found = [one.path for one in repository.store.list(prefix)]
    for path in sorted(known - set(found)):
        if not path.endswith(tags.DELETED) and path + tags.DELETED not in found:
            raise CorruptData(
                f"{path} is gone: nobody removes branches and tags",
                hint=f"restore it from a backup, or make it again; or, if it is to be gone, "
                f"remove {spare_path(path)}",
            )
    return found


def _name(path: str, prefix: str) -> str | None:
    """Returns the name that a path stands for; None if it stands for none."""
    name = decode_segment(path.removeprefix(prefix).removesuffix(SUFFIX))
    return name if name and path == f"{prefix}{encode_segment(name)}{SUFFIX}" else None


def _check_foreign(path: str) -> None:
    """Checks that what is not the name of a ref does not look like one either.

    Raises:
        CorruptData: It may be a ref that lost its name.
    """
    if path.endswith(SUFFIX):
        raise CorruptData(
            f"{path} may be a branch or a tag, but has not the name of one",
            hint="look at it, and move it elsewhere if it is none",
        )


def _recent(moves: Iterator[Move], since: datetime.datetime) -> Iterator[Move]:
    old = 0
    for move in moves:
        old = old + 1 if move.time < since else 0
        if not old:
            yield move
        elif old >= OLD_MOVES:
            return


def _named(repository: Repository, head: str) -> Iterator[str]:
    """Yields the commits that the metadata of what is under way names, and that are there."""
    read = repository.commits.read
    main = repository.branches.find(DEFAULT_BRANCH)
    base = EMPTY_ID if main is None or main.commit_id is None else main.commit_id
    own = dict.fromkeys([head, *missing_commits(read, head, base)])
    for commit_id in own:
        for name, value in read(commit_id).metadata.items():
            if name.startswith(NAMING):
                ids = _ID.findall(value) if len(value) < 1 << 12 else []
                yield from (one for one in ids if repository.commits.exists(one))
