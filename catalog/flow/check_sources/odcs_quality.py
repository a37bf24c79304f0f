"""Rules of quality in a data contract: metrics of its library, and SQL that returns one value."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal

from catalog.dataclasses import dataclass, field, replace
from catalog.engine.quoting import identifier, literal
from catalog.flow.check_sources.entry import Entry
from catalog.flow.check_sources.findings import Findings, Rule, suggested_name
from catalog.flow.check_sources.known import KnownTable
from catalog.flow.check_sources.values import stored_value
from catalog.model.checks import CheckKind, Severity
from catalog.model.types import Scalar, TypeClass

SEVERITIES = {
    "error": Severity.ERROR,
    "warning": Severity.WARN,
    "warn": Severity.WARN,
    "info": Severity.WARN,
}
"""What the severities that the standard names mean for a gate."""

SIGNS = {
    "mustBe": "=",
    "mustNotBe": "<>",
    "mustBeGreaterThan": ">",
    "mustBeGreaterOrEqualTo": ">=",
    "mustBeLessThan": "<",
    "mustBeLessOrEqualTo": "<=",
}
"""Operators with one value, as SQL."""

INTERVALS = ("mustBeBetween", "mustNotBeBetween")

_OPPOSITE = {"=": "!=", "<>": "=", ">": "<=", ">=": "<", "<": ">=", "<=": ">"}

_HOLDS: Mapping[str, Callable[[Decimal, Decimal], bool]] = {
    "=": lambda left, right: left == right,
    "<>": lambda left, right: left != right,
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
}

_VARIABLE = re.compile(r"\$?\{(object|property|table|column)\}")

_OTHER_VARIABLE = re.compile(r"\$\{[^}]*\}")


@dataclass(frozen=True, slots=True)
class QualityOf:
    """What a rule of quality is about.

    Attributes:
        object: The name of the object in the contract.
        table: Its table.
        columns: The columns of its properties.
        column: The column of the property; empty for a rule about the object.
    """

    object: str
    table: KnownTable
    columns: Mapping[str, str]
    column: str = ""


@dataclass(frozen=True, slots=True)
class Condition:
    """What must hold of a number: ``< 5``.

    Attributes:
        sign: The comparison, as SQL.
        value: What it is compared with.
        entry: Where it is.
    """

    sign: str
    value: object
    entry: Entry


@dataclass(frozen=True, slots=True)
class _Quality:
    """A rule of quality: what it is called, what it is about, and its conditions."""

    what: str
    of: QualityOf
    entry: Entry
    keys: Mapping[str, Entry]
    base: Rule
    is_percent: bool
    conditions: Sequence[Condition]
    negated: Sequence[tuple[Condition, Condition]] = field(default=())

    def arguments(self, *known: str) -> Mapping[str, Entry]:
        """Returns its arguments, of which all must be known."""
        found = self.keys["arguments"].mapping() if "arguments" in self.keys else {}
        for key, entry in found.items():
            if key not in known:
                raise entry.refused(self.what, f"the argument {key} is not known")
        return found

    def column(self) -> str:
        """Returns its column.

        Raises:
            InvalidInput: It is about none.
        """
        if not self.of.column:
            raise self.entry.error(f"{self.what}: it must be a rule about a property")
        return self.of.column


def find_quality(entry: Entry, of: QualityOf, findings: Findings) -> None:
    """Finds the check of a rule of quality.

    Raises:
        RuleRefusedError: No check means the same.
        InvalidInput: The rule is not valid.
    """
    keys = {key: one for key, one in entry.mapping().items() if not one.is_empty}
    kind = keys["type"].text() if "type" in keys else "library"
    metric = keys.get("metric", keys.get("rule"))
    label = keys["name"].text() if "name" in keys else ""
    label = label or (metric.text() if metric is not None else kind)
    owner = f"property {of.column} of {of.object}" if of.column else of.object
    what = f"quality {label} of {owner}"
    if kind == "text":
        raise entry.refused(what, "it is written for people")
    if kind == "custom":
        engine = keys["engine"].shown if "engine" in keys else "another engine"
        raise entry.refused(what, f"it is written for {engine}")
    if kind not in ("library", "sql"):
        raise keys["type"].invalid("library, sql, text or custom")
    severity = keys["severity"].text().lower() if "severity" in keys else "error"
    if severity not in SEVERITIES:
        raise keys["severity"].refused(what, f"nobody says what severity {severity!r} means")
    unit = keys["unit"].text().lower() if "unit" in keys else "rows"
    suggested = suggested_name(label, (of.column,) if of.column and label != kind else ())
    base = Rule(CheckKind.SQL, suggested=suggested, severity=SEVERITIES[severity])
    conditions, negated = _conditions(keys, findings)
    if not conditions and not negated:
        raise entry.error(f"{what}: no operator such as mustBe")
    quality = _Quality(what, of, entry, keys, base, unit == "percent", conditions, negated)
    if kind == "sql":
        _find_sql(quality, findings)
        return
    if metric is None:
        raise entry.error(f"{what}: no metric")
    if unit not in ("rows", "percent"):
        raise keys["unit"].refused(what, f"the unit {unit!r} is not known")
    if metric.text() not in _METRICS:
        raise metric.refused(what, f"the metric {metric.text()} is not known")
    _METRICS[metric.text()](quality, findings)


def _conditions(
    keys: Mapping[str, Entry], findings: Findings
) -> tuple[list[Condition], list[tuple[Condition, Condition]]]:
    """Returns what must hold, and pairs of which one must."""
    found = [
        Condition(sign, stored_value(keys[key]), keys[key])
        for key, sign in SIGNS.items()
        if key in keys
    ]
    negated = []
    for key in INTERVALS:
        if key not in keys:
            continue
        entry = keys[key]
        for item in entry.items():
            item.number()
            stored_value(item)  # which refuses what is not finite
        low, high = (item.number() for item in entry.items())
        if low > high:
            raise entry.error(f"{key}: {low} is greater than {high}")
        findings.notes.append(f"{entry.place}: {key} is taken with both of its ends")
        if key == "mustBeBetween":
            found += [Condition(">=", low, entry), Condition("<=", high, entry)]
        else:
            negated.append((Condition("<", low, entry), Condition(">", high, entry)))
    return found, negated


def _number(condition: Condition, *, most: Decimal | None = None) -> Decimal:
    value = condition.value
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise condition.entry.invalid("a number")
    number = Decimal(repr(value))
    if number < 0 or (most is not None and number > most) or number.adjusted() > 17:
        raise condition.entry.invalid("a number of rows" if most is None else "from 0 to 100")
    return number


def _whole(condition: Condition, what: str) -> int:
    number = _number(condition)
    if number != number.to_integral_value():
        raise condition.entry.refused(what, "a number of rows is whole")
    return int(number)


def _find_counted(quality: _Quality, rule: Rule, failing: str, *, findings: Findings) -> None:
    """Finds the checks of a metric that counts rows: of a kind of ours, or as SQL.

    Args:
        quality: The rule of quality.
        rule: The check whose failures are what the metric counts.
        failing: The condition on rows that it counts.
        findings: What was found so far.
    """
    table = quality.of.table
    if quality.is_percent:
        _find_share(quality, failing, findings)
        return
    if quality.negated:
        raise quality.entry.refused(quality.what, "mustNotBeBetween is not known for counts")
    for condition in _needed(quality.conditions, quality.what):
        limit = f"{_OPPOSITE[condition.sign]} {_whole(condition, quality.what)}"
        limit = "!= 0" if limit in ("!= 0", "> 0", ">= 1") else limit
        one = replace(rule, severity=quality.base.severity, error_if=limit, warn_if=limit)
        if "name" in quality.keys:
            one = replace(one, suggested=quality.base.suggested)
        findings.add(table, one, quality.entry)


def _needed(conditions: Sequence[Condition], what: str) -> Sequence[Condition]:
    """Returns conditions without those that any number of rows meets; all, if all are such."""
    needed = [c for c in conditions if not (c.sign == ">=" and _whole(c, what) == 0)]
    return needed or conditions


def _find_share(quality: _Quality, failing: str, findings: Findings) -> None:
    """Finds the check of a share of rows in percent; that of no rows is 0."""
    parts = [_share(c, failing) for c in quality.conditions]
    parts += [
        f"({_share(low, failing)} OR {_share(high, failing)})" for low, high in quality.negated
    ]
    sql = (
        f"SELECT count(*) FILTER (WHERE {failing}) AS failing, count(*) AS rows "
        f"FROM {quality.of.table.sql} HAVING NOT ({' AND '.join(parts)})"
    )
    suggested = f"{quality.base.suggested}_percent"
    findings.add(
        quality.of.table,
        replace(quality.base, parameters={"sql": sql}, suggested=suggested),
        quality.entry,
    )


def _share(condition: Condition, failing: str) -> str:
    """Returns the condition on a share without dividing, so that nothing is rounded."""
    number = _number(condition, most=Decimal(100))
    if number.as_tuple().exponent not in range(-9, 4):
        raise condition.entry.invalid("a number with at most nine decimals")
    of_none = _HOLDS[condition.sign](Decimal(0), number)
    compared = f"100 * count(*) FILTER (WHERE {failing}) {condition.sign} {number:f} * count(*)"
    return f"(count(*) = 0 OR {compared})" if of_none else f"(count(*) > 0 AND {compared})"


def _null_values(quality: _Quality, findings: Findings) -> None:
    quality.arguments()
    column = quality.column()
    failing = f"{identifier(column)} IS NULL"
    _find_counted(quality, Rule(CheckKind.NOT_NULL, (column,)), failing, findings=findings)


def _missing_values(quality: _Quality, findings: Findings) -> None:
    arguments, column = quality.arguments("missingValues"), quality.column()
    if "missingValues" not in arguments:
        raise quality.entry.error(f"{quality.what}: the argument missingValues is missing")
    items = arguments["missingValues"].items("a list of values")
    if not items:
        raise arguments["missingValues"].error(f"{quality.what}: missingValues is empty")
    values = [one for one in items if not one.is_empty]
    if not values:
        keys = {key: one for key, one in quality.keys.items() if key != "arguments"}
        _null_values(replace(quality, keys=keys), findings)
        return
    parts = [f"{identifier(column)} IS NULL"] if len(values) < len(items) else []
    parts.append(_is_one_of(quality, column, values))
    _find_rows(quality, " OR ".join(parts), findings)


def _invalid_values(quality: _Quality, findings: Findings) -> None:
    arguments, column = quality.arguments("validValues", "pattern"), quality.column()
    if "pattern" in arguments:
        raise arguments["pattern"].refused(
            quality.what, "regular expressions of the standard are not those of the engine"
        )
    if "validValues" not in arguments:
        raise quality.entry.error(f"{quality.what}: the argument validValues is missing")
    items = arguments["validValues"].items("a list of values")
    values = [one for one in items if not one.is_empty]
    if not values:
        raise arguments["validValues"].error(f"{quality.what}: validValues is empty")
    if not quality.is_percent and not quality.negated and all(map(_is_none, quality.conditions)):
        accepted = {"values": [stored_value(one) for one in values]}
        rule = Rule(CheckKind.ACCEPTED_VALUES, (column,), accepted)
        _find_counted(quality, rule, "", findings=findings)
        return
    # the metric counts rows, and accepted_values values
    name = identifier(column)
    failing = f"{name} IS NOT NULL AND NOT ({_is_one_of(quality, column, values)})"
    _find_rows(quality, failing, findings)


def _find_rows(quality: _Quality, failing: str, findings: Findings) -> None:
    """Finds the check of a metric that counts rows that meet a condition."""
    sql = f"SELECT * FROM {quality.of.table.sql} WHERE {failing}"
    rule = Rule(CheckKind.SQL, (), {"sql": sql}, suggested=quality.base.suggested)
    _find_counted(quality, rule, failing, findings=findings)


def _is_one_of(quality: _Quality, column: str, items: Sequence[Entry]) -> str:
    """Returns the condition that a column has one of some values; never NULL but for NULL.

    A text is compared with the text of the value, so that one that is none of the type is no error.
    """
    name, kind = identifier(column), quality.of.table.columns[column]
    texts: list[str] = []
    numbers: list[str] = []
    for item in items:
        value = stored_value(item)
        if isinstance(value, str):
            texts.append(literal(value))
        elif isinstance(value, bool):
            texts.append(literal(str(value).lower()))
        elif isinstance(value, int | float):
            number = f"{Decimal(repr(value)):f}"
            is_text = isinstance(kind, Scalar) and kind.type_class is TypeClass.TEXT
            (texts if is_text else numbers).append(literal(number) if is_text else number)
        else:
            raise item.invalid("a text or a number")
    parts = [f"CAST({name} AS VARCHAR) IN ({', '.join(texts)})"] if texts else []
    parts += [f"{name} IN ({', '.join(numbers)})"] if numbers else []
    return " OR ".join(parts)


def _duplicate_values(quality: _Quality, findings: Findings) -> None:
    """Finds the check that values are there once; counted are values, as Soda and dbt do."""
    arguments = quality.arguments("properties")
    if quality.of.column:
        columns: tuple[str, ...] = (quality.of.column,)
    elif "properties" in arguments:
        names = arguments["properties"].texts()
        for name in names:
            if name not in quality.of.columns:
                raise arguments["properties"].error(
                    f"{quality.what}: {quality.of.object} has no property {name!r}"
                )
        columns = tuple(quality.of.columns[name] for name in names)
    else:
        raise quality.entry.error(f"{quality.what}: the argument properties is missing")
    if quality.is_percent:
        if not all(_is_none(condition) for condition in quality.conditions) or quality.negated:
            raise quality.entry.refused(
                quality.what, "the standard does not say what is the share of duplicates"
            )
        quality = replace(quality, is_percent=False)
    _find_counted(quality, Rule(CheckKind.UNIQUE, columns), "", findings=findings)


def _is_none(condition: Condition) -> bool:
    """Returns whether a condition on a number of rows, or on a share, means that it is 0."""
    return condition.value == 0 and condition.sign in ("=", "<=")


def _row_count(quality: _Quality, findings: Findings) -> None:
    quality.arguments()
    if quality.of.column:
        raise quality.entry.error(f"{quality.what}: it must be a rule about the object")
    if quality.is_percent:
        raise quality.entry.refused(quality.what, "a number of rows has no share")
    bounds: dict[str, object] = {}
    least, most = 0, None
    for condition in quality.conditions:
        if condition.sign == "<>":
            continue
        number = _whole(condition, quality.what)
        if condition.sign in ("=", ">", ">="):
            least = max(least, number + (condition.sign == ">"))
        if condition.sign in ("=", "<", "<="):
            highest = number - (condition.sign == "<")
            most = highest if most is None else min(most, highest)
    if most is not None and most < least:
        raise quality.entry.error(f"{quality.what}: no number of rows is both")
    if least:
        bounds["min"] = least
    if most is not None:
        bounds["max"] = most
    others = [c for c in quality.conditions if c.sign == "<>"]
    parts = [f"count(*) = {_whole(one, quality.what)}" for one in others]
    parts += [
        f"count(*) BETWEEN {_whole(low, quality.what)} AND {_whole(high, quality.what)}"
        for low, high in quality.negated
    ]
    if bounds or not parts:
        suggested = quality.base.suggested if "name" in quality.keys else ""
        rule = Rule(CheckKind.ROW_COUNT, (), bounds or {"min": 0}, suggested=suggested)
        rule = replace(rule, severity=quality.base.severity)
        findings.add(quality.of.table, rule, quality.entry)
    if parts:
        sql = f"SELECT count(*) AS rows FROM {quality.of.table.sql} HAVING {' OR '.join(parts)}"
        rule = replace(quality.base, parameters={"sql": sql})
        findings.add(quality.of.table, rule, quality.entry)


_METRICS: Mapping[str, Callable[[_Quality, Findings], None]] = {
    "nullValues": _null_values,
    "missingValues": _missing_values,
    "invalidValues": _invalid_values,
    "duplicateValues": _duplicate_values,
    "rowCount": _row_count,
}


def _find_sql(quality: _Quality, findings: Findings) -> None:
    """Finds the check that the value of a query meets conditions; no value meets none."""
    if quality.is_percent:
        raise quality.keys["unit"].refused(quality.what, "a query has no unit")
    if "query" not in quality.keys:
        raise quality.entry.error(f"{quality.what}: no query")
    entry, of = quality.keys["query"], quality.of
    names = {"object": of.table.sql, "table": of.table.sql}
    if of.column:
        names |= {"property": identifier(of.column), "column": identifier(of.column)}
    query = entry.text().strip().rstrip(";").rstrip()

    def replaced(found: re.Match[str]) -> str:
        if found[1] not in names:
            raise entry.refused(quality.what, f"{found[0]} stands for no property here")
        return names[found[1]]

    query = _VARIABLE.sub(replaced, query)
    other = _OTHER_VARIABLE.search(query)
    if other is not None:
        raise entry.refused(quality.what, f"nobody says what {other[0]} stands for")
    parts = [f"value {c.sign} {_constant(c)}" for c in quality.conditions]
    parts += [
        f"(value {low.sign} {_constant(low)} OR value {high.sign} {_constant(high)})"
        for low, high in quality.negated
    ]
    sql = (
        f"SELECT value FROM (SELECT (\n{query}\n) AS value) AS q "
        f"WHERE NOT coalesce({' AND '.join(parts)}, false)"
    )
    findings.add(of.table, replace(quality.base, parameters={"sql": sql}), quality.entry)


def _constant(condition: Condition) -> str:
    value = condition.value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) or (isinstance(value, float) and math.isfinite(value)):
        return f"{Decimal(repr(value)):f}"
    if isinstance(value, str):
        return literal(value)
    raise condition.entry.invalid("a number, a text, true or false")
