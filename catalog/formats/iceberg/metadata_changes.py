"""Which data files a snapshot has that the one before it had not, and which it has no more."""

from collections.abc import Collection, Iterable, Mapping, Sequence

from catalog.dataclasses import dataclass
from catalog.errors import CorruptData, ErrorKind, Unsupported
from catalog.formats.iceberg.metadata_files import (
    PlacedFile,
    Placing,
    form_of,
    own_ids,
    unfit,
)
from catalog.formats.iceberg.metadata_names import Names
from catalog.model.datafile import DataFile
from catalog.model.table import TableSnapshot


@dataclass(frozen=True, slots=True)
class Changes:
    """What a snapshot changes.

    Attributes:
        come: The files that come, by location.
        gone: Locations of those that go; also some where nothing is.
        files: All files of the snapshot, if they were looked at.
        going: How many files go.
    """

    come: Mapping[str, PlacedFile]
    gone: Collection[str]
    files: tuple[DataFile, ...] | None = None
    going: int = 0

    def check(self, removed: int) -> None:
        """Checks that all files that go were found in the manifests: no other may stay for them.

        Raises:
            CorruptData: Some were not.
        """
        if removed != self.going:
            raise CorruptData(
                f"the manifests of the Iceberg table have {removed} of {self.going} files that go"
            )


@dataclass(frozen=True, slots=True)
class Placement:
    """Decides where data files of one state of a table are.

    Attributes:
        name: The table's name, for messages.
        table: The table.
        names: What names and ids in files mean; it learns from files that come.
        placing: Where files are.
    """

    name: str
    table: TableSnapshot
    names: Names
    placing: Placing

    def listed(self, gone: Sequence[DataFile], come: Sequence[DataFile]) -> Changes | None:
        """Returns the changes that a list of files says; None if all files must be looked at."""
        if any(file.file_schema not in self.table.file_schemas for file in gone):
            return None
        going = {place for file in gone for place in self._places(file)}
        coming = self._placed(come)
        if going & coming.keys():
            return None
        return Changes(coming, going, going=len(gone))

    def all(self, files: Iterable[DataFile], live: Collection[str], *, anew: bool) -> Changes:
        """Returns the changes from all files of a table, and the locations that are live.

        If the partition columns are others, all files come ``anew``.
        """
        every = tuple(files)
        wanted = self._placed(every, live)
        if anew:
            return Changes(wanted, live, every, len(live))
        coming = {place: one for place, one in wanted.items() if place not in live}
        leaving = set(live) - wanted.keys()
        return Changes(coming, leaving, every, len(leaving))

    def _placed(
        self, files: Sequence[DataFile], live: Collection[str] = ()
    ) -> dict[str, PlacedFile]:
        new = [file for file in files if self.placing.shared(file) not in live]
        facts = dict(zip(map(id, new), self.placing.facts(new), strict=True))
        schemas = [schema for _, schema in sorted(self.table.file_schemas.items())]
        found = [own_ids(self.table, f, facts[id(f)]) for f in new if facts[id(f)].ids]
        self.names.learn(self.table, schemas, found)
        placed: dict[str, PlacedFile] = {}
        for file in files:
            reason = unfit(file, self.table, names=self.names, facts=facts.get(id(file)))
            one = self._rewritten(file, reason) if reason else self._shared(file)
            if one.location in placed:
                raise Unsupported(
                    f"table {self.name} has the file {one.location} twice",
                    kind=ErrorKind.FORMAT_LIMIT,
                )
            placed[one.location] = one
        return placed

    def _shared(self, file: DataFile) -> PlacedFile:
        return PlacedFile(file, self.placing.shared(file), None)

    def _rewritten(self, file: DataFile, reason: str) -> PlacedFile:
        form = form_of(file, self.table, self.names)
        location = self.placing.rewritten(file, form)
        if location is None:
            raise Unsupported(
                f"readers of Iceberg cannot read {self.placing.shared(file)} as a file of table "
                f"{self.name}: {reason}",
                kind=ErrorKind.FORMAT_LIMIT,
                hint="export or publish the table: such files are written again for them",
            )
        return PlacedFile(file, location, form)

    def _places(self, file: DataFile) -> list[str]:
        """Returns where a file was, shared or written again."""
        form = form_of(file, self.table, self.names)
        places = (self.placing.shared(file), self.placing.rewritten(file, form))
        return [place for place in places if place is not None]
