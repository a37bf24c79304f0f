"""The rules of a branch: what a commit to come has to pass before the branch moves to it."""

from collections.abc import Mapping
from typing import Any

from catalog.dataclasses import dataclass, field
from catalog.errors import CorruptData
from catalog.hints import Call, hint
from catalog.model.ages import MOST_AGE
from catalog.model.ids import canonical_json, excerpt

RULES_VERSION = 1
"""Of the stored form."""

MAX_RULES = 1 << 16
"""Most bytes of the stored form: every commit to the branch writes it again."""

_LISTS = ("required", "may_fail", "hooks")


@dataclass(frozen=True, slots=True)
class BranchRules:
    """What a branch demands of changes, beside the checks of its tables.

    Attributes:
        contracts: What changes may do, as stored, by name; see ``model.contracts``.
        required: Checks that tables must have and pass, as ``table.check``.
        may_fail: Checks whose failure may be allowed, with a reason, as ``table.check``.
        hooks: Names of hooks that must let a change through.
        direct: Whether commits that are no merges are judged too.
        keep_seconds: How long the data of its commits is kept at least; 0 for no such rule.
    """

    contracts: Mapping[str, object] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    may_fail: tuple[str, ...] = ()
    hooks: tuple[str, ...] = ()
    direct: bool = False
    keep_seconds: int = 0

    def __bool__(self) -> bool:
        """Returns whether there are any."""
        lists = (self.contracts, self.required, self.may_fail, self.hooks)
        return any(lists) or self.direct or self.keep_seconds > 0

    def to_json(self) -> dict[str, object] | None:
        """Returns the stored form; None if there are none."""
        if not self:
            return None
        keep = {"keep_seconds": self.keep_seconds} if self.keep_seconds else {}
        return {
            **keep,
            "version": RULES_VERSION,
            "contracts": dict(self.contracts),
            "required": list(self.required),
            "may_fail": list(self.may_fail),
            "hooks": list(self.hooks),
            "direct": self.direct,
        }


NO_RULES = BranchRules()
"""Those of most branches."""


def rules_from_json(stored: Any, branch: str) -> BranchRules:
    """Reads the stored form of the rules of a branch, which is named in errors.

    Raises:
        CorruptData: It is of a newer release, or not readable: nobody can say then what the branch
            demands.
    """
    match stored:
        case None:
            return NO_RULES
        case {"version": 1, "contracts": dict(contracts), "direct": bool(direct)} if (
            len(stored) == len(_LISTS) + 3 + ("keep_seconds" in stored)
            and _is_age(stored.get("keep_seconds", 1))
            and len(canonical_json(stored)) <= MAX_RULES
            and all(_is_texts(stored.get(name)) for name in _LISTS)
        ):
            lists = {name: tuple(stored[name]) for name in _LISTS}
            keep = stored.get("keep_seconds", 0)
            return BranchRules(contracts, direct=direct, keep_seconds=keep, **lists)
        case {"version": int(version)} if version > RULES_VERSION:
            raise CorruptData(
                f"the rules of branch {branch!r} were stored by a newer release",
                hint=hint("use that release; or drop them: {}", _dropped(branch)),
            )
    raise CorruptData(
        f"the rules of branch {branch!r} are not readable: {excerpt(stored)}",
        hint=hint("drop them, and set them again: {}", _dropped(branch)),
    )


def _dropped(branch: str) -> Call:
    return Call("branches.protect", (branch,), rules=False)


def _is_age(stored: object) -> bool:
    return type(stored) is int and 0 < stored <= MOST_AGE.days * 86_400


def _is_texts(stored: object) -> bool:
    return isinstance(stored, list) and all(isinstance(one, str) for one in stored)
