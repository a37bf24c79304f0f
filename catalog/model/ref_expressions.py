"""Ref expressions as users write them: ``main~2``, ``v1^2``, ``main@{2024-05-01}``, ranges."""

import re
from typing import TypeAlias

from catalog.dataclasses import dataclass
from catalog.errors import ErrorKind, InvalidInput
from catalog.model.names import canonical_name
from catalog.model.relative_times import Time, stated_time
from catalog.model.texts import check_text


@dataclass(frozen=True, slots=True)
class Ancestor:
    """``~N``: the Nth ancestor along first parents."""

    count: int


@dataclass(frozen=True, slots=True)
class Parent:
    """``^N``: the Nth parent; ``^0`` is the commit itself."""

    number: int


@dataclass(frozen=True, slots=True)
class MovesAgo:
    """``@{N}``: where the branch stood N moves ago."""

    count: int


@dataclass(frozen=True, slots=True)
class AsOf:
    """``@{time}``: the last commit on the first-parent chain at or before that time."""

    time: Time


RefStep: TypeAlias = Ancestor | Parent | MovesAgo | AsOf


@dataclass(frozen=True, slots=True)
class RefExpression:
    """A parsed ref expression.

    Attributes:
        name: Branch, tag, commit id or prefix; None where the text starts with ``@{``.
        steps: What is applied to it, in order.
    """

    name: str | None
    steps: tuple[RefStep, ...]


MAX_REF_CHARACTERS = 2000
"""Longest part of a ref expression behind the name: each step costs a read."""

_STEP = re.compile(r"~(?P<tilde>\d*)|\^(?P<caret>\d*)|@\{(?P<braces>[^{}]*)\}")


def parse_ref(text: str) -> RefExpression:
    """Parses a ref expression such as ``main~2``, ``v1^2`` or ``main@{2024-05-01}``.

    Raises:
        InvalidInput: The text is not a valid ref expression.
    """
    check_text(text, "a ref")
    text = canonical_name(text)
    start = next((i for i, c in enumerate(text) if c in "~^" or text.startswith("@{", i)), None)
    name = text if start is None else text[:start]
    if len(text) - len(name) > MAX_REF_CHARACTERS:
        raise _invalid(text)
    steps: list[RefStep] = []
    position = len(name)
    while position < len(text):
        match = _STEP.match(text, position)
        if match is None:
            raise _invalid(text)
        steps.append(_step(match, text))
        position = match.end()
    if not name and not (steps and isinstance(steps[0], MovesAgo | AsOf)):
        raise _invalid(text)
    return RefExpression(name or None, tuple(steps))


def _invalid(text: str) -> InvalidInput:
    return InvalidInput(
        f"{text!r} is not a valid ref expression",
        kind=ErrorKind.INVALID_REF,
        hint="write a branch, tag or commit id, optionally with ~N, ^N, @{N} or @{time}, "
        "such as @{2024-05-01}, @{yesterday} or @{2 days ago}",
    )


def _step(match: re.Match[str], text: str) -> RefStep:
    if match["tilde"] is not None:
        return Ancestor(_number(match["tilde"] or "1", text))
    if match["caret"] is not None:
        return Parent(_number(match["caret"] or "1", text))
    inner = match["braces"].strip()
    if inner.isascii() and inner.isdigit() and len(inner) < 10:
        return MovesAgo(int(inner))
    time = stated_time(inner)
    if time is None:
        raise _invalid(text)
    return AsOf(time)


def _number(digits: str, text: str) -> int:
    if len(digits) > 9:
        raise _invalid(text)
    return int(digits)


def split_range(text: str) -> tuple[str, str, bool] | None:
    """Splits ``A..B`` or ``A...B``.

    Returns:
        Both ends and whether it is the three-dot form; None if the text is not a range. A
        missing end is the empty string.
    """
    check_text(text, "a ref")
    outside = re.sub(r"\{[^{}]*\}", lambda m: "x" * len(m[0]), text)
    match = re.search(r"\.{2,}", outside)
    if match is None:
        return None
    if len(match[0]) > 3 or ".." in outside[match.end() :]:
        raise _invalid(text)
    return text[: match.start()], text[match.end() :], len(match[0]) == 3


def own_change(text: str) -> str | None:
    """Returns the ref of ``REF^!``, what its commit itself changed; None for any other text."""
    check_text(text, "a ref")
    return text[:-2] if len(text) > 2 and text.endswith("^!") else None
