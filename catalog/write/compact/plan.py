"""Which files of a table are put together: the small ones of a partition, if there are several."""

from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from operator import attrgetter

from catalog.dataclasses import dataclass, replace
from catalog.model.datafile import DataFile
from catalog.model.partition import Partition
from catalog.write.files.writer import MAX_FILE_ROWS

TARGET_BYTES = 128_000_000
"""How large files are to be, unless something else is asked for: 128 MB."""

LEAST_TARGET_BYTES = 1 << 10
"""The least size that can be asked for."""

Wanted = Callable[[Partition], bool]
"""Returns whether a partition is to be looked at."""


@dataclass(frozen=True, slots=True)
class Group:
    """Files of a partition that are put together.

    Attributes:
        partition: The encoded values of the partition.
        files: The files, in the order of the manifest.
    """

    partition: Partition
    files: tuple[DataFile, ...]

    @property
    def size_bytes(self) -> int:
        """Returns the size of its files."""
        return sum(file.size_bytes for file in self.files)

    @property
    def rows(self) -> int:
        """Returns the rows of its files."""
        return sum(file.rows for file in self.files)

    def files_after(self, target_bytes: int) -> int:
        """Returns how many files they are thought to become; mostly it is fewer."""
        return max(1, -(-self.size_bytes // target_bytes))


def without_statistics(group: Group) -> Group:
    """Returns a group whose files have no statistics, as is enough to remove them."""
    return Group(group.partition, tuple(replace(file, stats={}) for file in group.files))


@dataclass(frozen=True, slots=True)
class Gain:
    """What putting files of a table together would come to.

    Attributes:
        files: Small files that would go.
        into: Files that are thought to come in their place.
        size_bytes: The size of those that would go.
        partitions: Partitions in which there are some.
    """

    files: int = 0
    into: int = 0
    size_bytes: int = 0
    partitions: int = 0


def is_small(file: DataFile, target_bytes: int) -> bool:
    """Returns whether a file is put together with others.

    That is one of less than half of the size that files are to have: what a file of that size was
    cut off from is left alone. One of many rows is as large as it gets, whatever bytes it has.
    """
    return 2 * file.size_bytes < target_bytes and 2 * file.rows < MAX_FILE_ROWS


def groups(
    files: Iterable[DataFile], target_bytes: int, *, wanted: Wanted = lambda partition: True
) -> Iterator[Group]:
    """Yields what is put together of files, which come in the order of the manifest."""
    for partition, members in groupby(files, key=attrgetter("partition")):
        if not wanted(partition):
            continue
        small = tuple(file for file in members if is_small(file, target_bytes))
        if len(small) > 1:
            yield Group(partition, small)


def gain(found: Iterable[Group], target_bytes: int) -> Gain:
    """Sums up what would be put together."""
    files = into = size = partitions = 0
    for one in found:
        files += len(one.files)
        into += one.files_after(target_bytes)
        size += one.size_bytes
        partitions += 1
    return Gain(files, into, size, partitions)
