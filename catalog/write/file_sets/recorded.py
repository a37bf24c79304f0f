"""What stat records say of the files of a source: the hashes of those that were seen before."""

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from catalog.formats.file_sets.listing import FileListing
from catalog.repository.columnar import byte_strings, integers
from catalog.repository.file_records import RECORDS
from catalog.repository.stat_records import REST_NS
from catalog.write.file_sets.known import equal, known_true

_SEEN = ("size", "mtime", "ctime", "inode")


def recorded_hashes(listing: FileListing, records: pa.RecordBatch) -> pa.StringArray:
    """Returns the hash of each file that is as a record has it; NULL for the others.

    A file that was renamed with its directory keeps its inode and all times, the time of the
    change of its name or status too: it is recognised by these under any path.
    """
    now = listing.columns()
    if all(one.equals(two) for one, two in zip(now, records.columns, strict=False)):
        return records["sha256"]
    by_path = _matches(now, records, pc.index_in(listing.paths, records["path"]))
    if not by_path.null_count:
        return by_path
    by_inode = _matches(now, records, pc.index_in(listing.inodes, records["inode"]))
    return pc.coalesce(by_path, by_inode)


def _matches(
    now: tuple[pa.Array, ...], records: pa.RecordBatch, at: pa.Int32Array
) -> pa.StringArray:
    """Returns the hashes of the records at some places that agree with the files now."""
    same = pc.is_valid(at)
    for column, name in zip(now[1:], _SEEN, strict=True):
        same = pc.and_(same, equal(column, records[name].take(at)))
    return records["sha256"].take(pc.if_else(same, at, integers([None]).cast(pa.int32())[0]))


def new_records(
    listing: FileListing,
    hashes: pa.StringArray,
    *,
    read_at: Mapping[int, int],
    ctimes: Mapping[int, int],
) -> pa.RecordBatch:
    """Returns the records of the files of a source.

    Args:
        listing: The files.
        hashes: Their hashes.
        read_at: When those that were read were opened, in nanoseconds, by their position: one
            that had not rested then could have been written again within the clock's grain.
        ctimes: Times of change that are others now, since the file was linked to.
    """
    columns = [*listing.columns(), hashes]
    if ctimes:
        changed = listing.ctimes.to_pylist()
        for position, ctime in ctimes.items():
            changed[position] = ctime
        columns[3] = integers(changed)
    found = pa.RecordBatch.from_arrays(columns, schema=RECORDS)
    if not read_at:
        return found
    opened = [read_at.get(n) for n in range(len(listing))]
    latest = pc.max_element_wise(listing.mtimes, listing.ctimes)
    fresh = pc.less_equal(pc.subtract(integers(opened), latest), integers([REST_NS])[0])
    return found.filter(pc.invert(known_true(fresh)))


def no_hashes(count: int) -> pa.StringArray:
    """Returns that nothing is known of some files."""
    return byte_strings([None] * count).cast(pa.string())
