"""What is known of images: sizes and hashes, against pictures that the tests draw."""

import io
import struct
import subprocess
import sys
import threading
import warnings
import zlib
from pathlib import Path

import pytest
from PIL import Image, ImageDraw, ImageFilter
from PIL.Image import Transpose

from catalog.errors import ErrorKind, InvalidInput, Unsupported
from catalog.formats.file_sets import pictures
from catalog.formats.file_sets.media_types import HEAD_BYTES, media_type
from catalog.formats.file_sets.pictures import Picture, look_at, looks

WIDE = (80, 60)


def drawn(size: tuple[int, int] = WIDE) -> Image.Image:
    image = Image.new("RGB", size, "white")
    draw, (w, h) = ImageDraw.Draw(image), size
    draw.ellipse((w * 0.1, h * 0.1, w * 0.6, h * 0.9), fill=(200, 40, 40))
    draw.rectangle((w * 0.5, h * 0.4, w * 0.95, h * 0.7), fill=(20, 40, 160))
    return image


def another() -> Image.Image:
    image = Image.new("RGB", WIDE, (30, 30, 30))
    draw = ImageDraw.Draw(image)
    for x in range(0, 80, 20):
        draw.line((x, 0, x + 15, 60), fill=(240, 240, 200), width=6)
    return image


def encoded(image: Image.Image, format: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def seen(data: bytes, name: str = "x") -> Picture | None:
    kind = media_type(name, data[:HEAD_BYTES])
    return look_at(io.BytesIO(data), name=name, media_type=kind, size_bytes=len(data))


def likeness(one: Picture | None, other: Picture | None) -> float:
    assert one is not None and other is not None
    return 1 - (one.perceptual_hash ^ other.perceptual_hash).bit_count() / 64


def png(width: int, height: int) -> bytes:
    """A PNG that says it is so large, and has a few pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return (
        b"\x89PNG\r\n\x1a\n"
        + head
        + chunk(b"IDAT", zlib.compress(b"\0" * 99))
        + chunk(b"IEND", b"")
    )


@pytest.fixture(scope="module")
def reference() -> Picture:
    found = seen(encoded(drawn(), "PNG"))
    assert found is not None
    return found


FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "TIFF", "BMP", "AVIF", "JPEG2000")


@pytest.mark.parametrize("format", FORMATS)
def test_a_picture_looks_the_same_in_every_format(format: str, reference: Picture) -> None:
    found = seen(encoded(drawn(), format))
    assert found is not None and (found.width, found.height) == WIDE
    assert likeness(found, reference) > 0.9


@pytest.mark.parametrize("mode", ["P", "L", "1", "RGBA", "LA", "CMYK", "I;16", "F"])
def test_a_picture_looks_the_same_in_every_mode(mode: str, reference: Picture) -> None:
    kind = {"CMYK": "JPEG", "F": "TIFF"}.get(mode, "PNG")
    assert likeness(seen(encoded(drawn().convert(mode), kind)), reference) > 0.9


def test_values_of_sixteen_bits_are_not_cut(reference: Picture) -> None:
    levels = [value * 257 for value in drawn().convert("L").tobytes()]
    deep = Image.frombytes("I;16", WIDE, struct.pack(f"<{len(levels)}H", *levels))
    assert likeness(seen(encoded(deep, "PNG")), reference) > 0.9


def test_likeness_tells_a_worse_copy_from_another_picture(reference: Picture) -> None:
    worse = drawn().resize((40, 30)).filter(ImageFilter.GaussianBlur(1))
    assert likeness(seen(encoded(worse, "JPEG", quality=30)), reference) > 0.9
    assert likeness(seen(encoded(another(), "PNG")), reference) < 0.8


def test_pictures_of_few_waves_are_told_apart() -> None:
    """Gradients and halves have one wave or a few, and all others are nothing."""
    upright = Image.linear_gradient("L").resize(WIDE)
    lying = Image.linear_gradient("L").transpose(Transpose.ROTATE_90).resize(WIDE)
    half, other_half = (Image.new("L", WIDE, "white") for _ in range(2))
    half.paste(0, (0, 0, 40, 60))
    other_half.paste(0, (0, 0, 80, 30))
    for one, other in ((upright, lying), (half, other_half)):
        seen_both = [seen(encoded(image, "PNG")) for image in (one, other)]
        assert likeness(*seen_both) < 0.7
        assert likeness(seen_both[0], seen(encoded(one, "JPEG", quality=60))) > 0.9


def test_colours_count() -> None:
    swapped = Image.merge("RGB", drawn().split()[::-1])
    assert likeness(seen(encoded(drawn(), "PNG")), seen(encoded(swapped, "PNG"))) < 0.95


def test_pictures_of_one_colour_are_told_apart() -> None:
    red, reddish, blue = (
        seen(encoded(Image.new("RGB", WIDE, colour), "PNG"))
        for colour in ("red", (240, 10, 10), "blue")
    )
    assert likeness(red, reddish) > 0.9 > 0.5 > likeness(red, blue)


@pytest.mark.parametrize("format", ["JPEG", "TIFF", "PNG", "WEBP"])
@pytest.mark.parametrize(
    ("orientation", "stored"),
    [
        *((2, Transpose.FLIP_LEFT_RIGHT), (3, Transpose.ROTATE_180), (6, Transpose.ROTATE_90)),
        *((5, Transpose.TRANSPOSE), (7, Transpose.TRANSVERSE), (8, Transpose.ROTATE_270)),
    ],
)
def test_an_image_is_seen_the_right_way_up(
    format: str, orientation: int, stored: Transpose, reference: Picture
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    found = seen(encoded(drawn().transpose(stored), format, exif=exif))
    assert found is not None and (found.width, found.height) == WIDE
    assert likeness(found, reference) > 0.9


def test_of_an_animated_image_the_first_frame_is_seen(reference: Picture) -> None:
    for kind in ("GIF", "WEBP", "PNG"):
        moving = encoded(drawn(), kind, save_all=True, append_images=[another()])
        assert likeness(seen(moving), reference) > 0.9


def test_what_shows_through_is_white(reference: Picture) -> None:
    white = drawn().convert("L").point(lambda value: 255 * (value == 255))
    image = drawn().convert("RGBA")
    image.paste((0, 0, 0, 0), mask=white)
    assert likeness(seen(encoded(image, "PNG")), reference) > 0.9


@pytest.mark.parametrize("pixels", [(100_000, 100_000), (13_400, 13_400)])
def test_an_image_bomb_is_an_error_that_names_the_way_out(pixels: tuple[int, int]) -> None:
    with pytest.raises(InvalidInput) as caught:
        seen(png(*pixels), "photos/bomb.png")
    assert caught.value.kind is ErrorKind.IMAGE_TOO_LARGE
    assert "photos/bomb.png" in caught.value.message
    assert f"{pixels[0] * pixels[1]:,} pixels" in caught.value.message
    assert "images='never'" in caught.value.hint


def test_a_jpeg_of_endless_passes_is_an_error() -> None:
    data = encoded(drawn(), "JPEG", progressive=True)
    scan = data.index(b"\xff\xda")
    end = data.index(b"\xff\xc4", scan)
    with pytest.raises(InvalidInput, match="passes"):
        seen(data[:end] + data[scan:end] * 5_000 + data[end:])


@pytest.mark.parametrize("format", FORMATS)
def test_a_broken_image_is_no_error(format: str) -> None:
    data = encoded(drawn(), format)
    assert seen(data[: len(data) // 2]) is None
    for at in range(20, len(data), max(len(data) // 20, 1)):
        spoilt = data[:at] + b"\xff\x00\x80" + data[at + 3 :]
        try:
            seen(spoilt)
        except InvalidInput as error:
            assert error.kind is ErrorKind.IMAGE_TOO_LARGE


@pytest.mark.parametrize(
    "data", [b"", b"no image", b"\xff\xd8\xff", b"GIF89a", b"%!PS-Adobe-3.0 EPSF"]
)
def test_what_only_claims_to_be_an_image_has_no_facts(data: bytes) -> None:
    assert seen(data, "x.jpg") is None


def test_pillows_warnings_reach_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also with threads that come and go, and with warnings as errors."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 4_000)  # of 4,800 pixels it warns
    data, found = encoded(drawn(), "PNG"), []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        before = list(warnings.filters)
        threads = [
            threading.Thread(target=lambda: found.extend(seen(data) for _ in range(20)))
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert warnings.filters == before
    assert len(found) == 80 and None not in found


def test_what_a_damaged_tiff_makes_libraries_print_reaches_nobody() -> None:
    code = (
        "import io, sys\n"
        "from catalog.formats.file_sets.pictures import look_at\n"
        "data = sys.stdin.buffer.read()\n"
        "for at in range(8, len(data), 40):\n"
        "    bad = data[:at] + b'\\xff\\xff' + data[at + 2:]\n"
        "    look_at(io.BytesIO(bad), name='x', media_type='image/tiff', size_bytes=len(bad))\n"
        "print('shown', file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        input=encoded(drawn(), "TIFF", compression="tiff_lzw"),
        capture_output=True,
        cwd=Path(__file__).parents[2],
        check=True,
    )
    assert done.stderr == b"shown\n"


def test_a_file_that_cannot_be_read_is_an_error() -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise OSError(5, "Input/output error")

    with pytest.raises(OSError, match="Input/output"):
        look_at(Broken(b""), name="x", media_type="image/png", size_bytes=9)


def test_whether_images_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (looks("auto"), looks("always"), looks("never")) == (True, True, False)
    monkeypatch.setattr(pictures, "can_look", lambda: False)
    assert (looks("auto"), looks("never")) == (False, False)
    with pytest.raises(Unsupported) as caught:
        looks("always")
    assert caught.value.kind is ErrorKind.EXTRA_NOT_INSTALLED
    assert "parquetry[images]" in caught.value.hint
    with pytest.raises(InvalidInput):
        looks("sometimes")  # type: ignore[arg-type]


def test_pillow_is_imported_for_the_first_image_only() -> None:
    code = (
        "import io, sys\n"
        "from catalog.formats.file_sets import pictures\n"
        "pictures.looks('auto')\n"
        "pictures.look_at(io.BytesIO(b''), name='x', media_type='text/plain', size_bytes=0)\n"
        "print('PIL' in sys.modules)"
    )
    root = str(Path(__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=root, check=True
    )
    assert done.stdout == "False\n"
