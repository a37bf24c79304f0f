"""Verification: every damage is found and named, and no repair makes wrong data look right."""

import json
import os
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from catalog import Catalog
from catalog.care.fsck.findings import Finding
from catalog.care.fsck.run import FsckReport
from catalog.errors import CatalogError
from tests.effort import effort
from tests.repository.format_reader import Json, Reader, Table

from .rich import rich, wide

Damage = Callable[[bytes, random.Random], bytes | None]

UNNOTICED = ("refs/tags/spent", "refs/branches/", "cache/", "tmp/", "locks/")
"""What may be gone without a trace: a branch but main, a spent name, what is derived."""


@pytest.fixture(scope="module")
def lakes(tmp_path_factory: pytest.TempPathFactory) -> Sequence[Path]:
    root = tmp_path_factory.mktemp("fsck")
    rich(root)
    wide(root / "wide")
    return [root / "lake", root / "wide"]


def truncated(data: bytes, chance: random.Random) -> bytes:
    return data[: chance.choice([0, len(data) // 2, len(data) - 1])]


def flipped(data: bytes, chance: random.Random) -> bytes | None:
    if not data:
        return None
    at = chance.randrange(len(data))
    return data[:at] + bytes([data[at] ^ 1 << chance.randrange(8)]) + data[at + 1 :]


DAMAGES: Sequence[Damage] = (lambda data, chance: None, truncated, flipped, flipped, flipped)


def objects(root: Path) -> list[Path]:
    paths = (path for path in sorted(root.rglob("*")) if path.is_file())
    return [p for p in paths if p.relative_to(root).parts[0] not in ("tmp", "locks")]


def kind_of(root: Path, path: Path) -> str:
    parts = path.relative_to(root).parts
    return "/".join(parts[:2] if parts[0] in ("cache", "refs") else parts[:1])


@contextmanager
def damaged(root: Path, path: Path, data: bytes | None) -> Iterator[None]:
    """Puts other bytes in the place of an object, or nothing, and the object back."""
    keep = root / f"tmp/{path.name}.aside"
    keep.parent.mkdir(exist_ok=True)
    os.rename(path, keep)
    try:
        if data is not None:
            path.write_bytes(data)
        yield
    finally:
        path.parent.mkdir(exist_ok=True, parents=True)
        os.replace(keep, path)


def found(report: FsckReport, path: str) -> list[Finding]:
    return [one for one in report.findings if one.path == path]


def check(root: Path, path: Path, data: bytes | None) -> str:
    """Returns what is wrong with how a damage is found; empty if nothing is."""
    name = path.relative_to(root).as_posix()
    with damaged(root, path, data):
        try:
            report = Catalog.open(str(root)).fsck(deep=True)
        except CatalogError as error:
            return "" if name == "catalog.json" else f"{name}: raised {error}"
        named = found(report, name)
        if not named:
            if data is None and name.startswith(UNNOTICED) and name != "refs/branches/main.json":
                return ""
            return "" if reads_as_before(root) else f"{name}: not found"
        if name.startswith(("objects/", "data/", "lists/", "blobs/")):
            affects = named[0].affects
            if not (affects.commits or affects.tables):
                return f"{name}: affects nothing"
        if report.is_whole:
            return f"{name}: counts as whole"
    return ""


_BEFORE: dict[Path, object] = {}


def reads_as_before(root: Path) -> bool:
    """Returns whether an independent reader finds what it found before."""
    try:
        now = everything(root)
    except Exception:  # noqa: BLE001 - whatever a reader stumbles over
        return False
    return now == _BEFORE[root]


def everything(root: Path) -> object:
    names = [p.name.removesuffix(".json") for p in (root / "refs/branches").iterdir()]
    heads = {name: json.loads((root / f"refs/branches/{name}.json").read_text()) for name in names}
    reader, read = OwnReader(root), list[object]()
    for name in sorted(name for name, head in heads.items() if head["commit"]):
        for commit in reader.log(heads[name]["commit"]):
            for table, one in sorted(reader.tables(commit).items()):
                read.append((commit, table, one.says, reader.rows(one)))
                if "file_set" in one.says["properties"]:
                    read.append(reader.contents(one))
                if table in reader.head(commit)[0]["changes"]:
                    read.append(reader.change_list(commit, table))
            read.append(reader.head(commit)[0])
    return repr((heads, read))


class OwnReader(Reader):
    """Reads a catalog but for files whose hash it does not know."""

    def read_file(self, table: Table, file: Json) -> list[Json]:
        """Returns the rows of a file."""
        known = file["token"].startswith(b"sha256:")
        return super().read_file(table, file) if known else [file]


def cases(roots: Sequence[Path]) -> Iterator[tuple[Path, Path, bytes | None]]:
    chance = random.Random(effort(7, random.randrange(1 << 30)))
    for root in roots:
        _BEFORE[root] = everything(root)
        by_kind: dict[str, list[Path]] = {}
        for path in objects(root):
            by_kind.setdefault(kind_of(root, path), []).append(path)
        for kind, paths in by_kind.items():
            chosen = paths if effort(False, True) else chance.sample(paths, min(2, len(paths)))
            for path in chosen:
                data = path.read_bytes()
                damages = DAMAGES if effort(False, True) else chance.sample(DAMAGES, 2)
                for damage in damages:
                    new = damage(data, chance)
                    if new != data:
                        yield root, path, new
                others = [other for other in paths if other != path and kind != "cache/stat"]
                if others and effort(chance.random() < 0.5, True):
                    new = chance.choice(others).read_bytes()
                    if new != data:
                        yield root, path, new


@pytest.mark.invariant("fsck finds the damage of any object, and says what it affects")
def test_any_damage_is_found(lakes: Sequence[Path]) -> None:
    for root in lakes:
        for deep in (False, True):
            report = Catalog.open(str(root)).fsck(deep=deep)
            assert report.is_whole and not report.findings and not report.left_over
    wrong = [one for case in cases(lakes) if (one := check(*case))]
    assert not wrong, "\n".join(wrong)
