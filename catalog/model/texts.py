"""What callers hand over as text or as a list of names: checked before it is written or used.

Python lets anything through, and what is no text would be stored as such: a commit or a branch
with it cannot be read any more.
"""

from collections.abc import Mapping, Sequence

from catalog.errors import ErrorKind, InvalidInput


def check_text(value: object, what: str) -> None:
    """Checks that something is text.

    Args:
        value: What was handed over.
        what: What it is to be, for the message.

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
    """Checks that something is text by key.

    Args:
        values: What was handed over.
        what: What it is to be, for the message.

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
        value: What was handed over.
        what: The argument, for the message.
        choices: The words, two at least.

    Raises:
        InvalidInput: It is not.
    """
    if value not in choices:
        words = f"{', '.join(choices[:-1])} or {choices[-1]}"
        raise InvalidInput(f"{what} must be {words}, not {value!r}")


def listed(names: Sequence[str], what: str) -> tuple[str, ...]:
    """Returns names that were handed over as a sequence.

    Args:
        names: The names.
        what: The argument, for the message.

    Raises:
        InvalidInput: It is one text, which Python takes for a sequence of letters.
    """
    if isinstance(names, str):
        raise InvalidInput(
            f"{what} must be a list of names, not the text {names!r}", hint=f"{what}=[{names!r}]"
        )
    return tuple(names)
