"""Variables in the words of commands and in the names of places: ``$month``, ``${month}``."""

import re
from collections.abc import Mapping, Sequence

from catalog.errors import ErrorKind, InvalidInput

_VARIABLE = re.compile(r"\$\{(\w+)\}|\$([A-Za-z_]\w*)|\{([A-Za-z_]\w*)\}")
_PLAIN = re.compile(r"[\w./:=,@%+~{}$-]*")
"""Words in which variables are filled in: all else may be a program, in which they mean its own."""


def filled_words(words: Sequence[str], values: Mapping[str, str]) -> tuple[str, ...]:
    """Returns the words of a command with values in place of variables.

    Only in words of letters, digits and signs that paths have: a word with blanks, quotes or the
    like is text for a shell or an interpreter, which finds the values in the environment. Names
    that no variable has stay as they are.
    """

    def value(found: re.Match[str]) -> str:
        return values.get(_name(found), found[0])

    return tuple(_VARIABLE.sub(value, w) if _PLAIN.fullmatch(w) else w for w in words)


def filled_place(place: str, values: Mapping[str, str]) -> str:
    """Returns where a step leaves an output: a place with values in place of variables.

    Raises:
        InvalidInput: No variable has a name in it, or a value leads elsewhere.
    """

    def value(found: re.Match[str]) -> str:
        name = _name(found)
        if name not in values:
            raise InvalidInput(
                f"nothing gives {found[0]} a value in the output {place}",
                kind=ErrorKind.INVALID_INPUT,
                hint="repeat the fix for values of it, or name another place",
            )
        if "/" in values[name] or values[name] in ("", ".", ".."):
            raise InvalidInput(
                f"{name}={values[name]} cannot be a part of the output {place}",
                kind=ErrorKind.PATH_OUTSIDE,
                hint="name places that do not depend on it, and let one step run at a time",
            )
        return values[name]

    return _VARIABLE.sub(value, place)


def _name(found: re.Match[str]) -> str:
    return str(found[1] or found[2] or found[3])
