"""File sets in buckets: as sources, as the catalog's place, and both."""

from collections.abc import Mapping
from pathlib import Path

import pytest

import catalog
from catalog.catalog import Catalog
from catalog.errors import CatalogError, CorruptData, ErrorKind, Unsupported
from catalog.repository import repository as stored
from catalog.storage.bucket.store import BucketStore
from catalog.storage.options import S3Options
from catalog.storage.s3.service import S3Service
from tests.write.conftest import START
from tests.write.file_trees import contents, plant, take

from .conftest import new_place
from .proxy import FATES, Proxy, once
from .servers import Server

FILES = {"a/one.txt": b"one", "a/two": b"\x00two", "b/copy": b"one", ".h": b"", "été #1": b"e"}


def put(access: S3Service, place: str, files: Mapping[str, bytes]) -> str:
    """Uploads files, and returns the URI of their prefix."""
    bucket, _, prefix = place.removeprefix("s3://").partition("/")
    for path, content in files.items():
        access.client.put_object(Bucket=bucket, Key=f"{prefix}/src/{path}", Body=content)
    return f"{place}/src"


@pytest.fixture
def lake(place: str, server: Server) -> Catalog:
    return catalog.create(f"{place}/lake", s3=S3Options(endpoint_url=server.endpoint))


@pytest.fixture
def local(server: Server, tmp_path: Path) -> Catalog:
    return catalog.create(tmp_path / "lake", s3=S3Options(endpoint_url=server.endpoint))


def test_a_catalog_in_a_bucket_keeps_and_restores_contents(lake: Catalog, tmp_path: Path) -> None:
    source = plant(tmp_path / "s", FILES)
    take(lake, source)
    assert take(lake, source)[1] is None
    plant(source, {"a/one.txt": b"ONE"})
    report, _ = take(lake, source)
    assert (report.files_added, report.bytes_copied) == (1, 3)
    for ref, files in (("main~1", FILES), ("main", {**FILES, "a/one.txt": b"ONE"})):
        lake.export("images", str(tmp_path / f"out {ref}"), ref=ref, format="files")
        assert contents(tmp_path / f"out {ref}") == files
    with lake.open_file("images@main~1", "a/one.txt") as file:
        assert (file.read(), file.seek(1), file.read()) == (b"one", 1, b"ne")
    with pytest.raises(Unsupported):
        take(lake, source, "links", mode="link")


@pytest.mark.parametrize(("where", "mode"), [("lake", "copy"), ("local", "reference")])
def test_a_prefix_is_a_source(
    request: pytest.FixtureRequest,
    access: S3Service,
    place: str,
    tmp_path: Path,
    mode: str,
    where: str,
) -> None:
    cat: Catalog = request.getfixturevalue(where)
    source = put(access, place, {**FILES, "folder/": b""})
    report, _ = take(cat, source, mode=mode)
    assert (report.rows, report.bytes_copied > 0) == (len(FILES), mode == "copy")
    assert take(cat, source, mode=mode)[1] is None
    cat.export("images", str(tmp_path / "out"), format="files")
    assert contents(tmp_path / "out") == FILES
    put(access, place, {"a/two": b"changed", "new": b"n"})
    if mode == "reference":
        with pytest.raises(CorruptData) as raised:
            cat.open_file("images", "a/two")
        assert raised.value.kind is ErrorKind.FILE_CHANGED
    report, _ = take(cat, source, mode=mode)
    assert (report.files_added, report.files_removed, report.files_kept) == (2, 1, 4)
    with cat.open_file("images", "a/two") as file:
        assert file.read() == b"changed"


ODD_KEYS: tuple[dict[str, bytes], ...] = (
    {"a//b": b""},
    {"a": b"", "a/b": b""},
    {"A": b"", "a": b""},
    {"back\\slash": b""},
    {"e\u0301": b""},
)


def test_keys_that_no_directory_could_hold_are_refused(moto: Server, tmp_path: Path) -> None:
    """Servers that keep objects in files have no such keys."""
    options = S3Options(endpoint_url=moto.endpoint)
    access = S3Service(options)
    cat = catalog.create(tmp_path / "lake", s3=options)
    for files in ODD_KEYS:
        with pytest.raises(CatalogError) as raised:
            take(cat, put(access, new_place(access), files))
        assert raised.value.kind is ErrorKind.INVALID_NAME
        assert raised.value.hint
    assert not cat.tables()


def test_the_catalog_itself_is_no_source(lake: Catalog, place: str) -> None:
    for source in (f"{place}/lake", f"{place}/lake/objects", place):
        with pytest.raises(CatalogError) as raised:
            take(lake, source)
        assert raised.value.kind is ErrorKind.PATH_OUTSIDE


@pytest.mark.parametrize("part", ["/blobs/", "/lists/"])
def test_contents_and_lists_arrive_whatever_happens_to_an_answer(
    moto: Server, proxy: Proxy, watched: S3Service, tmp_path: Path, part: str
) -> None:
    place = new_place(S3Service(S3Options(endpoint_url=moto.endpoint)))
    store = BucketStore(f"{place}/lake", watched)
    repository = stored.create(store, author="tester", now=START)
    cat = Catalog("lake", repository, author="tester")
    for number, fate in enumerate(FATES):
        proxy.plan = once(fate, part)
        take(cat, plant(tmp_path / "s", {**FILES, "changes": fate.encode()}))
        assert proxy.happened[-1][2] == fate
        proxy.plan = lambda method, path: None
        cat.export("images", str(tmp_path / f"out {number}"), format="files")
        assert contents(tmp_path / f"out {number}") == {**FILES, "changes": fate.encode()}


def test_file_sets_merge_there(lake: Catalog, tmp_path: Path) -> None:
    take(lake, plant(tmp_path / "s", FILES))
    lake.branches.create("work")
    take(lake, plant(tmp_path / "one", {**FILES, "a/two": b"ours"}))
    take(lake, plant(tmp_path / "two", {**FILES, "more": b"theirs"}), branch="work")
    lake.merge("work")
    lake.export("images", str(tmp_path / "out"), format="files")
    assert contents(tmp_path / "out") == {**FILES, "a/two": b"ours", "more": b"theirs"}
