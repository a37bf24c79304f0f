"""What becomes of the rows of a file set, and how they are cut into data files."""

import hashlib
from collections.abc import Collection, Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from catalog.dataclasses import dataclass
from catalog.errors import InvalidInput
from catalog.formats.file_sets.listing import FileListing, names_alike
from catalog.formats.file_sets.rows import ROWS
from catalog.model.file_sets import folded
from catalog.write.file_sets.known import KnownRows, equal, known_true, whole

MIN_ROWS = 512
"""Paths that a data file has at least, but for the last one."""

BOUNDARY = (1 << 32) // 1024
"""A path ends its data file if its 32-bit hash is below this: one in 1,024, so that data files have
about 1,500 paths, and one of them takes some 100 kB."""

MAX_ROWS = 4096
"""Paths after which a data file ends in any case."""


@dataclass(frozen=True, slots=True)
class RowPlan:
    """What becomes of rows, by position.

    Attributes:
        kept: Per known row, whether it stays as it is.
        listed: Per known row, whether the source has its path.
        fresh: The positions in the listing of files whose rows are new or others.
    """

    kept: pa.BooleanArray
    listed: pa.BooleanArray
    fresh: Sequence[int]

    @property
    def is_change(self) -> bool:
        """Whether any row comes or goes."""
        return bool(self.fresh) or pc.all(self.kept).as_py() is False


def plan_rows(
    known: KnownRows,
    listing: FileListing,
    hashes: pa.StringArray,
    *,
    append: bool,
    restated: Collection[int] = (),
) -> RowPlan:
    """Compares the rows of a file set with the files of a source, whose hashes are all known.

    A row stays if its path has the content that it had: a touched file is no change. Files at
    positions ``restated`` have new rows in any case.
    """
    paths, sums = known.column("path"), known.column("sha256")
    at = pc.index_in(listing.paths, paths)
    same = equal(hashes, sums.take(at))
    if restated:
        told = set(restated)
        same = pa.array([one and n not in told for n, one in enumerate(same.to_pylist())])
    fresh = pc.indices_nonzero(pc.invert(same)).to_pylist()
    back = pc.index_in(paths, listing.paths)
    listed = pc.is_valid(back)
    kept = known_true(same.take(back))
    if append:
        kept = pc.or_(kept, pc.invert(listed))
    return RowPlan(kept, listed, fresh)


@dataclass(frozen=True, slots=True)
class FinalRows:
    """The rows of a file set after a snapshot, by path.

    Attributes:
        rows: With the columns of ``ROWS``, each in one piece.
        owner: Per row, the position of the data file that it was in; -1 if it is new.
        listed: Per row, whether its content is at its path in the source.
    """

    rows: pa.Table
    owner: Sequence[int]
    listed: Sequence[bool]


def final_rows(known: KnownRows, plan: RowPlan, fresh: pa.Table) -> FinalRows:
    """Returns rows that stay with those that come."""
    rows = pa.concat_tables([known.rows.filter(plan.kept), fresh.cast(ROWS)]).combine_chunks()
    owners = known.owner.filter(plan.kept).to_pylist() + [-1] * len(fresh)
    listed = plan.listed.filter(plan.kept).to_pylist() + [True] * len(fresh)
    order = pc.sort_indices(whole(rows["path"]))
    places = order.to_pylist()
    return FinalRows(
        rows.take(order).combine_chunks(),
        [owners[n] for n in places],
        [listed[n] for n in places],
    )


@dataclass(frozen=True, slots=True)
class Cut:
    """The rows of one data file.

    Attributes:
        start, end: Which of the final rows.
        same_as: The position of the data file that holds just these already; None if none does.
    """

    start: int
    end: int
    same_as: int | None


def cut_rows(final: FinalRows, known: KnownRows) -> Iterator[Cut]:
    """Cuts rows into data files, where the paths alone say.

    So a change is in one data file, mostly, and the others stay as they are.
    """
    start = 0
    for end in _ends(whole(final.rows["path"]).to_pylist()):
        owners = set(final.owner[start:end])
        (owner, *others) = owners
        same = owner >= 0 and not others and known.files[owner].rows == end - start
        yield Cut(start, end, owner if same else None)
        start = end


def _ends(paths: Sequence[str]) -> Iterator[int]:
    count = 0
    for n, path in enumerate(paths, 1):
        count += 1
        if count < MIN_ROWS:
            continue
        digest = hashlib.sha256(path.encode()).digest()
        if count == MAX_ROWS or int.from_bytes(digest[:4]) < BOUNDARY:
            yield n
            count = 0
    if count:
        yield len(paths)


def check_together(root: str, paths: Sequence[str]) -> None:
    """Checks that the paths of a set to which others were added can be restored side by side.

    Raises:
        InvalidInput: Two are one where case does not count, or one is a directory of another.
    """
    known: dict[str, str] = {}
    files = set(paths)
    for path in paths:
        above = path
        while above:
            name = known.setdefault(folded(above), above)
            if name != above:
                raise names_alike(root, name, above)
            if above != path and above in files:
                raise InvalidInput(
                    f"{above!r} would be a file, and {path!r} lies in a directory of that name",
                    hint="delete the row of one of them first",
                )
            above = above.rpartition("/")[0]
