"""Options and arguments whose values are plain enough to do without pydantic.

typer checks every value by an adapter of pydantic's, and to import what makes the first one takes
longer than most commands run. Values that the adapter would hand on as they are, such as text and
defaults, are handed on here. typer sees all others, and words what is wrong with them.
"""

import re
from enum import Enum
from functools import partial
from typing import Any, Literal, get_args, get_origin

_SMALL_NUMBER = re.compile(r"0|-?[1-9][0-9]{0,8}", re.ASCII)

_NOT_PLAIN = object()


class PlainValues:
    """A mixin of commands and groups: their parameters hand on plain values unchecked."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Returns the parameters, ``--help`` among them."""
        parameters: list[Any] = super().get_params(ctx)  # type: ignore[misc]
        for parameter in parameters:
            if hasattr(parameter, "type_descriptor") and "process_value" not in vars(parameter):
                parameter.process_value = partial(_processed, parameter, parameter.process_value)
        return parameters


def _processed(parameter: Any, check: Any, context: Any, value: Any) -> Any:
    """Returns the value of a parameter as typer would return it."""
    kind, settings = parameter.type_descriptor.annotation, parameter.type_descriptor.parameter_info
    missing = parameter.required and value in (None, (), [])
    if missing or settings.parser is not None:
        return check(context, value)
    plain = _plain_values if parameter.multiple or parameter.nargs == -1 else _plain_value
    taken = plain(kind, settings, value)
    if taken is _NOT_PLAIN:
        return check(context, value)
    return parameter.callback(context, parameter, taken) if parameter.callback else taken


def _plain_values(kind: Any, settings: Any, values: Any) -> Any:
    """Returns the values of a parameter that may be repeated, or ``_NOT_PLAIN``."""
    if values is None:
        return ()
    if get_origin(kind) is not list or not isinstance(values, (list, tuple)):
        return _NOT_PLAIN
    (inner,) = get_args(kind)
    taken = [_NOT_PLAIN if v is None else _plain_value(inner, settings, v) for v in values]
    return _NOT_PLAIN if any(one is _NOT_PLAIN for one in taken) else taken


def _plain_value(kind: Any, settings: Any, value: Any) -> Any:
    """Returns a value that needs no check, or ``_NOT_PLAIN``."""
    if value is None:
        return None
    if kind is str and isinstance(value, str) and _is_encodable(value):
        return value
    if kind is bool and isinstance(value, bool):
        return value
    if kind is int:
        return _plain_number(settings, value)
    choices = get_args(kind) if get_origin(kind) is Literal else ()
    if isinstance(kind, type) and issubclass(kind, Enum):
        choices = tuple(kind)
    return _plain_choice(choices, value) if settings.case_sensitive else _NOT_PLAIN


def _is_encodable(text: str) -> bool:
    """Returns whether a text of the command line was valid: its bytes may be anything."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _plain_number(settings: Any, value: Any) -> Any:
    if isinstance(value, str) and _SMALL_NUMBER.fullmatch(value):
        value = int(value)
    if type(value) is not int:
        return _NOT_PLAIN
    too_small = settings.min is not None and value < settings.min
    too_large = settings.max is not None and value > settings.max
    return _NOT_PLAIN if too_small or too_large else value


def _plain_choice(choices: tuple[Any, ...], value: Any) -> Any:
    for choice in choices:
        if value is choice:
            return choice
        if isinstance(value, str) and value == str(getattr(choice, "value", choice)):
            return choice
    return _NOT_PLAIN
