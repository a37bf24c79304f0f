"""Checks: what must hold of the rows of a table; pure values, stored with the table."""

import json
import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from catalog.dataclasses import dataclass, field
from catalog.errors import CorruptData, ErrorKind, InvalidInput
from catalog.model.ids import canonical_json, content_id, excerpt
from catalog.model.texts import check_text

PREFIX = "check."
"""How the names of the properties of a table begin that hold its checks, one each."""

CHECK_VERSION = 1
"""Of the stored form."""

MAX_CHECK = 1 << 18
"""Most characters of the stored form of a check."""

MAX_CHECKS = 1_000
"""Most checks of a table."""

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,199}")

_THRESHOLD = re.compile(r"\s*(=|==|!=|<>|<|<=|>|>=)\s*([0-9]{1,18})\s*")


class CheckKind(StrEnum):
    """What a check looks at; dbt has the first four under the same names."""

    NOT_NULL = "not_null"
    UNIQUE = "unique"
    ACCEPTED_VALUES = "accepted_values"
    RELATIONSHIPS = "relationships"
    RANGE = "range"
    ROW_COUNT = "row_count"
    FRESHNESS = "freshness"
    SQL = "sql"
    PYTHON = "python"


class Severity(StrEnum):
    """What failures mean: a gate refuses errors, and tells of warnings."""

    ERROR = "error"
    WARN = "warn"


@dataclass(frozen=True, slots=True)
class Check:
    """Something that must hold of the rows of a table.

    Attributes:
        name: Its name, unique in the table.
        kind: What it looks at.
        columns: The columns that it is about; none for kinds that are about the table.
        where: A condition on rows, as SQL; only rows that meet it are looked at.
        severity: What failures mean.
        error_if: From how many failures on it is an error: ``!= 0``, ``> 10``.
        warn_if: From how many failures on it is a warning.
        parameters: What else its kind needs, as JSON values by name.
        source: What it was taken over from, e.g. ``dbt:models/schema.yml``; empty if somebody
            added it by hand.
    """

    name: str
    kind: CheckKind
    columns: tuple[str, ...] = ()
    where: str = ""
    severity: Severity = Severity.ERROR
    error_if: str = "!= 0"
    warn_if: str = "!= 0"
    parameters: Mapping[str, object] = field(default_factory=dict)
    source: str = ""

    def to_json(self) -> dict[str, object]:
        """Returns the stored form; what is as usual is left out."""
        stored: dict[str, object] = {"version": CHECK_VERSION, "kind": str(self.kind)}
        if self.columns:
            stored["columns"] = list(self.columns)
        if self.where:
            stored["where"] = self.where
        if self.severity is not Severity.ERROR:
            stored["severity"] = str(self.severity)
        for name, text in (("error_if", self.error_if), ("warn_if", self.warn_if)):
            if text != "!= 0":
                stored[name] = text
        if self.parameters:
            stored["parameters"] = dict(self.parameters)
        if self.source:
            stored["source"] = self.source
        return stored

    @property
    def digest(self) -> str:
        """Returns an id of what it means: two checks that mean the same have the same."""
        stored = self.to_json()
        stored.pop("source", None)
        return content_id(canonical_json(stored))


def check_name(name: str) -> str:
    """Returns a name that may be given to a check.

    Raises:
        InvalidInput: It breaks a rule.
    """
    check_text(name, "the name of a check")
    if not _NAME.fullmatch(name):
        raise InvalidInput(
            f"{name!r} cannot be the name of a check",
            kind=ErrorKind.BAD_CHECK,
            hint="use letters, digits and any of _ . -, at most 200",
        )
    return name


def threshold(text: str) -> tuple[str, int]:
    """Reads a condition on the number of failures: ``!= 0``, ``>10``.

    Returns:
        The comparison in SQL, and the number.

    Raises:
        InvalidInput: It is of another form.
    """
    found = _THRESHOLD.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise InvalidInput(
            f"{text!r} is no condition on a number of failures",
            kind=ErrorKind.BAD_CHECK,
            hint='write a comparison with a number, such as "!= 0" or "> 10"',
        )
    return {"==": "=", "<>": "!="}.get(found[1], found[1]), int(found[2])


def is_met(condition: str, failures: int) -> bool:
    """Returns whether a number of failures meets a condition such as ``> 10``."""
    sign, number = threshold(condition)
    return {
        "=": failures == number,
        "!=": failures != number,
        "<": failures < number,
        "<=": failures <= number,
        ">": failures > number,
        ">=": failures >= number,
    }[sign]


@dataclass(frozen=True, slots=True)
class TableCheck:
    """A check, and the table that it is stored with.

    Attributes:
        table: The table.
        name: The name of the check.
        check: The check; None if it cannot be read, which counts as failed.
        problem: Why it cannot be read.
        text: Its stored form.
    """

    table: str
    name: str
    check: Check | None
    problem: str = ""
    text: str = ""

    @property
    def full_name(self) -> str:
        """Returns ``table.check``."""
        return f"{self.table}.{self.name}"

    @property
    def digest(self) -> str:
        """Returns an id of what it means; see ``Check.digest``."""
        return content_id(self.text.encode()) if self.check is None else self.check.digest


def table_check(table: str, check: Check) -> TableCheck:
    """Returns a check as one of a table."""
    return TableCheck(table, check.name, check)


def table_checks(table: str, properties: Mapping[str, str]) -> list[TableCheck]:
    """Returns the checks among the properties of a table, in order, also unreadable ones."""
    found = []
    for key in sorted(key for key in properties if key.startswith(PREFIX)):
        name, text = key.removeprefix(PREFIX), properties[key]
        try:
            found.append(TableCheck(table, name, _read(name, text), text=text))
        except CorruptData as error:
            found.append(TableCheck(table, name, None, problem=error.message, text=text))
    return found


def checks_of(properties: Mapping[str, str]) -> dict[str, Check]:
    """Returns the checks among the properties of a table, by name, in order.

    Raises:
        CorruptData: One is not of the form of this release.
    """
    names = sorted(name for name in properties if name.startswith(PREFIX))
    if len(names) > MAX_CHECKS:
        raise CorruptData(f"a table has {len(names)} checks, more than {MAX_CHECKS}")
    return {
        name.removeprefix(PREFIX): _read(name.removeprefix(PREFIX), properties[name])
        for name in names
    }


def has_checks(properties: Mapping[str, str]) -> bool:
    """Returns whether a table has checks."""
    return any(name.startswith(PREFIX) for name in properties)


def with_check(properties: Mapping[str, str], check: Check) -> dict[str, str]:
    """Returns properties with a check, in the place of one of the same name."""
    stored = canonical_json(check.to_json()).decode()
    return {**properties, PREFIX + check.name: stored}


def without_check(properties: Mapping[str, str], name: str) -> dict[str, str]:
    """Returns properties without a check."""
    return {key: text for key, text in properties.items() if key != PREFIX + name}


def _read(name: str, text: str) -> Check:
    if not _NAME.fullmatch(name) or len(text) > MAX_CHECK:
        raise CorruptData(f"not a check of a table: {excerpt(name)}")
    try:
        stored = json.loads(text)
        return check_from_json(name, stored)
    except (ValueError, RecursionError) as error:
        raise CorruptData(f"check {name} is not readable: {excerpt(text)}") from error


def check_from_json(name: str, stored: Any) -> Check:
    """Reads the stored form of a check.

    Raises:
        CorruptData: It is not of the form of this release.
    """
    match stored:
        case {"version": 1, "kind": str(kind)} if kind in list(CheckKind):
            columns, parameters = stored.get("columns", []), stored.get("parameters", {})
            texts = {key: stored.get(key, "") for key in ("where", "source")}
            limits = {key: stored.get(key, "!= 0") for key in ("error_if", "warn_if")}
            severity = stored.get("severity", "error")
            if (
                isinstance(columns, list)
                and all(isinstance(column, str) for column in columns)
                and isinstance(parameters, dict)
                and all(isinstance(text, str) for text in texts.values())
                and all(isinstance(t, str) and _THRESHOLD.fullmatch(t) for t in limits.values())
                and severity in list(Severity)
            ):
                return Check(
                    name,
                    CheckKind(kind),
                    columns=tuple(columns),
                    severity=Severity(severity),
                    parameters=parameters,
                    **texts,
                    **limits,
                )
        case {"version": int(version)} if version > CHECK_VERSION:
            raise CorruptData(f"check {name} was stored by a newer release")
    raise CorruptData(f"check {name} is not readable: {excerpt(stored)}")
