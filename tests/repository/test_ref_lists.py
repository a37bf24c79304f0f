"""``cat.branches`` and ``cat.tags``: rules that hold between branches and tags."""

from pathlib import Path

import pytest

from catalog.catalog import Catalog
from catalog.errors import (
    AlreadyExists,
    CatalogError,
    Conflict,
    CorruptData,
    InvalidInput,
    NotFound,
)
from tests.storage.wrappers import FaultyStore

from .conftest import History


@pytest.fixture
def cat(history: History) -> Catalog:
    return Catalog("memory", history.repository, author="tester")


def test_branches_and_tags_share_their_names(cat: Catalog) -> None:
    cat.branches.create("dev")
    cat.tags.create("v1")
    with pytest.raises(AlreadyExists):
        cat.tags.create("dev")
    with pytest.raises(AlreadyExists):
        cat.branches.create("v1")


def test_a_branch_starts_anywhere(cat: Catalog, history: History) -> None:
    history.advance()
    branch = cat.branches.create("dev", at="main~1")
    assert branch.commit_id == history.first
    assert [m.why for m in cat.reflog("dev")] == ["branch: created from main~1"]


@pytest.mark.parametrize("at", ["missing", "main~9"])
def test_a_start_that_does_not_exist_is_not_found(cat: Catalog, at: str) -> None:
    with pytest.raises(NotFound):
        cat.branches.create("dev", at=at)
    with pytest.raises(NotFound):
        cat.tags.create("v1", at=at)
    assert [b.name for b in cat.branches.list()] == ["main"]


def test_names_are_the_same_in_every_unicode_form(cat: Catalog) -> None:
    cat.branches.create("caf\u00e9")
    assert cat.resolve("cafe\u0301").branch == "caf\u00e9"
    assert len(cat.reflog("cafe\u0301")) == 1
    cat.branches.delete("cafe\u0301")
    cat.tags.create("\u00e9")
    cat.tags.delete("e\u0301")
    assert cat.tags.list() == []


def test_the_default_branch_stays(cat: Catalog) -> None:
    with pytest.raises(InvalidInput):
        cat.branches.delete("main")


def test_a_deleted_branch_cannot_be_read_but_its_reflog_can(cat: Catalog) -> None:
    made = cat.branches.create("dev")
    assert cat.branches.delete("dev") == made
    for use in (cat.resolve, cat.branches.delete, lambda n: cat.transaction(n)):
        with pytest.raises(NotFound):
            use("dev")
    assert [m.why for m in cat.reflog("dev")] == ["branch: deleted", "branch: created from main"]


def test_a_branch_that_moves_while_it_is_deleted_stays(
    cat: Catalog, history: History, store: FaultyStore
) -> None:
    cat.branches.create("dev")
    store.faults["swap"] = [lambda: history.advance("dev")]
    with pytest.raises(Conflict) as caught:
        cat.branches.delete("dev")
    assert caught.value.kind == "write-conflict"
    assert cat.resolve("dev").branch == "dev"


def test_a_name_taken_while_it_is_revived_is_said(
    cat: Catalog, history: History, store: FaultyStore
) -> None:
    cat.branches.create("dev")
    cat.branches.delete("dev")
    store.faults["swap"] = [lambda: history.create("dev", history.first)]
    with pytest.raises(AlreadyExists):
        cat.branches.create("dev")


@pytest.mark.parametrize("name", ["never", "x" * 5000, "\x00"])
def test_unknown_names_are_not_found_everywhere(tmp_path: Path, name: str) -> None:
    cat = Catalog.create(str(tmp_path / "lake"))
    uses = (cat.resolve, cat.branches.delete, cat.reflog, cat.tags.delete, cat.transaction)
    for use in uses:
        with pytest.raises(NotFound):
            use(name)


def test_tags_are_spent_in_every_way(cat: Catalog) -> None:
    cat.tags.create("v1", message="first")
    cat.tags.delete("v1")
    with pytest.raises(AlreadyExists):
        cat.tags.create("v1")
    cat.branches.create("v1")
    assert cat.resolve("v1").branch == "v1"


class TestCreation:
    def test_a_catalog_is_created_once(self, tmp_path: Path) -> None:
        Catalog.create(str(tmp_path))
        with pytest.raises(AlreadyExists):
            Catalog.create(str(tmp_path))
        assert [t.message for t in Catalog.open(str(tmp_path)).log()] == ["catalog created"]

    def test_a_creation_that_was_stopped_can_be_repeated(self, tmp_path: Path) -> None:
        first = Catalog.create(str(tmp_path))
        (tmp_path / "catalog.json").unlink()
        with pytest.raises(NotFound):
            Catalog.open(str(tmp_path))
        again = Catalog.create(str(tmp_path))
        assert again.resolve("main").commit_id == first.resolve("main").commit_id
        assert Catalog.open(str(tmp_path)).info == again.info

    def test_a_catalog_that_lost_its_description_is_not_taken_for_an_unfinished_one(
        self, tmp_path: Path
    ) -> None:
        cat = Catalog.create(str(tmp_path))
        with cat.transaction() as tx:
            tx.write("t", [{"a": 1}], mode="append")
        description = tmp_path / "catalog.json"
        description.unlink()
        with pytest.raises(CorruptData) as caught:
            Catalog.create(str(tmp_path))
        assert caught.value.kind == "description-lost"
        description.write_text(caught.value.hint[caught.value.hint.index("{") :])
        assert Catalog.open(str(tmp_path)).sql("FROM t").fetchall() == [(1,)]

    @pytest.mark.parametrize("left", ["branches/fix.json", "tags/v1.json"])
    def test_references_of_another_catalog_are_not_mixed_in(
        self, tmp_path: Path, left: str
    ) -> None:
        cat = Catalog.create(str(tmp_path))
        cat.branches.create("fix")
        cat.tags.create("v1")
        for path in [tmp_path / "catalog.json", *(tmp_path / "refs").rglob("*.json")]:
            if not path.as_posix().endswith(left):
                path.unlink()
        before = sorted(tmp_path.rglob("*"))
        with pytest.raises(CorruptData) as caught:
            Catalog.create(str(tmp_path))
        assert caught.value.kind == "description-lost"
        assert sorted(tmp_path.rglob("*")) == before

    def test_a_newer_format_is_refused(self, tmp_path: Path) -> None:
        Catalog.create(str(tmp_path))
        path = tmp_path / "catalog.json"
        path.write_text(path.read_text().replace('"format_version":2', '"format_version":3'))
        with pytest.raises(CatalogError) as caught:
            Catalog.open(str(tmp_path))
        assert (caught.value.kind, caught.value.hint != "") == ("newer-format", True)

    def test_a_directory_without_a_catalog_is_not_found(self, tmp_path: Path) -> None:
        with pytest.raises(NotFound) as caught:
            Catalog.open(str(tmp_path))
        assert "catalog.create(" in caught.value.hint
