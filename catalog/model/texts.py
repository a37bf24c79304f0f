"""Checks of arguments that must be text or lists of names.

Python lets anything through, and a stored commit or branch with anything else in these places
could never be read again. In all of them, ``what`` is the argument's name in messages.
"""

from collections.abc import Iterable, Mapping, Sequence

from catalog.errors import ErrorKind, InvalidInput


def check_text(value: object, what: str) -> None:
    """Checks that something is text.

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

    Raises:
        InvalidInput: It is not.
    """
    if not isinstance(values, Mapping):
        raise InvalidInput(f"{what} must be a dictionary, not {values!r}", kind=ErrorKind.NOT_TEXT)
    for name, value in values.items():
        check_text(name, f"a key of {what}")
        check_text(value, f"{what}[{name!r}]")


def check_choice(value: object, what: str, choices: Sequence[str]) -> None:
    """Checks that something is one of a few words, two at least.

    Raises:
        InvalidInput: It is not.
    """
    if value not in choices:
        words = f"{', '.join(choices[:-1])} or {choices[-1]}"
        raise InvalidInput(f"{what} must be {words}, not {value!r}")


def listed(names: Sequence[str], what: str) -> tuple[str, ...]:
    """Returns names that were passed as a sequence.

    Raises:
        InvalidInput: It is a single text, which Python takes for a sequence of letters, or not a
            sequence of texts at all.
    """
    if isinstance(names, str):
        raise InvalidInput(
            f"{what} must be a list of names, not the text {names!r}", hint=f"{what}=[{names!r}]"
        )
    if not isinstance(names, Iterable) or isinstance(names, bytes):
        raise InvalidInput(f"{what} must be a list of names, not {names!r}")
    found = tuple(names)
    for name in found:
        check_text(name, f"a name in {what}")
    return found


def check_integer(value: object, what: str, *, least: int) -> None:
    """Checks that an argument is an integer of at least some size.

    Raises:
        InvalidInput: It is not.
    """
    if not isinstance(value, int) or value < least:
        raise InvalidInput(f"{what} must be an integer of at least {least}, not {value!r}")


def path_text(path: object, what: str) -> str:
    """Returns a path or URI, which may be a ``pathlib.Path``, as text.

    Raises:
        InvalidInput: It is neither text nor a path.
    """
    text = path if isinstance(path, str) else getattr(path, "__fspath__", lambda: path)()
    check_text(text, what)
    return str(text)
