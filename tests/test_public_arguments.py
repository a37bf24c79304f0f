"""Every argument of the public interface is checked where it comes in.

Each method is called rightly, then with one argument after the other replaced by something that
is not one. It may do what it can or refuse with an error of ours: nothing else may come out.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

import catalog
from catalog import CatalogError
from catalog.catalog import Catalog

BAD: Mapping[str, object] = {
    "number": 3,
    "negative": -1,
    "bytes": b"x",
    "nothing": "",
    "word": "zzz",
    "list": ["zzz"],
    "numbers": [1, 2],
    "mapping": {"zzz": "zzz"},
    "odd": {3: object()},
    "object": object(),
}

CALLS: Mapping[str, tuple[str, Mapping[str, object]]] = {
    "log": (
        "log",
        {
            "ref": "main",
            "limit": 1,
            "tables": ["t"],
            "since": "yesterday",
            "until": "now",
            "author": "a",
            "grep": "m",
        },
    ),
    "show": ("show", {"ref": "main"}),
    "reflog": ("reflog", {"branch": "main"}),
    "resolve": ("resolve", {"ref": "main"}),
    "merge_base": ("merge_base", {"left": "main", "right": "side"}),
    "tables": ("tables", {"ref": "main"}),
    "table": ("table", {"name": "t", "ref": "main"}),
    "schema": ("schema", {"table": "t", "ref": "main"}),
    "partitions": ("partitions", {"table": "t", "ref": "main"}),
    "files": ("files", {"table": "t", "ref": "main"}),
    "blame": ("blame", {"table": "t", "ref": "main", "key": {"k": 1}, "columns": ["v"]}),
    "history": ("history", {"table": "t", "ref": "main", "key": {"k": 1}, "limit": 1}),
    "connect": ("connect", {"ref": "main"}),
    "sql": ("sql", {"query": "FROM t", "ref": "main", "params": None}),
    "diff": (
        "diff",
        {
            "from_ref": "main~1",
            "to_ref": "main",
            "tables": ["t"],
            "key": ["k"],
            "columns": ["v"],
            "tolerance": {"v": "0.5"},
            "ignore": ["v"],
            "defaults": {},
            "where": "v > 1",
            "metrics": {"n": "SELECT count(*) FROM t"},
            "level": "cells",
            "method": "auto",
            "threads": 1,
            "memory_limit_bytes": 1 << 28,
        },
    ),
    "explain_diff": (
        "explain_diff",
        {"from_ref": "main~1", "to_ref": "main", "tables": ["t"], "key": ["k"], "columns": ["v"]},
    ),
    "diff_query": (
        "diff_query",
        {
            "query": "FROM t",
            "from_ref": "main~1",
            "to_ref": "main",
            "key": ["k"],
            "columns": ["v"],
            "tolerance": {"v": "0.5"},
            "ignore": ["v"],
            "where": "v > 1",
            "threads": 1,
            "memory_limit_bytes": 1 << 28,
        },
    ),
    "conflicts": ("conflicts", {"source": "side", "into": "main"}),
    "merge": ("merge", {"source": "side", "into": "main", "message": "m", "resolve": "ours"}),
    "continue_merge": ("continue_merge", {"source": "side", "into": "main", "resolve": "ours"}),
    "abort_merge": ("abort_merge", {"source": "side", "into": "main"}),
    "cherry_pick": (
        "cherry_pick",
        {"ref": "side", "branch": "main", "resolve": "ours", "mainline": 1},
    ),
    "revert": (
        "revert",
        {"branch": "main", "tables": ["t"], "message": "m", "resolve": "ours", "mainline": 1},
    ),
    "rebase": ("rebase", {"branch": "side", "onto": "main", "resolve": "ours"}),
    "import_history": (
        "import_history",
        {
            "source": "nowhere",
            "table": "t",
            "format": "auto",
            "branch": "imported",
            "from_version": 1,
            "to_version": "2",
            "mode": "copy",
            "key": ["k"],
        },
    ),
    "reset": ("reset", {"branch": "side", "to": "main"}),
    "transaction": (
        "transaction",
        {
            "branch": "main",
            "message": "m",
            "metadata": {"a": "b"},
            "author": "a",
            "isolation": "snapshot",
            "idempotency_key": "k",
        },
    ),
    "branches.create": ("branches.create", {"name": "new", "at": "main"}),
    "branches.delete": ("branches.delete", {"name": "side"}),
    "branches.protect": ("branches.protect", {"name": "side"}),
    "tags.create": ("tags.create", {"name": "v1", "at": "main", "message": "m"}),
    "tags.delete": ("tags.delete", {"name": "v1"}),
}

STAGED: Mapping[str, Mapping[str, object]] = {
    "write": {
        "table": "t",
        "data": [{"k": 9, "v": 9.0}],
        "mode": "append",
        "key": ["k"],
        "partition_by": None,
    },
    "snapshot": {
        "table": "s",
        "source": "nowhere",
        "key": None,
        "partition_by": None,
        "mode": "copy",
        "scope": "full",
        "format": "auto",
        "fingerprints": "now",
        "allow_empty": False,
    },
    "sql": {"text": "FROM t", "params": None},
    "delete": {"table": "t", "where": "k = 1", "params": None},
    "drop": {"table": "t"},
}


@pytest.fixture
def cat(tmp_path: Path) -> Catalog:
    cat = catalog.create(tmp_path / "lake")
    for value in (1.0, 2.0):
        with cat.transaction("main") as tx:
            tx.write("t", [{"k": 1, "v": value}], mode="overwrite", key=["k"])
    cat.branches.create("side")
    with cat.transaction("side") as tx:
        tx.write("t", [{"k": 2, "v": 2.0}], mode="append")
    return cat


def replaced(arguments: Mapping[str, object]) -> Iterator[tuple[str, dict[str, object]]]:
    """Yields the arguments with one after the other replaced, and which it was by what."""
    for name in arguments:
        for what, value in BAD.items():
            yield f"{name} is a {what}", {**arguments, name: value}


def escaped(calls: Iterator[tuple[str, dict[str, object]]], call: Callable[..., Any]) -> list[str]:
    """Returns what came out of calls beside results and errors of ours."""
    found = []
    for what, arguments in calls:
        try:
            call(**arguments)
        except CatalogError:
            pass
        except Exception as error:  # noqa: BLE001 - that is what is looked for
            found.append(f"{what}: {type(error).__name__}: {error}")
    return found


@pytest.mark.parametrize("method", CALLS)
def test_methods_of_the_catalog(cat: Catalog, method: str) -> None:
    path, arguments = CALLS[method]
    call: Any = cat
    for part in path.split("."):
        call = getattr(call, part)
    found = escaped(replaced(arguments), call)
    assert not found, "\n" + "\n".join(found)


@pytest.mark.parametrize("method", STAGED)
def test_methods_of_a_transaction(cat: Catalog, method: str) -> None:
    def call(**arguments: Any) -> None:
        with cat.transaction("main", dry_run=True) as tx:
            getattr(tx, method)(**arguments)

    found = escaped(replaced(STAGED[method]), call)
    assert not found, "\n" + "\n".join(found)


def test_refs_to_revert(cat: Catalog) -> None:
    found = escaped(
        ((what, {"ref": value}) for what, value in BAD.items()), lambda ref: cat.revert(ref)
    )
    assert not found, "\n" + "\n".join(found)


@pytest.mark.parametrize("where", ["destination", "ref", "format", "table"])
def test_export(cat: Catalog, tmp_path: Path, where: str) -> None:
    arguments: dict[str, object] = {
        "table": "t",
        "destination": str(tmp_path / "out"),
        "ref": "main",
        "format": "parquet",
    }
    calls = (call for call in replaced(arguments) if call[0].startswith(where))
    if where == "destination":
        calls = (call for call in calls if not isinstance(call[1]["destination"], str))
    found = escaped(calls, cat.export)
    assert not found, "\n" + "\n".join(found)


@pytest.mark.parametrize("where", ["branch", "target", "format", "tables"])
def test_publish(cat: Catalog, tmp_path: Path, where: str) -> None:
    arguments: dict[str, object] = {
        "branch": "main",
        "target": str(tmp_path / "out"),
        "format": "delta",
        "tables": ["t"],
    }
    calls = (call for call in replaced(arguments) if call[0].startswith(where))
    if where == "target":
        calls = (call for call in calls if not isinstance(call[1]["target"], str))
    found = escaped(calls, cat.publish)
    assert not found, "\n" + "\n".join(found)


@pytest.mark.parametrize("call", [catalog.create, catalog.open])
def test_where_a_catalog_is(call: Callable[..., object]) -> None:
    bad = {name: value for name, value in BAD.items() if name != "word"}
    found = escaped(((what, {"uri": value}) for what, value in bad.items()), call)
    assert not found, "\n" + "\n".join(found)
