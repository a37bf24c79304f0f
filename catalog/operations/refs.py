"""Branches and tags of an open catalog: ``cat.branches`` and ``cat.tags``."""

import contextlib
import datetime
from collections.abc import Sequence
from typing import TYPE_CHECKING

from catalog.dataclasses import dataclass
from catalog.errors import Conflict, ErrorKind, InvalidInput, NotFound
from catalog.hints import Call, hint
from catalog.model.listings import CommitInfo, commit_info
from catalog.model.names import canonical_name, check_ref_name
from catalog.model.refs import Branch, BranchHead, Move, Tag
from catalog.model.rules import BranchRules
from catalog.model.texts import check_text
from catalog.operations.branch_rules import (
    RuleChange,
    change_rules,
    check_movable,
    check_protectable,
    drop_rules,
    rules_of,
)
from catalog.operations.context import OperationContext
from catalog.repository.branch_errors import contested_error, moved_error, protected_error
from catalog.repository.branches import HeldBranch
from catalog.repository.ref_listing import each
from catalog.repository.repository import DEFAULT_BRANCH, Repository
from catalog.storage.failures import tells_machine_errors
from catalog.storage.store import SwapLost

if TYPE_CHECKING:
    from catalog.model.contracts import Contract
    from catalog.operations.contracts.given import GivenContracts

MAX_ATTEMPTS = 100
"""Races that setting a branch's protection may lose: it asks for no state, and each attempt is
one read and one swap, so that even among many writers a few will do."""

Moves = list[Move]


@dataclass(frozen=True, slots=True)
class LiveBranch:
    """A branch that exists, as it was read, and the commit it points at."""

    held: HeldBranch
    head: str

    @property
    def name(self) -> str:
        """Returns its name."""
        return self.held.branch.name


def live_branch(repository: Repository, name: str) -> LiveBranch:
    """Returns a branch that exists.

    Raises:
        NotFound: There is no such branch.
    """
    name = canonical_name(name)
    held = repository.branches.held(name)
    if held is None or held.branch.commit_id is None:
        raise repository.refs.unknown(name)
    return LiveBranch(held, held.branch.commit_id)


def unprotected_branch(repository: Repository, name: str) -> LiveBranch:
    """Returns a branch that may be changed otherwise than by merges.

    Raises:
        NotFound: There is no such branch.
        Conflict: It is protected.
    """
    live = live_branch(repository, name)
    if live.held.branch.protected:
        raise protected_error(live.name)
    return live


def movable_branch(repository: Repository, name: str, *, doing: str) -> LiveBranch:
    """Returns a branch that may be moved otherwise than by commits on top of it.

    Raises:
        NotFound: There is no such branch.
        Conflict: It is protected, or has rules.
    """
    live = unprotected_branch(repository, name)
    check_movable(live.held.branch, doing=doing)
    return live


def branch_heads(context: OperationContext) -> list[tuple[BranchHead, CommitInfo]]:
    """Returns where all branches are, and the commits there, by name."""
    repository = context.repository
    heads = repository.branches.heads()
    ids = list(dict.fromkeys(head.commit_id for head in heads if head.commit_id is not None))
    read = each(repository.store, lambda one: commit_info(one, repository.commits.read(one)), ids)
    commits = {one.id: one for one in read if one is not None}
    return [(head, commits[head.commit_id]) for head in heads if head.commit_id in commits]


@tells_machine_errors
class BranchList:
    """Lists, creates, protects and deletes branches."""

    def __init__(self, context: OperationContext) -> None:
        self._context = context
        self._repository = context.repository

    def list(self) -> list[Branch]:
        """Returns all branches by name."""
        return self._repository.branches.list()

    def create(self, name: str, *, at: str = DEFAULT_BRANCH) -> Branch:
        """Creates a branch: one small object is written, and a spare copy, whatever the data.

        Args:
            name: The new branch.
            at: The ref expression it starts from.

        Raises:
            AlreadyExists: A branch or tag has that name.
            InvalidInput: The name is not allowed.
            NotFound: There is no ref ``at``.
        """
        name = check_ref_name(name)
        start = self._context.resolve(at)
        self._repository.expiry.check_kept(start.commit_id)
        stamp = self._context.stamp(f"branch: created from {at}")
        return self._repository.branches.create(name, start.commit_id, stamp)

    def delete(self, name: str) -> Branch:
        """Deletes a branch; its commits and its reflog stay.

        Returns:
            The branch as it was.

        Raises:
            NotFound: There is no such branch.
            InvalidInput: It is the default branch.
            Conflict: It is protected or has rules, or was moved meanwhile.
        """
        live = live_branch(self._repository, name)
        if live.name == DEFAULT_BRANCH:
            raise InvalidInput(f"branch {live.name!r} is the default branch and cannot be deleted")
        if live.held.branch.protected:
            raise Conflict(
                f"branch {live.name!r} is protected",
                kind=ErrorKind.BRANCH_PROTECTED,
                hint=hint("first: {}", Call("branches.unprotect", (live.name,))),
            )
        check_movable(live.held.branch, doing="deleting it")
        try:
            self._repository.branches.move(live.held, None, self._context.stamp("branch: deleted"))
        except SwapLost as error:
            raise moved_error(live.name, during="its deletion") from error
        return live.held.branch

    # long: one parameter for each rule
    def protect(
        self,
        name: str,
        *,
        judge_direct: bool | None = None,
        require: Sequence[str] = (),
        no_require: Sequence[str] = (),
        may_fail: Sequence[str] = (),
        no_may_fail: Sequence[str] = (),
        hook: Sequence[str] = (),
        no_hook: Sequence[str] = (),
        keep_data: str | datetime.timedelta | None = None,
        no_keep_data: bool = False,
        rules: bool = True,
    ) -> Branch:
        """Protects a branch, so that it changes only by merge; or changes its rules.

        Without arguments it protects the branch. With any, it only changes the rules that they
        are about, and whether the branch is protected stays as it is.

        Args:
            name: The branch.
            judge_direct: Whether commits that are no merges are judged like merges: those of
                transactions, snapshots, refreshes and definitions. A protected branch takes none.
            require: Checks, as ``table.check``, that tables must have and pass in every change.
            no_require: Checks that need no longer be there.
            may_fail: Checks whose failure whoever merges may allow, with a reason.
            no_may_fail: Checks that must pass again.
            hook: Names of hooks of the user's configuration that must let a change through.
            no_hook: Names of hooks that are no longer asked.
            keep_data: How long ``expire`` keeps the data of its commits at least: ``365d``.
            no_keep_data: Whether that rule is dropped.
            rules: False drops all rules, also contracts.

        Returns:
            The branch as it is then.

        Raises:
            NotFound: There is no such branch or check.
            InvalidInput: The rules contradict each other.
            Conflict: Other writers kept moving it.
        """
        change = RuleChange(
            judge_direct=judge_direct,
            require=require,
            no_require=no_require,
            may_fail=may_fail,
            no_may_fail=no_may_fail,
            hook=hook,
            no_hook=no_hook,
            keep_data=keep_data,
            no_keep_data=no_keep_data,
        )
        if not rules:
            if change:
                raise InvalidInput("all rules are to be dropped, and some to be changed")
            return drop_rules(self._context, name)
        if not change:
            return self._set_protected(name, True)
        commits = self._repository.commits
        return change_rules(
            self._context,
            name,
            lambda now, branch: change.applied(now, commits, branch),
            why=change.why(),
        )

    def rules(self, name: str) -> BranchRules:
        """Returns the rules of a branch: what it demands of changes beside its tables' checks.

        Raises:
            NotFound: There is no such branch.
            CorruptData: They are of a newer release, or not readable.
        """
        return rules_of(self._context, name)

    def add_contract(
        self, name: str, contract: "GivenContracts", *, replace: bool = False
    ) -> Branch:
        """Keeps contracts for a branch: every change of it is judged by them from now on.

        Args:
            name: The branch.
            contract: A TOML file with sections ``[contract.NAME]``, what one says as a dictionary,
                or contracts.
            replace: Whether they take the place of others of the same names.

        Returns:
            The branch as it is then; its reflog says what was added.

        Raises:
            NotFound: There is no such branch, or no such file.
            AlreadyExists: The branch has another contract of such a name.
            InvalidInput: A contract is not valid, or does not fit the tables of the branch.
            Conflict: Other writers kept moving it.
        """
        from catalog.operations.contracts.given import given_contracts
        from catalog.operations.contracts.keeping import add_contracts

        return add_contracts(self._context, name, given_contracts(contract), replace=replace)

    def drop_contract(self, name: str, contract: str) -> Branch:
        """Drops a contract of a branch.

        Args:
            name: The branch.
            contract: The contract's name.

        Returns:
            The branch as it is then; its reflog says what was dropped.

        Raises:
            NotFound: There is no such branch, or no such contract.
            Conflict: Other writers kept moving it.
        """
        from catalog.operations.contracts.keeping import drop_contract

        return drop_contract(self._context, name, contract)

    def contract(self, name: str, contract: str) -> "Contract":
        """Returns a contract of a branch.

        Args:
            name: The branch.
            contract: The contract's name.

        Raises:
            NotFound: There is no such branch, or no such contract.
            CorruptData: It is of a newer release, or not readable.
        """
        from catalog.operations.contracts.keeping import branch_contract

        return branch_contract(self._context, name, contract)

    def contracts(self, name: str) -> "tuple[Contract, ...]":
        """Returns the contracts of a branch by name.

        Raises:
            NotFound: There is no such branch.
            CorruptData: They are of a newer release, or not readable.
        """
        from catalog.operations.contracts.keeping import branch_contracts

        return branch_contracts(self._context, name)

    def unprotect(self, name: str) -> Branch:
        """Lifts the protection of a branch; its rules stay.

        Returns:
            The branch as it is then.

        Raises:
            NotFound: There is no such branch.
            Conflict: Other writers kept moving it.
        """
        return self._set_protected(name, False)

    def _set_protected(self, name: str, protected: bool) -> Branch:
        why = "branch: protected" if protected else "branch: unprotected"
        for _ in range(MAX_ATTEMPTS):
            held = live_branch(self._repository, name).held
            if held.branch.protected == protected:
                return held.branch
            if protected:
                check_protectable(held.branch)
            with contextlib.suppress(SwapLost):
                stamp = self._context.stamp(why)
                return self._repository.branches.protect(
                    held, stamp, protected=protected, rules=held.branch.rules
                )
        raise contested_error(name, MAX_ATTEMPTS)

    def reflog(self, name: str) -> "Moves":
        """Returns the moves of a branch, newest first, also of a deleted one.

        Raises:
            NotFound: There never was such a branch.
        """
        name = canonical_name(name)
        held = self._repository.branches.held(name)
        if held is None:
            raise self._repository.refs.unknown(name)
        return [*self._repository.branches.reflog(held.branch)]


@tells_machine_errors
class TagList:
    """Lists, creates and deletes tags."""

    def __init__(self, context: OperationContext) -> None:
        self._context = context
        self._repository = context.repository

    def list(self) -> list[Tag]:
        """Returns all tags by name."""
        return self._repository.tags.list()

    def create(self, name: str, *, at: str = DEFAULT_BRANCH, message: str = "") -> Tag:
        """Creates a tag, which never moves.

        Args:
            name: The new tag.
            at: The ref expression it names.
            message: What it is about.

        Raises:
            AlreadyExists: A branch or tag has that name, or a deleted tag had it.
            InvalidInput: The name is not allowed.
            NotFound: There is no ref ``at``.
        """
        name = check_ref_name(name)
        check_text(message, "the message")
        commit_id = self._context.resolve(at).commit_id
        self._repository.expiry.check_kept(commit_id)
        stamp = self._context.stamp("tag: created")
        tag = Tag(name, commit_id, stamp.time, stamp.who, message)
        self._repository.branches.give_to_tag(name, stamp)
        self._repository.tags.create(tag)
        return tag

    def delete(self, name: str) -> None:
        """Deletes a tag; its name is spent, so that it can never mean something else.

        Raises:
            NotFound: There is no such tag.
        """
        name = canonical_name(name)
        if self._repository.tags.find(name) is None:
            raise NotFound(
                f"no tag {name!r}",
                kind=ErrorKind.REF_NOT_FOUND,
                hint=hint("list the tags: {}", Call("tags.list")),
            )
        self._repository.tags.delete(name)
