"""What two sides of a merge did to the files of one table."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from functools import cache

import pyarrow as pa

from catalog.dataclasses import dataclass, replace
from catalog.model.datafile import DataFile, FileChanges
from catalog.model.partition import Partition
from catalog.model.table import TableSnapshot
from catalog.query.pruning import Pruner
from catalog.repository.commits import Commits, StoredTable
from catalog.repository.tables import data_files, files_in_partition
from catalog.write.files.rewrite import FileEdit
from catalog.write.files.writer import paths_of
from catalog.write.merge.merged_schema import Side
from catalog.write.put_together import Together, taken_apart

SIDES: tuple[Side, Side] = "ours", "theirs"


@dataclass(frozen=True, slots=True)
class TableSides:
    """What two sides did to the files of a table, all in the merged shape.

    Attributes:
        shape: The merged shape, which knows the file schemas of all files.
        base: The table that both sides started from; None if there was none.
        head: The table as ours has it.
        ours: What ours changed since the base.
        theirs: What theirs changed since the base.
        fitted: Returns a file of the base as it is in the merged shape.
        common: Files that both sides added alike; they count as files of the base.
        replaced: Files of the base, by partition and path, that are part of such a file.
        together: Returns what the commits of a side put together, the newest first.
        only_appended: Returns the partitions and paths of files that its commits added to what
            they left as it was.
    """

    name: str
    shape: TableSnapshot
    base: StoredTable | None
    head: StoredTable
    ours: FileChanges
    theirs: FileChanges
    fitted: Callable[[DataFile], DataFile] = lambda file: file
    common: tuple[DataFile, ...] = ()
    replaced: frozenset[tuple[Partition, str]] = frozenset()
    together: Callable[[Side], Iterable[Together]] = lambda side: ()
    only_appended: Callable[[Side], Set[tuple[Partition, str]]] = lambda side: frozenset()


@dataclass(frozen=True, slots=True)
class MergedRows:
    """What a merge makes of the rows of a table.

    Attributes:
        change: Files of ours that go, and those that come.
        conflicts: Rows, cells and paths that both sides changed in unlike ways: ``kind``, ``key``,
            ``column_name``, ``base``, ``ours``, ``theirs``. There ours stays.
    """

    change: FileEdit
    conflicts: pa.Table | None = None


def base_in(
    commits: Commits, sides: TableSides, partitions: frozenset[Partition]
) -> list[DataFile]:
    """Returns the files in some partitions from which both sides start, without statistics."""
    if sides.base is None:
        return []
    there = [
        sides.fitted(file)
        for partition in partitions
        for file in files_in_partition(commits, sides.base, partition)
        if (partition, file.path) not in sides.replaced
    ]
    return [*there, *(file for file in sides.common if file.partition in partitions)]


def states_holding(
    commits: Commits, sides: TableSides, wanted: Pruner
) -> Iterator[Sequence[DataFile]]:
    """Yields the files of the base, of ours and of theirs that may hold wanted rows."""
    there: list[DataFile] = []
    if sides.base is not None:
        listed = data_files(
            commits, sides.base, wanted=lambda node: wanted.wants_ranges(node.ranges)
        )
        there = [file for file in map(sides.fitted, listed) if wanted.wants_file(file)]
    yield there
    for changes in (sides.ours, sides.theirs):
        gone = paths_of(changes.removed)
        kept = (file for file in there if file.path not in gone)
        yield [*kept, *(file for file in changes.added if wanted.wants_file(file))]


def is_apart(shape: TableSnapshot) -> bool:
    """Returns whether rows of different partitions cannot share a key."""
    return not shape.key or set(shape.partition_by) <= set(shape.key)


def chosen(changes: FileChanges, wanted: Callable[[DataFile], bool]) -> FileChanges:
    """Returns those of the changed files that are wanted."""
    removed, added = (tuple(filter(wanted, files)) for files in (changes.removed, changes.added))
    return replace(changes, removed=removed, added=added)


def touched(changes: FileChanges) -> frozenset[Partition]:
    """Returns the partitions in which a side changed files."""
    return frozenset(file.partition for file in (*changes.removed, *changes.added))


def without_common(
    sides: TableSides, exists: Callable[[DataFile], bool] = lambda file: True
) -> TableSides:
    """Leaves out what both sides did in the same way, file by file: it is done once.

    With a key that rows of two partitions cannot share, that is all of a partition in which the
    same files went and came. Without a key, it is the files that both added under one name to a
    partition from which nothing went, at least by the commit that brought them. ``exists`` says
    whether a file that was put together with others since is still there.
    """
    if not sides.shape.key:
        return _without_common_files(sides, exists)
    if not is_apart(sides.shape):
        return sides
    ours, theirs = files_by_partition(sides.ours), files_by_partition(sides.theirs)
    alike: set[int] = set()
    for partition in ours.keys() & theirs.keys():
        (removed, added), (also_removed, also_added) = ours[partition], theirs[partition]
        came, also_came = (Counter(f.identity for f in new) for new in (added, also_added))
        if paths_of(removed) == paths_of(also_removed) and came == also_came:
            alike |= {id(f) for f in (*removed, *added, *also_removed, *also_added)}
    if not alike:
        return sides
    own = [chosen(side, lambda file: id(file) not in alike) for side in (sides.ours, sides.theirs)]
    return replace(sides, ours=own[0], theirs=own[1])


def _without_common_files(sides: TableSides, exists: Callable[[DataFile], bool]) -> TableSides:
    """Leaves out the files that both sides of a table without a key added.

    They count as files of the base. A side that put them together with others has then put
    together these: they went, and what they became has their rows. Where both sides put files
    together and nothing else went, theirs' count as what they were before.
    """
    ends = sides.ours, sides.theirs
    known: list[Sequence[Together] | None] = [None, None]
    common: dict[tuple[Partition, str], DataFile] = {}
    replaced: set[tuple[Partition, str]] = set()
    gone: list[list[DataFile]] = [[], []]
    apart: dict[Partition, list[DataFile]] = {}
    appended = cache(sides.only_appended)
    ours, theirs = map(files_by_partition, ends)
    for partition in ours.keys() & theirs.keys():
        both = ours[partition], theirs[partition]
        if not all(added for _, added in both):
            continue
        for side, (_, added) in enumerate(both):
            if known[side] is None and any(file.rows_of is not None for file in added):
                known[side] = list(sides.together(SIDES[side]))
        there = [{file.path: file for file in added} for _, added in both]
        all_known = [one for side in known for one in side or () if one.partition == partition]
        news = _common_parts(there, all_known)
        made = [f for path, f in news[0].items() if f.rows_of is not None and path in news[1]]
        gone_paths = [paths_of(removed) for removed, _ in both]
        went = taken_apart(made, all_known).keys() & gone_paths[0] & gone_paths[1]
        lost = [n for n in (0, 1) if gone_paths[n] - went - news[n].keys()]
        if lost:  # rows of the base may be in what came
            common |= _in_both(there, partition, map(appended, [SIDES[n] for n in lost]))
            continue
        replaced |= {(partition, path) for path in went}
        was = list(map(len, gone))
        for path in (news[0].keys() & news[1].keys()) - gone_paths[0] - gone_paths[1]:
            file = there[0].get(path) or there[1].get(path) or news[0][path]
            common[partition, path] = file
            for side, own in enumerate(there):
                gone[side] += [] if path in own else [file]
        both_removed = all(
            gone_paths[side] - went or len(gone[side]) > was[side] for side in (0, 1)
        )
        known_paths = news[0].keys() | gone_paths[0] | gone_paths[1]
        new = [file for path, file in news[1].items() if path not in known_paths]
        parts = [file for file in new if file.path not in there[1]]
        if both_removed and all(_fits(sides, file) and exists(file) for file in parts):
            apart[partition] = new
    if not common and not apart:
        return sides
    of_parts = {i: s for side in known for one in side or () for i, s in one.schemas.items()}
    changed = [_without(end, replaced | common.keys(), gone[n]) for n, end in enumerate(ends)]
    return replace(
        sides,
        shape=replace(sides.shape, file_schemas={**of_parts, **sides.shape.file_schemas}),
        ours=changed[0],
        theirs=_with_parts(changed[1], apart),
        common=tuple(common.values()),
        replaced=frozenset(replaced),
    )


def _in_both(
    there: Sequence[Mapping[str, DataFile]],
    partition: Partition,
    appended: Iterable[Set[tuple[Partition, str]]],
) -> dict[tuple[Partition, str], DataFile]:
    """Returns the files that both sides added and that are among others."""
    found = {(partition, path): there[0][path] for path in there[0].keys() & there[1].keys()}
    for one in appended if found else ():
        found = {at: file for at, file in found.items() if at in one}
    return found


def _common_parts(
    there: Sequence[Mapping[str, DataFile]], known: Sequence[Together]
) -> list[dict[str, DataFile]]:
    """Returns the files of both sides by path, those that were put together as their parts.

    Of ``m`` on one side, and ``n`` that the other put together of ``m`` and ``x``, that is ``m``,
    and ``m`` and ``x``: what is on one side, and part of a file on the other, stays whole.
    """
    reached: list[set[str]] = []
    for files in there:
        seen = set(files)
        for _ in known:
            more = [f.path for one in known if one.made <= seen for f in one.parts]
            if seen.issuperset(more):
                break
            seen.update(more)
        reached.append(seen)
    kept = (there[0].keys() & reached[1]) | (there[1].keys() & reached[0])
    return [taken_apart(files.values(), known, but=kept) for files in there]


def _without(
    end: FileChanges, known: Set[tuple[Partition, str]], gone: Sequence[DataFile]
) -> FileChanges:
    """Returns what a side did but for some files, and with some others that went."""
    removed = (*(file for file in end.removed if _at(file) not in known), *gone)
    return replace(end, removed=removed, added=tuple(f for f in end.added if _at(f) not in known))


def _with_parts(theirs: FileChanges, apart: Mapping[Partition, list[DataFile]]) -> FileChanges:
    """Returns what theirs did, with other files in some partitions, from which nothing goes."""
    rest = chosen(theirs, lambda file: file.partition not in apart)
    return replace(rest, added=(*rest.added, *(file for files in apart.values() for file in files)))


def _fits(sides: TableSides, file: DataFile) -> bool:
    """Returns whether the columns of a file of any commit mean in the merged shape what they did.

    Those do that the base has, where they got no other field ids.
    """
    schemas = () if sides.base is None else sides.base.snapshot.file_schemas
    return file.file_schema in schemas and sides.fitted(file) == file


def _at(file: DataFile) -> tuple[Partition, str]:
    return file.partition, file.path


def files_by_partition(
    changes: FileChanges,
) -> dict[Partition, tuple[list[DataFile], list[DataFile]]]:
    """Returns the files that a side removed and added, by partition."""
    found: dict[Partition, tuple[list[DataFile], list[DataFile]]] = {}
    for place, files in enumerate((changes.removed, changes.added)):
        for file in files:
            found.setdefault(file.partition, ([], []))[place].append(file)
    return found
