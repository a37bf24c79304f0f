"""Which contents of a source come into the catalog, and where those of the table are to lie."""

from collections.abc import Iterable, Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from catalog.dataclasses import dataclass
from catalog.formats.file_sets.listing import FileListing
from catalog.repository.blobs import Blob, blob_path, link_path
from catalog.write.file_sets.contents import Content, source_file
from catalog.write.file_sets.known import KnownRows
from catalog.write.snapshot.ingest import Mode, TakenFile


@dataclass(frozen=True, slots=True)
class Bringing:
    """The contents that come, and where those of listed files lie afterwards.

    Attributes:
        contents: Each with its path in the store.
        links: The paths in the store of contents that are linked to, by hash.
    """

    contents: Sequence[tuple[TakenFile, str]]
    links: Mapping[str, str]

    @property
    def size_bytes(self) -> int:
        """The bytes of all contents that come."""
        return sum(one.source.size_bytes for one, _ in self.contents)


@dataclass(frozen=True, slots=True)
class Contents:
    """The contents of the files of a source, and of the table before.

    Attributes:
        hashes: The hash of each file of the listing.
        read: Those that were read, by position.
        places: Per data file of the table, its contents that are not the catalog's own, by hash.
    """

    listing: FileListing
    hashes: pa.StringArray
    read: Mapping[int, Content]
    known: KnownRows
    places: Sequence[Mapping[str, Blob]]

    def to_bring(self, mode: Mode, fresh: Sequence[int]) -> Bringing:
        """Returns what comes into the catalog; ``fresh`` are the files whose rows are new."""
        if mode is Mode.REFERENCE or not (fresh or any(self.places)):
            return Bringing((), {})
        positions = range(len(self.listing)) if any(self.places) else fresh
        own = self._own_hashes()
        there = {blob.place for one in self.places for blob in one.values()}
        if mode is Mode.LINK:
            return self._links(positions, own, there)
        found: dict[str, TakenFile] = {}
        for position, sha256 in self._wanted(positions, own):
            content = self.read.get(position)
            staged = content is not None and content.taken.staged is not None
            if sha256 not in found or staged:
                found[sha256] = self._taken(position, sha256)
        return Bringing([(one, blob_path(sha256)) for sha256, one in found.items()], {})

    def _links(self, positions: Iterable[int], own: set[str], there: set[str]) -> Bringing:
        """Returns what is linked to.

        A link that is there stands for its content as long as a file of the source with that
        content is the very file that it links to.
        """
        links: dict[str, str] = {}
        come: dict[str, tuple[TakenFile, str]] = {}
        inodes = self.listing.inodes
        for position, sha256 in self._wanted(positions, own):
            path = link_path(sha256, inodes[position].as_py() % (1 << 64))
            if path in there:
                links[sha256] = path
                come.pop(sha256, None)
            elif sha256 not in links:
                links[sha256] = path
                come[sha256] = self._taken(position, sha256), path
        return Bringing(list(come.values()), links)

    def _wanted(self, positions: Iterable[int], own: set[str]) -> Iterable[tuple[int, str]]:
        for position in positions:
            sha256 = self.hashes[position].as_py()
            if sha256 not in own:
                yield position, sha256

    def _taken(self, position: int, sha256: str) -> TakenFile:
        content = self.read.get(position)
        if content is not None:
            return content.taken
        return TakenFile(source_file(self.listing, position), f"sha256:{sha256}", None, True)

    def _own_hashes(self) -> set[str]:
        """Returns the contents that the catalog has as its own, as the table says."""
        sums = self.known.column("sha256")
        if not any(self.places):
            return set(sums.filter(pc.is_in(sums, self.hashes)).to_pylist())
        pairs = zip(sums.to_pylist(), self.known.owner.to_pylist(), strict=True)
        return {sha256 for sha256, owner in pairs if sha256 not in self.places[owner]}
