"""Hints: what helps after an error, as values that each front end puts into its own words.

``hint("take a side: {}", Call("merge", ("fix",), resolve=Blank("ours|theirs")))`` reads
``take a side: cat.merge('fix', resolve=ours|theirs)`` in Python, and
``take a side: parquetry merge fix --resolve ours|theirs`` on the command line.
"""

from collections.abc import Callable, Mapping
from typing import Literal, TypeAlias

from catalog.dataclasses import dataclass
from catalog.messages import shown

Operation: TypeAlias = Literal[
    "abandon_backfill",
    "abort_merge",
    "backfill",
    "backfills",
    "branches.create",
    "branches.delete",
    "branches.list",
    "branches.protect",
    "branches.unprotect",
    "compact",
    "conflicts",
    "continue_merge",
    "create",
    "derive",
    "diff",
    "gc",
    "drop_definition",
    "fetch",
    "history",
    "log",
    "merge",
    "reflog",
    "refresh",
    "reproduce",
    "reset",
    "show_backfill",
    "snapshot",
    "tables",
    "tags.list",
    "transaction",
    "undo_backfill",
    "upgrade",
]
"""What a hint can recommend, by its name in Python."""


@dataclass(frozen=True, slots=True)
class Blank:
    """A value that the user has to fill in.

    Attributes:
        name: What stands in its place: ``NAME``, or the choices, ``ours|theirs``.
    """

    name: str


Value: TypeAlias = str | bool | Blank | tuple[str, ...] | Mapping[str, str | Blank]
"""A text, True for a flag, False for one that says no, a blank, texts, or texts by name."""


class Call:
    """A recommended operation with its arguments."""

    __slots__ = ("arguments", "operation", "options")

    def __init__(
        self, operation: Operation, arguments: tuple[str | Blank, ...] = (), **options: Value
    ) -> None:
        """Takes the operation.

        Args:
            operation: Its name in Python.
            arguments: Its positional arguments.
            options: Its keyword arguments, by their names in Python; True for a flag.
        """
        self.operation: Operation = operation
        self.arguments = arguments
        self.options: Mapping[str, Value] = options


@dataclass(frozen=True, slots=True)
class Option:
    """A recommended argument of the operation that failed.

    Attributes:
        name: Its name in Python.
        value: Its value; True for a flag, False for one that says no.
    """

    name: str
    value: Value = True


Part: TypeAlias = Call | Option
Wording: TypeAlias = Callable[[Part], str]


@dataclass(frozen=True, slots=True)
class Hint:
    """What helps after an error.

    Attributes:
        text: A sentence, with ``{}`` where each of the parts is put into words.
        parts: Calls and options.
    """

    text: str = ""
    parts: tuple[Part, ...] = ()

    def worded(self, wording: Wording) -> str:
        """Returns the sentence in the words of a front end."""
        pieces = self.text.split("{}") if self.parts else [self.text]
        words = [wording(part) for part in self.parts]
        return shown(
            "".join(piece + (words[n] if n < len(words) else "") for n, piece in enumerate(pieces))
        )


def hint(text: str, *parts: Part) -> Hint:
    """Returns a hint: a sentence with ``{}`` for each part."""
    return Hint(text, parts)


_OWNERS: Mapping[Operation, str] = {"create": "catalog", "snapshot": "tx"}
"""What has an operation, if that is not an open catalog."""


def python_wording(part: Part) -> str:
    """Words a part of a hint for somebody who writes Python.

    >>> python_wording(Call("branches.create", (Blank("NAME"),), at="main"))
    "cat.branches.create(NAME, at='main')"
    >>> python_wording(Option("allow_empty"))
    'allow_empty=True'
    """
    if isinstance(part, Option):
        return f"{part.name}={_literal(part.value)}"
    words = [_literal(one) for one in part.arguments]
    words += [f"{name}={_literal(value)}" for name, value in part.options.items()]
    owner = _OWNERS.get(part.operation, "cat")
    return f"{owner}.{part.operation}({', '.join(words)})"


def _literal(value: Value) -> str:
    if isinstance(value, Blank):
        return value.name
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{name!r}: {_literal(one)}' for name, one in value.items())}}}"
    if isinstance(value, tuple):
        return repr(list(value))
    return repr(value)
