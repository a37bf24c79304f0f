"""Types of the engine that tables can keep, and types that replace others without loss."""

from duckdb.sqltypes import DuckDBPyType

from catalog.engine.quoting import identifier
from catalog.errors import ErrorKind, Unsupported

UNWRITABLE = ("union", "bignum", "bit", "aggregate_state", "type")
"""Types that Parquet does not have, or that come back as others."""

INEXACT = ("interval", "time with time zone")
"""Types whose values Parquet cannot all hold: intervals in milliseconds, times in UTC only."""

_WIDE = ("hugeint", "uhugeint")


def stored_type(name: str, kind: DuckDBPyType, *, in_transit: bool = False) -> str:
    """Returns the type, as SQL, in which a column is kept.

    Integers of 128 bits, which Parquet does not have, become decimals of 38 digits: the engine
    refuses those that do not fit. In transit, types that Parquet holds inexactly become text, and
    geometries lose their coordinate system, which the column's type still has.

    Raises:
        Unsupported: Tables cannot keep it.
    """

    def inner(child: DuckDBPyType) -> str:
        if str(child.id) == "variant":  # the engine writes it as a column only
            raise _unwritable(name, kind)
        return stored_type(name, child, in_transit=in_transit)

    match str(kind.id):
        case "list":
            return f"{inner(_child(kind, 0))}[]"
        case "array":
            return f"{inner(_child(kind, 0))}[{kind.children[1][1]}]"
        case "map":
            return f"MAP({inner(_child(kind, 0))}, {inner(_child(kind, 1))})"
        case "struct":
            names = [field.casefold() for field, _ in kind.children]
            if not names or "" in names or len(set(names)) < len(names):
                raise _unwritable(name, kind)
            fields = (
                f"{identifier(field)} {inner(_child(kind, n))}"
                for n, (field, _) in enumerate(kind.children)
            )
            return f"STRUCT({', '.join(fields)})"
        case "enum":
            return "VARCHAR"
        case scalar if scalar in UNWRITABLE:
            raise _unwritable(name, kind)
        case scalar if scalar in _WIDE:
            return "DECIMAL(38,0)"
        case scalar if scalar in INEXACT and in_transit:
            return "VARCHAR"
        case "geometry" if in_transit:
            return "GEOMETRY"
    return str(kind)


def is_inexact(kind: DuckDBPyType) -> bool:
    """Returns whether Parquet might give values of a type back as others."""
    match str(kind.id):
        case "list" | "map" | "struct":
            return any(is_inexact(_child(kind, n)) for n in range(len(kind.children)))
        case "array":
            return is_inexact(_child(kind, 0))
        case scalar:
            return scalar in INEXACT


def _child(kind: DuckDBPyType, number: int) -> DuckDBPyType:
    child = kind.children[number][1]
    assert isinstance(child, DuckDBPyType), f"{kind} has no type as its child {number}"
    return child


def _unwritable(name: str, kind: DuckDBPyType) -> Unsupported:
    return Unsupported(
        f"column {name!r} has type {kind}, which tables cannot keep",
        kind=ErrorKind.UNWRITABLE_TYPE,
        hint="cast it, e.g. to VARCHAR",
    )
