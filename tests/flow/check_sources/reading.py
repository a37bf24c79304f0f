"""Reads what test files state about tables that need not exist."""

from collections.abc import Mapping

from catalog.flow.check_sources.findings import Findings, FoundCheck, named
from catalog.flow.check_sources.known import KnownTables
from catalog.flow.check_sources.reading import SourceFile, SourceKind, find_checks
from catalog.flow.check_sources.toml_file import read_toml
from catalog.flow.check_sources.yaml_text import read_yaml
from catalog.model.types import DataType, ListType, Scalar, StructType

ORDERS: Mapping[str, DataType] = {
    "order_id": Scalar("BIGINT"),
    "customer_id": Scalar("BIGINT"),
    "status": Scalar("VARCHAR"),
    "amount": Scalar("DOUBLE"),
    "ordered_at": Scalar("TIMESTAMP"),
    "day": Scalar("DATE"),
    "tags": ListType(Scalar("VARCHAR")),
    "address": StructType((("city", Scalar("VARCHAR")),)),
}

TABLES: Mapping[str, Mapping[str, DataType]] = {
    "orders": ORDERS,
    "customers": {"id": Scalar("BIGINT"), "name": Scalar("VARCHAR")},
    "raw.events": {"id": Scalar("BIGINT"), "loaded_at": Scalar("TIMESTAMP")},
    "marts.daily": {"day": Scalar("DATE"), "carrier": Scalar("VARCHAR")},
}


def found_in(text: str, kind: str, **renamed: str) -> Findings:
    """Returns what a file states: ``dbt``, ``odcs`` or ``toml``."""
    name = "parquetry.toml" if kind == "toml" else "schema.yml"
    document = read_toml(text, name) if kind == "toml" else read_yaml(text, name)
    known = KnownTables(
        {table.casefold(): table for table in TABLES}, lambda table: TABLES[table], renamed=renamed
    )
    return find_checks([SourceFile(SourceKind(kind), name, document)], known)


def checks(found: Findings) -> dict[str, FoundCheck]:
    """Returns the checks by ``table.name``; nothing may be wrong with the file."""
    wrong = [*found.errors, *found.absent, *found.refused]
    assert not wrong, wrong
    return held(found)


def held(found: Findings) -> dict[str, FoundCheck]:
    """Returns the checks by ``table.name``."""
    settled, errors = named(found.checks, {}, {})
    assert not errors, errors
    return {f"{one.table}.{one.check.name}": one for one in settled}


def stored(found: Findings) -> dict[str, dict[str, object]]:
    """Returns the stored forms of the checks, without version and source."""
    return {
        name: {k: v for k, v in one.check.to_json().items() if k not in ("version", "source")}
        for name, one in checks(found).items()
    }


def problems(found: Findings) -> list[str]:
    """Returns all that is wrong with a file, as text."""
    return [str(one) for one in (*found.errors, *found.absent, *found.refused)]
