"""Any colour model -> 8-bit sRGB, with transparency apart."""

from __future__ import annotations

import functools
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from curate.pictures.pixels import depth

if TYPE_CHECKING:
    from PIL.Image import Image

_SRGB_DISTANCE = (
    2  # levels of 255: how far a profile called sRGB may stray; Adobe RGB and Display P3 stray by 30 or more
)
_SPACES = {"L": "GRAY", "RGB": "RGB", "CMYK": "CMYK"}  # Pillow's mode -> colour space in an ICC profile
_LONGEST_NAME = 80  # characters of a profile's description


@dataclass(frozen=True, slots=True)
class Colours:
    """A picture's colours and transparency, not yet turned upright."""

    rgb: Image  # mode RGB, sRGB; what lies under transparent pixels included
    alpha: Image | None  # mode L, 255 opaque; None where every pixel is opaque
    profile: str  # description of the profile that was applied; "" for none or sRGB


@dataclass(frozen=True, slots=True)
class Conversion:
    """How an embedded profile's colours become sRGB."""

    name: str
    transform: Any  # ImageCms.ImageCmsTransform


def colours(image: Image, bits: int) -> Colours:
    """Converts a loaded picture. `bits`: per channel, as stored.

    An embedded profile is applied where it is valid, fits the colour model, and is not sRGB; it never fails a picture.
    """
    icc = image.info.get("icc_profile")
    plain, alpha = _split(image, bits)
    conversion = _conversion(icc, plain.mode) if isinstance(icc, bytes) and plain.mode in _SPACES else None
    if conversion is None:
        return Colours(plain if plain.mode == "RGB" else plain.convert("RGB"), alpha, "")
    from PIL import ImageCms

    converted = ImageCms.applyTransform(plain, conversion.transform)
    assert converted is not None  # only in-place transforms give none
    return Colours(converted, alpha, conversion.name)


def is_srgb(image: Image) -> bool:
    """Whether an opened picture's pixels are shown as they are stored: 8-bit RGB, opaque, in no other profile."""
    icc = image.info.get("icc_profile")
    plain = image.mode == "RGB" and not image.has_transparency_data
    return plain and (not isinstance(icc, bytes) or _conversion(icc, "RGB") is None)


def _split(image: Image, bits: int) -> tuple[Image, Image | None]:
    """The colours in L, RGB, CMYK or what Pillow can turn to RGB, and the transparency where some pixel has any."""
    if image.mode in depth.DEEP_MODES:
        return depth.to_grey(image, bits)
    if not image.has_transparency_data:
        return (image.convert("RGB") if image.mode in ("P", "PA") else image), None
    if image.mode == "LA":
        colour, alpha = image.getchannel("L"), image.getchannel("A")
    else:
        _scale_colour_key(image, bits)
        whole = image if image.mode == "RGBA" else image.convert("RGBA")
        colour, alpha = whole.convert("RGB"), whole.getchannel("A")
    low, _ = alpha.getextrema()
    return colour, alpha if isinstance(low, int) and low < 255 else None


def _scale_colour_key(image: Image, bits: int) -> None:
    """Brings a PNG's transparent colour, told at the depth of the file (PNG 3rd edition, 11.3.2.1), to 8 bits."""
    key = image.info.get("transparency")
    if image.mode == "L" and isinstance(key, int) and bits < 8:
        image.info["transparency"] = key * 255 // (2**bits - 1)
    elif image.mode == "RGB" and isinstance(key, tuple) and bits == 16:
        image.info["transparency"] = tuple(value >> 8 for value in key)


@functools.lru_cache(maxsize=16)  # sets come from few cameras; a CMYK profile is up to 2 MB
def _conversion(icc: bytes, mode: str) -> Conversion | None:
    """None where the profile is broken, is for another colour model, or is sRGB."""
    from PIL import Image, ImageCms

    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(icc))
        if profile.profile.xcolor_space.strip() != _SPACES[mode]:
            return None
        transform = ImageCms.buildTransform(
            profile,
            ImageCms.createProfile("sRGB"),
            mode,
            "RGB",
            renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
            flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
        name = ImageCms.getProfileDescription(profile)
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError, UnicodeError):
        return None
    if mode != "CMYK":
        lattice = _lattice(mode)
        converted = ImageCms.applyTransform(Image.fromarray(lattice), transform)
        plain = lattice if mode == "RGB" else lattice[..., None]
        if np.abs(np.asarray(converted).astype(int) - plain).max() <= _SRGB_DISTANCE:
            return None
    printable = "".join(letter for letter in name if letter.isprintable()).strip()
    return Conversion(printable[:_LONGEST_NAME] or "unnamed profile", transform)


def _lattice(mode: str) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Colours spread evenly over what `mode` can show, [1, n] or [1, n, 3]."""
    levels = np.linspace(0, 255, 6).astype(np.uint8)
    if mode == "L":
        return levels[None, :]
    return np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(1, -1, 3)
