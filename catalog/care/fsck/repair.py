"""Repairs that lose nothing: what is published has the hash that the catalog itself names.

Derived objects that are damaged are removed. Whatever has a hash is taken from where its bytes are
whole: another name in the same catalog, another catalog, the rows that a list was made of. What is
not proved by a hash is left as it is.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import suppress

import pyarrow.parquet as pq

from catalog.care.fsck.candidates import flipped, is_good_pack, moved_back, with_right_places
from catalog.care.fsck.description import whole_description
from catalog.care.fsck.files import Damaged, parts_of
from catalog.care.fsck.findings import Finding, Findings
from catalog.care.fsck.run import Verified
from catalog.care.fsck.trees import Nodes
from catalog.care.gc.lease import remove_list
from catalog.care.gc.objects import objects
from catalog.errors import CatalogError, CorruptData, NotFound, StorageFailure
from catalog.interruption import check
from catalog.model.commit import EMPTY_ID
from catalog.model.ids import content_id, parse_json
from catalog.model.names import decode_segment
from catalog.model.refs import branch_from_json, tag_from_json
from catalog.repository import branches, tags
from catalog.repository.blobs import Blob, decode_list, encode_list
from catalog.repository.branches import Stamp
from catalog.repository.commits import Commits
from catalog.repository.condemned import PREFIX as LISTS
from catalog.repository.condemned import WITHDRAWN, claim
from catalog.repository.datafiles import readable
from catalog.repository.expired import PREFIX as EXPIRIES
from catalog.repository.expired import parsed_record
from catalog.repository.nodes import NodeReader
from catalog.repository.pack import Place, pack_path
from catalog.repository.ref_listing import SUFFIX
from catalog.repository.repository import CATALOG_PATH, Repository
from catalog.repository.spares import keep_spare, reference_of, spare_path, spared
from catalog.storage.failures import storage_errors
from catalog.storage.store import FinishesWrites, ObjectStore

LEFT_OVER = ("gc-list-damaged", "tag-missing", "tag-damaged")
"""Kinds that are repaired although nothing needs the object."""

FLIPPED_BYTES = 4096
"""Size up to which an object with a digest is tried with each of its bits flipped."""


class Repair:
    """Repairs what a verification found, as far as it can be proved right.

    Args:
        repository: The stored objects.
        verified: What was found.
        source: Another catalog, such as a backup, from which whole objects are taken.
        stamp: Who repairs, and when.
        dry_run: Whether to look only what could be repaired.
    """

    def __init__(
        self,
        repository: Repository,
        verified: Verified,
        *,
        source: ObjectStore | None,
        stamp: Stamp,
        dry_run: bool,
    ) -> None:
        self._store = repository.store
        self._repository = repository
        self._stamp = stamp
        self._verified = verified
        self._source = source
        self._dry_run = dry_run
        self._twins: dict[str, list[str]] | None = None

    def run(self) -> None:
        """Repairs, and notes it in the findings."""
        for finding in self._verified.report.findings:
            check()
            if finding.severity == "left over" and finding.kind not in LEFT_OVER:
                continue
            try:
                done = self._one(finding)
            except CatalogError as error:
                if isinstance(error, StorageFailure):  # else nothing proves what would be right
                    finding.failure = error.message
                continue
            finding.repaired = done and not self._dry_run
            finding.could_repair = done and self._dry_run
        if not self._dry_run:
            self._keep_spares()
        if isinstance(self._store, FinishesWrites):
            self._store.finish_writes()

    def _one(self, finding: Finding) -> bool:
        path = finding.path
        match finding.kind:
            case "cache-damaged" | "cache-wrong":
                return path.startswith("cache/") and self._remove(path)
            case "gc-list-damaged":
                return self._withdraw(path)
            case "branch-damaged" | "tag-damaged" | "expiry-damaged":
                return self._with_digest(path)
            case "description-damaged" | "description-missing":
                return self._description()
            case "tag-missing" | "mark-missing":
                return self._from_spare(path)
            case "branch-missing":
                return self._given(path)
            case "spare-damaged":
                return self._spare(path)
            case "pack-missing" | "pack-damaged":
                return self._pack_and_before(path)
            case "place-wrong":
                return self._place(path)
            case "reflog-missing" | "reflog-damaged":
                wanted = path.rpartition("/")[2].removesuffix(SUFFIX)
                return self._small(path, lambda data: content_id(data) == wanted)
        known = self._verified.damaged.get(path)
        if known is None or not known.sha256:
            return False
        if known.file is not None:
            return self._list(path, known)
        return self._bytes(path, known)

    def _remove(self, path: str) -> bool:
        if not self._dry_run:
            self._store.delete(path)
        return True

    def _withdraw(self, path: str) -> bool:
        """Removes a list of garbage that cannot be read, unless a sweep has claimed it."""
        list_id = path.removeprefix(LISTS).partition("/")[0]
        if self._dry_run:
            return self._store.info(f"{LISTS}{list_id}/claim") is None
        if claim(self._store, list_id, WITHDRAWN) != WITHDRAWN:
            return False
        remove_list(self._store, list_id)
        return True

    def _description(self) -> bool:
        data = whole_description(self._repository, self._source)
        if data is None:
            return False
        if not self._dry_run:
            with suppress(NotFound):
                self._store.swap(CATALOG_PATH, data, version=self._store.read(CATALOG_PATH).version)
                return True
            self._store.create(CATALOG_PATH, data)
        return True

    def _keep_spares(self) -> None:
        """Keeps spare copies of references that have none; earlier releases made none."""
        have = spared(self._store, branches.PREFIX) | spared(self._store, tags.PREFIX)
        for path in self._verified.refs:
            if path not in have:
                check()
                with suppress(CatalogError):
                    if path.startswith(branches.PREFIX) or self._is_given(path):
                        keep_spare(self._store, path, self._store.read(path).data)

    def _is_given(self, path: str) -> bool:
        """Returns whether a branch gives a tag its name, as a copy of the tag will vouch for.

        The first releases made tags without; those that are not deleted get it now.
        """
        name = path.removeprefix(tags.PREFIX).removesuffix(tags.DELETED)
        branch = f"{branches.PREFIX}{name}"
        return self._store.info(branch) is not None or self._given(branch)

    def _spare(self, path: str) -> bool:
        """Copies a reference again whose spare copy is damaged."""
        original = reference_of(path)
        if original not in self._verified.refs:
            return False
        data = self._store.read(original).data
        if not self._dry_run:
            self._store.put(path, data)
        return True

    def _spared(self, path: str) -> bytes | None:
        """Returns the bytes of a tag, or of the mark of a deleted one, from its spare copy."""
        try:
            data = self._store.read(spare_path(path)).data
        except NotFound:
            return None
        whole = not data if path.endswith(tags.DELETED) else _accepts(path)(data)
        return data if whole else None

    def _from_spare(self, path: str) -> bool:
        data = self._spared(path)
        if data is None:
            return False
        if not self._dry_run:
            self._store.create(path, data)
        return True

    def _given(self, path: str) -> bool:
        """Gives a name to its tag again, if there is one, and never was a branch of that name."""
        name = decode_segment(path.removeprefix(branches.PREFIX).removesuffix(SUFFIX))
        if not name or self._store.info(spare_path(path)) is not None:
            return False
        if self._repository.tags.find(name) is None:
            return False
        if not self._dry_run:
            self._repository.branches.give_to_tag(name, self._stamp)
        return True

    def _with_digest(self, path: str) -> bool:
        """Repairs what has a digest in it: as its spare copy is, or by one change that it proves.

        The mark of a deleted tag is empty.
        """
        stored = self._store.read(path)
        if path.startswith(tags.PREFIX):
            good = b"" if path.endswith(tags.DELETED) else self._spared(path)
            if good is not None:
                if not self._dry_run:
                    self._store.swap(path, good, version=stored.version)
                return True
        accept = _accepts(path)
        good = moved_back(stored.data, accept) if path.startswith(branches.PREFIX) else None
        if good is None and len(stored.data) <= FLIPPED_BYTES:
            good = flipped(stored.data, accept)
        if good is None:
            return False
        if not self._dry_run:
            self._store.swap(path, good, version=stored.version)
        return True

    def _pack_and_before(self, path: str) -> bool:
        """Takes a pack from the other catalog, and those of commits before it that are gone, too.

        What is before a commit that could not be read was not verified.
        """
        if not self._pack(path):
            return False
        waiting = [] if self._dry_run else [path.rpartition("/")[2]]
        while waiting:
            check()
            for parent in Commits(NodeReader(self._store)).read(waiting.pop()).parents:
                before = pack_path(parent)
                if parent != EMPTY_ID and self._store.info(before) is None and self._pack(before):
                    waiting.append(parent)
        return True

    def _pack(self, path: str) -> bool:
        commit_id = path.rpartition("/")[2]
        failed = self._verified.failed.get(commit_id, set())

        def is_good(data: bytes) -> bool:
            return is_good_pack(data, commit_id, failed, outside=self._may_be)

        return self._small(path, is_good)

    def _place(self, path: str) -> bool:
        """Corrects the head of a pack; all that it says then is compared with what is there."""
        commit_id = path.rpartition("/")[2]
        data = self._store.read(path).data
        try:
            good = with_right_places(data, commit_id, self._found)
        except CorruptData:
            good = None
        if (
            good is not None
            and good != data
            and is_good_pack(good, commit_id, (), outside=self._is_there)
        ):
            return self._replace(path, good)
        return self._pack(path)

    def _found(self, node_id: str, place: Place | None) -> Place | None:
        """Returns where a node is that is said to be somewhere."""
        if place is None:
            known = (one for (node, _), one in self._verified.places.items() if node == node_id)
            return next(filter(None, known), None)
        if self._is_there(node_id, place):
            return place
        return self._verified.places.get((node_id, place))

    def _is_there(self, node_id: str, place: Place) -> bool:
        nodes = Nodes(NodeReader(self._store, ahead=1), Findings())
        return not nodes.generic(node_id, place, holder="")

    def _may_be(self, node_id: str, place: Place) -> bool:
        """Returns whether a node is in another pack, as far as that is whole."""
        pack = pack_path(place.pack)
        return (
            place.pack in self._verified.failed
            or self._is_there(node_id, place)
            or (self._store.info(pack) is None and self._has_source(pack))
        )

    def _has_source(self, path: str) -> bool:
        return self._source is not None and self._source.info(path) is not None

    def _small(self, path: str, is_good: Callable[[bytes], bool]) -> bool:
        """Takes an object from the other catalog, if it is good there."""
        if self._source is None:
            return False
        try:
            data = self._source.read(path).data
        except NotFound:
            return False
        return is_good(data) and self._replace(path, data)

    def _replace(self, path: str, data: bytes) -> bool:
        if not self._dry_run:
            with suppress(NotFound):
                self._store.swap(path, data, version=self._store.read(path).version)
                return True
            self._store.create(path, data)
        return True

    def _clear(self, path: str) -> None:
        """Removes a damaged object whose bytes are about to be written again."""
        info = self._store.info(path)
        if info is not None:
            self._store.delete_listed([info])

    def _list(self, path: str, known: Damaged) -> bool:
        """Makes a list of contents again from its data file, or takes it from elsewhere."""
        assert known.file is not None and known.file.blobs is not None, "a list has a data file"
        try:
            if not known.file.blobs.elsewhere:
                source = readable(self._store, known.file)
                rows = pq.read_table(source, columns=["sha256", "size"])
                blobs = map(Blob, rows["sha256"].to_pylist(), rows["size"].to_pylist())
                listed, data = encode_list(blobs)
                if listed == known.file.blobs and self._replace(path, data):
                    return True
        except (CatalogError, OSError, ValueError, TypeError):
            pass  # the data file is damaged, too
        wanted = known.sha256

        def is_good(data: bytes) -> bool:
            return content_id(data) == wanted and bool(decode_list(data, "a list") or True)

        return self._small(path, is_good)

    def _bytes(self, path: str, known: Damaged) -> bool:
        """Takes the bytes of a file from wherever they are whole."""
        for store, place in self._candidates(path, known.sha256):
            try:
                if self._copied(store, place, path, sha256=known.sha256):
                    return True
            except (NotFound, CorruptData):
                continue
        return False

    def _candidates(self, path: str, sha256: str) -> Iterator[tuple[ObjectStore, str]]:
        for twin in self._named().get(sha256, ()):
            if twin != path:
                yield self._store, twin
        if self._source is not None:
            yield self._source, path

    def _named(self) -> dict[str, list[str]]:
        """Returns the files whose names tell of hashes that are wanted."""
        if self._twins is None:
            wanted = {one.sha256 for one in self._verified.damaged.values()}
            self._twins = {}
            for kind, info in objects(self._store):
                if kind in ("data files", "contents"):
                    name = info.path.rpartition("/")[2][:64]
                    if name in wanted:
                        self._twins.setdefault(name, []).append(info.path)
        return self._twins

    def _copied(self, store: ObjectStore, place: str, path: str, *, sha256: str) -> bool:
        scratch = self._store.scratch()
        try:
            with storage_errors(scratch, f"cannot write {path}"), open(scratch, "xb") as file:
                for part in parts_of(store, place):
                    file.write(part)
        except BaseException:
            with suppress(FileNotFoundError):
                os.unlink(scratch)
            raise
        staged = self._store.take_over(scratch)
        if staged.sha256 != sha256 or self._dry_run:
            staged.discard()
            return staged.sha256 == sha256
        self._clear(path)
        self._store.publish([(staged, path)])
        return True


def _accepts(path: str) -> Callable[[bytes], bool]:
    """Returns what tells whether bytes are those of an object with a right digest in it."""
    name = decode_segment(path.rpartition("/")[2].removesuffix(SUFFIX))

    def accept(data: bytes) -> bool:
        try:
            stored = parse_json(data, path)
            if "digest" not in stored:
                return False
            if path.startswith(branches.PREFIX):
                digest = stored["digest"]
                if not (isinstance(digest, list) and digest[:1] == [stored.get("write_id")]):
                    return False
                branch_from_json(stored, name)
            elif path.startswith(tags.PREFIX):
                tag_from_json(stored, name)
            elif path.startswith(EXPIRIES):
                parsed_record(data, path)
            else:
                return False
        except (CatalogError, ValueError, TypeError, KeyError, AttributeError):
            return False
        return True

    return accept
