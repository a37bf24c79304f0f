"""The floors of the architecture: imports run downwards only, and never in a circle.

All imports count: those inside functions and those for type checkers too. Every test lists all
offenders at once.
"""

import ast
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

FLOORS = [
    "catalog.arrow_functions",
    "catalog.collecting",
    "catalog.interruption",
    "catalog.threads",
    "catalog.dataclasses",
    "catalog.messages",
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
    "catalog.care",
    "catalog.operations",
    "catalog.serving",
    "catalog.reader",
    "catalog.comparer",
    "catalog.exporter",
    "catalog.checker",
    "catalog.merger",
    "catalog.backfiller",
    "catalog.keeper",
    "catalog.catalog",
    "catalog",
    "catalog.dbapi",
    "catalog.sqlalchemy_dialect",
    "cli",
]
"""Lowest first; ``catalog`` is the package itself: what ``import catalog`` gives."""

ONLY_IN = {
    "PIL": ["catalog.formats"],
    "azure": ["catalog.storage"],
    "boto3": ["catalog.storage"],
    "distributed": ["catalog.engine"],
    "google": ["catalog.storage"],
    "ray": ["catalog.engine"],
    "sqlglot": ["catalog.query", "catalog.flow"],
    "typer": ["cli"],
    "rich": ["cli"],
    "prompt_toolkit": ["cli"],
    "numpy": [
        "catalog.care",
        "catalog.diff",
        "catalog.engine",
        "catalog.formats",
        "catalog.report",
    ],
    "sqlalchemy": ["catalog.sqlalchemy_dialect"],
    "starlette": ["cli"],
    "uvicorn": ["cli"],
}
"""Libraries that only some floors may import."""

NEVER_IN = {
    "pyarrow": ["catalog.model", "catalog.storage"],
    "duckdb": ["catalog.model", "catalog.storage", "catalog.repository", "catalog.formats"],
}
"""Floors that must do without a library."""

PURE = [
    "catalog.model",
    "catalog.diff.options",
    "catalog.diff.plan",
    "catalog.flow.functions",
    "catalog.flow.partitionwise.verdict",
    "catalog.query.pruning",
    "catalog.write.merge.columns",
    "catalog.write.merge.column_order",
    "catalog.write.merge.schema",
    "catalog.write.merge.merged_schema",
]
"""Modules that import no library at all."""

HEAVY = {"pyarrow", "duckdb", "sqlglot", "numpy", "boto3", "os", "pathlib"}

SIDEWAYS = {("catalog.storage", "catalog.model")}
"""Pairs of floors that must not know each other though the order would allow it."""


@cache
def modules() -> Mapping[str, Path]:
    """Returns the modules of the product by name; a package is the module of its ``__init__``."""
    paths = (path for top in ("catalog", "cli") for path in (ROOT / top).rglob("*.py"))
    return {module_name(path): path for path in paths if "sample_data" not in path.parts}


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def statements(name: str) -> Sequence[ast.Import | ast.ImportFrom]:
    """Returns the statements of a module that import."""
    tree = ast.parse(modules()[name].read_text())
    return [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]


@cache
def imports(name: str) -> frozenset[str]:
    """Returns what a module imports; ``from a import b`` is ``a.b`` where that is a module."""
    return frozenset(_imports(name))


def _imports(name: str) -> Iterator[str]:
    for node in statements(name):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif node.level == 0 and node.module:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in modules() else node.module


def floor(name: str) -> str | None:
    parts = name.split(".")
    if parts[0] not in ("catalog", "cli"):
        return None
    below = ".".join(parts[:2])
    return below if below in FLOORS else parts[0]


def arrows() -> Iterator[tuple[str, str]]:
    """Yields pairs of a module and a module of ours that it imports."""
    for name in modules():
        for imported in imports(name):
            if floor(imported) is not None:
                yield name, imported


@pytest.mark.invariant("Imports run downwards, and never in a circle")
def test_imports_run_downwards() -> None:
    upward = [
        f"{name} imports {imported}"
        for name, imported in arrows()
        if FLOORS.index(floor(imported) or "") > FLOORS.index(floor(name) or "")
        or (floor(name), floor(imported)) in SIDEWAYS
    ]
    assert not upward, "\n" + "\n".join(sorted(upward))


def test_the_facade_is_imported_by_its_package_only() -> None:
    assert [name for name, imported in arrows() if imported == "catalog.catalog"] == ["catalog"]


@pytest.mark.invariant("Imports run downwards, and never in a circle")
def test_no_folder_has_a_circle() -> None:
    """Of the children of each folder, files or folders taken whole, none imports in a circle.

    A circle of files anywhere is one of children somewhere: those of the folder that they share.
    """
    offenders = []
    for folder in ["", *(name for name, path in modules().items() if path.stem == "__init__")]:
        graph: dict[str, dict[str, list[str]]] = {}
        for name, imported in arrows():
            one, other = child(folder, name), child(folder, imported)
            if one and other and one != other:
                graph.setdefault(one, {}).setdefault(other, []).append(f"{name} → {imported}")
        offenders += [
            f"in {folder or 'the repository'}: {arrow}"
            for one, others in graph.items()
            for other, found in others.items()
            if one in reached(graph, other)
            for arrow in found
        ]
    assert not offenders, "\n" + "\n".join(sorted(offenders))


def reached(graph: Mapping[str, Mapping[str, object]], start: str) -> set[str]:
    """Returns all nodes that arrows lead to from a node."""
    seen: set[str] = set()
    pending = [start]
    while pending:
        new = set(graph.get(pending.pop(), ())) - seen
        seen |= new
        pending += new
    return seen


def child(folder: str, name: str) -> str | None:
    """Returns which child of a folder a module is, or lies in."""
    if not folder:
        return name.partition(".")[0]
    if name == folder:
        return "__init__"
    inside = name.removeprefix(f"{folder}.")
    return None if inside == name else inside.partition(".")[0]


def test_libraries_stay_on_their_floors() -> None:
    strays = []
    for name in modules():
        own = floor(name)
        for library in {imported.partition(".")[0] for imported in imports(name)}:
            if own not in ONLY_IN.get(library, [own]) or own in NEVER_IN.get(library, []):
                strays.append(f"{name} imports {library}")
    assert not strays, "\n" + "\n".join(sorted(strays))


def test_pure_modules_import_no_library() -> None:
    impure = [
        f"{name} imports {', '.join(found)}"
        for name in modules()
        if any(name == pure or name.startswith(f"{pure}.") for pure in PURE)
        and (found := sorted(HEAVY & {i.partition(".")[0] for i in imports(name)}))
    ]
    assert impure == []


def test_dataclasses_are_ours() -> None:
    """``from catalog.dataclasses import dataclass``: the standard one slows every start down."""
    strays = [
        name
        for name in modules()
        for node in statements(name)
        if isinstance(node, ast.ImportFrom)
        and node.module == "dataclasses"
        and any(alias.name == "dataclass" for alias in node.names)
        and name != "catalog.dataclasses"
    ]
    assert strays == []


@pytest.mark.invariant("DuckDB is opened in one place")
def test_duckdb_is_opened_in_the_engine_only() -> None:
    opening = [
        name
        for name, path in modules().items()
        if "duckdb.connect(" in path.read_text() and floor(name) != "catalog.engine"
    ]
    assert opening == []
