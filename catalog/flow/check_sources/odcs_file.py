"""Data contracts of the Open Data Contract Standard (ODCS, version 3): what they say of rows."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from catalog.dataclasses import dataclass
from catalog.flow.check_sources.entry import Entry
from catalog.flow.check_sources.findings import Findings, Rule, column_of, suggested_name
from catalog.flow.check_sources.known import KnownTable
from catalog.flow.check_sources.odcs_options import find_options, find_type
from catalog.flow.check_sources.odcs_quality import QualityOf, find_quality
from catalog.flow.check_sources.values import stored_value
from catalog.flow.check_sources.yaml_text import missing_extra
from catalog.model.checks import CheckKind

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError

KIND = "DataContract"

RULES_OF_PROPERTIES = (
    "required",
    "unique",
    "primaryKey",
    "enum",
    "logicalTypeOptions",
    "relationships",
    "quality",
)
"""Keys of a property that state rules."""


@dataclass(frozen=True, slots=True)
class _Object:
    """A table as a contract describes it.

    Attributes:
        name: Its name in the contract.
        table: The table.
        columns: The columns of its properties, by their names in the contract.
    """

    name: str
    table: KnownTable
    columns: Mapping[str, str]


def find_odcs_checks(document: Entry, findings: Findings) -> None:
    """Finds the checks of a data contract.

    Raises:
        Unsupported: The library for it is not installed.
        InvalidInput: It is not a valid contract, or of another version.
    """
    keys = document.mapping()
    version = keys["apiVersion"].text() if "apiVersion" in keys else ""
    if not version.startswith("v3."):
        place = keys.get("apiVersion", document)
        raise place.error(
            f"apiVersion must be v3.…, not {version or 'empty'}",
            hint="convert the contract to version 3 of the standard",
        )
    if not _is_valid(document, findings):
        return
    objects = keys["schema"].items() if "schema" in keys else ()
    if not objects:
        findings.notes.append(f"{document.file}: the contract has no schema")
    known = [one for one in (_object(entry, findings) for entry in objects) if one is not None]
    for entry, one in known:
        _find_object(entry, one, {other.name: other for _, other in known}, findings=findings)
    for entry in keys["slaProperties"].items() if "slaProperties" in keys else ():
        name = entry.mapping()["property"].shown if "property" in entry.mapping() else "one"
        findings.notes.append(
            f"{entry.place}: slaProperties {name} says what the service does, not what rows are: "
            "it is not taken over"
        )


def _is_valid(document: Entry, findings: Findings) -> bool:
    """Returns whether the standard's own model takes a contract; notes all that it does not."""
    try:
        from open_data_contract_standard.model import OpenDataContractStandard
        from pydantic import ValidationError
    except ImportError as error:
        raise missing_extra("odcs", f"reading the contract {document.file}") from error
    before = len(findings.errors)
    plain: Any = document.plain()
    try:
        OpenDataContractStandard(**plain)
    except ValidationError as error:
        _note_invalid(error, document, findings)
    _check_known(document, OpenDataContractStandard, "the contract", findings=findings)
    return len(findings.errors) == before


def _note_invalid(error: "ValidationError", document: Entry, findings: Findings) -> None:
    noted: set[str] = set()
    for one in error.errors():
        entry = document
        for part in one["loc"]:
            inner: Entry | None = None
            if isinstance(entry.value, dict):
                inner = entry.value.get(part)
            elif isinstance(entry.value, tuple) and isinstance(part, int):
                inner = entry.value[part] if part < len(entry.value) else None
            if inner is None:
                break
            entry = inner
        if entry.name in noted:  # a value that is of none of several types
            continue
        noted.add(entry.name)
        message = str(one["msg"])
        text = f"{entry.name or 'the contract'}: {message[:1].lower()}{message[1:]}"
        findings.errors.append(entry.error(text))


_CHECKED = ("schema", "properties", "quality", "items", "relationships", "enum")
"""Keys below which a key that nobody knows could be a rule that is misspelt."""


def _check_known(entry: Entry, model: "type[BaseModel]", what: str, *, findings: Findings) -> None:
    """Notes keys that the standard does not have: its model drops them without a word."""
    import typing

    from pydantic import BaseModel

    known = {field.alias or name: field for name, field in model.model_fields.items()}
    if entry.name:
        findings.check_keys(entry, tuple(known), what)
    for key, inner in entry.mapping().items() if isinstance(entry.value, dict) else ():
        if key not in _CHECKED or key not in known:
            continue
        pending, models = [known[key].annotation], []
        while pending:
            kind = pending.pop()
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                models.append(kind)
            pending += [*typing.get_args(kind)]
        below = inner.items() if isinstance(inner.value, tuple) else (inner,)
        for one in below if len(models) == 1 else ():
            _check_known(one, models[0], one.name, findings=findings)


def _object(entry: Entry, findings: Findings) -> tuple[Entry, _Object] | None:
    with findings.collected():
        keys = entry.mapping()
        if "name" not in keys:
            raise entry.error("an object of the schema has no name")
        name = keys["name"].text()
        names = [keys[key].text() for key in ("physicalName", "name") if key in keys]
        table = findings.table(entry, f"object {name}", *names)
        if table is None:
            return None
        columns: dict[str, str] = {}
        for one in keys["properties"].items() if "properties" in keys else ():
            with findings.collected():
                found = _column(one, name, table)
                if found is not None:
                    columns[one.mapping()["name"].text()] = found
        return entry, _Object(name, table, columns)
    return None


def _column(entry: Entry, owner: str, table: KnownTable) -> str | None:
    """Returns the column of a property; None for one that is computed from others.

    Raises:
        NotFound: The table does not have it.
    """
    keys = entry.mapping()
    if "name" not in keys:
        raise entry.error(f"a property of {owner} has no name")
    name = keys["name"].text()
    if "semanticType" in keys and keys["semanticType"].value == "measure":
        return None
    if "physicalName" in keys:
        found = table.column(keys["physicalName"].text())
        if found is not None:
            return found
    return column_of(table, name, entry, what=f"property {name} of {owner}")


def _find_object(
    entry: Entry, one: _Object, objects: Mapping[str, _Object], *, findings: Findings
) -> None:
    keys = entry.mapping()
    primary: list[tuple[int, str, Entry]] = []
    for property_ in keys["properties"].items() if "properties" in keys else ():
        with findings.collected():
            if "name" not in property_.mapping():
                continue  # which was noted when its column was looked for
            name = property_.mapping()["name"].text()
            column = one.columns.get(name)
            if column is None:
                _refuse_rules(property_, f"property {name} of {one.name}", findings)
                continue
            position = _find_property(property_, column, one, objects=objects, findings=findings)
            if position is not None:
                primary.append((position, column, property_))
    if primary:
        columns = tuple(column for _, column, _ in sorted(primary, key=lambda found: found[0]))
        findings.add(one.table, Rule(CheckKind.UNIQUE, columns), primary[0][2])
    for quality in keys["quality"].items() if "quality" in keys else ():
        with findings.collected():
            find_quality(quality, QualityOf(one.name, one.table, one.columns), findings)
    for relationship in keys["relationships"].items() if "relationships" in keys else ():
        with findings.collected():
            inner = relationship.mapping()
            columns = tuple(_own_column(path, inner["from"], one) for path in inner["from"].texts())
            _find_relationship(relationship, columns, one, objects=objects, findings=findings)


def _find_property(
    entry: Entry,
    column: str,
    one: _Object,
    *,
    objects: Mapping[str, _Object],
    findings: Findings,
) -> int | None:
    """Finds the checks of a property; returns its position if it is part of the primary key."""
    keys = entry.mapping()
    what = f"property {keys['name'].text()} of {one.name}"

    def is_true(key: str) -> bool:
        return key in keys and not keys[key].is_empty and keys[key].boolean()

    with findings.collected():
        find_type(entry, column, one.table, what=what)
    if is_true("required") or is_true("primaryKey"):
        findings.add(one.table, Rule(CheckKind.NOT_NULL, (column,)), entry)
    if is_true("unique"):
        findings.add(one.table, Rule(CheckKind.UNIQUE, (column,)), entry)
    if "enum" in keys and keys["enum"].items():
        with findings.collected():
            _find_enum(keys["enum"], column, one, findings=findings)
    if "logicalTypeOptions" in keys:
        find_options(entry, column, one.table, what=what, findings=findings)
    for quality in keys["quality"].items() if "quality" in keys else ():
        with findings.collected():
            of = QualityOf(one.name, one.table, one.columns, column)
            find_quality(quality, of, findings)
    for relationship in keys["relationships"].items() if "relationships" in keys else ():
        with findings.collected():
            _find_relationship(relationship, (column,), one, objects=objects, findings=findings)
    for inner in _inner_properties(entry):
        name = inner.mapping()["name"].shown if "name" in inner.mapping() else inner.name
        _refuse_rules(inner, f"property {name} in {what}", findings)
    if not is_true("primaryKey"):
        return None
    position = keys.get("primaryKeyPosition")
    return int(position.number()) if position is not None and not position.is_empty else 0


def _find_enum(entry: Entry, column: str, one: _Object, *, findings: Findings) -> None:
    values = []
    for item in entry.items():
        keys = item.mapping()
        if "value" not in keys:
            raise item.error("an entry of enum has no value")
        if not keys["value"].is_empty:  # NULL is what required forbids
            values.append(stored_value(keys["value"]))
    rule = Rule(CheckKind.ACCEPTED_VALUES, (column,), {"values": values})
    findings.add(one.table, rule, entry)


def _inner_properties(entry: Entry) -> Sequence[Entry]:
    """Returns what is within a property: fields of an object, items of an array, of a map."""
    keys = entry.mapping()
    found: list[Entry] = []
    if "properties" in keys:
        found += keys["properties"].items()
    if "items" in keys and not keys["items"].is_empty:
        found.append(keys["items"])
    if "map" in keys:
        found += [one for one in keys["map"].mapping().values() if isinstance(one.value, dict)]
    return found


def _refuse_rules(entry: Entry, what: str, findings: Findings) -> None:
    """Refuses rules about what is no column: fields and items within one, computed ones."""
    keys = entry.mapping()
    for key in RULES_OF_PROPERTIES:
        if key in keys and keys[key].value not in (None, False, ()) and keys[key].value != {}:
            findings.refused.append(f"{keys[key].place}: {key} of {what}: it is not a column")
    for inner in _inner_properties(entry):
        _refuse_rules(inner, f"{inner.name.rpartition('.')[2]} in {what}", findings)


def _own_column(path: str, entry: Entry, one: _Object) -> str:
    name = path.removeprefix(f"{one.name}.")
    if name not in one.columns:
        raise entry.error(f"relationships of {one.name}: it has no property {name!r}")
    return one.columns[name]


def _find_relationship(
    entry: Entry,
    columns: tuple[str, ...],
    one: _Object,
    *,
    objects: Mapping[str, _Object],
    findings: Findings,
) -> None:
    keys = entry.mapping()
    what = f"relationship of {one.name}"
    if "type" in keys and keys["type"].value not in (None, "foreignKey"):
        raise keys["type"].refused(what, f"{keys['type'].shown} is not foreignKey")
    if "to" not in keys:
        raise entry.error(f"{what}: to is missing")
    paths = keys["to"].texts()
    if len(paths) != len(columns):
        raise entry.error(f"{what}: {len(columns)} columns cannot match {len(paths)}")
    found = []
    for path in paths:
        name, _, column = path.rpartition(".")
        if not name or "/" in path:
            raise keys["to"].refused(what, f"{path!r} is not understood, only TABLE.COLUMN is")
        other = objects.get(name)
        table = other.table if other else findings.table(entry, what, name)
        if table is None:
            return
        column = other.columns.get(column, column) if other else column
        found.append((table, column_of(table, column, keys["to"], what=what)))
    tables = {table.name for table, _ in found}
    if len(tables) > 1:
        raise keys["to"].error(
            f"{what}: it leads to several tables, {' and '.join(sorted(tables))}"
        )
    fields = [field for _, field in found]
    parameters = {"to": found[0][0].name, "field": fields[0] if len(fields) == 1 else fields}
    suggested = suggested_name(CheckKind.RELATIONSHIPS, columns)
    rule = Rule(CheckKind.RELATIONSHIPS, columns, parameters, suggested=suggested)
    findings.add(one.table, rule, entry)
