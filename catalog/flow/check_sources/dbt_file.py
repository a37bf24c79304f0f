"""dbt's properties files: the tests, constraints and freshness that a ``schema.yml`` states."""

import re
from collections.abc import Mapping, Sequence

from catalog.dataclasses import dataclass
from catalog.flow.check_sources.dbt_tests import TestContext, find_test, referenced, test_name
from catalog.flow.check_sources.entry import Entry
from catalog.flow.check_sources.findings import Findings, Rule, column_of
from catalog.flow.check_sources.known import KnownTable
from catalog.model.checks import CheckKind, Severity

NODES = ("models", "seeds", "snapshots")
"""Sections whose members are tables."""

OTHER_SECTIONS = (
    "version",
    "analyses",
    "anchors",
    "exposures",
    "functions",
    "groups",
    "macros",
    "metrics",
    "saved_queries",
    "semantic_models",
)
"""Sections that say nothing about rows of tables."""

TESTS = ("data_tests", "tests")

NODE_KEYS = (
    "name",
    "description",
    "docs",
    "config",
    "columns",
    "constraints",
    *TESTS,
    "access",
    "agg_time_dimension",
    "derived_semantics",
    "deprecation_date",
    "group",
    "latest_version",
    "meta",
    "metrics",
    "primary_entity",
    "semantic_model",
    "tags",
    "time_spine",
    "versions",
)

SOURCE_KEYS = (
    "name",
    "description",
    "config",
    "tables",
    *TESTS,
    "database",
    "freshness",
    "loaded_at_field",
    "loaded_at_query",
    "loader",
    "meta",
    "overrides",
    "quoting",
    "schema",
    "tags",
)

TABLE_KEYS = (
    "name",
    "description",
    "config",
    "columns",
    *TESTS,
    "external",
    "freshness",
    "identifier",
    "loaded_at_field",
    "loaded_at_query",
    "loader",
    "meta",
    "quoting",
    "tags",
)

COLUMN_KEYS = (
    "name",
    "description",
    "config",
    "constraints",
    *TESTS,
    "data_type",
    "dimension",
    "docs",
    "entity",
    "granularity",
    "identifier",
    "meta",
    "policy_tags",
    "quote",
    "tags",
)

UNITS = {"minute": "minutes", "hour": "hours", "day": "days"}


@dataclass(frozen=True, slots=True)
class _Owner:
    """What tests and columns belong to: a model, a seed, a snapshot, a table of a source."""

    what: str
    entry: Entry
    table: KnownTable


def find_dbt_checks(document: Entry, findings: Findings) -> None:
    """Finds the checks of a properties file of dbt."""
    sections = document.mapping()
    findings.check_keys(
        document, (*NODES, "sources", "unit_tests", *TESTS, *OTHER_SECTIONS), "the file"
    )
    version = sections.get("version")
    if version is not None and version.value != 2:
        findings.errors.append(version.invalid("2"))
    for section in NODES:
        for entry in _items(sections, section, findings):
            with findings.collected():
                _find_node(entry, section.removesuffix("s"), findings)
    for entry in _items(sections, "sources", findings):
        with findings.collected():
            _find_source(entry, findings)
    for section in ("unit_tests", *TESTS):
        for entry in _items(sections, section, findings):
            with findings.collected():
                name = _name(entry)
                if section == "unit_tests":
                    raise entry.refused(f"unit test {name}", "it tests a model, not its rows")
                raise entry.refused(f"test {name}", "its SQL is in a file of its own")


def _items(keys: Mapping[str, Entry], key: str, findings: Findings) -> Sequence[Entry]:
    with findings.collected():
        return keys[key].items() if key in keys else ()
    return ()


def _name(entry: Entry) -> str:
    keys = entry.mapping()
    if "name" not in keys:
        raise entry.error("no name")
    return keys["name"].text()


def _setting(keys: Mapping[str, Entry], name: str) -> Entry | None:
    """Returns a setting, which may stand in a block ``config`` or beside it."""
    inner = keys["config"].mapping().get(name) if "config" in keys else None
    return inner if inner is not None else keys.get(name)


def _is_disabled(keys: Mapping[str, Entry], what: str, findings: Findings) -> bool:
    """Returns whether something is switched off, as dbt would."""
    enabled = _setting(keys, "enabled")
    if enabled is None or enabled.boolean():
        return False
    findings.notes.append(f"{enabled.place}: {what} is disabled, so are its tests")
    return True


def _find_node(entry: Entry, section: str, findings: Findings) -> None:
    name = _name(entry)
    what = f"{section} {name}"
    findings.check_keys(entry, NODE_KEYS, what)
    keys = entry.mapping()
    if _is_disabled(keys, what, findings):
        return
    if "versions" in keys and not keys["versions"].is_empty:
        raise keys["versions"].refused(what, "versions of a model are not known here")
    names = [name]
    alias, schema = _setting(keys, "alias"), _setting(keys, "schema")
    for setting in (alias, schema):
        if setting is not None and "{{" in setting.text():
            raise setting.refused(what, "Jinja is not evaluated")
    if alias is not None:
        names.insert(0, alias.text())
    if schema is not None:
        names = [f"{schema.text()}.{one}" for one in names] + names
    _find_owner(entry, what, names, findings=findings)


def _find_owner(entry: Entry, what: str, names: Sequence[str], *, findings: Findings) -> None:
    """Finds the checks of something with columns, tests and constraints."""
    keys = entry.mapping()
    if not _has_rules(keys):
        return
    table = findings.table(entry, what, *names)
    if table is None:
        return
    owner = _Owner(what, entry, table)
    for test in _tests(keys, what, findings):
        with findings.collected():
            find_test(test, TestContext(table, what, ""), findings)
    for constraint in _items(keys, "constraints", findings):
        with findings.collected():
            _find_constraint(constraint, owner, "", findings=findings)
    for column in _items(keys, "columns", findings):
        with findings.collected():
            _find_column(column, owner, findings)


def _has_rules(keys: Mapping[str, Entry]) -> bool:
    """Returns whether a table or one of its columns has tests or constraints."""
    columns = keys["columns"].value if "columns" in keys else ()
    inner = [one.value for one in columns] if isinstance(columns, tuple) else [columns]
    return any(
        key in one and not one[key].is_empty
        for one in (keys, *inner)
        if isinstance(one, Mapping)
        for key in (*TESTS, "constraints")
    ) or not isinstance(columns, tuple | None)


def _tests(keys: Mapping[str, Entry], what: str, findings: Findings) -> Sequence[Entry]:
    given = [keys[key] for key in TESTS if key in keys and not keys[key].is_empty]
    if len(given) > 1:
        findings.errors.append(given[1].error(f"{what} has both tests and data_tests"))
        return ()
    with findings.collected():
        return given[0].items("a list of tests") if given else ()
    return ()


def _find_column(entry: Entry, owner: _Owner, findings: Findings) -> None:
    name = _name(entry)
    what = f"column {name} of {owner.what}"
    findings.check_keys(entry, COLUMN_KEYS, what)
    keys = entry.mapping()
    tests = _tests(keys, what, findings)
    constraints = _items(keys, "constraints", findings)
    if not tests and not constraints:
        return
    named = ", ".join(filter(None, map(test_name, tests))) or "constraints"
    column_of(owner.table, name, entry, what=f"{named} of {owner.what}")
    for test in tests:
        with findings.collected():
            find_test(test, TestContext(owner.table, owner.what, name), findings)
    for constraint in constraints:
        with findings.collected():
            _find_constraint(constraint, owner, name, findings=findings)


CONSTRAINT_KEYS = (
    "type",
    "name",
    "expression",
    "columns",
    "to",
    "to_columns",
    "warn_unenforced",
    "warn_unsupported",
)


def _find_constraint(entry: Entry, owner: _Owner, column: str, *, findings: Findings) -> None:
    """Finds the checks that say what a constraint does, which data in files cannot have."""
    keys = entry.mapping("a constraint")
    if "type" not in keys:
        raise entry.error(f"a constraint of {owner.what} has no type")
    kind = keys["type"].text().lower()
    at = f"column {column} of {owner.what}" if column else owner.what
    what = f"constraint {kind} of {at}"
    findings.check_keys(entry, CONSTRAINT_KEYS, what)
    columns = keys["columns"].texts() if "columns" in keys else ((column,) if column else ())
    name = keys["name"].text() if "name" in keys else ""
    expression = keys["expression"].text() if "expression" in keys else ""
    if kind == "check" and expression and "{{" not in expression:
        query = f"SELECT * FROM {owner.table.sql} WHERE NOT (\n{expression}\n)"
        rule = Rule(CheckKind.SQL, (), {"sql": query}, name, "_".join(("check", *columns)))
        findings.add(owner.table, rule, entry)
        return
    if kind not in ("not_null", "unique", "primary_key", "foreign_key") or expression:
        reason = "no check means the same" if not expression else "it has an expression of its own"
        raise entry.refused(what, reason)
    if not columns:
        raise entry.error(f"{what} names no columns")
    if kind == "foreign_key":
        _find_foreign_key(entry, owner, columns, findings=findings)
        return
    if kind in ("not_null", "primary_key"):
        for one in columns:
            own = name if kind == "not_null" and len(columns) == 1 else ""
            findings.add(owner.table, Rule(CheckKind.NOT_NULL, (one,), name=own), entry)
    if kind in ("unique", "primary_key"):
        findings.add(owner.table, Rule(CheckKind.UNIQUE, columns, name=name), entry)


def _find_foreign_key(
    entry: Entry, owner: _Owner, columns: tuple[str, ...], *, findings: Findings
) -> None:
    keys = entry.mapping()
    what = f"constraint foreign_key of {owner.what}"
    if "to" not in keys or "to_columns" not in keys:
        raise entry.refused(what, "it does not say to which table and column")
    to_columns = keys["to_columns"].texts()
    if len(columns) != len(to_columns):
        raise entry.error(f"{what}: {len(columns)} columns cannot match {len(to_columns)}")
    to = referenced(keys["to"], what, findings)
    if to is None:
        return
    fields = [column_of(to, one, keys["to_columns"], what=what) for one in to_columns]
    name = keys["name"].text() if "name" in keys else ""
    parameters = {"to": to.name, "field": fields[0] if len(fields) == 1 else fields}
    findings.add(owner.table, Rule(CheckKind.RELATIONSHIPS, columns, parameters, name), entry)


def _find_source(entry: Entry, findings: Findings) -> None:
    name = _name(entry)
    what = f"source {name}"
    findings.check_keys(entry, SOURCE_KEYS, what)
    keys = entry.mapping()
    if _is_disabled(keys, what, findings):
        return
    for test in _tests(keys, what, findings):
        findings.refused.append(f"{test.place}: {what}: a test of a source is about no table")
    schema = keys["schema"].text() if "schema" in keys else name
    for table in _items(keys, "tables", findings):
        with findings.collected():
            _find_source_table(table, (name, schema), above=keys, findings=findings)


def _find_source_table(
    entry: Entry, schemas: tuple[str, str], *, above: Mapping[str, Entry], findings: Findings
) -> None:
    name = _name(entry)
    what = f"source {schemas[0]}.{name}"
    findings.check_keys(entry, TABLE_KEYS, what)
    keys = entry.mapping()
    if _is_disabled(keys, what, findings):
        return
    identifier = keys["identifier"].text() if "identifier" in keys else name
    names = [f"{schemas[0]}.{name}"]
    names += [f"{schema}.{identifier}" for schema in schemas if "{{" not in schema]
    names = list(dict.fromkeys((*names, identifier, name)))
    _find_owner(entry, what, names, findings=findings)
    with findings.collected():
        _find_freshness(entry, what, names, above=above, findings=findings)


def _find_freshness(
    entry: Entry,
    what: str,
    names: Sequence[str],
    *,
    above: Mapping[str, Entry],
    findings: Findings,
) -> None:
    """Finds how old the rows of a source may be: an error, a warning, or both."""
    keys = entry.mapping()
    outer, inner = _setting(above, "freshness"), _setting(keys, "freshness")
    if inner is not None and inner.is_empty:  # null switches it off
        return
    limits: dict[str, Entry] = {}
    for one in (outer, inner):
        if one is not None:
            findings.check_keys(
                one, ("warn_after", "error_after", "filter"), f"freshness of {what}"
            )
            limits |= one.mapping()
    limits = {key: one for key, one in limits.items() if not one.is_empty}
    if not any(key in limits for key in ("warn_after", "error_after")):
        return
    place = inner if inner is not None else outer
    assert place is not None, "one of them has limits"
    label = f"freshness of {what}"
    field = _setting(keys, "loaded_at_field") or _setting(above, "loaded_at_field")
    query = _setting(keys, "loaded_at_query") or _setting(above, "loaded_at_query")
    if query is not None or field is None:
        raise place.refused(label, "no loaded_at_field names the column that tells the time")
    table = findings.tables.find(*names)
    if table is None:
        if not _has_rules(keys):
            findings.table(entry, what, *names)
        return
    if not _PLAIN.fullmatch(field.text()):
        raise field.refused(label, "loaded_at_field must be a column, not an expression")
    where = limits["filter"].text() if "filter" in limits else ""
    if "{{" in where:
        raise limits["filter"].refused(label, "Jinja is not evaluated")
    for key, severity in (("error_after", Severity.ERROR), ("warn_after", Severity.WARN)):
        if key in limits:
            rule = Rule(
                CheckKind.FRESHNESS,
                (field.text().strip('"'),),
                {"max_age": _age(limits[key], label)},
                suggested="freshness" if severity is Severity.ERROR else "freshness_warn",
                where=where,
                severity=severity,
            )
            findings.add(table, rule, place)


_PLAIN = re.compile(r'[A-Za-z_][A-Za-z0-9_]*|"[^"]+"')


def _age(entry: Entry, label: str) -> str:
    keys = entry.mapping("a count and a period")
    unknown = [key for key in keys if key not in ("count", "period")]
    if unknown or len(keys) < 2:
        raise entry.error(f"{label}: write count and period")
    count, period = keys["count"].number(), keys["period"].text()
    if period not in UNITS:
        raise keys["period"].invalid("minute, hour or day")
    if not isinstance(count, int) or count < 0:
        raise keys["count"].invalid("a whole number")
    return f"{count} {UNITS[period]}"
