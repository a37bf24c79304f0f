"""Contracts that a branch keeps: every change of it is judged by them."""

from collections.abc import Iterable, Sequence
from dataclasses import replace as replace_fields

from catalog.errors import AlreadyExists, ErrorKind, NotFound
from catalog.hints import Option, hint
from catalog.model.contract_reading import contract_from_json
from catalog.model.contracts import Contract
from catalog.model.refs import Branch
from catalog.model.rules import BranchRules
from catalog.operations.branch_rules import change_rules, rules_of
from catalog.operations.context import OperationContext
from catalog.operations.contracts.checking import check_contracts


def branch_contracts(context: OperationContext, branch: str) -> tuple[Contract, ...]:
    """Returns the contracts of a branch by name.

    Raises:
        NotFound: There is no such branch.
        CorruptData: They are of a newer release, or not readable.
    """
    stored = rules_of(context, branch).contracts
    return tuple(contract_from_json(name, stored[name]) for name in sorted(stored))


def branch_contract(context: OperationContext, branch: str, name: str) -> Contract:
    """Returns a contract of a branch.

    Raises:
        NotFound: There is no such branch, or no such contract.
        CorruptData: It is of a newer release, or not readable.
    """
    stored = rules_of(context, branch).contracts
    known = known_contract(stored, name, branch=branch)
    return contract_from_json(known, stored[known])


def add_contracts(
    context: OperationContext, branch: str, contracts: Sequence[Contract], *, replace: bool = False
) -> Branch:
    """Keeps contracts for a branch.

    Raises:
        NotFound: There is no such branch.
        AlreadyExists: It has another contract of such a name, which is not to be replaced.
        InvalidInput: One does not fit the branch's tables, or they are too long to be kept.
        CorruptData: Its rules are of a newer release, or not readable.
        Conflict: Other writers kept moving it.
    """

    def added(rules: BranchRules, now: Branch) -> BranchRules:
        check_contracts(context, contracts, ref=now.name, commit_id=now.commit_id or "")
        kept = dict(rules.contracts)
        for one in contracts:
            known = next((name for name in kept if name.casefold() == one.name.casefold()), None)
            if known is not None and kept[known] != one.to_json() and not replace:
                raise AlreadyExists(
                    f"branch {now.name!r} has another contract {known}",
                    hint=hint("to put this one in its place: {}", Option("replace")),
                )
            if known is not None:
                del kept[known]
            kept[one.name] = one.to_json()
        return _with_contracts(rules, kept)

    names = ", ".join(one.name for one in contracts)
    return change_rules(context, branch, added, why=f"contract: added {names}")


def drop_contract(context: OperationContext, branch: str, name: str) -> Branch:
    """Drops a contract of a branch.

    Raises:
        NotFound: There is no such branch, or no such contract.
        CorruptData: Its rules are of a newer release, or not readable.
        Conflict: Other writers kept moving it.
    """

    def dropped(rules: BranchRules, now: Branch) -> BranchRules:
        known = known_contract(rules.contracts, name, branch=now.name)
        return _with_contracts(rules, {k: v for k, v in rules.contracts.items() if k != known})

    return change_rules(context, branch, dropped, why=f"contract: dropped {name}")


def known_contract(names: Iterable[str], name: str, *, branch: str) -> str:
    """Returns the name of a contract as it is spelled.

    Raises:
        NotFound: There is none.
    """
    for known in names:
        if known.casefold() == name.casefold():
            return known
    listed = ", ".join(sorted(names))
    raise NotFound(
        f"branch {branch!r} has no contract {name!r}",
        kind=ErrorKind.CONTRACT_NOT_FOUND,
        hint=f"there are: {listed}" if listed else "it has none",
    )


def _with_contracts(rules: BranchRules, contracts: dict[str, object]) -> BranchRules:
    return replace_fields(rules, contracts=contracts)
