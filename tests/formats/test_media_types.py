"""Media types of files: by content, else by name, else unknown."""

import io

import pytest
from PIL import Image

from catalog.formats.file_sets.media_types import UNKNOWN, media_type


def image(format: str) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (20, 20), "red").save(file, format)
    return file.getvalue()[:512]


@pytest.mark.parametrize(
    ("format", "expected"),
    [
        *(("PNG", "image/png"), ("JPEG", "image/jpeg"), ("GIF", "image/gif")),
        *(("WEBP", "image/webp"), ("TIFF", "image/tiff"), ("BMP", "image/bmp")),
        *(("AVIF", "image/avif"), ("PDF", "application/pdf"), ("JPEG2000", "image/jp2")),
    ],
)
def test_content_tells_the_type_whatever_the_name(format: str, expected: str) -> None:
    for name in ("x", "x.txt", "x.png", "x.jpg"):
        assert media_type(name, image(format)) == expected


@pytest.mark.parametrize(
    ("name", "head", "expected"),
    [
        ("a.csv", b"a,b\n", "text/csv"),
        ("a/b.JSON", b"{}", "application/json"),
        ("notes.txt", b"", "text/plain"),
        (
            "report.docx",
            b"PK\x03\x04",
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        ),
        ("a.zip", b"PK\x03\x04", "application/zip"),
        ("a.png", b"PK\x03\x04", "application/zip"),
        ("a.tar.gz", b"\x1f\x8b\x08\x00", "application/gzip"),
        ("t.parquet", b"PAR1\x15", "application/vnd.apache.parquet"),
        ("a.mp4", b"\0\0\0\x18ftypisom", "video/mp4"),
        ("a.heic", b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", "image/heic"),
        ("a.svg", b"<?xml version='1.0'?>\n<svg xmlns='x'>", "image/svg+xml"),
        ("model", b"\x00\x01\x02", UNKNOWN),
        (".png", b"", UNKNOWN),
        ("v1.2/readme", b"hello", UNKNOWN),
        ("a.unheard-of", b"hello", UNKNOWN),
    ],
)
def test_name_and_content(name: str, head: bytes, expected: str) -> None:
    assert media_type(name, head) == expected


@pytest.mark.parametrize(
    ("head", "expected"),
    [(b"", UNKNOWN), (b"not found", UNKNOWN), (b"\n<!DOCTYPE html><title>404", "text/html")],
)
def test_a_name_is_not_believed_where_content_would_tell(head: bytes, expected: str) -> None:
    assert media_type("photo.jpg", head) == expected
