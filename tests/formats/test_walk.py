"""What a source is: which files count in a directory, a pattern and a bucket alike."""

import os
import random
import socket
from pathlib import Path, PurePosixPath

import pytest

from catalog.errors import ErrorKind, InvalidInput, NotFound, StorageFailure, Unsupported
from catalog.formats.discover import discover

from .trees import Tree, touch

both = pytest.mark.parametrize("remote", [False, True], ids=["directory", "bucket"])

HIDDEN = [
    "_temporary/0/attempt/month=1/a.parquet", "_x.parquet", ".x.parquet", "month=1/.a.parquet.crc",
    "month=1/_metadata", "_SUCCESS", "month=1/_y/a.parquet", ".spark-staging/month=2/a.parquet",
    "month=1/.hidden.parquet", "_committed_1", "._a.parquet",
]  # fmt: skip


@pytest.mark.invariant("A directory and the patterns that match it have the same files")
@both
def test_hidden_names_count_nowhere(tmp_path: Path, remote: bool) -> None:
    seen = ["month=1/a.parquet", "month=2/b.parq", "month=2/deep/c.pq"]
    tree = Tree(tmp_path, [*(f"s/{name}" for name in [*HIDDEN, *seen])], remote=remote)
    wanted = [f"s/{name}" for name in seen]
    for source in ("s", "s/", "s/*", "s/**", "s/month=*", "s/month=*/**", "*", "s/**/*.p*"):
        assert tree.files(source) == wanted, source
    assert tree.files("s/**/*.parquet") == wanted[:1]
    assert tree.files("s/*/*.parq") == wanted[1:2]


@both
def test_a_name_that_is_given_counts_though_it_is_hidden(tmp_path: Path, remote: bool) -> None:
    names = ["s/_a/x.parquet", "s/_a/_b/y.parquet", "s/.c.parquet", "s/_d.parquet", "s/e.parquet"]
    tree = Tree(tmp_path, names, remote=remote)
    assert tree.files("s/_a") == ["s/_a/x.parquet"]
    assert tree.files("s/_a/*") == ["s/_a/x.parquet"]
    assert tree.files("s/_*") == ["s/_a/x.parquet", "s/_d.parquet"]
    assert tree.files("s/.*") == ["s/.c.parquet"]
    assert tree.files("s/_d.parquet") == ["s/_d.parquet"]


@both
def test_a_column_may_begin_like_a_hidden_name(tmp_path: Path, remote: bool) -> None:
    tree = Tree(tmp_path, ["s/_p=1/a.parquet"], remote=remote)
    for source in ("s", "s/*", "s/**/*.parquet"):
        assert tree.found(source).columns == ("_p",)


@both
def test_a_name_that_looks_like_a_pattern_is_a_name_first(tmp_path: Path, remote: bool) -> None:
    tree = Tree(tmp_path, ["s[1]/a.parquet", "s1/b.parquet", "x?.parquet"], remote=remote)
    assert tree.files("s[1]") == ["s[1]/a.parquet"]
    assert tree.files("x?.parquet") == ["x?.parquet"]


@pytest.mark.parametrize("seed", range(8))
def test_every_form_of_a_source_has_the_same_files(tmp_path: Path, seed: int) -> None:
    draw = random.Random(seed)
    folders = ["a", "b=1", "_c", ".d", "_e=2", "f g", "é", "e\u0301", "#", "100%", "%41", "x=y=z"]
    files = ["1.parquet", "2.PARQUET", "_3.parquet", ".4.parquet", "5.csv", "6.pq", "=.parq"]
    names = {
        "/".join(["s", *draw.choices(folders, k=draw.randrange(4)), draw.choice(files)])
        for _ in range(40)
    }

    def counts(name: str) -> bool:
        path = PurePosixPath(name)
        shown = all("=" in part or part[0] not in "_." for part in path.parts)
        return shown and path.suffix.lower() in (".parquet", ".pq", ".parq")

    wanted = sorted(filter(counts, names))
    ends = [f"s/**/*{suffix}" for suffix in (".parquet", ".PARQUET", ".pq", ".parq")]
    for remote in (False, True):
        tree = Tree(tmp_path, list(names), remote=remote)

        def files(source: str, tree: Tree = tree) -> list[str]:
            try:
                return tree.files(source)
            except InvalidInput as error:
                assert error.kind is ErrorKind.MIXED_PARTITIONING
                return _unchecked(tree, source)

        for source in ("s", "s/*", "s/**", "?", "**"):
            assert files(source) == wanted
        assert sorted(name for end in ends for name in files(end)) == wanted


def _unchecked(tree: Tree, source: str) -> list[str]:
    from catalog.formats.discover import list_source

    listing = list_source(f"{tree.root}/{source}", tree.store)
    return sorted(f.path[len(tree.root) + 1 :] for f in listing.files)


MARKS = {
    "Delta": "_delta_log/00000000000000000000.json",
    "Hudi": ".hoodie/hoodie.properties",
    "Iceberg": "metadata/00000-1.metadata.json",
    "Iceberg ": "metadata/v1.metadata.json.gz",
    "Paimon": "schema/schema-0",
    "DuckLake": "ducklake-01992bd0-7d1a-7f2b-8a3c-0123456789ab.parquet",
    "Parquetry": "refs/branches/main.json",
}


@pytest.mark.invariant("A table of another format is never taken for plain Parquet without a word")
@both
@pytest.mark.parametrize("name", MARKS)
def test_a_table_of_another_format_is_refused_wherever_a_walk_meets_it(
    tmp_path: Path, name: str, remote: bool
) -> None:
    inside = ["data/day=1/x.parquet", "day=1/y.parquet", "z.parquet", MARKS[name]]
    names = [*(f"wh/orders/{one}" for one in inside), "wh/plain/a.parquet"]
    tree = Tree(tmp_path, names, remote=remote)
    above = ("wh", "*", "**", "wh/*", "wh/*/", "wh/**/*.parquet", "wh/*/*.parquet", "wh/o*/day=1")
    within = ("wh/orders", "wh/orders/*", "wh/orders/**")
    below: tuple[str, ...] = (
        "wh/orders/data",
        "wh/orders/data/day=1",
        "wh/orders/day=1",
        "wh/orders/da*",
    )
    if name == "DuckLake":  # its directories look like any
        below = ()
    if name == "Parquetry":  # other directories than data/ are none of its business
        below = below[:2]
        assert tree.files("wh/orders/day=1") == ["wh/orders/day=1/y.parquet"]
    for source in (*above, *within, *below):
        with pytest.raises(Unsupported, match=rf"orders is a table of {name.strip()}: ") as caught:
            tree.found(source)
        assert caught.value.kind is ErrorKind.OTHER_FORMAT, source
        assert caught.value.hint
    assert tree.files("wh/plain") == ["wh/plain/a.parquet"]
    assert tree.found("wh/p*").warnings == ()


@both
def test_files_of_another_table_that_are_named_themselves_are_taken_with_a_warning(
    tmp_path: Path, remote: bool
) -> None:
    inside = ["_delta_log/0.json", "_delta_log/1.checkpoint.parquet", "a.parquet", "p=1/b.parquet"]
    of_ducklake = f"l/{MARKS['DuckLake']}"
    tree = Tree(tmp_path, [*(f"t/{one}" for one in inside), of_ducklake], remote=remote)
    for source in (of_ducklake, "l/d*.parquet"):
        (warning,) = tree.found(source).warnings
        assert "l is a table of DuckLake" in warning
    for source, files in {
        "t/*.parquet": ["t/a.parquet"],
        "t/a.parquet": ["t/a.parquet"],
        "t/p=1/*.parquet": ["t/p=1/b.parquet"],
    }.items():
        assert tree.files(source) == files
        (warning,) = tree.found(source).warnings
        assert "t is a table of Delta" in warning


@both
@pytest.mark.parametrize("name", MARKS)
def test_a_table_without_files_of_its_own_is_one_too(
    tmp_path: Path, name: str, remote: bool
) -> None:
    tree = Tree(tmp_path, [f"wh/t/{MARKS[name]}", "wh/t/data/notes.txt"], remote=remote)
    for source in ("wh", "wh/t", "wh/t/*") + (("wh/t/data",) if name != "DuckLake" else ()):
        with pytest.raises(Unsupported, match=name.strip()):
            discover(f"{tree.root}/{source}", store=tree.store, missing_ok=True)


@both
def test_a_partition_of_hudi_is_known_by_itself(tmp_path: Path, remote: bool) -> None:
    tree = Tree(tmp_path, ["p/a.parquet", "p/.hoodie_partition_metadata"], remote=remote)
    with pytest.raises(Unsupported, match="Hudi"):
        tree.found("p")


def test_a_table_around_what_a_link_leads_to_counts(tmp_path: Path) -> None:
    touch(tmp_path / "t", "_delta_log/0.json", "p=1/a.parquet")
    (tmp_path / "link").symlink_to(tmp_path / "t/p=1")
    with pytest.raises(Unsupported, match="Delta"):
        discover(str(tmp_path / "link"))


def test_metadata_alone_is_no_table(tmp_path: Path) -> None:
    source = touch(tmp_path, "metadata/a.parquet", "refs/x.parquet", "schema/b.parquet")
    assert len(discover(source).files) == 3


def linked(root: Path, *pairs: tuple[str, str]) -> str:
    for link, target in pairs:
        (root / link).parent.mkdir(parents=True, exist_ok=True)
        (root / link).symlink_to(target)
    return str(root)


ONCE = {
    "a directory": [("latest", "2024")],
    "a file": [("latest.parquet", "2024/a.parquet")],
    "a file elsewhere": [("x/y.parquet", "../2024/a.parquet")],
    "a chain": [("l1", "2024"), ("l2", "l1"), ("l3", "l2")],
    "two ways": [("b/l", "../2024"), ("c/l", "../b")],
    "each other": [("2024/to", "../2025"), ("2025/to", "../2024")],
}


@pytest.mark.invariant("No file of a source is taken twice, whatever links lead to it")
@pytest.mark.parametrize("pattern", ["", "/*", "/**"])
@pytest.mark.parametrize("case", ONCE)
def test_a_file_that_links_lead_to_is_taken_once(tmp_path: Path, case: str, pattern: str) -> None:
    touch(tmp_path, "2024/a.parquet", "2025/b.parquet")
    found = discover(f"{linked(tmp_path, *ONCE[case])}{pattern}")
    assert [file.relative for file in found.files] == ["2024/a.parquet", "2025/b.parquet"]
    (warning,) = found.warnings
    assert "link" in warning


def test_a_link_counts_where_it_alone_is_asked_for(tmp_path: Path) -> None:
    touch(tmp_path, "2024/a.parquet", "2025/b.parquet", "_old/c.parquet")
    source = linked(tmp_path, ("latest", "2025"), ("kept", "_old"))
    for pattern, relative in {"l*": "latest/b.parquet", "k*/*.parquet": "kept/c.parquet"}.items():
        found = discover(f"{source}/{pattern}")
        assert [file.relative for file in found.files] == [relative]
        assert found.warnings == ()


@pytest.mark.parametrize("link", [("day=2", "day=1"), ("day=2/x.parquet", "../day=1/a.parquet")])
def test_a_file_in_two_partitions_is_refused(tmp_path: Path, link: tuple[str, str]) -> None:
    source = touch(tmp_path, "day=1/a.parquet")
    linked(tmp_path, link)
    with pytest.raises(InvalidInput, match="are one file, in two partitions") as caught:
        discover(source)
    assert caught.value.hint


def test_hard_links_are_files_of_their_own(tmp_path: Path) -> None:
    source = touch(tmp_path, "p=1/a.parquet", "p=2/.keep")
    os.link(tmp_path / "p=1/a.parquet", tmp_path / "p=2/a.parquet")
    assert len(discover(source).files) == 2


@pytest.mark.parametrize("pattern", ["", "/*", "/**/*"])
@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("x.parquet", "../outside/a.parquet"),
        ("x", "../outside"),
        ("a/up", ".."),
        ("x", "x"),
        ("x", "y"),
        ("x.parquet", "missing.parquet"),
        ("x", "missing"),
        ("day=1", "/nowhere"),
    ],
)
def test_links_to_elsewhere_in_circles_and_to_nothing_are_refused(
    tmp_path: Path, name: str, target: str, pattern: str
) -> None:
    touch(tmp_path, "s/a/a.parquet", "outside/a.parquet")
    linked(tmp_path / "s", (name, target), *([("y", "x")] if target == "y" else []))
    with pytest.raises(InvalidInput, match=name) as caught:
        discover(f"{tmp_path}/s{pattern}")
    assert caught.value.kind is ErrorKind.PATH_OUTSIDE


def test_hidden_links_are_not_looked_at(tmp_path: Path) -> None:
    source = touch(tmp_path, "a.parquet")
    linked(tmp_path, (".#lock", "me@host.123"), ("_up", ".."), (".x", ".x"))
    assert len(discover(source).files) == 1


@pytest.mark.parametrize("kind", ["pipe", "socket", "device"])
def test_what_cannot_be_read_as_a_file_is_refused_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    touch(tmp_path, "s/a.parquet")
    odd = tmp_path / "s/b.parquet"
    if kind == "pipe":
        os.mkfifo(odd)
    elif kind == "socket":
        monkeypatch.chdir(tmp_path / "s")  # a socket's whole path is limited to 100 bytes
        with socket.socket(socket.AF_UNIX) as made:
            made.bind("b.parquet")
    else:
        odd.symlink_to("/dev/zero")
    for source in ("s", "s/*", "s/**/*.parquet", "s/b.parquet"):
        with pytest.raises(InvalidInput) as caught:
            discover(f"{tmp_path}/{source}")
        assert caught.value.kind in (ErrorKind.NOT_A_FILE, ErrorKind.PATH_OUTSIDE)
        assert "b.parquet" in caught.value.message
    odd.rename(tmp_path / "s/b.pipe")
    if kind != "device":
        assert discover(f"{tmp_path}/s").ignored == 1


def test_prefixes_around_a_source_need_not_be_readable(tmp_path: Path) -> None:
    tree = Tree(tmp_path, ["wh/t/a.parquet"], remote=True)
    tree.store.only = "wh/t"
    assert tree.files("wh/t") == ["wh/t/a.parquet"]
    with pytest.raises(StorageFailure):
        tree.files("wh")


@both
def test_a_pattern_without_a_folder_has_no_files(tmp_path: Path, remote: bool) -> None:
    tree = Tree(tmp_path, ["s/a.parquet"], remote=remote)
    assert tree.files("t/*.parquet") == []
    with pytest.raises(NotFound):
        tree.files("t")
