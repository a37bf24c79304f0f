"""What a column holds of the partition value: an expression over it, which can be composed.

The partition value of a row of a fact is the value of the chosen partition column. A column
*carries* an expression ``e`` if for each of its rows there is a value ``y`` with ``column = e(y)``,
and ``g(y)`` is the value by which the result is split. The column of the table itself carries the
bare value. Only expressions that can be compared by ``=`` without surprises are kept: of exact
types, deterministic, and written so that sqlglot writes them as they were read.
"""

import re
from collections.abc import Callable

from sqlglot import exp

from catalog.dataclasses import dataclass
from catalog.query.parse.masking import COVERED


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_VALUE = "partition value"
"""The name that stands for the partition column in an expression."""

_INTEGERS = _names(
    "TINYINT SMALLINT INTEGER BIGINT HUGEINT UTINYINT USMALLINT UINTEGER UBIGINT UHUGEINT"
)

_EXACT = (
    frozenset({"TIMESTAMP WITH TIME ZONE"})
    | _INTEGERS
    | _names("BOOLEAN VARCHAR BLOB DATE TIME TIMESTAMP TIMESTAMP_S TIMESTAMP_MS TIMESTAMP_NS UUID")
)
"""Types whose values are equal only if they are the same: neither floats (``-0.0``) nor
intervals (``30 days``), nor times with a zone or text with a collation."""

MAX_TEXT = 300
"""Most characters of an expression that others are made of: ``x + x`` of ``x + x`` doubles it."""

_DECIMAL = re.compile(r"DECIMAL\(\d+,\s*\d+\)")


@dataclass(frozen=True, slots=True, eq=False)
class Carry:
    """An expression over the partition value.

    Attributes:
        tree: The expression, with a column of an impossible name for the partition value.
        text: Its canonical text, by which expressions are equal.
        value_kind: ``integer``, ``text``, ``date`` or ``timestamp``, or ``other`` for a partition
            value over which no expression is known.
    """

    tree: exp.Expr
    text: str
    value_kind: str

    def sql(self, column: str) -> str:
        """Returns the expression as SQL over a column."""
        named = exp.column(exp.to_identifier(column, quoted=True))
        return _replaced(self.tree, is_value, named.copy).sql(dialect="duckdb")


def is_exact(type_name: str) -> bool:
    """Returns whether values of a DuckDB type are equal only if they are the same."""
    return type_name in _EXACT or _DECIMAL.fullmatch(type_name) is not None


def bare(type_name: str) -> Carry:
    """Returns what the partition column of a table carries: the value itself."""
    tree = exp.column(exp.to_identifier(_VALUE, quoted=True))
    return Carry(tree, _text(tree), _kind_of_type(type_name))


def composed(node: exp.Expr, inner: Carry, is_column: Callable[[exp.Expr], bool]) -> Carry | None:
    """Returns what an expression over one column carries, None if it is of no known kind.

    Args:
        node: The expression; all its columns mean the same one.
        inner: What that column carries.
        is_column: Returns whether a node is that column.
    """
    if len(inner.text) > MAX_TEXT:
        return None
    tree = _replaced(node, is_column, lambda: exp.Paren(this=inner.tree.copy()))
    tree = _without_idle_parentheses(tree)
    if is_value(tree):
        return inner
    if _kind(tree, inner.value_kind) is None:
        return None
    return Carry(tree, _text(tree), inner.value_kind)


def determines(finer: Carry, coarser: Carry) -> bool:
    """Returns whether the value of one expression fixes that of another."""
    if finer.text == coarser.text or is_value(finer.tree):
        return True
    rest = _replaced(coarser.tree, lambda node: _text(node) == finer.text, exp.Null)
    return not any(is_value(node) for node in rest.walk())


def is_value(node: exp.Expr) -> bool:
    """Returns whether a node of an expression is the partition value itself."""
    return isinstance(node, exp.Column) and node.name == _VALUE


def _replaced(
    node: exp.Expr, wanted: Callable[[exp.Expr], bool], by: Callable[[], exp.Expr]
) -> exp.Expr:
    """Returns a copy in which the topmost wanted nodes are others."""
    if wanted(node):
        return by()
    copy = node.copy()
    originals, copies = [node], [copy]
    while originals:
        original, twin = originals.pop(), copies.pop()
        pairs = list(zip(original.iter_expressions(), twin.iter_expressions(), strict=True))
        for below, below_twin in pairs:
            if wanted(below):
                below_twin.replace(by())
            else:
                originals.append(below)
                copies.append(below_twin)
    return copy


def _without_idle_parentheses(node: exp.Expr) -> exp.Expr:
    """Returns a copy without the parentheses that change nothing wherever they stand."""
    root = exp.Tuple(expressions=[node.copy()])
    for one in list(root.find_all(exp.Paren)):
        if not isinstance(one.this, (exp.Binary, exp.Unary)) or isinstance(one.this, exp.Paren):
            one.replace(one.this)
    stripped: exp.Expr = root.expressions[0].copy()
    return stripped


def _text(node: exp.Expr) -> str:
    return node.sql(dialect="duckdb")


def _kind_of_type(type_name: str) -> str:
    if type_name in _INTEGERS:
        return "integer"
    if type_name.startswith("TIMESTAMP"):
        return "timestamp" if type_name == "TIMESTAMP" else "other"
    return {"VARCHAR": "text", "DATE": "date"}.get(type_name, "other")


_ARITHMETIC = (exp.Add, exp.Sub, exp.Mul, exp.Mod, exp.IntDiv)

_PARTS = _names("year month quarter week day decade century")
"""What ``date_trunc`` may cut a day to; the hours are for timestamps only."""

_HOURS = _names("hour minute second")

_NUMBERS_OF_DATE = (
    exp.Year,
    exp.Month,
    exp.Quarter,
    exp.Day,
    exp.Week,
    exp.WeekOfYear,
    exp.DayOfWeek,
    exp.DayOfMonth,
    exp.DayOfYear,
)

_EXTRACTED = _names("year month quarter week day dow doy isodow isoyear decade century")

_FORMAT = re.compile(r"(?:%[YmdHMjuVG]|[^%])*")
"""Formats of ``strftime`` that mean the same to sqlglot and DuckDB."""


def _kind(node: exp.Expr, value: str) -> str | None:
    """Returns the kind of an expression over a partition value, None for one that is not known."""
    if is_value(node):
        return None if value == "other" else value
    below = [_kind(child, value) for child in _operands(node)]
    if any(kind is None for kind in below):
        return None
    match node:
        case exp.Paren():
            return below[0]
        case exp.Literal():
            return _kind_of_literal(node)
        case exp.Coalesce():
            return below[0] if len(set(below)) == 1 else None
        case exp.DPipe():
            return "text" if set(below) == {"text"} else None
        case exp.Lower() | exp.Upper():
            return "text" if below == ["text"] else None
        case exp.Left() | exp.Right():
            return "text" if below == ["text", "integer"] else None
        case _ if isinstance(node, _ARITHMETIC):
            return "integer" if set(below) == {"integer"} else None
        case exp.Substring():
            fits = below == ["text", "integer", "integer"]
            return _only(node, {"this", "start", "length"}, "text" if fits else None)
        case exp.LastDay():
            return _only(node, {"this"}, "date" if below in (["date"], ["timestamp"]) else None)
        case exp.Anonymous():
            return _kind_of_call(node, below)
        case exp.TimestampTrunc() | exp.DateTrunc():
            parts = _PARTS | (_HOURS if below == ["timestamp"] else frozenset())
            fits = node.text("unit").lower() in parts and below in (["date"], ["timestamp"])
            return _only(node, {"this", "unit"}, below[0] if fits else None)
        case exp.Extract():
            fits = node.name.lower() in _EXTRACTED and below in (["date"], ["timestamp"])
            return _only(node, {"this", "expression"}, "integer" if fits else None)
        case _ if isinstance(node, _NUMBERS_OF_DATE):
            return _only(node, {"this"}, "integer" if below in (["date"], ["timestamp"]) else None)
        case exp.TimeToStr():
            fits = below in (["date"], ["timestamp"]) and isinstance(
                node.args.get("format"), exp.Literal
            )
            fits = fits and _FORMAT.fullmatch(node.text("format")) is not None
            return _only(node, {"this", "format"}, "text" if fits else None)
        case exp.Cast() if type(node) is exp.Cast:
            return _only(node, {"this", "to"}, _kind_of_cast(node, below[0]))
    return None


def _kind_of_call(node: exp.Anonymous, below: list[str | None]) -> str | None:
    """Returns the kind of a call that sqlglot knows no node for."""
    arguments = node.expressions
    if below not in (["date"], ["timestamp"]):
        return None
    match node.name.lower():
        case "yearweek" | "isoyear" | "century" | "decade" if len(arguments) == 1:
            return "integer"
        case "date_part" | "datepart" if len(arguments) == 2 and arguments[0].is_string:
            return "integer" if arguments[0].name.lower() in _EXTRACTED else None
    return None


def _operands(node: exp.Expr) -> list[exp.Expr]:
    match node:
        case exp.Extract():
            return [node.expression]
        case exp.TimestampTrunc() | exp.DateTrunc() | exp.TimeToStr() | exp.Cast():
            return [node.this]
        case exp.Anonymous(this="date_part" | "datepart"):
            return node.expressions[1:]
    return list(node.iter_expressions())


def _only(node: exp.Expr, known: set[str], kind: str | None) -> str | None:
    others = any(v not in (None, False, [], "") for k, v in node.args.items() if k not in known)
    return None if others else kind


def _kind_of_literal(node: exp.Literal) -> str | None:
    if node.is_string:
        return "text" if COVERED not in node.name else None
    return "integer" if node.name.isdecimal() and len(node.name) < 10 else None


_CASTS = {
    ("date", "DATE"): "date",
    ("date", "TIMESTAMP"): "timestamp",
    ("date", "VARCHAR"): "text",
    ("date", "TEXT"): "text",
    ("timestamp", "DATE"): "date",
    ("timestamp", "TIMESTAMP"): "timestamp",
    ("integer", "BIGINT"): "integer",
    ("integer", "VARCHAR"): "text",
    ("integer", "TEXT"): "text",
    ("text", "VARCHAR"): "text",
    ("text", "TEXT"): "text",
}


def _kind_of_cast(node: exp.Cast, below: str | None) -> str | None:
    to = node.to
    if not isinstance(to, exp.DataType) or to.expressions or not isinstance(to.this, exp.DType):
        return None
    if isinstance(node.this, exp.Literal) and node.this.is_string:
        return {"DATE": "date", "TEXT": "text", "VARCHAR": "text"}.get(to.this.value.upper())
    return _CASTS.get((below or "", to.this.value.upper()))
