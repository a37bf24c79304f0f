"""Tags: names given once to a commit, and spent once deleted."""

from collections.abc import Callable, Iterator, Sequence

from catalog.errors import AlreadyExists, CorruptData, ErrorKind, NotFound
from catalog.hints import Call, hint
from catalog.model.ids import parse_json
from catalog.model.names import encode_segment
from catalog.model.refs import Tag, tag_from_fields, tag_from_json
from catalog.repository.branch_errors import damaged_tag_error
from catalog.repository.creation import create_named, create_own
from catalog.repository.ref_index import Fact, RefIndex
from catalog.repository.ref_listing import named_objects, passed_over
from catalog.repository.spares import keep_spare
from catalog.storage.store import ObjectInfo, ObjectStore

PREFIX = "refs/tags/"
DELETED = ".deleted"


class Tags:
    """Reads, creates and deletes the tags of a catalog.

    Attributes:
        changed: Whether one was created or deleted through it.
        check: Is called with the commit right before a tag is created.
    """

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self.changed = False
        self.check: Callable[[str], Callable[[], None]] = lambda commit_id: lambda: None
        self._index = RefIndex(store, PREFIX, "tags", self._fact)

    def find(self, name: str) -> Tag | None:
        """Returns a tag that is not deleted, None if there is none."""
        path = _path(name)
        paths = {info.path for info in self._store.list(path)}
        return self.stored(name) if path in paths and path + DELETED not in paths else None

    def list(self, prefix: str = "") -> list[Tag]:
        """Returns the tags that are not deleted and whose names begin so, by name.

        Of many, only those are read that nobody has seen yet; see ``RefIndex``. What lies there and
        is not a tag, or is damaged, is passed over with a warning.
        """
        found = map(tag_from_fields, self._facts(prefix))
        return sorted((tag for tag in found if tag is not None), key=lambda tag: tag.name)

    def commits(self) -> dict[str, str]:
        """Returns the commits of the tags that are not deleted, by name."""
        return dict(sorted((str(one[0]), str(one[1])) for one in self._facts("")))

    def _facts(self, prefix: str) -> Sequence[Fact]:
        return self._index.facts(list(self._live(prefix)), whole=not prefix)

    def _fact(self, name: str) -> Fact | None:
        found = passed_over(self.stored, _path, name)
        return None if found is None else found.to_fields()

    def names(self, prefix: str = "") -> Iterator[str]:
        """Yields the names of tags that are not deleted and begin so, in no order; none is read."""
        return named_objects((one.path for one in self._live(prefix)), PREFIX)

    def _live(self, prefix: str) -> Iterator[ObjectInfo]:
        found = {one.path: one for one in self._store.list(PREFIX + encode_segment(prefix))}
        for path, one in found.items():
            if path + DELETED not in found and not path.endswith(DELETED):
                yield one

    def create(self, tag: Tag) -> None:
        """Creates a tag.

        Raises:
            AlreadyExists: The name is taken, or was, and is spent.
        """
        if is_spent(self._store, tag.name):
            raise AlreadyExists(
                f"tag {tag.name!r} was deleted, and its name cannot be used again: tags never move",
                kind=ErrorKind.TAG_SPENT,
                hint="choose another name",
            )
        landed = self.check(tag.commit_id)
        try:
            create_own(self._store, _path(tag.name), tag.to_bytes())
        except AlreadyExists as error:
            raise AlreadyExists(
                f"tag {tag.name!r} already exists",
                kind=ErrorKind.REF_EXISTS,
                hint=hint("choose another name, or see: {}", Call("tags.list")),
            ) from error
        landed()
        keep_spare(self._store, _path(tag.name), tag.to_bytes())
        self.changed = True

    def delete(self, name: str) -> None:
        """Deletes a tag; its name is spent.

        Raises:
            NotFound: There is no such tag.
        """
        if self.find(name) is None:
            raise NotFound(f"no tag {name!r}", kind=ErrorKind.REF_NOT_FOUND)
        create_named(self._store, _path(name) + DELETED, b"")
        keep_spare(self._store, _path(name) + DELETED, b"")
        self.changed = True

    def stored(self, name: str) -> Tag | None:
        """Returns a tag, also one that is deleted; None if there was never one."""
        try:
            stored = self._store.read(_path(name))
        except NotFound:
            return None
        try:
            return tag_from_json(parse_json(stored.data, f"tag {name}"), name)
        except CorruptData as error:
            raise damaged_tag_error(name, _path(name), error) from error


def is_spent(store: ObjectStore, name: str) -> bool:
    """Returns whether there was a tag of that name, now deleted, so that none can ever be again."""
    return store.info(_path(name) + DELETED) is not None


def _path(name: str) -> str:
    return f"{PREFIX}{encode_segment(name)}.json"
