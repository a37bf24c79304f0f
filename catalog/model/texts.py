"""Checks of arguments that must be text or lists of names.

Python lets anything through, and a stored commit or branch with anything else in these places
could never be read again. In all of them, ``what`` is the argument's name in messages.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import unquote

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


def version_text(version: int | str | None) -> str | None:
    """Returns a version of a table of another format as text, as which it may also be named.

    Raises:
        InvalidInput: It is neither a number nor text.
    """
    if version is None or isinstance(version, str):
        return version
    if not isinstance(version, int) or isinstance(version, bool):
        check_text(version, "a version")
    return str(version)


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


_FILE_URI = re.compile(r"(?is)file:(?://([^/]*)(?=/)|(?!//))(/.*)")


def path_text(path: object, what: str) -> str:
    """Returns a path or URI, which may be a ``pathlib.Path``, as text; of a ``file:`` URI its path.

    Raises:
        InvalidInput: It is neither text nor a path, or cannot be the name of anything here.

    Example:
        >>> path_text("file:///lake/a%20b", "the source"), path_text("s3://lake/x", "the source")
        ('/lake/a b', 's3://lake/x')
    """
    text = path if isinstance(path, str) else getattr(path, "__fspath__", lambda: path)()
    check_text(text, what)
    text = str(text)
    if not text or "\0" in text:
        problem = "has a null character in it" if text else "is empty"
        raise InvalidInput(f"{what} {problem}", hint="name a file or a directory")
    if text[:5].lower() != "file:":
        return text
    found = _FILE_URI.fullmatch(text)
    if found is None and text[5:7] != "//":
        return text  # a name that begins so
    if found is None or (found[1] or "").lower() not in ("", "localhost"):
        raise InvalidInput(
            f"{what} {text} is on another machine, or names no path",
            hint="write file:///PATH, or the path alone",
        )
    return "/" + unquote(found[2], errors="surrogateescape").lstrip("/")
