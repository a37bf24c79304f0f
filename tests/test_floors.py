"""The floors of the architecture: imports run downwards only."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

FLOORS = [
    "catalog.hints",
    "catalog.errors",
    "catalog.model",
    "catalog.storage",
    "catalog.repository",
    "catalog.formats",
    "catalog.engine",
    "catalog.query",
    "catalog.diff",
    "catalog.report",
    "catalog.write",
    "catalog.flow",
    "catalog.operations",
    "catalog",
    "cli",
]
"""Lowest first; ``catalog`` is the facade: the modules directly in the package."""

ONLY_IN = {
    "azure": ["catalog.storage"],
    "boto3": ["catalog.storage"],
    "google": ["catalog.storage"],
    "sqlglot": ["catalog.query", "catalog.flow"],
    "typer": ["cli"],
    "rich": ["cli"],
    "prompt_toolkit": ["cli"],
    "numpy": ["catalog.diff", "catalog.engine"],
}
"""Libraries that only some floors may import."""

NEVER_IN = {
    "pyarrow": ["catalog.model", "catalog.storage"],
    "duckdb": ["catalog.model", "catalog.storage", "catalog.repository", "catalog.formats"],
}
"""Floors that must do without a library."""

PURE = [
    "catalog.model",
    "catalog.diff.plan",
    "catalog.query.scan",
    "catalog.write.merge.columns",
    "catalog.write.merge.column_order",
    "catalog.write.merge.schema",
    "catalog.write.merge.merged_schema",
]
"""Modules that import no library at all."""

SIDEWAYS = {("catalog.storage", "catalog.model")}
"""Pairs of floors that must not know each other though the order would allow it."""


def modules() -> list[Path]:
    found = [*(ROOT / "catalog").rglob("*.py"), *(ROOT / "cli").rglob("*.py")]
    return [path for path in found if "sample_data" not in path.parts]


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def floor(name: str) -> str | None:
    parts = name.split(".")
    if parts[0] == "cli":
        return "cli"
    if parts[0] != "catalog":
        return None
    below = ".".join(parts[:2])
    return below if below in FLOORS else "catalog"


@pytest.mark.invariant("Imports run downwards, and DuckDB is opened in one place")
@pytest.mark.parametrize("path", modules(), ids=module_name)
def test_imports_run_downwards(path: Path) -> None:
    own = floor(module_name(path))
    assert own is not None
    for imported in imports(path):
        other = floor(imported)
        if other is None or (imported == "catalog" and own == "cli"):
            continue
        assert FLOORS.index(other) <= FLOORS.index(own), f"{imported} lies above"
        assert (own, other) not in SIDEWAYS, f"{imported} is none of its business"


@pytest.mark.parametrize("path", modules(), ids=module_name)
def test_libraries_stay_on_their_floors(path: Path) -> None:
    own = floor(module_name(path))
    for imported in imports(path):
        library = imported.partition(".")[0]
        assert own in ONLY_IN.get(library, [own]), f"{library} does not belong here"
        assert own not in NEVER_IN.get(library, []), f"{library} does not belong here"


@pytest.mark.parametrize("path", modules(), ids=module_name)
def test_pure_modules_import_no_library(path: Path) -> None:
    name = module_name(path)
    if any(name == pure or name.startswith(f"{pure}.") for pure in PURE):
        heavy = {"pyarrow", "duckdb", "sqlglot", "numpy", "boto3", "os", "pathlib"}
        assert heavy.isdisjoint(i.partition(".")[0] for i in imports(path))


@pytest.mark.parametrize("path", modules(), ids=module_name)
def test_no_module_is_longer_than_500_lines(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 500


@pytest.mark.invariant("Imports run downwards, and DuckDB is opened in one place")
def test_duckdb_is_opened_in_the_engine_only() -> None:
    opening = [
        module_name(path)
        for path in modules()
        if "duckdb.connect(" in path.read_text() and floor(module_name(path)) != "catalog.engine"
    ]
    assert opening == []
