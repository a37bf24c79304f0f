"""A catalog with something of everything, and what two copies of it must have in common."""

import hashlib
import json
from pathlib import Path
from typing import Any

from catalog.catalog import Catalog
from catalog.repository import repository as stored
from tests.repository.format_reader import Reader
from tests.write.conftest import write
from tests.write.file_trees import plant

COPIED = ("data", "blobs", "lists", "objects", "refs")
"""Where objects lie that a copy has byte for byte."""


def opened(store: Any) -> Catalog:
    return Catalog(store.location, stored.open_existing(store), author="tester")


def fill(cat: Catalog, folder: Path) -> None:
    """Makes tables of each mode, a file set, branches, tags, and nodes of a branch that is gone."""
    for day in range(3):
        write(folder / f"orders/day={day}/a.parquet", {"id": [1, 2, 3], "v": [day] * 3})
    plant(folder / "photos", {"a.txt": b"one", "b/c.bin": b"\x00two", "empty": b""})
    plant(folder / "linked photos", {"d.txt": b"three"})
    for table, mode in (("orders", "copy"), ("linked", "link"), ("elsewhere", "reference")):
        with cat.transaction("main", message=table, idempotency_key=f"load {table}") as tx:
            tx.snapshot(table, str(folder / "orders"), key=["id", "day"], mode=mode)  # type: ignore[arg-type]
    with cat.transaction("main", message="photos") as tx:
        tx.snapshot("photos", str(folder / "photos"), format="files")
        tx.snapshot("linked_photos", str(folder / "linked photos"), format="files", mode="link")
    cat.tags.create("v1", message="first")
    cat.tags.create("spent")
    cat.tags.delete("spent")
    cat.branches.create("fix")
    update(cat, "fix", 1)
    cat.merge("fix", squash=True)
    cat.branches.delete("fix")
    cat.branches.create("work")
    update(cat, "work", 2)
    update(cat, "main", 3)
    cat.merge("work")
    cat.branches.protect("work", judge_direct=True)
    cat.reset("main", to="main~1")


def update(cat: Catalog, branch: str, value: int, table: str = "orders") -> str:
    with cat.transaction(branch, message=f"set {value}") as tx:
        tx.sql(f"UPDATE {table} SET v = v + 100 WHERE id = {value}")
    assert tx.commit is not None
    return tx.commit.id


def objects(root: Path, *folders: str) -> dict[str, str]:
    """Returns the hash of each object below some folders, by path."""
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for folder in folders or COPIED
        for path in (root / folder).rglob("*")
        if path.is_file()
    }


def reached(root: Path) -> list[str]:
    """Returns the commits that branches and tags of a catalog reach."""
    reader = Reader(root)
    found: set[str] = set()
    for path in (root / "refs/branches").glob("*.json"):
        head = json.loads(path.read_text())["commit"]
        found.update(reader.log(head) if head else ())
    for path in (root / "refs/tags").glob("*.json"):
        if not path.with_name(path.name + ".deleted").exists():
            found.update(reader.log(json.loads(path.read_text())["commit"]))
    return sorted(found)


def told(root: Path) -> dict[str, Any]:
    """Returns all that an independent reader finds in a catalog: rows and contents of each commit.

    Also the reflog of each branch, with its pages, and each tag.
    """
    reader = Reader(root)
    found: dict[str, Any] = {"about": reader.about}
    for commit_id in reached(root):
        for name, table in sorted(reader.tables(commit_id).items()):
            if not name.startswith("elsewhere"):
                rows = sorted(map(repr, reader.rows(table)))
                found[f"{commit_id} {name}"] = table.says, rows
            if "photos" in name:
                found[f"{commit_id} {name} contents"] = reader.contents(table)
    for path in (root / "refs/branches").glob("*.json"):
        name = json.loads(path.read_text())["name"]
        found[f"branch {name}"] = json.loads(path.read_text()), reader.reflog(name)
    for path in (root / "refs/tags").glob("*.json"):
        name = json.loads(path.read_text())["name"]
        found[f"tag {name}"] = reader.tag(name)
    return found
