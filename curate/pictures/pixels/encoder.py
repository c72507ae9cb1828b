"""8-bit pixels -> bytes without visible loss, and whether a file has to be written anew at all."""

from __future__ import annotations

import io
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from curate.records import Facts

Format = Literal["png", "jpg", "webp"]

# JPEG: quality 95 of 100, the highest that Pillow's documentation advises (above it files grow without visible gain),
# and full colour resolution. WebP's lossy mode always halves the colour resolution, so WebP is lossless here,
# with its quickest search: measured on one-megapixel photographs, 10 % larger than the usual one and 5 times as fast.
_OPTIONS: dict[Format, tuple[str, dict[str, Any]]] = {
    "png": ("PNG", {"compress_level": 6}),  # zlib's own default
    "jpg": ("JPEG", {"quality": 95, "subsampling": "4:4:4", "optimize": True}),
    "webp": ("WEBP", {"lossless": True, "quality": 0, "method": 0, "exact": True}),
}

_SUFFIXES = {"JPEG": (".jpg", ".jpeg"), "PNG": (".png",), "WEBP": (".webp",)}  # what all trainers take
_MODES = frozenset(
    ("RGB", "RGBA", "L", "P")
)  # that a plain conversion to RGB shows rightly, where nothing is transparent


def encode(pixels: NDArray[np.uint8], *, format: Format) -> bytes:
    """A picture file of `pixels`: uint8 [H, W] grey, [H, W, 3] RGB or [H, W, 4] RGBA. Equal pixels give equal bytes.

    Nothing but pixels is written: no EXIF, no profile (readers take that for sRGB). Raises ValueError for RGBA as JPEG,
    and for any other shape or type.
    """
    from PIL import Image

    channels = pixels.shape[2] if pixels.ndim == 3 else 1
    if pixels.dtype.name != "uint8" or pixels.ndim not in (2, 3) or channels not in (1, 3, 4) or 0 in pixels.shape:
        raise ValueError(f"pixels: expected uint8 [H, W], [H, W, 3] or [H, W, 4], got {pixels.dtype} {pixels.shape}")
    if channels == 4 and format == "jpg":
        raise ValueError("JPEG has no transparency: choose png or webp, or put the picture on a background")
    name, options = _OPTIONS[format]
    image = Image.fromarray(pixels[..., 0] if pixels.ndim == 3 and channels == 1 else pixels)
    file = io.BytesIO()
    image.save(file, name, **options)
    return file.getvalue()


def is_plain(facts: Facts, suffix: str) -> tuple[str, ...]:
    """Why a picture cannot be given to every trainer byte for byte, in words; empty where it can.

    `suffix`: of its file, with the dot, as spelled.
    """
    return _obstacles(
        facts.format, facts.mode, facts.orientation, facts.has_alpha, facts.frames, facts.profile, facts.bits, suffix
    )


@lru_cache(maxsize=1024)  # ten thousand pictures of a set are of a few kinds
def _obstacles(
    format: str, mode: str, orientation: int, has_alpha: bool, frames: int, profile: str, bits: int, suffix: str
) -> tuple[str, ...]:
    suffixes = _SUFFIXES.get(format)
    wrong = bool(suffixes) and suffix.lower() not in (suffixes or ())
    found = (
        (orientation != 1, f"stored turned (EXIF orientation {orientation})"),
        (has_alpha, "transparent pixels"),
        (mode not in _MODES and bits <= 8, f"colour mode {mode}"),
        (bits > 8, f"{bits} bits a channel"),
        (bool(profile), f"colour profile {profile}"),
        (frames > 1, f"{frames} frames"),
        (suffixes is None, f"format {format}, which not every trainer reads"),
        (wrong, f"suffix {suffix or 'missing'}, but the content is {format}"),
        (not wrong and suffix != suffix.lower(), f"suffix {suffix} in upper case"),
    )
    return tuple(reason for applies, reason in found if applies)
