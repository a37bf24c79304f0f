"""What whoever changes a branch says about its gate: further contracts, and what may fail."""

from collections.abc import Mapping

from catalog.dataclasses import dataclass, field
from catalog.errors import GateRefused, InvalidInput
from catalog.hints import Call, hint
from catalog.model.contracts import Contract
from catalog.model.rules import BranchRules
from catalog.model.texts import check_text
from catalog.operations.contracts.given import GivenContracts, given_contracts
from catalog.operations.gate.wanted import is_same_check


@dataclass(frozen=True, slots=True)
class GateOptions:
    """What whoever makes a change says about the gate.

    Attributes:
        contracts: Contracts that are judged beside those of the branch.
        allow_failing: Why a check may fail, by its ``table.check``.
    """

    contracts: tuple[Contract, ...] = ()
    allow_failing: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, reason in self.allow_failing.items():
            check_text(name, "a check that may fail")
            check_text(reason, "the reason")
            if not reason.strip():
                raise InvalidInput(
                    f"no reason is given why check {name} may fail",
                    hint="say why: the commit records it",
                )

    def check(self, branch: str, rules: BranchRules) -> None:
        """Checks that the rules of the branch let those checks fail.

        Raises:
            GateRefused: They do not name one.
        """
        for name in self.allow_failing:
            if not any(_is_same(name, one) for one in rules.may_fail):
                may = f"; those that may: {', '.join(rules.may_fail)}" if rules.may_fail else ""
                raise GateRefused(
                    f"check {name!r} may not fail on branch {branch!r}: its rules do not say "
                    f"so{may}",
                    hint=hint(
                        "if it is right that it may: {}",
                        Call("branches.protect", (branch,), may_fail=name),
                    ),
                )

    def reason(self, table: str, check: str) -> str:
        """Returns why a check may fail; empty if it may not."""
        found = (r for name, r in self.allow_failing.items() if is_same_check(name, table, check))
        return next(found, "")


NO_OPTIONS = GateOptions()


def gate_options(contracts: GivenContracts, allow_failing: Mapping[str, str] | None) -> GateOptions:
    """Returns what the arguments of an operation say about its gate.

    Raises:
        InvalidInput: A contract is not valid, or a reason is missing.
        NotFound: There is no such file of contracts.
    """
    return GateOptions(given_contracts(contracts), dict(allow_failing or {}))


def _is_same(one: str, other: str) -> bool:
    return one == other or one.casefold() == other.casefold()
