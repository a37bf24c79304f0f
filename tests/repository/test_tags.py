"""Tags: given once, spent once deleted."""

import pytest

from catalog.errors import AlreadyExists, CorruptData, NotFound
from catalog.model.refs import Tag
from tests.storage.wrappers import FaultyStore

from .conftest import History, at


def tag(name: str, commit_id: str, message: str = "") -> Tag:
    return Tag(name, commit_id, at(0), "tester", message)


def test_tags_are_listed_by_name(history: History) -> None:
    tags = history.repository.tags
    for name in ("v2", "v1", "größe"):
        tags.create(tag(name, history.first, "about"))
    assert [t.name for t in tags.list()] == ["größe", "v1", "v2"]
    assert tags.find("v1") == tag("v1", history.first, "about")


def test_a_tag_never_moves(history: History) -> None:
    history.repository.tags.create(tag("v1", history.first))
    other = history.advance()
    with pytest.raises(AlreadyExists) as caught:
        history.repository.tags.create(tag("v1", other))
    assert caught.value.kind == "ref-exists"
    assert history.resolve("v1") == history.first


def test_the_name_of_a_deleted_tag_is_spent(history: History) -> None:
    tags = history.repository.tags
    tags.create(tag("v1", history.first))
    tags.delete("v1")
    assert (tags.find("v1"), tags.list()) == (None, [])
    for commit_id in (history.first, history.advance()):
        with pytest.raises(AlreadyExists) as caught:
            tags.create(tag("v1", commit_id))
        assert caught.value.kind == "tag-spent"
    with pytest.raises(NotFound) as missing:
        history.resolve("v1")
    assert missing.value.hint == "a tag of that name was deleted"
    with pytest.raises(NotFound):
        tags.delete("v1")


def test_a_creation_sent_twice_is_one(history: History, store: FaultyStore) -> None:
    store.faults["create"] = ["twice"]
    history.repository.tags.create(tag("v1", history.first))
    assert history.resolve("v1") == history.first


@pytest.mark.parametrize("damage", [b"", b"{}", b'{"kind":"tag"}'])
def test_a_damaged_tag_is_refused(history: History, store: FaultyStore, damage: bytes) -> None:
    history.repository.tags.create(tag("v1", history.first))
    store.put("refs/tags/v1.json", damage)
    with pytest.raises(CorruptData):
        history.resolve("v1")
