"""Verification: every damage is found and named, and no repair makes wrong data look right."""

import json
import os
import random
import resource
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from catalog import Catalog, fsck
from catalog.care.fsck.findings import Finding
from catalog.care.fsck.run import FsckReport
from catalog.errors import CatalogError, CorruptData, InvalidInput
from tests.effort import effort
from tests.repository.format_reader import Json, Reader, Table

from .lakes import age, contents, in_days, lake, rows, stored, with_garbage
from .rich import rich, wide

Damage = Callable[[bytes, random.Random], bytes | None]

UNNOTICED = ("spare/", "cache/", "tmp/", "locks/")
"""What may be gone without a trace: what is derived."""


@pytest.fixture(scope="module")
def lakes(tmp_path_factory: pytest.TempPathFactory) -> Sequence[Path]:
    root = tmp_path_factory.mktemp("fsck")
    rich(root)
    wide(root / "wide")
    made = [root / "lake", root / "wide"]
    for one in made:
        shutil.copytree(one, whole(one))
    return made


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


@contextmanager
def largest_file(size_bytes: int) -> Iterator[None]:
    """Lets no file become larger, as on a disk that is almost full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def found(report: FsckReport, path: str) -> list[Finding]:
    return [one for one in report.findings if one.path == path]


def check(root: Path, path: Path, data: bytes | None, *, source: bool) -> str:
    """Returns what is wrong with how a damage is found and repaired; empty if nothing is."""
    name = path.relative_to(root).as_posix()
    good, before = path.read_bytes(), everything_of(root)
    with damaged(root, path, data):
        try:
            report = fsck(
                root,
                deep=root.name != "wide",
                repair=True,
                source=str(whole(root)) if source else None,
            )
        except CatalogError as error:
            return f"{name}: raised {error}"
        now = everything_of(root)
        others = {
            other for other in now.keys() | before.keys() if now.get(other) != before.get(other)
        }
        others -= {name}
        if others:
            for other in others & before.keys():
                (root / other).write_bytes(before[other] or b"")
            return f"{name}: a repair changed {sorted(others)}"
        named = found(report, name)
        if not named:
            if data is None and name.startswith(UNNOTICED):
                return ""
            return "" if reads_as_before(root) else f"{name}: not found"
        if name.startswith(("objects/", "data/", "lists/", "blobs/")):
            affects = named[0].affects
            if not (affects.commits or affects.tables):
                return f"{name}: affects nothing"
        repaired = any(one.repaired for one in named)
        if report.is_whole and not repaired and not is_spent(name, data):
            return f"{name}: counts as whole"
        return wrongly_repaired(name, now.get(name), wrong=data, good=good, repaired=repaired)


def wrongly_repaired(
    name: str, now: bytes | None, *, wrong: bytes | None, good: bytes, repaired: bool
) -> str:
    """Returns what is wrong with what became of an object; empty if nothing is."""
    if not repaired:
        return "" if now == wrong else f"{name}: was changed, and is not repaired"
    if name.startswith("cache/"):
        return "" if now is None else f"{name}: is still there"
    if now == good or name.startswith("spare/"):
        return ""
    if name == "refs/branches/v1.json" and now is not None:  # a name that belongs to a tag
        ends = [json.loads(data)["reflog"][0][3:5] for data in (now, good)]
        return "" if ends == [[None, None]] * 2 else f"{name}: was given away"
    return f"{name}: was repaired wrongly"


def whole(root: Path) -> Path:
    """Returns a copy of a catalog, made before anything was damaged."""
    return root.with_name(f"whole {root.name}")


def everything_of(root: Path) -> dict[str, bytes | None]:
    """Returns the bytes of all objects of a catalog."""
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in objects(root)}


def is_spent(name: str, data: bytes | None) -> bool:
    """Returns whether nobody needs an object: a tag that was deleted, a mark that is not empty."""
    return name.startswith("refs/tags/spent.json") and (data is not None or name.endswith(".json"))


_BEFORE: dict[Path, object] = {}


def reads_as_before(root: Path) -> bool:
    """Returns whether an independent reader finds what it found before."""
    try:
        now = everything(root)
    except Exception:  # noqa: BLE001 - whatever a reader stumbles over
        return False
    if root not in _BEFORE:
        _BEFORE[root] = everything(whole(root))
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
        by_kind: dict[str, list[Path]] = {}
        for path in objects(root):
            by_kind.setdefault(kind_of(root, path), []).append(path)
        for kind, paths in by_kind.items():
            if root.name == "wide" and kind != "objects":
                continue
            chosen = effort([chance.choice(paths)], paths)
            for path in chosen:
                data = path.read_bytes()
                count = 1 if kind.startswith("cache/") else 2
                damages = effort(chance.sample(DAMAGES, count), list(DAMAGES))
                for damage in damages:
                    new = damage(data, chance)
                    if new != data:
                        yield root, path, new
                others = [other for other in paths if other != path and kind != "cache/stat"]
                if others and effort(chance.random() < 0.5, thorough=True):
                    new = chance.choice(others).read_bytes()
                    if new != data:
                        yield root, path, new


@pytest.mark.invariant("fsck finds the damage of any object, and says what it affects")
@pytest.mark.invariant("A repair publishes only the bytes that were lost")
def test_any_damage_is_found_and_never_repaired_wrongly(lakes: Sequence[Path]) -> None:
    for root in lakes:
        for deep in (False, True):
            report = Catalog.open(str(root)).fsck(deep=deep)
            assert report.is_whole and not report.findings and not report.left_over
    wrong = []
    for number, case in enumerate(cases(lakes)):
        for source in effort([number % 2 == 0], [False, True]):
            if one := check(*case, source=source):
                wrong.append(f"{one} ({len(case[2] or b'')} bytes, source: {source})")
    assert not wrong, "\n".join(wrong)


# repairs


@pytest.fixture
def copy(lakes: Sequence[Path], tmp_path: Path) -> Path:
    """Returns a copy of the rich catalog without tables of files that others can reach."""
    root = tmp_path / "lake"
    shutil.copytree(lakes[0], root)
    return root


def bytes_of(root: Path) -> dict[str, bytes]:
    named = {path.relative_to(root).as_posix(): path for path in objects(root)}
    own = {name: path for name, path in named.items() if not name.startswith("cache/")}
    return {name: path.read_bytes() for name, path in own.items()}


def is_outside(finding: Finding) -> bool:
    """Returns whether a finding is about links, whose inodes a copy does not have."""
    return finding.kind == "reference-changed"


def damage_some(root: Path, kinds: Sequence[str], chance: random.Random) -> dict[str, bytes]:
    """Damages objects of some kinds; returns their bytes as they were."""
    by_kind: dict[str, list[Path]] = {}
    for path in objects(root):
        by_kind.setdefault(kind_of(root, path), []).append(path)
    before = {}
    for kind in kinds:
        for path in chance.sample(by_kind[kind], min(2, len(by_kind[kind]))):
            data = path.read_bytes()
            if path.parent.name == "linked" or not data:
                continue
            before[path.relative_to(root).as_posix()] = data
            damage = chance.choice([None, data[:-1], flipped(data, chance)])
            path.unlink()
            if damage is not None:
                path.write_bytes(damage)
    return before


@pytest.mark.invariant("A repair publishes only the bytes that were lost")
@pytest.mark.parametrize("seed", range(effort(3, 100)))
def test_a_repair_from_a_backup_brings_back_the_very_bytes(
    lakes: Sequence[Path], copy: Path, seed: int
) -> None:
    chance = random.Random(seed)
    kinds = ("objects", "data", "lists", "blobs", "refs/reflogs")
    before = damage_some(copy, kinds, chance)
    damage = bytes_of(copy)
    catalog = Catalog.open(str(copy))
    dry = catalog.fsck(deep=True, repair=True, dry_run=True, source=str(lakes[0]))
    assert bytes_of(copy) == damage
    named = {one.path for one in dry.findings}
    report = Catalog.open(str(copy)).fsck(deep=True, repair=True, source=str(lakes[0]))
    named |= {one.path for one in report.findings}
    left = [one for one in report.findings if not one.repaired and not is_outside(one)]
    again = Catalog.open(str(copy)).fsck(deep=True).findings
    assert any(one.could_repair for one in dry.findings)
    assert (left, [one for one in again if not is_outside(one)]) == ([], [])
    whole = bytes_of(lakes[0])
    assert bytes_of(copy).keys() == whole.keys()
    # some bits of a compressed frame say nothing: no reader sees them
    seen = [path for path in before if path in named or not path.startswith("objects/")]
    assert all(bytes_of(copy)[path] == whole[path] for path in seen)


@pytest.mark.parametrize("gone", [("objects",), ("objects", "data"), ("objects", "refs/branches")])
def test_what_a_repair_calls_whole_is_whole(tmp_path: Path, gone: Sequence[str]) -> None:
    catalog = lake(tmp_path / "lake")
    for number in range(5):
        with catalog.transaction(message="more") as tx:
            tx.write("orders", rows(100 * number + 100, 4, 9.0), mode="append")
    shutil.copytree(tmp_path / "lake", tmp_path / "backup")
    before = stored(tmp_path / "lake")
    for folder in gone:
        shutil.rmtree(tmp_path / "lake" / folder)
    report = fsck(tmp_path / "lake", deep=True, repair=True, source=str(tmp_path / "backup"))
    again = fsck(tmp_path / "lake", deep=True)
    assert report.is_whole == again.is_whole == ("refs/branches" not in gone)
    if report.is_whole:
        assert stored(tmp_path / "lake") == before
        assert contents(tmp_path / "lake") == contents(tmp_path / "backup")
        assert report.commits == again.commits == 8


@pytest.mark.parametrize("folder", ["objects", "data"])
def test_a_full_disk_is_told_and_costs_nothing(tmp_path: Path, folder: str) -> None:
    lake(tmp_path / "lake")
    shutil.copytree(tmp_path / "lake", tmp_path / "backup")
    for path in (tmp_path / "lake" / folder).rglob("*"):
        if path.is_file():
            path.write_bytes(path.read_bytes()[:-1] + b"?")
    before = bytes_of(tmp_path / "lake")
    with largest_file(100):
        report = fsck(tmp_path / "lake", deep=True, repair=True, source=str(tmp_path / "backup"))
    failed = [one for one in report.findings if one.path.startswith(folder)]
    assert not report.is_whole
    assert failed
    assert all("File too large" in one.failure and not one.repaired for one in failed)
    assert bytes_of(tmp_path / "lake") == before
    assert not list((tmp_path / "lake/tmp").glob("*"))
    assert fsck(tmp_path / "lake", repair=True, source=str(tmp_path / "backup")).is_whole


@pytest.mark.invariant("A repair publishes only the bytes that were lost")
@pytest.mark.parametrize("seed", range(effort(4, 200)))
def test_a_repair_without_a_backup_never_makes_wrong_data_look_right(
    lakes: Sequence[Path], copy: Path, seed: int
) -> None:
    chance = random.Random(seed)
    kinds = ("objects", "data", "lists", "blobs", "refs/branches", "refs/tags", "refs/reflogs")
    damage_some(copy, kinds, chance)
    damage, whole = bytes_of(copy), bytes_of(lakes[0])
    report = Catalog.open(str(copy)).fsck(deep=True, repair=True)
    given = {one.path for one in report.findings if one.kind == "branch-missing" and one.repaired}
    for path, data in bytes_of(copy).items():
        if path in given:  # a name that belongs to a tag
            was = json.loads(whole[path])
            assert json.loads(data)["commit"] is was["commit"] is None
            assert json.loads(data)["reflog"][0][3:5] == was["reflog"][0][3:5] == [None, None]
        else:
            assert data in (damage.get(path), whole.get(path)), path
    repaired = {one.path for one in report.findings if one.repaired} - given
    assert all(bytes_of(copy)[path] == whole[path] for path in repaired)


def test_a_list_of_contents_is_made_again_from_its_rows(copy: Path) -> None:
    (path,) = [one for one in sorted((copy / "lists").rglob("*")) if one.is_file()][:1]
    lists = {p: p.read_bytes() for p in (copy / "lists").rglob("*") if p.is_file()}
    for one in lists:
        one.unlink()
    report = Catalog.open(str(copy)).fsck(repair=True)
    made = [one for one in report.findings if one.kind == "list-missing" and one.repaired]
    assert made and all((copy / one.path).read_bytes() == lists[copy / one.path] for one in made)
    left = [one for one in report.findings if one.kind == "list-missing" and not one.repaired]
    assert len(made) + len(left) == len(lists)  # that of files elsewhere is not in the rows
    assert path in lists


def test_a_lost_file_comes_back_from_its_twin(tmp_path: Path) -> None:
    catalog = lake(tmp_path)
    with catalog.transaction() as tx:
        tx.write("twins", rows(0, 10, 1.0).slice(0, 5), mode="overwrite", partition_by=["p"])
        tx.write("others", rows(0, 10, 1.0).slice(0, 5), mode="overwrite", partition_by=["p"])
    path = next((tmp_path / "data/twins").rglob("*.parquet"))
    data = path.read_bytes()
    path.write_bytes(data[:-3])
    report = catalog.fsck(repair=True)
    assert [one.repaired for one in report.findings] == [True] and report.is_whole
    assert path.read_bytes() == data
    assert catalog.fsck(deep=True).findings == []


@pytest.mark.parametrize("bit", range(0, 5000, effort(701, 17)))
def test_a_flipped_bit_of_a_branch_is_flipped_back(tmp_path: Path, bit: int) -> None:
    catalog = lake(tmp_path)
    path = tmp_path / "refs/branches/main.json"
    data = path.read_bytes()
    at = bit % (8 * len(data))
    wrong = bytearray(data)
    wrong[at // 8] ^= 1 << at % 8
    path.write_bytes(wrong)
    report = catalog.fsck(repair=True)
    (finding,) = [one for one in report.findings if one.severity == "damage"]
    assert finding.kind == "branch-damaged" and finding.affects.refs == ["main"]
    assert path.read_bytes() == (data if finding.repaired else wrong)
    assert finding.repaired or b"digest" not in wrong


def test_a_branch_that_was_put_elsewhere_is_not_believed(tmp_path: Path) -> None:
    catalog = lake(tmp_path)
    path = tmp_path / "refs/branches/main.json"
    data = path.read_bytes()
    stored = json.loads(data)
    elsewhere = {**stored, "commit": stored["reflog"][1][4], "protected": True}
    path.write_bytes(json.dumps(elsewhere, sort_keys=True, separators=(",", ":")).encode())
    wrong = path.read_bytes()
    report = catalog.fsck(repair=True)
    assert not report.is_whole and path.read_bytes() == wrong


def test_damaged_garbage_lists_are_withdrawn(tmp_path: Path) -> None:
    with_garbage(tmp_path)
    catalog = in_days(tmp_path, 40)
    age(tmp_path)
    catalog.gc(reflog="7d")
    (path,) = (tmp_path / "gc/lists").rglob("names")
    path.write_bytes(path.read_bytes()[:-1])
    report = catalog.fsck(repair=True)
    wrong = [one for one in report.findings if one.severity != "left over"]
    assert [(one.kind, one.repaired) for one in wrong] == [("gc-list-damaged", True)]
    assert not path.exists() and not path.with_name("objects").exists()
    assert catalog.fsck(deep=True).is_whole
    assert catalog.gc(reflog="7d").listed.total > 0


def test_data_that_expired_and_what_gc_took_is_no_damage(tmp_path: Path) -> None:
    catalog = with_garbage(tmp_path)
    with catalog.transaction(message="three") as tx:
        tx.write("orders", rows(0, 3, 7.0), mode="overwrite")
    later = in_days(tmp_path, 100)
    with later.transaction(message="four") as tx:
        tx.write("orders", rows(0, 3, 8.0), mode="overwrite")
    later.expire("30d")
    age(tmp_path)
    assert later.fsck(deep=True).is_whole
    assert later.gc(reflog="1h", grace="1h", alone=True).removed.total > 0
    for deep in (False, True):
        report = later.fsck(deep=deep)
        assert report.is_whole and not report.left_over, report.findings


def test_a_lost_branch_is_missed_and_nothing_of_it_is_collected(tmp_path: Path) -> None:
    catalog = lake(tmp_path)
    catalog.branches.create("lost")
    with catalog.transaction(branch="lost") as tx:
        tx.write("orders", rows(50, 5, 2.0), mode="append")
    (tmp_path / "refs/branches/lost.json").unlink()
    report = catalog.fsck(repair=True)
    assert report.left_over["packs"].objects == 1
    assert [(one.kind, one.repaired) for one in report.findings] == [("branch-missing", False)]
    assert report.findings[0].affects.refs == ["lost"] and not report.is_whole
    with pytest.raises(CorruptData, match=r"lost\.json is gone"):
        catalog.gc(alone=True)
    catalog.branches.create("lost")
    assert catalog.fsck().is_whole


def test_branches_and_tags_of_earlier_releases_are_not_missed_and_get_spares(
    tmp_path: Path,
) -> None:
    catalog = lake(tmp_path)
    catalog.branches.create("old")
    for name in ("v1", "v2"):
        catalog.tags.create(name)
    catalog.tags.delete("v2")
    made = objects(tmp_path / "spare")
    shutil.rmtree(tmp_path / "spare")
    catalog.branches.delete("old")
    assert catalog.fsck(deep=True).is_whole
    assert catalog.fsck(repair=True).is_whole
    assert objects(tmp_path / "spare") == made
    shutil.rmtree(tmp_path / "spare")
    (tmp_path / "refs/branches/old.json").unlink()
    assert catalog.fsck(deep=True).is_whole


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("refs/tags/v1.json", "tag-missing"),
        ("refs/tags/v2.json", "tag-missing"),
        ("refs/tags/v2.json.deleted", "mark-missing"),
    ],
)
def test_tags_and_marks_come_back_from_their_spares(tmp_path: Path, path: str, kind: str) -> None:
    catalog = lake(tmp_path)
    for name in ("v1", "v2"):
        catalog.tags.create(name)
    catalog.tags.delete("v2")
    data = (tmp_path / path).read_bytes()
    for damage in (None, b"x"):
        (tmp_path / path).unlink()
        if damage is not None:
            (tmp_path / path).write_bytes(damage)
        (finding,) = Catalog.open(str(tmp_path)).fsck().findings
        assert finding.kind == (kind if damage is None else "tag-damaged")
        assert finding.affects.refs == ([path.split("/")[2][:2]] if finding.affects.refs else [])
        (finding,) = Catalog.open(str(tmp_path)).fsck(repair=True).findings
        assert finding.repaired and (tmp_path / path).read_bytes() == data
        assert not Catalog.open(str(tmp_path)).fsck(deep=True).findings


def test_a_name_is_given_to_its_tag_again(tmp_path: Path) -> None:
    catalog = lake(tmp_path)
    catalog.tags.create("v1")
    (tmp_path / "refs/branches/v1.json").unlink()
    (finding,) = Catalog.open(str(tmp_path)).fsck(repair=True).findings
    assert (finding.kind, finding.repaired) == ("branch-missing", True)
    with pytest.raises(CatalogError, match="tag"):
        Catalog.open(str(tmp_path)).branches.create("v1")
    assert not Catalog.open(str(tmp_path)).fsck(deep=True).findings


def test_it_says_what_is_affected(tmp_path: Path) -> None:
    catalog = lake(tmp_path)
    catalog.tags.create("v1")
    with catalog.transaction(message="three") as tx:
        tx.write("people", rows(50, 5, 2.0).select(["id"]), mode="overwrite")
    files = (tmp_path / "data/orders").rglob("*.parquet")
    path = min(files, key=lambda one: one.stat().st_mtime_ns)
    path.unlink()
    (finding,) = catalog.fsck().findings
    log = list(catalog.log("main"))
    assert finding.kind == "data-missing" and finding.affects.tables == ["orders"]
    assert set(finding.affects.refs) == {"main", "v1"}
    assert finding.affects.partitions == [f"orders/{path.parent.name}"]
    assert finding.affects.newest == log[0].id and finding.affects.commits == 3
    assert finding.affects.oldest == log[2].id


def test_one_damage_hides_no_other(lakes: Sequence[Path], copy: Path) -> None:
    for path in sorted((copy / "data").rglob("*.parquet")):
        path.unlink()
    for path in sorted((copy / "refs/tags").glob("v1.json")):
        path.write_bytes(b"{}")
    report = Catalog.open(str(copy)).fsck()
    missing = {one.path for one in report.findings if one.kind == "data-missing"}
    own = [p for p in objects(lakes[0]) if p.parts[len(lakes[0].parts)] == "data"]
    linked = [p for p in own if p.relative_to(lakes[0]).parts[1] == "linked"]
    assert len(missing) == len(own) - len(linked)
    assert any(one.kind == "tag-damaged" for one in report.findings)


def test_a_dry_run_without_a_repair_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="repair"):
        lake(tmp_path).fsck(dry_run=True)
