"""Draws the pictures of the sample data: tails of airlines, first small and blurred, then sharp.

The drawings are ours, and so are the colours and signs on them: no airline's. `make.py` makes the
tables; the README says what is in each delivery.

    python sample_data/draw.py

It needs Pillow. The same drawings give the same files, byte for byte under one version of it.
"""

import argparse
import math
import shutil
from pathlib import Path

from PIL import Image, ImageDraw, ImageFilter

CARRIERS = ("AA", "AS", "B6", "DL", "EV", "F9", "FL", "HA", "MQ", "UA", "US", "WN")
"""Airlines of which there are pictures; the other four of the table have none."""

FIRST = "6-pictures"
BETTER = "7-better-pictures"
RIGHT = "8-right-picture"

REPLACED = ("AS", "DL", "F9", "HA", "UA", "WN")
"""Those of which better pictures come."""

WRONG, SHOWN_INSTEAD = "HA", "VX"
"""A picture that was mixed up, and the airline that it shows."""

MISNAMED, RIGHT_NAME = "US-old", "US"
"""How a picture was called at first, and how it is called later; its content stays."""

REMOVED, ADDED = "FL", "OO"
"""An airline that flies no more, and one whose picture was missing."""

SHARP, SMALL = (160, 120), (64, 48)
FINE = 4
"""Drawings are this much larger than what is saved, which smooths their edges."""

SHARP_QUALITY, SMALL_QUALITY = 80, 50
BLUR = 0.8

COLOURS = (
    *((178, 34, 52), (20, 60, 120), (0, 120, 130), (200, 90, 20), (90, 40, 120), (40, 110, 50)),
    *((220, 160, 20), (160, 30, 100), (60, 60, 70), (30, 130, 190), (130, 80, 40), (70, 90, 160)),
)


def drawn(number: int) -> Image.Image:
    """Draws the tail of the airline of a number, in the size of `SHARP`."""
    width, height = (side * FINE for side in SHARP)
    image = Image.new("RGB", (width, height))
    draw = ImageDraw.Draw(image)
    _sky(draw, width, height, evening=number % 3 == 2)
    _hills(draw, width, height, number)
    draw.rectangle((0, height * 0.84, width, height), fill=(88, 90, 94))
    for start in range(number % 5 * 24, width, 180):
        draw.rectangle((start, height * 0.91, start + 90, height * 0.925), fill=(230, 228, 215))
    _tail(draw, width, height, number)
    if number % 2:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    return image.resize(SHARP, Image.Resampling.LANCZOS)


def _sky(draw: ImageDraw.ImageDraw, width: int, height: int, *, evening: bool) -> None:
    top, bottom = ((70, 70, 120), (245, 180, 120)) if evening else ((90, 150, 215), (215, 232, 245))
    for y in range(height):
        share = y / height
        shade = tuple(round(a + (b - a) * share) for a, b in zip(top, bottom, strict=True))
        draw.line((0, y, width, y), fill=(shade[0], shade[1], shade[2]))


def _hills(draw: ImageDraw.ImageDraw, width: int, height: int, number: int) -> None:
    for layer, shade in enumerate(((150, 165, 150), (105, 125, 105))):
        base, wave = height * (0.7 + 0.06 * layer), 0.9 + 0.35 * ((number * 7 + layer * 3) % 6)
        ridge = [
            (x, base - height * 0.09 * (1 + math.sin(wave * x / 90 + number + layer)))
            for x in range(0, width + 8, 8)
        ]
        draw.polygon([(0, height), *ridge, (width, height)], fill=shade)


def _tail(draw: ImageDraw.ImageDraw, width: int, height: int, number: int) -> None:
    """Draws body and fin, with stripes and a sign on it."""
    colour, light = COLOURS[number % len(COLOURS)], (238, 238, 240)
    across = number % 4 * 0.07
    top, reach = height * (0.08 + number % 3 * 0.05), 0.24 + number % 5 * 0.03
    left = width * (0.3 + across)
    fin = [
        (left, height * 0.62),
        (left + width * reach * 0.75, top),
        (left + width * (reach + 0.12), top),
        (left + width * (reach + 0.06), height * 0.62),
    ]
    draw.polygon(fin, fill=colour)
    middle = (left + width * reach * 0.82, top + (height * 0.62 - top) * 0.52)
    _sign(draw, middle, height * (0.07 + number % 3 * 0.012), number)
    body = (-width * 0.3, height * 0.58, left + width * (reach + 0.2), height * 0.86)
    draw.ellipse(body, fill=light)
    draw.rectangle((0, height * 0.71, left + width * reach, height * 0.735), fill=colour)
    for window in range(1 + number % 4, 14):
        x = window * width * 0.035
        if x < left:
            draw.ellipse((x, height * 0.645, x + 9, height * 0.675), fill=(70, 80, 95))


def _sign(
    draw: ImageDraw.ImageDraw, middle: tuple[float, float], radius: float, number: int
) -> None:
    """Draws a sign: a disc, a ring, a star of so many points, or bars."""
    x, y = middle
    box = (x - radius, y - radius, x + radius, y + radius)
    match number % 4:
        case 0:
            draw.ellipse(box, fill="white")
        case 1:
            points = 5 + number % 3
            star = [
                (x + r * math.sin(turn), y - r * math.cos(turn))
                for step in range(2 * points)
                for turn in [step * math.pi / points]
                for r in [radius * (1.2 if step % 2 == 0 else 0.5)]
            ]
            draw.polygon(star, fill=(255, 225, 120))
        case 2:
            draw.ellipse(box, outline="white", width=round(radius * 0.4))
        case _:
            for bar in (-1.1, -0.3, 0.5):
                at = y + bar * radius
                draw.rectangle((x - radius, at, x + radius, at + radius * 0.45), fill="white")


def numbered(carrier: str) -> Image.Image:
    """Draws the tail of an airline."""
    known = (*CARRIERS, SHOWN_INSTEAD, ADDED)
    return drawn(known.index(carrier))


def save_sharp(carrier: str, path: Path) -> None:
    """Saves a picture as it is."""
    numbered(carrier).save(path, "JPEG", quality=SHARP_QUALITY)


def save_small(carrier: str, path: Path) -> None:
    """Saves a picture small and blurred."""
    small = numbered(carrier).resize(SMALL, Image.Resampling.LANCZOS)
    blurred = small.filter(ImageFilter.GaussianBlur(BLUR))
    blurred.save(path, "JPEG", quality=SMALL_QUALITY)


def main() -> None:
    """Writes the deliveries: all pictures there are by then, and last the one that was wrong."""
    parser = argparse.ArgumentParser(description="Draws the pictures of the sample data.")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent, help="where to write")
    out: Path = parser.parse_args().out
    for stage in (FIRST, BETTER, RIGHT):
        folder = out / stage
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for carrier in (*CARRIERS, ADDED) if stage != RIGHT else (WRONG,):
            first = stage == FIRST
            if carrier == (ADDED if first else REMOVED):
                continue
            name = MISNAMED if first and carrier == RIGHT_NAME else carrier
            path = folder / f"{name}.jpg"
            if first or carrier not in (*REPLACED, ADDED):
                save_small(carrier, path)
            else:
                mixed_up = stage == BETTER and carrier == WRONG
                save_sharp(SHOWN_INSTEAD if mixed_up else carrier, path)


if __name__ == "__main__":
    main()
