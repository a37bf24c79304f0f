"""The rules of a branch: read, changed by compare-and-swap, and what they do not let happen."""

import contextlib
import datetime
import difflib
import re
from collections.abc import Callable, Sequence

from catalog.dataclasses import dataclass, replace
from catalog.errors import ErrorKind, InvalidInput, NotFound
from catalog.hints import Call, hint
from catalog.model.ages import age_text, given_age
from catalog.model.ids import canonical_json
from catalog.model.names import canonical_name
from catalog.model.refs import Branch
from catalog.model.rules import MAX_RULES, BranchRules, rules_from_json
from catalog.model.texts import check_text, listed
from catalog.operations.context import OperationContext
from catalog.repository.branch_errors import contested_error, gated_error
from catalog.repository.branches import HeldBranch
from catalog.repository.commits import Commits
from catalog.storage.store import SwapLost

MAX_ATTEMPTS = 100
"""Races that a change of rules may lose: it asks for no state, and each attempt is one read and
one swap, so that even among many writers a few will do."""

_LISTS = ("require", "may_fail", "hook")
"""What a change of rules adds to, or with ``no_`` before it takes away from."""

_HOOK = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,199}")


def check_movable(branch: Branch, *, doing: str) -> None:
    """Checks that a branch may be moved otherwise than by a commit that its rules have judged.

    Raises:
        Conflict: It has rules, or rules that nobody can read.
    """
    if branch.rules is not None:
        raise gated_error(branch.name, doing=doing)


def rules_of(context: OperationContext, name: str) -> BranchRules:
    """Returns the rules of a branch.

    Raises:
        NotFound: There is no such branch.
        CorruptData: They are of a newer release, or not readable.
    """
    return rules_from_json(_held(context, name).branch.rules, name)


def change_rules(
    context: OperationContext,
    name: str,
    change: Callable[[BranchRules, Branch], BranchRules],
    *,
    why: str,
) -> Branch:
    """Changes the rules of a branch; it stays where it is, and its reflog says why.

    Args:
        context: The catalog.
        name: The branch.
        change: Makes the new rules from those that the branch has; called again if others move
            the branch meanwhile.
        why: What the reflog says.

    Returns:
        The branch as it is then; it is not touched if its rules stay the same.

    Raises:
        NotFound: There is no such branch.
        CorruptData: Its rules are of a newer release, or not readable.
        InvalidInput: The new ones contradict themselves or the branch, or are too long.
        Conflict: Other writers kept moving it.
    """
    for _ in range(MAX_ATTEMPTS):
        held = _held(context, name)
        branch = held.branch
        before = rules_from_json(branch.rules, branch.name)
        after = change(before, branch)
        if after == before:
            return branch
        _check(branch, after)
        with contextlib.suppress(SwapLost):
            return context.repository.branches.protect(
                held, context.stamp(why), protected=branch.protected, rules=after.to_json()
            )
    raise contested_error(canonical_name(name), MAX_ATTEMPTS)


def drop_rules(context: OperationContext, name: str) -> Branch:
    """Drops all rules of a branch, also those that nobody can read."""
    for _ in range(MAX_ATTEMPTS):
        held = _held(context, name)
        if held.branch.rules is None:
            return held.branch
        with contextlib.suppress(SwapLost):
            return context.repository.branches.protect(
                held, context.stamp("rules: dropped"), protected=held.branch.protected
            )
    raise contested_error(canonical_name(name), MAX_ATTEMPTS)


def _held(context: OperationContext, name: str) -> HeldBranch:
    name = canonical_name(name)
    held = context.repository.branches.held(name)
    if held is None or held.branch.commit_id is None:
        raise context.repository.refs.unknown(name)
    return held


def check_protectable(branch: Branch) -> None:
    """Checks that a branch can be made to change only by merge.

    Raises:
        InvalidInput: Its rules say how commits that are no merges are judged.
    """
    if branch.rules is not None and rules_from_json(branch.rules, branch.name).direct:
        raise InvalidInput(
            f"branch {branch.name!r} takes direct commits that pass its gate: it cannot also "
            "change only by merge",
            hint=hint("first: {}", Call("branches.protect", (branch.name,), judge_direct=False)),
        )


def _check(branch: Branch, rules: BranchRules) -> None:
    if branch.protected and rules.direct:
        raise InvalidInput(
            f"branch {branch.name!r} is protected: it changes only by merge, so that there is no "
            "direct commit to be judged",
            hint=hint("first: {}", Call("branches.unprotect", (branch.name,))),
        )
    size = len(canonical_json(rules.to_json()))
    if size > MAX_RULES:
        raise InvalidInput(
            f"the rules of branch {branch.name!r} would take {size:,} bytes; at most "
            f"{MAX_RULES:,} are stored",
            hint="let contracts name partitions by patterns or conditions, not one by one",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleChange:
    """What is to change in the rules of a branch; see ``BranchList.protect``."""

    judge_direct: bool | None = None
    require: Sequence[str] = ()
    no_require: Sequence[str] = ()
    may_fail: Sequence[str] = ()
    no_may_fail: Sequence[str] = ()
    hook: Sequence[str] = ()
    no_hook: Sequence[str] = ()
    keep_data: str | datetime.timedelta | None = None
    no_keep_data: bool = False

    def __post_init__(self) -> None:
        if self.keep_data is not None and self.no_keep_data:
            raise InvalidInput("an age is to be set in the rules, and to be dropped")
        self._keep()
        for name in _LISTS:
            come = set(listed(getattr(self, name), name))
            both = come & set(listed(getattr(self, f"no_{name}"), f"no_{name}"))
            if both:
                raise InvalidInput(f"{min(both)!r} is to be added to the rules, and to be dropped")
        for one in self.hook:
            check_text(one, "a hook")
            if not _HOOK.fullmatch(one):
                raise InvalidInput(
                    f"{one!r} cannot be the name of a hook",
                    hint="use letters, digits and any of _ . -, at most 200",
                )

    def __bool__(self) -> bool:
        """Returns whether anything is to change."""
        names = (*_LISTS, *(f"no_{name}" for name in _LISTS))
        others = self.judge_direct is not None or self.keep_data is not None or self.no_keep_data
        return others or any(getattr(self, name) for name in names)

    def _keep(self) -> int | None:
        """Returns for how many seconds data is to be kept; None leaves it as it is.

        Raises:
            InvalidInput: It is not an age.
        """
        if self.keep_data is None:
            return 0 if self.no_keep_data else None
        seconds = int(given_age(self.keep_data, "keep_data").total_seconds())
        if not seconds:
            raise InvalidInput(f"keep_data: {self.keep_data!r} is less than a second")
        return seconds

    def why(self) -> str:
        """Returns what the reflog says."""
        parts = [
            f"{verb} {', '.join(names)}"
            for verb, names in (
                ("require", self.require),
                ("no longer require", self.no_require),
                ("let fail", self.may_fail),
                ("no longer let fail", self.no_may_fail),
                ("ask hook", self.hook),
                ("no longer ask hook", self.no_hook),
            )
            if names
        ]
        if self.judge_direct is not None:
            parts.append(f"{'' if self.judge_direct else 'no longer '}judge direct commits")
        keep = self._keep()
        if keep is not None:
            age = age_text(datetime.timedelta(seconds=keep)) if keep else ""
            parts.append(f"keep data for {age}" if keep else "no longer keep data for long")
        return f"rules: {'; '.join(parts)}"

    def applied(self, rules: BranchRules, commits: Commits, branch: Branch) -> BranchRules:
        """Returns rules as they are to be.

        Raises:
            NotFound: No table of the branch has a check of that name, or what is to be dropped is
                not among the rules.
        """
        assert branch.commit_id is not None, "the branch exists"
        known = _check_names(commits, branch.commit_id) if self.require or self.may_fail else {}
        require = [_spelled(known, branch, one) for one in self.require]
        may_fail = [_spelled(known, branch, one) for one in self.may_fail]
        keep = self._keep()
        return replace(
            rules,
            keep_seconds=rules.keep_seconds if keep is None else keep,
            required=_changed(rules.required, require, self.no_require, "required"),
            may_fail=_changed(rules.may_fail, may_fail, self.no_may_fail, "may_fail"),
            hooks=_changed(rules.hooks, self.hook, self.no_hook, "hooks"),
            direct=rules.direct if self.judge_direct is None else self.judge_direct,
        )


def _changed(
    before: Sequence[str], come: Sequence[str], go: Sequence[str], what: str
) -> tuple[str, ...]:
    folded = {one.casefold(): one for one in before}
    gone = set()
    for one in go:
        if one.casefold() not in folded:
            there = f"there are: {', '.join(before)}" if before else "there are none"
            words = {"required": "required", "may_fail": "let fail", "hooks": "asked as a hook"}
            raise NotFound(f"{one!r} is not {words[what]} by the rules", hint=there)
        gone.add(folded[one.casefold()])
    return tuple(dict.fromkeys(one for one in (*before, *come) if one not in gone))


def _check_names(commits: Commits, commit_id: str) -> dict[str, str]:
    """Returns the checks of a commit as ``table.check``, by their names with the table folded."""
    from catalog.model.checks import checks_of

    found = {}
    for table in commits.checked(commit_id):
        entry = commits.entry(commit_id, table)
        assert entry is not None, "a table of the commit"
        for check in checks_of(commits.table(entry).snapshot.properties):
            found[f"{table.casefold()}.{check}"] = f"{table}.{check}"
    return found


def _spelled(known: dict[str, str], branch: Branch, name: str) -> str:
    """Returns a check as ``table.check``, whose table may be given in any case."""
    check_text(name, "a check")
    dots = [n for n, letter in enumerate(name) if letter == "."]
    for dot in dots:
        spelled = known.get(name[:dot].casefold() + name[dot:])
        if spelled is not None:
            return spelled
    near = difflib.get_close_matches(name, known.values(), 1)
    names = sorted(known.values())
    listing = f"there are: {', '.join(names[:10])}{', …' if len(names) > 10 else ''}"
    advice = f"did you mean {near[0]}?" if near else listing if names else "no table has checks"
    what = "" if dots else "; name it as TABLE.CHECK"
    raise NotFound(
        f"no check {name!r} on branch {branch.name!r}{what}",
        kind=ErrorKind.CHECK_NOT_FOUND,
        hint=advice,
    )
