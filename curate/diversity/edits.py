"""Edits by which an embedder's scale is judged: a picture changed as people and programs change pictures.

Every edit takes uint8 RGB [H, W, 3] and a seeded generator and gives uint8 RGB. (A door to Pillow: these are whole-
picture resamplings and JPEG round trips.)
"""

from __future__ import annotations

import io
import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray
    from PIL import Image

    Rgb = NDArray[np.uint8]
    Edit = Callable[[Rgb, np.random.Generator], Rgb]


def shrink(picture: Rgb, long_side: int) -> Rgb:
    """The picture with at most `long_side` px on its long side."""
    height, width = picture.shape[:2]
    factor = long_side / max(height, width)
    if factor >= 1.0:
        return picture
    return _pixels(_resized(_image(picture), max(1, round(width * factor)), max(1, round(height * factor))))


def perspective(picture: Rgb, random: np.random.Generator) -> Rgb:
    """Each corner drawn inwards by up to 8 % of the sides, light +-10 %, JPEG 85: another stand, nearly."""
    from PIL import Image

    image = _image(picture)
    width, height = image.size
    inwards = random.uniform(0.0, 0.08, size=(4, 2)) * (width, height)
    corners = np.array([(0, 0), (width, 0), (width, height), (0, height)], dtype=float)
    sources = corners + inwards * np.array([(1, 1), (-1, 1), (-1, -1), (1, -1)])
    equations, values = [], []
    for (x, y), (source_x, source_y) in zip(corners, sources, strict=True):
        equations.append([x, y, 1, 0, 0, 0, -source_x * x, -source_x * y])
        equations.append([0, 0, 0, x, y, 1, -source_y * x, -source_y * y])
        values += [source_x, source_y]
    terms = np.linalg.solve(np.array(equations), np.array(values)).tolist()
    warped = image.transform(image.size, Image.Transform.PERSPECTIVE, terms, Image.Resampling.BICUBIC)
    return _jpeg(_light(warped, 1.0 + random.uniform(-0.1, 0.1)), 85)


def crop(picture: Rgb, random: np.random.Generator) -> Rgb:
    """80 % of each side, anywhere."""
    return _cropped(picture, 0.8, random)


def rotation(picture: Rgb, random: np.random.Generator) -> Rgb:
    """Turned by 8 degrees either way, enlarged until no border shows."""
    return _pixels(_turned(_image(picture), 8.0 * random.choice((-1.0, 1.0))))


def mix(picture: Rgb, random: np.random.Generator) -> Rgb:
    """A little of each: 95 % crop, +-2 degrees, light +-5 %, blur of 0.6 px, JPEG 85."""
    from PIL import ImageFilter

    image = _turned(_image(_cropped(picture, 0.95, random)), random.uniform(-2.0, 2.0))
    image = _light(image, 1.0 + random.uniform(-0.05, 0.05))
    return _jpeg(image.filter(ImageFilter.GaussianBlur(0.6)), 85)


def photo(picture: Rgb, random: np.random.Generator) -> Rgb:
    """Light and contrast +-10 %, JPEG 60: a filter of a phone."""
    from PIL import ImageEnhance

    image = _light(_image(picture), 1.0 + random.uniform(-0.1, 0.1))
    return _jpeg(ImageEnhance.Contrast(image).enhance(1.0 + random.uniform(-0.1, 0.1)), 60)


def deep_crop(picture: Rgb, random: np.random.Generator) -> Rgb:
    """70 % of each side, anywhere."""
    return _cropped(picture, 0.7, random)


def greyscale(picture: Rgb, random: np.random.Generator) -> Rgb:
    """Without colour."""
    return _pixels(_image(picture).convert("L").convert("RGB"))


def screenshot(picture: Rgb, random: np.random.Generator) -> Rgb:
    """The picture at 85 % inside dark borders of a viewer."""
    return _framed(picture, 0.85, (24, 24, 27))


def bordered(picture: Rgb, random: np.random.Generator) -> Rgb:
    """A white border, 6 % of each side."""
    return _framed(picture, 0.88, (255, 255, 255))


def recompressed(picture: Rgb, random: np.random.Generator) -> Rgb:
    """JPEG quality 12: passed on too often."""
    return _jpeg(_image(picture), 12)


def thumbnail(picture: Rgb, random: np.random.Generator) -> Rgb:
    """192 px on the long side: a preview that somebody saved."""
    return shrink(picture, 192)


def brightened(picture: Rgb, random: np.random.Generator) -> Rgb:
    """Light x 1.4, clipped."""
    return _pixels(_light(_image(picture), 1.4))


def overlaid(picture: Rgb, random: np.random.Generator) -> Rgb:
    """A banner of one colour over the lower 30 %."""
    result = picture.copy()
    result[round(len(picture) * 0.7) :] = (230, 60, 90)
    return result


# What decides whether a scale is calibrated: small changes that a new view must not be mistaken for.
FAMILIES: Mapping[str, Edit] = {
    "perspective": perspective,
    "crop": crop,
    "rotation": rotation,
    "mix": mix,
    "photo": photo,
}
# What copies in real sets went through, besides: only for the least cosine that a copy may be expected to have.
HARSH: Mapping[str, Edit] = {
    "deep_crop": deep_crop,
    "greyscale": greyscale,
    "screenshot": screenshot,
    "bordered": bordered,
    "recompressed": recompressed,
    "thumbnail": thumbnail,
    "brightened": brightened,
    "overlaid": overlaid,
}


def _image(picture: Rgb) -> Image.Image:
    from PIL import Image

    return Image.fromarray(picture)


def _pixels(image: Image.Image) -> Rgb:
    return np.asarray(image, dtype=np.uint8)


def _resized(image: Image.Image, width: int, height: int) -> Image.Image:
    from PIL import Image

    return image.resize((width, height), Image.Resampling.LANCZOS)


def _light(image: Image.Image, factor: float) -> Image.Image:
    from PIL import ImageEnhance

    return ImageEnhance.Brightness(image).enhance(factor)


def _jpeg(image: Image.Image, quality: int) -> Rgb:
    from PIL import Image

    stored = io.BytesIO()
    image.save(stored, "JPEG", quality=quality)
    with Image.open(stored) as again:
        return _pixels(again.convert("RGB"))


def _cropped(picture: Rgb, side: float, random: np.random.Generator) -> Rgb:
    height, width = picture.shape[:2]
    rows, columns = max(1, round(height * side)), max(1, round(width * side))
    top, left = random.integers(height - rows + 1), random.integers(width - columns + 1)
    return picture[top : top + rows, left : left + columns]


def _turned(image: Image.Image, degrees: float) -> Image.Image:
    """Turned about the centre and enlarged just so far that the corners stay inside the picture."""
    from PIL import Image

    width, height = image.size
    angle = math.radians(degrees)
    cosine, sine = math.cos(angle), math.sin(angle)
    zoom = 1.0 / (abs(cosine) + abs(sine) * max(width / height, height / width))
    xx, xy = zoom * cosine, -zoom * sine
    yx, yy = zoom * sine, zoom * cosine
    x0 = width / 2 - xx * width / 2 - xy * height / 2
    y0 = height / 2 - yx * width / 2 - yy * height / 2
    return image.transform(image.size, Image.Transform.AFFINE, (xx, xy, x0, yx, yy, y0), Image.Resampling.BICUBIC)


def _framed(picture: Rgb, side: float, colour: tuple[int, int, int]) -> Rgb:
    height, width = picture.shape[:2]
    inner = _pixels(_resized(_image(picture), max(1, round(width * side)), max(1, round(height * side))))
    result = np.empty_like(picture)
    result[:] = colour
    top, left = (height - len(inner)) // 2, (width - inner.shape[1]) // 2
    result[top : top + len(inner), left : left + inner.shape[1]] = inner
    return result
