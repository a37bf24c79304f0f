"""What a data contract says of the type of a property: compared with the column, or a check."""

from catalog.engine.quoting import identifier
from catalog.flow.check_sources.entry import Entry
from catalog.flow.check_sources.findings import Findings, Rule, suggested_name
from catalog.flow.check_sources.known import KnownTable
from catalog.flow.check_sources.values import stored_value
from catalog.model.checks import CheckKind
from catalog.model.types import DataType, ListType, MapType, Scalar, StructType, TypeClass

_INTEGERS = (TypeClass.INTEGER, TypeClass.WIDE_INTEGER)

_SCALARS = {
    "integer": _INTEGERS,
    "number": (*_INTEGERS, TypeClass.DECIMAL, TypeClass.FLOAT),
    "boolean": (TypeClass.BOOLEAN,),
    "date": (TypeClass.DATE, TypeClass.TIMESTAMP),
    "timestamp": (TypeClass.TIMESTAMP,),
    "time": (TypeClass.TIME,),
}
"""The types of columns that a logical type stands for; before 3.1 dates had times too."""

_NESTED = {"array": ListType, "vector": ListType, "map": MapType}

_BOUNDS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")

_LENGTHS = {
    "minLength": ("length", "<", TypeClass.TEXT),
    "maxLength": ("length", ">", TypeClass.TEXT),
    "minItems": ("len", "<", None),
    "maxItems": ("len", ">", None),
}
"""Options that are conditions on a length: the function, when a value fails, of which type."""


def find_type(entry: Entry, column: str, table: KnownTable, *, what: str) -> None:
    """Compares the logical type of a property with the type of its column.

    Raises:
        InvalidInput: They contradict each other.
    """
    keys = entry.mapping()
    if "logicalType" not in keys or keys["logicalType"].is_empty:
        return
    stated, kind = keys["logicalType"].text(), table.columns[column]
    if not _is_of(stated, kind):
        raise keys["logicalType"].error(
            f"{what} is of logicalType {stated}, and column {column!r} of table {table.name!r} "
            f"of type {kind}"
        )


def _is_of(stated: str, kind: DataType) -> bool:
    if stated in _SCALARS:
        return isinstance(kind, Scalar) and kind.type_class in _SCALARS[stated]
    if stated in _NESTED:
        return isinstance(kind, _NESTED[stated])
    if stated == "string":
        others = {one for classes in _SCALARS.values() for one in classes}
        return isinstance(kind, Scalar) and kind.type_class not in others
    if stated == "object":  # JSON and VARIANT hold objects too
        return isinstance(kind, StructType | MapType) or (
            isinstance(kind, Scalar) and kind.name in ("JSON", "VARIANT", "VARCHAR")
        )
    return True


def find_options(
    entry: Entry, column: str, table: KnownTable, *, what: str, findings: Findings
) -> None:
    """Finds the checks of ``logicalTypeOptions``; refuses those that no check can hold."""
    options = entry.mapping()["logicalTypeOptions"]
    bounds: dict[str, Entry] = {}
    for key, option in options.mapping().items():
        if option.is_empty:
            continue
        with findings.collected():
            rule = f"{key} of {what}"
            if key in _BOUNDS:
                bounds[key] = option
            elif key in _LENGTHS:
                _find_length(key, option, table, rule=rule, column=column, findings=findings)
            elif key == "multipleOf":
                _find_multiple(option, table, rule=rule, column=column, findings=findings)
            elif key == "format" and _is_moment(table.columns[column]):
                pass  # how a moment is written, which a column of its type does not keep
            elif key == "uniqueItems" and option.value is False:
                pass
            else:
                raise option.refused(rule, "no check means the same")
    with findings.collected():
        _find_bounds(bounds, table, column, findings=findings)


def _is_moment(kind: DataType) -> bool:
    moments = (TypeClass.DATE, TypeClass.TIME, TypeClass.TIMESTAMP)
    return isinstance(kind, Scalar) and kind.type_class in moments


def _find_bounds(
    given: dict[str, Entry], table: KnownTable, column: str, *, findings: Findings
) -> None:
    """Finds the check of bounds; before 3.1, ``exclusiveMinimum: true`` was about ``minimum``."""
    bounds: list[tuple[str, bool, Entry]] = []
    for name, plain, exclusive in (
        ("min", "minimum", "exclusiveMinimum"),
        ("max", "maximum", "exclusiveMaximum"),
    ):
        strict = given.get(exclusive)
        is_flag = strict is not None and isinstance(strict.value, bool)
        if plain in given:
            is_strict = is_flag and strict is not None and strict.value is True
            bounds.append((name, not is_strict, given[plain]))
        elif strict is not None and strict.value is True:
            raise strict.error(f"{exclusive} is true, and there is no {plain}")
        if strict is not None and not is_flag:
            bounds.append((name, False, strict))
    by_inclusive: dict[bool, dict[str, object]] = {}
    for name, inclusive, entry in bounds:
        by_inclusive.setdefault(inclusive, {})[name] = stored_value(entry)
    for inclusive, parameters in by_inclusive.items():
        if not inclusive:
            parameters["inclusive"] = False
        rule = Rule(CheckKind.RANGE, (column,), parameters)
        findings.add(table, rule, bounds[0][2])


def _find_length(
    key: str, option: Entry, table: KnownTable, *, rule: str, column: str, findings: Findings
) -> None:
    function, sign, wanted = _LENGTHS[key]
    kind = table.columns[column]
    is_fit = isinstance(kind, Scalar) and kind.type_class is wanted
    if not is_fit and not (wanted is None and isinstance(kind, ListType)):
        raise option.refused(rule, f"the column is of type {kind}")
    value = option.value
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise option.invalid("a whole number")
    name = identifier(column)
    sql = f"SELECT * FROM {table.sql} WHERE {function}({name}) {sign} {value}"
    suggested = suggested_name(key, (column,))
    findings.add(table, Rule(CheckKind.SQL, (), {"sql": sql}, suggested=suggested), option)


def _find_multiple(
    option: Entry, table: KnownTable, *, rule: str, column: str, findings: Findings
) -> None:
    kind, value = table.columns[column], option.value
    is_whole = isinstance(kind, Scalar) and kind.type_class in _INTEGERS
    if not is_whole or isinstance(value, bool) or not isinstance(value, int):
        raise option.refused(rule, "only whole numbers have exact multiples")
    if not 0 < value < 1 << 63:
        raise option.invalid("a whole number above 0")
    sql = f"SELECT * FROM {table.sql} WHERE {identifier(column)} % {value} <> 0"
    suggested = suggested_name("multipleOf", (column,))
    findings.add(table, Rule(CheckKind.SQL, (), {"sql": sql}, suggested=suggested), option)
