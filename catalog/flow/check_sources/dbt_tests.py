"""Generic tests of dbt as checks: those whose meaning is exactly that of a check, and no others."""

import re
from collections.abc import Callable, Mapping

from catalog.dataclasses import dataclass, replace
from catalog.engine.quoting import identifier, literal
from catalog.flow.check_sources.entry import Entry
from catalog.flow.check_sources.findings import Findings, Rule, column_of, suggested_name
from catalog.flow.check_sources.known import KnownTable
from catalog.flow.check_sources.values import stored_value
from catalog.model.checks import CheckKind, Severity

CONFIG_KEYS = (
    "alias",
    "database",
    "enabled",
    "error_if",
    "fail_calc",
    "group",
    "limit",
    "meta",
    "schema",
    "severity",
    "sql_header",
    "store_failures",
    "store_failures_as",
    "tags",
    "warn_if",
    "where",
)
"""Settings of a test, in its block ``config`` or beside its arguments."""

RESERVED = ("name", "test_name", "description", "docs", "config", "arguments", "column_name")
"""Keys of a test that are no arguments."""

_REFERENCE = re.compile(
    r"(?:\{\{)?\s*(ref|source)\s*\(\s*(?:'([^'\"]*)'|\"([^'\"]*)\")\s*"
    r"(?:,\s*(?:'([^'\"]*)'|\"([^'\"]*)\")\s*)?\)\s*(?:\}\})?"
)

_COLUMN = re.compile(r'[A-Za-z_][A-Za-z0-9_]*|"[^"]+"')


@dataclass(frozen=True, slots=True)
class TestContext:
    """What a test belongs to.

    Attributes:
        table: The table.
        owner: What it is called in the file: ``model orders``.
        column: The column; empty for a test of the table.
    """

    table: KnownTable
    owner: str
    column: str


@dataclass(frozen=True, slots=True)
class _Test:
    """A test: its kind, its arguments, and what it belongs to."""

    kind: str
    name: str
    arguments: Mapping[str, Entry]
    config: Mapping[str, Entry]
    entry: Entry
    at: TestContext

    @property
    def what(self) -> str:
        """Returns what it is called in messages."""
        column = f"column {self.at.column} of " if self.at.column else ""
        return f"test {self.name or self.kind} of {column}{self.at.owner}"

    def column(self) -> str:
        """Returns the column that it is about.

        Raises:
            InvalidInput: It is about none.
        """
        if not self.at.column:
            raise self.entry.error(f"{self.what}: it has to be a test of a column")
        return self.at.column

    def only(self, *known: str) -> None:
        """Refuses arguments other than some.

        Raises:
            RuleRefusedError: There are.
        """
        for key, entry in self.arguments.items():
            if key not in known:
                raise entry.refused(self.what, f"the argument {key} is not known")

    def required(self, key: str) -> Entry:
        """Returns an argument.

        Raises:
            InvalidInput: It is missing.
        """
        if key not in self.arguments:
            raise self.entry.error(f"{self.what}: the argument {key} is missing")
        return self.arguments[key]


def find_test(entry: Entry, at: TestContext, findings: Findings) -> None:
    """Finds the check that means what a test does.

    Raises:
        RuleRefusedError: None does.
        InvalidInput: The test is not valid.
    """
    test = _parsed(entry, at)
    enabled = test.config.get("enabled")
    if enabled is not None and not _evaluated(enabled, test).boolean():
        findings.notes.append(f"{entry.place}: {test.what} is disabled")
        return
    kind = test.kind.removeprefix("dbt.")
    make = _KINDS.get(kind)
    if make is None:
        raise entry.refused(test.what, "no check means the same")
    rule = make(test, findings)
    if rule is not None:
        findings.add(at.table, _configured(rule, test), entry)


def test_name(entry: Entry) -> str:
    """Returns what a test is called, for messages; empty if nobody can say."""
    value = entry.value
    if isinstance(value, dict):
        given = value.get("name", value.get("test_name"))
        value = next(iter(value), "") if given is None else given.value
    return value if isinstance(value, str) else ""


def _parsed(entry: Entry, at: TestContext) -> _Test:
    """Reads a test: its name alone, a mapping under its name, or one with ``test_name``."""
    if isinstance(entry.value, str):
        return _Test(entry.text(), "", {}, {}, entry, at)
    keys = entry.mapping("the name of a test, or a mapping")
    if "test_name" in keys:
        kind, body = keys["test_name"].text(), keys
    elif len(keys) == 1:
        (kind, inner), *_ = keys.items()
        body = inner.mapping("arguments of the test")
    else:
        listed = ", ".join(keys) or "nothing"
        raise entry.error(
            f"a test of {at.owner} must be one name with all else below it, not {listed}"
        )
    config: dict[str, Entry] = {}
    if "config" in body:
        config |= body["config"].mapping()
        for key, one in config.items():
            if key not in CONFIG_KEYS:
                raise one.error(f"test {kind} of {at.owner}: unknown setting {key!r}")
    arguments: dict[str, Entry] = {}
    if "arguments" in body:
        arguments |= body["arguments"].mapping()
    for key, one in body.items():
        if key in RESERVED:
            continue
        target = config if key in CONFIG_KEYS else arguments
        if key in target:
            raise one.error(f"test {kind} of {at.owner}: {key} is there twice")
        target[key] = one
    name = body["name"].text() if "name" in body else ""
    column = body.get("column_name", arguments.pop("column_name", None))
    if column is not None:
        if at.column and column.text() != at.column:
            raise column.error(f"test {kind} of {at.owner}: it is a test of column {at.column}")
        if not _COLUMN.fullmatch(column.text()):
            raise column.refused(f"test {kind} of {at.owner}", "column_name is an expression")
        at = replace(at, column=column.text().strip('"'))
    return _Test(kind, name, arguments, config, entry, at)


def _evaluated(entry: Entry, test: _Test) -> Entry:
    """Returns a setting that says what it means, and not what Jinja makes of it."""
    if isinstance(entry.value, str) and ("{{" in entry.value or "{%" in entry.value):
        raise entry.refused(test.what, "Jinja is not evaluated")
    return entry


def _configured(rule: Rule, test: _Test) -> Rule:
    """Returns a rule with the settings of its test."""
    config = {key: _evaluated(one, test) for key, one in test.config.items() if not one.is_empty}
    severity = "error"
    if "severity" in config:
        severity = config["severity"].text().lower()
        if severity not in list(Severity):
            raise config["severity"].invalid("error or warn")
    if "limit" in config:
        raise config["limit"].refused(test.what, "limit hides failures that are to be counted")
    if "fail_calc" in config and config["fail_calc"].value != "count(*)":
        raise config["fail_calc"].refused(test.what, "failures are counted, not calculated")
    if "sql_header" in config:
        raise config["sql_header"].refused(test.what, "statements before a test are not run")
    where = config["where"].text() if "where" in config else ""
    if rule.kind is CheckKind.SQL:
        where = ""  # it is in the SQL already
    if where and rule.where:
        where = f"({rule.where}) AND ({where})"
    return replace(
        rule,
        name=test.name,
        severity=Severity(severity),
        where=where or rule.where,
        error_if=config["error_if"].text() if "error_if" in config else "!= 0",
        warn_if=config["warn_if"].text() if "warn_if" in config else "!= 0",
    )


def referenced(entry: Entry, what: str, findings: Findings) -> KnownTable | None:
    """Returns the table that ``ref('x')`` or ``source('a', 'b')`` means.

    Raises:
        RuleRefusedError: It is something else.
    """
    found = _REFERENCE.fullmatch(entry.text().strip())
    if found is None:
        raise entry.refused(
            what, f"{entry.shown} is not understood, only ref('x') and source('a', 'b')"
        )
    first, second = found[2] or found[3], found[4] or found[5]
    if found[1] == "ref" and second is not None:
        raise entry.refused(what, "a model of another package is not known here")
    if not first or (found[1] == "source" and not second):
        raise entry.error(f"{what}: {entry.shown} names no table")
    names = (first,) if found[1] == "ref" else (f"{first}.{second}", str(second))
    return findings.table(entry, what, *names)


def _not_null(test: _Test, findings: Findings) -> Rule:
    test.only()
    return Rule(CheckKind.NOT_NULL, (test.column(),))


def _unique(test: _Test, findings: Findings) -> Rule:
    test.only()
    return Rule(CheckKind.UNIQUE, (test.column(),))


def _accepted_values(test: _Test, findings: Findings) -> Rule:
    test.only("values", "quote")
    return Rule(CheckKind.ACCEPTED_VALUES, (test.column(),), {"values": _values(test)})


def _values(test: _Test) -> list[object]:
    """Returns the values of a test; those of ``quote: false`` are SQL unless they are numbers."""
    quote = test.arguments.get("quote")
    quoted = quote is None or _evaluated(quote, test).boolean()
    values = []
    for item in test.required("values").items("a list of values"):
        value = stored_value(_evaluated(item, test))
        if value is None or isinstance(value, dict | list):
            raise item.invalid("a text or a number")
        if isinstance(value, str) and not quoted:
            raise item.refused(test.what, f"{item.shown} with quote: false is SQL, not a value")
        values.append(value)
    if not values:
        raise test.required("values").error(f"{test.what}: values is empty")
    return values


def _relationships(test: _Test, findings: Findings) -> Rule | None:
    test.only("to", "field")
    return _relationship(test, findings)


def _relationship(test: _Test, findings: Findings, where: str = "") -> Rule | None:
    field = test.required("field")
    to = referenced(test.required("to"), test.what, findings)
    if to is None:
        return None
    if not _COLUMN.fullmatch(field.text()):
        raise field.refused(test.what, "field is an expression")
    column = column_of(to, field.text().strip('"'), field, what=test.what)
    parameters = {"to": to.name, "field": column}
    return Rule(CheckKind.RELATIONSHIPS, (test.column(),), parameters, where=where)


_ALWAYS = re.compile(r"\s*1\s*=\s*1\s*")


def _relationships_where(test: _Test, findings: Findings) -> Rule | None:
    test.only("to", "field", "from_condition", "to_condition")
    to_condition = test.arguments.get("to_condition")
    if to_condition is not None and not _ALWAYS.fullmatch(to_condition.text()):
        raise to_condition.refused(test.what, "a check has no condition on the other table")
    condition = test.arguments.get("from_condition")
    where = "" if condition is None else _evaluated(condition, test).text()
    return _relationship(test, findings, "" if _ALWAYS.fullmatch(where) else where)


def _accepted_range(test: _Test, findings: Findings) -> Rule:
    test.only("min_value", "max_value", "inclusive")
    bounds = {}
    for key, name in (("min_value", "min"), ("max_value", "max")):
        entry = test.arguments.get(key)
        if entry is not None and not entry.is_empty:
            bounds[name] = _bound(_evaluated(entry, test), test)
    if not bounds:
        raise test.entry.error(f"{test.what}: neither min_value nor max_value")
    inclusive = test.arguments.get("inclusive")
    if inclusive is not None and not inclusive.boolean():
        bounds["inclusive"] = False
    return Rule(CheckKind.RANGE, (test.column(),), bounds)


_SQL_TEXT = re.compile(r"(?:DATE\s*|TIMESTAMP\s*)?'([^']*)'", re.IGNORECASE)
_SQL_NUMBER = re.compile(r"\s*([+-]?[0-9]+)(\.[0-9]+)?\s*")


def _bound(entry: Entry, test: _Test) -> object:
    """Returns a bound, which dbt pastes into SQL: so ``'2024-01-01'`` has quotes of its own."""
    value = stored_value(entry)
    if isinstance(value, str) and isinstance(entry.value, str):
        if (text := _SQL_TEXT.fullmatch(value.strip())) is not None:
            return text[1]
        if (number := _SQL_NUMBER.fullmatch(value)) is not None:
            return float(value) if number[2] else int(value)
        raise entry.refused(test.what, f"{entry.shown} is an expression, not a value")
    if isinstance(value, str):  # a date of YAML's, which dbt would paste without quotes
        raise entry.invalid("a number, or a date in quotes: \"'2024-01-01'\"")
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise entry.invalid("a number")
    return value


def _sql(test: _Test, query: str, suggested: str) -> Rule:
    """Returns a rule of the kind ``sql``, with the test's condition where it reads the table."""
    return Rule(CheckKind.SQL, (), {"sql": query}, suggested=suggested)


def _source_sql(test: _Test) -> str:
    """Returns the table with the condition of a test, as dbt puts it into its SQL."""
    where = test.config.get("where")
    if where is None or where.is_empty:
        return test.at.table.sql
    return f"(SELECT * FROM {test.at.table.sql} WHERE (\n{_evaluated(where, test).text()}\n)) AS t"


def _unique_combination(test: _Test, findings: Findings) -> Rule:
    """Returns the rule that rows differ in some columns; NULLs are equal here, unlike in unique."""
    test.only("combination_of_columns", "quote_columns")
    listed = test.required("combination_of_columns")
    names = [
        column_of(test.at.table, item.text().strip('"'), item, what=test.what)
        for item in listed.items("a list of columns")
    ]
    if not names:
        raise listed.error(f"{test.what}: combination_of_columns is empty")
    columns = ", ".join(map(identifier, names))
    query = f"SELECT {columns} FROM {_source_sql(test)} GROUP BY {columns} HAVING count(*) > 1"
    return _sql(test, query, suggested_name("unique_combination", names))


def _expression_is_true(test: _Test, findings: Findings) -> Rule:
    test.only("expression")
    expression = _evaluated(test.required("expression"), test).text()
    if test.at.column:
        column = column_of(test.at.table, test.at.column, test.entry, what=test.what)
        expression = f"{identifier(column)} {expression}"
    query = f"SELECT * FROM {_source_sql(test)} WHERE NOT (\n{expression}\n)"
    columns = (test.at.column,) if test.at.column else ()
    return _sql(test, query, suggested_name("expression_is_true", columns))


def _not_accepted_values(test: _Test, findings: Findings) -> Rule:
    test.only("values", "quote")
    column = column_of(test.at.table, test.column(), test.entry, what=test.what)
    values = ", ".join(literal(str(value)) for value in _values(test))
    name = identifier(column)
    query = f"SELECT DISTINCT {name} FROM {_source_sql(test)} WHERE {name} IN ({values})"
    return _sql(test, query, suggested_name("not_accepted_values", (column,)))


_KINDS: Mapping[str, Callable[[_Test, Findings], Rule | None]] = {
    "not_null": _not_null,
    "unique": _unique,
    "accepted_values": _accepted_values,
    "relationships": _relationships,
    "dbt_utils.accepted_range": _accepted_range,
    "dbt_utils.unique_combination_of_columns": _unique_combination,
    "dbt_utils.expression_is_true": _expression_is_true,
    "dbt_utils.relationships_where": _relationships_where,
    "dbt_utils.not_accepted_values": _not_accepted_values,
}
"""What makes a check of a test, by the test's name."""
