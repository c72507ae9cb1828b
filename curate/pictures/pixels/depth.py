"""More than 8 bits a channel -> 8 bits, scaled, never clipped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL.Image import Image

DEEP_MODES = frozenset(("I", "F", "I;16", "I;16L", "I;16B", "I;16N"))
_HIGH_RANGE = 16.0  # a float picture whose largest value is above 1 and below this holds light, not levels of 255
_UNSIGNED, _FLOAT = 1, 3  # TIFF 6.0, section 19: SampleFormat


def to_grey(image: Image, bits: int) -> tuple[Image, Image | None]:
    """A deep grey picture in mode L, and its transparency where PNG marks one value as transparent."""
    from PIL import Image as Images

    values = np.asarray(image)
    tags = getattr(image, "tag_v2", {})
    if image.mode == "I" and tags.get(339, (0,))[0] == _UNSIGNED:
        values = values.view(np.uint32)  # Pillow reads unsigned TIFF samples as signed ones
    levels = eight_bit(values, bits)
    if tags.get(262) == 0 and image.mode != "F":  # PhotometricInterpretation: white is zero
        levels = 255 - levels
    key = image.info.get("transparency")
    hidden = values == key if isinstance(key, int) else np.zeros(1, bool)
    alpha = Images.fromarray(np.where(hidden, 0, 255).astype(np.uint8)) if hidden.any() else None
    return Images.fromarray(levels), alpha


def eight_bit(values: NDArray[Any], bits: int) -> NDArray[np.uint8]:
    """Scales any numbers to 0-255.

    Unsigned up to 16 bits: by their full range. 32-bit integers: as 8-bit or 16-bit ones where they fit, else by the
    range that occurs. Floats: 0-1 and 0-255 by that range, everything else by the range that occurs.
    """
    if values.dtype.kind == "f":
        return _from_float(values)
    low, high = int(values.min()), int(values.max())
    if bits <= 16 and low >= 0:
        return _from_range(values, 0, max((1 << bits) - 1, high))
    if low < 0 or high > 65_535:
        return _from_range(values, low, high)
    return _from_range(values, 0, 255 if high <= 255 else 65_535)


def _from_float(values: NDArray[Any]) -> NDArray[np.uint8]:
    finite = np.isfinite(values)
    if not finite.any():
        return np.zeros(values.shape, np.uint8)
    low, high = float(values[finite].min()), float(values[finite].max())
    values = np.nan_to_num(values, nan=low, posinf=high, neginf=low)
    if low >= 0 and high <= 1:
        return _from_range(values, 0, 1)
    if low >= 0 and _HIGH_RANGE <= high <= 255:
        return _from_range(values, 0, 255)
    return _from_range(values, low, high)


def _from_range(values: NDArray[Any], low: float, high: float) -> NDArray[np.uint8]:
    """`low` -> 0, `high` -> 255, rounded."""
    if values.dtype.kind == "u" and values.dtype.itemsize == 2:  # by table: a scan of 100 megapixels needs no floats
        table: NDArray[np.uint8] = _from_range(np.arange(1 << 16), low, high)
        return np.take(table, values)
    scale = 255 / (high - low) if high > low else 0.0
    scaled: NDArray[np.uint8] = np.rint((values.astype(np.float64) - low) * scale).clip(0, 255).astype(np.uint8)
    return scaled
