"""Checks of arguments that must be text or lists of names.

Python lets anything through, and a stored commit or branch with anything else in these places
could never be read again.
"""

from collections.abc import Mapping, Sequence

from catalog.errors import ErrorKind, InvalidInput


def check_text(value: object, what: str) -> None:
    """Checks that something is text.

    Args:
        value: The argument.
        what: The name of the argument, for the message.

    Raises:
        InvalidInput: It is not.
    """
    if not isinstance(value, str):
        raise InvalidInput(
            f"{what} must be text, not {value!r}",
            kind=ErrorKind.NOT_TEXT,
            hint="str(…) makes it text",
        )


def check_texts(values: object, what: str) -> None:
    """Checks that something is a mapping of text to text.

    Args:
        values: The argument.
        what: The name of the argument, for the message.

    Raises:
        InvalidInput: It is not.
    """
    if not isinstance(values, Mapping):
        raise InvalidInput(f"{what} must be a dictionary, not {values!r}", kind=ErrorKind.NOT_TEXT)
    for name, value in values.items():
        check_text(name, f"a key of {what}")
        check_text(value, f"{what}[{name!r}]")


def check_choice(value: object, what: str, choices: Sequence[str]) -> None:
    """Checks that something is one of a few words.

    Args:
        value: The argument.
        what: The argument, for the message.
        choices: The words, two at least.

    Raises:
        InvalidInput: It is not.
    """
    if value not in choices:
        words = f"{', '.join(choices[:-1])} or {choices[-1]}"
        raise InvalidInput(f"{what} must be {words}, not {value!r}")


def listed(names: Sequence[str], what: str) -> tuple[str, ...]:
    """Returns names that were given as a sequence.

    Args:
        names: The names.
        what: The argument, for the message.

    Raises:
        InvalidInput: It is a single text, which Python treats as a sequence of letters.
    """
    if isinstance(names, str):
        raise InvalidInput(
            f"{what} must be a list of names, not the text {names!r}", hint=f"{what}=[{names!r}]"
        )
    return tuple(names)
