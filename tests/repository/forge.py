"""Commits that somebody else might have written: any content, with all the right hashes.

The project's lower-level writers lay out nodes and packs; what they would never write is put in as
plain JSON and columns.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from catalog.model.ids import content_id
from catalog.repository import columnar
from catalog.repository.manifest import KIND
from catalog.repository.nodes import PackBuilder
from catalog.repository.pack import Place, pack_path
from catalog.repository.repository import open_existing
from catalog.storage.local import LocalStore

Files = dict[str, list[Any]]
"""Columns of a manifest's only leaf by name."""


def nothing(_: Any) -> None:
    """Changes nothing."""


@dataclass(frozen=True, slots=True)
class Forgery:
    """What is changed in the newest commit of main, in place.

    Attributes:
        commit: Changes the commit's JSON.
        table: Changes the JSON of the snapshot of one table.
        files: Changes the entries of that table's data files.
        places: Changes the places of nodes, which no id covers, as they are encoded.
    """

    commit: Callable[[dict[str, Any]], object] = nothing
    table: Callable[[dict[str, Any]], object] = nothing
    files: Callable[[Files], object] = nothing


def forge(root: Path, forgery: Forgery, *, name: str) -> str:
    """Puts a forged commit in the place of main's newest, its table ``name`` forged.

    The forged file schemas have the ids of their content. Returns the commit id.
    """
    repository = open_existing(LocalStore(str(root)))
    branch = root / "refs/branches/main.json"
    head = json.loads(branch.read_text())["commit"]
    pack = repository.nodes.head(head)
    commit: dict[str, Any] = json.loads(pack.commit)
    known: dict[str, Place] = dict(pack.places)
    builder = PackBuilder()
    snapshot = commit["tables"][name][0]
    node = repository.nodes.json(snapshot, known[snapshot])
    table: dict[str, Any] = json.loads(node.content)
    manifest = table["manifest"]
    leaf = repository.nodes.columns(manifest, KIND, node.places[manifest])
    files = {column: leaf[column].to_pylist() for column in leaf}
    forgery.files(files)
    columns = {column: column_of(values) for column, values in files.items()}
    schemas = table["file_schemas"]
    forgery.table(table)
    if table["file_schemas"] is schemas:  # their content may have changed
        renamed = {old: content_id(json_bytes(one)) for old, one in schemas.items()}
        table["file_schemas"] = {renamed[old]: one for old, one in schemas.items()}
        columns["schema"] = column_of(
            [bytes.fromhex(renamed.get(one.hex(), one.hex())) for one in files["schema"]]
        )
    if table["manifest"] == manifest:
        table["manifest"] = columnar.node_id(KIND, columns)
        frame = columnar.encode(columns)
        builder.add_columns(table["manifest"], lambda _: frame)
    children = [table["manifest"]] if table["manifest"] in builder else []
    snapshot = builder.add_json(json_bytes(table), {}, children)
    commit["tables"][name][0] = snapshot
    for change in commit["changes"].values():
        change[2] = None  # the trees are compared
    forgery.commit(commit)
    content = json_bytes(commit)
    pointed = [one for one in (*known, snapshot) if one in known or one in builder]
    data = builder.build(content, known, pointed)
    commit_id = content_id(content)
    path = root / pack_path(commit_id)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data)
    point(branch, commit_id)
    return commit_id


def point(branch: Path, commit_id: str) -> None:
    """Lets the object of a branch point to a commit, as a writer without digests would."""
    stored = json.loads(branch.read_text())
    stored.pop("digest", None)
    stored["commit"] = commit_id
    stored["reflog"][0][4] = commit_id
    branch.write_bytes(json_bytes(stored))


def column_of(values: list[Any]) -> pa.Array:
    """Returns values as a column of a node: integers or bytes."""
    whole = any(isinstance(value, int) for value in values)
    return pa.array(values, pa.int64() if whole else pa.binary())


def json_bytes(value: Mapping[str, Any] | list[Any]) -> bytes:
    """Returns JSON as the format has it, and half characters as escapes."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    try:
        return text.encode()
    except UnicodeEncodeError:
        return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
