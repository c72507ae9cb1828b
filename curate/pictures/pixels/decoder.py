"""Bytes -> upright 8-bit RGB, decoded once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from curate.records import Facts
from curate.settings import LARGEST_PICTURE

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image, Transpose

    from curate.pictures.pixels.opening import Opened

Background = tuple[int, int, int]  # RGB, 0-255
WHITE: Background = (255, 255, 255)


@dataclass(frozen=True, slots=True)
class Decoded:
    """The pixels of a picture and what its file says."""

    rgb: NDArray[np.uint8]  # [H, W, 3], sRGB, upright, read-only
    facts: Facts


@dataclass(frozen=True, slots=True)
class Upright:
    """A picture turned upright, in sRGB."""

    colour: Image  # mode RGB
    alpha: Image | None  # mode L; None where every pixel is opaque
    profile: str


def why_too_large(width: int, height: int, most_pixels: int) -> str:
    """The reason why a picture of that size, in px, is not decoded; "" where it is."""
    if width * height <= min(most_pixels, LARGEST_PICTURE):
        return ""
    return f"decompression bomb: {round(width * height / 1e6)} megapixels"


def decode(
    data: bytes, *, background: Background = WHITE, most_pixels: int = LARGEST_PICTURE, quick: bool = False
) -> Decoded:
    """The picture as a person would see it: first frame, turned upright, sRGB, on `background` where transparent.

    Safe to call from several threads; Pillow releases the interpreter's lock while it decodes. `quick`: the same by
    OpenCV where that is safe, for processes whose error stream nobody reads (see plain.py).
    Raises BrokenPicture where the bytes are no whole picture, or one of more than `most_pixels`.
    """
    from curate.pictures.pixels import opening, plain

    opened = opening.open_picture(data, most_pixels, quick=quick)
    if opened.plain is None:
        rgb, facts = _whole(data, opened, background, keep_alpha=False)
        return Decoded(rgb, facts)
    rgb = plain.upright(opened.plain, opened.turn)
    rgb.flags.writeable = False
    return Decoded(rgb, _facts(data, opened, rgb))


def decode_for_export(
    data: bytes, *, background: Background = WHITE, keep_alpha: bool = False, most_pixels: int = LARGEST_PICTURE
) -> tuple[NDArray[np.uint8], Facts]:
    """(pixels, facts): those of `decode`; with `keep_alpha` RGBA [H, W, 4] for a picture that is transparent anywhere.

    What lies under fully transparent pixels is replaced by `background`, so that no trainer can show it.
    Raises BrokenPicture like `decode`.
    """
    from curate.pictures.pixels import opening

    return _whole(data, opening.open_picture(data, most_pixels), background, keep_alpha=keep_alpha)


def _whole(data: bytes, opened: Opened, background: Background, *, keep_alpha: bool) -> tuple[NDArray[np.uint8], Facts]:
    import numpy as np

    seen = upright(opened)
    flat = seen.colour if seen.alpha is None else _on_background(seen.colour, seen.alpha, background)
    rgb = np.asarray(flat)
    facts = _facts(data, opened, rgb, seen)
    if not keep_alpha or seen.alpha is None:
        return rgb, facts
    alpha = np.asarray(seen.alpha)
    shown = np.where((alpha == 0)[..., None], np.asarray(background, np.uint8), np.asarray(seen.colour))
    return np.dstack((shown, alpha)), facts


def _facts(data: bytes, opened: Opened, rgb: NDArray[np.uint8], seen: Upright | None = None) -> Facts:
    """`seen`: None where nothing had to be converted."""
    from curate.pictures.pixels import location

    height, width = rgb.shape[:2]
    return Facts(
        width=width,
        height=height,
        format=opened.format,
        mode=opened.mode,
        orientation=opened.orientation,
        has_alpha=seen is not None and seen.alpha is not None,
        frames=opened.frames,
        profile="" if seen is None else seen.profile,
        bits=opened.bits,
        pixel_digest=_pixel_digest(rgb),
        has_location=location.is_told(data, opened.format, opened.image.info),
    )


def upright(opened: Opened) -> Upright:
    """The colours of an opened picture, turned as a person would see it."""
    from curate.pictures.pixels import colour

    colours = colour.colours(opened.image, opened.bits)
    method = _turns().get(opened.turn)
    if method is None:
        return Upright(colours.rgb, colours.alpha, colours.profile)
    alpha = None if colours.alpha is None else colours.alpha.transpose(method)
    return Upright(colours.rgb.transpose(method), alpha, colours.profile)


def _turns() -> dict[int, Transpose]:
    """EXIF orientation (EXIF 2.32, 4.6.4) -> what makes the picture upright."""
    from PIL.Image import Transpose

    return {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }


def _on_background(colour: Image, alpha: Image, background: Background) -> Image:
    from PIL import Image as Images

    flat = Images.new("RGB", colour.size, background)
    flat.paste(colour, mask=alpha)
    return flat


def _pixel_digest(rgb: NDArray[np.uint8]) -> str:
    """XXH3 (128 bits) of "WxH" and the RGB bytes, row by row: by chance alike for two that differ once in 2^128 times.

    It takes 0.1 ms for 1024 x 1024 px, SHA-256 2 to 6 ms. That somebody could make two pictures that share one is no
    harm: they would only be called equal to each other.
    """
    import xxhash

    digest = xxhash.xxh3_128(f"{rgb.shape[1]}x{rgb.shape[0]}".encode())
    digest.update(rgb.data)
    return digest.hexdigest()
