"""Media types of files: by content where that is certain, else by name.

The machine's own tables are not asked, nor those of Python, which grow with its versions: the
same file has the same type everywhere.
"""

from collections.abc import Iterator

UNKNOWN = "application/octet-stream"
"""What a file is that neither its content nor its name says anything of."""

HEAD_BYTES = 512
"""Bytes at the beginning of a file that tell its type; the signature farthest in is in 257."""

_BEGINNINGS = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"II+\x00", "image/tiff"),
    (b"MM\x00+", "image/tiff"),
    (b"\x00\x00\x00\x0cjP  \r\n\x87\n", "image/jp2"),
    (b"\x00\x00\x00\x0cJXL \r\n\x87\n", "image/jxl"),
    (b"8BPS\x00\x01", "image/vnd.adobe.photoshop"),
    (b"%PDF-", "application/pdf"),
    (b"PAR1", "application/vnd.apache.parquet"),
    (b"ARROW1\x00\x00", "application/vnd.apache.arrow.file"),
    (b"SQLite format 3\x00", "application/vnd.sqlite3"),
    (b"\x89HDF\r\n\x1a\n", "application/x-hdf5"),
    (b"\x1f\x8b\x08", "application/gzip"),
    (b"\x28\xb5\x2f\xfd", "application/zstd"),
    (b"\xfd7zXZ\x00", "application/x-xz"),
    (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (b"Rar!\x1a\x07", "application/vnd.rar"),
    (b"\x00asm", "application/wasm"),
    (b"{\\rtf", "application/rtf"),
    (b"fLaC", "audio/flac"),
    (b"ID3", "audio/mpeg"),
    (b"MThd\x00\x00\x00\x06", "audio/midi"),
    (b"wOFF", "font/woff"),
    (b"wOF2", "font/woff2"),
    (b"glTF", "model/gltf-binary"),
)
"""How files of a kind begin."""

_RIFF = {b"WEBP": "image/webp", b"WAVE": "audio/wav", b"AVI ": "video/x-msvideo"}
"""Kinds by the word that follows ``RIFF`` and a size."""

_BRANDS = {
    **dict.fromkeys((b"avif", b"avis"), "image/avif"),
    **dict.fromkeys((b"heic", b"heix", b"hevc"), "image/heic"),
    **dict.fromkeys((b"mif1", b"msf1"), "image/heif"),
    **dict.fromkeys((b"isom", b"iso2", b"iso4", b"iso5", b"iso6"), "video/mp4"),
    **dict.fromkeys((b"mp41", b"mp42", b"avc1", b"dash", b"M4V "), "video/mp4"),
    **dict.fromkeys((b"M4A ", b"M4B "), "audio/mp4"),
    b"qt  ": "video/quicktime",
}
"""Kinds by the major brand, the word that follows ``ftyp``."""

_BITMAP_HEADERS = {12, 40, 52, 56, 64, 108, 124}
"""Sizes of the header that follows the 14 bytes with which a bitmap begins."""

_BY_EXTENSION = """\
application/epub+zip epub
application/geo+json geojson
application/gzip gz tgz
application/java-archive jar
application/json json ipynb
application/jsonl jsonl ndjson
application/msword doc dot
application/octet-stream bin exe dll so o a obj pt pth ckpt
application/ogg ogx
application/pdf pdf
application/postscript ps ai eps
application/rtf rtf
application/sql sql
application/toml toml
application/vnd.apache.arrow.file arrow feather
application/vnd.apache.parquet parquet
application/vnd.ms-excel xls
application/vnd.ms-powerpoint ppt pps
application/vnd.oasis.opendocument.presentation odp
application/vnd.oasis.opendocument.spreadsheet ods
application/vnd.oasis.opendocument.text odt
application/vnd.openxmlformats-officedocument.presentationml.presentation pptx
application/vnd.openxmlformats-officedocument.spreadsheetml.sheet xlsx
application/vnd.openxmlformats-officedocument.wordprocessingml.document docx
application/vnd.rar rar
application/vnd.sqlite3 sqlite sqlite3
application/wasm wasm
application/x-7z-compressed 7z
application/x-bzip2 bz2
application/x-hdf hdf
application/x-hdf5 h5 hdf5
application/x-netcdf nc cdf
application/x-sh sh
application/x-tar tar
application/x-tex tex
application/x-xz xz
application/xml xsl rdf
application/yaml yaml yml
application/zip zip
application/zstd zst
audio/aac aac
audio/basic au snd
audio/flac flac
audio/midi mid midi
audio/mp4 m4a m4b
audio/mpeg mp3
audio/ogg ogg oga
audio/opus opus
audio/wav wav
audio/x-aiff aif aiff aifc
font/otf otf
font/ttf ttf
font/woff woff
font/woff2 woff2
image/avif avif
image/bmp bmp
image/gif gif
image/heic heic
image/heif heif
image/jp2 jp2
image/jpeg jpg jpe jpeg
image/jxl jxl
image/png png
image/svg+xml svg
image/tiff tiff tif
image/vnd.adobe.photoshop psd
image/vnd.microsoft.icon ico
image/webp webp
image/x-portable-anymap pnm
image/x-portable-bitmap pbm
image/x-portable-graymap pgm
image/x-portable-pixmap ppm
message/rfc822 eml mht mhtml
model/gltf+json gltf
model/gltf-binary glb
model/obj obj
model/stl stl
text/calendar ics
text/css css
text/csv csv
text/html html htm
text/javascript js mjs
text/markdown md markdown
text/plain txt text log srt
text/tab-separated-values tsv tab
text/vtt vtt
text/x-c c h
text/x-python py
text/x-rst rst
text/x-vcard vcf
text/xml xml
video/mp4 mp4 m4v
video/mpeg mpeg mpg mpe
video/ogg ogv
video/quicktime mov qt
video/webm webm
video/x-matroska mkv
video/x-msvideo avi
"""


def _by_extension() -> Iterator[tuple[str, str]]:
    for line in _BY_EXTENSION.splitlines():
        media_type, *extensions = line.split()
        yield from ((extension, media_type) for extension in extensions)


_NAMED = dict(_by_extension())

_RECOGNISED = {
    *(media_type for _, media_type in _BEGINNINGS),
    *_RIFF.values(),
    *_BRANDS.values(),
    *("image/bmp", "application/x-tar", "application/x-bzip2", "application/ogg"),
    *("audio/ogg", "audio/opus", "video/ogg", "video/webm", "video/x-matroska"),
} - {"audio/mpeg", "video/mp4", "audio/mp4", "video/quicktime", "image/heif", "application/x-hdf5"}
"""Types that content tells for certain: where it does not say so, neither does a name. The ones
taken out also begin in ways that are not looked for, such as MP3 without ID3."""


def media_type(name: str, head: bytes) -> str:
    """Returns the media type of a file.

    Args:
        name: Its name or path; only the extension counts.
        head: Its first bytes, ``HEAD_BYTES`` if it has as many.
    """
    named = _by_name(name)
    found = _by_content(head, named)
    if found:
        return found
    return UNKNOWN if named in _RECOGNISED else named


def _by_name(name: str) -> str:
    last = name.rpartition("/")[2]
    stem, dot, extension = last.rpartition(".")
    return _NAMED.get(extension.lower(), UNKNOWN) if dot and stem else UNKNOWN


def _by_content(head: bytes, named: str) -> str:
    """Returns the type that the content tells; empty if it tells none.

    Args:
        head: The first bytes.
        named: The type by name, which tells kinds apart that share a container.
    """
    for beginning, media_type in _BEGINNINGS:
        if head.startswith(beginning):
            return media_type
    if head.startswith(b"RIFF") and head[8:12] in _RIFF:
        return _RIFF[head[8:12]]
    if head[4:8] == b"ftyp" and head[8:12] in _BRANDS:
        return _by_brands(head)
    if head.startswith(b"BM") and int.from_bytes(head[14:18], "little") in _BITMAP_HEADERS:
        return "image/bmp" if len(head) >= 26 else ""
    if head.startswith(b"BZh") and head[4:10] in (b"1AY&SY", b"\x17rE8P\x90"):
        return "application/x-bzip2"
    if head[257:262] == b"ustar":
        return "application/x-tar"
    if head.startswith(b"PK\x03\x04"):  # also of documents and archives of programs
        return "application/zip" if named == UNKNOWN or named in _RECOGNISED else named
    if head.startswith(b"OggS"):
        return named if named in ("audio/ogg", "audio/opus", "video/ogg") else "application/ogg"
    if head.startswith(b"\x1aE\xdf\xa3"):
        return "video/webm" if b"webm" in head[:64] else "video/x-matroska"
    return _by_markup(head)


def _by_brands(head: bytes) -> str:
    """Returns the type of a file of boxes by its brands; of ``mif1`` others tell more."""
    major = _BRANDS[head[8:12]]
    if major != "image/heif":
        return major
    box = head[16 : int.from_bytes(head[:4], "big")]
    others = {_BRANDS.get(box[at : at + 4]) for at in range(0, len(box), 4)}
    return next((one for one in ("image/avif", "image/heic") if one in others), major)


def _by_markup(head: bytes) -> str:
    """Returns the type of a page or a drawing, which often stands where an image was expected."""
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if text.startswith((b"<!doctype html", b"<html")):
        return "text/html"
    if text.startswith(b"<svg") or (text.startswith(b"<?xml") and b"<svg" in text):
        return "image/svg+xml"
    return ""
