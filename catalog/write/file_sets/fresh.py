"""The rows of files that are new to a file set, or have another content."""

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from catalog.formats.file_sets.pictures import Picture, is_picture
from catalog.formats.file_sets.rows import ROWS
from catalog.repository.columnar import integers, strings
from catalog.write.file_sets.contents import ContentReader, Facts, source_file
from catalog.write.file_sets.known import KnownRows

_PICTURE = ("width", "height", "perceptual_hash")


def fresh_rows(
    reader: ContentReader,
    positions: Sequence[int],
    hashes: pa.StringArray,
    *,
    known: KnownRows,
    read: Mapping[int, Facts],
) -> pa.Table:
    """Returns the rows of some files of a source, with the columns of ``ROWS``.

    What follows from a content that the set knows is taken from there, under whatever path.

    Args:
        reader: Reads what is not known, from the listing.
        positions: The files.
        hashes: The hashes of all files of the listing.
        known: The rows before.
        read: What is known of contents that were read, by position.
    """
    listing, at = reader.listing, integers(positions)
    sums = hashes.take(at)
    facts = _facts(reader, positions, known=known, before=_places(sums, known), read=read)
    pictures = [_picture(one.picture) for one in facts]
    modified = pc.divide(listing.mtimes.take(at), integers([1000])[0])
    columns = [
        listing.paths.take(at),
        listing.sizes.take(at),
        strings([one.media_type for one in facts]),
        sums,
        modified.cast(ROWS.field("modified").type),
        integers([width for width, _, _ in pictures]).cast(pa.int32()),
        integers([height for _, height, _ in pictures]).cast(pa.int32()),
        integers([likeness for _, _, likeness in pictures]).view(pa.uint64()),
    ]
    return pa.Table.from_arrays(columns, schema=ROWS)


def unseen_images(rows: pa.Table) -> list[str]:
    """Returns what to say of images among rows at which nobody looked."""
    columns = (rows[name].to_pylist() for name in ("media_type", "width"))
    unseen = sum(_is_unseen(*pair) for pair in zip(*columns, strict=True))
    if not unseen:
        return []
    seen = f"{unseen:,} image was" if unseen == 1 else f"{unseen:,} images were"
    return [
        f"{seen} not looked at, so width, height and perceptual_hash are NULL there: "
        "pip install 'parquetry[images]'"
    ]


def _places(sums: pa.StringArray, known: KnownRows) -> list[int | None]:
    """Returns a row with the same content for each hash, None if there is none."""
    found: list[int | None] = pc.index_in(sums, known.column("sha256")).to_pylist()
    return found


def _facts(
    reader: ContentReader,
    positions: Sequence[int],
    *,
    known: KnownRows,
    before: Sequence[int | None],
    read: Mapping[int, Facts],
) -> list[Facts]:
    rows = known.rows.select(["path", "media_type", *_PICTURE])
    same = iter(rows.take(integers([n for n in before if n is not None])).to_pylist())
    found = []
    for position, place in zip(positions, before, strict=True):
        row = None if place is None else next(same)
        if position in read:
            facts = read[position]
        elif row is not None and _tells(row, reader, position):
            facts = Facts(row["media_type"] or "")
        else:
            facts = reader.facts(source_file(reader.listing, position))
        if row is not None and row["perceptual_hash"] is not None:
            facts = Facts(facts.media_type, Picture(*(row[name] for name in _PICTURE)))
        found.append(facts)
    return found


def _tells(row: Mapping[str, Any], reader: ContentReader, position: int) -> bool:
    """Returns whether a row with the content of a file tells all that is to be known of it."""
    same_ending = _ending(row["path"]) == _ending(reader.listing.paths[position].as_py())
    return same_ending and not (reader.pictures and _is_unseen(row["media_type"], row["width"]))


def look_again(reader: ContentReader, known: KnownRows, hashes: pa.StringArray) -> dict[int, Facts]:
    """Looks at images of a source that the set has, and at which nobody had looked.

    Returns:
        By position in the listing, what is known now of those that could be decoded.
    """
    columns = (known.column(name) for name in ("media_type", "width"))
    unseen = [_is_unseen(*pair) for pair in zip(*(c.to_pylist() for c in columns), strict=True)]
    waiting = known.column("path").filter(pa.array(unseen, pa.bool_()))
    sums = known.column("sha256").filter(pa.array(unseen, pa.bool_()))
    found = {}
    places = pc.index_in(waiting, reader.listing.paths).to_pylist()
    for position, sha256 in zip(places, sums.to_pylist(), strict=True):
        if position is None or hashes[position].as_py() != sha256:
            continue
        facts = reader.facts(source_file(reader.listing, position))
        if facts.picture is not None:
            found[position] = facts
    return found


def _is_unseen(media_type: str | None, width: int | None) -> bool:
    return width is None and media_type is not None and is_picture(media_type)


def _ending(path: str) -> str:
    return path.rpartition("/")[2].rpartition(".")[2]


def _picture(found: Picture | None) -> tuple[int | None, int | None, int | None]:
    """Returns width, height and perceptual hash, the last as a signed number of the same bits."""
    if found is None:
        return None, None, None
    likeness = found.perceptual_hash
    return found.width, found.height, likeness - (1 << 64) if likeness >> 63 else likeness
