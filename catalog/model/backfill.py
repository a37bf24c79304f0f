"""Backfills: what one is to do, as the first commit of its branch says it; pure values."""

import json
from collections.abc import Mapping, Sequence

from catalog.dataclasses import dataclass, field, replace
from catalog.errors import CorruptData, ErrorKind, InvalidInput
from catalog.model.contract_reading import contract_from_json
from catalog.model.contracts import Contract
from catalog.model.ids import canonical_json, content_id, excerpt, is_id, parse_json
from catalog.model.names import canonical_name, check_ref_name
from catalog.model.types import is_scalar_name

PREFIX = "backfill/"
"""What the names of the branches of backfills begin with, and those of their idempotency keys."""

VERSION = "1"
"""The form of a description in the metadata of a commit."""

MAX_FIX_TEXT = 64_000
"""Characters of a fix that its description keeps, for people; its identity covers all of it."""

MAX_STEPS = 10_000
"""Most steps of a backfill: each is a commit."""

MAX_CONTRACT_TEXT = 1 << 20
"""Most characters of the contracts that a description holds."""


@dataclass(frozen=True, slots=True)
class BackfillStep:
    """One run of a fix, which makes one commit.

    Attributes:
        name: What it is called in messages, and in its idempotency key: ``fix``, or the values as
            ``month=2024-01``.
        values: What the fix is run for, as texts by name; none if it runs once.
    """

    name: str
    values: Mapping[str, str] = field(default_factory=dict)


WHOLE = BackfillStep("fix")
"""The one step of a fix that is not run for several values."""


@dataclass(frozen=True, slots=True)
class Backfill:
    """What a backfill is to do: enough to go on with it on another machine.

    Attributes:
        name: Its name; its branch is ``backfill/NAME``.
        id: A random id of this start: begun again under the same name, it has another.
        into: The branch that it is for.
        base: The commit that its branch was made from.
        from_ref: The ref that was named for it; empty if it is where ``into`` was.
        fix: The identity of the fix: a hash of all that it does.
        fix_text: The fix for people: SQL, or a command as one types it; cut if it is long.
        fix_source: The stored form of the fix, from which it can be run elsewhere; empty if it is
            too long to be kept, or holds a secret.
        for_each: What the fix is run for, as it was written; empty if it runs once.
        steps: The runs of the fix.
        kinds: The types of what SQL is run for, by name.
        contract: Canonical JSON of the contracts that its change must keep; empty without one.
        refresh: Whether derived tables are computed again that it makes stale.
        message: The message of its merge; empty if one is made up.
    """

    name: str
    id: str
    into: str
    base: str
    fix: str
    steps: tuple[BackfillStep, ...] = (WHOLE,)
    kinds: Mapping[str, str] = field(default_factory=dict)
    from_ref: str = ""
    fix_text: str = ""
    fix_source: str = ""
    for_each: str = ""
    contract: str = ""
    refresh: bool = True
    message: str = ""

    @property
    def branch(self) -> str:
        """Returns its branch."""
        return branch_of(self.name)

    def key(self, step: BackfillStep) -> str:
        """Returns the idempotency key of a step: of all commits with it, one is made."""
        identity = [self.id, self.fix, step.name, dict(step.values)]
        return f"{PREFIX}{self.name}/{step.name}/{content_id(canonical_json(identity))[:32]}"

    def step_metadata(self, step: BackfillStep) -> dict[str, str]:
        """Returns the metadata of the commit that a step makes, by which it is known as done."""
        return {"backfill.step": step.name, "backfill.key": self.key(step)}

    def metadata(self) -> dict[str, str]:
        """Returns the metadata of the commit that describes it."""
        steps = [[step.name, dict(step.values)] for step in self.steps]
        optional = {
            "backfill.from": self.from_ref,
            "backfill.for_each": self.for_each,
            "backfill.source": self.fix_source if len(self.fix_source) <= MAX_FIX_TEXT else "",
            "backfill.types": canonical_json(dict(self.kinds)).decode() if self.kinds else "",
            "backfill.contract": self.contract,
            "backfill.message": self.message,
        }
        return {
            "backfill.version": VERSION,
            "backfill.name": self.name,
            "backfill.id": self.id,
            "backfill.into": self.into,
            "backfill.base": self.base,
            "backfill.fix": self.fix,
            "backfill.fix_text": shortened_fix(self.fix_text),
            "backfill.steps": canonical_json(steps).decode(),
            "backfill.refresh": "yes" if self.refresh else "no",
            **{name: text for name, text in optional.items() if text},
        }

    def same_as(self, other: "Backfill") -> bool:
        """Returns whether another one would do the same, whenever it was begun."""
        return not self.differences(other)

    def differences(self, other: "Backfill") -> tuple[str, ...]:
        """Returns in what another one differs, in the words of its options."""
        mine, theirs = replace(self, id="", base=""), replace(other, id="", base="")
        pairs = {
            "fix": (mine.fix, theirs.fix),
            "target": (mine.into, theirs.into),
            "starting point": (mine.from_ref, theirs.from_ref),
            "contract": (mine.contract, theirs.contract),
            "list of values": (mine.for_each, theirs.for_each),
        }
        return tuple(name for name, (one, two) in pairs.items() if one != two)


def branch_of(name: str) -> str:
    """Returns the branch of the backfill of a name."""
    return f"{PREFIX}{name}"


def checked_name(name: str) -> str:
    """Returns the name of a backfill, which may be given as that of its branch.

    Raises:
        InvalidInput: No branch can be called so.
    """
    name = canonical_name(name).removeprefix(PREFIX)
    if name.startswith("-"):
        raise InvalidInput(
            f"{name!r} cannot be the name of a backfill: it starts with '-'",
            kind=ErrorKind.INVALID_NAME,
            hint="use letters, digits and any of - _ . /, e.g. 2024-03",
        )
    return check_ref_name(branch_of(name)).removeprefix(PREFIX)


def shortened_fix(text: str) -> str:
    """Returns the text of a fix as a description keeps it."""
    return text if len(text) <= MAX_FIX_TEXT else f"{text[:MAX_FIX_TEXT]}\n…"


def is_description(metadata: Mapping[str, str]) -> bool:
    """Returns whether the metadata of a commit describe a backfill."""
    return "backfill.version" in metadata


def belongs_to_backfill(metadata: Mapping[str, str]) -> bool:
    """Returns whether the metadata of a commit describe a backfill, or say that a step is done."""
    return is_description(metadata) or "backfill.key" in metadata


def backfill_of(metadata: Mapping[str, str]) -> Backfill | None:
    """Returns the backfill that the metadata of a commit describe; None if they describe none.

    Raises:
        CorruptData: They are not of the form that this release reads.
    """
    if not is_description(metadata):
        return None
    texts = {name.removeprefix(_FIELD): text for name, text in metadata.items()}
    match texts:
        case {
            "version": "1",
            "name": name,
            "id": str(own),
            "into": into,
            "base": base,
            "fix": fix,
            "fix_text": fix_text,
            "steps": steps,
            "refresh": ("yes" | "no") as refresh,
        } if is_id(base) and name and own and into:
            contract = texts.get("contract", "")
            if len(contract) > MAX_CONTRACT_TEXT:
                raise CorruptData(f"the contract of backfill {excerpt(name)} is too long")
            return Backfill(
                name=name,
                id=own,
                into=into,
                base=base,
                fix=fix,
                steps=_steps(steps),
                kinds=_kinds(texts.get("types", "{}")),
                from_ref=texts.get("from", ""),
                fix_text=shortened_fix(fix_text),
                fix_source=texts.get("source", ""),
                for_each=texts.get("for_each", ""),
                contract=contract,
                refresh=refresh == "yes",
                message=texts.get("message", ""),
            )
    raise CorruptData(
        f"the description of a backfill is not readable: {excerpt(texts.get('name'))}, "
        f"version {excerpt(texts.get('version'))}"
    )


_FIELD = "backfill."


def _steps(text: str) -> tuple[BackfillStep, ...]:
    try:
        stored = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CorruptData(f"the steps of a backfill are not JSON: {excerpt(text)}") from error
    if not isinstance(stored, list) or not 0 < len(stored) <= MAX_STEPS:
        raise CorruptData(f"not the steps of a backfill: {excerpt(stored)}")
    return tuple(map(_step, stored))


def _kinds(text: str) -> dict[str, str]:
    try:
        stored = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CorruptData(f"the types of a backfill are not JSON: {excerpt(text)}") from error
    if isinstance(stored, dict) and all(
        isinstance(kind, str) and is_scalar_name(kind) for kind in stored.values()
    ):
        return stored
    raise CorruptData(f"not the types of a backfill: {excerpt(stored)}")


def _step(stored: object) -> BackfillStep:
    match stored:
        case [str(name), dict(values)] if name and all(
            isinstance(value, str) for value in values.values()
        ):
            return BackfillStep(name, values)
    raise CorruptData(f"not a step of a backfill: {excerpt(stored)}")


def contract_text(contracts: Sequence[Contract]) -> str:
    """Returns contracts as a description keeps them; empty if there are none.

    Raises:
        InvalidInput: They are too long, or two have one name.
    """
    if not contracts:
        return ""
    names = [one.name for one in contracts]
    for name in names:
        if names.count(name) > 1:
            raise InvalidInput(
                f"two contracts are called {name!r}",
                kind=ErrorKind.BAD_CONTRACT,
                hint="give them different names",
            )
    text = canonical_json({one.name: one.to_json() for one in contracts}).decode()
    if len(text) > MAX_CONTRACT_TEXT:
        raise InvalidInput(
            f"the contracts are longer than {MAX_CONTRACT_TEXT:,} characters",
            kind=ErrorKind.BAD_CONTRACT,
        )
    return text


def means_same(one: str, other: str) -> bool:
    """Returns whether contracts as descriptions keep them demand the same.

    Raises:
        CorruptData: They cannot be read.
    """
    if one == other or not one or not other:
        return one == other
    digests = ({c.name: c.digest for c in _contracts(text)} for text in (one, other))
    return next(digests) == next(digests)


def contracts_of(backfill: Backfill) -> tuple[Contract, ...]:
    """Returns the contracts that the change of a backfill must keep.

    Raises:
        CorruptData: They cannot be read, or are of a newer release.
    """
    return _contracts(backfill.contract) if backfill.contract else ()


def _contracts(text: str) -> tuple[Contract, ...]:
    stored = parse_json(text.encode(), "the contract of a backfill")
    return tuple(contract_from_json(name, one) for name, one in stored.items())
