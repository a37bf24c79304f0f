"""A value of a file, with its place in it for messages."""

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches

from catalog.dataclasses import dataclass
from catalog.errors import ErrorKind, InvalidInput
from catalog.hints import Hint

Plain = object
"""A scalar, or lists and dictionaries of them with texts as keys."""


class RuleRefusedError(Exception):
    """A rule of a file cannot be held by a check; never leaves this folder."""


LONGEST_SHOWN = 60
"""Characters of a value that a message shows."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A value of a file.

    Attributes:
        file: The file, as messages name it.
        name: Where in the file it is: ``models[0].columns``; empty for the whole.
        value: A scalar, a tuple of entries, or a dictionary of them.
        line: Its line, from 1 on; None where the format of the file does not tell.
    """

    file: str
    name: str
    value: object
    line: int | None = None

    @property
    def place(self) -> str:
        """Returns where it is, for messages."""
        if self.line is not None:
            return f"{self.file}, line {self.line}"
        return f"{self.file}: {self.name}" if self.name else self.file

    def error(self, message: str, *, hint: Hint | str = "") -> InvalidInput:
        """Returns an error about it."""
        return InvalidInput(f"{self.place}: {message}", kind=ErrorKind.BAD_CHECK, hint=hint)

    def invalid(self, wanted: str) -> InvalidInput:
        """Returns the error that it is not of a form."""
        last = self.name.rpartition(".")[2] or "the file"
        return self.error(f"{last} must be {wanted}, not {self.shown}")

    def refused(self, rule: str, reason: str) -> "RuleRefusedError":
        """Returns the error that a rule about it cannot be held by a check.

        Args:
            rule: The rule: ``test dbt_utils.recency of model orders``.
            reason: Why.
        """
        return RuleRefusedError(f"{self.place}: {rule}: {reason}")

    @property
    def shown(self) -> str:
        """Returns the value for messages, shortened."""
        if isinstance(self.value, dict):
            return "a mapping"
        if isinstance(self.value, tuple):
            return "a list"
        if self.value is None:
            return "empty"
        text = repr(self.value) if isinstance(self.value, str) else str(self.value)
        return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"

    @property
    def is_empty(self) -> bool:
        """Returns whether it has no value, as a key with nothing behind it."""
        return self.value is None

    def mapping(self, wanted: str = "a mapping") -> Mapping[str, "Entry"]:
        """Returns its entries; none if it is empty.

        Raises:
            InvalidInput: It is something else.
        """
        if self.value is None:
            return {}
        if not isinstance(self.value, dict):
            raise self.invalid(wanted)
        return self.value

    def items(self, wanted: str = "a list") -> Sequence["Entry"]:
        """Returns its items; none if it is empty.

        Raises:
            InvalidInput: It is something else.
        """
        if self.value is None:
            return ()
        if not isinstance(self.value, tuple):
            raise self.invalid(wanted)
        return self.value

    def text(self) -> str:
        """Returns its text.

        Raises:
            InvalidInput: It is something else, or empty.
        """
        if not isinstance(self.value, str) or not self.value.strip():
            raise self.invalid("a text")
        return self.value

    def boolean(self) -> bool:
        """Returns whether it is true.

        Raises:
            InvalidInput: It is neither true nor false.
        """
        if not isinstance(self.value, bool):
            raise self.invalid("true or false")
        return self.value

    def number(self) -> int | float:
        """Returns its number.

        Raises:
            InvalidInput: It is something else.
        """
        if isinstance(self.value, bool) or not isinstance(self.value, int | float):
            raise self.invalid("a number")
        return self.value

    def texts(self) -> tuple[str, ...]:
        """Returns its texts: a list of them, or one.

        Raises:
            InvalidInput: It is something else.
        """
        if isinstance(self.value, tuple):
            return tuple(item.text() for item in self.value)
        return (self.text(),)

    def plain(self) -> Plain:
        """Returns the value without places."""
        if isinstance(self.value, dict):
            return {key: entry.plain() for key, entry in self.value.items()}
        if isinstance(self.value, tuple):
            return [entry.plain() for entry in self.value]
        return self.value


def unknown_keys(entry: Entry, known: Sequence[str]) -> Iterator[tuple[Entry, str]]:
    """Yields the entries of a mapping under other keys, each with a hint."""
    for key, inner in entry.mapping().items():
        if key not in known:
            near = get_close_matches(key, known, n=1)
            yield inner, f"did you mean {near[0]}?" if near else ""


def entry_of(file: str, name: str, value: object) -> Entry:
    """Returns a plain value as an entry; what is in it has its place by name alone."""
    if isinstance(value, dict):
        inner: object = {
            key: entry_of(file, f"{name}.{key}" if name else key, one) for key, one in value.items()
        }
    elif isinstance(value, list):
        inner = tuple(entry_of(file, f"{name}[{n}]", one) for n, one in enumerate(value))
    else:
        inner = value
    return Entry(file, name, inner)
