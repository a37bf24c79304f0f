"""Reads literals of a syntax tree, keeping their kind and exact text."""

import re

from sqlglot import exp

from catalog.query.parse.masking import COVERED
from catalog.query.parse.predicates import LiteralKind, LiteralValue

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)

_TIMESTAMP = re.compile(r"\d{4}-\d{2}-\d{2}(?:[ T]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?)?", re.ASCII)

_NUMBERS = (
    (LiteralKind.INTEGER, re.compile(r"[0-9]+")),
    (LiteralKind.DECIMAL, re.compile(r"[0-9]+\.[0-9]*|\.[0-9]+")),
    (LiteralKind.FLOAT, re.compile(r"(?:[0-9]+\.?[0-9]*|\.[0-9]+)[eE][+-]?[0-9]+")),
)

_LONGEST_NUMBER = 38
"""DuckDB reads longer numbers as DOUBLE, with a loss."""

_TEXT_TYPES = frozenset({exp.DType.TEXT, exp.DType.VARCHAR})

_TIMESTAMP_TYPES = frozenset({exp.DType.TIMESTAMP, exp.DType.TIMESTAMPNTZ})

_INTEGER_TYPES = frozenset(
    {exp.DType.TINYINT, exp.DType.SMALLINT, exp.DType.INT, exp.DType.BIGINT, exp.DType.INT128}
)


def literal_value(node: object) -> LiteralValue | None:
    """Reads a literal: a number with or without sign, text, a boolean, a date or a timestamp.

    Anything else is None, and so are forms whose value only DuckDB knows: ``E'…'``, hexadecimal,
    ``DATE 'infinity'``, ``1.5::DECIMAL(2, 1)``.
    """
    if type(node) is exp.Paren:
        return literal_value(node.this)
    if type(node) is exp.Neg and type(node.this) is exp.Literal and not node.this.is_string:
        value = _number(node.this.this)
        return None if value is None else LiteralValue(value.kind, "-" + value.text)
    if type(node) is exp.Boolean:
        return LiteralValue(LiteralKind.BOOLEAN, "true" if node.this else "false")
    if type(node) is exp.Literal and not node.is_string:
        return _number(node.this)
    if type(node) is exp.Literal:
        return None if COVERED in node.this else LiteralValue(LiteralKind.STRING, node.this)
    if type(node) is exp.Cast and not node.args.get("format"):
        return _cast(literal_value(node.this), node.to)
    return None


def _number(text: str) -> LiteralValue | None:
    for kind, pattern in _NUMBERS:
        if len(text) <= _LONGEST_NUMBER and pattern.fullmatch(text):
            return LiteralValue(kind, text)
    return None


def _cast(value: LiteralValue | None, to: exp.DataType) -> LiteralValue | None:
    """Reads a cast that changes the kind of a literal but not its value."""
    if value is None or to.expressions:
        return None
    is_text = value.kind is LiteralKind.STRING
    if is_text and to.this in _TEXT_TYPES:
        return value
    if is_text and to.this == exp.DType.DATE and _DATE.fullmatch(value.text):
        return LiteralValue(LiteralKind.DATE, value.text)
    if is_text and to.this in _TIMESTAMP_TYPES and _TIMESTAMP.fullmatch(value.text):
        return LiteralValue(LiteralKind.TIMESTAMP, value.text)
    if value.kind is LiteralKind.INTEGER and to.this in _INTEGER_TYPES:
        return value
    return None
