"""Targets of publications: directories and prefixes of buckets, each of one branch in one format.

A target says whose it is, and what tables it has, in small files of its own that nobody changes:
``.parquetry/publication.json``, ``.parquetry/tables/<name>``.
"""

import os
import re
from collections.abc import Iterator
from contextlib import suppress

from catalog.dataclasses import dataclass
from catalog.errors import AlreadyExists, CorruptData, ErrorKind, InvalidInput, NotFound
from catalog.model.ids import canonical_json, content_id, is_id, parse_json
from catalog.model.names import decode_segment, encode_segment
from catalog.model.texts import path_text
from catalog.storage.external_files import FilesInS3, is_remote
from catalog.storage.failures import storage_errors
from catalog.storage.local import LocalStore
from catalog.storage.opening import open_store
from catalog.storage.store import ObjectStore

_ODD = re.compile(r"[^A-Za-z0-9._-]")

OWN = ".parquetry/"
"""Begins the paths of what is ours in a target; no table has such a name."""

DESCRIPTION = f"{OWN}publication.json"
TABLES = f"{OWN}tables/"
HEAD = f"{OWN}head.json"
SCRATCH = f"{OWN}tmp"


@dataclass(frozen=True, slots=True)
class Target:
    """An opened target.

    Attributes:
        store: Its files.
    """

    store: ObjectStore

    def claim(self, catalog_id: str, branch: str, format: str) -> None:
        """Makes the target that of a branch in a format, unless it is that already.

        Raises:
            AlreadyExists: It is another one's, or there is something else.
        """
        wanted = {"catalog_id": catalog_id, "branch": branch, "format": format}
        described = self._described()
        if described is None:
            self._check_empty()
            data = canonical_json({"format_version": 1, **wanted})
            try:
                self.store.create(DESCRIPTION, data)
                return
            except AlreadyExists:  # somebody else was first, perhaps with the same
                described = self._described()
        found = {key: (described or {}).get(key) for key in wanted}
        if found != wanted:
            raise AlreadyExists(
                f"{self.store.location} is the publication of branch {found['branch']} as "
                f"{found['format']}"
                + ("" if found["catalog_id"] == catalog_id else ", of another catalog"),
                kind=ErrorKind.FOREIGN_TARGET,
                hint="publish to another directory",
            )

    def _described(self) -> dict[str, object] | None:
        try:
            return parse_json(self.store.read(DESCRIPTION).data, DESCRIPTION)
        except NotFound:
            return None

    def _check_empty(self) -> None:
        found = next((name for name in _names(self.store) if not name.startswith(OWN)), None)
        if found is not None:
            raise AlreadyExists(
                f"{self.store.location} is not empty, and not a publication: it has "
                f"{found.rstrip('/')}",
                kind=ErrorKind.FOREIGN_TARGET,
                hint="publish to a directory that is new or empty",
            )

    def tables(self) -> Iterator[str]:
        """Yields the names of the tables that were ever published there."""
        for one in self.store.list(TABLES):
            name = decode_segment(one.path.removeprefix(TABLES))
            if name:
                yield name

    def note_table(self, name: str) -> None:
        """Notes that a table is published there."""
        path = f"{TABLES}{encode_segment(name)}"
        if self.store.info(path) is None:
            try:
                self.store.create(path, canonical_json({"table": name}))
            except AlreadyExists:
                return

    def published_up_to(self) -> str | None:
        """Returns a commit up to which all tables were published once; None if it is not known."""
        try:
            found = parse_json(self.store.read(HEAD).data, HEAD).get("commit")
        except (NotFound, CorruptData):
            return None
        return found if is_id(found) else None

    def note_published(self, commit_id: str) -> None:
        """Notes that all tables are published up to a commit."""
        self.store.put(HEAD, canonical_json({"commit": commit_id}))


def open_target(catalog: ObjectStore, uri: str) -> Target:
    """Opens a target: a directory, or a prefix of a bucket in a service that the catalog reaches.

    Raises:
        InvalidInput: It is inside the catalog.
        Unsupported: Its scheme is not supported.
    """
    uri = path_text(uri, "the target")
    if is_remote(uri):
        store = _in_bucket(catalog, uri)
        inside = f"{store.location}/".startswith(f"{catalog.location}/")
    else:
        store = LocalStore(os.path.abspath(uri), scratch=SCRATCH)
        if os.path.lexists(store.location) and not os.path.isdir(store.location):
            raise InvalidInput(
                f"{uri} is not a directory",
                kind=ErrorKind.NOT_A_DIRECTORY,
                hint="publish to a directory that is new or empty",
            )
        inside = not is_remote(catalog.location) and _is_below(store.location, catalog.location)
    if inside:
        raise _inside(uri)
    return Target(store)


def check_outside(catalog: ObjectStore, path: str) -> None:
    """Checks that a local path is not in the directory of a catalog.

    Raises:
        InvalidInput: It is.
    """
    if not is_remote(catalog.location) and _is_below(path, catalog.location):
        raise _inside(path)


def _inside(place: str) -> InvalidInput:
    return InvalidInput(
        f"{place} is inside the catalog, whose files it would be mixed with",
        hint="choose a place outside of it",
    )


def _in_bucket(catalog: ObjectStore, uri: str) -> ObjectStore:
    """Returns the store of a prefix, reached as the catalog is if that is in the same service."""
    scheme = uri.partition("://")[0]
    if catalog.location.startswith(f"{scheme}://"):
        from catalog.storage.bucket.store import BucketStore

        if isinstance(catalog, BucketStore):
            return BucketStore(uri, catalog.service)
    files = catalog.external_files
    return open_store(uri, s3=files.options if isinstance(files, FilesInS3) else None, cache="")


def _names(store: ObjectStore) -> Iterator[str]:
    """Yields what is at a target: paths, or names in a directory, which may be that of anything."""
    if is_remote(store.location):
        yield from (one.path for one in store.list(""))
        return
    with suppress(NotFound), storage_errors(store.location):
        yield from (f"{name}/" for name in os.listdir(store.location))


def _is_below(path: str, root: str) -> bool:
    real, top = os.path.realpath(path), os.path.realpath(root)
    return real == top or real.startswith(top.rstrip(os.sep) + os.sep)


def table_folder(name: str) -> str:
    """Returns the directory of a table in a target.

    What readers would decode, or encode, in a path is not left in it; a digest keeps such names
    apart.

    Example:
        >>> table_folder("sales.orders"), table_folder("größe")
        ('sales.orders', 'gr__e-d353a267')
    """
    plain = _ODD.sub("_", name)
    return plain if plain == name else f"{plain}-{content_id(name.encode())[:8]}"
