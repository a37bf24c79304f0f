"""Reads the literal arguments of a table function from its tokens."""

from contextlib import suppress

from catalog.errors import InvalidInput
from catalog.query.parse.keywords import fold
from catalog.query.parse.lexer import DEPTH, NAME_KINDS, Token, TokenKind, line_and_column
from catalog.query.parse.statements import ArgumentValue

_CONSTANTS: dict[str, ArgumentValue] = {"true": True, "false": False, "null": None}


def read_arguments(
    text: str, tokens: tuple[Token, ...]
) -> tuple[tuple[ArgumentValue, ...], tuple[tuple[str, ArgumentValue], ...]]:
    """Returns the values by position, and the pairs of name and value, of a call's arguments.

    ``text`` is the whole text, for messages; ``tokens`` go from the function's name to ``)``.

    Raises:
        InvalidInput: An argument is not a literal, a name is given twice, or a positional
            argument follows a named one.
    """
    values: list[ArgumentValue] = []
    keywords: dict[str, ArgumentValue] = {}
    for argument in _split(tokens[2:-1]):
        where = line_and_column(text, argument[0].start if argument else tokens[0].start)
        call = f"{tokens[0].text}(…)"
        if len(argument) > 2 and argument[0].kind in NAME_KINDS and argument[1].text in _ARROWS:
            name = fold(argument[0].name)
            if name in keywords:
                raise InvalidInput(f"{call} at {where}: the argument {name!r} is given twice")
            keywords[name] = _value(argument[2:], call, where)
        elif keywords:
            raise InvalidInput(f"{call} at {where}: a positional argument follows a named one")
        else:
            values.append(_value(argument, call, where))
    return tuple(values), tuple(keywords.items())


_ARROWS = (":=", "=>")


def _split(tokens: tuple[Token, ...]) -> list[tuple[Token, ...]]:
    """Splits tokens at the commas outside of any parentheses."""
    arguments: list[tuple[Token, ...]] = []
    depth, begin = 0, 0
    for index, token in enumerate(tokens):
        depth += DEPTH.get(token.text, 0)
        if token.text == "," and depth == 0:
            arguments.append(tokens[begin:index])
            begin = index + 1
    return [*arguments, tokens[begin:]] if tokens else []


def _value(tokens: tuple[Token, ...], call: str, where: str) -> ArgumentValue:
    kinds = [token.kind for token in tokens]
    if kinds == [TokenKind.STRING]:
        return tokens[0].name
    if kinds == [TokenKind.WORD] and tokens[0].word in _CONSTANTS:
        return _CONSTANTS[tokens[0].word]
    sign = tokens[0].text if len(tokens) == 2 else "+"
    if kinds[-1:] == [TokenKind.NUMBER] and len(tokens) <= 2 and sign in ("+", "-"):
        digits = tokens[-1].text.replace("_", "")
        with suppress(ValueError):  # such as 1.5.5
            number = int(digits) if digits.isdigit() else float(digits)
            return -number if sign == "-" else number
    shown = " ".join(token.text for token in tokens)
    raise InvalidInput(
        f"{call} at {where} takes literals, not {shown!r}",
        hint="write text in single quotes, and numbers without quotes",
    )
