"""What is known of an image without looking at it twice: its size, and what it looks like.

Images are decoded by Pillow, which is imported for the first one. Only formats that are decoded
by libraries are opened: others run programs, or read other files.
"""

import contextlib
import hashlib
import logging
import math
import os
import re
import struct
import threading
import warnings
import zlib
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, BinaryIO, Literal, TypeAlias

from catalog.dataclasses import dataclass
from catalog.errors import ErrorKind, InvalidInput, Unsupported
from catalog.hints import Option, hint

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

    Vector: TypeAlias = NDArray[np.float64]

Images: TypeAlias = Literal["auto", "always", "never"]
"""Whether pictures are looked at: where Pillow is installed, in any case, or not at all."""

MAX_PIXELS = 178_956_970
"""Pixels of an image at most, as Pillow itself has it: decoded they take up to 0.7 GB."""

MAX_MEMORY_BYTES = 1_000_000_000
"""Bytes that an image may take while it is decoded."""

MAX_SCANS, MAX_SCANNED_PIXELS = 100, 4_000_000_000
"""Passes over a progressive JPEG, and pixels in all of them: encoders make about ten, and a file
of a few kilobytes can ask for thousands, which would take hours."""

SMALL_BYTES = 100_000_000
"""Bytes of a decoded image up to which several are decoded at once."""

HASH_BITS = 64

SIDE = 32
"""Pixels across and down to which a picture is reduced."""

WAVES = (8, 3, 3)
"""Waves across and down that are told of lightness, and of both differences of colour."""

NEUTRAL, LIGHTNESS = 48.0, 0.25
"""What each picture has in its look, so that shades of grey are alike, and how much the lightness
of all of it counts: pictures that are lighter or darker show the same."""

DIGITS = 3
"""Digits of a wave's strength after the point: further ones differ between machines."""

SAMPLED_SIDE = 1024
"""Pixels of the longer side above which only every so manyth pixel is looked at: a pixel of the
reduced picture is the mean of a thousand in any case."""

_FORMATS = {
    "image/png": ("PNG",),
    "image/jpeg": ("JPEG", "MPO"),
    "image/gif": ("GIF",),
    "image/webp": ("WEBP",),
    "image/tiff": ("TIFF",),
    "image/bmp": ("BMP",),
    "image/avif": ("AVIF",),
    "image/jp2": ("JPEG2000",),
}
"""Pillow's names of what is opened, by media type."""

_BYTES_PER_PIXEL = {"image/webp": 12, "image/avif": 12, "image/jp2": 20}
"""Bytes that decoding takes for a pixel, where the library holds more than the picture."""

_LARGE_FILES = {"image/png", "image/tiff", "image/bmp"}
"""Kinds whose files may be as large as what they are decoded to; of others, and of what a stranger
makes, much of the file may be in memory at once."""

_BROKEN = (
    *(OSError, SyntaxError, ValueError, TypeError, ArithmeticError, LookupError, EOFError),
    *(AttributeError, AssertionError, NotImplementedError, RuntimeError, struct.error, zlib.error),
)
"""What Pillow raises where an image is damaged."""


@dataclass(frozen=True, slots=True)
class Picture:
    """What is known of an image.

    Attributes:
        width: In pixels, as it is shown: the orientation that a camera noted is applied.
        height: In pixels.
        perceptual_hash: 64 bits; images that look alike have most of them in common.
    """

    width: int
    height: int
    perceptual_hash: int


def is_picture(media_type: str) -> bool:
    """Returns whether images of a media type are looked at."""
    return media_type in _FORMATS


def can_look() -> bool:
    """Returns whether the library that decodes images is installed."""
    return find_spec("PIL") is not None


def looks(images: Images) -> bool:
    """Returns whether pictures are looked at.

    Raises:
        InvalidInput: The choice is none that there is.
        Unsupported: They must be, and the library is not installed.
    """
    if images not in ("auto", "always", "never"):
        raise InvalidInput(
            f"{images!r} does not say which images are looked at", hint="auto, always or never"
        )
    if images == "always" and not can_look():
        raise Unsupported(
            "looking at images needs the library Pillow, which is not installed",
            kind=ErrorKind.EXTRA_NOT_INSTALLED,
            hint="pip install 'parquetry[images]'",
        )
    return images != "never" and can_look()


def look_at(file: BinaryIO, *, name: str, media_type: str, size_bytes: int) -> Picture | None:
    """Decodes an image; several threads may do so at once.

    Args:
        file: The open file, at its beginning; it can be read at any place.
        name: What messages call it.
        media_type: Its media type by content.
        size_bytes: Its size.

    Returns:
        What is known of it; of an animated one, of its first frame. None if it is no image that is
        decoded here, or is damaged.

    Raises:
        OSError: The file cannot be read.
        InvalidInput: Decoding it would take too much memory or time.
    """
    formats = _FORMATS.get(media_type)
    if formats is None:
        return None
    if size_bytes > MAX_MEMORY_BYTES // (1 if media_type in _LARGE_FILES else 4):
        raise _too_large(name, f"{size_bytes:,} bytes")
    from PIL import Image

    with _NO_WARNINGS, _NO_STDERR if media_type == "image/tiff" else contextlib.nullcontext():
        try:
            image = Image.open(file, formats=formats)
            large = _decoded_bytes(image, name, media_type) > SMALL_BYTES
            if getattr(image, "format", "") == "JPEG" and image.info.get("progressive"):
                _check_scans(image, file, name)
            with _TURNS_OF_LARGE if large else contextlib.nullcontext():
                return _seen(image)
        except Image.DecompressionBombError as error:
            pixels = re.search(r"\d+", str(error))
            seen = f"{int(pixels[0]):,} pixels" if pixels else "more pixels than Pillow decodes"
            raise _too_large(name, seen) from error
        except MemoryError as error:
            raise _too_large(name, "more than there is memory for") from error
        except _BROKEN as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise
            return None


def _decoded_bytes(image: "Image", name: str, media_type: str) -> int:
    """Returns about what an image takes in memory while it is decoded.

    Raises:
        InvalidInput: It is too much.
    """
    width, height = image.size
    tile = getattr(image, "tag_v2", {})  # TIFF decodes whole tiles, however small the image is
    if media_type == "image/tiff" and 322 in tile and 323 in tile:
        width, height = max((width, height), (int(tile[322]), int(tile[323])), key=math.prod)
    pixels = width * height
    size_bytes = pixels * _BYTES_PER_PIXEL.get(media_type, 5)
    if pixels > MAX_PIXELS or size_bytes > MAX_MEMORY_BYTES:
        raise _too_large(name, f"{width:,} × {height:,} pixels")  # noqa: RUF001
    return size_bytes


def _check_scans(image: "Image", file: BinaryIO, name: str) -> None:
    """Checks how often a progressive JPEG is gone over to decode it.

    Raises:
        InvalidInput: It is too often.
    """
    at = file.tell()
    file.seek(0)
    scans, last = 0, b""
    while block := file.read(1 << 20):
        scans += (last + block).count(b"\xff\xda")
        last = block[-1:]
    file.seek(at)
    pixels = image.size[0] * image.size[1]
    if scans > MAX_SCANS or scans * pixels > MAX_SCANNED_PIXELS:
        raise _too_large(name, f"{pixels:,} pixels in {scans:,} passes")


def _too_large(name: str, what: str) -> InvalidInput:
    return InvalidInput(
        f"{name} is an image of {what}: it would take too much memory or time to look at",
        kind=ErrorKind.IMAGE_TOO_LARGE,
        hint=hint(
            "if the image is meant to be so large, take the files without looking at images: {}",
            Option("images", "never"),
        ),
    )


def _seen(image: "Image") -> Picture:
    """Decodes an image.

    A JPEG is decoded at an eighth of its size or more, which is much cheaper.
    """
    from PIL import Image

    width, height = image.size
    if image.draft("RGB", (SAMPLED_SIDE // 4, SAMPLED_SIDE // 4)) is None:
        image.load()
        width, height = image.size  # a TIFF has turned itself by now
    orientation = image.getexif().get(0x0112, 1)
    longer = max(image.size)
    if longer > SAMPLED_SIDE:
        size = tuple(max(1, side * SAMPLED_SIDE // longer) for side in image.size)
        image = image.resize((size[0], size[1]), Image.Resampling.NEAREST)
    turned = _TURNS.get(orientation)
    if turned is not None:
        image = image.transpose(Image.Transpose(turned))
        if turned >= Image.Transpose.ROTATE_90 and turned != Image.Transpose.ROTATE_180:
            width, height = height, width
    return Picture(width, height, _hash(_on_white(image)))


_TURNS = {2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}
"""Pillow's numbers of the transpositions that set an orientation of EXIF right."""


def _on_white(image: "Image") -> "Image":
    """Returns an image in red, green and blue; what shows through is white."""
    from PIL import Image

    if image.mode.startswith("I;16") or image.mode in ("I", "F"):
        return _eight_bits(image).convert("RGB")
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(white, image).convert("RGB")
    return image.convert("RGB")


def _eight_bits(image: "Image") -> "Image":
    """Returns grey of 16 bits or more in 8: the darkest becomes black, the lightest white.

    Conversion by Pillow would cut all values above 255.
    """
    floats = image.convert("I").convert("F") if image.mode != "F" else image
    low, high = floats.getextrema()
    assert isinstance(low, float) and isinstance(high, float)
    if not high > low:  # one shade of grey, or values that are no numbers
        low, high = 0.0, 65_535.0
    scale = 255 / (high - low)
    return floats.point(lambda value: value * scale - low * scale).convert("L")


def _hash(image: "Image") -> int:
    """Returns the perceptual hash: on which sides of 64 planes the look of a picture lies.

    Of two pictures the share of equal bits is about 1 less the angle between their looks, in
    half turns: 1 for the same look, a half for looks that have nothing to do with each other,
    and little for a picture and its negative.

    Source: Moses Charikar, "Similarity Estimation Techniques from Rounding Algorithms", 2002.
    """
    import numpy as np

    sides = _planes() @ _look(image) > 0
    return int.from_bytes(np.packbits(sides).tobytes(), "big")


def _look(image: "Image") -> "Vector":
    """Returns how a picture looks, as numbers: the strengths of its slow waves.

    These are the lowest frequencies of a cosine transform, of lightness finer than of colour. Slow
    waves are stronger than quick ones in almost any picture, so each is weighted by its frequency.
    """
    import numpy as np
    from PIL import Image

    small = image.resize((SIDE, SIDE), Image.Resampling.LANCZOS).convert("YCbCr")
    pixels = np.frombuffer(small.tobytes(), np.uint8).reshape(SIDE, SIDE, 3) - 128.0
    cosines, weights = _cosines()
    parts = [np.array([NEUTRAL])]
    for channel, waves in enumerate(WAVES):
        found = cosines[:waves] @ pixels[:, :, channel] @ cosines[:waves].T
        parts.append((found * weights[:waves, :waves]).ravel())
    look = np.concatenate(parts)
    look[1] *= LIGHTNESS
    return look.round(DIGITS)


@cache
def _cosines() -> "tuple[Vector, Vector]":
    """Returns the slowest cosines over a row of pixels, one a row, and the weights of waves."""
    import numpy as np

    most = max(WAVES)
    angles = np.outer(np.arange(most), np.arange(SIDE) * 2 + 1)
    cosines = np.cos(np.pi / (2 * SIDE) * angles) / SIDE * np.sqrt(8)
    cosines[0] /= np.sqrt(2)
    squares = np.arange(most) ** 2
    weights = np.sqrt(np.add.outer(squares, squares))
    weights[0, 0] = 1
    return cosines, weights


@cache
def _planes() -> "Vector":
    """Returns 64 planes that lie at random and are the same everywhere, one a row."""
    import numpy as np

    numbers = 1 + sum(waves * waves for waves in WAVES)
    drawn = hashlib.shake_256(b"parquetry: planes of looks").digest(HASH_BITS * numbers * 8)
    eight = np.frombuffer(drawn, np.uint8).reshape(HASH_BITS, numbers, 8)
    planes: Vector = eight.sum(2, dtype=np.float64) - 8 * 127.5  # nearly a normal distribution
    return planes


class _NoWarnings:
    """Keeps Pillow's warnings about odd images from users, for as long as any thread is inside.

    Python's own way is not for threads: whoever leaves first would bring all warnings back.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._before = warnings.catch_warnings()

    def __enter__(self) -> None:
        with self._lock:
            if self._inside == 0:
                self._before = warnings.catch_warnings()
                self._before.__enter__()
                logging.getLogger("PIL").addHandler(_NO_HANDLER)  # else what it logs is printed
                warnings.filterwarnings("ignore", module=r"PIL\b")
                warnings.filterwarnings("ignore", module=re.escape(__name__))
            self._inside += 1

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                self._before.__exit__(None, None, None)


class _NoStderr:
    """Keeps from users what libtiff prints of damaged images; nothing else turns that off.

    For that long nothing that the process prints to stderr is seen, so it is for TIFFs alone.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: int | None = None

    def __enter__(self) -> None:
        self._lock.acquire()
        with contextlib.suppress(OSError):  # there is no stderr, or no descriptor left
            self._kept = os.dup(2)
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, 2)
            os.close(nowhere)

    def __exit__(self, *error: object) -> None:
        try:
            if self._kept is not None:
                os.dup2(self._kept, 2)
                os.close(self._kept)
                self._kept = None
        finally:
            self._lock.release()


_TURNS_OF_LARGE = threading.Lock()
_NO_HANDLER = logging.NullHandler()
_NO_WARNINGS = _NoWarnings()
_NO_STDERR = _NoStderr()
