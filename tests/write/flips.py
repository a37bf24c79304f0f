"""Bits changed in Parquet files, at places where checksums see them."""

import io
from pathlib import Path

import pyarrow.parquet as pq

from catalog.formats.pages import _header


def in_pages(path: Path) -> list[int]:
    """Returns places all over the pages of a file: of its headers none is covered."""
    found = []
    metadata = pq.read_metadata(path)
    data = path.read_bytes()
    for group in range(metadata.num_row_groups):
        for n in range(metadata.num_columns):
            chunk = metadata.row_group(group).column(n)
            start = chunk.data_page_offset
            if chunk.has_dictionary_page:
                start = min(start, chunk.dictionary_page_offset)
            for header, body in stored_pages(data[start : start + chunk.total_compressed_size]):
                found += range(start + header, start + header + body)
    return found


def stored_pages(chunk: bytes) -> list[tuple[int, int]]:
    """Returns where the bytes of each page of a column begin, and how many they are."""
    at, pages = 0, []
    with io.BytesIO(chunk) as stream:
        while at < len(chunk):
            fields, length = _header(stream, at, len(chunk))
            pages.append((at + length, fields[3]))
            at += length + fields[3]
    return pages


def flipped(path: Path, at: int, bit: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1 << bit
    path.chmod(0o644)
    path.write_bytes(data)
