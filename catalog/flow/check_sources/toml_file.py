"""Checks in ``parquetry.toml``: ``[checks.TABLE.NAME]``, or ``[[checks.TABLE]]`` without a name."""

import tomllib

from catalog.errors import ErrorKind, InvalidInput
from catalog.flow.check_sources.entry import Entry, entry_of
from catalog.flow.check_sources.findings import Findings, Rule
from catalog.flow.check_sources.values import stored_value
from catalog.model.checks import CheckKind, Severity

MAX_BYTES = 4 << 20
"""Longest file."""

SECTION = "checks"

COMMON = (
    "name",
    "kind",
    "column",
    "columns",
    "where",
    "severity",
    "error_if",
    "warn_if",
    "description",
)
"""Keys that a check of any kind may have; all others are parameters of its kind."""


def read_toml(text: str, file: str) -> Entry:
    """Reads TOML.

    Raises:
        InvalidInput: It is not valid.
    """
    if len(text) > MAX_BYTES:
        raise InvalidInput(
            f"{file} has more than {MAX_BYTES:,} characters", kind=ErrorKind.BAD_CHECK
        )
    try:
        return entry_of(file, "", tomllib.loads(text))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        problem = "it is nested too deeply" if isinstance(error, RecursionError) else error
        raise InvalidInput(
            f"{file}: not valid TOML: {problem}", kind=ErrorKind.BAD_CHECK
        ) from error


def find_toml_checks(document: Entry, findings: Findings) -> None:
    """Finds the checks of a configuration; its other sections say nothing about rows."""
    section = document.mapping().get(SECTION)
    if section is None:
        return
    with findings.collected():
        _find(section, (), findings)


def _find(entry: Entry, names: tuple[str, ...], findings: Findings) -> None:
    """Finds checks below ``[checks]``; ``[checks.sales.orders.paid]`` is of ``sales.orders``."""
    if isinstance(entry.value, tuple):
        for item in entry.items():
            with findings.collected():
                _check(item, names, "", findings=findings)
        return
    inner = entry.mapping(f"checks like [{SECTION}.TABLE.NAME]")
    is_check = "kind" in inner and not isinstance(inner["kind"].value, dict | tuple)
    if is_check:
        with findings.collected():
            _check(entry, names[:-1], names[-1] if names else "", findings=findings)
        return
    if len(names) > 1 and not all(isinstance(one.value, dict | tuple) for one in inner.values()):
        findings.errors.append(entry.error("no kind", hint=_kinds_hint()))
        return
    for key, one in inner.items():
        with findings.collected():
            _find(one, (*names, key), findings)


def _kinds_hint() -> str:
    return f"kind is one of {', '.join(CheckKind)}"


def _check(entry: Entry, names: tuple[str, ...], name: str, *, findings: Findings) -> None:
    keys = entry.mapping("a check")
    if not names and "table" in keys:
        names = (keys["table"].text(),)
        keys = {key: one for key, one in keys.items() if key != "table"}
    if not names:
        raise entry.error("no table", hint=f"write [{SECTION}.TABLE.NAME]")
    if "kind" not in keys:
        raise entry.error("no kind", hint=_kinds_hint())
    kind = keys["kind"].text()
    if kind not in list(CheckKind):
        raise keys["kind"].error(f"there is no kind {kind!r} of checks", hint=_kinds_hint())
    if name and "name" in keys:
        raise keys["name"].error(f"the check has the name {name!r} already")
    if "column" in keys and "columns" in keys:
        raise keys["column"].error("column and columns exclude each other")
    columns = keys.get("columns", keys.get("column"))
    severity = keys["severity"].text().lower() if "severity" in keys else "error"
    if severity not in list(Severity):
        raise keys["severity"].invalid("error or warn")
    if "description" in keys:
        keys["description"].text()
    name = name or (keys["name"].text() if "name" in keys else "")
    table = findings.table(entry, f"check {name or kind}", ".".join(names))
    if table is None:
        return
    rule = Rule(
        CheckKind(kind),
        () if columns is None else columns.texts(),
        {key: stored_value(one) for key, one in keys.items() if key not in COMMON},
        name=name,
        where=keys["where"].text() if "where" in keys else "",
        severity=Severity(severity),
        error_if=keys["error_if"].text() if "error_if" in keys else "!= 0",
        warn_if=keys["warn_if"].text() if "warn_if" in keys else "!= 0",
    )
    findings.add(table, rule, entry)
