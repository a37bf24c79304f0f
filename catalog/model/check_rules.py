"""The rules of each kind of check: how many columns, which parameters, and what they may be."""

import datetime
import difflib
import math
import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal, InvalidOperation

from catalog.dataclasses import dataclass, replace
from catalog.errors import ErrorKind, InvalidInput
from catalog.model.ages import age_of
from catalog.model.checks import MAX_CHECK, Check, CheckKind, Severity, check_name, threshold
from catalog.model.ids import canonical_json

MAX_COUNT = (1 << 63) - 1
"""Most rows that a check can ask for."""


@dataclass(frozen=True, slots=True)
class KindRules:
    """What a check of a kind consists of.

    Attributes:
        columns: Fewest and most columns; None is any number.
        needed: Parameters that it must have.
        possible: Parameters that it may have.
        one_of: Parameters of which it must have at least one.
        takes_where: Whether it can be limited to rows that meet a condition.
    """

    columns: tuple[int, int | None]
    needed: tuple[str, ...] = ()
    possible: tuple[str, ...] = ()
    one_of: tuple[str, ...] = ()
    takes_where: bool = True


RULES: Mapping[CheckKind, KindRules] = {
    CheckKind.NOT_NULL: KindRules((1, None)),
    CheckKind.UNIQUE: KindRules((1, None)),
    CheckKind.ACCEPTED_VALUES: KindRules((1, 1), needed=("values",), possible=("quote",)),
    CheckKind.RELATIONSHIPS: KindRules((1, None), needed=("to", "field")),
    CheckKind.RANGE: KindRules((1, 1), possible=("inclusive",), one_of=("min", "max")),
    CheckKind.ROW_COUNT: KindRules((0, 0), one_of=("min", "max")),
    CheckKind.FRESHNESS: KindRules((1, 1), needed=("max_age",)),
    CheckKind.SQL: KindRules((0, 0), needed=("sql",), takes_where=False),
    CheckKind.PYTHON: KindRules((0, None)),
}
"""The rules by kind; parameters of Python checks are for whoever wrote them."""

FUNCTION = "function"
"""Parameter of a Python check that names the function; without, it has the name of the check."""

ROW_LEVEL = frozenset({CheckKind.NOT_NULL, CheckKind.ACCEPTED_VALUES, CheckKind.RANGE})
"""Kinds that look at each row by itself."""


def valid_check(check: Check) -> Check:
    """Returns a check as it is stored, after checking all that can be known without its table.

    Raises:
        InvalidInput: Something is missing, unknown, of the wrong kind, or contradicts itself.

    Example:
        >>> valid_check(Check("n", CheckKind.ROW_COUNT, parameters={"min": "5"})).parameters
        {'min': 5}
    """
    check_name(check.name)
    rules = RULES[check.kind]
    _check_columns(check, rules)
    if check.where and not rules.takes_where:
        raise bad_check(check, "it cannot have a where", hint="write the condition into its SELECT")
    for text in (check.error_if, check.warn_if):
        threshold(text)
    if check.severity not in list(Severity):
        raise bad_check(check, f"its severity is error or warn, not {check.severity!r}")
    parameters = check.parameters
    if check.kind is not CheckKind.PYTHON:
        _check_names(check, rules)
        parameters = _READ[check.kind](check) if check.kind in _READ else {}
    found = replace(check, parameters=parameters, severity=Severity(check.severity))
    try:
        stored = canonical_json(found.to_json()).decode()
    except (TypeError, ValueError, RecursionError) as error:
        raise bad_check(check, "a parameter is not text, a number, or a list of these") from error
    if len(stored) > MAX_CHECK:
        raise bad_check(check, f"it is longer than {MAX_CHECK} characters")
    return found


def default_name(kind: str, columns: Sequence[str]) -> str:
    """Returns the name of a check that was given none: ``not_null_order_id``."""
    words = (re.sub(r"[^A-Za-z0-9_.-]+", "_", text) for text in (kind, *columns))
    return "_".join(words)[:200]


def function_name(check: Check) -> str:
    """Returns the name by which a check names its function.

    Raises:
        InvalidInput: It is not a name.
    """
    name = check.parameters.get(FUNCTION, check.name)
    if not isinstance(name, str) or not name.strip():
        raise InvalidInput(
            f"{FUNCTION} is the name of a Python check, not {name!r}", kind=ErrorKind.BAD_CHECK
        )
    return name


def max_age(text: object) -> datetime.timedelta:
    """Reads an age: ``36h``, ``2 days``.

    Raises:
        InvalidInput: It is none, or nothing.
    """
    age = age_of(text)
    if age is None:
        raise InvalidInput(
            f"{text!r} is not an age",
            kind=ErrorKind.BAD_CHECK,
            hint="write a number of s, m, h, d or w, such as 36h",
        )
    return age


def bad_check(check: Check, reason: str, *, hint: str = "") -> InvalidInput:
    """Returns the error for a check that is not valid."""
    return InvalidInput(
        f"check {check.name!r} ({check.kind}): {reason}",
        kind=ErrorKind.BAD_CHECK,
        hint=hint,
    )


def _check_columns(check: Check, rules: KindRules) -> None:
    fewest, most = rules.columns
    number = len(check.columns)
    if number < fewest or (most is not None and number > most):
        if most == 0:
            raise bad_check(check, "it is about the table, and takes no column")
        wanted = "one column" if most == 1 else "at least one column"
        raise bad_check(check, f"it takes {wanted}, not {number}")
    folded = [name.casefold() for name in check.columns]
    if not all(isinstance(name, str) and name for name in check.columns):
        raise bad_check(check, "the name of a column is empty")
    if len(set(folded)) < number:
        raise bad_check(check, "a column is named twice")


def _check_names(check: Check, rules: KindRules) -> None:
    known = (*rules.needed, *rules.one_of, *rules.possible)
    for name in check.parameters:
        if name not in known:
            near = difflib.get_close_matches(str(name), known, n=1)
            listed = f"it takes {', '.join(known)}" if known else "it takes none"
            advice = f"did you mean {near[0]}?" if near else listed
            raise bad_check(check, f"it has no parameter {name!r}", hint=advice)
    given = {name for name, value in check.parameters.items() if value is not None}
    for name in rules.needed:
        if name not in given:
            raise bad_check(check, f"{name} is missing")
    if rules.one_of and not given & {*rules.one_of}:
        raise bad_check(check, f"it needs {' or '.join(rules.one_of)}")


def _accepted(check: Check) -> dict[str, object]:
    values = check.parameters["values"]
    if not isinstance(values, list | tuple):
        raise bad_check(check, f"values is a list, not {values!r}")
    if not values:
        raise bad_check(check, "no value is accepted: values is empty")
    for value in values:
        _check_scalar(check, value, "an accepted value")
    quote = check.parameters.get("quote")
    if quote is not None and not isinstance(quote, bool):
        raise bad_check(check, f"quote is true or false, not {quote!r}")
    found: dict[str, object] = {"values": list(values)}
    return found if quote is None else {**found, "quote": quote}


def _relationship(check: Check) -> dict[str, object]:
    to, field = check.parameters["to"], check.parameters["field"]
    fields = list(field) if isinstance(field, list | tuple) else [field]
    if not isinstance(to, str) or not to.strip():
        raise bad_check(check, f"to is the name of a table, not {to!r}")
    if not all(isinstance(one, str) and one for one in fields):
        raise bad_check(check, f"field is the name of a column of {to}, not {field!r}")
    if len(fields) != len(check.columns):
        raise bad_check(
            check, f"{len(check.columns)} columns cannot match {len(fields)} fields of {to}"
        )
    return {"to": to, "field": fields[0] if len(fields) == 1 else fields}


def _range(check: Check) -> dict[str, object]:
    found: dict[str, object] = {}
    for name in ("min", "max"):
        value = check.parameters.get(name)
        if value is not None:
            _check_scalar(check, value, name)
            if isinstance(value, bool):
                raise bad_check(check, f"{name} is {value!r}, which is no bound")
            found[name] = value
    inclusive = check.parameters.get("inclusive")
    if inclusive is not None and not isinstance(inclusive, bool):
        raise bad_check(check, f"inclusive is true or false, not {inclusive!r}")
    return found if inclusive in (None, True) else {**found, "inclusive": False}


def _row_count(check: Check) -> dict[str, object]:
    found = {}
    for name in ("min", "max"):
        value = check.parameters.get(name)
        if value is not None:
            found[name] = _count(check, name, value)
    least, most = found.get("min", 0), found.get("max", MAX_COUNT)
    if least > most:
        raise bad_check(check, f"min is {least} and max is {most}: no number is both")
    return {**found}


def _count(check: Check, name: str, value: object) -> int:
    text = str(value) if not isinstance(value, bool) else ""
    if isinstance(value, float) and value.is_integer():
        text = str(int(value))
    text = text.strip()
    if not re.fullmatch(r"[0-9]{1,19}", text) or int(text) > MAX_COUNT:
        raise bad_check(check, f"{name} is a number of rows, not {value!r}")
    return int(text)


def _freshness(check: Check) -> dict[str, object]:
    age = check.parameters["max_age"]
    max_age(age)
    return {"max_age": str(age).strip()}


def _sql(check: Check) -> dict[str, object]:
    sql = check.parameters["sql"]
    if not isinstance(sql, str) or not sql.strip():
        raise bad_check(check, "its SQL is empty")
    return {"sql": sql.strip()}


_READ: Mapping[CheckKind, Callable[[Check], dict[str, object]]] = {
    CheckKind.ACCEPTED_VALUES: _accepted,
    CheckKind.RELATIONSHIPS: _relationship,
    CheckKind.RANGE: _range,
    CheckKind.ROW_COUNT: _row_count,
    CheckKind.FRESHNESS: _freshness,
    CheckKind.SQL: _sql,
}


def _check_scalar(check: Check, value: object, what: str) -> None:
    if value is None:
        raise bad_check(check, f"{what} is NULL", hint="a not_null check is about NULL")
    if not isinstance(value, str | int | float | bool):
        raise bad_check(check, f"{what} is text or a number, not {value!r}")
    if isinstance(value, float) and not math.isfinite(value):
        raise bad_check(check, f"{what} is not a finite number")


def as_number(value: object) -> Decimal | None:
    """Returns a parameter as an exact number, None if it is none.

    Example:
        >>> as_number("1e3"), as_number("x"), as_number(True)
        (Decimal('1E+3'), None, None)
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        number = Decimal(str(value).strip())
    except InvalidOperation:
        return None
    return number if number.is_finite() and "_" not in str(value) else None
