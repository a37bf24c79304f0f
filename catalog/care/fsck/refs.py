"""Verification of references: branches, tags, and the pages of reflogs."""

import datetime
import re
from collections.abc import Iterable
from itertools import chain

from catalog.care.fsck.description import check_description
from catalog.care.fsck.findings import Findings, Severity
from catalog.care.fsck.present import Present
from catalog.dataclasses import dataclass, field
from catalog.errors import CatalogError, CorruptData
from catalog.interruption import check
from catalog.model.ids import content_id, parse_json
from catalog.model.names import decode_segment, encode_segment
from catalog.model.refs import Branch, Move, branch_from_json, move_from_json
from catalog.model.rules import rules_from_json
from catalog.repository import branches, tags
from catalog.repository.ref_listing import SUFFIX
from catalog.repository.repository import DEFAULT_BRANCH, Repository
from catalog.repository.spares import spare_path, spared

RECENT = datetime.timedelta(days=30)
"""How long the commits are looked at that a branch was moved away from: that garbage collection
keeps them, unless it is told otherwise."""


@dataclass(slots=True)
class Refs:
    """What references lead to.

    Attributes:
        needed: Commits that branches and tags are at.
        loose: Commits that branches were at lately.
        names: Names of the branches and tags, by commit.
        count: How many references there are.
        pages: How many pages of reflogs.
        whole: The paths of branches, tags, and marks of deleted tags, that can be read.
    """

    needed: list[str] = field(default_factory=list)
    loose: list[str] = field(default_factory=list)
    names: dict[str, list[str]] = field(default_factory=dict)
    count: int = 0
    pages: int = 0
    whole: list[str] = field(default_factory=list)


def check_refs(
    repository: Repository, present: Present, findings: Findings, *, now: datetime.datetime
) -> Refs:
    """Verifies the description of the catalog and all references; returns what they lead to."""
    description = check_description(repository.store, findings)
    found = _RefsCheck(repository, present, findings, now=now).run()
    for name in chain.from_iterable(found.names.values()):
        findings.ref(description, name)
    return found


class _RefsCheck:
    """Verifies references, one after another, whatever is wrong with others."""

    def __init__(
        self,
        repository: Repository,
        present: Present,
        findings: Findings,
        *,
        now: datetime.datetime,
    ) -> None:
        self._repository = repository
        self._present = present
        self._findings = findings
        self._since = now - RECENT
        self._found = Refs()
        self._pages: dict[str, frozenset[int]] = {}

    def run(self) -> Refs:
        """Verifies all."""
        store = self._repository.store
        spares = spared(store, branches.PREFIX) | spared(store, tags.PREFIX)
        branch_paths = [one.path for one in store.list(branches.PREFIX)]
        listed = list(store.list(tags.PREFIX))
        tag_paths = {one.path for one in listed}
        for one in listed:
            if one.path.endswith(tags.DELETED) and one.size_bytes:
                message = f"{one.path}, which says that a tag is deleted, is not empty"
                self._findings.add("tag-damaged", one.path, message, severity="left over")
            elif one.path.endswith(tags.DELETED):
                self._found.whole.append(one.path)
        given = [name for path in branch_paths if (name := self._branch(path)) is not None]
        for path in sorted(tag_paths):
            self._tag(path, tag_paths)
        self._lost(spares, set(branch_paths), tag_paths)
        for name in given:
            path = f"{tags.PREFIX}{encode_segment(name)}{SUFFIX}"
            if not (tag_paths | spares) & {path, path + tags.DELETED}:
                found = self._findings.add(
                    "tag-missing", path, f"the name {name!r} was given to a tag that is not there"
                )
                self._findings.ref(found, name)
        return self._found

    def _lost(self, spares: frozenset[str], branch_paths: set[str], tag_paths: set[str]) -> None:
        """Finds references that are gone, and of which something else tells."""
        given = {
            f"{branches.PREFIX}{path.removeprefix(tags.PREFIX)}"
            for path in spares
            if path.startswith(tags.PREFIX) and path.endswith(SUFFIX)
        }  # a name is given to a tag before there is the tag
        always = branches.branch_path(DEFAULT_BRANCH)
        for path in sorted({always, *spares, *given} - branch_paths - tag_paths):
            if path.startswith(branches.PREFIX):
                self._lost_branch(path)
            elif path.endswith(tags.DELETED):
                message = f"{path}, which says that a tag is deleted, is gone: it seems to be back"
                self._told(path.removesuffix(tags.DELETED), "mark-missing", path, message)
            else:
                severity: Severity = "left over" if path + tags.DELETED in tag_paths else "damage"
                self._told(path, "tag-missing", path, f"{path} is gone", severity=severity)
        for path in tag_paths - spares:
            owner = path.removesuffix(tags.DELETED)
            if owner != path and owner not in tag_paths | spares:
                message = f"{owner} is gone; the tag was deleted"
                self._told(owner, "tag-missing", owner, message, severity="left over")

    def _told(
        self, owner: str, kind: str, path: str, message: str, *, severity: Severity | None = None
    ) -> None:
        """Takes a finding at an object of a reference."""
        name = decode_segment(owner.rpartition("/")[2].removesuffix(SUFFIX))
        found = self._findings.add(kind, path, message, severity=severity)
        if name:
            self._findings.ref(found, name)

    def _lost_branch(self, path: str) -> None:
        """Takes a branch that is gone; what it needed at first is not left over."""
        message = f"{path} is gone: nobody removes the object of a branch"
        try:
            spare = self._repository.store.read(spare_path(path)).data
            name = decode_segment(path.removeprefix(branches.PREFIX).removesuffix(SUFFIX))
            first = branch_from_json(parse_json(spare, path), name or "").commit_id
            if first is not None:
                self._found.loose.append(first)
                message += f"; it was made at {first[:12]}"
        except CatalogError:
            pass  # nothing is known of it but its name
        self._told(path, "branch-missing", path, message)

    def _branch(self, path: str) -> str | None:
        """Verifies a branch; returns its name if it was given to a tag."""
        check()
        name = self._name(path, branches.PREFIX)
        if name is None:
            return None
        self._found.count += 1
        try:
            held = self._repository.branches.held(name)
            if held is None:
                return None
            branch = held.branch
            moves = branch.reflog
        except CatalogError as error:
            kind = "branch-damaged" if isinstance(error, CorruptData) else "unreadable"
            self._findings.ref(self._findings.add(kind, path, error.message), name)
            self._salvage(name, path)
            return None
        try:
            rules_from_json(branch.rules, name)
        except CorruptData as error:
            self._wrong(name, path, error.message)
        except CatalogError:
            pass  # rules of a newer release are not damage
        if branch.commit_id is not None:
            self._leads(branch.commit_id, name)
        if moves[0].after != branch.commit_id or moves[0].write_id != branch.write_id:
            self._wrong(name, path, f"branch {name} is not where its newest move put it")
        self._moves(name, moves)
        self._chain(branch)
        if moves[0].before is None and moves[0].after is None:
            return name
        self._found.whole.append(path)
        return None

    def _salvage(self, name: str, path: str) -> None:
        """Goes on from where a damaged branch seems to be, so that what it needs is not left over.

        What is not there was never needed.
        """
        try:
            stored = self._repository.store.read(path)
            text = stored.data.decode(errors="replace")
        except CatalogError:
            return
        ids = dict.fromkeys(re.findall(r'(?<=")[0-9a-f]{64}(?=")', text))
        self._found.loose += ids
        for one in ids:
            page = branches.page_path(one)
            if self._present.size(page) is not None:
                self._chain(Branch(name, None, "", (), older=one))

    def _wrong(self, name: str, path: str, message: str) -> None:
        self._findings.ref(self._findings.add("branch-wrong", path, message), name)

    def _leads(self, commit_id: str, name: str) -> None:
        self._found.needed.append(commit_id)
        self._found.names.setdefault(commit_id, []).append(name)

    def _moves(self, name: str, moves: Iterable[Move]) -> None:
        for move in moves:
            if move.time >= self._since:
                ends = (move.before, move.after)
                self._found.loose += [one for one in ends if one is not None]

    def _chain(self, branch: Branch) -> None:
        """Verifies the pages of older moves, each once, up to one that cannot be read."""
        page, seen = branch.older, []
        found: frozenset[int] = frozenset()
        while page is not None and not found:
            known = self._pages.get(page)
            if known is not None:
                found = known
                break
            check()
            seen.append(page)
            page, found = self._page(branch.name, page)
        for one in seen:
            self._pages[one] = found
        self._findings.ref(found, branch.name)

    def _page(self, name: str, page_id: str) -> tuple[str | None, frozenset[int]]:
        path = branches.page_path(page_id)
        self._found.pages += 1
        if self._present.size(path) is None:
            message = f"a page of the reflog of branch {name} is gone"
            return None, self._findings.add("reflog-missing", path, message)
        try:
            data = self._repository.store.read(path).data
            if content_id(data) != page_id:
                raise CorruptData(f"a page of the reflog of branch {name} is damaged")
            match parse_json(data, "a page of a reflog"):
                case {"kind": "reflog", "moves": [*moves], "older": (str() | None) as older}:
                    self._moves(name, map(move_from_json, moves))
                    return older, frozenset()
            raise CorruptData(f"a page of the reflog of branch {name} is not readable")
        except CorruptData as error:
            return None, self._findings.add("reflog-damaged", path, error.message)
        except CatalogError as error:
            return None, self._findings.add("unreadable", path, error.message)

    def _tag(self, path: str, paths: set[str]) -> None:
        if path.endswith(tags.DELETED) and path.removesuffix(tags.DELETED) in paths:
            return
        name = self._name(path.removesuffix(tags.DELETED), tags.PREFIX, path)
        if name is None or path.endswith(tags.DELETED):
            return
        self._found.count += 1
        is_deleted = path + tags.DELETED in paths
        try:
            tag = self._repository.tags.stored(name)
        except CatalogError as error:
            kind = "tag-damaged" if isinstance(error, CorruptData) else "unreadable"
            severity: Severity | None = "left over" if is_deleted else None
            found = self._findings.add(kind, path, error.message, severity=severity)
            self._findings.ref(found, name)
            return
        if tag is not None:
            self._found.whole.append(path)
        if tag is not None and not is_deleted:
            self._leads(tag.commit_id, name)

    def _name(self, path: str, prefix: str, shown: str = "") -> str | None:
        name = decode_segment(path.removeprefix(prefix).removesuffix(SUFFIX))
        if name and path == f"{prefix}{encode_segment(name)}{SUFFIX}":
            return name
        severity: Severity | None = "damage" if path.endswith(SUFFIX) else None
        self._findings.add(
            "ref-unknown",
            shown or path,
            f"{shown or path} has not the name of a branch or a tag",
            severity=severity,
        )
        return None
